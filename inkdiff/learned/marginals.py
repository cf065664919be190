r"""What is known without learning: the score of a world in which every coordinate lives alone.

Each coordinate j of the data has a histogram h_j. Noised, it is ink in one dimension, whose score is exact:

    m_j(y, t) = sigma d/dy ln sum_i h_j(i) p(y, t | y_i),

p the transition kernel in free space or between walls. For an image this is a picture of independent pixels: it knows
that the margin is blank and that most pixels are black or white, and nothing of shapes. It is the whole score where
noise is so strong that only first moments survive, it keeps every wall's boundary condition, and it carries the
finest structure of the margins at weak noise, which a small network learns last. The network learns the rest
(`parametrisation.py`).

The sums are tabulated once: K levels of ln(sigma/alpha), G positions, d coordinates; y = x/alpha. The function
between nodes is linear interpolation, in training and in sampling alike, so that its error is part of what the
network corrects.

Reference: P. Vincent (2011), Neural Computation 23, 1661 (the score of a finite data set, here in one dimension).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inkdiff.backend import Array, array_module, asnumpy
from inkdiff.domain import Box, Domain
from inkdiff.heat_kernel import log_heat_kernel
from inkdiff.nn.elementwise import interpolate

__all__ = ["Marginals"]

_Floats = npt.NDArray[np.float64]
_BINS = 513  # of the histograms
_NODES = 193  # of the table
_LEVELS = 40
_REACH = 4.0  # standard deviations of noise covered beyond the data; further out the table continues straight
_FLOOR = 1e-6  # share of each histogram spread evenly, so that no place is infinitely far from data


@dataclass(frozen=True, eq=False)
class Marginals:
    """Table of m_j at levels lo ... hi: `table` (K, G, d), `start`, `inverse` (K, d), float32; see `interpolate`."""

    lo: float
    hi: float
    table: Array
    start: Array
    inverse: Array

    def __call__(self, y: Array, level: Array) -> Array:
        """m (n, d) at y = x/alpha (n, d), float32, and level (n,) or (1,).

        Above `hi` the noise outweighs the data: y is shrunk by exp(hi - level) and the last row used.
        """
        xp = array_module(y, level, self.table)
        shrink = xp.exp(xp.minimum(0.0, self.hi - level)).astype(np.float32)
        position = xp.clip((level - self.lo) / (self.hi - self.lo), 0, 1) * (self.table.shape[0] - 1)
        row = xp.minimum(position.astype(np.int64), self.table.shape[0] - 2)
        fraction = (position - row).astype(np.float32)
        return interpolate(y * shrink[:, None], row, fraction, self.table, self.start, self.inverse)

    @classmethod
    def of(cls, domain: Domain, x: Array, lo: float, hi: float) -> Marginals:
        """The table for data x (n, d) inside `domain`, levels `lo` to `hi`; computed on the CPU, kept where x is."""
        data = asnumpy(x).astype(np.float64)
        levels = np.linspace(lo, hi, _LEVELS)
        table = np.empty((_LEVELS, _NODES, data.shape[1]), np.float32)
        start, inverse = np.empty((2, _LEVELS, data.shape[1]), np.float32)
        for columns, low, high in _alike(domain, data):
            weights = _histogram(data[:, columns], low, high)
            bins = np.linspace(low, high, _BINS)
            side = Box(low, high, domain.wall) if isinstance(domain, Box) else None
            for k, sigma in enumerate(np.exp(levels)):
                margin = 0.0 if side else _REACH * sigma
                nodes = np.linspace(low - margin, high + margin, _NODES)
                table[k][:, columns] = sigma * _score(nodes, bins, weights, sigma**2, side)
                start[k, columns] = nodes[0]
                inverse[k, columns] = 1 / (nodes[1] - nodes[0])
        xp = array_module(x)
        return cls(lo, hi, xp.asarray(table), xp.asarray(start), xp.asarray(inverse))


def _alike(domain: Domain, x: _Floats) -> list[tuple[list[int], float, float]]:
    """Columns that share one interval: (columns, its ends). In free space one interval holds all the data."""
    d = x.shape[1]
    if not isinstance(domain, Box):
        low, high = float(x.min()), float(x.max())
        widen = 1e-3 * max(high - low, abs(high), 1e-3)  # a column of one single value still needs a width
        return [(list(range(d)), low - widen, high + widen)]
    ends = list(zip(domain.low(d), domain.low(d) + domain.length(d), strict=True))
    return [([j for j in range(d) if ends[j] == (a, b)], float(a), float(b)) for a, b in dict.fromkeys(ends)]


def _histogram(x: _Floats, low: float, high: float) -> _Floats:
    """Shares of the data at the bins, (bins, columns); a value between two bins is split between them."""
    position = (x - low) / (high - low) * (_BINS - 1)
    left = np.clip(position.astype(np.int64), 0, _BINS - 2)
    right_share = position - left
    weights = np.full((_BINS, x.shape[1]), _FLOOR / _BINS)
    for j in range(x.shape[1]):
        for index, share in ((left, 1 - right_share), (left + 1, right_share)):
            weights[:, j] += np.bincount(index[:, j], share[:, j], minlength=_BINS) / len(x)
    return weights


def _score(nodes: _Floats, bins: _Floats, weights: _Floats, v: float, side: Box | None) -> _Floats:
    """d/dy ln sum_i weights_i p(y, v | bin_i) at the nodes, (nodes, columns)."""
    if side is None:
        slope = (bins - nodes[:, None]) / v
        log_p = -v / 2 * slope**2
    else:
        pairs = np.repeat(nodes, len(bins))[:, None], np.tile(bins, len(nodes))[:, None]
        flat, slopes = log_heat_kernel(*pairs, np.full((len(pairs[0]), 1), v), side)
        log_p, slope = flat.reshape(len(nodes), -1), slopes.reshape(len(nodes), -1)
    p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    return np.asarray(((p * slope) @ weights) / (p @ weights))
