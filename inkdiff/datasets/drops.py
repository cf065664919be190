"""The drop: N particles of ink, uniform in a ball, the compact start from which everything spreads.

A uniform density on a ball of radius r in d dimensions has volume and entropy

    V = pi^(d/2) r^d / Gamma(d/2 + 1),      S = ln V,

the least entropy of any ink confined to V; spreading over a glass of volume V_glass can gain at most
ln(V_glass / V) per particle. Points are drawn as r u^(1/d) n with n a uniform direction (a normal vector, normalised).

Reference: M. E. Muller, A note on a method for generating points uniformly on n-dimensional spheres (1959).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module
from inkdiff._core.rng import Stream
from inkdiff.datasets.dataset import Dataset
from inkdiff.domains.base import Domain
from inkdiff.domains.box import Box
from inkdiff.kernels import normal, uniform

__all__ = ["UniformBall", "drop"]


@dataclasses.dataclass(frozen=True)
class UniformBall:
    """Uniform density on the ball of `radius` around `center` (one value per axis)."""

    center: tuple[float, ...]
    radius: float

    @property
    def entropy(self) -> float:
        """S = ln V in nats."""
        d = len(self.center)
        return d / 2 * math.log(math.pi) + d * math.log(self.radius) - math.lgamma(d / 2 + 1)

    def log_density(self, x: Array) -> Array:
        """-S inside, -inf outside; x (n, d) -> (n,).

        The rim is 2^-23 |x| farther out, |x| measured from the origin: float32, in which drops are given, moves a point
        by up to half of that. What this adds to the integral of the density, d 2^-23 |x|/radius, is left out of S.
        """
        xp = array_module(x)
        x = x.astype(np.float64)
        distance = xp.sqrt(xp.sum((x - xp.asarray(self.center)) ** 2, axis=1))
        rounding = float(np.finfo(np.float32).eps) * xp.sqrt(xp.sum(x**2, axis=1))
        return xp.where(distance <= self.radius + rounding, -self.entropy, -xp.inf)

    def on_cells(self, bins: int, box: Box, *, probes: int = 8) -> Floats:
        """The density averaged over bins^d equal cells of the box, (bins, ..., bins), by probes^d points in each.

        Relative error of a cell on the rim: about 1/probes^(3/2).
        """
        checks.count(bins, "bins")
        d, fine = len(self.center), bins * checks.count(probes, "probes")
        low, high = (np.broadcast_to(np.asarray(side, np.float64), (d,)) for side in (box.lo, box.hi))
        middles = (np.arange(fine) + 0.5) / fine
        offsets = [a + (b - a) * middles - c for a, b, c in zip(low, high, self.center, strict=True)]
        square = sum(axis**2 for axis in np.meshgrid(*offsets, indexing="ij", sparse=True))
        inside = np.reshape(square <= self.radius**2, (bins, probes) * d)
        share: Floats = inside.mean(tuple(range(1, 2 * d, 2)))
        return share * math.exp(-self.entropy)


def drop(
    n: int,
    *,
    seed: int,
    center: float | Sequence[float] = 0.5,
    radius: float = 0.1,
    d: int = 2,
    box: Domain | None = None,
) -> Dataset:
    """`n` particles of ink uniform in a ball: x (n, d), with the true entropy ln V.

    Parameters
    ----------
    n
        Number of particles.
    seed
        Seed of the counter-based noise (stream DATA).
    center, radius
        Centre (a scalar means the same on every axis) and radius, in the units of length of the glass.
    d
        Number of dimensions.
    box
        The glass into which the drop falls, a Box or another domain; the ball must lie inside. Without it nothing is
        checked.

    Raises
    ------
    ValueError
        If `n`, `d` or `radius` is not positive, `center` does not have d values, or the ball (in a domain that is
        no box: one of its points) leaves `box`.
    """
    checks.count(n, "n")
    checks.count(d, "d")
    checks.positive(radius, "radius")
    middle = _center(center, d)
    if box is not None and box.as_box is not None:
        _check_inside(middle, radius, box.as_box)
    direction = normal(n * d, seed=seed, step=0, stream=Stream.DATA).reshape(n, d).astype(np.float64)
    direction[(direction == 0).all(axis=1), 0] = 1.0  # a number of the noise is 0 once in 2^25: any direction will do
    direction /= np.sqrt(np.sum(direction**2, axis=1, keepdims=True))
    u = uniform(n, seed=seed, step=1, stream=Stream.DATA).astype(np.float64)
    x = middle + radius * u[:, None] ** (1 / d) * direction
    if box is not None:
        box.check_inside(x, "the drop")
    ball = UniformBall(tuple(middle.tolist()), float(radius))
    return Dataset(
        x=x.astype(np.float32),
        names=("x", "y", "z")[:d] if d <= 3 else tuple(f"x{axis}" for axis in range(d)),
        entropy=ball.entropy,
        name="drop",
        source=f"uniform ball of radius {radius:g}",
        density=ball,
    )


def _center(center: float | Sequence[float], d: int) -> Floats:
    values = np.asarray(center, dtype=np.float64)
    if values.ndim > 1 or (values.ndim == 1 and len(values) != d) or not np.all(np.isfinite(values)):
        raise ValueError(f"center must be one finite number or d={d} of them, got {checks.show(center)}.")
    return np.array(np.broadcast_to(values, (d,)))


def _check_inside(center: Floats, radius: float, box: Box) -> None:
    lo, hi = np.asarray(box.lo, dtype=np.float64), np.asarray(box.hi, dtype=np.float64)
    if lo.size not in (1, len(center)):
        raise ValueError(f"box has {lo.size} axes where the drop has d={len(center)}: give them equal dimensions.")
    if np.any(center - radius < lo) or np.any(center + radius > hi):
        raise ValueError(
            f"center={center.tolist()} with radius={radius:g} leaves the box from {lo.tolist()} to {hi.tolist()}: move "
            "the drop or make it smaller."
        )
