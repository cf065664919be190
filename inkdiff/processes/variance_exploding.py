"""Variance-exploding diffusion of images: ink whose clock accelerates, free or reflected in a box.

    dx = g(t) dW,        g^2 = d(sigma^2)/dt,        sigma^2(t) = sigma_min^2 [(sigma_max/sigma_min)^(2 t) - 1]

References: Y. Song et al., Score-based generative modeling through SDEs (2021), eq. 9; A. Lou and S. Ermon, Reflected
diffusion models (2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from inkdiff._core import checks
from inkdiff._core.backend import Time, array_module
from inkdiff._core.registry import register
from inkdiff.domains.base import Domain
from inkdiff.domains.free import Free
from inkdiff.processes.base import Process, check_domain

__all__ = ["VarianceExploding"]

_FREE = Free()


@register
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

    def log_alpha(self, t: Time) -> Time:  # noqa: D102
        return 0.0 * t

    def variance(self, t: Time) -> Time:  # noqa: D102
        return self.sigma_min**2 * array_module(t).expm1(self._growth * t)

    def f(self, t: Time) -> Time:  # noqa: D102
        return 0.0 * t

    def g2(self, t: Time) -> Time:  # noqa: D102
        return self.sigma_min**2 * self._growth * array_module(t).exp(self._growth * t)

    def clock(self, s: Time, t: Time) -> Time:  # noqa: D102
        xp = array_module(s, t)
        return self.sigma_min**2 * xp.exp(self._growth * s) * xp.expm1(self._growth * (t - s))
