"""Integrals over a density that one knows: a product grid of midpoints, fine enough for nine digits,

    int p_t h dx  ~  sum over the grid of p_t h times the volume of a cell.

A density between walls varies over sigma_t, a mixture in free space over its narrowest component; midpoints a sixth of
that apart make the sum exact to about 1e-9, since it is a trapezoidal sum of a smooth function that ends flat (at walls
it continues evenly). For chi^2 of a mixture to a Gaussian there is a closed form, and no grid that reaches far enough.

Reference: L. N. Trefethen and J. A. C. Weideman, The exponentially convergent trapezoidal rule, SIAM Review 56 (2014)
385.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from inkdiff._core.backend import Floats

__all__ = ["GAUSSIAN_REACH", "check_few_dimensions", "mesh", "midpoints", "mixture_chi2"]

GAUSSIAN_REACH = 9.0  # standard deviations beyond which a Gaussian's mass is below rounding
_PER_WIDTH = 6.0  # grid points per standard deviation
_LEAST_PER_WIDTH = 2.0
_FEWEST = 48  # points on an axis
_MOST_POINTS = 2**20
_MOST_DIMENSIONS = 3


def check_few_dimensions(d: int) -> None:
    """Raise ValueError unless a grid in d dimensions is feasible."""
    if d > _MOST_DIMENSIONS:
        raise ValueError(
            f"score has d={d} dimensions: a grid does for {_MOST_DIMENSIONS} at most; measure on snapshots instead."
        )


def midpoints(length: Floats, width: float) -> list[Floats]:
    """Midpoints along each axis, of intervals from 0 to `length` (d,), which resolve `width`.

    Raises
    ------
    ValueError
        If that takes more than 2^20 points.
    """
    d = len(length)
    count = np.maximum(np.ceil(_PER_WIDTH * length / width), _FEWEST)
    if math.prod(count) > _MOST_POINTS:
        count = np.floor(count * (_MOST_POINTS / math.prod(count)) ** (1 / d))
        if (count * width < _LEAST_PER_WIDTH * length).any():
            raise ValueError(
                f"t is too early: the density varies over {width:.2g}, too little against {length.max():.2g} for a "
                f"grid of 2^20 points in {d} dimensions; take a later t, or measure on snapshots."
            )
    return [L * (np.arange(n) + 0.5) / n for L, n in zip(length, count.astype(int), strict=True)]


def mesh(axes: list[Floats]) -> Floats:
    """All points of a product grid, (m, d), last axis fastest."""
    return np.stack([c.ravel() for c in np.meshgrid(*axes, indexing="ij")], axis=1)


def mixture_chi2(weights: Floats, means: Floats, covariances: Floats, variance: float) -> float:
    """chi^2 of a Gaussian mixture to N(0, v): sum_kl w_k w_l int N_k N_l/N(0, v) - 1; infinite where the tails are.

    N_k N_l = N(m_k; m_l, C_k + C_l) N(mu, S), and N(mu, S)/N(0, v) has a finite integral if S < v.
    """
    inverse, one = np.linalg.inv(covariances), np.eye(means.shape[1])
    total = 0.0
    for k, j in product(range(len(means)), repeat=2):
        S = np.linalg.inv(inverse[k] + inverse[j])
        rest = one - S / variance
        if np.linalg.eigvalsh(rest).min() <= 0:
            return math.inf
        mu, gap, both = S @ (inverse[k] @ means[k] + inverse[j] @ means[j]), means[k] - means[j], covariances[[k, j]]
        log_pair = mu @ np.linalg.solve(rest, mu) / variance - gap @ np.linalg.solve(both.sum(0), gap)
        log_pair -= np.linalg.slogdet(both.sum(0) / variance)[1] + np.linalg.slogdet(rest)[1]
        with np.errstate(over="ignore"):
            total += weights[k] * weights[j] * np.exp(log_pair / 2)
    return float(total - 1)
