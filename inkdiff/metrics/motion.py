"""How far particles have moved, and how much of their origin they still remember.

The mean squared displacement of free Brownian motion grows as

    <|x_t - x_0|^2> = 2 d D t,

and the memory of the start is Pearson's correlation of the particles with their own origins, pooled over coordinates,

    r = C / sqrt(A B),   A = sum (x - <x>)^2,   B = sum (x0 - <x0>)^2,   C = sum (x - <x>)(x0 - <x0>),

1 at the start and 0 once a particle's place says nothing about where it came from. For an image process
x_t = alpha x_0 + sigma eps it is alpha s_0/sqrt(alpha^2 s_0^2 + sigma^2), s_0^2 being the variance of the data.

Reference: A. Einstein, Annalen der Physik 17 (1905) 549, equation (11) (per axis). For the error of r: F. R. Hampel,
The influence curve and its role in robust estimation, J. Amer. Statist. Assoc. 69 (1974) 383.
"""

from __future__ import annotations

import math

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff.metrics.estimates import Estimate, check_several

__all__ = ["correlation", "msd"]


def _pair(x: Array, x0: Array) -> tuple[Array, Array]:
    x, x0 = checks.state(x, "x"), checks.state(x0, "x0")
    array_module(x, x0)
    checks.same_shape(x0, x.shape, "x0", "x")
    check_several(len(x), "x")
    return x, x0


def msd(x: Array, x0: Array) -> Estimate:
    """Mean squared displacement per particle, summed over the d coordinates; length^2.

    Mean over the rows of sum_j (x_j - x0_j)^2, with the standard error of independent particles. In a periodic box
    displacements are those of the folded positions.

    Parameters
    ----------
    x, x0
        Positions now and at the start, (n, d), row i being the same particle in both; n >= 2.

    Raises
    ------
    ValueError
        If the arrays are not finite, of one shape (n, d) and on one device, or hold one particle only.
    """
    x, x0 = _pair(x, x0)
    square = ((x.astype(np.float64) - x0) ** 2).sum(axis=1)
    return Estimate(float(square.mean()), float(square.std(ddof=1)) / math.sqrt(len(x)))


def _centred(x: Array) -> Array:
    """x less its mean, in units of its largest deviation: squares of any data neither overflow nor vanish."""
    deviation = x.astype(np.float64)
    deviation -= deviation.mean(axis=0)
    deviation /= float(abs(deviation).max())
    return deviation


def correlation(x: Array, x0: Array) -> Estimate:
    """Correlation of particles with their own origins: Pearson's r pooled over coordinates, each centred on its mean.

    The standard error is the spread of the influence function C_i/sqrt(A B) - (r/2)(A_i/A + B_i/B), in which A_i, B_i,
    C_i are sums over the coordinates of row i and A, B, C their means over rows: coordinates may depend on one another,
    rows must be independent. First order in 1/n.

    Parameters
    ----------
    x, x0
        As for `msd`.

    Raises
    ------
    ValueError
        As `msd`; also if all rows of `x` or of `x0` are equal, where no correlation is defined.
    """
    x, x0 = _pair(x, x0)
    for name, data in (("x", x), ("x0", x0)):
        # Not by the variance: a mean's rounding leaves equal numbers some.
        if bool((data.max(axis=0) == data.min(axis=0)).all()):
            raise ValueError(f"{name} has the same value in every row: a correlation needs particles that differ.")
    a, b = _centred(x), _centred(x0)
    A, B, C = (a * a).sum(axis=1), (b * b).sum(axis=1), (a * b).sum(axis=1)
    mean_A, mean_B = float(A.mean()), float(B.mean())
    scale = math.sqrt(mean_A * mean_B)
    r = float(C.mean()) / scale
    influence = C / scale - (r / 2) * (A / mean_A + B / mean_B)
    return Estimate(r, float(influence.std(ddof=1)) / math.sqrt(len(x)))
