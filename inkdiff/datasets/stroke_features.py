r"""Stroke features of handwriting: stroke weight, slant and width of a digit, measured from its ink I(r, c).

    weight  w = 2 sum I / sum |grad I|                     mean width of the stroke, pixels
    slant   k = -<x y> / <y^2>                             tangent of the lean from the vertical, positive to the right
    width   b = sqrt(12 (<x^2> - <x y>^2 / <y^2>))         of the digit set upright, pixels

A stroke of width w and length l >> w has w l of ink and an edge of 2 l, whence the first; the gradient is that of
forward differences, over the picture with a margin of paper. <.> are averages over the ink about its centre, x = column
to the right, y = row downwards: a shear x -> x + k y sets the digit upright, and what is left of <x^2> is that of an
even bar of width b. Digits that fill the height of their picture differ in size by their width alone.

Reference: the shear is the deslanting of handwriting recognition, e.g. E. Kavallieratou, N. Fakotakis, G. Kokkinakis,
Slant estimation algorithm for OCR systems, Pattern Recognition 34 (2001) 2515.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from inkdiff._core.backend import Array, Floats, asnumpy

__all__ = ["StrokeFeatures", "stroke_features"]


class StrokeFeatures(NamedTuple):
    """Of n pictures: stroke weight (pixels), slant (tangent), width (pixels), (n,) each."""

    weight: Floats
    slant: Floats
    width: Floats


def stroke_features(images: Array) -> StrokeFeatures:
    """Stroke features of pictures (n, height, width) of ink on paper: 0 is paper, and below 0 counts as paper.

    Raises
    ------
    ValueError
        If they are not (n, height, width), are not finite, or one has no ink.
    """
    ink = np.maximum(asnumpy(images).astype(np.float64), 0)
    if ink.ndim != 3:
        raise ValueError(f"images must have shape (n, height, width), got {ink.shape}; use the .images of a data set.")
    total = ink.sum((1, 2))
    if not (np.isfinite(total).all() and (total > 0).all()):
        raise ValueError("images: every picture must be finite and hold some ink.")
    framed = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    down, right = np.diff(framed, axis=1)[:, :, :-1], np.diff(framed, axis=2)[:, :-1]
    weight = 2 * total / np.sqrt(down**2 + right**2).sum((1, 2))
    y, x = (np.arange(size, dtype=np.float64) for size in ink.shape[1:])
    of_rows, of_columns = ink.sum(2) / total[:, None], ink.sum(1) / total[:, None]
    y, x = y - (of_rows @ y)[:, None], x - (of_columns @ x)[:, None]
    yy, xx = (of_rows * y**2).sum(1), (of_columns * x**2).sum(1)
    xy = np.einsum("nrc,nr,nc->n", ink, y, x) / total
    yy = np.maximum(yy, np.finfo(np.float64).tiny)  # of ink in one row alone, which leans nowhere
    return StrokeFeatures(weight, -xy / yy, np.sqrt(12 * np.maximum(xx - xy**2 / yy, 0)))
