r"""The optimisation of one network: down the gradient of a batch's loss, step by step, and what is said when it breaks.

    theta_{k+1} = AdamW(theta_k, dL_k/dtheta, rate_k),     L_k the loss of the batch of step k;     mean_k: what is kept

An `Objective` says what L_k is. A loss that is not finite has one of three causes, and which one can be told from what
is at hand: the batch, the weights (undone by an earlier gradient, or by an earlier step that was too long), or finite
weights so large that the network overflows. Weights are looked at only then, and before they are saved: a step costs no
check.

Reference: I. Loshchilov, F. Hutter (2019), arXiv:1711.05101.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from inkdiff import kernels
from inkdiff._core.backend import Array, array_module
from inkdiff._core.rng import Stream
from inkdiff.nn.layers import Network
from inkdiff.nn.optimiser import AdamW, AdamWState, RateSchedule
from inkdiff.nn.shards import RowShards

__all__ = ["Fault", "Objective", "Optimisation", "initial_weights"]


class Fault(NamedTuple):
    """What is wrong with a batch, and what can be done about it: a sentence without its full stop, and a sentence."""

    cause: str
    remedy: str


class Objective(ABC):
    """The loss of a network's flat parameters that an optimisation lessens.

    `subject` names what is trained, and `alternative` another remedy than a lower learning rate, in what is said of a
    loss that is not finite.
    """

    subject: str = "training"
    alternative: str = ""

    @abstractmethod
    def loss(self, theta: Array, step: int, gradient: Array) -> float:
        """L_k at weights theta (p,), for the batch of step k; its gradient (p,) goes into `gradient`."""

    def fault(self, step: int) -> Fault | None:
        """What is wrong with the batch of a step whose loss is not finite; None if it is sound."""
        return None


@dataclass
class Optimisation:
    """A network on its way down an objective: its weights with the optimiser's memory, and the steps planned."""

    objective: Objective
    state: AdamWState
    rate: RateSchedule
    optimiser: AdamW = field(default_factory=AdamW)
    shards: RowShards = field(default_factory=RowShards)
    _gradient: Array = field(init=False)

    def __post_init__(self) -> None:
        """Allocate the gradient."""
        self._gradient = array_module(self.state.theta).empty_like(self.state.theta)

    @property
    def steps(self) -> int:
        """The steps planned."""
        return self.rate.steps

    def advance(self) -> float:
        """One step; returns the loss before it.

        Raises
        ------
        FloatingPointError
            If the loss is not finite; it says what is at fault.
        """
        step = self.state.step
        loss = self.objective.loss(self.state.theta, step, self._gradient)
        if not math.isfinite(loss):
            raise FloatingPointError(self._diagnosis(f"the loss is {loss}", self.objective.fault(step)))
        self.optimiser.update(self.state, self._gradient, self.rate(step), self.shards)
        return loss

    def check(self) -> None:
        """Raise FloatingPointError unless the weights and all that goes with them are finite."""
        state = self.state
        if not all(_finite(a) for a in (state.theta, state.mean, state.m, state.v)):
            raise FloatingPointError(self._diagnosis("the weights are not finite", None))

    def _diagnosis(self, shown: str, fault: Fault | None) -> str:
        state, objective = self.state, self.objective
        xp = array_module(state.theta)
        largest = float(xp.abs(xp.where(xp.isfinite(state.theta), state.theta, 0)).max())
        cause, remedy = fault or (
            self._fault_of_weights(),
            f"Use a lower learning rate than {self.rate.peak:g}{objective.alternative}.",
        )
        return (
            f"{objective.subject} broke down at step {state.step} of {self.steps}: {shown}. {cause} (largest finite "
            f"|weight| {largest:.3g}, learning rate {self.rate(state.step):.3g}). {remedy}"
        )

    def _fault_of_weights(self) -> str:
        if not (_finite(self.state.m) and _finite(self.state.v)):
            return "The weights are at fault: the gradient of an earlier step overflowed"
        if not _finite(self.state.theta):
            return "The weights are at fault: an earlier step was too long for float32, its gradient was finite"
        return "Data and weights are finite, but the weights have grown until the network's output overflows"


def initial_weights(network: Network, like: Array, *, seed: int, step: int = 0) -> Array:
    """Flat initial weights (p,), float32, from stream INIT at `step`, on the device of `like`."""
    xp = array_module(like)

    def normal(n: int) -> Array:
        return kernels.normal(n, seed=seed, step=step, stream=Stream.INIT, out=xp.empty(n, np.float32))

    return network.initial(normal)


def _finite(a: Array) -> bool:
    return bool(array_module(a).isfinite(a).all())
