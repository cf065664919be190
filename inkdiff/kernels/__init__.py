"""Array-level doors of the kernels: noise by address, walks, and the one step x <- fold(a x + b u + s eps).

A door validates what a caller can get wrong, flattens arrays, splits the seed into its key, and calls the shell
of the device the arrays are on: `inkdiff.kernels.cpu` for NumPy, `inkdiff.kernels.cuda`, on CuPy's current
stream, for CuPy.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numba
import numpy as np

from inkdiff import checks
from inkdiff.backend import Array, array_module, current_stream, is_cuda
from inkdiff.kernels.formulas import FREE, PERIODIC, REFLECT
from inkdiff.rng import QUARTER, Stream

__all__ = [
    "FREE", "PERIODIC", "REFLECT", "decode", "encode", "normal", "philox4x32", "step", "uniform", "walk", "walk_phase",
]  # fmt: skip


_BLOCKS_PER_THREAD = 4  # below this much work (about 20 us) waking another thread costs more than it saves


def _shell(name: str, x: Array) -> Any:
    """The shell called `name` for the device of `x`."""
    if is_cuda(x):
        from inkdiff.kernels import cuda

        return partial(getattr(cuda, name), on=cuda.stream(current_stream()))
    from inkdiff.kernels import cpu

    return partial(_on_threads, getattr(cpu, name), x.size // (4 * QUARTER * _BLOCKS_PER_THREAD) + 1)


def _on_threads(shell: Any, worthwhile: int, *arguments: Any) -> None:
    """Run a CPU shell on at most `worthwhile` of the threads that Numba may use."""
    allowed = numba.get_num_threads()
    if worthwhile >= allowed:
        shell(*arguments)
        return
    numba.set_num_threads(worthwhile)
    try:
        shell(*arguments)
    finally:
        numba.set_num_threads(allowed)


def _key(seed: int) -> tuple[np.uint64, np.uint64]:
    return np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)


def philox4x32(counter: Array, key: Array) -> Array:
    """Philox4x32-10 of Random123, a bijection of 128-bit counters for each 64-bit key.

    Parameters
    ----------
    counter : (n, 4) array of uint32
    key : two integers below 2^32

    Returns
    -------
    (n, 4) array of uint32: bit-identical to Random123's `philox4x32-10` (its known-answer vectors are in the tests).

    Raises
    ------
    ValueError, TypeError
        If the shapes or integer ranges differ from the above.
    """
    xp = array_module(counter)
    try:
        counter = xp.atleast_2d(xp.asarray(counter))
    except (TypeError, ValueError):  # ragged
        raise TypeError(f"counter must be an integer array of shape (n, 4), got {checks.show(counter)}.") from None
    if counter.ndim != 2 or counter.shape[1] != 4 or counter.dtype.kind not in "iu":
        raise ValueError(f"counter must be an integer array of shape (n, 4), got {checks.show(counter)}.")
    if counter.dtype != np.uint32 and bool(((counter < 0) | (counter > 0xFFFFFFFF)).any()):
        raise ValueError(f"counter must hold 32-bit words, 0 to 2^32 - 1, got {counter.min()} to {counter.max()}.")
    if np.ndim(key) != 1 or len(key) != 2:
        raise ValueError(f"key must be two 32-bit words, got {checks.show(key)}.")
    k0, k1 = (np.uint64(checks.word32(k, "key")) for k in key)
    counter = xp.ascontiguousarray(counter.astype(np.uint32))
    out = xp.empty_like(counter)
    if counter.shape[0]:
        _shell("philox", out)(counter, out, k0, k1)
    return out


def _fill(shell: str, n: int, seed: int, step: int, stream: int, start: int, out: Array | None) -> Array:
    n = checks.count(n, "n", least=0)
    seed = checks.seed64(seed)
    step = checks.word32(step, "step")
    stream = checks.word32(stream, "stream")
    start = checks.count(start, "start", least=0, most=2**62)
    if out is None:
        out = np.empty(n, np.float32)
    else:
        checks.output(out, (n,), np.float32)
    if n:
        _shell(shell, out)(out, start, np.uint64(step), np.uint64(stream), *_key(seed))
    return out


def normal(
    n: int, *, seed: int, step: int = 0, stream: int = Stream.FORWARD, start: int = 0, out: Array | None = None
) -> Array:
    """Independent standard normals: elements start .. start + n of one step of one stream.

    A pure function of (seed, step, stream, element): any chunk, order, number of threads or device gives the same bits.
    Element e = block*4096 + j*1024 + i takes output j of Philox call block*1024 + i.

    Parameters
    ----------
    n : how many
    seed : 64-bit key
    step, stream : 32-bit counter words; `inkdiff.Stream` lists the streams inkdiff uses
    start : first element
    out : (n,) float32 array to fill, NumPy or CuPy; a new NumPy array by default

    Returns
    -------
    (n,) float32 array (`out` if given). |z| <= 6.77; within 3e-7 of the radius sqrt(-2 ln u) of exact Box-Muller.
    """
    return _fill("normal", n, seed, step, stream, start, out)


def uniform(
    n: int, *, seed: int, step: int = 0, stream: int = Stream.DATA, start: int = 0, out: Array | None = None
) -> Array:
    """Independent uniforms on the open interval (0, 1), multiples of 2^-24; addressed like `normal`."""
    return _fill("uniform", n, seed, step, stream, start, out)


def walk(x: Array, a: Array, s: Array, *, seed: int, first_step: int, stream: int) -> None:
    """len(a) steps of x <- a[k] x + s[k] eps, in place on a contiguous float array; a, s of its dtype and device."""
    _shell("walk", x)(x.reshape(-1), a, s, first_step, np.uint64(stream), *_key(seed))


def walk_phase(phase: Array, amplitude: Array, *, seed: int, first_step: int, stream: int) -> None:
    """Steps of a driftless walk in a box, in place on int32 phases; amplitude (steps, 1 or d) in quanta, float32."""
    _shell("walk_phase", phase)(phase.reshape(-1), amplitude, first_step, np.uint64(stream), *_key(seed))


def encode(x: Array, lo: Array, length: Array, wall: int) -> Array:
    """Positions (n, d) in a box -> int32 phases (n, d)."""
    phase = array_module(x).empty(x.shape, np.int32)
    _shell("encode", x)(x, phase, lo, length, wall)
    return phase


def decode(phase: Array, lo: Array, length: Array, wall: int, *, out: Array) -> Array:
    """int32 phases (n, d) -> positions, into `out`."""
    _shell("decode", phase)(phase, out, lo, length, wall)
    return out


def step(
    x: Array,
    *,
    a: Array,
    s: Array,
    b: Array | None = None,
    u: Array | None = None,
    wall: int = FREE,
    lo: Array | None = None,
    length: Array | None = None,
    seed: int,
    number: int,
    stream: int,
    noisy: bool = True,
    out: Array | None = None,
    eps: Array | None = None,
) -> Array:
    """out <- fold(a x + b u + s eps) on a contiguous (n, d) array; exact rounding: one fma per sum, then the fold.

    a, s, b: arrays of one entry, or one per row, in the dtype of x; lo, length: one entry or one per axis.
    `eps`, if given, (n, d) float32, receives the normals. `number` and `stream` address the noise;
    `noisy=False` says that s is zero.
    """
    xp = array_module(x, u, out)
    nothing = xp.empty(0, x.dtype)
    if out is None:
        out = xp.empty_like(x)
    zero = xp.zeros(1, x.dtype)
    _shell("step", x)(
        x.reshape(-1),
        nothing if u is None else u.reshape(-1),
        out.reshape(-1),
        xp.empty(0, np.float32) if eps is None else eps.reshape(-1),
        a,
        xp.zeros_like(a) if b is None else b,
        s,
        x.shape[1],
        wall,
        zero if lo is None else lo,
        zero if length is None else length,
        noisy,
        np.uint64(number),
        np.uint64(stream),
        *_key(seed),
    )
    return out
