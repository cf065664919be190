"""The sides of a box as they are given, one value for all axes or one per axis, and the ends of a cloud axis by axis.

Reference: see `inkdiff.domains.box`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff.kernels import ABSORB, PERIODIC, REFLECT

__all__ = ["WALL_CODES", "ends_by_axis", "kinds_of_wall", "per_axis"]

WALL_CODES = {"reflect": REFLECT, "periodic": PERIODIC, "absorb": ABSORB}
_TILE = 1024  # numbers that make a long row


def ends_by_axis(x: Array) -> tuple[Array, Array]:
    """Least and greatest of each column of x (n, d), (d,) each; NaN where there is one.

    Row by row that would take ten times as long: so as many rows as make a long one are taken at once, and those at
    the end, which need not fill one, some of them twice.
    """
    (n, d), xp = x.shape, array_module(x)
    rows = min(n, -(-_TILE // d))
    tiles = x[: n // rows * rows].reshape(-1, rows * d), x[n - rows :].reshape(1, -1)
    least, most = (tile.min(axis=0) for tile in tiles), (tile.max(axis=0) for tile in tiles)
    return xp.minimum(*least).reshape(rows, d).min(axis=0), xp.maximum(*most).reshape(rows, d).max(axis=0)


def per_axis(side: float | Sequence[float], name: str) -> float | tuple[float, ...]:
    """One number, or one per axis, checked."""
    if np.ndim(side) == 0:
        return _bounded(side, name)
    values = tuple(_bounded(v, name) for v in side)  # type: ignore[union-attr]
    if not values:
        raise ValueError(f"{name} must be a number or one number per axis, got an empty sequence.")
    return values


def kinds_of_wall(wall: object) -> str | tuple[str, ...]:
    """One kind of wall, or one per axis if they differ."""
    kinds: list[Any] = list(wall) if isinstance(wall, (list, tuple)) else [wall]
    for kind in kinds:
        if not isinstance(kind, str) or kind not in WALL_CODES:
            raise ValueError(f"wall must be one of {', '.join(map(repr, WALL_CODES))}, or one per axis, got {wall!r}.")
    if not kinds:
        raise ValueError("wall must name a kind, or one per axis, got an empty sequence.")
    return wall if isinstance(wall, str) else tuple(kinds)


def _bounded(side: object, name: str) -> float:
    number = checks.real(side, name)
    if abs(number) > checks.LARGEST:
        raise ValueError(f"{name} must lie within +-{checks.LARGEST:g}, got {number}; change units.")
    return number
