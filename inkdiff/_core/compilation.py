"""One way to compile: `jit`, Numba's `njit` without fastmath, cached per version of *all* kernel sources.

Two rules make the bits reproducible and the cache honest. (1) No fastmath flag at all: wherever a*b + c is meant to
be one rounding it is written `fma(a, b, c)`, an LLVM intrinsic that the CPU and CUDA targets both compile to one fused
instruction, so neither compiler has a choice. (2) Numba's on-disk cache watches only the file a function stands in,
not the files of what was inlined into it; so the cache directory is named after a hash of every source file that
holds kernels, and an edit anywhere starts an empty one. And it numbers the files of a function's signatures by an index
that two processes may both have found empty: each then writes number 1, and the index takes the code of the one for
that of the other. So a file is named here after what it holds, and says it.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.runtime.nrt import rtsys
from numba.extending import intrinsic

from inkdiff._core.files import cache_folder

__all__ = ["floor", "fma", "inline", "jit", "rint", "store_copies"]

_PACKAGE = Path(__file__).parent.parent
_OPTIONS: dict[str, Any] = {
    "fastmath": False,
    "error_model": "numpy",
    "boundscheck": False,
    "nogil": True,
}


def _kernel_sources() -> list[Path]:
    return [
        _PACKAGE / "_core" / "compilation.py",
        _PACKAGE / "_core" / "rng.py",
        *sorted((_PACKAGE / "kernels").rglob("*.py")),
        *sorted((_PACKAGE / "nn").glob("_fused*.py")),
    ]


@functools.cache
def cache_directory() -> Path | None:
    """Folder of the compiled kernels of exactly these sources, or None when it cannot be written."""
    digest = hashlib.sha256(numba.__version__.encode())
    for source in _kernel_sources():
        digest.update(str(source.relative_to(_PACKAGE)).encode())
        digest.update(source.read_bytes())
    return cache_folder("kernels", digest.hexdigest()[:16])


def jit(function: Callable[..., Any] | None = None, *, parallel: bool = False) -> Any:
    """Compile an array-level CPU function: no fastmath, GIL released, cached on disk where a cache can be written."""
    if function is None:
        return functools.partial(jit, parallel=parallel)
    folder = cache_directory()
    if folder is None:
        return numba.njit(parallel=parallel, **_OPTIONS)(function)
    compiled: Any = numba.njit(parallel=parallel, **_OPTIONS)(function)
    # Numba reads its cache folder when a cache is made; other users of Numba in this process keep theirs.
    config: Any = numba.config
    previous = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        compiled._cache = KernelCache(function)
    finally:
        config.CACHE_DIR = previous
    return compiled


class KernelCache(FunctionCache):
    """The cache of one function, which reads machine code without setting up a compiler.

    Numba's own first fills its registries with all that it can compile, which with what they import takes longer
    than all the rest of a first call; compiling does that itself. What compiled code needs is the runtime.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = SignatureFiles.like(self)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """What was compiled for a signature, or None."""
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)
        return None


class SignatureFiles(IndexDataCacheFile):
    """The compiled signatures of one function, each in a file named after its key (signature, processor, bytecode).

    Processes that save at once can write the same file only with the same contents; a file is renamed when it is whole.
    """

    @classmethod
    def like(cls, cache: Any) -> SignatureFiles:
        """In the place and under the base name of a function's cache."""
        return cls(cache.cache_path, cache._impl.filename_base, cache._impl.locator.get_source_stamp())

    def save(self, key: Any, data: Any) -> None:
        """Write what was compiled for `key`."""
        self._save_data(self._name(key), (key, data))

    def load(self, key: Any) -> Any:
        """What was compiled for `key`, or None."""
        try:
            kept, data = self._load_data(self._name(key))
        except OSError:
            return None
        return data if kept == key else None

    def flush(self) -> None:
        """Forget every signature."""
        for file in Path(self._cache_path).glob(self._data_name_pattern.format(number=0).replace(".0.", ".*.")):
            with suppress(FileNotFoundError):
                file.unlink()

    def _name(self, key: Any) -> str:
        pattern: str = self._data_name_pattern
        return pattern.format(number=int(hashlib.sha256(repr(key).encode()).hexdigest()[:16], 16))


def inline(function: Callable[..., Any]) -> Any:
    """Compile a scalar formula for inlining into CPU and CUDA kernels alike.

    Inlining happens in Numba, before LLVM: a call that survives to LLVM carries a status check, and the loop
    vectoriser gives up on it (9 times slower).
    """
    return numba.njit(inline="always", **_OPTIONS)(function)


def _fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a*b + c in one rounding (IEEE 754 fusedMultiplyAdd), in float32 or, if any argument is float64, in float64."""
    wide = types.float64 in (a, b, c)
    real = types.float64 if wide else types.float32
    signature = real(real, real, real)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return signature, generate


def _rounding(name: str) -> Any:
    """A scalar rounding of floats, one instruction on either target (for CUDA NumPy's do not compile)."""

    def rounding(typing_context: Any, x: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            real = arguments[0].type
            if "cuda" in type(context).__module__:  # NVVM refuses LLVM's intrinsic and has its own library
                nvidia = f"__nv_{name}" + ("f" if x == types.float32 else "")
                declare: Any = cgutils.get_or_insert_function
                function = declare(builder.module, ir.FunctionType(real, [real]), nvidia)
            else:
                function = builder.module.declare_intrinsic(f"llvm.{name}", [real])
            return builder.call(function, arguments)

        return x(x), generate

    return intrinsic(rounding)


def _store_copies(typing_context: Any, out: Any, at: Any, value: Any, copies: Any) -> Any:
    """out[at + j] = value, j < copies (a constant): one vector store, which a loop so short is not made into."""
    count = copies.literal_value
    signature = types.void(out, at, value, copies)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array: Any = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0])
        nothing = ir.Constant(ir.VectorType(arguments[2].type, count), ir.Undefined)
        first = builder.insert_element(nothing, arguments[2], ir.IntType(32)(0))
        vector = builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(ir.IntType(32), count), [0] * count))
        place = builder.bitcast(builder.gep(array.data, [arguments[1]]), vector.type.as_pointer())
        builder.store(vector, place, align=out.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return signature, generate


store_copies: Any = intrinsic(prefer_literal=True)(_store_copies)
fma: Any = intrinsic(_fma)
rint: Any = _rounding("rint")  # to the nearest integer, ties to even, kept as a float
floor: Any = _rounding("floor")
