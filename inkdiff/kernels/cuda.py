"""CUDA shells: one thread per Philox call, so four elements Q apart; grid-stride loops; no formula is written here.

Thread c of a launch holds call c = block*Q + lane and its four elements block*4Q + j*Q + lane: neighbouring
threads touch neighbouring addresses in each of the four runs. Walks keep their state in registers over all
steps. The shells mirror those of `inkdiff.kernels.cpu` name by name and argument by argument, and, because
every formula is the same scalar function with explicit fma, bit by bit.

Results of scalar functions are cast where they are kept (`real(...)`, `np.int32(...)`): a compiler drops the
cast, and Numba's CUDA simulator, which passes them through Python, needs it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda as _numba_cuda

from inkdiff.kernels.formulas import advance4, advance_phase4, drive, fold, from_phase, to_phase
from inkdiff.rng import QUARTER as Q
from inkdiff.rng import normals4, philox4, unit_interval

__all__ = ["decode", "encode", "normal", "philox", "step", "stream", "uniform", "walk", "walk_phase"]

cuda: Any = _numba_cuda  # its names are made at run time, for a device or for the simulator

_THREADS = 256
_MAX_BLOCKS = 65_535
_f32 = np.float32
_u64 = np.uint64


def stream(pointer: int) -> Any:
    """Numba's view of a CUDA stream that CuPy owns."""
    return cuda.external_stream(pointer)


def _calls(elements: int) -> int:
    """Philox calls that cover flat elements 0 .. elements."""
    return (elements + 4 * Q - 1) // (4 * Q) * Q


