"""Posteriors against closed forms: inpainting, denoising, and a score times a second density."""

from __future__ import annotations

import math

import numpy as np
import pytest

import inkdiff as ink
from inkdiff.metrics import Estimate
from inkdiff.processes.noise_level import time_of
from inkdiff.processes.time_grids import log_snr

VP = ink.VariancePreserving.linear()
PAIR = np.array([[1.0, 0.8], [0.8, 1.0]])
LEFT = np.array([True, False])


def pair(process=VP):
    """Two unit Gaussians of correlation 0.8: z | y is N(0.8 y, 0.36)."""
    return ink.GaussianScore(process, np.zeros(2), PAIR)


def grid(steps, finest=0.01, process=VP):
    return log_snr(process, steps, end=float(time_of(process, np.log([finest]))[0]))


def z_of(x, exact):
    mean = Estimate.of_mean(x)
    return (mean.value - exact) / mean.stderr


def test_inpainting_draws_from_the_conditional_law():
    known = np.array([[1.0, 5.0], [-0.5, 5.0]], np.float32)
    x = ink.inpaint(VP, pair(), known, LEFT, grid(60), seed=1, draws=500, corrections=30)
    assert x.shape == (500, 2, 2) and x.dtype == np.float32
    assert (x[:, :, 0] == known[:, 0]).all()
    for row, y in enumerate(known[:, 0]):
        z = x[:, row, 1].astype(float)
        assert abs(z_of(z, 0.8 * y)) < 5
        assert abs(z_of((z - 0.8 * y) ** 2, 0.36)) < 5
    assert abs(np.corrcoef(x[:, 0, 1], x[:, 1, 1])[0, 1]) < 5 / math.sqrt(500)


def test_plain_replacement_is_biased_and_the_corrections_are_what_removes_it():
    known, misses = np.array([[1.0, 0.0]]), []
    for corrections in (0, 1, 5):
        x = ink.inpaint(VP, pair(), known, LEFT, grid(100), seed=2, draws=3000, corrections=corrections)
        misses.append(0.8 - x[:, 0, 1].mean())
    error = math.sqrt(0.5 / 3000)
    assert misses[0] > 0.25 and misses[0] - misses[1] > 5 * error and misses[1] - misses[2] > 3 * error
    finer = ink.inpaint(VP, pair(), known, LEFT, grid(300), seed=2, draws=3000, corrections=0)
    assert 0.8 - finer[:, 0, 1].mean() > 0.25


@pytest.mark.parametrize("sampler", ["ancestral", "heun", "euler_maruyama", "dpm_solver", "adaptive"])
def test_what_is_known_has_its_forward_law_at_every_time(sampler):
    score, seen = pair(), {}

    def spy(x, t):
        seen[t] = x.copy()  # the last call at t: the start of the next step
        return score(x, t)

    times = grid(8, finest=0.1)
    known = np.array([[0.7, 0.0]])
    x = ink.inpaint(VP, spy, known, LEFT, times, seed=3, draws=2000, sampler=sampler, corrections=1)
    assert (x[:, 0, 0] == 0.7).all()
    for t in times[:-1].tolist():
        y = seen[t][:, 0]
        assert abs(z_of(y, 0.7 * VP.alpha(t))) < 5
        assert abs(z_of((y - 0.7 * VP.alpha(t)) ** 2, VP.variance(t))) < 5
    early, late = (seen[t][:, 0] for t in (times[1], times[4]))  # one path, not fresh noise at every time
    s, t = float(times[4]), float(times[1])
    share = VP.alpha(t) / VP.alpha(s) * VP.sigma(s) / VP.sigma(t)
    assert abs(np.corrcoef(early, late)[0, 1] - share) < 5 / math.sqrt(2000)


def test_unknown_entries_are_not_looked_at_and_one_seed_gives_one_answer():
    mask = np.array([[True, False, True], [False, True, True]])
    score = ink.GaussianScore(VP, np.zeros(3), np.eye(3) + 0.5)
    known = np.arange(6.0).reshape(2, 3) / 5
    other = np.where(mask, known, -3.0)
    a, b = (ink.inpaint(VP, score, x, mask, grid(10), seed=4, draws=3) for x in (known, other))
    assert (a == b).all() and (a[:, mask] == known[mask]).all()
    assert not (ink.inpaint(VP, score, known, mask, grid(10), seed=5, draws=3) == a).all(axis=(0, 1))[1]


