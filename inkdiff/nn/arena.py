"""Working memory of a network pass, reused from step to step.

A pass of a network asks for the same buffers in the same order every time. An arena remembers them: after `rewind()`
the k-th request gets the k-th buffer again, provided shape, dtype and device still fit. Fresh large arrays cost page
faults as dear as the arithmetic done on them; this costs nothing after the first step. A buffer is valid until the
next `rewind()`. Passes over different rows of one batch share buffers through `siblings`, one arena for each.
"""

from __future__ import annotations

import threading

from inkdiff._core.backend import Array, array_module

__all__ = ["Arena"]


class Arena:
    """Buffers handed out in the order of the requests and handed out again after `rewind()`."""

    def __init__(self) -> None:
        self._buffers: list[Array] = []
        self._lock = threading.Lock()
        self._next = 0

    def siblings(self, count: int) -> list[Arena]:
        """`count` arenas over the same buffers, for passes that make the same requests on different threads."""
        family = [Arena() for _ in range(count)]
        for arena in family:
            arena._buffers, arena._lock = self._buffers, self._lock
        return family

    def rewind(self) -> None:
        """Start over: every buffer handed out so far may be overwritten from now on."""
        self._next = 0

    def empty(self, shape: tuple[int, ...], like: Array) -> Array:
        """An uninitialised array of `shape` with the dtype and device of `like`."""
        index = self._next
        self._next += 1
        with self._lock:
            if index < len(self._buffers):
                buffer = self._buffers[index]
                fits = buffer.shape == shape and buffer.dtype == like.dtype and type(buffer) is type(like)
                if fits:
                    return buffer
                del self._buffers[index:]
            buffer = array_module(like).empty_like(like, shape=shape, order="C")
            self._buffers.append(buffer)
            return buffer

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(int(b.nbytes) for b in self._buffers)
