"""Counting: arrangements, urns and returns against brute force, exact laws and binomial intervals."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

import inkdiff as ink
from inkdiff.physics import microstates
from inkdiff.physics.durations import AGE_OF_THE_UNIVERSE, YEAR, in_words

SEEDS = pytest.mark.parametrize("seed", [1, 2])


# ---- arrangements


@pytest.mark.parametrize("N, K", [(1, 3), (4, 2), (5, 3)])
def test_microstates_are_counted_one_by_one(N, K):
    """ln W of every occupation is the logarithm of how many of the K^N arrangements show it."""
    seen = {}
    for places in itertools.product(range(K), repeat=N):
        key = tuple(np.bincount(places, minlength=K).tolist())
        seen[key] = seen.get(key, 0) + 1
    counts = np.array(list(seen))
    assert microstates.log_microstates(counts) == pytest.approx(np.log(list(seen.values())))
    assert sum(seen.values()) == K**N


def test_boltzmann_never_exceeds_shannon_and_stirling_closes_the_gap():
    rng = [np.floor(500 * ink.uniform(7, seed=1, step=k) ** 2).astype(np.int64) + k % 2 for k in range(40)]
    counts = np.array(rng)
    n, N = counts, counts.sum(1)
    gap = microstates.shannon(counts) - microstates.log_microstates(counts) / N
    assert (gap >= 0).all()
    left = np.abs(gap - microstates.stirling_gap(counts))
    # Robbins: ln n! lies above Stirling's formula by at most 1/(12 n), and by nothing negative.
    assert (left <= (np.where(n > 0, 1 / np.maximum(n, 1), 0).sum(1) + 1 / N) / (12 * N) + 1e-12).all()


def test_the_gap_falls_as_the_molecules_grow():
    share = np.array([1, 2, 3, 4])
    gaps = [
        float(microstates.shannon(m * share) - microstates.log_microstates(m * share) / (10 * m))
        for m in (1, 10, 100, 1000)
    ]
    assert all(a > 5 * b for a, b in itertools.pairwise(gaps))
    assert gaps[-1] == pytest.approx(float(microstates.stirling_gap(1000 * share)), rel=1e-3)
    assert microstates.shannon(np.array([7, 0, 0])) == 0
    assert microstates.shannon(np.array([5, 5, 5])) == pytest.approx(math.log(3))


@SEEDS
def test_mean_of_ln_w(seed, z_score):
    N, p, m = 12, np.array([0.5, 0.2, 0.2, 0.1, 0.0]), 20_000
    cell = np.searchsorted(np.cumsum(p), ink.uniform(N * m, seed=seed)).reshape(m, N)
    counts = np.array([(cell == k).sum(1) for k in range(5)]).T
    exact = microstates.mean_log_microstates(N, 3 * p)
    assert abs(z_score(microstates.log_microstates(counts), exact)) < 5
    every = itertools.product(range(N + 1), repeat=4)
    every = np.array([n for n in every if sum(n) == N])
    weights = stats.multinomial(N, p[:4]).pmf(every)
    assert exact == pytest.approx(weights @ microstates.log_microstates(every))


def test_counting_follows_the_device(device):
    counts = np.array([[3, 2, 0], [1, 1, 8]])
    there = device.asarray(counts)
    for f in (microstates.shannon, microstates.stirling_gap):
        assert ink.backend.asnumpy(f(there)) == pytest.approx(f(counts))


# ---- Ehrenfest's urn


@SEEDS
@pytest.mark.parametrize("N, n0", [(1, 1), (2, 0), (3, 3), (20, 5), (100, 100)])
def test_urn_relaxes_by_its_exact_mean_and_variance(N, n0, seed):
    urns, t = 20_000, np.array([0, 1, 2, 7, 40])
    urn = ink.Ehrenfest(N)
    n = urn.walk(n0, t, urns=urns, seed=seed)
    mean, variance = urn.mean(n0, t), urn.variance(n0, t)
    assert n.min() >= 0 and n.max() <= N
    assert ((n - n0) % 2 == (t % 2)[:, None]).all()  # each step changes the parity
    for i in range(len(t)):
        if variance[i] < 1e-12:
            assert (n[i] == round(mean[i])).all()
            continue
        assert abs(n[i].mean() - mean[i]) < 5 * math.sqrt(variance[i] / urns)
        square = (n[i] - mean[i]) ** 2
        assert abs(square.mean() - variance[i]) <= 5 * square.std() / math.sqrt(urns) + 1e-9


@pytest.mark.parametrize("N", [1, 2, 5, 9])
def test_urn_moments_are_those_of_its_matrix(N):
    """Mean, variance and recurrence from the transition matrix itself, to rounding."""
    n = np.arange(N + 1)
    T = np.diag((N - n[:-1]) / N, 1) + np.diag(n[1:] / N, -1)
    urn = ink.Ehrenfest(N)
    for n0 in n:
        row = np.eye(N + 1)[n0]
        for t in range(12):
            assert urn.mean(n0, t) == pytest.approx(row @ n)
            assert urn.variance(n0, t) == pytest.approx(row @ n**2 - (row @ n) ** 2, abs=1e-10)
            row = row @ T
    stationary = np.exp(urn.log_probability(n))
    assert stationary @ T == pytest.approx(stationary)
    assert stationary.sum() == pytest.approx(1)
    for k in n:
        Q = np.delete(np.delete(T, k, 0), k, 1)  # mean time to hit k from elsewhere, then one step before
        hitting = np.linalg.solve(np.eye(N) - Q, np.ones(N))
        assert urn.recurrence(k) == pytest.approx(1 + np.delete(T[k], k) @ hitting)


@SEEDS
@pytest.mark.parametrize("N, n", [(2, 1), (6, 3), (6, 5), (6, 6), (8, 0)])
def test_urn_returns_after_kacs_time(N, n, seed, z_score):
    urn = ink.Ehrenfest(N)
    wait = urn.first_returns(n, urns=2000, seed=seed)
    assert (wait >= 2).all() and (wait % 2 == 0).all()
    assert urn.recurrence(n) == pytest.approx(2**N / math.comb(N, n))
    if wait.std() == 0:
        assert wait.mean() == urn.recurrence(n)
    else:
        assert abs(z_score(wait, urn.recurrence(n))) < 5


def test_urn_bits_do_not_depend_on_when_one_looks():
    urn = ink.Ehrenfest(30)
    often, once = urn.walk(30, np.arange(21), urns=50, seed=3), urn.walk(30, [20], urns=50, seed=3)
    assert np.array_equal(often[20], once[0])
    assert not np.array_equal(once, urn.walk(30, [20], urns=50, seed=4))


def test_urn_of_many_balls_overflows_to_infinity():
    assert ink.Ehrenfest(10_000).recurrence(0) == math.inf
    assert ink.Ehrenfest(100).recurrence(100) == pytest.approx(2.0**100, rel=1e-9)


# ---- together again


@SEEDS
@pytest.mark.parametrize("fraction", [0.5, 0.3])
def test_a_mixed_drop_is_found_compact_as_often_as_it_should(seed, fraction):
    glass, region = ink.Box(0, 1), ink.Box([0, 0], [fraction, 1])
    drop = ink.datasets.drop(100_000, seed=seed, center=(0.2, 0.2))
    mixed = ink.diffuse(ink.Brownian(1.0, glass), drop.x.astype(np.float64), 3.0, seed=seed)
    for N in (1, 2, 5):
        found = microstates.recompaction(mixed, glass, region, N)
        assert found.expected == pytest.approx(fraction**N) and found.trials == 100_000 // N
        assert abs(found.estimate.value - found.expected) < 5 * found.estimate.stderr
        low, high = found.interval(1 - 1e-6)
        assert low < found.expected < high


def test_compact_drop_is_always_found():
    x = np.full((12, 2), 0.25)
    found = microstates.recompaction(x, ink.Box(0, 1), ink.Box(0, 0.5), 3)
    assert (found.hits, found.trials, found.fraction) == (4, 4, 0.25)
    assert found.interval()[1] == 1.0


def test_fractions_of_volumes_beyond_float64():
    x = np.full((10, 64), 0.25e-6)
    found = microstates.recompaction(x, ink.Box(0, 1e-6), ink.Box(0, 0.5e-6), 2)
    assert (found.hits, found.trials, found.fraction) == (5, 5, 2.0**-64)


@pytest.mark.parametrize("p, looks", [(0.5, 20), (0.02, 50), (0.9, 7)])
def test_interval_covers_at_least_as_often_as_it_says(p, looks):
    """Coverage of Clopper and Pearson's interval, summed over all outcomes."""
    covered = 0.0
    for k in range(looks + 1):
        low, high = microstates.Recompaction(1, k, looks, p).interval(0.95)
        covered += stats.binom.pmf(k, looks, p) * (low <= p <= high)
    assert covered >= 0.95


