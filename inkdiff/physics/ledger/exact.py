"""The ledger without sampling: the same averages as integrals over the exact density, where one knows it,

    E[h(x, s(x))] = int p_t(x) h(x, s(x)) dx  ~  sum over a grid of p_t h times the volume of a cell,

for ink between walls (`BoxScore`) and Gaussian mixtures (`GaussianScore`, `MixtureScore`), in up to three dimensions.
The density has the width sigma_t (between walls) or its narrowest component's (in free space); midpoints a sixth of it
apart make the sum exact to about 1e-9, since it is a trapezoidal sum of a smooth function that ends flat (at walls the
function continues evenly).

Reference: L. N. Trefethen and J. A. C. Weideman, The exponentially convergent trapezoidal rule, SIAM Review 56 (2014)
385.
"""

from __future__ import annotations

import math
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from inkdiff._core import checks
from inkdiff.physics.ledger.rates import entropy_production, entropy_rate
from inkdiff.processes.base import Process
from inkdiff.scores import BoxScore, MixtureScore
from inkdiff.scores.cells import axis_masses, contract, with_slope

__all__ = ["Exact", "exact_ledger"]

_Floats = npt.NDArray[np.float64]
_PER_WIDTH = 6.0  # grid points per sigma
_LEAST_PER_WIDTH = 2.0
_MOST_POINTS = 2**20
_REACH = 9.0  # standard deviations beyond which a Gaussian's mass is below rounding


class Exact(NamedTuple):
    """Exact entries of the ledger at one time; nats, rates in nats/time. NaN where a process has no equilibrium."""

    entropy: float
    entropy_rate: float
    entropy_production: float
    kl: float
    chi2: float


def exact_ledger(score: BoxScore | MixtureScore, t: float) -> Exact:
    """Entropy, its rate and production, KL and chi^2 to equilibrium of the density behind an exact score, at time t.

    Parameters
    ----------
    score
        A BoxScore, GaussianScore or MixtureScore in d <= 3 dimensions.
    t
        The time. At t = 0 a BoxScore's density has steps, at which entropy is produced infinitely fast (as t^(-1/2)).

    Returns
    -------
    Exact, to about nine digits; chi^2 is infinite where the density's tails are too heavy for it.

    Raises
    ------
    ValueError, TypeError
        For another score, d > 3, or a density too narrow for a grid of 2^20 points (a later t will do).
    """
    process = getattr(score, "process", None)
    if isinstance(score, BoxScore):
        d = score.density.ndim
    elif isinstance(score, MixtureScore):
        d = score.means.shape[1]
    else:
        raise TypeError(f"score must be a BoxScore, GaussianScore or MixtureScore, got {checks.show(score)}.")
    if d > 3:
        raise ValueError(f"score has d={d} dimensions: a grid does for 3 at most; measure on snapshots instead.")
    assert isinstance(process, Process)
    t = float(process.check_time(t))
    if isinstance(score, BoxScore):
        return _steps(score) if process.variance(t) == 0 else _integrate(process, t, *_between_walls(score, t))
    exact = _integrate(process, t, *_in_free_space(score, t))
    return exact if process.equilibrium is None else exact._replace(chi2=_mixture_chi2(score, t))


def _integrate(process: Process, t: float, x: _Floats, log_p: _Floats, u: _Floats, volume: float) -> Exact:
    """The averages over a grid x (m, d) with density exp(log_p) and score u, `volume` to a point."""
    p = np.exp(log_p) * volume
    entropy = -float(p @ np.where(p > 0, log_p, 0.0))
    kl = chi2 = math.nan
    equilibrium = process.equilibrium
    if equilibrium is not None:
        log_ratio = np.where(p > 0, log_p - equilibrium.log_density(x), 0.0)
        with np.errstate(over="ignore"):
            kl, chi2 = float(p @ log_ratio), float(p @ np.expm1(log_ratio))
    rate, production = (float(p @ rows(process, x, t, u)) for rows in (entropy_rate, entropy_production))
    return Exact(entropy, rate, production, kl, chi2)


