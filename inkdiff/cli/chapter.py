"""The shape of what the page of the tour says: a chapter for each simulation, and a frame around all.

The words themselves, in English and Italian, are data of this shape: `story_en` and `story_it`.

Reference: E. R. Tufte, The Visual Display of Quantitative Information (1983), on words beside figures.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Chapter", "Frame"]


@dataclass(frozen=True)
class Chapter:
    """One simulation in plain words: `paragraphs` before the figure, `caution` (where it limps) after it."""

    title: str
    paragraphs: tuple[str, ...]
    caution: str = ""


@dataclass(frozen=True)
class Frame:
    """The words around the chapters. Fields in braces are filled in by the page."""

    title: str
    lead: str
    reading: str
    all_passed: str
    some_failed: str
    broken: str
    crashed: str
    caution: str
    checks: str
    columns: tuple[str, str, str, str, str, str]
    passed: str
    failed: str
    footer: str
