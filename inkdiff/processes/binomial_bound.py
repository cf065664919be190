r"""What a step back of bits costs, and the end of the chain, in nats: the terms of the evidence lower bound,

    KL(q(x_s | x_t, x_0) || p(x_s | x_t)),        KL(q(x_T | x_0) || equilibrium).

Reference: J. Sohl-Dickstein et al. (2015), arXiv:1503.03585, section 2.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inkdiff._core.backend import Array, Time, array_module
from inkdiff.processes.bits import log_odds_of_a_change, sigmoids

if TYPE_CHECKING:
    from inkdiff.processes.binomial import Binomial

__all__ = ["divergence", "prior_cost", "step_cost"]


def step_cost(process: Binomial, log_odds: Array, x: Array, x0: Array, t: Time, s: Time) -> Array:
    """KL(q(x_s|x_t,x_0) || p(x_s|x_t)) of every row, nats, (n,); to s = 0 it is -ln p(x_0|x_t)."""
    return divergence(process, log_odds, x, x0, t, s)[0].sum(1)


def divergence(process: Binomial, log_odds: Array, x: Array, x0: Array, t: Time, s: Time) -> tuple[Array, Array]:
    """KL(q(x_s|x_t,x_0) || p(x_s|x_t)) of every bit, nats, and its slope in the log-odds: (n, d) each, float64."""
    xp = array_module(x)
    flips, change = process.flips(x, t, s), log_odds_of_a_change(x, xp.asarray(log_odds, np.float64))
    flip, stay = flips.mixed(change)
    true_flip, true_stay = flips.known(x != x0)
    with np.errstate(divide="ignore", invalid="ignore"):  # what has no chance, or is certain
        cost = _weighted_log(true_flip, flip) + _weighted_log(true_stay, stay)
        other, same = sigmoids(change)
        slope = (true_stay / stay - true_flip / flip) * ((flips.flip_other - flips.flip_same) * other * same)
    return cost, log_odds_of_a_change(x, slope)


def prior_cost(process: Binomial, x0: Array, t: float) -> Array:
    """KL(q(x_t|x_0) || equilibrium) of every row, nats."""
    kept, lost = process.transition(0.0, t)
    one, p = kept * x0.astype(np.float64) + lost * process.p, process.p
    return (_weighted_log(one, p) + _weighted_log(1 - one, 1 - p)).sum(1)


def _weighted_log(true: Array, model: Array | float) -> Array:
    """true ln(true/model), 0 where true is."""
    xp = array_module(true)
    return xp.where(true > 0, true * xp.log(xp.where(true > 0, true, 1.0) / model), 0.0)
