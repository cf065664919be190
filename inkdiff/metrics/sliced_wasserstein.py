r"""Sliced Wasserstein distance: the cost of optimal transport, averaged over projections on random lines.

    SW = E_theta  W_1(theta . x, theta . y),        W_1 = int_0^1 |F^-1(q) - G^-1(q)| dq,

theta a random direction, F and G the laws of the two projections: on a line the cheapest transport keeps the order, so
W_1 needs one sort. It is in units of the data, and vanishes only when the two laws are the same (Cramer and Wold). Like
every distance between finite samples it is positive between two samples of one law, of order n^-1/2, and is to be
read beside that floor.

Reference: N. Bonneel, J. Rabin, G. Peyre, H. Pfister, Sliced and Radon Wasserstein barycenters of measures, J. Math.
Imaging and Vision 51 (2015) 22.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, asnumpy
from inkdiff._core.rng import Stream
from inkdiff.datasets.dataset import Dataset
from inkdiff.metrics.estimates import Estimate, jackknife_variance
from inkdiff.metrics.sample_distances import GROUPS, points

__all__ = ["sliced_wasserstein"]


class _Sorted(NamedTuple):
    """Projections on every direction in ascending order, (directions, n), and the jackknife group of each."""

    values: Floats
    groups: npt.NDArray[np.int8]

    @classmethod
    def of(cls, x: Floats, theta: Floats) -> _Sorted:
        along = theta @ x.T
        order = np.argsort(along, axis=1, kind="stable")
        return cls(np.take_along_axis(along, order, axis=1), (order % GROUPS).astype(np.int8))

    def without(self, group: int) -> Floats:
        """The same from the rows of the other groups."""
        kept: Floats = self.values[self.groups != group]
        return kept.reshape(len(self.values), -1)


def _transport(a: Floats, b: Floats) -> Floats:
    """W_1 on every line, (directions,), of sorted a (directions, n), b (directions, m): exact for any n and m."""
    n, m = a.shape[1], b.shape[1]
    if n == m:
        return np.asarray(np.abs(a - b).mean(axis=1))
    # Between neighbouring multiples of 1/n and 1/m both quantile functions are constant.
    steps = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    lengths = np.diff(steps, prepend=0) / (n * m)
    return np.asarray(np.abs(a[:, (steps - 1) // m] - b[:, (steps - 1) // n]) @ lengths)


def sliced_wasserstein(x: Array | Dataset, y: Array | Dataset, *, directions: int = 128, seed: int = 0) -> Estimate:
    """Sliced Wasserstein-1 distance between two samples, in units of the data.

    The error has two parts: that of the random directions (their scatter; none for d = 1), and a delete-a-group
    jackknife over 10 groups of rows (i mod 10) of both samples. Computed on the host (CuPy arrays are copied), with a
    sort and `directions` numbers per row.

    Parameters
    ----------
    x, y
        Arrays (n, d) and (m, d), or data sets; at least 20 rows each.
    directions, seed
        How many random lines (at least 2), and the seed of their directions (stream HUTCHINSON).

    Raises
    ------
    ValueError, TypeError
        If the arrays are not finite, differ in d or have fewer than 20 rows, or there are fewer than 2 directions.
    """
    a = asnumpy(points(x, "x", least=2 * GROUPS)).astype(np.float64)
    b = asnumpy(points(y, "y", like=a, least=2 * GROUPS)).astype(np.float64)
    lines, d = checks.count(directions, "directions", least=2), a.shape[1]
    normal = kernels.normal(lines * d, seed=checks.seed64(seed), stream=Stream.HUTCHINSON).astype(np.float64)
    theta = normal.reshape(lines, d)
    theta[(theta == 0).all(axis=1), 0] = 1.0  # once in 2^25 numbers
    theta /= np.linalg.norm(theta, axis=1, keepdims=True)
    of_x, of_y = _Sorted.of(a, theta), _Sorted.of(b, theta)
    each = _transport(of_x.values, of_y.values)
    # A group of x and one of y are left out together: their first-order effects are independent and add up.
    of_rows = jackknife_variance(_transport(of_x.without(g), of_y.without(g)).mean() for g in range(GROUPS))
    return Estimate(float(each.mean()), math.sqrt(of_rows + float(each.var(ddof=1)) / lines))
