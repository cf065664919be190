"""Estimators against exact truths: the value within five standard errors, and the standard errors themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

import inkdiff as ink
from inkdiff import datasets, metrics
from inkdiff.domains.box import Box
from inkdiff.metrics import Estimate
from inkdiff.processes.base import Process
from inkdiff.processes.distributions import Uniform

Doubles = npt.NDArray[np.float64]

UNIT = Box(0.0, 1.0)


def glass(box: Box = UNIT) -> Process:
    return ink.Brownian(1.0, box)


def bowl(variance: float) -> Process:
    return ink.OrnsteinUhlenbeck(D=variance, k=1.0)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


QUANTILES = (np.arange(20_000) + 0.5) / 20_000
NORMAL = stats.norm.ppf(QUANTILES)


def law_at_equilibrium(k: int) -> Doubles:
    """Quantiles of z of a KL at equilibrium with k spare cells: a function of X = 2 n KL alone, which is chi^2 there.

    The value is (X - k)/(2n); of the two parts of the squared error, max(X - k, 0)/n^2 + k/(2n^2), the first is noise
    cut off at zero, which makes small k conservative.
    """
    X = stats.chi2.ppf(QUANTILES, k)
    return (X - k) / 2 / np.sqrt(np.maximum(X - k, 0) + k / 2)


def assert_calibrated(estimates: list[Estimate], truth: float, law: Doubles = NORMAL) -> None:
    """Mean and variance of z over many estimates within five standard errors of those of its law."""
    z = np.array([e.z(truth) for e in estimates])
    assert abs(z.mean() - law.mean()) < 5 * law.std() / math.sqrt(len(z))
    square = (law - law.mean()) ** 2
    assert abs(z.var(ddof=1) - square.mean()) < 5 * square.std() / math.sqrt(len(z))


def test_estimate_measures_its_distance_from_the_truth() -> None:
    assert Estimate(3.0, 0.5).z(2.0) == 2.0
    assert Estimate(1.0, 0.0).z(1.0) == 0.0
    assert Estimate(1.0, 0.0).z(2.0) == -math.inf
    assert str(Estimate(1.23456789, 0.012345)) == "1.23457 +- 0.012"


# Counting


def test_concentration_counts_by_axis_and_keeps_walls() -> None:
    x = np.array([[0.0, 0.0], [1.0, 0.1], [0.49, 0.5], [0.51, 0.2]])
    counts = metrics.concentration(x, Box((0, 0), (1, 0.5)), (2, 5))
    expected = np.zeros((2, 5), int)
    expected[0, 0] = expected[0, 4] = expected[1, 1] = expected[1, 2] = 1
    assert np.array_equal(counts, expected) and counts.dtype.kind == "i"
    reference, *_ = np.histogramdd(points := rng(0).random((1000, 3)), bins=(3, 4, 5), range=[(0, 1)] * 3)
    assert np.array_equal(metrics.concentration(points, UNIT, (3, 4, 5)), reference)


@pytest.mark.parametrize(
    ("x", "box", "bins", "message"),
    [
        (np.zeros(3), UNIT, 2, "x must have shape"),
        (np.zeros((0, 1)), UNIT, 2, "empty"),
        (np.full((2, 1), math.nan), UNIT, 2, "finite"),
        (np.full((2, 1), 1.5), UNIT, 2, "must lie in the box"),
        (np.zeros((2, 1)), Box((0, 0), (1, 1)), 2, "axes"),
        (np.zeros((2, 1)), UNIT, 0, "bins must be"),
        (np.zeros((2, 2)), UNIT, (2,), "bins must be one number or d=2"),
        (np.zeros((2, 3)), UNIT, 1000, "cells: give fewer bins"),
    ],
)
def test_concentration_refuses(x: Doubles, box: Box, bins: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.concentration(x, box, bins)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        metrics.entropy(x, box, bins=bins)  # type: ignore[arg-type]


# Entropy


def test_binned_entropy_of_given_counts() -> None:
    value, stderr = metrics.binned_entropy(np.array([[8, 4], [4, 0]]), 0.5)
    p = np.array([0.5, 0.25, 0.25])
    shannon = -np.sum(p * np.log(p))
    assert value == pytest.approx(shannon + math.log(0.5) + 2 / 32)
    own = np.sum(p * np.log(p) ** 2) - shannon**2 - 2 / 16
    assert stderr == pytest.approx(math.sqrt(max(own, 0) / 16 + 2 / (2 * 16**2)))


@pytest.mark.parametrize("counts", [[1.0, 2.0], [0, 0], [-1, 2], []])
def test_binned_entropy_refuses_what_are_no_counts(counts: list[float]) -> None:
    with pytest.raises(ValueError, match="counts"):
        metrics.binned_entropy(np.array(counts), 1.0)
    with pytest.raises(ValueError, match="volume"):
        metrics.binned_entropy(np.array([1, 2]), 0.0)


@pytest.mark.parametrize("tilt", [0.0, 0.05, 0.9])
def test_binned_entropy_is_unbiased_and_its_error_true(tilt: float) -> None:
    """At equilibrium (tilt 0) the first-order variance vanishes; near it both parts matter; far from it the first."""
    cells, n = 50, 2000
    p = 1 + tilt * np.sin(2 * math.pi * (np.arange(cells) + 0.5) / cells)
    p /= p.sum()
    draws = rng(1).multinomial(n, p, size=1000)
    estimates = [metrics.binned_entropy(counts, 1 / cells) for counts in draws]
    truth = -np.sum(p * np.log(p * cells))
    # What Miller and Madow leave of the bias: (1 - sum 1/p)/(12 n^2).
    law = NORMAL if tilt else -law_at_equilibrium(cells - 1)
    assert_calibrated(estimates, float(truth + (1 - np.sum(1 / p)) / (12 * n * n)), law)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("joint", [True, False])
def test_entropy_of_uniform_ink(d: int, joint: bool) -> None:
    box = Box(-1.0, 2.0)
    x = (3 * rng(d).random((100_000, d)) - 1).astype(np.float32)
    assert abs(metrics.entropy(x, box, joint=joint, bins=20).z(metrics.uniform_entropy(box, d))) < 5
    assert abs(metrics.entropy(x, box, joint=joint).z(d * math.log(3))) < 5


@pytest.mark.parametrize("joint", [True, False])
def test_entropy_of_uniform_ink_is_calibrated(joint: bool) -> None:
    generator = rng(7)
    estimates = [metrics.entropy(generator.random((4000, 2)), UNIT, joint=joint, bins=8) for _ in range(400)]
    assert_calibrated(estimates, 0.0, -law_at_equilibrium(63 if joint else 14))


@pytest.mark.parametrize(("d", "joint"), [(1, True), (2, True), (2, False), (5, None)])
def test_entropy_of_a_gaussian_drop(d: int, joint: bool | None) -> None:
    x = 0.3 * rng(20 + d).standard_normal((200_000, d))
    truth = metrics.gaussian_entropy(0.09, d)
    # The cells' width h adds h^2/(24 var) per axis to the coarse-grained entropy (module's text).
    estimate = metrics.entropy(x, bins=100, joint=joint)
    width = (x.max(axis=0) - x.min(axis=0)) / 100
    assert abs(estimate.z(truth + float(np.sum(width**2)) / (24 * 0.09))) < 5


def test_marginal_entropies_exceed_the_joint_by_the_total_correlation() -> None:
    r = 0.8
    x = rng(3).multivariate_normal([0, 0], [[1, r], [r, 1]], 200_000)
    joint = metrics.entropy(x, bins=80)
    marginal = metrics.entropy(x, bins=80, joint=False)
    width = (x.max(axis=0) - x.min(axis=0)) / 80
    truth = math.log(2 * math.pi * math.e) + 0.5 * math.log(1 - r * r)
    assert abs(joint.z(truth + float(np.sum(width**2)) / (24 * (1 - r * r)))) < 5
    assert abs(marginal.z(math.log(2 * math.pi * math.e) + float(np.sum(width**2)) / 24)) < 5


def test_errors_of_summed_entropies_know_dependent_coordinates() -> None:
    """The same numbers in four columns: the sum is four times one, and so must its error be, not twice."""
    x = rng(5).standard_normal((5000, 1))
    one = metrics.entropy(x, bins=30)
    four = metrics.entropy(np.repeat(x, 4, axis=1), bins=30)
    assert four.value == pytest.approx(4 * one.value)
    assert four.stderr == pytest.approx(4 * one.stderr, rel=0.01)


@pytest.mark.parametrize(
    ("name", "roughness"),
    [("checkerboard", 0.0), ("swiss_roll", 1 / 0.05**2), ("moons", 1 / 0.05**2), ("eight_gaussians", 2 / 0.1**2)],
)
def test_entropy_of_figures(name: str, roughness: float) -> None:
    """The truth that comes with the data, plus h^2 J/24 of the cells: J = 1/s^2 on a blurred curve, 2/s^2 in a blob.

    The checkerboard's edges lie on those of the cells, which cost nothing there.
    """
    data = getattr(datasets, name)(400_000, 5)
    estimate = metrics.entropy(data.x, Box(-3.0, 3.0), bins=240)
    assert abs(estimate.z(data.entropy + (6 / 240) ** 2 * roughness / 24)) < 5


def test_entropy_of_a_point_has_no_value_without_a_box() -> None:
    x = np.full((10, 2), 0.5)
    with pytest.raises(ValueError, match="constant"):
        metrics.entropy(x)
    assert metrics.entropy(x, UNIT, bins=4) == (math.log(1 / 16), 0.0)


@pytest.mark.parametrize(
    "measure",
    [
        lambda: metrics.binned_entropy(np.array([0, 1]), 1.0),
        lambda: metrics.entropy(np.full((1, 2), 0.5), UNIT, bins=2),
        lambda: metrics.kl_to_equilibrium(np.full((1, 2), 0.5), glass(), bins=2),
    ],
)
def test_one_particle_has_an_entropy_without_an_error(measure: Callable[[], Estimate]) -> None:
    with pytest.raises(ValueError, match="holds one particle: a standard error needs at least two"):
        measure()


@pytest.mark.parametrize("wrong", ["box", glass()])
def test_what_is_no_domain_is_not_read_as_free_space(wrong: Any) -> None:
    x = rng(0).random((100, 2))
    named = r"must be a domain such as Box\(lo, hi\) or Free\(\), as process.domain is, got ('box'|Brow)"
    for measure in (metrics.entropy, metrics.neighbour_entropy):
        with pytest.raises(TypeError, match="domain " + named):
            measure(x, wrong)
    for call in (
        lambda: metrics.uniform_entropy(wrong, 2),
        lambda: metrics.concentration(x, wrong, 3),
        lambda: metrics.uniformity_test(x, wrong, 3),
    ):
        with pytest.raises(TypeError, match="box " + named):
            call()


@pytest.mark.parametrize("height", [0.1, 3.0])
def test_neighbours_refuse_a_constant_coordinate(height: float) -> None:
    x = rng(0).random((100, 2))
    x[:, 1] = height
    for domain in (None, Box((0, 0), (1, 4))):
        with pytest.raises(ValueError, match=rf"x is constant \({height:g}\) in coordinate 1: .*Leave that coordinate"):
            metrics.neighbour_entropy(x, domain)


def test_exact_entropies() -> None:
    assert metrics.gaussian_entropy(2.0, 3) == pytest.approx(1.5 * math.log(4 * math.pi * math.e))
    assert metrics.uniform_entropy(Box((0, 0), (2, 3)), 2) == pytest.approx(math.log(6))
    assert metrics.uniform_entropy(Box(0, 0.01), 400) == pytest.approx(400 * math.log(0.01))
    for variance, d in [(0.0, 1), (-1.0, 1), (math.nan, 1), (1.0, 0)]:
        with pytest.raises(ValueError, match=r"variance|d must"):
            metrics.gaussian_entropy(variance, d)
    with pytest.raises(ValueError, match="axes"):
        metrics.uniform_entropy(Box((0, 0), (1, 1)), 3)


# Distance from equilibrium


def test_kl_in_the_glass_is_what_the_entropy_lacks() -> None:
    box = Box(0.0, 2.0)
    x = 2 * rng(6).beta(2, 3, (50_000, 2))
    kl, entropy = metrics.kl_to_equilibrium(x, glass(box), bins=25), metrics.entropy(x, box, bins=25)
    assert kl.value == pytest.approx(metrics.uniform_entropy(box, 2) - entropy.value, abs=1e-9)
    assert kl.stderr == pytest.approx(entropy.stderr)
    marginal = metrics.kl_to_equilibrium(x, glass(box), bins=25, joint=False)
    one = [metrics.kl_to_equilibrium(x[:, [axis]], glass(box), bins=25).value for axis in (0, 1)]
    assert marginal.value == pytest.approx(sum(one), abs=1e-9)


@pytest.mark.parametrize("process", [glass(), bowl(2.5)])
@pytest.mark.parametrize("d", [1, 2, 6])
def test_kl_vanishes_at_equilibrium(process: Process, d: int) -> None:
    generator = rng(8)
    estimates = []
    for _ in range(200):
        u = (
            generator.random((2000, d))
            if process.equilibrium == Uniform(UNIT)
            else generator.normal(0, 2.5**0.5, (2000, d))
        )
        estimates.append(metrics.kl_to_equilibrium(u, process, bins=6))
    # Left by Miller and Madow: the next term of the bias, (sum 1/p - 1)/(12 n^2) for each table of cells.
    cells, tables = (6**d, 1) if d <= 3 else (6, d)
    spare = tables * (cells - 1)
    assert_calibrated(estimates, tables * (cells**2 - 1) / (12 * 2000**2), law_at_equilibrium(spare))


def test_kl_of_gaussians_is_exact_up_to_the_cells() -> None:
    variance, m = 1.0, 0.5
    x = rng(9).normal(m, 0.8, (400_000, 1))
    truth = 0.5 * (0.64 + m * m - 1 - math.log(0.64))
    # The coarse-grained truth, from the same equally probable cells:
    edges = stats.norm.ppf(np.linspace(0, 1, 201))
    p = np.diff(stats.norm.cdf(edges, m, 0.8))
    coarse = float(np.sum(p * np.log(p * 200)))
    estimate = metrics.kl_to_equilibrium(x, bowl(variance), bins=200)
    assert abs(estimate.z(coarse)) < 5 and abs(coarse - truth) < 1e-3


def test_kl_refuses() -> None:
    with pytest.raises(ValueError, match="no equilibrium"):
        metrics.kl_to_equilibrium(np.zeros((3, 1)), ink.Brownian(1.0))
    with pytest.raises(ValueError, match="must lie in the box"):
        metrics.kl_to_equilibrium(np.full((3, 1), 2.0), glass())
    bits = np.zeros((3, 1), np.uint8)
    for measure in (metrics.kl_to_equilibrium, metrics.chi2_to_equilibrium):
        with pytest.raises(TypeError, match="process must be a process such as"):
            measure(np.zeros((3, 1)), "x")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="process must be a process with Gaussian steps, got Binomial"):
            measure(bits, ink.Binomial(10))  # type: ignore[arg-type]


def test_uniformity_test_is_level_and_sees_a_gradient() -> None:
    generator = rng(10)
    # Five particles per cell, the fewest allowed: without Williams' correction the mean is too high by 4.8.
    results = [metrics.uniformity_test(generator.random((720, 2)), UNIT, 12) for _ in range(1000)]
    excess = np.array([r.statistic - r.dof for r in results])
    assert abs(excess.mean()) < 5 * excess.std() / math.sqrt(len(results))
    assert stats.kstest([r.p_value for r in results], "uniform").pvalue > 1e-6
    result = metrics.uniformity_test(generator.beta(1.2, 1, (20_000, 1)), UNIT, 20)
    assert result.dof == 19 and result.p_value < 1e-6
    for bins, n in [(1, 100), (30, 100)]:
        with pytest.raises(ValueError, match="cells"):
            metrics.uniformity_test(generator.random((n, 1)), UNIT, bins)


# Motion


def test_msd_and_memory_of_a_random_walk() -> None:
    d, s0, s = 3, 0.7, 1.3
    generator = rng(11)
    far, memory = [], []
    for _ in range(300):
        x0 = generator.normal(0, s0, (500, d))
        x = x0 + generator.normal(0, s, (500, d))
        far.append(metrics.msd(x, x0))
        memory.append(metrics.correlation(x, x0))
    assert_calibrated(far, d * s * s)
    r = s0 / math.hypot(s0, s)
    assert_calibrated(memory, r - r * (1 - r * r) / (2 * 500 * d))  # the O(1/n) bias of Pearson's r


def test_correlation_counts_rows_not_coordinates() -> None:
    """Columns that repeat one another carry no more information than one."""
    generator = rng(12)
    x0 = generator.standard_normal((2000, 1))
    x = x0 + generator.standard_normal((2000, 1))
    one, many = metrics.correlation(x, x0), metrics.correlation(np.repeat(x, 5, 1), np.repeat(x0, 5, 1))
    assert many == pytest.approx(one)
    assert metrics.correlation(3 * x0 + 1, x0) == pytest.approx((1.0, 0.0), abs=1e-9)


@pytest.mark.parametrize("measure", [metrics.msd, metrics.correlation])
def test_motion_refuses(measure: object) -> None:
    x = rng(0).random((4, 2))
    cases = [(x, x[:3], "shape of x"), (x[:1], x[:1], "one particle"), (x[:, 0], x[:, 0], "x must have shape")]
    for a, b, message in cases:
        with pytest.raises(ValueError, match=message):
            measure(a, b)  # type: ignore[operator]
    with pytest.raises(ValueError, match="same value in every row"):
        metrics.correlation(x, np.ones_like(x))
    moved, still = np.arange(1000.0)[:, None], np.full((1000, 1), 0.1)  # the mean of 1000 times 0.1 is not 0.1
    for a, b, name in ((still, moved, "x"), (moved, 3 * still, "x0")):
        with pytest.raises(ValueError, match=f"^{name} has the same value in every row"):
            metrics.correlation(a, b)


def test_correlation_does_not_depend_on_units() -> None:
    x, y = rng(1).random((50, 3)), rng(2).random((50, 3))
    for unit in (1e-300, 1e200):  # whose squares float64 cannot hold
        assert metrics.correlation(unit * x, y) == pytest.approx(metrics.correlation(x, y), rel=1e-12)


# Likeness


def test_frechet_distance_of_gaussians() -> None:
    generator = rng(13)
    shift, scale, d, n = 0.5, 1.5, 3, 1000
    estimates = [
        metrics.frechet_distance(generator.standard_normal((n, d)), shift + scale * generator.standard_normal((n, d)))
        for _ in range(200)
    ]
    values = np.array([e.value for e in estimates])
    # Mean and covariance are estimated, so the value exceeds d (shift^2 + (scale - 1)^2) by O(d^2/n).
    truth = d * (shift**2 + (scale - 1) ** 2)
    assert truth < values.mean() < 1.02 * truth
    assert_calibrated(estimates, float(values.mean()))


def test_frechet_distance_against_the_matrix_square_root() -> None:
    from scipy.linalg import sqrtm

    generator = rng(14)
    x, y = generator.standard_normal((300, 5)) @ generator.random((5, 5)), generator.random((200, 5))
    C1, C2 = np.cov(x.T), np.cov(y.T)
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(C1 + C2 - 2 * np.real(sqrtm(C1 @ C2)))
    assert metrics.frechet_distance(x, y).value == pytest.approx(expected)
    assert metrics.frechet_distance(y, x).value == pytest.approx(expected)
    assert metrics.frechet_distance(x, x).value == pytest.approx(0, abs=1e-9)


def test_digits_have_their_known_floor() -> None:
    train, test = datasets.digits().split()
    assert metrics.frechet_distance(train, test).value == pytest.approx(0.0727, abs=5e-5)
    assert metrics.nearest_distance_ratio(test, train, test).value == 1
    assert metrics.nearest_distance_ratio(train, train, test).value == 0
    classes = metrics.class_histogram(test, train)
    assert (metrics.classify(test, train) == test.y).mean() > 0.98
    assert classes.counts.sum() == 540 and np.array_equal(classes.labels, np.arange(10))
    assert classes.expected.sum() == pytest.approx(540) and classes.p_value > 1e-6
    assert metrics.class_histogram(test.x[test.y < 5], train).p_value < 1e-6


def test_energy_distance_of_shifted_points() -> None:
    """On a line E = 2 int (F - G)^2; uniforms shifted by a: 2 (a^2 - a^3/3)."""
    generator, a, n = rng(15), 0.3, 400
    estimates = [metrics.energy_distance(generator.random((n, 1)), a + generator.random((n, 1))) for _ in range(200)]
    bias = 2 * (1 / 3) / n  # pairs of a point with itself: <|x - x'|>/n from each sample
    assert_calibrated(estimates, 2 * (a**2 - a**3 / 3) + bias)
    x, y = generator.random((50, 2)), generator.random((30, 2))
    mean = [np.mean(np.linalg.norm(p[:, None] - q, axis=2)) for p, q in [(x, y), (x, x), (y, y)]]
    assert metrics.energy_distance(x, y).value == pytest.approx(2 * mean[0] - mean[1] - mean[2])


def test_nearest_distance_ratio_of_scaled_distances() -> None:
    generator = rng(16)
    train = np.zeros((1, 2))
    estimates = []
    for _ in range(300):
        test = generator.standard_normal((500, 2))
        estimates.append(metrics.nearest_distance_ratio(1.7 * generator.standard_normal((400, 2)), train, test))
    assert_calibrated(estimates, float(np.mean([e.value for e in estimates])))
    assert abs(np.mean([e.value for e in estimates]) - 1.7) < 0.02


def test_copies_are_counted_as_geometry_says() -> None:
    """Between two training points a distance 1 apart, a uniform x is a copy with probability 2 c/(1 + c)."""
    x = rng(18).random((20_000, 1))
    train = np.array([[0.0], [1.0], [0.0]])  # one point twice counts once
    for closer in (0.2, 1 / 3):
        share = metrics.copied_share(x, train, closer=closer)
        assert abs(share.z(2 * closer / (1 + closer))) < 5
    assert metrics.copied_share(train, train).value == 1
    none = metrics.copied_share(np.full((50, 1), 0.5), train)
    assert none.value == 0 and 0 < none.stderr < 0.03


def test_denoising_loss_of_the_exact_score() -> None:
    """Of Gaussian data of variance s^2, known exactly: alpha^2 s^2/(alpha^2 s^2 + sigma^2), the share not noise."""
    process = ink.VariancePreserving.linear()
    x = (0.7 * rng(19).standard_normal((20_000, 3))).astype(np.float64)
    score = ink.GaussianScore(process, np.zeros(3), 0.49 * np.eye(3))
    times = (0.1, 0.4)
    signal = np.array([0.49 * process.alpha(t) ** 2 for t in times])
    expected = (signal / (signal + np.array([process.variance(t) for t in times]))).mean()
    assert abs(metrics.denoising_loss(process, score, x, times, seed=3).z(expected)) < 5
    wrong = metrics.denoising_loss(process, lambda y, t: 1.3 * score(y, t), x, times, seed=3)
    assert wrong.z(expected) > 20
    glass = ink.Brownian(1.0, ink.Box(0, 1))
    inside = rng(20).random((4000, 2))
    flat = metrics.denoising_loss(glass, lambda y, t: 0 * y, inside, [1.0], seed=3)
    assert abs(flat.value) < 1e-6  # all is forgotten there: the score is 0, and so is that of any start


def test_memory_meter_refuses() -> None:
    x, process = np.ones((30, 3)), ink.VariancePreserving.linear()
    for call, message in [
        (lambda: metrics.copied_share(x, np.ones((30, 2))), "compare like with like"),
        (lambda: metrics.copied_share(x, x), "at least two different"),
        (lambda: metrics.copied_share(x, rng(1).random((5, 3)), closer=1.0), "closer must lie"),
        (lambda: metrics.denoising_loss(process, lambda y, t: y, x, [], seed=1), "one time"),
        (lambda: metrics.denoising_loss(process, lambda y, t: y, x[:1], [0.5], seed=1), "two rows"),
        (lambda: metrics.denoising_loss(process, lambda y, t: y, x, [2.0], seed=1), "t must"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


def test_likeness_refuses() -> None:
    train, _ = datasets.digits().split()
    x = np.ones((30, 3))
    for call, message in [
        (lambda: metrics.frechet_distance(x, np.ones((30, 2))), "compare like with like"),
        (lambda: metrics.frechet_distance(x, x[:5]), "at least 20"),
        (lambda: metrics.energy_distance(x[:5], x), "at least 20"),
        (lambda: metrics.nearest_distance_ratio(x, x, x), "hold out different"),
        (lambda: metrics.nearest_distance_ratio(x[:5], x, x), "at least 20"),
        (lambda: metrics.class_histogram(x, train), "compare like with like"),
        (lambda: metrics.class_histogram(x, datasets.Dataset(x)), "no labels"),
        (lambda: metrics.classify(x, datasets.Dataset(x)), "no labels"),
        (lambda: metrics.class_histogram(x, datasets.Dataset(x, y=np.ones(30))), "needs two"),
        (lambda: metrics.frechet_distance(np.full((30, 2), math.inf), x), "finite"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


# ---- domains of one's own -------------------------------------------------------------------------------------------


class Disc(ink.Domain):
    """A round glass of radius R about 0: what a user's file would declare, and no more."""

    def __init__(self, radius: float = 1.0) -> None:
        self.radius = radius

    def fold(self, y: Any) -> Any:
        r = np.sqrt((y**2).sum(axis=1, keepdims=True))
        return np.where(r > self.radius, y * (2 * self.radius - r) / np.maximum(r, 1e-300), y)

    def check_inside(self, x: Any, name: str = "x") -> None:
        if not ((x**2).sum(axis=1) <= self.radius**2).all():
            raise ValueError(f"{name} must lie in the disc.")

    def log_volume(self, d: int) -> float:
        return math.log(math.pi * self.radius**2)

    @property
    def bounding_box(self) -> Box:
        return Box(-self.radius, self.radius)


