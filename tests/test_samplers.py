"""Samplers against exact scores: orders, ends of schedules, walls, correctors; and the grids of times they walk on."""

from __future__ import annotations

import math

import numpy as np
import pytest

import inkdiff as ink
from inkdiff.processes.noise_level import level, time_of
from inkdiff.processes.time_grids import cosine, karras, log_snr, uniform

VP = ink.VariancePreserving.linear()
VE = ink.VarianceExploding(0.02, 3.0)
FREE = {
    "vp": VP,
    "cosine": ink.VariancePreserving.cosine(),
    "ve": VE,
    "ou": ink.OrnsteinUhlenbeck(1.0, 1.0),
    "brownian": ink.Brownian(0.5),
}
NAMES = ["ancestral", "ddim", "euler_maruyama", "heun", "dpm_solver", "predictor_corrector"]
GLASS = ink.Brownian(0.5, ink.Box(0, 1))
DDPM = ink.VariancePreserving.ddpm(T=200, beta_1=5e-4, beta_T=0.1)


def last_time(process):
    return process.t_max if math.isfinite(process.t_max) else 3.0


def mixture(process):
    """Two Gaussians in the plane, unlike in weight."""
    return ink.MixtureScore(process, [0.3, 0.7], [[-0.8, 0.2], [0.6, -0.3]], 0.09)


def order_of(sampler, process, score, x, grid, counts):
    """Observed order from the root mean square error at the last time, against the flow followed to 1e-10."""
    exact = ink.reverse(process, score, x, grid(1), seed=1, sampler=ink.AdaptiveFlow(1e-10, 1e-12)).last
    errors = [
        math.sqrt(((ink.reverse(process, score, x, grid(n), seed=1, sampler=sampler).last - exact) ** 2).mean())
        for n in counts
    ]
    return np.log2(np.array(errors[:-1]) / errors[1:])[-1]


@pytest.mark.parametrize("name", FREE)
@pytest.mark.parametrize(("sampler", "order"), [(ink.DDIM(), 1), (ink.ProbabilityFlow(), 2), (ink.DPMSolver(), 2)])
def test_order_of_the_flow_samplers(name, sampler, order):
    process = FREE[name]
    top, end = last_time(process), float(time_of(process, np.array([math.log(0.05)]))[0])
    x = process.prior(top).sample(40, 2, seed=3).astype(np.float64)
    grid = lambda n: log_snr(process, n, start=top, end=end, to_zero=False)  # noqa: E731
    found = order_of(sampler, process, mixture(process), x, grid, (160, 320, 640))
    assert found == pytest.approx(order, abs=0.15)


def test_heun_between_walls_keeps_its_order():
    score = ink.BoxScore(GLASS, np.array([5.0, 2.0, 1.0, 0.5, 3.0, 6.0]))
    x = np.linspace(0.003, 0.997, 60)[:, None]
    grid = lambda n: np.geomspace(0.4, 0.004, n + 1)  # noqa: E731
    found = order_of(ink.ProbabilityFlow(), GLASS, score, x, grid, (80, 160, 320))
    assert found == pytest.approx(2, abs=0.15)


def test_the_adaptive_flow_keeps_its_promise():
    process, score = VP, ink.GaussianScore(VP, np.zeros(2), 0.25 * np.eye(2))
    x = np.array([[1.0, -2.0], [0.3, 0.1]])
    spread = lambda t: math.sqrt(process.alpha(t) ** 2 * 0.25 + process.variance(t))  # noqa: E731
    exact = x * spread(1e-3) / spread(1.0)  # the flow of a Gaussian only rescales
    errors = []
    for tolerance in (1e-3, 1e-6, 1e-9):
        walk = ink.reverse(process, score, x, [1.0, 1e-3], seed=1, sampler=ink.AdaptiveFlow(tolerance, tolerance))
        errors.append(abs(walk.last - exact).max())
    assert errors[0] < 1e-2 and errors[1] < 1e-5 and errors[2] < 1e-8 and errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize("name", FREE)
def test_the_two_ancestral_variances_hold_the_truth_between_them(name):
    process = FREE[name]
    times = log_snr(process, 12, start=last_time(process), end=float(time_of(process, np.array([-2.0]))[0]))
    width = 0.3 * (process.equilibrium.variance if process.equilibrium else 1.0)
    low = ink.chain_variance(process, ink.Ancestral("posterior"), times[:-1], width)
    high = ink.chain_variance(process, ink.Ancestral("transition"), times[:-1], width)
    truth = process.alpha(times[-2]) ** 2 * width + process.variance(times[-2])
    assert low < truth < high
    # and each is exact where it should be: data of one point; data like the equilibrium
    point = ink.chain_variance(process, ink.Ancestral("posterior"), times[:-1], 0.0)
    assert point == pytest.approx(process.variance(times[-2]), rel=1e-9)
    if process.equilibrium is not None:
        same = process.equilibrium.variance
        assert ink.chain_variance(process, ink.Ancestral("transition"), times, same) == pytest.approx(same, rel=1e-9)


