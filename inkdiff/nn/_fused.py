"""The network's elementwise work in one pass over memory each: SiLU with its slope, dropout, AdamW, table look-up.

Matrix products are the cost of a small network; what stands between them is memory traffic, so each of these loops
reads and writes every array once. They run inside row shards, one thread each, hence are never `parallel`; the lock
of the interpreter is released. float32 only: the float64 path of the gradient checks is plain array code
(`elementwise.py`), and the two agree to rounding.

    silu(x) = x s(x),   silu'(x) = s(x) (1 + x (1 - s(x))),   s(x) = 1 / (1 + exp(-x))

exp is a degree-6 polynomial on [-ln 2 / 2, ln 2 / 2] scaled by a power of two (2 ulp), because the library's exp is a
call and a call stops the vectoriser.

References: S. Elfwing, E. Uchibe, K. Doya (2018), arXiv:1702.03118 (SiLU); I. Loshchilov, F. Hutter (2019),
arXiv:1711.05101 (AdamW).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

import numba
import numpy as np

from inkdiff._core.backend import Array
from inkdiff._core.compilation import fma, inline, jit

__all__ = [
    "adamw", "dropout", "exp", "interpolate", "multiply", "one_kernel_thread", "silu", "silu_twice", "silu_with_slope",
]  # fmt: skip

_f32 = np.float32
_ONE = _f32(1)
_TWO = _f32(2)
_LOG2_E = _f32(1.4426950408889634)
# ln 2 in two parts, so that n ln 2 is subtracted without losing the low bits of x.
_LN2_HIGH = _f32(0.693145751953125)
_LN2_LOW = _f32(1.42860682030941723e-6)
_LARGEST = _f32(87.0)
_ROUNDER = _f32(1.5 * 2**23 + 127)
_MANTISSA_BITS = np.int32(23)
_E2, _E3, _E4, _E5, _E6 = (_f32(1 / math.factorial(k)) for k in range(2, 7))


@inline
def _exp(x: np.float32) -> np.float32:
    x = min(max(x, -_LARGEST), _LARGEST)
    # Adding 1.5 * 2^23 rounds to an integer n, which then stands, biased as an exponent is, in the lowest bits.
    shifted = np.float32(fma(x, _LOG2_E, _ROUNDER))
    n = shifted - _ROUNDER
    r = fma(n, -_LN2_LOW, fma(n, -_LN2_HIGH, x))
    p = fma(_E6, r, _E5)
    p = fma(p, r, _E4)
    p = fma(p, r, _E3)
    p = fma(p, r, _E2)
    p = fma(p, r, _ONE)
    p = fma(p, r, _ONE)
    power = np.int32(shifted.view(np.int32) << _MANTISSA_BITS).view(np.float32)
    return p * power


@inline
def _sigmoid(x: np.float32) -> np.float32:
    return _ONE / (_ONE + _exp(-x))


@jit
def _silu_row(z: Array, shift: Array) -> None:
    # In place through one name: were the result a second array, the compiler would have to ask whether the two overlap,
    # and where they do it takes the scalar loop (5 times slower).
    for j in range(z.size):
        v = z[j] + shift[j]
        z[j] = v * _sigmoid(v)


@jit
def _silu_row_onto(z: Array, shift: Array, base: Array) -> None:
    for j in range(z.size):
        v = z[j] + shift[j]
        z[j] = fma(v, _sigmoid(v), base[j])


@jit
def silu(z: Array, shift: Array, base: Array) -> None:
    """z <- base + silu(z + shift); equally many rows of z share each row of `shift`; `base` may be empty."""
    group = z.shape[0] // shift.shape[0]
    for i in range(z.shape[0]):
        if base.shape[0] == 0:
            _silu_row(z[i], shift[i // group])
        else:
            _silu_row_onto(z[i], shift[i // group], base[i])


@jit
def _slope_row(z: Array, shift: Array, y: Array) -> None:
    for j in range(z.size):
        v = z[j] + shift[j]
        s = _sigmoid(v)
        a = v * s
        z[j] = fma(s, _ONE - a, a)
        y[j] = a


@jit
def _slope_row_onto(z: Array, shift: Array, base: Array, y: Array) -> None:
    for j in range(z.size):
        v = z[j] + shift[j]
        s = _sigmoid(v)
        a = v * s
        z[j] = fma(s, _ONE - a, a)
        y[j] = base[j] + a


@jit
def silu_with_slope(z: Array, shift: Array, base: Array, y: Array) -> None:
    """y = base + silu(z + shift), z <- silu'(z + shift) = s + silu (1 - s); y may have more columns, left alone."""
    rows, width = z.shape
    group = rows // shift.shape[0]
    for i in range(rows):
        if base.shape[0] == 0:
            _slope_row(z[i], shift[i // group], y[i, :width])
        else:
            _slope_row_onto(z[i], shift[i // group], base[i], y[i, :width])


@jit
def _twice_row(z: Array, shift: Array, y: Array, curvature: Array) -> None:
    for j in range(z.size):
        v = z[j] + shift[j]
        s = _sigmoid(v)
        a = v * s
        ds = s * (_ONE - s)
        z[j] = fma(s, _ONE - a, a)
        y[j] = a
        curvature[j] = ds * fma(v, _ONE - (s + s), _TWO)


@jit
def silu_twice(z: Array, shift: Array, y: Array, curvature: Array) -> None:
    """y = silu(v), z <- silu'(v), curvature = silu''(v) = s (1 - s) (2 + v (1 - 2 s)); v = z + shift, shift (1, w)."""
    for i in range(z.shape[0]):
        _twice_row(z[i], shift[0], y[i], curvature[i])


@jit
def _dropout_row(z: Array, base: Array, y: Array, uniform: Array, rate: np.float32, scale: np.float32) -> None:
    for j in range(z.size):
        keep = scale if uniform[j] >= rate else _f32(0)
        z[j] *= keep
        y[j] = fma(keep, y[j] - base[j], base[j])


@jit
def dropout(z: Array, base: Array, y: Array, uniform: Array, rate: np.float32, scale: np.float32) -> None:
    """Where uniform < rate: z <- 0 and y <- base; elsewhere z and y - base grow by `scale` = 1 / (1 - rate)."""
    for i in range(z.shape[0]):
        _dropout_row(z[i], base[i], y[i], uniform[i], rate, scale)


@jit
def _product_row(z: Array, dy: Array) -> None:
    for j in range(z.size):
        z[j] *= dy[j]


@jit
def multiply(z: Array, dy: Array, sums: Array) -> None:
    """z <- z dy; `sums`, unless empty, receives the sum of each group of neighbouring rows, in their order."""
    rows = z.shape[0]
    if sums.shape[0] == 0:
        for i in range(rows):
            _product_row(z[i], dy[i])
        return
    sums[:] = _f32(0)
    group = rows // sums.shape[0]
    for i in range(rows):
        k = i // group
        for j in range(z.shape[1]):
            v = z[i, j] * dy[i, j]
            z[i, j] = v
            sums[k, j] += v


@jit
def adamw(theta: Array, mean: Array, m: Array, v: Array, gradient: Array, constants: tuple[np.float32, ...]) -> None:
    """One AdamW step and one step of the running mean over flat slices.

    `constants` = (b1, b2, rate / (1 - b1^k), 1 / sqrt(1 - b2^k), eps, rate * decay, blend), see `optimiser.py`.
    """
    b1, b2, rate, correction, eps, decay, blend = constants
    c1 = _ONE - b1
    c2 = _ONE - b2
    for i in range(theta.size):
        g = gradient[i]
        mi = fma(b1, m[i], c1 * g)
        vi = fma(b2, v[i], c2 * g * g)
        m[i] = mi
        v[i] = vi
        step = fma(rate, mi / fma(math.sqrt(vi), correction, eps), decay * theta[i])
        p = theta[i] - step
        theta[i] = p
        mean[i] = fma(blend, p - mean[i], mean[i])


@jit
def _exp_row(x: Array, top: np.float32) -> None:
    for j in range(x.size):
        x[j] = _exp(x[j] - top)


@jit
def exp(x: Array, top: Array) -> None:
    """x <- exp(x - top), row by row, for x <= top; x (n, w), top (n, 1). What is below 1e-37 becomes 1e-38."""
    for i in range(x.shape[0]):
        _exp_row(x[i], top[i, 0])


@jit
def interpolate(y: Array, row: Array, fraction: Array, table: Array, start: Array, inverse: Array, out: Array) -> None:
    """Linear look-up of three functions in the table rows on either side of a level, blended by `fraction`.

    y (n, d); row, fraction (n,) or (1,); table (K, d, G, 3); start, inverse (K, d): node 0 and nodes per unit length;
    out (3, n, d). The three are written out: a loop over so few costs twice what it does.
    """
    levels, d, nodes, _ = table.shape
    flat = table.reshape(levels * nodes * d * 3)
    last = np.float32(nodes - 2)
    stride = 1 if row.shape[0] == y.shape[0] else 0
    for i in range(y.shape[0]):
        k = row[i * stride]
        right = fraction[i * stride]
        for j in range(d):
            v = y[i, j]
            lower = (v - start[k, j]) * inverse[k, j]
            upper = (v - start[k + 1, j]) * inverse[k + 1, j]
            node = np.int64(min(max(lower, _f32(0)), last))
            above = np.int64(min(max(upper, _f32(0)), last))
            lower -= _f32(node)
            upper -= _f32(above)
            at = ((k * d + j) * nodes + node) * 3
            up = (((k + 1) * d + j) * nodes + above) * 3
            a0, a1, a2 = flat[at], flat[at + 1], flat[at + 2]
            b0, b1, b2 = flat[up], flat[up + 1], flat[up + 2]
            a0, b0 = fma(lower, flat[at + 3] - a0, a0), fma(upper, flat[up + 3] - b0, b0)
            a1, b1 = fma(lower, flat[at + 4] - a1, a1), fma(upper, flat[up + 4] - b1, b1)
            a2, b2 = fma(lower, flat[at + 5] - a2, a2), fma(upper, flat[up + 5] - b2, b2)
            out[0, i, j] = fma(right, b0 - a0, a0)
            out[1, i, j] = fma(right, b1 - a1, a1)
            out[2, i, j] = fma(right, b2 - a2, a2)


@contextlib.contextmanager
def one_kernel_thread() -> Iterator[None]:
    """Within this context, parallel kernels called by this thread use no other."""
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)
