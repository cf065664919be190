"""Observables that a walk keeps as it runs: counts and moments of the walkers, as integers.

    histogram   n_c  =  #{i : x_i in cell c}
    sides       n_<, n_>  =  numbers of walkers below and above a plane
    moments     sum_i q_i,  sum_i q_i^2,        q_i = round((x_i - x_0) / unit)

Integers add without rounding: the result is the same for any order, number of threads or device, and those of parts
of a cloud add up to those of the whole. So a walk of any number of particles and steps needs no trajectory: pass
these as `observe=`, and walk the cloud part by part (`first_row=`) if even one state is too large.

Reference: the order of floating-point sums, N. J. Higham, Accuracy and Stability of Numerical Algorithms, ch. 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module, asnumpy
from inkdiff.domains.base import Domain

__all__ = ["Histogram", "Moments", "Sides"]

_LARGEST = 2**24  # of |q|: then 4096 squares add up below 2^63
_CELLS = 2**28


class Histogram:
    """Numbers of walkers in equal cells of a box, or of the bounding box of another domain.

    Parameters
    ----------
    domain : a Box, with one side per axis or alike for all, or a domain that declares a bounding box; walkers outside
        are not counted
    bins : cells per axis, one number or one per axis

    Called with a state (n, d), returns (K_1, ..., K_d) int64, a NumPy array. The last cell of an axis is closed.

    Raises
    ------
    ValueError, TypeError
        If `domain` has no bounding box, bins < 1, or the state has another number of coordinates.
    """

    def __init__(self, domain: Domain, bins: int | Sequence[int]) -> None:
        box = domain.bounding_box if isinstance(domain, Domain) else None
        if box is None:
            raise TypeError(f"domain must be a Box(lo, hi), or have a bounding box, got {checks.show(domain)}.")
        self.box = box
        self.bins = [checks.count(k, "bins") for k in ([bins] if np.ndim(bins) == 0 else bins)]  # type: ignore[union-attr]
        if len(self.bins) not in (1, box.axes or len(self.bins)):
            raise ValueError(f"bins must be one number or one per axis, {box.axes}, got {checks.show(bins)}.")

    def __call__(self, x: Array) -> npt.NDArray[np.int64]:
        """Counts of the cells."""
        x = checks.state(x)
        d = x.shape[1]
        self.box.check_dimension(d)
        if len(self.bins) not in (1, d):
            raise ValueError(f"bins were given for {len(self.bins)} axes, but x has {d} coordinates per row.")
        bins = np.full(d, self.bins, np.int64)
        if math.prod(bins.tolist()) > _CELLS:
            raise ValueError(f"bins make {math.prod(bins.tolist()):,} cells in {d} dimensions; use fewer.")
        low = self.box.low(d)
        return asnumpy(kernels.histogram(x, low, low + self.box.length(d), bins))


class Sides:
    """Numbers of walkers below a plane, x_axis < at, and of the others: (2,) int64.

    Raises
    ------
    ValueError, TypeError
        If `axis` is not an axis of the state, or `at` no number.
    """

    def __init__(self, axis: int = 0, at: float = 0.5) -> None:
        self.axis, self.at = checks.count(axis, "axis", least=0), checks.real(at, "at")

    def __call__(self, x: Array) -> npt.NDArray[np.int64]:
        """The two numbers."""
        x = checks.state(x)
        if self.axis >= x.shape[1]:
            raise ValueError(f"axis must be below {x.shape[1]}, the coordinates of x, got {self.axis}.")
        below = int((x[:, self.axis] < self.at).sum())
        return np.array([below, x.shape[0] - below], np.int64)


class Moments:
    """Sums of displacements and of their squares, per axis, in integers.

    Parameters
    ----------
    unit : length that displacements are rounded to; the rounding adds unit^2/12 to a mean square
    about : the origin, a number or one per axis, or a state (n, d), each walker's own start

    Called with a state (n, d), returns (d, 2) Python integers (dtype object, which never overflows): sum q and sum q^2.
    `mean` and `mean_square` turn them into lengths.

    Raises
    ------
    ValueError
        If unit <= 0, or a displacement is 2^24 units or more.
    """

    def __init__(self, unit: float, about: npt.ArrayLike = 0.0) -> None:
        self.unit = checks.positive(unit, "unit", unit="a length")
        self.about = checks.reals(about, "about") if np.ndim(about) < 2 else checks.state(about, "about")

    def __call__(self, x: Array) -> npt.NDArray[np.object_]:
        """The sums."""
        x = checks.state(x)
        xp, (n, d) = array_module(x=x, about=self.about), x.shape
        about = self.about if self.about.ndim == 2 else xp.atleast_2d(self.about)
        if about.shape not in ((1, 1), (1, d), (n, d)):
            raise ValueError(f"about must be a number, {d} of them, or a state {(n, d)}, got shape {about.shape}.")
        about = xp.ascontiguousarray(xp.broadcast_to(about, (about.shape[0], d)), dtype=np.float64)
        low, high = (xp.abs(end(x, axis=0) - end(about, axis=0)) for end in (xp.min, xp.max))
        if about.shape[0] == n > 1:
            low = high = xp.abs(x - about).max(axis=0)
        reach = float(xp.maximum(low, high).max())
        if reach >= (_LARGEST - 1) * self.unit:
            raise ValueError(
                f"unit must be above {reach / _LARGEST:.3g} for displacements up to {reach:.3g}, got {self.unit:g}."
            )
        sums = asnumpy(kernels.moments(x, about, 1 / self.unit))
        exact = [[int(total), (int(high) << 32) + int(low)] for total, high, low in sums]
        return np.array(exact, dtype=object)

    def mean(self, sums: npt.NDArray[np.object_], n: int) -> Floats:
        """Mean displacement per axis, in length, from the sums over n walkers, (..., d, 2) -> (..., d)."""
        mean: Floats = (sums[..., 0] / n * self.unit).astype(np.float64)
        return mean

    def mean_square(self, sums: npt.NDArray[np.object_], n: int) -> Floats:
        """Mean square displacement per axis, length^2, the rounding's unit^2/12 taken off."""
        square: Floats = (sums[..., 1] / n).astype(np.float64)
        return (square - 1 / 12) * self.unit**2
