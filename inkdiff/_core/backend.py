"""Where an array lives decides where the work runs: NumPy arrays on the CPU, CuPy arrays on their CUDA device.

There is no current backend and no flag. Every function asks `array_module(x)` for the module of the arrays it was
given; arrays of two devices in one call raise, and nothing is copied between devices unless `to_device` or
`asnumpy` is called by name. This is the only module that imports CuPy.
"""

from __future__ import annotations

import functools
import importlib
import os
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "Array",
    "Floats",
    "Time",
    "array_module",
    "asnumpy",
    "available_cores",
    "cuda_device_count",
    "current_stream",
    "is_cuda",
    "special",
    "to_device",
]

# A NumPy or CuPy array, told to the type checker as NumPy's, since CuPy ships no stubs; and a time, or one per row.
Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]
Time: TypeAlias = float | npt.NDArray[np.float64]


def _cupy() -> ModuleType | None:
    """CuPy if it imports, else None (not installed, or installed without a usable CUDA library)."""
    try:
        return importlib.import_module("cupy")
    except Exception:  # a broken CUDA installation raises more than ImportError; without CuPy there is no CuPy array
        return None


def available_cores() -> int:
    """Cores this process may use: those it is bound to, no more than NUMBA_NUM_THREADS allows if that is set."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed = os.environ.get("NUMBA_NUM_THREADS", "")
    return min(cores, max(1, int(allowed))) if allowed.isdecimal() else cores


def cuda_device_count() -> int:
    """Number of usable CUDA devices; 0 when CuPy or the driver is missing."""
    cupy = _cupy()
    if cupy is None:
        return 0
    try:
        return int(cupy.cuda.runtime.getDeviceCount())
    except cupy.cuda.runtime.CUDARuntimeError:
        return 0


def is_cuda(x: object) -> bool:
    """Whether `x` is a CuPy array."""
    kind: Any = type(x)
    return _of_cupy(kind)


@functools.lru_cache(maxsize=256)
def _of_cupy(kind: type) -> bool:
    return str(kind.__module__).partition(".")[0] == "cupy"


def array_module(*arrays: object, **named: object) -> Any:
    """NumPy or CuPy, whichever all arrays belong to (None and scalars belong to either).

    Arrays given by keyword are called by that name in the error.

    Raises
    ------
    ValueError
        If NumPy and CuPy arrays, or CuPy arrays of two devices, are mixed.
    """
    if not (any(map(is_cuda, arrays)) or any(map(is_cuda, named.values()))):
        return np
    given = {**{f"array {i}": x for i, x in enumerate(arrays)}, **named}
    cuda = {name: x for name, x in given.items() if is_cuda(x)}
    host = [name for name, x in given.items() if not is_cuda(x) and isinstance(x, np.ndarray) and x.ndim > 0]
    if host:
        raise ValueError(
            f"arrays on two devices: {', '.join(host)} NumPy (CPU), {', '.join(cuda)} CuPy (CUDA). "
            "Move them first with inkdiff._core.backend.to_device(x, 'cuda') or inkdiff._core.backend.asnumpy(x)."
        )
    devices = {int(x.device.id) for x in cuda.values()}  # type: ignore[attr-defined]
    if len(devices) > 1:
        raise ValueError(f"arrays on several CUDA devices {sorted(devices)}: copy them to one device first.")
    return _cupy()


def special(xp: ModuleType) -> Any:
    """`scipy.special` for NumPy, its CuPy twin for CuPy."""
    return importlib.import_module("scipy.special" if xp is np else "cupyx.scipy.special")


def asnumpy(x: Any) -> npt.NDArray[Any]:
    """A NumPy copy of a CuPy array, or `x` itself as a NumPy array. The one explicit way from device to host."""
    return np.asarray(x.get()) if is_cuda(x) else np.asarray(x)


def to_device(x: Array, device: str) -> Array:
    """`x` on ``"cpu"`` or ``"cuda"`` (the current CUDA device).

    Raises
    ------
    ValueError
        If `device` is neither.
    RuntimeError
        If ``"cuda"`` is asked for where there is no usable CUDA device.
    """
    if device == "cpu":
        return asnumpy(x)
    if device != "cuda":
        raise ValueError(f"device must be 'cpu' or 'cuda', got {device!r}.")
    if cuda_device_count() == 0:
        raise RuntimeError(
            "device='cuda' was asked for, but no usable CUDA device was found: install a driver and "
            "'pip install \"inkdiff[gpu]\"', or use device='cpu'."
        )
    cupy = _cupy()
    assert cupy is not None
    return cupy.asarray(x)


def current_stream() -> int:
    """Pointer of CuPy's current CUDA stream, on which the kernels are launched."""
    cupy = _cupy()
    assert cupy is not None
    return int(cupy.cuda.get_current_stream().ptr)