def in_the_disc(n: int, seed: int, power: float = 0.5) -> Any:
    """Density (r/R)^(1/power - 2)/(2 pi power R^2) on the disc of radius 2: uniform for power 1/2."""
    r, angle = 2 * rng(seed).random(n) ** power, 2 * math.pi * rng(seed + 1000).random(n)
    return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)


def test_cells_of_a_disc_hold_what_can_be_reached_of_them() -> None:
    disc = Disc(2.0)
    for bins in ((1, 1), (2, 2), (10, 7), (100, 100)):
        fraction = disc.accessible_fraction(bins)
        assert fraction.shape == bins and fraction.min() >= 0 and fraction.max() <= 1
        assert fraction.mean() == pytest.approx(math.pi / 4, rel=1e-12)
    quarter = disc.accessible_fraction((4, 4))
    # of the cell [1, 2]^2: int_1^sqrt(3) sqrt(4 - x^2) - 1 dx
    assert quarter[3, 3] == pytest.approx(math.pi / 3 - math.sqrt(3) + 1, rel=0.01)
    assert quarter[1, 2] == 1
    maze = ink.Maze(Box(0, [1, 2]), np.array([[0, 1, 0], [0, 0, 1]], bool))
    assert np.array_equal(maze.accessible_fraction((4, 3)), np.repeat(~maze.solid, 2, axis=0))
    assert maze.accessible_fraction((1, 1)) == pytest.approx(4 / 6)
    assert np.allclose(maze.accessible_fraction((4, 5)), ink.Domain.accessible_fraction(maze, (4, 5)), atol=0.02)
    inside = maze.contains(np.array([[0.1, 0.1], [0.1, 1.0], [1.1, 0.1], [0.6, 1.9]]))
    assert inside.tolist() == [True, False, False, False]
    assert UNIT.contains(np.array([[0.0, 1.0], [0.5, 1.1], [np.nan, 0.5]])).tolist() == [True, False, False]
    assert ink.Free().contains(np.ones((2, 3))).tolist() == [True, True]


