"""Obstacles for `inkdiff.Maze`: cells that are solid, made from words, from pictures, or grown as a labyrinth.

All are bool arrays (K_x, K_y), True where solid, axis 0 = x, y upwards. A labyrinth of C x R chambers is a spanning
tree of their grid: between any two chambers there is exactly one way, C R - 1 openings in all.

Reference: for the labyrinth, depth-first search with backtracking, R. Tarjan (1972), turning at random.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.rng import Stream
from inkdiff.datasets.pictures import density_from_image
from inkdiff.kernels import uniform

__all__ = ["labyrinth", "letters", "solid_from_image"]

_Solid = npt.NDArray[np.bool_]


def labyrinth(columns: int, rows: int, *, seed: int) -> _Solid:
    """Walls of a labyrinth of columns x rows chambers: (2 columns + 1, 2 rows + 1); chamber (i, j) is cell 2i+1, 2j+1.

    Raises
    ------
    ValueError, TypeError
        If there are fewer than 1 or more than 2^20 chambers, or the seed is no seed.
    """
    checks.count(columns, "columns")
    checks.count(rows, "rows", most=2**20 // columns)
    solid = np.ones((2 * columns + 1, 2 * rows + 1), bool)
    turns = uniform(2 * columns * rows, seed=checks.seed64(seed), stream=Stream.DATA)
    way, seen, at = [(0, 0)], {(0, 0)}, 0
    solid[1, 1] = False
    while way:
        i, j = way[-1]
        ahead = [(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)]
        ahead = [(p, q) for p, q in ahead if 0 <= p < columns and 0 <= q < rows and (p, q) not in seen]
        if not ahead:
            way.pop()
            continue
        p, q = ahead[int(turns[at] * len(ahead))]
        at += 1
        solid[i + p + 1, j + q + 1] = solid[2 * p + 1, 2 * q + 1] = False
        seen.add((p, q))
        way.append((p, q))
    return solid


def letters(text: str, columns: int, rows: int) -> _Solid:
    """A word as obstacles, in the middle of columns x rows cells and as large as fits with a margin.

    Raises
    ------
    ValueError, TypeError
        If the text is empty or does not fit.
    """
    from PIL import Image, ImageDraw, ImageFont

    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"text must be a word, got {checks.show(text)}.")
    checks.count(columns, "columns", most=4096)
    checks.count(rows, "rows", most=4096)
    for size in range(int(0.9 * rows), 4, -1):
        font = ImageFont.load_default(size=size)
        left, top, right, bottom = font.getbbox(text)
        if right - left <= 0.86 * columns and bottom - top <= 0.7 * rows:
            canvas = Image.new("L", (columns, rows), 0)
            place = ((columns - right - left) / 2, (rows - bottom - top) / 2)
            ImageDraw.Draw(canvas).text(place, text, fill=255, font=font)
            return np.ascontiguousarray(np.asarray(canvas)[::-1].T > 127)
    raise ValueError(f"text {text!r} does not fit into {columns} x {rows} cells; use more cells or a shorter word.")


def solid_from_image(
    picture: str | os.PathLike[str] | npt.NDArray[Any], bins: int, *, threshold: float = 0.5, invert: bool = False
) -> _Solid:
    """The dark parts of a picture (or, inverted, the bright ones) as obstacles, (bins, bins) cells of a square.

    `threshold` is the darkness from which a cell is solid, as a share of the darkest cell's. Errors are those of
    `density_from_image`.
    """
    share = checks.real(threshold, "threshold")
    if not 0 < share < 1:
        raise ValueError(f"threshold must lie between 0 and 1, got {share:g}.")
    darkness = density_from_image(picture, bins, invert=invert)
    return np.asarray(darkness >= share * darkness.max())
