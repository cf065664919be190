"""Data uniform in the square [-1, 1]^d, in free space: every coordinate of x_t is the sum of a uniform and a normal,

    p_t(x) = prod_j [Phi(b_j) - Phi(a_j)]/(2 alpha),        a = (x - alpha)/sigma,        b = (x + alpha)/sigma,

so that with the ratios A = phi(a)/(Phi(b) - Phi(a)), B = phi(b)/(Phi(b) - Phi(a)) the score is (B - A)/sigma and its
derivative (a A - b B - (B - A)^2)/sigma^2. By symmetry x can be taken negative, where nothing cancels.

Reference: A. Papoulis, Probability, Random Variables, and Stochastic Processes (1991), section 6.2 (sums).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

import inkdiff as ink


@dataclass(frozen=True)
class SquareScore(ink.Differentiable, ink.HasDensity):
    """The score of a square dissolved by any process in free space."""

    process: ink.Process

    def __call__(self, x: ink.Array, t: ink.Time) -> ink.Array:
        """grad ln p_t(x), (n, d), 1/length."""
        return self.coordinates(x, t)[1].astype(x.dtype)

    def jvp(self, x: ink.Array, t: ink.Time, v: ink.Array) -> tuple[ink.Array, ink.Array]:
        """The score and, as every coordinate is by itself, its derivatives along tangents v (k, n, d)."""
        _, score, slope = self.coordinates(x, t)
        return score.astype(x.dtype), (slope * v).astype(x.dtype)

    def log_density(self, x: ink.Array, t: ink.Time) -> ink.Array:
        """ln p_t(x), (n,), nats."""
        return self.coordinates(x, t)[0].sum(axis=1)

    def coordinates(self, x: ink.Array, t: ink.Time) -> tuple[ink.Array, ink.Array, ink.Array]:
        """ln p, its first and its second derivative, of every coordinate: (n, d) each."""
        alpha, sigma = (np.reshape(value, (-1, 1)) for value in (self.process.alpha(t), self.process.sigma(t)))
        y = -abs(x.astype(np.float64))
        a, b = (y - alpha) / sigma, (y + alpha) / sigma
        log_difference = log_ndtr(b) + np.log1p(-np.exp(log_ndtr(a) - log_ndtr(b)))
        A, B = (np.exp(-(z**2) / 2 - math.log(2 * math.pi) / 2 - log_difference) for z in (a, b))
        slope = (a * A - b * B - (B - A) ** 2) / sigma**2
        return log_difference - np.log(2 * alpha), np.where(x > 0, -1, 1) * (B - A) / sigma, slope
