"""Points uniform in the square [-1, 1]^2, whose entropy is ln 4 nats.

Reference: T. M. Cover and J. A. Thomas, Elements of Information Theory (2006), example 8.1.1.
"""

import math

import numpy as np

import inkdiff as ink


class SquareDensity:
    """1/4 inside, 0 outside."""

    entropy = math.log(4)

    def log_density(self, x: ink.Array) -> ink.Array:
        """ln p(x) for points (n, 2): (n,)."""
        return np.where((abs(x) <= 1).all(axis=1), -math.log(4), -math.inf)


@ink.register(kind="dataset")
def square(n: int = 1000, *, seed: int = 0) -> ink.datasets.Dataset:
    """n points; the first m of them are the same for every n >= m."""
    x = 2 * ink.uniform(2 * n, seed=seed).reshape(n, 2) - 1
    return ink.datasets.Dataset(
        x, names=("x", "y"), entropy=SquareDensity.entropy, name="square", range=(-1.0, 1.0), density=SquareDensity()
    )
