"""Ctrl-C between two steps: an interrupt that arrives during a step waits for its end, so that what is saved is whole.

A step changes weights, mean and moments in place; an exception in the middle of it would leave them between k and
k + 1, where no uninterrupted training ever is. So the first interrupt is only noted,

    signal -> note -> end of the step -> save -> KeyboardInterrupt

and a second one, from somebody who will not wait, is Python's own again.

Reference: POSIX.1-2017, signal concepts; Python's `signal` runs handlers in the main thread, between bytecodes.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

__all__ = ["interrupts_wait"]


@contextlib.contextmanager
def interrupts_wait(active: bool = True) -> Iterator[Callable[[], bool]]:
    """Within this context the first Ctrl-C is only noted; the function it yields says whether there was one.

    Nothing changes if not `active`, outside the main thread (where Python delivers no signals), or where interrupts are
    ignored or handled by others already.
    """
    before = signal.getsignal(signal.SIGINT)
    ours = before is signal.default_int_handler and threading.current_thread() is threading.main_thread()
    noted: list[int] = []
    if not active or not ours:
        yield lambda: False
        return

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(noted)
    finally:
        signal.signal(signal.SIGINT, before)
