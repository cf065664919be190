"""Handwritten digits: images as points, each pixel one coordinate between 0 (paper) and 1 (full ink).

An image of h by w pixels is one point of R^(h w): row r, column c of the picture is coordinate r*w + c, the top row
first. The 8x8 digits come with scikit-learn; MNIST and its relatives are read from files in the IDX format,

    bytes 0 0 | type code | number of axes k | k sizes (big-endian uint32) | the numbers, big-endian, last axis fastest.

Reference: E. Alpaydin and C. Kaynak, Optical recognition of handwritten digits, UCI Machine Learning Repository (1998),
doi:10.24432/C50P49. Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits (file format there).
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff._core.registry import register
from inkdiff.datasets.dataset import Dataset

__all__ = ["digits", "idx"]

_GZIP_MAGIC = b"\x1f\x8b"
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@register(kind="dataset")
def digits() -> Dataset:
    """The 1,797 handwritten digits of scikit-learn: 8x8 pixels of 17 grey levels, divided by 16 into [0, 1].

    `x` (1797, 64), `y` the digit 0 ... 9. They are the test part of the UCI set: 32x32 bitmaps of 13 writers, ink
    counted in 4x4 blocks. No differential entropy exists for discrete grey levels, so `entropy` is None.
    """
    from sklearn.datasets import load_digits

    raw = load_digits()
    return Dataset(
        x=(raw.data / 16).astype(np.float32),
        y=raw.target.astype(np.int64),
        image_shape=(8, 8),
        name="digits",
        range=(0.0, 1.0),
        source="scikit-learn load_digits: Alpaydin and Kaynak (1998), UCI Machine Learning Repository",
    )


def idx(
    path: str | os.PathLike[str],
    labels: str | os.PathLike[str] | None = None,
    *,
    limits: tuple[float, float] | None = None,
) -> Dataset:
    """Images (or vectors) from a file in the IDX format of MNIST, plain or gzip-compressed, scaled to [0, 1].

    The first axis counts the items. Items with two or three axes are images and set `image_shape`. Unsigned bytes are
    divided by 255. Numbers of the other types (int8, int16, int32, float32, float64) are taken as they are when they
    already lie in [0, 1], else mapped affinely from their own smallest and largest value; `limits` overrides both.

    Parameters
    ----------
    path
        The images, for example ``train-images-idx3-ubyte.gz``.
    labels
        The labels, an IDX file with one axis of integers, or None.
    limits
        (lo, hi): the raw values that become 0 and 1.

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    ValueError
        If a file is not IDX, is truncated or longer than its header says, holds no items, numbers that are not
        finite or outside `limits`; or if images and labels do not fit together.
    """
    raw = _read_idx("path", Path(path))
    if raw.ndim == 1:
        raise ValueError(f"path: {str(path)!r} holds one axis of numbers, not images; pass it as labels=.")
    if raw.size == 0:
        raise ValueError(f"path: {str(path)!r} holds no numbers: its sizes are {raw.shape}.")
    y = None
    if labels is not None:
        y = _read_idx("labels", Path(labels))
        if y.ndim != 1 or y.dtype.kind == "f":
            raise ValueError(f"labels: {str(labels)!r} must hold one axis of integers, got {y.dtype} {y.shape}.")
        if len(y) != len(raw):
            raise ValueError(f"labels: {str(labels)!r} holds {len(y)} labels for {len(raw)} images.")
        y = y.astype(np.int64)
    image_shape = raw.shape[1:] if raw.ndim in (3, 4) else None
    return Dataset(
        x=_to_unit_interval(raw, limits).reshape(len(raw), -1),
        y=y,
        image_shape=image_shape,
        name=Path(path).name.partition(".")[0],
        range=(0.0, 1.0),
        source=Path(path).name,
    )


def _read_bytes(argument: str, path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"{argument}: no file {str(path)!r}.")
    data = path.read_bytes()
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{argument}: {str(path)!r} is truncated or damaged gzip data ({error}); copy it again."
        ) from error


def _read_idx(argument: str, path: Path) -> npt.NDArray[Any]:
    data = _read_bytes(argument, path)
    where = f"{argument}: {str(path)!r}"
    if len(data) < 4:
        raise ValueError(f"{where} is truncated: {len(data)} bytes are too few for an IDX header; copy it again.")
    if data[:2] != b"\x00\x00" or data[2] not in _IDX_TYPES or data[3] == 0:
        raise ValueError(
            f"{where} is not an IDX file: it begins with the bytes {data[:4].hex(' ')}, where 00 00, a type code "
            f"({', '.join(f'{code:02x}' for code in _IDX_TYPES)}) and the number of axes should stand."
        )
    kind, axes = np.dtype(_IDX_TYPES[data[2]]), data[3]
    start = 4 + 4 * axes
    if len(data) < start:
        raise ValueError(f"{where} is truncated within the sizes of its {axes} axes; copy it again.")
    shape = struct.unpack(f">{axes}I", data[4:start])
    expected = start + math.prod(shape) * kind.itemsize
    if len(data) != expected:
        state = "truncated" if len(data) < expected else "longer than its header says"
        raise ValueError(
            f"{where} is {state}: the header announces {shape} numbers of {kind.itemsize} bytes, {expected} bytes in "
            f"all, and there are {len(data)}; copy it again."
        )
    return np.frombuffer(data, kind, offset=start).reshape(shape)


def _to_unit_interval(raw: npt.NDArray[Any], limits: tuple[float, float] | None) -> npt.NDArray[np.float32]:
    low, high = float(raw.min()), float(raw.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("path: the images hold numbers that are not finite; clean them first.")
    if limits is not None:
        lo, hi = limits
        if not lo < hi:
            raise ValueError(f"limits must be (lo, hi) with lo < hi, got {limits}.")
        if low < lo or high > hi:
            raise ValueError(f"limits={limits}, but the raw values span [{low:g}, {high:g}]: widen limits.")
    elif raw.dtype == np.uint8:
        lo, hi = 0.0, 255.0
    elif low >= 0 and high <= 1:
        lo, hi = 0.0, 1.0
    elif low < high:
        lo, hi = low, high
    else:
        raise ValueError(f"path: all raw values are {low:g}; say with limits=(lo, hi) what is 0 and what is 1.")
    # float32 is exact for up to 24 bits and halves the memory of a large file.
    wide: Any = raw.astype(np.float64 if raw.dtype.itemsize > 2 else np.float32)
    return np.asarray(np.clip((wide - lo) / (hi - lo), 0, 1), dtype=np.float32)
