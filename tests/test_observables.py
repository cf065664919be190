"""Observables in integers: against NumPy, the same for any cut of the cloud and any number of threads, and on a walk
far too long to film."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest

import inkdiff as ink

BOX = ink.Box([0, -1, 2], [1, 3, 2.5])


def cloud(n=20_000, dtype=np.float32, d=3, seed=0):
    u = np.random.default_rng(seed).uniform(0, 1, (n, d))
    return (BOX.low(3)[:d] + u * BOX.length(3)[:d]).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bins", [8, (3, 5, 2)])
def test_histogram_counts_like_numpy(dtype, bins):
    x = cloud(dtype=dtype)
    x[0], x[1] = BOX.low(3), BOX.low(3) + BOX.length(3)  # both ends belong to the box
    x[2] = 17.0  # and this does not
    counts = ink.Histogram(BOX, bins)(x)
    sides = [(a, a + length) for a, length in zip(BOX.low(3), BOX.length(3), strict=True)]
    expected, _ = np.histogramdd(x.astype(np.float64), bins=np.full(3, bins), range=sides)
    assert counts.dtype == np.int64 and counts.sum() == len(x) - 1
    assert np.abs(counts - expected).sum() <= (4 if dtype == np.float32 else 0)  # a float32 on an edge, in float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bins", [7, 10, 30])
def test_walkers_on_the_walls_are_inside(dtype, bins):
    """float32(0.1) lies above 0.1 and (0.7 - 0.1) bins/(0.7 - 0.1) may round above bins: neither loses a walker."""
    for low, high in ((0.1, 0.7), (-0.3, 0.1), (1 / 3, 1.1)):
        box = ink.Box(low, high)
        ends = np.array([[low], [low + float(box.length(1)[0])]]).astype(dtype)
        counts = ink.Histogram(box, bins)(ends)
        assert counts[0] == counts[-1] == 1 and counts.sum() == 2
        assert np.array_equal(ink.concentration(ends, box, bins), counts)
        outside = np.array([[np.nextafter(ends[0, 0], dtype(-9))], [np.nextafter(ends[1, 0], dtype(9))]], dtype)
        assert ink.Histogram(box, bins)(outside).sum() == 0


def test_sides():
    x = cloud()
    assert ink.Sides(axis=1, at=0.5)(x).tolist() == [(x[:, 1] < 0.5).sum(), (x[:, 1] >= 0.5).sum()]


@pytest.mark.parametrize("about", [0.0, [0.1, 0.2, 2.1], "start"])
def test_moments_are_exact_sums(about):
    x, unit = cloud(dtype=np.float64), 2.0**-12
    start = cloud(seed=1, dtype=np.float64)
    moments = ink.Moments(unit, start if about == "start" else about)
    sums = moments(x)
    q = [[round(v) for v in row] for row in ((x - (start if about == "start" else np.asarray(about))) / unit).tolist()]
    assert sums[:, 0].tolist() == [sum(row[j] for row in q) for j in range(3)]
    assert sums[:, 1].tolist() == [sum(row[j] ** 2 for row in q) for j in range(3)]


def test_squares_beyond_64_bits():
    x = np.full((3_000_000, 1), 1.0, np.float32)
    sums = ink.Moments(2.0**-23)(x)
    assert sums.tolist() == [[3_000_000 << 23, 3_000_000 << 46]]
    assert sums[0, 1] > 2**63


def test_any_cut_and_any_number_of_threads_add_up():
    x = cloud()
    observables = [ink.Histogram(BOX, 6), ink.Sides(2, 2.2), ink.Moments(1e-6)]
    whole = [f(x) for f in observables]
    for f, expected in zip(observables, whole, strict=True):
        assert (f(x[:7]) + f(x[7:12_345]) + f(x[12_345:]) == expected).all()
    allowed = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        assert all((f(x) == expected).all() for f, expected in zip(observables, whole, strict=True))
    finally:
        numba.set_num_threads(allowed)


@pytest.mark.parametrize("parts", [1, 3])
def test_a_walk_observed_as_it_runs(parts):
    """Half-box counts, a mean square and a histogram against their laws, the cloud walked whole or in parts."""
    n, D, L, t = 60_000, 0.1, 1.0, np.array([0.0, 0.02, 0.3])
    box = ink.Box(0, L)
    process, start = ink.Brownian(D, box), np.full((n, 2), 0.3, np.float32)
    moments = ink.Moments(2.0**-20, about=0.3)
    observe = {"sides": ink.Sides(), "cells": ink.Histogram(box, 4), "moments": moments}
    total = {name: 0 for name in observe}
    for part in np.array_split(np.arange(n), parts):
        run = ink.simulate(process, start[part], t, seed=5, steps=4, first_row=int(part[0]), observe=observe)
        assert run.x is None
        total = {name: total[name] + run.observed[name] for name in observe}
    whole = ink.simulate(process, start, t, seed=5, steps=4, observe=observe).observed
    assert all((total[name] == whole[name]).all() for name in observe)
    decay = [(n_ * math.pi / L, math.exp(-D * (n_ * math.pi / L) ** 2 * t[-1])) for n_ in range(1, 40)]
    below = 0.5 + sum(2 / k * math.cos(0.3 * k) * math.sin(0.5 * k) * e for k, e in decay)
    assert abs(total["sides"][-1, 0] / n - below) < 5 * math.sqrt(below * (1 - below) / n)
    assert total["cells"][-1].sum() == n and total["cells"][0].max() == n
    mean_square = moments.mean_square(total["moments"], n)[1]  # before the walls are felt
    assert np.abs(mean_square - 2 * D * t[1]).max() < 5 * 2 * D * t[1] * math.sqrt(2 / n)
    assert np.abs(moments.mean(total["moments"], n)[1]).max() < 5 * math.sqrt(2 * D * t[1] / n)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: ink.Histogram(ink.Free(), 3), "box"),
        (lambda: ink.Histogram(BOX, 0), "bins"),
        (lambda: ink.Histogram(BOX, [3, 4]), "bins"),
        (lambda: ink.Histogram(ink.Box(0, 1), [3, 4])(cloud()), "bins"),
        (lambda: ink.Histogram(ink.Box(0, 1), 10)(np.zeros((5, 64))), "bins"),
        (lambda: ink.Sides(axis=3)(cloud()), "axis"),
        (lambda: ink.Sides(at=math.nan), "at"),
        (lambda: ink.Moments(0.0), "unit"),
        (lambda: ink.Moments(1e-9)(cloud()), "unit"),
        (lambda: ink.Moments(1e-3, about=np.zeros((4, 3)))(cloud()), "about"),
        (lambda: ink.Moments(1e-3)(np.array([[np.nan]])), "x"),
    ],
)
def test_bad_input_is_named(make, named):
    with pytest.raises((ValueError, TypeError), match=rf"\b{named}\b"):
        make()
