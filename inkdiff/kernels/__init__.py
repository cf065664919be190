"""Array-level doors of the kernels: noise by address, walks, and the one step x <- fold(a x + b u + c eps).

A door validates what a caller can get wrong, flattens arrays, splits the seed into its key, and calls the shell
of the device the arrays are on: `inkdiff.kernels.cpu` for NumPy, `inkdiff.kernels.cuda`, on CuPy's current
stream, for CuPy.

| module | what is in it |
|---|---|
| `formulas` | the step of every process as scalar functions, written once |
| `first_passage` | when a walker hits an absorbing wall within a step, as scalar functions |
| `molecules` | forces and steps of reversible molecular dynamics |
| `cpu` | shells for NumPy arrays: threads over blocks, vectors over lanes |
| `cuda` | shells for CuPy arrays: a thread per Philox call |

Reference: J. K. Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011).
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module, current_stream, is_cuda
from inkdiff._core.noise_address import Address
from inkdiff._core.rng import QUARTER, Stream
from inkdiff.kernels.first_passage import ABSORB
from inkdiff.kernels.formulas import PERIODIC, REFLECT

__all__ = [
    "ABSORB", "PERIODIC", "REFLECT", "Walls", "absorb", "affine_step", "histogram", "moments", "normal", "obstruct",
    "philox4x32", "uniform", "walk", "walk_box", "walk_free",
]  # fmt: skip


class Walls(NamedTuple):
    """The box for a kernel: three arrays of no entry (free space), one (all axes alike) or one per axis."""

    lo: Array
    length: Array
    code: Array  # int64: REFLECT, PERIODIC or (for `absorb` alone) ABSORB


_WIDEST_EXPONENT = 48 - math.ceil(math.log2(6.77))  # of a step in quanta: |amplitude z| < 2^48
_TALLIED = 2**14  # rows worth another thread
# Below this much work (0.2 ms) another thread brings little, and it goes on spinning on its core for longer than that,
# which whoever needs the core next pays for.
_BLOCKS_PER_THREAD = 32
_ROW_WEIGHT = 8  # a coordinate moved row by row, with branches, costs about as much as eight in vectors


def _shell(name: str, x: Array, steps: int = 1) -> Any:
    """The shell called `name` for the device of `x`, which goes over x `steps` times."""
    if is_cuda(x):
        from inkdiff.kernels import cuda

        return partial(getattr(cuda, name), on=cuda.stream(current_stream()))
    from inkdiff.kernels import cpu

    return partial(_on_threads, getattr(cpu, name), x.size * steps // (4 * QUARTER * _BLOCKS_PER_THREAD) + 1)


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


def walk(x: Array, a: Array, c: Array, noise: Address) -> None:
    """len(a) steps of x <- a[k] x + c[k] eps, in place on a contiguous float array; a, c of its dtype and device.

    `noise` is the address of the first step, its `start` the flat element number of x's first entry, here and below.
    """
    _shell("walk", x, a.size)(x.reshape(-1), noise.start, a, c, noise.step, np.uint64(noise.stream), *_key(noise.seed))


def walk_box(x: Array, width: Array, walls: Walls, noise: Address) -> None:
    """Driftless steps in a box, in place on positions x (n, d); width (steps,) float64, negative to undo them.

    `walls` in float64; `noise.start` a multiple of d. Positions are 32-bit phases from the first step to the last.
    """
    _shell("walk_box", x, width.size)(
        x.reshape(-1), noise.start, *walls, width, noise.step, np.uint64(noise.stream), *_key(noise.seed)
    )


def walk_free(x: Array, width: Floats, quantum: float, noise: Address) -> None:
    """Driftless steps in free space, in place on positions x; width (steps,) of the host, negative to undo them.

    Positions are 64-bit integers, in quanta, from the first step to the last; `quantum` a power of two.
    """
    xp = array_module(x)
    # A step's float32 normal times its width must stay below 2^51: wide steps count in 2^shift quanta.
    amplitude = width / quantum
    exponent = np.frexp(amplitude)[1]
    shift = np.maximum(exponent - _WIDEST_EXPONENT, 0).astype(np.int64)
    amplitude = np.ldexp(amplitude, -shift)
    _shell("walk_free", x, width.size)(
        x.reshape(-1), noise.start, quantum, xp.asarray(amplitude), xp.asarray(shift), noise.step,
        np.uint64(noise.stream), *_key(noise.seed),
    )  # fmt: skip


def affine_step(
    x: Array,
    *,
    a: Array,
    c: Array,
    noise: Address,
    b: Array | None = None,
    u: Array | None = None,
    walls: Walls | None = None,
    noisy: bool = True,
    out: Array | None = None,
    eps: Array | None = None,
) -> Array:
    """out <- fold(a x + b u + c eps) on a contiguous (n, d) array; exact rounding: one fma per sum, then the fold.

    a, c, b: arrays of one entry, or one per row, in the dtype of x, as are the sides of `walls` (None: free space).
    `eps`, if given, (n, d) float32, receives the normals. `noise` is their address, its `start` a multiple of d;
    `noisy=False` says that c is zero.
    """
    xp = array_module(x, u, out)
    nothing = xp.empty(0, x.dtype)
    if walls is None:
        walls = Walls(nothing, nothing, xp.empty(0, np.int64))
    if out is None:
        out = xp.empty_like(x)
    _shell("affine_step", x)(
        x.reshape(-1),
        nothing if u is None else u.reshape(-1),
        out.reshape(-1),
        xp.empty(0, np.float32) if eps is None else eps.reshape(-1),
        noise.start,
        a,
        a if b is None else b,
        c,
        x.shape[1],
        *walls,
        noisy,
        np.uint64(noise.step),
        np.uint64(noise.stream),
        *_key(noise.seed),
    )
    return out


def absorb(x: Array, z: Array, walls: Walls, c: float, when: Array, t: float, dt: float, noise: Address) -> None:
    """One step x <- x + c z between walls of which some absorb, in place on x (n, d) float64; z normals (n, d) float32.

    `when` (n,) float64, infinite for walkers still alive, receives the time at which each is absorbed, in t .. t + dt.
    `walls` per axis, float64. The bridges' noise has a stream of its own, at the step of `noise`.
    """
    stream, step = np.uint64(Stream.BRIDGE), np.uint64(noise.step)
    _shell("absorb", x, _ROW_WEIGHT)(x, z, noise.start, *walls, c, when, t, dt, step, stream, *_key(noise.seed))


def obstruct(x: Array, z: Array, walls: Walls, c: float, solid: Array, inverse: Array, bins: Array) -> None:
    """One step x <- x + c z in place on x (n, d) float64, not taken by walkers whom it would lead into a solid cell.

    solid flat bool of prod(bins) cells of 1/inverse a side; walls, inverse and bins per axis.
    """
    _shell("obstruct", x, _ROW_WEIGHT)(x, z, *walls, c, solid, inverse, bins)


def _parts(x: Array) -> int:
    """Tallies kept apart: one per thread of the CPU, one on a GPU, whose additions are atomic."""
    return 1 if is_cuda(x) else min(numba.get_num_threads(), x.shape[0] // _TALLIED + 1)


def histogram(x: Array, lo: npt.NDArray[Any], hi: npt.NDArray[Any], bins: npt.NDArray[np.int64]) -> Array:
    """Rows of x (n, d) in each of the equal cells of the box lo .. hi, int64 of shape `bins`; all (d,) of the host.

    The ends, rounded like x, belong to the box: a float32 walker on the wall is inside.
    """
    xp = array_module(x)
    lo, hi = (np.asarray(end, x.dtype).astype(np.float64) for end in (lo, hi))
    inverse = bins / (hi - lo)
    out = xp.zeros((_parts(x), int(bins.prod())), np.int64)
    _shell("histogram", x)(x, *map(xp.asarray, (lo, hi, inverse, bins)), out)
    return out.sum(axis=0).reshape(tuple(bins))


def moments(x: Array, about: Array, scale: float) -> Array:
    """(d, 3) int64: over rows of x, the sum of q = round((x - about) scale), and that of q^2 as 2^32 high + low."""
    out = array_module(x).zeros((_parts(x), x.shape[1], 3), np.int64)
    _shell("moments", x)(x, about, scale, out)
    return out.sum(axis=0)
