"""The ledger without sampling: the same averages as integrals over the exact density, where one knows it,

    E[h(x, s(x))] = int p_t(x) h(x, s(x)) dx  ~  sum over points of p_t h times the volume of each,

for every score that declares how to integrate over its density (`inkdiff.scores.base.Integrable`): ink between walls
(`BoxScore`) and Gaussian mixtures (`GaussianScore`, `MixtureScore`), in up to three dimensions.

Reference: T. M. Cover and J. A. Thomas, Elements of Information Theory (2006), chapter 8.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from inkdiff._core import checks
from inkdiff.physics.ledger.rates import entropy_production, entropy_rate
from inkdiff.scores.base import Integrable

__all__ = ["Exact", "exact_ledger"]


class Exact(NamedTuple):
    """Exact entries of the ledger at one time; nats, rates in nats/time. NaN where a process has no equilibrium."""

    entropy: float
    entropy_rate: float
    entropy_production: float
    kl: float
    chi2: float


def exact_ledger(score: Integrable, t: float) -> Exact:
    """Entropy, its rate and production, KL and chi^2 to equilibrium of the density behind an exact score, at time t.

    Parameters
    ----------
    score
        A score that derives from `inkdiff.Integrable`: a BoxScore, GaussianScore or MixtureScore in d <= 3 dimensions.
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
    if not isinstance(score, Integrable):
        raise TypeError(
            "score must declare an integral over its density by deriving from inkdiff.Integrable, as BoxScore, "
            f"GaussianScore and MixtureScore do, got {checks.show(score)}."
        )
    process = score.process
    t = float(process.check_time(t))
    x, log_p, u, volume = score.quadrature(t)
    p = np.exp(log_p) * volume
    entropy = -float(p @ np.where(p > 0, log_p, 0.0))
    rate, production = (float(p @ rows(process, x, t, u)) for rows in (entropy_rate, entropy_production))
    equilibrium = process.equilibrium
    if equilibrium is None:
        return Exact(entropy, rate, production, math.nan, math.nan)
    log_ratio = np.where(p > 0, log_p - equilibrium.log_density(x), 0.0)
    with np.errstate(over="ignore"):
        kl, chi2 = float(p @ log_ratio), float(p @ np.expm1(log_ratio))
    closed = score.chi2_in_closed_form(t)
    return Exact(entropy, rate, production, kl, chi2 if closed is None else closed)
