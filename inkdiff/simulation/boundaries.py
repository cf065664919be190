"""Walks whose walls act on whole walkers: absorbing ones end a path, obstacles refuse a step.

Positions are float64 while they walk. At an absorbing wall a step is followed between its ends by a Brownian bridge
(`inkdiff.kernels.hitting`), so the law of the first passage, its time and its place, does not depend on the step: for
steps of at most a quarter of the side, which is required, the error of the time is below 1e-13. The place is exact too,
but for one neglect between two absorbing walls of an axis: while another axis is touched, the coordinate is kept off
the nearer wall only (at the longest steps 3 walkers in 10^4 would have met the farther one). Times within a step are
those at which the variance clock int g^2 dt has run the share of the step at which the wall was met.

References: A. Einstein (1905); D. T. Gillespie and E. Seitaridou, Simple Brownian Diffusion (2013);
`inkdiff.domains.maze` for obstacles.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core.backend import Array, array_module, asnumpy
from inkdiff._core.rng import Stream
from inkdiff.domains.box import Box
from inkdiff.domains.maze import Maze
from inkdiff.kernels import ABSORB, Walls
from inkdiff.processes.base import Process
from inkdiff.processes.time_grids import time_of

__all__ = ["boundary_walk"]

_LONGEST = 0.25  # rms step, in sides of an absorbing box or of a cell
_Floats = npt.NDArray[np.float64]


def boundary_walk(process: Process, x: Array, fine: _Floats) -> _Absorbing | _Obstructed:
    """The walk of states like x (n, d) through the step times `fine` (intervals, steps + 1).

    Raises
    ------
    ValueError
        If a step is longer than a quarter of an absorbing side, or of a cell.
    """
    width = np.sqrt(process.clock(fine[:, :-1].reshape(-1), fine[:, 1:].reshape(-1)))
    domain, d = process.domain, x.shape[1]
    if isinstance(domain, Maze):
        longest, what = float(domain.cell.min()), "cell of the maze"
    else:
        assert isinstance(domain, Box)
        walls = _per_axis(domain, d)
        longest, what = float(walls.length[walls.code == ABSORB].min()), "side between absorbing walls"
    if width.max() > _LONGEST * longest:
        steps = fine.shape[1] - 1
        needed = int(np.ceil(steps * (width.max() / (_LONGEST * longest)) ** 2))
        raise ValueError(
            f"steps={steps} are too few: the longest has rms {width.max():.3g}, more than a quarter of a {what} "
            f"({longest:.3g}); use at least steps={needed}."
        )
    walk = _Obstructed if isinstance(domain, Maze) else _Absorbing
    return walk(process, x, width, np.append(fine[:, :-1], fine[-1, -1]))


def _per_axis(box: Box, d: int) -> Walls:
    """The walls with one entry for each of d axes, of the host."""
    return Walls(*(np.full(d, side) for side in box.walls(np.float64)))


class _Stepwise:
    """Step after step, the noise of each made on the way."""

    def __init__(self, x: Array, width: _Floats, times: _Floats) -> None:
        self._width, self._times = width, times
        self._noise = array_module(x).empty(x.shape, np.float32)

    def __call__(self, x: Array, begin: int, end: int, *, seed: int, first_step: int = 0, start: int = 0) -> None:
        """Steps begin .. end, in place."""
        y = x.astype(np.float64)
        for k in range(begin, end):
            number = first_step + k
            kernels.normal(
                y.size, seed=seed, step=number, stream=Stream.FORWARD, start=start, out=self._noise.reshape(-1)
            )
            self._step(y, k, seed, number, start)
        x[...] = y

    def _step(self, y: Array, k: int, seed: int, number: int, start: int) -> None:
        raise NotImplementedError


class _Absorbing(_Stepwise):
    """Between walls of which some absorb; `absorbed` (n,) holds when each walker was, infinite for those alive."""

    def __init__(self, process: Process, x: Array, width: _Floats, times: _Floats) -> None:
        super().__init__(x, width, times)
        box = process.domain
        assert isinstance(box, Box)
        self._process = process
        xp, walls = array_module(x), _per_axis(box, x.shape[1])
        self._walls = Walls(*map(xp.asarray, walls))
        low, high = (xp.asarray(end, x.dtype) for end in (walls.lo, walls.lo + walls.length))
        touching = (((x <= low) | (x >= high)) & (self._walls.code == ABSORB)).any(axis=1)
        self.absorbed = xp.where(touching, times[0], np.inf)

    def _step(self, y: Array, k: int, seed: int, number: int, start: int) -> None:
        t, dt = float(self._times[k]), float(self._times[k + 1] - self._times[k])
        kernels.absorb(
            y, self._noise, self._walls, float(self._width[k]), self.absorbed, t, dt,
            seed=seed, number=number, start=start,
        )  # fmt: skip
        if float(self._process.g2(t)) != float(self._process.g2(t + dt)):
            self._by_the_clock(t, dt)

    def _by_the_clock(self, t: float, dt: float) -> None:
        """From the share of the step's variance to its time, for those absorbed in this step."""
        xp = array_module(self.absorbed)
        now = (self.absorbed > t) & (self.absorbed <= t + dt)
        share = asnumpy((self.absorbed[now] - t) / dt)
        variance = self._process.variance(t) + share * self._process.clock(t, t + dt)
        when = np.clip(time_of(self._process, np.log(variance) / 2), t, t + dt)
        self.absorbed[now] = xp.asarray(when)


class _Obstructed(_Stepwise):
    """Among solid cells."""

    def __init__(self, process: Process, x: Array, width: _Floats, times: _Floats) -> None:
        super().__init__(x, width, times)
        maze = process.domain
        assert isinstance(maze, Maze)
        xp = array_module(x)
        self._walls = Walls(*map(xp.asarray, _per_axis(maze.box, x.shape[1])))
        self._solid = xp.asarray(maze.solid.reshape(-1))
        self._inverse, self._bins = xp.asarray(1 / maze.cell), xp.asarray(np.array(maze.solid.shape, np.int64))

    def _step(self, y: Array, k: int, seed: int, number: int, start: int) -> None:
        kernels.obstruct(y, self._noise, self._walls, float(self._width[k]), self._solid, self._inverse, self._bins)
