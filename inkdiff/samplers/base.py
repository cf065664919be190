"""What a sampler is: one step back in time, x_s <- fold(a x_t + b u + c eps), by a kernel that is handed to it.

Where alpha_t = 0 the score says nothing of x_0: x_t is all noise. A walk that starts there needs a score which knows
the velocity of the probability flow, E[alpha' x_0 + sigma' eps | x_t]; x_0 and eps follow, and the first step is

    x_s  <-  alpha_s x_0 + r eps + c eps_s,        c = eta sigma_s,        r^2 = sigma_s^2 - c^2.

Reference: B. D. O. Anderson, Reverse-time diffusion equation models (1982).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol

from inkdiff._core.backend import Array
from inkdiff.processes.base import Process
from inkdiff.processes.forward import ForwardProcess
from inkdiff.processes.parameterisations import data_and_noise
from inkdiff.scores.base import HasVelocity, ScoreFunction

__all__ = ["Kernel", "Sampler"]


class Kernel(Protocol):
    """The kernel with walls, seed and step number filled in: kernel(x, u, a, b, c) = fold(a x + b u + c eps).

    The noise eps is that of the step; with `correction` = j < `of`, that of its j-th correction out of so many.
    """

    def __call__(
        self, x: Array, u: Array, a: float, b: float, c: float, *, correction: int | None = None, of: int = 1
    ) -> Array:
        """The moved state, a new array."""


class Sampler(ABC):
    """One step back in time. A sampler of one's own derives from this, says `advance`, and declares what differs."""

    extension_kind: ClassVar[str] = "sampler"

    @property
    def gaussian_posterior(self) -> bool:
        """Whether q(x_s | x_t, x_0) must be Gaussian, which walls destroy."""
        return False

    @property
    def any_process(self) -> bool:
        """Whether steps of other kinds than linear diffusion can be taken, too."""
        return False

    @property
    def first_step_noise(self) -> float:
        """eta of a step from alpha_t = 0: 0 deterministic, 1 all noise fresh."""
        return 0.0

    def begin(self) -> Sampler:
        """A sampler for one walk; one with a memory returns a fresh copy of itself."""
        return self

    @abstractmethod
    def advance(self, process: Process, score: ScoreFunction, x: Array, t: float, s: float, kernel: Kernel) -> Array:
        """From x at time t to time s < t."""

    def step(self, process: Any, score: ScoreFunction, x: Array, t: float, s: float, kernel: Kernel) -> Array:
        """`advance`; or, from pure noise, the first step by the score's velocity."""
        if starts_from_noise(process, t):
            return self._from_noise(process, score, x, t, s, kernel)
        return self.advance(process, score, x, t, s, kernel)

    def _from_noise(
        self, process: Process, score: ScoreFunction, x: Array, t: float, s: float, kernel: Kernel
    ) -> Array:
        check_velocity(process, score, t)
        assert isinstance(score, HasVelocity)
        data, noise = data_and_noise(process, x, t, score.velocity(x, t), "velocity")
        sigma_s = float(process.sigma(s))
        c = self.first_step_noise * sigma_s
        return kernel(noise, data, math.sqrt(max(sigma_s**2 - c**2, 0.0)), float(process.alpha(s)), c)


def starts_from_noise(process: ForwardProcess, t: float) -> bool:
    """Whether nothing of x_0 is left at time t that a score could speak of, as may be at the end only."""
    return t == process.t_max and isinstance(process, Process) and process.log_alpha(t) == -math.inf


def check_velocity(process: Process, score: ScoreFunction, t: float) -> None:
    """Raise unless a walk from pure noise can be taken with this score."""
    if not isinstance(score, HasVelocity):
        raise ValueError(
            f"times start at t = {t:g}, where alpha = 0 and a score says nothing of x_0: start at t = "
            f"{0.999 * process.t_max:g}, or declare the velocity of the score (inkdiff.HasVelocity)."
        )
