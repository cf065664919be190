"""Pictures as data: as one point of pixel space to be noised, and as the shape of a drop whose ink spreads.

Seen as a point, a picture of h by w pixels is one row x of h w grey levels in [0, 1]. Seen as ink, its darkness
1 - grey is a concentration: constant on each pixel, the picture laid into the unit square with the y axis upward,

    p(x, y) = (1 - grey[row, column]) / (total darkness * pixel area),

of which n particles are drawn (inversion of the cumulated darkness, then uniform in the pixel), or which is averaged
over K x K bins, the initial density of an exact score. Both use the same p, exactly.

Reference: L. Devroye, Non-Uniform Random Variate Generation (1986), chapter III.2 (inversion of discrete laws).
ITU-R BT.601 for the grey of a colour, 0.299 R + 0.587 G + 0.114 B.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Floats
from inkdiff._core.rng import Stream
from inkdiff.datasets.dataset import Dataset
from inkdiff.kernels import uniform

__all__ = ["density_from_image", "drop_from_image", "image"]

_LUMA = np.array([0.299, 0.587, 0.114])
_LEAST_INK = 1e-12  # the luma of white falls short of 1 by rounding, which is no ink
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N", "I")


def image(path: str | os.PathLike[str], size: int | tuple[int, int] | None = None, grey: bool = True) -> Dataset:
    """A picture file (PNG, JPEG, whatever Pillow reads) as a data set of one image: x (1, d) in [0, 1], 0 = black.

    The camera's orientation tag is honoured and transparency is laid on white. Reduction averages areas.

    Parameters
    ----------
    path
        The file.
    size
        None keeps the pixels; an integer makes the longer side that many pixels and keeps the proportions;
        (height, width) is taken as it is.
    grey
        True: one channel, image_shape (height, width). False: three, image_shape (height, width, 3).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not a picture, truncated or damaged, or `size` is not positive.
    """
    levels = _read_picture(Path(path), grey)
    if size is not None:
        levels = _resize(levels, _target_shape(levels.shape[:2], size))
    if not grey and levels.ndim == 2:
        levels = np.repeat(levels[:, :, None], 3, axis=2)
    return Dataset(
        x=levels.reshape(1, -1).astype(np.float32),
        image_shape=levels.shape,
        name=Path(path).stem,
        range=(0.0, 1.0),
        source=Path(path).name,
    )


def drop_from_image(
    picture: str | os.PathLike[str] | npt.NDArray[Any],
    n: int,
    *,
    seed: int,
    stretch: bool = False,
    invert: bool = False,
) -> Dataset:
    """`n` particles of ink distributed like the darkness of a picture: x (n, 2) in [0, 1]^2, y axis upward.

    The true entropy of the drop (constant density on each pixel) comes with it, in nats.

    Parameters
    ----------
    picture
        A file, or an array (height, width) of grey levels in [0, 1], 0 = black, top row first.
    n
        Number of particles.
    seed
        Seed of the counter-based noise (stream DATA).
    stretch
        False keeps the picture's proportions: its longer side spans [0, 1], the shorter is centred and the margins
        hold no ink. True stretches it over the whole square.
    invert
        True takes brightness for ink (the digits of `digits()` are bright on dark).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the picture cannot be read, is not (height, width) in [0, 1], or holds no ink; or if `n` is not positive.
    """
    checks.count(n, "n")
    ink = _ink(picture, invert)
    height, width = ink.shape
    xs, ys = _pixel_edges(height, width, stretch)
    cumulated = np.cumsum(ink)
    cumulated /= cumulated[-1]
    # One float32 uniform tells 2^23 values apart, fewer than a large picture has pixels: a second fills the gaps.
    coarse, fine = (_uniform(n, seed, step).astype(np.float64) for step in (0, 1))
    u = coarse - 2.0**-24 + fine * 2.0**-23
    row, column = np.divmod(np.searchsorted(cumulated, u, side="right"), width)
    x = xs[column] + _uniform(n, seed, 2) * (xs[1] - xs[0])
    y = ys[height - 1 - row] + _uniform(n, seed, 3) * (ys[1] - ys[0])
    area = (xs[1] - xs[0]) * (ys[1] - ys[0])
    p = ink[ink > 0] / ink.sum()
    return Dataset(
        x=np.clip(np.stack([x, y], axis=1), 0, 1).astype(np.float32),
        names=("x", "y"),
        entropy=float(-np.sum(p * np.log(p / area))),
        name="drop from picture",
        range=(0.0, 1.0),
        source=Path(picture).name if isinstance(picture, (str, os.PathLike)) else f"{height}x{width} array",
    )


def density_from_image(
    picture: str | os.PathLike[str] | npt.NDArray[Any],
    bins: int,
    *,
    stretch: bool = False,
    invert: bool = False,
) -> Floats:
    """The density of `drop_from_image` averaged over bins: (bins, bins), axis 0 = x, axis 1 = y, of mean 1.

    Entry [i, j] is the density on [i, i+1]/bins x [j, j+1]/bins, exact (areas of overlap of pixels and bins), so that
    density.sum() / bins**2 = 1. Parameters and errors are those of `drop_from_image`.
    """
    checks.count(bins, "bins")
    ink = _ink(picture, invert)
    height, width = ink.shape
    xs, ys = _pixel_edges(height, width, stretch)
    upward = ink[::-1]
    mass = _overlap(bins, xs) @ upward.T @ _overlap(bins, ys).T
    return np.asarray(mass / mass.mean(), dtype=np.float64)


def _uniform(n: int, seed: int, step: int) -> npt.NDArray[np.float32]:
    return np.asarray(uniform(n, seed=seed, step=step, stream=Stream.DATA))


def _pixel_edges(height: int, width: int, stretch: bool) -> tuple[Floats, Floats]:
    """Edges of the columns (ascending x) and of the rows (ascending y, bottom row first) in the unit square."""
    span_x, span_y = (1.0, 1.0) if stretch else (width / max(height, width), height / max(height, width))
    return (
        (1 - span_x) / 2 + span_x * np.arange(width + 1) / width,
        (1 - span_y) / 2 + span_y * np.arange(height + 1) / height,
    )


def _overlap(bins: int, edges: Floats) -> Floats:
    """Length of the overlap of bin i of [0, 1] with pixel j, (bins, pixels)."""
    cells = np.arange(bins + 1) / bins
    upper = np.minimum(cells[1:, None], edges[1:])
    lower = np.maximum(cells[:-1, None], edges[:-1])
    overlap: Floats = np.maximum(upper - lower, 0)
    return overlap


def _ink(picture: str | os.PathLike[str] | npt.NDArray[Any], invert: bool) -> Floats:
    """Darkness (or brightness) of every pixel, (height, width), float64."""
    if isinstance(picture, (str, os.PathLike)):
        grey = _read_picture(Path(picture), grey=True)
    else:
        grey = np.asarray(picture, dtype=np.float64)
        if grey.ndim != 2 or grey.size == 0:
            raise ValueError(f"picture must be an array (height, width) of grey levels, got shape {grey.shape}.")
        if not (np.all(grey >= 0) and np.all(grey <= 1)):
            raise ValueError(
                f"picture must hold grey levels in [0, 1], got values from {np.min(grey):g} to {np.max(grey):g}: "
                "divide bytes by 255."
            )
    ink = grey if invert else 1 - grey
    ink = np.where(ink > _LEAST_INK, ink, 0.0)
    if not ink.any():
        raise ValueError(
            f"picture holds no ink: every pixel is {'black' if invert else 'white'}; give another or set "
            f"invert={not invert}."
        )
    return ink


def _read_picture(path: Path, grey: bool) -> Floats:
    """Grey levels (height, width) or colours (height, width, 3) in [0, 1]."""
    from PIL import Image, ImageOps

    if not path.is_file():
        raise FileNotFoundError(f"path: no file {str(path)!r}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                opened.load()
                picture = ImageOps.exif_transpose(opened)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"path: {str(path)!r} is too large a picture ({error}); reduce it first.") from error
    # Pillow's format plugins report damage by many types, struct.error and SyntaxError among them.
    except Exception as error:
        raise ValueError(
            f"path: {str(path)!r} is not a readable picture, or is truncated or damaged ({error}); copy it again or "
            "save it as PNG."
        ) from error
    if picture.mode in _SIXTEEN_BIT:
        return np.clip(np.asarray(picture, dtype=np.float64) / 65535, 0, 1)
    if picture.mode == "F":
        raise ValueError(f"path: {str(path)!r} holds floating-point pixels of unknown scale; save it as PNG.")
    rgba = np.asarray(picture.convert("RGBA"), dtype=np.float64) / 255
    colour = rgba[:, :, :3] * rgba[:, :, 3:] + (1 - rgba[:, :, 3:])
    return np.clip(colour @ _LUMA, 0, 1) if grey else np.asarray(colour)


def _target_shape(shape: tuple[int, ...], size: int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(size, tuple):
        height, width = size
        checks.count(height, "size[0]")
        checks.count(width, "size[1]")
        return height, width
    checks.count(size, "size")
    longer = max(shape)
    return max(1, round(shape[0] * size / longer)), max(1, round(shape[1] * size / longer))


def _resize(levels: Floats, shape: tuple[int, int]) -> Floats:
    """Area average in float32, channel by channel, so that no grey level is rounded to a byte on the way."""
    from PIL import Image

    channels = levels.reshape(*levels.shape[:2], -1)
    resized = [
        np.asarray(Image.fromarray(c.astype(np.float32)).resize(shape[::-1], Image.Resampling.BOX), np.float64)
        for c in np.moveaxis(channels, 2, 0)
    ]
    return np.clip(np.stack(resized, axis=2), 0, 1).reshape(*shape, *levels.shape[2:])
