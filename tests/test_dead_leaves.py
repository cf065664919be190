"""Dead leaves against what is known of them: marginals, radii, the chance that two points show one disc."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kstest

import inkdiff as ink
from inkdiff.datasets.dead_leaves import _radius

N, SIZE = 6000, 8


@pytest.fixture(scope="module")
def pictures():
    return ink.datasets.dead_leaves(N, 3)


@pytest.fixture(scope="module")
def maps():
    return ink.datasets.leaf_map(N, 3)


def test_every_pixel_is_settled_and_uniform(pictures, maps):
    assert pictures.x.shape == maps.shape == (N, SIZE**2) and pictures.image_shape == (SIZE, SIZE)
    assert (maps >= 0).all() and pictures.range == (0.0, 1.0) and pictures.entropy is None
    for pixel in (0, 7, 28, 63):  # of one pixel the pictures are independent
        assert kstest(pictures.x[:, pixel], "uniform").pvalue > 1e-6


def test_pixels_of_one_disc_have_one_grey_and_others_another(pictures, maps):
    for picture, shown in zip(pictures.x[:200], maps[:200], strict=True):
        pairs = {(int(leaf), float(grey)) for leaf, grey in zip(shown, picture, strict=True)}
        assert len(pairs) == len(set(shown.tolist())) == len({grey for _, grey in pairs})


@pytest.mark.parametrize("step", [(0, 1), (0, 4), (0, 7), (3, 3), (7, 7)])
def test_two_pixels_show_one_disc_as_often_as_geometry_says(maps, pictures, step):
    """Coverage, occlusion and the law of the radii at once: each enters the ratio of two areas."""
    exact = ink.datasets.same_leaf(math.hypot(*step))
    one, other = 0, step[0] * SIZE + step[1]
    same = maps[:, one] == maps[:, other]
    assert abs(same.mean() - exact) < 5 * math.sqrt(exact * (1 - exact) / N)
    product = 12 * (pictures.x[:, one] - 0.5) * (pictures.x[:, other] - 0.5)
    assert abs(product.mean() - exact) < 5 * product.std() / math.sqrt(N)


def test_other_radii_and_sizes():
    maps = ink.datasets.leaf_map(4000, 5, size=3, r_min=0.6, r_max=40.0)
    exact = ink.datasets.same_leaf(math.sqrt(8), r_min=0.6, r_max=40.0)
    assert abs((maps[:, 0] == maps[:, 8]).mean() - exact) < 5 * math.sqrt(exact * (1 - exact) / 4000)


def test_occlusion_is_front_to_back(maps):
    """The front disc is whole within the picture: what it shows is convex, a disc cut by the frame alone."""
    row, column = np.indices((SIZE, SIZE)).reshape(2, -1)
    for shown in maps[:300]:
        first = shown == shown.min()
        for axis, along in ((row, column), (column, row)):
            for line in range(SIZE):
                places = np.sort(along[first & (axis == line)])
                assert len(places) < 2 or places[-1] - places[0] == len(places) - 1
    # Behind it discs are cut: some show two pieces on one line.
    pieces = [np.diff(np.flatnonzero(shown.reshape(8, 8)[4] == leaf)) for shown in maps for leaf in set(shown[32:40])]
    assert any((gaps > 1).any() for gaps in pieces)


def test_the_law_of_the_radii():
    side, low, high = 7.0, 1.0, 16.0
    u = ink.uniform(40_000, seed=7).reshape(2, -1).astype(float)
    r = _radius(u[0], u[1], side, low, high)

    def mass(r):
        return side**2 * (low**-2 - r**-2.0) / 2 + 4 * side * (1 / low - 1 / r) + 4 * np.log(r / low)

    assert r.min() >= low and r.max() <= high
    assert kstest(r, lambda r: mass(r) / mass(high)).pvalue > 1e-6
    assert kstest(r, lambda r: (low**-2 - r**-2.0) / (low**-2 - high**-2)).pvalue < 1e-6  # not the law at the ground


def test_the_scale_law():
    """r^-3 looks alike at all scales: with both radii and the distance doubled nothing changes."""
    assert ink.datasets.same_leaf(6.0, r_min=2.0, r_max=32.0) == pytest.approx(ink.datasets.same_leaf(3.0), abs=1e-9)
    assert ink.datasets.same_leaf(0.0) == pytest.approx(1.0) and ink.datasets.same_leaf(32.0) == 0.0
    far = ink.datasets.same_leaf(10.0, r_max=1e3), ink.datasets.same_leaf(10.0, r_max=1e6)
    assert 0.3 < far[0] < far[1] < 1


def test_a_picture_does_not_depend_on_how_many_there_are():
    few, many = ink.datasets.dead_leaves(5, 9, size=6).x, ink.datasets.dead_leaves(50, 9, size=6).x
    assert (few == many[:5]).all() and not (many[:25] == many[25:]).all()
    assert not (few == ink.datasets.dead_leaves(5, 10, size=6).x).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": 0}, "n must"),
        ({"size": 2.5}, "size"),
        ({"r_min": 0.0}, "r_min"),
        ({"r_min": 20.0}, "below r_max"),
        ({"r_max": math.inf}, "r_max"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_input(change, words):
    with pytest.raises((ValueError, TypeError), match=words):
        ink.datasets.dead_leaves(**({"n": 3, "seed": 0} | change))


def test_correlations_of_all_pairs():
    C = ink.datasets.leaf_correlations(4)
    assert C.shape == (16, 16) and (C == C.T).all() and np.allclose(np.diag(C), 1) and np.linalg.eigvalsh(C).min() > 0
    assert C[0, 5] == ink.datasets.same_leaf(math.sqrt(2)) and C[0, 12] == ink.datasets.same_leaf(3.0)


def test_entropy_with_outlines_told():
    """Against quadrature: m equal pixels with noise are m - 1 normals and a uniform number with blurred edges."""
    from scipy.special import ndtr

    sd, maps = 0.05, np.array([[0, 0, 0, 0], [0, 1, 2, 2]])
    normal = math.log(2 * math.pi * math.e * sd**2) / 2

    def along(m):
        x = np.linspace(-10 * sd, math.sqrt(m) + 10 * sd, 100_001)
        p = (ndtr(x / sd) - ndtr((x - math.sqrt(m)) / sd)) / math.sqrt(m)
        return -np.sum(p * np.log(np.maximum(p, 1e-300))) * (x[1] - x[0])

    exact = [along(4) + 3 * normal, 2 * along(1) + along(2) + normal]
    assert np.allclose(ink.datasets.outlined_entropy(maps, sd), exact, atol=1e-6)
    with pytest.raises(ValueError, match="edges would meet"):
        ink.datasets.outlined_entropy(maps, 0.2)


def test_bad_distance():
    with pytest.raises(ValueError, match="distance"):
        ink.datasets.same_leaf(-1.0)
