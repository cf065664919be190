"""Where a number of noise stands: the address that makes it the same on any device, in any order, in any part.

    eps  =  normal(seed, stream, step, element)

Reference: J. K. Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011).
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Address"]


class Address(NamedTuple):
    """The noise of one kernel call: 64-bit seed, 32-bit step and stream, and the flat element number of its start."""

    seed: int
    step: int
    stream: int
    start: int = 0
