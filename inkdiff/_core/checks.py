"""Validation at the public doors: each check names the argument, the value received and the remedy, before any work.

Nothing here computes physics; functions return the validated (and, for scalars, converted) value or raise `ValueError`
or `TypeError`. Inner code trusts its callers.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff._core.backend import Array, array_module, asnumpy

__all__ = [
    "LARGEST", "count", "finite_array", "increasing", "output", "positive", "real", "reals", "same_shape", "seed64",
    "show", "state", "word32",
]  # fmt: skip


LARGEST = 1e150  # parameters and times up to here multiply without overflow


def show(value: object, limit: int = 80) -> str:
    """A short `repr` for error messages: shape and dtype of arrays, at most `limit` characters of anything else."""
    if hasattr(value, "shape") and hasattr(value, "dtype") and getattr(value, "ndim", 0) > 0:
        return f"an array of shape {tuple(value.shape)} and dtype {value.dtype}"
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def real(value: object, name: str) -> float:
    """A finite real number."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        item = value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else None  # 0-d arrays
        if isinstance(item, bool) or not isinstance(item, numbers.Real):
            raise TypeError(f"{name} must be a real number, got {show(value)} ({type(value).__name__}).")
        value = item
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{name} must be finite, got {show(value)}.") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {number}.")
    return number


def positive(value: object, name: str, *, unit: str = "") -> float:
    """A number > 0 whose square and ratios do not overflow; `unit` says in words what it measures."""
    number = real(value, name)
    meaning = f" ({unit})" if unit else ""
    if number <= 0:
        raise ValueError(f"{name} must be > 0{meaning}, got {number}.")
    if not 1 / LARGEST <= number <= LARGEST:
        bounds = f"between {1 / LARGEST:g} and {LARGEST:g}"
        raise ValueError(f"{name} must lie {bounds}{meaning}, got {number}; change units.")
    return number


def count(value: object, name: str, *, least: int = 1, most: int | None = None) -> int:
    """An integer in [least, most]."""
    if type(value) is not int and (isinstance(value, bool) or not isinstance(value, numbers.Integral)):
        raise TypeError(f"{name} must be an integer, got {show(value)} ({type(value).__name__}).")
    number = int(value)
    if number < least or (most is not None and number > most):
        bound = f">= {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be {bound}, got {number}.")
    return number


def seed64(value: object, name: str = "seed") -> int:
    """A seed: the 64-bit key of the noise."""
    return count(value, name, least=0, most=2**64 - 1)


def word32(value: object, name: str) -> int:
    """A 32-bit counter word (a step or stream number)."""
    return count(value, name, least=0, most=2**32 - 1)


def finite_array(x: Array, name: str) -> None:
    """Every entry finite."""
    xp = array_module(x)
    # A sum meets every NaN and infinity, in a third of the time of a mask; it may overflow without any.
    with np.errstate(all="ignore"):
        suspect = not math.isfinite(float(x.sum()))
    if suspect and not bool(xp.isfinite(x).all()):
        bad = int((~xp.isfinite(x)).sum())
        raise ValueError(f"{name} must be finite, but {bad} of its {x.size} entries are NaN or infinite.")


def reals(value: object, name: str, *, finite: bool = True) -> Array:
    """A finite real number, or an array of them, as a float64 array (0-d for a number) on the device it is on.

    `finite=False` leaves it to the caller to see that an array is finite.
    """
    try:
        values = array_module(value).asarray(value)
    except (TypeError, ValueError):  # ragged sequences
        values = np.empty(0, object)
    if values.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be a real number or an array of them, got {show(value)}.")
    values = values.astype(np.float64)
    if values.ndim == 0:
        real(values, name)
    elif finite:
        finite_array(values, name)
    return values


def state(x: object, name: str = "x", *, finite: bool = True) -> Array:
    """A state array (n, d), n, d >= 1: n independent bodies with d coordinates; float32 and float64 keep their dtype.

    Integers and half precision become float32. The result is C-contiguous, and is `x` itself where possible.
    `finite=False` leaves it to a domain's `check_inside`, which nothing but finite numbers passes.
    """
    if not hasattr(x, "__array_interface__") and not hasattr(x, "__cuda_array_interface__"):
        x = reals(x, name)
    xp = array_module(x)
    dtype = x.dtype  # type: ignore[attr-defined]
    if dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, got dtype {dtype}.")
    shape = tuple(x.shape)  # type: ignore[attr-defined]
    if len(shape) != 2:
        remedy = "x[:, None] for n particles on a line" if len(shape) == 1 else "x.reshape(n, -1) for n images"
        raise ValueError(f"{name} must have shape (n, d), got {shape}; use {remedy}.")
    if 0 in shape:
        raise ValueError(f"{name} is empty: shape {shape}; at least one body with one coordinate is needed.")
    checked: Array = xp.ascontiguousarray(x, dtype=dtype if dtype in (np.float32, np.float64) else np.float32)
    if finite:
        finite_array(checked, name)
    return checked


def same_shape(x: Array, shape: tuple[int, ...], name: str, like: str) -> None:
    """`x` has the shape of the argument called `like`."""
    if tuple(x.shape) != tuple(shape):
        raise ValueError(f"{name} must have the shape of {like}, {tuple(shape)}, got {tuple(x.shape)}.")


def output(out: Any, shape: tuple[int, ...], dtype: npt.DTypeLike, name: str = "out") -> None:
    """`out` is a C-contiguous, writeable array of just this shape and dtype."""
    dtype = np.dtype(dtype)
    fits = getattr(out, "shape", None) == shape and getattr(out, "dtype", None) == dtype and hasattr(out, "flags")
    if not (fits and out.flags.c_contiguous and getattr(out.flags, "writeable", True)):
        raise ValueError(f"{name} must be a writeable C-contiguous {dtype} array of shape {shape}, got {show(out)}.")


def increasing(times: Iterable[Any], name: str = "times", *, decreasing: bool = False) -> npt.NDArray[np.float64]:
    """At least two finite times in strictly increasing (or decreasing) order, as float64."""
    if not hasattr(times, "ndim"):
        try:
            times = list(times)
        except TypeError:
            raise TypeError(f"{name} must be a sequence of numbers, got {show(times)}.") from None
    grid: npt.NDArray[np.float64] = asnumpy(reals(times, name, finite=False))
    if grid.ndim != 1 or grid.size < 2:
        raise ValueError(f"{name} must be a sequence of at least two times, got {show(times)}.")
    ordered = grid[1:] < grid[:-1] if decreasing else grid[1:] > grid[:-1]
    if not (ordered.all() and math.isfinite(grid[0]) and math.isfinite(grid[-1])):
        finite_array(grid, name)
        i = int(ordered.argmin())
        order = "decrease" if decreasing else "increase"
        raise ValueError(
            f"{name} must strictly {order}, but {name}[{i}] = {grid[i]} is followed by {grid[i + 1]}; "
            f"sort {'(reversed) ' if decreasing else ''}and remove duplicates."
        )
    return grid
