"""Samplers that are nothing but three coefficients: one score and one kernel call a step.

Reference: see `inkdiff.samplers`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from inkdiff._core import checks
from inkdiff._core.backend import Array
from inkdiff.processes.base import Process
from inkdiff.samplers.protocol import Apply, Score

__all__ = ["DDIM", "Ancestral", "EulerMaruyama"]


class _OneEvaluation:
    """A sampler that is nothing but its three coefficients."""

    needs_free_space = False

    def coefficients(self, process: Process, t: float, s: float) -> tuple[float, float, float]:
        """(a, b, c) of x_s = fold(a x_t + b score + c eps)."""
        raise NotImplementedError

    def step(self, process: Process, score: Score, x: Array, t: float, s: float, apply: Apply) -> Array:
        """One kernel call."""
        return apply(x, score(x, t), *self.coefficients(process, t, s))


@dataclass(frozen=True)
class Ancestral(_OneEvaluation):
    """DDPM's sampler: the posterior q(x_s | x_t, x_0) at the x_0 that the score implies.

    Parameters
    ----------
    variance : "posterior", sigma_s^2 S^2/sigma_t^2, right for data that are one point; or "transition", S^2, right for
        data as wide as the equilibrium. What lies between is right for other data (Ho et al. 2020, section 3.2). The
        larger one does not vanish in the step to t = 0.
    """

    variance: str = "posterior"
    needs_free_space = True

    def __post_init__(self) -> None:
        if self.variance not in ("posterior", "transition"):
            raise ValueError(f"variance must be 'posterior' or 'transition', got {self.variance!r}.")

    def coefficients(self, process: Process, t: float, s: float) -> tuple[float, float, float]:  # noqa: D102
        alpha_ts, variance_ts = process.transition(s, t)
        share = 1.0 if self.variance == "transition" else process.variance(s) / process.variance(t)
        return 1 / alpha_ts, variance_ts / alpha_ts, math.sqrt(variance_ts * share)


@dataclass(frozen=True)
class DDIM(_OneEvaluation):
    """Implicit sampler: eta = 0 is deterministic (the probability flow), eta = 1 has the ancestral variance."""

    eta: float = 0.0
    needs_free_space = True

    def __post_init__(self) -> None:
        if not 0 <= checks.real(self.eta, "eta") <= 1:
            raise ValueError(f"eta must lie in [0, 1] (0: deterministic, 1: ancestral noise), got {self.eta}.")

    def coefficients(self, process: Process, t: float, s: float) -> tuple[float, float, float]:  # noqa: D102
        alpha_ts, variance_ts = process.transition(s, t)
        variance_t, variance_s = process.variance(t), process.variance(s)
        c = self.eta * math.sqrt(variance_s * variance_ts / variance_t)
        b = variance_t / alpha_ts - math.sqrt(variance_t * max(variance_s - c * c, 0.0))
        return 1 / alpha_ts, b, c


@dataclass(frozen=True)
class EulerMaruyama(_OneEvaluation):
    """The reverse SDE by Euler's rule in the process's own clocks (integrals of f and g^2); the default between
    walls."""

    def coefficients(self, process: Process, t: float, s: float) -> tuple[float, float, float]:  # noqa: D102
        dv = process.clock(s, t)
        return 1 - (process.log_alpha(t) - process.log_alpha(s)), dv, math.sqrt(dv)
