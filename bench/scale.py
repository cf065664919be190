"""Long walks and large clouds: what needs no memory of its path.

    out   x_K = x_0 + s (eps_1 + ... + eps_K),      back   x_0 = x_K - s (eps_K + ... + eps_1), to the bit

A million particles of the plane are replayed over ten thousand steps, there and back; every bit must be home, or
the benchmark fails. A cloud too large to be wanted in memory is walked part by part, and only integers are kept of it:
histogram, numbers in the two halves, first and second moments.

Reference: `inkdiff.replay`, `inkdiff.simulation.observables`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import inkdiff as ink

from .measure import Settings, Spread
from .memory import available, peak_beyond

__all__ = ["records"]

_BOX = ink.Brownian(D=1e-3, domain=ink.Box(0.0, 1.0))
_SEED = 31


def records(settings: Settings) -> Iterator[dict[str, Any]]:
    """A replay, and a cloud walked in parts."""
    yield _replay(settings.size(1_000_000, 1000), settings.size(10_000, 100), settings)
    yield _cloud(settings.size(100_000_000, 10_000), 100, settings)


def _replay(n: int, steps: int, settings: Settings) -> dict[str, Any]:
    x = np.random.default_rng(0).random((n, 2))
    ink.replay(_BOX, x[:100], [0, 1], seed=_SEED, steps=10).forward()  # compiled, or read from disk
    path = ink.replay(_BOX, x, [0, 100], seed=_SEED, steps=steps)
    home = path.at(0)
    timed = {
        "out": _timed(path.forward, n * steps, "float64 positions, replay(...).forward()"),
        "back": _timed(path.back, n * steps, "every step undone, replay(...).back()"),
    }
    lost = int((path.at(0) != home).any(axis=1).sum())
    if lost:
        raise RuntimeError(f"{lost} of {n} particles did not come home: the replay is broken.")
    notes = [f"Replay: all {n:,} particles home to the last bit after {steps:,} steps and their undoing."]
    if available():
        short, long = (peak_beyond(lambda k=k: path.at(path.grid[k]), lambda y: y.nbytes) for k in (1, 50))
        notes.append(
            f"Replay of {n:,} particles: {short / n:.1f} bytes each beyond its two states and the answer after "
            f"one step, {long / n:.1f} after 49 more."
        )
    title = f"replay, reflecting 2-D box, {n:,} particles x {steps:,} steps"
    return _record("replay", title, timed, notes, settings)


def _cloud(n: int, steps: int, settings: Settings) -> dict[str, Any]:
    part = max(1, n // 10)
    box = ink.Box(0.0, 1.0)
    observe = {"cells": ink.Histogram(box, 64), "halves": ink.Sides(), "moments": ink.Moments(2.0**-20, about=0.5)}
    x = np.full((part, 2), 0.5, np.float32)
    ink.simulate(_BOX, x[:100], [0, 1], seed=_SEED, observe=observe)
    counted = 0

    def walk() -> None:
        nonlocal counted
        counted = 0
        for first in range(0, n, part):
            seen = ink.simulate(_BOX, x, [0, 1], seed=_SEED, steps=steps, first_row=first, observe=observe).observed
            counted += int(seen["cells"][-1].sum())

    timed = {"inkdiff": _timed(walk, n * steps, f"in {n // part} parts, observed in integers")}
    if counted != n:
        raise RuntimeError(f"{counted} of {n} walkers were counted: the histogram is broken.")
    hours = 1e8 * 1e4 / timed["inkdiff"]["rate"] / 3600
    notes = [f"At this rate 10^8 particles over 10^4 steps take {hours:.2g} h, in the memory of one part."]
    return _record("cloud", f"the same observed as it runs, {n:,} particles x {steps} steps", timed, notes, settings)


def _timed(call: Callable[[], Any], work: int, how: str) -> dict[str, Any]:
    start = time.perf_counter()
    call()
    seconds = time.perf_counter() - start
    rate = float(f"{work / seconds:.4g}")
    return {"how": how, "kind": "inkdiff", "work": work, "seconds": Spread.of([seconds]).record(), "rate": rate,
            "ratio": None}  # fmt: skip


def _record(name: str, title: str, timed: dict[str, Any], notes: list[str], settings: Settings) -> dict[str, Any]:
    return {
        "name": name, "title": title, "unit": "particle-steps", "threads": settings.threads, "repeats": 1,
        "reference": next(iter(timed)), "contenders": timed, "aims": [], "notes": notes,
    }  # fmt: skip
