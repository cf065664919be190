"""The walk of `inkdiff.kernels` with float32 positions in place of 32-bit phases: what fixed point is
compared with.

    x  <-  L - |L - |x + s eps||

Same blocks, same lanes, same noise; only the state differs. This fold is right for steps shorter than the
box, and positions stop diffusing once s falls below their spacing: this kernel is here to be timed, not to be
used.

Reference: `inkdiff.kernels.cpu.walk_box`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from inkdiff._core.compilation import fma, jit
from inkdiff._core.rng import QUARTER as Q
from inkdiff._core.rng import normals4

__all__ = ["walk_float"]

_BLOCK = 4 * Q
_NO_STREAM = np.uint64(0)


@jit
def _lanes(x0: Any, x1: Any, x2: Any, x3: Any, s: Any, length: Any, base: Any, step: Any, seed: Any) -> None:
    for i in range(x0.size):
        z0, z1, z2, z3 = normals4(np.uint64(base + i), step, _NO_STREAM, seed, _NO_STREAM)
        x0[i] = length - abs(length - abs(fma(s, z0, x0[i])))
        x1[i] = length - abs(length - abs(fma(s, z1, x1[i])))
        x2[i] = length - abs(length - abs(fma(s, z2, x2[i])))
        x3[i] = length - abs(length - abs(fma(s, z3, x3[i])))


@jit(parallel=True)
def walk_float(x: Any, s: Any, length: Any, seed: Any) -> None:
    """len(s) steps in [0, length], in place on flat float32 x; a ragged end is padded in scratch."""
    for j in prange((x.size + _BLOCK - 1) // _BLOCK):
        block = np.int64(j)
        lo = block * _BLOCK
        hi = min(lo + _BLOCK, x.size)
        y = x[lo:hi]
        if hi - lo < _BLOCK:
            y = np.zeros(_BLOCK, np.float32)
            y[: hi - lo] = x[lo:hi]
        m = min(hi - lo, Q)
        y0, y1, y2, y3 = y[:m], y[Q : Q + m], y[2 * Q : 2 * Q + m], y[3 * Q : 3 * Q + m]
        for k in range(s.size):
            _lanes(y0, y1, y2, y3, s[k], length, block * Q, np.uint64(k), seed)
        if hi - lo < _BLOCK:
            x[lo:hi] = y[: hi - lo]
