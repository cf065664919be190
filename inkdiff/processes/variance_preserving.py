"""Variance-preserving diffusion of images: the harmonic bowl in another clock, and its relative with less noise.

    VariancePreserving     dx = -beta/2 x dt + sqrt(beta) dW                          sigma^2 = 1 - alpha^2
    SubVariancePreserving  dx = -beta/2 x dt + sqrt(beta (1 - alpha^4)) dW            sigma^2 = (1 - alpha^2)^2

Time runs over [0, 1] for the continuous schedules and over integers 0 ... T for DDPM's table.

References: J. Ho, A. Jain, P. Abbeel, Denoising diffusion probabilistic models (2020); A. Nichol, P. Dhariwal (2021);
Y. Song et al., Score-based generative modeling through SDEs (2021), eq. 11 and 14, appendix B.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from inkdiff._core import checks
from inkdiff._core.backend import Time, array_module
from inkdiff._core.registry import register
from inkdiff.domains.base import Domain
from inkdiff.domains.free import Free
from inkdiff.processes.base import Process
from inkdiff.processes.distributions import Gaussian
from inkdiff.processes.relaxation import Relaxation
from inkdiff.processes.schedules import Cosine, Linear, Schedule, Table

__all__ = ["SubVariancePreserving", "VariancePreserving"]

_FREE = Free()


@dataclass(frozen=True)
class _Scheduled(Process):
    """dx = -beta/2 x dt + ..., with the beta(t) of a schedule."""

    schedule: Schedule
    domain: Domain = field(default=_FREE, init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.schedule, Schedule):
            raise TypeError(
                f"schedule must be an inkdiff.processes.Schedule with log_alpha(t) and beta(t), got "
                f"{checks.show(self.schedule)}; use {type(self).__name__}.linear(), .cosine() or .ddpm()."
            )

    @classmethod
    def linear(cls, beta_min: float = 0.1, beta_max: float = 20.0) -> Self:
        """beta(t) = beta_min + t (beta_max - beta_min), t in [0, 1] (Song et al. 2021)."""
        return cls(Linear(beta_min, beta_max))

    @classmethod
    def cosine(cls, s: float = 0.008, end: float = 0.9946) -> Self:
        """alpha(t) = cos(pi/2 (end t + s)/(1 + s)) / cos(pi/2 s/(1 + s)), t in [0, 1] (Nichol and Dhariwal 2021).

        beta diverges where the cosine vanishes; `end` < 1 stops before (0.9946: alpha(1) = 0.0084).
        """
        return cls(Cosine(s, end))

    @classmethod
    def ddpm(cls, T: int = 1000, beta_1: float = 1e-4, beta_T: float = 0.02) -> Self:
        """The table of Ho et al. (2020): integer t = 0 (data) ... T, variances beta_1 ... beta_T equally spaced."""
        return cls(Table(T, beta_1, beta_T))

    @property
    def t_max(self) -> float:
        return self.schedule.t_max

    @property
    def discrete(self) -> bool:
        return self.schedule.discrete

    def log_alpha(self, t: Time) -> Time:
        return self.schedule.log_alpha(t)

    def f(self, t: Time) -> Time:
        return -self.schedule.beta(t) / 2


@register
@dataclass(frozen=True)
class VariancePreserving(_Scheduled, Relaxation):
    """The usual image process: dx = -beta/2 x dt + sqrt(beta) dW; alpha^2 + sigma^2 = 1; equilibrium N(0, 1).

    Made by `VariancePreserving.linear()`, `.cosine()` or `.ddpm()`. With constant beta it is
    `OrnsteinUhlenbeck(D=beta/2, k=beta/2)`.
    """

    @property
    def equilibrium(self) -> Gaussian:  # noqa: D102
        return Gaussian(1.0)

    def g2(self, t: Time) -> Time:  # noqa: D102
        return self.schedule.beta(t)


@register
@dataclass(frozen=True)
class SubVariancePreserving(_Scheduled):
    """Less noise on the way to the same N(0, 1): dx = -beta/2 x dt + sqrt(beta (1 - alpha^4)) dW; sigma = 1 - alpha^2.

    Its noise grows as its drift has acted, so that no N(0, v) is at rest under it: it ends near N(0, 1) where alpha is
    near 0. Made by `SubVariancePreserving.linear()`, `.cosine()` or `.ddpm()`.

    With A = alpha_t/alpha_s the variance gained is (1 - A)(1 + A alpha_s^2)(sigma_t + A sigma_s): it keeps its digits.
    """

    def variance(self, t: Time) -> Time:  # noqa: D102
        return array_module(t).expm1(2 * self.log_alpha(t)) ** 2

    def g2(self, t: Time) -> Time:  # noqa: D102
        return -self.schedule.beta(t) * array_module(t).expm1(4 * self.log_alpha(t))

    def clock(self, s: Time, t: Time) -> Time:  # noqa: D102
        xp = array_module(s, t)
        start, end = self.log_alpha(s), self.log_alpha(t)
        return 2 * (start - end) + xp.exp(4 * start) * xp.expm1(4 * (end - start)) / 2

    def transition(self, s: Time, t: Time) -> tuple[Time, Time]:  # noqa: D102
        xp = array_module(s, t)
        start = self.log_alpha(s)
        log_ratio = self.log_alpha(t) - start
        ratio = xp.exp(log_ratio)
        gained = -xp.expm1(log_ratio) * (1 + ratio * xp.exp(2 * start)) * (self.sigma(t) + ratio * self.sigma(s))
        return ratio, gained
