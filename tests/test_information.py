"""Forgetting: information about the start against exact values, and hindsight that is right as often as it says."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate

import inkdiff as ink
from inkdiff.domains.heat_kernel import log_heat_kernel
from inkdiff.physics import information

WALLS = pytest.mark.parametrize("wall", ["reflect", "periodic"])
SEEDS = pytest.mark.parametrize("seed", [1, 2])
OBLONG = ink.Brownian(0.5, ink.Box([0, -1], [1, 2]))


def rates(wall, L, D, most):
    """lam_n with its multiplicity."""
    n = np.arange(1, most)
    return (D * (n * math.pi / L) ** 2, 1) if wall == "reflect" else (D * (2 * n * math.pi / L) ** 2, 2)


# ---- exact values


@WALLS
@pytest.mark.parametrize("t", [1e-6, 1e-3, 0.03, 0.2, 1.0, 3.0])
def test_chi_square_is_the_sum_over_modes(wall, t):
    D, L = 0.7, 1.5
    lam, copies = rates(wall, L, D, 20_000)
    series = copies * np.exp(-2 * lam * t).sum()
    one = information.chi2_information(ink.Brownian(D, ink.Box(-0.5, 1.0, wall)), t)
    assert one == pytest.approx(series, rel=1e-12)
    square = ink.Brownian(D, ink.Box([0, 0], [L, 2 * L], wall))
    longer = rates(wall, 2 * L, D, 20_000)[0]
    product = (1 + series) * (1 + copies * np.exp(-2 * longer * t).sum()) - 1
    assert information.chi2_information(square, t, 2) == pytest.approx(product, rel=1e-11)


def test_many_dimensions_neither_overflow_nor_vanish():
    """prod (1 + c) - 1 is infinite where it exceeds float64; ln(V p) is 0 in the end, however small V."""
    glass = ink.Brownian(1.0, ink.Box(0, 1))
    assert information.chi2_information(glass, 1e-12, 64) == math.inf
    tiny, x = ink.Brownian(1.0, ink.Box(0, 1e-6)), np.full((2, 64), 0.3e-6)
    for found in information.pair_information(tiny, x, 1.0, x[::-1]):
        assert found.value == pytest.approx(0, abs=1e-11)


@WALLS
def test_information_by_adaptive_quadrature(wall):
    """I = double integral of p ln(V p), by scipy, at times sharp and blurred."""
    box = ink.Box(0, 1, wall)
    process = ink.Brownian(0.5, box)

    def integrand(x, x0, v):
        arrays = (np.array([[a]]) for a in (x, x0, v))
        log_p = float(log_heat_kernel(*arrays, box)[0][0])
        return math.exp(log_p) * log_p

    for t in (0.02, 0.3):
        starts = (0, 1) if wall == "reflect" else (0.4, 0.400001)
        total = integrate.dblquad(integrand, *starts, 0, 1, args=(t,), epsabs=1e-6)[0] / (starts[1] - starts[0])
        assert information.mutual_information(process, t) == pytest.approx(total, abs=2e-6)


@WALLS
def test_information_joins_its_short_time_form(wall):
    """Above and below sigma = L/50; far below, I = -ln(2 pi e sigma^2)/2 up to the walls' work, of order sigma."""
    process = ink.Brownian(0.5, ink.Box(0, 1, wall))
    at = [information.mutual_information(process, (0.02 * (1 + h)) ** 2) for h in (-2e-6, -1e-6, 1e-6, 2e-6)]
    assert at[3] - at[2] == pytest.approx(at[1] - at[0], rel=1e-4)
    assert at[2] - at[1] == pytest.approx(2 * (at[1] - at[0]), rel=1e-4)
    sigma = 1e-5
    sharp = -math.log(2 * math.pi * math.e * sigma**2) / 2
    assert 0 <= information.mutual_information(process, sigma**2) - sharp < 2 * sigma + 1e-12


