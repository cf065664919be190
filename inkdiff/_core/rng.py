"""Noise as a pure function of its address: Philox4x32-10 words turned into standard normals, written once for
CPU and CUDA.

A counter-based generator has no state to carry: word j of call c is Philox(counter, key), so any number can be had in
any order, by any thread, forwards or backwards in time. inkdiff's addresses are

    key     = (seed low, seed high)                    the 64-bit seed
    counter = (call low, call high, step, stream)      step of the walk; stream = what the noise is for

and element e of an array takes output j of call c, where e = block*4Q + j*Q + i, c = block*Q + i and Q = 1024: the
four outputs of one call are Q elements apart, so that a loop over i writes four contiguous runs and fills whole
vector registers, whatever the shape (n, d) of the array.

Normals come by the Box-Muller transform, sqrt(-2 ln u) (sin, cos)(theta), with short float32 polynomials in place of
library calls: they inline, vectorise, and give the same bits on every CPU and GPU. A uniform of 32 bits bounds
the normals by |z| <= sqrt(66 ln 2) = 6.77 (probability of exceeding it: 1.3e-11).

All functions here are scalar, without branches or arrays; each multiply-add that may be fused is written `fma`.

Reference: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as easy as 1, 2, 3 (SC11).
G. E. P. Box and M. E. Muller, A note on the generation of random normal deviates (1958).
"""

from __future__ import annotations

import enum
import math
from typing import Any

import numpy as np

from inkdiff._core.compilation import fma, inline

__all__ = ["QUARTER", "Stream", "normal_pair", "normals4", "philox4", "unit_interval"]

QUARTER = 1024  # Q: elements between two outputs of one Philox call


@enum.unique
class Stream(enum.IntEnum):
    """What a number is used for: the fourth counter word. One seed never gives two uses the same noise."""

    FORWARD = 0  # simulate: steps forward in time
    JUMP = 1  # diffuse: one exact jump from t = 0
    REVERSE = 2  # reverse: steps backward in time
    PRIOR = 3  # draws from the equilibrium or prior that a reverse process starts from
    TRAIN = 4  # noise and times of denoising score matching
    DATA = 5  # synthetic data and the order of training examples
    HUTCHINSON = 6  # probe vectors of trace estimates
    INIT = 7  # initial weights of a network
    DROPOUT = 8  # dropout masks
    BOOTSTRAP = 9  # resampling for standard errors
    CALIBRATION = 10  # walkers on which a learned score is calibrated
    URN = 11  # balls drawn in Ehrenfest's urns
    MOLECULES = 12  # velocities that molecules start with
    BRIDGE = 13  # what a walker did between two steps, near an absorbing wall
    CORRECTOR = 14  # Langevin steps between the steps backward in time
    BOUND = 15  # noised data that a variational bound is averaged over
    BITS = 16  # simulate: flips of bits forward in time
    BITS_REVERSE = 17  # reverse: flips of bits backward in time
    LEAVES = 18  # discs that fall on each other
    LABELS = 20  # which words of a condition are hidden in training
    LATENT = 21  # what a generator draws from
    ADVERSARIAL = 22  # training of generator and discriminator: rows of the data, and latents


_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


