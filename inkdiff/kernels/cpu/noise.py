"""CPU shells of the noise by address."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from inkdiff._core.compilation import jit
from inkdiff._core.rng import QUARTER as Q
from inkdiff._core.rng import normals4, philox4, unit_interval
from inkdiff.kernels.cpu.blocks import BLOCK, blocks, lanes, part, quarters

__all__ = ["noise_block", "normal", "philox", "uniform"]

_32 = np.uint64(32)


@jit
def _normals(o0: Any, o1: Any, o2: Any, o3: Any, base: Any, step: Any, stream: Any, k0: Any, k1: Any) -> None:
    for i in range(o0.size):
        o0[i], o1[i], o2[i], o3[i] = normals4(np.uint64(base + i), step, stream, k0, k1)


@jit
def noise_block(z: Any, block: Any, begin: Any, end: Any, step: Any, stream: Any, k0: Any, k1: Any) -> None:
    """Normals of elements begin .. end of a block (and some of their neighbours) into z (4Q,)."""
    first, last = lanes(begin, end)
    z0, z1, z2, z3 = quarters(z, first, last)
    _normals(z0, z1, z2, z3, block * Q + first, step, stream, k0, k1)


@jit(parallel=True)
def normal(out: Any, start: Any, step: Any, stream: Any, k0: Any, k1: Any) -> None:
    """Normals of elements start .. start + out.size into `out` (float32)."""
    origin, count = blocks(start, out.size)
    for j in prange(count):
        block = origin + np.int64(j)
        begin, end, at = part(block, start, out.size)
        if end - begin == BLOCK:
            noise_block(out[at : at + BLOCK], block, begin, end, step, stream, k0, k1)
        else:
            z = np.empty(BLOCK, np.float32)
            noise_block(z, block, begin, end, step, stream, k0, k1)
            out[at : at + end - begin] = z[begin:end]


@jit
def _uniforms(o0: Any, o1: Any, o2: Any, o3: Any, base: Any, step: Any, stream: Any, k0: Any, k1: Any) -> None:
    for i in range(o0.size):
        call = np.uint64(base + i)
        w0, w1, w2, w3 = philox4(call, call >> _32, step, stream, k0, k1)
        o0[i], o1[i], o2[i], o3[i] = unit_interval(w0), unit_interval(w1), unit_interval(w2), unit_interval(w3)


@jit
def _uniform_block(z: Any, block: Any, begin: Any, end: Any, step: Any, stream: Any, k0: Any, k1: Any) -> None:
    """As `noise_block`."""
    first, last = lanes(begin, end)
    z0, z1, z2, z3 = quarters(z, first, last)
    _uniforms(z0, z1, z2, z3, block * Q + first, step, stream, k0, k1)


@jit(parallel=True)
def uniform(out: Any, start: Any, step: Any, stream: Any, k0: Any, k1: Any) -> None:
    """Uniforms on (0, 1) of elements start .. start + out.size into `out` (float32); addressed like `normal`."""
    origin, count = blocks(start, out.size)
    for j in prange(count):
        block = origin + np.int64(j)
        begin, end, at = part(block, start, out.size)
        if end - begin == BLOCK:
            _uniform_block(out[at : at + BLOCK], block, begin, end, step, stream, k0, k1)
        else:
            z = np.empty(BLOCK, np.float32)
            _uniform_block(z, block, begin, end, step, stream, k0, k1)
            out[at : at + end - begin] = z[begin:end]


@jit(parallel=True)
def philox(counter: Any, out: Any, k0: Any, k1: Any) -> None:
    """Philox4x32-10 of counters (n, 4) into `out` (n, 4), both uint32."""
    for i in prange(counter.shape[0]):
        c = counter[i]
        words = philox4(np.uint64(c[0]), np.uint64(c[1]), np.uint64(c[2]), np.uint64(c[3]), k0, k1)
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = words
