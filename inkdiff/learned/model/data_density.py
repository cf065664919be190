r"""The density of a learned score in units of the data: probability flow, the scaling's Jacobian, dequantisation.

    ln p(x) = ln p_t(alpha_t encode(x)) + d ln alpha_t - ln |decode'|        at the finest noise trained on

Discrete rows of spacing w are spread by uniform noise: E_u[ln p(x + w u)] + d ln w bounds the log of their probability
from below.

Reference: L. Theis, A. van den Oord, M. Bethge (2016), arXiv:1511.01844, section 3.1.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array
from inkdiff._core.rng import Stream
from inkdiff.datasets.scaling import clip_to_domain
from inkdiff.likelihood.probability_flow import Hutchinson, LogLikelihood, log_likelihood

if TYPE_CHECKING:
    from inkdiff.learned.score import LearnedScore

__all__ = ["log_density"]


def log_density(
    score: LearnedScore, x: Array, width: float, *, seed: int, trace: str | Hutchinson, **solver: float
) -> LogLikelihood:
    """ln p of rows x (n, d), nats; `width` is their spacing, 0 if they are not discrete. See the score's own method."""
    x = np.asarray(checks.state(x, "x"), np.float64)
    n, d = x.shape
    if width < 0:
        raise ValueError(f"dequantise must be >= 0, the spacing of the data, got {width}.")
    score.scaling.check_inside(score.process.domain, x)
    if width:
        u = kernels.uniform(n * d, seed=seed, stream=Stream.DATA).reshape(n, d)
        x = x + width * (u - 0.5)
    times = score.preconditioning.levels.descending(score.process, 2)
    start = float(times[-2])
    alpha = float(score.process.alpha(start))
    y = alpha * clip_to_domain(score.process.domain, score.encode(x))
    flow = {"start": start, "until": float(times[0])}
    found = log_likelihood(score.process, score, y, seed=seed, trace=trace, **flow, **solver)
    jacobian = d * (math.log(alpha) + (math.log(width) if width else 0.0)) - score.scaling.log_volume(d)
    return replace(found, values=found.values + jacobian)
