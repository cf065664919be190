"""Samplers that are nothing but one score and one kernel call a step.

Reference: see `inkdiff.samplers`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from inkdiff._core import checks
from inkdiff._core.backend import Array
from inkdiff._core.registry import register
from inkdiff.processes.base import Process
from inkdiff.processes.parameterisations import data_and_noise
from inkdiff.samplers.base import Kernel, Sampler, check_velocity, starts_from_noise
from inkdiff.scores.base import HasVelocity, ScoreFunction

__all__ = ["DDIM", "Ancestral", "Euler", "EulerMaruyama"]


class _Affine(Sampler):
    """A sampler that is nothing but its three coefficients."""

    @abstractmethod
    def coefficients(self, process: Process, t: float, s: float) -> tuple[float, float, float]:
        """(a, b, c) of x_s = fold(a x_t + b score + c eps)."""

    def advance(self, process: Process, score: ScoreFunction, x: Array, t: float, s: float, kernel: Kernel) -> Array:
        """One kernel call."""
        return kernel(x, score(x, t), *self.coefficients(process, t, s))


@register(name="ancestral")
@dataclass(frozen=True)
class Ancestral(_Affine):
    """DDPM's sampler: the posterior q(x_s | x_t, x_0) at the x_0 that the score implies; the process draws it.

    Parameters
    ----------
    variance : "posterior", sigma_s^2 S^2/sigma_t^2, right for data that are one point; or "transition", S^2, right for
        data as wide as the equilibrium. What lies between is right for other data (Ho et al. 2020, section 3.2). The
        larger one does not vanish in the step to t = 0.
    """

    variance: str = "posterior"

    def __post_init__(self) -> None:
        if self.variance not in ("posterior", "transition"):
            raise ValueError(f"variance must be 'posterior' or 'transition', got {self.variance!r}.")

    @property
    def gaussian_posterior(self) -> bool:  # noqa: D102
        return True

    @property
    def any_process(self) -> bool:  # noqa: D102
        return True

    @property
    def first_step_noise(self) -> float:  # noqa: D102
        return 1.0

    def coefficients(self, process: Process, t: float, s: float) -> tuple[float, float, float]:  # noqa: D102
        return process.posterior_coefficients(t, s, variance=self.variance)

    def advance(self, process: Any, score: ScoreFunction, x: Array, t: float, s: float, kernel: Kernel) -> Array:
        """The process's own draw."""
        return process.posterior_step(score(x, t), x, t, s, kernel, variance=self.variance)


@register(name="ddim")
@dataclass(frozen=True)
class DDIM(_Affine):
    """Implicit sampler: eta = 0 is deterministic (the probability flow), eta = 1 has the ancestral variance."""

    eta: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= checks.real(self.eta, "eta") <= 1:
            raise ValueError(f"eta must lie in [0, 1] (0: deterministic, 1: ancestral noise), got {self.eta}.")

    @property
    def gaussian_posterior(self) -> bool:  # noqa: D102
        return True

    @property
    def first_step_noise(self) -> float:  # noqa: D102
        return self.eta

    def coefficients(self, process: Process, t: float, s: float) -> tuple[float, float, float]:  # noqa: D102
        alpha_ts, variance_ts = process.transition(s, t)
        variance_t, variance_s = process.variance(t), process.variance(s)
        c = self.eta * math.sqrt(variance_s * variance_ts / variance_t)
        b = variance_t / alpha_ts - math.sqrt(variance_t * max(variance_s - c * c, 0.0))
        return float(1 / alpha_ts), float(b), c


@register(name="euler_maruyama")
@dataclass(frozen=True)
class EulerMaruyama(_Affine):
    """The reverse SDE by Euler's rule in the process's own clocks (integrals of f and g^2); the default between
    walls."""

    @property
    def first_step_noise(self) -> float:  # noqa: D102
        return 1.0

    def coefficients(self, process: Process, t: float, s: float) -> tuple[float, float, float]:  # noqa: D102
        dv = float(process.clock(s, t))
        return float(1 - (process.log_alpha(t) - process.log_alpha(s))), dv, math.sqrt(dv)


@register(name="euler")
@dataclass(frozen=True)
class Euler(Sampler):
    """Flow matching's sampler: Euler's rule for the velocity of the probability flow, x_s = x_t + (s - t) dx/dt.

    The velocity is alpha' x_0 + sigma' eps in the mean: the score's own (`inkdiff.HasVelocity`), or that which follows
    from it. No noise; exact on straight paths, of first order in the step on others.
    """

    @property
    def gaussian_posterior(self) -> bool:  # noqa: D102
        return True

    def advance(self, process: Process, score: ScoreFunction, x: Array, t: float, s: float, kernel: Kernel) -> Array:
        """One kernel call."""
        if isinstance(score, HasVelocity):
            return kernel(x, score.velocity(x, t), 1.0, s - t, 0.0)
        data, noise = data_and_noise(process, x, t, score(x, t), "score")
        alpha_rate, sigma_rate = (x.dtype.type(rate) for rate in (process.alpha_rate(t), process.sigma_rate(t)))
        return kernel(x, alpha_rate * data + sigma_rate * noise, 1.0, s - t, 0.0)

    def step(self, process: Any, score: ScoreFunction, x: Array, t: float, s: float, kernel: Kernel) -> Array:
        """`advance`, from pure noise, too, if the score knows its velocity."""
        if starts_from_noise(process, t):
            check_velocity(process, score, t)
        return self.advance(process, score, x, t, s, kernel)
