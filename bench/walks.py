"""Brownian steps between reflecting walls, in the plane.

    x  <-  fold(x + s eps),     s = sqrt(2 D dt) << L,     fold(y) = L - |L - |y||

The peers do it in place on float32 arrays, fold as above (right for steps shorter than the box, and the
cheapest there is); inkdiff's bare kernel turns them into 32-bit phases, moves those, and turns them back; the public
`simulate` also copies and validates. A kernel of the same shape that moves float32 positions tells what fixed
point costs.

References: S. S. Andrews et al., Smoldyn (2010); `inkdiff.kernels.formulas`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np

import inkdiff as ink
from inkdiff import kernels
from inkdiff._core.noise_address import Address

from . import peers
from .floatwalk import walk_float
from .measure import Aim, Case, Contender, Peer, Settings

__all__ = ["cases"]

_L = 1.0
_D = 1e-3
_DT = 1e-2
_S = (2 * _D * _DT) ** 0.5  # rms step, 0.0045 L
_SEED = 30
_SMOLDYN_WORK = 4_000_000  # particle-steps of one turn: seconds
_BOX = ink.Brownian(D=_D, domain=ink.Box(0.0, _L))
_ALIKE = {  # place: process, coordinates of a row, what it is
    "line": (_BOX, 1, "twice as many, 1-D"),
    "64 axes": (_BOX, 64, "as many numbers, 64-D"),
    "oblong": (ink.Brownian(D=_D, domain=ink.Box(0.0, (_L, 2 * _L))), 2, "a side per axis"),
    "free space": (ink.Brownian(D=_D), 2, "no walls, 64-bit integers"),
    "bowl": (ink.OrnsteinUhlenbeck(D=_D, k=1.0), 2, "a drift, floating point"),
}


def cases(settings: Settings) -> Iterator[Case]:
    """Many particles, few particles, two threads against one, small arrays, and the GPU if there is one."""
    n, steps = settings.size(1_000_000, 1000), settings.size(100, 4)
    yield Case(
        "walk", f"Brownian steps, reflecting 2-D box, {n:,} particles x {steps} steps", "particle-steps",
        list(_walkers(n, steps, settings)), _aims(settings.threads),
    )  # fmt: skip
    few, many = settings.size(10_000, 1000), settings.size(1000, 10)
    yield Case(
        "walk-small", f"the same, {few:,} particles x {many} steps", "particle-steps",
        list(_walkers(few, many, settings)), [Aim("Smoldyn", "at least", 30)],
    )  # fmt: skip
    yield Case(
        "walk-places", f"the same in other places, {n:,} particles x 10 steps", "particle-steps",
        list(_places(n, 10)), [Aim(place, "at most", 1.2) for place in _ALIKE],
    )  # fmt: skip
    if settings.threads > 1:
        yield _threads_case(n, steps, settings.threads)
    yield Case(
        "calls", "one call on 10 particles", "calls", list(_calls()),
        [Aim("simulate", "at most", 100e-6, of="seconds")],
    )  # fmt: skip
    cupy = peers.cupy(settings)
    if cupy is not None:
        yield Case(
            "walk-gpu", f"Brownian steps on the GPU, {n:,} particles x {steps} steps", "particle-steps",
            list(_on_gpu(n, steps, settings, cupy)), [Aim("inkdiff on the CPU", "at least", 100)],
        )  # fmt: skip


def _aims(threads: int) -> list[Aim]:
    if threads > 1:
        return []
    return [
        Aim("simulate", "at most", 1.1),
        Aim("torch", "at least", 6.5),
        Aim("JAX", "at least", 12),
        Aim("NumPy SFC64", "at least", 15),
        Aim("Smoldyn", "at least", 100),
        Aim("float32 positions", "at least", 1 / 1.05),
    ]


def _walkers(n: int, steps: int, settings: Settings) -> Iterator[Contender]:
    work = n * steps
    yield Contender("inkdiff", _kernel(np, n, steps), work, "bare kernel walk_box, float32 in place")
    yield Contender("simulate", _simulate(np, n, steps), work, "public simulate, float32 in and out")
    yield Contender(
        "float32 positions", _float_kernel(n, steps), work, "same kernel on float32 positions, cheapest fold"
    )
    if "numpy" in settings.peers:
        yield Peer("NumPy SFC64", _numpy(n, steps), work, "in place, 1 thread")
    torch = peers.torch(settings)
    if torch is not None:
        yield Peer("torch", _torch(torch, n, steps), work, "in place")
    jax = peers.jax(settings)
    if jax is not None:
        yield Peer("JAX", _jax(jax, n, steps), work, "jitted fori_loop, buffer donated")
    if settings.smoldyn:
        few = max(1, min(steps, _SMOLDYN_WORK // n))
        walk, how = _smoldyn(settings.smoldyn, n, few), "own process, set-up not counted, 1 thread"
        yield Peer("Smoldyn", walk, n * few, how, times_itself=True)


def _kernel(xp: Any, n: int, steps: int) -> Callable[[], None]:
    x, width = xp.full((n, 2), 0.5, np.float32), xp.full(steps, float(_S))
    walls = ink.Box(0.0, float(_L)).kernel_walls(np.float64, xp)
    return lambda: kernels.walk_box(x, width, walls, noise=Address(_SEED, 0, ink.Stream.FORWARD))


def _simulate(xp: Any, n: int, steps: int) -> Callable[[], Any]:
    x = xp.full((n, 2), 0.5, np.float32)
    return lambda: ink.simulate(_BOX, x, [0.0, steps * _DT], seed=_SEED, steps=steps)


def _places(n: int, steps: int) -> Iterator[Contender]:
    """Public walks of as many numbers elsewhere than in a square of reflecting walls."""
    n -= n % 32  # rows of 64
    x, times = np.full((n, 2), 0.5, np.float32), [0.0, steps * _DT]
    for place, (process, d, how) in {"square": (_BOX, 2, "public simulate, 2-D"), **_ALIKE}.items():
        start = x.reshape(-1, d)
        walk = partial(ink.simulate, process, start, times, seed=_SEED, steps=steps)
        yield Contender(place, walk, n * steps, how)


def _float_kernel(n: int, steps: int) -> Callable[[], None]:
    x = np.full(2 * n, 0.5, np.float32)
    s = np.full(steps, _S, np.float32)
    return lambda: walk_float(x, s, np.float32(_L), np.uint64(_SEED))


def _numpy(n: int, steps: int) -> Callable[[], None]:
    x, z = np.full((n, 2), 0.5, np.float32), np.empty((n, 2), np.float32)
    generator, s, length = np.random.Generator(np.random.SFC64(_SEED)), np.float32(_S), np.float32(_L)

    def run() -> None:
        for _ in range(steps):
            generator.standard_normal(dtype=np.float32, out=z)
            np.multiply(z, s, out=z)
            np.add(x, z, out=x)
            np.abs(x, out=x)
            np.subtract(length, x, out=x)
            np.abs(x, out=x)
            np.subtract(length, x, out=x)

    return run


def _torch(torch: Any, n: int, steps: int, device: str = "cpu") -> Callable[[], None]:
    x, z = torch.full((n, 2), 0.5, device=device), torch.empty((n, 2), device=device)
    length = torch.tensor(_L, device=device)

    def run() -> None:
        for _ in range(steps):
            z.normal_()
            x.add_(z, alpha=_S)
            x.abs_()
            torch.sub(length, x, out=x)
            x.abs_()
            torch.sub(length, x, out=x)

    return run


def _jax(jax: Any, n: int, steps: int) -> Callable[[], None]:
    jnp = jax.numpy

    def step(k: Any, carry: Any) -> Any:
        x, key = carry
        y = x + np.float32(_S) * jax.random.normal(jax.random.fold_in(key, k), x.shape, np.float32)
        return _L - jnp.abs(_L - jnp.abs(y)), key

    walk = jax.jit(lambda x, key: jax.lax.fori_loop(0, steps, step, (x, key))[0], donate_argnums=0)
    held, key = [jnp.full((n, 2), 0.5, np.float32)], jax.random.key(_SEED)

    def run() -> None:
        held[0] = walk(held[0], key).block_until_ready()

    return run


def _smoldyn(python: str, n: int, steps: int) -> Callable[[], float]:
    script = Path(__file__).with_name("smoldyn_walk.py")
    command = [python, str(script), str(n), str(steps), str(_D), str(_DT), str(_L)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def run() -> float:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        said = [line for line in done.stdout.splitlines() if line.startswith("SECONDS ")]
        if done.returncode or not said:
            raise RuntimeError(f"Smoldyn did not run on the interpreter named by --smoldyn: {done.stderr[-500:]}")
        return float(said[-1].split()[1])

    return run


def _threads_case(n: int, steps: int, threads: int) -> Case:
    """The kernel on all threads and on one, in one process."""
    everyone, alone, work = _kernel(np, n, steps), _kernel(np, n, steps), n * steps

    def one() -> None:
        numba.set_num_threads(1)
        try:
            alone()
        finally:
            numba.set_num_threads(threads)

    return Case(
        "walk-threads", f"the same kernel on {threads} threads and on one", "particle-steps",
        [
            Contender("inkdiff", everyone, work, f"{threads} threads"),
            Contender("1 thread", one, work, "1 thread"),
        ],
        [Aim("1 thread", "at least", 1.9 if threads == 2 else 0.95 * threads)],
    )  # fmt: skip


def _calls() -> Iterator[Contender]:
    """What a call costs when there is nearly nothing to do."""
    x, out = np.full((10, 2), 0.5, np.float32), np.empty((10, 2), np.float32)
    process = ink.VariancePreserving.linear()
    z = np.empty(10, np.float32)
    yield Contender("simulate", lambda: ink.simulate(_BOX, x, (0.0, _DT), seed=_SEED), 1, "one step in the box")
    yield Contender("diffuse", lambda: ink.diffuse(process, x, 0.5, seed=_SEED, out=out), 1, "one jump")
    yield Contender("normal", lambda: ink.normal(10, seed=_SEED, out=z), 1, "10 normals")


def _on_gpu(n: int, steps: int, settings: Settings, cupy: Any) -> Iterator[Contender]:
    done, work = cupy.cuda.Stream.null.synchronize, n * steps
    yield Contender("inkdiff", _kernel(cupy, n, steps), work, "bare kernel walk_box, CuPy", after=done)
    yield Contender("simulate", _simulate(cupy, n, steps), work, "public simulate, CuPy", after=done)
    yield Contender("inkdiff on the CPU", _kernel(np, n, steps), work, f"{settings.threads} threads")
    torch = peers.torch(settings, cuda=True)
    if torch is not None:
        walk = _torch(torch, n, steps, "cuda")
        yield Peer("torch", walk, work, "in place on the GPU", after=torch.cuda.synchronize)
