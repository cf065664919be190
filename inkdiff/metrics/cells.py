"""Counting particles in cells: the coarse-grained concentration from which binned entropies are made.

A box is divided into K_1 x ... x K_d equal cells and the n particles are counted in each,

    n_k = #{ i : x_i in cell k },     density = n_k / (n * volume of a cell),

axis j of the array of counts being coordinate j. Cells are half open, the last one closed. Counts are integers, so
they do not depend on the order of the particles.

Reference: P. Ehrenfest and T. Ehrenfest, The Conceptual Foundations of the Statistical Approach in Mechanics (1912),
section 23, for the coarse-grained ("Z-star") description of a gas.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, asnumpy
from inkdiff.domains.box import Box
from inkdiff.domains.free import Free
from inkdiff.domains.maze import Maze
from inkdiff.processes.base import Process, check_process

__all__ = [
    "JOINT_UP_TO", "Bins", "bins_per_axis", "cell_of_column", "check_region", "concentration", "equilibrium_cells",
    "extent", "joint_cell",
]  # fmt: skip

Bins = int | Sequence[int]

JOINT_UP_TO = 3  # dimensions in which cells can be filled

_MOST_CELLS = 1 << 27  # one gigabyte of counts


_Doubles = npt.NDArray[np.float64]


def check_region(domain: object, name: str = "domain", *, walls: bool = False) -> None:
    """Raise unless `domain` is one, or None; with `walls`, unless it is a Box or a Maze."""
    if not isinstance(domain, (Box, Maze) if walls else (Free, Box, Maze, type(None))):
        free = "" if walls else "Free(), "
        raise TypeError(
            f"{name} must be {free}Box(lo, hi, wall) or Maze(box, solid), as process.domain is, got "
            f"{checks.show(domain)}."
        )


def extent(x: Array, remedy: str, error: type[ValueError] = ValueError) -> tuple[_Doubles, _Doubles]:
    """Smallest value and range, (d,) each, of the coordinates of x (n, d).

    Raises
    ------
    ValueError
        The given `error`, with the given `remedy`, if a coordinate is constant.
    """
    low = asnumpy(x.min(axis=0)).astype(np.float64)
    length = asnumpy(x.max(axis=0)).astype(np.float64) - low
    if not (length > 0).all():
        axis = int(np.argmin(length > 0))
        raise error(
            f"x is constant ({low[axis]:g}) in coordinate {axis}: the differential entropy of a point is -infinity. "
            f"{remedy}"
        )
    return low, length


def bins_per_axis(bins: Bins | None, n: int, d: int, joint: bool) -> tuple[int, ...]:
    """Bins of each of the d axes: `bins` as given (a scalar for all), by default round(n^(1/(D+1))), at least 2.

    D is the dimension in which cells are counted: d for joint cells, 1 for marginals. The default makes the mean
    number of particles per cell equal to the number of bins per axis, so that the error of the cells' width and that
    of their counts shrink together.

    Raises
    ------
    ValueError, TypeError
        If `bins` is not a positive integer or d of them, or makes more than 2^27 joint cells.
    """
    if bins is None:
        bins = max(2, round(n ** (1 / ((d if joint else 1) + 1))))
    per_axis = tuple(bins) if isinstance(bins, Sequence) else (bins,) * d
    if len(per_axis) != d:
        raise ValueError(f"bins must be one number or d={d} of them, got {len(per_axis)}.")
    for count in per_axis:
        checks.count(count, "bins")
    if joint and math.prod(per_axis) > _MOST_CELLS:
        raise ValueError(f"bins={bins} makes {math.prod(per_axis):.3g} cells: give fewer bins, or joint=False.")
    return per_axis


def cell_of_column(column: Array, low: float, length: float, bins: int) -> Array:
    """Cell 0 ... bins - 1 of every number of `column` (n,), int64: `bins` equal cells from `low` over `length`."""
    xp = array_module(column)
    scaled = (column.astype(np.float64) - low) * (bins / length)
    # Clipped because rounding can carry a number that is inside the interval out of the last cell.
    return xp.clip(xp.floor(scaled).astype(np.int64), 0, bins - 1)


def joint_cell(columns: Iterable[Array], bins: Sequence[int]) -> Array:
    """One index per particle from its cell on every axis, last axis fastest."""
    cells = iter(columns)
    flat = next(cells)
    for cell, count in zip(cells, bins[1:], strict=True):
        flat = flat * count + cell
    return flat


def equilibrium_cells(
    x: Array, process: Process, bins: Bins | None, joint: bool
) -> tuple[Iterator[Array], tuple[int, ...]]:
    """Every particle's cell on each axis, (n,) a time, in cells equally probable at equilibrium; and the bins per axis.

    Each coordinate is mapped by the equilibrium's distribution function to [0, 1] and binned there. Evaluated on the
    host; columns of CuPy arrays are copied.

    Raises
    ------
    ValueError, TypeError
        If it is no process with Gaussian steps or has no equilibrium, `x` is not (n, d), finite and inside its box, or
        as `bins_per_axis`.
    """
    check_process(process)
    equilibrium = process.equilibrium
    if equilibrium is None:
        raise ValueError(f"process={checks.show(process)} has no equilibrium: put it in a Box or take one that has.")
    x = checks.state(x, "x")
    n, d = x.shape
    per_axis = bins_per_axis(bins, n, d, joint)
    if isinstance(process.domain, Box):
        process.domain.check_inside(x)
    u = (np.asarray(equilibrium.cdf(asnumpy(x[:, axis]), axis)) for axis in range(d))
    return (cell_of_column(column, 0.0, 1.0, count) for column, count in zip(u, per_axis, strict=True)), per_axis


def concentration(x: Array, box: Box | Maze, bins: Bins) -> Array:
    """Number of particles in every cell of the box: integers of shape (K_1, ..., K_d), axis j = coordinate j.

    Parameters
    ----------
    x
        Positions (n, d), all inside the box.
    box
        The box that is divided; of a maze, the box around it.
    bins
        Cells per axis, one number or d of them.

    Raises
    ------
    ValueError, TypeError
        If `x` is not (n, d), finite and inside `box`, which is a Box or a Maze, or `bins` is not positive.
    """
    check_region(box, "box", walls=True)
    x = checks.state(x, "x")
    n, d = x.shape
    per_axis = bins_per_axis(bins, n, d, joint=True)
    box.check_inside(x)
    box = box.box if isinstance(box, Maze) else box
    low = box.low(d)
    return kernels.histogram(x, low, np.maximum(low + box.length(d), box.hi), np.array(per_axis, np.int64))
