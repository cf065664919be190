"""Ink: Brownian motion, free or between walls, and in a harmonic bowl. Time is physical.

    Brownian               dx = sqrt(2 D) dW                      sigma_t^2 = 2 D t
    OrnsteinUhlenbeck      dx = -k x dt + sqrt(2 D) dW            sigma_t^2 = (D/k) [1 - exp(-2 k t)]

References: A. Einstein (1905); G. E. Uhlenbeck and L. S. Ornstein, On the theory of the Brownian motion (1930).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from inkdiff._core import checks
from inkdiff._core.backend import Time, array_module
from inkdiff._core.registry import register
from inkdiff.domains.base import Domain
from inkdiff.domains.free import Free
from inkdiff.processes.base import Process, check_domain
from inkdiff.processes.distributions import Gaussian
from inkdiff.processes.relaxation import Relaxation

__all__ = ["Brownian", "OrnsteinUhlenbeck"]

_FREE = Free()
_D = "a diffusion coefficient, length^2/time"


@register
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
        object.__setattr__(self, "D", checks.positive(self.D, "D", unit=_D))
        check_domain(self.domain)

    @property
    def driftless(self) -> bool:  # noqa: D102
        return True

    def log_alpha(self, t: Time) -> Time:  # noqa: D102
        return 0.0 * t

    def variance(self, t: Time) -> Time:  # noqa: D102
        return 2 * self.D * t

    def f(self, t: Time) -> Time:  # noqa: D102
        return 0.0 * t

    def g2(self, t: Time) -> Time:  # noqa: D102
        return 2 * self.D + 0.0 * t

    def clock(self, s: Time, t: Time) -> Time:  # noqa: D102
        return 2 * self.D * (t - s)


@register
@dataclass(frozen=True)
class OrnsteinUhlenbeck(Relaxation):
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
        object.__setattr__(self, "D", checks.positive(self.D, "D", unit=_D))
        object.__setattr__(self, "k", checks.positive(self.k, "k", unit="a relaxation rate, 1/time"))

    @property
    def equilibrium(self) -> Gaussian:  # noqa: D102
        return Gaussian(self.D / self.k)

    def log_alpha(self, t: Time) -> Time:  # noqa: D102
        return -self.k * t

    def variance(self, t: Time) -> Time:  # noqa: D102
        return -self.D / self.k * array_module(t).expm1(-2 * self.k * t)

    def f(self, t: Time) -> Time:  # noqa: D102
        return -self.k + 0.0 * t

    def g2(self, t: Time) -> Time:  # noqa: D102
        return 2 * self.D + 0.0 * t

    def clock(self, s: Time, t: Time) -> Time:  # noqa: D102
        return 2 * self.D * (t - s)
