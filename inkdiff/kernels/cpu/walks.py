"""CPU shells of the walks: a block goes through all its steps, as integers where there is no drift."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from inkdiff._core.compilation import jit
from inkdiff._core.rng import QUARTER as Q
from inkdiff.kernels.cpu.blocks import BLOCK, RUN, blocks, lanes, part, quarters, repeat_axes
from inkdiff.kernels.cpu.noise import noise_block
from inkdiff.kernels.formulas import (
    SHORT_STEP,
    advance4,
    advance_phase4,
    advance_phase4_short,
    from_phase,
    from_quanta,
    quanta_increment,
    quanta_per_length,
    step_in_quanta,
    to_phase,
    to_quanta,
)

__all__ = ["walk", "walk_box", "walk_free"]


@jit
def _walk_lanes(
    x0: Any, x1: Any, x2: Any, x3: Any, a: Any, c: Any, base: Any, step: Any, stream: Any, k0: Any, k1: Any
) -> None:  # fmt: skip
    for i in range(x0.size):
        x0[i], x1[i], x2[i], x3[i] = advance4(
            x0[i], x1[i], x2[i], x3[i], a, c, np.uint64(base + i), step, stream, k0, k1
        )


@jit(parallel=True)
def walk(x: Any, start: Any, a: Any, c: Any, first_step: Any, stream: Any, k0: Any, k1: Any) -> None:
    """len(a) steps of x <- a[k] x + c[k] eps, in place on flat x, elements start ...; step number first_step + k."""
    origin, count = blocks(start, x.size)
    for j in prange(count):
        block = origin + np.int64(j)
        begin, end, at = part(block, start, x.size)
        whole = end - begin == BLOCK
        y = x[at : at + BLOCK] if whole else np.zeros(BLOCK, x.dtype)
        if not whole:
            y[begin:end] = x[at : at + end - begin]
        first, last = lanes(begin, end)
        y0, y1, y2, y3 = quarters(y, first, last)
        for k in range(a.size):
            _walk_lanes(y0, y1, y2, y3, a[k], c[k], block * Q + first, np.uint64(first_step + k), stream, k0, k1)
        if not whole:
            x[at : at + end - begin] = y[begin:end]


@jit
def _short_phase_lanes(
    p0: Any, p1: Any, p2: Any, p3: Any, c: Any, base: Any, step: Any, stream: Any, k0: Any, k1: Any
) -> None:  # fmt: skip
    for i in range(p0.size):
        p0[i], p1[i], p2[i], p3[i] = advance_phase4_short(
            p0[i], p1[i], p2[i], p3[i], c, c, c, c, np.uint64(base + i), step, stream, k0, k1
        )


@jit
def _phase_lanes(
    p0: Any, p1: Any, p2: Any, p3: Any, c: Any, base: Any, step: Any, stream: Any, k0: Any, k1: Any
) -> None:  # fmt: skip
    for i in range(p0.size):
        p0[i], p1[i], p2[i], p3[i] = advance_phase4(
            p0[i], p1[i], p2[i], p3[i], c, c, c, c, np.uint64(base + i), step, stream, k0, k1
        )


@jit
def _phase_lanes_by_axis(
    p0: Any, p1: Any, p2: Any, p3: Any, s0: Any, s1: Any, s2: Any, s3: Any,
    base: Any, step: Any, stream: Any, k0: Any, k1: Any,
) -> None:  # fmt: skip
    for i in range(p0.size):
        p0[i], p1[i], p2[i], p3[i] = advance_phase4(
            p0[i], p1[i], p2[i], p3[i], s0[i], s1[i], s2[i], s3[i], np.uint64(base + i), step, stream, k0, k1
        )


@jit
def _short_phase_lanes_by_axis(
    p0: Any, p1: Any, p2: Any, p3: Any, s0: Any, s1: Any, s2: Any, s3: Any,
    base: Any, step: Any, stream: Any, k0: Any, k1: Any,
) -> None:  # fmt: skip
    for i in range(p0.size):
        p0[i], p1[i], p2[i], p3[i] = advance_phase4_short(
            p0[i], p1[i], p2[i], p3[i], s0[i], s1[i], s2[i], s3[i], np.uint64(base + i), step, stream, k0, k1
        )


@jit
def _walk_phase_block(
    p: Any, width: Any, per_length: Any, first: Any, last: Any, base: Any, first_step: Any, stream: Any, k0: Any,
    k1: Any,
) -> None:  # fmt: skip
    """All steps of one block of phases on a box whose axes are alike."""
    p0, p1, p2, p3 = quarters(p, first, last)
    for k in range(width.size):
        c, step = step_in_quanta(width[k], per_length), np.uint64(first_step + k)
        if abs(c) < SHORT_STEP:
            _short_phase_lanes(p0, p1, p2, p3, c, base + first, step, stream, k0, k1)
        else:
            _phase_lanes(p0, p1, p2, p3, c, base + first, step, stream, k0, k1)


@jit
def _walk_phase_block_by_axis(
    p: Any, width: Any, per_length: Any, axis: Any, axes: Any, first: Any, last: Any, base: Any, first_step: Any,
    stream: Any, k0: Any, k1: Any,
) -> None:  # fmt: skip
    """The same where each of the axes has its own per_length, repeated; the block begins at axis number `axis`."""
    amplitude, most = np.empty(per_length.size, np.float32), 0.0
    for j in range(axes):  # array.max() would have every new process import scipy.linalg, with the rest of its module
        most = max(most, per_length[j])
    for k in range(width.size):
        if k == 0 or width[k] != width[k - 1]:
            for i in range(amplitude.size):
                amplitude[i] = step_in_quanta(width[k], per_length[i])
        step, short = np.uint64(first_step + k), abs(step_in_quanta(width[k], most)) < SHORT_STEP
        for begin in range(first, last, RUN):
            p0, p1, p2, p3 = quarters(p, begin, min(begin + RUN, last))
            at = axis + begin
            s0, s1 = amplitude[at % axes :], amplitude[(at + Q) % axes :]
            s2, s3 = amplitude[(at + 2 * Q) % axes :], amplitude[(at + 3 * Q) % axes :]
            if short:
                _short_phase_lanes_by_axis(p0, p1, p2, p3, s0, s1, s2, s3, base + begin, step, stream, k0, k1)
            else:
                _phase_lanes_by_axis(p0, p1, p2, p3, s0, s1, s2, s3, base + begin, step, stream, k0, k1)


@jit
def _encode_run(x: Any, p: Any, lo: Any, scale: Any, wall: Any) -> None:
    for i in range(x.size):
        p[i] = to_phase(x[i], lo, scale, wall)


@jit
def _encode_each(x: Any, p: Any, lo: Any, scale: Any, wall: Any) -> None:
    for i in range(x.size):
        p[i] = to_phase(x[i], lo[i], scale[i], wall[i])


@jit
def _encode_by_axis(x: Any, p: Any, lo: Any, scale: Any, wall: Any, axis: Any, axes: Any) -> None:
    for e in range(0, x.size, RUN):
        j = (axis + e) % axes
        _encode_each(x[e : e + RUN], p[e : e + RUN], lo[j:], scale[j:], wall[j:])


@jit
def _decode_run(p: Any, x: Any, lo: Any, quantum: Any, wall: Any) -> None:
    for i in range(x.size):
        x[i] = from_phase(p[i], lo, quantum, wall)


@jit
def _decode_each(p: Any, x: Any, lo: Any, quantum: Any, wall: Any) -> None:
    for i in range(x.size):
        x[i] = from_phase(p[i], lo[i], quantum[i], wall[i])


@jit
def _decode_by_axis(p: Any, x: Any, lo: Any, quantum: Any, wall: Any, axis: Any, axes: Any) -> None:
    for e in range(0, x.size, RUN):
        j = (axis + e) % axes
        _decode_each(p[e : e + RUN], x[e : e + RUN], lo[j:], quantum[j:], wall[j:])


@jit(parallel=True)
def walk_box(
    x: Any, start: Any, lo: Any, length: Any, wall: Any, width: Any, first_step: Any, stream: Any, k0: Any, k1: Any
) -> None:  # fmt: skip
    """len(width) driftless steps in a box, in place on flat positions x, elements start ...; phases within.

    lo, length (float64) and wall have one entry, or one per axis; width is each step's standard deviation (float64),
    negative to undo it.
    """
    axes = lo.size
    per_length = np.empty(axes)
    for axis in range(axes):
        per_length[axis] = quanta_per_length(length[axis], wall[axis])
    lo, scale, quantum = repeat_axes(lo), repeat_axes(4294967296.0 / length), repeat_axes(length / 4294967296.0)
    wall, per_length = repeat_axes(wall), repeat_axes(per_length)
    origin, count = blocks(start, x.size)
    for j in prange(count):
        block = origin + np.int64(j)
        begin, end, at = part(block, start, x.size)
        first, last = lanes(begin, end)
        y = x[at : at + end - begin]
        phase = np.empty(BLOCK, np.int32)
        p = phase[begin:end]
        base = block * Q
        if axes == 1:
            _encode_run(y, p, lo[0], scale[0], wall[0])
            _walk_phase_block(phase, width, per_length[0], first, last, base, first_step, stream, k0, k1)
            _decode_run(p, y, lo[0], quantum[0], wall[0])
        else:
            axis = block * BLOCK % axes
            _encode_by_axis(y, p, lo, scale, wall, axis + begin, axes)
            _walk_phase_block_by_axis(
                phase, width, per_length, axis, axes, first, last, base, first_step, stream, k0, k1
            )
            _decode_by_axis(p, y, lo, quantum, wall, axis + begin, axes)


@jit
def _add_quanta(h: Any, z: Any, c: Any, shift: Any) -> None:
    for i in range(h.size):
        h[i] += quanta_increment(c, z[i], shift)


@jit(parallel=True)
def walk_free(
    x: Any, start: Any, quantum: Any, amplitude: Any, shift: Any, first_step: Any, stream: Any, k0: Any, k1: Any
) -> None:  # fmt: skip
    """Driftless steps in free space, in place on flat positions x, elements start ...; int64 quanta within.

    amplitude (steps,) float64 in 2^shift quanta, shift (steps,) int64.
    """
    origin, count = blocks(start, x.size)
    for j in prange(count):
        block = origin + np.int64(j)
        begin, end, at = part(block, start, x.size)
        h, z = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.float32)
        for i in range(end - begin):
            h[begin + i] = to_quanta(x[at + i], 1.0 / quantum)
        for k in range(amplitude.size):
            noise_block(z, block, begin, end, np.uint64(first_step + k), stream, k0, k1)
            _add_quanta(h[begin:end], z[begin:end], amplitude[k], shift[k])
        for i in range(end - begin):
            x[at + i] = from_quanta(h[begin + i], quantum)
