r"""Moments that a learned score must not lose: a small correction by Stein's identity, measured on its own samples.

For the density p at any noise level and any smooth phi (with no slope at the walls), integration by parts gives

    E_p[score . grad phi] = -E_p[laplacian phi].

A network that generalises imperfectly violates it a little at every level, in the same direction, and the walk adds
it up: generated images come out too alike (for digits, a fifth of the variance is missing). The moments of the data
are known exactly at every level, so the violation can be measured and removed. With features c_j(x) (x_j itself in
free space, cos(pi (x_j - lo)/L) between reflecting walls), test functions phi are the c_j and the squares (u_k . (c
- m))^2/2 along the principal axes u_k of the data's features, and the score gets the gradient of a combination of
them,

    score' = score + grad sum_i theta_i phi_i,     with theta such that on the walkers at this level
    E[score' . grad phi_i] = -E_p[laplacian phi_i] - (2/s^2) (E[phi_i] - E_p[phi_i]),        s = sigma_t/alpha_t;

the last term pulls walkers that already strayed back. Walkers go once from the prior to the data, theta is found on
the way and kept as a table over the level. Nothing but the first and second moments of the training data enters.
All in y = x/alpha.

Reference: C. Stein, A bound for the error in the normal approximation (1972); A. Hyvarinen (2005), JMLR 6, 695.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from inkdiff.backend import Array, array_module, asnumpy, is_cuda, to_device
from inkdiff.domain import Box
from inkdiff.nn import one_thread_each
from inkdiff.process import Process
from inkdiff.reverse import reverse
from inkdiff.rng import Stream

__all__ = ["LEVELS", "WALKERS", "Calibration", "Features", "Moments", "calibrate", "solve"]

_Floats = npt.NDArray[np.float64]
_AXES = 64  # principal axes corrected at most
_RIDGE = 1e-4  # of the largest eigenvalue of the normal equations
WALKERS = 2048  # of the calibrating walk
_LARGEST = 1.0  # rms of the correction times sigma, which is that of the score itself: more is a solution astray
_GRAM_WALKERS = 512  # enough for the matrix of the normal equations; its errors only slow the correction
LEVELS = 40  # steps of the walk on which the correction is found


@dataclass(frozen=True, eq=False)
class Features:
    """c(y) and its slope dc/dy, elementwise: y itself, or cos(wave (y - lo)) with wave = pi/L (d,), lo (d,)."""

    lo: _Floats | None = None
    wave: _Floats | None = None

    @classmethod
    def of(cls, process: Process, d: int) -> Features | None:
        """The features that suit the domain; None between periodic walls, where none is corrected."""
        box = process.domain
        if not isinstance(box, Box):
            return cls()
        return cls(box.low(d), math.pi / box.length(d)) if not box.periodic(d).any() else None

    def __call__(self, y: Array) -> tuple[Array, Array]:
        """c and its slope, both like y."""
        xp = array_module(y)
        if self.lo is None or self.wave is None:
            return y, xp.ones_like(y)
        wave = xp.asarray(self.wave, y.dtype)
        angle = wave * (y - xp.asarray(self.lo, y.dtype))
        return xp.cos(angle), -wave * xp.sin(angle)


@dataclass(frozen=True, eq=False)
class Moments:
    """Exact moments of the noised data's features at every level, from those of the data x (n, d)."""

    features: Features
    mean: _Floats  # E_0[c], (d,)
    second: _Floats  # E_0[c c^T], (d, d)
    double: _Floats  # E_0[cos 2 wave x], (d,)
    axes: _Floats  # (r, d), rows u_k

    @classmethod
    def of(cls, features: Features, x: Array) -> Moments:
        """The moments of data x."""
        c = features(asnumpy(x).astype(np.float64))[0]
        mean, second = c.mean(0), c.T @ c / len(c)
        _, axes = np.linalg.eigh(second - np.outer(mean, mean))
        return cls(features, mean, second, (2 * c**2 - 1).mean(0), np.ascontiguousarray(axes.T[::-1][:_AXES]))

    def at(self, s: float) -> tuple[_Floats, _Floats, _Floats]:
        """m = E_p[c] (d,), and for phi = (c, squares) E_p[phi], E_p[laplacian phi] (d + r,), at sigma/alpha = s."""
        u = self.axes
        if self.features.wave is None:
            spread = np.einsum("ki,ij,kj->k", u, self.second - np.outer(self.mean, self.mean), u) + s**2
            return self.mean, np.append(self.mean, spread / 2), np.append(np.zeros_like(self.mean), np.ones(len(u)))
        k2 = self.features.wave**2
        fade = np.exp(-k2 * s**2 / 2)
        m = fade * self.mean
        double = fade**4 * self.double
        second = np.outer(fade, fade) * self.second
        np.fill_diagonal(second, (1 + double) / 2)
        square = np.einsum("ki,ij,kj->k", u, second - np.outer(m, m), u)
        # laplacian of (u.(c - m))^2/2 = |grad u.c|^2 + (u.(c - m)) (u . laplacian c),  laplacian c_i = -k_i^2 c_i
        bend = np.einsum("ki,ij,kj->k", u, second - np.outer(m, m), u * k2)
        laplacian = (u**2) @ (k2 * (1 - double) / 2) - bend
        return m, np.append(m, square / 2), np.append(-k2 * m, laplacian)


