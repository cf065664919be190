"""Processes against their differential equations: derivatives, integrals, composition, densities, equilibria."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy import integrate, stats

import inkdiff as ink
from inkdiff.kernels import PERIODIC, REFLECT
from inkdiff.processes.distributions import Gaussian, Uniform

CONTINUOUS = {
    "Brownian": ink.Brownian(0.7),
    "OU": ink.OrnsteinUhlenbeck(D=0.7, k=1.3),
    "VP linear": ink.VariancePreserving.linear(),
    "VP cosine": ink.VariancePreserving.cosine(),
    "VE": ink.VarianceExploding(0.01, 50.0),
}
DDPM = ink.VariancePreserving.ddpm()
ALL = {**CONTINUOUS, "DDPM": DDPM, "VE box": ink.VarianceExploding(0.01, 2.0, ink.Box(0, 1))}
BOXES = {
    "reflect": ink.Box([0.0, -1.0], [1.0, 3.0]),
    "periodic": ink.Box([0.0, -1.0], [1.0, 3.0], "periodic"),
    "one long side": ink.Box([0.0, 0.0], [1.0, 30.0]),
}


def times(process):
    return np.array([0.0, 1, 10, 500, 1000]) if process.discrete else np.array([0.0, 1e-6, 0.1, 0.5, 1.0])


@pytest.mark.parametrize("name", ALL)
def test_starts_at_the_data(name):
    p = ALL[name]
    assert p.alpha(0) == 1 and p.sigma(0) == 0 and p.variance(0) == 0
    assert p.transition(0, 0) == (1, 0)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_coefficients_solve_the_moment_equations(name):
    p, t, h = CONTINUOUS[name], np.linspace(0.05, 0.95, 10), 1e-5
    slope = (p.log_alpha(t + h) - p.log_alpha(t - h)) / (2 * h)
    assert np.allclose(slope, p.f(t), rtol=1e-6, atol=1e-9)
    slope = (p.variance(t + h) - p.variance(t - h)) / (2 * h)
    assert np.allclose(slope, 2 * p.f(t) * p.variance(t) + p.g2(t), rtol=1e-5)
    for s, e in [(0.0, 0.3), (0.2, 0.9)]:
        exact, _ = integrate.quad(p.g2, s, e, epsabs=0, epsrel=1e-11)
        assert math.isclose(p.clock(s, e), exact, rel_tol=1e-9)


@pytest.mark.parametrize("name", ALL)
def test_transitions_compose(name):
    p = ALL[name]
    t = times(p)
    for s, m, e in [(t[0], t[2], t[4]), (t[1], t[2], t[3]), (t[3], t[3], t[4])]:
        (a1, v1), (a2, v2) = p.transition(s, m), p.transition(m, e)
        a, v = p.transition(s, e)
        assert math.isclose(a1 * a2, a, rel_tol=1e-12)
        assert math.isclose(a2**2 * v1 + v2, v, rel_tol=1e-9)
    assert np.allclose(p.transition(0, t)[1], p.variance(t), rtol=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_close_times_keep_their_digits(name):
    p = ALL[name]
    s = 500 if p.discrete else 0.5
    t = s + (1 if p.discrete else 1e-9)
    ratio, variance = p.transition(s, t)
    assert math.isclose(variance, p.g2(t) * (t - s) if not p.discrete else 1 - ratio**2, rel_tol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_arrays_and_numbers_agree(name):
    p = ALL[name]
    t = times(p)
    for f in (p.alpha, p.sigma, p.variance, p.f, p.g2, p.log_alpha):
        values = f(t)
        assert values.shape == t.shape and values.dtype == np.float64
        assert np.allclose(values, [f(float(one)) for one in t], rtol=1e-14)
        assert np.allclose(values, f(t.astype(np.int64) if p.discrete else t.astype(np.float64)))
        assert np.ndim(f(float(t[2]))) == 0


def test_float32_times_lose_nothing_beyond_their_own_rounding():
    p = ink.VariancePreserving.linear()
    t = np.float32(1e-5)
    assert p.variance(t) == p.variance(float(t))


def test_published_schedules():
    t = np.linspace(0, 1, 7)
    linear = ink.VariancePreserving.linear(0.1, 20.0)
    assert np.allclose(linear.alpha(t), np.exp(-(t**2) * (20 - 0.1) / 4 - t * 0.1 / 2), rtol=1e-14)
    angle = lambda t: np.cos((0.9946 * t + 0.008) / 1.008 * np.pi / 2)  # noqa: E731
    assert np.allclose(ink.VariancePreserving.cosine().alpha(t), angle(t) / angle(0.0), rtol=1e-13)
    products = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    assert np.allclose(DDPM.alpha(np.arange(1, 1001)) ** 2, products, rtol=1e-12)
    assert np.allclose(DDPM.g2(np.arange(1, 1001)), -np.log1p(-np.linspace(1e-4, 0.02, 1000)))
    ve = CONTINUOUS["VE"]
    assert np.allclose(ve.variance(t), 1e-4 * (5000.0 ** (2 * t) - 1), rtol=1e-12)


@pytest.mark.parametrize("name", ["VP linear", "VP cosine", "DDPM"])
def test_variance_preserving(name):
    p = ALL[name]
    assert np.allclose(p.alpha(times(p)) ** 2 + p.variance(times(p)), 1, rtol=1e-14)
    assert p.equilibrium == Gaussian(1.0) and p.alpha(p.t_max) < 0.01


@pytest.mark.parametrize("t", [1e-300, 1e-17, 1e-13, 1e-6, 0.1, 1.0])
def test_cosine_keeps_its_digits_at_short_times(t):
    """1 - (cos d - T sin d)^2 = sin d [2 T cos d + (1 - T^2) sin d], T the tangent of the angle at t = 0."""
    cosine = ink.VariancePreserving.cosine()
    unit = math.pi / 2 / 1.008
    d, T = unit * 0.9946 * t, math.tan(unit * 0.008)
    exact = math.sin(d) * (2 * T * math.cos(d) + (1 - T**2) * math.sin(d))
    assert cosine.variance(t) == pytest.approx(exact, rel=1e-14)


def test_constant_beta_is_ornstein_uhlenbeck():
    beta, t = 3.0, np.linspace(0, 1, 9)
    vp, ou = ink.VariancePreserving.linear(beta, beta), ink.OrnsteinUhlenbeck(D=beta / 2, k=beta / 2)
    for quantity in ("alpha", "variance", "f", "g2"):
        assert np.allclose(getattr(vp, quantity)(t), getattr(ou, quantity)(t), rtol=1e-13)
    assert np.allclose(vp.clock(0.2, t[4:]), ou.clock(0.2, t[4:]))
    assert vp.equilibrium == ou.equilibrium


def test_descriptions_are_values():
    assert ink.Brownian(1) == ink.Brownian(1.0) != ink.Brownian(2.0)
    assert ink.Brownian(1.0, ink.Box(0, 1)) == ink.Brownian(1.0, ink.Box(0.0, 1.0))
    assert hash(ink.Box([0, 0], [1, 2])) == hash(ink.Box((0.0, 0.0), (1.0, 2.0)))
    assert ink.VariancePreserving.ddpm(1000) == DDPM and hash(DDPM) == hash(ink.VariancePreserving.ddpm())
    with pytest.raises(dataclasses.FrozenInstanceError):
        ink.Brownian(1.0).D = 2.0
    for p in ALL.values():
        assert type(p).__name__ in repr(p)


# ---- transition densities


@pytest.mark.parametrize("name", ALL)
def test_free_transitions_are_gaussian(name):
    p = ALL[name]
    if isinstance(p.domain, ink.Box):
        pytest.skip("folded; see the heat kernel in test_identities.py")
    rng = np.random.default_rng(0)
    x, x0 = rng.normal(size=(2, 6, 3))
    for t in (times(p)[3], np.resize(times(p)[1:], 6)):
        log_p, score = p.log_transition(x, t, x0), p.score_transition(x, t, x0)
        mean = np.broadcast_to(p.alpha(t), 6)[:, None] * x0
        sd = np.broadcast_to(p.sigma(t), 6)[:, None]
        assert np.allclose(log_p, stats.norm.logpdf(x, mean, sd).sum(1), rtol=1e-10)
        assert np.allclose(score, (mean - x) / sd**2, rtol=1e-10)


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("v", [1e-4, 0.04, 0.19, 0.21, 0.79, 0.81, 3.0, 40.0, 1000.0])
def test_box_scores_are_derivatives(box, v):
    p = ink.Brownian(0.5, BOXES[box])
    rng = np.random.default_rng(1)
    low, length = BOXES[box].low(2), BOXES[box].length(2)
    x0 = low + length * rng.uniform(0.05, 0.95, (50, 2))
    x = np.clip(x0 + rng.normal(size=x0.shape) * math.sqrt(v), low + 0.01 * length, low + 0.99 * length)
    h = 1e-6 * min(1.0, math.sqrt(v))
    score = p.score_transition(x, v, x0)
    for j in range(2):
        dx = np.zeros(2)
        dx[j] = h
        slope = (p.log_transition(x + dx, v, x0) - p.log_transition(x - dx, v, x0)) / (2 * h)
        scale = 1 / math.sqrt(v) + np.abs(score[:, j])
        assert np.max(np.abs(slope - score[:, j]) / scale) < 2e-5


def test_per_row_times_are_scalar_times():
    p = ink.Brownian(1.0, BOXES["one long side"])
    rng = np.random.default_rng(2)
    x, x0 = rng.uniform(0, 1, (2, 40, 2)) * [1, 30]
    t = rng.uniform(1e-4, 30, 40)
    one = [p.log_transition(x[i : i + 1], t[i], x0[i : i + 1])[0] for i in range(40)]
    assert np.allclose(p.log_transition(x, t, x0), one, rtol=1e-12, atol=1e-12)
    one = [p.score_transition(x[i : i + 1], t[i], x0[i : i + 1])[0] for i in range(40)]
    assert np.allclose(p.score_transition(x, t, x0), one, rtol=1e-10, atol=1e-12)


def test_float32_densities():
    p = ink.VarianceExploding(0.01, 2.0, ink.Box(0, 1))
    x, x0 = np.random.default_rng(3).uniform(0, 1, (2, 100, 4)).astype(np.float32)
    t = np.linspace(0.1, 1, 100)
    score = p.score_transition(x, t, x0)
    assert score.dtype == np.float32
    exact = p.score_transition(x.astype(np.float64), t, x0.astype(np.float64))
    assert np.allclose(score, exact, rtol=2e-3, atol=2e-3 / p.sigma(0.1))


# ---- where it ends


def test_equilibria():
    box = ink.Box([0, 1], [2, 4])
    assert ink.Brownian(1.0).equilibrium is None
    assert ink.Brownian(1.0, box).equilibrium == Uniform(box)
    assert ink.OrnsteinUhlenbeck(2.0, 4.0).equilibrium == Gaussian(0.5)
    assert ink.Brownian(2.0).prior(3.0) == Gaussian(12.0)
    assert ink.VarianceExploding(0.1, 1.0).prior(1).variance == pytest.approx(0.99)
    assert Uniform(box).entropy(2) == pytest.approx(math.log(6))
    assert Gaussian(0.5).entropy(3) == pytest.approx(3 * stats.norm(0, math.sqrt(0.5)).entropy())


@pytest.mark.parametrize("end", [Gaussian(2.5), Uniform(ink.Box([0, 1], [2, 4]))], ids=["Gaussian", "Uniform"])
def test_equilibrium_samples_follow_their_cdf(end):
    x = end.sample(100_000, 2, seed=4)
    assert x.shape == (100_000, 2) and x.dtype == np.float32
    for axis in range(2):
        assert stats.kstest(x[:, axis], lambda v, axis=axis: end.cdf(v, axis)).pvalue > 1e-6
    assert abs(np.corrcoef(x.T)[0, 1]) * math.sqrt(len(x)) < 5
    assert abs(-end.log_density(x.astype(np.float64)).mean() - end.entropy(2)) < 5 * math.sqrt(1 / len(x))
    assert np.array_equal(x, end.sample(100_000, 2, seed=4)) and not np.array_equal(x, end.sample(100_000, 2, seed=5))
    assert end.sample(5, 2, seed=4, dtype=np.float64).dtype == np.float64


# ---- boxes


def test_box_geometry():
    cube, brick = ink.Box(-1, 2), ink.Box([0, 0, 0], [1, 2, 3], "periodic")
    assert cube.axes is None and brick.axes == 3
    assert cube.volume(2) == 9 and brick.volume(3) == 6
    assert np.array_equal(cube.period(2), [6, 6]) and np.array_equal(brick.period(3), [1, 2, 3])
    assert ink.Box([0, 0], 1).axes == 2
    lo, length, code = ink.Box([0, 0], [1, 1]).kernel_walls(np.float32)
    assert lo.shape == code.shape == (1,) and length.dtype == np.float32
    mixed = ink.Box(0, [1, 2], ["reflect", "periodic"])
    assert mixed.axes == 2 and mixed.kernel_walls(np.float64).code.tolist() == [REFLECT, PERIODIC]
    assert np.array_equal(mixed.period(2), [2, 2]) and mixed.periodic(2).tolist() == [False, True]
    assert brick.periodic(3).all() and not cube.periodic(3).any()
    assert hash(mixed) == hash(ink.Box(0, [1, 2], ("reflect", "periodic"))) and mixed != brick


def test_volumes_of_many_dimensions_by_their_logarithms():
    wide, narrow = Uniform(ink.Box(-1, 1)), Uniform(ink.Box(0, 1e-6))
    assert wide.entropy(1024) == pytest.approx(1024 * math.log(2))
    assert narrow.log_density(np.zeros((2, 64))) == pytest.approx(64 * math.log(1e6))
    assert ink.Box([0, 0], [1, 6]).log_volume(2) == pytest.approx(math.log(6))


def test_both_walls_belong_to_the_box():
    rng = np.random.default_rng(5)
    for lo, hi in np.sort(rng.uniform(-5, 5, (2000, 2)), axis=1):
        for dtype in (np.float32, np.float64):
            ink.Box(lo, hi).check_inside(np.array([[lo], [hi]], dtype))
    with pytest.raises(ValueError, match="1 of its 2 coordinates"):
        ink.Box(0, 1).check_inside(np.array([[0.0], [1.0000001]]))
