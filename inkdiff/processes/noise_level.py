r"""The noise level, the one clock that all processes share,

    level(t)  =  ln(sigma_t/alpha_t),

minus half the log signal-to-noise ratio for data of unit size. It rises strictly with t, from -infinity at t = 0.

Reference: D. Kingma et al., Variational diffusion models (2021), arXiv:2107.00630.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, overload

import numpy as np

from inkdiff._core.backend import Floats, Time

if TYPE_CHECKING:
    from inkdiff.processes.base import Process

__all__ = ["level", "time_of"]

_BISECTIONS = 64
_LEAST = math.log(math.ulp(0.0))  # ln of the smallest float64


@overload
def level(process: Process, t: float) -> float: ...
@overload
def level(process: Process, t: Floats) -> Floats: ...
def level(process: Process, t: Time) -> Time:
    """ln(sigma_t / alpha_t), t > 0 a number or an array."""
    with np.errstate(divide="ignore"):  # where the variance underflows, the level is -infinity
        value = np.log(process.variance(t)) / 2 - process.log_alpha(t)
    return float(value) if np.ndim(value) == 0 else value


def time_of(process: Process, levels: Floats) -> Floats:
    """t with level(t) = levels, by bisection in ln t (in t for tables); exact to rounding, monotone."""
    if process.discrete:
        grid = np.arange(1.0, process.t_max + 1)
        found: Floats = grid[np.clip(np.searchsorted(level(process, grid), levels), 0, grid.size - 1)]
        return found
    top = process.t_max
    if math.isinf(top):
        top = 1.0
        while level(process, top) < levels.max():
            top *= 2
    bottom = math.log(top) - 80.0
    while bottom > _LEAST and (level(process, math.exp(bottom)) > levels).any():
        bottom = max(bottom - 80.0, _LEAST)
    low, high = np.full(levels.shape, bottom), np.full(levels.shape, math.log(top))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        above = level(process, np.exp(middle)) > levels
        high = np.where(above, middle, high)
        low = np.where(above, low, middle)
    return np.asarray(np.minimum(np.exp(high), top))
