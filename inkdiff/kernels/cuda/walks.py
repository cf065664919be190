"""CUDA shells of the walks: four elements to a thread, in registers through all steps, as integers where there is no
drift."""

from __future__ import annotations

from typing import Any

import numpy as np

from inkdiff._core.rng import QUARTER as Q
from inkdiff.kernels.cuda.launch import REALS, calls_over, cuda, launch
from inkdiff.kernels.formulas import (
    advance4,
    advance_phase4,
    advance_quanta4,
    from_phase,
    from_quanta,
    quanta_per_length,
    step_in_quanta,
    to_phase,
    to_quanta,
)

__all__ = ["walk", "walk_box", "walk_free"]

_f32, _i32, _i64, _u64 = np.float32, np.int32, np.int64, np.uint64


def _make_walk(real: Any) -> Any:
    @cuda.jit
    def walk(
        x: Any, start: Any, a: Any, c: Any, first: Any, calls: Any, first_step: Any, stream: Any, k0: Any, k1: Any
    ) -> None:  # fmt: skip
        for thread in range(cuda.grid(1), calls, cuda.gridsize(1)):
            call = first + thread
            e = call // Q * (4 * Q) + call % Q - start
            y = cuda.local.array(4, real)
            for j in range(4):
                k = e + j * Q
                y[j] = x[k] if 0 <= k < x.size else real(0)
            for k in range(a.size):
                y0, y1, y2, y3 = advance4(
                    y[0], y[1], y[2], y[3], a[k], c[k], _u64(call), _u64(first_step + k), stream, k0, k1
                )
                y[0], y[1], y[2], y[3] = real(y0), real(y1), real(y2), real(y3)
            for j in range(4):
                k = e + j * Q
                if 0 <= k < x.size:
                    x[k] = y[j]

    return walk


def _make_walk_box(real: Any) -> Any:
    @cuda.jit
    def walk_box(
        x: Any, start: Any, lo: Any, length: Any, wall: Any, width: Any, first: Any, calls: Any, first_step: Any,
        stream: Any, k0: Any, k1: Any,
    ) -> None:  # fmt: skip
        for thread in range(cuda.grid(1), calls, cuda.gridsize(1)):
            call = first + thread
            e = call // Q * (4 * Q) + call % Q - start
            p, c = cuda.local.array(4, _i32), cuda.local.array(4, _f32)
            for j in range(4):
                k, axis = e + j * Q, (e + j * Q + start) % lo.size
                p[j] = to_phase(x[k], lo[axis], 4294967296.0 / length[axis], wall[axis]) if 0 <= k < x.size else _i32(0)
            for k in range(width.size):
                if k == 0 or width[k] != width[k - 1]:
                    for j in range(4):
                        axis = (e + j * Q + start) % lo.size
                        c[j] = step_in_quanta(width[k], quanta_per_length(length[axis], wall[axis]))
                p0, p1, p2, p3 = advance_phase4(
                    p[0], p[1], p[2], p[3], c[0], c[1], c[2], c[3], _u64(call), _u64(first_step + k), stream, k0, k1
                )
                p[0], p[1], p[2], p[3] = _i32(p0), _i32(p1), _i32(p2), _i32(p3)
            for j in range(4):
                k, axis = e + j * Q, (e + j * Q + start) % lo.size
                if 0 <= k < x.size:
                    x[k] = real(from_phase(p[j], lo[axis], length[axis] / 4294967296.0, wall[axis]))

    return walk_box


def _make_walk_free(real: Any) -> Any:
    @cuda.jit
    def walk_free(
        x: Any, start: Any, quantum: Any, amplitude: Any, shift: Any, first: Any, calls: Any, first_step: Any,
        stream: Any, k0: Any, k1: Any,
    ) -> None:  # fmt: skip
        for thread in range(cuda.grid(1), calls, cuda.gridsize(1)):
            call = first + thread
            e = call // Q * (4 * Q) + call % Q - start
            h = cuda.local.array(4, _i64)
            for j in range(4):
                k = e + j * Q
                h[j] = to_quanta(x[k], 1.0 / quantum) if 0 <= k < x.size else _i64(0)
            for k in range(amplitude.size):
                h0, h1, h2, h3 = advance_quanta4(
                    h[0], h[1], h[2], h[3], amplitude[k], shift[k], _u64(call), _u64(first_step + k), stream, k0, k1
                )
                h[0], h[1], h[2], h[3] = _i64(h0), _i64(h1), _i64(h2), _i64(h3)
            for j in range(4):
                k = e + j * Q
                if 0 <= k < x.size:
                    x[k] = real(from_quanta(h[j], quantum))

    return walk_free


_WALK = {np.dtype(real): _make_walk(real) for real in REALS}
_WALK_BOX = {np.dtype(real): _make_walk_box(real) for real in REALS}
_WALK_FREE = {np.dtype(real): _make_walk_free(real) for real in REALS}


def walk(x: Any, start: int, a: Any, c: Any, first_step: int, stream: Any, k0: Any, k1: Any, *, on: Any = 0) -> None:
    """See `inkdiff.kernels.cpu.walk`."""
    first, calls = calls_over(start, x.size)
    launch(_WALK[x.dtype], calls, on, x, start, a, c, first, calls, first_step, stream, k0, k1)


def walk_box(
    x: Any, start: int, lo: Any, length: Any, wall: Any, width: Any, first_step: int, stream: Any, k0: Any, k1: Any,
    *, on: Any = 0,
) -> None:  # fmt: skip
    """See `inkdiff.kernels.cpu.walk_box`."""
    first, calls = calls_over(start, x.size)
    box = (lo, length, wall)
    launch(_WALK_BOX[x.dtype], calls, on, x, start, *box, width, first, calls, first_step, stream, k0, k1)


def walk_free(
    x: Any, start: int, quantum: float, amplitude: Any, shift: Any, first_step: int, stream: Any, k0: Any, k1: Any,
    *, on: Any = 0,
) -> None:  # fmt: skip
    """See `inkdiff.kernels.cpu.walk_free`."""
    first, calls = calls_over(start, x.size)
    size = (amplitude, shift)
    launch(_WALK_FREE[x.dtype], calls, on, x, start, quantum, *size, first, calls, first_step, stream, k0, k1)
