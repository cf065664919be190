r"""Learning the way back of bits: log-odds of x_0 given x_t, as a network knows them.

    log-odds = prior_b + ln P(x_tb | x_0b = 1)/P(x_tb | x_0b = 0)  +  (1 + evidence_t) F(features, c_t)
    features = [ 2 x_t - 1 ,  evidence_t (2 x_t - 1)/2 ]

The first two terms are what each bit knows by itself, from the share of ones in the data and from its own noised
value; F is what the other bits add, in units of what one bit can say. Trained is the variational bound itself: a step
t drawn with chance share_t (`bit_levels.py`), x_t by one jump, and the loss of a row is its divergence over share_t,

    loss = (1/share_t) sum_b KL( q(x_sb | x_t, x_0) || p(x_sb | x_t) ),   s = t - 1;       E[loss] = -bound, in nats.

Reference: J. Sohl-Dickstein et al. (2015), arXiv:1503.03585, eq. 14.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, is_cuda, to_device
from inkdiff._core.noise_address import Address
from inkdiff._core.rng import Stream
from inkdiff.learned.bit_levels import BitLevels
from inkdiff.learned.settings import Settings
from inkdiff.likelihood.elbo import ELBO, elbo
from inkdiff.nn import Arena, RowShards, Run, TimeConditionedNetwork, one_thread_each, thread_arena
from inkdiff.processes.binomial import Binomial
from inkdiff.processes.binomial_bound import divergence
from inkdiff.simulation.reverse import reverse

__all__ = ["BitObjective", "LearnedBits"]

_SHARING = 8  # rows that share a step,
_SPREAD = 16  # neighbouring ones of which go to rows this far apart


class _Batch(NamedTuple):
    """Noised rows, where they started, at which step, and c of every step drawn, shared by neighbouring rows."""

    x_t: Array
    x_0: Array
    t: npt.NDArray[np.int64]
    code: Array


@dataclass(frozen=True, eq=False)
class LearnedBits:
    """Log-odds of bits learned by `inkdiff.fit` with an `inkdiff.Binomial`.

    Attributes
    ----------
    process : the forward process.
    own : (d,) log-odds of a one in the training data, bit by bit, float32.
    network, theta : the network and its flat parameters (the running mean of training), float32.
    about : what it was trained on, and how.
    """

    process: Binomial
    own: Array
    network: TimeConditionedNetwork
    theta: Array
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def d(self) -> int:
        """Number of bits of a row."""
        return self.network.outputs

    @cached_property
    def levels(self) -> BitLevels:
        """The tables of the process."""
        return BitLevels.of(self.process)

    def prepared(self, data: Any) -> Array:
        """The rows of a data set or array as float32 bits (n, d), checked."""
        x = self.process.check_state(getattr(data, "x", data), "data")
        if x.shape[1] != self.d:
            raise ValueError(f"data must have {self.d} bits per row like the training data, got {x.shape[1]}.")
        return array_module(x).ascontiguousarray(x, dtype=np.float32)

    def __call__(self, x: Array, t: Any) -> Array:
        """Log-odds that each bit was 1 at t = 0, given x_t = x: (n, d), float64; the same on any number of threads.

        Parameters
        ----------
        x : (n, d) bits, on the device of the parameters. t : an integer from 1 to T, or (n,) of them.

        Raises
        ------
        ValueError, TypeError
            If x is not (n, d) bits or is on another device, or t is zero or outside the process.
        """
        x = self.prepared(x)
        xp = array_module(x=x, theta=self.theta)
        t = np.atleast_1d(np.asarray(self.process.check_times_of(len(x), t))).astype(np.int64)
        if t.min() < 1:
            raise ValueError("t must be >= 1, got 0: at t = 0 the bits are what they are.")
        shards = RowShards.of_state(x)
        pieces = shards.pieces(len(x))
        out = xp.empty(x.shape, np.float64)
        with one_thread_each():
            code = xp.asarray(self.levels.code[t], np.float32)
            # One step for all rows: what the network does with it is done once.
            shared = self.network.shifts(Run(self.theta, Arena()), code)[0] if len(t) == 1 else None

            def piece(index: int) -> None:
                rows, arena = pieces[index], thread_arena()
                arena.rewind()
                those = slice(None) if shared is not None else rows
                features = arena.empty((rows.stop - rows.start, 2 * self.d), x)
                known, unit = self.prepare(x[rows], t[those], features)
                answer, _ = self.network(Run(self.theta, arena), features, code[those], shared)
                out[rows] = known + unit * answer

            shards.run(piece, len(pieces))
        return out

    def prepare(self, x: Array, t: npt.NDArray[np.int64], features: Array) -> tuple[Array, Array]:
        """What each bit knows by itself (n, d), and the unit of F (n or 1, 1), at steps t (n,) or (1,).

        x (n, d); features (n, 2 d), float32, are filled.
        """
        xp = array_module(x)
        evidence = xp.asarray(self.levels.evidence[t])[:, None]
        spin = 2 * x - 1
        features[:, : self.d] = spin
        features[:, self.d :] = spin * (evidence / 2).astype(np.float32)
        same, other = self.process.log_likelihoods(x, t.astype(np.float64))
        return self.own + spin * (same - other), 1 + evidence

    def times(self, steps: int) -> npt.NDArray[np.float64]:
        """Decreasing times from T to 0, at most `steps` steps: all, or a subset that is finest where it matters."""
        steps = checks.count(steps, "steps")
        return np.arange(self.process.T, -1.0, -1.0) if steps >= self.process.T else self.levels.descending(steps)

    def sample(self, n: int, *, seed: int, steps: int | None = None) -> Array:
        """n new rows of bits, (n, d): from the equilibrium back to t = 0.

        Parameters
        ----------
        n : how many. seed : 64-bit seed of the start and the walk.
        steps : None for all T steps; fewer are faster, and less true, since the bits of a step are independent.
        """
        times = self.times(self.process.T if steps is None else steps)
        x = self.process.equilibrium.sample(checks.count(n, "n"), self.d, seed=checks.seed64(seed))
        start = to_device(x, "cuda" if is_cuda(self.theta) else "cpu")
        with one_thread_each():
            return reverse(self.process, self, start, times, seed=seed, observe={}).last

    def bound(self, x: Array, *, seed: int, draws: int = 1, steps: int | None = None) -> ELBO:
        """The bound on ln P of rows x (n, d), term by term: `inkdiff.elbo` over `times(steps)`.

        By default over all T steps. `.bits` of the result is its mean in bits per row.
        """
        times = self.times(self.process.T if steps is None else steps)
        with one_thread_each():
            return elbo(self.process, self, x, times, seed=seed, draws=draws)

    def objective(self, x: Array, settings: Settings) -> BitObjective:
        """What a training lessens, on bits x (n, d)."""
        return BitObjective(self, x, settings.batch, settings.seed)

    def trained(self, theta: Array, about: dict[str, Any]) -> LearnedBits:
        """The same with other weights."""
        return replace(self, theta=theta, about=about)

    def finished(self, theta: Array, x: Array, settings: Settings) -> LearnedBits:
        """After the last step, with its weights: nothing is left to do."""
        return self.trained(theta, self.about)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file; `inkdiff.load` reads it. Whole or not at all."""
        from inkdiff.learned.checkpoint import save

        save(self, path)

    def __repr__(self) -> str:
        """One line."""
        return f"LearnedBits({self.process}, d={self.d}, {self.network.size} parameters)"


