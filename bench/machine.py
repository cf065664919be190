"""What the numbers were taken on, and what this machine can do at most.

Two limits stand beside the benchmarks. Memory: a kernel that reads and writes N bytes cannot beat a copy of
them, t >= N / B, where B is the copy bandwidth (NumPy's `copyto`, which is the C library's memcpy; on as many
threads as the kernel has). Arithmetic: the same normals written in C with the vector instructions of the
processor, built on the spot by the C compiler if there is one, and checked to give inkdiff's bits before it
is timed.

References: S. Williams, A. Waterman, D. Patterson, Roofline (2009); `limit.c` beside this file.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import inkdiff as ink
from inkdiff._core import backend
from inkdiff.cli.blas import processor

__all__ = ["NormalsInC", "copy_on", "facts", "normals_in_c", "slug"]

_BLOCK = 4096
_GROUPS = (1, 2, 4)  # vectors worked on side by side: which is best depends on the processor's registers
_PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "torch", "jax", "jaxlib", "cupy-cuda13x", "numba-cuda")
_WIDTHS = (("avx512f", 512), ("avx2", 256), ("avx", 256), ("sse2", 128), ("neon", 128))


def facts(cores: int) -> dict[str, Any]:
    """Processor, memory, versions, libraries: everything but names of hosts, users and folders.

    `cores`: how many processors may be used, which this process, restricted to its threads, cannot tell.
    """
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    return {
        "cpu": re.sub(r"\s+", " ", processor().get("model name", platform.machine())),
        "architecture": binding.get_host_cpu_name(),
        "vector_bits": next((bits for name, bits in _WIDTHS if features.get(name)), 0),
        "compiled_for": os.environ.get("NUMBA_CPU_NAME"),
        "cores": cores,
        "cache": processor().get("cache size", ""),
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": dict(_versions()),
        "blas": _blas(),
        "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE"),
        "torch_vectors": _torch_vectors(),
        "compiler": _compiler_version(),
        "gpu": _gpus(),
        "inkdiff": ink.__version__,
        "commit": _commit(),
    }


def slug(about: dict[str, Any]) -> str:
    """A name of the machine for file names: architecture, vector width, cores, GPU if there is one."""
    parts = [str(about["architecture"]), f"{about['vector_bits']}bit", f"{about['cores']}core"]
    if about["compiled_for"]:
        parts.append(f"as-{about['compiled_for']}")
    parts += [re.sub(r"(?i)nvidia|geforce|tesla", "", name) for name in about["gpu"][:1]]
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _versions() -> list[tuple[str, str]]:
    found = []
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append((package, importlib.metadata.version(package)))
    return found


def _blas() -> list[str]:
    from threadpoolctl import threadpool_info

    np.dot(np.ones((2, 2)), np.ones((2, 2)))
    return [
        f"{library['internal_api']} {library['version']}, kernels {library.get('architecture', 'unknown')}"
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]


def _torch_vectors() -> str | None:
    torch = sys.modules.get("torch")  # asked only where it is in use
    return str(torch.backends.cpu.get_cpu_capability()) if torch is not None else None


def _gpus() -> list[str]:
    count = backend.cuda_device_count()
    if count == 0:
        return []
    xp = backend.array_module(backend.to_device(np.zeros(1), "cuda"))
    return [xp.cuda.runtime.getDeviceProperties(number)["name"].decode() for number in range(count)]


def _commit() -> str | None:
    """Commit of the sources, marked + if they were changed since; None outside a repository."""
    git = functools.partial(
        subprocess.run, cwd=Path(__file__).parent, capture_output=True, text=True, check=True, timeout=20
    )
    try:
        head = git(["git", "rev-parse", "--short=10", "HEAD"]).stdout.strip()
        changed = git(["git", "status", "--porcelain", "--untracked-files=no", "--", "../inkdiff", "."]).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return head + ("+" if changed else "")


# Memory


def copy_on(threads: int) -> Callable[[npt.NDArray[Any], npt.NDArray[Any]], None]:
    """copy(out, x) by NumPy's copyto, in one piece per thread (it lets go of the interpreter's lock)."""
    if threads == 1:
        return np.copyto
    pool = ThreadPoolExecutor(threads)

    def copy(out: npt.NDArray[Any], x: npt.NDArray[Any]) -> None:
        pieces = zip(np.array_split(out, threads), np.array_split(x, threads), strict=True)
        list(pool.map(lambda pair: np.copyto(*pair), pieces))

    return copy


# Arithmetic


@dataclass(frozen=True)
class NormalsInC:
    """`fill(out)` writes the normals of one step; `how` names the body the compiler was given."""

    library: ctypes.CDLL
    how: str

    def fill(
        self, out: npt.NDArray[np.float32], seed: int = 0, step: int = 0, stream: int = 0, threads: int = 1
    ) -> None:
        """Normals 0 ... out.size of (seed, step, stream); out.size must be a multiple of 4096."""
        if out.size % _BLOCK:
            raise ValueError(f"out must hold whole blocks of {_BLOCK} normals, got {out.size}.")
        blocks = out.size // _BLOCK
        edges = [blocks * k // threads for k in range(threads + 1)]

        def piece(k: int) -> None:
            begin = out.ctypes.data + 4 * _BLOCK * edges[k]
            size = edges[k + 1] - edges[k]
            self.library.normals(begin, edges[k], size, seed & 0xFFFFFFFF, seed >> 32, step, stream)

        list(_pool(threads).map(piece, range(threads)))


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


def _compiler() -> str | None:
    return shutil.which(os.environ.get("CC", "cc"))


def _compiler_version() -> str | None:
    compiler = _compiler()
    if compiler is None:
        return None
    said = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
    return said.partition("\n")[0]


def _build(group: int) -> NormalsInC | None:
    compiler = _compiler()
    if compiler is None:
        return None
    target = os.environ.get("NUMBA_CPU_NAME", "native")
    flags = ["-O3", f"-march={target}", f"-DGROUP={group}", "-ffp-contract=off", "-fno-math-errno"]
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "limit.so"
        source = Path(__file__).with_name("limit.c")
        command = [compiler, *flags, "-shared", "-fPIC", str(source), "-o", str(binary), "-lm"]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
        library = ctypes.CDLL(str(binary))
    library.body.restype = ctypes.c_char_p
    library.normals.argtypes = [ctypes.c_void_p, *2 * [ctypes.c_uint64], *4 * [ctypes.c_uint32]]
    library.normals.restype = None
    return NormalsInC(library, library.body().decode())


@functools.cache
def normals_in_c() -> NormalsInC | None:
    """The fastest of the C builds, or None where there is no compiler.

    Raises
    ------
    RuntimeError
        If a build does not give the bits of `inkdiff.normal`: then it is no limit of the same work.
    """
    builds = [built for group in _GROUPS if (built := _build(group)) is not None]
    n, seed = 64 * _BLOCK, 0x0123456789ABCDEF
    expected, out = ink.normal(n, seed=seed, step=7, stream=1), np.empty(n, np.float32)
    best, shortest = None, float("inf")
    for built in builds:
        built.fill(out, seed, 7, 1)
        if not np.array_equal(out.view(np.int32), expected.view(np.int32)):
            raise RuntimeError(f"limit.c ({built.how}) does not give the normals of inkdiff on this machine.")
        for _ in range(9):
            start = time.perf_counter()
            built.fill(out)
            if (seconds := time.perf_counter() - start) < shortest:
                best, shortest = built, seconds
    return best
