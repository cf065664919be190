"""What this machine offers and what inkdiff makes of it: versions, vector width, threads, BLAS, GPU, folders.

Of use when a run is slow or bits differ: simulations give the same bits on every machine, training per
machine and BLAS only (a + (b + c) is not (a + b) + c in floating point, and BLAS libraries add in different
orders).

Reference: D. Goldberg, What every computer scientist should know about floating-point arithmetic (1991).
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Iterator

from inkdiff.cli.blas import processor
from inkdiff.cli.errors import UsageError
from inkdiff.cli.simulations import sims_folder, simulations

__all__ = ["facts"]

_PACKAGES = (
    "numpy",
    "numba",
    "scipy",
    "matplotlib",
    "scikit-learn",
    "safetensors",
    "cupy-cuda13x",
    "numba-cuda",
)
# A feature of the processor, and how many bits wide its vectors are.
_WIDTHS = (("avx512f", 512), ("avx2", 256), ("avx", 256), ("sse2", 128), ("neon", 128))


def facts() -> Iterator[tuple[str, str]]:
    """(what, how it is), line by line; the first call may compile one kernel."""
    import inkdiff

    yield "inkdiff", f"{inkdiff.__version__}, Python {platform.python_version()}, {platform.platform()}"
    yield "packages", ", ".join(_versions())
    yield "processor", _processor()
    yield from _threads()
    yield "BLAS", _blas()
    yield "GPU", _gpu()
    yield "kernel cache", _cache()
    yield "simulations", _simulations()


def _versions() -> Iterator[str]:
    for package in _PACKAGES:
        try:
            yield f"{package} {importlib.metadata.version(package)}"
        except importlib.metadata.PackageNotFoundError:
            continue


def _processor() -> str:
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    width = next((bits for name, bits in _WIDTHS if features.get(name)), 0)
    name = processor().get("model name") or platform.processor() or platform.machine()
    vectors = f"{width}-bit vectors ({width // 32} float32 at once)" if width else "vector width unknown"
    return f"{name} ({binding.get_host_cpu_name()}), {vectors}"


def _threads() -> Iterator[tuple[str, str]]:
    from inkdiff import kernels

    numba = importlib.import_module("numba")  # asked about itself here, not compiled with
    kernels.normal(1 << 20, seed=0)  # the threading layer is chosen at the first parallel kernel
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield "threads", f"{numba.get_num_threads()} (NUMBA_NUM_THREADS changes it), {cores} cores usable"
    yield "threading layer", numba.threading_layer()


def _blas() -> str:
    import numpy as np
    from threadpoolctl import threadpool_info

    np.dot(np.ones((2, 2)), np.ones((2, 2)))
    libraries = [
        f"{library['internal_api']} {library['version']}, kernels {library.get('architecture', '?')}"
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]
    forced = os.environ.get("OPENBLAS_CORETYPE")
    how = f" (OPENBLAS_CORETYPE={forced})" if forced else ""
    return "; ".join(dict.fromkeys(libraries)) + how if libraries else "none that threadpoolctl knows"


def _gpu() -> str:
    import numpy as np

    from inkdiff._core import backend

    if importlib.util.find_spec("cupy") is None:
        return "none: CuPy is not installed; pip install 'inkdiff[gpu]' where there is a CUDA device"
    count = backend.cuda_device_count()
    if count == 0:
        return "none: CuPy is installed but finds no usable CUDA device or driver; see nvidia-smi"
    xp = backend.array_module(backend.to_device(np.zeros(1), "cuda"))
    names = [xp.cuda.runtime.getDeviceProperties(number)["name"].decode() for number in range(count)]
    return ", ".join(names)


def _cache() -> str:
    from inkdiff._core.compilation import cache_directory

    folder = cache_directory()
    if folder is None:
        return "none: its folder cannot be written, so kernels are compiled in each run; set INKDIFF_CACHE_DIR"
    return f"{folder} ({sum(1 for _ in folder.rglob('*.nbc'))} compiled kernels)"


def _simulations() -> str:
    try:
        return f"{sims_folder()} ({len(simulations())})"
    except UsageError as error:
        return str(error)
