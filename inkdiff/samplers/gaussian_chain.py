"""What a sampler does to Gaussian data, exactly and without drawing a number: their score is linear, so the walk back
is a linear chain, and its variance obeys

    v_s  =  F^2 v_t + c^2,        F = a - b/(alpha_t^2 v_0 + sigma_t^2),

with v_t = alpha_t^2 v_0 + sigma_t^2 at the start. What is missing from v_0 at the end is the sampler's own error.

Reference: T. Karras et al., Elucidating the design space of diffusion-based generative models (2022), section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from inkdiff._core.backend import Array, Floats, Time
from inkdiff.processes.base import Process
from inkdiff.samplers.base import Sampler

__all__ = ["chain_variance"]


def chain_variance(process: Process, sampler: Sampler, times: Sequence[float] | Floats, variance: float) -> float:
    """Variance at times[-1] of a walk back of data N(0, variance) with their exact score, begun with the exact law.

    Parameters
    ----------
    process : in free space. sampler : one that adds noise in at most one kernel call of a step
    times : decreasing. variance : of the data, v_0 in the equation of the module; length^2

    Returns
    -------
    float, exact to rounding.
    """

    def total(t: Time) -> float:
        return float(process.alpha(t) ** 2 * variance + process.variance(t))

    def score(x: Array, t: Time) -> Array:
        return -x / total(t)

    v, walk = total(float(times[0])), sampler.begin()
    for t, s in pairwise(map(float, times)):
        noise = [0.0]

        def kernel(
            x: Array, u: Array, a: float, b: float, c: float, *, correction: int | None = None, of: int = 1,
            noise: list[float] = noise,
        ) -> Array:  # fmt: skip
            noise[0] += c**2
            return a * x + b * u

        factor = float(walk.step(process, score, np.ones((1, 1)), t, s, kernel)[0, 0])
        v = factor**2 * v + noise[0]
    return v