@pytest.mark.parametrize("wall", ["reflect", "periodic"])
def test_inpainting_between_walls(wall):
    """Two points on the diagonal of a box: knowing one coordinate tells which."""
    box = ink.Brownian(0.5, ink.Box(0, 1, wall))
    score = ink.EmpiricalScore(box, np.array([[0.2, 0.3], [0.6, 0.8]]))
    known = np.array([[0.2, 0.0], [0.6, 0.0]])
    x = ink.inpaint(box, score, known, LEFT, [*np.geomspace(1, 1e-5, 40), 0.0], seed=6, draws=50, corrections=10)
    assert (x[:, :, 0] == known[:, 0]).all() and (x >= 0).all() and (x <= 1).all()
    assert np.mean(abs(x[:, 0, 1] - 0.3) < 0.05) > 0.95 and np.mean(abs(x[:, 1, 1] - 0.8) < 0.05) > 0.95


def test_inpainting_by_a_table_of_steps():
    table = ink.VariancePreserving.ddpm(T=50, beta_1=1e-3, beta_T=0.3)
    known = np.array([[1.0, 0.0]])
    x = ink.inpaint(table, pair(table), known, LEFT, np.arange(50, -1, -1), seed=7, draws=2000, corrections=20)
    assert abs(x[:, 0, 1].mean() - 0.8) < 0.1


def test_denoising_draws_from_the_posterior_to_first_order():
    """Gaussian data of covariance C seen through noise: N(S y, C - S C), S = C (C + sd^2)^-1."""
    noisy, sd = np.array([[1.0, 0.0], [-0.5, 0.5]]), 0.5
    S = PAIR @ np.linalg.inv(PAIR + sd**2 * np.eye(2))
    exact = PAIR - S @ PAIR
    misses = []
    for steps in (50, 100, 400):
        x = ink.denoise(VP, pair(), noisy, sd, seed=8, draws=4000, steps=steps)
        assert x.shape == (4000, 2, 2)
        misses.append(1 - x.var(0).sum() / (2 * exact.trace()))
    error = math.sqrt(2 / 16_000)
    assert abs(misses[0] / 2 - misses[1]) < 5 * error and abs(misses[2]) < abs(misses[0]) / 8 + 5 * error
    for row in range(2):
        for axis in range(2):
            assert abs(z_of(x[:, row, axis], (S @ noisy[row])[axis])) < 5


def test_denoising_in_a_box():
    box = ink.Brownian(0.5, ink.Box(0, 1))
    data = np.array([[0.1], [0.3], [0.8]])
    score, noisy, sd = ink.EmpiricalScore(box, data), np.array([[0.15]]), 0.1
    t = sd**2
    weights = np.exp([float(box.log_transition(noisy, t, data[i : i + 1])[0]) for i in range(3)])
    weights /= weights.sum()
    x = ink.denoise(box, score, noisy, sd, seed=9, draws=2000, steps=300)[:, 0, 0]
    nearest = abs(x[:, None] - data[:, 0]).argmin(1)
    assert abs(z_of((nearest == 0).astype(float), weights[0])) < 5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mask": [True, True]}, "nothing left to draw"),
        ({"mask": [False, False]}, "nothing is known"),
        ({"mask": [1, 0]}, "booleans"),
        ({"mask": [True]}, "shape"),
        ({"times": [1.0, 0.5]}, "end at 0"),
        ({"times": [0.0, 1.0]}, "decrease"),
        ({"draws": 0}, "draws"),
        ({"corrections": -1}, "corrections"),
        ({"known": np.array([[np.nan, 1.0]])}, "finite"),
        ({"known": np.zeros(2)}, "shape"),
        ({"process": "ink"}, "process"),
        ({"score": 3}, "score"),
        ({"sampler": "magic"}, "sampler"),
    ],
)
def test_bad_input_to_inpainting(change, words):
    good = {"process": VP, "score": pair(), "known": np.zeros((1, 2)), "mask": LEFT, "times": [1.0, 0.5, 0.0]}
    arguments = good | change
    options = {k: arguments.pop(k) for k in ("draws", "corrections", "sampler") if k in arguments}
    with pytest.raises((ValueError, TypeError), match=words):
        ink.inpaint(**arguments, seed=0, **options)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sd": 0.0}, "sd"),
        ({"sd": 1e9}, "nearest that it has"),
        ({"finest": 0.7}, "finest"),
        ({"draws": 1.5}, "draws"),
        ({"noisy": np.zeros((0, 2))}, "empty"),
    ],
)
def test_bad_input_to_denoising(change, words):
    good = {"process": VP, "score": pair(), "noisy": np.zeros((1, 2)), "sd": 0.5}
    with pytest.raises((ValueError, TypeError), match=words):
        ink.denoise(**(good | change), seed=0)


# ---- a distribution times a second density

TWO = ink.MixtureScore(VP, [0.3, 0.7], [[-0.8, 0.2], [0.6, -0.3]], [[[0.2, 0.05], [0.05, 0.1]], [[0.1, 0], [0, 0.3]]])
SUM = ink.Observation([[1.0, 1.0]], [0.3], 0.3)


