r"""Moments that a learned score must not lose: a small correction by Stein's identity, measured on its own samples.

For the density p at any noise level and any smooth phi (with no slope at the walls), integration by parts gives

    E_p[score . grad phi] = -E_p[laplacian phi].

A network that generalises imperfectly violates it a little at every level, in the same direction, and the walk adds
it up: generated images come out too alike (for digits, a fifth of the variance is missing). The moments of the data
are known exactly at every level, so the violation can be measured and removed. With features c_j(x) (x_j itself in
free space, cos(pi (x_j - lo)/L) between reflecting walls) and their components a_k = u_k . (c - m) along the principal
axes of the data's, test functions phi are the c_j and the products a_k a_l, and the score gets the gradient of a
combination of them,

    score' = score + grad (b . c + a^T B a/2),     with b and symmetric B such that on the walkers at this level
    E[score' . grad phi] = -E_p[laplacian phi] - (2/s^2) (E[phi] - E_p[phi]),        s = sigma_t/alpha_t;

the last term pulls walkers that already strayed back. Eliminating b leaves, with u_i = the i-th column of all axes,

    sum_i (M_i B u_i u_i^T + transposed) = R,      M_i = E[c_i'^2 a a^T] - E[c_i'^2 a] E[c_i'^2 a]^T/E[c_i'^2],

which in free space, where all M_i are the covariance M of the walkers, is Lyapunov's equation M B + B M = R
(`lyapunov.py`). Walkers go once from the prior to the data, b and B are found on the way and kept as a table over the
level. Nothing but the first and second moments of the training data enters. All in y = x/alpha.

Reference: C. Stein, A bound for the error in the normal approximation (1972); A. Hyvarinen (2005), JMLR 6, 695.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff._core.backend import Array, Floats, array_module, asnumpy, is_cuda, to_device
from inkdiff._core.rng import Stream
from inkdiff.learned.model.lyapunov import solve_symmetric
from inkdiff.nn import one_thread_each
from inkdiff.processes.base import Process
from inkdiff.simulation.reverse import reverse

__all__ = ["LEVELS", "Calibration", "Features", "Moments", "calibrate", "solve"]

_AXES = 64  # principal axes corrected at most
_RIDGE = 1e-3, 1e-2  # of the largest eigenvalue of the normal equations: in free space, between walls (few are free)
_WALKERS = 2048, 16_384  # enough for points and for pictures; between them
_WALKERS_PER_AXIS = 256
_FEWEST, _SHARE = 512, 48  # after a short training fewer will do: a walker for so many rows trained on
_LARGEST = 1.0  # rms of the correction times sigma, which is that of the score itself: more is a solution astray
_GRAM_WALKERS = 2048  # on whom the M_i between walls are measured; of 1024 too few are where a wall leaves a force
LEVELS = 40  # steps of the walk on which the correction is found


@dataclass(frozen=True, eq=False)
class Features:
    """c(y) and its slope dc/dy, elementwise: y itself, or cos(wave (y - lo)) with wave = pi/L (d,), lo (d,)."""

    lo: Floats | None = None
    wave: Floats | None = None

    @classmethod
    def of(cls, process: Process, d: int) -> Features | None:
        """The features that suit the domain; None between periodic walls, where none is corrected."""
        box = process.domain.as_box
        if box is None:
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


class Expected(NamedTuple):
    """m = E_p[c] (d,), E_p[a a^T] (r, r), and E_p of the laplacians of c (d,) and of a a^T (r, r)."""

    mean: Floats
    spread: Floats
    laplacian: Floats
    laplacians: Floats


@dataclass(frozen=True, eq=False)
class Moments:
    """Exact moments of the noised data's features at every level, from those of the data x (n, d)."""

    features: Features
    mean: Floats  # E_0[c], (d,)
    second: Floats  # E_0[c c^T], (d, d)
    double: Floats  # E_0[cos 2 wave x], (d,)
    axes: Floats  # (r, d), rows u_k

    @classmethod
    def of(cls, features: Features, x: Array) -> Moments:
        """The moments of data x."""
        c = features(asnumpy(x).astype(np.float64))[0]
        mean, second = c.mean(0), c.T @ c / len(c)
        _, axes = np.linalg.eigh(second - np.outer(mean, mean))
        return cls(features, mean, second, (2 * c**2 - 1).mean(0), np.ascontiguousarray(axes.T[::-1][:_AXES]))

    def at(self, s: float) -> Expected:
        """The expectations at sigma/alpha = s."""
        u = self.axes
        if self.features.wave is None:
            spread = u @ (self.second - np.outer(self.mean, self.mean)) @ u.T + s**2 * np.eye(len(u))
            return Expected(self.mean, spread, np.zeros_like(self.mean), 2 * np.eye(len(u)))
        k2 = self.features.wave**2
        fade = np.exp(-k2 * s**2 / 2)
        m = fade * self.mean
        double = fade**4 * self.double
        second = np.outer(fade, fade) * self.second
        np.fill_diagonal(second, (1 + double) / 2)
        covariance = second - np.outer(m, m)
        # laplacian of a_k a_l = 2 grad a_k . grad a_l + a_k laplacian a_l + a_l laplacian a_k,  c_i'' = -k_i^2 c_i
        bend = u @ covariance @ (u * k2).T
        return Expected(m, u @ covariance @ u.T, -k2 * m, (u * k2 * (1 - double)) @ u.T - bend - bend.T)


