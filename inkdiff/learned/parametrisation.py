r"""The score as a known part plus a network whose task has unit size for every pixel, value and noise level.

    score(x, t) = [ m(y, l) + g(l) R(y, l) F(features, c) ] / sigma_t,      y = x/alpha_t,  l = ln(sigma_t/alpha_t)

m and R are what each coordinate knows and does not know by itself (`marginals.py`): F = 0 is a world without shapes,
not without knowledge, and R bounds what shapes can add; it vanishes where a pixel is certain, and at walls. With r(l)
the root mean square of R, g = r / max r shrinks the network where noise drowns what there is to learn and its errors
could only do harm: what the others add is of second order in the signal left, R of first. The network sees the point
and the guess that each coordinate makes for itself, both at unit size, and c(t):

    features = [ (y - mean) / sqrt(spread^2 + e^{2l}) ,  (e(y) - mean) / rms of it ]          (between walls: e^l -> 0)
    features = [ cos(2 pi (y - lo)/L) , sin(2 pi (y - lo)/L) ]                                (periodic: no seam)

Points of few coordinates have structure much finer than their spread, which a perceptron learns last. So it also sees
waves of the position, each as much as the noise leaves of it (a wave of wave number k fades like ink, exp(-k^2 v/2)):

    features += [ e^{-k_j^2 e^{2l}/2} (cos, sin)(k_j y) ],   k_j = 2^j/spread,   j < waves

Loss of a noisy point, u = sigma grad log p(x_t | x_0):  |(g R F + m - u) / r|^2, of unit size at F = 0.

References: T. Karras et al. (2022), arXiv:2206.00364, section 5 (preconditioning); M. Tancik et al. (2020),
arXiv:2006.10739 (Fourier features); J. Barron et al. (2021), arXiv:2103.13415 (waves that fade with the blur).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff._core.backend import Array, array_module, asnumpy
from inkdiff.domains.base import Domain
from inkdiff.domains.box import Box
from inkdiff.learned.levels import Levels
from inkdiff.learned.marginals import Marginals
from inkdiff.processes.base import Process, closed_form_domain

__all__ = ["Noise", "Parametrisation", "Prepared"]

_DEAF = 20.0  # level beyond which no wave is left, and its square could overflow


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

    features: Array  # (n, 2 d (1 + waves))
    known: Array  # (n, d): m
    scale: Array  # (n, d): g R / r
    unit: Array  # (n or 1, 1): r


@dataclass(frozen=True, eq=False)
class Parametrisation:
    """The known part of a score and the scales of the unknown; see the module's equations.

    `centre` (d,) and `spread` are mean and standard deviation of the data in process coordinates; `waves` is how many
    octaves of each coordinate the network sees. `fades`: whether g is there; words that are told of a point add to the
    score in first order of the signal left, as R is, so that g = 1.
    """

    levels: Levels
    domain: Domain
    spread: float
    centre: Array
    marginals: Marginals
    waves: int = 0
    fades: bool = True

    @property
    def inputs(self) -> int:
        """How many features the network sees."""
        return 2 * int(self.centre.size) * (1 + self.waves)

    def noise(self, process: Process, t: Any, like: Array) -> Noise:
        """The noise at times t (a number or (n,)), on the device of `like`."""
        xp = array_module(like)
        t = np.atleast_1d(np.asarray(asnumpy(t), np.float64))
        variance, log_alpha = process.variance(t), process.log_alpha(t)
        level = np.log(variance) / 2 - log_alpha
        fields = np.exp(log_alpha), np.sqrt(variance), level, self.levels.code(level)
        return Noise(*(xp.asarray(f, d) for f, d in zip(fields, ("f4", "f4", "f8", "f4"), strict=True)))

    def prepare(self, x: Array, noise: Noise, out: Array | None = None) -> Prepared:
        """Features (into `out` if given) and scales for points x (n, d), float32, in process coordinates."""
        xp = array_module(x)
        y = x / noise.alpha[:, None]
        alone = self.marginals(y, noise.level)
        d = x.shape[1]
        features = xp.empty((len(x), self.inputs), np.float32) if out is None else out
        if isinstance(self.domain, Box) and self.domain.periodic(d).any():
            low, length = (xp.asarray(side, np.float32) for side in (self.domain.low(d), self.domain.length(d)))
            angle = (2 * math.pi) * (y - low) / length
            features[:, :d], features[:, d : 2 * d] = xp.cos(angle), xp.sin(angle)
        else:
            outer = 0.0 if isinstance(self.domain, Box) else xp.exp(noise.level).astype(np.float32)[:, None]
            features[:, :d] = (y - self.centre) / xp.sqrt(outer**2 + np.float32(self.spread**2))
            features[:, d : 2 * d] = (alone.guess - self.centre) / alone.guess_rms
        if self.waves:
            angle, _, fade = self._waves(y, noise.level)
            both = fade * xp.cos(angle), fade * xp.sin(angle)
            features[:, 2 * d :] = xp.concatenate(both, axis=1).reshape(len(x), -1)
        scale = alone.unknown / self._unit(alone.unknown_rms)
        return Prepared(features, alone.known, scale, alone.unknown_rms)

    def tangent(self, x: Array, noise: Noise, v: Array) -> Prepared:
        """The derivative of `prepare` along tangents v (k, n, d), leading axis k; `unit` has none."""
        xp, d = array_module(x), x.shape[1]
        y, dy = x / noise.alpha[:, None], v / noise.alpha[:, None]
        known, unknown, guess = self.marginals.slopes(y, noise.level)
        features = xp.empty((*v.shape[:2], self.inputs), np.float32)
        if isinstance(self.domain, Box) and self.domain.periodic(d).any():
            low, length = (xp.asarray(side, np.float32) for side in (self.domain.low(d), self.domain.length(d)))
            rate = np.float32(2 * math.pi) / length
            angle = rate * (y - low)
            features[..., :d], features[..., d : 2 * d] = -xp.sin(angle) * rate * dy, xp.cos(angle) * rate * dy
        else:
            outer = 0.0 if isinstance(self.domain, Box) else xp.exp(noise.level).astype(np.float32)[:, None]
            features[..., :d] = dy / xp.sqrt(outer**2 + np.float32(self.spread**2))
            features[..., d : 2 * d] = guess * dy / self.marginals(y, noise.level).guess_rms
        if self.waves:
            angle, rate, fade = self._waves(y, noise.level)
            moved = fade * rate * dy[:, :, None, :]
            both = -xp.sin(angle) * moved, xp.cos(angle) * moved
            features[..., 2 * d :] = xp.concatenate(both, axis=2).reshape(*v.shape[:2], -1)
        scale = unknown / self._unit(self.marginals(y, noise.level).unknown_rms)
        return Prepared(features, known * dy, scale * dy, xp.zeros((1, 1), np.float32))

    def _unit(self, r: Array) -> Any:
        """r/g."""
        return np.float32(self.marginals.largest_unknown) if self.fades else r

    def _waves(self, y: Array, level: Array) -> tuple[Array, Array, Array]:
        """k_j (y - origin) (n, waves, d), the k_j (waves, 1 or d), and what the noise leaves of each wave."""
        xp, d = array_module(y), y.shape[1]
        origin, lowest = self.centre, np.full(1, 1 / self.spread)
        if isinstance(self.domain, Box):
            origin = xp.asarray(self.domain.low(d), np.float32)
            lowest = (4 * math.pi if self.domain.periodic(d).any() else math.pi) / self.domain.length(d)
        k = xp.asarray(2.0 ** np.arange(self.waves)[:, None] * lowest)
        fade = xp.exp(-((k * xp.exp(xp.minimum(level, _DEAF))[:, None, None]) ** 2) / 2).astype(np.float32)
        k = k.astype(np.float32)
        return k * (y - origin)[:, None, :], k, fade

    def score(self, prepared: Prepared, noise: Noise, answer: Array) -> Array:
        """The score (n, d) from the network's answer F (n, d)."""
        return (prepared.known + prepared.unit * prepared.scale * answer) / noise.sigma[:, None]

    @classmethod
    def of(cls, process: Process, x: Array, *, finest: float, waves: int = 0, fades: bool = True) -> Parametrisation:
        """The parametrisation for data x (n, d), float32, in process coordinates; `finest` in units of their spread."""
        domain = closed_form_domain(process, "a score")
        if isinstance(domain, Box) and 0 < domain.periodic(x.shape[1]).sum() < x.shape[1]:
            raise ValueError(f"process: a learned score needs walls of one kind on all axes, got {domain.wall}.")
        with np.errstate(over="ignore", invalid="ignore"):
            centre = x.mean(0)
            spread = math.sqrt(float(((x - centre) ** 2).mean()))
        if not math.isfinite(spread):
            raise ValueError(
                f"data: numbers as large as {float(abs(x).max()):.3g} are too large for float32, which has to hold "
                "their squares; rescale them, and their box."
            )
        if spread == 0:
            raise ValueError("data: all rows are equal; there is nothing to learn.")
        width = _principal_width(asnumpy(x))
        levels = Levels.of(process, finest=finest * spread, width=width, d=x.shape[1])
        marginals = Marginals.of(domain, x, levels.lo, levels.hi)
        return cls(levels, domain, spread, centre, marginals, waves, fades)


def _principal_width(x: npt.NDArray[Any]) -> float:
    """The largest principal standard deviation of data x (n, d)."""
    centred = (x - x.mean(0)).astype(np.float64)
    return math.sqrt(max(float(np.linalg.eigvalsh(centred.T @ centred / len(x))[-1]), 0.0))
