"""The two simple distributions that diffusion ends in: Gaussian in a bowl or in free space, uniform in a box,

    S = (d/2) ln(2 pi e variance),        S = ln V,

each of greatest entropy S under its constraint (a given variance, given walls).

Reference: T. M. Cover and J. A. Thomas, Elements of Information Theory, chapter 12.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, Time, array_module
from inkdiff._core.rng import Stream
from inkdiff.domains.base import Domain
from inkdiff.domains.box import Box

__all__ = ["Distribution", "Gaussian", "Uniform"]


class Distribution(ABC):
    """A simple law of rows (n, d): what a process ends in, or a walk back starts from."""

    @abstractmethod
    def entropy(self, d: int) -> float:
        """Entropy of a row of d coordinates, nats."""

    @abstractmethod
    def log_density(self, x: Array) -> Array:
        """Log density (or probability) of each row of x (n, d)."""

    @abstractmethod
    def sample(
        self, n: int, d: int, *, seed: int, dtype: npt.DTypeLike = np.float32, stream: int = Stream.PRIOR
    ) -> npt.NDArray[np.floating]:
        """n independent rows of d coordinates, from stream PRIOR unless told otherwise."""

    def with_exact_moments(self, x: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Rows x (n, d) of this law, moved where its form allows so that no chance is left in mean and covariance."""
        return x


@dataclass(frozen=True)
class Gaussian(Distribution):
    """N(0, variance I), in the units of the state squared."""

    variance: float

    def entropy(self, d: int) -> float:
        """(d/2) ln(2 pi e variance), nats."""
        return d / 2 * math.log(2 * math.pi * math.e * self.variance)

    def log_density(self, x: Array) -> Array:
        """Log density of each row of x (n, d)."""
        return -(x**2).sum(1) / (2 * self.variance) - x.shape[1] / 2 * math.log(2 * math.pi * self.variance)

    def relaxation(self, ratio: Time, variance: Time, d: int) -> Time:
        """The factor by which KL and chi^2 to it fall at least over a step x -> N(ratio x, variance): ratio^2."""
        return ratio**2

    def score(self, x: Array) -> Array:
        """grad log density, -x/variance."""
        return -x / x.dtype.type(self.variance)

    def with_exact_moments(self, x: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Rows x (n, d), n > d, moved so that their mean is 0 and their covariance `variance` exactly."""
        centred = (x - x.mean(0)).astype(np.float64)
        lower = np.linalg.cholesky(centred.T @ centred / len(x))
        moved: npt.NDArray[np.floating] = math.sqrt(self.variance) * np.linalg.solve(lower, centred.T).T
        return moved.astype(x.dtype)

    def cdf(self, x: Array, axis: int = 0) -> Array:
        """Marginal cumulative distribution function of one coordinate (NumPy)."""
        from scipy.special import ndtr

        cdf: npt.NDArray[np.float64] = ndtr(np.asarray(x) / math.sqrt(self.variance))
        return cdf

    def sample(
        self, n: int, d: int, *, seed: int, dtype: npt.DTypeLike = np.float32, stream: int = Stream.PRIOR
    ) -> npt.NDArray[np.floating]:
        """n independent rows of d coordinates, from stream PRIOR unless told otherwise."""
        z = kernels.normal(checks.count(n, "n") * checks.count(d, "d"), seed=seed, stream=stream)
        x: npt.NDArray[np.floating] = (z * np.float32(math.sqrt(self.variance))).reshape(n, d).astype(dtype, copy=False)
        return x


@dataclass(frozen=True)
class Uniform(Distribution):
    """Uniform in a domain of finite volume."""

    domain: Domain

    def entropy(self, d: int) -> float:
        """The log volume ln V, nats: the maximum in this domain."""
        return self.domain.log_volume(d)

    def log_density(self, x: Array) -> Array:
        """-ln V for each row of x (n, d)."""
        return array_module(x).full(x.shape[0], -self.entropy(x.shape[1]), x.dtype)

    def cdf(self, x: Array, axis: int = 0) -> Array:
        """Marginal cumulative distribution function of coordinate `axis` (NumPy)."""
        box = self.box
        d = box.axes or axis + 1
        return np.clip((np.asarray(x) - box.low(d)[axis]) / box.length(d)[axis], 0, 1)

    def relaxation(self, ratio: Time, variance: Time, d: int) -> Time:
        """The factor by which KL and chi^2 to it fall at least as the clock gains `variance`; in a product box.

        exp(-k^2 variance) with k = 2 pi/period of the longest axis.
        """
        slowest = 2 * math.pi / float(self.box.period(d).max())
        return math.e ** (-(slowest**2) * variance)

    def score(self, x: Array) -> Array:
        """grad log density, 0."""
        return array_module(x).zeros_like(x)

    @property
    def box(self) -> Box:
        """The domain, if it is a product box; raises otherwise."""
        box = self.domain.as_box
        if box is None:
            raise ValueError(f"domain must be a product box for this, got {checks.show(self.domain)}.")
        return box

    def sample(
        self, n: int, d: int, *, seed: int, dtype: npt.DTypeLike = np.float32, stream: int = Stream.PRIOR
    ) -> npt.NDArray[np.floating]:
        """n independent rows of d coordinates, from stream PRIOR unless told otherwise."""
        n, d, seed = checks.count(n, "n"), checks.count(d, "d"), checks.seed64(seed)
        return self.domain.sample(n, d, seed=seed, dtype=dtype, stream=stream)
