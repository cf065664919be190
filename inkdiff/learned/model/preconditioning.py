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
Fourier features of the position in octaves of wave numbers, each as much as the noise leaves of it (a wave of wave
number k fades like ink, exp(-k^2 v/2)):

    features += [ e^{-k_j^2 e^{2l}/2} (cos, sin)(k_j y) ],   k_j = 2^j/spread,   j < fourier_octaves

Loss of a noisy point, u = sigma grad log p(x_t | x_0):  |(g R F + m - u) / r|^2, of unit size at F = 0.
Other parameterisations of the score by the network, over the same features, are in `predictions.py`.

References: T. Karras et al. (2022), arXiv:2206.00364, section 5 (preconditioning); M. Tancik et al. (2020),
arXiv:2006.10739 (Fourier features); J. Barron et al. (2021), arXiv:2103.13415 (features that fade with the blur).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from inkdiff._core.backend import Array, Time, array_module, asnumpy
from inkdiff.domains.base import Domain
from inkdiff.domains.box import Box
from inkdiff.learned.model.marginals import Alone, Marginals
from inkdiff.learned.model.noise_levels import Levels
from inkdiff.processes.base import Process

__all__ = ["Noise", "Preconditioning", "Prepared"]

_PURE_NOISE = 20.0  # level beyond which nothing of the data is left, and squares of e^l could overflow


class Noise(NamedTuple):
    """alpha, sigma, ln(sigma/alpha) and c of n rows (n,), or of all rows (1,); float32 but for the level.

    Where alpha = 0 they are those of a level so high that nothing of the data is left.
    """

    alpha: Array
    sigma: Array
    level: Array
    code: Array
    x_weight: Array | None = None  # of predictions of the network (`predictions.py`), as is the unit
    unit: Array | None = None

    @property
    def signal_left(self) -> Array:
        """Whether something of the data is left, (n, 1)."""
        return (self.level < _PURE_NOISE)[:, None]

    def rows(self, part: slice) -> Noise:
        """The same for some of the rows."""
        return Noise(*(None if a is None else a[part] for a in self))  # type: ignore[arg-type]

    def repeated(self, times: int) -> Noise:
        """The same with every row `times` times."""
        xp = array_module(self.alpha)
        return Noise(*(None if a is None else xp.repeat(a, times) for a in self))  # type: ignore[arg-type]


class Prepared(NamedTuple):
    """What the network sees, and what turns its answer into a score."""

    features: Array  # (n, 2 d (1 + fourier_octaves))
    known: Array  # (n, d): m
    scale: Array  # (n, d): g R / r
    unit: Array  # (n or 1, 1): r


