"""The peers, each asked for only if wanted and importable; nothing here is a dependency of inkdiff.

How many threads a peer uses is settled before it is imported, by the processors this process may run on (see
`worker.py`): the one way that holds for OpenMP, OpenBLAS, Numba, PyTorch and XLA alike.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from .measure import Settings

__all__ = ["cupy", "jax", "torch"]


def _module(name: str, settings: Settings) -> Any:
    if name not in settings.peers or importlib.util.find_spec(name) is None:
        return None
    return importlib.import_module(name)


def torch(settings: Settings, *, cuda: bool = False) -> Any:
    """PyTorch on the threads asked for; None if unwanted, missing, or without the GPU asked for."""
    module = _module("torch", settings)
    if module is None or (cuda and not module.cuda.is_available()):
        return None
    module.set_num_threads(settings.threads)
    return module


def jax(settings: Settings) -> Any:
    """JAX on the CPU, or None."""
    module = _module("jax", settings)
    if module is not None:
        module.config.update("jax_platforms", "cpu")
    return module


def cupy(settings: Settings) -> Any:
    """CuPy if there is a device, or None."""
    from inkdiff._core import backend

    return _module("cupy", settings) if backend.cuda_device_count() else None
