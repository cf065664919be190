"""The data-set value: n points of d coordinates in natural units and what is known about where they came from.

Where a set is drawn from a density p(x) written in a formula, that density travels with the points, and with it the
true differential entropy

    S = -int p(x) ln p(x) dx        (nats),

the number against which a learned model's negative log-likelihood is to be judged: the difference of the two is the
Kullback-Leibler divergence from the truth to the model.

Reference: T. M. Cover and J. A. Thomas, Elements of Information Theory, 2nd ed. (2006), chapter 8.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, asnumpy

__all__ = ["Dataset", "Density"]


class Density(Protocol):
    """A density known in closed form or by quadrature."""

    def log_density(self, x: Array) -> Array:
        """ln p(x) for points x of shape (n, d); shape (n,)."""
        ...

    @property
    def entropy(self) -> float:
        """-int p ln p in nats."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """A data set as a value.

    Attributes
    ----------
    x
        Points, float32, shape (n, d), natural units.
    y
        Labels, shape (n,), or None.
    image_shape
        (height, width) or (height, width, channels) when a row of `x` is an image, top row first; else None.
    names
        Names of the d coordinates; empty when they are the pixels of an image.
    units
        Units of the d coordinates, or empty when they share one. Coordinates in different units cannot be compared, so
        a learned score scales them each by itself.
    entropy
        True differential entropy of the source in nats; None where it is unknown or does not exist (pixels with
        discrete grey levels have none).
    name
        A short name for titles and file names.
    range
        (lo, hi) within which every coordinate lies by construction, or None where nothing bounds it.
    source
        Where the data come from.
    density
        The density itself, when it is known: an object with `log_density(x)`.

    Raises
    ------
    ValueError
        If `x` is not (n, d), empty or not finite, lies outside `range`, or the other fields do not fit it.
    TypeError
        If `x` or the sides of `image_shape` are not numbers, or not integers.
    """

    x: Array
    y: Array | None = None
    image_shape: tuple[int, ...] | None = None
    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    entropy: float | None = None
    name: str = "data"
    range: tuple[float, float] | None = None
    source: str = ""
    density: Density | None = None

    def __post_init__(self) -> None:
        """Check that the fields fit each other; `x` becomes C-contiguous float32, the others Python's numbers."""
        x = checks.state(self.x, "x")
        xp = array_module(x)
        x = xp.ascontiguousarray(x, dtype=np.float32)
        object.__setattr__(self, "x", x)
        n, d = x.shape
        if self.y is not None and tuple(self.y.shape) != (n,):
            raise ValueError(f"y must hold one label per row of x, shape ({n},), got {tuple(self.y.shape)}.")
        if self.image_shape is not None:
            object.__setattr__(self, "image_shape", _sides(self.image_shape))
        if self.image_shape is not None and math.prod(self.image_shape) != d:
            raise ValueError(f"image_shape {self.image_shape} does not multiply to the {d} columns of x.")
        for argument in ("names", "units"):
            given = len(getattr(self, argument))
            if given not in (0, d):
                raise ValueError(f"{argument} must name all {d} columns of x or be empty, got {given}.")
        if self.range is not None:
            object.__setattr__(self, "range", _span(self.range))
            self._check_range()

    def _check_range(self) -> None:
        assert self.range is not None
        lo, hi = map(np.float32, self.range)  # rounded as x is
        low, high = float(self.x.min()), float(self.x.max())
        if low < lo or high > hi:
            raise ValueError(f"x spans [{low:g}, {high:g}], outside range={self.range}: rescale x or widen range.")

    def __len__(self) -> int:
        """The number n of points."""
        return int(self.x.shape[0])

    @property
    def d(self) -> int:
        """The number of coordinates."""
        return int(self.x.shape[1])

    @property
    def images(self) -> Array:
        """The rows as images, shape (n, *image_shape); a view of `x`.

        Raises
        ------
        ValueError
            If the data set does not hold images.
        """
        if self.image_shape is None:
            raise ValueError(f"images: the data set {self.name!r} holds points, not images; use .x.")
        return self.x.reshape(len(self), *self.image_shape)

    def split(self, test_size: float = 0.3, random_state: int = 0) -> tuple[Dataset, Dataset]:
        """Divide the points at random into a training and a test set, every label in both in its proportion.

        The division is scikit-learn's `train_test_split(test_size=, random_state=, stratify=y)`, so that it can be
        repeated without inkdiff. Sets without labels are divided without strata.

        Parameters
        ----------
        test_size
            Share of the points in the test set, 0 < test_size < 1 (rounded up to whole points).
        random_state
            Seed of the division.

        Raises
        ------
        ValueError
            If `test_size` is not inside (0, 1), or a part or a stratum would be empty.
        """
        from sklearn.model_selection import train_test_split

        share = checks.real(test_size, "test_size")
        if not 0 < share < 1:
            raise ValueError(f"test_size must be a share of the points between 0 and 1, got {share}.")
        y = None if self.y is None else asnumpy(self.y)
        try:
            train, test = train_test_split(
                np.arange(len(self)), test_size=test_size, random_state=random_state, stratify=y
            )
        except ValueError as error:
            raise ValueError(
                f"test_size={test_size} cannot divide the {len(self)} points of {self.name!r}: {error}"
            ) from error
        return self._rows(train), self._rows(test)

    def folds(self, number: int = 5, random_state: int = 0) -> Iterator[tuple[Dataset, Dataset]]:
        """Cross-validation: `number` divisions into a training and a test set; every point is in one test set.

        The divisions are those of scikit-learn's `StratifiedKFold(number, shuffle=True, random_state=)`, or of its
        `KFold` where there are no labels.

        Raises
        ------
        ValueError
            If `number` is not from 2 to the number of points, or a stratum is smaller.
        """
        from sklearn.model_selection import KFold, StratifiedKFold

        number = checks.count(number, "number", least=2, most=len(self))
        y = None if self.y is None else asnumpy(self.y)
        if y is not None and (least := int(np.unique(y, return_counts=True)[1].min())) < number:
            raise ValueError(f"number={number} parts cannot all hold a class of {least} points; use at most {least}.")
        kind = KFold if y is None else StratifiedKFold
        divisions = kind(number, shuffle=True, random_state=random_state).split(np.empty(len(self)), y)
        return ((self._rows(train), self._rows(test)) for train, test in divisions)

    def _rows(self, rows: Array) -> Dataset:
        index = array_module(self.x).asarray(rows)
        y = None if self.y is None else self.y[index]
        return dataclasses.replace(self, x=self.x[index], y=y)


def _span(given: object) -> tuple[float, float]:
    """(lo, hi) as floats."""
    try:
        ends = asnumpy(checks.reals(given, "range", finite=False))
    except (TypeError, ValueError):  # no numbers, or a single one that is not finite
        ends = np.empty(0)
    if ends.shape != (2,) or not (abs(ends) <= np.finfo(np.float32).max).all() or not ends[0] < ends[1]:
        raise ValueError(
            f"range must be (lo, hi), two finite numbers with lo < hi, got {checks.show(given)}; leave it out where "
            "nothing bounds x."
        )
    return float(ends[0]), float(ends[1])


def _sides(given: object) -> tuple[int, ...]:
    """The shape of an image as ints."""
    if not isinstance(given, Iterable):
        raise TypeError(
            f"image_shape must be (height, width) or (height, width, channels), got {checks.show(given)}; leave it out "
            "where x holds no images."
        )
    return tuple(checks.count(side, "image_shape") for side in given)