def _launch(kernel: Any, threads: int, stream: Any, *arguments: Any) -> None:
    blocks = max(1, min(_MAX_BLOCKS, (threads + _THREADS - 1) // _THREADS))
    kernel[blocks, min(_THREADS, threads), stream](*arguments)


@cuda.jit
def _normal(out: Any, start: Any, first: Any, calls: Any, step: Any, stream: Any, k0: Any, k1: Any) -> None:
    for c in range(cuda.grid(1), calls, cuda.gridsize(1)):
        call = first + c
        z = normals4(_u64(call), step, stream, k0, k1)
        e = call // Q * (4 * Q) + call % Q - start
        for j in range(4):
            k = e + j * Q
            if 0 <= k < out.size:
                out[k] = z[j]


@cuda.jit
def _uniform(out: Any, start: Any, first: Any, calls: Any, step: Any, stream: Any, k0: Any, k1: Any) -> None:
    for c in range(cuda.grid(1), calls, cuda.gridsize(1)):
        call = first + c
        words = philox4(_u64(call), _u64(call) >> _u64(32), step, stream, k0, k1)
        e = call // Q * (4 * Q) + call % Q - start
        for j in range(4):
            k = e + j * Q
            if 0 <= k < out.size:
                out[k] = unit_interval(np.uint32(words[j]))


@cuda.jit
def _philox(counter: Any, out: Any, k0: Any, k1: Any) -> None:
    for i in range(cuda.grid(1), counter.shape[0], cuda.gridsize(1)):
        words = philox4(_u64(counter[i, 0]), _u64(counter[i, 1]), _u64(counter[i, 2]), _u64(counter[i, 3]), k0, k1)
        for j in range(4):
            out[i, j] = words[j]


def _make_walk(real: Any) -> Any:
    @cuda.jit
    def walk(x: Any, a: Any, s: Any, calls: Any, first_step: Any, stream: Any, k0: Any, k1: Any) -> None:
        zero = real(0)
        for c in range(cuda.grid(1), calls, cuda.gridsize(1)):
            e = c // Q * (4 * Q) + c % Q
            n = x.size
            x0 = x[e] if e < n else zero
            x1 = x[e + Q] if e + Q < n else zero
            x2 = x[e + 2 * Q] if e + 2 * Q < n else zero
            x3 = x[e + 3 * Q] if e + 3 * Q < n else zero
            for k in range(a.size):
                y0, y1, y2, y3 = advance4(x0, x1, x2, x3, a[k], s[k], _u64(c), _u64(first_step + k), stream, k0, k1)
                x0, x1, x2, x3 = real(y0), real(y1), real(y2), real(y3)
            if e < n:
                x[e] = x0
            if e + Q < n:
                x[e + Q] = x1
            if e + 2 * Q < n:
                x[e + 2 * Q] = x2
            if e + 3 * Q < n:
                x[e + 3 * Q] = x3

    return walk


_WALK = {np.dtype(np.float32): _make_walk(np.float32), np.dtype(np.float64): _make_walk(np.float64)}


@cuda.jit
def _walk_phase(phase: Any, amplitude: Any, calls: Any, first_step: Any, stream: Any, k0: Any, k1: Any) -> None:
    d = amplitude.shape[1]
    zero = np.int32(0)
    for c in range(cuda.grid(1), calls, cuda.gridsize(1)):
        e = c // Q * (4 * Q) + c % Q
        n = phase.size
        p0 = phase[e] if e < n else zero
        p1 = phase[e + Q] if e + Q < n else zero
        p2 = phase[e + 2 * Q] if e + 2 * Q < n else zero
        p3 = phase[e + 3 * Q] if e + 3 * Q < n else zero
        for k in range(amplitude.shape[0]):
            s = amplitude[k]
            q0, q1, q2, q3 = advance_phase4(
                p0, p1, p2, p3, s[e % d], s[(e + Q) % d], s[(e + 2 * Q) % d], s[(e + 3 * Q) % d],
                _u64(c), _u64(first_step + k), stream, k0, k1,
            )  # fmt: skip
            p0, p1, p2, p3 = np.int32(q0), np.int32(q1), np.int32(q2), np.int32(q3)
        if e < n:
            phase[e] = p0
        if e + Q < n:
            phase[e + Q] = p1
        if e + 2 * Q < n:
            phase[e + 2 * Q] = p2
        if e + 3 * Q < n:
            phase[e + 3 * Q] = p3


@cuda.jit
def _encode(x: Any, phase: Any, lo: Any, length: Any, wall: Any) -> None:
    d = x.shape[1]
    for e in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        phase[e // d, e % d] = to_phase(x[e // d, e % d], lo[e % d], length[e % d], wall)


@cuda.jit
def _decode(phase: Any, x: Any, lo: Any, length: Any, wall: Any) -> None:
    d = x.shape[1]
    for e in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        x[e // d, e % d] = from_phase(phase[e // d, e % d], lo[e % d], length[e % d], wall)


def _make_step(real: Any) -> Any:
    @cuda.jit
    def step(
        x: Any, u: Any, out: Any, eps: Any, a: Any, b: Any, s: Any, d: Any, wall: Any, lo: Any, length: Any,
        noisy: Any, calls: Any, number: Any, stream: Any, k0: Any, k1: Any,
    ) -> None:  # fmt: skip
        for c in range(cuda.grid(1), calls, cuda.gridsize(1)):
            z = (_f32(0), _f32(0), _f32(0), _f32(0))
            if noisy:
                z0, z1, z2, z3 = normals4(_u64(c), number, stream, k0, k1)
                z = (_f32(z0), _f32(z1), _f32(z2), _f32(z3))
            first = c // Q * (4 * Q) + c % Q
            for j in range(4):
                e = first + j * Q
                if e < x.size:
                    row = e // d if a.size > 1 else 0
                    axis = e % lo.size
                    score = u[e] if u.size > 0 else real(0)
                    y = real(drive(x[e], a[row], score, b[row], s[row], z[j]))
                    out[e] = fold(y, lo[axis], length[axis], wall)
                    if eps.size > 0:
                        eps[e] = z[j]

    return step


_STEP = {np.dtype(np.float32): _make_step(np.float32), np.dtype(np.float64): _make_step(np.float64)}


def normal(out: Any, start: int, step: Any, stream: Any, k0: Any, k1: Any, *, on: Any = 0) -> None:
    """See `inkdiff.kernels.cpu.normal`; `on` is the CUDA stream."""
    first = start // (4 * Q) * Q
    calls = _calls(start + out.size) - first
    _launch(_normal, calls, on, out, start, first, calls, step, stream, k0, k1)


def uniform(out: Any, start: int, step: Any, stream: Any, k0: Any, k1: Any, *, on: Any = 0) -> None:
    """See `inkdiff.kernels.cpu.uniform`."""
    first = start // (4 * Q) * Q
    calls = _calls(start + out.size) - first
    _launch(_uniform, calls, on, out, start, first, calls, step, stream, k0, k1)


def philox(counter: Any, out: Any, k0: Any, k1: Any, *, on: Any = 0) -> None:
    """See `inkdiff.kernels.cpu.philox`."""
    _launch(_philox, counter.shape[0], on, counter, out, k0, k1)


def walk(x: Any, a: Any, s: Any, first_step: int, stream: Any, k0: Any, k1: Any, *, on: Any = 0) -> None:
    """See `inkdiff.kernels.cpu.walk`."""
    calls = _calls(x.size)
    _launch(_WALK[x.dtype], calls, on, x, a, s, calls, first_step, stream, k0, k1)


def walk_phase(phase: Any, amplitude: Any, first_step: int, stream: Any, k0: Any, k1: Any, *, on: Any = 0) -> None:
    """See `inkdiff.kernels.cpu.walk_phase`."""
    calls = _calls(phase.size)
    _launch(_walk_phase, calls, on, phase, amplitude, calls, first_step, stream, k0, k1)


def encode(x: Any, phase: Any, lo: Any, length: Any, wall: int, *, on: Any = 0) -> None:
    """See `inkdiff.kernels.cpu.encode`."""
    _launch(_encode, x.size, on, x, phase, lo, length, wall)


def decode(phase: Any, x: Any, lo: Any, length: Any, wall: int, *, on: Any = 0) -> None:
    """See `inkdiff.kernels.cpu.decode`."""
    _launch(_decode, x.size, on, phase, x, lo, length, wall)


def step(
    x: Any, u: Any, out: Any, eps: Any, a: Any, b: Any, s: Any, d: int, wall: int, lo: Any, length: Any,
    noisy: bool, number: Any, stream: Any, k0: Any, k1: Any, *, on: Any = 0,
) -> None:  # fmt: skip
    """See `inkdiff.kernels.cpu.step`."""
    calls = _calls(x.size)
    kernel = _STEP[x.dtype]
    _launch(kernel, calls, on, x, u, out, eps, a, b, s, d, wall, lo, length, noisy, calls, number, stream, k0, k1)
