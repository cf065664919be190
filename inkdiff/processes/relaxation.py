"""Bowls: linear diffusion in detailed balance with N(0, v), where drift and noise are tied at every time,

    g^2(t) = -2 f(t) v,        x_t | x_s  ~  N(A x_s, v [1 - A^2]),        A = alpha_t/alpha_s,

by the fluctuation-dissipation theorem. In that form the variance gained keeps its digits however close s and t are.

Reference: R. Kubo, The fluctuation-dissipation theorem (1966).
"""

from __future__ import annotations

from abc import abstractmethod

from inkdiff._core.backend import Time, array_module
from inkdiff.processes.base import Process
from inkdiff.processes.distributions import Gaussian

__all__ = ["Relaxation"]


class Relaxation(Process):
    """A process that relaxes to a Gaussian `equilibrium` at rest; it must say that, `log_alpha`, `f` and `g2`."""

    @property
    @abstractmethod
    def equilibrium(self) -> Gaussian:
        """N(0, v): v length^2."""

    def variance(self, t: Time) -> Time:
        """v (1 - alpha_t^2)."""
        return -self.equilibrium.variance * array_module(t).expm1(2 * self.log_alpha(t))

    def clock(self, s: Time, t: Time) -> Time:
        """2 v ln(alpha_s/alpha_t)."""
        return 2 * self.equilibrium.variance * (self.log_alpha(s) - self.log_alpha(t))

    def transition(self, s: Time, t: Time) -> tuple[Time, Time]:
        """(A, v (1 - A^2))."""
        xp = array_module(s, t)
        log_ratio = self.log_alpha(t) - self.log_alpha(s)
        return xp.exp(log_ratio), -self.equilibrium.variance * xp.expm1(2 * log_ratio)