@dataclass(frozen=True, eq=False)
class Preconditioning:
    """The known part of a score and the scales of the unknown; see the module's equations.

    `centre` (d,) and `spread` are mean and standard deviation of the data in process coordinates; `fourier_octaves` is
    how many octaves of each coordinate the network sees. `fades`: whether g is there; a condition adds to the score in
    first order of the signal left, as R is, so that g = 1.
    """

    predicts: ClassVar[str] = "score"
    trains_on_all: ClassVar[bool] = False  # of the levels, or only on those where there is much to learn

    levels: Levels
    domain: Domain
    spread: float
    centre: Array
    marginals: Marginals
    fourier_octaves: int = 0
    fades: bool = True

    @property
    def _box(self) -> Box | None:
        return self.domain.as_box

    @property
    def inputs(self) -> int:
        """How many features the network sees."""
        return 2 * int(self.centre.size) * (1 + self.fourier_octaves)

    def noise(self, process: Process, t: Time, like: Array) -> Noise:
        """The noise at times t (a number or (n,)), on the device of `like`."""
        t = np.atleast_1d(np.asarray(asnumpy(t), np.float64))
        variance, log_alpha = process.variance(t), process.log_alpha(t)
        level = np.log(variance) / 2 - log_alpha
        nothing_left = np.isinf(level)
        if nothing_left.any():
            log_alpha = np.where(nothing_left, np.log(variance) / 2 - _PURE_NOISE, log_alpha)
            level = np.where(nothing_left, _PURE_NOISE, level)
        fields = np.exp(log_alpha), np.sqrt(variance), level, self.levels.code(level)
        xp = array_module(like)
        return Noise(*(xp.asarray(f, d) for f, d in zip(fields, ("f4", "f4", "f8", "f4"), strict=True)))

    def prepare(self, x: Array, noise: Noise, out: Array | None = None) -> Prepared:
        """Features (into `out` if given) and scales for points x (n, d), float32, in process coordinates."""
        xp = array_module(x)
        y = x / noise.alpha[:, None]
        alone = self.marginals(y, noise.level)
        d = x.shape[1]
        features = xp.empty((len(x), self.inputs), np.float32) if out is None else out
        if self._box is not None and self._box.periodic(d).any():
            low, length = (xp.asarray(side, np.float32) for side in (self._box.low(d), self._box.length(d)))
            angle = (2 * math.pi) * (y - low) / length
            features[:, :d], features[:, d : 2 * d] = xp.cos(angle), xp.sin(angle)
        else:
            outer = 0.0 if self._box is not None else xp.exp(noise.level).astype(np.float32)[:, None]
            features[:, :d] = (y - self.centre) / xp.sqrt(outer**2 + np.float32(self.spread**2))
            features[:, d : 2 * d] = (alone.guess - self.centre) / alone.guess_rms
        if self.fourier_octaves:
            angle, _, fade = self._fourier(y, noise.level)
            both = fade * xp.cos(angle), fade * xp.sin(angle)
            features[:, 2 * d :] = xp.concatenate(both, axis=1).reshape(len(x), -1)
        return Prepared(features, *self._scales(x, noise, alone))

    def tangent(self, x: Array, noise: Noise, v: Array) -> Prepared:
        """The derivative of `prepare` along tangents v (k, n, d), leading axis k; `unit` has none."""
        xp, d = array_module(x), x.shape[1]
        y, dy = x / noise.alpha[:, None], v / noise.alpha[:, None]
        known, unknown, guess = self.marginals.slopes(y, noise.level)
        features = xp.empty((*v.shape[:2], self.inputs), np.float32)
        if self._box is not None and self._box.periodic(d).any():
            low, length = (xp.asarray(side, np.float32) for side in (self._box.low(d), self._box.length(d)))
            rate = np.float32(2 * math.pi) / length
            angle = rate * (y - low)
            features[..., :d], features[..., d : 2 * d] = -xp.sin(angle) * rate * dy, xp.cos(angle) * rate * dy
        else:
            outer = 0.0 if self._box is not None else xp.exp(noise.level).astype(np.float32)[:, None]
            features[..., :d] = dy / xp.sqrt(outer**2 + np.float32(self.spread**2))
            features[..., d : 2 * d] = guess * dy / self.marginals(y, noise.level).guess_rms
        if self.fourier_octaves:
            angle, rate, fade = self._fourier(y, noise.level)
            moved = fade * rate * dy[:, :, None, :]
            both = -xp.sin(angle) * moved, xp.cos(angle) * moved
            features[..., 2 * d :] = xp.concatenate(both, axis=2).reshape(*v.shape[:2], -1)
        return Prepared(features, *self._scale_slopes(y, noise, v, known, unknown))

    def _scales(self, x: Array, noise: Noise, alone: Alone) -> tuple[Array, Array, Array]:
        """Known part (n, d), scale (n, d) and unit (n or 1, 1) of the network's part."""
        return alone.known, alone.unknown / self._unit(alone.unknown_rms), alone.unknown_rms

    def _scale_slopes(
        self, y: Array, noise: Noise, v: Array, known: Array, unknown: Array
    ) -> tuple[Array, Array, Array]:
        """Their derivatives along v (k, n, d), from the slopes of m and R (n, d)."""
        xp, dy = array_module(y), v / noise.alpha[:, None]
        scale = unknown / self._unit(self.marginals(y, noise.level).unknown_rms)
        return known * dy, scale * dy, xp.zeros((1, 1), np.float32)

    def _unit(self, r: Array) -> Any:
        """r/g."""
        return np.float32(self.marginals.largest_unknown) if self.fades else r

    def _fourier(self, y: Array, level: Array) -> tuple[Array, Array, Array]:
        """k_j (y - origin) (n, waves, d), the k_j (waves, 1 or d), and what the noise leaves of each wave."""
        xp, d = array_module(y), y.shape[1]
        origin, lowest = self.centre, np.full(1, 1 / self.spread)
        box = self._box
        if box is not None:
            origin = xp.asarray(box.low(d), np.float32)
            lowest = (4 * math.pi if box.periodic(d).any() else math.pi) / box.length(d)
        k = xp.asarray(2.0 ** np.arange(self.fourier_octaves)[:, None] * lowest)
        fade = xp.exp(-((k * xp.exp(xp.minimum(level, _PURE_NOISE))[:, None, None]) ** 2) / 2).astype(np.float32)
        k = k.astype(np.float32)
        return k * (y - origin)[:, None, :], k, fade

    def score(self, prepared: Prepared, noise: Noise, answer: Array) -> Array:
        """The score (n, d) from the network's answer F (n, d)."""
        return (prepared.known + prepared.unit * prepared.scale * answer) / noise.sigma[:, None]

    @classmethod
    def of(cls, process: Process, x: Array, *, sigma_min: float, fourier_octaves: int = 0, fades: bool = True) -> Self:
        """For data x (n, d), float32, in process coordinates; `sigma_min` in units of their spread."""
        domain = process.domain
        domain.require_closed_form("a score")
        box = domain.as_box
        if box is not None and 0 < box.periodic(x.shape[1]).sum() < x.shape[1]:
            raise ValueError(f"process: a learned score needs walls of one kind on all axes, got {box.wall}.")
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
        levels = Levels.of(process, sigma_min=sigma_min * spread, width=width, d=x.shape[1], whole=cls.trains_on_all)
        marginals = Marginals.of(domain, x, levels.lo, levels.hi)
        return cls(levels, domain, spread, centre, marginals, fourier_octaves, fades)


def _principal_width(x: npt.NDArray[Any]) -> float:
    """The largest principal standard deviation of data x (n, d)."""
    centred = (x - x.mean(0)).astype(np.float64)
    return math.sqrt(max(float(np.linalg.eigvalsh(centred.T @ centred / len(x))[-1]), 0.0))