def test_entropy_in_a_disc() -> None:
    disc, n = Disc(2.0), 40_000
    truth = math.log(4 * math.pi)
    z, powers = [], []
    for seed in range(12):
        x = in_the_disc(n, seed)
        z.append(metrics.entropy(x, disc, bins=20).z(truth))
        powers.append(metrics.uniformity_test(x, disc, 20).p_value)
    assert abs(np.mean(z)) < 5 / math.sqrt(12) and 0.4 < np.std(z) < 1.6
    assert stats.kstest(powers, "uniform").pvalue > 1e-5
    # and a density proportional to r, whose entropy is ln V + 1/3 - ln(3/2)
    x = in_the_disc(n, 7, 1 / 3)
    found = metrics.entropy(x, disc, bins=40)
    assert abs(found.value - (truth + 1 / 3 - math.log(1.5))) < 5 * found.stderr + 0.003
    assert metrics.uniformity_test(x, disc, 10).p_value < 1e-12
    assert metrics.uniform_entropy(disc, 2) == pytest.approx(truth)
    assert int(metrics.concentration(x, disc, 8).sum()) == n
    maze = ink.Maze(UNIT, np.eye(2, dtype=bool))
    even = np.concatenate([rng(3).random((n, 2)) / 2 + corner for corner in ([0, 0.5], [0.5, 0])])
    assert metrics.uniformity_test(even, maze, 6).p_value > 1e-4
    assert metrics.uniformity_test(even, maze, 6).dof == 17


