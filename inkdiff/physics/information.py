"""Mutual information: how much of where the ink fell can still be known from where it is now.

Ink that starts uniformly at x_0 and has diffused between walls carries, with lam_n = D (n pi/L)^2 (2 pi n/L on a
torus, each n twice), per axis

    chi^2-information   E[p(x|x_0)/p(x)] - 1 = sum_{n >= 1} exp(-2 lam_n t),           axes: 1 + chi^2 multiplies,
    mutual information  I = E[ln p(x|x_0)/p(x)]  (nats),                              axes: I adds.

Whoever sees N particles at x_1 ... x_N, and knows that they were let go at one point t ago, knows of that point

    p(x_0 | x_1 ... x_N) = prod_i p(x_i | x_0) / integral of the same,

Bayes' theorem with a uniform prior: sharp at first, uniform in the end. Information that is lost is
not hidden somewhere: for the macroscopic observer it decays at the rate of the slowest mode.

Reference: T. M. Cover and J. A. Thomas, Elements of Information Theory (2006), 2.8 (information only decreases);
H. S. Carslaw and J. C. Jaeger, Conduction of Heat in Solids, 14.3, for p(x|x_0). For the bias of information from
counts: S. Panzeri and A. Treves, Network 7 (1996) 87.
"""

from __future__ import annotations

import math

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, asnumpy
from inkdiff.domains.box import Box
from inkdiff.domains.heat_kernel import log_heat_kernel
from inkdiff.metrics.estimates import Estimate
from inkdiff.processes.base import Process, check_process, closed_form_domain

__all__ = [
    "chi2_information", "information_in_counts", "information_of_drops", "mutual_information", "pair_information",
    "walled_box",
]  # fmt: skip

_SHARP = 0.02  # sigma/L below which only a layer at each wall knows of the walls
_NODES_PER_SIGMA = 6


def walled_box(process: Process) -> Box:
    """The box of a process that spreads between walls.

    Raises
    ------
    ValueError, TypeError
        If `process` is none, or lives in free space, where nothing ends uniform.
    """
    check_process(process)
    box = closed_form_domain(process, "mutual information").as_box
    if box is None:
        raise ValueError(f"process must live in a Box, where every start ends uniform, got {checks.show(process)}.")
    return box


def _variance(process: Process, t: float) -> float:
    """sigma_t^2 > 0 at one time."""
    time = checks.positive(process.check_time(t), "t")
    return float(process.variance(time))


def chi2_information(process: Process, t: float, d: int = 1) -> float:
    """E[p(x|x_0)/p(x)] - 1 between a uniform start and now, in d dimensions: exact, to rounding.

    prod over axes of (1 + c_j) - 1 with c_j = sum_n exp(-2 lam_n t); by Jacobi's identity where t is short. In the end
    it falls as the slowest modes, exp(-2 lam_1 t). Infinity where it exceeds float64, early in many dimensions.

    Parameters
    ----------
    process : a process in a Box (Brownian or VarianceExploding)
    t : > 0, in its time
    d : dimensions

    Raises
    ------
    ValueError, TypeError
        If the process has no box or the box other dimensions, or t is not positive.
    """
    box = walled_box(process)
    box.check_dimension(checks.count(d, "d"))
    v = _variance(process, t)
    axes = zip(np.where(box.periodic(d), 2, 1), box.period(d), strict=True)  # modes come in pairs on a circle
    log_one_plus = sum(math.log1p(copies * _modes((2 * math.pi / P) ** 2 * v)) for copies, P in axes)
    with np.errstate(over="ignore"):
        return float(np.expm1(log_one_plus))


def _modes(a: float) -> float:
    """sum_{n >= 1} exp(-n^2 a)."""
    if a >= math.pi:
        return sum(math.exp(-n * n * a) for n in range(1, 5))
    images = sum(math.exp(-((n * math.pi) ** 2) / a) for n in range(1, 5))
    return (math.sqrt(math.pi / a) * (1 + 2 * images) - 1) / 2


def mutual_information(process: Process, t: float, d: int = 1) -> float:
    """I = E[ln p(x|x_0)/p(x)] between a uniform start and now, nats, in d dimensions (the axes add up).

    The double integral by the midpoint rule, whose error is below 1e-9 here because the integrand continues smoothly
    and periodically beyond the walls. For sigma_t < L/50, I = ln(L/sigma_t) - ln(2 pi e)/2 + c sigma_t/L, in which only
    c, the contribution of the walls, is computed. Parameters and errors are those of `chi2_information`.
    """
    box = walled_box(process)
    box.check_dimension(checks.count(d, "d"))
    sigma = math.sqrt(_variance(process, t))
    axes = zip(box.length(d), box.periodic(d), strict=True)
    return sum(_information_on_an_axis(float(sigma / L), bool(periodic)) for L, periodic in axes)


