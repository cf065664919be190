"""Walks in integers: steps add up however small they are, and the same steps with opposite signs undo them.

    phase   <-  phase + round(c eps 2^32/(2 L))   modulo 2^32        between walls
    quanta  <-  quanta + round(c eps/quantum)                        in free space

Reference: `inkdiff.kernels.formulas`.
"""

from __future__ import annotations

from inkdiff import kernels
from inkdiff._core.backend import Array, Floats, array_module
from inkdiff._core.noise_address import Address
from inkdiff._core.rng import Stream
from inkdiff.domains.walks import Walk
from inkdiff.kernels import Walls

__all__ = ["BoxWalk", "FreeWalk"]


class BoxWalk(Walk):
    """Steps of 32-bit phases on the doubled torus."""

    undoable = True

    def __init__(self, walls: Walls, x: Array, width: Floats) -> None:
        xp = array_module(x)
        self._walls, self._width = Walls(*map(xp.asarray, walls)), xp.asarray(width)

    def __call__(self, x: Array, begin: int, end: int, *, seed: int, first_step: int = 0, start: int = 0) -> None:
        """Forwards, or backwards if end < begin."""
        low, signed = (begin, self._width[begin:end]) if begin <= end else (end, -self._width[end:begin])
        kernels.walk_box(x, signed, self._walls, Address(seed, first_step + low, Stream.FORWARD, start))


class FreeWalk(Walk):
    """Steps of 64-bit integers."""

    undoable = True

    def __init__(self, width: Floats, quantum: float) -> None:
        self._width, self._quantum = width, quantum

    def __call__(self, x: Array, begin: int, end: int, *, seed: int, first_step: int = 0, start: int = 0) -> None:
        """Forwards, or backwards if end < begin."""
        low, signed = (begin, self._width[begin:end]) if begin <= end else (end, -self._width[end:begin])
        kernels.walk_free(x, signed, self._quantum, Address(seed, first_step + low, Stream.FORWARD, start))
