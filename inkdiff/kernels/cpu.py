"""CPU shells: `prange` over blocks of 4Q flat elements, a vectorised loop over lanes inside; no formula is
written here.

How the compiler is spoken to. An array of any shape is seen as its flat elements, in blocks of 4Q. Inside a
block lane i of the four quarters shares Philox call block*Q + i, so the loop over i reads and writes four
contiguous slices and calls scalar functions that Numba has already inlined: LLVM turns the whole body, integer
multiplies, polynomials and all, into packed instructions (a test reads the assembly). The last, ragged block is
padded in scratch, so there is only one path. Lanes depend on nothing but their own address: the bits are the
same for any number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from inkdiff._compile import jit
from inkdiff.kernels.formulas import advance4, advance_phase4, drive, fold, from_phase, to_phase
from inkdiff.rng import QUARTER as Q
from inkdiff.rng import normals4, philox4, unit_interval

__all__ = ["decode", "encode", "normal", "philox", "step", "uniform", "walk", "walk_phase"]

_BLOCK = 4 * Q
_ROWS = 1024  # rows per parallel chunk of the encode and decode shells
_LONG_ROW = 64  # rows at least this long are looped over one by one, shorter ones through expanded coefficients


@jit
def _normals(o0: Any, o1: Any, o2: Any, o3: Any, base: Any, step: Any, stream: Any, k0: Any, k1: Any) -> None:
    for i in range(o0.size):
        o0[i], o1[i], o2[i], o3[i] = normals4(np.uint64(base + i), step, stream, k0, k1)


@jit
def _noise_block(z: Any, block: Any, size: Any, step: Any, stream: Any, k0: Any, k1: Any) -> None:
    """The first `size` normals of a block, into z (4Q,); where size < Q the lanes beyond it are left out."""
    m = min(size, Q)
    _normals(z[:m], z[Q : Q + m], z[2 * Q : 2 * Q + m], z[3 * Q : 3 * Q + m], block * Q, step, stream, k0, k1)


@jit(parallel=True)
def normal(out: Any, start: Any, step: Any, stream: Any, k0: Any, k1: Any) -> None:
    """Normals of elements start .. start + out.size into `out` (float32)."""
    first = start // _BLOCK
    blocks = (start + out.size - 1) // _BLOCK - first + 1
    for j in prange(blocks):
        block = first + np.int64(j)
        lo = block * _BLOCK - start  # where the block begins in `out`
        if lo >= 0 and lo + _BLOCK <= out.size:
            _noise_block(out[lo : lo + _BLOCK], block, _BLOCK, step, stream, k0, k1)
        else:
            z = np.empty(_BLOCK, np.float32)
            begin, end = max(lo, 0), min(lo + _BLOCK, out.size)
            _noise_block(z, block, end - lo, step, stream, k0, k1)
            out[begin:end] = z[begin - lo : end - lo]


@jit(parallel=True)
def uniform(out: Any, start: Any, step: Any, stream: Any, k0: Any, k1: Any) -> None:
    """Uniforms on (0, 1) of elements start .. start + out.size into `out` (float32); addressed like `normal`."""
    for j in prange((out.size + _BLOCK - 1) // _BLOCK):
        for k in range(np.int64(j) * _BLOCK, min(np.int64(j) * _BLOCK + _BLOCK, out.size)):
            e = start + k
            within = e % _BLOCK
            call = np.uint64(e // _BLOCK * Q + within % Q)
            words = philox4(call, call >> np.uint64(32), step, stream, k0, k1)
            out[k] = unit_interval(words[within // Q])


@jit(parallel=True)
def philox(counter: Any, out: Any, k0: Any, k1: Any) -> None:
    """Philox4x32-10 of counters (n, 4) into `out` (n, 4), both uint32."""
    for i in prange(counter.shape[0]):
        c = counter[i]
        words = philox4(np.uint64(c[0]), np.uint64(c[1]), np.uint64(c[2]), np.uint64(c[3]), k0, k1)
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = words


@jit
def _walk_lanes(
    x0: Any, x1: Any, x2: Any, x3: Any, a: Any, s: Any, base: Any, step: Any, stream: Any, k0: Any, k1: Any
) -> None:  # fmt: skip
    for i in range(x0.size):
        x0[i], x1[i], x2[i], x3[i] = advance4(
            x0[i], x1[i], x2[i], x3[i], a, s, np.uint64(base + i), step, stream, k0, k1
        )


@jit(parallel=True)
def walk(x: Any, a: Any, s: Any, first_step: Any, stream: Any, k0: Any, k1: Any) -> None:
    """len(a) steps of x <- a[k] x + s[k] eps, in place on flat x; step number first_step + k."""
    for j in prange((x.size + _BLOCK - 1) // _BLOCK):
        block = np.int64(j)
        lo = block * _BLOCK
        hi = min(lo + _BLOCK, x.size)
        y = x[lo:hi]
        if hi - lo < _BLOCK:
            y = np.zeros(_BLOCK, x.dtype)
            y[: hi - lo] = x[lo:hi]
        lanes = min(hi - lo, Q)
        y0, y1, y2, y3 = y[:lanes], y[Q : Q + lanes], y[2 * Q : 2 * Q + lanes], y[3 * Q : 3 * Q + lanes]
        for k in range(a.size):
            _walk_lanes(y0, y1, y2, y3, a[k], s[k], block * Q, np.uint64(first_step + k), stream, k0, k1)
        if hi - lo < _BLOCK:
            x[lo:hi] = y[: hi - lo]


@jit
def _phase_lanes(
    p0: Any, p1: Any, p2: Any, p3: Any, s0: Any, s1: Any, s2: Any, s3: Any,
    base: Any, step: Any, stream: Any, k0: Any, k1: Any,
) -> None:  # fmt: skip
    for i in range(p0.size):
        p0[i], p1[i], p2[i], p3[i] = advance_phase4(
            p0[i], p1[i], p2[i], p3[i], s0[i], s1[i], s2[i], s3[i], np.uint64(base + i), step, stream, k0, k1
        )


@jit
def _spread_axes(out: Any, values: Any, lo: Any) -> None:
    """out[e] = values[(lo + e) mod d]: one value per axis, expanded over the flat elements of a block."""
    d = values.size
    for axis in range(d):
        for e in range((axis - lo) % d, out.size, d):
            out[e] = values[axis]


@jit(parallel=True)
def walk_phase(phase: Any, amplitude: Any, first_step: Any, stream: Any, k0: Any, k1: Any) -> None:
    """Steps in a box, in place on flat int32 phases; amplitude (steps, 1) or (steps, d), float32 quanta."""
    for j in prange((phase.size + _BLOCK - 1) // _BLOCK):
        block = np.int64(j)
        lo = block * _BLOCK
        hi = min(lo + _BLOCK, phase.size)
        p = phase[lo:hi]
        if hi - lo < _BLOCK:
            p = np.zeros(_BLOCK, np.int32)
            p[: hi - lo] = phase[lo:hi]
        m = min(hi - lo, Q)  # lanes in use
        s = np.empty(_BLOCK, np.float32)
        for k in range(amplitude.shape[0]):
            if k == 0 or (amplitude[k] != amplitude[k - 1]).any():
                _spread_axes(s, amplitude[k], lo)
            _phase_lanes(
                p[:m], p[Q : Q + m], p[2 * Q : 2 * Q + m], p[3 * Q : 3 * Q + m],
                s[:m], s[Q : Q + m], s[2 * Q : 2 * Q + m], s[3 * Q : 3 * Q + m],
                block * Q, np.uint64(first_step + k), stream, k0, k1,
            )  # fmt: skip
        if hi - lo < _BLOCK:
            phase[lo:hi] = p[: hi - lo]


@jit(parallel=True)
def encode(x: Any, phase: Any, lo: Any, length: Any, wall: Any) -> None:
    """Positions (n, d) -> int32 phases (n, d); lo, length (d,) float64."""
    n, d = x.shape
    for chunk in prange((n + _ROWS - 1) // _ROWS):
        for i in range(np.int64(chunk) * _ROWS, min(np.int64(chunk) * _ROWS + _ROWS, n)):
            for j in range(d):
                phase[i, j] = to_phase(x[i, j], lo[j], length[j], wall)


@jit(parallel=True)
def decode(phase: Any, x: Any, lo: Any, length: Any, wall: Any) -> None:
    """int32 phases (n, d) -> positions (n, d) in the dtype of `x`."""
    n, d = x.shape
    for chunk in prange((n + _ROWS - 1) // _ROWS):
        for i in range(np.int64(chunk) * _ROWS, min(np.int64(chunk) * _ROWS + _ROWS, n)):
            for j in range(d):
                x[i, j] = from_phase(phase[i, j], lo[j], length[j], wall)


@jit
def _drive_run(x: Any, u: Any, z: Any, out: Any, a: Any, b: Any, s: Any) -> None:
    for i in range(out.size):
        out[i] = drive(x[i], a, u[i], b, s, z[i])


@jit
def _drive_each(x: Any, u: Any, z: Any, out: Any, a: Any, b: Any, s: Any) -> None:
    for i in range(out.size):
        out[i] = drive(x[i], a[i], u[i], b[i], s[i], z[i])


@jit
def _spread_rows(out: Any, values: Any, lo: Any, d: Any) -> None:
    """out[e] = values[(lo + e) // d]: one value per row, expanded over the flat elements of a block."""
    row = lo // d
    begin = 0
    end = (row + 1) * d - lo
    while begin < out.size:
        value = values[row]
        for e in range(begin, min(end, out.size)):
            out[e] = value
        row += 1
        begin = end
        end += d


@jit
def _drive_rows(x: Any, u: Any, z: Any, out: Any, a: Any, b: Any, s: Any, lo: Any, d: Any) -> None:
    """One block with coefficients per row: row by row when rows are long, else through expanded coefficients."""
    if d >= _LONG_ROW:
        e = 0
        while e < out.size:
            row = (lo + e) // d
            end = min((row + 1) * d - lo, out.size)
            _drive_run(x[e:end], u[e:end], z[e:end], out[e:end], a[row], b[row], s[row])
            e = end
        return
    coefficients = np.empty((3, out.size), x.dtype)
    _spread_rows(coefficients[0], a, lo, d)
    _spread_rows(coefficients[1], b, lo, d)
    _spread_rows(coefficients[2], s, lo, d)
    _drive_each(x, u, z, out, coefficients[0], coefficients[1], coefficients[2])


@jit
def _fold_block(out: Any, first: Any, wall: Any, lo: Any, length: Any) -> None:
    """Fold a block at the walls, axis by axis (all at once when the axes are alike)."""
    for axis in range(lo.size):
        for e in range((axis - first) % lo.size, out.size, lo.size):
            out[e] = fold(out[e], lo[axis], length[axis], wall)


@jit(parallel=True)
def step(
    x: Any, u: Any, out: Any, eps: Any, a: Any, b: Any, s: Any, d: Any, wall: Any, lo: Any, length: Any,
    noisy: Any, number: Any, stream: Any, k0: Any, k1: Any,
) -> None:  # fmt: skip
    """out <- fold(a x + b u + s eps) on flat arrays; out may be x.

    a, b, s have one entry or one per row of d elements; lo, length one entry or d. u and eps may be empty: no
    score, no copy of the noise wanted. `noisy` False means s = 0 throughout.
    """
    blocks = (x.size + _BLOCK - 1) // _BLOCK
    for j in prange(blocks):
        block = np.int64(j)
        begin = block * _BLOCK
        end = min(begin + _BLOCK, x.size)
        z = np.zeros(_BLOCK, np.float32)
        if noisy:
            _noise_block(z, block, end - begin, number, stream, k0, k1)
        if eps.size > 0:
            eps[begin:end] = z[: end - begin]
        xb, ob, zb = x[begin:end], out[begin:end], z[: end - begin]
        ub = u[begin:end] if u.size > 0 else np.zeros(end - begin, x.dtype)
        if a.size == 1:
            _drive_run(xb, ub, zb, ob, a[0], b[0], s[0])
        else:
            _drive_rows(xb, ub, zb, ob, a, b, s, begin, d)
        if wall != 0:
            _fold_block(ob, begin, wall, lo, length)
