"""Processes of a user's own: five formulas, or four, and everything that follows from them is right."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import inkdiff as ink

N = 200_000


class SubVP(ink.Process):
    """Sub-VP of Song et al. (2021), said by formulas alone; beta = 0.1 + 19.9 t."""

    t_max = 1.0

    def log_alpha(self, t):
        return -t / 2 * (0.1 + 19.9 * t / 2)

    def variance(self, t):
        return (1 - np.exp(2 * self.log_alpha(t))) ** 2

    def f(self, t):
        return -(0.1 + 19.9 * t) / 2

    def g2(self, t):
        return (0.1 + 19.9 * t) * (1 - np.exp(4 * self.log_alpha(t)))

    def clock(self, s, t):
        a, b = self.log_alpha(s), self.log_alpha(t)
        return 2 * (a - b) - (np.exp(4 * a) - np.exp(4 * b)) / 2


class StraightPath(ink.Process):
    """alpha = 1 - t, sigma = t; the clock by quadrature."""

    t_max = 0.999

    def log_alpha(self, t):
        return np.log1p(-t)

    def variance(self, t):
        return t**2

    def f(self, t):
        return -1 / (1 - t)

    def g2(self, t):
        return 2 * t / (1 - t)


class WarmingBowl(ink.Process):
    """dx = -k x dt + g dW, g^2 = 2 D (1 + t/tau)."""

    D, k, tau = 1.5, 2.0, 0.3

    def log_alpha(self, t):
        return -self.k * t

    def variance(self, t):
        k, tau = self.k, self.tau
        rest = -np.expm1(-2 * k * t)
        return self.D / k * (rest + (2 * k * t - rest) / (2 * k * tau))

    def f(self, t):
        return -self.k + 0 * t

    def g2(self, t):
        return 2 * self.D * (1 + t / self.tau)


OWN = [SubVP(), StraightPath(), WarmingBowl(), ink.SubVariancePreserving.linear(), ink.Straight()]
IDS = [type(process).__name__ for process in OWN]


def z_of_variance(x, variance):
    """z of the sample variance of Gaussian numbers with mean 0."""
    return (np.mean(x.astype(float) ** 2) - variance) / (variance * math.sqrt(2 / x.size))


@pytest.mark.parametrize("process", OWN, ids=IDS)
def test_one_jump_and_a_walk_have_the_variance_that_the_process_says(process):
    alpha, variance, width = float(process.alpha(0.6)), float(process.variance(0.6)), 0.7
    x0 = width * ink.normal(N, seed=1, stream=ink.Stream.DATA).reshape(-1, 1)
    expected = alpha**2 * width**2 + variance
    assert abs(z_of_variance(ink.diffuse(process, x0, 0.6, seed=2), expected)) < 5
    walk = ink.simulate(process, x0, [0, 0.1, 0.6], seed=3, steps=5)
    assert abs(z_of_variance(walk.last, expected)) < 5


@pytest.mark.parametrize("process", OWN, ids=IDS)
def test_ancestral_sampling_returns_to_the_data(process):
    """Gaussian data of variance 0.1 and their exact score: the chain's variance, and 0.1 as steps become many."""
    score, end, w = ink.GaussianScore(process, 0.0, 0.1), 0.9, 0.1
    start = float(process.alpha(end)) ** 2 * w + float(process.variance(end))
    x = math.sqrt(start) * ink.normal(N, seed=5).reshape(-1, 1)
    times = np.append(np.geomspace(end, 1e-3, 100), 0)
    back = ink.reverse(process, score, x, times, seed=6, observe={}).last
    assert abs(z_of_variance(back, ink.chain_variance(process, ink.Ancestral(), times, w))) < 5
    errors = [
        ink.chain_variance(process, ink.Ancestral(), np.append(np.geomspace(end, 1e-4, k), 0), w) - w
        for k in (500, 1000)
    ]
    assert abs(errors[1]) < 0.02 * w and errors[0] / errors[1] == pytest.approx(2, rel=0.2)  # of first order