def test_waiting_times():
    assert microstates.log_waiting_time(10, 0.5, 1.0) == pytest.approx(10 * math.log10(2))
    assert microstates.log_waiting_time(3e16, 1 / 4000, 60) == pytest.approx(3e16 * math.log10(4000))
    # Sixty molecules, one look per second: longer than the universe is old; fifty-eight: not yet.
    assert 58 < math.log2(AGE_OF_THE_UNIVERSE) < 60


# ---- words


@pytest.mark.parametrize(
    "seconds, en, it",
    [
        (0.02, "0.02 seconds", "0,02 secondi"),
        (1, "1 second", "1 secondo"),
        (1024, "17 minutes", "17 minuti"),
        (238.4, "4 minutes", "4 minuti"),
        (23840, "6.6 hours", "6,6 ore"),
        (2**20, "12 days", "12 giorni"),
        (YEAR, "1 year", "1 anno"),
        (2**30, "34 years", "34 anni"),
        (2**40, "35 thousand years", "35mila anni"),
        (1000 * YEAR, "1000 years", "1000 anni"),
        (1e6 * YEAR, "1 million years", "1 milione di anni"),
        (4e9 * YEAR, "4 billion years", "4 miliardi di anni"),
        (AGE_OF_THE_UNIVERSE, "1 age of the universe", "1 età dell'universo"),
        (2.0**60, "2.6 ages of the universe", "2,6 età dell'universo"),
        (1e13 * AGE_OF_THE_UNIVERSE, "10^13 ages of the universe", "10^13 età dell'universo"),
    ],
)
def test_durations_in_words(seconds, en, it):
    assert in_words(seconds=seconds) == en
    assert in_words(log10_seconds=math.log10(seconds), lang="it") == it


