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
from functools import cached_property, reduce
from itertools import product
from operator import mul
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.special import xlogy

from inkdiff import checks
from inkdiff.backend import Array, array_module, asnumpy, special
from inkdiff.domain import Box
from inkdiff.kernels.formulas import PERIODIC
from inkdiff.process import Process, check_process

__all__ = ["BoxScore"]

_Floats = npt.NDArray[np.float64]
_CHUNK = 2**22  # numbers held at a time
_UNDERFLOW = 1e-280
_REACH = 38.0  # standard deviations beyond which a Gaussian underflows
_CANDIDATES = 9  # cells whose centres are nearest may not be nearest themselves
_WINDOW = 9.0  # standard deviations beyond which its mass is below float64 rounding


class BoxScore:
    """Exact score of a density that diffuses in a box.

    Parameters
    ----------
    process : a process whose domain is a Box (Brownian or VarianceExploding)
    density : (K_1, ..., K_d), d = 1, 2, 3: non-negative values on equal cells of the box, axis 0 = x; normalised here
    nodes : 0 evaluates the closed form over all cells at every particle, O(n prod K). nodes = m > 0 is the fast
        form for many particles: while sigma_t < cell/4 the closed form over the few cells within reach (exact),
        later a table of m nodes per cell and axis with linear interpolation of the score (error about (cell/(m
        sigma_t))^2 / 8)

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
        if not isinstance(process.domain, Box):
            raise ValueError(
                f"process must live in a Box, as Brownian(D=1.0, domain=Box(0, 1)) does, got {checks.show(process)}."
            )
        rho: _Floats = asnumpy(checks.reals(density, "density"))
        if not 1 <= rho.ndim <= 3 or rho.size == 0:
            raise ValueError(f"density must have 1, 2 or 3 axes and at least one cell, got shape {rho.shape}.")
        if (rho < 0).any() or rho.sum() == 0:
            raise ValueError(f"density must be >= 0 and not all zero; smallest value {rho.min():g}, sum {rho.sum():g}.")
        process.domain.check_dimension(rho.ndim)
        self.process, self.box, self.nodes = process, process.domain, checks.count(nodes, "nodes", least=0)
        self._low, self._length = self.box.low(rho.ndim), self.box.length(rho.ndim)
        self._cell: _Floats = self._length / rho.shape
        self.density: _Floats = rho / (rho.sum() * self._cell.prod())

    def __call__(self, x: Array, t: Any) -> Array:
        """grad log p_t(x), (n, d); t > 0 a number or (n,)."""
        x = self._check(x)
        xp = array_module(x=x, t=t)
        score = xp.empty_like(x)
        for t_one, rows in self._by_time(x, t):
            v = float(self.process.variance(t_one))
            if not self.nodes:
                evaluate = self._score_at
            elif v < (self._cell.min() / 4) ** 2:
                evaluate = self._nearby
            else:
                evaluate = self._interpolated
            score[rows] = xp.asarray(evaluate(x[rows], v), x.dtype)
        return score

    def log_density(self, x: Array, t: Any) -> Array:
        """ln p_t(x) per row, (n,), by the closed form; -inf where p_t underflows."""
        x = self._check(x)
        xp = array_module(x=x, t=t)
        log_p = xp.empty(x.shape[0])
        for t_one, rows in self._by_time(x, t):
            p = self._closed_form(asnumpy(x[rows]), float(self.process.variance(t_one)))[0]
            with np.errstate(divide="ignore"):
                log_p[rows] = xp.asarray(np.log(p))
        return log_p

    def cell_averages(self, t: float) -> _Floats:
        """The density averaged over each cell at time t, (K_1, ..., K_d): exact."""
        v = float(self.process.variance(self.process.check_time(t)))
        if v == 0:
            return self.density
        transfer = [self._transfer(axis, v) for axis in range(self.density.ndim)]
        averages: _Floats = np.maximum(_contract(self.density, transfer), 0.0)
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

    def _check(self, x: Array) -> Array:
        x = checks.state(x)
        if x.shape[1] != self.density.ndim:
            raise ValueError(f"x must have shape (n, {self.density.ndim}) like the density, got {tuple(x.shape)}.")
        self.box.check_inside(x)
        return x

    def _by_time(self, x: Array, t: Any) -> Any:
        no_score = "at t = 0 the density has steps and no score"
        t = asnumpy(self.process.check_row_times(t, len(x), why_positive=no_score))
        if t.ndim == 0:
            return [(float(t), slice(None))]
        return [(float(t_one), np.flatnonzero(t == t_one)) for t_one in np.unique(t)]

    # ---- the closed form ------------------------------------------------------------------------------------------

    def _axis_matrices(self, points: _Floats, axis: int, v: float) -> tuple[_Floats, _Floats]:
        """E (m, K): int over each cell of p(x, v | x_0) dx_0, and its x-derivative, at points relative to the
        lower wall."""
        length = self._length[axis]
        edges = np.linspace(0.0, length, self.density.shape[axis] + 1)
        periodic = self.box.wall_code == PERIODIC
        period = length if periodic else 2 * length
        x = points[:, None]
        signs = (1,) if periodic else (1, -1)
        if v < period**2 / 20:
            sigma = math.sqrt(v)
            mass = np.zeros((len(x), len(edges) - 1))
            slope = np.zeros_like(mass)
            for m, sign in product(range(-2, 3), signs):
                z = (edges - sign * x - m * period) / sigma
                if z.min() > _REACH or z.max() < -_REACH:
                    continue  # this image is out of reach of every point
                image_mass, image_slope = _cell_masses(z, sigma)
                mass += image_mass
                slope += sign * image_slope
            return mass, slope
        k = 2 * math.pi / period * np.arange(1, 7)
        decay = 2 / length * np.exp(-(k**2) * v / 2)
        cosine, sine = np.cos(k * x) * decay, np.sin(k * x) * decay
        c = np.diff(np.sin(np.outer(k, edges)), axis=1) / k[:, None]
        mass, slope = np.diff(edges) / length + cosine @ c, -(k * sine) @ c
        if periodic:
            s = -np.diff(np.cos(np.outer(k, edges)), axis=1) / k[:, None]
            mass, slope = mass + sine @ s, slope + (k * cosine) @ s
        return mass, slope

    def _closed_form(self, x: npt.NDArray[Any], v: float) -> tuple[_Floats, _Floats]:
        """p (n,) and its gradient (n, d) at particles x (n, d)."""
        n, d = x.shape
        p, gradient = np.empty(n), np.empty((n, d))
        rows = max(1, _CHUNK // max(self.density.size // self.density.shape[0], sum(self.density.shape)))
        for begin in range(0, n, rows):
            part = slice(begin, begin + rows)
            matrices = [self._axis_matrices(x[part, j] - self._low[j], j, v) for j in range(d)]
            mass = [m for m, _ in matrices]
            p[part] = self._along_rows(mass)
            for j in range(d):
                gradient[part, j] = self._along_rows(_with_slope(matrices, j))
        return p, gradient

    def _along_rows(self, factors: list[_Floats]) -> _Floats:
        """sum_i rho_i prod_axes factors[axis][row, i] for every row."""
        total = np.tensordot(factors[0], self.density, axes=1)
        for factor in factors[1:]:
            total = np.einsum("nk...,nk->n...", total, factor)
        return total

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
            score[lost] = xp.asarray(self._pull(asnumpy(x[lost]) - self._low) / v)
        return score

    def _pull(self, y: _Floats) -> _Floats:
        """From y (m, d), relative to the lower corner, to the nearest ink, sought in the nearest cells with any."""
        cells = np.argwhere(self.density > 0)
        _, near = self._ink_tree.query(y, k=min(_CANDIDATES, len(cells)))
        corner = cells[near.reshape(len(y), -1)] * self._cell
        pull = np.clip(y[:, None], corner, corner + self._cell) - y[:, None]
        nearest: _Floats = pull[np.arange(len(y)), (pull**2).sum(2).argmin(1)]
        return nearest

    @cached_property
    def _ink_tree(self) -> cKDTree:
        return cKDTree((np.argwhere(self.density > 0) + 0.5) * self._cell)

    # ---- many particles ---------------------------------------------------------------------------------------

    def _nearby(self, x: Array, v: float) -> Array:
        """The closed form over the cells within `_WINDOW` sigma; beyond the walls the cells' mirror images
        continue the grid."""
        xp = array_module(x)
        d, sigma = self.density.ndim, math.sqrt(v)
        w = math.ceil(_WINDOW * sigma / self._cell.min())
        rows = max(1, 4 * _CHUNK // (2 * w + 1) ** d)
        if len(x) > rows:
            return xp.concatenate([self._nearby(x[i : i + rows], v) for i in range(0, len(x), rows)])
        padded = xp.asarray(np.pad(self.density, w, mode="wrap" if self.box.wall_code == PERIODIC else "symmetric"))
        offsets = xp.arange(2 * w + 2)
        index, matrices = [], []
        for j in range(d):
            y = x[:, j].astype(np.float64) - self._low[j]
            home = xp.minimum((y / self._cell[j]).astype(np.int64), self.density.shape[j] - 1)
            z = ((home[:, None] + offsets - w) * self._cell[j] - y[:, None]) / sigma
            index.append((home[:, None] + offsets[:-1]).reshape(len(x), *(-1 if i == j else 1 for i in range(d))))
            matrices.append(_cell_masses(z, sigma))
        rho = padded[tuple(index)]
        p = _weigh(rho, [m for m, _ in matrices])
        gradient = [_weigh(rho, _with_slope(matrices, j)) for j in range(d)]
        return self._divide(p, xp.stack(gradient, axis=1), x, v)

    def _table(self, v: float) -> _Floats:
        """The score at the nodes, (M_1, ..., M_d, d), M = nodes K + 1 from wall to wall."""
        axes = [np.linspace(0.0, L, self.nodes * K + 1) for L, K in zip(self._length, self.density.shape, strict=True)]
        matrices = [self._axis_matrices(points, j, v) for j, points in enumerate(axes)]
        p = _contract(self.density, [m for m, _ in matrices])
        gradient = [_contract(self.density, _with_slope(matrices, j)) for j in range(p.ndim)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, p.ndim) + self._low
        score: _Floats = self._divide(p.ravel(), np.stack(gradient, axis=-1).reshape(-1, p.ndim), points, v)
        return score.reshape(*p.shape, p.ndim)

    def _interpolated(self, x: Array, v: float) -> Array:
        xp = array_module(x)
        table = self._table(v)
        shape = table.shape[:-1]
        values = xp.asarray(table.reshape(-1, len(shape)), x.dtype)
        position = (x - xp.asarray(self._low, x.dtype)) * xp.asarray(self.nodes / self._cell, x.dtype)
        corner = xp.minimum(position.astype(np.int64), xp.asarray(np.array(shape) - 2))
        fraction = position - corner
        strides = np.cumprod((1, *shape[:0:-1]))[::-1]
        score = xp.zeros_like(x)
        for offset in product((0, 1), repeat=len(shape)):
            weight = reduce(mul, [fraction[:, j] if o else 1 - fraction[:, j] for j, o in enumerate(offset)])
            index = sum((corner[:, j] + o) * int(strides[j]) for j, o in enumerate(offset))
            score += weight[:, None] * values[index]
        return score

    def _transfer(self, axis: int, v: float) -> _Floats:
        """(K, K) mean over cell j of int over cell i of p(x, v | x_0) dx_0, by the cosine sum."""
        length, K = self._length[axis], self.density.shape[axis]
        edges = np.linspace(0.0, length, K + 1)
        period = length if self.box.wall_code == PERIODIC else 2 * length
        count = max(8, math.ceil(8.6 * period / (2 * math.pi * math.sqrt(v))))
        k = 2 * math.pi / period * np.arange(1, min(count, 200_000) + 1)
        decay = 2 / length * np.exp(-(k**2) * v / 2)[:, None]
        c = np.diff(np.sin(np.outer(k, edges)), axis=1) / k[:, None]
        transfer: _Floats = np.full((K, K), (length / K) ** 2 / length) + (decay * c).T @ c
        if self.box.wall_code == PERIODIC:
            s = np.diff(np.cos(np.outer(k, edges)), axis=1) / k[:, None]
            transfer += (decay * s).T @ s
        transfer /= length / K
        return transfer


def _cell_masses(z: Array, sigma: float) -> tuple[Array, Array]:
    """Gaussian mass between consecutive edges at z = (edge - x)/sigma, (m, K + 1) -> (m, K), and its x-derivative."""
    xp = array_module(z)
    ndtr = special(xp).ndtr
    flip = z[:, :-1] + z[:, 1:] > 0  # a difference of two tails, not of two numbers near 1
    a, b = xp.where(flip, -z[:, 1:], z[:, :-1]), xp.where(flip, -z[:, :-1], z[:, 1:])
    bell = xp.exp(-(z**2) / 2) / (sigma * math.sqrt(2 * math.pi))
    return ndtr(b) - ndtr(a), -xp.diff(bell, axis=1)


def _with_slope(matrices: list[tuple[Array, Array]], axis: int) -> list[Array]:
    """The mass of every axis, but the slope of one: the factors of a partial derivative."""
    return [slope if j == axis else mass for j, (mass, slope) in enumerate(matrices)]


def _contract(rho: _Floats, matrices: list[_Floats]) -> _Floats:
    """Apply one (M, K) matrix along each axis of rho (K_1, ..., K_d)."""
    for axis, matrix in enumerate(matrices):
        rho = np.moveaxis(np.tensordot(matrix, rho, axes=(1, axis)), 0, axis)
    return rho


def _weigh(rho: Array, factors: list[Array]) -> Array:
    """sum over the window of rho (n, W_1, ..., W_d) times one factor (n, W_j) per axis."""
    xp = array_module(rho)
    for factor in reversed(factors):
        rho = xp.einsum("n...k,nk->n...", rho, factor)
    return rho