def test_what_a_domain_of_ones_own_must_declare() -> None:
    class Bare(Disc):
        @property
        def bounding_box(self) -> Any:
            return None

    x = in_the_disc(1000, 0)
    for call in (
        lambda: metrics.entropy(x, Bare(2.0)),
        lambda: metrics.concentration(x, Bare(2.0), 4),
        lambda: metrics.uniformity_test(x, Bare(2.0), 4),
    ):
        with pytest.raises(TypeError, match="should declare `bounding_box`"):
            call()
    with pytest.raises(ValueError, match="declare `bounding_box`"):
        Bare(2.0).accessible_fraction((2, 2))
    with pytest.raises(TypeError, match="declared by `as_box`"):
        metrics.neighbour_entropy(x, Disc(2.0))
    with pytest.raises(ValueError, match="joint must be True"):
        metrics.entropy(x, Disc(2.0), joint=False)
    with pytest.raises(ValueError, match="must lie in the disc"):
        metrics.entropy(2 * x, Disc(2.0))
    with pytest.raises(TypeError, match="bounded"):
        metrics.uniform_entropy(ink.Free(), 2)
    with pytest.raises(TypeError, match="give a Box"):
        metrics.concentration(x, ink.Free(), 4)


def test_distance_from_equilibrium_in_a_disc() -> None:
    process, n = ink.Brownian(1.0, Disc(2.0)), 40_000
    z = [metrics.chi2_to_equilibrium(in_the_disc(n, seed), process, bins=12).z(0.0) for seed in range(30)]
    assert abs(np.mean(z)) < 5 / math.sqrt(30)
    kl = [metrics.kl_to_equilibrium(in_the_disc(n, seed), process, bins=12).value for seed in range(10)]
    assert abs(np.mean(kl)) < 5 * 144 / n
    # density proportional to r: KL = ln(3/2) - 1/3, chi^2 = 9/8 - 1, less what the cells' width hides
    x = in_the_disc(n, 7, 1 / 3)
    found = metrics.kl_to_equilibrium(x, process, bins=30)
    assert abs(found.value - (math.log(1.5) - 1 / 3)) < 5 * found.stderr + 0.003
    found = metrics.chi2_to_equilibrium(x, process, bins=30)
    assert abs(found.value - 1 / 8) < 5 * found.stderr + 0.003
    maze = ink.Brownian(1.0, ink.Maze(UNIT, np.eye(2, dtype=bool)))
    even = np.concatenate([rng(3).random((n, 2)) / 2 + corner for corner in ([0, 0.5], [0.5, 0])])
    assert metrics.kl_to_equilibrium(even, maze, bins=4).value < 0.001
    assert metrics.kl_to_equilibrium(even[:n], maze, bins=4).value == pytest.approx(math.log(2), abs=0.001)


def test_an_equilibrium_that_is_not_uniform_needs_a_box() -> None:
    class Bowl(ink.Brownian):
        @property
        def equilibrium(self) -> Any:
            return ink.OrnsteinUhlenbeck(1.0, 1.0).equilibrium

    with pytest.raises(ValueError, match=r"not uniform in .*known in a Box and in free space"):
        metrics.kl_to_equilibrium(in_the_disc(1000, 0), Bowl(1.0, Disc(2.0)))
