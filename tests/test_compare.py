"""Ink beside images: exact values for Gaussian bodies in the bowl, and in the glass."""

from __future__ import annotations

import math

import numpy as np
import pytest

import inkdiff as ink
from inkdiff.physics.comparison import compare, free_space_msd

GLASS = ink.VarianceExploding(0.01, 1.0, ink.Box(0, 1))


def gaussian(n: int, d: int, deviation: float, seed: int) -> np.ndarray:
    return deviation * ink.normal(n * d, seed=seed, stream=ink.Stream.DATA).reshape(n, d)


def test_a_gaussian_in_the_bowl_has_its_exact_entropy_distance_memory_and_spread():
    process = ink.VariancePreserving.linear()
    s0 = 0.5
    comparison = compare(process, {"ink": gaussian(100_000, 2, s0, 1)}, [0.1, 0.3, 0.6], seed=2)
    course = comparison["ink"]
    for i, t in enumerate(comparison.times):
        alpha, noise = process.alpha(t), process.variance(t)
        variance = alpha**2 * s0**2 + noise
        assert abs(course.entropy[i].z(ink.gaussian_entropy(variance, 1))) < 5
        assert abs(course.kl[i].z((variance - 1 - math.log(variance)) / 2)) < 5
        assert abs(course.correlation[i].z(alpha * s0 / math.sqrt(variance))) < 5
        assert abs(course.msd[i].z((1 - alpha) ** 2 * s0**2 + noise)) < 5


def test_ink_that_has_filled_the_glass_is_uniform_and_has_forgotten():
    drop = ink.datasets.drop(50_000, seed=3, center=(0.3, 0.6), d=2)
    process = ink.VarianceExploding(0.01, 3.0, ink.Box(0, 1))
    course = compare(process, {"ink": drop}, [0.5, 1.0], seed=4)["ink"]
    end = -1
    assert abs(course.entropy[end].z(0.0)) < 5
    assert abs(course.kl[end].z(0.0)) < 5
    assert abs(course.correlation[end].z(0.0)) < 5
    spread = 1 / 12 + 0.1**2 / 4 + (0.2**2 + 0.1**2) / 2  # uniform against a disk of radius 0.1 off the middle
    assert abs(course.msd[end].z(spread)) < 5
    np.testing.assert_allclose(course.variance_0, 0.1**2 / 4, rtol=0.02)


def test_far_from_walls_every_body_moves_along_one_curve():
    process = ink.VarianceExploding(0.01, 1.0, ink.Box(-100, 100))
    bodies = {"narrow": gaussian(50_000, 2, 0.1, 5), "wide": gaussian(2_000, 64, 0.4, 6)}
    comparison = compare(process, bodies, [0.4, 0.7, 1.0], seed=7)
    for course, s0 in zip(comparison.courses, (0.1, 0.4), strict=True):
        for i, t in enumerate(comparison.times):
            r = s0 / math.sqrt(s0**2 + process.variance(t))
            assert abs(course.memory_lost[i].z(1 - r)) < 5
            assert abs(course.msd[i].z(s0**2 * free_space_msd(1 - r))) < 5


def test_an_image_and_its_pixels_as_ink_have_the_same_spread():
    images = ink.datasets.digits().x[:200]
    comparison = compare(GLASS, {"images": images, "pixels": images.reshape(-1, 1)}, [0.2, 0.8], seed=8)
    whole, apart = comparison.courses
    np.testing.assert_allclose(whole.msd.value, apart.msd.value, rtol=1e-12)  # the same bits, summed in another order
    assert (whole.n, whole.d, apart.n, apart.d) == (200, 64, 12_800, 1)


def test_the_same_seed_gives_the_same_numbers_for_arrays_and_data_sets():
    drop = ink.datasets.drop(1000, seed=0)
    one, two = (compare(GLASS, {"ink": body}, [0.3, 0.5], seed=9)["ink"] for body in (drop, drop.x))
    np.testing.assert_array_equal(one.msd.value, two.msd.value)
    np.testing.assert_array_equal(one.entropy.stderr, two.entropy.stderr)
    assert len(one.kl) == 2


def test_an_unknown_body_is_named():
    comparison = compare(GLASS, {"ink": ink.datasets.drop(100, seed=0)}, [0.5], seed=0)
    with pytest.raises(KeyError, match=r"'milk'.*ink"):
        comparison["milk"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bodies": {}}, "bodies"),
        ({"bodies": [1]}, "bodies"),
        ({"bodies": {"ink": np.zeros(5)}}, r"bodies\['ink'\].*\(n, d\)"),
        ({"bodies": {"ink": np.full((5, 2), 2.0)}}, "box"),
        ({"bodies": {"ink": np.full((1, 2), 0.5)}}, "at least two"),
        ({"bodies": {"ink": np.full((5, 2), 0.5)}}, "differ"),
        ({"process": ink.Brownian(1.0)}, "no equilibrium"),
        ({"process": "glass"}, "process.*glass"),
        ({"times": ["soon"]}, "times.*soon"),
        ({"times": [0.0, 0.5]}, "times"),
        ({"times": [0.5, 0.2]}, "times"),
        ({"times": [0.5, 1.5]}, r"times.*1\.5"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_input_is_named(change, message):
    drop = ink.datasets.drop(100, seed=0).x
    arguments = {"process": GLASS, "bodies": {"ink": drop}, "times": [0.5], "seed": 0} | change
    with pytest.raises((ValueError, TypeError), match=message):
        compare(**arguments)
