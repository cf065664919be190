"""CUDA shells of the noise by address."""

from __future__ import annotations

from typing import Any

import numpy as np

from inkdiff._core.rng import QUARTER as Q
from inkdiff._core.rng import normals4, philox4, unit_interval
from inkdiff.kernels.cuda.launch import calls_over, cuda, launch

__all__ = ["normal", "philox", "uniform"]

_u64 = np.uint64


@cuda.jit
def _normal(out: Any, start: Any, first: Any, calls: Any, step: Any, stream: Any, k0: Any, k1: Any) -> None:
    for thread in range(cuda.grid(1), calls, cuda.gridsize(1)):
        call = first + thread
        z = normals4(_u64(call), step, stream, k0, k1)
        e = call // Q * (4 * Q) + call % Q - start
        for j in range(4):
            k = e + j * Q
            if 0 <= k < out.size:
                out[k] = z[j]


@cuda.jit
def _uniform(out: Any, start: Any, first: Any, calls: Any, step: Any, stream: Any, k0: Any, k1: Any) -> None:
    for thread in range(cuda.grid(1), calls, cuda.gridsize(1)):
        call = first + thread
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


def normal(out: Any, start: int, step: Any, stream: Any, k0: Any, k1: Any, *, on: Any = 0) -> None:
    """See `inkdiff.kernels.cpu.normal`; `on` is the CUDA stream."""
    first, calls = calls_over(start, out.size)
    launch(_normal, calls, on, out, start, first, calls, step, stream, k0, k1)


def uniform(out: Any, start: int, step: Any, stream: Any, k0: Any, k1: Any, *, on: Any = 0) -> None:
    """See `inkdiff.kernels.cpu.uniform`."""
    first, calls = calls_over(start, out.size)
    launch(_uniform, calls, on, out, start, first, calls, step, stream, k0, k1)


def philox(counter: Any, out: Any, k0: Any, k1: Any, *, on: Any = 0) -> None:
    """See `inkdiff.kernels.cpu.philox`."""
    launch(_philox, counter.shape[0], on, counter, out, k0, k1)
