"""Backward walks: every sampler recovers the law it should, at its order; walls, schedules, bad scores are honoured."""

from __future__ import annotations

import math
from itertools import pairwise

import numba
import numpy as np
import pytest

import inkdiff as ink
from inkdiff.domains.heat_kernel import log_heat_kernel

OU = ink.OrnsteinUhlenbeck(D=1.0, k=1.0)
VP = ink.VariancePreserving.linear()
VE = ink.VarianceExploding(0.02, 3.0)
BROWN = ink.Brownian(0.5)
GLASS = ink.Brownian(0.5, ink.Box(0, 1))
SAMPLERS = {
    "ancestral": ink.Ancestral(),
    "ddim": ink.DDIM(),
    "ddim 1": ink.DDIM(eta=1.0),
    "euler_maruyama": ink.EulerMaruyama(),
    "heun": ink.ProbabilityFlow(),
}
ALL = pytest.mark.parametrize("sampler", SAMPLERS)


def clean_times(process, count, last=0.0):
    """Decreasing times, evenly spaced in the standard deviation of the noise relative to the signal."""
    fine = np.linspace(0, process.t_max if math.isfinite(process.t_max) else 3.0, 20_001)
    rise = np.arcsinh(20 * process.sigma(fine) / process.alpha(fine))
    times = np.interp(np.linspace(rise[-1], rise[0], count + 1), rise, fine)
    times[-1] = last
    return times


# ---- Gaussian data: the chain's own moments are known in closed form


@ALL
@pytest.mark.parametrize("process", [OU, VP, VE, BROWN], ids=["OU", "VP", "VE", "Brownian"])
def test_moments_are_those_of_the_chain(sampler, process):
    """10^5 walkers against the recursion of mean and variance, with few and coarse steps: the code is the formula."""
    n, times = 100_000, clean_times(process, 12)
    score = ink.GaussianScore(process, [0.0], 0.25)
    start = process.alpha(times[0]) ** 2 * 0.25 + process.variance(times[0])
    z = ink.normal(n, seed=8, stream=3).astype(np.float64)
    x = (z * math.sqrt(start / (z**2).mean()))[:, None]  # the variance exactly right, so that only new noise counts
    last = ink.reverse(process, score, x, times, seed=2, sampler=SAMPLERS[sampler]).last[:, 0]
    truth = ink.chain_variance(process, SAMPLERS[sampler], times, 0.25)
    assert abs(last.mean()) / (last.std() / math.sqrt(n)) < 5
    assert abs((last**2).mean() - truth) / ((last**2).std() / math.sqrt(n)) < 5


@ALL
def test_order_of_convergence(sampler):
    """Halving the steps halves the error of the variance (Heun: quarters it), uniformly spaced, ended before t = 0."""
    errors = []
    for count in (64, 128, 256, 512):
        times = np.linspace(2.0, 0.1, count + 1)
        truth = OU.alpha(0.1) ** 2 * 0.25 + OU.variance(0.1)
        errors.append(abs(ink.chain_variance(OU, SAMPLERS[sampler], times, 0.25) - truth))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    expected = 2 if sampler == "heun" else 1
    assert np.allclose(orders[-2:], expected, atol=0.1), orders


@ALL
@pytest.mark.parametrize("process", [OU, VP, VE, BROWN], ids=["OU", "VP", "VE", "Brownian"])
def test_many_steps_recover_the_gaussian(sampler, process):
    times = clean_times(process, 800)
    assert ink.chain_variance(process, SAMPLERS[sampler], times, 0.25) == pytest.approx(0.25, rel=0.02)


def test_ancestral_steps_from_one_point_are_exact_at_any_size():
    n, point = 100_000, 0.7
    score = ink.EmpiricalScore(VP, [[point]])
    x = ink.diffuse(VP, np.full((n, 1), point), 0.9, seed=4)
    run = ink.reverse(VP, score, x, [0.9, 0.5, 0.2, 0], seed=4, sampler="ancestral")
    for t, x_t in zip(run.times[1:3], run.x[1:3, :, 0], strict=True):
        mean, variance = VP.alpha(t) * point, VP.variance(t)
        assert abs(x_t.mean() - mean) / math.sqrt(variance / n) < 5
        assert abs(((x_t - mean) ** 2).mean() - variance) / (variance * math.sqrt(2 / n)) < 5
    assert np.allclose(run.last, point, atol=1e-12)


