"""The step of every process, as scalar functions: written once, inlined into the CPU and the CUDA shells.

One kernel moves ink and images, forwards and backwards:

    x  <-  fold(a x + b u + c eps)

with u = score(x, t) and b = 0 forward in time. Without a drift positions are integers while they walk, so that small
steps do not stall, additions commute, and the same walk with the amplitude -c undoes it to the last bit.

In a box the integer is a 32-bit *phase* on the doubled torus, 2^32 quanta = 2 L for reflecting walls (the walker and
its mirror image) and = L for periodic ones. Integer overflow is then the wrap, and reflection is an absolute value
taken when the phase is read. The quantum is L / 2^31 (5e-10 L); periodic: L / 2^32. A reflected phase has a magnitude
and a sign (its sheet). Read as float64, the sheet is carried by half a quantum, so that a position read and encoded
again is the same phase; read as float32, the position is rounded to 24 bits and the first sheet.

In free space the integer has 64 bits, in quanta of a power of two (`Free.quantum`): a float64 position within 2^53
quanta of the origin holds it whole.

Integers and floats are turned into each other by adding a constant whose last bit weighs one: the sum's rounding is
the conversion, and its bits are the integer. Unlike the conversion instructions, that exists in vectors of any width.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from inkdiff._core.compilation import floor, fma, inline, rint
from inkdiff._core.rng import normals4

__all__ = [
    "PERIODIC", "REFLECT", "SHORT_STEP", "advance", "advance4", "advance_phase4", "advance_phase4_short",
    "advance_quanta4", "cell_of", "displace", "drive", "fold", "from_phase", "from_quanta",
    "quanta_increment", "quanta_per_length", "step_in_quanta", "to_phase", "to_quanta",
]  # fmt: skip

REFLECT, PERIODIC = 1, 2

_TWO_POW_32 = np.float32(2.0**32)
_TWO_POW_M32 = np.float32(2.0**-32)
_WIDEST = 2.0 * 2.0**32  # a Gaussian two periods wide is uniform to exp(-(4 pi)^2 / 2) = 5e-35 when folded
SHORT_STEP = np.float32(2.0**28)  # a sixteenth of the phase: 6.8 standard deviations are below half of it
_LARGEST = np.float32(2.0**31 - 128)  # the largest float32 below 2^31
_MAGIC = 1.5 * 2.0**52  # added to |y| < 2^51, the sum is rounded to an integer ...
_MAGIC_BITS = np.int64(0x4338000000000000)  # ... which is the difference of the bits
_LOW_32 = np.uint64(0xFFFFFFFF)


@inline
def fold(x: Any, lo: Any, length: Any, wall: Any) -> Any:
    """The image of x in [lo, lo + length]: mirrored at, or wrapped around, the walls as often as needed.

    An x inside is returned untouched. Rounding in y / period can leave y a hair below 0, hence the last clamp.
    """
    reflects = wall == REFLECT
    hi = lo + length
    period = length + length if reflects else length
    y = x - lo
    y = fma(-period, floor(y / period), y)
    mirrored = period - y
    y = lo + (mirrored if reflects & (mirrored < y) else y)
    # Comparisons, not min and max: those treat NaN in one way on the CPU and in another on a GPU. Here it stays NaN.
    y = lo if y < lo else y
    y = (hi if reflects else lo) if (y > hi) | ((not reflects) & (y == hi)) else y
    return x if (x >= lo) & (x <= hi) else y


@inline
def drive(x: Any, a: Any, u: Any, b: Any, c: Any, z: Any) -> Any:
    """a x + b u + c z, each sum one rounding."""
    return fma(c, z, fma(b, u, a * x))


@inline
def displace(x: Any, c: Any, z: Any) -> Any:
    """x + c z in one rounding."""
    return fma(c, z, x)


@inline
def advance(x: Any, a: Any, c: Any, z: Any) -> Any:
    """a x + c z in one rounding after a x: the step without a score."""
    return fma(c, z, a * x)


@inline
def advance4(
    x0: Any, x1: Any, x2: Any, x3: Any, a: Any, c: Any, call: Any, step: Any, stream: Any, k0: Any, k1: Any
) -> Any:  # fmt: skip
    """x <- a x + c eps for the four elements that share one Philox call."""
    z0, z1, z2, z3 = normals4(call, step, stream, k0, k1)
    return advance(x0, a, c, z0), advance(x1, a, c, z1), advance(x2, a, c, z2), advance(x3, a, c, z3)


@inline
def quanta_per_length(length: Any, wall: Any) -> Any:
    """Quanta of the phase in a unit of length; float64."""
    return (4294967296.0 if wall == PERIODIC else 2147483648.0) / length


@inline
def step_in_quanta(width: Any, per_length: Any) -> Any:
    """A step's standard deviation (float64, signed by the direction of time) in quanta of the phase, as float32.

    Wider ones than are needed for a uniform law would only lose their low bits: they are cut.
    """
    v = width * per_length
    v = v if v < _WIDEST else _WIDEST
    return np.float32(v if v > -_WIDEST else -_WIDEST)


@inline
def _phase_increment(amplitude: Any, z: Any) -> Any:
    """round(amplitude z) modulo 2^32, as int32; `amplitude` is the step's standard deviation in quanta.

    The product is reduced while still a float: converting a float beyond 2^31 is undefined and differs between
    CPU and GPU. Odd in the amplitude, whose sign is the direction of time.
    """
    v = amplitude * z
    v = fma(-_TWO_POW_32, rint(v * _TWO_POW_M32), v)
    v = v if v < _LARGEST else _LARGEST
    return np.int32(rint(v if v > -_LARGEST else -_LARGEST))


@inline
def _short_increment(amplitude: Any, z: Any) -> Any:
    """The same where |amplitude z| < 2^31: nothing to reduce."""
    return np.int32(rint(amplitude * z))


@inline
def advance_phase4_short(
    p0: Any, p1: Any, p2: Any, p3: Any, s0: Any, s1: Any, s2: Any, s3: Any,
    call: Any, step: Any, stream: Any, k0: Any, k1: Any,
) -> Any:  # fmt: skip
    """`advance_phase4` for amplitudes below `SHORT_STEP`: the same bits, a tenth faster."""
    z0, z1, z2, z3 = normals4(call, step, stream, k0, k1)
    return (
        np.int32(p0 + _short_increment(s0, z0)),
        np.int32(p1 + _short_increment(s1, z1)),
        np.int32(p2 + _short_increment(s2, z2)),
        np.int32(p3 + _short_increment(s3, z3)),
    )


@inline
def advance_phase4(
    p0: Any, p1: Any, p2: Any, p3: Any, s0: Any, s1: Any, s2: Any, s3: Any,
    call: Any, step: Any, stream: Any, k0: Any, k1: Any,
) -> Any:  # fmt: skip
    """Phase += step, modulo 2^32, for the four elements that share one Philox call; s0..s3 in quanta."""
    z0, z1, z2, z3 = normals4(call, step, stream, k0, k1)
    return (
        np.int32(p0 + _phase_increment(s0, z0)),
        np.int32(p1 + _phase_increment(s1, z1)),
        np.int32(p2 + _phase_increment(s2, z2)),
        np.int32(p3 + _phase_increment(s3, z3)),
    )


@inline
def quanta_increment(amplitude: Any, z: Any, shift: Any) -> Any:
    """round(amplitude z) 2^shift as int64, |amplitude z| < 2^51."""
    v = fma(amplitude, np.float64(z), _MAGIC)
    return (np.float64(v).view(np.int64) - _MAGIC_BITS) << shift


@inline
def advance_quanta4(
    h0: Any, h1: Any, h2: Any, h3: Any, c: Any, shift: Any, call: Any, step: Any, stream: Any, k0: Any, k1: Any
) -> Any:  # fmt: skip
    """Position in quanta (int64) += step, for the four elements that share one Philox call; c in 2^shift quanta."""
    z0, z1, z2, z3 = normals4(call, step, stream, k0, k1)
    return (
        h0 + quanta_increment(c, z0, shift),
        h1 + quanta_increment(c, z1, shift),
        h2 + quanta_increment(c, z2, shift),
        h3 + quanta_increment(c, z3, shift),
    )


@inline
def to_phase(x: Any, lo: Any, scale: Any, wall: Any) -> Any:
    """Position -> int32 phase, rounded to the nearest representable state; scale = 2^32 / length, in float64.

    Between reflecting walls the last bit is the sheet, and what is left of it the magnitude.
    """
    y = fma(np.float64(x) - lo, scale, _MAGIC)
    h = np.uint64(np.float64(y).view(np.int64) - _MAGIC_BITS)
    sheet_bits = np.uint64(wall == REFLECT)
    second_sheet = np.int32(h & sheet_bits)
    magnitude = np.int32((h >> sheet_bits) & _LOW_32)
    return np.int32(np.int32(magnitude ^ np.int32(-second_sheet)) + second_sheet)  # negative on the second sheet


@inline
def from_phase(phase: Any, lo: Any, quantum: Any, wall: Any) -> Any:
    """int32 phase -> position in [lo, lo + length] as float64; quantum = length / 2^32.

    On the second sheet it is half a quantum (of the reflecting walls) above the magnitude, short of the wall.
    """
    p = np.float64(phase)
    reflected = p + p if p >= 0 else min(fma(-2.0, p, 1.0), 2.0**32)
    wrapped = p if p >= 0 else p + 2.0**32
    return fma(reflected if wall == REFLECT else wrapped, quantum, lo)


@inline
def to_quanta(x: Any, scale: Any) -> Any:
    """Position in free space -> int64 quanta; scale = 1/quantum, a power of two."""
    return np.int64(rint(np.float64(x) * scale))


@inline
def from_quanta(h: Any, quantum: Any) -> Any:
    """int64 quanta -> position as float64: exact within 2^53 quanta of the origin."""
    return np.float64(h) * quantum


@inline
def cell_of(x: Any, lo: Any, inverse: Any, bins: Any) -> Any:
    """Number of the cell, 0 .. bins - 1, of width 1/inverse from lo, that holds x; x beyond an end is in the last."""
    i = np.int64((np.float64(x) - lo) * inverse)
    return min(max(i, np.int64(0)), np.int64(bins - 1))
