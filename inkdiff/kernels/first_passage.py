"""When a walker hits a wall within a step, as scalar functions: the Brownian bridge between two known points.

A step from distance a > 0 to distance b of an absorbing wall, of variance c^2, has touched the wall on the way with
probability

    P = exp(-2 a b / c^2)   (b > 0),        1   (b <= 0),

however coarse the step. Given that, the share f of the step at which it first did is f = r/(1 + r), where r is
inverse Gaussian with mean a/|b| and shape a^2/c^2: with time r = f/(1 - f) the bridge becomes a drifting walk.
Between two walls both are looked at; that a single step touches both is neglected (below 1e-13 if c <= L/4).

When another coordinate's touch has ended the walk, a coordinate between absorbing walls has not touched its own yet:
its bridge is conditioned on that, which makes the distance from the wall a Bessel bridge, the length of a
three-dimensional Brownian bridge. From a to 0, where it touches later in the step, or from a to b, where it does not:
then the two ends subtend an angle with density ~ exp(a b cos(angle)/c^2). The farther of its two walls is neglected.

References: A. N. Borodin and P. Salminen, Handbook of Brownian Motion (2002), IV.26; J. R. Michael, W. R. Schucany,
R. W. Haas, Generating random variates using transformations with multiple roots (1976); D. Williams, Path
decomposition and continuity of local time for one-dimensional diffusions (1974), for the Bessel bridge.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from inkdiff._core.compilation import fma, inline
from inkdiff._core.rng import normal_pair, philox4, unit_interval

__all__ = ["ABSORB", "NEVER", "alive_at", "bridge", "bridge_noise", "meet", "second_call"]

ABSORB = 3  # beside REFLECT and PERIODIC
NEVER = 2.0  # a share of the step that lies beyond its end
_32 = np.uint64(32)
_SECOND = np.uint64(1 << 63)  # beyond all elements: a second call for the same coordinate


@inline
def bridge_noise(element: Any, step: Any, stream: Any, k0: Any, k1: Any) -> Any:
    """Two uniforms and two normals for one coordinate of one walker in one step, float64."""
    w0, w1, w2, w3 = philox4(element, element >> _32, step, stream, k0, k1)
    z0, z1 = normal_pair(w2, w3)
    return np.float64(unit_interval(w0)), np.float64(unit_interval(w1)), np.float64(z0), np.float64(z1)


@inline
def second_call(element: Any) -> Any:
    """The element at which `bridge_noise` has four more numbers for this one."""
    return element | _SECOND


@inline
def _touches(a: Any, b: Any, u: Any, c: Any) -> Any:
    """Whether the bridge from distance a to distance b of the wall has touched it; u uniform."""
    return (b <= 0) | (u < math.exp(-2 * a * max(b, 0.0) / (c * c)))


@inline
def _first_touch(a: Any, b: Any, u: Any, z: Any, c: Any) -> Any:
    """Share of the step at which the bridge that touches the wall first does; u uniform, z normal."""
    if a <= 0:
        return 0.0
    shape = (a / c) * (a / c)
    drift = abs(b) / a  # 1/mean
    square = z * z
    # Of the two roots of Michael, Schucany and Haas, in a form that holds for b = 0 and loses no digits.
    root = math.sqrt(square * fma(4 * shape, drift, square))
    r = 1.0 / (drift + (square + root) / (2 * shape))
    if u * fma(r, drift, 1.0) > 1:
        r = 1.0 / (drift * drift * r)
    return r / (1 + r)


@inline
def meet(x: Any, y: Any, lo: Any, hi: Any, u: Any, v: Any, z: Any, c: Any) -> Any:
    """(share of the step, place): when and on which of two walls a step from x to y first ends; share NEVER if on none.

    u, v uniform, z normal. That one step touches both walls is neglected: one number u decides for both.
    """
    down, up = _touches(x - lo, y - lo, u, c), _touches(hi - x, hi - y, 1 - u, c)
    place = lo if down else hi
    share = _first_touch(abs(x - place), y - lo if down else hi - y, v, z, c)
    return (share if down | up else NEVER), place


@inline
def bridge(x: Any, y: Any, share: Any, z: Any, c: Any) -> Any:
    """Where the bridge from x to y is after a share of the step; z normal."""
    return fma(c * math.sqrt(share * (1 - share)), z, fma(share, y - x, x))


@inline
def alive_at(x: Any, y: Any, lo: Any, hi: Any, f: Any, later: Any, place: Any, u: Any, v: Any, z: Any, c: Any) -> Any:
    """Where the bridge from x to y is after a share f of the step, given that it has met no wall by then.

    It meets the wall at `place` after the share `later` > f, or none if that is NEVER; u, v uniform, z normal.
    """
    meets = later < NEVER
    nearer = lo if (x - lo) * (y - lo) < (hi - x) * (hi - y) else hi
    wall = place if meets else nearer
    a, b, end = abs(x - wall), (0.0 if meets else abs(y - wall)), (later if meets else 1.0)
    r = f / end
    angular = a * b / (c * c)
    narrow = math.log1p(fma(1 - u, math.expm1(-2 * angular), 0.0)) / max(angular, 1e-12)  # not contracted
    cosine = 1 + narrow if angular > 1e-12 else fma(2.0, u, -1.0)
    p, q = (1 - r) * a, r * b
    mean = math.sqrt(max(fma(p, p, fma(q, q, 2 * p * q * cosine)), 0.0))
    variance = c * c * f * (1 - r)
    along = fma(math.sqrt(variance), z, mean)
    distance = math.sqrt(fma(along, along, -2 * variance * math.log(v)))
    distance = min(distance, hi - lo)
    return wall + (distance if wall == lo else -distance)
