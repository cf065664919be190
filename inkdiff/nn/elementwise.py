"""Elementwise maps between the matrix products, for any array module.

    silu(x) = x / (1 + exp(-x))

float32 NumPy arrays go through the fused loops of `_fused.py`; CuPy arrays, and float64 where the gradient checks need
it, through plain array expressions. Both agree to rounding, which is a test. All but the table look-up write into
arrays given by the caller, so that a training step allocates no memory.

A `shift` (m, w) beside z (n, w) has one row for each group of n/m neighbouring rows of z: those of one noise level.

Reference: S. Elfwing, E. Uchibe, K. Doya (2018), arXiv:1702.03118.
"""

from __future__ import annotations

import numpy as np

from inkdiff._core.backend import Array, array_module
from inkdiff.nn import _fused

__all__ = ["dropout", "exp", "interpolate", "interpolate_slope", "multiply", "silu", "silu_twice", "silu_with_slope"]

_NONE = np.empty((0, 0), np.float32)


def _fusable(x: Array) -> bool:
    return type(x) is np.ndarray and x.dtype == np.float32


def _grouped(z: Array, shift: Array) -> Array:
    """z seen as (m, n/m, w) for a shift of m rows."""
    return z.reshape(shift.shape[0], -1, z.shape[1])


def silu(z: Array, shift: Array, base: Array | None = None) -> None:
    """z <- base + silu(z + shift), in place; z, base (n, w), shift (m, w), C-contiguous."""
    if _fusable(z):
        _fused.silu(z, shift, _NONE if base is None else base)
        return
    xp = array_module(z, shift, base)
    v = (_grouped(z, shift) + shift[:, None]).reshape(z.shape)
    v /= 1 + xp.exp(-v)
    z[...] = v if base is None else base + v


def silu_with_slope(z: Array, shift: Array, base: Array | None, y: Array) -> None:
    """y[:, :w] = base + silu(z + shift) and z <- silu'(z + shift); z, base (n, w), shift (m, w), y (n, >= w)."""
    if _fusable(z):
        _fused.silu_with_slope(z, shift, _NONE if base is None else base, y)
        return
    xp = array_module(z, shift, base, y)
    v = (_grouped(z, shift) + shift[:, None]).reshape(z.shape)
    s = 1 / (1 + xp.exp(-v))
    z[...] = s * (1 + v * (1 - s))
    y[:, : z.shape[1]] = v * s if base is None else base + v * s


def silu_twice(z: Array, shift: Array, y: Array, curvature: Array) -> None:
    """y = silu(v), z <- silu'(v) and curvature = silu''(v) at v = z + shift; z, y, curvature (n, w), shift (1, w)."""
    if _fusable(z):
        _fused.silu_twice(z, shift, y, curvature)
        return
    xp = array_module(z, shift, y, curvature)
    v = z + shift
    s = 1 / (1 + xp.exp(-v))
    z[...] = s * (1 + v * (1 - s))
    y[...] = v * s
    curvature[...] = s * (1 - s) * (2 + v * (1 - 2 * s))


def dropout(slope: Array, base: Array, y: Array, uniform: Array, rate: float) -> None:
    """Undo the layer where uniform < rate (slope <- 0, y <- base); divide slope and y - base by 1 - rate elsewhere."""
    if _fusable(slope):
        _fused.dropout(slope, base, y, uniform, np.float32(rate), np.float32(1 / (1 - rate)))
        return
    keep = (uniform >= rate) / (1 - rate)
    slope *= keep
    y[...] = base + keep * (y - base)


def multiply(slope: Array, dy: Array, sums: Array | None = None) -> None:
    """slope <- slope dy, (n, w); sums (m, w), if asked for, gets the sums over each group of n/m neighbouring rows."""
    if _fusable(slope):
        _fused.multiply(slope, dy, _NONE if sums is None else sums)
        return
    slope *= dy
    if sums is not None:
        array_module(slope).sum(_grouped(slope, sums), axis=1, out=sums)


def exp(x: Array, top: Array) -> None:
    """x <- exp(x - top), in place, for x <= top; x (n, w), top (n, 1)."""
    if _fusable(x):
        _fused.exp(x, top)
    else:
        x -= top
        array_module(x).exp(x, out=x)


def interpolate(y: Array, row: Array, fraction: Array, table: Array, start: Array, inverse: Array) -> Array:
    """Linear look-up of f functions per coordinate, in two neighbouring rows of a table, blended by `fraction`.

        out_fij = (1 - r_i) T_kf(y_ij) + r_i T_{k+1,f}(y_ij),     k = row_i, r = fraction

    y (n, d); row, fraction (n,) or (1,), row of dtype int64; table (K, d, G, f), its row k given at the nodes
    start_kj + g / inverse_kj, g = 0 ... G - 1; start, inverse (K, d). Beyond the end nodes the line goes on straight.
    Returns (f, n, d).
    """
    xp = array_module(y, table)
    out = xp.empty((table.shape[3], *y.shape), y.dtype)
    if _fusable(y) and table.shape[3] == 3:
        _fused.interpolate(y, row, fraction, table, start, inverse, out)
        return out
    last, columns = table.shape[2] - 2, xp.arange(y.shape[1])
    out[...] = 0
    for side, share in ((0, 1 - fraction), (1, fraction)):
        k = row + side
        q = (y - start[k]) * inverse[k]
        node = xp.clip(q, 0, last).astype(np.int64)
        a, b = table[k[:, None], columns, node], table[k[:, None], columns, node + 1]
        g = (q - node)[:, :, None]
        out += xp.moveaxis(share[:, None, None] * (a + g * (b - a)), 2, 0)
    return out


def interpolate_slope(y: Array, row: Array, fraction: Array, table: Array, start: Array, inverse: Array) -> Array:
    """d/dy of `interpolate`, which is constant from node to node: (f, n, d)."""
    xp = array_module(y, table)
    last, columns = table.shape[2] - 2, xp.arange(y.shape[1])
    out = xp.zeros((*y.shape, table.shape[3]), y.dtype)
    for side, share in ((0, 1 - fraction), (1, fraction)):
        k = row + side
        node = xp.clip((y - start[k]) * inverse[k], 0, last).astype(np.int64)
        rise = table[k[:, None], columns, node + 1] - table[k[:, None], columns, node]
        out += (share[:, None] * inverse[k])[:, :, None] * rise
    return xp.moveaxis(out, 2, 0)
