r"""The Gaussians that a mixture is made of, at one time and at some points,

    ln w_k N(x; m_k, C_k),        C_k^-1 (m_k - x),        r_k(x) = w_k N(x; m_k, C_k) / sum_j w_j N(x; m_j, C_j),

with C_k = R_k diag(v_k) R_k^T. R_k is left out where it is the unit matrix, and v_k is one number where all are alike.

Reference: C. M. Bishop, Pattern Recognition and Machine Learning, 2.3 and 9.2.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module, asnumpy

__all__ = ["Components", "Part", "along_axes", "mixed", "part_at"]


class Components(NamedTuple):
    """The Gaussians of a mixture at one time."""

    means: Floats
    """alpha_t m_k, (k, d)."""
    variances: Floats
    """Of C_k,t along its axes: (k, d), or (k, 1) where they are all alike."""
    axes: Floats | None
    """Unit vectors along which they are, the columns of (k, d, d); None for those of the coordinates."""

    @property
    def covariances(self) -> Floats:
        """C_k,t as matrices, (k, d, d)."""
        k, d = self.means.shape
        if self.axes is None:
            return np.broadcast_to(self.variances, (k, d))[:, :, None] * np.eye(d)
        matrices: Floats = (self.axes * self.variances[:, None, :]) @ self.axes.swapaxes(1, 2)
        return matrices


class Part(NamedTuple):
    """One component at some rows x (n, d)."""

    log_density: Array  # ln of weight times density, (n,)
    off: Array  # alpha_t m_k - x along the axes, (n, d)
    variances: Array  # of C_k,t along its axes: (n or 1, d or 1)
    axes: Array | None

    def solved(self, y: Array, times: Array | float = 1.0) -> Array:
        """C_k,t^-1 y times a number for each row (n, 1), for y (..., n, d) along the axes."""
        y = times / self.variances * y
        return y if self.axes is None else y @ self.axes.T


def part_at(
    x: Array, alpha: Array, noise: Array, log_weight: float, mean: Array, variances: Array, axes: Array | None
) -> Part:
    """One component at x (n, d), alpha and sigma^2 (n or 1, 1)."""
    xp, d = array_module(x), x.shape[1]
    total = alpha**2 * variances + noise
    off = alpha * mean - x
    off = off if axes is None else off @ axes
    if total.shape[1] == 1:
        square = xp.einsum("nd,nd->n", off, off) / total[:, 0]
    else:
        square = xp.einsum("nd,nd->n", off, off / total)
    log_volume = xp.log(2 * math.pi * total).sum(1) * (d / total.shape[1])
    return Part(log_weight - (square + log_volume) / 2, off, total, axes)


def mixed(parts: list[Part]) -> tuple[Array, list[Array], Array]:
    """ln p (n,), the share of every component in it (n, 1), and the score (n, d)."""
    xp = array_module(parts[0].off)
    logs = xp.stack([part.log_density for part in parts])
    top = logs.max(0)
    shares = xp.exp(logs - top)
    norm = shares.sum(0)
    shares = list((shares / norm)[:, :, None])
    score = parts[0].solved(parts[0].off, shares[0])
    for share, part in zip(shares[1:], parts[1:], strict=True):
        score += part.solved(part.off, share)
    return top + xp.log(norm), shares, score


def along_axes(covariances: npt.ArrayLike, k: int, d: int) -> tuple[Floats, Floats | None]:
    """Variances (k, d) along the columns of rotations (k, d, d), or (k, d) or (k, 1) along the coordinates."""
    c: Floats = asnumpy(checks.reals(covariances, "covariances"))
    axes = None
    if c.shape == (k, d, d):
        if not np.allclose(c, c.swapaxes(1, 2)):
            raise ValueError(f"covariances must be symmetric, but differ by {np.abs(c - c.swapaxes(1, 2)).max():g}.")
        variances, axes = np.linalg.eigh(c)
    elif c.shape in ((), (1,), (k,)):
        variances = np.broadcast_to(c.reshape(-1, 1), (k, 1))
    elif c.shape in ((1, d), (k, d)):
        variances = np.broadcast_to(c, (k, d))
    else:
        shapes = f"a number or ({k},), (1, {d}), ({k}, {d}) or ({k}, {d}, {d})"
        raise ValueError(f"covariances must be {shapes}, got shape {c.shape}.")
    if not (variances > 0).all():
        raise ValueError(f"covariances must be positive definite, got a smallest variance of {variances.min():g}.")
    return variances, axes
