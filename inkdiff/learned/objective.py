r"""Denoising score matching: regress on the score of the transition from a known start, get the score of the whole.

    E |s(x_t, t) - grad log p(x_t | x_0)|^2  is least for  s = grad log p_t(x) = E[grad log p(x_t | x_0) | x_t = x]

Every step draws points x_0 of the data, levels spread evenly (one in each of some equal strata, 64 at least), and x_t
by one exact jump. A few points share a level: what the network does with the level alone, up to two fifths of its
work, is then done once for them, and strata that narrow lose nothing. In free space the conditional expectation itself
over the data is the target (`posterior.py`): the same minimum with less noise. It runs over all data, or over the
batch when there are more than a few thousand; either contains x_0. How often levels are drawn, and what each counts,
is the business of `weighting.py`.

Where something is said of the data (`condition.py`), the network is told it, but for what is hidden: all words of a row
with probability `hide`, and each word by itself with probability `hide_each`. A row then has a level of its own.

Everything drawn is a pure function of (seed, step): a run continued at a step repeats the bits of one never
interrupted.

Reference: P. Vincent (2011), Neural Computation 23, 1661.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core.backend import Array, array_module
from inkdiff._core.noise_address import Address
from inkdiff._core.rng import Stream
from inkdiff.domains.box import Box
from inkdiff.learned.condition import beside
from inkdiff.learned.parametrisation import Noise, Parametrisation, Prepared
from inkdiff.learned.posterior import Posterior
from inkdiff.learned.weighting import BalancedWeighting, Weighting
from inkdiff.nn import Run, TimeConditionedNetwork
from inkdiff.processes.base import Process

__all__ = ["Batch", "Objective"]

_REFERENCES = 2048  # as many data points are summed over at most
_TABLE = 4097
_SHARING = (8, 4, 2)  # rows that may share a noise level,
_FEWEST = 64  # if so many different ones remain
_SPREAD = 16  # neighbouring noise levels go to rows this far apart, so that every shard has as much of each


class Batch(NamedTuple):
    """Noisy points, where they started, and how noisy they are."""

    x_t: Array
    x_0: Array
    t: npt.NDArray[np.float64]
    noise: Noise  # of every row
    code: Array  # of every level; neighbouring rows share one
    posterior: Posterior | None
    dropout: Array | None
    said: Array | None = None  # (n, words), what is hidden left out

    def rows(self, part: slice) -> Batch:
        """Some of the rows, without their dropout; the network, which takes all rows, has that from the run."""
        x_t, x_0, t = self.x_t[part], self.x_0[part], self.t[part]
        said = None if self.said is None else self.said[part]
        return Batch(x_t, x_0, t, self.noise.rows(part), self.code, self.posterior, None, said)


@dataclass(frozen=True, eq=False)
class Objective:
    """The loss of one step as a function of the parameters, and its gradient."""

    process: Process
    parametrisation: Parametrisation
    network: TimeConditionedNetwork
    x: Array
    batch: int
    seed: int
    weighting: Weighting = field(default_factory=BalancedWeighting)
    codes: Array | None = None  # (len(x), words): what is said of the data
    hide: float = 0.0
    hide_each: float = 0.0
    _table: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] = field(init=False)
    _over_all: Posterior | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Tabulate ln t over the trained levels, so that a step need not solve for it."""
        levels = self.parametrisation.levels
        grid = np.linspace(levels.lo, levels.top, _TABLE)
        object.__setattr__(self, "_table", (grid, np.log(levels.times(self.process, grid))))
        if len(self.x) <= _REFERENCES:
            object.__setattr__(self, "_over_all", self._over(self.x, self.codes))

    @property
    def levels(self) -> int:
        """How many noise levels a batch has; each is shared by batch/levels neighbouring rows."""
        if self.codes is not None:
            return self.batch
        sharing = (g for g in _SHARING if self.batch % g == 0 and self.batch // g >= _FEWEST)
        return self.batch // next(sharing, 1)

    def draw(self, step: int) -> Batch:
        """The batch of a step: a pure function of (seed, step)."""
        n, m = self.batch, self.levels
        u = kernels.uniform(n + m, seed=self.seed, step=step, stream=Stream.DATA).astype(np.float64)
        xp = array_module(self.x)
        rows = xp.asarray((u[:n] * len(self.x)).astype(np.int64))
        x_0 = self.x[rows]
        stratum = np.argsort(np.arange(m) % _SPREAD, kind="stable")
        t = self._times((stratum + u[n:]) / m)
        noise = self.parametrisation.noise(self.process, t, x_0)
        t = np.repeat(t, n // m)
        x_t = self.process.jump(x_0, xp.asarray(t), Address(self.seed, step, Stream.TRAIN))
        of_rows = Noise(*(xp.repeat(a, n // m) for a in noise))
        codes = None if self.codes is None else self.codes[rows]
        said = None if codes is None else self._unhidden(codes, step)
        code = noise.code if said is None else beside(noise.code, said)
        posterior = self._over_all or self._over(x_0, codes)
        return Batch(x_t, x_0, t, of_rows, code, posterior, self._dropout(step), said)

    def _over(self, references: Array, codes: Array | None) -> Posterior | None:
        return None if isinstance(self.process.domain, Box) else Posterior(references, codes)

    def _unhidden(self, codes: Array, step: int) -> Array:
        """What is said of each row and not hidden, (n, words)."""
        n, words = codes.shape
        u = kernels.uniform(n * (1 + words), seed=self.seed, step=step, stream=Stream.LABELS).reshape(n, 1 + words)
        kept = (u[:, :1] >= self.hide) & (u[:, 1:] >= self.hide_each)
        return codes * array_module(codes).asarray(kept, np.float32)

    def _times(self, quantile: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        levels, log_t = self._table
        if self.weighting.even_in_time:
            first, last = math.exp(log_t[0]), math.exp(log_t[-1])
            if self.process.discrete:
                first, last = round(first), round(last)
                return np.asarray(np.minimum(first + np.floor(quantile * (last - first + 1)), last))
            return np.asarray(np.minimum(first + quantile * (last - first), self.process.t_max))
        t = np.exp(np.interp(levels[0] + quantile * (levels[-1] - levels[0]), levels, log_t))
        if self.process.discrete:
            t = np.maximum(np.rint(t), 1)
        return np.asarray(np.minimum(t, self.process.t_max))

    def _dropout(self, step: int) -> Array | None:
        shape = (self.network.shape.depth - 1, self.batch, self.network.shape.width)
        if self.network.shape.dropout == 0 or shape[0] == 0:
            return None
        out = array_module(self.x).empty(shape, np.float32)
        kernels.uniform(out.size, seed=self.seed, step=step, stream=Stream.DROPOUT, out=out.reshape(-1))
        return out

    def gradient(self, run: Run, batch: Batch, out: Array, shifts: list[Array] | None = None) -> Array:
        """Loss of each of `run.rows`; the gradient of the sum over `self.batch` goes into the flat `out`.

        `shifts`, if the network's are known already.
        """
        part, n = batch.rows(run.rows), len(batch.x_t)
        features = run.arena.empty((n, self.parametrisation.inputs), batch.x_t)
        prepared = self.parametrisation.prepare(part.x_t, part.noise, out=features[run.rows])
        run.dropout = batch.dropout
        answer, backprop = self.network(run, features, batch.code, shifts)
        error = prepared.scale * answer[run.rows] - self._target(part, prepared)
        loss = (error**2).mean(1)
        weight = self._weight(part, prepared)
        if weight is not None:
            loss *= weight
            error *= weight[:, None]
        # Adam does not see the scale of the loss; this one keeps gradients of order one.
        error *= prepared.scale * np.float32(2 / self.batch)
        answer[run.rows] = error
        backprop(answer, out)
        return loss

    def _weight(self, batch: Batch, prepared: Prepared) -> Array | None:
        """What the squares of the balanced error count, (n,), or None where all count the same."""
        levels = self.parametrisation.levels
        of_noise = self.weighting.of_noise_error(batch.noise.level, levels.top - levels.lo)
        return None if of_noise is None else (of_noise * prepared.unit[:, 0] ** 2).astype(np.float32)

    def _target(self, batch: Batch, prepared: Prepared) -> Array:
        """(u - m)/r, (n, d), with u of all references where there are some, else of x_0 alone."""
        sigma, alpha = batch.noise.sigma[:, None], batch.noise.alpha[:, None]
        if batch.posterior is None:
            t = array_module(batch.x_t).asarray(batch.t)
            u = sigma * self.process.score_transition(batch.x_t, t, batch.x_0)
        else:
            u = batch.posterior(batch.x_t / alpha, sigma / alpha, batch.said)
        return (u - prepared.known) / prepared.unit