def draw(score, n, rng):
    means, covariances = score.components(0.0).means, score.components(0.0).covariances
    return np.stack([rng.multivariate_normal(means[k], covariances[k]) for k in rng.choice(2, n, p=score.weights)])


def test_the_posterior_of_a_mixture_is_prior_times_likelihood():
    x = np.random.default_rng(0).normal(size=(200, 2))
    log_z = TWO.log_density(x, 0.0) + SUM.log(x) - TWO.given(SUM).log_density(x, 0.0)
    assert np.ptp(log_z) < 1e-10


def test_its_diffusion_is_prior_times_expected_likelihood():
    """p~_t(x) = int p(x_0) r(x_0) N(x; alpha x_0, sigma^2) dx_0 / Z, by quadrature on a line."""
    prior = ink.MixtureScore(VP, [0.4, 0.6], [[-1.0], [0.7]], [0.1, 0.3])
    seen = ink.Observation([[2.0]], [0.5], 0.8)
    x_0, x, t = np.linspace(-8, 8, 8001)[:, None], np.linspace(-2, 2, 9)[:, None], 0.2
    joint = np.exp(prior.log_density(x_0, 0.0) + seen.log(x_0))
    kernel = np.exp(-((x - VP.alpha(t) * x_0.T) ** 2) / (2 * VP.variance(t))) / math.sqrt(2 * math.pi * VP.variance(t))
    expected = (kernel @ joint) / joint.sum()
    assert np.allclose(np.exp(prior.given(seen).log_density(x, t)), expected, rtol=1e-9)


def test_the_posterior_of_points_reweighs_them():
    data = np.array([[0.0, 0.0], [1.0, 0.5], [-0.5, 1.0]])
    score = ink.EmpiricalScore(VP, data)
    weights = np.exp(SUM.log(data))
    x = np.random.default_rng(1).normal(size=(20, 2))
    assert np.allclose(score.given(SUM)(x, 0.3), ink.EmpiricalScore(VP, data, weights)(x, 0.3), rtol=1e-12)
    tiny = 1e-6  # components so narrow that they are points
    mixture = ink.MixtureScore(VP, np.ones(3), data, tiny**2).given(SUM)
    assert np.allclose(score.given(SUM)(x, 0.3), mixture(x, 0.3), atol=1e-6)
    assert np.allclose(score.given(SUM).log_density(x, 0.3), mixture.log_density(x, 0.3), atol=1e-6)
    twice = score.given(SUM).given(SUM)
    assert np.allclose(twice(x, 0.3), ink.EmpiricalScore(VP, data, weights**2)(x, 0.3), rtol=1e-9)


def test_points_in_a_box_reweighed():
    box = ink.Brownian(0.5, ink.Box(0, 1))
    data = np.array([[0.2], [0.7]])
    weighted, doubled = ink.EmpiricalScore(box, data, [2.0, 1.0]), ink.EmpiricalScore(box, data[[0, 0, 1]])
    x = np.linspace(0.05, 0.95, 9)[:, None]
    assert np.allclose(weighted(x, 0.05), doubled(x, 0.05)) and np.allclose(
        weighted.log_density(x, 0.05), doubled.log_density(x, 0.05)
    )


@pytest.mark.parametrize("process", [VP, ink.Brownian(0.5), ink.OrnsteinUhlenbeck(1.0, 2.0)], ids=["vp", "ink", "ou"])
def test_moments_are_exact_for_gaussian_data(process):
    rng = np.random.default_rng(2)
    factor = rng.normal(size=(3, 3))
    prior = ink.GaussianScore(process, [0.3, -0.2, 0.1], factor @ factor.T + 0.1 * np.eye(3))
    seen = ink.Observation(rng.normal(size=(2, 3)), [0.5, -0.4], [0.3, 0.2])
    found, exact = ink.PosteriorScore(process, prior, seen), prior.given(seen)
    x = rng.normal(size=(50, 3))
    for t in (0.0, 1e-3, 0.1, 1.0, np.linspace(0.1, 1, 50)):
        assert np.allclose(found(x, t), exact(x, t), rtol=1e-9, atol=1e-9)
    narrow = found(x.astype(np.float32), 0.5)
    assert narrow.dtype == np.float32 and np.allclose(narrow, exact(x, 0.5), rtol=1e-3, atol=1e-3)