@ALL
def test_mixture_returns(sampler):
    """Two unequal Gaussians in the plane: weights, means and spreads return; Gaussian noise is where it starts."""
    n, times = 20_000, clean_times(VP, 200)
    score = ink.MixtureScore(VP, [0.3, 0.7], [[-1.0, 0.5], [1.0, 0.0]], 0.02)
    x = VP.prior(1.0).sample(n, 2, seed=1)
    last = ink.reverse(VP, score, x, times, seed=2, sampler=SAMPLERS[sampler]).last.astype(np.float64)
    # Late in the walk each mode is a Gaussian by itself.
    spread = ink.chain_variance(VP, SAMPLERS[sampler], times, 0.02)
    assert abs(spread - 0.02) < 0.003
    left = last[:, 0] < 0
    share = left.mean()
    assert abs(share - 0.3) / math.sqrt(0.21 / n) < 5
    for part, centre in ((last[left], [-1.0, 0.5]), (last[~left], [1.0, 0.0])):
        assert np.abs((part.mean(0) - centre) / (part.std(0) / math.sqrt(len(part)))).max() < 5
        assert np.abs(part.var(0) / spread - 1).max() < 5 * math.sqrt(2 / len(part))


def test_a_finite_data_set_is_remembered():
    data = np.random.default_rng(0).normal(size=(20, 5))
    x = VP.prior(1.0).sample(500, 5, seed=1, dtype=np.float64)
    last = ink.reverse(VP, ink.EmpiricalScore(VP, data), x, clean_times(VP, 100), seed=2).last
    nearest = np.sqrt(((last[:, None] - data) ** 2).sum(2)).min(1)
    assert np.quantile(nearest, 0.99) < 1e-3


# ---- a table of steps


def test_ddpm_walks_its_table():
    p = ink.VariancePreserving.ddpm()
    score = ink.GaussianScore(p, [0.5, -0.5], [0.1, 0.4])
    seen = []

    def watched(x, t):
        seen.append(t)
        return score(x, t)

    n = 20_000
    x = p.prior(1000).sample(n, 2, seed=1)
    run = ink.reverse(p, watched, x, [1000, 500, 0], steps=500, seed=3)
    assert seen == list(range(1000, 0, -1)) and all(type(t) is float for t in seen)
    assert run.next_step == 1000
    last = run.last.astype(np.float64)
    assert np.abs((last.mean(0) - [0.5, -0.5]) / (last.std(0) / math.sqrt(n))).max() < 5
    assert np.allclose(last.var(0), [0.1, 0.4], rtol=0.05)
    with pytest.raises(ValueError, match=r"integer from 0 to 1000.*got 666.667"):
        ink.reverse(p, score, x, [1000, 0], steps=3, seed=3)


# ---- between walls


@pytest.mark.parametrize("wall", ["reflect", "periodic"])
@pytest.mark.parametrize("sampler", ["euler_maruyama", "heun"])
def test_a_drop_returns_between_walls(wall, sampler):
    """From uniform ink to a lopsided picture of it: the histogram is the initial density's, blurred by what is left."""
    n = 50_000
    p = ink.Brownian(0.5, ink.Box(0, 1, wall))
    rho = np.array([0, 4, 1, 0, 0, 2, 0, 1.0])
    score = ink.BoxScore(p, rho, nodes=16)
    x = p.equilibrium.sample(n, 1, seed=1)
    end = 1e-4
    last = ink.reverse(p, score, x, np.geomspace(2.0, end, 301), seed=2, sampler=sampler, observe={}).last
    assert last.min() >= 0 and last.max() <= 1
    share = np.histogram(last, 8, (0, 1))[0] / n
    truth = score.cell_averages(end) / 8
    noise = np.sqrt(truth * (1 - truth) / n)
    assert np.abs(share - truth).max() < 0.003 + 5 * noise.max()  # the first is the bias of 300 steps
    halved = ink.reverse(p, score, x, np.geomspace(2.0, end, 26), seed=2, sampler=sampler, observe={}).last
    coarse = np.histogram(halved, 8, (0, 1))[0] / n
    assert np.abs(share - truth).sum() < np.abs(coarse - truth).sum()


