"""Entropy from the distance to the k-th neighbour: no cells, so it works where they cannot be filled, d = 4 ... 8.

Among n independent particles, the probability mass of the cube around particle i that just reaches its k-th neighbour
has the mean logarithm psi(k) - psi(n), whatever the density. Taking the density as constant in the cube,

    S = psi(n) - psi(k) + (1/n) sum_i ln V_i,        V_i = prod_j length of [x_ij - r_i, x_ij + r_i],

r_i the distance in the largest coordinate difference (each coordinate in units of its own standard deviation).
Between walls V_i counts only the part of the cube inside a reflecting box, and distances go around a periodic one:
then a uniform density gives ln V without bias at any n, and one without slope at the walls, as ink has, loses nothing
there. (Mirror images of the particles would count a particle's own image as its neighbour.)

Elsewhere the bias comes from the density's curvature in the cube, of order (k/n)^(2/d): for a Gaussian, k = 4, n =
20,000 it was measured as -0.001(2) nats at d = 2, -0.014(3) at d = 3, -0.032(2) at d = 4, -0.06 at d = 6 and 8,
within 2 d (k/n)^(2/d) throughout. The standard error comes from G disjoint groups of the particles, each with an
estimate of its own: sd/sqrt(G), since the terms of near particles are not independent. Groups share one bias, which
it does not show.

Reference: L. F. Kozachenko and N. N. Leonenko, Problems of Information Transmission 23 (1987) 95; A. Kraskov, H.
Stoegbauer and P. Grassberger, Estimating mutual information, Phys. Rev. E 69 (2004) 066138, for cubes.
"""

from __future__ import annotations

import math

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, asnumpy
from inkdiff.domains.base import Domain
from inkdiff.domains.box import Box
from inkdiff.metrics.cells import check_domain, extent
from inkdiff.metrics.estimates import Estimate

__all__ = ["MOST_DIMENSIONS", "SamePlaceError", "least_rows", "neighbour_entropy"]

MOST_DIMENSIONS = 8  # beyond, the nearest neighbour of a particle is hardly nearer than the others
_GROUPS = 32
_LEAST_GROUPS = 4
_LEAST_PER_GROUP = 4  # times k + 1


class SamePlaceError(ValueError):
    """More than k rows, or all in one coordinate, are equal: no neighbour's distance tells their density."""


def least_rows(k: int) -> int:
    """How many rows the k-th neighbour's entropy and its error need."""
    return _LEAST_GROUPS * _LEAST_PER_GROUP * (k + 1)


def neighbour_entropy(x: Array, domain: Domain | None = None, *, k: int = 4) -> Estimate:
    """Differential entropy in nats of the law of the rows of x, from k-th neighbours; see the module's text.

    Parameters
    ----------
    x
        Independent particles (n, d), d <= 8, n >= 16 (k + 1), no k + 1 of them in one place and not all in a plane
        x_j = const. Neighbours are sought on the host; a CuPy array is copied.
    domain
        A Box, whose walls are then accounted for; Free() or None for free space. In an unbounded domain of another
        kind the cubes are taken as whole.
    k
        Which neighbour: a larger k gives a smaller error and a larger bias.

    Raises
    ------
    ValueError, TypeError
        If `x` is not (n, d), finite and inside the domain; has more than 8 coordinates or too few rows; `domain` is not
        one, or is bounded and no box; or k + 1 rows, or all in a coordinate, are equal (a SamePlaceError), where the
        entropy is -infinity.
    """
    check_domain(domain)
    x = checks.state(x, "x")
    n, d = x.shape
    k = checks.count(k, "k")
    if d > MOST_DIMENSIONS:
        raise ValueError(
            f"x has d={d} coordinates: neighbours measure entropy up to d={MOST_DIMENSIONS}; use "
            "inkdiff.entropy (a sum over coordinates) or a score."
        )
    if n < least_rows(k):
        raise ValueError(f"x has n={n} rows: k={k} needs at least {least_rows(k)}; give more, or a smaller k.")
    box = None if domain is None else domain.as_box
    if domain is not None and domain.bounded and box is None:
        raise TypeError(
            f"domain must be free or a Box (declared by `as_box`), got {checks.show(domain)}: the cubes around "
            "neighbours know no obstacles or curved walls; use inkdiff.entropy."
        )
    if domain is not None:
        domain.check_inside(x)
    extent(x, "Leave that coordinate out, or use inkdiff.entropy with a Box, which counts in cells.", SamePlaceError)
    points: Floats = asnumpy(x).astype(np.float64)
    scale = points.std(axis=0)
    scale[scale == 0] = 1.0  # where squares underflow
    groups = min(_GROUPS, n // (_LEAST_PER_GROUP * (k + 1)))
    value = _estimate(points, scale, box, k)
    parts = [_estimate(points[g::groups], scale, box, k) for g in range(groups)]
    return Estimate(value, float(np.std(parts, ddof=1)) / math.sqrt(groups))


def _estimate(points: Floats, scale: Floats, box: Box | None, k: int) -> float:
    """The estimator itself, distances being measured in units of `scale` (d,)."""
    from scipy.special import digamma

    log_volume = _log_cubes(points, scale, box, k)
    return float(digamma(len(points)) - digamma(k) + log_volume.mean())


def _log_cubes(points: Floats, scale: Floats, box: Box | None, k: int) -> Floats:
    """ln V_i of the part inside the walls of the cube that reaches particle i's k-th neighbour, (n,)."""
    d = points.shape[1]
    if box is None:
        edges = np.repeat(2 * _distance(points / scale, k)[:, None], d, axis=1)
        return _log_product(edges, scale)
    y, side = (points - box.low(d)) / scale, box.length(d) / scale
    circle = box.periodic(d)
    r = _distance(np.where(circle, y % side, y), k, np.where(circle, side, 0.0))[:, None]
    inside = np.minimum(y + r, side) - np.maximum(y - r, 0.0)
    return _log_product(np.where(circle, np.minimum(2 * r, side), inside), scale)


def _log_product(edges: Floats, scale: Floats) -> Floats:
    """ln of the volumes (n,) from edges (n, d) in units of `scale`."""
    log_volume: Floats = np.log(edges).sum(1) + np.log(scale).sum()
    return log_volume


def _distance(y: Floats, k: int, period: Floats | None = None) -> Floats:
    """Largest coordinate difference to the k-th neighbour, (n,); `period` (d,) of the axes that are circles, else 0."""
    from scipy.spatial import cKDTree

    if period is not None:
        # Rounding may carry y % period to the period itself, which the tree refuses.
        y = np.where((period > 0) & (y >= period), 0.0, y)
    r: Floats = np.asarray(cKDTree(y, boxsize=period).query(y, k=[k + 1], p=np.inf)[0])[:, 0]
    if not (r > 0).all():
        raise SamePlaceError(
            f"x has {k + 1} or more rows in one place: the entropy of a point is -infinity. Take x before it was "
            "rounded (float64), or use inkdiff.entropy, which counts in cells."
        )
    return r
