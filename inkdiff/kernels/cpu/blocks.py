"""Where an array lies on the blocks of 4Q elements, and what its values per axis or per row are on a block."""

from __future__ import annotations

from typing import Any

import numpy as np

from inkdiff._core.compilation import jit, store_copies
from inkdiff._core.rng import QUARTER as Q

__all__ = ["BLOCK", "PADDING", "RUN", "blocks", "lanes", "part", "quarters", "repeat_axes", "spread_rows"]

BLOCK = 4 * Q
RUN = 512  # elements, or lanes, that read their values per axis from one short array
PADDING = 8  # entries that `spread_rows` may write beyond the last row
_PADDING = np.uint64(PADDING)
_1, _2, _3, _4 = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)


@jit
def blocks(start: Any, size: Any) -> Any:
    """(first block, number of blocks) under elements start .. start + size."""
    first = start // BLOCK
    return first, (start + size - 1) // BLOCK - first + 1


@jit
def part(block: Any, start: Any, size: Any) -> Any:
    """(begin, end) within a block of the elements start .. start + size, and where in the array they begin."""
    base = block * BLOCK - start
    begin = max(-base, 0)
    return begin, min(size - base, BLOCK), base + begin


@jit
def lanes(begin: Any, end: Any) -> Any:
    """The lanes (first, last + 1) that elements begin .. end of a block need."""
    if begin // Q == (end - 1) // Q:
        return begin % Q, (end - 1) % Q + 1
    return 0, Q


@jit
def quarters(y: Any, first: Any, last: Any) -> Any:
    """Lanes first .. last of a block, as its four runs."""
    return (
        y[first:last],
        y[Q + first : Q + last],
        y[2 * Q + first : 2 * Q + last],
        y[3 * Q + first : 3 * Q + last],
    )


@jit
def repeat_axes(values: Any) -> Any:
    """One value per axis, repeated so that a run of elements beginning at axis j finds its own as a slice from j.

    One as long as a block would fill the first cache, and with what it goes with all the ways of one set of it.
    """
    d = values.size
    if d == 1:
        return values
    out = np.empty(RUN + d, values.dtype)
    out[:d] = values
    for e in range(d, out.size):
        out[e] = out[e - d]
    return out


@jit
def spread_rows(out: Any, values: Any, d: Any) -> None:
    """out[r d + j] = values[r], j < d; `out` is longer by PADDING.

    Unsigned indices: signed ones may count from the end, and do not vectorise.
    """
    rows, width = np.uint64(values.size), np.uint64(d)
    if d == 2:  # strides known to the compiler become shuffles of whole vectors
        for r in range(rows):
            out[_2 * r] = values[r]
            out[_2 * r + _1] = values[r]
    elif d == 3:
        for r in range(rows):
            out[_3 * r] = values[r]
            out[_3 * r + _1] = values[r]
            out[_3 * r + _2] = values[r]
    elif d == 4:
        for r in range(rows):
            out[_4 * r] = values[r]
            out[_4 * r + _1] = values[r]
            out[_4 * r + _2] = values[r]
            out[_4 * r + _3] = values[r]
    else:  # in whole vectors, each row over what was too much of the one before
        for r in range(rows):
            k = r * width
            while k < (r + _1) * width:
                store_copies(out, k, values[r], PADDING)
                k += _PADDING
