"""Sequences of zeros and ones whose law is known: what a model of bits can be held against, to the bit.

    heartbeat     a beat in every fifth bin, the phase random:       entropy ln 5 nats = log2 5 = 2.3219 bits

Reference: J. Sohl-Dickstein et al. (2015), arXiv:1503.03585, section 3.1.1 and table 1.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff._core.rng import Stream
from inkdiff.datasets.dataset import Dataset
from inkdiff.kernels import uniform

__all__ = ["FewSequences", "heartbeat"]


@dataclasses.dataclass(frozen=True, eq=False)
class FewSequences:
    """Equal probability on the rows of `support` (k, d), all different, none elsewhere."""

    support: npt.NDArray[np.float32]

    @property
    def entropy(self) -> float:
        """ln k nats: Shannon's, of outcomes that can be counted."""
        return math.log(len(self.support))

    def log_density(self, x: Array) -> Array:
        """Log probability of the rows of x (n, d), (n,): -ln k, or -inf."""
        xp = array_module(x)
        known = (x[:, None] == xp.asarray(self.support)).all(2).any(1)
        return xp.where(known, -self.entropy, -xp.inf)


def heartbeat(n: int, seed: int, *, length: int = 20, period: int = 5) -> Dataset:
    """`n` sequences with a one in every `period`-th bin: x (n, length) of zeros and ones, y the phase.

    The phase, 0 ... period - 1, is uniform, so there are `period` equally likely sequences: entropy ln 5 nats at the
    default, log2 5 = 2.3219 bits, and no model can have a better log-likelihood. Independent bits of the same rate,
    Bernoulli(0.2), have -14.439 bits.

    Raises
    ------
    ValueError
        If `n`, `length` or `period` is not positive, or the period is longer than the sequence.
    """
    checks.count(n, "n")
    checks.count(period, "period", most=checks.count(length, "length"))
    y = np.floor(period * uniform(n, seed=seed, step=1, stream=Stream.DATA).astype(np.float64)).astype(np.int64)
    support = (np.arange(length) % period == np.arange(period)[:, None]).astype(np.float32)
    law = FewSequences(support)
    return Dataset(
        x=support[y],
        y=y,
        entropy=law.entropy,
        name="heartbeat",
        range=(0.0, 1.0),
        source=f"a one in every {period}th of {length} bins, random phase",
        density=law,
    )
