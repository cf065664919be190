"""Unbounded space, counted in quanta by walks without a drift.

Reference: `inkdiff.kernels.formulas`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff._core.registry import register
from inkdiff.domains.base import Domain
from inkdiff.domains.fixed_point import FreeWalk
from inkdiff.domains.walks import Steps, Walk, check_quanta, check_rounding

__all__ = ["Free"]

_TAIL = 8.0  # standard deviations that no walker goes beyond (6.8 in one step)
_LARGEST_QUANTA = 2.0**62


@register
@dataclass(frozen=True)
class Free(Domain):
    """Unbounded space.

    Parameters
    ----------
    quantum : the unit in which walks without drift count positions, as 64-bit integers; a power of two in the length
        unit of the state. The default 2^-40 = 9e-13 lets positions reach 4 million; float64 holds them whole up to
        2^53 quanta = 8192.

    Raises
    ------
    ValueError
        If `quantum` is not a positive power of two.
    """

    quantum: float = 2.0**-40

    def __post_init__(self) -> None:
        quantum = checks.positive(self.quantum, "quantum", unit="a length")
        if math.frexp(quantum)[0] != 0.5:
            raise ValueError(
                f"quantum must be a power of two, such as 2.0**{round(math.log2(quantum))}, got {quantum!r}."
            )
        object.__setattr__(self, "quantum", quantum)

    def fold(self, y: Array) -> Array:
        """y itself."""
        return y

    def contains(self, x: Array) -> Array:
        """All of them."""
        return array_module(x).full(len(x), True)

    def check_inside(self, x: Array, name: str = "x") -> None:
        """Raise unless all of x is finite."""
        checks.finite_array(x, name)

    def log_volume(self, d: int) -> float:
        """Infinite."""
        return math.inf

    @property
    def free(self) -> bool:
        """Yes."""
        return True

    @property
    def closed_form(self) -> bool:
        """Yes: there is nothing to fold."""
        return True

    def plan_walk(self, x: Array, steps: Steps) -> Walk:
        """A walk in integers, of `quantum` each."""
        quantum, size = self.quantum, float(abs(x).max())
        reach = size + _TAIL * np.sqrt(np.cumsum(steps.rms**2))
        if reach[-1] > _LARGEST_QUANTA * quantum:
            power = math.ceil(math.log2(reach[-1] / _LARGEST_QUANTA))
            raise ValueError(
                f"x and times reach {reach[-1]:.2g}, beyond 2^62 quanta of free space, {quantum:g} each; give the "
                f"process domain=Free(quantum=2.0**{power}), or change units."
            )
        where = f"free space ({quantum:g}); give the process domain=Free(quantum=...)"
        check_quanta(steps.width, quantum, steps.fine, where)
        check_rounding(x, steps.rms, reach, steps.fine)
        return FreeWalk(steps.width.reshape(-1), quantum)

    def check_replay(self, x: Array, rms: float) -> None:
        """Raise unless float64 holds the quanta of the walk whole."""
        reach = float(abs(x).max()) + _TAIL * rms
        if reach > 2.0**53 * self.quantum:
            power = int(np.ceil(np.log2(reach / 2.0**53)))
            raise ValueError(
                f"process in free space: positions may reach {reach:.3g}, beyond 2^53 quanta of {self.quantum:g}, "
                f"where float64 does not hold them whole; give it domain=Free(quantum=2.0**{power}), or change units."
            )

    def log_step_density(self, x: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
        """The Gaussian."""
        xp, r = array_module(x), x - mean
        log_p = -(r**2 / variance).sum(1) / 2 - x.shape[1] / 2 * xp.log(2 * math.pi * variance[:, 0])
        return log_p, -r / variance

    def clip(self, x: Array) -> Array:
        """x itself."""
        return x
