"""From the units of the data to the coordinates that a model works in, and back: an affine map of every coordinate.

    x_model = (x_data - offset) / scale

In free space images of known range go to [-1, 1], so that an equilibrium N(0, 1) is about as wide as they are; other
data to mean 0 and root mean square 1, all coordinates by one map, which keeps their shape, unless they have different
units: centimetres and kilograms cannot be compared, and each goes to mean 0 and root mean square 1 by itself. Between
walls, data of known range go exactly onto [lo, hi], other data stay as they are and must lie inside. A density picks up
the Jacobian: ln p_data = ln p_model - sum_j ln(scale_j).

Reference: G. Papamakarios et al. (2021), arXiv:1912.02762, eq. 2 (change of variables).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inkdiff._core.backend import Array, array_module
from inkdiff.domains.base import Domain

__all__ = ["Scaling", "clip_to_domain"]

_Numbers = float | tuple[float, ...]
_ROUNDING = 4 * float(np.finfo(np.float32).eps)  # of encode and decode in float32, relative


@dataclass(frozen=True)
class Scaling:
    """x_model = (x_data - offset) / scale; scale > 0, data units per model unit; numbers, or one a coordinate."""

    offset: _Numbers = 0.0
    scale: _Numbers = 1.0

    def __post_init__(self) -> None:
        """Lists, as JSON has them, become tuples, and NumPy's numbers Python's, which JSON has."""
        for name in ("offset", "scale"):
            value = getattr(self, name)
            object.__setattr__(self, name, tuple(map(float, value)) if np.ndim(value) else float(value))

    def encode(self, x: Array) -> Array:
        """Data units -> model coordinates."""
        return (x - _like(x, self.offset)) / _like(x, self.scale)

    def decode(self, x: Array) -> Array:
        """Model coordinates -> data units."""
        return x * _like(x, self.scale) + _like(x, self.offset)

    def check_inside(self, domain: Domain, x: Array) -> None:
        """Raise if rows x (n, d) in data units lie outside a box by more than their rounding to float32."""
        box = domain.as_box
        if box is None:
            return
        y, d = self.encode(x), x.shape[1]
        outside = abs(y - clip_to_domain(domain, y))
        size = np.maximum(abs(box.low(d)), abs(box.low(d) + box.length(d))) + np.abs(np.divide(self.offset, self.scale))
        if bool((outside > array_module(y).asarray(_ROUNDING * size)).any()):
            box.check_inside(y, "encode(x)")

    def log_volume(self, d: int) -> float:
        """ln of the volume in data units of a unit cube of model coordinates: sum_j ln(scale_j)."""
        return float(np.log(np.broadcast_to(self.scale, (d,))).sum())

    @classmethod
    def of(cls, domain: Domain, x: Array, span: tuple[float, float] | None, units: Sequence[str] = ()) -> Scaling:
        """The map for data x (n, d) to a domain; their coordinates lie in `span` = (lo, hi) by construction, or None.

        `units` are those of the coordinates, empty when they share one.

        Raises
        ------
        ValueError
            If the domain is a box that the data leave, or if all data, or a coordinate with a unit of its own,
            are one and the same number.
        """
        box = domain.as_box
        if box is None:
            if span is None and len(set(units)) > 1:
                one = [cls.of(domain, x[:, j : j + 1], None) for j in range(x.shape[1])]
                return cls(*(tuple(getattr(of, name) for of in one) for name in ("offset", "scale")))
            return cls.free(x, span)
        if span is None or box.axes is not None:
            box.check_inside(x, "data")
            return cls()
        low, length = float(box.low(1)[0]), float(box.length(1)[0])
        scale = (span[1] - span[0]) / length
        return cls(span[0] - low * scale, scale)

    @classmethod
    def free(cls, x: Array, span: tuple[float, float] | None) -> Scaling:
        """The map onto [-1, 1] for data of known range, else to mean 0 and root mean square 1; errors as of `of`."""
        if span is not None:
            lo, hi = span
            return cls((lo + hi) / 2, (hi - lo) / 2)
        with np.errstate(over="ignore", invalid="ignore"):
            offset = float(x.mean())
            scale = math.sqrt(float(((x - x.dtype.type(offset)) ** 2).mean()))
        if not math.isfinite(scale):
            raise ValueError(
                f"data: numbers as large as {float(abs(x).max()):.3g} are too large for {x.dtype}, which has to hold "
                "their squares; rescale them."
            )
        if scale == 0:
            raise ValueError(f"data: all {x.size} numbers are {offset:g}; there is nothing to learn.")
        return cls(offset, scale)


def _like(x: Array, numbers: _Numbers) -> Array:
    """One number, or one a column, of the dtype of x and on its device."""
    return x.dtype.type(numbers) if isinstance(numbers, float) else array_module(x).asarray(numbers, x.dtype)


def clip_to_domain(domain: Domain, x: Array) -> Array:
    """x (n, d) in model coordinates, without what rounding has carried through a wall of a box."""
    box = domain.as_box
    if box is None:
        return x
    xp, d = array_module(x), x.shape[1]
    box.check_dimension(d)
    low, length = (xp.asarray(side, x.dtype) for side in (box.low(d), box.length(d)))
    return xp.clip(x, low, low + length)
