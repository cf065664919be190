"""What a score is, and what else it may be able to say.

    score(x, t)  =  grad log p_t(x)          x (n, d), t a number or (n,)  ->  (n, d)

Any function of that form will do. What more it can do is *declared* by deriving from one of the bases below, never
guessed from the names of its attributes; the likelihood, the ledger and the samplers ask for these capabilities. A
class may derive from several.

Reference: A. Hyvarinen, Estimation of non-normalized statistical models by score matching (2005).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, Time
from inkdiff.domains.base import Domain
from inkdiff.processes.base import Process

__all__ = [
    "Differentiable", "HasDensity", "HasVelocity", "Integrable", "Quadrature", "Score", "ScoreFunction",
    "check_differentiable",
]  # fmt: skip

ScoreFunction = Callable[[Array, Any], Array]  # t is a number or (n,); who needs no more may take numbers only


class Score(ABC):
    """A score with a class of its own."""

    extension_kind: ClassVar[str] = "score"

    @abstractmethod
    def __call__(self, x: Array, t: Time) -> Array:
        """grad log p_t(x), (n, d); t a number or (n,)."""

    @property
    def domain(self) -> Domain | None:
        """Where the density lives, so that points moved out of it are folded back; None if the score does not say."""
        return None

    @property
    def defined_at_zero(self) -> bool:
        """Whether the score exists at t = 0, as that of a smooth density does and that of data points does not."""
        return False


class Differentiable(Score):
    """A score that knows its derivative along a direction: what exact traces and matched covariances need."""

    @abstractmethod
    def jvp(self, x: Array, t: Time, v: Array) -> tuple[Array, Array]:
        """The score (n, d) and its derivatives du/dx v along tangents v (m, n, d): (n, d) and (m, n, d)."""

    def confined(self, domain: Domain) -> Differentiable:
        """The same for x in `domain`; a score that looks at points beside x keeps them inside. By default itself."""
        return self


class HasDensity(Score):
    """A score whose density is known, too."""

    @abstractmethod
    def log_density(self, x: Array, t: Time) -> Array:
        """ln p_t(x), (n,), nats."""


class HasVelocity(Score):
    """A score that also gives the velocity of the probability flow, defined where alpha_t = 0, too.

    The velocity is that of the path x_t = alpha_t x_0 + sigma_t eps at fixed ends, in the mean:
    E[alpha'_t x_0 + sigma'_t eps | x_t = x].
    """

    @abstractmethod
    def velocity(self, x: Array, t: Time) -> Array:
        """dx/dt along the probability flow, (n, d), length/time."""


class Quadrature(NamedTuple):
    """Points that stand for the whole density: int p_t h dx ~ volume * sum_i p_t(x_i) h(x_i)."""

    x: Floats  # (m, d)
    log_density: Floats  # (m,); -inf where there is nothing
    score: Floats  # (m, d)
    volume: float  # of each point


class Integrable(HasDensity):
    """A density over which one can integrate, in few dimensions: what `inkdiff.exact_ledger` needs."""

    process: Process
    """By which the density evolves."""

    @abstractmethod
    def quadrature(self, t: float) -> Quadrature:
        """Points enough for averages to about nine digits.

        Raises
        ------
        ValueError
            If there are too many dimensions, or the density is too narrow at time t.
        """

    def chi2_in_closed_form(self, t: float) -> float | None:
        """chi^2(p_t || equilibrium) where the quadrature does not reach all of p_t^2/p_eq; None where it does."""
        return None


def check_differentiable(score: object, why: str) -> Differentiable:
    """`score` itself.

    Raises
    ------
    TypeError
        Unless it declares its derivative; `why` says what needs it.
    """
    if isinstance(score, Differentiable):
        return score
    raise TypeError(
        f"score must have jvp(x, t, v), its derivative along tangents, {why}, and declare it by deriving from "
        f"inkdiff.Differentiable, got {checks.show(score)}; inkdiff.FiniteDifference(score) gives any score one."
    )