def test_without_the_score_nothing_returns():
    n = 100_000
    x = GLASS.equilibrium.sample(n, 1, seed=1)
    last = ink.reverse(GLASS, lambda x, t: np.zeros_like(x), x, [0.5, 0.25, 1e-4], seed=2, steps=10).last
    counts = np.histogram(last, 20, (0, 1))[0]
    assert abs(((counts - n / 20) ** 2).sum() / (n / 20) - 19) / math.sqrt(2 * 19) < 5


@pytest.mark.parametrize("sampler", ["ancestral", "ddim", ink.Ancestral(), ink.DDIM(0.5)])
def test_samplers_that_walls_forbid(sampler):
    with pytest.raises(ValueError, match=r"sampler .*walls.*EulerMaruyama\(\) or ProbabilityFlow\(\)"):
        ink.reverse(GLASS, lambda x, t: x, np.full((3, 1), 0.5), [1, 0], seed=1, sampler=sampler)


def test_defaults_follow_the_walls():
    x = np.full((50, 1), 0.5)
    free, boxed = ink.GaussianScore(VP, [0.0], 1.0), ink.BoxScore(GLASS, np.array([1.0, 2.0]))
    for process, score, name in ((VP, free, "ancestral"), (GLASS, boxed, "euler_maruyama")):
        default = ink.reverse(process, score, x, [1, 0.5], seed=1, steps=3).last
        assert np.array_equal(default, ink.reverse(process, score, x, [1, 0.5], seed=1, steps=3, sampler=name).last)
        assert np.array_equal(
            default, ink.reverse(process, score, x, [1, 0.5], seed=1, steps=3, sampler=SAMPLERS[name]).last
        )


# ---- ends, bits, records


@ALL
@pytest.mark.parametrize("process", [OU, VP, VE, BROWN, ink.VariancePreserving.cosine()])
def test_the_last_step_reaches_zero_without_a_score_there(sampler, process):
    def score(x, t):
        assert t > 0, "the score of data points does not exist at t = 0"
        return -x / t

    start = 1.0
    last = ink.reverse(
        process, score, np.ones((10, 2)), [start, 0.5, 0], seed=1, steps=2, sampler=SAMPLERS[sampler]
    ).last
    assert np.isfinite(last).all()


def test_same_bits_in_one_go_continued_or_on_one_thread():
    score = ink.GaussianScore(VP, np.zeros(16), 0.25)
    x = VP.prior(1).sample(3000, 16, seed=1)
    times = np.array([1.0, 0.75, 0.5, 0.25, 0.0])
    whole = ink.reverse(VP, score, x, times, seed=6, steps=4)
    first = ink.reverse(VP, score, x, times[:3], seed=6, steps=4)
    second = ink.reverse(VP, score, first.last, times[2:], seed=6, steps=4, first_step=first.next_step)
    assert np.array_equal(second.x, whole.x[2:]) and second.next_step == whole.next_step == 16
    allowed = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        assert np.array_equal(ink.reverse(VP, score, x, times, seed=6, steps=4).x, whole.x)
    finally:
        numba.set_num_threads(allowed)
    assert not np.array_equal(ink.reverse(VP, score, x, times, seed=7, steps=4).last, whole.last)


def test_records_like_simulate():
    score = ink.GaussianScore(VP, [0.0, 0.0], 0.25)
    x = VP.prior(1).sample(50, 2, seed=1)
    before = x.copy()
    stored = ink.reverse(VP, score, x, [1, 0.5, 0], seed=6, steps=2)
    assert np.array_equal(x, before) and np.array_equal(stored.x[0], x) and np.array_equal(stored.x[-1], stored.last)
    assert np.array_equal(stored.times, [1, 0.5, 0])
    seen = []
    run = ink.reverse(
        VP,
        score,
        x,
        [1, 0.5, 0],
        seed=6,
        steps=2,
        observe={"x": lambda x: x, "t": lambda x, t: t},
        callback=lambda i, t, x: seen.append((i, t)),
    )
    assert run.x is None and np.array_equal(run.observed["x"], stored.x)
    assert seen == [(0, 1.0), (1, 0.5), (2, 0.0)] and np.array_equal(run.observed["t"], run.times)


