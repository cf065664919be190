"""What a sampler is: one step back in time, x_s <- fold(a x_t + b u + c eps), by a kernel that is handed to it.

Reference: B. D. O. Anderson, Reverse-time diffusion equation models (1982).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from inkdiff._core.backend import Array
from inkdiff.processes.base import Process

__all__ = ["Apply", "Sampler", "Score"]

Score = Callable[[Array, Any], Array]


class Apply(Protocol):
    """The kernel with walls, seed and step number filled in: apply(x, u, a, b, c) = fold(a x + b u + c eps).

    The noise eps is that of the step; with `correction` = j < `of`, that of its j-th correction out of so many.
    """

    def __call__(
        self, x: Array, u: Array, a: float, b: float, c: float, *, correction: int | None = None, of: int = 1
    ) -> Array:
        """The moved state, a new array."""


class Sampler(Protocol):
    """One step back in time. A sampler that remembers earlier steps also has `begin()`, which returns a fresh one."""

    def step(self, process: Process, score: Score, x: Array, t: float, s: float, apply: Apply) -> Array:
        """From x at time t to time s < t."""
