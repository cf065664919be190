"""The forward processes, as pure descriptions of dx = f(t) x dt + g(t) dW (see `inkdiff.processes.base`):

    Brownian               f = 0            g^2 = 2 D                  ink, in free space or a glass
    OrnsteinUhlenbeck      f = -k           g^2 = 2 D                  ink in a harmonic bowl
    VariancePreserving     f = -beta/2      g^2 = beta                 images: the bowl again, in another clock
    VarianceExploding      f = 0            g^2 = d(sigma^2)/dt        images: ink again; reflected in Box(0, 1)

Time t is physical for the first two, [0, 1] for the continuous schedules, and an integer 0 ... T for DDPM's table.

References: G. E. Uhlenbeck and L. S. Ornstein (1930); J. Ho, A. Jain, P. Abbeel, Denoising diffusion probabilistic
models (2020); A. Nichol and P. Dhariwal (2021); Y. Song et al., Score-based generative modeling through SDEs (2021);
A. Lou and S. Ermon, Reflected diffusion models (2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from inkdiff._core import checks
from inkdiff._core.backend import array_module
from inkdiff._core.registry import register
from inkdiff.domains.base import Domain
from inkdiff.domains.free import Free
from inkdiff.processes.base import Process, check_domain
from inkdiff.processes.distributions import Gaussian, Uniform
from inkdiff.processes.schedules import Cosine, Linear, Schedule, Table

__all__ = [
    "Brownian", "Gaussian", "OrnsteinUhlenbeck", "Process", "Uniform", "VarianceExploding", "VariancePreserving",
]  # fmt: skip

_FREE = Free()


@register(kind="process")
@dataclass(frozen=True)
class Brownian(Process):
    """Ink: dx = sqrt(2 D) dW, sigma_t^2 = 2 D t.

    Parameters
    ----------
    D : diffusion coefficient, length^2/time, > 0
    domain : Free() or a Box; in a box the density obeys dp/dt = D laplacian p and ends uniform, mode n decaying
        at D (n pi/L)^2 between reflecting walls, D (2 pi n/L)^2 between periodic ones
    """

    D: float
    domain: Domain = _FREE

    def __post_init__(self) -> None:
        object.__setattr__(self, "D", checks.positive(self.D, "D", unit="a diffusion coefficient, length^2/time"))
        check_domain(self.domain)

    @property
    def driftless(self) -> bool:  # noqa: D102
        return True

    def log_alpha(self, t: Any) -> Any:  # noqa: D102
        return 0.0 * self.check_time(t)

    def variance(self, t: Any) -> Any:  # noqa: D102
        return 2 * self.D * self.check_time(t)

    def f(self, t: Any) -> Any:  # noqa: D102
        return 0.0 * self.check_time(t)

    def g2(self, t: Any) -> Any:  # noqa: D102
        return 2 * self.D + 0.0 * self.check_time(t)

    def clock(self, s: Any, t: Any) -> Any:  # noqa: D102
        return 2 * self.D * (self.check_time(t) - self.check_time(s, "s"))


@register(kind="process")
@dataclass(frozen=True)
class OrnsteinUhlenbeck(Process):
    """Ink in a harmonic bowl: dx = -k x dt + sqrt(2 D) dW; ends in N(0, D/k).

    Parameters
    ----------
    D : diffusion coefficient, length^2/time, > 0
    k : relaxation rate, 1/time, > 0
    """

    D: float
    k: float
    domain: Domain = field(default=_FREE, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "D", checks.positive(self.D, "D", unit="a diffusion coefficient, length^2/time"))
        object.__setattr__(self, "k", checks.positive(self.k, "k", unit="a relaxation rate, 1/time"))

    @property
    def equilibrium(self) -> Gaussian:  # noqa: D102
        return Gaussian(self.D / self.k)

    def log_alpha(self, t: Any) -> Any:  # noqa: D102
        return -self.k * self.check_time(t)

    def variance(self, t: Any) -> Any:  # noqa: D102
        return -self.D / self.k * array_module(t).expm1(-2 * self.k * self.check_time(t))

    def f(self, t: Any) -> Any:  # noqa: D102
        return -self.k + 0.0 * self.check_time(t)

    def g2(self, t: Any) -> Any:  # noqa: D102
        return 2 * self.D + 0.0 * self.check_time(t)

    def clock(self, s: Any, t: Any) -> Any:  # noqa: D102
        return 2 * self.D * (self.check_time(t) - self.check_time(s, "s"))


@register(kind="process")
@dataclass(frozen=True)
class VariancePreserving(Process):
    """The usual image process: dx = -beta/2 x dt + sqrt(beta) dW; alpha^2 + sigma^2 = 1; equilibrium N(0, 1).

    Made by `VariancePreserving.linear()`, `.cosine()` or `.ddpm()`. With constant beta it is
    `OrnsteinUhlenbeck(D=beta/2, k=beta/2)`.
    """

    schedule: Schedule
    domain: Domain = field(default=_FREE, init=False, repr=False)

    def __post_init__(self) -> None:
        if not (hasattr(self.schedule, "log_alpha") and hasattr(self.schedule, "beta")):
            raise TypeError(
                f"schedule must have log_alpha(t) and beta(t), got {checks.show(self.schedule)}; "
                "use VariancePreserving.linear(), .cosine() or .ddpm()."
            )

    @classmethod
    def linear(cls, beta_min: float = 0.1, beta_max: float = 20.0) -> VariancePreserving:
        """beta(t) = beta_min + t (beta_max - beta_min), t in [0, 1] (Song et al. 2021)."""
        return cls(Linear(beta_min, beta_max))

    @classmethod
    def cosine(cls, s: float = 0.008, end: float = 0.9946) -> VariancePreserving:
        """alpha(t) = cos(pi/2 (end t + s)/(1 + s)) / cos(pi/2 s/(1 + s)), t in [0, 1] (Nichol and Dhariwal 2021).

        beta diverges where the cosine vanishes; `end` < 1 stops before (0.9946: alpha(1) = 0.0084).
        """
        return cls(Cosine(s, end))

    @classmethod
    def ddpm(cls, T: int = 1000, beta_1: float = 1e-4, beta_T: float = 0.02) -> VariancePreserving:
        """The table of Ho et al. (2020): integer t = 0 (data) ... T, variances beta_1 ... beta_T equally spaced."""
        return cls(Table(T, beta_1, beta_T))

    @property
    def t_max(self) -> float:  # noqa: D102
        return self.schedule.t_max

    @property
    def discrete(self) -> bool:  # noqa: D102
        return isinstance(self.schedule, Table)

    @property
    def equilibrium(self) -> Gaussian:  # noqa: D102
        return Gaussian(1.0)

    def log_alpha(self, t: Any) -> Any:  # noqa: D102
        return self.schedule.log_alpha(self.check_time(t))

    def variance(self, t: Any) -> Any:  # noqa: D102
        return -array_module(t).expm1(2 * self.log_alpha(t))

    def f(self, t: Any) -> Any:  # noqa: D102
        return -self.g2(t) / 2

    def g2(self, t: Any) -> Any:  # noqa: D102
        return self.schedule.beta(self.check_time(t))

    def clock(self, s: Any, t: Any) -> Any:  # noqa: D102
        return 2 * (self.log_alpha(s) - self.log_alpha(t))


@register(kind="process")
@dataclass(frozen=True)
class VarianceExploding(Process):
    """Ink with an accelerating clock: dx = g(t) dW, t in [0, 1], g^2 = d(sigma^2)/dt with

        sigma^2(t) = sigma_min^2 ((sigma_max/sigma_min)^(2 t) - 1).

    Parameters
    ----------
    sigma_min, sigma_max : 0 < sigma_min < sigma_max, length
    domain : Free(), or a Box: reflected diffusion, which ends uniform once sigma_max is about the box length
    """

    sigma_min: float
    sigma_max: float
    domain: Domain = _FREE

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma_min", checks.positive(self.sigma_min, "sigma_min", unit="a length"))
        object.__setattr__(self, "sigma_max", checks.positive(self.sigma_max, "sigma_max", unit="a length"))
        if self.sigma_max <= self.sigma_min:
            raise ValueError(f"sigma_max must exceed sigma_min = {self.sigma_min:g}, got {self.sigma_max:g}.")
        checks.positive(self.sigma_max / self.sigma_min, "sigma_max / sigma_min")
        check_domain(self.domain)

    @property
    def t_max(self) -> float:  # noqa: D102
        return 1.0

    @property
    def _growth(self) -> float:
        return 2 * math.log(self.sigma_max / self.sigma_min)

    @property
    def driftless(self) -> bool:  # noqa: D102
        return True

    def log_alpha(self, t: Any) -> Any:  # noqa: D102
        return 0.0 * self.check_time(t)

    def variance(self, t: Any) -> Any:  # noqa: D102
        return self.sigma_min**2 * array_module(t).expm1(self._growth * self.check_time(t))

    def f(self, t: Any) -> Any:  # noqa: D102
        return 0.0 * self.check_time(t)

    def g2(self, t: Any) -> Any:  # noqa: D102
        return self.sigma_min**2 * self._growth * array_module(t).exp(self._growth * self.check_time(t))

    def clock(self, s: Any, t: Any) -> Any:  # noqa: D102
        xp = array_module(s, t)
        s, t = self.check_time(s, "s"), self.check_time(t)
        return self.sigma_min**2 * xp.exp(self._growth * s) * xp.expm1(self._growth * (t - s))
