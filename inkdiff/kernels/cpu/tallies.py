"""CPU shells that count walkers: sums of integers, the same in any order, so each thread keeps its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from inkdiff._core.compilation import jit
from inkdiff.kernels.formulas import cell_of, to_quanta

__all__ = ["histogram", "moments"]

_ROWS = 4096  # rows whose squares below 2^48 are summed before they are split into high and low words
_LOW_32 = np.int64(0xFFFFFFFF)


@jit(parallel=True)
def histogram(x: Any, lo: Any, hi: Any, inverse: Any, bins: Any, out: Any) -> None:
    """Rows of x (n, d) in each cell, added to out (parts, cells) int64, every part by a thread of its own.

    Cells have 1/inverse a side from lo; rows that leave lo .. hi, ends included, on some axis are not counted.
    """
    n, d = x.shape
    parts = out.shape[0]
    for part in prange(parts):
        mine = out[part]
        for i in range(n * part // parts, n * (part + 1) // parts):
            flat, inside = np.int64(0), True
            for j in range(d):
                inside &= (x[i, j] >= lo[j]) & (x[i, j] <= hi[j])  # NaN is not
                flat = flat * bins[j] + cell_of(x[i, j], lo[j], inverse[j], bins[j])
            if inside:
                mine[flat] += 1


@jit(parallel=True)
def moments(x: Any, about: Any, scale: Any, out: Any) -> None:
    """Sums over rows of x (n, d) of q = round((x - about) scale), |q| < 2^24, and of q^2, added to out (parts, d, 3).

    about (1, d) or (n, d), float64; out[..., 0] is the sum, out[..., 1] 2^32 + out[..., 2] that of the squares; int64.
    """
    n, d = x.shape
    chunks, parts = (n + _ROWS - 1) // _ROWS, out.shape[0]
    for part in prange(parts):
        for chunk in range(part, chunks, parts):
            for j in range(d):
                total, square = np.int64(0), np.int64(0)
                for i in range(chunk * _ROWS, min(chunk * _ROWS + _ROWS, n)):
                    origin = about[i, j] if about.shape[0] > 1 else about[0, j]
                    q = to_quanta(x[i, j] - origin, scale)
                    total += q
                    square += q * q
                out[part, j, 0] += total
                out[part, j, 1] += square >> np.int64(32)
                out[part, j, 2] += square & _LOW_32