@WALLS
def test_information_only_decreases_and_lies_below_chi_square(wall):
    process = ink.Brownian(0.5, ink.Box([0, 0], [1, 3], wall))
    times = np.geomspace(1e-5, 2, 12)
    I = np.array([information.mutual_information(process, t, 2) for t in times])
    chi2 = np.array([information.chi2_information(process, t, 2) for t in times])
    for values in (I, chi2):
        assert all(b < a for a, b in pairwise(values))
    assert (np.log1p(chi2) >= I).all()  # Jensen
    late = information.mutual_information(process, 9.0, 2) / information.chi2_information(process, 9.0, 2)
    assert late == pytest.approx(0.5, rel=1e-2)


def test_axes_add_and_scale():
    """Axes add; lengths in units of L and times in L^2/D are all that counts."""
    t = 0.11
    both = information.mutual_information(OBLONG, t, 2)
    alone = [information.mutual_information(ink.Brownian(0.5, ink.Box(0, L)), t) for L in (1.0, 3.0)]
    assert both == pytest.approx(sum(alone), rel=1e-12)
    assert alone[1] == pytest.approx(information.mutual_information(ink.Brownian(0.5 / 9, ink.Box(0, 1)), t))


# ---- measured


@WALLS
@SEEDS
@pytest.mark.parametrize("t", [0.002, 0.1, 0.6])
def test_pairs_measure_it(wall, seed, t):
    process = ink.Brownian(0.5, ink.Box([0, -1], [1, 2], wall))
    x0 = process.equilibrium.sample(30_000, 2, seed=seed, dtype=np.float64)
    x = ink.diffuse(process, x0, t, seed=seed)
    I, chi2 = information.pair_information(process, x, t, x0)
    assert abs(I.z(information.mutual_information(process, t, 2))) < 5
    assert abs(chi2.z(information.chi2_information(process, t, 2))) < 5


@SEEDS
@pytest.mark.parametrize("t", [0.002, 0.05, 0.3, 2.0])
def test_counts_measure_which_drop_it_was(seed, t):
    """Information from nothing but counts, against the exact densities on the same cells; three drops on a line."""
    K, n = 30, 40_000
    process = ink.Brownian(0.5, ink.Box(0, 1))
    shapes = np.zeros((3, K))
    shapes[0, 2:5], shapes[1, 10:25], shapes[2, [6, 28]] = 1, 1, (1, 3)
    counts = []
    for i, shape in enumerate(shapes):
        cell = np.searchsorted(np.cumsum(shape) / shape.sum(), ink.uniform(n, seed=seed, step=2 * i))
        x = (cell + ink.uniform(n, seed=seed, step=2 * i + 1)) / K
        x = ink.diffuse(process, x.astype(np.float64)[:, None], t, seed=seed, step=i)
        counts.append(ink.concentration(x, process.domain, K))
    exact = information.information_of_drops([ink.BoxScore(process, shape).cell_averages(t) for shape in shapes])
    assert abs(information.information_in_counts(np.array(counts)).z(exact)) < 5


@pytest.mark.parametrize("n, tilt", [(400, 0.15), (60, 0.02)], ids=["far apart", "nearly alike"])
def test_information_in_counts_is_unbiased_and_knows_its_error(n, tilt):
    """Many small tables: the mean hits the truth within its own spread, and the spread is what was said.

    Drops nearly alike show the bias, of the size of the spread; there the error is that of no information, and rough.
    """
    p = 0.25 + tilt * np.array([[1, 0.5, -0.5, -1], [-1, -0.5, 0.5, 1], [0, 0.5, 0, -0.5]])
    tables = 1000
    estimates = []
    for k in range(tables):
        u = ink.uniform(3 * n, seed=3, step=k).reshape(3, n)
        rows = [np.bincount(np.searchsorted(np.cumsum(q), v), minlength=4) for q, v in zip(p, u, strict=True)]
        estimates.append(information.information_in_counts(np.array(rows)))
    values, errors = np.array(estimates).T
    spread = values.std(ddof=1)
    assert abs(values.mean() - information.information_of_drops(p)) < 5 * spread / math.sqrt(tables)
    rough = 5 / math.sqrt(2 * tables) if tilt > 0.1 else 0.35
    assert np.sqrt((errors**2).mean()) == pytest.approx(spread, rel=rough)


