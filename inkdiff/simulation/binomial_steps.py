r"""Bits on their way, forward and back: uniform numbers against probabilities, addressed by the flat element.

    forward   x_t = [u < a x_s + (1 - a) p],       back   x_s = x_t flipped where u < P(x_s != x_t | x_t)

with P from the log-odds that the data give every bit (`inkdiff.processes.binomial`). Probabilities are exact to 2^-24,
the spacing of the uniforms. n rows of d bits and n d rows of one move by the same noise, as ink and images do.

Reference: J. Sohl-Dickstein et al. (2015), arXiv:1503.03585, sections 2.1 and 2.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core.backend import Array, array_module
from inkdiff._core.rng import Stream
from inkdiff.processes.binomial import Binomial, sigmoids

__all__ = ["bit_jump", "bit_walk", "divergence", "log_odds_of_a_change", "prior_cost", "step_back", "step_cost"]


def _uniforms(x: Array, seed: int, step: int, stream: int, start: int) -> Array:
    u = array_module(x).empty(x.size, np.float32)
    return kernels.uniform(x.size, seed=seed, step=step, stream=stream, start=start, out=u).reshape(x.shape)


def _forward(process: Binomial, x: Array, s: Any, t: Any, out: Array | None = None, **address: int) -> tuple[Any, Any]:
    """x_t from x_s = x (n, d), into `out` if given, and the uniforms; t a number or (n,)."""
    xp = array_module(x)
    kept, lost = (xp.atleast_1d(xp.asarray(v))[:, None] for v in process.transition(s, t))
    u = _uniforms(x, **address)
    ones = u < kept * x + lost * process.p
    if out is None:
        return ones.astype(x.dtype), u
    out[...] = ones
    return out, u


def bit_jump(
    process: Binomial,
    x0: Array,
    t: Any,
    *,
    seed: int,
    step: int,
    stream: int,
    start: int = 0,
    return_noise: bool = False,
    out: Array | None = None,
) -> Any:
    """One exact jump from 0 to t; with `return_noise` also the uniforms."""
    x_t, u = _forward(process, x0, 0.0, t, out, seed=seed, step=step, stream=stream, start=start)
    return (x_t, u) if return_noise else x_t


def bit_walk(process: Binomial, fine: npt.NDArray[np.float64]) -> Callable[..., None]:
    """The walk (see `inkdiff.simulation.walks`) through the steps `fine` (intervals, steps + 1), in place."""
    s, t = fine[:, :-1].reshape(-1), fine[:, 1:].reshape(-1)

    def walk(x: Array, begin: int, end: int, *, seed: int, first_step: int = 0, start: int = 0) -> None:
        assert begin <= end, "bits that were drawn anew cannot be undone"
        for k in range(begin, end):
            address = {"seed": seed, "step": first_step + k, "stream": Stream.BITS, "start": start}
            _forward(process, x, float(s[k]), float(t[k]), x, **address)

    return walk


def log_odds_of_a_change(x: Array, log_odds: Array) -> Array:
    """Log-odds that x_0 differs from x, from those that it is 1."""
    return array_module(x).where(x > 0.5, -log_odds, log_odds)


def step_back(process: Binomial, log_odds: Array, x: Array, t: float, s: float, *, seed: int, step: int) -> Array:
    """x_s from x_t = x (n, d), given the log-odds of ones in x_0; noise from stream BITS_REVERSE."""
    flip, _ = process.flips(x, t, s).mixed(log_odds_of_a_change(x, log_odds))
    return array_module(x).where(_uniforms(x, seed, step, Stream.BITS_REVERSE, 0) < flip, 1 - x, x)


def step_cost(process: Binomial, log_odds: Array, x: Array, x0: Array, t: Any, s: Any) -> Array:
    """KL(q(x_s|x_t,x_0) || p(x_s|x_t)) of every row, nats, (n,); to s = 0 it is -ln p(x_0|x_t)."""
    return divergence(process, log_odds, x, x0, t, s)[0].sum(1)


def divergence(process: Binomial, log_odds: Array, x: Array, x0: Array, t: Any, s: Any) -> tuple[Array, Array]:
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
