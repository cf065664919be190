"""Interleaved timing: contenders take turns, and ratios are formed turn by turn.

Each round runs every contender once, in an order that rotates from round to round, so that a slow moment of
the machine falls on neighbours in time and nobody is always first. With t_i the time of round i, w the work,

    rate = w / median_i(t_i),        ratio_i = (t_i/w)_contender / (t_i/w)_first,

given as (min, median, max) over the rounds. The first contender of a case is inkdiff's; a ratio above 1 says
that it is the faster one. A contender too short for the clock is repeated within its turn.

Reference: T. Hoefler and R. Belli, Scientific benchmarking of parallel computing systems (SC15), rules 1 to
5."""

from __future__ import annotations

import functools
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = [
    "Aim",
    "Case",
    "Contender",
    "Limit",
    "Peer",
    "Settings",
    "Spread",
    "interleave",
    "measure",
    "ratios",
]

SCHEMA = 1
_SHORTEST_TURN = 0.02  # seconds; below it the clock and the call itself would show
_MOST_CALLS = 100_000


@dataclass(frozen=True)
class Settings:
    """What is asked for: threads of this process, rounds (odd, at least 5 for a record), sizes, peers."""

    threads: int = 1
    repeats: int = 7
    scale: float = 1.0
    """Sizes are multiplied by it: 1 for a record, small for a look."""
    peers: tuple[str, ...] = ("numpy", "torch", "jax", "cupy")
    smoldyn: str | None = None
    """A Python interpreter that can import smoldyn."""

    def __post_init__(self) -> None:
        """Refuse an even number of rounds, whose median is nobody's time, and sizes that are none."""
        if self.repeats < 1 or self.repeats % 2 == 0:
            raise ValueError(f"repeats must be odd and positive, got {self.repeats}; use 7, or 5 at the least.")
        if not 0 < self.scale <= 1:
            raise ValueError(f"scale must lie in (0, 1], got {self.scale}.")
        if self.threads < 1:
            raise ValueError(f"threads must be positive, got {self.threads}.")

    def size(self, full: int, least: int = 1) -> int:
        """`full`, or less of it when only a look is wanted."""
        return max(least, round(full * self.scale))


@dataclass(frozen=True)
class Contender:
    """One way to do the work: `run()` does `work` units of it, or returns its own seconds if `times_itself`.

    `after` makes sure that the work is done (a GPU's queue is empty); it is called inside the timing.
    """

    name: str
    run: Callable[[], Any]
    work: float
    how: str = ""
    kind: Literal["inkdiff", "peer", "limit"] = "inkdiff"
    times_itself: bool = False
    after: Callable[[], Any] | None = None


Peer = functools.partial(Contender, kind="peer")  # somebody else's way
Limit = functools.partial(Contender, kind="limit")  # what nobody can beat


@dataclass(frozen=True)
class Aim:
    """A bar on the ratio of `contender`, or on its own seconds per call or bytes per unit."""

    contender: str
    relation: Literal["at least", "at most"]
    bound: float
    of: Literal["ratio", "seconds", "bytes"] = "ratio"

    def judge(self, measured: float) -> dict[str, Any]:
        """The bar as a record, with what was measured and whether that meets it."""
        met = measured >= self.bound if self.relation == "at least" else measured <= self.bound
        return {
            "contender": self.contender, "of": self.of, "relation": self.relation, "bound": self.bound,
            "measured": measured, "met": met,
        }  # fmt: skip


@dataclass(frozen=True)
class Case:
    """Contenders for one piece of work, inkdiff first; `unit` is what their work counts."""

    name: str
    title: str
    unit: str
    contenders: Sequence[Contender]
    aims: Sequence[Aim] = field(default=())
    notes: Sequence[str] = field(default=())


@dataclass(frozen=True)
class Spread:
    """Least, middle and greatest of some numbers."""

    least: float
    median: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of `values`, of which there is at least one."""
        return cls(min(values), statistics.median(values), max(values))

    def record(self) -> dict[str, float]:
        """As a dictionary, to four digits: more is noise."""
        return {name: _rounded(value) for name, value in vars(self).items()}


def _rounded(value: float) -> float:
    return float(f"{value:.4g}") if math.isfinite(value) else value


def _turn(contender: Contender, calls: int, clock: Callable[[], float]) -> float:
    """Seconds per call of one turn."""
    if contender.times_itself:
        return float(contender.run())
    start = clock()
    for _ in range(calls):
        contender.run()
    if contender.after is not None:
        contender.after()
    return (clock() - start) / calls


def _calls(contender: Contender, clock: Callable[[], float]) -> int:
    """How many calls fill a turn. Runs the contender: whatever compiles or fills a cache does it here."""
    if contender.times_itself:
        return 1
    _turn(contender, 1, clock)
    once = _turn(contender, 1, clock)
    return min(_MOST_CALLS, max(1, math.ceil(_SHORTEST_TURN / max(once, 1e-9))))


def interleave(
    contenders: Sequence[Contender], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds per call of every contender in every round.

    Parameters
    ----------
    contenders : at least one, with different names
    repeats : rounds
    clock : seconds; replaced in tests

    Raises
    ------
    ValueError
        If two contenders share a name, or there is none.
    """
    names = [contender.name for contender in contenders]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"contenders must have different names and be at least one, got {names}.")
    calls = {contender.name: _calls(contender, clock) for contender in contenders}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(repeats):
        first = turn % len(contenders)
        for contender in [*contenders[first:], *contenders[:first]]:
            seconds[contender.name].append(_turn(contender, calls[contender.name], clock))
    return seconds


def ratios(seconds: dict[str, list[float]], work: dict[str, float], reference: str) -> dict[str, Spread]:
    """Time per unit of work over the reference's, round by round; the reference itself is left out."""
    base = [t / work[reference] for t in seconds[reference]]
    return {
        name: Spread.of([t / work[name] / b for t, b in zip(times, base, strict=True)])
        for name, times in seconds.items()
        if name != reference
    }


def measure(case: Case, settings: Settings, clock: Callable[[], float] = time.perf_counter) -> dict[str, Any]:
    """Run a case and return its record (the schema is in bench/README.md)."""
    seconds = interleave(case.contenders, settings.repeats, clock)
    work = {contender.name: contender.work for contender in case.contenders}
    reference = case.contenders[0].name
    against = ratios(seconds, work, reference)
    contenders = {}
    for contender in case.contenders:
        spread = Spread.of(seconds[contender.name])
        contenders[contender.name] = {
            "how": contender.how,
            "kind": contender.kind,
            "work": contender.work,
            "seconds": spread.record(),
            "rate": _rounded(contender.work / spread.median),
            "ratio": against[contender.name].record() if contender.name in against else None,
        }
    return {
        "name": case.name, "title": case.title, "unit": case.unit, "threads": settings.threads,
        "repeats": settings.repeats, "reference": reference, "contenders": contenders,
        "aims": [_judge(aim, contenders) for aim in case.aims if aim.contender in contenders],
        "notes": list(case.notes),
    }  # fmt: skip


def _judge(aim: Aim, contenders: dict[str, Any]) -> dict[str, Any]:
    record = contenders[aim.contender]
    if aim.of == "ratio":
        return aim.judge(record["ratio"]["median"])
    return aim.judge(record["seconds"]["median"])
