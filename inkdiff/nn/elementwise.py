"""Elementwise maps between the matrix products, for any array module.

    silu(x) = x / (1 + exp(-x))

float32 NumPy arrays go through the fused loops of `_fused.py`; CuPy arrays, and float64 where the gradient checks need
it, through plain array expressions. Both agree to rounding, which is a test. All write into arrays given by the
caller and return nothing, so that a training step allocates no memory.

Reference: S. Elfwing, E. Uchibe, K. Doya (2018), arXiv:1702.03118.
"""

from __future__ import annotations

import numpy as np

from inkdiff.backend import Array, array_module
from inkdiff.nn import _fused

__all__ = ["dropout", "interpolate", "multiply", "silu"]


def _fusable(x: Array) -> bool:
    return type(x) is np.ndarray and x.dtype == np.float32


def silu(z: Array, shift: Array, slope: Array | None = None) -> None:
    """z <- silu(z + shift), in place, and, if asked for, slope = silu'(z + shift).

    z, slope (n, w); shift (n, w), or (1, w) when all rows share one time.
    """
    if _fusable(z):
        if slope is None:
            _fused.silu(z, shift)
        else:
            _fused.silu_with_slope(z, shift, slope)
        return
    xp = array_module(z, shift)
    v = z + shift
    s = 1 / (1 + xp.exp(-v))
    if slope is not None:
        slope[...] = s * (1 + v * (1 - s))
    z[...] = v * s


def multiply(x: Array, y: Array, out: Array) -> None:
    """Out = x * y; all (n, w), C-contiguous."""
    if _fusable(x):
        _fused.multiply(x.reshape(-1), y.reshape(-1), out.reshape(-1))
    else:
        out[...] = x * y


def dropout(h: Array, slope: Array, uniform: Array, rate: float) -> None:
    """Zero h and slope where uniform < rate and divide the rest by 1 - rate, in place; all (n, w), C-contiguous."""
    if _fusable(h):
        scale = np.float32(1 / (1 - rate))
        _fused.dropout(h.reshape(-1), slope.reshape(-1), uniform.reshape(-1), np.float32(rate), scale)
        return
    keep = (uniform >= rate) / (1 - rate)
    h *= keep
    slope *= keep


def interpolate(y: Array, row: Array, fraction: Array, table: Array, start: Array, inverse: Array) -> Array:
    """Linear look-up of f functions per coordinate, in two neighbouring rows of a table, blended by `fraction`.

        out_fij = (1 - r_i) T_kf(y_ij) + r_i T_{k+1,f}(y_ij),     k = row_i, r = fraction

    y (n, d); row, fraction (n,) or (1,), row of dtype int64; table (K, G, d, f), its row k given at the nodes
    start_kj + g / inverse_kj, g = 0 ... G - 1; start, inverse (K, d). Beyond the end nodes the line goes on straight.
    Returns (f, n, d).
    """
    xp = array_module(y, table)
    out = xp.empty((table.shape[3], *y.shape), y.dtype)
    if _fusable(y):
        _fused.interpolate(y, row, fraction, table, start, inverse, out)
        return out
    last, columns = table.shape[1] - 2, xp.arange(y.shape[1])
    out[...] = 0
    for side, share in ((0, 1 - fraction), (1, fraction)):
        k = row + side
        q = (y - start[k]) * inverse[k]
        node = xp.clip(q, 0, last).astype(np.int64)
        a, b = table[k[:, None], node, columns], table[k[:, None], node + 1, columns]
        g = (q - node)[:, :, None]
        out += xp.moveaxis(share[:, None, None] * (a + g * (b - a)), 2, 0)
    return out