@dataclass(frozen=True, eq=False)
class BitObjective:
    """The loss of one step as a function of the parameters, and its gradient; see the module's equations."""

    model: LearnedBits
    x: Array
    batch: int
    seed: int

    @property
    def network(self) -> TimeConditionedNetwork:
        """What is trained."""
        return self.model.network

    @property
    def levels(self) -> int:
        """How many steps t a batch has; each is shared by batch/levels neighbouring rows."""
        return self.batch // _SHARING if self.batch % _SHARING == 0 else self.batch

    def draw(self, step: int) -> _Batch:
        """The batch of a training step: a pure function of (seed, step)."""
        n, m = self.batch, self.levels
        u = kernels.uniform(n + m, seed=self.seed, step=step, stream=Stream.DATA).astype(np.float64)
        xp = array_module(self.x)
        x_0 = self.x[xp.asarray((u[:n] * len(self.x)).astype(np.int64))]
        stratum = np.argsort(np.arange(m) % _SPREAD, kind="stable")
        t = self.model.levels.drawn((stratum + u[n:]) / m)
        code = xp.asarray(self.model.levels.code[t], np.float32)
        t = np.repeat(t, n // m)
        when = xp.asarray(t, np.float64)
        x_t = self.model.process.jump(x_0, when, Address(self.seed, step, Stream.TRAIN))
        return _Batch(x_t, x_0, t, code)

    def gradient(self, run: Run, batch: _Batch, out: Array, shifts: list[Array] | None = None) -> Array:
        """Loss of each of `run.rows`, nats; the gradient of the sum over `self.batch` goes into the flat `out`.

        `shifts`, if the network's are known already.
        """
        rows, (n, d) = run.rows, batch.x_t.shape
        xp, x, t = array_module(batch.x_t), batch.x_t[rows], batch.t[rows]
        features = run.arena.empty((n, 2 * d), batch.x_t)
        known, unit = self.model.prepare(x, t, features[rows])
        answer, backprop = self.network(run, features, batch.code, shifts)
        when = xp.asarray(t, np.float64)
        log_odds = known + unit * answer[rows]
        cost, slope = divergence(self.model.process, log_odds, x, batch.x_0[rows], when, when - 1)
        weight = 1 / xp.asarray(self.model.levels.share[t])
        # Adam does not see the scale of the loss; this one keeps gradients of order one.
        answer[rows] = slope * unit * (weight / self.batch)[:, None]
        backprop(answer, out)
        return cost.sum(1) * weight
