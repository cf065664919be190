"""The same bits on any number of threads: a fixed split of the work, one BLAS thread for each part.

A matrix product on two BLAS threads rounds differently from one, and BLAS threads that spin while others work cost
more than they bring. So rows are cut into pieces whose number depends on nothing but the number of rows, and every
piece is computed on one thread with a single-threaded BLAS. A gradient takes two rounds: the rows go forward and back,
each on its own (what their noise levels do, few numbers, before and after them); then every weight's gradient

    dW = sum_rows x^T dy

is summed over all rows by one thread. (Summing shard by shard and adding up costs more: shorter products, and a
gradient written and read once per shard.) Which thread takes which piece, and when, then changes nothing. Bits are
promised per machine and BLAS build only.

Reference: threadpoolctl (J. Jerphanion et al.) sets the BLAS threads.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from inkdiff._core.backend import Array, available_cores, is_cuda
from inkdiff.nn import _fused
from inkdiff.nn.arena import Arena
from inkdiff.nn.layers import Run
from inkdiff.nn.mlp import Network

__all__ = ["RowShards", "ShardedGradient", "blas", "one_thread_each", "thread_arena"]


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def blas() -> str:
    """NumPy's BLAS: library, version and the kernels it has chosen for this processor."""
    libraries = [info for info in _controller().info() if info["user_api"] == "blas"]
    ours = [info for info in libraries if "numpy" in info["filepath"]] or libraries
    if not ours:
        return "an unknown BLAS"
    return f"{ours[0]['internal_api']} {ours[0]['version']} for {ours[0].get('architecture', 'this processor')}"


@contextlib.contextmanager
def one_thread_each() -> Iterator[None]:
    """Within this context every BLAS call of the process, and every kernel this thread calls, runs on one thread.

    For the kernels this is only speed: their OpenMP threads keep spinning for a while after a loop, on the cores that
    the shards need.
    """
    with _controller().limit(limits=1, user_api="blas"), _fused.one_kernel_thread():
        yield


_ROWS = 512  # of a shard: shorter products cost more than another thread brings,
_MOST = 1024  # and longer ones leave the cache


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="inkdiff-shard")


@dataclass(frozen=True)
class RowShards:
    """Runs the pieces of a computation on `threads` threads; results never depend on their number."""

    count: int = 4
    threads: int = 0  # 0: as many as there are cores

    @classmethod
    def of_batch(cls, rows: int, threads: int = 0) -> RowShards:
        """Two to four shards, of 512 rows where there are so many: what a shard costs beside its rows stays small."""
        return cls(min(4, max(2, rows // _ROWS)), threads)

    @classmethod
    def of_state(cls, x: Array, threads: int = 0) -> RowShards:
        """Shards to evaluate x in: of 1024 rows at most, and of 512 as long as these are up to four; one on a GPU."""
        rows = len(x)
        return cls(1 if is_cuda(x) else max(-(-rows // _MOST), min(-(-rows // _ROWS), 4)), threads)

    def pieces(self, rows: int) -> list[slice]:
        """At most `count` nearly equal slices of range(rows), none empty."""
        count = max(1, min(self.count, rows))
        edges = [rows * k // count for k in range(count + 1)]
        return [slice(a, b) for a, b in pairwise(edges)]

    def run(self, work: Callable[[int], Any], count: int) -> list[Any]:
        """[work(0), ..., work(count - 1)], each call on some thread; an exception raised by one is raised here.

        The calling thread takes its share: to wake another and to be woken costs as much as a small product.
        """
        threads = min(self.threads or available_cores(), count)
        results, pieces = [None] * count, iter(range(count))

        def take() -> None:
            for k in pieces:  # each piece goes to whoever asks first
                results[k] = work(k)

        others = [_pool(threads - 1).submit(take) for _ in range(threads - 1)]
        try:
            take()
        finally:
            begun = [other for other in others if not other.cancel()]
            wait(begun)
        for other in begun:
            other.result()
        return results


class ShardedGradient:
    """The gradient of a sum over the rows of a batch: levels once, rows in shards, then every weight over all rows."""

    def __init__(self, network: Network, shards: RowShards, rows: int, levels: int) -> None:
        self._network, self._shards, group = network, shards, rows // levels
        self._levels = shards.pieces(levels)
        self._rows = [slice(part.start * group, part.stop * group) for part in self._levels]
        self._common, self._arenas = Arena(), Arena().siblings(len(self._levels))

    def __call__(self, theta: Array, c: Array, backward: Callable[[Run, list[Array]], Any], out: Array) -> list[Any]:
        """What `backward(run, shifts)` returned for each shard.

        It calls the network on the rows `run.rows` with these shifts, and the network's backprop, into the flat `out`.
        """
        owed: list[Callable[[], object]] = []
        self._common.rewind()
        shifts, back = self._network.shifts(Run(theta, self._common, training=True, owed=owed), c)
        runs = []
        for arena, rows, levels in zip(self._arenas, self._rows, self._levels, strict=True):
            arena.rewind()
            runs.append(Run(theta, arena, True, None, rows, levels, owed=[], input_gradient=False))
        results = self._shards.run(lambda k: backward(runs[k], shifts), len(runs))
        back(runs[0].d_shifts, out)
        owed += runs[0].owed or []  # every run owes the same sums over all rows

        def settle(k: int) -> None:
            with np.errstate(over="ignore", invalid="ignore"):  # of each thread; who asked looks at the loss
                owed[k]()

        self._shards.run(settle, len(owed))
        return results


_local = threading.local()


def thread_arena() -> Arena:
    """Working memory for evaluations on the calling thread."""
    if not hasattr(_local, "arena"):
        _local.arena = Arena()
    arena: Arena = _local.arena
    return arena
