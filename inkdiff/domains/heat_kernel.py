"""The transition density of diffusion between walls: a Gaussian folded into an interval.

On a circle of circumference P a Gaussian of variance v becomes the wrapped Gaussian

    theta(y; v) = sum_m g(y - m P; v) = (1/P) [1 + 2 sum_{n>=1} cos(2 pi n y / P) exp(-(2 pi n / P)^2 v / 2)],

and between reflecting walls, [0, L] being half of the circle P = 2L,

    p(x, v | x0) = theta(x - x0) + theta(x + x0).

The image sum serves short times (5 images, v < P^2/20), the cosine sum long ones (6 harmonics): both are then
exact to 1e-15 relative. Everything is in log form, so that nothing underflows at v -> 0. Coordinates are
independent: a product box multiplies.

Reference: H. S. Carslaw and J. C. Jaeger, Conduction of Heat in Solids, 14.3 and 10.6.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from inkdiff._core.backend import Array, array_module

if TYPE_CHECKING:
    from inkdiff.domains.box import Box

__all__ = ["log_heat_kernel"]

_IMAGES = (-2, -1, 1, 2)
_HARMONICS = 6


def log_heat_kernel(x: Array, x0: Array, v: Array, box: Box) -> tuple[Array, Array]:
    """Log of p(x, v | x0) per row, and its gradient in x.

    Parameters
    ----------
    x, x0 : (n, d), inside `box`
    v : (n, 1) variance of the unfolded Gaussian, integral of g^2, length^2; > 0
    box : walls

    Returns
    -------
    log p : (n,) summed over coordinates; score : (n, d)
    """
    xp = array_module(x, x0, v)
    d = x.shape[1]
    low = xp.asarray(box.low(d), x.dtype)
    period = xp.asarray(box.period(d), x.dtype)
    log_p, score = _log_theta(x - x0, v, period)
    if not box.periodic(d).any():
        log_p, score = _with_mirror(log_p, score, x, x0, v, low, period)
    elif not box.periodic(d).all():
        j = xp.asarray(np.flatnonzero(~box.periodic(d)))
        log_p[:, j], score[:, j] = _with_mirror(log_p[:, j], score[:, j], x[:, j], x0[:, j], v, low[j], period[j])
    return log_p.sum(1), score


def _with_mirror(
    straight: Array, straight_score: Array, x: Array, x0: Array, v: Array, low: Array, period: Array
) -> tuple[Array, Array]:
    """The mirror image of the start added, for axes that end at reflecting walls; all (n, d), low and period (d,)."""
    xp = array_module(x)
    mirror, mirror_score = _log_theta((x - low) + (x0 - low), v, period)
    log_p = xp.logaddexp(straight, mirror)
    return log_p, straight_score + xp.exp(mirror - log_p) * (mirror_score - straight_score)


def _log_theta(y: Array, v: Array, period: Array) -> tuple[Array, Array]:
    """ln theta(y; v) and its derivative, elementwise: y (n, d), v (n, 1), period (d,)."""
    xp = array_module(y, v)
    y = y - period * xp.rint(y / period)
    short = v < period**2 / 20  # (n, d): short sides mix before long ones
    if bool(short.all()):
        return _image_sum(y, v, period)
    if not bool(short.any()):
        return _cosine_sum(y, v, period)
    v, period = xp.broadcast_to(v, y.shape), xp.broadcast_to(period, y.shape)
    log_theta, slope = xp.empty_like(y), xp.empty_like(y)
    for where, series in ((short, _image_sum), (~short, _cosine_sum)):
        log_theta[where], slope[where] = series(y[where], v[where], period[where])
    return log_theta, slope


def _image_sum(y: Array, v: Array, period: Array) -> tuple[Array, Array]:
    xp = array_module(y, v)
    total, moment = xp.ones_like(y), xp.zeros_like(y)  # relative to the nearest image, m = 0
    for m in _IMAGES:
        shift = m * period
        weight = xp.exp(shift * (y - shift / 2) / v)
        total += weight
        moment += weight * shift
    log_theta = xp.log(total) - y * y / (2 * v) - xp.log(2 * math.pi * v) / 2
    return log_theta, (moment / total - y) / v


def _cosine_sum(y: Array, v: Array, period: Array) -> tuple[Array, Array]:
    xp = array_module(y, v)
    k = 2 * math.pi / period
    total, slope = xp.ones_like(y), xp.zeros_like(y)
    for n in range(1, _HARMONICS + 1):
        decay = 2 * xp.exp(-((n * k) ** 2) * v / 2)
        total += decay * xp.cos(n * k * y)
        slope -= decay * n * k * xp.sin(n * k * y)
    return xp.log(total / period), slope / total
