"""The noise: moments of the standard normal and of the uniform, and independence of streams, steps and neighbours.

    E z = 0,  E z^2 = 1,  E z^4 = 3,  E z^6 = 15;        E u = 1/2,  Var u = 1/12

Reference: J. K. Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC11), for what is promised.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from inkdiff._core.rng import Stream
from inkdiff.kernels import normal, uniform
from inkdiff.metrics import Estimate
from inkdiff.verification.identity import Row, identity

__all__ = [
    "independence", "normal_moments", "uniform_moments",
]  # fmt: skip


@identity
def normal_moments(n: int, seed: int) -> Iterator[Row]:
    """E z = 0, E z^2 = 1, E z^4 = 3, E z^6 = 15."""
    z = normal(n, seed=seed).astype(np.float64)
    for power, exact in ((1, 0), (2, 1), (3, 0), (4, 3), (6, 15)):
        yield Row(f"E z^{power}", Estimate.of_mean(z**power), exact)


@identity
def uniform_moments(n: int, seed: int) -> Iterator[Row]:
    """E u = 1/2, E (u - 1/2)^2 = 1/12, E (u - 1/2)^4 = 1/80."""
    u = uniform(n, seed=seed).astype(np.float64)
    yield Row("E u", Estimate.of_mean(u), 0.5)
    yield Row("variance", Estimate.of_mean((u - 0.5) ** 2), 1 / 12)
    yield Row("fourth moment", Estimate.of_mean((u - 0.5) ** 4), 1 / 80)


@identity
def independence(n: int, seed: int) -> Iterator[Row]:
    """E z z' = 0 between streams, steps, seeds, neighbours and quarters of a block."""
    z = normal(n, seed=seed).astype(np.float64)
    others = {
        "streams": normal(n, seed=seed, stream=Stream.REVERSE),
        "steps": normal(n, seed=seed, step=1),
        "seeds": normal(n, seed=seed + 1 if seed < 2**64 - 1 else 0),
    }
    later, next_seed = others["steps"].astype(np.float64), others["seeds"]
    yield Row("a step later, a seed further", Estimate.of_mean(later * next_seed), 0)
    for what, other in others.items():
        yield Row(what, Estimate.of_mean(z * other), 0)
    for distance in (1, 1024, 2048, 3072, 4096):
        if n > 2 * distance:
            yield Row(f"elements {distance} apart", Estimate.of_mean(z[distance:] * z[:-distance]), 0)
