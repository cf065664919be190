r"""AdamW over one flat buffer, a running mean of the weights, and a learning rate that warms up and falls to zero.

    m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2
    theta <- theta - rate (m / (1 - b1^k) / (sqrt(v / (1 - b2^k)) + eps) + decay theta)
    mean  <- mean + (gamma + 1)/(k + gamma) (theta - mean)

The mean is the power-law average of all weights so far, weighted as k^gamma: its memory is a fixed share of the
training done (about 1/(gamma + 2) of it), so one gamma serves short and long training. It samples better than the last
iterate, whose weights still rattle with the step size.

References: I. Loshchilov, F. Hutter (2019), arXiv:1711.05101 (decoupled decay); T. Karras et al. (2024),
arXiv:2312.02696, eq. 123 (power-law averaging).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff.nn import _fused
from inkdiff.nn.shards import RowShards

__all__ = ["AdamW", "AdamWState", "LearningRate", "RateSchedule"]


@dataclass(frozen=True)
class LearningRate:
    """The rates of AdamW in a training: a rise to `peak`, then half a cosine down to zero. None: what suits the data.

    Parameters
    ----------
    peak : the highest learning rate. warmup : steps of the rise.
    decay : weight decay, in units of the learning rate.

    Raises
    ------
    ValueError, TypeError
        If peak <= 0, warmup < 0 or decay < 0, or one is no such number.
    """

    peak: float | None = None
    warmup: int = 100
    decay: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        checked: dict[str, int | float] = {"warmup": checks.count(self.warmup, "warmup", least=0)}
        if self.peak is not None:
            checked["peak"] = checks.positive(self.peak, "lr")
        if self.decay is not None:
            checked["decay"] = decay = checks.real(self.decay, "decay")
            if decay < 0:
                raise ValueError(f"decay must be >= 0, got {decay}.")
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, lr: float | LearningRate | None) -> LearningRate:
        """Rates given as themselves or by their peak."""
        return lr if isinstance(lr, LearningRate) else cls(lr)


@dataclass(frozen=True)
class RateSchedule:
    """The rate of every step k < steps: a linear rise, then half a cosine down to zero at the end.

    rate_k = peak (k + 1)/w,                                        k < w = min(warmup, steps/2)
    rate_k = peak (1 + cos(pi (k - w)/(steps - w)))/2,              k >= w
    """

    peak: float
    steps: int
    warmup: int = 0

    def __call__(self, step: int) -> float:
        """The rate of a step; 0 from the last on."""
        warmup = min(self.warmup, self.steps // 2)
        if step >= self.steps:
            return 0.0
        if step < warmup:
            return self.peak * (step + 1) / warmup
        done = (step - warmup) / max(1, self.steps - warmup)
        return self.peak * 0.5 * (1 + math.cos(math.pi * done))


@dataclass
class AdamWState:
    """Everything the optimiser remembers: weights, their running mean, two moments, and the number of steps taken."""

    theta: Array
    mean: Array
    m: Array
    v: Array
    step: int = 0

    @classmethod
    def start(cls, theta: Array) -> AdamWState:
        """The state before the first step, from initial weights `theta` (p,)."""
        xp = array_module(theta)
        return cls(theta, theta.copy(), xp.zeros_like(theta), xp.zeros_like(theta))


@dataclass(frozen=True)
class AdamW:
    """AdamW with running mean; see the module's equations. `gamma` is the exponent of the mean."""

    b1: float = 0.9
    b2: float = 0.99
    eps: float = 1e-8
    decay: float = 0.0
    gamma: float = 7.0

    def update(self, state: AdamWState, gradient: Array, rate: float, shards: RowShards) -> None:
        """One step in place, down the `gradient` (p,).

        Every parameter is updated by itself, so splitting the buffer over threads changes no bit.
        """
        state.step += 1
        k = state.step
        blend = min(1.0, (self.gamma + 1) / (k + self.gamma))
        constants = (
            self.b1,
            self.b2,
            rate / (1 - self.b1**k),
            1 / math.sqrt(1 - self.b2**k),
            self.eps,
            rate * self.decay,
            blend,
        )
        if type(state.theta) is np.ndarray and state.theta.dtype == np.float32:
            narrow = tuple(np.float32(c) for c in constants)
            pieces = shards.pieces(state.theta.size)

            def piece(index: int) -> None:
                part = pieces[index]
                arrays = (state.theta[part], state.mean[part], state.m[part], state.v[part])
                _fused.adamw(*arrays, gradient[part], narrow)

            shards.run(piece, len(pieces))
        else:
            _update(state, gradient, constants)


def _update(state: AdamWState, g: Array, constants: tuple[float, ...]) -> None:
    """The same step in array expressions: any array module, any precision."""
    xp = array_module(state.theta, g)
    b1, b2, rate, correction, eps, decay, blend = constants
    state.m[...] = b1 * state.m + (1 - b1) * g
    state.v[...] = b2 * state.v + (1 - b2) * g * g
    state.theta -= rate * (state.m / (xp.sqrt(state.v) * correction + eps)) + decay * state.theta
    state.mean += blend * (state.theta - state.mean)