def test_information_of_drops_at_its_ends():
    apart = np.eye(4)
    assert information.information_of_drops(apart) == pytest.approx(math.log(4))
    assert information.information_of_drops(np.ones((3, 2, 2))) == pytest.approx(0, abs=1e-15)
    counts = 100 * np.eye(4, dtype=int)
    assert information.information_in_counts(counts).value == pytest.approx(math.log(4), abs=0.01)


# ---- hindsight


def fell_and_seen(process, m, N, t, seed):
    fell = process.equilibrium.sample(m, 2, seed=seed, dtype=np.float64)
    seen = ink.diffuse(process, np.repeat(fell, N, axis=0), t, seed=seed)
    return fell, seen.reshape(m, N, 2)


@WALLS
def test_posterior_is_bayes_theorem(wall):
    """On the grid: normalised products of the heat kernel, axes multiplied out."""
    process = ink.Brownian(0.5, ink.Box([0, -1], [1, 2], wall))
    t, K = 0.2, 30
    _, seen = fell_and_seen(process, 1, 4, t, 5)
    known = ink.source_posterior(process, seen[0], t, places=K)
    centres = (np.arange(K) + 0.5) / K
    places = np.stack(np.meshgrid(centres, 3 * centres - 1, indexing="ij"), axis=-1).reshape(-1, 2)
    pairs = np.tile(seen[0], (K * K, 1)), np.repeat(places, 4, axis=0)
    log_p = process.log_transition(pairs[0], t, pairs[1]).reshape(K, K, 4).sum(2)
    p = np.exp(log_p - log_p.max())
    assert known.joint[0] == pytest.approx(p / p.sum(), rel=1e-9)
    assert known.information[0] == pytest.approx(2 * math.log(K) + (known.joint[0] * np.log(known.joint[0])).sum())


@SEEDS
@pytest.mark.parametrize("t, N", [(0.02, 1), (0.02, 3), (0.3, 3), (2.0, 3)])
def test_credible_regions_cover_as_often_as_they_say(t, N, seed):
    m = 600
    fell, seen = fell_and_seen(OBLONG, m, N, t, seed)
    known = ink.source_posterior(OBLONG, seen, t, places=max(24, math.ceil(6.1 / math.sqrt(t / N))))
    level = known.level(fell, ink.uniform(m, seed=seed, step=7))
    for q in (0.1, 0.5, 0.9):
        assert abs((level < q).sum() - m * q) < 5 * math.sqrt(m * q * (1 - q))
    inside = known.region(0.9)[(np.arange(m), *known.cell(fell).T)]
    assert (inside | (level > 0.9)).all()  # the region holds whole cells, so at least its level


def test_overconfident_hindsight_is_found_out():
    """The same test fails a posterior that believes in less diffusion than there was: it can fail."""
    t, N, m = 0.05, 3, 600
    fell, seen = fell_and_seen(OBLONG, m, N, t, 3)
    sure = ink.source_posterior(ink.Brownian(0.25, OBLONG.domain), seen, t, places=80)
    level = sure.level(fell, ink.uniform(m, seed=3, step=7))
    assert abs((level < 0.5).sum() - m / 2) > 5 * math.sqrt(m / 4)


@SEEDS
@pytest.mark.parametrize("t", [0.05, 0.5])
def test_one_particle_tells_the_mutual_information(seed, t, z_score):
    """Averaged over experiments, what one particle tells of the place is I(start; now)."""
    _, seen = fell_and_seen(OBLONG, 2000, 1, t, seed)
    gain = ink.source_posterior(OBLONG, seen, t, places=48).information
    assert abs(z_score(gain, information.mutual_information(OBLONG, t, 2))) < 5