def _steps(score: BoxScore) -> Exact:
    """At t = 0: a density constant on cells."""
    rho = score.density
    volume = score.box.volume(rho.ndim)
    entropy = float(-xlogy(rho, rho).mean() * volume)
    chi2 = float((rho**2).mean() * volume**2 - 1)
    rate = 0.0 if rho.min() == rho.max() else math.inf
    return Exact(entropy, rate, rate, score.box.log_volume(rho.ndim) - entropy, chi2)


def _midpoints(low: _Floats, length: _Floats, width: float) -> list[_Floats]:
    """Midpoints along each axis, `width` resolved."""
    d = len(length)
    count = np.maximum(np.ceil(_PER_WIDTH * length / width), 48)
    if math.prod(count) > _MOST_POINTS:
        count = np.floor(count * (_MOST_POINTS / math.prod(count)) ** (1 / d))
        if (count * width < _LEAST_PER_WIDTH * length).any():
            raise ValueError(
                f"t is too early: the density varies over {width:.2g}, too little against {length.max():.2g} for a "
                f"grid of 2^20 points in {d} dimensions; take a later t, or measure on snapshots."
            )
    return [a + L * (np.arange(n) + 0.5) / n for a, L, n in zip(low, length, count.astype(int), strict=True)]


def _mesh(axes: list[_Floats]) -> _Floats:
    """All points of a product grid, (m, d), last axis fastest."""
    return np.stack([c.ravel() for c in np.meshgrid(*axes, indexing="ij")], axis=1)


def _between_walls(score: BoxScore, t: float) -> tuple[_Floats, _Floats, _Floats, float]:
    d = score.density.ndim
    low, length = score.box.low(d), score.box.length(d)
    v = float(score.process.variance(t))
    axes = _midpoints(low, length, min(math.sqrt(v), float(length.min())))
    circle = score.box.period(d) == length
    matrices = [
        axis_masses(points - low[j], length[j], score.density.shape[j], v, bool(circle[j]))
        for j, points in enumerate(axes)
    ]
    p = contract(score.density, [mass for mass, _ in matrices]).ravel()
    gradient = np.stack([contract(score.density, with_slope(matrices, j)).ravel() for j in range(d)], axis=1)
    # Where the density underflows nothing is left to count; there the score would be 0/0.
    there = p > 1e-280
    log_p = np.where(there, np.log(np.where(there, p, 1.0)), -np.inf)
    u = np.where(there[:, None], gradient, 0.0) / np.where(there, p, 1.0)[:, None]
    return _mesh(axes), log_p, u, float(length.prod()) / len(p)


def _in_free_space(score: MixtureScore, t: float) -> tuple[_Floats, _Floats, _Floats, float]:
    means, covariances = score.components(t)
    spread = _REACH * np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    low, high = (means - spread).min(0), (means + spread).max(0)
    narrowest = math.sqrt(np.linalg.eigvalsh(covariances).min())
    axes = _midpoints(low, high - low, narrowest)
    x = _mesh(axes)
    return x, score.log_density(x, t), score(x, t), float((high - low).prod()) / len(x)


def _mixture_chi2(score: MixtureScore, t: float) -> float:
    """sum_kl w_k w_l int N_k N_l/N(0, v) - 1 in closed form, since the grid does not reach where p^2/p_eq may be.

    N_k N_l = N(m_k; m_l, C_k + C_l) N(mu, S), and N(mu, S)/N(0, v) has a finite integral if S < v.
    """
    v = score.process.equilibrium.variance  # type: ignore[union-attr]
    means, covariances = score.components(t)
    inverse, one = np.linalg.inv(covariances), np.eye(means.shape[1])
    total = 0.0
    for k, j in product(range(len(means)), repeat=2):
        S = np.linalg.inv(inverse[k] + inverse[j])
        rest = one - S / v
        if np.linalg.eigvalsh(rest).min() <= 0:
            return math.inf
        mu, gap, both = S @ (inverse[k] @ means[k] + inverse[j] @ means[j]), means[k] - means[j], covariances[[k, j]]
        log_pair = mu @ np.linalg.solve(rest, mu) / v - gap @ np.linalg.solve(both.sum(0), gap)
        log_pair -= np.linalg.slogdet(both.sum(0) / v)[1] + np.linalg.slogdet(rest)[1]
        with np.errstate(over="ignore"):
            total += score.weights[k] * score.weights[j] * np.exp(log_pair / 2)
    return float(total - 1)