@inline
def _philox_round(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    # The words live in 64-bit lanes whose upper halves may be dirty: a 32x32 -> 64 bit vector multiply reads only the
    # lower halves, and masking before the product is what tells the compiler so.
    p0 = (c0 & _LOW) * _MULTIPLIER_0
    p1 = (c2 & _LOW) * _MULTIPLIER_1
    return (p1 >> _32) ^ c1 ^ k0, p1, (p0 >> _32) ^ c3 ^ k1, p0


@inline
def philox4(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Philox4x32-10: counter words c0..c3 and key words k0, k1 (uint64 holding 32 bits) -> four uint32."""
    for _ in range(9):
        c0, c1, c2, c3 = _philox_round(c0, c1, c2, c3, k0, k1)
        k0 = (k0 + _WEYL_0) & _LOW
        k1 = (k1 + _WEYL_1) & _LOW
    c0, c1, c2, c3 = _philox_round(c0, c1, c2, c3, k0, k1)
    return np.uint32(c0 & _LOW), np.uint32(c1 & _LOW), np.uint32(c2 & _LOW), np.uint32(c3 & _LOW)


_f32 = np.float32
_ONE = _f32(1)
_ZERO = _f32(0)
_2_POW_M32 = _f32(2.0**-32)
_2_POW_M33 = _f32(2.0**-33)
_2_POW_M31 = _f32(2.0**-31)
_2_POW_M24 = _f32(2.0**-24)
_2_POW_M23 = _f32(2.0**-23)
_SQRT_HALF_BITS = np.int32(0x3F3504F3)
_MANTISSA_BITS = np.int32(23)
_MINUS_2_LN2 = _f32(-2 * math.log(2))

# Minimax polynomials (Lawson iteration), rounded to float32; largest error before rounding in brackets.
# -2 ln(1 + m) / m on [sqrt(1/2) - 1, sqrt(2) - 1]                                                  [5e-8]
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8 = (
    _f32(c)
    for c in (
        -2.0, 0.9999995827674866, -0.6666831970214844, 0.5000588893890381, -0.39916834235191345,
        0.33087483048439026, -0.29834774136543274, 0.28964319825172424, -0.17919710278511047,
    )
)  # fmt: skip
# sin(pi t / 2) / t as a polynomial in t^2 on [0, 1]                                                [7e-9]
_S0, _S1, _S2, _S3, _S4 = (
    _f32(c)
    for c in (
        1.5707963705062866, -0.6459637880325317, 0.07968992739915848, -0.004674157593399286, 0.00015167852689046413,
    )
)  # fmt: skip
# cos(pi t / 2) as a polynomial in t^2 on [0, 1]                                                    [2e-10]
_C0, _C1, _C2, _C3, _C4, _C5 = (
    _f32(c)
    for c in (
        1.0, -1.2337005138397217, 0.2536693215370178, -0.02086268924176693, 0.0009177248575724661,
        -2.3824917661841027e-05,
    )
)  # fmt: skip


@inline
def _minus_2_log(u: Any) -> Any:
    """-2 ln u for float32 0 < u <= 1 to 2 ulp: u = 2^e (1 + m) with 1 + m in [sqrt(1/2), sqrt(2))."""
    bits = np.float32(u).view(np.int32)
    e = np.int32(np.int32(bits - _SQRT_HALF_BITS) >> _MANTISSA_BITS)
    m = np.int32(bits - np.int32(e << _MANTISSA_BITS)).view(np.float32) - _ONE
    p = fma(_L8, m, _L7)
    p = fma(p, m, _L6)
    p = fma(p, m, _L5)
    p = fma(p, m, _L4)
    p = fma(p, m, _L3)
    p = fma(p, m, _L2)
    p = fma(p, m, _L1)
    p = fma(p, m, _L0)
    w = fma(_f32(e), _MINUS_2_LN2, p * m)
    return w if w > _ZERO else _ZERO


@inline
def normal_pair(x: Any, y: Any) -> Any:
    """Two uint32 -> two independent float32 standard normals (Box-Muller); |z| <= 6.77.

    `x` gives the radius through u = (x + 1/2) 2^-32. `y`, read as a signed fraction t in [-1, 1), gives an angle
    pi t / 2 in the right half-plane, and its lowest bit a random sign of the radius: together the whole circle.
    """
    u = fma(_f32(x), _2_POW_M32, _2_POW_M33)
    radius = np.float32(math.sqrt(_minus_2_log(u)))
    sign = np.int32(np.uint32(y) << np.uint32(31))
    r = np.int32(radius.view(np.int32) | sign).view(np.float32)
    t = _f32(np.int32(y)) * _2_POW_M31
    t2 = t * t
    s = fma(_S4, t2, _S3)
    s = fma(s, t2, _S2)
    s = fma(s, t2, _S1)
    s = fma(s, t2, _S0)
    c = fma(_C5, t2, _C4)
    c = fma(c, t2, _C3)
    c = fma(c, t2, _C2)
    c = fma(c, t2, _C1)
    c = fma(c, t2, _C0)
    return r * (s * t), r * c


@inline
def normals4(call: Any, step: Any, stream: Any, k0: Any, k1: Any) -> Any:
    """The four standard normals of one Philox call at (call, step, stream) under key (k0, k1); all uint64."""
    w0, w1, w2, w3 = philox4(call, call >> _32, step, stream, k0, k1)
    z0, z1 = normal_pair(w0, w1)
    z2, z3 = normal_pair(w2, w3)
    return z0, z1, z2, z3


@inline
def unit_interval(x: Any) -> Any:
    """uint32 -> float32 uniform on the open interval (0, 1): the midpoints of 2^23 equal cells."""
    return fma(_f32(np.uint32(x) >> np.uint32(9)), _2_POW_M23, _2_POW_M24)
