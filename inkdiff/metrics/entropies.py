"""Entropy, the degree of mixing, counted in cells; and how far a cloud still is from equilibrium.

With n independent particles, n_k of them in cell k of volume v, the differential entropy -int p ln p is estimated by

    S = -sum_k (n_k/n) ln(n_k / (n v)) + (K - 1)/(2 n)            (nats),

K the number of occupied cells: the plug-in value is too low by (K - 1)/(2n) on average (Miller and Madow). Its
variance is that of -ln p over the particles, divided by n, plus (K - 1)/(2 n^2), the part that remains when the
density is uniform and the first vanishes. What is estimated is the entropy of the coarse-grained density, which
exceeds the true one by about sum_j h_j^2 J_j / 24 for cells of width h_j (J_j = E[(d ln p/dx_j)^2]): see to it that
cells are narrow against the structure and still hold some ten particles each.

Beyond three dimensions cells cannot be filled; there the sum of the entropies of the single coordinates is given, an
upper bound, above the joint entropy by the total correlation.

Reference: G. A. Miller, Note on the bias of information estimates (1955). G. P. Basharin, Theory of Probability and
its Applications 4 (1959) 333, for the variance. T. M. Cover and J. A. Thomas, Elements of Information Theory (2006).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff.domains.base import Domain
from inkdiff.domains.box import Box
from inkdiff.domains.maze import Maze
from inkdiff.metrics.cells import (
    JOINT_UP_TO,
    Bins,
    bins_per_axis,
    cell_of_column,
    check_region,
    concentration,
    equilibrium_cells,
    extent,
    joint_cell,
)
from inkdiff.metrics.estimates import Estimate, check_several
from inkdiff.processes.base import Process
from inkdiff.processes.distributions import Gaussian

__all__ = [
    "ChiSquare",
    "binned_entropy",
    "entropy",
    "gaussian_entropy",
    "kl_to_equilibrium",
    "uniform_entropy",
    "uniformity_test",
]


class ChiSquare(NamedTuple):
    """A statistic that follows chi^2 with `dof` degrees of freedom under the null, and the chance of exceeding it."""

    statistic: float
    dof: int
    p_value: float


def _with_error(mean: float, variance: float, n: int, spare_cells: int) -> Estimate:
    """Miller-Madow estimate from mean and variance of -ln p_hat over the particles; `spare_cells` = sum of K - 1."""
    # Counting noise alone spreads -ln p_hat over the cells by (K - 1)/n; that part is not the law's own variance. Where
    # noise takes the rest below zero it counts as zero, so at equilibrium the error is somewhat too large (K small).
    own = max(variance - spare_cells / n, 0.0)
    return Estimate(mean + spare_cells / (2 * n), math.sqrt(own / n + spare_cells / (2 * n * n)))


def binned_entropy(counts: Array, volume: float) -> Estimate:
    """Differential entropy in nats from counts of independent particles in equal cells, Miller-Madow corrected.

    Parameters
    ----------
    counts
        Non-negative integers of any shape, at least 2 in all.
    volume
        Volume of ONE cell (length, area, ...); 1 gives the discrete Shannon entropy.

    Raises
    ------
    ValueError
        If `counts` are not non-negative integers with a sum of at least 2, or `volume` is not positive.
    """
    xp = array_module(counts)
    checks.positive(volume, "volume")
    counts = xp.asarray(counts)
    if counts.dtype.kind not in "iu" or counts.size == 0 or int(counts.min()) < 0:
        raise ValueError(f"counts must be non-negative integers, got {counts.dtype} of shape {counts.shape}.")
    occupied = counts[counts > 0].astype(np.float64)
    if occupied.size == 0:
        raise ValueError("counts are all zero: there is no particle to take the entropy of.")
    n = int(counts.sum())
    check_several(n, "counts")
    p = occupied / n
    surprise = -xp.log(p / volume)
    mean = float(xp.sum(p * surprise))
    variance = float(xp.sum(p * (surprise - mean) ** 2))
    return _with_error(mean, variance, n, len(p) - 1)


def _entropy_of_cells(
    columns: Iterable[Array], bins: tuple[int, ...], width: npt.NDArray[np.float64], joint: bool
) -> Estimate:
    """Entropy from every particle's cell on every axis, `columns` of (n,); `width` (d,) that of the cells.

    Summed over the axes the first part of the variance comes from the particles' summed surprises, so that dependent
    coordinates are accounted for; the second, small part is added as if they were independent.
    """
    if joint:
        flat = joint_cell(columns, bins)
        return binned_entropy(array_module(flat).bincount(flat), float(width.prod()))
    total: Any = 0.0
    spare = 0
    for cell, count, w in zip(columns, bins, width, strict=True):
        xp = array_module(cell)
        p = xp.bincount(cell, minlength=count) / len(cell)
        spare += int((p > 0).sum()) - 1
        # The 1 stands in for empty cells, which no particle looks up.
        total = total - xp.log(xp.where(p > 0, p, 1) / w)[cell]
    return _with_error(float(total.mean()), float(total.var()), len(total), spare)


def _binned_region(x: Array, domain: Domain | None) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lower ends and lengths (d,) of the region that is binned: the box, else the extent of the data."""
    if isinstance(domain, Box):
        domain.check_inside(x)
        return domain.low(x.shape[1]), domain.length(x.shape[1])
    return extent(x, "Pass the Box as domain to bin it there, or leave that coordinate out.")