@pytest.mark.parametrize("sampler", [ink.Ancestral("transition"), ink.EulerMaruyama()], ids=["ancestral", "euler"])
def test_weak_order_of_the_noisy_samplers(sampler):
    truth = lambda t: VP.alpha(t) ** 2 * 0.3 + VP.variance(t)  # noqa: E731
    errors = []
    for n in (160, 320, 640):
        times = log_snr(VP, n, end=1e-2, to_zero=False)
        errors.append(abs(ink.chain_variance(VP, sampler, times, 0.3) - truth(1e-2)))
    assert math.log2(errors[1] / errors[2]) == pytest.approx(1, abs=0.15)


def test_corrections_pull_the_law_to_the_truth():
    """A walk that starts wrong is mended by many small Langevin steps."""
    score = ink.GaussianScore(VP, np.zeros(1), 0.25 * np.eye(1))
    many = ink.PredictorCorrector(corrections=400, snr=0.2)
    last = ink.reverse(VP, score, np.zeros((20_000, 1)), [0.5, 0.499], seed=5, sampler=many).last[:, 0]
    total, h = VP.alpha(0.499) ** 2 * 0.25 + VP.variance(0.499), 2 * 0.2**2 * VP.variance(0.499)
    expected = 2 * h / (1 - (1 - h / total) ** 2)  # the discretised Langevin equation's own variance
    assert abs(last.var() - expected) < 5 * expected * math.sqrt(2 / last.size)
    assert expected == pytest.approx(total, rel=0.05)


def test_corrections_between_walls():
    score = ink.BoxScore(GLASS, np.array([4.0, 1.0]))
    many = ink.PredictorCorrector(corrections=300, snr=0.35)
    last = ink.reverse(GLASS, score, np.full((5000, 1), 0.9), [0.02, 0.0199], seed=5, sampler=many).last
    mode = np.cos(math.pi * last)
    truth = 1.2 / math.pi * math.exp(-(math.pi**2) / 2 * 0.0199)
    assert last.min() >= 0 and last.max() <= 1
    assert abs(mode.mean() - truth) < 5 * mode.std() / math.sqrt(mode.size)


def test_the_corrections_noise_is_not_the_steps():
    score = ink.GaussianScore(VP, np.zeros(1), np.eye(1))
    x = np.zeros((4000, 1))
    plain = ink.reverse(VP, score, x, [0.5, 0.4], seed=5, sampler=ink.EulerMaruyama()).last
    once = ink.reverse(VP, score, x, [0.5, 0.4], seed=5, sampler=ink.PredictorCorrector(corrections=1, snr=0.5)).last
    added = once - (plain + 2 * 0.25 * VP.variance(0.4) * score(plain, 0.4))
    eps = added / math.sqrt(4 * 0.25 * VP.variance(0.4))
    assert np.allclose(eps[:, 0], ink.normal(4000, seed=5, stream=ink.Stream.CORRECTOR), atol=1e-5)
    two = ink.PredictorCorrector(corrections=2, snr=0.5)
    joint = ink.reverse(VP, score, x, [0.5, 0.4, 0.3], seed=5, sampler=two).last
    half = ink.reverse(VP, score, x, [0.5, 0.4], seed=5, sampler=two)
    rest = ink.reverse(VP, score, half.last, [0.4, 0.3], seed=5, first_step=half.next_step, sampler=two).last
    assert np.array_equal(joint, rest)


@pytest.mark.parametrize("name", [*FREE, "ddpm"])
@pytest.mark.parametrize("sampler", NAMES)
def test_both_ends_of_every_schedule(name, sampler):
    """From t = T to t = 0 from a single data point's law, where the flow is known: everybody ends at the point."""
    process = DDPM if name == "ddpm" else FREE[name]
    score = ink.GaussianScore(process, np.array([0.7]), np.zeros((1, 1)) + 1e-12)
    top = last_time(process)
    end = 1.0 if process.discrete else float(time_of(process, np.array([math.log(1e-3)]))[0])
    times = log_snr(process, 200, start=top, end=end)
    x = 0.7 * process.alpha(top) + process.sigma(top) * np.linspace(-2, 2, 9)[:, None]
    if sampler in ("euler_maruyama", "predictor_corrector"):  # of first order: the bound is the last step's noise
        last = ink.reverse(process, score, x, times[:-1], seed=2, sampler=sampler).last
        assert abs(last - 0.7).max() < 8 * math.exp(level(process, float(times[-2]))) + 0.02
    else:
        last = ink.reverse(process, score, x, times, seed=2, sampler=sampler).last
        assert np.allclose(last, 0.7, atol=3e-3 if sampler == "heun" else 1e-5)


