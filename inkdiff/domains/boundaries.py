"""Walks whose walls act on whole walkers: absorbing ones end a path, obstacles refuse a step.

Positions are float64 while they walk. At an absorbing wall a step is followed between its ends by a Brownian bridge
(`inkdiff.kernels.first_passage`), so the law of the first passage, its time and its place, does not depend on the step:
for steps of at most a quarter of the side, which is required, the error of the time is below 1e-13. The place is exact
too, but for one neglect between two absorbing walls of an axis: while another axis is touched, the coordinate is kept
off the nearer wall only (at the longest steps 3 walkers in 10^4 would have met the farther one). Times within a step
are those at which the variance clock int g^2 dt has run the share of the step at which the wall was met.

References: A. Einstein (1905); D. T. Gillespie and E. Seitaridou, Simple Brownian Diffusion (2013);
`inkdiff.domains.maze` for obstacles.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core.backend import Array, Floats, array_module, asnumpy
from inkdiff._core.noise_address import Address
from inkdiff._core.rng import Stream
from inkdiff.domains.walks import Steps, Walk
from inkdiff.kernels import ABSORB, Walls

__all__ = ["AbsorbedWalk", "ObstructedWalk"]

_LONGEST = 0.25  # rms step, in sides of an absorbing box or of a cell


def _check_length(steps: Steps, longest: float, what: str) -> None:
    """Raise if a step is longer than a quarter of `longest`."""
    width, count = steps.width.max(), steps.width.shape[1]
    if width > _LONGEST * longest:
        needed = int(np.ceil(count * (width / (_LONGEST * longest)) ** 2))
        raise ValueError(
            f"steps={count} are too few: the longest has rms {width:.3g}, more than a quarter of a {what} "
            f"({longest:.3g}); use at least steps={needed}."
        )


class _Stepwise(Walk):
    """Step after step, the noise of each made on the way."""

    def __init__(self, x: Array, steps: Steps) -> None:
        self._width, self._times = steps.width.reshape(-1), steps.times
        self._noise = array_module(x).empty(x.shape, np.float32)

    def __call__(self, x: Array, begin: int, end: int, *, seed: int, first_step: int = 0, start: int = 0) -> None:
        """Steps begin .. end, in place."""
        y = x.astype(np.float64)
        for k in range(begin, end):
            noise = Address(seed, first_step + k, Stream.FORWARD, start)
            kernels.normal(
                y.size, seed=seed, step=noise.step, stream=noise.stream, start=start, out=self._noise.reshape(-1)
            )
            self._step(y, k, noise)
        x[...] = y

    @abstractmethod
    def _step(self, y: Array, k: int, noise: Address) -> None:
        """Step k."""


class AbsorbedWalk(_Stepwise):
    """Between walls of which some absorb; `absorbed` (n,) holds when each walker was, infinite for those alive."""

    def __init__(self, walls: Walls, x: Array, steps: Steps) -> None:
        super().__init__(x, steps)
        walls = Walls(*(np.full(x.shape[1], side) for side in walls))
        _check_length(steps, float(walls.length[walls.code == ABSORB].min()), "side between absorbing walls")
        xp = array_module(x)
        self._steps, self._walls = steps, Walls(*map(xp.asarray, walls))
        low, high = (xp.asarray(end, x.dtype) for end in (walls.lo, walls.lo + walls.length))
        touching = (((x <= low) | (x >= high)) & (self._walls.code == ABSORB)).any(axis=1)
        self.absorbed: Array = xp.where(touching, self._times[0], np.inf)

    def _step(self, y: Array, k: int, noise: Address) -> None:
        t, dt = float(self._times[k]), float(self._times[k + 1] - self._times[k])
        kernels.absorb(y, self._noise, self._walls, float(self._width[k]), self.absorbed, t, dt, noise)
        now = (self.absorbed > t) & (self.absorbed <= t + dt)
        share = asnumpy((self.absorbed[now] - t) / dt)
        when = self._steps.time_within(t, dt, share)
        if when is not None:
            self.absorbed[now] = array_module(y).asarray(when)


class ObstructedWalk(_Stepwise):
    """Among solid cells."""

    def __init__(self, walls: Walls, solid: npt.NDArray[np.bool_], cell: Floats, x: Array, steps: Steps) -> None:
        super().__init__(x, steps)
        _check_length(steps, float(cell.min()), "cell of the maze")
        xp = array_module(x)
        self._walls, self._solid = Walls(*map(xp.asarray, walls)), xp.asarray(solid.reshape(-1))
        self._inverse, self._bins = xp.asarray(1 / cell), xp.asarray(np.array(solid.shape, np.int64))

    def _step(self, y: Array, k: int, noise: Address) -> None:
        width = float(self._width[k])
        kernels.obstruct(y, self._noise, self._walls, width, self._solid, self._inverse, self._bins)
