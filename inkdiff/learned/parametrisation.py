r"""The score as a known part plus a network whose task has unit size at every noise level.

    score(x, t) = [ m(y, l) + r(l) g(l) F(features, c) ] / sigma_t,      y = x/alpha_t,  l = ln(sigma_t/alpha_t)

m is the exact score of independent coordinates times sigma (`marginals.py`), so F = 0 is a world without shapes, not
without knowledge. r is the root mean square of what m leaves over, sigma grad log p(x_t | x_0) - m, measured on data;
g = 1/(1 + (e^l / w)^2), w the data's widest principal standard deviation, shrinks the network where noise drowns
everything there is to learn and its errors could only do harm. The network sees the point itself and the guess
that m implies for the clean data (Tweedie), both at unit size, and c(t):

    features = [ (y - mean) , (y + e^l m - mean) ] / sqrt(spread^2 + e^{2l}) , / spread        (between walls: e^l -> 0)

Loss of a noisy point: |g F - (sigma grad log p(x_t | x_0) - m)/r|^2, of unit size at F = 0.

References: T. Karras et al. (2022), arXiv:2206.00364, section 5 (preconditioning); M. Robbins (1956), Tweedie's
formula.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff.backend import Array, array_module, asnumpy
from inkdiff.domain import Box
from inkdiff.learned.levels import Levels
from inkdiff.learned.marginals import Marginals
from inkdiff.process import Process
from inkdiff.rng import Stream
from inkdiff.simulate import jump

__all__ = ["Noise", "Parametrisation", "Prepared"]

_PROBES = 512  # noisy points per level on which r is measured
_LEAST = 1e-3  # r is never taken smaller


class Noise(NamedTuple):
    """alpha, sigma, ln(sigma/alpha) and c of n rows (n,), or of all rows (1,); float32 but for the level."""

    alpha: Array
    sigma: Array
    level: Array
    code: Array

    def rows(self, part: slice) -> Noise:
        """The same for some of the rows."""
        return Noise(*(a[part] for a in self))


class Prepared(NamedTuple):
    """What the network sees, and what turns its answer into a score."""

    features: Array  # (n, 2 d)
    known: Array  # (n, d): m
    remainder: Array  # (n or 1, 1): r
    gain: Array  # (n or 1, 1): g


@dataclass(frozen=True, eq=False)
class Parametrisation:
    """The known part of a score and the scales of the unknown; see the module's equations.

    `centre` (d,) and `spread` describe the data in process coordinates, `width` is w, `remainder` (K,) holds r at the
    levels of the table.
    """

    levels: Levels
    boxed: bool
    marginals: Marginals
    centre: Array
    spread: float
    width: float
    remainder: Array

    def noise(self, process: Process, t: Any, like: Array) -> Noise:
        """The noise at times t (a number or (n,)), on the device of `like`."""
        xp = array_module(like)
        t = np.atleast_1d(np.asarray(asnumpy(t), np.float64))
        variance, log_alpha = process.variance(t), process.log_alpha(t)
        level = np.log(variance) / 2 - log_alpha
        fields = np.exp(log_alpha), np.sqrt(variance), level, self.levels.code(level)
        return Noise(*(xp.asarray(f, d) for f, d in zip(fields, ("f4", "f4", "f8", "f4"), strict=True)))

    def prepare(self, x: Array, noise: Noise) -> Prepared:
        """Features and scales for points x (n, d), float32, in process coordinates."""
        xp = array_module(x)
        y = x / noise.alpha[:, None]
        known = self.marginals(y, noise.level)
        ratio = xp.exp(noise.level).astype(np.float32)[:, None]
        outer = xp.zeros_like(ratio) if self.boxed else ratio
        guess = y + ratio * known
        d = x.shape[1]
        features = xp.empty((len(x), 2 * d), np.float32)
        features[:, :d] = (y - self.centre) / xp.sqrt(outer**2 + np.float32(self.spread**2))
        features[:, d:] = (guess - self.centre) / np.float32(self.spread)
        gain = 1 / (1 + (ratio / np.float32(self.width)) ** 2)
        return Prepared(features, known, self._remainder(noise.level), gain)

    def score(self, prepared: Prepared, noise: Noise, answer: Array) -> Array:
        """The score (n, d) from the network's answer F (n, d)."""
        return (prepared.known + prepared.remainder * prepared.gain * answer) / noise.sigma[:, None]

    def _remainder(self, level: Array) -> Array:
        xp = array_module(level)
        table = self.marginals
        nodes = xp.linspace(table.lo, table.hi, self.remainder.size)
        return xp.interp(level, nodes, self.remainder).astype(np.float32)[:, None]

    @classmethod
    def of(cls, process: Process, x: Array, *, finest: float, seed: int) -> Parametrisation:
        """The parametrisation for data x (n, d), float32, in process coordinates; `finest` in units of their spread."""
        xp = array_module(x)
        centre = x.mean(0)
        spread = math.sqrt(float(((x - centre) ** 2).mean()))
        if spread == 0:
            raise ValueError("data: all rows are equal; there is nothing to learn.")
        width = _principal_width(asnumpy(x))
        levels = Levels.of(process, finest=finest * spread, width=width, d=x.shape[1])
        boxed = isinstance(process.domain, Box)
        marginals = Marginals.of(process.domain, x, levels.lo, levels.hi)
        count = marginals.table.shape[0]
        start = cls(levels, boxed, marginals, centre, spread, width, xp.ones(count, np.float32))
        return start._measured(process, x, seed)

    def _measured(self, process: Process, x: Array, seed: int) -> Parametrisation:
        """The same with r measured on the data."""
        xp = array_module(x)
        nodes = np.linspace(self.marginals.lo, self.marginals.hi, self.marginals.table.shape[0])
        chosen = kernels.uniform(_PROBES, seed=seed, stream=Stream.INIT) * len(x)
        rows = x[xp.asarray(chosen.astype(np.int64))]
        remainder: list[float] = []
        for k, t in enumerate(self.levels.times(process, nodes)):
            noise = self.noise(process, t, x)
            x_t = jump(process, rows, float(t), seed=seed, step=k + 1, stream=Stream.INIT)
            target = noise.sigma[:, None] * process.score_transition(x_t, float(t), rows)
            left = target - self.prepare(x_t, noise).known
            remainder.append(max(_LEAST, math.sqrt(float((left**2).mean()))))
        return replace(self, remainder=xp.asarray(remainder, np.float32))


def _principal_width(x: npt.NDArray[Any]) -> float:
    """The largest principal standard deviation of data x (n, d)."""
    centred = (x - x.mean(0)).astype(np.float64)
    return math.sqrt(max(float(np.linalg.eigvalsh(centred.T @ centred / len(x))[-1]), 0.0))
