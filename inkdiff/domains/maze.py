"""Ink among obstacles: a box of which some cells are solid.

A step that would lead into a solid cell, or around its corner, is not taken. Whether it may be taken is the same from
both of its ends, so the walk keeps detailed balance with respect to the uniform density on the free cells, which is
therefore its equilibrium at any step size. Next to a solid face the density obeys the no-flux condition up to first
order in the length of a step: steps should be short beside a cell, and are required to be at most a quarter of one
(rms), the rare longer than a cell being refused.

Reference: N. Metropolis et al., Equation of state calculations by fast computing machines (1953).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module
from inkdiff.domains.base import Domain
from inkdiff.domains.boundaries import ObstructedWalk
from inkdiff.domains.box import Box
from inkdiff.domains.walks import Steps, Walk
from inkdiff.kernels import Walls

__all__ = ["Maze"]


@dataclass(frozen=True, eq=False)
class Maze(Domain):
    """A box with solid cells.

    Parameters
    ----------
    box : its outside: reflecting or periodic walls
    solid : (K_1, ..., K_d) bool, d = 1, 2, 3; axis 0 is x. Equal cells of the box, True where no walker can be

    Raises
    ------
    ValueError, TypeError
        If `box` is no box or absorbs, `solid` is not such an array, or no cell is free.
    """

    box: Box
    solid: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        if not isinstance(self.box, Box):
            raise TypeError(f"box must be a Box(lo, hi), got {checks.show(self.box)}.")
        if self.box.absorbs:
            raise ValueError("box must not absorb around obstacles; give it reflecting or periodic walls.")
        solid = np.asarray(self.solid)
        if solid.dtype != np.bool_ or not 1 <= solid.ndim <= 3 or solid.size == 0:
            raise ValueError(f"solid must be a bool array of 1 to 3 axes, got {checks.show(self.solid)}.")
        if solid.all():
            raise ValueError("solid must leave at least one free cell.")
        self.box.check_dimension(solid.ndim)
        object.__setattr__(self, "solid", np.ascontiguousarray(solid))

    @property
    def cell(self) -> npt.NDArray[np.float64]:
        """Sides of a cell, (d,)."""
        return self.box.length(self.solid.ndim) / self.solid.shape

    @property
    def free_volume(self) -> float:
        """Volume where walkers can be: ln of it is the entropy of the equilibrium, in nats."""
        return float((~self.solid).sum() * self.cell.prod())

    @property
    def bounding_box(self) -> Box:
        """The box, solid cells included."""
        return self.box

    @property
    def grid(self) -> tuple[int, ...]:
        """Cells per axis, each free or solid."""
        return self.solid.shape

    def contains(self, x: Array) -> Array:
        """Which rows of x (n, d) lie in free cells, (n,)."""
        xp, within = array_module(x), self.box.contains(x)
        return within & ~self._at(xp.where(within[:, None], x, xp.asarray(self.box.low(x.shape[1]))))

    def accessible_fraction(self, bins: tuple[int, ...]) -> Floats:
        """The free share of each of `bins` equal cells, exact: overlaps with the maze's own cells, axis by axis."""
        self.check_dimension(len(bins))
        fraction: Floats = (~self.solid).astype(np.float64)
        for axis, (count, own) in enumerate(zip(bins, self.solid.shape, strict=True)):
            # In units of 1/(count own) of the side, where all edges are whole numbers.
            low, start = np.arange(count)[:, None] * own, np.arange(own) * count
            overlap = np.maximum(np.minimum(low + own, start + count) - np.maximum(low, start), 0) / own
            fraction = np.moveaxis(np.tensordot(overlap, fraction, axes=(1, axis)), 0, axis)
        return fraction

    def log_volume(self, d: int) -> float:
        """ln of the volume of the free cells: the entropy of the equilibrium, in nats."""
        return math.log(self.free_volume)

    def check_dimension(self, d: int) -> None:
        """Raise unless d is the number of the maze's axes."""
        if d != self.solid.ndim:
            raise ValueError(f"the maze has {self.solid.ndim} axes, but x has {d} coordinates per row.")

    @property
    def folds(self) -> bool:
        """No: a step that leads into a solid cell is not taken at all."""
        return False

    @property
    def boundary(self) -> str:
        """Obstacles."""
        return "obstacles"

    def plan_walk(self, x: Array, steps: Steps) -> Walk:
        """A walk of steps that are taken or refused."""
        d = self.solid.ndim
        walls = Walls(*(np.full(d, side) for side in self.box.kernel_walls(np.float64)))
        return ObstructedWalk(walls, self.solid, self.cell, x, steps)

    def fold(self, y: Array) -> Array:
        """Refused: an obstacle takes a step back as a whole, which needs to know where the step began."""
        raise NotImplementedError("a maze refuses steps, it does not fold positions; use simulate.")

    def check_inside(self, x: Array, name: str = "x") -> None:
        """Raise unless every row of x (n, d) lies in a free cell."""
        if x.shape[1] != self.solid.ndim:
            raise ValueError(f"{name} must have {self.solid.ndim} coordinates per row, as the maze, got {x.shape[1]}.")
        self.box.check_inside(x, name)
        inside = int(self._at(x).sum())
        if inside:
            raise ValueError(f"{name} must lie in free cells, but {inside} of its {len(x)} rows are in solid ones.")

    def _at(self, x: Array) -> Array:
        """Whether the cell of each row is solid, (n,)."""
        xp, d = array_module(x), self.solid.ndim
        low, inverse = xp.asarray(self.box.low(d)), xp.asarray(1 / self.cell)
        index = xp.minimum(((x - low) * inverse).astype(np.int64), xp.asarray(self.solid.shape) - 1)
        return xp.asarray(self.solid)[tuple(index.T)]
