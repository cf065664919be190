"""CUDA shell of the one step x <- fold(a x + b u + c eps)."""

from __future__ import annotations

from typing import Any

import numpy as np

from inkdiff._core.rng import QUARTER as Q
from inkdiff._core.rng import normals4
from inkdiff.kernels.cuda.launch import REALS, calls_over, cuda, launch
from inkdiff.kernels.formulas import advance, drive, fold

__all__ = ["affine_step"]

_f32, _u64 = np.float32, np.uint64


def _make_step(real: Any) -> Any:
    @cuda.jit
    def affine_step(
        x: Any, u: Any, out: Any, eps: Any, start: Any, a: Any, b: Any, c: Any, d: Any, lo: Any, length: Any,
        wall: Any, noisy: Any, first: Any, calls: Any, step: Any, stream: Any, k0: Any, k1: Any,
    ) -> None:  # fmt: skip
        for i in range(cuda.grid(1), calls, cuda.gridsize(1)):
            call = first + i
            z = (_f32(0), _f32(0), _f32(0), _f32(0))
            if noisy:
                z0, z1, z2, z3 = normals4(_u64(call), step, stream, k0, k1)
                z = (_f32(z0), _f32(z1), _f32(z2), _f32(z3))
            for j in range(4):
                e = call // Q * (4 * Q) + call % Q + j * Q - start
                if 0 <= e < x.size:
                    row = e // d if a.size > 1 else 0
                    if u.size > 0:
                        y = real(drive(x[e], a[row], u[e], b[row], c[row], z[j]))
                    else:
                        y = real(advance(x[e], a[row], c[row], z[j]))
                    if lo.size > 0:
                        axis = e % lo.size
                        y = real(fold(y, lo[axis], length[axis], wall[axis]))
                    out[e] = y
                    if eps.size > 0:
                        eps[e] = z[j]

    return affine_step


_STEP = {np.dtype(real): _make_step(real) for real in REALS}


def affine_step(
    x: Any, u: Any, out: Any, eps: Any, start: int, a: Any, b: Any, c: Any, d: int, lo: Any, length: Any, wall: Any,
    noisy: bool, step: Any, stream: Any, k0: Any, k1: Any, *, on: Any = 0,
) -> None:  # fmt: skip
    """See `inkdiff.kernels.cpu.affine_step`."""
    first, calls = calls_over(start, x.size)
    box = (lo, length, wall)
    launch(
        _STEP[x.dtype], calls, on, x, u, out, eps, start, a, b, c, d, *box, noisy, first, calls, step, stream, k0, k1
    )  # fmt: skip
