"""An estimate is a value and its standard error; where no formula gives the error, groups of rows are left out in turn.

With the rows divided into G groups and theta_g the statistic without group g,

    stderr^2 = (G - 1)/G sum_g (theta_g - mean theta)^2,

the delete-a-group jackknife: no random numbers, and consistent for smooth statistics of independent rows. Where the
statistic's first-order variation vanishes (a distance between two samples of one law) it is conservative.

Reference: B. Efron and C. Stein, The jackknife estimate of variance, Annals of Statistics 9 (1981) 586.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff._core.backend import Floats

__all__ = ["Column", "Estimate", "check_several", "jackknife_variance"]


class Estimate(NamedTuple):
    """An estimated number and its standard error (one standard deviation of the estimate), in the same units."""

    value: float
    stderr: float

    @classmethod
    def of_mean(cls, samples: npt.ArrayLike) -> Estimate:
        """The mean of independent samples (n >= 2, any shape), stderr = standard deviation / sqrt(n)."""
        values = np.asarray(samples, np.float64).reshape(-1)
        return cls(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(values.size))

    @classmethod
    def of_median(cls, samples: npt.ArrayLike) -> Estimate:
        """The median of independent samples, its error from the ranks n/2 +- sqrt(n)/2 (one binomial deviation)."""
        ordered = np.sort(np.asarray(samples, np.float64).reshape(-1))
        n = len(ordered)
        below = max(0, math.floor(n / 2 - math.sqrt(n) / 2))
        above = min(n - 1, math.ceil(n / 2 + math.sqrt(n) / 2))
        return cls(float(np.median(ordered)), float(ordered[above] - ordered[below]) / 2)

    def z(self, truth: float) -> float:
        """(value - truth) / stderr; an error of 0 gives 0 for a hit and +-inf for a miss."""
        miss = self.value - truth
        if self.stderr == 0:
            return 0.0 if miss == 0 else math.copysign(math.inf, miss)
        return miss / self.stderr

    def __str__(self) -> str:
        """``value +- stderr`` with six significant digits of the value and two of the error."""
        return f"{self.value:.6g} +- {self.stderr:.2g}"


@dataclass(frozen=True, eq=False)
class Column:
    """One observable at each time: `value` and `stderr`, both (k,)."""

    value: Floats
    stderr: Floats

    def __len__(self) -> int:
        """The number of times."""
        return len(self.value)

    def __getitem__(self, i: int) -> Estimate:
        """The estimate at the i-th time."""
        return Estimate(float(self.value[i]), float(self.stderr[i]))


def check_several(n: int, name: str) -> None:
    """Raise unless the n particles of the argument called `name` scatter: one says nothing of its error."""
    if n < 2:
        raise ValueError(f"{name} holds one particle: a standard error needs at least two.")


def jackknife_variance(left_out: Iterable[float]) -> float:
    """(G - 1)/G sum (theta_g - mean)^2 from the G values of a statistic with one group left out."""
    theta = np.array(list(left_out), dtype=np.float64)
    return float((len(theta) - 1) * np.var(theta))
