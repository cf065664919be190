r"""Dead leaves: opaque discs of all sizes fallen on each other, a simple world with the statistics of photographs.

Discs fall on the plane as a Poisson process that never began; each has its own grey, uniform on [0, 1], and a radius
of density f(r) ~ r^-3 on [r_min, r_max], so that the picture looks alike at all scales between. A pixel shows the grey
of the last disc that covers its centre. Taken from the last disc backwards, front to back, every pixel is settled by
the first disc that covers it: the picture is exact as soon as all are covered.

Two pixels at a distance rho show the same disc, and then the same grey, with probability

    P(rho) = g(rho) / (2 g(0) - g(rho)),        g(rho) = int f(r) |B_r cap (B_r + rho)| dr,

because the last of the discs that cover at least one of them decides; P(rho) is the correlation of two pixels. Equal
pixels are atoms: a density of whole pictures exists only with noise added.

References: G. Matheron (1968); A. Lee, D. Mumford, J. Huang, Occlusion models for natural images, Int. J. Computer
Vision 41 (2001) 35; D. Zoran and Y. Weiss, Natural images, Gaussian mixtures and dead leaves (2012); W. Kendall, E.
Thonnes, Perfect simulation in stochastic geometry (1999), for front to back.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Floats
from inkdiff._core.rng import Stream
from inkdiff.datasets.dataset import Dataset
from inkdiff.kernels import uniform

__all__ = ["dead_leaves", "leaf_correlations", "leaf_map", "outlined_entropy", "same_leaf"]

_PER_LEAF = 5  # uniform numbers: two for the radius, two for the place, one for the grey
_MOST_LEAVES = 2**20  # over one picture


def dead_leaves(n: int, seed: int, *, size: int = 8, r_min: float = 1.0, r_max: float = 16.0) -> Dataset:
    """`n` pictures of size x size pixels: x (n, size^2) in [0, 1], hard edges, no noise.

    Parameters
    ----------
    n : how many. seed : 64-bit seed, stream LEAVES; picture i does not depend on n
    size : pixels to a side
    r_min, r_max : radii of the discs in pixels, density ~ r^-3 between. Below half a pixel discs fall between the
        centres, and few pixels are alike

    Returns
    -------
    Dataset without labels or entropy. Each pixel is uniform on [0, 1]; two are correlated by `same_leaf`.

    Raises
    ------
    ValueError, TypeError
        If `n` or `size` is not positive, or not 0 < r_min < r_max.
    """
    _, x = _look_down(n, seed, size, r_min, r_max)
    source = f"discs of radius {r_min:g} to {r_max:g} pixels, density r^-3, greys uniform"
    shape = (size, size)
    return Dataset(x=x, image_shape=shape, name="dead leaves", range=(0.0, 1.0), source=source)


def leaf_map(n: int, seed: int, *, size: int = 8, r_min: float = 1.0, r_max: float = 16.0) -> npt.NDArray[np.int32]:
    """Which disc each pixel of `dead_leaves` with the same arguments shows: (n, size^2), counted from the front."""
    return _look_down(n, seed, size, r_min, r_max)[0]


def same_leaf(distance: float, *, r_min: float = 1.0, r_max: float = 16.0) -> float:
    """P(rho) for two points `distance` pixels apart, to 1e-9 by quadrature."""
    from scipy.integrate import quad

    r_min, r_max = _radii(r_min, r_max)
    rho = checks.real(distance, "distance")
    if rho < 0:
        raise ValueError(f"distance must be >= 0, got {rho:g}.")

    def overlap(r: float) -> float:
        """|B_r cap (B_r + rho)| r^-3: the lens of two discs."""
        if 2 * r <= rho:
            return 0.0
        lens = 2 * r * r * math.acos(rho / (2 * r)) - rho / 2 * math.sqrt(4 * r * r - rho * rho)
        return lens / r**3

    below = max(r_min, rho / 2)
    shared = quad(overlap, below, r_max, epsabs=1e-12, epsrel=1e-11)[0] if below < r_max else 0.0
    whole = math.pi * math.log(r_max / r_min)
    return float(shared / (2 * whole - shared))


def leaf_correlations(size: int = 8, *, r_min: float = 1.0, r_max: float = 16.0) -> Floats:
    """The correlations of all pairs of pixels of `dead_leaves`, (size^2, size^2): P of their distance."""
    size = checks.count(size, "size", most=64)
    place = np.stack(np.divmod(np.arange(size**2), size), axis=1)
    squares = ((place[:, None] - place) ** 2).sum(2)
    found, which = np.unique(squares, return_inverse=True)
    each = np.array([same_leaf(math.sqrt(s), r_min=r_min, r_max=r_max) for s in found])
    return each[which.reshape(squares.shape)]


def outlined_entropy(leaves: npt.NDArray[np.int32], noise: float) -> Floats:
    """Entropy in nats of each picture plus Gaussian noise, for one who is told its outlines `leaves` (n, pixels).

    m pixels of one disc are m - 1 numbers of pure noise and, along their mean, a uniform one of width sqrt(m) with
    blurred edges: entropy ln sqrt(m) + 2 c noise/sqrt(m), c = -int Phi ln Phi, to an error exp(-m/8 noise^2). The
    entropy of pictures without outlines is larger, by at most that of the outlines; its negative mean is therefore
    more than any model's mean log-likelihood.

    Raises
    ------
    ValueError
        If `noise`, in units of the greys' range, is not in (0, 0.1].
    """
    sd = checks.positive(noise, "noise")
    if sd > 0.1:
        raise ValueError(f"noise must be at most 0.1 of the range of the greys, got {sd:g}: the edges would meet.")
    from scipy.special import log_ndtr, ndtr

    u = np.linspace(-12, 12, 4801)
    c = -(ndtr(u) * log_ndtr(u)).sum() * (u[1] - u[0])
    m = np.arange(1, leaves.shape[1] + 1)
    each = np.log(m) / 2 + 2 * c * sd / np.sqrt(m) + (m - 1) / 2 * math.log(2 * math.pi * math.e * sd**2)
    return np.array([each[np.unique(row, return_counts=True)[1] - 1].sum() for row in leaves])


def _look_down(
    n: int, seed: int, size: int, r_min: float, r_max: float
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Number and grey of the disc that each pixel shows, (n, size^2), disc after disc from the front."""
    n, size, seed = checks.count(n, "n"), checks.count(size, "size", most=1024), checks.seed64(seed)
    r_min, r_max = _radii(r_min, r_max)
    row, column = (axis.ravel().astype(np.float64) for axis in np.indices((size, size)))
    leaf, grey = np.full((n, size * size), -1, np.int32), np.empty((n, size * size), np.float32)
    open_ = np.arange(n)
    for number in range(_MOST_LEAVES):
        u = uniform(n * _PER_LEAF, seed=seed, step=number, stream=Stream.LEAVES).reshape(n, _PER_LEAF)[open_]
        r = _radius(u[:, 0].astype(np.float64), u[:, 1].astype(np.float64), size - 1, r_min, r_max)[:, None]
        y, x = ((size - 1 + 2 * r) * u[:, k : k + 1] - r for k in (2, 3))
        shows = ((row - y) ** 2 + (column - x) ** 2 <= r * r) & (leaf[open_] < 0)
        picture, pixel = np.nonzero(shows)
        leaf[open_[picture], pixel] = number
        grey[open_[picture], pixel] = u[picture, 4]
        open_ = open_[(leaf[open_] < 0).any(1)]
        if not len(open_):
            return leaf, grey
    raise ValueError(f"r_min = {r_min:g} is too small: {_MOST_LEAVES} discs do not cover the picture; raise it.")


def _radius(kind: Floats, u: Floats, side: float, r_min: float, r_max: float) -> Floats:
    """Radii of the discs whose centres lie at most r outside a square of that side, in each direction.

    Their density is r^-3 (side + 2 r)^2 = side^2 r^-3 + 4 side r^-2 + 4 r^-1: `kind` chooses a term, `u` inverts it.
    """
    low, high = 1 / r_min, 1 / r_max
    mass = np.array([side**2 * (low**2 - high**2) / 2, 4 * side * (low - high), 4 * math.log(r_max / r_min)])
    term = np.searchsorted(np.cumsum(mass) / mass.sum(), kind)
    square, plain = 1 / np.sqrt(low**2 - u * (low**2 - high**2)), 1 / (low - u * (low - high))
    found: Floats = np.choose(np.minimum(term, 2), [square, plain, r_min * (r_max / r_min) ** u])
    return found


def _radii(r_min: float, r_max: float) -> tuple[float, float]:
    low, high = checks.positive(r_min, "r_min", unit="pixels"), checks.positive(r_max, "r_max", unit="pixels")
    if low >= high:
        raise ValueError(f"r_min must be below r_max = {high:g}, got {low:g}.")
    return low, high
