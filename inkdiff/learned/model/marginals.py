r"""What is known without learning: the score of a world in which every coordinate lives alone.

Each coordinate of the data has a histogram h. Noised, it is ink in one dimension: given only y = x/alpha of that
coordinate, its start y_0 is distributed as h(y_0) p(y, t | y_0), p the kernel in free space or between walls. With
u = sigma d/dy ln p(y, t | y_0), what denoising score matching regresses on, everything about one coordinate is exact:

    known  m(y) = E[u | y],        unknown  R(y)^2 = Var[u | y],        guess  e(y) = E[y_0 | y].

m is sigma times the score of independent coordinates: for images, of a picture whose pixels know that the margin is
blank and most of the rest black or white, but nothing of shapes. It is the whole score where noise is so strong that
only first moments survive, it obeys the walls, and it carries the fine structure that a small network learns last. What
the other coordinates add to the score cannot exceed R: by the law of total variance, Var[E[u | all] | y] <= R(y)^2.

The expectations are tabulated once: K levels of ln(sigma/alpha), G positions, d coordinates. The function between nodes
is linear interpolation, in training and in sampling alike, so that its error is part of what the network corrects.

Reference: H. Robbins (1956), An empirical Bayes approach to statistics (here in one dimension, from the histogram).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from inkdiff._core.backend import Array, Floats, array_module, asnumpy
from inkdiff.domains.base import Domain
from inkdiff.domains.box import Box
from inkdiff.domains.heat_kernel import log_heat_kernel
from inkdiff.nn.elementwise import interpolate, interpolate_slope

__all__ = ["Alone", "Marginals"]

_BINS = 257  # of the histograms
_NODES = 129  # of the table
_LEVELS = 40
_REACH = 4.0  # standard deviations of noise covered beyond the data; further out the table continues straight
_FLOOR = 1e-6  # share of each histogram spread evenly, so that no place is infinitely far from data


class Alone(NamedTuple):
    """m, R and e of every coordinate, (n, d) each; and over all coordinates at this level, (n or 1, 1) each, the root
    mean squares of R and of e about the mean."""

    known: Array
    unknown: Array
    guess: Array
    unknown_rms: Array
    guess_rms: Array


@dataclass(frozen=True, eq=False)
class Marginals:
    """Table (K, G, d, 3) of m, R, e at levels lo ... hi; `start`, `inverse` (K, d) as in `interpolate`; `rms` (K, 2)
    the root mean squares of R and of e about the mean; all float32."""

    lo: float
    hi: float
    table: Array
    start: Array
    inverse: Array
    rms: Array

    def __call__(self, y: Array, level: Array) -> Alone:
        """Look-up at y = x/alpha (n, d), float32, and level (n,) or (1,).

        Above `hi` the noise outweighs the data: y is shrunk by exp(hi - level) and the last row used.
        """
        shrink, row, fraction = self._where(level)
        known, unknown, guess = interpolate(y * shrink, row, fraction, self._by_column, self.start, self.inverse)
        unknown = array_module(unknown).clip(unknown, 0, self.most_unknown)
        right = fraction[:, None]
        rms = (1 - right) * self.rms[row] + right * self.rms[row + 1]
        return Alone(known, unknown, guess, rms[:, :1], rms[:, 1:])

    def slopes(self, y: Array, level: Array) -> tuple[Array, Array, Array]:
        """d/dy of m, R and e, each (n, d), each of its own coordinate; constant between the nodes of the table."""
        shrink, row, fraction = self._where(level)
        where = y * shrink, row, fraction, self._by_column, self.start, self.inverse
        known, unknown, guess = shrink * interpolate_slope(*where)
        R = interpolate(*where)[1]
        return known, unknown * ((R > 0) & (self.most_unknown > R)), guess

    def _where(self, level: Array) -> tuple[Array, Array, Array]:
        """What y is shrunk by (n or 1, 1), the row of the table, and the share of the next."""
        xp = array_module(level, self.table)
        position = xp.clip((level - self.lo) / (self.hi - self.lo), 0, 1) * (self.table.shape[0] - 1)
        row = xp.minimum(position.astype(np.int64), self.table.shape[0] - 2)
        shrink = xp.exp(xp.minimum(0.0, self.hi - level)).astype(np.float32)[:, None]
        return shrink, row, (position - row).astype(np.float32)

    @classmethod
    def of(cls, domain: Domain, x: Array, lo: float, hi: float) -> Marginals:
        """The table for data x (n, d) inside `domain`, levels `lo` to `hi`; computed on the CPU, kept where x is."""
        data = asnumpy(x).astype(np.float64)
        d = data.shape[1]
        table = np.empty((_LEVELS, _NODES, d, 3), np.float32)
        grid = np.empty((2, _LEVELS, d), np.float32)
        squares = np.empty((_LEVELS, d, 2))
        box = domain.as_box
        for columns, low, high in _alike(domain, data):
            weights = _histogram(data[:, columns], low, high)
            bins = np.linspace(low, high, _BINS)
            side = None if box is None else Box(low, high, box.wall)
            for k, sigma in enumerate(np.exp(np.linspace(lo, hi, _LEVELS))):
                margin = 0.0 if side else _REACH * sigma
                nodes = np.linspace(low - margin, high + margin, _NODES)
                density, m, unknown, guess = _moments(nodes, bins, weights, sigma, side)
                table[k][:, columns] = np.stack([m, unknown, guess], axis=2)
                centred = np.stack([unknown, guess - bins @ weights], axis=2)
                squares[k, columns] = (density[:, :, None] * centred**2).sum(0)
                grid[:, k, columns] = np.array([nodes[0], 1 / (nodes[1] - nodes[0])])[:, None]
        xp = array_module(x)
        rms = np.sqrt(squares.mean(1))
        return cls(lo, hi, *(xp.asarray(a, np.float32) for a in (table, *grid, rms)))

    @cached_property
    def _by_column(self) -> Array:
        """The table as (K, d, G, 3): what one look-up reads stands together."""
        return array_module(self.table).ascontiguousarray(self.table.swapaxes(1, 2))

    @cached_property
    def most_unknown(self) -> float:
        """The largest R of all: beyond the table, where its lines go on, R stays between 0 and this."""
        return float(self.table[..., 1].max())

    @cached_property
    def largest_unknown(self) -> float:
        """The largest root mean square of R over the levels."""
        return float(self.rms[:, 0].max())

    def arrays(self) -> dict[str, Array]:
        """Its arrays by name."""
        return {"table": self.table, "start": self.start, "inverse": self.inverse, "rms": self.rms}


def _alike(domain: Domain, x: Floats) -> list[tuple[list[int], float, float]]:
    """Columns that share one interval: (columns, its ends). In free space one interval holds all the data."""
    d = x.shape[1]
    box = domain.as_box
    if box is None:
        low, high = float(x.min()), float(x.max())
        widen = 1e-3 * max(high - low, abs(high), 1e-3)  # a column of one single value still needs a width
        return [(list(range(d)), low - widen, high + widen)]
    ends = list(zip(box.low(d), box.low(d) + box.length(d), strict=True))
    return [([j for j in range(d) if ends[j] == (a, b)], float(a), float(b)) for a, b in dict.fromkeys(ends)]


def _histogram(x: Floats, low: float, high: float) -> Floats:
    """Shares of the data at the bins, (bins, columns); a value between two bins is split between them."""
    position = (x - low) / (high - low) * (_BINS - 1)
    left = np.clip(position.astype(np.int64), 0, _BINS - 2)
    right_share: Floats = position - left
    weights: Floats = np.full((_BINS, x.shape[1]), _FLOOR / _BINS)
    for j in range(x.shape[1]):
        for index, share in ((left, 1 - right_share), (left + 1, right_share)):
            weights[:, j] += np.bincount(index[:, j], share[:, j], minlength=_BINS) / len(x)
    weights /= weights.sum(0)
    return weights


def _moments(nodes: Floats, bins: Floats, weights: Floats, sigma: float, side: Box | None) -> tuple[Floats, ...]:
    """At the nodes, (nodes, columns) each: share of the noised density (summing to 1), m, R, e."""
    if side is None:
        u = (bins - nodes[:, None]) / sigma
        log_p = -(u**2) / 2
    else:
        pairs = np.repeat(nodes, len(bins))[:, None], np.tile(bins, len(nodes))[:, None]
        flat, slopes = log_heat_kernel(*pairs, np.full((len(pairs[0]), 1), sigma**2), side)
        log_p, u = flat.reshape(len(nodes), -1), sigma * slopes.reshape(len(nodes), -1)
    top = log_p.max(axis=1, keepdims=True)
    p = np.exp(log_p - top)
    total = p @ weights
    m, square, e = ((p * v) @ weights / total for v in (u, u**2, bins))
    density = total * np.exp(top)
    density /= density.sum(0)
    return density, m, np.sqrt(np.maximum(square - m**2, 0.0)), e
