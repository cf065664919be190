"""Counting arrangements: why spreading is what is seen, and returning what nobody has ever seen.

N molecules share K cells, n_k in cell k. Boltzmann counts the ways to arrange them so, Shannon averages a logarithm,

    W = N! / prod n_k!,        S = ln W / N   ->   -sum (n_k/N) ln(n_k/N)        for many molecules,

and the difference, by Stirling's formula, is [sum ln(2 pi n_k) - ln(2 pi N)] / (2 N) to leading order. N independent,
well mixed molecules are found together in the part V_0 of a volume V with probability (V_0/V)^N: the drop's entropy
would have to fall by N k ln(V/V_0).

Reference: L. Boltzmann, Wiener Berichte 76 (1877) 373. C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404, for
the interval of a probability from counts.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, asnumpy, special
from inkdiff.domains.box import Box
from inkdiff.metrics.estimates import Estimate

__all__ = [
    "Recompaction", "log_microstates", "log_waiting_time", "mean_log_microstates", "recompaction", "shannon",
    "stirling_gap",
]  # fmt: skip


def _occupations(counts: Array) -> Array:
    """Counts (..., K) as float64, checked."""
    xp = array_module(counts)
    counts = xp.asarray(counts)
    if counts.dtype.kind not in "iu" or counts.ndim == 0 or counts.size == 0 or int(counts.min()) < 0:
        raise ValueError(f"counts must be non-negative integers (..., K), got {checks.show(counts)}.")
    if int(counts.sum(-1).min()) == 0:
        raise ValueError("counts hold a row without a single particle: there is nothing to arrange.")
    return counts.astype(np.float64)


def log_microstates(counts: Array) -> Array:
    """ln W = ln N! - sum_k ln n_k!: the number of ways to put N numbered particles so that cell k holds n_k; nats.

    Parameters
    ----------
    counts : (..., K) non-negative integers, each row with a positive sum

    Returns
    -------
    (...,) float64, exact to rounding.

    Raises
    ------
    ValueError
        If `counts` are not such integers.
    """
    n = _occupations(counts)
    log_gamma = special(array_module(n)).gammaln
    return log_gamma(n.sum(-1) + 1) - log_gamma(n + 1).sum(-1)


def mean_log_microstates(N: int, p: Array) -> float:
    """E[ln W] = ln N! - sum_k E[ln n_k!] of N independent molecules, each in cell k with probability p_k: exact, nats.

    n_k is binomial, and the expectation is summed over its N + 1 values.

    Parameters
    ----------
    N : molecules, up to a million
    p : (K,) non-negative weights of the cells, normalised here

    Raises
    ------
    ValueError, TypeError
        If N is not such an integer, or the weights are negative or all zero.
    """
    from scipy import stats

    checks.count(N, "N", most=10**6)
    weights = asnumpy(checks.reals(p, "p"))
    if weights.ndim != 1 or weights.size == 0 or (weights < 0).any() or weights.sum() == 0:
        raise ValueError(f"p must be (K,) non-negative weights with a positive sum, got {checks.show(p)}.")
    n = np.arange(N + 1)
    log_factorial = special(np).gammaln(n + 1.0)
    probable = (weights / weights.sum()).tolist()
    return float(log_factorial[N] - sum(stats.binom.pmf(n, N, q) @ log_factorial for q in probable))


def shannon(counts: Array) -> Array:
    """-sum_k (n_k/N) ln(n_k/N), nats, (...,): what ln W / N tends to, and never less than it. Errors as above.

    The entropy of these counts themselves; for the entropy of the law they are drawn from, with its bias removed and
    its error, see `inkdiff.binned_entropy`.
    """
    n = _occupations(counts)
    xp = array_module(n)
    p = n / n.sum(-1, keepdims=True)
    return -(p * xp.log(xp.where(p > 0, p, 1.0))).sum(-1)


def stirling_gap(counts: Array) -> Array:
    """[sum over occupied cells of ln(2 pi n_k) - ln(2 pi N)] / (2 N), nats, (...,): Shannon - ln W / N to leading
    order; the next is [sum 1/n_k - 1/N] / (12 N). Errors as above."""
    n = _occupations(counts)
    xp = array_module(n)
    total = n.sum(-1)
    occupied = xp.log(2 * math.pi * xp.where(n > 0, n, 1 / (2 * math.pi))).sum(-1)
    return (occupied - xp.log(2 * math.pi * total)) / (2 * total)


class Recompaction(NamedTuple):
    """How often all N particles of a group were found together: `hits` of `trials`; `fraction` = V_0/V, exact."""

    N: int
    hits: int
    trials: int
    fraction: float

    @property
    def expected(self) -> float:
        """(V_0/V)^N."""
        return self.fraction**self.N

    @property
    def estimate(self) -> Estimate:
        """hits/trials, with the binomial standard error of the expected probability."""
        return Estimate(self.hits / self.trials, math.sqrt(self.expected * (1 - self.expected) / self.trials))

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Clopper and Pearson's interval for the probability: covers it at least as often as `confidence` says."""
        from scipy import stats

        found = stats.binomtest(self.hits, self.trials).proportion_ci(confidence, method="exact")
        return float(found.low), float(found.high)


def recompaction(x: Array, box: Box, region: Box, N: int) -> Recompaction:
    """Is a well-mixed drop ever found back in `region`? Looks at the rows of x in groups of N consecutive particles.

    Parameters
    ----------
    x : (n, d) independent particles, mixed (uniform) in `box`; the n // N groups of N rows are as many trials
    box, region : boxes, the second inside the first
    N : particles that have to be in the region together

    Raises
    ------
    ValueError
        If x leaves the box, the region does, or there are fewer than N particles.
    """
    x = checks.state(x, "x")
    d = x.shape[1]
    box.check_inside(x, "x")
    region.check_dimension(d)
    low, high = region.low(d), region.low(d) + region.length(d)
    if (low < box.low(d)).any() or (high > box.low(d) + box.length(d)).any():
        raise ValueError(f"region must lie in the box, got [{region.lo}, {region.hi}] in [{box.lo}, {box.hi}].")
    trials = len(x) // checks.count(N, "N")
    if trials == 0:
        raise ValueError(f"x holds {len(x)} particles, fewer than N={N}: give more.")
    xp = array_module(x)
    inside = ((x >= xp.asarray(low, x.dtype)) & (x < xp.asarray(high, x.dtype))).all(1)
    hits = int(inside[: trials * N].reshape(trials, N).all(1).sum())
    return Recompaction(N, hits, trials, float((region.length(d) / box.length(d)).prod()))


def log_waiting_time(N: float, fraction: float, interval: float) -> float:
    """log10 of the mean time (s) until N particles are found together in V_0: interval (V/V_0)^N.

    Parameters
    ----------
    N : number of particles, may be 1e20
    fraction : V_0/V, between 0 and 1
    interval : seconds between two independent trials, about the mixing time L^2/(pi^2 D) of the vessel

    Raises
    ------
    ValueError
        If a number is not positive or the fraction not below 1.
    """
    share = checks.positive(fraction, "fraction", unit="V_0/V")
    if share >= 1:
        raise ValueError(f"fraction must be below 1, got {fraction}: the region must be smaller than the box.")
    wait = math.log10(checks.positive(interval, "interval", unit="seconds"))
    return wait - checks.positive(N, "N", unit="particles") * math.log10(share)
