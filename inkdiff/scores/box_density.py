"""The exact score of ink that starts as any picture: an initial density, constant on each cell of a grid,
diffusing between walls,

    p_t(x) = sum over cells rho_i E_i(x),        E_i(x) = product over axes of int_a^b p(x, v | x_0) dx_0,

with v = sigma_t^2 and, for a cell [a, b] of one axis,

    int_a^b p dx_0  =  sum over images x_m of x of  Phi((b - x_m)/sigma_t) - Phi((a - x_m)/sigma_t)      (v < L^2/5)
                    =  (b - a)/L + (2/L) sum_n c_n cos(n pi x/L) exp(-(n pi/L)^2 v/2)                    (else),

c_n = int_a^b cos(n pi y/L) dy. Both are exact; the first keeps relative accuracy far out in the tails, where scores
live. The gradient differentiates the same sums. Cell averages of p_t, and with them the coarse-grained entropy,
follow from the cosine sum alone.

Reference: H. S. Carslaw and J. C. Jaeger, Conduction of Heat in Solids, 2.4 and 14.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property, reduce
from itertools import product
from operator import mul

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, Time, array_module, asnumpy
from inkdiff.domains.base import Domain
from inkdiff.processes.base import Process, check_process, closed_form_domain
from inkdiff.scores.base import Integrable, Quadrature
from inkdiff.scores.cell_integrals import (
    OccupiedCells,
    along_rows,
    axis_masses,
    cell_masses,
    contract,
    transfer_matrix,
    weigh,
    with_slope,
)
from inkdiff.scores.quadrature import mesh, midpoints

__all__ = ["BoxScore"]

_CHUNK = 2**22  # numbers held at a time
_UNDERFLOW = 1e-280
_SMOOTH = 16.0  # table nodes per sigma_t that make the interpolation error of a smooth score 1/2000
_WINDOW = 9.0  # standard deviations beyond which its mass is below float64 rounding
_MOST_NODES = 2**22  # of a table, where a longer side of the cells asks for more than its share


class BoxScore(Integrable):
    """Exact score of a density that diffuses in a box.

    Parameters
    ----------
    process : a process whose domain is a Box (Brownian or VarianceExploding)
    density : (K_1, ..., K_d), d = 1, 2, 3: non-negative values on equal cells of the box, axis 0 = x; normalised here
    nodes : 0 evaluates the closed form over all cells at every particle, O(n prod K). nodes = m > 0 is the fast
        form for many particles: while sigma_t < cell/4, cell the shortest side of one, the closed form over the few
        cells within reach (exact), later linear interpolation of the score between nodes at least cell/m apart along
        every axis (error about (cell/(m sigma_t))^2 / 8 of 1/sigma_t, or 1/2000 if that is more; larger in the
        empty middle between drops far apart, where the score turns over less than sigma_t). Cells so oblong that
        they would need more than 4 million nodes keep to the closed form

    Where p_t underflows (beyond about 35 sigma_t from all ink) the score is its leading term, (nearest ink -
    x)/sigma_t^2.

    Raises
    ------
    ValueError
        If the domain is not a box, or the density is negative, non-finite, all zero or of another dimension
        than the box.
    """

    def __init__(self, process: Process, density: Array, *, nodes: int = 0) -> None:
        check_process(process)
        closed_form_domain(process, "a score")
        box = process.domain.as_box
        if box is None:
            raise ValueError(
                f"process must live in a Box, as Brownian(D=1.0, domain=Box(0, 1)) does, got {checks.show(process)}."
            )
        rho: Floats = asnumpy(checks.reals(density, "density"))
        if not 1 <= rho.ndim <= 3 or rho.size == 0:
            raise ValueError(f"density must have 1, 2 or 3 axes and at least one cell, got shape {rho.shape}.")
        if (rho < 0).any() or rho.sum() == 0:
            raise ValueError(f"density must be >= 0 and not all zero; smallest value {rho.min():g}, sum {rho.sum():g}.")
        box.check_dimension(rho.ndim)
        self.process, self.box, self.nodes = process, box, checks.count(nodes, "nodes", least=0)
        self._low, self._length = self.box.low(rho.ndim), self.box.length(rho.ndim)
        self._cell: Floats = self._length / rho.shape
        self.density: Floats = rho / (rho.sum() * self._cell.prod())
        self._periodic = self.box.periodic(rho.ndim)

    @property
    def domain(self) -> Domain:
        """The box."""
        return self.box

    def __call__(self, x: Array, t: Time) -> Array:
        """grad log p_t(x), (n, d); t > 0 a number or (n,)."""
        x = self._check(x)
        xp = array_module(x=x, t=t)
        score = xp.empty_like(x)
        for t_one, rows in self._by_time(x, t):
            v = float(self.process.variance(t_one))
            score[rows] = xp.asarray(self._evaluator(v)(x[rows], v), x.dtype)
        return score

    def _evaluator(self, v: float) -> Callable[[Array, float], Array]:
        """The way that `nodes` asks for at this sigma_t."""
        if not self.nodes:
            return self._score_at
        most = max(_MOST_NODES, math.prod(self.nodes * K + 1 for K in self.density.shape))
        sharp = v < (self._cell.min() / 4) ** 2 or math.prod((self._table_cells(v) + 1).tolist()) > most
        return self._nearby if sharp else self._interpolated

    def log_density(self, x: Array, t: Time) -> Array:
        """ln p_t(x) per row, (n,), by the closed form; -inf where p_t underflows."""
        x = self._check(x)
        xp = array_module(x=x, t=t)
        log_p = xp.empty(x.shape[0])
        for t_one, rows in self._by_time(x, t):
            p = self._closed_form(asnumpy(x[rows]), float(self.process.variance(t_one)))[0]
            with np.errstate(divide="ignore"):
                log_p[rows] = xp.asarray(np.log(p))
        return log_p

    def cell_averages(self, t: float) -> Floats:
        """The density averaged over each cell at time t, (K_1, ..., K_d): exact."""
        v = float(self.process.variance(self.process.check_time(t)))
        if v == 0:
            return self.density
        transfer = [
            transfer_matrix(L, K, v, periodic)
            for L, K, periodic in zip(self._length, self.density.shape, self._periodic, strict=True)
        ]
        averages: Floats = np.maximum(contract(self.density, transfer), 0.0)
        return averages

    def entropy(self, t: float, coarsen: int = 1) -> float:
        """Coarse-grained entropy -int p ln p of averages over cells (or blocks of `coarsen` cells a side), nats.

        This is what an unbiased histogram on those cells measures.
        """
        p = self.cell_averages(t)
        for axis, K in enumerate(p.shape):
            if K % checks.count(coarsen, "coarsen"):
                raise ValueError(f"coarsen must divide the {K} cells of axis {axis}, got {coarsen}.")
            p = np.add.reduceat(p, np.arange(0, K, coarsen), axis) / coarsen
        return float(-xlogy(p, p).mean() * self._length.prod())

    def quadrature(self, t: float) -> Quadrature:
        """A grid that resolves sigma_t; at t = 0 the cells themselves, between which the density has infinite slopes.

        Raises
        ------
        ValueError
            If t is so early that the grid would have more than 2^20 points.
        """
        v = float(self.process.variance(self.process.check_time(t)))
        if v == 0:
            p = self.density.ravel()
            axes = [c * (np.arange(K) + 0.5) for c, K in zip(self._cell, self.density.shape, strict=True)]
            gradient = np.full((p.size, self.density.ndim), 0.0 if p.min() == p.max() else np.inf)
        else:
            axes = midpoints(self._length, min(math.sqrt(v), float(self._length.min())))
            p, gradient = self._on_grid(axes, v)
        there = p > _UNDERFLOW  # elsewhere nothing is left to count, and the score would be 0/0
        safe = np.where(there, p, 1.0)
        slope = np.where(there[:, None], gradient, 0.0) / safe[:, None]
        log_p = np.where(there, np.log(safe), -np.inf)
        return Quadrature(self._low + mesh(axes), log_p, slope, float(self._length.prod()) / p.size)

    def _check(self, x: Array) -> Array:
        x = checks.state(x)
        if x.shape[1] != self.density.ndim:
            raise ValueError(f"x must have shape (n, {self.density.ndim}) like the density, got {tuple(x.shape)}.")
        self.box.check_inside(x)
        return x

    def _by_time(self, x: Array, t: Time) -> list[tuple[float, Array | slice]]:
        no_score = "at t = 0 the density has steps and no score"
        t = asnumpy(self.process.check_row_times(t, len(x), why_positive=no_score, dtype=x.dtype))
        if t.ndim == 0:
            return [(float(t), slice(None))]
        return [(float(t_one), np.flatnonzero(t == t_one)) for t_one in np.unique(t)]

    # ---- the closed form ------------------------------------------------------------------------------------------

    def _axis_masses(self, points: Floats, axis: int, v: float) -> tuple[Floats, Floats]:
        return axis_masses(points, self._length[axis], self.density.shape[axis], v, bool(self._periodic[axis]))

    def _closed_form(self, x: Array, v: float) -> tuple[Floats, Floats]:
        """p (n,) and its gradient (n, d) at particles x (n, d)."""
        n, d = x.shape
        p, gradient = np.empty(n), np.empty((n, d))
        rows = max(1, _CHUNK // max(self.density.size // self.density.shape[0], sum(self.density.shape)))
        for begin in range(0, n, rows):
            part = slice(begin, begin + rows)
            matrices = [self._axis_masses(x[part, j] - self._low[j], j, v) for j in range(d)]
            mass = [m for m, _ in matrices]
            p[part] = along_rows(self.density, mass)
            for j in range(d):
                gradient[part, j] = along_rows(self.density, with_slope(matrices, j))
        return p, gradient

    def _on_grid(self, axes: list[Floats], v: float) -> tuple[Floats, Floats]:
        """p (m,) and its gradient (m, d) at all points of a product grid; axes count from the lower corner."""
        matrices = [self._axis_masses(points, j, v) for j, points in enumerate(axes)]
        gradient = [contract(self.density, with_slope(matrices, j)).ravel() for j in range(len(axes))]
        return contract(self.density, [mass for mass, _ in matrices]).ravel(), np.stack(gradient, axis=1)

    def _score_at(self, x: Array, v: float) -> Array:
        host = asnumpy(x).astype(np.float64)
        p, gradient = self._closed_form(host, v)
        return self._divide(p, gradient, host, v)

    def _divide(self, p: Array, gradient: Array, x: Array, v: float) -> Array:
        """gradient/p, or the pull towards the nearest ink where p underflows."""
        xp = array_module(p)
        lost = p < _UNDERFLOW
        score = gradient / xp.where(lost, 1.0, p)[:, None]
        if bool(lost.any()):
            score[lost] = xp.asarray(self._occupied.displacement(asnumpy(x[lost]) - self._low) / v)
        return score

    @cached_property
    def _occupied(self) -> OccupiedCells:
        return OccupiedCells(self.density > 0, self._length, self._periodic)

    # ---- many particles ---------------------------------------------------------------------------------------

    def _nearby(self, x: Array, v: float) -> Array:
        """The closed form over the cells within `_WINDOW` sigma; beyond the walls the cells' mirror images
        continue the grid."""
        xp = array_module(x)
        d, sigma = self.density.ndim, math.sqrt(v)
        reach = np.ceil(_WINDOW * sigma / self._cell).astype(int).tolist()  # cells to either side, per axis
        rows = max(1, 4 * _CHUNK // math.prod(2 * w + 1 for w in reach))
        if len(x) > rows:
            return xp.concatenate([self._nearby(x[i : i + rows], v) for i in range(0, len(x), rows)])
        padded = self.density
        for axis, periodic in enumerate(self._periodic):
            margin = [(reach[i],) * 2 if axis == i else (0, 0) for i in range(d)]
            padded = np.pad(padded, margin, mode="wrap" if periodic else "symmetric")
        padded = xp.asarray(padded)
        index, matrices = [], []
        for j, w in enumerate(reach):
            offsets = xp.arange(2 * w + 2)
            y = x[:, j].astype(np.float64) - self._low[j]
            home = xp.minimum((y / self._cell[j]).astype(np.int64), self.density.shape[j] - 1)
            z = ((home[:, None] + offsets - w) * self._cell[j] - y[:, None]) / sigma
            index.append((home[:, None] + offsets[:-1]).reshape(len(x), *(-1 if i == j else 1 for i in range(d))))
            matrices.append(cell_masses(z, sigma))
        rho = padded[tuple(index)]
        p = weigh(rho, [m for m, _ in matrices])
        gradient = [weigh(rho, with_slope(matrices, j)) for j in range(d)]
        return self._divide(p, xp.stack(gradient, axis=1), x, v)

    def _interpolated(self, x: Array, v: float) -> Array:
        """Linear interpolation between the nodes of a table, the corners of its cells."""
        xp, cells = array_module(x), self._table_cells(v)
        position = (x - xp.asarray(self._low, x.dtype)) * xp.asarray(cells / self._length, x.dtype)
        corner = xp.clip(position.astype(np.int64), 0, xp.asarray(cells - 1))
        fraction = position - corner
        strides = np.cumprod((1, *(cells + 1)[:0:-1]))[::-1]
        near = []
        for offset in product((0, 1), repeat=len(cells)):
            weight = reduce(mul, [fraction[:, j] if o else 1 - fraction[:, j] for j, o in enumerate(offset)])
            near.append((weight, sum((corner[:, j] + o) * int(strides[j]) for j, o in enumerate(offset))))
        used = xp.zeros(int(np.prod(cells + 1)), bool)
        for _, index in near:
            used[index] = True
        table = xp.asarray(self._table(cells, asnumpy(used), v), x.dtype)
        return sum(weight[:, None] * table[index] for weight, index in near)

    def _table_cells(self, v: float) -> npt.NDArray[np.int64]:
        """Cells of the table per axis, cubes: `nodes` to a shortest side, or fewer (sigma/_SMOOTH) for a smooth score.

        The score varies over sigma_t along every axis alike, however long the cells are there.
        """
        spacing = max(float(self._cell.min()) / self.nodes, math.sqrt(v) / _SMOOTH)
        cells: npt.NDArray[np.int64] = np.maximum(np.ceil(self._length / spacing), 1).astype(np.int64)
        return cells

    def _table(self, cells: npt.NDArray[np.int64], used: npt.NDArray[np.bool_], v: float) -> Floats:
        """The score at the nodes that are used, (number of nodes, d), by the closed form; zeros elsewhere."""
        axes = [np.linspace(0.0, L, n + 1) for L, n in zip(self._length, cells, strict=True)]
        p, gradient = self._on_grid(axes, v)
        where = np.unravel_index(np.flatnonzero(used), [len(axis) for axis in axes])
        points = np.stack([axis[i] for axis, i in zip(axes, where, strict=True)], axis=1) + self._low
        table = np.zeros_like(gradient)
        table[used] = self._divide(p[used], gradient[used], points, v)
        return table
