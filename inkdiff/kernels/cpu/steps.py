"""CPU shell of the one step x <- fold(a x + b u + c eps), its coefficients scalars or one per row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from inkdiff._core.compilation import jit
from inkdiff.kernels.cpu.blocks import BLOCK, PADDING, RUN, blocks, part, repeat_axes, spread_rows
from inkdiff.kernels.cpu.noise import noise_block
from inkdiff.kernels.formulas import advance, drive, fold

__all__ = ["affine_step"]

_LONG_ROW = 64  # rows at least this long are looped over one by one, shorter ones through expanded coefficients


@jit
def _advance_run(x: Any, z: Any, out: Any, a: Any, c: Any) -> None:
    for i in range(out.size):
        out[i] = advance(x[i], a, c, z[i])


@jit
def _advance_each(x: Any, z: Any, out: Any, a: Any, c: Any) -> None:
    for i in range(out.size):
        out[i] = advance(x[i], a[i], c[i], z[i])


@jit
def _drive_run(x: Any, u: Any, z: Any, out: Any, a: Any, b: Any, c: Any) -> None:
    for i in range(out.size):
        out[i] = drive(x[i], a, u[i], b, c, z[i])


@jit
def _drive_each(x: Any, u: Any, z: Any, out: Any, a: Any, b: Any, c: Any) -> None:
    for i in range(out.size):
        out[i] = drive(x[i], a[i], u[i], b[i], c[i], z[i])


@jit
def _long_rows(x: Any, u: Any, z: Any, out: Any, a: Any, b: Any, c: Any, at: Any, d: Any) -> None:
    """Part of a block with coefficients per row, row by row."""
    e = 0
    while e < out.size:
        row = (at + e) // d
        end = min((row + 1) * d - at, out.size)
        if u.size > 0:
            _drive_run(x[e:end], u[e:end], z[e:end], out[e:end], a[row], b[row], c[row])
        else:
            _advance_run(x[e:end], z[e:end], out[e:end], a[row], c[row])
        e = end


@jit
def _short_rows(x: Any, u: Any, z: Any, out: Any, a: Any, b: Any, c: Any, at: Any, d: Any) -> None:
    """Part of a block with coefficients per row, through their expansion over its elements."""
    first, last = at // d, (at + out.size + d - 1) // d
    begin, end = at - first * d, at - first * d + out.size
    if d == 1:
        a_, b_, c_ = a[first:last], b[first:last], c[first:last]
    else:
        spread = np.empty((3, (last - first) * d + PADDING), x.dtype)
        spread_rows(spread[0], a[first:last], d)
        if u.size > 0:
            spread_rows(spread[1], b[first:last], d)
        spread_rows(spread[2], c[first:last], d)
        a_, b_, c_ = spread[0, begin:end], spread[1, begin:end], spread[2, begin:end]
    if u.size > 0:
        _drive_each(x, u, z, out, a_, b_, c_)
    else:
        _advance_each(x, z, out, a_, c_)


@jit
def _fold_run(x: Any, lo: Any, length: Any, wall: Any) -> None:
    for i in range(x.size):
        x[i] = fold(x[i], lo, length, wall)


@jit
def _fold_each(x: Any, lo: Any, length: Any, wall: Any) -> None:
    for i in range(x.size):
        x[i] = fold(x[i], lo[i], length[i], wall[i])


@jit
def _fold_by_axis(x: Any, lo: Any, length: Any, wall: Any, at: Any, axes: Any) -> None:
    for e in range(0, x.size, RUN):
        j = (at + e) % axes
        _fold_each(x[e : e + RUN], lo[j:], length[j:], wall[j:])


@jit(parallel=True)
def affine_step(
    x: Any, u: Any, out: Any, eps: Any, start: Any, a: Any, b: Any, c: Any, d: Any, lo: Any, length: Any, wall: Any,
    noisy: Any, step: Any, stream: Any, k0: Any, k1: Any,
) -> None:  # fmt: skip
    """out <- fold(a x + b u + c eps) on flat arrays, elements start ...; out may be x.

    a, b, c have one entry or one per row of d elements; lo, length, wall none (free space), one, or one per axis. u
    and eps may be empty: no score, no copy of the noise wanted. `noisy` False means c = 0 throughout.
    """
    axes = lo.size
    lo, length, code = repeat_axes(lo), repeat_axes(length), repeat_axes(wall.astype(np.int32))  # no wider than floats
    origin, count = blocks(start, x.size)
    for j in prange(count):
        block = origin + np.int64(j)
        begin, end, at = part(block, start, x.size)
        to = at + end - begin
        z = np.empty(BLOCK, np.float32)
        if noisy:
            noise_block(z, block, begin, end, step, stream, k0, k1)
        else:
            z[:] = 0
        if eps.size > 0:
            eps[at:to] = z[begin:end]
        xb, ob, zb = x[at:to], out[at:to], z[begin:end]
        ub = u[at:to] if u.size > 0 else u
        if a.size > 1:
            if d >= _LONG_ROW:
                _long_rows(xb, ub, zb, ob, a, b, c, at, d)
            else:
                _short_rows(xb, ub, zb, ob, a, b, c, at, d)
        elif u.size > 0:
            _drive_run(xb, ub, zb, ob, a[0], b[0], c[0])
        else:
            _advance_run(xb, zb, ob, a[0], c[0])
        if axes == 1:
            _fold_run(ob, lo[0], length[0], code[0])
        elif axes > 1:
            _fold_by_axis(ob, lo, length, code, at, axes)  # the array begins with a row
