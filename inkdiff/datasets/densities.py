"""Densities in the plane known by a formula, with their entropy: what a learned score can be held against.

    p(x) = sum_k w_k N(x; c_k, s_k^2 I),        S = -int p ln p, a sum over a square grid

p decays like a Gaussian, so the trapezoidal rule converges exponentially in (s/h)^2.

Reference: L. N. Trefethen and J. A. C. Weideman, The exponentially convergent trapezoidal rule,
SIAM Review 56 (2014) 385.
"""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np

from inkdiff._core.backend import Array, Floats, array_module

__all__ = ["Checkerboard", "GaussianMixture"]

_CHUNK = 1 << 17  # numbers in one block of the (points, nodes) table: a megabyte, which stays in cache


@dataclasses.dataclass(frozen=True, eq=False)
class GaussianMixture:
    """p(x) = sum_k weights_k N(x; nodes_k, sd_k^2 I) in the plane; nodes (m, 2), weights (m,) adding to 1.

    `sd` is one number for all nodes, or (m,).
    """

    nodes: Floats
    weights: Floats
    sd: float | Floats

    def log_density(self, x: Array) -> Array:
        """ln p(x), x (n, 2) -> (n,), float64; exact for points, correct to 1e-13 for the smooth curves."""
        xp = array_module(x)
        cx, cy = xp.asarray(self.nodes.T)
        sd = np.broadcast_to(self.sd, self.weights.shape)
        log_peaks, twice = xp.asarray(np.log(self.weights / (2 * math.pi * sd**2))), xp.asarray(2 * sd**2)
        out = xp.empty(len(x))
        rows = max(1, _CHUNK // len(cx))
        for start in range(0, len(x), rows):
            block = x[start : start + rows].astype(np.float64)
            distance2 = (block[:, :1] - cx) ** 2 + (block[:, 1:] - cy) ** 2
            exponent = log_peaks - distance2 / twice
            largest = exponent.max(axis=1)
            out[start : start + rows] = largest + xp.log(xp.exp(exponent - largest[:, None]).sum(axis=1))
        return out

    @functools.cached_property
    def entropy(self) -> float:
        """-int p ln p by the trapezoidal rule, spacing half the least sd, out to 9 sd, where p is below 1e-17; nats."""
        sd = np.broadcast_to(self.sd, self.weights.shape)
        h, margin = sd.min() / 2, 9 * sd
        axes = [np.arange((c - margin).min(), (c + margin).max() + h, h) for c in self.nodes.T]
        profiles = [np.exp(-0.5 * ((a[:, None] - c) / sd) ** 2) for a, c in zip(axes, self.nodes.T, strict=True)]
        p = (profiles[0] * (self.weights / (2 * math.pi * sd**2))) @ profiles[1].T
        return float(-np.sum(p[p > 0] * np.log(p[p > 0])) * h * h)


@dataclasses.dataclass(frozen=True)
class Checkerboard:
    """Density 1/8 on the 8 unit squares (i, j) with i + j even of the 4x4 board on [-2, 2]^2, else 0."""

    @property
    def entropy(self) -> float:
        """ln 8 nats."""
        return math.log(8)

    def log_density(self, x: Array) -> Array:
        """-ln 8 on the squares, -inf off them; x (n, 2) -> (n,)."""
        xp = array_module(x)
        square = xp.clip(xp.floor(x + 2), 0, 3)
        inside = xp.all(xp.abs(x) <= 2, axis=1) & (xp.sum(square, axis=1) % 2 == 0)
        return xp.where(inside, -self.entropy, -xp.inf)
