"""Peak memory of a call beyond what its caller holds and gets back.

    extra  =  max resident  -  resident before  -  bytes returned

The kernel of the operating system keeps the high-water mark of resident memory and lets it be reset (Linux:
writing 5 to /proc/self/clear_refs), so temporaries count wherever they come from: NumPy, Numba, C. The arrays
are large, so each is mapped and unmapped by itself, and what the heap has kept of earlier arrays is given back to
the system first.

Reference: proc(5), VmHWM.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import inkdiff as ink

from .measure import Aim, Settings, Spread

__all__ = ["available", "peak_beyond", "records"]

_PARTICLES = 8_000_000
_BAR = 8.0  # bytes per particle
_BOX = ink.Brownian(D=1e-3, domain=ink.Box(0.0, 1.0))
_M_MMAP_THRESHOLD = -3  # of mallopt(3); fixed by hand, it no longer grows with the arrays that were freed
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def available() -> bool:
    """Whether this system tells the peak and lets it be reset; has the heap give freed arrays back."""
    try:
        _RESET.write_text("5")
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1 << 20)
        return "VmHWM" in _STATUS.read_text() and hasattr(ctypes.CDLL(None), "malloc_trim")
    except (OSError, AttributeError):
        return False


def _resident(entry: str) -> int:
    """Bytes of an entry of /proc/self/status: VmRSS now, VmHWM at most."""
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(entry + ":"))
    return int(line.split()[1]) * 1024


def peak_beyond(call: Callable[[], Any], returned: Callable[[Any], int]) -> int:
    """Bytes resident at the worst moment of `call()`, beyond those before it and those it returns."""
    gc.collect()
    # Free memory that the heap keeps resident would serve the call without being seen.
    ctypes.CDLL(None).malloc_trim(0)
    _RESET.write_text("5")
    before = _resident("VmRSS")
    result = call()
    peak = _resident("VmHWM")
    return peak - before - returned(result)


def records(settings: Settings) -> Iterator[dict[str, Any]]:
    """simulate recording two states, simulate observing only, and diffuse into out=."""
    if not available():
        return
    n = settings.size(_PARTICLES, 500_000)
    x, out = np.full((n, 2), 0.5, np.float32), np.zeros((n, 2), np.float32)
    ink.simulate(_BOX, x[:100], [0, 1], seed=1)  # compiled, or read from disk, before anything is counted
    ink.diffuse(_BOX, x[:100], 0.5, seed=1)
    mean = {"mean": lambda y: y.mean(axis=0)}
    calls: dict[str, tuple[Callable[[], Any], Callable[[Any], int], str]] = {
        "inkdiff": (
            lambda: ink.simulate(_BOX, x, [0, 1], seed=1),
            _recorded,
            "simulate, two recorded states",
        ),
        "observing": (
            lambda: ink.simulate(_BOX, x, [0, 1], seed=1, observe=mean),
            _last,
            "simulate, observe=",
        ),
        "diffuse": (lambda: ink.diffuse(_BOX, x, 0.5, seed=1, out=out), lambda _: 0, "diffuse(out=)"),
    }
    contenders = {name: _peaks(call, returned, n, settings, how) for name, (call, returned, how) in calls.items()}
    aim = Aim("inkdiff", "at most", _BAR, of="bytes").judge(contenders["inkdiff"]["bytes"]["median"])
    yield {
        "name": "memory", "title": f"peak memory beyond input and output, {n:,} particles in the plane",
        "unit": "particles", "threads": settings.threads, "repeats": settings.repeats, "reference": "inkdiff",
        "contenders": contenders, "aims": [aim], "notes": [],
    }  # fmt: skip


def _peaks(
    call: Callable[[], Any], returned: Callable[[Any], int], n: int, settings: Settings, how: str
) -> dict[str, Any]:
    """Bytes per particle at the worst moment, over the rounds, in the form of a contender's record."""
    extra = [peak_beyond(call, returned) / n for _ in range(settings.repeats)]
    times = {"seconds": None, "rate": None, "ratio": None}
    return {"how": how, "kind": "inkdiff", "work": n, **times, "bytes": Spread.of(extra).record()}


def _recorded(trajectory: Any) -> int:
    """Bytes of the arrays that a recorded trajectory holds; `last` may be a view of the last state."""
    last = 0 if np.shares_memory(trajectory.x, trajectory.last) else trajectory.last.nbytes
    return int(trajectory.x.nbytes + last)


def _last(trajectory: Any) -> int:
    return int(trajectory.last.nbytes)
