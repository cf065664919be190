"""What an identity is, the list of them, and how one is run.

    z  =  (measured - exact) / stderr,        passed if |z| < 5

for every row. Of 100 true rows with Gaussian errors one fails in 17,000 runs. All rows together are judged by the
family-wise p-value, the chance that the largest |z| of m true rows is as large as the one seen (Sidak),

    p  =  1 - (1 - p_min)^m,        p_min = erfc(max|z| / sqrt 2).

Reference: L. Lyons, Discovering the significance of 5 sigma, arXiv:1310.1284 (2013).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from inkdiff._core import checks
from inkdiff.metrics import Estimate

__all__ = ["Identity", "Outcome", "Row", "family_wise_p", "identities", "identity", "verify"]

_LIMIT = 5.0
_FEWEST = 10_000  # particles


class Row(NamedTuple):
    """One measured number beside its exact value; `what` tells it from the identity's other rows."""

    what: str
    measured: Estimate
    exact: float

    @property
    def z(self) -> float:
        """(measured - exact)/stderr."""
        return self.measured.z(self.exact)

    @property
    def passed(self) -> bool:
        """|z| < 5 (NaN has not passed)."""
        return abs(self.z) < _LIMIT


@dataclass(frozen=True)
class Identity:
    """A statement: its name, its formula in words and symbols, and how it is measured."""

    name: str
    statement: str
    measure: Callable[[int, int], Iterable[Row]]


@dataclass(frozen=True)
class Outcome:
    """What one identity gave."""

    identity: Identity
    rows: tuple[Row, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether there are rows and all have passed."""
        return bool(self.rows) and all(row.passed for row in self.rows)


def family_wise_p(rows: Iterable[Row]) -> float:
    """Chance of a |z| as large as the largest, were all rows true; rows without an error must hold exactly."""
    rows = list(rows)
    if not all(row.measured.stderr > 0 or row.passed for row in rows):
        return 0.0
    z = [abs(row.z) for row in rows if row.measured.stderr > 0]
    if not z:
        return 1.0
    p_min = math.erfc(max(z) / math.sqrt(2))
    return -math.expm1(len(z) * math.log1p(-p_min)) if p_min < 1 else 1.0


_REGISTER: dict[str, Identity] = {}


def identity(function: Callable[[int, int], Iterable[Row]]) -> Callable[[int, int], Iterable[Row]]:
    """Add a function (particles, seed) -> rows to the list; its docstring is the statement."""
    name = function.__name__
    _REGISTER[name] = Identity(name, (function.__doc__ or "").strip().partition("\n")[0], function)
    return function


def identities() -> tuple[Identity, ...]:
    """All of them: random numbers, between walls, the bowl, the arrow of time."""
    modules = ("random_numbers", "walls", "bowl", "arrow")
    return tuple(sorted(_REGISTER.values(), key=lambda one: modules.index(one.measure.__module__.rpartition(".")[2])))


def verify(names: Iterable[str] = (), *, particles: int = 10**6, seed: int = 0) -> Iterator[Outcome]:
    """Run identities, all or those named, each with noise of its own.

    Raises
    ------
    ValueError, TypeError
        If a name is unknown, or a number out of range: of fewer than 10,000 particles, the errors of counts in hundreds
        of cells are not Gaussian, and true statements fail.
    """
    particles, seed = checks.count(particles, "particles", least=_FEWEST), checks.seed64(seed)
    known = identities()
    chosen = list(names) or [one.name for one in known]
    for name in chosen:
        if name not in _REGISTER:
            raise ValueError(f"names: there is no identity {name!r}; known are {', '.join(_REGISTER)}.")
    numbers = {one.name: number for number, one in enumerate(known)}
    return (_run(_REGISTER[name], particles, (seed + 7919 * numbers[name]) % 2**64) for name in chosen)


def _run(one: Identity, particles: int, seed: int) -> Outcome:
    start = time.perf_counter()
    measured = one.measure(particles, seed)
    rows = tuple(Row(r.what, Estimate(*map(float, r.measured)), float(r.exact)) for r in measured)  # no NumPy scalars
    return Outcome(one, rows, time.perf_counter() - start)
