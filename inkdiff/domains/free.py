"""Unbounded space, counted in quanta by walks without a drift.

Reference: `inkdiff.kernels.formulas`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff._core.registry import register
from inkdiff.domains.base import Domain

__all__ = ["Free"]


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
    def bounded(self) -> bool:
        """No."""
        return False

    @property
    def closed_form(self) -> bool:
        """Yes: there is nothing to fold."""
        return True