def _information_on_an_axis(sigma: float, periodic: bool) -> float:
    """I between walls 0 and 1."""
    if sigma < _SHARP:
        of_the_walls = (_information_on_an_axis(_SHARP, periodic) - _sharp_information(_SHARP)) / _SHARP
        return _sharp_information(sigma) + of_the_walls * sigma
    K = max(64, math.ceil(_NODES_PER_SIGMA / sigma))
    nodes = (np.arange(K) + 0.5) / K
    x, x0 = (grid.reshape(-1, 1) for grid in np.meshgrid(nodes, nodes[: (1 if periodic else K)]))
    box = Box(0.0, 1.0, "periodic" if periodic else "reflect")
    log_ratio = log_heat_kernel(x, x0, np.full_like(x, sigma**2), box)[0]
    ratio = np.exp(log_ratio)
    # The mean of ratio is 1: subtracting it leaves small information with its digits.
    return max(0.0, float((ratio * log_ratio - (ratio - 1)).mean()))


def _sharp_information(sigma: float) -> float:
    return -math.log(2 * math.pi * math.e * sigma**2) / 2


def pair_information(process: Process, x: Array, t: float, x0: Array) -> tuple[Estimate, Estimate]:
    """(mutual information, chi^2-information) measured on particles with their own starts, each with its error.

    Averages of ln(V p(x|x_0)) and of V p(x|x_0) - 1, unbiased. The starts must be uniform in the box. The averages are
    taken on the host; the logarithms of CuPy arrays are copied.

    Parameters
    ----------
    x, x0 : (n, d) places now and at the start, n >= 2
    t : > 0

    Raises
    ------
    ValueError, TypeError
        As `chi2_information`; also for arrays that do not fit.
    """
    box = walled_box(process)
    log_ratio = asnumpy(process.log_transition(x, t, x0)).astype(np.float64) + box.log_volume(x.shape[1])
    if len(log_ratio) < 2:
        raise ValueError("x holds one particle: a standard error needs at least two.")
    return Estimate.of_mean(log_ratio), Estimate.of_mean(np.exp(log_ratio) - 1)


def information_in_counts(counts: Array) -> Estimate:
    """How much one particle's cell tells about which start it had, nats, from nothing but counts.

    I = sum_ij (n_ij/n) ln(n_ij n / (n_i n_j)), less its bias (K_xy - K_x - K_y + 1)/(2 n) (Panzeri and Treves), K the
    numbers of occupied cells. The error takes the rows' totals as chosen, not drawn.

    Parameters
    ----------
    counts : (starts, cells) integers: particles of each start in each cell

    Raises
    ------
    ValueError
        Unless `counts` are non-negative integers with a positive sum in at least two rows.
    """
    table = asnumpy(counts)
    if table.dtype.kind not in "iu" or table.ndim != 2 or table.size == 0 or table.min() < 0:
        raise ValueError(f"counts must be non-negative integers (starts, cells), got {checks.show(counts)}.")
    table = table[:, table.any(0)]
    if len(table) < 2 or not table.any(1).all():
        raise ValueError("counts must hold particles of at least two starts, none of them empty.")
    n = int(table.sum())
    rows, columns = table.sum(1, keepdims=True), table.sum(0, keepdims=True)
    log_ratio = np.log(np.where(table > 0, table, 1.0) * n / (rows * columns.astype(np.float64)))
    share = table / rows
    of_row = (share * log_ratio).sum(1, keepdims=True)
    spare = np.count_nonzero(table) - table.shape[0] - table.shape[1] + 1
    weights = rows[:, 0] / n
    variance = float(weights @ (share * (log_ratio - of_row) ** 2).sum(1))
    # Counting noise alone spreads the ratios by 2 spare/n; that part is not the laws' own.
    own = max(variance - max(spare, 0) / n, 0.0)
    stderr = math.sqrt(own / n + max(spare, 0) / (2 * n * n))
    return Estimate(float(weights @ of_row[:, 0]) - spare / (2 * n), stderr)


def information_of_drops(densities: Array) -> float:
    """The same, exact, from the densities of equally likely drops: (starts, cells...), cell averages; nats.

    I = (1/M) sum_i KL(p_i || mean of the p), at most ln M (the generalised Jensen-Shannon divergence).

    Raises
    ------
    ValueError
        Unless there are at least two non-negative densities, none of them all zero.
    """
    p = asnumpy(checks.reals(densities, "densities"))
    if p.ndim < 2 or len(p) < 2 or (p < 0).any() or not p.reshape(len(p), -1).any(1).all():
        raise ValueError(f"densities must be at least two non-negative ones, (starts, cells...), got {p.shape}.")
    p = p.reshape(len(p), -1) / p.reshape(len(p), -1).sum(1, keepdims=True)
    ratio = p / np.where(p.any(0), p.mean(0), 1.0)
    return float((p * np.log(np.where(ratio > 0, ratio, 1.0))).sum(1).mean())