def test_grids_of_times():
    for process in FREE.values():
        top = last_time(process)
        for grid in (uniform(process, 10, start=top), cosine(process, 10, start=top)):
            assert grid[0] == top and grid[-1] == 0 and (np.diff(grid) < 0).all() and grid.size == 11
        end = 0.01 * top
        equal = level(process, log_snr(process, 10, start=top, end=end)[:-1])
        assert np.allclose(np.diff(equal), np.diff(equal).mean(), rtol=1e-6)
        noise = np.exp(level(process, karras(process, 10, start=top, end=end, rho=7)[:-1])) ** (1 / 7)
        assert np.allclose(np.diff(noise), np.diff(noise).mean(), rtol=1e-6)
    assert np.allclose(uniform(VP, 4), [1, 0.75, 0.5, 0.25, 0])
    assert np.array_equal(uniform(DDPM, 4), [200, 150, 100, 50, 0])
    integers = karras(DDPM, 50, end=1)
    assert np.array_equal(integers, np.rint(integers)) and integers[-2:].tolist() == [1, 0]
    assert (np.diff(integers) < 0).all()


@pytest.mark.parametrize(
    ("process", "start", "end"),
    [(ink.Brownian(1e40), 1e-40, 1e-42), (ink.Brownian(1.0), 1e-300, 1e-310), (ink.Brownian(1e-60), 1e70, 1e-17)],
)
def test_grids_of_extreme_times(process, start, end):
    """sigma^2 = 2 D t: equal parts of the level are equal ratios of times, of its powers equal parts of t^(1/14)."""
    found = log_snr(process, 4, start=start, end=end, to_zero=False)
    assert np.allclose(np.log(found), np.linspace(math.log(start), math.log(end), 5), rtol=0, atol=1e-11)
    found = karras(process, 4, start=start, end=end, to_zero=False)
    assert np.allclose(found ** (1 / 14), np.linspace(start ** (1 / 14), end ** (1 / 14), 5), rtol=1e-12, atol=0)


def test_grids_that_float64_cannot_hold_are_refused():
    cosine_schedule = ink.VariancePreserving.cosine()
    assert (np.diff(log_snr(cosine_schedule, 50, end=1e-17)) < 0).all()
    with pytest.raises(ValueError, match="end must be > 0 and sigma/alpha"):
        log_snr(cosine_schedule, 5, end=5e-324)
    for grid in (log_snr, karras, uniform, cosine):
        with pytest.raises(ValueError, match="holds no"):
            grid(ink.Brownian(1.0), 5, start=1.0, end=1 - 2e-16)


def test_a_learned_score_samples_on_any_grid():
    score = ink.fit(VP, ink.datasets.moons(500, 1), steps=20, seed=1, net=ink.MLP(16, 2), progress=False)
    times = karras(VP, 12, end=1e-3)
    assert np.array_equal(
        score.sample(5, seed=3, times=times, sampler="dpm_solver"),
        score.sample(5, seed=3, times=list(times), sampler=ink.DPMSolver()),
    )
    with pytest.raises(ValueError, match="times"):
        score.sample(5, seed=3, times=[0.0, 1.0])


def test_what_cannot_be_walked_is_refused():
    x = np.zeros((3, 1))
    score = ink.GaussianScore(DDPM, np.zeros(1), np.eye(1))
    with pytest.raises(ValueError, match="continuous times"):
        ink.reverse(DDPM, score, x, [200, 100], seed=1, sampler="adaptive")
    for sampler in ("dpm_solver", "ancestral", ink.PredictorCorrector(ink.Ancestral())):
        with pytest.raises(ValueError, match="walls"):
            ink.reverse(GLASS, lambda x, t: x, x, [1.0, 0.5], seed=1, sampler=sampler)
    for wrong, match in (
        (lambda: ink.Ancestral("both"), "variance"),
        (lambda: ink.AdaptiveFlow(rtol=0), "rtol"),
        (lambda: ink.PredictorCorrector(corrections=0), "corrections"),
        (lambda: ink.PredictorCorrector(snr=-1), "snr"),
        (lambda: uniform(VP, 0), "steps"),
        (lambda: uniform(ink.Brownian(1.0), 5), "start must be given"),
        (lambda: log_snr(VP, 5, end=0), "end must be > 0"),
        (lambda: karras(VP, 5, end=0.1, rho=-1), "rho"),
        (lambda: cosine(VP, 5, start=0.2, end=0.5), "end must be below start"),
    ):
        with pytest.raises(ValueError, match=match):
            wrong()
    with pytest.raises(TypeError, match="predictor"):
        ink.PredictorCorrector(ink.DDIM)
