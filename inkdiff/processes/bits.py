r"""Zeros and ones: where they live, their simple law, and how likely one is to change on the way back.

    P(x_s != x_t | x_t)  =  P(flip | x_0 as x_t) P(x_0 as x_t)  +  P(flip | x_0 other) P(x_0 other)

Reference: J. Sohl-Dickstein et al. (2015), arXiv:1503.03585, table App.1 (binomial).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff._core.noise_address import Address
from inkdiff._core.rng import Stream
from inkdiff.domains.base import StateSpace
from inkdiff.processes.distributions import Distribution

__all__ = ["Bernoulli", "Bits", "Flips", "log_odds_of_a_change", "sigmoids", "uniforms"]


@dataclass(frozen=True)
class Bits(StateSpace):
    """Where bits live: every coordinate 0 or 1."""

    def check_inside(self, x: Array, name: str = "x") -> None:
        """Raise unless all entries of x are 0 or 1."""
        strays = (x != 0) & (x != 1)
        if bool(strays.any()):
            checks.finite_array(x, name)
            bad = float(x[strays].ravel()[0])
            raise ValueError(
                f"{name} must hold bits, 0 or 1, but {int(strays.sum())} of its {x.size} entries are others, such as "
                f"{bad:g}; choose a threshold, as in x > 0.5."
            )


@dataclass(frozen=True)
class Bernoulli(Distribution):
    """Independent bits, each 1 with probability p."""

    p: float

    def entropy(self, d: int) -> float:
        """d times -p ln p - (1 - p) ln(1 - p), nats."""
        return -d * (self.p * math.log(self.p) + (1 - self.p) * math.log1p(-self.p))

    def log_density(self, x: Array) -> Array:
        """Log probability of each row of x (n, d)."""
        ones = x.sum(1, dtype=np.float64)
        return ones * math.log(self.p) + (x.shape[1] - ones) * math.log1p(-self.p)

    def sample(
        self, n: int, d: int, *, seed: int, dtype: npt.DTypeLike = np.float32, stream: int = Stream.PRIOR
    ) -> npt.NDArray[np.floating]:
        """n independent rows of d bits, from stream PRIOR unless told otherwise."""
        u = kernels.uniform(checks.count(n, "n") * checks.count(d, "d"), seed=seed, stream=stream)
        bits: npt.NDArray[np.floating] = (u < self.p).reshape(n, d).astype(dtype)
        return bits


class Flips(NamedTuple):
    """Whether a bit changes on the way back from t to s: four probabilities, each (n, d) or broadcast to it.

    `flip` + `stay` = 1 in either case; both are kept, since either may be tiny.
    """

    flip_same: Array  # if x_0 is as x_t
    stay_same: Array
    flip_other: Array  # if it is not
    stay_other: Array

    def mixed(self, log_odds_other: Array) -> tuple[Array, Array]:
        """(flip, stay) if x_0 differs from x_t with these log-odds."""
        other, same = sigmoids(log_odds_other)
        return other * self.flip_other + same * self.flip_same, other * self.stay_other + same * self.stay_same

    def known(self, other: Array) -> tuple[Array, Array]:
        """(flip, stay) where it is known whether x_0 differs from x_t."""
        xp = array_module(other)
        return xp.where(other, self.flip_other, self.flip_same), xp.where(other, self.stay_other, self.stay_same)


def uniforms(x: Array, noise: Address) -> Array:
    """A uniform for every bit of x (n, d), on its device."""
    u = array_module(x).empty(x.size, np.float32)
    return kernels.uniform(
        x.size, seed=noise.seed, step=noise.step, stream=noise.stream, start=noise.start, out=u
    ).reshape(x.shape)


def log_odds_of_a_change(x: Array, log_odds: Array) -> Array:
    """Log-odds that x_0 differs from x, from those that it is 1."""
    return array_module(x).where(x > 0.5, -log_odds, log_odds)


def sigmoids(z: Array) -> tuple[Array, Array]:
    """1/(1 + exp(-z)) and 1/(1 + exp(z)), float64, to full relative accuracy where tiny; z may be infinite."""
    xp = array_module(z)
    z = xp.asarray(z, np.float64)
    small = xp.exp(-xp.abs(z))
    large = 1 / (1 + small)
    small *= large
    return xp.where(z >= 0, large, small), xp.where(z >= 0, small, large)
