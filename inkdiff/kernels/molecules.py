"""Molecular dynamics that forgets nothing: soft discs on a torus, with places, velocities and forces in integers.

A molecule's place is a 48-bit phase per axis, 2^48 quanta to the side of the box, and its velocity the quanta it goes
in one step; with the force of a pair, over half a step, rounded to h_ij whole quanta,

    v <- v + h(x),    x <- x + v  (mod 2^48),    v <- v + h(x),        h_i = sum_j h_ij,    h_ij = -h_ji,

is velocity Verlet, and with v negated the same three lines undo it, to the last bit. Sums of integers depend neither
on their order nor on who forms them, so neighbour lists and threads cannot change a bit. A list holds the pairs
nearer than the cutoff plus a skin, and serves until some molecule has gone half the skin.

Separations are exact in double precision; every other operation on them is one IEEE rounding, never fused.

Reference: D. Levesque and L. Verlet, Molecular dynamics and time reversibility, J. Stat. Phys. 72 (1993) 519. J. D.
Weeks, D. Chandler, H. C. Andersen, J. Chem. Phys. 54 (1971) 5237, for the potential.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import get_num_threads, prange, set_num_threads

from inkdiff._core.compilation import inline, jit, rint

__all__ = ["BITS", "CLOSE", "CROWDED", "NEAREST", "ROOM", "advance", "half_kicks_of_all_pairs", "mechanics"]

BITS = 48  # of the phase of an axis: 2^48 quanta once around
NEAREST = 0.5  # sigma; a pair nearer than this has left physics: its force is capped and the run reported
ROOM = 32  # neighbours that the list of a molecule can hold
CLOSE, CROWDED = 1, 2  # bits of the status: a pair nearer than NEAREST; more neighbours than ROOM

_MASK = np.int64((1 << BITS) - 1)
_SHIFT = np.int64(64 - BITS)
_BITS = np.int64(BITS)
_ZERO = np.int64(0)
_ONE = np.int64(1)
_CHUNK = np.int64(256)  # molecules per parallel task
_WORTHWHILE = 2048  # molecules per thread, below which waking another costs more than it saves
_ROWS = 9  # of the working array; X0, Y0 are the places when the lists were made
_X, _Y, _VX, _VY, _HX, _HY, _X0, _Y0, _ID = range(_ROWS)


@inline
def separation(a: Any, b: Any) -> Any:
    """Quanta from b to a the short way around, in [-2^47, 2^47)."""
    return ((a - b) << _SHIFT) >> _SHIFT


@inline
def inverse_square(r2: Any, sigma2: Any) -> Any:
    """s = sigma^2/r^2, held at its value for NEAREST within it."""
    return sigma2 / max(r2, NEAREST * NEAREST * sigma2)


@inline
def half_kick(dx: Any, dy: Any, sigma2: Any, cut2: Any, strength: Any) -> Any:
    """What a molecule at (-dx, -dy) does to this one in half a step, in whole quanta; odd in (dx, dy).

    F/r = (24 epsilon/sigma^2) s (2 s^6 - s^3), s = sigma^2/r^2, is in quanta strength * s (2 s^6 - s^3).
    """
    r2 = dx * dx + dy * dy
    s = inverse_square(r2, sigma2)
    s3 = s * s * s
    g = strength * s * s3 * (2.0 * s3 - 1.0) if r2 < cut2 else 0.0
    return np.int64(rint(g * dx)), np.int64(rint(g * dy))


@jit
def _sort(x: Any, y: Any, cells: Any, first: Any, order: Any) -> None:
    """Molecules by cell, row by row: cell c holds order[first[c] : first[c + 1]] (a counting sort)."""
    first[:] = 0
    where = np.empty(x.size, np.int64)
    for i in range(x.size):
        where[i] = ((y[i] * cells) >> _BITS) * cells + ((x[i] * cells) >> _BITS)
        first[where[i]] += 1
    for c in range(1, first.size):
        first[c] += first[c - 1]
    for i in range(x.size - 1, -1, -1):
        first[where[i]] -= 1
        order[first[where[i]]] = i


@jit
def _near(i: Any, begin: Any, end: Any, x: Any, y: Any, list2: Any, near: Any, m: Any) -> Any:
    """Append those of molecules begin ... end that are near i to its list, which has m so far; returns the new m."""
    for j in range(begin, end):
        dx, dy = np.float64(separation(x[i], x[j])), np.float64(separation(y[i], y[j]))
        if dx * dx + dy * dy < list2 and j != i:
            near[i, min(m, ROOM - 1)] = j
            m += _ONE
    return m


@jit(parallel=True)
def _neighbours(x: Any, y: Any, cells: Any, first: Any, list2: Any, near: Any, count: Any) -> None:
    """near[i, : count[i]] = the molecules within the list's radius of i, all standing in the order of their cells."""
    for q in prange(cells):
        row = np.int64(q)
        below, here, above = (row + cells - 1) % cells * cells, row * cells, (row + 1) % cells * cells
        for column in range(cells):
            # Three neighbouring cells of a row are one stretch of molecules, but for a cell around the edge.
            low, high = max(column - 1, 0), min(column + 1, cells - 1) + 1
            other = cells - 1 - column if column in (0, cells - 1) else -1
            for i in range(first[here + column], first[here + column + 1]):
                m = _ZERO
                for r in (below, here, above):
                    m = _near(i, first[r + low], first[r + high], x, y, list2, near, m)
                    if other >= 0:
                        m = _near(i, first[r + other], first[r + other + 1], x, y, list2, near, m)
                count[i] = m


