"""How a process walks from one recorded time to the next, in place, and what its numbers can hold.

Without a drift, steps are added to integers: phases between walls, quanta in free space. In the bowl they act on
floating-point positions, x <- a x + s eps. A plan is made once for all intervals, checks that no step is lost in the
rounding of what carries it, and is then followed, forwards or (without a drift) backwards. Bits need no such care.

Reference: `inkdiff.kernels.formulas`.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core.backend import Array, array_module
from inkdiff._core.rng import Stream
from inkdiff.domains.box import Box
from inkdiff.domains.free import Free
from inkdiff.domains.maze import Maze
from inkdiff.processes.base import Process
from inkdiff.processes.binomial import Binomial
from inkdiff.simulation.binomial_steps import bit_walk
from inkdiff.simulation.boundaries import boundary_walk

__all__ = ["Walk", "check_range", "plan_walk", "step_times"]

_LEAST_QUANTA = 4.0  # a step of q quanta rms is rounded with a variance error of 1/(12 q^2): 0.5 % at 4
_LEAST_ULPS = 8.0  # likewise for floating-point positions: 0.13 % at 8
_TAIL = 8.0  # standard deviations that no walker goes beyond (6.8 in one step)
_LARGEST_QUANTA = 2.0**62
_GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples fill the unit interval most evenly
_Floats = npt.NDArray[np.float64]


class Walk(Protocol):
    """Steps begin .. end of a planned walk, in place; without a drift, end < begin undoes those between.

    `first_step` numbers the plan's step 0, `start` is the flat element number of x's first entry.
    """

    def __call__(self, x: Array, begin: int, end: int, *, seed: int, first_step: int = 0, start: int = 0) -> None:
        """Walk x."""


def step_times(grid: _Floats, steps: int) -> _Floats:
    """The times of all steps, (intervals, steps + 1), from and to each recorded time."""
    start, end = grid[:-1, None], grid[1:, None]
    if steps == 1:
        return np.concatenate([start, end], axis=1)
    fine: _Floats = np.arange(steps + 1) * ((end - start) / steps) + start
    fine[:, -1:] = end  # to the bit
    return fine


def plan_walk(process: Process | Binomial, x: Array, grid: _Floats, steps: int) -> Walk:
    """The walk of states like x through the intervals of `grid`, each in `steps` equal steps.

    Raises
    ------
    ValueError
        If a step is below what the walk's representation can hold, or an interval below what `x` can.
    """
    fine = step_times(grid, steps)
    if process.discrete:
        process.check_time(fine.reshape(-1), "times between steps")
    if isinstance(process, Binomial):
        return bit_walk(process, fine)
    domain = process.domain
    if isinstance(domain, Maze) or (isinstance(domain, Box) and domain.absorbs):
        return boundary_walk(process, x, fine)
    if not process.driftless:
        return _in_bowl(process, x, fine)
    variance = process.clock(fine[:, :-1].reshape(-1), fine[:, 1:].reshape(-1)).reshape(-1, steps)
    width, rms = np.sqrt(variance), np.sqrt(variance.sum(1))
    if isinstance(domain, Box):
        return _in_box(domain, x, fine, width, rms)
    return _in_free_space(process, x, fine, width, rms)


def _in_box(box: Box, x: Array, fine: _Floats, width: _Floats, rms: _Floats) -> Walk:
    xp = array_module(x)
    low, length, _ = box.walls(np.float64)
    _check_quanta(width, float(length.max()) * 2.0**-31, fine, "the box's fixed point (L/2^31)")
    _check_rounding(x, rms, np.maximum(abs(low), abs(low + length)).max(), fine)
    walls, width = box.walls(np.float64, xp), xp.asarray(width.reshape(-1))

    def walk(x: Array, begin: int, end: int, *, seed: int, first_step: int = 0, start: int = 0) -> None:
        low, signed = (begin, width[begin:end]) if begin <= end else (end, -width[end:begin])
        number = first_step + low
        kernels.walk_box(x, signed, walls, seed=seed, first_step=number, stream=Stream.FORWARD, start=start)

    return walk


def _in_free_space(process: Process, x: Array, fine: _Floats, width: _Floats, rms: _Floats) -> Walk:
    domain = process.domain
    assert isinstance(domain, Free)
    quantum, size = domain.quantum, float(abs(x).max())
    reach = size + _TAIL * np.sqrt(np.cumsum(rms**2))
    if reach[-1] > _LARGEST_QUANTA * quantum:
        power = math.ceil(math.log2(reach[-1] / _LARGEST_QUANTA))
        raise ValueError(
            f"x and times reach {reach[-1]:.2g}, beyond 2^62 quanta of free space, {quantum:g} each; give the process "
            f"domain=Free(quantum=2.0**{power}), or change units."
        )
    _check_quanta(width, quantum, fine, f"free space ({quantum:g}); give the process domain=Free(quantum=...)")
    _check_rounding(x, rms, reach, fine)

    width = width.reshape(-1)

    def walk(x: Array, begin: int, end: int, *, seed: int, first_step: int = 0, start: int = 0) -> None:
        low, signed = (begin, width[begin:end]) if begin <= end else (end, -width[end:begin])
        number = first_step + low
        kernels.walk_free(x, signed, quantum, seed=seed, first_step=number, stream=Stream.FORWARD, start=start)

    return walk


def _in_bowl(process: Process, x: Array, fine: _Floats) -> Walk:
    check_range(process, x, process.sigma(float(fine[-1, -1])), "times")
    a, variance = process.transition(fine[:, :-1].reshape(-1), fine[:, 1:].reshape(-1))
    _check_float_steps(x, np.sqrt(variance), fine)
    xp = array_module(x)
    width = xp.asarray(np.sqrt(variance), x.dtype)

    def walk(x: Array, begin: int, end: int, *, seed: int, first_step: int = 0, start: int = 0) -> None:
        assert begin <= end, "rounding in a drift cannot be undone"
        number, s = first_step + begin, width[begin:end]
        factor = xp.asarray(_factors(a[begin:end], number, x.dtype))
        kernels.walk(x, factor, s, seed=seed, first_step=number, stream=Stream.FORWARD, start=start)

    return walk


def _factors(a: _Floats, number: int, dtype: npt.DTypeLike) -> npt.NDArray[np.floating]:
    """The factors a of steps number, number + 1, ... in `dtype`; in float32 right on average, as many are multiplied.

    Rounded to the nearest, equal factors near 1 would all err alike, and a million steps by up to 3 %. Here a step's
    number decides in which direction: those of a stretch err by a few 2^-24 together, and the same when it is cut.
    """
    if dtype == np.float64:
        return a
    weyl = (np.arange(number, number + len(a)) * _GOLDEN) % 1.0
    even = np.floor(a * 2.0**24 + weyl) * 2.0**-24
    return np.where(a < 0.5, a, even).astype(dtype)  # below 1/2 they are few: soon nothing is left to err in


def _check_quanta(width: _Floats, quantum: float, fine: _Floats, where: str) -> None:
    """Raise if a step is shorter than `_LEAST_QUANTA`."""
    least = width.min() / quantum
    if least < _LEAST_QUANTA:
        t = fine[np.unravel_index(width.argmin(), width.shape)]
        raise ValueError(
            f"steps={width.shape[1]} are too many: the shortest, at t = {t:g}, is {least:.2g} quanta of {where}; use "
            f"fewer steps, so that each is at least {_LEAST_QUANTA:g} quanta."
        )


def _check_rounding(x: Array, rms: _Floats, size: _Floats, fine: _Floats) -> None:
    """Raise if the displacement between two recorded times is lost in the rounding of positions of that size."""
    ulp = np.spacing(np.asarray(size, x.dtype)).astype(np.float64)
    if (rms < _LEAST_ULPS * ulp).any():
        i = int((rms < _LEAST_ULPS * ulp).argmax())
        raise ValueError(
            f"x is {x.dtype}, too coarse for times this close: from t = {fine[i, 0]:g} to {fine[i, -1]:g} the rms "
            f"displacement is {rms[i]:.2g}, but positions are rounded to {ulp.max():.2g} at recorded times; pass x as "
            "float64, in another unit or origin, or record fewer times."
        )


def _check_float_steps(x: Array, width: _Floats, fine: _Floats) -> None:
    """In the bowl: steps below the spacing of floating-point numbers would round to nothing."""
    size, shortest = float(abs(x).max()), float(width.min())
    ulp = float(np.spacing(np.asarray(size, x.dtype)))
    if shortest < _LEAST_ULPS * ulp:
        t = fine[:, :-1].reshape(-1)[width.argmin()]
        raise ValueError(
            f"steps={fine.shape[1] - 1} are too many for x in {x.dtype}: the shortest, at t = {t:g}, has rms "
            f"{shortest:.2g}, but positions as large as {size:.2g} are rounded to {ulp:.2g}; use fewer steps, or "
            "pass x as float64 or in another unit or origin."
        )


def check_range(process: Process, x: Array, sigma: float, name: str) -> None:
    """Raise if free walkers would leave the range of their dtype."""
    if not isinstance(process.domain, Box) and sigma > float(np.finfo(x.dtype).max) / 100:
        raise ValueError(
            f"{name} must be smaller for x in {x.dtype}, which sigma_t = {sigma:g} overflows; pass x as float64 or "
            "change units."
        )
