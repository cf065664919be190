"""The derivative that a score lacks, by central differences,

    du/dx v  =  [u(x + h v) - u(x - h v)]/(2 h)  +  O(h^2).

Between walls a displaced point may lie outside; there the mirror image of the score continues it.

Reference: B. Fornberg, Generation of finite difference formulas on arbitrarily spaced grids (1988).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Time, array_module
from inkdiff.domains.base import Domain
from inkdiff.scores.base import Differentiable, Score, ScoreFunction

__all__ = ["FiniteDifference"]


@dataclass(frozen=True)
class FiniteDifference(Differentiable):
    """A score with its derivative, by central differences of width `step` in float64; error of order step^2.

    Parameters
    ----------
    score : any function score(x, t)
    step : h, a length, > 0
    domain : the domain into which displaced points are folded back; by default that which the score declares

    Raises
    ------
    ValueError, TypeError
        If `score` is no function or `step` not positive.
    """

    score: ScoreFunction
    step: float = 1e-5
    domain: Domain | None = None

    def __post_init__(self) -> None:
        if not callable(self.score):
            raise TypeError(f"score must be a function score(x, t), got {checks.show(self.score)}.")
        checks.positive(self.step, "step", unit="a length")
        if self.domain is None and isinstance(self.score, Score):
            object.__setattr__(self, "domain", self.score.domain)

    @property
    def defined_at_zero(self) -> bool:
        """Whether the score itself is."""
        return isinstance(self.score, Score) and self.score.defined_at_zero

    def confined(self, domain: Domain) -> FiniteDifference:
        """The same with points folded back into `domain`, unless a domain is known already."""
        return self if self.domain is not None else replace(self, domain=domain)

    def __call__(self, x: Array, t: Time) -> Array:
        """The score itself."""
        return self.score(x, t)

    def jvp(self, x: Array, t: Time, v: Array) -> tuple[Array, Array]:
        """The score (n, d) and its derivatives along v (m, n, d)."""
        wide, h = x.astype(np.float64), self.step
        moved = [(self._at(wide + h * e, t) - self._at(wide - h * e, t)) / (2 * h) for e in v.astype(float)]
        return self.score(x, t), array_module(x, v).stack(moved)

    def _at(self, y: Array, t: Time) -> Array:
        """The score and its mirror images, at y anywhere."""
        if self.domain is None:
            return self.score(y, t)
        return self.domain.unfold(y, self.score(self.domain.fold(y), t))
