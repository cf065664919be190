"""Noise schedules of variance-preserving diffusion: how fast the clock of the harmonic bowl runs,

    ln alpha_t = -1/2 int_0^t beta(s) ds.

Pure formulas, for NumPy and CuPy arrays and for numbers; times are checked by the process that owns the schedule.

References: Song et al. (2021), eq. 32; Nichol and Dhariwal (2021), eq. 17; Ho, Jain and Abbeel (2020), section 4.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Time, array_module
from inkdiff._core.registry import register

__all__ = ["Cosine", "Linear", "Schedule", "Table"]


class Schedule(ABC):
    """beta(t) and its integral, for t from 0 to `t_max`. A schedule of one's own derives from this."""

    extension_kind: ClassVar[str] = "schedule"

    @property
    def t_max(self) -> float:
        """Last time."""
        return 1.0

    @property
    def discrete(self) -> bool:
        """Whether t is an integer (a table of steps)."""
        return False

    @abstractmethod
    def log_alpha(self, t: Time) -> Time:
        """-1/2 int_0^t beta; exactly 0 at t = 0."""

    @abstractmethod
    def beta(self, t: Time) -> Time:
        """Noise rate, 1/time."""


@register
@dataclass(frozen=True)
class Linear(Schedule):
    """beta(t) = beta_min + t (beta_max - beta_min), t in [0, 1]."""

    beta_min: float = 0.1
    beta_max: float = 20.0

    def __post_init__(self) -> None:
        low = checks.positive(self.beta_min, "beta_min", unit="a rate")
        high = checks.positive(self.beta_max, "beta_max", unit="a rate")
        if high < low:
            raise ValueError(f"beta_max must be at least beta_min = {low:g}, got {high:g}.")

    def log_alpha(self, t: Time) -> Time:
        """-t/2 (beta_min + t (beta_max - beta_min)/2)."""
        t = array_module(t).asarray(t, np.float64)[()]
        return -t / 2 * (self.beta_min + t * (self.beta_max - self.beta_min) / 2)

    def beta(self, t: Time) -> Time:
        """The line itself."""
        return self.beta_min + array_module(t).asarray(t, np.float64)[()] * (self.beta_max - self.beta_min)


@register
@dataclass(frozen=True)
class Cosine(Schedule):
    """alpha(t) = cos(pi/2 (end t + s)/(1 + s)) / cos(pi/2 s/(1 + s)), t in [0, 1]."""

    s: float = 0.008
    end: float = 0.9946

    def __post_init__(self) -> None:
        checks.positive(self.s, "s", unit="an offset that keeps beta small at t = 0")
        if not 0 < checks.real(self.end, "end") < 1:
            raise ValueError(f"end must lie in (0, 1), where the cosine is positive, got {self.end}.")

    def _angle(self, t: Time) -> Time:
        t = array_module(t).asarray(t, np.float64)[()]
        return math.pi / 2 * (self.end * t + self.s) / (1 + self.s)

    def log_alpha(self, t: Time) -> Time:
        """Log of the ratio of cosines: cos(a + d)/cos(a) = 1 - 2 sin(a + d/2) sin(d/2)/cos(a) keeps digits near 1."""
        xp = array_module(t)
        start, half = self._angle(0.0), math.pi / 4 * self.end / (1 + self.s) * xp.asarray(t, np.float64)[()]
        return xp.log1p(-2 / math.cos(start) * xp.sin(start + half) * xp.sin(half))

    def beta(self, t: Time) -> Time:
        """2 tan(angle) d(angle)/dt."""
        return math.pi * self.end / (1 + self.s) * array_module(t).tan(self._angle(t))


@register
@dataclass(frozen=True)
class Table(Schedule):
    """DDPM's chain: x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) eps, t = 1 ... T; alpha_t^2 = prod (1 - beta)."""

    T: int = 1000
    beta_1: float = 1e-4
    beta_T: float = 0.02
    _log_alpha: npt.NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        T = checks.count(self.T, "T", most=10_000_000)
        first, last = checks.positive(self.beta_1, "beta_1"), checks.positive(self.beta_T, "beta_T")
        if not first <= last < 1:
            raise ValueError(f"variances must satisfy beta_1 <= beta_T < 1, got {first:g} and {last:g}.")
        steps = np.log1p(-np.linspace(first, last, T)) / 2
        object.__setattr__(self, "_log_alpha", np.concatenate([[0.0], np.cumsum(steps)]))

    @property
    def t_max(self) -> float:
        """T."""
        return float(self.T)

    @property
    def discrete(self) -> bool:
        """Steps are counted."""
        return True

    def log_alpha(self, t: Time) -> Time:
        """1/2 sum_{i <= t} ln(1 - beta_i)."""
        xp = array_module(t)
        return xp.asarray(self._log_alpha)[xp.asarray(t, np.int64)]

    def beta(self, t: Time) -> Time:
        """The constant rate -ln(1 - beta_t) whose continuous flow over (t - 1, t] is the step; at t = 0 as at t = 1."""
        xp = array_module(t)
        index = xp.maximum(xp.asarray(t, np.int64), 1)
        table = xp.asarray(self._log_alpha)
        return 2 * (table[index - 1] - table[index])
