"""How CUDA shells are launched: on CuPy's stream, one thread per Philox call, in a grid of bounded size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda as _numba_cuda

from inkdiff._core.rng import QUARTER as Q

__all__ = ["REALS", "calls_over", "cuda", "launch", "stream"]

cuda: Any = _numba_cuda  # its names are made at run time, for a device or for the simulator

REALS = (np.float32, np.float64)
_THREADS = 256
_MAX_BLOCKS = 65_535


def stream(pointer: int) -> Any:
    """Numba's view of a CUDA stream that CuPy owns."""
    return cuda.external_stream(pointer)


def calls_over(start: int, size: int) -> tuple[int, int]:
    """(first, number) of the Philox calls that cover flat elements start .. start + size."""
    first = start // (4 * Q) * Q
    return first, (start + size + 4 * Q - 1) // (4 * Q) * Q - first


def launch(kernel: Any, threads: int, stream: Any, *arguments: Any) -> None:
    """Run a kernel whose grid-stride loop has work for this many threads."""
    blocks = max(1, min(_MAX_BLOCKS, (threads + _THREADS - 1) // _THREADS))
    kernel[blocks, min(_THREADS, threads), stream](*arguments)
