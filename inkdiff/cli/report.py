"""What a simulation says about itself: checked numbers, figures, sentences.

A number is checked in one of two ways: an estimate against the exact value, in standard errors,

    z = (measured - expected)/stderr,      PASS if |z| < 5,

or a number against a bound. Each check is one line of text with fields between blanks,

    CHECK name measured expected stderr z PASS|FAIL
    CHECK name measured <= bound PASS|FAIL            (or >=)

so that a shell script can read them. At 5 standard errors a true statement fails once in 1.7 million.

Reference: for "five sigma" as a habit, L. Lyons, Discovering the significance of 5 sigma, arXiv:1310.1284
(2013).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from inkdiff.metrics import Estimate

__all__ = ["Z_LIMIT", "Check", "Report", "progress"]

Z_LIMIT = 5.0

_T = TypeVar("_T")


@dataclass(frozen=True)
class Check:
    """One checked number; `relation` is "=" (with `stderr` and `z`), "<=" or ">="."""

    name: str
    measured: float
    relation: str
    expected: float
    stderr: float | None
    z: float | None
    passed: bool

    @property
    def line(self) -> str:
        """The CHECK line, fields between single blanks."""
        verdict = "PASS" if self.passed else "FAIL"
        if self.stderr is None or self.z is None:
            return f"CHECK {self.name} {self.measured:.6g} {self.relation} {self.expected:.6g} {verdict}"
        numbers = f"{self.measured:.6g} {self.expected:.6g} {self.stderr:.2g} {self.z:+.2f}"
        return f"CHECK {self.name} {numbers} {verdict}"


@dataclass
class Report:
    """Collects what one run of a simulation shows; prints each check as it comes.

    Parameters
    ----------
    name : name of the simulation; figures are called <name>.png
    out : folder of the figures, made when the first is saved
    lang : "en" or "it", the language of figures and sentences
    quick : whether this is a quick run (a sim may leave out what costs most)
    """

    name: str
    out: Path
    lang: str = "en"
    quick: bool = False
    checks: list[Check] = field(default_factory=list)
    figures: list[Path] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether no check has failed."""
        return all(check.passed for check in self.checks)

    def check(self, name: str, measured: Estimate, expected: float) -> bool:
        """Check an estimate (value, stderr) against the exact value, |z| < 5; returns the verdict."""
        value, stderr = (float(number) for number in measured)
        miss = value - float(expected)
        z = miss / stderr if stderr > 0 else (0.0 if miss == 0 else math.copysign(math.inf, miss))
        return self._add(Check(_word(name), value, "=", float(expected), stderr, z, abs(z) < Z_LIMIT))

    def bound(
        self,
        name: str,
        measured: float | Estimate,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> bool:
        """Check a number (of an estimate: its value) against one bound: a CHECK line; returns the verdict.

        Raises
        ------
        ValueError
            Unless exactly one of `at_most` and `at_least` is given.
        """
        value = float(measured[0] if isinstance(measured, tuple) else measured)
        if at_most is not None and at_least is None:
            return self._add(Check(_word(name), value, "<=", float(at_most), None, None, value <= at_most))
        if at_least is not None and at_most is None:
            return self._add(Check(_word(name), value, ">=", float(at_least), None, None, value >= at_least))
        raise ValueError(f"bound {name!r} needs either at_most or at_least, got {at_most=} and {at_least=}.")

    def figure(self, fig: Figure, suffix: str = "") -> Path:
        """Save as <out>/<name>.png, or <name>_<suffix>.png, at 150 dots per inch, whole or not at all."""
        from inkdiff import viz

        self.out.mkdir(parents=True, exist_ok=True)
        path = self.out / (f"{self.name}_{suffix}.png" if suffix else f"{self.name}.png")
        viz.save(fig, path)
        self.figures.append(path)
        print(f"figure {path}", flush=True)
        return path

    def sentence(self, english: str, italian: str | None = None) -> None:
        """Add a sentence about what was measured to the page of the tour; with `italian`, in its language."""
        text = italian if self.lang == "it" and italian is not None else english
        self.sentences.append(text)

    def _add(self, check: Check) -> bool:
        self.checks.append(check)
        print(check.line, flush=True)
        return check.passed


def progress(iterable: Iterable[_T], label: str, total: int | None = None) -> Iterable[_T]:
    """The iterable with a progress bar on the error stream (none where that is not a terminal)."""
    from tqdm import tqdm

    bar: Iterable[_T] = tqdm(iterable, desc=label, total=total, leave=False, disable=not sys.stderr.isatty())
    return bar


def _word(name: str) -> str:
    """The name of a check, which must be one word: the lines are read field by field."""
    if not name or any(character.isspace() for character in name):
        raise ValueError(f"the name of a check must be one word without blanks, got {name!r}; use underscores.")
    return name
