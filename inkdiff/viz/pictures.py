"""Pictures: ink in a glass seen from above, images side by side, film strips.

Arrays of counts are indexed c[i, j] with i along x and j along y (mathematics: y upwards), images I[row,
column] with the top row first; each function turns its own convention the right way up. Many small images are
laid into one array, with a seam of s = 1 pixel,

    M[r (h + s) + i, c (w + s) + j] = I_rc[i, j],

so that a hundred of them are one image to draw.

Reference: J. D. Hunter, Matplotlib: a 2D graphics environment, Computing in Science & Engineering 9 (2007)
90.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from inkdiff.viz.style import ink_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

    from inkdiff._core.backend import Array
    from inkdiff.domains.box import Box

__all__ = ["concentration", "discs", "film", "images", "walls"]

_SEAM = 1


def concentration(ax: Axes, counts: Array, box: Box, *, vmax: float | None = None, **options: object) -> AxesImage:
    """A map of ink: white where there is none, dark blue where it is densest (or at `vmax`).

    Parameters
    ----------
    ax : the panel
    counts : (K_x, K_y), particles or density per cell, axis 0 = x
    box : the glass, an `inkdiff.Box` (its walls frame the panel)
    vmax : value of the darkest blue; give one number to compare panels
    options : passed on to `imshow` (for example `norm=` for a nonlinear scale)
    """
    c = _host(counts)
    if c.ndim != 2:
        raise ValueError(f"counts must have shape (K_x, K_y), got {c.shape}.")
    (x_low, y_low), (width, height) = box.low(2), box.length(2)
    style: dict[str, Any] = {"cmap": ink_colors()}
    if "norm" not in options:
        style |= {"vmin": 0.0, "vmax": vmax if vmax is not None else max(float(c.max()), 1e-300)}
    style = {**style, **options}
    drawn = ax.imshow(c.T, origin="lower", extent=(x_low, x_low + width, y_low, y_low + height), **style)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(True)
    return drawn


def walls(ax: Axes, solid: Array, box: Box, color: str = "#8a8a8a") -> AxesImage:
    """Solid cells (K_x, K_y) of a box, opaque, over what is drawn there; the rest is left as it is."""
    from matplotlib.colors import to_rgba

    blocked = _host(solid)
    if blocked.ndim != 2:
        raise ValueError(f"solid must have shape (K_x, K_y), got {blocked.shape}.")
    (x_low, y_low), (width, height) = box.low(2), box.length(2)
    paint = np.where(blocked.T[:, :, None], to_rgba(color), (0.0, 0.0, 0.0, 0.0))
    return ax.imshow(paint, origin="lower", extent=(x_low, x_low + width, y_low, y_low + height))


def discs(ax: Axes, x: Array, side: float, ink: Array, *, diameter: float = 1.0) -> None:
    """Molecules of ink (dark) among those of water (pale) in a square [0, side]^2, each as large as it is.

    Parameters
    ----------
    ax : the panel, on a figure whose size will not change
    x : (n, 2) positions
    ink : (n,) booleans: which are ink
    diameter : of a disc, in the units of x
    """
    from matplotlib.collections import EllipseCollection

    x, dark = _host(x), _host(ink).astype(bool)
    if x.ndim != 2 or x.shape[1] != 2 or dark.shape != x.shape[:1]:
        raise ValueError(f"x must have shape (n, 2) and ink (n,), got {x.shape} and {dark.shape}.")
    for which, color in ((~dark, "#bcd3e6"), (dark, "#0a1f4d")):
        size = np.full(int(which.sum()), diameter)
        drawn = EllipseCollection(
            size, size, 0.0, units="xy", offsets=x[which], transOffset=ax.transData, facecolors=color, linewidths=0
        )
        drawn.set_rasterized(True)
        ax.add_collection(drawn)
    ax.set(xlim=(0, side), ylim=(0, side), xticks=[], yticks=[], aspect="equal")
    for spine in ax.spines.values():
        spine.set_visible(True)


def images(
    ax: Axes,
    x: Array,
    image_shape: tuple[int, ...],
    rows: int | None = None,
    cols: int | None = None,
    *,
    limits: tuple[float, float] = (0.0, 1.0),
) -> AxesImage:
    """The first rows x cols images of x (n, d) in a grid; `limits` are black and white.

    Without `rows` and `cols` all n, nearly square. With 3 channels, in colour.
    """
    x = _host(x)
    if x.ndim != 2 or x.shape[1] != math.prod(image_shape):
        raise ValueError(f"x must have shape (n, {math.prod(image_shape)}) for images {image_shape}, got {x.shape}.")
    if rows is None:
        rows = math.ceil(len(x) / cols) if cols else max(1, math.isqrt(len(x)))
    cols = cols or math.ceil(len(x) / rows)
    return _show(ax, _mosaic(x.reshape(len(x), *image_shape), rows, cols), limits)


def film(
    ax: Axes,
    frames: Array,
    labels: Sequence[str] = (),
    *,
    limits: tuple[float, float] = (0.0, 1.0),
    row_labels: Sequence[str] = (),
) -> AxesImage:
    """A film strip: frames (k, m, h, w), k moments from left to right of m images one below the other.

    Parameters
    ----------
    labels : k texts under the columns (times)
    limits : the values shown as black and white
    row_labels : m texts left of the rows
    """
    frames = _host(frames)
    if frames.ndim not in (4, 5):
        raise ValueError(f"frames must have shape (moments, images, height, width), got {frames.shape}.")
    k, m, h, w = frames.shape[:4]
    if len(labels) not in (0, k) or len(row_labels) not in (0, m):
        raise ValueError(f"film of {k} moments and {m} rows got {len(labels)} labels and {len(row_labels)} row_labels.")
    drawn = _show(ax, _mosaic(frames.swapaxes(0, 1).reshape(k * m, *frames.shape[2:]), m, k), limits)
    ax.set_axis_on()
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0)
    ax.set_xticks([c * (w + _SEAM) + (w - 1) / 2 for c in range(len(labels))], labels)
    ax.set_yticks([r * (h + _SEAM) + (h - 1) / 2 for r in range(len(row_labels))], row_labels)
    return drawn


def _host(x: Array) -> Array:
    """Arrays from wherever they are: drawing is done by the CPU."""
    from inkdiff._core.backend import asnumpy

    return asnumpy(x)


def _mosaic(pictures: Array, rows: int, cols: int) -> npt.NDArray[np.floating]:
    """rows x cols of the pictures (n, h, w[, channels]) in one array, seams and missing ones NaN."""
    h, w = pictures.shape[1:3]
    mosaic = np.full((rows * (h + _SEAM) - _SEAM, cols * (w + _SEAM) - _SEAM, *pictures.shape[3:]), np.nan)
    for number, picture in enumerate(pictures[: rows * cols]):
        top, left = number // cols * (h + _SEAM), number % cols * (w + _SEAM)
        mosaic[top : top + h, left : left + w] = picture
    return mosaic


def _show(ax: Axes, mosaic: Array, limits: tuple[float, float]) -> AxesImage:
    low, high = limits
    if mosaic.ndim == 3:
        mosaic = np.nan_to_num(np.clip((mosaic - low) / (high - low), 0, 1), nan=1.0)
    ax.set_axis_off()
    return ax.imshow(mosaic, cmap="gray", vmin=low, vmax=high)
