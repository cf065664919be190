r"""Training in progress, one step at a time, and what it says when it breaks.

    theta_{k+1} = AdamW(theta_k, d/dtheta sum_rows |g F - target|^2),      mean_k: what is kept

A loss that is not finite has one of three causes, and which one can be told from what is at hand: the noised data, the
weights (undone by an earlier gradient, or by an earlier step that was too long), or finite weights so large that the
network overflows. Weights are looked at only then, and before they are saved: a step costs no check.

Reference: I. Loshchilov, F. Hutter (2019), arXiv:1711.05101.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from inkdiff._core.backend import Array, array_module
from inkdiff.learned.training.settings import Settings
from inkdiff.nn import AdamW, AdamWState, Network, RowShards, Run, ShardedGradient, learning_rate

__all__ = ["Trainable", "Trainer"]


class Trainable(Protocol):
    """A loss that a network can be trained on: a batch for every step, and the gradient on its rows.

    A batch has `x_t`, the noised data, and `code`, what the network sees of their levels.
    """

    @property
    def network(self) -> Network:
        """What is trained."""

    @property
    def batch(self) -> int:
        """Rows of a batch."""

    @property
    def levels(self) -> int:
        """Levels of a batch, each shared by batch/levels neighbouring rows."""

    def draw(self, step: int) -> Any:
        """The batch of a step."""

    def gradient(self, run: Run, batch: Any, out: Array, shifts: list[Array] | None = None) -> Array:
        """Loss of each of `run.rows`; the gradient of the mean over the batch goes into `out`."""


@dataclass
class Trainer:
    """Training in progress: the objective, the optimiser's state, and working memory."""

    objective: Trainable
    settings: Settings
    state: AdamWState
    shards: RowShards
    _optimiser: AdamW = field(init=False)
    _backward: ShardedGradient = field(init=False)
    _gradient: Array = field(init=False)

    def __post_init__(self) -> None:
        """Allocate the gradient."""
        objective = self.objective
        self._optimiser = AdamW(decay=self.settings.decay)
        self._backward = ShardedGradient(objective.network, self.shards, objective.batch, objective.levels)
        self._gradient = array_module(self.state.theta).empty_like(self.state.theta)

    @property
    def rate(self) -> float:
        """The learning rate of the step to come."""
        steps = self.settings.steps
        warmup = min(self.settings.warmup, steps // 2)
        return learning_rate(self.state.step, steps, peak=self.settings.lr, warmup=warmup)

    def advance(self) -> float:
        """One step; returns its mean loss.

        Raises
        ------
        FloatingPointError
            If the loss is not finite.
        """
        batch = self.objective.draw(self.state.step)

        def backward(run: Run, shifts: list[Array]) -> float:
            with np.errstate(over="ignore", invalid="ignore"):  # said once, by the error below
                return float(self.objective.gradient(run, batch, self._gradient, shifts).sum())

        losses = self._backward(self.state.theta, batch.code, backward, self._gradient)
        loss = float(sum(losses)) / self.objective.batch
        if not math.isfinite(loss):
            raise FloatingPointError(self._diagnosis(loss, batch))
        self._optimiser.update(self.state, self._gradient, self.rate, self.shards)
        return loss

    def check(self) -> None:
        """Raise FloatingPointError unless the weights and all that goes with them are finite."""
        state = self.state
        if not all(_finite(a) for a in (state.theta, state.mean, state.m, state.v)):
            raise FloatingPointError(self._diagnosis(math.nan, None))

    def _diagnosis(self, loss: float, batch: Any) -> str:
        state, settings = self.state, self.settings
        xp = array_module(state.theta)
        remedy = f"Use a lower learning rate than {settings.lr:g}."
        largest = float(xp.abs(xp.where(xp.isfinite(state.theta), state.theta, 0)).max())
        if batch is not None and not _finite(batch.x_t):
            cause = "The noised data are at fault, not the weights: points of this batch are not finite"
            remedy = "Look for values of extreme size in the data, or shorten the process."
        elif not (_finite(state.m) and _finite(state.v)):
            cause = "The weights are at fault: the gradient of an earlier step overflowed"
        elif not _finite(state.theta):
            cause = "The weights are at fault: an earlier step was too long for float32, its gradient was finite"
        else:
            cause = "Data and weights are finite, but the weights have grown until the network's answer overflows"
        shown = f"the loss is {loss}" if batch is not None else "the weights are not finite"
        return (
            f"training broke down at step {state.step} of {settings.steps}: {shown}. {cause} (largest finite "
            f"|weight| {largest:.3g}, learning rate {self.rate if state.step < settings.steps else 0.0:.3g}). {remedy}"
        )


def _finite(a: Array) -> bool:
    return bool(array_module(a).isfinite(a).all())