@dataclass(frozen=True, eq=False)
class Calibration:
    """The correction over ln(sigma/alpha): `levels` ascending (K,), `centre`, `linear` (K, d), `square` (K, r)."""

    features: Features
    levels: Array
    axes: Array
    centre: Array
    linear: Array
    square: Array

    def __call__(self, y: Array, level: Array) -> Array:
        """What to add to sigma times the score, (n, d), at y = x/alpha (n, d), float32, and level (n,) or (1,)."""
        return _gradient(self.features, self.axes, y, *self._at(level))

    def jvp(self, y: Array, level: Array, dy: Array) -> Array:
        """Derivative of the correction along tangents dy (k, n, d): (k, n, d)."""
        centre, linear, square = self._at(level)
        c, slope = self.features(y)
        along = (c - centre) @ self.axes.T
        bent = 0.0 if self.features.wave is None else -self._wave2(y) * c * dy
        pushed = ((slope * dy) @ self.axes.T * square) @ self.axes
        return bent * (linear + (along * square) @ self.axes) + slope * pushed

    def _wave2(self, y: Array) -> Array:
        return array_module(y).asarray(self.features.wave**2, y.dtype)  # type: ignore[operator]

    def _at(self, level: Array) -> tuple[Array, Array, Array]:
        """(centre, linear, square) at each level, between the rows of the table."""
        xp = array_module(level, self.axes)
        position = xp.interp(level, xp.asarray(self.levels), xp.arange(len(self.levels), dtype=np.float64))
        row = xp.minimum(position.astype(np.int64), len(self.levels) - 2)
        right = (position - row).astype(np.float32)[:, None]
        centre, linear, square = (
            (1 - right) * table[row] + right * table[row + 1] for table in (self.centre, self.linear, self.square)
        )
        return centre, linear, square


def _gradient(features: Features, axes: Array, y: Array, centre: Array, linear: Array, square: Array) -> Array:
    """Gradient of linear . c + sum_k square_k (u_k . (c - centre))^2/2."""
    c, slope = features(y)
    along = (c - centre) @ axes.T
    return slope * (linear + (along * square) @ axes)


def solve(moments: Moments, y: Array, scaled: Array, s: float) -> tuple[Array, Array, Array]:
    """(centre, linear, square) such that the score obeys the identity on walkers y; `scaled` = sigma score, (n, d)."""
    xp = array_module(y)
    m, expected, laplacian = (xp.asarray(v) for v in moments.at(s))
    u = xp.asarray(moments.axes)
    y, scaled = y.astype(np.float64), scaled.astype(np.float64)
    c, slope = moments.features(y)
    along = (c - m) @ u.T
    d = y.shape[1]
    phi = xp.concatenate([c.mean(0), (along**2).mean(0) / 2])
    pushed = slope * scaled
    flow = xp.concatenate([pushed.mean(0), (along * (pushed @ u.T)).mean(0)])
    target = -s * laplacian - (2 / s) * (phi - expected)
    gram = _gram(u, along, slope)
    gram += _RIDGE * float(xp.linalg.norm(gram, 2)) * xp.eye(len(gram))
    theta = xp.linalg.solve(gram, target - flow)
    return m, theta[:d], theta[d:]


