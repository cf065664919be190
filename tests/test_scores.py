"""Exact scores are the gradients of exact densities, for every shape of time, in free space and between walls."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats

import inkdiff as ink

FREE = {
    "Brownian": ink.Brownian(0.4),
    "OU": ink.OrnsteinUhlenbeck(0.4, 1.5),
    "VP": ink.VariancePreserving.linear(),
    "VE": ink.VarianceExploding(0.02, 3.0),
}
GLASS = ink.Brownian(0.5, ink.Box(0, 1))  # variance = t
BOXES = {
    "reflect": ink.Box([0.0, -1.0], [1.0, 2.0]),
    "periodic": ink.Box([0.0, -1.0], [1.0, 2.0], "periodic"),
}


def covariance(d, seed=0):
    a = np.random.default_rng(seed).normal(size=(d, d))
    return a @ a.T / d + 0.1 * np.eye(d)


def data(n=12, d=2, seed=3):
    return np.random.default_rng(seed).uniform(0.1, 0.9, (n, d))


def scores(process):
    rng = np.random.default_rng(1)
    if isinstance(process.domain, ink.Box):
        rho = rng.uniform(0, 1, (7, 5))
        low, length = process.domain.low(2), process.domain.length(2)
        return [ink.BoxScore(process, rho), ink.EmpiricalScore(process, low + length * data())]
    spread = [0.3, [0.1, 0.2, 0.3], rng.uniform(0.1, 1, (3, 2)), [covariance(2, k) for k in range(3)]]
    mixtures = [ink.MixtureScore(process, [1, 2, 3], rng.normal(size=(3, 2)), s) for s in spread]
    return [ink.GaussianScore(process, [0.3, -1.0], covariance(2)), *mixtures, ink.EmpiricalScore(process, data())]


def finite_difference(score, x, t, h=1e-6):
    slopes = [(score.log_density(x + h * e, t) - score.log_density(x - h * e, t)) / (2 * h) for e in np.eye(x.shape[1])]
    return np.stack(slopes, axis=1)


@pytest.mark.parametrize("t", [0.02, 0.3, 1.0])
@pytest.mark.parametrize("name", FREE)
def test_free_scores_are_gradients(name, t):
    x = np.random.default_rng(2).normal(size=(40, 2))
    for score in scores(FREE[name]):
        exact = score(x, t)
        assert np.allclose(finite_difference(score, x, t), exact, rtol=1e-5, atol=1e-5 / FREE[name].variance(t) ** 0.5)


@pytest.mark.parametrize("t", [1e-3, 0.05, 0.4, 2.0])
@pytest.mark.parametrize("wall", BOXES)
def test_box_scores_are_gradients(wall, t):
    p = ink.Brownian(0.5, BOXES[wall])
    x = p.domain.low(2) + p.domain.length(2) * np.random.default_rng(2).uniform(0.01, 0.99, (60, 2))
    for score in scores(p):
        sure = score.log_density(x, t) > -200
        exact = score(x, t)
        slope = finite_difference(score, x, t, 1e-6)
        assert sure.sum() > 20
        assert np.allclose(slope[sure], exact[sure], rtol=1e-4, atol=1e-4 / math.sqrt(t))


@pytest.mark.parametrize("process", [*FREE.values(), *(ink.Brownian(0.5, b) for b in BOXES.values())])
def test_per_row_times_and_dtypes(process):
    rng = np.random.default_rng(4)
    x, t = rng.uniform(0.05, 0.95, (30, 2)), np.repeat([0.01, 0.2, 0.9], 10)
    for score in scores(process):
        for f in (score, score.log_density):
            rows = f(x, t)
            assert np.allclose(rows, [f(x[i : i + 1], t[i])[0] for i in range(30)], rtol=1e-10, atol=1e-12)
        assert score(x.astype(np.float32), 0.2).dtype == np.float32
        assert np.allclose(score(x.astype(np.float32), 0.2), score(x, 0.2), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("process", [FREE["VP"], ink.Brownian(0.5, BOXES["reflect"])])
def test_long_arrays_are_worked_in_pieces(process, monkeypatch):
    x = np.random.default_rng(4).uniform(0.05, 0.95, (500, 2))
    for score in scores(process):
        whole = score(x, 0.2)
        module = __import__(type(score).__module__, fromlist=["_CHUNK"])
        if hasattr(module, "_CHUNK"):
            monkeypatch.setattr(module, "_CHUNK", 500)
            assert np.allclose(score(x, 0.2), whole, rtol=1e-12, atol=1e-13)


# ---- Gaussians and mixtures


def test_gaussian_score_in_closed_form():
    p, c, m = FREE["OU"], covariance(3), np.array([1.0, -2.0, 0.5])
    score = ink.GaussianScore(p, m, c)
    x = np.random.default_rng(0).normal(size=(20, 3))
    for t in (0, 0.3, 2.0):
        total = p.alpha(t) ** 2 * c + p.variance(t) * np.eye(3)
        r = x - p.alpha(t) * m
        assert np.allclose(score(x, t), -np.linalg.solve(total, r.T).T, rtol=1e-11)
        law = stats.multivariate_normal(p.alpha(t) * m, total)
        assert np.allclose(score.log_density(x, t), law.logpdf(x), rtol=1e-11)


def test_mixture_weights_and_shapes_of_covariance():
    p, x = FREE["VP"], np.random.default_rng(0).normal(size=(20, 2))
    means = [[0.0, 1.0], [2.0, 0.0]]
    same = [
        ink.MixtureScore(p, [1, 3], means, 0.25),
        ink.MixtureScore(p, [0.25, 0.75], means, [0.25, 0.25]),
        ink.MixtureScore(p, [0.25, 0.75], means, [[0.25, 0.25]]),
        ink.MixtureScore(p, [2, 6], means, np.full((2, 2), 0.25)),
        ink.MixtureScore(p, [2, 6], means, [0.25 * np.eye(2)] * 2),
    ]
    for score in same[1:]:
        assert np.allclose(score(x, 0.1), same[0](x, 0.1), rtol=1e-12)
    density = 0.25 * stats.multivariate_normal(means[0], 0.25).pdf(x) + 0.75 * stats.multivariate_normal(
        means[1], 0.25
    ).pdf(x)
    assert np.allclose(same[0].log_density(x, 0), np.log(density), rtol=1e-12)


@given(
    d=st.integers(1, 6), k=st.integers(1, 4), kind=st.sampled_from(["one", "isotropic", "shared", "axes"]),
    name=st.sampled_from(list(FREE)), t=st.sampled_from([0.0, 1e-4, 0.3, 1.0, "rows"]),
    dtype=st.sampled_from([np.float32, np.float64]), seed=st.integers(0, 99),
)  # fmt: skip
def test_mixtures_without_rotations_are_those_of_their_matrices(d, k, kind, name, t, dtype, seed):
    """To rounding: density, score, derivative, components, and the posterior of some coordinates or of a sum."""
    rng, process = np.random.default_rng(seed), FREE[name]
    shape = {"one": (), "isotropic": (k,), "shared": (1, d), "axes": (k, d)}[kind]
    variances = rng.uniform(0.1, 1, shape)
    per_axis = np.broadcast_to(variances[:, None] if kind == "isotropic" else variances, (k, d))
    weights, means = rng.uniform(0.5, 2, k), rng.normal(size=(k, d))
    plain = ink.MixtureScore(process, weights, means, variances)
    general = ink.MixtureScore(process, weights, means, per_axis[:, :, None] * np.eye(d))
    x, v = rng.normal(size=(7, d)).astype(dtype), rng.normal(size=(2, 7, d))
    t = rng.uniform(0.01, 1, 7) if t == "rows" else t
    mask = rng.uniform(size=d) < 0.5
    mask[0] = True
    some = ink.Observation.coordinates(mask, rng.normal(size=d), 0.3)
    both = ink.Observation(np.ones((1, d)), [0.4], 0.2)
    pairs = [(plain, general), (plain.given(some), general.given(some)), (plain.given(both), general.given(both))]
    rounding = 1e-11 if dtype == np.float64 else 1e-5
    for here, there in pairs:
        assert np.allclose(here.log_density(x, t), there.log_density(x, t), rtol=1e-10, atol=1e-10)
        for mine, true in zip((here(x, t), *here.jvp(x, t, v)), (there(x, t), *there.jvp(x, t, v)), strict=True):
            assert mine.dtype == dtype and np.abs(mine - true).max() <= rounding * (1 + np.abs(true).max())
        mine, true = here.components(0.4), there.components(0.4)
        assert np.allclose(mine.means, true.means, rtol=1e-10, atol=1e-11)
        assert np.allclose(mine.covariances, true.covariances, rtol=1e-10, atol=1e-11)
    assert plain.components(0.4).axes is None and plain.given(some).components(0.4).axes is None


def test_mixtures_in_many_dimensions_take_memory_for_their_rows_only():
    """One matrix of d = 16,384 would be 2 GB; here nothing beyond a few arrays of the rows' own size."""
    n, d = 24, 16_384
    x = ink.normal(n * d, seed=1).reshape(n, d).astype(np.float64)
    means, v = np.stack([np.zeros(d), np.full(d, 0.01)]), x[None]
    mask = np.arange(d) < 3
    for spread in (0.3, [0.3, 0.4], np.full((1, d), 0.3)):
        score = ink.MixtureScore(FREE["VP"], [1, 2], means, spread)
        calls = {
            "score": lambda s=score: s(x, 0.5), "rows": lambda s=score: s(x, np.linspace(0.1, 1, n)),
            "density": lambda s=score: s.log_density(x, 0.5), "jvp": lambda s=score: s.jvp(x, 0.5, v),
            "components": lambda s=score: s.components(0.5),
            "given": lambda s=score: s.given(ink.Observation.coordinates(mask, x[0], 0.1))(x, 0.5),
        }  # fmt: skip
        for name, call in calls.items():
            tracemalloc.start()
            call()
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 6 * x.nbytes, (name, peak)


