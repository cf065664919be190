"""A sampler with a memory: second order for one score a step, by what the last step knew.

Reference: C. Lu et al., DPM-Solver++: fast solver for guided sampling (2022), algorithm 2 (2M).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from inkdiff._core.backend import Array
from inkdiff._core.registry import register
from inkdiff.processes.base import Process
from inkdiff.samplers.base import Kernel, Sampler
from inkdiff.samplers.onestep import DDIM
from inkdiff.scores.base import ScoreFunction

__all__ = ["DPMSolver"]


@register(name="dpm_solver")
@dataclass(frozen=True)
class DPMSolver(Sampler):
    """DPM-Solver++(2M): the flow exact in the linear part, x_0 extrapolated from two steps; one score a step, order 2.

    In lambda = ln(alpha/sigma) with step h and the last one h', the step is DDIM's with the denoised point
    x_0 + (h/2h') (x_0 - x_0'). The first step of a walk, and one that ends at sigma = 0 (h infinite), is DDIM's own. A
    walk continued with `first_step` starts again with a first step.
    """

    @property
    def gaussian_posterior(self) -> bool:  # noqa: D102
        return True

    def begin(self) -> _TwoSteps:
        """A solver that remembers its last step."""
        return _TwoSteps()

    def advance(self, process: Process, score: ScoreFunction, x: Array, t: float, s: float, kernel: Kernel) -> Array:
        """A first step."""
        return self.begin().advance(process, score, x, t, s, kernel)


@dataclass
class _TwoSteps(Sampler):
    """What DPM-Solver++(2M) remembers of its last step: the denoised point and the step in lambda."""

    denoised: Array | None = None
    width: float = field(default=math.inf)

    @property
    def gaussian_posterior(self) -> bool:
        return True

    def advance(self, process: Process, score: ScoreFunction, x: Array, t: float, s: float, kernel: Kernel) -> Array:
        """DDIM with the extrapolated denoised point, as the score that implies it."""
        alpha, variance = (x.dtype.type(v) for v in (process.alpha(t), process.variance(t)))
        u = score(x, t)
        denoised = (x + variance * u) / alpha
        end = process.sigma(s) == 0
        h = math.inf if end else _lambda(process, s) - _lambda(process, t)
        if self.denoised is not None and not end:
            u = u + x.dtype.type(h / (2 * self.width)) * (alpha / variance) * (denoised - self.denoised)
        self.denoised, self.width = denoised, h
        return kernel(x, u, *DDIM().coefficients(process, t, s))


def _lambda(process: Process, t: float) -> float:
    """ln(alpha_t/sigma_t), half the log-SNR."""
    return float(process.log_alpha(t) - np.log(process.variance(t)) / 2)
