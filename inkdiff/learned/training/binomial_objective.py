r"""The variational bound of bits as a training objective, one step of the chain drawn for each few rows.

    loss = (1/share_t) sum_b KL( q(x_sb | x_t, x_0) || p(x_sb | x_t) ),   s = t - 1;       E[loss] = -bound, in nats

Steps t are drawn with chance share_t (`binomial_levels.py`), x_t by one jump. Everything drawn is a pure function of
(seed, step).

Reference: J. Sohl-Dickstein et al. (2015), arXiv:1503.03585, eq. 14.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core.backend import Array, array_module
from inkdiff._core.noise_address import Address
from inkdiff._core.rng import Stream
from inkdiff.nn import Run, TimeConditionedNetwork
from inkdiff.processes.binomial_bound import divergence

if TYPE_CHECKING:
    from inkdiff.learned.binomial_score import LearnedBits

__all__ = ["BinomialObjective"]

_SHARING = 8  # rows that share a step,
_SPREAD = 16  # neighbouring ones of which go to rows this far apart


class _Batch(NamedTuple):
    """Noised rows, where they started, at which step, and c of every step drawn, shared by neighbouring rows."""

    x_t: Array
    x_0: Array
    t: npt.NDArray[np.int64]
    code: Array


@dataclass(frozen=True, eq=False)
class BinomialObjective:
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
