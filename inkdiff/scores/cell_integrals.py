"""What a cell of ink sends to a point: integrals of the one-dimensional heat kernel over the cells of a grid.

    E_i(x) = int_a^b p(x, v | x_0) dx_0  =  sum over images x_m of x of  Phi((b - x_m)/sigma) - Phi((a - x_m)/sigma)
                                         =  (b - a)/L + (2/L) sum_n c_n cos(n pi x/L) exp(-(n pi/L)^2 v/2),

for cell i = [a, b] of the interval [0, L], v = sigma^2, c_n = int_a^b cos(n pi y/L) dy. The first sum serves short
times and keeps relative accuracy in the tails; the second long ones. Products over axes make boxes.

Reference: H. S. Carslaw and J. C. Jaeger, Conduction of Heat in Solids, 2.4 and 14.3.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from inkdiff._core.backend import Array, Floats, array_module, special

__all__ = [
    "OccupiedCells",
    "along_rows",
    "axis_masses",
    "cell_masses",
    "contract",
    "transfer_matrix",
    "weigh",
    "with_slope",
]

_CANDIDATES = 9  # cells whose centres are nearest may not be nearest themselves
_REACH = 38.0  # standard deviations beyond which a Gaussian underflows


def axis_masses(points: Floats, length: float, K: int, v: float, periodic: bool) -> tuple[Floats, Floats]:
    """E (m, K): int over each cell of p(x, v | x_0) dx_0, and its x-derivative; points (m,) from the lower wall."""
    edges = np.linspace(0.0, length, K + 1)
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
            image_mass, image_slope = cell_masses(z, sigma)
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


def transfer_matrix(length: float, K: int, v: float, periodic: bool) -> Floats:
    """(K, K) mean over cell j of int over cell i of p(x, v | x_0) dx_0, by the cosine sum."""
    edges = np.linspace(0.0, length, K + 1)
    period = length if periodic else 2 * length
    count = max(8, math.ceil(8.6 * period / (2 * math.pi * math.sqrt(v))))
    k = 2 * math.pi / period * np.arange(1, min(count, 200_000) + 1)
    decay = 2 / length * np.exp(-(k**2) * v / 2)[:, None]
    c = np.diff(np.sin(np.outer(k, edges)), axis=1) / k[:, None]
    transfer: Floats = np.full((K, K), (length / K) ** 2 / length) + (decay * c).T @ c
    if periodic:
        s = np.diff(np.cos(np.outer(k, edges)), axis=1) / k[:, None]
        transfer += (decay * s).T @ s
    transfer /= length / K
    return transfer


def cell_masses(z: Array, sigma: float) -> tuple[Array, Array]:
    """Gaussian mass between consecutive edges at z = (edge - x)/sigma, (m, K + 1) -> (m, K), and its x-derivative."""
    xp = array_module(z)
    ndtr = special(xp).ndtr
    flip = z[:, :-1] + z[:, 1:] > 0  # a difference of two tails, not of two numbers near 1
    a, b = xp.where(flip, -z[:, 1:], z[:, :-1]), xp.where(flip, -z[:, :-1], z[:, 1:])
    bell = xp.exp(-(z**2) / 2) / (sigma * math.sqrt(2 * math.pi))
    return ndtr(b) - ndtr(a), -xp.diff(bell, axis=1)


def with_slope(matrices: list[tuple[Array, Array]], axis: int) -> list[Array]:
    """The mass of every axis, but the slope of one: the factors of a partial derivative."""
    return [slope if j == axis else mass for j, (mass, slope) in enumerate(matrices)]


def contract(rho: Floats, matrices: list[Floats]) -> Floats:
    """Apply one (M, K) matrix along each axis of rho (K_1, ..., K_d)."""
    for axis, matrix in enumerate(matrices):
        rho = np.moveaxis(np.tensordot(matrix, rho, axes=(1, axis)), 0, axis)
    return rho


def along_rows(rho: Floats, factors: list[Floats]) -> Floats:
    """sum_i rho_i prod_axes factors[axis][row, i] for every row, (n,); rho (K_1, ..., K_d), factors (n, K_j)."""
    total = np.tensordot(factors[0], rho, axes=1)
    for factor in factors[1:]:
        total = np.einsum("nk...,nk->n...", total, factor)
    return total


def weigh(rho: Array, factors: list[Array]) -> Array:
    """sum over the window of rho (n, W_1, ..., W_d) times one factor (n, W_j) per axis."""
    xp = array_module(rho)
    for factor in reversed(factors):
        rho = xp.einsum("n...k,nk->n...", rho, factor)
    return rho


class OccupiedCells:
    """The cells of a grid over a box that hold something, to be found from afar.

    Parameters
    ----------
    occupied : (K_1, ..., K_d) bool
    length : (d,) sides of the box
    periodic : (d,) which axes are circles
    """

    def __init__(self, occupied: npt.NDArray[np.bool_], length: Floats, periodic: npt.NDArray[np.bool_]) -> None:
        self._cells, self._length, self._periodic = np.argwhere(occupied), length, periodic
        self._side = length / occupied.shape
        self._tree = cKDTree((self._cells + 0.5) * self._side, boxsize=np.where(periodic, length, 0.0))

    def displacement(self, y: Floats) -> Floats:
        """From y (m, d), relative to the lower corner, to the nearest point of an occupied cell, (m, d)."""
        _, near = self._tree.query(y, k=min(_CANDIDATES, len(self._cells)))
        corner = self._cells[near.reshape(len(y), -1)] * self._side
        turns = np.rint((y[:, None] - corner - self._side / 2) / self._length)
        corner = corner + self._length * np.where(self._periodic, turns, 0.0)  # the cell's image on this side
        way = np.clip(y[:, None], corner, corner + self._side) - y[:, None]
        nearest: Floats = way[np.arange(len(y)), (way**2).sum(2).argmin(1)]
        return nearest
