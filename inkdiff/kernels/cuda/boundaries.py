"""CUDA shells of walks whose walls act on whole walkers; one thread per walker, at most three coordinates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from inkdiff.kernels.cuda.launch import cuda, launch
from inkdiff.kernels.first_passage import ABSORB, NEVER, alive_at, bridge, bridge_noise, meet, second_call
from inkdiff.kernels.formulas import cell_of, displace, fold

__all__ = ["absorb", "obstruct"]

_MOST = 8  # coordinates
_f64, _u64 = np.float64, np.uint64


@cuda.jit
def _absorb(
    x: Any, z: Any, start: Any, lo: Any, length: Any, wall: Any, c: Any, when: Any, t: Any, dt: Any, step: Any,
    stream: Any, k0: Any, k1: Any,
) -> None:  # fmt: skip
    d = x.shape[1]
    for i in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
        if when[i] != math.inf:
            continue
        y = cuda.local.array(_MOST, _f64)
        earliest, hit, end = NEVER, -1, 0.0
        for j in range(d):
            y[j] = displace(x[i, j], c, z[i, j])
            if wall[j] == ABSORB:
                u, v, z0, _ = bridge_noise(_u64(start + i * d + j), step, stream, k0, k1)
                share, place = meet(x[i, j], y[j], lo[j], lo[j] + length[j], u, v, z0, c)
                if share < earliest:
                    earliest, hit, end = share, j, place
        for j in range(d):
            if j == hit:
                x[i, j] = end
                continue
            if hit >= 0:
                u, v, z0, z1 = bridge_noise(_u64(start + i * d + j), step, stream, k0, k1)
                if wall[j] == ABSORB:
                    hi = lo[j] + length[j]
                    share, place = meet(x[i, j], y[j], lo[j], hi, u, v, z0, c)
                    u, v, _, _ = bridge_noise(second_call(_u64(start + i * d + j)), step, stream, k0, k1)
                    y[j] = alive_at(x[i, j], y[j], lo[j], hi, earliest, share, place, u, v, z1, c)
                else:
                    y[j] = bridge(x[i, j], y[j], earliest, z1, c)
            x[i, j] = y[j] if wall[j] == ABSORB else fold(y[j], lo[j], length[j], wall[j])
        if earliest < NEVER:
            when[i] = displace(t, earliest, dt)


@cuda.jit
def _obstruct(x: Any, z: Any, lo: Any, length: Any, wall: Any, c: Any, solid: Any, inverse: Any, bins: Any) -> None:
    d = x.shape[1]
    for i in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
        y = cuda.local.array(_MOST, _f64)
        allowed = True
        for j in range(d):
            y[j] = fold(displace(x[i, j], c, z[i, j]), lo[j], length[j], wall[j])
            allowed = allowed and abs(c * z[i, j]) * inverse[j] < 1
        for corner in range(1, 1 << d):
            flat = 0
            for j in range(d):
                position = y[j] if (corner >> j) & 1 else x[i, j]
                flat = flat * bins[j] + cell_of(position, lo[j], inverse[j], bins[j])
            allowed = allowed and not solid[flat]
        if allowed:
            for j in range(d):
                x[i, j] = y[j]


def absorb(
    x: Any, z: Any, start: int, lo: Any, length: Any, wall: Any, c: float, when: Any, t: float, dt: float, step: Any,
    stream: Any, k0: Any, k1: Any, *, on: Any = 0,
) -> None:  # fmt: skip
    """See `inkdiff.kernels.cpu.absorb`."""
    launch(_absorb, x.shape[0], on, x, z, start, lo, length, wall, c, when, t, dt, step, stream, k0, k1)


def obstruct(
    x: Any, z: Any, lo: Any, length: Any, wall: Any, c: float, solid: Any, inverse: Any, bins: Any, *, on: Any = 0
) -> None:
    """See `inkdiff.kernels.cpu.obstruct`."""
    launch(_obstruct, x.shape[0], on, x, z, lo, length, wall, c, solid, inverse, bins)
