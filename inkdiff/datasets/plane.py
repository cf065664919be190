"""Figures in the plane whose density is known: the toys on which a learned score can be held against the truth.

Four of them are a skeleton blurred by a Gaussian: a curve (or a few points) c(u) with weight w(u) du, and noise of
standard deviation s (for the fractal one of its own, s_k, at every point),

    p(x) = int w(u) N(x; c(u), s^2 I) du = sum_k w_k N(x; c_k, s^2 I)     (Gauss-Legendre nodes c_k, weights w_k),

the sum being exact for points and correct to 1e-13 for the smooth curves used here. The entropy -int p ln p is then
a sum over a square grid: p decays like a Gaussian, so the trapezoidal rule converges exponentially in (s/h)^2.

    set               skeleton                                                    default entropy in nats
    swiss_roll        c(t) = 2 t / (4.5 pi) (cos t, sin t), t in [1.5, 4.5] pi     0.925326   (noise 0.05)
    moons             two half circles of radius 1, sklearn's, centred             0.289234   (noise 0.05)
    eight_gaussians   8 points on a circle of radius 1.5                           0.312148   (sd 0.1)
    fractal           360 points of a star of 3 arms that fork 3 times             0.605348   (sd 0.060 to 0.016)
    grid_gaussians    5 x 5 points, 1 apart                                        0.065288   (sd 0.05)
    checkerboard      8 unit squares of the 4x4 board on [-2, 2]^2, no noise       ln 8 = 2.079442

Reference for the quadrature: L. N. Trefethen and J. A. C. Weideman, The exponentially convergent trapezoidal rule,
SIAM Review 56 (2014) 385.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats
from inkdiff._core.registry import register
from inkdiff._core.rng import Stream
from inkdiff.datasets.dataset import Dataset
from inkdiff.datasets.densities import Checkerboard, GaussianMixture
from inkdiff.kernels import normal, uniform

__all__ = [
    "checkerboard", "eight_gaussians", "fractal", "grid_gaussians", "moons", "swiss_roll",
]  # fmt: skip


def _blurred(
    name: str,
    skeleton: GaussianMixture,
    points: Floats,
    y: Array | None,
    seed: int,
    source: str,
    sd: float | Floats | None = None,
) -> Dataset:
    """`points` (n, 2) on the skeleton plus its noise, of `sd` (n, 1) where it is not the same everywhere."""
    eps = normal(points.size, seed=seed, step=0, stream=Stream.DATA).reshape(points.shape)
    x = points + (skeleton.sd if sd is None else sd) * eps.astype(np.float64)
    return Dataset(
        x=x.astype(np.float32),
        y=y,
        names=("x", "y"),
        entropy=skeleton.entropy,
        name=name,
        source=source,
        density=skeleton,
    )


def _uniform(n: int, seed: int, step: int) -> Floats:
    return np.asarray(uniform(n, seed=seed, step=step, stream=Stream.DATA), dtype=np.float64)


def _legendre(speed: float, noise: float) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights on [0, 1] for a curve of |dc/du| = `speed` at u = 1/2, where they are sparsest.

    m nodes lie pi/(2 m) speed apart there; at 0.8 noise the sum of Gaussians equals the integral to 4e-14.
    """
    from scipy.special import roots_legendre

    u, w = roots_legendre(max(64, math.ceil(math.pi * speed / (2 * 0.8 * noise))))
    return (u + 1) / 2, w / 2


def _roll(u: Floats) -> Floats:
    t = 1.5 * math.pi * (1 + 2 * u)
    r = 2 * t / (4.5 * math.pi)
    return np.stack([r * np.cos(t), r * np.sin(t)], axis=1)


@functools.lru_cache(maxsize=8)
def _roll_density(noise: float) -> GaussianMixture:
    u, w = _legendre(4 * math.pi, noise)  # radius 4/3 times dt/du = 3 pi
    return GaussianMixture(_roll(u), w, noise)


@register(kind="dataset")
def swiss_roll(n: int, seed: int, *, noise: float = 0.05) -> Dataset:
    """`n` points of a spiral with noise: x (n, 2), outer radius 2, no labels.

    x = 2 t / (4.5 pi) (cos t, sin t) + noise * eps with t uniform on [1.5 pi, 4.5 pi]: scikit-learn's swiss roll seen
    from above, scaled to outer radius 2. True entropy 0.925326 nats at the default noise, by quadrature at any other.

    Raises
    ------
    ValueError
        If `n` is not positive or `noise` not at least 0.01 (the quadrature's limit).
    """
    checks.count(n, "n")
    _check_noise(noise)
    points = _roll(_uniform(n, seed, 1))
    return _blurred("swiss roll", _roll_density(float(noise)), points, None, seed, f"spiral, noise {noise:g}")


