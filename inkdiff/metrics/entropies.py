"""Entropy, the degree of mixing, counted in cells; and how far a cloud still is from equilibrium.

With n independent particles, n_k of them in cell k of volume v_k (of which the part counts that they can reach), the
differential entropy -int p ln p is estimated by

    S = -sum_k (n_k/n) ln(n_k / (n v_k)) + (K - 1)/(2 n)            (nats),

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
from typing import NamedTuple

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module
from inkdiff.domains.base import Domain
from inkdiff.metrics.cells import (
    JOINT_UP_TO,
    Bins,
    Cells,
    cells_of_domain,
    check_domain,
    concentration,
    equilibrium_cells,
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


def binned_entropy(counts: Array, volume: float | Array) -> Estimate:
    """Differential entropy in nats from counts of independent particles in cells, Miller-Madow corrected.

    Parameters
    ----------
    counts
        Non-negative integers of any shape, at least 2 in all.
    volume
        Volume of ONE cell (length, area, ...), or of each, in the shape of `counts`; 1 gives the discrete Shannon
        entropy.

    Raises
    ------
    ValueError
        If `counts` are not non-negative integers with a sum of at least 2, or a `volume` is not positive.
    """
    xp = array_module(counts)
    each = checks.reals(volume, "volume")
    checks.positive(float(each.min()), "volume")
    counts = xp.asarray(counts)
    if counts.dtype.kind not in "iu" or counts.size == 0 or int(counts.min()) < 0:
        raise ValueError(f"counts must be non-negative integers, got {counts.dtype} of shape {counts.shape}.")
    if each.ndim:
        checks.same_shape(each, counts.shape, "volume", "counts")
        each = xp.asarray(each)[counts > 0]
    occupied = counts[counts > 0].astype(np.float64)
    if occupied.size == 0:
        raise ValueError("counts are all zero: there is no particle to take the entropy of.")
    n = int(counts.sum())
    check_several(n, "counts")
    p = occupied / n
    surprise = -xp.log(p / (each if each.ndim else float(each)))
    mean = float(xp.sum(p * surprise))
    variance = float(xp.sum(p * (surprise - mean) ** 2))
    return _with_error(mean, variance, n, len(p) - 1)


def _entropy_of_cells(cells: Cells, width: Floats, joint: bool) -> Estimate:
    """Entropy from every particle's cell on every axis; `width` (d,) the sides of a cell.

    Summed over the axes the first part of the variance comes from the particles' summed surprises, so that dependent
    coordinates are accounted for; the second, small part is added as if they were independent.
    """
    if joint:
        flat, volume = joint_cell(cells.columns, cells.per_axis), float(width.prod())
        if isinstance(cells.weight, float):
            return binned_entropy(array_module(flat).bincount(flat), volume * cells.weight)
        counts = array_module(flat).bincount(flat, minlength=cells.weight.size)
        return binned_entropy(counts, volume * cells.weight.reshape(-1))
    total, spare = np.zeros(1), 0
    for cell, count, w in zip(cells.columns, cells.per_axis, width, strict=True):
        xp = array_module(cell)
        p = xp.bincount(cell, minlength=count) / len(cell)
        spare += int((p > 0).sum()) - 1
        # The 1 stands in for empty cells, which no particle looks up.
        total = xp.asarray(total) - xp.log(xp.where(p > 0, p, 1) / w)[cell]
    return _with_error(float(total.mean()), float(total.var()), len(total), spare)


def entropy(x: Array, domain: Domain | None = None, *, bins: Bins | None = None, joint: bool | None = None) -> Estimate:
    """Differential entropy in nats of the law of the rows of x (n, d), from counts in cells; see the module's text.

    Parameters
    ----------
    x
        Independent particles (n, d), n >= 2.
    domain
        A Box fixes the region of the cells. Free() or None: from the smallest to the largest value of each coordinate;
        with heavy tails most of those cells are empty, so give more bins. Another bounded domain: joint cells of the
        box around it, each with the volume that can be reached (in a Maze none is partly solid).
    bins
        Cells per axis, one number or d of them; by default round(n^(1/(D+1))) with D = d for joint cells, else 1 (a
        million particles: 1000, 100 x 100, 32 x 32 x 32).
    joint
        True counts in joint cells, False sums the entropies of the coordinates (an upper bound; the excess is the
        total correlation). By default joint for d <= 3.

    Raises
    ------
    ValueError, TypeError
        If `x` is not (n, d) with n >= 2 and finite, lies outside the domain, is constant in a coordinate without a box;
        `domain` is not one, or is bounded and declares no bounding box; or `bins` does not fit.
    """
    check_domain(domain)
    x = checks.state(x, "x")
    check_several(len(x), "x")
    joint = x.shape[1] <= JOINT_UP_TO if joint is None else joint
    cells, width = cells_of_domain(x, domain, bins, joint)
    return _entropy_of_cells(cells, width, joint)


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


def uniform_entropy(box: Domain, d: int) -> float:
    """ln V: nats, exact, of the uniform density on a bounded domain in d dimensions (of a maze: on its free cells), the
    most that any ink in it can have.

    Raises
    ------
    ValueError, TypeError
        If `box` is no bounded domain, or `d` is not positive or does not fit it.
    """
    check_domain(box, "box")
    if box is None or not box.bounded:
        raise TypeError(f"box must be a bounded domain such as Box(lo, hi), got {checks.show(box)}.")
    box.check_dimension(checks.count(d, "d"))
    return box.log_volume(d)


def kl_to_equilibrium(x: Array, process: Process, *, bins: Bins | None = None, joint: bool | None = None) -> Estimate:
    """KL(law of the rows of x || equilibrium of `process`) in nats, its counting bias (K - 1)/(2n) removed.

    Each coordinate is mapped by the equilibrium's own distribution function, u = F(x), under which KL is unchanged
    and the equilibrium becomes uniform on the unit cube; then KL = -S(u), binned in cells that are equally probable at
    equilibrium. Cells make it a lower bound, which cannot exceed ln(number of cells). Like `entropy`, joint for d <= 3;
    beyond (or with joint=False) the sum over coordinates, a lower bound too: it lacks the total correlation. The
    distribution function is evaluated on the host; columns of CuPy arrays are copied. In a bounded domain that is no
    box cells are those of the box around it, each weighted by what can be reached of it.

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
    cells = equilibrium_cells(x, process, bins, joint)
    value, stderr = _entropy_of_cells(cells, 1 / np.array(cells.per_axis), joint)
    return Estimate(-value, stderr)


