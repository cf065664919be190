"""A harmonic bowl in water that is being warmed: the temperature, and with it D, rises linearly,

    dx = -k x dt + g dW,        g^2 = 2 D (1 + t/tau).

With E = 1 - exp(-2 k t), sigma^2 = (D/k) [E + (t - E/(2 k))/tau]. There is no equilibrium: the cloud keeps widening.

Reference: H. Risken, The Fokker-Planck Equation (1989), section 3.2 (time-dependent coefficients).
"""

from dataclasses import dataclass

import numpy as np

import inkdiff as ink


@ink.register
@dataclass(frozen=True)
class WarmingBowl(ink.Process):
    """D: diffusion coefficient at t = 0, length^2/time; k: relaxation rate, 1/time; tau: time until g^2 has doubled."""

    D: float = 1.0
    k: float = 1.0
    tau: float = 1.0

    def log_alpha(self, t: ink.Time) -> ink.Time:
        """-k t."""
        return -self.k * t

    def variance(self, t: ink.Time) -> ink.Time:
        """sigma_t^2, length^2."""
        relaxed = -np.expm1(-2 * self.k * t)
        return self.D / self.k * (relaxed + (t - relaxed / (2 * self.k)) / self.tau)

    def f(self, t: ink.Time) -> ink.Time:
        """-k at all times."""
        return -self.k + 0.0 * t

    def g2(self, t: ink.Time) -> ink.Time:
        """2 D (1 + t/tau)."""
        return 2 * self.D * (1 + t / self.tau)

    def clock(self, s: ink.Time, t: ink.Time) -> ink.Time:
        """The integral of g^2 from s to t."""
        return 2 * self.D * (t - s) * (1 + (s + t) / (2 * self.tau))
