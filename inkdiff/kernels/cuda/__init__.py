"""CUDA shells: one thread per Philox call, so four elements Q apart; grid-stride loops; no formula is written here.

Thread c of a launch holds call c = block*Q + lane and its four elements block*4Q + j*Q + lane: neighbouring
threads touch neighbouring addresses in each of the four runs. Walks keep their state in registers over all
steps. The shells mirror those of `inkdiff.kernels.cpu` name by name and argument by argument, and, because
every formula is the same scalar function with explicit fma, bit by bit.

Results of scalar functions are cast where they are kept (`real(...)`, `np.int32(...)`): a compiler drops the
cast, and Numba's CUDA simulator, which passes them through Python, needs it.

| module | what is in it |
|---|---|
| `noise` | normals, uniforms and Philox words by address |
| `steps` | the one step x <- fold(a x + b u + c eps) |
| `walks` | walks, as integers where there is no drift |
| `boundaries` | walks whose walls act on whole walkers |
| `tallies` | histograms and moments in integers |
| `launch` | how shells are launched on a stream |
"""

from __future__ import annotations

from inkdiff.kernels.cuda.boundaries import absorb, obstruct
from inkdiff.kernels.cuda.launch import stream
from inkdiff.kernels.cuda.noise import normal, philox, uniform
from inkdiff.kernels.cuda.steps import affine_step
from inkdiff.kernels.cuda.tallies import histogram, moments
from inkdiff.kernels.cuda.walks import walk, walk_box, walk_free

__all__ = [
    "absorb", "affine_step", "histogram", "moments", "normal", "obstruct", "philox", "stream", "uniform", "walk",
    "walk_box", "walk_free",
]  # fmt: skip