def _cells_of_maze(maze: Maze, per_axis: tuple[int, ...], bins: Bins | None, joint: bool) -> tuple[int, ...]:
    """Bins per axis of which none is partly solid: whole parts of the maze's cells, near `per_axis` if not given."""
    if not joint:
        raise ValueError("joint must be True in a maze, whose coordinates depend on each other.")
    shape = maze.solid.shape
    if bins is None:
        return tuple(cells * max(1, round(wanted / cells)) for wanted, cells in zip(per_axis, shape, strict=True))
    if any(wanted % cells for wanted, cells in zip(per_axis, shape, strict=True)):
        raise ValueError(
            f"bins must be multiples of the maze's cells, {shape}, so that none is partly solid; got {bins}."
        )
    return per_axis


def entropy(
    x: Array, domain: Domain | Maze | None = None, *, bins: Bins | None = None, joint: bool | None = None
) -> Estimate:
    """Differential entropy in nats of the law of the rows of x (n, d), from counts in cells; see the module's text.

    Parameters
    ----------
    x
        Independent particles (n, d), n >= 2.
    domain
        A Box fixes the region of the cells. Free() or None: from the smallest to the largest value of each coordinate;
        with heavy tails most of those cells are empty, so give more bins. A Maze: joint cells, none partly solid.
    bins
        Cells per axis, one number or d of them; by default round(n^(1/(D+1))) with D = d for joint cells, else 1 (a
        million particles: 1000, 100 x 100, 32 x 32 x 32).
    joint
        True counts in joint cells, False sums the entropies of the coordinates (an upper bound; the excess is the
        total correlation). By default joint for d <= 3.

    Raises
    ------
    ValueError, TypeError
        If `x` is not (n, d) with n >= 2 and finite, lies outside the box, is constant in a coordinate without a box, or
        `domain` is not one, or `bins` does not fit.
    """
    check_region(domain)
    x = checks.state(x, "x")
    n, d = x.shape
    check_several(n, "x")
    joint = d <= JOINT_UP_TO if joint is None else joint
    per_axis = bins_per_axis(bins, n, d, joint)
    if isinstance(domain, Maze):
        domain.check_inside(x)
        per_axis, domain = _cells_of_maze(domain, per_axis, bins, joint), domain.box
    low, length = _binned_region(x, domain)
    columns = (cell_of_column(x[:, axis], low[axis], length[axis], per_axis[axis]) for axis in range(d))
    return _entropy_of_cells(columns, per_axis, length / per_axis, joint)


def gaussian_entropy(variance: float, d: int) -> float:
    """(d/2) ln(2 pi e variance): nats, exact, of an isotropic Gaussian of `variance` per axis in d dimensions.

    Raises
    ------
    ValueError
        If `variance` or `d` is not positive.
    """
    checks.positive(variance, "variance")
    checks.count(d, "d")
    return Gaussian(variance).entropy(d)


def uniform_entropy(box: Box | Maze, d: int) -> float:
    """ln V: nats, exact, of the uniform density on the box in d dimensions (of a maze: on its free cells), the most
    that any ink in it can have.

    Raises
    ------
    ValueError, TypeError
        If `box` is neither a Box nor a Maze, or `d` is not positive or does not fit it.
    """
    check_region(box, "box", walls=True)
    checks.count(d, "d")
    if isinstance(box, Maze):
        box.box.check_dimension(d)
        return math.log(box.free_volume)
    box.check_dimension(d)
    return box.log_volume(d)


def kl_to_equilibrium(x: Array, process: Process, *, bins: Bins | None = None, joint: bool | None = None) -> Estimate:
    """KL(law of the rows of x || equilibrium of `process`) in nats, its counting bias (K - 1)/(2n) removed.

    Each coordinate is mapped by the equilibrium's own distribution function, u = F(x), under which KL is unchanged
    and the equilibrium becomes uniform on the unit cube; then KL = -S(u), binned in cells that are equally probable at
    equilibrium. Cells make it a lower bound, which cannot exceed ln(number of cells). Like `entropy`, joint for d <= 3;
    beyond (or with joint=False) the sum over coordinates, a lower bound too: it lacks the total correlation. The
    distribution function is evaluated on the host; columns of CuPy arrays are copied.

    Parameters
    ----------
    x
        Independent particles (n, d) in process coordinates, n >= 2.
    process
        A process with `.equilibrium` (uniform in a box, or Gaussian).
    bins, joint
        As for `entropy`.

    Raises
    ------
    ValueError, TypeError
        If it is no process with Gaussian steps or has no equilibrium, or as for `entropy`.
    """
    x = checks.state(x, "x")
    check_several(len(x), "x")
    joint = x.shape[1] <= JOINT_UP_TO if joint is None else joint
    columns, per_axis = equilibrium_cells(x, process, bins, joint)
    value, stderr = _entropy_of_cells(columns, per_axis, 1 / np.array(per_axis), joint)
    return Estimate(-value, stderr)


def uniformity_test(x: Array, box: Box, bins: Bins) -> ChiSquare:
    """Is the ink evenly mixed? 2 n KL(counts || uniform), which is chi^2 with K - 1 degrees of freedom if it is.

    The statistic carries Williams' correction 1/(1 + (K + 1)/(6 n)), without which it is too large by that factor
    when cells hold few particles.

    Raises
    ------
    ValueError, TypeError
        As `concentration`; also if cells would hold fewer than 5 particles on average, or there is one cell only.
    """
    from scipy import stats

    counts = concentration(x, box, bins).ravel()
    n, cells = int(counts.sum()), counts.size
    if cells < 2 or n < 5 * cells:
        raise ValueError(
            f"bins={bins} makes {cells} cells for {n} particles: the test needs at least 2 cells and 5 particles per "
            "cell on average; change bins."
        )
    occupied = counts[counts > 0].astype(np.float64)
    g = 2 * float((occupied * array_module(counts).log(occupied * (cells / n))).sum())
    statistic = g / (1 + (cells + 1) / (6 * n))
    return ChiSquare(statistic, cells - 1, float(stats.chi2.sf(statistic, cells - 1)))