@given(st.sampled_from(range(len(OWN))), st.floats(0, 0.99), st.floats(0, 0.99), st.floats(0, 0.99))
def test_transitions_follow_each_other(k, r, s, t):
    """Chapman-Kolmogorov: from r to s and on to t is from r to t."""
    process = OWN[k]
    r, s, t = sorted((r, s, t))
    (a1, v1), (a2, v2), (a, v) = process.transition(r, s), process.transition(s, t), process.transition(r, t)
    assert a1 * a2 == pytest.approx(a, rel=1e-9, abs=1e-12)
    assert a2**2 * v1 + v2 == pytest.approx(v, rel=1e-7, abs=1e-12)
    assert process.transition(0.0, t) == pytest.approx((process.alpha(t), process.variance(t)), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("process", OWN, ids=IDS)
def test_the_formulas_of_a_process_agree(process):
    """f = d ln alpha/dt, d sigma^2/dt = g^2 + 2 f sigma^2, the clock is the integral of g^2, rates are derivatives."""
    t, h = np.linspace(0.05, 0.9, 40), 1e-6
    derivative = lambda f: (f(t + h) - f(t - h)) / (2 * h)  # noqa: E731
    assert derivative(process.log_alpha) == pytest.approx(process.f(t), rel=1e-5)
    assert derivative(process.variance) == pytest.approx(
        process.g2(t) + 2 * process.f(t) * process.variance(t), rel=1e-4
    )
    assert derivative(lambda u: process.clock(0.01, u)) == pytest.approx(process.g2(t), rel=1e-5)
    assert derivative(process.alpha) == pytest.approx(process.alpha_rate(t), rel=1e-5, abs=1e-9)
    assert derivative(process.sigma) == pytest.approx(process.sigma_rate(t), rel=1e-4)


def test_house_and_own_sub_vp_agree():
    house, own = ink.SubVariancePreserving.linear(), SubVP()
    s, t = np.array([0.0, 0.1, 0.5]), np.array([0.2, 0.6, 1.0])
    assert float(house.variance(0.6)) == pytest.approx(0.9481, abs=2e-4)
    for mine, theirs in zip(house.transition(s, t), own.transition(s, t), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-9)
    assert house.clock(s, t) == pytest.approx(own.clock(s, t), rel=1e-9)
    close = house.transition(0.5, 0.5 + 1e-9)[1]
    assert close == pytest.approx(1e-9 * float(house.g2(0.5)), rel=1e-6)  # digits kept


@pytest.mark.parametrize("process", OWN, ids=IDS)
def test_times_are_checked_before_a_formula_sees_them(process):
    for bad in (-0.1, process.t_max + 1 if math.isfinite(process.t_max) else math.inf, "now", math.nan):
        for ask in (process.log_alpha, process.variance, process.f, process.g2, lambda t: process.clock(0.0, t)):
            with pytest.raises((ValueError, TypeError), match="t must"):
                ask(bad)
    assert process.log_alpha([0.1, 0.2]).dtype == np.float64  # lists become arrays


def test_straight_at_its_end():
    process = ink.Straight()
    assert process.t_max == 1 and process.log_alpha(1.0) == -math.inf
    assert process.alpha(1.0) == 0 and process.sigma(1.0) == 1
    assert -process.f(1.0) == process.g2(1.0) == process.clock(0.5, 1.0) == math.inf
    assert process.transition(0.3, 1.0) == (0.0, 1.0) and process.transition(1.0, 1.0) == (1.0, 0.0)
    assert process.clock(1.0, 1.0) == 0
    ratio, gained = process.transition(np.array([0.0, 0.5, 1.0]), np.array([1.0, 1.0, 1.0]))
    assert ratio.tolist() == [0, 0, 1] and gained.tolist() == [1, 1, 0]
    s, t = 0.25, 0.75
    assert process.transition(s, t) == pytest.approx(((1 - t) / (1 - s), t**2 - ((1 - t) / (1 - s)) ** 2 * s**2))
    assert process.prior(1.0) == ink.processes.Gaussian(1.0)
    x1 = ink.diffuse(process, np.full((N, 1), 3.0, np.float32), 1.0, seed=1)
    assert abs(z_of_variance(x1, 1.0)) < 5 and abs(x1.mean()) < 5 / math.sqrt(N)


class ExactVelocity(ink.HasVelocity):
    """Of Gaussian data N(0, w) under the straight path."""

    def __init__(self, w):
        self.w = w

    def __call__(self, x, t):
        return -x / ((1 - t) ** 2 * self.w + t**2)

    def velocity(self, x, t):
        return x * (t - (1 - t) * self.w) / ((1 - t) ** 2 * self.w + t**2)


@pytest.mark.parametrize("sampler", ["euler", "ddim", "heun", "dpm_solver", "ancestral", None])
def test_a_walk_from_pure_noise_takes_the_velocity(sampler):
    """From t = 1, where alpha = 0; and with a score alone it raises, naming a time near the end."""
    process, score = ink.Straight(), ExactVelocity(0.25)
    x = ink.normal(N // 4, seed=1).reshape(-1, 1)
    times = np.linspace(1, 0, 801)
    back = ink.reverse(process, score, x, times, seed=2, sampler=sampler, observe={}).last
    assert np.mean(back.astype(float) ** 2) == pytest.approx(0.25, rel=0.03)
    with pytest.raises(ValueError, match=r"0\.999.*velocity"):
        ink.reverse(process, lambda x, t: -x, x[:10], times, seed=2, sampler=sampler)
    late = np.append(0.999, times[1:])
    ink.reverse(process, ink.GaussianScore(process, 0.0, 0.25), x[:10], late, seed=2, sampler=sampler)


def test_euler_follows_the_velocity_of_any_process():
    """On VP the velocity comes from the score; the flow keeps the law of Gaussian data."""
    process = ink.VariancePreserving.linear()
    x = ink.normal(N, seed=1).reshape(-1, 1)
    back = ink.reverse(
        process, ink.GaussianScore(process, 0.0, 0.25), x, np.linspace(1, 0, 1001), seed=2, sampler="euler"
    )
    assert np.mean(back.last.astype(float) ** 2) == pytest.approx(0.25, rel=0.02)


@pytest.mark.parametrize(
    "process", [*OWN, ink.VariancePreserving.linear(), ink.Brownian(1.0)], ids=lambda p: type(p).__name__
)
def test_parameterisations_there_and_back(process):
    rng = np.random.default_rng(0)
    x0, eps, t = rng.normal(size=(50, 3)), rng.normal(size=(50, 3)), np.linspace(0.05, 0.95, 50)
    alpha, sigma, a_, s_ = (
        np.reshape(v, (-1, 1))
        for v in (process.alpha(t), process.sigma(t), process.alpha_rate(t), process.sigma_rate(t))
    )
    x_t = alpha * x0 + sigma * eps
    values = {
        "noise": eps, "data": x0, "v": alpha * eps - sigma * x0, "velocity": a_ * x0 + s_ * eps, "score": -eps / sigma,
    }  # fmt: skip
    for source, value in values.items():
        for to, expected in values.items():
            found = ink.convert(process, x_t, t, value, source=source, to=to)
            assert found == pytest.approx(expected, rel=1e-7, abs=1e-7), (source, to)


def test_the_velocity_says_everything_where_alpha_is_0():
    process, x = ink.Straight(), np.array([[0.3, -1.0]])
    data = np.array([[2.0, 5.0]])
    assert ink.convert(process, x, 1.0, x - data, source="velocity", to="data") == pytest.approx(data)
    assert ink.convert(process, x, 1.0, data, source="data", to="velocity") == pytest.approx(x - data)
    assert ink.convert(process, x, 1.0, x, source="noise", to="score") == pytest.approx(-x)
    with pytest.raises(ValueError, match="says nothing of the data"):
        ink.convert(process, x, 1.0, x, source="noise", to="data")
