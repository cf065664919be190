"""Walks with a drift: exact steps of floating-point positions,

    x_t  =  a x_s + c eps,        a = alpha_t/alpha_s,        c^2 = sigma_t^2 - a^2 sigma_s^2.

Reference: D. T. Gillespie, Exact numerical simulation of the Ornstein-Uhlenbeck process and its integral (1996).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core.backend import Array, Floats, array_module
from inkdiff._core.noise_address import Address
from inkdiff._core.rng import Stream
from inkdiff.domains.walks import Walk, check_float_steps

__all__ = ["DriftWalk"]

_GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples fill the unit interval most evenly


class DriftWalk(Walk):
    """Steps with factors a and widths c, (steps,) float64, of which rounding cannot be undone."""

    def __init__(self, x: Array, fine: Floats, a: Floats, c: Floats) -> None:
        check_float_steps(x, c, fine)
        self._a, self._c = a, array_module(x).asarray(c, x.dtype)

    def __call__(self, x: Array, begin: int, end: int, *, seed: int, first_step: int = 0, start: int = 0) -> None:
        """In one kernel call."""
        assert begin <= end, "rounding in a drift cannot be undone"
        step = first_step + begin
        a = array_module(x).asarray(_factors(self._a[begin:end], step, x.dtype))
        kernels.walk(x, a, self._c[begin:end], Address(seed, step, Stream.FORWARD, start))


def _factors(a: Floats, step: int, dtype: npt.DTypeLike) -> npt.NDArray[np.floating]:
    """The factors a of steps step, step + 1, ... in `dtype`; in float32 right on average, as many are multiplied.

    Rounded to the nearest, equal factors near 1 would all err alike, and a million steps by up to 3 %. Here a step's
    number decides in which direction: those of a stretch err by a few 2^-24 together, and the same when it is cut.
    """
    if dtype == np.float64:
        return a
    weyl = (np.arange(step, step + len(a)) * _GOLDEN) % 1.0
    even = np.floor(a * 2.0**24 + weyl) * 2.0**-24
    return np.where(a < 0.5, a, even).astype(dtype)  # below 1/2 they are few: soon nothing is left to err in