def test_a_sampler_of_ones_own():
    class Still(ink.Sampler):
        def advance(self, process, score, x, t, s, kernel):
            return kernel(x, x, 1.0, 0.0, 0.0)

    x = np.random.default_rng(0).normal(size=(5, 2))
    assert np.array_equal(ink.reverse(VP, lambda x, t: x, x, [1, 0], seed=1, sampler=Still()).last, x)
    with pytest.raises(TypeError, match="Sampler"):
        ink.reverse(VP, lambda x, t: x, x, [1, 0], seed=1, sampler=lambda *a: x)


@pytest.mark.parametrize("process", [VP, GLASS], ids=["free", "box"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_walk_that_is_lost_says_when(process, bad):
    def score(x, t):
        return np.full_like(x, bad if t < 0.6 else 0.0)

    with pytest.raises(FloatingPointError, match=r"not finite at t = 0\.25"):
        ink.reverse(process, score, np.full((5, 2), 0.5), [1, 0.5, 0], seed=1, steps=2)


@pytest.mark.parametrize("wrong", [lambda x, t: x[:1], lambda x, t: None, lambda x, t: 0.0, lambda x, t: x[0]])
def test_scores_of_another_shape(wrong):
    with pytest.raises(ValueError, match=r"score\(x, t\) must return an array like x, \(5, 2\), got"):
        ink.reverse(VP, wrong, np.zeros((5, 2)), [1, 0], seed=1)


def test_scores_of_another_dtype_or_layout():
    x = np.linspace(0, 1, 20, dtype=np.float32).reshape(10, 2)
    plain = ink.reverse(VP, lambda x, t: -x, x, [1, 0], seed=1)
    double = ink.reverse(VP, lambda x, t: -x.astype(np.float64), x, [1, 0], seed=1)
    strided = ink.reverse(VP, lambda x, t: np.asfortranarray(-x), x, [1, 0], seed=1)
    assert plain.x.dtype == np.float32
    assert np.array_equal(plain.last, double.last) and np.array_equal(plain.last, strided.last)


# ---- the order of the step at walls


def densities_walked_back(exact, t, s, steps, cells=300):
    """The density that Euler's steps with the exact score carry from p_t back to time s, without sampling.

    One step takes y to N(y + dv u(y), dv) folded: with p on a grid of midpoints that is a matrix product, whose error
    is far below that of the step. Returns it and the exact p_s.
    """
    box, x = exact.box, (np.arange(cells) + 0.5) / cells
    p = np.exp(exact.log_density(x[:, None], t))
    times = np.linspace(t, s, steps + 1)
    for now, then in pairwise(times):
        dv = exact.process.clock(then, now)
        drifted = x + dv * exact(x[:, None], now)[:, 0]
        folded = 1 - np.abs(1 - np.abs(drifted))
        pairs = np.repeat(x, cells)[:, None], np.tile(folded, cells)[:, None]
        kernel = np.exp(log_heat_kernel(*pairs, np.full((cells**2, 1), dv), box)[0]).reshape(cells, cells)
        p = kernel @ p / cells
    return x, p, np.exp(exact.log_density(x[:, None], s))


def test_euler_between_walls_is_of_weak_order_one():
    """Ink heaped against both walls: errors of the density and of its first modes halve with the step."""
    exact = ink.BoxScore(ink.Brownian(1.0, ink.Box(0, 1)), [6.0, 3, 1, 0.5, 0.2, 0.1, 0.1, 0.3])
    errors = []
    for steps in (16, 32, 64):
        x, p, truth = densities_walked_back(exact, 0.1, 0.01, steps)
        modes = [abs(((p - truth) * np.cos(k * np.pi * x)).mean()) for k in (1, 2)]
        errors.append([*modes, np.abs(p - truth).mean()])
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert np.abs(orders - 1).max() < 0.1
    assert errors[-1][0] < 0.01
