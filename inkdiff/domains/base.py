"""What a domain is: a region that walkers do not leave, known by how it folds back a step that would leave it.

    x  <-  fold(x + sigma eps)

Only `fold`, `check_inside` and `log_volume` must be said. A walk then takes its steps one by one, each folded; its
error is that of the fold (first order in the step at a curved wall). Where more is known, more is declared: a product
`Box` folds exactly at any length, which is its `closed_form`, and walks in integers.

Reference: W. Feller, An Introduction to Probability Theory and Its Applications II, X.5.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module

if TYPE_CHECKING:
    from inkdiff.domains.box import Box

__all__ = ["Domain"]

_ROUNDING = 1e-6  # of the largest coordinate: what `fold` may move a point that is inside
_PROBES = 1 << 22  # points at which cells are probed, in all


class Domain(ABC):
    """Where walkers live. A domain of one's own derives from this."""

    extension_kind: ClassVar[str] = "domain"

    @abstractmethod
    def fold(self, y: Array) -> Array:
        """Positions inside the domain for y (n, d) anywhere: where a reflected walker is. In the dtype of y."""

    @abstractmethod
    def check_inside(self, x: Array, name: str = "x") -> None:
        """Raise ValueError unless every row of x (n, d) is finite and lies in the domain, walls included."""

    @abstractmethod
    def log_volume(self, d: int) -> float:
        """ln of the volume that walkers can reach, the entropy of the uniform density, nats; infinite if unbounded."""

    def unfold(self, y: Array, slope: Array) -> Array:
        """A slope (n, d) taken at fold(y), as the mirror world sees it at y. By default unchanged: exact within."""
        return slope

    def contains(self, x: Array) -> Array:
        """Which rows of x (n, d) lie in the domain, (n,) bool. By default those that `fold` leaves where they are."""
        xp = array_module(x)
        moved = xp.abs(self.fold(x) - x).max(axis=1)
        return moved <= _ROUNDING * float(xp.abs(x).max())

    def accessible_fraction(self, bins: tuple[int, ...]) -> Floats:
        """The share of each of the equal cells of `bounding_box` that walkers can reach: shape `bins`, axis j = x_j.

        By default counted by `contains` at m points per axis of a cell, m = 2 ... 32, 4 million in all, the cells
        across a rim then scaled by one factor so that the volumes add up to exp(log_volume); a cell across a smooth
        rim is right to about 1/m^(3/2) of its volume.

        Raises
        ------
        ValueError
            If the domain declares no bounding box, or one of other dimensions.
        """
        return _probed_fraction(self, bins)

    def check_dimension(self, d: int) -> None:  # noqa: B027
        """Raise ValueError unless states of d coordinates fit the domain. By default any do."""

    @property
    def as_box(self) -> Box | None:
        """The domain as a product of intervals, whose walls act coordinate by coordinate; None if it is none."""
        return None

    @property
    def bounding_box(self) -> Box | None:
        """A product box around the domain, in whose cells walkers can be counted; None if there is none."""
        return self.as_box

    @property
    def grid(self) -> tuple[int, ...] | None:
        """Cells per axis of the bounding box of which the domain is made up, each whole or not at all; None if none."""
        return None

    @property
    def bounded(self) -> bool:
        """Whether the volume is finite, so that driftless diffusion ends uniform."""
        return True

    @property
    def absorbs(self) -> bool:
        """Whether a walker can end at a wall."""
        return False

    @property
    def closed_form(self) -> bool:
        """Whether fold(x + sigma eps) is exact for steps of any length, so that one jump replaces a walk."""
        return False

    def require_closed_form(self, what: str) -> None:
        """Raise ValueError, naming `what` was asked for, unless `closed_form`."""
        if not self.closed_form:
            raise ValueError(
                f"process: in {checks.show(self)} {what} has no closed form; use simulate, forwards in time."
            )


def _probed_fraction(domain: Domain, bins: tuple[int, ...]) -> Floats:
    """The share of midpoints of m^d sub-cells of each cell that lie in the domain, one layer of cells at a time."""
    box, d = domain.bounding_box, len(bins)
    if box is None:
        raise ValueError(
            f"domain: {checks.show(domain)} has no bounding box, in whose cells walkers could be counted; its class "
            "should declare `bounding_box`."
        )
    box.check_dimension(d)
    domain.check_dimension(d)
    m = min(32, max(2, round((_PROBES / math.prod(bins)) ** (1 / d))))
    low, width = box.low(d), box.length(d) / bins
    axes = [low[j] + width[j] * (np.arange(bins[j] * m) + 0.5) / m for j in range(d)]
    fraction = np.empty(bins)
    for i in range(bins[0]):
        layer = np.meshgrid(axes[0][i * m : (i + 1) * m], *axes[1:], indexing="ij")
        inside = np.asarray(domain.contains(np.stack(layer, axis=-1).reshape(-1, d)))
        shape = (m, *(side for count in bins[1:] for side in (count, m)))
        fraction[i] = inside.reshape(shape).mean(axis=tuple(range(0, 2 * d, 2)))
    rim = (fraction > 0) & (fraction < 1)
    if rim.any():
        expected = math.exp(domain.log_volume(d) - box.log_volume(d)) * fraction.size - np.count_nonzero(fraction == 1)
        factor = min(2.0, max(0.5, expected / float(fraction[rim].sum())))
        fraction[rim] = np.minimum(fraction[rim] * factor, 1.0)
    return fraction
