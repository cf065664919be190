"""CPU shells: `prange` over blocks of 4Q flat elements, a vectorised loop over lanes inside; no formula is
written here.

How the compiler is spoken to. An array of any shape is seen as its flat elements, in blocks of 4Q. Inside a
block lane i of the four quarters shares Philox call block*Q + i, so the loop over i reads and writes four
contiguous slices and calls scalar functions that Numba has already inlined: LLVM turns the whole body, integer
multiplies, polynomials and all, into packed instructions (a test reads the assembly, for AVX2 and AVX-512). Whatever
differs from element to element (a time per row, a side per axis) is first expanded into contiguous scratch that stays
in the first-level cache, since loops over short rows do not vectorise. A walk takes a block through all its steps
before the next block is touched: its state, integers while it walks, never leaves the cache. An array that starts or
ends inside a block is a block of which fewer elements are read and written. Lanes depend on nothing but their own
address: the bits are the same for any number of threads, and for any part of an array walked by itself.

| module | what is in it |
|---|---|
| `noise` | normals, uniforms and Philox words by address |
| `steps` | the one step x <- fold(a x + b u + c eps) |
| `walks` | walks, as integers where there is no drift |
| `boundaries` | walks whose walls act on whole walkers |
| `tallies` | histograms and moments in integers |
| `blocks` | where an array lies on the blocks of 4Q elements |
"""

from __future__ import annotations

from inkdiff.kernels.cpu.boundaries import absorb, obstruct
from inkdiff.kernels.cpu.noise import normal, philox, uniform
from inkdiff.kernels.cpu.steps import affine_step
from inkdiff.kernels.cpu.tallies import histogram, moments
from inkdiff.kernels.cpu.walks import walk, walk_box, walk_free

__all__ = [
    "absorb", "affine_step", "histogram", "moments", "normal", "obstruct", "philox", "uniform", "walk", "walk_box",
    "walk_free",
]  # fmt: skip
