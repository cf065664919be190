"""CUDA shells that count walkers: atomic sums of integers, the same in any order."""

from __future__ import annotations

from typing import Any

import numpy as np

from inkdiff.kernels.cuda.launch import cuda, launch
from inkdiff.kernels.formulas import cell_of, to_quanta

__all__ = ["histogram", "moments"]

_TALLYING = 2**16  # threads that sum up and then meet at one address
_i64 = np.int64


@cuda.jit
def _histogram(x: Any, lo: Any, hi: Any, inverse: Any, bins: Any, out: Any) -> None:
    for i in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
        flat, inside = _i64(0), True
        for j in range(x.shape[1]):
            inside = inside and x[i, j] >= lo[j] and x[i, j] <= hi[j]
            flat = flat * bins[j] + cell_of(x[i, j], lo[j], inverse[j], bins[j])
        if inside:
            cuda.atomic.add(out, (0, flat), 1)


@cuda.jit
def _moments(x: Any, about: Any, scale: Any, out: Any) -> None:
    for j in range(x.shape[1]):
        total, high, low = _i64(0), _i64(0), _i64(0)
        for i in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
            origin = about[i, j] if about.shape[0] > 1 else about[0, j]
            q = to_quanta(x[i, j] - origin, scale)
            total += q
            high += (q * q) >> _i64(32)
            low += (q * q) & _i64(0xFFFFFFFF)
        cuda.atomic.add(out, (0, j, 0), total)
        cuda.atomic.add(out, (0, j, 1), high)
        cuda.atomic.add(out, (0, j, 2), low)


def histogram(x: Any, lo: Any, hi: Any, inverse: Any, bins: Any, out: Any, *, on: Any = 0) -> None:
    """See `inkdiff.kernels.cpu.histogram`."""
    launch(_histogram, x.shape[0], on, x, lo, hi, inverse, bins, out)


def moments(x: Any, about: Any, scale: float, out: Any, *, on: Any = 0) -> None:
    """See `inkdiff.kernels.cpu.moments`; high and low words of the sum of squares may be split otherwise."""
    launch(_moments, min(x.shape[0], _TALLYING), on, x, about, scale, out)