def uniformity_test(x: Array, box: Domain, bins: Bins) -> ChiSquare:
    """Is the ink evenly mixed? 2 n KL(counts || uniform), which is chi^2 with K - 1 degrees of freedom if it is.

    The statistic carries Williams' correction 1/(1 + (K + 1)/(6 n)), without which it is too large by that factor
    when cells hold few particles. In a bounded domain that is no box a cell expects its accessible share, and the
    cells of which less than half is accessible count as one.

    Raises
    ------
    ValueError, TypeError
        As `concentration`; also if cells would hold fewer than 5 particles on average, or there is one cell only.
    """
    from scipy import stats

    counts = concentration(x, box, bins)
    counts, fraction = _pooled(counts, box.accessible_fraction(counts.shape))
    n, cells = int(counts.sum()), counts.size
    if cells < 2 or n < 5 * cells:
        raise ValueError(
            f"bins={bins} makes {cells} cells for {n} particles: the test needs at least 2 cells and 5 particles per "
            "cell on average; change bins."
        )
    xp = array_module(counts)
    expects = xp.asarray(fraction.sum() / fraction)[counts > 0] / n  # 1/(n p_k)
    occupied = counts[counts > 0].astype(np.float64)
    g = 2 * float((occupied * xp.log(occupied * expects)).sum())
    statistic = g / (1 + (cells + 1) / (6 * n))
    return ChiSquare(statistic, cells - 1, float(stats.chi2.sf(statistic, cells - 1)))


def _pooled(counts: Array, fraction: Floats) -> tuple[Array, Floats]:
    """Counts and accessible fractions of the cells, (K,), those less than half accessible added up to one."""
    xp, whole = array_module(counts), fraction.ravel() >= 0.5
    counts, fraction = counts.ravel(), fraction.ravel()
    rest = float(fraction[~whole].sum())
    if rest == 0:
        return counts[xp.asarray(whole)], fraction[whole]
    slivers = counts[xp.asarray(~whole)].sum(keepdims=True)
    return xp.concatenate([counts[xp.asarray(whole)], slivers]), np.append(fraction[whole], rest)