def _gram(u: Array, along: Array, slope: Array) -> Array:
    """E[grad phi_i . grad phi_j] over walkers, (d + r, d + r)."""
    xp = array_module(along)
    n, d = slope.shape
    weight = slope**2
    gram = xp.zeros((d + len(u), d + len(u)))
    gram[:d, :d] = xp.diag(weight.mean(0))
    gram[d:, :d] = (along.T @ weight / n) * u
    gram[:d, d:] = gram[d:, :d].T
    if bool((weight == 1).all()):  # free space: one product serves all coordinates
        gram[d:, d:] = (along.T @ along / n) * (u @ u.T)
        return gram
    along, weight = along[:_GRAM_WALKERS], weight[:_GRAM_WALKERS]
    for i in range(d):
        gram[d:, d:] += (along.T * weight[:, i]) @ along / len(along) * xp.outer(u[:, i], u[:, i])
    return gram


@dataclass(eq=False)
class _Calibrating:
    """A score that finds its correction on the way down: it solves once at each new level and applies what it found."""

    process: Process
    score: Callable[[Array, float], Array]
    moments: Moments
    found: dict[float, tuple[Array, Array, Array]] = field(default_factory=dict)

    def __call__(self, x: Array, t: float) -> Array:
        """The corrected score at time t."""
        xp = array_module(x)
        alpha, sigma = float(self.process.alpha(t)), float(self.process.sigma(t))
        y, scaled = x / x.dtype.type(alpha), self.score(x, t) * x.dtype.type(sigma)
        level = math.log(sigma / alpha)
        axes = xp.asarray(self.moments.axes, np.float32)
        if level not in self.found:
            centre, linear, square = solve(self.moments, y, scaled, sigma / alpha)
            size = float(xp.sqrt((_gradient(self.moments.features, axes, y, centre, linear, square) ** 2).mean()))
            limit = min(1.0, _LARGEST / max(size, 1e-12))
            self.found[level] = centre, limit * linear, limit * square
        centre, linear, square = (xp.asarray(v, np.float32) for v in self.found[level])
        correction = _gradient(self.moments.features, axes, y, centre, linear, square)
        return (scaled + correction) / x.dtype.type(sigma)

    def table(self) -> Calibration:
        """What was found, as a table."""
        levels = sorted(self.found)
        columns = zip(*(self.found[level] for level in levels), strict=True)
        xp = array_module(self.found[levels[0]][1])
        centre, linear, square = (xp.stack(column).astype(np.float32) for column in columns)
        axes = xp.asarray(self.moments.axes, np.float32)
        return Calibration(self.moments.features, np.array(levels, np.float32), axes, centre, linear, square)


def calibrate(
    process: Process, score: Callable[[Array, float], Array], x: Array, times: npt.NDArray[np.float64], *, seed: int
) -> Calibration | None:
    """The correction of `score` for training data x (n, d), process coordinates, found on walkers going down `times`.

    None between periodic walls, and for data of a single row.
    """
    features = Features.of(process, x.shape[1])
    if features is None or len(x) < 2:
        return None
    corrected = _Calibrating(process, score, Moments.of(features, x))
    prior = process.prior(float(times[0]))
    start = prior.sample(WALKERS, x.shape[1], seed=seed, stream=Stream.CALIBRATION)
    start = to_device(start, "cuda" if is_cuda(x) else "cpu")
    with one_thread_each():
        reverse(process, corrected, start, times, seed=seed, sampler="heun", observe={})
    return corrected.table()
