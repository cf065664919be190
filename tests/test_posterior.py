"""Posteriors against closed forms: inpainting, denoising, and a score times a second density."""

from __future__ import annotations

import math

import numpy as np
import pytest

import inkdiff as ink
from inkdiff.metrics import Estimate
from inkdiff.time_grids import log_snr, time_of

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
    x = ink.inpaint(VP, pair(), known, LEFT, grid(60), seed=1, draws=1000, corrections=30)
    assert x.shape == (1000, 2, 2) and x.dtype == np.float32
    assert (x[:, :, 0] == known[:, 0]).all()
    for row, y in enumerate(known[:, 0]):
        z = x[:, row, 1].astype(float)
        assert abs(z_of(z, 0.8 * y)) < 5
        assert abs(z_of((z - 0.8 * y) ** 2, 0.36)) < 5
    assert abs(np.corrcoef(x[:, 0, 1], x[:, 1, 1])[0, 1]) < 5 / math.sqrt(1000)


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
