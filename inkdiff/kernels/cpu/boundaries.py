"""CPU shells of walks whose walls act on whole walkers: absorbing ones, and obstacles. Row by row; noise is given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from inkdiff._core.compilation import jit
from inkdiff.kernels.first_passage import ABSORB, NEVER, alive_at, bridge, bridge_noise, meet, second_call
from inkdiff.kernels.formulas import cell_of, displace, fold

__all__ = ["absorb", "obstruct"]

_ROWS = 1024


@jit
def _absorb_row(
    x: Any, z: Any, y: Any, lo: Any, length: Any, wall: Any, c: Any, first: Any, step: Any, stream: Any, k0: Any,
    k1: Any,
) -> Any:  # fmt: skip
    """One walker; y (d,) scratch. Returns the share of the step after which it is absorbed, or NEVER."""
    d = x.size
    earliest, hit, end = NEVER, -1, 0.0
    for j in range(d):
        y[j] = displace(x[j], c, z[j])
        if wall[j] == ABSORB:
            u, v, z0, _ = bridge_noise(np.uint64(first + j), step, stream, k0, k1)
            share, place = meet(x[j], y[j], lo[j], lo[j] + length[j], u, v, z0, c)
            if share < earliest:
                earliest, hit, end = share, j, place
    for j in range(d):
        if j == hit:
            x[j] = end
            continue
        if hit >= 0:  # where the bridge of the other coordinates is at that moment
            u, v, z0, z1 = bridge_noise(np.uint64(first + j), step, stream, k0, k1)
            if wall[j] == ABSORB:
                hi = lo[j] + length[j]
                share, place = meet(x[j], y[j], lo[j], hi, u, v, z0, c)
                u, v, _, _ = bridge_noise(second_call(np.uint64(first + j)), step, stream, k0, k1)
                y[j] = alive_at(x[j], y[j], lo[j], hi, earliest, share, place, u, v, z1, c)
            else:
                y[j] = bridge(x[j], y[j], earliest, z1, c)
        x[j] = y[j] if wall[j] == ABSORB else fold(y[j], lo[j], length[j], wall[j])
    return earliest


@jit(parallel=True)
def absorb(
    x: Any, z: Any, start: Any, lo: Any, length: Any, wall: Any, c: Any, when: Any, t: Any, dt: Any, step: Any,
    stream: Any, k0: Any, k1: Any,
) -> None:  # fmt: skip
    """One step of x (n, d), float64, with normals z (n, d); those absorbed stay: `when` (n,) is finite for them."""
    n, d = x.shape
    for chunk in prange((n + _ROWS - 1) // _ROWS):
        y = np.empty(d)
        for i in range(np.int64(chunk) * _ROWS, min(np.int64(chunk) * _ROWS + _ROWS, n)):
            if when[i] == np.inf:
                share = _absorb_row(x[i], z[i], y, lo, length, wall, c, start + i * d, step, stream, k0, k1)
                if share < NEVER:
                    when[i] = displace(t, share, dt)


@jit(parallel=True)
def obstruct(x: Any, z: Any, lo: Any, length: Any, wall: Any, c: Any, solid: Any, inverse: Any, bins: Any) -> None:
    """One step of x (n, d), float64, with normals z, among solid cells: a step that meets one is not taken."""
    n, d = x.shape
    for chunk in prange((n + _ROWS - 1) // _ROWS):
        y = np.empty(d)
        for i in range(np.int64(chunk) * _ROWS, min(np.int64(chunk) * _ROWS + _ROWS, n)):
            allowed = True
            for j in range(d):
                y[j] = fold(displace(x[i, j], c, z[i, j]), lo[j], length[j], wall[j])
                allowed &= abs(c * z[i, j]) * inverse[j] < 1  # a longer step could jump over a cell
            for corner in range(1, 1 << d):  # of the box that x and y span: bit j chooses y_j
                flat = np.int64(0)
                for j in range(d):
                    position = y[j] if (corner >> j) & 1 else x[i, j]
                    flat = flat * bins[j] + cell_of(position, lo[j], inverse[j], bins[j])
                allowed &= not solid[flat]
            if allowed:
                for j in range(d):
                    x[i, j] = y[j]
