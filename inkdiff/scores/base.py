"""What a score is, and what else it may be able to say.

    score(x, t)  =  grad log p_t(x)          x (n, d), t a number or (n,)  ->  (n, d)

Any function of that form will do. What more it can do is *declared* by deriving from one of the bases below, never
guessed from the names of its attributes; the likelihood, the ledger and the samplers ask for these capabilities.

Reference: A. Hyvarinen, Estimation of non-normalized statistical models by score matching (2005).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from inkdiff._core.backend import Array

__all__ = ["Differentiable", "HasDensity", "HasVelocity", "Score", "ScoreFunction"]

ScoreFunction = Callable[[Array, Any], Array]


class Score(ABC):
    """A score with a class of its own."""

    extension_kind: ClassVar[str] = "score"

    @abstractmethod
    def __call__(self, x: Array, t: Any) -> Array:
        """grad log p_t(x), (n, d); t a number or (n,)."""


class Differentiable(Score):
    """A score that knows its derivative along a direction: what exact traces and matched covariances need."""

    @abstractmethod
    def jvp(self, x: Array, t: Any, v: Array) -> tuple[Array, Array]:
        """(score, its derivative along v), (n, d) each."""


class HasDensity(Score):
    """A score whose density is known, too."""

    @abstractmethod
    def log_density(self, x: Array, t: Any) -> Array:
        """ln p_t(x), (n,), nats."""


class HasVelocity(Score):
    """A score that also gives the velocity of the probability flow, defined where alpha_t = 0, too.

    The velocity is that of the path x_t = alpha_t x_0 + sigma_t eps at fixed ends, in the mean:
    E[alpha'_t x_0 + sigma'_t eps | x_t = x].
    """

    @abstractmethod
    def velocity(self, x: Array, t: Any) -> Array:
        """dx/dt along the probability flow, (n, d), length/time."""
