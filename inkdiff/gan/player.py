r"""One of the two in training: a network, its optimiser, its share of the work on each thread, and what it says when it
breaks.

    theta_{k+1} = AdamW(theta_k, sum over pieces of the batch of d loss/d theta)

Rows are cut into pieces by their number alone; each piece has a gradient of its own, and these are added in order: the
same bits on any number of threads. Both players keep the running mean of their weights (`nn/optimiser.py`): the duel
never quite rests, and the mean is where it circles about.

Reference: Y. Yazici et al. (2019), arXiv:1806.04498 (averaging in duels).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, is_cuda
from inkdiff._core.rng import Stream
from inkdiff.nn import AdamW, AdamWState, Arena, PlainMLP, PlainNetwork, RateSchedule, RowShards

__all__ = ["Player", "Work", "check_flag", "check_penalty", "check_rules", "check_shape"]

_ROWS = 256  # of a piece: as many as the calls between the products are worth

# work(arena, rows, gradients): the loss of these rows; their gradient is the sum of the rows of `gradients` (parts, p)
Work = Callable[[Arena, slice, Array], float]


@dataclass
class Player:
    """A network in training for `steps` steps; `parts` is how many gradients its work leaves to be added."""

    name: str
    network: PlainNetwork
    state: AdamWState
    batch: int
    steps: int
    lr: float
    warmup: int
    parts: int = 1
    threads: int = 0
    _optimiser: AdamW = field(init=False)
    _shards: RowShards = field(init=False)
    _arenas: list[Arena] = field(init=False)
    _gradients: Array = field(init=False)
    _rows: list[slice] = field(init=False)

    def __post_init__(self) -> None:
        """Allocate the gradients."""
        theta = self.state.theta
        # A short memory, of a few steps: the opponent, and with it the landscape, has moved on since.
        self._optimiser = AdamW(b1=0.5, b2=0.9)
        self._shards = RowShards(1 if is_cuda(theta) else min(4, max(1, self.batch // _ROWS)), self.threads)
        self._rows = self._shards.pieces(self.batch)
        self._arenas = [Arena() for _ in self._rows]
        self._gradients = array_module(theta).empty_like(theta, shape=(len(self._rows), self.parts, theta.size))

    @classmethod
    def start(cls, name: str, network: PlainNetwork, like: Array, *, seed: int, step: int, **rules: Any) -> Player:
        """Before the first step: weights from stream INIT at `step`, on the device of `like`."""
        xp = array_module(like)

        def normal(n: int) -> Array:
            return kernels.normal(n, seed=seed, step=step, stream=Stream.INIT, out=xp.empty(n, np.float32))

        return cls(name, network, AdamWState.start(network.initial(normal)), **rules)

    def advance(self, work: Work) -> float:
        """One step; returns the loss before it.

        Raises
        ------
        FloatingPointError
            If the loss is not finite.
        """

        def piece(k: int) -> float:
            self._arenas[k].rewind()
            with np.errstate(over="ignore", invalid="ignore"):  # said once, by the error below
                return work(self._arenas[k], self._rows[k], self._gradients[k])

        loss = math.fsum(self._shards.run(piece, len(self._rows)))
        if not math.isfinite(loss):
            raise FloatingPointError(self._diagnosis(f"its loss is {loss}"))
        gradient = self._gradients.reshape(-1, self.state.theta.size).sum(0)
        rate = RateSchedule(self.lr, self.steps, self.warmup)(self.state.step)
        self._optimiser.update(self.state, gradient, rate, self._shards)
        return loss

    def check(self) -> None:
        """Raise FloatingPointError unless the weights are finite."""
        if not (_finite(self.state.theta) and _finite(self.state.mean)):
            raise FloatingPointError(self._diagnosis("its weights are not finite"))

    def _diagnosis(self, shown: str) -> str:
        xp, theta = array_module(self.state.theta), self.state.theta
        largest = float(xp.abs(xp.where(xp.isfinite(theta), theta, 0)).max())
        if _finite(theta):
            cause = "Its weights are finite, so its answers, or those of its opponent, have overflowed"
        else:
            cause = "Its weights were undone by an earlier step, too long or of an overflowing gradient"
        return (
            f"the {self.name} broke down at step {self.state.step} of {self.steps}: {shown}. {cause} (largest finite "
            f"|weight| {largest:.3g}). Use a lower learning rate than {self.lr:g}, or a larger r1."
        )


def _finite(a: Array) -> bool:
    return bool(array_module(a).isfinite(a).all())


def check_rules(**rules: Any) -> dict[str, Any]:
    """What a player is told: steps, batch, lr, threads, warmup; checked where given.

    Raises
    ------
    ValueError, TypeError
        If one is out of range.
    """
    least = {"steps": 1, "batch": 1, "threads": 0, "warmup": 0}
    return {
        name: checks.count(value, name, least=least[name]) if name in least else checks.positive(value, name)
        for name, value in rules.items()
    }


def check_flag(value: object, name: str) -> bool:
    """True or False, and nothing that is merely true or false in Python's eyes."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {checks.show(value)}.")
    return bool(value)


def check_penalty(r1: object) -> float:
    """The weight of the penalty on the slope, >= 0."""
    weight = checks.real(r1, "r1")
    if weight < 0:
        raise ValueError(f"r1 must be >= 0, the weight of the penalty on the slope, got {weight}.")
    return weight


def check_shape(net: object, name: str) -> PlainMLP:
    """The shape of a network."""
    if not isinstance(net, PlainMLP):
        raise TypeError(f"{name} must be an inkdiff.gan.PlainMLP, got {checks.show(net)}.")
    return net
