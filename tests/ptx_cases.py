"""Run by test_cuda_simulator.py in a process of its own: compile every CUDA shell to PTX, without a GPU, and
count instructions.

Prints one JSON object: "shell dtype sm" -> counts. `contracted` is how many fused operations vanish when NVVM
is forbidden to fuse multiplies and adds on its own: none should, since every one that is to be fused is written
so.
"""

from __future__ import annotations

import json
import re
import types as python_types

import numba.cuda.dispatcher as dispatcher
import numpy as np
from numba import cuda as numba_cuda
from numba import types
from numba.cuda.cudadrv import nvvm

# Numba asks the current device for its capability even when told one; without a GPU there is nothing to ask.
dispatcher.get_current_device = lambda: python_types.SimpleNamespace(compute_capability=(9, 0))

from inkdiff.kernels.cuda import boundaries, noise, steps, tallies, walks  # noqa: E402

I, U = types.int64, types.uint64
NOISE = (U, U, U, U)


def array(dtype, ndim=1):
    return types.Array(dtype, ndim, "C")


def shells():
    f32, f64, i64, u32 = types.float32, types.float64, types.int64, types.uint32
    yield "_normal float32", noise._normal, (array(f32), I, I, I, *NOISE)
    yield "_uniform float32", noise._uniform, (array(f32), I, I, I, *NOISE)
    yield "_philox uint32", noise._philox, (array(u32, 2), array(u32, 2), U, U)
    box = (array(f64), array(f64), array(i64))
    for numpy_type, real in ((np.float32, f32), (np.float64, f64)):
        x, kind = array(real), np.dtype(numpy_type)
        yield f"walk {real}", walks._WALK[kind], (x, I, x, x, I, I, I, U, U, U)
        yield f"walk_box {real}", walks._WALK_BOX[kind], (x, I, *box, array(f64), I, I, I, U, U, U)
        yield f"walk_free {real}", walks._WALK_FREE[kind], (x, I, f64, array(f64), array(i64), I, I, I, U, U, U)
        tally = (array(real, 2), array(f64))
        yield f"_histogram {real}", tallies._histogram, (*tally, array(f64), array(f64), array(i64), array(i64, 2))
        yield f"_moments {real}", tallies._moments, (array(real, 2), array(f64, 2), f64, array(i64, 3))
        if real is f64:
            rows = array(f64, 2), array(f32, 2)
            yield "_absorb float64", boundaries._absorb, (*rows, I, *box, f64, array(f64), f64, f64, U, U, U, U)
            flags = (array(types.boolean), array(f64), array(i64))
            yield "_obstruct float64", boundaries._obstruct, (*rows, *box, f64, *flags)
        arguments = (x, x, x, array(f32), I, x, x, x, I, x, x, array(i64), types.boolean, I, I, *NOISE)
        yield f"affine_step {real}", steps._STEP[kind], arguments


def count(ptx):
    return {
        "fma.rn.f32": len(re.findall(r"\bfma\.rn\.f32", ptx)),
        "fma.rn.f64": len(re.findall(r"\bfma\.rn\.f64", ptx)),
        "local": len(re.findall(r"\b(?:ld|st)\.local", ptx)),
        # a reciprocal in double precision only starts Newton's iteration, inside log1p and expm1
        "approx": sum(name != "rcp.approx.ftz.f64" for name in re.findall(r"\S+\.(?:approx|ftz)\S*", ptx)),
    }


def compile_once(kernel, signature, cc, fma):
    """PTX of a kernel; `fma` is NVVM's permission to contract."""
    original = nvvm.compile_ir
    nvvm.compile_ir = lambda irs, **options: original(irs, **{**options, "fma": fma})
    try:
        ptx, _ = numba_cuda.compile_ptx(kernel.py_func, signature, cc=cc, fastmath=False)
    finally:
        nvvm.compile_ir = original
    return ptx


if __name__ == "__main__":
    counts = {}
    for name, kernel, signature in shells():
        for cc in ((8, 0), (9, 0)):
            ptx, forbidden = (compile_once(kernel, signature, cc, fma) for fma in (True, False))
            contracted = ptx.count("fma.rn") - forbidden.count("fma.rn")
            counts[f"{name} sm_{cc[0]}{cc[1]}"] = {**count(ptx), "contracted": contracted}
    print(json.dumps(counts))
