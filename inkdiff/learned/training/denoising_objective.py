r"""Denoising score matching: regress on the score of the transition from a known start, get the score of the whole.

    E |s(x_t, t) - grad log p(x_t | x_0)|^2  is least for  s = grad log p_t(x) = E[grad log p(x_t | x_0) | x_t = x]

Every step draws points x_0 of the data, levels spread evenly (one in each of some equal strata, 64 at least), and x_t
by one exact jump. A few points share a level: what the network does with the level alone, up to two fifths of its
work, is then done once for them, and strata that narrow lose nothing. In free space the conditional expectation itself
over the data is the target (`posterior_target.py`): the same minimum with less noise. It runs over all data, or over
the batch when there are more than a few thousand; either contains x_0. How often levels are drawn, and what each
counts, is the business of `weighting.py`.

Where the rows have words (`word_conditioning.py`), the network sees them, but for what is dropped: all words of a row
with probability `p_uncond`, and each word by itself with probability `p_drop_word`. A row then has a level of its own.

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
from inkdiff.learned.model.preconditioning import Noise, Preconditioning, Prepared
from inkdiff.learned.model.word_conditioning import join_codes
from inkdiff.learned.training.posterior_target import PosteriorTarget
from inkdiff.learned.training.weighting import BalancedWeighting, Weighting
from inkdiff.nn import Run, TimeConditionedNetwork
from inkdiff.processes.base import Process

__all__ = ["Batch", "DenoisingObjective", "WordDropout"]

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
    posterior: PosteriorTarget | None
    dropout: Array | None
    words: Array | None = None  # codes (n, words), without those that are dropped

    def rows(self, part: slice) -> Batch:
        """Some of the rows, without their dropout; the network, which takes all rows, has that from the run."""
        x_t, x_0, t = self.x_t[part], self.x_0[part], self.t[part]
        words = None if self.words is None else self.words[part]
        return Batch(x_t, x_0, t, self.noise.rows(part), self.code, self.posterior, None, words)


@dataclass(frozen=True, eq=False)
class WordDropout:
    """Words (len(x), words) of the data, and the shares that are dropped: of all of a row's words, of single ones."""

    codes: Array
    p_uncond: float
    p_drop_word: float

    def kept(self, codes: Array, *, seed: int, step: int) -> Array:
        """The words of each row (n, words) that are not dropped at this step."""
        n, words = codes.shape
        u = kernels.uniform(n * (1 + words), seed=seed, step=step, stream=Stream.LABELS).reshape(n, 1 + words)
        kept = (u[:, :1] >= self.p_uncond) & (u[:, 1:] >= self.p_drop_word)
        return codes * array_module(codes).asarray(kept, np.float32)


@dataclass(frozen=True, eq=False)
class DenoisingObjective:
    """The loss of one step as a function of the parameters, and its gradient."""

    process: Process
    preconditioning: Preconditioning
    network: TimeConditionedNetwork
    x: Array
    batch: int
    seed: int
    weighting: Weighting = field(default_factory=BalancedWeighting)
    words: WordDropout | None = None
    _table: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] = field(init=False)
    _over_all: PosteriorTarget | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Tabulate ln t over the trained levels, so that a step need not solve for it."""
        levels = self.preconditioning.levels
        grid = np.linspace(levels.lo, levels.top, _TABLE)
        object.__setattr__(self, "_table", (grid, np.log(levels.times(self.process, grid))))
        if len(self.x) <= _REFERENCES:
            object.__setattr__(self, "_over_all", self._over(self.x, None if self.words is None else self.words.codes))

    @property
    def levels(self) -> int:
        """How many noise levels a batch has; each is shared by batch/levels neighbouring rows."""
        if self.words is not None:
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
        noise = self.preconditioning.noise(self.process, t, x_0)
        t = np.repeat(t, n // m)
        x_t = self.process.jump(x_0, xp.asarray(t), Address(self.seed, step, Stream.TRAIN))
        codes, words, code = None, None, noise.code
        if self.words is not None:
            codes = self.words.codes[rows]
            words = self.words.kept(codes, seed=self.seed, step=step)
            code = join_codes(noise.code, words)
        posterior = self._over_all or self._over(x_0, codes)
        return Batch(x_t, x_0, t, noise.repeated(n // m), code, posterior, self._dropout(step), words)

    def _over(self, references: Array, codes: Array | None) -> PosteriorTarget | None:
        return PosteriorTarget(references, codes) if self.process.domain.as_box is None else None

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
        features = run.arena.empty((n, self.preconditioning.inputs), batch.x_t)
        prepared = self.preconditioning.prepare(part.x_t, part.noise, out=features[run.rows])
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
        levels = self.preconditioning.levels
        of_noise = self.weighting.of_noise_error(batch.noise.level, levels.top - levels.lo)
        return None if of_noise is None else (of_noise * prepared.unit[:, 0] ** 2).astype(np.float32)

    def _target(self, batch: Batch, prepared: Prepared) -> Array:
        """(u - m)/r, (n, d), with u of all references where there are some, else of x_0 alone."""
        sigma, alpha = batch.noise.sigma[:, None], batch.noise.alpha[:, None]
        if batch.posterior is None:
            t = array_module(batch.x_t).asarray(batch.t)
            u = sigma * self.process.score_transition(batch.x_t, t, batch.x_0)
        else:
            u = batch.posterior(batch.x_t / alpha, sigma / alpha, batch.words)
        return (u - prepared.known) / prepared.unit
