"""The same bits on any number of threads: a fixed split of the work, one BLAS thread for each part.

A matrix product on two BLAS threads rounds differently from one, and BLAS threads that spin while others work cost
more than they bring. So rows are cut into pieces whose number depends on nothing but the number of rows, and every
piece is computed on one thread with a single-threaded BLAS. Which thread takes which piece, and when, then changes
nothing. Bits are promised per machine and BLAS build only.

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
from typing import TypeVar

from threadpoolctl import ThreadpoolController

from inkdiff._core.backend import Array, available_cores, is_cuda
from inkdiff.nn import _fused
from inkdiff.nn.arena import Arena

__all__ = ["RowShards", "blas", "one_thread_each", "thread_arena"]

T = TypeVar("T")


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

    def run(self, work: Callable[[int], T], count: int) -> list[T]:
        """[work(0), ..., work(count - 1)], each call on some thread; an exception raised by one is raised here.

        The calling thread takes its share: to wake another and to be woken costs as much as a small product.
        """
        threads = min(self.threads or available_cores(), count)
        results: dict[int, T] = {}
        pieces = iter(range(count))

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
        return [results[k] for k in range(count)]


class _PerThread(threading.local):
    """What every thread has one of."""

    def __init__(self) -> None:
        self.arena = Arena()


_local = _PerThread()


def thread_arena() -> Arena:
    """Working memory for evaluations on the calling thread."""
    return _local.arena
