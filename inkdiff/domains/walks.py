"""How walkers go from one recorded time to the next, in place, and what their numbers can hold.

Without a drift, steps are added to integers: phases between walls, quanta in free space; or they act on floating-point
positions, x <- fold(x + c eps). A plan is made once for all intervals, checks that no step is lost in the rounding of
what carries it, and is then followed, forwards or, in integers, backwards.

Reference: `inkdiff.kernels.formulas`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inkdiff._core.backend import Array, Floats, array_module
from inkdiff._core.noise_address import Address
from inkdiff._core.rng import Stream

__all__ = ["FoldedWalk", "Steps", "Walk", "check_float_steps", "check_quanta", "check_rounding", "step_times"]

_LEAST_QUANTA = 4.0  # a step of q quanta rms is rounded with a variance error of 1/(12 q^2): 0.5 % at 4
_LEAST_ULPS = 8.0  # likewise for floating-point positions: 0.13 % at 8


def step_times(grid: Floats, steps: int) -> Floats:
    """The times of all steps, (intervals, steps + 1), from and to each recorded time."""
    start, end = grid[:-1, None], grid[1:, None]
    if steps == 1:
        return np.concatenate([start, end], axis=1)
    fine: Floats = np.arange(steps + 1) * ((end - start) / steps) + start
    fine[:, -1:] = end  # to the bit
    return fine


@dataclass(frozen=True)
class Steps:
    """Brownian steps: `fine` (intervals, steps + 1) their times, `variance` (intervals, steps) in length^2.

    `time_within(t, dt, share)` is when the clock int g^2 has run the shares (m,) of the step from t to t + dt; None if
    it runs evenly there.
    """

    fine: Floats
    variance: Floats
    time_within: Callable[[float, float, Floats], Floats | None]

    @cached_property
    def width(self) -> Floats:
        """Standard deviations, (intervals, steps)."""
        width: Floats = np.sqrt(self.variance)
        return width

    @cached_property
    def rms(self) -> Floats:
        """Displacements between recorded times, (intervals,)."""
        rms: Floats = np.sqrt(self.variance.sum(1))
        return rms

    @property
    def times(self) -> Floats:
        """The times between which the steps lie, all in one row."""
        return np.append(self.fine[:, :-1], self.fine[-1, -1])


class Walk(ABC):
    """Steps of a plan, taken in place on states like the one it was made for."""

    undoable = False  # whether end < begin undoes steps, bit by bit
    absorbed: Array | None = None  # (n,) when each walker ended at an absorbing wall, infinite for those alive

    @abstractmethod
    def __call__(self, x: Array, begin: int, end: int, *, seed: int, first_step: int = 0, start: int = 0) -> None:
        """Steps begin .. end on x (n, d).

        `first_step` numbers the plan's step 0, `start` is the flat element number of x's first entry.
        """


class FoldedWalk(Walk):
    """Steps x <- fold(x + c eps) of floating-point positions, one by one, by a domain's `step`."""

    def __init__(self, x: Array, steps: Steps, step: Callable[[Array, Array, Array, Address], Array]) -> None:
        xp = array_module(x)
        check_float_steps(x, steps.width, steps.fine)
        self._step, self._one = step, xp.ones(1, x.dtype)
        self._width = xp.asarray(steps.width.reshape(-1), x.dtype)

    def __call__(self, x: Array, begin: int, end: int, *, seed: int, first_step: int = 0, start: int = 0) -> None:
        """One by one."""
        assert begin <= end, "rounding in floating-point steps cannot be undone"
        for k in range(begin, end):
            noise = Address(seed, first_step + k, Stream.FORWARD, start)
            x[...] = self._step(x, self._one, self._width[k : k + 1], noise)


def check_quanta(width: Floats, quantum: float, fine: Floats, where: str) -> None:
    """Raise if a step is shorter than `_LEAST_QUANTA`."""
    least = width.min() / quantum
    if least < _LEAST_QUANTA:
        t = fine[np.unravel_index(width.argmin(), width.shape)]
        raise ValueError(
            f"steps={width.shape[1]} are too many: the shortest, at t = {t:g}, is {least:.2g} quanta of {where}; use "
            f"fewer steps, so that each is at least {_LEAST_QUANTA:g} quanta."
        )


def check_rounding(x: Array, rms: Floats, size: Floats, fine: Floats) -> None:
    """Raise if the displacement between two recorded times is lost in the rounding of positions of that size."""
    ulp = np.spacing(np.asarray(size, x.dtype)).astype(np.float64)
    if (rms < _LEAST_ULPS * ulp).any():
        i = int((rms < _LEAST_ULPS * ulp).argmax())
        raise ValueError(
            f"x is {x.dtype}, too coarse for times this close: from t = {fine[i, 0]:g} to {fine[i, -1]:g} the rms "
            f"displacement is {rms[i]:.2g}, but positions are rounded to {ulp.max():.2g} at recorded times; pass x as "
            "float64, in another unit or origin, or record fewer times."
        )


def check_float_steps(x: Array, width: Floats, fine: Floats) -> None:
    """Steps below the spacing of floating-point numbers would round to nothing."""
    size, shortest = float(abs(x).max()), float(width.min())
    ulp = float(np.spacing(np.asarray(size, x.dtype)))
    if shortest < _LEAST_ULPS * ulp:
        t = fine[:, :-1].reshape(-1)[width.argmin()]
        raise ValueError(
            f"steps={fine.shape[1] - 1} are too many for x in {x.dtype}: the shortest, at t = {t:g}, has rms "
            f"{shortest:.2g}, but positions as large as {size:.2g} are rounded to {ulp:.2g}; use fewer steps, or "
            "pass x as float64 or in another unit or origin."
        )