def test_a_duration_too_long_for_units_is_told_by_its_digits():
    assert in_words(log10_seconds=1.08e17) == "a number of seconds with 1.1 x 10^17 digits"
    assert in_words(log10_seconds=1e6 - 1, lang="it") == "un numero di secondi con 1 milione di cifre"


# ---- bad input

URN = ink.Ehrenfest(10)
X = np.full((4, 2), 0.5)
GLASS = ink.Box(0, 1)


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda: microstates.log_microstates([[1.5, 2]]), "counts"),
        (lambda: microstates.log_microstates([-1, 2]), "counts"),
        (lambda: microstates.shannon([0, 0]), "counts"),
        (lambda: microstates.stirling_gap(np.zeros((0,), int)), "counts"),
        (lambda: microstates.mean_log_microstates(0, [1.0]), "N"),
        (lambda: microstates.mean_log_microstates(3, [-1.0, 2]), "p"),
        (lambda: ink.Ehrenfest(0), "balls"),
        (lambda: ink.Ehrenfest(2.0), "balls"),
        (lambda: URN.walk(11, [1], urns=1, seed=0), "n0"),
        (lambda: URN.walk(1, [0.5], urns=1, seed=0), "times"),
        (lambda: URN.walk(1, [2, 1], urns=1, seed=0), "times"),
        (lambda: URN.walk(1, [-1], urns=1, seed=0), "times"),
        (lambda: URN.walk(1, [], urns=1, seed=0), "times"),
        (lambda: URN.walk(1, [1], urns=0, seed=0), "urns"),
        (lambda: URN.walk(1, [1], urns=1, seed=-1), "seed"),
        (lambda: URN.first_returns(11, urns=1, seed=0), "n"),
        (lambda: ink.Ehrenfest(100).first_returns(0, urns=1, seed=0), "n=0"),
        (lambda: URN.recurrence(1.5), "n"),
        (lambda: URN.mean(1, -1), "t"),
        (lambda: URN.variance(1, 0.5), "t"),
        (lambda: URN.mean(50, 3), "n0 must be integers from 0 to balls=10, got 50"),
        (lambda: URN.variance([3, -1], 3), "n0 must be integers"),
        (lambda: microstates.recompaction(X, GLASS, ink.Box(0, 2), 1), "region"),
        (lambda: microstates.recompaction(X + 1, GLASS, ink.Box(0, 1), 1), "x"),
        (lambda: microstates.recompaction(X, GLASS, ink.Box(0, 0.5), 5), "N=5"),
        (lambda: microstates.log_waiting_time(0, 0.5, 1), "N"),
        (lambda: microstates.log_waiting_time(3, 1.0, 1), "fraction"),
        (lambda: microstates.log_waiting_time(3, 0.5, -1), "interval"),
        (lambda: in_words(), "seconds"),
        (lambda: in_words(seconds=1, log10_seconds=0), "seconds"),
        (lambda: in_words(seconds=0), "seconds"),
        (lambda: in_words(log10_seconds=math.nan), "log10_seconds"),
        (lambda: in_words(seconds=1, lang="fr"), "lang"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises((ValueError, TypeError), match=name):
        call()
