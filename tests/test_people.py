"""People in feature space: the population against its density and its sources, plausibility, a scale a feature."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

import inkdiff as ink
from inkdiff import datasets
from inkdiff.datasets import anthropometry, population
from inkdiff.datasets.scaling import Scaling

N = 40_000
ALL = [(d, wings) for d in range(2, 9) for wings in (False, True) if d > 2 or not wings]


# The population and its density


@pytest.mark.parametrize(("d", "wings"), ALL)
def test_entropy_is_the_mean_surprise(d, wings):
    data = datasets.people(N, 1000 + d, d, wings=wings)
    surprise = -data.density.log_density(data.x)
    error = math.hypot(surprise.std() / math.sqrt(N), data.density.entropy_stderr)
    assert abs(surprise.mean() - data.entropy) < 5 * error
    assert data.density.entropy_stderr < 0.006
    assert (data.density.entropy_stderr == 0) == (d - wings == 2)


def test_entropy_on_the_grid_and_by_the_chain_rule_agree():
    value, stderr = population._entropy_by_chain_rule(("height", "weight"))
    assert abs(value - population._entropy_on_a_grid()) < 5 * stderr


@pytest.mark.parametrize(("d", "wings"), [(2, False), (3, False), (4, False), (8, False), (4, True)])
def test_density_is_the_one_that_people_are_drawn_from(d, wings):
    """Importance weights: the mean of q/p over people is the integral of q; and p integrates to shares of people."""
    data = datasets.people(N, 7, d, wings=wings)
    log_p = data.density.log_density(data.x)
    rng = np.random.default_rng(1)
    # q: a Gaussian well inside the crowd of adults, so that q/p is bounded and its mean over people is 1.
    adults = data.x[(data.x[:, 0] > 155) & (data.x[:, 0] < 175) & (data.x[:, 1] < 90)].astype(float)
    if "age" in data.names:
        adults = adults[(adults[:, 3] > 30) & (adults[:, 3] < 55)]
    q = stats.multivariate_normal(adults.mean(0), np.cov(adults.T) / 4)
    weight = np.exp(q.logpdf(data.x.astype(float)) - log_p)
    assert abs(weight.mean() - 1) < 5 * weight.std() / math.sqrt(N)
    # and the other way round: p integrates to the share of people in a box of two spreads around that crowd
    low, high = adults.mean(0) - adults.std(0), adults.mean(0) + adults.std(0)
    inside = ((data.x > low) & (data.x < high)).all(1)
    u = low + (high - low) * rng.random((N, d))
    mass = np.exp(data.density.log_density(u)) * np.prod(high - low)
    error = math.hypot(mass.std() / math.sqrt(N), math.sqrt(inside.mean() / N) + 1 / N)
    assert abs(mass.mean() - inside.mean()) < 5 * error


def test_density_of_height_is_that_of_the_curves():
    """Integrating the weight away leaves the mixture of Gaussians over sex and age, by quadrature in the age."""
    data = datasets.people(10, 0)
    w = np.geomspace(1, 600, 4001)
    for h in (90.0, 140.0, 163.0, 180.0):
        p = np.exp(data.density.log_density(np.stack([np.full_like(w, h), w], axis=1)))
        found = integrate.simpson(p * w, x=np.log(w))

        def of_age(age, h=h):
            each = [stats.norm.pdf(h, *(float(v) for v in sex.height(np.array(age)))) for sex in anthropometry.SEXES]
            return float(np.exp(anthropometry.ages.log_density(np.array(age)))) * sum(each) / 2

        edges = [*range(2, 21), 30, 40, 60, 80, 95]
        truth = sum(integrate.quad(of_age, a, b)[0] for a, b in itertools.pairwise(edges))
        assert found == pytest.approx(truth, rel=1e-5)


def test_the_quadrature_over_the_age_has_converged():
    at, weights = anthropometry.ages.quadrature()
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    data = datasets.people(500, 3)
    x = data.x.astype(float)
    fine = anthropometry.ages.quadrature(16)
    both = [data.density._log_joint(x[:, None], sex, fine[0]) for sex in (0, 1)]
    log_p = np.logaddexp(*both) - anthropometry.ages.log_density(fine[0]) + np.log(fine[1])
    np.testing.assert_allclose(np.log(np.exp(log_p).sum(1)), data.density.log_density(x), atol=1e-4)
    assert at.min() > 2 and at.max() < 95


def test_ages_follow_their_density():
    ages = anthropometry.ages
    drawn = datasets.people(N, 5, 4).x[:, 3].astype(float)
    edges = np.array([2, 10, 30, 60, 75, 95.0])
    expected = [
        integrate.quad(lambda a: float(np.exp(ages.log_density(np.array(a)))), *pair)[0]
        for pair in itertools.pairwise(edges)
    ]
    counts, _ = np.histogram(drawn, bins=edges)
    assert sum(expected) == pytest.approx(1)
    assert stats.chisquare(counts, N * np.array(expected)).pvalue > 1e-6
    assert ages.entropy == pytest.approx(-integrate.quad(lambda a: _x_log_x(ages, a), 2, 95, points=[60])[0], rel=1e-6)
    assert np.array_equal(ages.log_density(np.array([1.9, 95.1])), [-np.inf, -np.inf])


def _x_log_x(ages, age):
    log_p = float(ages.log_density(np.array(age)))
    return 0.0 if log_p == -math.inf else math.exp(log_p) * log_p


def test_the_population_has_the_numbers_of_its_sources(z_score):
    """Medians of the growth charts at a given age, and the proportions of ANSUR II, come out of the drawn people."""
    data = datasets.people(300_000, 9, 8)
    x, sex = {name: data.x[:, k].astype(float) for k, name in enumerate(data.names)}, data.y
    for s, (age, median) in ((0, (10, 137.99)), (1, (10, 138.62)), (1, (20, 176.85)), (0, (20, 163.34))):
        near = (sex == s) & (abs(x["age"] - age) < 0.1)
        assert abs(np.median(x["height"][near]) - median) < 5 * 1.25 * x["height"][near].std() / near.sum() ** 0.5 + 0.1
    adult = x["age"] > 20
    for s, foot, span in ((0, 0.1513, 1.0195), (1, 0.1544, 1.0330)):
        who = (sex == s) & adult
        cm = x["shoe_size"][who] / 1.5 - 1.5
        assert abs(z_score(cm / x["height"][who], foot)) < 5
        assert abs(z_score(x["arm_span"][who] / x["height"][who], span)) < 5
    who = sex == 1
    ratio = np.corrcoef(x["arm_span"][who] / x["height"][who], (x["shoe_size"][who] / 1.5 - 1.5) / x["height"][who])[
        0, 1
    ]
    assert abs(ratio - 0.40) < 5 / who.sum() ** 0.5
    old = (sex == 0) & (abs(x["age"] - 70) < 0.5)
    assert abs(z_score(x["height"][old], 163.34 - 5)) < 5
    assert abs(z_score(x["wings"], 0)) < 5 and abs(z_score(x["wings"] ** 2, 1)) < 5


def test_people_are_no_gaussian():
    """A child of 19 kg is far likelier, a giant of 30 kg far less so, than the Gaussian of equal moments says."""
    data = datasets.people(N, 2)
    x = data.x.astype(float)
    gaussian = stats.multivariate_normal(x.mean(0), np.cov(x.T))
    child, thin = np.array([[110.0, 19.0]]), np.array([[200.0, 30.0]])
    assert data.density.log_density(child)[0] - gaussian.logpdf(child) > 1
    assert data.density.log_density(thin)[0] - gaussian.logpdf(thin) < -8
    assert (gaussian.logpdf(x) - data.density.log_density(x)).mean() < -0.3


def test_one_seed_names_the_same_people_whatever_is_asked_of_them():
    everything = datasets.people(500, 4, 8)
    for d in range(2, 8):
        assert np.array_equal(datasets.people(500, 4, d).x, everything.x[:, :d])
        assert np.array_equal(datasets.people(200, 4, d).x, everything.x[:200, :d])
    winged = datasets.people(500, 4, 3, wings=True)
    assert winged.names == ("height", "weight", "wings") and np.array_equal(winged.x, everything.x[:, [0, 1, 7]])
    assert everything.units == ("cm", "kg", "EU size", "years", "cm", "cm", "cm", "cm")
    assert np.array_equal(everything.y, winged.y) and abs(everything.y.mean() - 0.5) < 0.12
    assert not np.array_equal(datasets.people(500, 5, 8).x, everything.x)
    assert len(datasets.read("people", n=7, seed=4)) == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1), "n must"), ((5, -1), "seed"), ((5, 1, 1), "d must"), ((5, 1, 9), "d must"), ((5, 1, 2.5), "d must"),
    ],
)  # fmt: skip
def test_people_that_cannot_be(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        datasets.people(*arguments)


def test_wings_need_a_third_axis_and_bodies_a_size():
    with pytest.raises(ValueError, match="d must"):
        datasets.people(5, 1, 2, wings=True)
    density = datasets.people(5, 1, 4).density
    x = np.array([[170, 70, 42, 30], [-170, 70, 42, 30], [170, 0, 42, 30], [170, 70, 42, 1], [170, 70, 42, 96.0]])
    assert np.array_equal(np.isfinite(density.log_density(x)), [True, False, False, False, False])


# Plausibility


def test_plausibility_is_the_share_of_those_less_probable():
    one = ink.plausibility([-3.0, -2.0, -1.0, 0.0], -1.5)
    assert one == ink.Estimate(3 / 6, math.sqrt(0.25 / 7))
    none, all_ = ink.plausibility(np.zeros(98), np.array([-np.inf, 1.0])).value
    assert (none, all_) == (0.01, 0.99)


@pytest.mark.parametrize("d", [2, 8])
def test_shares_of_people_among_people_are_uniform(d):
    """True density, members and points apart: (k + 1)/(n + 2) is uniform, in law and in its two first moments."""
    members, others = (datasets.people(4000, seed, d) for seed in (11, 12))
    log_p = [members.density.log_density(data.x) for data in (members, others)]
    share = ink.plausibility(*log_p).value
    error = math.sqrt(1 / 12 * (1 / 4000 + 1 / 4000))
    assert abs(share.mean() - 0.5) < 5 * error
    assert ink.calibration_p_value(*log_p) > 0.01
    assert stats.kstest(share, "uniform").pvalue > 1e-4  # a little too strict: the members are a sample too


def test_the_standard_error_of_a_share_is_honest(z_score):
    rng = np.random.default_rng(0)
    truth = 0.1
    z = []
    for _ in range(2000):
        estimate = ink.plausibility(rng.random(400), truth)
        z.append(estimate.z(truth))
    assert abs(np.std(z) - 1) < 0.1


def test_calibration_finds_a_false_density():
    """Judged among people whom a wrong model imagines, real people are not uniform."""
    data = datasets.people(4000, 13)
    x = data.x.astype(float)
    wrong = stats.multivariate_normal(x.mean(0), np.cov(x.T))
    imagined = wrong.rvs(4000, random_state=1)
    assert ink.calibration_p_value(wrong.logpdf(imagined), wrong.logpdf(x)) < 1e-6


@pytest.mark.parametrize(
    ("population", "log_p", "message"),
    [([1.0], 0.0, "n >= 2"), (np.zeros((2, 2)), 0.0, "n >= 2"), ([0.0, math.nan], 0.0, "population"),
     ([0.0, 1.0], math.nan, "log_p"), ([0.0, 1.0], np.zeros((2, 2)), "shapes")],
)  # fmt: skip
def test_plausibility_of_nothing(population, log_p, message):
    with pytest.raises(ValueError, match=message):
        ink.plausibility(population, log_p)
    with pytest.raises(ValueError, match="at least two"):
        ink.calibration_p_value([0.0, 1.0], 0.5)


# A scale for every feature


def test_features_of_different_units_are_scaled_one_by_one():
    data = datasets.people(5000, 1, 8)
    process = ink.VariancePreserving.linear()
    scaling = Scaling.of(process.domain, data.x, None, data.units)
    y = scaling.encode(data.x)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose((y**2).mean(0), 1, rtol=1e-4)
    np.testing.assert_allclose(scaling.decode(y), data.x, rtol=1e-5, atol=1e-4)
    assert y.dtype == np.float32
    assert scaling.log_volume(8) == pytest.approx(np.log(data.x.astype(float).std(0)).sum(), abs=1e-4)
    assert Scaling(2.0, 3.0).log_volume(2) == pytest.approx(2 * math.log(3))
    # in metres and grams the coordinates of the process are the same
    other = data.x * np.float32([0.01, 1000, 1, 12, 1, 1, 1, 10])
    np.testing.assert_allclose(Scaling.of(process.domain, other, None, data.units).encode(other), y, atol=1e-3)
    alike = Scaling.of(process.domain, data.x[:, :2], None, ("cm", "cm"))
    assert isinstance(alike.scale, float) and alike == Scaling.of(process.domain, data.x[:, :2], None)
    constant = np.stack([data.x[:, 0], np.full(5000, 3, np.float32)], axis=1)
    with pytest.raises(ValueError, match="nothing to learn"):
        Scaling.of(process.domain, constant, None, ("cm", "kg"))


def test_units_must_fit_their_columns():
    with pytest.raises(ValueError, match="units must name all 2"):
        datasets.Dataset(x=np.zeros((3, 2)), units=("cm",))


@pytest.fixture(scope="module")
def learned():
    data = datasets.people(20_000, 1)
    return ink.fit(ink.VariancePreserving.linear(), data, steps=120, seed=0, progress=False)


def test_the_scale_survives_in_a_file_and_the_density_is_in_real_units(learned, tmp_path):
    learned.save(tmp_path / "people.ink")
    loaded = ink.load(tmp_path / "people.ink")
    assert loaded.scaling == learned.scaling and len(loaded.scaling.scale) == 2
    # per cm and kg: over a grid of the plane the learned density integrates to 1
    h, w = np.linspace(50, 220, 46), np.linspace(-20, 240, 61)
    grid = np.stack(np.meshgrid(h, w, indexing="ij"), axis=-1).reshape(-1, 2)
    log_p = learned.log_likelihood(grid.astype(np.float32), rtol=1e-3, atol=1e-3).values
    assert np.exp(log_p).sum() * (h[1] - h[0]) * (w[1] - w[0]) == pytest.approx(1, abs=0.05)
    drawn = learned.sample(1000, seed=3, steps=40)
    assert abs(drawn[:, 0].mean() - 161.5) < 5 and abs(drawn[:, 1].mean() - 72.7) < 6


def test_a_giant_of_thirty_kilos_is_found_implausible(learned):
    fresh = datasets.people(300, 2).x
    log_p = learned.log_likelihood(np.concatenate([fresh, [[200, 30], [165, 70]]]), rtol=1e-3, atol=1e-3).values
    shares = ink.plausibility(log_p[:300], log_p[300:]).value
    assert shares[0] < 0.01 < 0.3 < shares[1]


@pytest.mark.slow
@pytest.mark.parametrize(("d", "steps", "most"), [(2, 1000, 0.03), (8, 3000, 0.1)])
def test_the_learned_density_is_within_its_target(d, steps, most):
    data, process = datasets.people(1_000_000, 0, d), ink.VariancePreserving.linear()
    score = ink.fit(process, data, steps=steps, seed=0, weighting="likelihood", progress=False)
    fresh = datasets.people(2000, 1, d)
    log_p = score.log_likelihood(fresh.x, rtol=1e-4, atol=1e-4).values
    assert ink.Estimate.of_mean(fresh.density.log_density(fresh.x) - log_p).value < most
