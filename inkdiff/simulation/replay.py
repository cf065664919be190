"""Replay: this very path, walked forwards and backwards without having been stored,

    x_k  =  x_0 + s_1 eps_1 + ... + s_k eps_k,        eps_j a pure function of (seed, step j, particle).

The noise of any step can be made again, so subtracting it undoes the step. Positions are integers while they walk
(`inkdiff.kernels.formulas`), integers add without rounding, and what was added can be taken off in any order: every
particle comes home to the last bit, from 10^5 steps away, in the memory of one state. This is the first of the three
meanings of "backwards". It needs the noise, and says nothing of the likely past: fresh noise keeps spreading
(`inkdiff.simulate`), and only a score brings a distribution back (`inkdiff.reverse`).

A drift multiplies positions, which rounds: such a path cannot be undone, but it can be generated again from its start.

Reference: J. Loschmidt (1876); D. Levesque and L. Verlet, Molecular dynamics and time reversibility (1993).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module
from inkdiff.domains.walks import Walk, step_times
from inkdiff.processes.base import Process, check_process
from inkdiff.simulation.forward import plan_walk

__all__ = ["Path", "replay"]


class Path:
    """A path that is walked, not stored: the state at any of its step times, in any order. Made by `replay`.

    Attributes
    ----------
    grid : (K + 1,) the times of its steps
    time : where it stands
    exact : whether steps are undone; if not, going back starts again from the beginning
    """

    def __init__(self, walk: Walk, start: Array, dtype: npt.DTypeLike, grid: Floats, seed: int) -> None:
        self.grid, self.exact = grid, walk.undoable
        self._walk, self._seed, self._dtype = walk, seed, dtype
        self._start, self._state, self._step = start, start.copy(), 0

    @property
    def time(self) -> float:
        """The time at which the path stands."""
        return float(self.grid[self._step])

    def at(self, t: float) -> Array:
        """The state (n, d) at a step time t, forwards or backwards from where the path stands; in the dtype of x0.

        Raises
        ------
        ValueError
            If t is not one of `grid`.
        """
        step = self._find(t)
        if step < self._step and not self.exact:
            self._state, self._step = self._start.copy(), 0
        self._walk(self._state, self._step, step, seed=self._seed)
        self._step = step
        return self._state.astype(self._dtype)

    def forward(self) -> Array:
        """The state at the end."""
        return self.at(float(self.grid[-1]))

    def back(self) -> Array:
        """The state at the beginning: every particle home."""
        return self.at(float(self.grid[0]))

    def particle(self, i: int) -> Array:
        """The path of particle i alone, at all times of `grid`, (K + 1, d); the other particles are not touched."""
        n, d = self._start.shape
        i = checks.count(i, "i", least=0, most=n - 1)
        position = self._start[i : i + 1].copy()
        film = array_module(position).empty((len(self.grid), d), self._dtype)
        film[0] = position[0]
        for k in range(len(self.grid) - 1):
            self._walk(position, k, k + 1, seed=self._seed, start=i * d)
            film[k + 1] = position[0]
        return film

    def _find(self, t: float) -> int:
        t = checks.real(t, "t")
        k = int(np.searchsorted(self.grid, t))
        if k == len(self.grid) or self.grid[k] != t:
            near = " and ".join(repr(float(s)) for s in self.grid[np.argsort(abs(self.grid - t))[:2]])
            raise ValueError(
                f"t = {t!r} is not a step time of this path; the nearest are {near}; "
                "choose times and steps of replay so that it is one."
            )
        return k


def replay(
    process: Process,
    x0: Array,
    times: Sequence[float] | Array,
    *,
    seed: int,
    steps: int = 1,
    regenerate: bool = False,
) -> Path:
    """The path that `simulate` takes, to be walked forwards and backwards at will.

    Parameters
    ----------
    process : a forward process; without a drift (Brownian, VarianceExploding) steps are undone exactly
    x0 : (n, d) states at times[0], inside the domain
    times : increasing
    seed : 64-bit seed, stream FORWARD: in float64 `path.at(t)` is what `simulate` gives for these arguments, to the bit
    steps : equal steps in each interval
    regenerate : allow processes with a drift, whose steps cannot be undone: going back then walks again from x0

    Returns
    -------
    Path. Its memory is two states, in float64 if there is no drift, whatever the number of steps. x0 is rounded to the
    quantum of the walk (L/2^31 in a box), and `back()` returns that state exactly. Where x0 is float32 only what is
    returned is rounded to it, not, as by `simulate`, the path at recorded times.

    Raises
    ------
    ValueError, TypeError
        As `simulate`; for a process with a drift, unless `regenerate`; or if float64 cannot hold the positions whole.
    """
    check_process(process)
    process.domain.require_folding("a replay")
    x0 = process.check_state(x0, "x0")
    grid = checks.increasing(times)
    process.check_time(grid, "times")
    seed, steps = checks.seed64(seed), checks.count(steps, "steps", most=2**32 - 1)
    checks.word32(steps * (len(grid) - 1), "all steps")
    if not process.driftless and not regenerate:
        raise ValueError(
            f"process {type(process).__name__} has a drift, whose rounding cannot be undone step by step; pass "
            "regenerate=True to have the path walked again from x0 whenever it goes back."
        )
    start = x0.astype(np.float64) if process.driftless else x0.copy()
    walk = plan_walk(process, start, grid, steps)
    if process.driftless and not (regenerate and not walk.undoable):
        process.domain.check_replay(start, math.sqrt(process.clock(float(grid[0]), float(grid[-1]))))
    if walk.undoable:
        walk(start, 0, 0, seed=seed)  # no step: rounded to the quantum
    times_of_steps = step_times(grid, steps)
    return Path(walk, start, x0.dtype, np.append(times_of_steps[:, :-1], times_of_steps[-1, -1]), seed)