def _moon(u: Floats, lower: npt.NDArray[np.bool_]) -> Floats:
    cos, sin = np.cos(math.pi * u), np.sin(math.pi * u)
    return np.stack([np.where(lower, 1 - cos, cos) - 0.5, np.where(lower, 0.5 - sin, sin) - 0.25], axis=1)


@functools.lru_cache(maxsize=8)
def _moons_density(noise: float) -> GaussianMixture:
    u, w = _legendre(math.pi, noise)
    nodes = np.concatenate([_moon(u, np.zeros(len(u), bool)), _moon(u, np.ones(len(u), bool))])
    return GaussianMixture(nodes, np.concatenate([w, w]) / 2, noise)


@register(kind="dataset")
def moons(n: int, seed: int, *, noise: float = 0.05) -> Dataset:
    """`n` points of two interleaved half circles with noise: x (n, 2), y = 0 (upper) or 1 (lower), equally likely.

    scikit-learn's moons shifted by (-0.5, -0.25) to their centre of mass; the angle is uniform on [0, pi]. True
    entropy 0.289234 nats at the default noise, by quadrature at any other.

    Raises
    ------
    ValueError
        If `n` is not positive or `noise` not at least 0.01 (the quadrature's limit).
    """
    checks.count(n, "n")
    _check_noise(noise)
    y = (_uniform(n, seed, 2) < 0.5).astype(np.int64)
    points = _moon(_uniform(n, seed, 1), y == 1)
    return _blurred("moons", _moons_density(float(noise)), points, y, seed, f"two half circles, noise {noise:g}")


@register(kind="dataset")
def eight_gaussians(n: int, seed: int, *, radius: float = 1.5, sd: float = 0.1) -> Dataset:
    """`n` points of eight equal Gaussians on a circle: x (n, 2), y = 0 ... 7 counter-clockwise from (radius, 0).

    Centres radius (cos(k pi/4), sin(k pi/4)), standard deviation `sd` on each axis, weights 1/8. True entropy 0.312148
    nats at the default values (within 1e-8 of ln 8 + ln(2 pi e sd^2): the peaks hardly overlap), by quadrature else.

    Raises
    ------
    ValueError
        If `n`, `radius` or `sd` is not positive, or radius/sd exceeds 100 (the quadrature's limit).
    """
    checks.count(n, "n")
    checks.positive(radius, "radius")
    checks.positive(sd, "sd")
    if radius > 100 * sd:
        raise ValueError(f"sd={sd:g} is too small for radius={radius:g}: give an sd of at least radius/100.")
    angle = np.arange(8) * (math.pi / 4)
    centers = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    source = f"8 Gaussians of sd {sd:g} on a circle of radius {radius:g}"
    return _clusters("eight Gaussians", centers, sd, n, seed, source)


@register(kind="dataset")
def grid_gaussians(
    n: int, seed: int, *, side: int = 5, spacing: float = 1.0, sd: float = 0.05, angle: float = 0.0
) -> Dataset:
    """`n` points of side^2 equal Gaussians on a square grid about 0: x (n, 2), y = 0 ... side^2 - 1, column by column.

    Centres `spacing` apart, standard deviation `sd` on each axis, equal weights; the grid is turned by `angle` (rad,
    counter-clockwise): upright, its coordinates are independent, and a model that knows one axis at a time knows all.
    True entropy 0.065288 nats at the default values (ln 25 + ln(2 pi e sd^2), the peaks being 20 sd apart), by
    quadrature else. As in studies of mode collapse (A. Srivastava et al. (2017), arXiv:1705.07761: 25 modes, 40 sd
    apart).

    Raises
    ------
    ValueError
        If `n`, `side`, `spacing` or `sd` is not positive, `angle` not finite, or the grid wider than 200 sd (the
        quadrature's limit).
    """
    checks.count(n, "n")
    side = checks.count(side, "side")
    checks.positive(spacing, "spacing")
    checks.positive(sd, "sd")
    cos, sin = math.cos(checks.real(angle, "angle")), math.sin(angle)
    width = (side - 1) * spacing
    if width > 200 * sd:
        raise ValueError(f"sd={sd:g} is too small for a grid {width:g} wide: give an sd of at least {width / 200:g}.")
    axis = spacing * (np.arange(side) - (side - 1) / 2)
    upright = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    centers = upright @ np.array([[cos, sin], [-sin, cos]])
    source = f"{side} x {side} Gaussians of sd {sd:g}, {spacing:g} apart"
    return _clusters("grid Gaussians", centers, sd, n, seed, source)