@dataclass(frozen=True, eq=False)
class Calibration:
    """The correction over ln(sigma/alpha): `levels` ascending (K,), `centre`, `linear` (K, d), `square` (K, r, r).

    `linear` is b and `square` the symmetric B of the module's equations, both times sigma.
    """

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
        bent = 0.0 if self.features.wave is None else -self._wave2(y) * c * dy
        pushed = _times((slope * dy) @ self.axes.T, square) @ self.axes
        return bent * (linear + _times((c - centre) @ self.axes.T, square) @ self.axes) + slope * pushed

    def _wave2(self, y: Array) -> Array:
        return array_module(y).asarray(self.features.wave**2, y.dtype)  # type: ignore[operator]

    def _at(self, level: Array) -> tuple[Array, Array, Array]:
        """(centre, linear, square) at each level, between the rows of the table."""
        xp = array_module(level, self.axes)
        position = xp.interp(level, xp.asarray(self.levels), xp.arange(len(self.levels), dtype=np.float64))
        row = xp.minimum(position.astype(np.int64), len(self.levels) - 2)
        right = (position - row).astype(np.float32)[:, None]
        centre, linear = ((1 - right) * table[row] + right * table[row + 1] for table in (self.centre, self.linear))
        right = right[..., None]
        return centre, linear, (1 - right) * self.square[row] + right * self.square[row + 1]


def _gradient(features: Features, axes: Array, y: Array, centre: Array, linear: Array, square: Array) -> Array:
    """Gradient of linear . c + a^T square a/2."""
    c, slope = features(y)
    return slope * (linear + _times((c - centre) @ axes.T, square) @ axes)


def _times(a: Array, square: Array) -> Array:
    """The rows a (..., n, r) times one matrix (1, r, r), or each times its own (n, r, r)."""
    if len(square) == 1:
        return a @ square[0]
    return (a[..., None, :] @ square)[..., 0, :]


def solve(moments: Moments, y: Array, scaled: Array, s: float) -> tuple[Array, Array, Array]:
    """(centre, linear, square) such that the score obeys the identity on walkers y; `scaled` = sigma score, (n, d)."""
    xp = array_module(y)
    m, spread, laplacian, laplacians = (xp.asarray(v) for v in moments.at(s))
    u, n = xp.asarray(moments.axes), len(y)
    y, scaled = y.astype(np.float64), scaled.astype(np.float64)
    c, slope = moments.features(y)
    a, pushed, weight = (c - m) @ u.T, slope * scaled, slope**2
    # what the identity lacks: of the c_j, and of the a_k a_l
    short = -s * laplacian - (2 / s) * (c - m).mean(0) - pushed.mean(0)
    flow = a.T @ (pushed @ u.T) / n
    shorts = -s * laplacians - (2 / s) * (a.T @ a / n - spread) - flow - flow.T
    mass, ridge = weight.mean(0), _RIDGE[moments.features.wave is not None]
    mass += ridge * float(mass.max())
    lever = weight.T @ a / n  # (d, r), E[c_i'^2 a]
    moved = (lever * (short / mass)[:, None]).T @ u.T
    square = solve_symmetric(_masses(a, weight, lever, mass, ridge), u, shorts - moved - moved.T)
    linear = (short - ((u.T @ square) * lever).sum(1)) / mass
    return m, linear, square


def _masses(a: Array, weight: Array, lever: Array, mass: Array, ridge: float) -> Array:
    """M_i, (d, r, r); (1, r, r) in free space, where all are the same."""
    xp, r = array_module(a), a.shape[1]
    if bool((weight == 1).all()):
        mean = a.mean(0)
        found = (a.T @ a / len(a) - xp.outer(mean, mean))[None]
    else:
        few, light = a[:_GRAM_WALKERS], weight[:_GRAM_WALKERS]
        found = xp.stack([(few.T * light[:, i]) @ few for i in range(light.shape[1])]) / len(few)
        found -= lever[:, :, None] * (lever / mass[:, None])[:, None, :]
    found += ridge * float(xp.linalg.norm(found.mean(0), 2)) * xp.eye(r)
    return found


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
            size = float(xp.sqrt((_gradient(self.moments.features, axes, y, centre, linear, square[None]) ** 2).mean()))
            limit = min(1.0, _LARGEST / max(size, 1e-12))
            self.found[level] = centre, limit * linear, limit * square
        centre, linear, square = (xp.asarray(v, np.float32) for v in self.found[level])
        correction = _gradient(self.moments.features, axes, y, centre, linear, square[None])
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
    process: Process,
    score: Callable[[Array, float], Array],
    x: Array,
    times: npt.NDArray[np.float64],
    *,
    seed: int,
    rows: int = 10**9,
) -> Calibration | None:
    """The correction of `score` for training data x (n, d), process coordinates, found on walkers going down `times`.

    Walkers are as many as suit d, fewer after a training on few `rows`. None between periodic walls, and for data of a
    single row.
    """
    features = Features.of(process, x.shape[1])
    if features is None or len(x) < 2:
        return None
    corrected = _Calibrating(process, score, Moments.of(features, x))
    prior = process.prior(float(times[0]))
    d, (least, most) = x.shape[1], _WALKERS
    walkers = min(max(least, _WALKERS_PER_AXIS * d), most, max(rows // _SHARE, _FEWEST))
    start = prior.sample(walkers, d, seed=seed, stream=Stream.CALIBRATION)
    if d < walkers:
        start = prior.with_exact_moments(start)
    start = to_device(start, "cuda" if is_cuda(x) else "cpu")
    with one_thread_each():
        sampler = "dpm_solver" if process.domain.as_box is None else "heun"
        reverse(process, corrected, start, times, seed=seed, sampler=sampler, observe={})
    return corrected.table()
