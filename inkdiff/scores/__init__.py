"""Exact scores score(x, t) = grad log p_t(x), for densities whose diffusion is known in closed form.

`GaussianScore` and `MixtureScore` (free space), `EmpiricalScore` (a finite data set, in free space or a box),
`BoxScore` (any initial density between walls), `EmpiricalBits` (log-odds, for bits); `PosteriorScore` multiplies a
score by a second density. They are callables with the signature a learned score has, so every sampler takes either.
"""

from inkdiff.scores.bits import EmpiricalBits
from inkdiff.scores.box import BoxScore
from inkdiff.scores.empirical import EmpiricalScore
from inkdiff.scores.mixture import GaussianScore, MixtureScore
from inkdiff.scores.posterior import Observation, PosteriorScore

__all__ = [
    "BoxScore", "EmpiricalBits", "EmpiricalScore", "GaussianScore", "MixtureScore", "Observation", "PosteriorScore",
]  # fmt: skip
