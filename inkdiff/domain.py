"""Where a process lives: free space, or a product box with reflecting or periodic walls.

A walker that would leave a box is folded back: mirrored at reflecting walls, wrapped around periodic ones, as
often as needed. For constant diffusivity without drift this is exact at any step size (the method of images);
with a drift or a score it is of first order in the step. One box is a product of intervals; a scalar `lo` or
`hi` holds for every axis.

Reference: W. Feller, An Introduction to Probability Theory and Its Applications II, X.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff import checks
from inkdiff.backend import Array, array_module
from inkdiff.kernels.formulas import FREE, PERIODIC, REFLECT

__all__ = ["Box", "Domain", "Free"]

_WALLS = {"reflect": REFLECT, "periodic": PERIODIC}


@dataclass(frozen=True)
class Free:
    """Unbounded space."""

    @property
    def wall_code(self) -> int:
        """The kernels' number for this domain."""
        return FREE


@dataclass(frozen=True, init=False)
class Box:
    """The product of intervals [lo, hi], one per axis, in the length unit of the state.

    Parameters
    ----------
    lo, hi : float or one float per axis, lo < hi
    wall : "reflect" (a glass: no flux through the walls) or "periodic" (a torus)

    Raises
    ------
    ValueError
        If lo >= hi on an axis, lengths of `lo` and `hi` differ, or `wall` is unknown.
    """

    lo: float | tuple[float, ...]
    hi: float | tuple[float, ...]
    wall: str

    def __init__(
        self, lo: float | Sequence[float] = 0.0, hi: float | Sequence[float] = 1.0, wall: str = "reflect"
    ) -> None:
        low, high = _per_axis(lo, "lo"), _per_axis(hi, "hi")
        if isinstance(low, tuple) and isinstance(high, tuple) and len(low) != len(high):
            raise ValueError(f"lo and hi must have one value per axis each, got {len(low)} and {len(high)}.")
        if not (np.asarray(low) < np.asarray(high)).all():
            raise ValueError(f"lo must be below hi on every axis, got lo={lo}, hi={hi}.")
        sides = np.subtract(high, low, dtype=np.float64)
        checks.positive(float(sides.min()), "hi - lo", unit="a length")
        if not isinstance(wall, str) or wall not in _WALLS:
            raise ValueError(f"wall must be one of {', '.join(map(repr, _WALLS))}, got {wall!r}.")
        object.__setattr__(self, "lo", low)
        object.__setattr__(self, "hi", high)
        object.__setattr__(self, "wall", wall)

    @property
    def wall_code(self) -> int:
        """The kernels' number for these walls."""
        return _WALLS[self.wall]

    @property
    def axes(self) -> int | None:
        """Number of axes if given one by one, None if the box is a cube of any dimension."""
        return next((len(side) for side in (self.lo, self.hi) if isinstance(side, tuple)), None)

    def check_dimension(self, d: int) -> None:
        """Raise unless a state of d coordinates fits this box."""
        if self.axes not in (None, d):
            raise ValueError(f"the box has {self.axes} axes, but x has {d} coordinates per row; make them equal.")

    def low(self, d: int) -> npt.NDArray[np.float64]:
        """Lower ends, (d,)."""
        return np.broadcast_to(np.asarray(self.lo, np.float64), (d,)).copy()

    def length(self, d: int) -> npt.NDArray[np.float64]:
        """Side lengths, (d,)."""
        return np.broadcast_to(np.subtract(self.hi, self.lo, dtype=np.float64), (d,)).copy()

    def bounds(self, dtype: npt.DTypeLike, xp: Any = np) -> tuple[Array, Array]:
        """Lower ends and lengths for the kernels: one entry if all axes are alike, else one per axis."""
        axes = self.axes or 1
        low, length = self.low(axes), self.length(axes)
        if len(set(low)) == 1 and len(set(length)) == 1:
            low, length = low[:1], length[:1]
        return xp.asarray(low, dtype), xp.asarray(length, dtype)

    def period(self, d: int) -> npt.NDArray[np.float64]:
        """Lengths after which a folded line repeats itself, (d,): twice the sides for reflecting walls."""
        return self.length(d) * (1 if self.wall_code == PERIODIC else 2)

    def volume(self, d: int) -> float:
        """Product of the side lengths."""
        return float(self.length(d).prod())

    def check_inside(self, x: Array, name: str = "x") -> None:
        """Raise unless every row of x (n, d) lies in the box, walls included."""
        self.check_dimension(x.shape[1])
        xp = array_module(x)
        # The kernels' upper end is lo + (hi - lo), which rounding may put an ulp beyond hi, or hi beyond it.
        low, high = self.low(x.shape[1]), np.maximum(self.low(x.shape[1]) + self.length(x.shape[1]), self.hi)
        low, high = xp.asarray(low, x.dtype), xp.asarray(high, x.dtype)
        outside = (x < low) | (x > high)
        if bool(outside.any()):
            raise ValueError(
                f"{name} must lie in the box [{self.lo}, {self.hi}], but {int(outside.sum())} of its {x.size} "
                f"coordinates are outside (smallest {float(x.min()):.6g}, largest {float(x.max()):.6g}); "
                f"rescale {name} or enlarge the box."
            )


Domain = Free | Box


def _per_axis(side: float | Sequence[float], name: str) -> float | tuple[float, ...]:
    if np.ndim(side) == 0:
        return _bounded(side, name)
    values = tuple(_bounded(v, name) for v in side)  # type: ignore[union-attr]
    if not values:
        raise ValueError(f"{name} must be a number or one number per axis, got an empty sequence.")
    return values


def _bounded(side: object, name: str) -> float:
    number = checks.real(side, name)
    if abs(number) > checks.LARGEST:
        raise ValueError(f"{name} must lie within +-{checks.LARGEST:g}, got {number}; change units.")
    return number