@jit
def _relist(w: Any, cells: Any, list2: Any, near: Any, count: Any) -> Any:
    """Bring the molecules into the order of their cells and list their neighbours; whether the lists had room."""
    n = w.shape[1]
    first, order = np.empty(cells * cells + 1, np.int64), np.empty(n, np.int64)
    _sort(w[_X], w[_Y], cells, first, order)
    before = w.copy()
    for row in range(_ROWS):
        for i in range(n):
            w[row, i] = before[row, order[i]]
    for i in range(n):
        w[_X0, i], w[_Y0, i] = w[_X, i], w[_Y, i]
    _neighbours(w[_X], w[_Y], cells, first, list2, near, count)
    roomy = True
    for i in range(n):
        roomy &= count[i] <= ROOM
        count[i] = min(count[i], ROOM)
    return roomy


@jit
def _working_array(x: Any, v: Any) -> Any:
    n = x.shape[0]
    w = np.zeros((_ROWS, n), np.int64)
    for i in range(n):
        w[_X, i], w[_Y, i], w[_VX, i], w[_VY, i], w[_ID, i] = x[i, 0], x[i, 1], v[i, 0], v[i, 1], i
    return w


@jit(parallel=True)
def _kick(w: Any, near: Any, count: Any, sigma2: Any, cut2: Any, strength: Any) -> Any:
    """h <- h(x), v <- v + h from the lists; returns the square of the least distance in them."""
    x, y, vx, vy, hx, hy = w[_X], w[_Y], w[_VX], w[_VY], w[_HX], w[_HY]
    least = np.inf
    for q in prange((x.size + _CHUNK - 1) // _CHUNK):
        nearest = np.inf
        for i in range(np.int64(q) * _CHUNK, min(np.int64(q) * _CHUNK + _CHUNK, x.size)):
            kx, ky = _ZERO, _ZERO
            for k in range(count[i]):
                j = near[i, k]
                dx, dy = np.float64(separation(x[i], x[j])), np.float64(separation(y[i], y[j]))
                nearest = min(nearest, dx * dx + dy * dy)
                a, b = half_kick(dx, dy, sigma2, cut2, strength)
                kx += a
                ky += b
            hx[i], hy[i] = kx, ky
            vx[i] += kx
            vy[i] += ky
        least = min(least, nearest)
    return least


@jit(parallel=True)
def _drift(w: Any) -> Any:
    """v <- v + h, x <- x + v; returns the square of the longest way any molecule has gone since its list was made."""
    x, y, vx, vy, hx, hy, x0, y0 = w[_X], w[_Y], w[_VX], w[_VY], w[_HX], w[_HY], w[_X0], w[_Y0]
    longest = 0.0
    for q in prange((x.size + _CHUNK - 1) // _CHUNK):
        gone = 0.0
        for i in range(np.int64(q) * _CHUNK, min(np.int64(q) * _CHUNK + _CHUNK, x.size)):
            vx[i] += hx[i]
            vy[i] += hy[i]
            x[i] = (x[i] + vx[i]) & _MASK
            y[i] = (y[i] + vy[i]) & _MASK
            dx, dy = np.float64(separation(x[i], x0[i])), np.float64(separation(y[i], y0[i]))
            gone = max(gone, dx * dx + dy * dy)
        longest = max(longest, gone)
    return longest


@jit
def _advance(
    x: Any, v: Any, film_x: Any, film_v: Any, every: Any, cells: Any, sigma2: Any, cut2: Any, list2: Any, strength: Any
) -> Any:
    n = x.shape[0]
    w = _working_array(x, v)
    near, count = np.empty((n, ROOM), np.int32), np.empty(n, np.int64)
    half_skin = (math.sqrt(list2) - math.sqrt(cut2)) / 2
    roomy = _relist(w, cells, list2, near, count)
    least = _kick(w, near, count, sigma2, cut2, strength)
    for i in range(n):  # the first kick is the second half of a step that was taken before: keep h, not v + h
        w[_VX, i] -= w[_HX, i]
        w[_VY, i] -= w[_HY, i]
    for frame in range(film_x.shape[0]):
        for _ in range(every):
            if _drift(w) > half_skin * half_skin:
                roomy &= _relist(w, cells, list2, near, count)
            least = min(least, _kick(w, near, count, sigma2, cut2, strength))
        for i in range(n):
            film_x[frame, w[_ID, i], 0], film_x[frame, w[_ID, i], 1] = w[_X, i], w[_Y, i]
            film_v[frame, w[_ID, i], 0], film_v[frame, w[_ID, i], 1] = w[_VX, i], w[_VY, i]
        if least < NEAREST * NEAREST * sigma2 or not roomy:
            break
    return (CLOSE if least < NEAREST * NEAREST * sigma2 else 0) | (0 if roomy else CROWDED)


def advance(x: Any, v: Any, film_x: Any, film_v: Any, *arguments: Any) -> int:
    """From places x and velocities v (n, 2), `every` steps between two frames of the film (k, n, 2); returns a status.

    The arguments that follow: every; cells a side, at least 3 and each at least as wide as the list's radius; the
    squares of the disc's diameter, of the cutoff and of the list's radius, in quanta; the strength of `half_kick`.
    The status is 0, or CLOSE and CROWDED or'ed; the film is undefined after the frame in which that arose.
    """
    threads = get_num_threads()
    set_num_threads(min(threads, 1 + x.shape[0] // _WORTHWHILE))
    try:
        return int(_advance(x, v, film_x, film_v, *arguments))
    finally:
        set_num_threads(threads)


@jit
def mechanics(x: Any, out: Any, cells: Any, sigma2: Any, cut2: Any) -> Any:
    """Into out (n, 4), for each molecule: its share of the potential, force x and y, Laplacian of the potential.

    In units of epsilon and sigma. The shares add up to U = sum over pairs of 4 (s^6 - s^3) + 1, s = (sigma/r)^2; the
    Laplacian of a pair's potential in the plane is (144/r^2)(4 s^6 - s^3). Returns a status as `advance`.
    """
    n = x.shape[0]
    w = _working_array(x, x)
    near, count = np.empty((n, ROOM), np.int32), np.empty(n, np.int64)
    roomy = _relist(w, cells, cut2, near, count)
    out[:] = 0.0
    sigma = math.sqrt(sigma2)
    for i in range(n):
        o = out[w[_ID, i]]
        for k in range(count[i]):
            j = near[i, k]
            dx, dy = np.float64(separation(w[_X, i], w[_X, j])), np.float64(separation(w[_Y, i], w[_Y, j]))
            s = inverse_square(dx * dx + dy * dy, sigma2)
            s3 = s * s * s
            o[0] += 2.0 * s3 * (s3 - 1.0) + 0.5
            o[1] += 24.0 * s * s3 * (2.0 * s3 - 1.0) * (dx / sigma)
            o[2] += 24.0 * s * s3 * (2.0 * s3 - 1.0) * (dy / sigma)
            o[3] += 144.0 * s * s3 * (4.0 * s3 - 1.0)
    return 0 if roomy else CROWDED


@jit(parallel=True)
def half_kicks_of_all_pairs(x: Any, h: Any, sigma2: Any, cut2: Any, strength: Any) -> None:
    """h (n, 2) <- h(x) by looking at all n (n - 1) ordered pairs: what lists are for, and what they must equal."""
    for q in prange(x.shape[0]):
        i = np.int64(q)
        kx, ky = _ZERO, _ZERO
        for j in range(x.shape[0]):
            dx, dy = np.float64(separation(x[i, 0], x[j, 0])), np.float64(separation(x[i, 1], x[j, 1]))
            a, b = half_kick(dx, dy, sigma2, cut2, strength)
            kx += a
            ky += b
        h[i, 0], h[i, 1] = kx, ky
