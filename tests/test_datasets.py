"""Data sets: files read or refused with a reason, generators against their own densities."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, train_test_split

import inkdiff as ink
from inkdiff import datasets
from inkdiff._core.files import atomic_write
from inkdiff.datasets.drops import UniformBall

UNMATCHED = ink.Parameterisation(match_moments=False)

N = 40_000


def test_atomic_write_replaces_only_when_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "out.bin"
    with atomic_write(path) as file:
        file.write(b"old")
    with pytest.raises(RuntimeError, match="halfway"), atomic_write(path) as file:
        file.write(b"new")
        raise RuntimeError("halfway")
    assert path.read_bytes() == b"old"
    with atomic_write(path, "w") as file:
        file.write("è")
    assert path.read_text(encoding="utf-8") == "è"
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_write_refuses_bad_targets(tmp_path: Path) -> None:
    for path, mode, error in [
        (tmp_path / "x", "a", ValueError),
        (tmp_path / "no" / "x", "wb", FileNotFoundError),
        (tmp_path, "wb", IsADirectoryError),
    ]:
        with pytest.raises(error), atomic_write(path, mode):
            pytest.fail("the block must not run")
    assert list(tmp_path.iterdir()) == []


def test_digits_split_as_scikit_learn_splits_them() -> None:
    data = datasets.digits()
    raw, labels = load_digits(return_X_y=True)
    assert data.x.shape == (1797, 64) and data.x.dtype == np.float32 and data.images.shape == (1797, 8, 8)
    assert np.array_equal(data.x * 16, raw) and np.array_equal(data.y, labels)
    train, test = data.split()
    x_train, x_test, _, y_test = train_test_split(raw / 16, labels, test_size=0.3, random_state=0, stratify=labels)
    assert (len(train), len(test)) == (1257, 540)
    assert np.array_equal(train.x, x_train.astype(np.float32)) and np.array_equal(test.x, x_test.astype(np.float32))
    assert np.array_equal(test.y, y_test) and test.image_shape == (8, 8) and test.range == (0.0, 1.0)


def test_folds_hold_every_point_once_and_every_label_in_proportion() -> None:
    data = datasets.digits()
    parts = list(data.folds(5, random_state=3))
    indices = StratifiedKFold(5, shuffle=True, random_state=3).split(data.x, data.y)
    for (train, test), (_, rows) in zip(parts, indices, strict=True):
        assert np.array_equal(test.x, data.x[rows]) and np.array_equal(test.y, data.y[rows])
        assert len(train) + len(test) == len(data) and test.image_shape == data.image_shape
        assert np.ptp(np.bincount(test.y) - np.bincount(data.y) / 5) < 2
    assert sum(len(test) for _, test in parts) == len(data)
    points = datasets.swiss_roll(10, 1)
    assert np.array_equal(np.sort(np.concatenate([test.x for _, test in points.folds(3)]), 0), np.sort(points.x, 0))
    for number, words in ((1, "number must be from 2"), (11, "number must be from 2")):
        with pytest.raises(ValueError, match=words):
            points.folds(number)
    with pytest.raises(ValueError, match="use at most 174"):
        data.folds(200)


def test_split_without_labels_and_its_errors() -> None:
    data = datasets.swiss_roll(100, 1)
    train, test = data.split(0.25, 3)
    assert (len(train), len(test)) == (75, 25)
    assert {*map(bytes, train.x), *map(bytes, test.x)} == {*map(bytes, data.x)}
    for share in (0, 1, -0.1, math.nan):
        with pytest.raises(ValueError, match="test_size"):
            data.split(share)
    with pytest.raises(ValueError, match=r"test_size=0\.3 cannot divide the 1 points"):
        datasets.swiss_roll(1, 1).split()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"x": np.zeros(3)}, "x must have shape"),
        ({"x": np.zeros((0, 2))}, "empty"),
        ({"x": np.array([[math.nan]])}, "finite"),
        ({"x": np.zeros((3, 2)), "y": np.zeros(2)}, "y must hold one label per row"),
        ({"x": np.zeros((3, 2)), "image_shape": (3, 3)}, "image_shape"),
        ({"x": np.zeros((3, 2)), "names": ("x",)}, "names"),
        ({"x": np.full((3, 2), 2), "range": (0, 1)}, "outside range"),
        ({"x": np.zeros((3, 2)), "range": (1, 0)}, "lo < hi"),
        ({"x": np.zeros((3, 2)), "range": (0, math.inf)}, r"two finite numbers .* got \(0, inf\); leave it out"),
        ({"x": np.zeros((3, 2)), "range": (0,)}, r"range must be \(lo, hi\), two finite numbers"),
        ({"x": np.zeros((3, 2)), "range": 1.0}, r"range must be \(lo, hi\), two finite numbers"),
        ({"x": np.zeros((3, 2)), "range": ("a", "b")}, r"range must be \(lo, hi\), two .* got \('a', 'b'\)"),
    ],
)
def test_dataset_refuses_fields_that_do_not_fit(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        datasets.Dataset(**fields)  # type: ignore[arg-type]


def test_numpy_numbers_of_a_dataset_become_pythons(tmp_path: Path) -> None:
    raw = np.random.default_rng(0).normal(size=(200, 4))  # whose ends may be rounded outwards in float32
    for x in (raw, -raw, raw.astype(np.float32)):
        data = datasets.Dataset(x, range=(x.min(), x.max()), image_shape=tuple(np.array([2, 2])))
        assert list(map(type, (*data.range, *data.image_shape))) == [float, float, int, int]
        for process in (ink.VariancePreserving.linear(), ink.VarianceExploding(0.03, 6, ink.Box(-1, 2))):
            score = ink.fit(
                process,
                data,
                steps=1,
                seed=0,
                net=ink.MLP(8, 1),
                parameterisation=UNMATCHED,
                progress=False,
            )
            score.save(tmp_path / "score")
            assert ink.load(tmp_path / "score").image_shape == (2, 2)
    for wrong in (4, (2.0, 2.0)):
        with pytest.raises(TypeError, match="image_shape must be"):
            datasets.Dataset(raw, image_shape=wrong)  # type: ignore[arg-type]


def test_images_of_points_are_refused() -> None:
    with pytest.raises(ValueError, match="points, not images"):
        _ = datasets.moons(4, 0).images


# IDX files


def _idx_bytes(array: np.ndarray, code: int) -> bytes:
    kind = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}[code]
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape) + array.astype(kind).tobytes()


@pytest.mark.parametrize("code", [0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E])
@pytest.mark.parametrize("packed", [False, True])
def test_idx_reads_every_type(tmp_path: Path, code: int, packed: bool) -> None:
    raw = np.arange(2 * 3 * 4).reshape(2, 3, 4) * 5
    (tmp_path / "images").write_bytes(gzip.compress(_idx_bytes(raw, code)) if packed else _idx_bytes(raw, code))
    (tmp_path / "labels").write_bytes(_idx_bytes(np.array([7, 1]), 0x08))
    data = datasets.idx(tmp_path / "images", tmp_path / "labels")
    expected = raw / 255 if code == 0x08 else raw / raw.max()
    np.testing.assert_allclose(data.images, expected, atol=1e-7)
    assert data.image_shape == (3, 4) and np.array_equal(data.y, [7, 1])


def test_idx_keeps_unit_floats_and_honours_limits(tmp_path: Path) -> None:
    path = tmp_path / "v"
    path.write_bytes(_idx_bytes(np.array([[0.25, 0.5]]), 0x0D))
    data = datasets.idx(path)
    assert data.image_shape is None and np.array_equal(data.x, [[0.25, 0.5]])
    assert np.array_equal(datasets.idx(path, limits=(0, 0.5)).x, [[0.5, 1]])
    with pytest.raises(ValueError, match=r"span \[0.25, 0.5\]: widen limits"):
        datasets.idx(path, limits=(0, 0.4))


def test_idx_refuses_damaged_files(tmp_path: Path) -> None:
    good = _idx_bytes(np.ones((2, 3, 4)), 0x08)
    cases = {
        good[:-1]: "truncated: the header announces",
        good[:10]: "truncated within the sizes",
        good[:3]: "truncated: 3 bytes",
        good + b"0": "longer than its header says",
        b"\x89PNG" + good: "not an IDX file",
        b"\x00\x00\x07\x01" + good: "not an IDX file",
        gzip.compress(good)[:-9]: "truncated or damaged gzip",
        _idx_bytes(np.ones((0, 3, 4)), 0x08): "holds no numbers",
        _idx_bytes(np.ones(3), 0x08): "pass it as labels",
        _idx_bytes(np.full((1, 2), math.nan), 0x0E): "not finite",
        _idx_bytes(np.full((1, 2), 7), 0x0C): "limits=",
    }
    path = tmp_path / "f"
    for content, message in cases.items():
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            datasets.idx(path)
    path.write_bytes(good)
    with pytest.raises(FileNotFoundError, match="no file"):
        datasets.idx(tmp_path / "absent")
    for labels in (np.ones((2, 2)), np.ones(3)):
        (tmp_path / "l").write_bytes(_idx_bytes(labels, 0x08))
        with pytest.raises(ValueError, match="labels"):
            datasets.idx(path, tmp_path / "l")


# Pictures

GREY = np.array([[0, 64, 128], [255, 192, 32]], np.uint8)


def test_image_reads_grey_colour_alpha_and_sixteen_bits(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    Image.fromarray(GREY).save(path)
    data = datasets.image(path)
    assert data.image_shape == (2, 3) and len(data) == 1
    np.testing.assert_allclose(data.images[0], GREY / 255, atol=1e-6)
    assert datasets.image(path, grey=False).image_shape == (2, 3, 3)
    Image.fromarray(GREY.astype(np.uint16) * 257).save(path)
    np.testing.assert_allclose(datasets.image(path).images[0], GREY / 255, atol=1e-6)
    Image.fromarray(np.array([[[255, 0, 0, 255], [0, 0, 0, 0]]], np.uint8)).save(path)
    np.testing.assert_allclose(datasets.image(path).x, [[0.299, 1.0]], atol=1e-6)
    np.testing.assert_allclose(datasets.image(path, grey=False).x, [[1, 0, 0, 1, 1, 1]], atol=1e-6)


def test_image_resizing_keeps_proportions_and_mean(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    levels = np.random.default_rng(0).integers(0, 256, (40, 20), dtype=np.uint8)
    Image.fromarray(levels).save(path)
    data = datasets.image(path, 10)
    assert data.image_shape == (10, 5)
    np.testing.assert_allclose(data.images[0], levels.reshape(10, 4, 5, 4).mean(axis=(1, 3)) / 255, atol=1e-5)
    assert datasets.image(path, (7, 9)).image_shape == (7, 9)
    for size in (0, -3, (4, 0)):
        with pytest.raises(ValueError, match="size"):
            datasets.image(path, size)


def test_image_refuses_what_is_no_picture(tmp_path: Path) -> None:
    whole, bad = tmp_path / "p.png", tmp_path / "bad.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)).save(whole)
    content = whole.read_bytes()
    for damaged in (content[: len(content) // 2], content[:20], b"", b"not a picture at all"):
        bad.write_bytes(damaged)
        with pytest.raises(ValueError, match="not a readable picture, or is truncated"):
            datasets.image(bad)
    with pytest.raises(FileNotFoundError, match="no file"):
        datasets.image(tmp_path / "absent.png")


def test_ink_of_a_picture_lies_where_it_is_dark() -> None:
    picture = np.ones((4, 8))
    picture[0, 7] = 0  # top right
    data = datasets.drop_from_image(picture, 500, seed=1)
    assert data.x[:, 0].min() >= 7 / 8 and data.x[:, 1].min() >= 0.625 and data.x[:, 1].max() <= 0.75
    assert data.entropy == pytest.approx(math.log(1 / 64))
    stretched = datasets.drop_from_image(picture, 500, seed=1, stretch=True)
    assert stretched.x[:, 1].min() >= 0.75 and stretched.entropy == pytest.approx(math.log(1 / 32))
    density = datasets.density_from_image(picture, 16)
    assert np.array_equal(np.argwhere(density), [[i, j] for i in (14, 15) for j in (10, 11)])
    assert np.all(density[density > 0] == 64)


@pytest.mark.parametrize("stretch", [False, True])
@pytest.mark.parametrize("invert", [False, True])
def test_particles_and_density_of_a_picture_agree(stretch: bool, invert: bool) -> None:
    picture = np.random.default_rng(4).random((7, 5)) ** 2
    bins = 12
    density = datasets.density_from_image(picture, bins, stretch=stretch, invert=invert)
    assert density.mean() == pytest.approx(1)
    x = datasets.drop_from_image(picture, N, seed=2, stretch=stretch, invert=invert).x
    cell = np.minimum((x * bins).astype(int), bins - 1)
    counts = np.bincount(cell[:, 0] * bins + cell[:, 1], minlength=bins**2)
    expected = density.ravel() * N / bins**2
    assert np.all(counts[expected == 0] == 0)
    filled = expected > 0
    chi2 = np.sum((counts[filled] - expected[filled]) ** 2 / expected[filled])
    dof = filled.sum() - 1
    assert abs(chi2 - dof) / math.sqrt(2 * dof) < 5


def test_faint_pixels_are_all_reached() -> None:
    """16,384 pixels of weight 2^-24 each, finer than one float32 uniform tells apart: odd and even ones alike."""
    faint = 1 << 14
    picture = np.full((1, faint + 1), 1 - 2.0**-24)
    picture[0, 0] = 2.0**-10  # so dark that the weights add to 1
    x = datasets.drop_from_image(picture, 400_000, seed=6).x[:, 0]
    column = np.floor(x.astype(float) * (faint + 1)).astype(int)
    hit = column[column > 0]
    assert abs(len(hit) - 400_000 / 1024) < 5 * math.sqrt(400_000 / 1024)
    assert abs(np.mean(hit % 2) - 0.5) < 5 * 0.5 / math.sqrt(len(hit))


def test_bad_pictures_of_ink() -> None:
    for picture, message in [
        (np.ones((2, 2)), "no ink: every pixel is white"),
        (np.full((2, 2), 255.0), "divide bytes by 255"),
        (np.full((2, 2), math.nan), "grey levels in"),
        (np.zeros(4), "height, width"),
        (np.zeros((0, 4)), "height, width"),
    ]:
        with pytest.raises(ValueError, match=message):
            datasets.drop_from_image(picture, 10, seed=0)
        with pytest.raises(ValueError, match=message):
            datasets.density_from_image(picture, 10)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16"])
def test_a_white_file_holds_no_ink(mode: str, tmp_path: Path) -> None:
    """The weights of red, green and blue add to 1 up to rounding: what is missing is no ink."""
    path = tmp_path / "white.png"
    levels = np.full((6, 5), 65535 if mode == "I;16" else 255, np.uint16 if mode == "I;16" else np.uint8)
    picture = Image.fromarray(levels)
    (picture if mode == "I;16" else picture.convert(mode)).save(path)
    for call in (
        lambda: datasets.drop_from_image(path, 10, seed=0),
        lambda: datasets.density_from_image(path, 10),
        lambda: datasets.solid_from_image(path, 10),
    ):
        with pytest.raises(ValueError, match="no ink: every pixel is white"):
            call()


# Drops and figures in the plane


@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_drop_is_uniform_in_the_ball(d: int) -> None:
    data = datasets.drop(N, seed=5, center=[0.3] * d, radius=0.2, d=d)
    r = np.linalg.norm(data.x.astype(float) - 0.3, axis=1) / 0.2
    assert r.max() < 1 + 1e-6
    assert stats.kstest(np.minimum(r, 1) ** d, "uniform").pvalue > 1e-6
    # E[(x_j - c)^2] = r^2/(d + 2) on every axis, E[x_j - c] = 0
    centred = (data.x.astype(float) - 0.3) / 0.2
    for sample, truth in [(centred, 0), (centred**2, 1 / (d + 2))]:
        z = (sample.mean(axis=0) - truth) / (sample.std(axis=0) / math.sqrt(N))
        assert np.all(np.abs(z) < 5)
    volume = math.pi ** (d / 2) * 0.2**d / math.gamma(d / 2 + 1)
    assert data.entropy == pytest.approx(math.log(volume))


@pytest.mark.parametrize("d", [1, 2])
def test_a_drop_goes_along_an_axis_where_noise_is_zero(d: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inkdiff.datasets.drops.normal", lambda n, **_: np.zeros(n, np.float32))
    x = datasets.drop(100, seed=1, center=0.0, radius=1.0, d=d).x
    assert (x[:, 0] > 0).all() and (x[:, 1:] == 0).all()


def test_drop_stays_in_its_glass() -> None:
    glass = ink.Box((0.0, 0.0), (1.0, 0.5))
    assert len(datasets.drop(3, seed=0, center=(0.5, 0.25), radius=0.25, box=glass)) == 3
    with pytest.raises(ValueError, match="leaves the box"):
        datasets.drop(3, seed=0, box=glass, center=(0.5, 0.45))
    with pytest.raises(ValueError, match="axes"):
        datasets.drop(3, seed=0, d=3, box=glass)
    maze = ink.Maze(ink.Box(0.0, 1.0), np.eye(2, dtype=bool))
    assert len(datasets.drop(50, seed=0, center=(0.25, 0.75), radius=0.2, box=maze)) == 50
    with pytest.raises(ValueError, match="the drop must lie in free cells"):
        datasets.drop(50, seed=0, box=maze)
    for bad in ({"n": 0}, {"radius": -1.0}, {"radius": math.nan}, {"d": 0}, {"center": (1.0, 2.0, 3.0)}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            datasets.drop(**{"n": 3, "seed": 0, **bad})  # type: ignore[arg-type]


FIGURES = {
    "swiss_roll": 0.925325827682,
    "moons": 0.289233737703,
    "eight_gaussians": 0.312148393373,
    "checkerboard": math.log(8),
    "fractal": 0.605347745289,
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_follow_their_density(name: str) -> None:
    data = getattr(datasets, name)(N, 11)
    assert data.entropy == pytest.approx(FIGURES[name], abs=1e-9)
    assert data.x.shape == (N, 2) and data.x.dtype == np.float32 and data.names == ("x", "y")
    # The mean of -ln p over the samples is the entropy; importance weights against a wide Gaussian give int p = 1.
    surprise = -data.density.log_density(data.x)
    spread = float(surprise.std())
    assert abs(surprise.mean() - data.entropy) <= 5 * spread / math.sqrt(N) + 1e-12
    rng = np.random.default_rng(3)
    wide = 1.5 * rng.standard_normal((20_000, 2))
    log_weight = data.density.log_density(wide) + np.sum(wide**2, axis=1) / (2 * 1.5**2)
    weight = np.exp(log_weight) * 2 * math.pi * 1.5**2
    assert abs(weight.mean() - 1) < 5 * weight.std() / math.sqrt(len(wide))


@pytest.mark.parametrize("name", FIGURES)
def test_figures_fill_their_density(name: str) -> None:
    """Counts in cells against the density's mass in them (midpoints of a fine grid): the shape, not only the mean."""
    data = getattr(datasets, name)(N, 12)
    fine, cells = 240, 24
    middle = -3 + 6 * (np.arange(fine) + 0.5) / fine
    grid = np.stack(np.meshgrid(middle, middle, indexing="ij"), axis=-1).reshape(-1, 2)
    p = np.exp(data.density.log_density(grid)).reshape(cells, fine // cells, cells, fine // cells).sum(axis=(1, 3))
    p *= (6 / fine) ** 2
    counts, *_ = np.histogram2d(data.x[:, 0], data.x[:, 1], bins=cells, range=[[-3, 3], [-3, 3]])
    some = p * N > 10
    z = (counts[some] - N * p[some]) / np.sqrt(N * p[some] * (1 - p[some]))
    assert np.all(np.abs(z) < 5)
    assert abs(np.sum(z**2) - some.sum()) < 5 * math.sqrt(2 * some.sum())


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_functions_of_the_seed_and_prefixes_agree(name: str) -> None:
    make = getattr(datasets, name)
    data = make(3000, 1)
    assert np.array_equal(make(3000, 1).x, data.x)
    assert not np.array_equal(make(3000, 2).x, data.x)
    assert np.array_equal(make(700, 1).x, data.x[:700])
    for n in (0, -1):
        with pytest.raises(ValueError, match="n must be"):
            make(n, 1)
    with pytest.raises(ValueError, match="seed"):
        make(5, -1)


def test_labels_name_the_parts() -> None:
    ring = datasets.eight_gaussians(N, 3)
    angle = np.arctan2(ring.x[:, 1], ring.x[:, 0]) / (math.pi / 4)
    # sd 0.1 at radius 1.5: half the distance of neighbours is 5.7 sd, so a wrong nearest centre has odds below 1e-8
    assert np.array_equal(np.round(angle).astype(int) % 8, ring.y)
    board = datasets.checkerboard(N, 3)
    square = np.floor(board.x + 2).astype(int)
    assert np.all(square.sum(axis=1) % 2 == 0) and len(np.unique(square[:, 0] * 4 + square[:, 1])) == 8
    assert all(len(np.unique(square[board.y == k], axis=0)) == 1 for k in range(8))
    for data, classes in [(ring, 8), (board, 8), (datasets.moons(N, 3), 2)]:
        assert stats.chisquare(np.bincount(data.y, minlength=classes)).pvalue > 1e-6


def test_parameters_of_figures_change_density_and_entropy_together() -> None:
    wide = datasets.eight_gaussians(N, 4, radius=1e-9, sd=0.5)
    assert wide.entropy == pytest.approx(math.log(2 * math.pi * math.e * 0.25), abs=1e-9)
    for data in (datasets.swiss_roll(N, 4, noise=0.02), datasets.moons(N, 4, noise=0.3)):
        surprise = -data.density.log_density(data.x)
        assert abs(surprise.mean() - data.entropy) < 5 * surprise.std() / math.sqrt(N)
    for make, bad in [
        (datasets.swiss_roll, {"noise": 0.001}),
        (datasets.moons, {"noise": -1.0}),
        (datasets.eight_gaussians, {"sd": 0.0}),
        (datasets.eight_gaussians, {"radius": math.inf}),
        (datasets.eight_gaussians, {"sd": 0.001}),
        (datasets.fractal, {"levels": 0}),
        (datasets.fractal, {"levels": 7}),
    ]:
        with pytest.raises(ValueError, match=next(iter(bad))):
            make(5, 0, **bad)


def test_parts_of_the_fractal_are_the_whole_smaller() -> None:
    for levels in (1, 2, 4):
        tree = datasets.fractal(N, 5, levels=levels)
        density = tree.density
        generation = np.repeat(np.arange(levels), [24 * 2**k for k in range(levels)])
        assert len(density.weights) == 24 * (2**levels - 1)
        np.testing.assert_allclose(density.sd, 0.07 * 0.85 * 0.65**generation)
        # peaks equally high: the weight of a Gaussian goes as its variance
        height = density.weights / density.sd**2
        np.testing.assert_allclose(height, height[0])
        np.testing.assert_allclose(density.weights @ density.nodes, 0, atol=1e-12)
        share = np.array([density.weights[generation == k].sum() for k in range(levels)])
        counts = np.bincount(tree.y, minlength=levels)
        assert levels == 1 or stats.chisquare(counts, N * share).pvalue > 1e-6
    one = datasets.fractal(10, 0, levels=1)  # eight beads 1.77 sd apart on each of three arms: thick lines
    assert one.entropy < math.log(3 * 0.85) + 0.5 * math.log(2 * math.pi * math.e) + math.log(0.0595)


def test_uniform_ball_density() -> None:
    ball = UniformBall((0.0, 0.0), 2.0)
    np.testing.assert_allclose(ball.log_density(np.array([[0, 1.9], [1.9, 1.9]])), [-math.log(4 * math.pi), -math.inf])


def test_no_point_of_a_far_drop_is_rounded_out_of_it() -> None:
    ball = UniformBall((100.0, 100.0), 0.1)
    angle = 2 * math.pi * np.arange(10_000) / 10_000
    rim = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert np.all(ball.log_density((100 + 0.1 * rim).astype(np.float32)) == -ball.entropy)
    assert np.all(ball.log_density(100 + (0.1 + 2e-5) * rim) == -math.inf)
