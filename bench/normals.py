"""Standard normals into an array that is there already: 16 million float32.

    z = sqrt(-2 ln u) (sin, cos)(theta),      u and theta from Philox4x32-10 words

Nobody allocates: NumPy fills `out=`, PyTorch its tensor, JAX a donated buffer. The bound is the same
computation in C. On a GPU the peers are cuRAND's own generators (through CuPy) and PyTorch's.

Reference: J. K. Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC11).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import inkdiff as ink

from . import machine, peers
from .measure import Aim, Case, Contender, Limit, Peer, Settings

__all__ = ["cases"]

_FULL = 1 << 24
_SEED = 20


def cases(settings: Settings) -> Iterator[Case]:
    """On the CPU, and on a GPU if there is one."""
    n = settings.size(_FULL // 4096) * 4096
    yield Case(
        "normals",
        f"{n:,} float32 normals into out=",
        "normals",
        list(_on_cpu(n, settings)),
        _aims(settings.threads),
    )
    cupy = peers.cupy(settings)
    if cupy is not None:
        aims = [Aim("cuRAND Philox (CuPy)", "at least", 1.0), Aim("cuRAND XORWOW (CuPy)", "at least", 1.0)]
        yield Case(
            "normals-gpu",
            f"{n:,} float32 normals on the GPU",
            "normals",
            list(_on_gpu(n, settings, cupy)),
            aims,
        )


def _aims(threads: int) -> list[Aim]:
    if threads == 1:
        return [
            Aim("NumPy SFC64", "at least", 15),
            Aim("torch", "at least", 5.5),
            Aim("C", "at least", 0.9),
        ]
    return [Aim("torch", "at least", 10)]


def _on_cpu(n: int, settings: Settings) -> Iterator[Contender]:
    out = np.empty(n, np.float32)
    yield Contender("inkdiff", lambda: ink.normal(n, seed=_SEED, out=out), n, "normal(out=)")
    if "numpy" in settings.peers:
        generator = np.random.Generator(np.random.SFC64(_SEED))
        yield Peer(
            "NumPy SFC64",
            lambda: generator.standard_normal(dtype=np.float32, out=out),
            n,
            "standard_normal(out=), 1 thread",
        )
    torch = peers.torch(settings)
    if torch is not None:
        tensor = torch.from_numpy(out)
        yield Peer("torch", lambda: tensor.normal_(), n, "normal_()")
    jax = peers.jax(settings)
    if jax is not None:
        yield Peer("JAX", _jax_normals(jax, n), n, "jitted random.normal, buffer donated")
    c = machine.normals_in_c()
    if c is not None:
        yield Limit("C", lambda: c.fill(out, threads=settings.threads), n, f"the same bits in C: {c.how}")


def _jax_normals(jax: Any, n: int) -> Any:
    fill = jax.jit(lambda key, old: jax.random.normal(key, old.shape, np.float32), donate_argnums=1, keep_unused=True)
    key = jax.random.key(_SEED)
    held = [jax.numpy.zeros(n, np.float32)]

    def run() -> None:
        held[0] = fill(key, held[0]).block_until_ready()

    return run


def _on_gpu(n: int, settings: Settings, cupy: Any) -> Iterator[Contender]:
    out = cupy.empty(n, np.float32)
    done = cupy.cuda.Stream.null.synchronize
    yield Contender("inkdiff", lambda: ink.normal(n, seed=_SEED, out=out), n, "normal(out=), CuPy array", after=done)
    for name, bits in (("Philox", cupy.random.Philox4x3210), ("XORWOW", cupy.random.XORWOW)):
        generator = cupy.random.Generator(bits(_SEED))

        def run(generator: Any = generator) -> None:
            generator.standard_normal(dtype=np.float32, out=out)

        yield Peer(f"cuRAND {name} (CuPy)", run, n, "standard_normal(out=)", after=done)
    torch = peers.torch(settings, cuda=True)
    if torch is not None:
        tensor = torch.empty(n, dtype=torch.float32, device="cuda")
        yield Peer("torch", lambda: tensor.normal_(), n, "normal_() on the GPU", after=torch.cuda.synchronize)
