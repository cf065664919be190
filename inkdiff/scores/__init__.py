r"""Exact scores score(x, t) = grad log p_t(x), for densities whose diffusion is known in closed form.

The score is the gradient of ln p_t; it is all that the way back in time asks of a density (Anderson 1982), and what
the rate of entropy production is made of. For a start p_0 and transitions p(x, t | x_0) it is a mean over where a
particle may have come from,

    score(x, t) = E[ grad log p(x, t | x_0) | x_t = x ],        in free space  (alpha_t E[x_0 | x_t = x] - x)/sigma_t^2,

(Tweedie's formula), which is a sum or an integral in closed form for the densities below. Scores are callables with the
signature that a learned score has, so every sampler takes either; what else they know they declare by the bases they
derive from.

| module | what is in it | exact |
|---|---|---|
| `base` | `Score`, and what one may declare: `Differentiable`, `HasDensity`, `HasVelocity`, `Integrable` | |
| `mixture` | `GaussianScore`, `MixtureScore`: Gaussian mixtures in free space, from t = 0 on | yes |
| `empirical` | `EmpiricalScore`: a finite data set, in free space or a box | for t > 0 |
| `box_density` | `BoxScore`: any initial density on a grid between walls | for t > 0 |
| `empirical_bits` | `EmpiricalBits`: a finite data set of bits; log-odds take the place of the score | for t > 0 |
| `conditioning` | `Observation`, and `PosteriorScore`: a score after something has been seen | for Gaussians |
| `finite_difference` | `FiniteDifference`: any score with a derivative | to step^2 |
| `components` | the Gaussians of a mixture at one time | yes |
| `cell_integrals`, `quadrature` | integrals of the heat kernel over cells; grids to integrate over a density | |

References: B. D. O. Anderson, Reverse-time diffusion equation models (1982); B. Efron, Tweedie's formula and selection
bias (2011); A. Hyvarinen (2005).
"""

from inkdiff.scores.base import Differentiable, HasDensity, HasVelocity, Integrable, Score
from inkdiff.scores.box_density import BoxScore
from inkdiff.scores.conditioning import Observation, PosteriorScore
from inkdiff.scores.empirical import EmpiricalScore
from inkdiff.scores.empirical_bits import EmpiricalBits
from inkdiff.scores.finite_difference import FiniteDifference
from inkdiff.scores.mixture import GaussianScore, MixtureScore

__all__ = [
    "BoxScore", "Differentiable", "EmpiricalBits", "EmpiricalScore", "FiniteDifference", "GaussianScore", "HasDensity",
    "HasVelocity", "Integrable", "MixtureScore", "Observation", "PosteriorScore", "Score",
]  # fmt: skip
