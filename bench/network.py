r"""One step of training and one of sampling: the same network here, in PyTorch and in JAX.

    training:  F(theta; x, c) -> loss = |F - y|^2 -> d loss/d theta -> AdamW and the running mean of theta
    sampling:  x <- a x + b F(theta; x, c) + s eps,      all rows at one noise level

The network is inkdiff's MLP with the time entering every layer; the peers get its weights, and before anything is
timed their answers are compared with inkdiff's. Eight neighbouring rows of a training batch share a noise level, as
`ink.fit` draws them, and everybody computes what depends on the level alone once for the eight. A bare matrix product
stands beside: most of a step is matrix products, and what a library's choice of kernels (OPENBLAS_CORETYPE) gives or
takes shows there.

Reference: `inkdiff.nn`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

import inkdiff as ink
from inkdiff import kernels
from inkdiff._core.noise_address import Address
from inkdiff.nn import (
    MLP,
    AdamW,
    AdamWState,
    Arena,
    RowShards,
    Run,
    ShardedGradient,
    TimeConditionedNetwork,
    one_thread_each,
)

from . import network_peers, peers
from .measure import Aim, Case, Contender, Peer, Settings

__all__ = ["Problem", "Sampling", "Training", "cases"]

_STEPS = 10  # of one run
_RATE = 1e-3
_SEED = 50
_NETS = (("2-D", 128, 4, 2, 1024), ("digits", 512, 3, 64, 512))  # name, width, depth, coordinates, batch
_SAMPLES = 1024
_SHARING = 8  # rows of a batch that share a noise level
_WHOLE = "the whole step: batch, noise, targets, features, network of 2 d inputs"
_A, _B, _S = 0.98, 0.05, 0.1  # of a sampling step; any numbers cost the same


@dataclass(frozen=True)
class Problem:
    """A network, its weights, and a batch: x, y (n, d), c (n/8,)."""

    network: TimeConditionedNetwork
    theta: Any
    x: Any
    y: Any
    c: Any

    @classmethod
    def make(cls, width: int, depth: int, d: int, n: int) -> Problem:
        """Random weights (the head's too, which start at zero in training) and a random batch, on the CPU."""
        network = MLP(width=width, depth=depth, dropout=0.0).build(d, d)
        theta = network.initial(lambda size: ink.normal(size, seed=_SEED))
        head = network.head.weight
        head.of(theta)[...] = _normals(head.shape, 1) / np.sqrt(width)
        c = 2 * ink.uniform(n // _SHARING, seed=_SEED, step=2) - 1
        return cls(network, theta, _normals((n, d), 3), _normals((n, d), 4), c.astype(np.float32))

    def on(self, cupy: Any) -> Problem:
        """The same on the GPU."""
        return Problem(self.network, *(cupy.asarray(a) for a in (self.theta, self.x, self.y, self.c)))

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """Name of a slot -> its values."""
        return {slot.name: slot.of(self.theta) for slot in self.network.slots}

    def answer(self) -> npt.NDArray[np.float32]:
        """F (n, d), which every peer must give too."""
        out: npt.NDArray[np.float32] = self.network(Run(self.theta, Arena()), self.x, self.c)[0]
        return out


def _normals(shape: tuple[int, ...], step: int) -> npt.NDArray[np.float32]:
    z: npt.NDArray[np.float32] = ink.normal(int(np.prod(shape)), seed=_SEED, step=step).reshape(shape)
    return z


class Training:
    """Training steps as `ink.fit` makes them once a batch is drawn: rows forth and back, weights, AdamW."""

    def __init__(self, problem: Problem, shards: RowShards) -> None:
        self.problem, self.shards = problem, shards
        self.backward = ShardedGradient(problem.network, shards, len(problem.x), len(problem.c))
        self.state, self.optimiser = AdamWState.start(problem.theta.copy()), AdamW()
        self.gradient = ink.backend.array_module(problem.theta).empty_like(problem.theta)

    def rows(self, run: Run, shifts: list[Any]) -> None:
        """One shard of rows."""
        problem = self.problem
        answer, backprop = problem.network(run, problem.x, problem.c, shifts)
        part = answer[run.rows]
        part -= problem.y[run.rows]
        part *= np.float32(2 / problem.x.size)
        backprop(answer, self.gradient)

    def run(self) -> None:
        """Several steps."""
        with one_thread_each():
            for _ in range(_STEPS):
                self.backward(self.state.theta, self.problem.c, self.rows, self.gradient)
                self.optimiser.update(self.state, self.gradient, _RATE, self.shards)


class Sampling:
    """Sampling steps: the network on shards of rows, then the kernel."""

    def __init__(self, problem: Problem, shards: RowShards) -> None:
        self.problem, self.shards = problem, shards
        self.pieces = shards.pieces(len(problem.x))
        self.arenas, self.arena = [Arena() for _ in self.pieces], Arena()
        xp = ink.backend.array_module(problem.theta)
        self.x, self.u = problem.x.copy(), xp.empty_like(problem.x)
        self.c = problem.c[:1]
        self.a, self.b, self.s = (xp.full(1, value, np.float32) for value in (_A, _B, _S))

    def piece(self, k: int, shifts: list[Any]) -> None:
        """The network's answer for one shard of rows."""
        part = self.pieces[k]
        self.arenas[k].rewind()
        run = Run(self.problem.theta, self.arenas[k])
        self.u[part] = self.problem.network(run, self.x[part], self.c, shifts)[0]

    def run(self) -> None:
        """Several steps."""
        for step in range(_STEPS):
            with one_thread_each():
                self.arena.rewind()
                shifts, _ = self.problem.network.shifts(Run(self.problem.theta, self.arena), self.c)
                self.shards.run(lambda k: self.piece(k, shifts), len(self.pieces))  # noqa: B023
            kernels.affine_step(
                self.x, a=self.a, b=self.b, u=self.u, c=self.s, out=self.x,
                noise=Address(_SEED, step, ink.Stream.REVERSE),
            )  # fmt: skip


def cases(settings: Settings) -> Iterator[Case]:
    """Training and sampling of both networks, the matrix product, and the GPU if there is one."""
    training = [Aim("torch", "at least", 2), Aim("JAX", "at least", 1.1)]
    sampling = [Aim("torch", "at least", 2), Aim("JAX", "at least", 1.05)]
    for name, width, depth, d, batch in _NETS:
        label = f"{name} net ({depth} x {width})"
        problem = Problem.make(width, depth, d, batch)
        yield Case(
            f"training-{name.lower()}", f"training step, {label}, batch {len(problem.x)}", "steps",
            list(_trainers(problem, settings)), training,
        )  # fmt: skip
        problem = Problem.make(width, depth, d, _SAMPLES)
        yield Case(
            f"sampling-{name.lower()}", f"sampling step, {label}, batch {len(problem.x)}", "steps",
            list(_samplers(problem, settings)), sampling,
        )  # fmt: skip
        yield from _gpu_case(name, label, width, depth, d, settings)
    yield _product_case(settings)


def _trainers(problem: Problem, settings: Settings) -> Iterator[Contender]:
    training = Training(problem, RowShards.of_batch(len(problem.x), settings.threads))
    yield Contender("inkdiff", training.run, _STEPS, "backprop by hand, AdamW and mean fused")
    yield Contender("ink.fit", _fit(problem, settings.threads), 1, _WHOLE, times_itself=True)
    torch, jax = peers.torch(settings), peers.jax(settings)
    if torch is not None:
        run = network_peers.TorchNet(torch, problem).training(_STEPS, _RATE)
        yield Peer("torch", run, _STEPS, "eager, fused AdamW, foreach mean")
    if jax is not None:
        run = network_peers.JaxNet(jax, problem).training(_STEPS, _RATE)
        yield Peer("JAX", run, _STEPS, "jitted step, buffers donated")


def _fit(problem: Problem, threads: int) -> Callable[[], float]:
    """Median seconds of a step of `ink.fit` with the same network and batch."""
    process, shape = ink.VariancePreserving.linear(), problem.network.shape
    data = ink.datasets.digits() if problem.x.shape[1] == 64 else ink.datasets.moons(4096, seed=1)

    def run() -> float:
        ends: list[float] = []

        def note(step: int, loss: float, snapshot: object) -> None:
            ends.append(time.perf_counter())

        quietly = ink.RunOptions(progress=False, threads=threads, callback=note)
        ink.fit(process, data, steps=2 * _STEPS, seed=1, net=shape, batch=len(problem.x), progress=quietly)
        return statistics.median(later - sooner for sooner, later in pairwise(ends[_STEPS // 2 :]))

    return run


def _samplers(problem: Problem, settings: Settings) -> Iterator[Contender]:
    shards = RowShards.of_state(problem.x, settings.threads)  # as LearnedScore
    yield Contender("inkdiff", Sampling(problem, shards).run, _STEPS, "network, then the step kernel")
    torch, jax = peers.torch(settings), peers.jax(settings)
    if torch is not None:
        run = network_peers.TorchNet(torch, problem).sampling(_STEPS, (_A, _B, _S))
        yield Peer("torch", run, _STEPS, "eager, inference mode, in place")
    if jax is not None:
        run = network_peers.JaxNet(jax, problem).sampling(_STEPS, (_A, _B, _S))
        yield Peer("JAX", run, _STEPS, "jitted step, buffer donated")


def _gpu_case(name: str, label: str, width: int, depth: int, d: int, settings: Settings) -> Iterator[Case]:
    """Training on the GPU, a batch of 1024, all rows in one piece."""
    cupy, torch = peers.cupy(settings), peers.torch(settings, cuda=True)
    if cupy is None:
        return
    problem = Problem.make(width, depth, d, _SAMPLES)
    done = cupy.cuda.Stream.null.synchronize
    training = Training(problem.on(cupy), RowShards(count=1, threads=1))
    contenders = [Contender("inkdiff", training.run, _STEPS, "CuPy", after=done)]
    if torch is not None:
        run = network_peers.TorchNet(torch, problem, "cuda").training(_STEPS, _RATE)
        contenders.append(Peer("torch", run, _STEPS, "eager on the GPU", after=torch.cuda.synchronize))
    yield Case(
        f"training-{name.lower()}-gpu", f"training step on the GPU, {label}, batch {len(problem.x)}", "steps",
        contenders, [Aim("torch", "at least", 1.5)],
    )  # fmt: skip


# The matrix product alone

_PRODUCT = """
import time, numpy as np
x, w = (np.ones(shape, np.float32) for shape in (({n}, {k}), ({k}, {k})))
out = x @ w
times = []
for _ in range(20):
    start = time.perf_counter(); np.matmul(x, w, out=out); times.append(time.perf_counter() - start)
print(sorted(times)[10])
"""


def _product_case(settings: Settings) -> Case:
    n, k = _SAMPLES, 512
    x, w = _normals((n, k), 5), _normals((k, k), 6)
    out, flops = np.empty((n, k), np.float32), 2.0 * n * k * k
    forced = os.environ.get("OPENBLAS_CORETYPE")
    how = f"OpenBLAS kernels {forced}" if forced else "OpenBLAS kernels as detected"
    contenders: list[Contender] = [Contender("NumPy", lambda: np.matmul(x, w, out=out), flops, f"matmul(out=), {how}")]
    if forced:
        code = _PRODUCT.format(n=n, k=k)
        contenders.append(
            Contender("as detected", _detected(code), flops, "NumPy, OPENBLAS_CORETYPE not set", times_itself=True)
        )
    torch, jax = peers.torch(settings), peers.jax(settings)
    if torch is not None:
        a, b, into = (torch.from_numpy(array) for array in (x, w, out))
        contenders.append(Peer("torch", lambda: torch.mm(a, b, out=into), flops, "mm(out=)"))
    if jax is not None:
        product, p, q = jax.jit(lambda p, q: p @ q), jax.numpy.asarray(x), jax.numpy.asarray(w)
        contenders.append(Peer("JAX", lambda: product(p, q).block_until_ready(), flops, "jitted"))
    return Case(
        "product", f"float32 matrix product {n} x {k} by {k} x {k}", "flop", contenders,
        notes=["A matrix product is the library's own: its row says what part of a network's ratio is BLAS."],
    )  # fmt: skip


def _detected(code: str) -> Callable[[], float]:
    """The product in a process where OpenBLAS chooses its kernels itself."""
    environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_CORETYPE"}

    def run() -> float:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        return float(done.stdout)

    return run