def _clusters(name: str, centers: Floats, sd: float, n: int, seed: int, source: str) -> Dataset:
    """`n` points of equal Gaussians about `centers`, labelled."""
    k = len(centers)
    y = np.floor(k * _uniform(n, seed, 1)).astype(np.int64)
    density = GaussianMixture(centers, np.full(k, 1 / k), float(sd))
    return _blurred(name, density, centers[y], y, seed, source)


_ARMS, _BEADS = 3, 8
_ARM, _SHRINK, _FORK, _SLIM = 0.85, 0.65, math.radians(42), 0.07


@functools.lru_cache(maxsize=8)
def _fractal_density(levels: int) -> GaussianMixture:
    """Branch after branch; a branch is a complex number, its tip is where two more begin."""
    start = np.zeros(_ARMS, complex)
    branch = _ARM * np.exp(1j * (math.pi / 2 + 2 * math.pi * np.arange(_ARMS) / _ARMS))
    along = (np.arange(_BEADS) + 0.5) / _BEADS
    nodes, sd = [], []
    for _ in range(levels):
        nodes.append((start[:, None] + branch[:, None] * along).ravel())
        sd.append(np.full(nodes[-1].size, _SLIM * abs(branch[0])))
        start = np.repeat(start + branch, 2)
        branch = _SHRINK * np.repeat(branch, 2) * np.exp(1j * np.tile([_FORK, -_FORK], len(branch)))
    at, width = np.concatenate(nodes), np.concatenate(sd)
    return GaussianMixture(np.stack([at.real, at.imag], axis=1), width**2 / (width**2).sum(), width)


@register(kind="dataset")
def fractal(n: int, seed: int, *, levels: int = 4) -> Dataset:
    """`n` points of a mixture of Gaussians whose parts look like the whole: x (n, 2), y = 0 ... the generation.

    A star of three arms of length 0.85; every branch ends in two of 0.65 its length, turned by +-42 degrees, for
    `levels` generations. A branch of length l is 8 equal isotropic Gaussians at (j + 1/2) l/8 along it, of standard
    deviation 0.07 l (0.06 in the arms, 0.016 in the fourth generation), weighted as sd^2, so that all peaks are equally
    high: ink of one blackness. The mixture is exact; its entropy, by quadrature, is 0.605348 nats for four generations.

    Raises
    ------
    ValueError, TypeError
        If `n` is not positive, or `levels` not an integer from 1 to 6.
    """
    checks.count(n, "n")
    if checks.count(levels, "levels") > 6:
        raise ValueError(f"levels must be from 1 to 6 generations of branches, got {levels}.")
    density = _fractal_density(levels)
    chosen = np.searchsorted(np.cumsum(density.weights), _uniform(n, seed, 1) * density.weights.sum())
    chosen = np.minimum(chosen, len(density.weights) - 1)
    sd = np.broadcast_to(density.sd, density.weights.shape)[chosen]
    y = np.rint(np.log(sd / (_SLIM * _ARM)) / math.log(_SHRINK)).astype(np.int64)
    source = f"branches of {levels} generations, {len(density.weights)} Gaussians"
    return _blurred("fractal", density, density.nodes[chosen], y, seed, source, sd[:, None])


@register(kind="dataset")
def checkerboard(n: int, seed: int) -> Dataset:
    """`n` points uniform on the dark squares of a 4x4 board: x (n, 2) in [-2, 2]^2, y = 0 ... 7 the square.

    Square (i, j), i, j = 0 ... 3, spans [i - 2, i - 1] x [j - 2, j - 1]; those with i + j even carry density 1/8.
    Entropy ln 8 exactly.

    Raises
    ------
    ValueError
        If `n` is not positive.
    """
    checks.count(n, "n")
    y = np.floor(8 * _uniform(n, seed, 1)).astype(np.int64)
    i = y // 2
    corner = np.stack([i, 2 * (y % 2) + i % 2], axis=1) - 2.0
    inside = uniform(2 * n, seed=seed, step=0, stream=Stream.DATA).reshape(n, 2).astype(np.float64)
    # Rounding to float32 may carry a point onto the far edge, which belongs to the next, empty square.
    edge = np.nextafter((corner + 1).astype(np.float32), np.float32(-np.inf))
    x = np.minimum((corner + inside).astype(np.float32), edge)
    density = Checkerboard()
    return Dataset(
        x=x,
        y=y,
        names=("x", "y"),
        entropy=density.entropy,
        name="checkerboard",
        range=(-2.0, 2.0),
        source="8 unit squares of a 4x4 board",
        density=density,
    )


def _check_noise(noise: float) -> None:
    checks.positive(noise, "noise")
    if noise < 0.01:
        raise ValueError(f"noise={noise:g} is too thin for the quadrature of the entropy: give 0.01 or more.")
