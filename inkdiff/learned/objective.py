r"""Denoising score matching: regress on the score of the transition from a known start, get the score of the whole.

    E |s(x_t, t) - grad log p(x_t | x_0)|^2  is least for  s = grad log p_t(x) = E[grad log p(x_t | x_0) | x_t = x]

Every step draws points x_0 of the data, levels spread evenly (one in each of `batch` equal strata), and x_t by one
exact jump. In free space the conditional expectation over the data is itself a sum of Gaussians, so the regression
target is taken as

    E[x_0 | x_t] = sum_i w_i x_i,    w_i ~ exp(-|y - x_i|^2 / 2 (sigma/alpha)^2)

instead of the single x_0 that was drawn: the same minimum with less noise. The sum runs over all data, or over the
batch when there are more than a few thousand; either contains x_0 itself. Between walls the target is the heat
kernel's score.

Everything drawn is a pure function of (seed, step): a run continued at a step repeats the bits of one never
interrupted.

References: P. Vincent (2011), Neural Computation 23, 1661; Y. Xu, S. Tong, T. Jaakkola (2023), arXiv:2302.00670 (the
mean over a reference batch).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff.backend import Array, array_module
from inkdiff.learned.parametrisation import Noise, Parametrisation, Prepared
from inkdiff.nn import Network, Run
from inkdiff.process import Process
from inkdiff.rng import Stream
from inkdiff.simulate import jump

__all__ = ["Batch", "Objective"]

_REFERENCES = 2048  # as many data points are summed over at most
_TABLE = 4097


class Batch(NamedTuple):
    """Noisy points, where they started, and how noisy they are."""

    x_t: Array
    x_0: Array
    t: npt.NDArray[np.float64]
    noise: Noise
    references: Array
    dropout: Array | None

    def rows(self, part: slice) -> Batch:
        """Some of the rows, with all references."""
        dropout = None if self.dropout is None else self.dropout[:, part]
        x_t, x_0, t = self.x_t[part], self.x_0[part], self.t[part]
        return Batch(x_t, x_0, t, self.noise.rows(part), self.references, dropout)


@dataclass(frozen=True, eq=False)
class Objective:
    """The loss of one step as a function of the parameters, and its gradient."""

    process: Process
    parametrisation: Parametrisation
    network: Network
    x: Array
    batch: int
    seed: int
    _table: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] = field(init=False)

    def __post_init__(self) -> None:
        """Tabulate ln t over the trained levels, so that a step need not solve for it."""
        levels = self.parametrisation.levels
        grid = np.linspace(levels.lo, levels.top, _TABLE)
        object.__setattr__(self, "_table", (grid, np.log(levels.times(self.process, grid))))

    def draw(self, step: int) -> Batch:
        """The batch of a step: a pure function of (seed, step)."""
        u = kernels.uniform(2 * self.batch, seed=self.seed, step=step, stream=Stream.DATA).astype(np.float64)
        xp = array_module(self.x)
        x_0 = self.x[xp.asarray((u[: self.batch] * len(self.x)).astype(np.int64))]
        t = self._times((np.arange(self.batch) + u[self.batch :]) / self.batch)
        x_t = jump(self.process, x_0, xp.asarray(t), seed=self.seed, step=step, stream=Stream.TRAIN)
        references = self.x if len(self.x) <= _REFERENCES else x_0
        noise = self.parametrisation.noise(self.process, t, x_0)
        return Batch(x_t, x_0, t, noise, references, self._dropout(step))

    def _times(self, quantile: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        levels, log_t = self._table
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

    def gradient(self, run: Run, batch: Batch, out: Array) -> Array:
        """Loss of each row (n,); the gradient of their sum over `self.batch` goes into the flat `out`."""
        prepared = self.parametrisation.prepare(batch.x_t, batch.noise)
        run.dropout = batch.dropout
        answer, backprop = self.network(run, prepared.features, batch.noise.code)
        error = prepared.gain * answer - self._target(batch, prepared)
        loss = (error**2).mean(1)
        # Adam does not see the scale of the loss; this one keeps gradients of order one.
        backprop(error * (prepared.gain * np.float32(2 / self.batch)), out)
        return loss

    def _target(self, batch: Batch, prepared: Prepared) -> Array:
        """(sigma score - m)/r of the posterior mean or of the drawn x_0, (n, d)."""
        if self.parametrisation.boxed:
            xp = array_module(batch.x_t)
            score = self.process.score_transition(batch.x_t, xp.asarray(batch.t), batch.x_0)
            scaled = batch.noise.sigma[:, None] * score
        else:
            scaled = _posterior_score(batch)
        return (scaled - prepared.known) / prepared.remainder


def _posterior_score(batch: Batch) -> Array:
    """sigma times the score of the noised reference points, (alpha E[x_0 | x_t] - x_t)/sigma, (n, d)."""
    xp = array_module(batch.x_t)
    y = batch.x_t / batch.noise.alpha[:, None]
    ratio = (batch.noise.sigma / batch.noise.alpha)[:, None]
    # -|y - x_i|^2 / 2 up to what does not depend on i; about the mean, so that float32 suffices at small noise.
    mean = batch.references.mean(0)
    centred = batch.references - mean
    logs = (y - mean) @ centred.T
    logs -= (centred**2).sum(1) / 2
    logs -= logs.max(axis=1, keepdims=True)
    logs /= ratio**2
    weights = xp.exp(logs)
    weights /= weights.sum(axis=1, keepdims=True)
    return (weights @ batch.references - y) / ratio
