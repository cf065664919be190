r"""A denoising loss as the objective of an optimisation: a batch drawn by the step's number, its rows in shards.

    L_k(theta) = (1/n) sum_rows |g F(theta; x_t) - target|^2,      the batch of step k a pure function of (seed, k)

Since a batch can be drawn again, nothing is kept of it: whether the noised data are at fault for a loss that is not
finite is looked at afterwards.

Reference: P. Vincent (2011), Neural Computation 23, 1661.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np

from inkdiff._core.backend import Array, array_module
from inkdiff.nn import Fault, Objective, RowShards, Run, ShardedGradient, TimeConditionedNetwork

__all__ = ["DenoisingLoss", "NoisedBatch", "ShardedObjective"]


class NoisedBatch(Protocol):
    """Noised rows of the data."""

    @property
    def x_t(self) -> Array:
        """The noised data (n, d)."""

    @property
    def code(self) -> Array:
        """The noise levels, shared by neighbouring rows, and the condition: the network's second input."""


B = TypeVar("B", bound=NoisedBatch)


class DenoisingLoss(Protocol[B]):
    """A loss of noised rows: how a batch of a step is drawn, and the gradient on some of its rows."""

    @property
    def network(self) -> TimeConditionedNetwork:
        """What is trained."""

    @property
    def batch(self) -> int:
        """Rows of a batch."""

    @property
    def levels(self) -> int:
        """Levels of a batch, each shared by batch/levels neighbouring rows."""

    def draw(self, step: int) -> B:
        """The batch of a step."""

    def gradient(self, run: Run, batch: B, out: Array, shifts: list[Array] | None = None) -> Array:
        """Loss of each of `run.rows`; the gradient of the mean over the batch goes into `out`."""


class ShardedObjective(Objective):
    """The mean of a denoising loss over a batch, its rows split over threads."""

    def __init__(self, denoising: DenoisingLoss[B], shards: RowShards) -> None:
        self.denoising = denoising
        self._sharded = ShardedGradient(denoising.network, shards, denoising.batch, denoising.levels)

    def loss(self, theta: Array, step: int, gradient: Array) -> float:
        """The mean loss of the batch of a step."""
        denoising, batch = self.denoising, self.denoising.draw(step)

        def backward(run: Run, shifts: list[Array]) -> float:
            with np.errstate(over="ignore", invalid="ignore"):  # said once, by the optimisation
                return float(denoising.gradient(run, batch, gradient, shifts).sum())

        return float(sum(self._sharded(theta, batch.code, backward, gradient))) / denoising.batch

    def fault(self, step: int) -> Fault | None:
        """The noised data, if they are not finite."""
        x_t = self.denoising.draw(step).x_t
        if bool(array_module(x_t).isfinite(x_t).all()):
            return None
        return Fault(
            "The noised data are at fault, not the weights: points of this batch are not finite",
            "Look for values of extreme size in the data, or shorten the process.",
        )