def test_hindsight_widens_to_the_whole_glass():
    process = ink.Brownian(1.0, ink.Box(0, 1))
    areas, told = [], []
    for t in (0.01, 0.1, 0.4, 3.0):
        known = ink.source_posterior(process, fell_and_seen(process, 50, 5, t, 9)[1], t, places=48)
        areas.append(known.region(0.9).mean())
        told.append(known.information.mean())
    assert all(a < b for a, b in pairwise(areas)) and all(a > b for a, b in pairwise(told))
    assert areas[-1] == pytest.approx(0.9, abs=1e-3) and told[-1] == pytest.approx(0, abs=1e-6)


def test_more_particles_tell_more():
    told = [
        ink.source_posterior(OBLONG, fell_and_seen(OBLONG, 200, N, 0.2, 4)[1], 0.2, places=48).information.mean()
        for N in (1, 4, 12)
    ]
    assert told[0] < told[1] < told[2]


# ---- bad input

GLASS = ink.Brownian(1.0, ink.Box(0, 1))
X = np.full((3, 2), 0.5)


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda: information.chi2_information(ink.Brownian(1.0), 1.0), "Box"),
        (lambda: information.mutual_information("glass", 1.0), "process"),
        (lambda: information.chi2_information(GLASS, 0.0), "t"),
        (lambda: information.mutual_information(GLASS, -1.0), "t"),
        (lambda: information.chi2_information(OBLONG, 1.0, 3), "axes"),
        (lambda: information.mutual_information(GLASS, 1.0, 0), "d"),
        (lambda: information.pair_information(GLASS, X, 0.0, X), "t"),
        (lambda: information.pair_information(GLASS, X[:1], 1.0, X[:1]), "one particle"),
        (lambda: information.pair_information(GLASS, X, 1.0, X[:2]), "x0"),
        (lambda: information.information_in_counts([[1, 2]]), "two starts"),
        (lambda: information.information_in_counts([[1, 2], [0, 0]]), "none of them empty"),
        (lambda: information.information_in_counts([[1.0, 2.0]]), "counts"),
        (lambda: information.information_of_drops([[1.0, -1.0], [1, 1]]), "densities"),
        (lambda: information.information_of_drops([[1.0, 1.0], [0, 0]]), "densities"),
        (lambda: ink.source_posterior(ink.Brownian(1.0), X, 1.0), "Box"),
        (lambda: ink.source_posterior(GLASS, X + 1, 1.0), "x"),
        (lambda: ink.source_posterior(GLASS, X[0], 1.0), "x"),
        (lambda: ink.source_posterior(GLASS, X, 0.0), "t"),
        (lambda: ink.source_posterior(GLASS, X, 1.0, places=1), "places"),
        (lambda: ink.source_posterior(GLASS, X, 1e-6, places=64), "places=64"),
        (lambda: ink.source_posterior(GLASS, X, 1.0).region(1.0), "q"),
        (lambda: ink.source_posterior(GLASS, X, 1.0).level(X, [0.5]), "x0"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises((ValueError, TypeError), match=name):
        call()


def test_hindsight_with_walls_of_two_kinds():
    """Axis by axis: the posterior of each is that of the interval alone."""
    box = ink.Box([0, 1], [1, 3], ["reflect", "periodic"])
    x = ink.simulate(ink.Brownian(0.5, box), np.tile([[0.2, 2.8]], (9, 1)), [0, 0.02], seed=1).last
    both = ink.source_posterior(ink.Brownian(0.5, box), x, 0.02, places=128)
    for axis in (0, 1):
        alone = ink.source_posterior(ink.Brownian(0.5, box.side(axis, 2)), x[:, axis : axis + 1], 0.02, places=128)
        assert np.array_equal(both.axes[:, axis], alone.axes[:, 0])
