"""Loading data by a name or a path: what a command line can call a data set.

    x (n, d)  <-  registered name | array.npy | arrays.npz | images.idx.gz | folder/ of pictures

An array of n rows is n points; of more axes, n images (n, h, w) or (n, h, w, channels), one row each. Images count in
[0, 1]: bytes are divided by 255, floats must lie there already. Points keep their units.

Reference: NumPy's NEP 1 (the .npy format); nothing pickled is read.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff.datasets import catalogue
from inkdiff.datasets.dataset import Dataset
from inkdiff.datasets.handwriting import idx
from inkdiff.datasets.pictures import image

__all__ = ["read"]

_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}


def read(
    source: str | os.PathLike[str], *, n: int = 10_000, seed: int = 0, size: int | tuple[int, int] | None = None
) -> Dataset:
    """The data set of that name, or in that file or folder.

    Parameters
    ----------
    source : a registered name ("digits", "people", "swiss_roll", "moons", "eight_gaussians", "grid_gaussians",
        "checkerboard", "fractal", or one of your own: `inkdiff.register(kind="dataset")`); or the path of a .npy or
        .npz file (of one array, or one called x), of an IDX file like MNIST's, plain or gzipped, or of a folder of
        pictures. The set is called as the file, "file moons" if that is a registered name.
    n, seed : how many points of a set that is drawn, and their seed; finite sets are what they are.
    size : of the pictures of a folder, as for `image`; all must come out alike.

    Raises
    ------
    FileNotFoundError
        If it is neither a name nor there.
    ValueError, TypeError
        If a file is damaged, or holds no points or images; or if pictures differ in size.
    """
    n, seed = checks.count(n, "n"), checks.seed64(seed)
    if isinstance(source, str) and catalogue.find(source) is not None:
        return catalogue.make(source, n, seed)
    path = Path(source)
    if not path.exists():
        known = ", ".join(catalogue.names())
        raise FileNotFoundError(
            f"data: {str(source)!r} is no file or folder, and none of {known}; for a set of your own, import "
            "the module that registers it first."
        )
    if path.is_dir():
        return _renamed(_folder(path, size), "folder")
    return _renamed(_array(path) if path.suffix in (".npy", ".npz") else idx(path), "file")


def _renamed(data: Dataset, kind: str) -> Dataset:
    """Not called as a registered set: moons.npy are not the moons, and who later finds their name must not think so."""
    return data if catalogue.name_of(data.name) is None else dataclasses.replace(data, name=f"{kind} {data.name}")


def _folder(path: Path, size: int | tuple[int, int] | None) -> Dataset:
    """All pictures of a folder, in the order of their names, in grey."""
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in _PICTURES)
    if not files:
        raise ValueError(f"data: the folder {str(path)!r} holds no pictures ({', '.join(sorted(_PICTURES))}).")
    pictures = [image(file, size) for file in files]
    shape = pictures[0].image_shape
    for file, picture in zip(files, pictures, strict=True):
        if picture.image_shape != shape:
            raise ValueError(
                f"data: {file.name!r} has {picture.image_shape} pixels, {files[0].name!r} {shape}; give all one size, "
                "by size=(height, width) or beforehand."
            )
    x = np.concatenate([picture.x for picture in pictures])
    return Dataset(x=x, image_shape=shape, name=path.resolve().name, range=(0.0, 1.0), source=path.name)


def _array(path: Path) -> Dataset:
    """Points or images of a NumPy file."""
    raw = _load(path)
    where = f"data: {str(path)!r}"
    if raw.dtype.kind not in "fiub" or raw.ndim not in (2, 3, 4) or raw.size == 0:
        shapes = "(n, d) or (n, height, width[, channels])"
        raise ValueError(f"{where} must hold numbers of shape {shapes}, got {checks.show(raw)}.")
    about: dict[str, Any] = {"name": path.stem, "source": path.name}
    if raw.ndim == 2:
        return Dataset(x=raw, **about)
    x = raw.astype(np.float32) / np.float32(255 if raw.dtype == np.uint8 else 1)
    if not (x.min() >= 0 and x.max() <= 1):  # a NaN fails both
        span = f"{raw.dtype} from {raw.min()} to {raw.max()}"
        raise ValueError(f"{where}: images must be bytes, or lie in [0, 1], got {span}; divide them first.")
    return Dataset(x=x.reshape(len(x), -1), image_shape=raw.shape[1:], range=(0.0, 1.0), **about)


def _load(path: Path) -> npt.NDArray[Any]:
    """The array of a .npy file, or of a .npz file the one called x, or the only one."""
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            names = list(loaded.files)
            name = "x" if "x" in names else names[0] if len(names) == 1 else None
            if name is not None:
                return np.asarray(loaded[name])
    except Exception as error:  # also of the tokenizer that reads headers, of zlib, and of sizes beyond memory
        what = f"data: {str(path)!r} is damaged, truncated, or no NumPy file of numbers"
        raise ValueError(f"{what} ({str(error) or type(error).__name__}).") from error
    raise ValueError(f"data: {str(path)!r} holds the arrays {', '.join(names) or 'none'}; call the one to take x.")