def test_how_far_the_three_ways_are_from_the_exact_posterior_of_a_mixture():
    """Moments err where p(x_0 | x_t) has two peaks and become exact as t -> 0; the two of 2015 err much more."""
    exact, rng, errors = TWO.given(SUM), np.random.default_rng(3), {}
    for t in (1e-3, 0.3):
        means, covariances = exact.components(t).means, exact.components(t).covariances
        x = np.stack([rng.multivariate_normal(means[k], covariances[k]) for k in rng.choice(2, 1000, p=exact.weights)])
        size = (exact(x, t) ** 2).mean()
        for way in ("moments", "constant", "fading"):
            miss = ink.PosteriorScore(VP, TWO, SUM, way)(x, t) - exact(x, t)
            errors[way, t] = math.sqrt((miss**2).mean() / size)
    assert errors["moments", 1e-3] < 1e-5 and 0.01 < errors["moments", 0.3] < 0.1
    assert errors["constant", 0.3] > 1 and errors["fading", 0.3] > 1 and errors["fading", 1e-3] < 0.01


def test_walking_back_with_it_draws_from_the_posterior():
    exact, rng = TWO.given(SUM), np.random.default_rng(4)
    truth, other = (draw(exact, 1500, rng) for _ in range(2))
    start = VP.prior(1.0).sample(1500, 2, seed=10, dtype=np.float64)

    def distance(score, sampler):
        x = ink.reverse(VP, score, start, grid(100), seed=11, sampler=sampler, observe={}).last
        return ink.energy_distance(x, truth).value

    floor = ink.energy_distance(other, truth).value
    for sampler in ("ancestral", "heun", "dpm_solver"):
        moments = distance(ink.PosteriorScore(VP, TWO, SUM), sampler)
        assert distance(exact, sampler) < 6 * floor + 2e-3 and moments < 0.03
    assert distance(ink.PosteriorScore(VP, TWO, SUM, "constant"), "ancestral") > 1
    assert distance(TWO, "ancestral") > 5 * moments


def test_a_score_without_derivative_and_sharp_coordinates():
    """The derivative by differences; and inpainting as an observation with little noise."""
    prior = pair()
    seen = ink.Observation.coordinates(LEFT, [1.0, 0.0], 1e-3)
    found = ink.PosteriorScore(VP, ink.FiniteDifference(prior), seen)
    x = np.random.default_rng(5).normal(size=(30, 2))
    assert np.allclose(found(x, 0.3), prior.given(seen)(x, 0.3), rtol=1e-5, atol=1e-5)
    start = VP.prior(1.0).sample(3000, 2, seed=12, dtype=np.float64)
    y = ink.reverse(VP, ink.PosteriorScore(VP, prior, seen), start, grid(200, 1e-4), seed=13, observe={}).last
    assert abs(y[:, 0] - 1).max() < 0.01 and abs(z_of(y[:, 1], 0.8)) < 5


def test_a_learned_score_has_posteriors():
    data = ink.datasets.eight_gaussians(4000, 1)
    learned = ink.fit(VP, data, steps=150, seed=1, batch=256, net=ink.MLP(32, 2), progress=False)
    right = learned.encode(np.array([[1.5, 0.0]]))[0]
    score = ink.PosteriorScore(VP, learned, ink.Observation(np.eye(2), right, 0.2), width=1.0)
    start = VP.prior(1.0).sample(300, 2, seed=14)
    y = ink.reverse(VP, score, start, learned.times(50), seed=15, sampler="heun", observe={}).last
    assert y.dtype == np.float32 and abs(learned.decode(y).mean(0) - [1.5, 0.0]).max() < 0.3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ink.Observation([1.0, 2.0], [1.0], 1.0), "A must"),
        (lambda: ink.Observation(np.eye(2), [1.0], 1.0), "y must"),
        (lambda: ink.Observation(np.eye(2), [1.0, 2.0], 0.0), "sd must"),
        (lambda: ink.Observation(np.eye(2), [1.0, np.nan], 1.0), "finite"),
        (lambda: ink.Observation.coordinates([1, 0], [1.0, 2.0], 1.0), "mask"),
        (lambda: ink.PosteriorScore(VP, TWO, SUM, "magic"), "way"),
        (lambda: ink.PosteriorScore(VP, lambda x, t: -x, SUM), "jvp"),
        (lambda: ink.PosteriorScore(VP, TWO, 3), "Observation"),
        (lambda: ink.PosteriorScore(VP, TWO, SUM, width=-1.0), "width"),
        (lambda: ink.PosteriorScore(ink.Brownian(0.5), TWO, SUM, "fading"), "last time"),
        (lambda: ink.PosteriorScore(ink.Brownian(0.5, ink.Box(0, 1)), TWO, SUM), "walls"),
        (lambda: ink.PosteriorScore(VP, TWO, SUM)(np.zeros((3, 3)), 0.5), "coordinates"),
        (lambda: ink.PosteriorScore(VP, TWO, SUM)(np.zeros((3, 2)), 2.0), "lie in"),
        (lambda: ink.EmpiricalScore(VP, np.zeros((2, 2)), [1.0, 0.0]), "weights"),
    ],
)
def test_bad_input_to_posteriors(make, words):
    with pytest.raises((ValueError, TypeError), match=words):
        make()