def test_far_tails_neither_overflow_nor_vanish():
    score = ink.MixtureScore(FREE["OU"], [1, 1], [[-1.0], [1.0]], 1e-4)
    x = np.array([[1e4], [-1e4], [0.0]])
    value = score(x, 0.0)
    assert np.allclose(value[:2, 0], [-(1e4 - 1) / 1e-4, (1e4 - 1) / 1e-4], rtol=1e-12) and value[2] == 0


# ---- finite data sets


def test_empirical_score_is_a_narrow_mixture():
    p, points = FREE["VP"], data(9, 3)
    narrow = ink.MixtureScore(p, np.ones(9), points, 1e-14)
    x = np.random.default_rng(0).normal(size=(30, 3))
    for t in (0.01, 0.2, 1.0):
        assert np.allclose(ink.EmpiricalScore(p, points)(x, t), narrow(x, t), rtol=1e-7, atol=1e-7)


def test_empirical_score_far_from_the_origin():
    """Digits survive a data set at 10^6: the score depends on differences only."""
    p, points = ink.Brownian(0.5), data(9, 2)
    x = points[:4] + 0.01
    near = ink.EmpiricalScore(p, points)(x, 1e-4)
    far = ink.EmpiricalScore(p, points + 2.0**20)(x + 2.0**20, 1e-4)
    assert np.allclose(far, near, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("v", [1e-18, 1e-15, 1e-12, 1e-6, 1.0])
def test_empirical_score_of_close_points(v):
    """The differences x - a of neighbouring numbers are exact, so scores and densities from them are to rounding."""
    points, x = np.array([[1, 1], [1 + 1e-7, 1], [5, 5]]), np.array([[1 + 2e-8, 1], [5 + 1e-9, 5 - 1e-9]])
    score = ink.EmpiricalScore(ink.Brownian(0.5), points)
    r = points - x[:, None]
    logs = -(r**2).sum(2) / (2 * v)
    weights = special.softmax(logs, axis=1)
    assert np.allclose(score(x, v), (weights[:, :, None] * r).sum(1) / v, rtol=1e-7, atol=0)
    exact = special.logsumexp(logs, axis=1) - math.log(3 * 2 * math.pi * v)
    assert np.allclose(score.log_density(x, v), exact, rtol=1e-9, atol=0)
    assert np.allclose(score(x, np.array([v, 1e-15])), [score(x, v)[0], score(x, 1e-15)[1]], rtol=1e-12, atol=0)


def test_scores_in_free_space_refuse_walls_and_obstacles():
    for domain, match in (
        (ink.Maze(ink.Box(0, 1), np.array([[False, True], [False, False]])), "obstacles"),
        (ink.Box(0, 1, "absorb"), "absorbing"),
        (ink.Box(0, 1), "walls"),
    ):
        process = ink.Brownian(1.0, domain)
        free = ink.GaussianScore(ink.Brownian(1.0), [0.2, 0.5], 0.01)
        with pytest.raises(ValueError, match=match):
            ink.GaussianScore(process, [0.2, 0.5], 0.01)
        with pytest.raises(ValueError, match=match):
            ink.PosteriorScore(process, free, ink.Observation(np.eye(2), [0.2, 0.5], 0.1))


def test_empirical_score_in_a_box_is_the_mean_of_heat_kernels():
    p, points = ink.Brownian(0.5, BOXES["reflect"]), data(5, 2)
    x = data(7, 2, seed=9)
    for t in (0.003, 0.5):
        logs = np.stack([p.log_transition(x, t, np.tile(point, (7, 1))) for point in points])
        assert np.allclose(ink.EmpiricalScore(p, points).log_density(x, t), special.logsumexp(logs, 0) - math.log(5))


# ---- initial densities between walls


@pytest.mark.parametrize("wall", ["reflect", "periodic"])
@pytest.mark.parametrize("v", [1e-4, 0.01, 0.19, 0.21, 1.0])
def test_box_density_is_the_heat_kernel_integrated(wall, v):
    p = ink.Brownian(0.5, ink.Box(0, 1, wall))
    rho = np.array([0.0, 3.0, 1.0, 0.0])
    x = np.array([[0.0], [0.2], [0.3], [0.49], [0.8], [1.0]])

    def integrand(x0, one):
        kernel = math.exp(p.log_transition(np.array([[one]]), v, np.array([[x0]]))[0])
        return kernel * rho[min(int(4 * x0), 3)]

    around = lambda y: sorted({0.25, 0.5, 0.75, *np.clip([y, 1 - y], 0.01, 0.99)})  # noqa: E731
    exact = [integrate.quad(integrand, 0, 1, args=(y,), points=around(y), limit=200)[0] for y in x[:, 0]]
    assert np.allclose(np.exp(ink.BoxScore(p, rho).log_density(x, v)), exact, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("wall", ["reflect", "periodic"])
def test_nodes_approach_the_closed_form(d, wall):
    """Interpolation errs by (cell/(m sigma))^2 / 8 per axis; while the ink is sharp the fast form is exact."""
    p = ink.Brownian(0.5, ink.Box(0, 1, wall))
    rho = np.random.default_rng(0).uniform(0.2, 1, (6, 5, 4)[:d])
    x = np.random.default_rng(1).uniform(0, 1, (400, d))
    for sigma in (0.02, 0.1, 0.3):
        exact = ink.BoxScore(p, rho)(x, sigma**2)
        errors = [np.abs(ink.BoxScore(p, rho, nodes=m)(x, sigma**2) - exact).max() * sigma for m in (2, 4, 8)]
        if sigma < 1 / 6 / 4:
            assert max(errors) < 1e-9
        else:
            assert errors[0] < 0.5
            assert errors[0] / errors[1] > 2.5 and errors[1] / errors[2] > 2.5  # second order


@pytest.mark.parametrize("hi", [(10, 1), (1, 30), (4000, 1)])
@pytest.mark.parametrize("share", [0.26, 1.0])
def test_nodes_of_oblong_cells(hi, share):
    """The bound of interpolation along every axis alike, cell the shorter side: (cell/(m sigma))^2 / 8 of 1/sigma,
    where |d^2 score| <= 1/sigma^3 as near an edge of ink with nothing else within 4 sigma."""
    p = ink.Brownian(0.5, ink.Box(0, hi))
    rho = np.zeros((16, 16))
    rho[4:12, 4:12] = 1
    sigma, m = share / 16, 8
    edge = np.linspace(-3, 3, 25) * sigma
    points = np.tile(np.array(hi) / 2, (2, 25, 1))
    for axis in (0, 1):
        points[axis, :, axis] = hi[axis] / 4 + edge
    points = points.reshape(-1, 2)
    exact = ink.BoxScore(p, rho)(points, sigma**2)
    error = np.abs(ink.BoxScore(p, rho, nodes=m)(points, sigma**2) - exact).max(0) * sigma
    assert (error <= (1 / (16 * m * sigma)) ** 2 / 8).all()


@pytest.mark.parametrize("wall", ["reflect", "periodic"])
def test_box_score_where_the_density_underflows(wall):
    rho = np.zeros((20, 20))
    rho[3, 4] = rho[15, 10] = 1  # ink in [0.15, 0.2] x [0.2, 0.25] and [0.75, 0.8] x [0.5, 0.55]
    score = ink.BoxScore(ink.Brownian(0.5, ink.Box(0, 1, wall)), rho)
    x, v = np.array([[0.9, 0.05], [0.02, 0.95], [0.4, 0.24], [1.0, 0.22]]), 1e-6
    ink_at = np.array([[0.8, 0.5], [0.15, 0.25], [0.2, 0.24], [0.8, 0.5]])  # the nearest
    if wall == "periodic":  # through the walls
        ink_at = np.array([[1.15, 0.2], [0.15, 1.2], [0.2, 0.24], [1.15, 0.22]])
    pull = (ink_at - x) / v
    assert np.isneginf(score.log_density(x, v)).all()
    assert np.allclose(score(x, v), pull, rtol=1e-3)
    assert np.allclose(ink.BoxScore(score.process, rho, nodes=2)(x, v), pull, rtol=1e-3)


def test_cell_averages_and_entropy():
    p = ink.Brownian(0.5, ink.Box([0, 0], [1, 2]))
    rho = np.random.default_rng(0).uniform(0, 1, (4, 6))
    score = ink.BoxScore(p, rho)
    cell = 2 / 24
    for v in (0.0, 1e-4, 0.02, 0.5, 30.0):
        p_cells = score.cell_averages(v)
        assert p_cells.sum() * cell == pytest.approx(1, abs=1e-10)
        assert score.entropy(v) == pytest.approx(-(special.xlogy(p_cells, p_cells)).sum() * cell)
    assert np.allclose(score.cell_averages(0.0), rho / rho.sum() / cell)
    assert score.entropy(30.0) == pytest.approx(math.log(2), abs=1e-9)
    entropies = [score.entropy(v) for v in np.geomspace(1e-4, 10, 20)]
    assert np.all(np.diff(entropies) > 0)
    fine = 12  # midpoints inside each cell
    axes = [(np.arange(n * fine) + 0.5) / (n * fine) * length for n, length in ((4, 1), (6, 2))]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    density = np.exp(score.log_density(points, 0.02)).reshape(4, fine, 6, fine).mean((1, 3))
    assert np.allclose(score.cell_averages(0.02), density, rtol=3e-3)


def test_scores_leave_their_arguments_alone():
    x = np.random.default_rng(0).uniform(0.1, 0.9, (10, 2))
    for process in (FREE["VP"], ink.Brownian(0.5, BOXES["reflect"])):
        for score in scores(process):
            before = x.copy()
            score(x, 0.3), score.log_density(x, 0.3)
            assert np.array_equal(x, before)
