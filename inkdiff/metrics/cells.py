"""Counting particles in cells: the coarse-grained concentration from which binned entropies are made.

The box around a domain is divided into K_1 x ... x K_d equal cells and the n particles are counted in each,

    n_k = #{ i : x_i in cell k },     density = n_k / (n v f_k),

v the volume of a cell and f_k the fraction of it that particles can reach, which the domain knows: 1 in a box, less
across a curved rim. Axis j of the array of counts is coordinate j. Cells are half open, the last one closed. Counts are
integers, so they do not depend on the order of the particles.

Reference: P. Ehrenfest and T. Ehrenfest, The Conceptual Foundations of the Statistical Approach in Mechanics (1912),
section 23, for the coarse-grained ("Z-star") description of a gas.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module, asnumpy
from inkdiff.domains.base import Domain
from inkdiff.domains.box import Box
from inkdiff.processes.base import Process, check_process

__all__ = [
    "JOINT_UP_TO", "Bins", "Cells", "bins_per_axis", "bounding_box", "cell_of_column", "cells_of_domain",
    "check_domain", "concentration", "equilibrium_cells", "extent", "joint_cell",
]  # fmt: skip

Bins = int | Sequence[int]

JOINT_UP_TO = 3  # dimensions in which cells can be filled

_MOST_CELLS = 1 << 27  # one gigabyte of counts


def check_domain(domain: object, name: str = "domain") -> None:
    """Raise TypeError unless `domain` is one, or None for free space."""
    if domain is not None and not isinstance(domain, Domain):
        raise TypeError(
            f"{name} must be a domain such as Box(lo, hi) or Free(), as process.domain is, got {checks.show(domain)}."
        )


def bounding_box(domain: Domain, name: str) -> Box:
    """The box around a domain; raises TypeError if there is none, or `domain` is none."""
    check_domain(domain, name)
    box = None if domain is None else domain.bounding_box
    if box is None:
        remedy = "its class should declare `bounding_box`" if domain is not None and domain.bounded else "give a Box"
        raise TypeError(
            f"{name} must be bounded by a box in whose cells particles are counted, and {checks.show(domain)} declares "
            f"none: {remedy}."
        )
    return box


def extent(x: Array, remedy: str, error: type[ValueError] = ValueError) -> tuple[Floats, Floats]:
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


class Cells(NamedTuple):
    """Every particle's cell on each axis, (n,) a time; cells per axis; and their volumes relative to each other.

    `weight` is 1.0 where all cells are alike, else (K_1, ..., K_d): 1 for a cell that can be reached as a whole.
    """

    columns: Iterator[Array]
    per_axis: tuple[int, ...]
    weight: float | Floats


def cells_of_domain(x: Array, domain: Domain | None, bins: Bins | None, joint: bool) -> tuple[Cells, Floats]:
    """The cells of the box around `domain`, or of the extent of x without one; and their sides (d,).

    `weight` is then the fraction of each cell that particles can reach, not normalised.

    Raises
    ------
    ValueError, TypeError
        If x (n, d) leaves the domain, or is constant in a coordinate without one; if the domain is bounded and declares
        no bounding box; as `bins_per_axis`.
    """
    n, d = x.shape
    per_axis = bins_per_axis(bins, n, d, joint)
    weight: float | Floats = 1.0
    if domain is None or (domain.bounding_box is None and not domain.bounded):
        if domain is not None:
            domain.check_inside(x)
        low, length = extent(x, "Pass the Box as domain to bin it there, or leave that coordinate out.")
    else:
        box = bounding_box(domain, "domain")
        domain.check_inside(x)
        low, length = box.low(d), box.length(d)
        if domain.as_box is None:
            per_axis = _whole_cells(domain, per_axis, bins, joint)
            weight = _accessible(domain, per_axis)
    columns = (cell_of_column(x[:, axis], low[axis], length[axis], per_axis[axis]) for axis in range(d))
    return Cells(columns, per_axis, weight), length / per_axis


def _whole_cells(domain: Domain, per_axis: tuple[int, ...], bins: Bins | None, joint: bool) -> tuple[int, ...]:
    """Bins per axis for joint cells: whole parts of the domain's own cells, if it has such; near `per_axis` by default.

    Raises
    ------
    ValueError
        If cells are not joint, or `bins` given that are no such multiples.
    """
    if not joint:
        raise ValueError(f"joint must be True in {checks.show(domain)}, where coordinates depend on each other.")
    grid = domain.grid
    if grid is None:
        return per_axis
    if bins is None:
        return tuple(cells * max(1, round(wanted / cells)) for wanted, cells in zip(per_axis, grid, strict=True))
    if any(wanted % cells for wanted, cells in zip(per_axis, grid, strict=True)):
        raise ValueError(f"bins must be multiples of the domain's cells, {grid}, so that none is cut; got {bins}.")
    return per_axis


def _accessible(domain: Domain, per_axis: tuple[int, ...]) -> Floats:
    """The accessible fraction of each cell; where none was seen half the least, for a particle may be there."""
    fraction = domain.accessible_fraction(per_axis)
    return np.where(fraction > 0, fraction, fraction[fraction > 0].min() / 2)


def equilibrium_cells(x: Array, process: Process, bins: Bins | None, joint: bool) -> Cells:
    """Every particle's cell, and how probable each is at equilibrium: `weight`, times the number of cells.

    Where coordinates are independent at equilibrium each is mapped by its distribution function to [0, 1] and binned
    there, so that all cells are alike; evaluated on the host, columns of CuPy arrays are copied. In other bounded
    domains, where the equilibrium is uniform, the cells are those of the box around it.

    Raises
    ------
    ValueError, TypeError
        If it is no process with Gaussian steps or has no equilibrium, `x` is not (n, d), finite and inside its domain,
        or as `bins_per_axis`.
    """
    check_process(process)
    equilibrium = process.equilibrium
    if equilibrium is None:
        raise ValueError(f"process={checks.show(process)} has no equilibrium: put it in a Box or take one that has.")
    x = checks.state(x, "x")
    n, d = x.shape
    domain = process.domain
    if domain.bounded and domain.as_box is None:
        _check_uniform(process, x)
        cells, _ = cells_of_domain(x, domain, bins, joint)
        accessible = math.exp(domain.log_volume(d) - bounding_box(domain, "process.domain").log_volume(d))
        return cells._replace(weight=cells.weight / accessible)
    per_axis = bins_per_axis(bins, n, d, joint)
    domain.check_inside(x)
    u = (np.asarray(equilibrium.cdf(asnumpy(x[:, axis]), axis)) for axis in range(d))
    columns = (cell_of_column(column, 0.0, 1.0, count) for column, count in zip(u, per_axis, strict=True))
    return Cells(columns, per_axis, 1.0)


def _check_uniform(process: Process, x: Array) -> None:
    """Raise unless the density at equilibrium is 1/V at every row of x."""
    assert process.equilibrium is not None
    log_p = asnumpy(process.equilibrium.log_density(x)).astype(np.float64)
    if not np.allclose(log_p, -process.domain.log_volume(x.shape[1]), rtol=0, atol=1e-5):
        raise ValueError(
            f"process={checks.show(process)} ends in a law that is not uniform in {checks.show(process.domain)}: how "
            "probable cells are then is known in a Box and in free space only."
        )


def concentration(x: Array, box: Domain, bins: Bins) -> Array:
    """Number of particles in every cell of the box: integers of shape (K_1, ..., K_d), axis j = coordinate j.

    Parameters
    ----------
    x
        Positions (n, d), all inside the box.
    box
        The box that is divided; of another domain, the box around it.
    bins
        Cells per axis, one number or d of them.

    Raises
    ------
    ValueError, TypeError
        If `x` is not (n, d), finite and inside `box`, this is no bounded domain, or `bins` is not positive.
    """
    around = bounding_box(box, "box")
    x = checks.state(x, "x")
    n, d = x.shape
    per_axis = bins_per_axis(bins, n, d, joint=True)
    box.check_inside(x)
    low = around.low(d)
    return kernels.histogram(x, low, np.maximum(low + around.length(d), around.hi), np.array(per_axis, np.int64))
