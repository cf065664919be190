"""The straight path from data to noise, on which flow matching walks:

    x_t  =  (1 - t) x_0  +  t eps,        alpha_t = 1 - t,        sigma_t = t,        t in [0, 1].

As a diffusion it is dx = f x dt + g dW with f = -1/(1 - t) and g^2 = 2 t/(1 - t), which diverge at t = 1, where nothing
is left of x_0: x_1 is N(0, 1) exactly. The velocity dx_t/dt = eps - x_0 at fixed ends stays finite. The transition
from s to t comes from alpha and sigma themselves,

    A = (1 - t)/(1 - s),        S^2 = t^2 - A^2 s^2 = (t - s)(t + A s)/(1 - s),

never from differences of logarithms: from s < 1 to t = 1 it is (0, 1), from 1 to 1 it is (1, 0).

References: Y. Lipman et al., Flow matching for generative modeling (2022), arXiv:2210.02747; X. Liu, C. Gong, Q. Liu,
Flow straight and fast (2022), arXiv:2209.03003.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from inkdiff._core.backend import Time, array_module
from inkdiff._core.registry import register
from inkdiff.domains.base import Domain
from inkdiff.domains.free import Free
from inkdiff.processes.base import Process

__all__ = ["Straight"]

_FREE = Free()


@register
@dataclass(frozen=True)
class Straight(Process):
    """x_t = (1 - t) x_0 + t eps, t in [0, 1]; `f`, `g2` and `clock` are infinite at t = 1, `log_alpha` is -infinity.

    A walk back from t = 1 needs a score that knows its velocity (`inkdiff.HasVelocity`).
    """

    domain: Domain = field(default=_FREE, init=False, repr=False)

    @property
    def t_max(self) -> float:  # noqa: D102
        return 1.0

    def log_alpha(self, t: Time) -> Time:  # noqa: D102
        with np.errstate(divide="ignore"):
            return array_module(t).log1p(-t)

    def alpha(self, t: Time) -> Time:
        """1 - t."""
        return 1.0 - self.check_time(t)

    def variance(self, t: Time) -> Time:  # noqa: D102
        return t**2

    def sigma(self, t: Time) -> Time:
        """t."""
        return self.check_time(t)

    def f(self, t: Time) -> Time:  # noqa: D102
        with np.errstate(divide="ignore"):
            return -1.0 / array_module(t).subtract(1.0, t)

    def g2(self, t: Time) -> Time:  # noqa: D102
        with np.errstate(divide="ignore"):
            return 2.0 * t / array_module(t).subtract(1.0, t)

    def clock(self, s: Time, t: Time) -> Time:  # noqa: D102
        xp = array_module(s, t)
        with np.errstate(divide="ignore", invalid="ignore"):
            ran = 2 * (xp.log1p(-s) - xp.log1p(-t) - (t - s))
        return xp.where(xp.equal(s, t), 0.0, ran)[()]

    def alpha_rate(self, t: Time) -> Time:  # noqa: D102
        return -1.0 + 0.0 * t

    def sigma_rate(self, t: Time) -> Time:  # noqa: D102
        return 1.0 + 0.0 * t

    def transition(self, s: Time, t: Time) -> tuple[Time, Time]:  # noqa: D102
        xp = array_module(s, t)
        left = xp.subtract(1.0, s)
        none = xp.equal(left, 0)  # s = t = 1: nothing happens
        whole = xp.where(none, 1.0, left)
        ratio = xp.where(none, 1.0, xp.subtract(1.0, t) / whole)
        return ratio[()], ((t - s) * (t + ratio * s) / whole)[()]
