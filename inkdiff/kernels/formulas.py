"""The step of every process, as scalar functions: written once, inlined into the CPU and the CUDA shells.

One kernel moves ink and images, forwards and backwards:

    x  <-  fold(a x + b u + s eps)

with u = score(x, t) and b = 0 forward in time. In a box without drift the position is a fixed-point *phase*: a 32-bit
integer on the doubled torus, 2^32 quanta = 2 L for reflecting walls (the walker and its mirror image) and = L
for periodic ones. Integer overflow is then the wrap, reflection is an absolute value taken when the phase is
read, additions commute, and subtracting a step undoes it to the last bit. The quantum is L / 2^31 (5e-10 L);
periodic: L / 2^32.

A reflected phase has a magnitude and a sign (its sheet). Read as float64, the sheet is carried by half a
quantum, so that a position read and encoded again is the same phase; read as float32, the position is rounded
to 24 bits and the first sheet.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from inkdiff._compile import floor, fma, inline, rint
from inkdiff.rng import normals4

__all__ = [
    "FREE", "PERIODIC", "REFLECT", "advance4", "advance_phase4", "drive", "fold", "from_phase", "phase_increment",
    "to_phase",
]  # fmt: skip

FREE, REFLECT, PERIODIC = 0, 1, 2

_TWO_POW_32 = np.float32(2.0**32)
_TWO_POW_M32 = np.float32(2.0**-32)
_LARGEST = np.float32(2.0**31 - 128)  # the largest float32 below 2^31
_ONE_32 = np.int64(1)


@inline
def fold(x: Any, lo: Any, length: Any, wall: Any) -> Any:
    """The image of x in [lo, lo + length]: mirrored at, or wrapped around, the walls as often as needed.

    An x inside is returned untouched. Rounding in y / period can leave y a hair below 0, hence the last clamp.
    """
    if wall == FREE:
        return x
    hi = lo + length
    period = length + length if wall == REFLECT else length
    y = x - lo
    y = fma(-period, floor(y / period), y)
    if wall == REFLECT:
        mirrored = period - y
        y = mirrored if mirrored < y else y
    y = lo + y
    # Comparisons, not min and max: those treat NaN in one way on the CPU and in another on a GPU. Here it stays NaN.
    y = lo if y < lo else y
    if y > hi or (wall == PERIODIC and y == hi):
        y = hi if wall == REFLECT else lo
    return x if (x >= lo) & (x <= hi) else y


@inline
def drive(x: Any, a: Any, u: Any, b: Any, s: Any, z: Any) -> Any:
    """a x + b u + s z, each sum one rounding."""
    return fma(s, z, fma(b, u, a * x))


@inline
def advance4(
    x0: Any, x1: Any, x2: Any, x3: Any, a: Any, s: Any, call: Any, step: Any, stream: Any, k0: Any, k1: Any
) -> Any:  # fmt: skip
    """x <- a x + s eps for the four elements that share one Philox call."""
    z0, z1, z2, z3 = normals4(call, step, stream, k0, k1)
    return fma(s, z0, a * x0), fma(s, z1, a * x1), fma(s, z2, a * x2), fma(s, z3, a * x3)


@inline
def phase_increment(amplitude: Any, z: Any) -> Any:
    """round(amplitude z) modulo 2^32, as int32; `amplitude` is the step's standard deviation in quanta.

    The product is reduced while still a float: converting a float beyond 2^31 is undefined and differs between
    CPU and GPU.
    """
    v = amplitude * z
    v = fma(-_TWO_POW_32, rint(v * _TWO_POW_M32), v)
    return np.int32(rint(v if v < _LARGEST else _LARGEST))


@inline
def advance_phase4(
    p0: Any, p1: Any, p2: Any, p3: Any, s0: Any, s1: Any, s2: Any, s3: Any,
    call: Any, step: Any, stream: Any, k0: Any, k1: Any,
) -> Any:  # fmt: skip
    """Phase += step, modulo 2^32, for the four elements that share one Philox call; s0..s3 in quanta."""
    z0, z1, z2, z3 = normals4(call, step, stream, k0, k1)
    return (
        np.int32(p0 + phase_increment(s0, z0)),
        np.int32(p1 + phase_increment(s1, z1)),
        np.int32(p2 + phase_increment(s2, z2)),
        np.int32(p3 + phase_increment(s3, z3)),
    )


@inline
def to_phase(x: Any, lo: Any, length: Any, wall: Any) -> Any:
    """Position (float64 lo, length) -> int32 phase, rounded to the nearest representable state."""
    h = np.int64(rint((np.float64(x) - lo) * (4294967296.0 / length)))
    if wall == PERIODIC:
        return np.int32(h)
    magnitude = h >> _ONE_32
    return np.int32(magnitude if (h & _ONE_32) == 0 else -magnitude)


@inline
def from_phase(phase: Any, lo: Any, length: Any, wall: Any) -> Any:
    """int32 phase -> position in [lo, lo + length] as float64 (half a quantum above the magnitude on the second
    sheet)."""
    p = np.int64(phase)
    if wall == PERIODIC:
        h = p & np.int64(0xFFFFFFFF)
    else:
        magnitude = abs(p)
        h = (magnitude << _ONE_32) | np.int64((p < 0) & (magnitude < np.int64(0x80000000)))
    return fma(np.float64(h), length * 2.3283064365386963e-10, lo)
