"""Ink in the round glass, a little denser on one side: its density is known at all times,

    p_t(x) = [1 + c exp(-D (j/R)^2 t) phi(x)]/(pi R^2),        phi = J_1(j r/R) cos(theta),        |c| < 1/0.5819.

With q = j/R and A = J_1(q r)/r, grad phi = (A, 0) + (q J_0(q r) - 2 A) x_1 (x_1, x_2)/r^2.

Reference: as for `disc`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import j0, j1

import inkdiff as ink
from inkdiff_extension_example.disc import Disc, J


@dataclass(frozen=True)
class LeaningInk(ink.HasDensity):
    """The score of that density for Brownian motion of coefficient D in a disc; c is how far it leans."""

    disc: Disc
    D: float
    c: float = 1.0

    def __call__(self, x: ink.Array, t: ink.Time) -> ink.Array:
        """grad ln p_t(x), (n, 2), 1/length."""
        wide, q = x.astype(np.float64), J / self.disc.R
        r = np.maximum(np.hypot(*wide.T), 1e-9 * self.disc.R)
        first = j1(q * r) / r
        slope = (q * j0(q * r) - 2 * first) / r**2 * wide[:, 0]
        gradient = slope[:, None] * wide + np.stack([first, 0 * first], axis=1)
        left = self.left(t)
        return (left * gradient / (1 + left * self.disc.mode(wide))[:, None]).astype(x.dtype)

    def log_density(self, x: ink.Array, t: ink.Time) -> ink.Array:
        """ln p_t(x), (n,), nats."""
        return np.log1p(self.left(t) * self.disc.mode(x)) - self.disc.log_volume(2)

    def left(self, t: ink.Time) -> ink.Time:
        """What is left of c at time t."""
        return self.c * np.exp(-self.D * (J / self.disc.R) ** 2 * t)

    def mean_mode(self, t: float) -> float:
        """E[phi(x_t)], as int J_1(q r)^2 r dr = R^2 (1 - 1/j^2) J_1(j)^2/2."""
        return float(self.left(t)) * (1 - 1 / J**2) * float(j1(J)) ** 2 / 2
