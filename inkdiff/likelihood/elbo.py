r"""The variational bound: what each step back costs, in nats, when the noised data are known.

For a chain of times 0 = t_0 < t_1 < ... < t_K = T and Gaussian steps back,

    ln p(x_0)  >=  -KL(q(x_T|x_0) || prior) - sum_k E KL(q(x_s|x_t,x_0) || p(x_s|x_t)) + E ln p(x_0|x_{t_1}),

with the expectations over x_t ~ q(x_t|x_0), one jump each. q(x_s|x_t,x_0) and p(x_s|x_t) are the ancestral step with
the score of the transition from x_0 and with the model's score, so the divergences are closed forms of the difference
of the two. The terms say at which noise the nats are. No flow is followed, and chains that count their steps have a
bound too. So have bits (`inkdiff.processes.binomial`), whose steps back are Bernoulli and whose score are log-odds.

References: J. Sohl-Dickstein et al. (2015), eq. 14; J. Ho et al. (2020), eq. 5; F. Bao et al., Estimating the optimal
covariance (2022), for the matched one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats
from inkdiff._core.noise_address import Address
from inkdiff._core.rng import Stream
from inkdiff.metrics.estimates import Estimate
from inkdiff.processes.base import Process, closed_form_domain
from inkdiff.processes.forward import ForwardProcess, check_forward_process
from inkdiff.scores.base import Differentiable, ScoreFunction, check_differentiable

__all__ = ["ELBO", "elbo"]

_LEAST = 1e-3  # share of the noise that the last step keeps in every direction


@dataclass(frozen=True, eq=False)
class ELBO:
    """A lower bound on ln p, in nats, and its terms.

    Attributes
    ----------
    rows : (n,) the bound of every row, an unbiased estimate from the draws of its noise
    times : (K + 1,) decreasing. terms : (K + 1,) what they cost in nats, mean over the rows, in the order of the sum:
        the prior, each step back but the last, and -E ln p(x_0 | x) of the last
    stderr : (K + 1,) their standard errors
    """

    rows: Floats
    times: Floats
    terms: Floats
    stderr: Floats
    d: int

    @property
    def mean(self) -> Estimate:
        """Mean of the bound over the rows, nats."""
        return Estimate.of_mean(self.rows)

    @property
    def bits_per_dim(self) -> Estimate:
        """-mean/(d ln 2)."""
        mean, unit = self.mean, self.d * math.log(2)
        return Estimate(-mean.value / unit, mean.stderr / unit)

    @property
    def bits(self) -> Estimate:
        """Mean of the bound over the rows, bits: mean/ln 2."""
        mean = self.mean
        return Estimate(mean.value / math.log(2), mean.stderr / math.log(2))


def elbo(
    process: ForwardProcess,
    score: ScoreFunction,
    x: Array,
    times: Sequence[float] | Array,
    *,
    seed: int,
    draws: int = 1,
    variance: str = "posterior",
) -> ELBO:
    """The evidence lower bound of ancestral sampling with this score, for data x at t = 0, term by term.

    Parameters
    ----------
    process : a process in free space (between walls steps back are not Gaussian), or Binomial
    score : any score(x, t); of bits, log-odds as for `inkdiff.reverse`
    x : (n, d) NumPy array in process coordinates
    times : decreasing to 0: the chain of the sampler
    seed, draws : noise from stream BOUND, so many draws per row and time
    variance : of the steps back, "posterior" or "transition" (`inkdiff.Ancestral`). The last step, to t = 0, is
        N(x_t/alpha + (sigma^2/alpha) u, sigma^2/alpha^2), the posterior of a flat density: any choice keeps it a bound.
        Or "matched": the covariance of q(x_s | x_t), which the derivative of the score tells (below), the best that a
        Gaussian step can have; for few steps, and few coordinates (d tangents of `score.jvp` a step).
        Bits have no variance to choose.

    Returns
    -------
    ELBO. Its mean is <= the log-likelihood of the sampler, within its standard error.

    Raises
    ------
    ValueError, TypeError
        For bad arrays or times, walls, an unknown variance, or a score without the derivative that it needs.
    """
    check_forward_process(process)
    x = process.check_state(x, "x").astype(np.float64)
    gaussian = process if isinstance(process, Process) else None
    if gaussian is not None and not closed_form_domain(gaussian, "a bound").free:
        raise ValueError("process has walls, between which steps back are not Gaussian; use log_likelihood.")
    grid = checks.increasing(times, decreasing=True)
    process.check_time(grid, "times")
    if grid[-1] != 0:
        raise ValueError(f"times must end at 0, where the data are, got {grid[-1]:g}.")
    if variance not in ("posterior", "transition", "matched"):
        raise ValueError(f"variance must be 'posterior', 'transition' or 'matched', got {variance!r}.")
    matched = check_differentiable(score, "for variance='matched'") if variance == "matched" else None
    seed, draws = checks.seed64(seed), checks.count(draws, "draws", most=10_000)
    first = float(grid[0])
    costs = [process.prior_cost(x, first) if gaussian is None else _prior_cost(gaussian, x, first)]
    for k, (t, s) in enumerate(zip(grid[:-1].tolist(), grid[1:].tolist(), strict=True)):
        cost = np.zeros(len(x))
        for j in range(draws):
            x_t = process.jump(x, t, Address(seed, k * draws + j, Stream.BOUND))
            if gaussian is None:
                cost += process.step_cost(np.asarray(score(x_t, t), np.float64), x_t, x, t, s) / draws
            elif matched is not None:
                cost += _matched_cost(gaussian, matched, x_t, x, t, s) / draws
            else:
                u = np.asarray(score(x_t, t), np.float64)
                cost += _step_cost(gaussian, u, x_t, x, t, s, variance) / draws
        costs.append(cost)
    table = np.stack(costs)
    error = table.std(1, ddof=1) / math.sqrt(len(x)) if len(x) > 1 else np.full(len(table), math.nan)
    return ELBO(-table.sum(0), grid, table.mean(1), error, x.shape[1])


def _prior_cost(process: Process, x: Floats, t: float) -> Floats:
    """KL(q(x_T | x_0) || prior) of every row."""
    prior = float(process.prior(t).variance)  # type: ignore[union-attr]
    ratio = float(process.variance(t)) / prior
    d = x.shape[1]
    alpha = float(process.alpha(t))
    cost: Floats = alpha**2 * (x**2).sum(1) / (2 * prior) + d / 2 * (ratio - 1 - math.log(ratio))
    return cost


def _step_cost(process: Process, u: Floats, x_t: Floats, x: Floats, t: float, s: float, variance: str) -> Floats:
    """The cost of a step t -> s with the score u (n, d) at x_t, from x at t = 0."""
    error, d = u + (x_t - process.alpha(t) * x) / process.variance(t), x.shape[1]
    alpha_ts, variance_ts = (float(v) for v in process.transition(s, t))
    off: Floats = (variance_ts / alpha_ts) ** 2 * (error**2).sum(1)  # squared distance of the two means
    if s == 0:  # the true mean is x_0 itself
        c2 = float(process.variance(t) / process.alpha(t) ** 2)
        off = off / (2 * c2) + d / 2 * math.log(2 * math.pi * c2)
        return off
    v = variance_ts * float(process.variance(s) / process.variance(t))
    c2 = v if variance == "posterior" else variance_ts
    off = off / (2 * c2) + d / 2 * (v / c2 - 1 - math.log(v / c2))
    return off


def _matched_cost(process: Process, score: Differentiable, x_t: Floats, x: Floats, t: float, s: float) -> Floats:
    """`_step_cost` with the covariance of q(x_s | x_t): v 1 + (V_ts/alpha_ts)^2 (1 + sigma^2 du/dx)/sigma^2."""
    n, d = x.shape
    tangents = np.broadcast_to(np.eye(d)[:, None, :], (d, n, d))
    u, Ju = (np.asarray(part, np.float64) for part in score.jvp(x_t, t, tangents))
    alpha_ts, variance_ts = (float(v) for v in process.transition(s, t))
    variance = float(process.variance(t))
    v = variance_ts * float(process.variance(s)) / variance
    left, axes = np.linalg.eigh(np.eye(d) + variance * (Ju.swapaxes(0, 1) + Ju.transpose(1, 2, 0)) / 2)
    # No covariance is negative; what a learned score makes of it may be. Any choice keeps the bound one.
    c2 = v + (variance_ts / alpha_ts) ** 2 / variance * np.maximum(left, 0.0 if s else _LEAST)
    off = variance_ts / alpha_ts * (u + (x_t - process.alpha(t) * x) / variance)
    square = (off[:, None, :] @ axes)[:, 0] ** 2
    other = v / c2 - 1 - np.log(v / c2) if s else np.log(2 * math.pi * c2)
    cost: Floats = (square / c2 + other).sum(1) / 2
    return cost
