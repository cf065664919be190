"""`inkdiff train` and the data it takes: names, files, folders; what is refused, what is printed and drawn."""

from __future__ import annotations

import gzip
import re
import struct

import numpy as np
import pytest
from PIL import Image

import inkdiff as ink
from inkdiff.cli import main
from inkdiff.cli.sample_grid import SampleGrid

SMALL = ["--net-width", "16", "--net-depth", "2", "--batch", "64", "--points", "300", "--quiet"]


def train(*arguments):
    return main(["train", *map(str, arguments), *SMALL])


# ---- data -----------------------------------------------------------------------------------------------------------


def test_data_by_name():
    assert ink.datasets.read("digits").image_shape == (8, 8)
    for name in ("checkerboard", "eight_gaussians", "moons", "swiss_roll"):
        data = ink.datasets.read(name, n=50, seed=3)
        assert np.array_equal(data.x, getattr(ink.datasets, name)(50, 3).x)


def test_data_from_arrays(tmp_path):
    points = np.random.default_rng(0).standard_normal((20, 3))
    np.save(tmp_path / "points.npy", points)
    data = ink.datasets.read(tmp_path / "points.npy")
    assert np.array_equal(data.x, points.astype(np.float32)) and data.range is None and data.name == "points"
    bytes_ = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", x=bytes_, y=np.arange(5))
    data = ink.datasets.read(tmp_path / "images.npz")
    assert data.image_shape == (4, 6, 3) and data.range == (0, 1)
    np.testing.assert_allclose(data.images, bytes_ / 255, atol=1e-7)
    np.savez(tmp_path / "one.npz", whatever=points)
    assert np.array_equal(ink.datasets.read(str(tmp_path / "one.npz")).x, points.astype(np.float32))


def test_data_from_idx_and_from_a_folder_of_pictures(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 5)).astype(np.uint8)
    (tmp_path / "idx.gz").write_bytes(gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 4, 3, 5) + pixels.tobytes()))
    np.testing.assert_allclose(ink.datasets.read(tmp_path / "idx.gz").images, pixels / 255, atol=1e-7)
    folder = tmp_path / "album"
    folder.mkdir()
    (folder / "notes.txt").write_text("not a picture")
    for k, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{k}.png")
    data = ink.datasets.read(folder)
    assert data.name == "album" and data.image_shape == (3, 5) and data.range == (0, 1)
    np.testing.assert_allclose(data.images, pixels / 255, atol=1e-6)
    Image.fromarray(pixels[0].T.copy()).save(folder / "9.png")
    with pytest.raises(ValueError, match=r"'9\.png' has \(5, 3\) pixels, '0\.png' \(3, 5\); give all one size"):
        ink.datasets.read(folder)
    assert ink.datasets.read(folder, size=(2, 2)).x.shape == (5, 4)


def test_data_that_are_none_are_named(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "half.npy").write_bytes(b"\x93NUMPY\x01\x00")
    (tmp_path / "half.npz").write_bytes(b"PK\x03\x04half")
    with (tmp_path / "vast.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10**14, 3)})
    np.save(tmp_path / "line.npy", np.zeros(5))
    np.save(tmp_path / "words.npy", np.array([["a", "b"]]))
    np.save(tmp_path / "pickled.npy", np.array([[object()]]))
    np.save(tmp_path / "bright.npy", np.full((2, 3, 3), 7.0))
    np.savez(tmp_path / "two.npz", a=np.zeros((2, 2)), b=np.zeros((2, 2)))
    for name, error, message in (
        (
            "nothing",
            FileNotFoundError,
            r"no file or folder, and none of .*digits.*; for a set of your own",
        ),
        ("empty", ValueError, "holds no pictures"),
        ("half.npy", ValueError, "damaged, truncated, or no NumPy file"),
        ("half.npz", ValueError, "damaged, truncated, or no NumPy file"),
        ("vast.npy", ValueError, r"vast\.npy' is damaged, .*allocate"),
        ("line.npy", ValueError, r"must hold numbers of shape \(n, d\)"),
        ("words.npy", ValueError, "must hold numbers"),
        ("pickled.npy", ValueError, "no NumPy file of numbers"),
        ("bright.npy", ValueError, r"lie in \[0, 1\], got float64 from 7\.0"),
        ("two.npz", ValueError, "holds the arrays a, b; call the one to take x"),
    ):
        with pytest.raises(error, match=message):
            ink.datasets.read(tmp_path / name)


def test_every_set_is_found_again_by_its_name(tmp_path):
    from inkdiff.datasets.catalogue import name_of

    names = ink.datasets.names()
    assert [name_of(ink.datasets.read(name, n=20).name) for name in names] == list(names)
    assert name_of("points") is None and name_of("") is None
    (tmp_path / "digits").mkdir()
    Image.fromarray(np.zeros((3, 5), np.uint8)).save(tmp_path / "digits" / "0.png")
    np.save(tmp_path / "Swiss Roll.npy", np.zeros((5, 2)))
    assert ink.datasets.read(tmp_path / "digits").name == "folder digits"
    assert ink.datasets.read(tmp_path / "Swiss Roll.npy").name == "file Swiss Roll"


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_whatever_bytes_are_damaged_the_file_is_named(kind, tmp_path):
    """Headers that do not parse, asking for more than there is; streams that do not unpack; methods nobody knows."""
    save = {"npy": np.save, "npz": np.savez_compressed}[kind]
    path, generator = tmp_path / f"data.{kind}", np.random.default_rng(1)
    save(path, np.arange(60.0).reshape(20, 3))
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(150):
        damaged = whole.copy()
        damaged[generator.integers(min(len(whole), 128), size=3)] = generator.integers(256, size=3)
        path.write_bytes(damaged.tobytes())
        try:
            ink.datasets.read(path)
        except ValueError as error:
            assert "data" in str(error)


# ---- the command ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("process", ["vp", "cosine", "ddpm", "bowl", "ve", "glass"])
def test_every_process_trains_and_its_file_loads(process, tmp_path, capsys):
    path = tmp_path / "run"
    flags = ["--process", process, "--steps", 3, "--seed", 5, "--pictures", 0]
    assert train("moons", "--out", path, *flags) == 0
    out = capsys.readouterr().out
    score = ink.load(path)
    assert f"process {score.process}" in out and "step 0 of 3" in out and f"score {path}: {score}" in out
    assert score.about["seed"] == 5 and score.about["n"] == 300 and score.network.shape.width == 16
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert train("moons", "--out", path, "--resume", *flags) == 0  # a finished one is read, and its flags compared
    assert "step 3 of 3" in capsys.readouterr().out


def test_a_process_is_named_with_its_settings_and_may_be_imported_first(tmp_path, capsys):
    mine = tmp_path / "process_of_mine.py"
    mine.write_text(
        "import inkdiff as ink\n\n@ink.register(kind='process')\ndef narrow_bowl(k: float = 4.0):\n"
        "    return ink.OrnsteinUhlenbeck(D=1.0, k=k)\n"
    )
    flags = ["--steps", 2, "--pictures", 0, "--import", mine]
    assert train("moons", "--out", tmp_path / "mine", "--process", "narrow_bowl(k=9)", *flags) == 0
    assert ink.load(tmp_path / "mine").process == ink.OrnsteinUhlenbeck(D=1.0, k=9.0)
    capsys.readouterr()
    assert train("moons", "--out", tmp_path / "mine", "--resume", "--process", "narrow_bowl(k=8)", *flags) == 2
    assert "was begun with OrnsteinUhlenbeck(D=1.0, k=9.0" in capsys.readouterr().err
    for text, complaint in (
        ("narrow_bow", "no process is registered"),
        ("narrow_bowl(9, D=2)", "it is narrow_bowl(k=4.0)"),
    ):
        assert train("moons", "--out", tmp_path / "no", "--process", text, *flags) == 2
        assert complaint in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_pictures_appear_beside_the_file_and_say_which_step(tmp_path, monkeypatch, capsys):
    drawn = []
    draw = SampleGrid.draw

    def noted(self, score, step):
        draw(self, score, step)
        drawn.append(step)
        assert self.path.stat().st_size > 0

    monkeypatch.setattr(SampleGrid, "draw", noted)
    assert train("digits", "--out", tmp_path / "run", "--steps", 5, "--pictures", 2) == 0
    assert drawn == [2, 4, 5] and f"figure {tmp_path / 'run.png'}" in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "run.png"]
    with Image.open(tmp_path / "run.png") as picture:
        assert picture.size == (1200, 800)
    assert train("moons", "--out", tmp_path / "dots", "--steps", 2, "--pictures", 1, "--lang", "it") == 0
    assert drawn == [2, 4, 5, 1, 2]
    np.save(tmp_path / "line.npy", np.random.default_rng(0).standard_normal((50, 1)))
    assert train(tmp_path / "line.npy", "--out", tmp_path / "line", "--steps", 1) == 0
    assert "no figure: data of 1 coordinates" in capsys.readouterr().out


def test_every_file_has_a_picture_of_its_own(tmp_path, capsys):
    (tmp_path / "my.png").write_text("mine")
    for name in ("my.v1", "my.v2", "run.safetensors"):
        assert train("moons", "--out", tmp_path / name, "--steps", 1) == 0
    pictures = ["my.png", "my.v1.png", "my.v2.png", "run.png"]
    assert sorted(p.name for p in tmp_path.glob("*.png")) == pictures
    capsys.readouterr()
    for name, picture in (("my", "my.png"), ("run", "run.png")):
        assert train("moons", "--out", tmp_path / name, "--steps", 1) == 2
        captured = capsys.readouterr()
        assert f"its picture {tmp_path / picture} is there already" in captured.err and not captured.out
    assert (tmp_path / "my.png").read_text() == "mine" and not (tmp_path / "my").exists()
    assert train("moons", "--out", tmp_path / "my.v1", "--resume") == 0  # goes on drawing its own
    assert train("moons", "--out", tmp_path / "my", "--steps", 1, "--pictures", 0) == 0


def test_pictures_of_the_training_stay_out_of_the_data(tmp_path, capsys):
    album = tmp_path / "album"
    album.mkdir()
    for k in range(30):
        Image.fromarray(np.full((3, 4), 8 * k, np.uint8)).save(album / f"{k}.png")
    for flags in ([], ["--resume"]):
        assert train(album, "--out", album / "run", "--steps", 1, *flags) == 2
        assert "the picture beside the file would become one of them" in capsys.readouterr().err
        assert train(album, "--out", album / "run", "--steps", 1, "--pictures", 0, *flags) == 0
    assert train(album, "--out", tmp_path / "run", "--steps", 1) == 0


def test_what_cannot_be_had_is_refused_before_any_work(tmp_path, capsys):
    path = tmp_path / "run"
    assert train("moons", "--out", path, "--steps", 1, "--pictures", 0) == 0
    before = path.read_bytes()
    for arguments, message in (
        (["moons", "--out", path], "is there already; go on with it by --resume"),
        (["moons", "--out", tmp_path], "is a folder"),
        (["moons", "--out", tmp_path / "no" / "run"], "is not there"),
        (["moons", "--out", tmp_path / "no", "--resume"], "no file"),
        (["nothing", "--out", tmp_path / "no"], "no file or folder, and none of .*digits"),
        (["moons", "--out", tmp_path / "no.png"], r"is the name of a picture; call it .*no\.safetensors"),
        (["moons", "--out", tmp_path / "no", "--seed", "-1"], "--seed must be from 0"),
        (["moons", "--out", tmp_path / "no", "--every", "0"], "--every must be at least 1"),
        (["moons", "--out", tmp_path / "no", "--pictures", "-1"], "--pictures must be at least 0"),
        (["moons", "--out", tmp_path / "no", "--steps", "0"], "steps must be >= 1"),
        (["moons", "--out", tmp_path / "no", "--lr", "0"], "lr must be > 0"),
        (["digits", "--out", path, "--resume"], "was trained on 300 rows of 2"),
        (["moons", "--out", path, "--resume", "--steps", "2"], "steps must be 1"),
        (["moons", "--out", path, "--resume", "--seed", "1"], "--seed 1: .* was begun with 0"),
        (["moons", "--out", path, "--resume", "--process", "ve"], "--process .*begun with VariancePreserving"),
        (["moons", "--out", path, "--resume", "--dropout", "0.5"], "--dropout 0.5: .*begun with 0"),
        (["moons", "--out", path, "--resume", "--weighting", "simple"], "begun with BalancedWeighting"),
    ):
        assert train(*arguments) == 2, arguments
        assert re.search(message, capsys.readouterr().err), arguments
    x = np.random.default_rng(0).random((9, 2))
    ink.fit(ink.VariancePreserving.linear(), x, steps=1, seed=0, progress=False).save(tmp_path / "bare")
    assert train("moons", "--out", tmp_path / "bare", "--resume") == 2
    assert path.read_bytes() == before and sorted(p.name for p in tmp_path.iterdir()) == ["bare", "run"]


def test_rows_once_held_out_are_held_out_again(tmp_path, capsys):
    part, whole = tmp_path / "part", tmp_path / "whole"
    assert train("moons", "--out", part, "--steps", 1, "--pictures", 0, "--hold-out") == 0
    assert train("moons", "--out", whole, "--steps", 1, "--pictures", 0) == 0
    for arguments, message in (
        ((part,), f"--hold-out: {part} was begun with it, on 210 rows, not 300; give it again."),
        ((whole, "--hold-out"), f"--hold-out: {whole} was begun without it, on 300 rows, not 210; leave it out."),
    ):
        assert train("moons", "--resume", "--pictures", 0, "--out", *arguments) == 2
        assert message in capsys.readouterr().err
    assert train("moons", "--resume", "--pictures", 0, "--out", part, "--hold-out") == 0


def test_a_training_that_breaks_down_exits_1_with_its_diagnosis(tmp_path, capsys):
    path = tmp_path / "run"
    with np.errstate(all="ignore"):
        assert train("moons", "--out", path, "--lr", "1e30", "--steps", 200, "--pictures", 0) == 1
    err = capsys.readouterr().err
    assert "training broke down at step" in err and f"{str(path)!r} holds step 0" in err


def test_a_data_set_of_ones_own_is_read_by_its_name(monkeypatch):
    from inkdiff._core import registry
    from inkdiff.datasets import catalogue

    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    with pytest.raises(FileNotFoundError, match="two_lines"):
        ink.datasets.read("two_lines")

    @ink.register(kind="dataset")
    def two_lines(n: int, seed: int) -> ink.datasets.Dataset:
        return ink.datasets.Dataset(ink.normal(2 * n, seed=seed).reshape(n, 2), name="two lines")

    @ink.register(kind="dataset")
    def four_corners() -> ink.datasets.Dataset:
        return ink.datasets.Dataset(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), name="four corners")

    @ink.register(kind="dataset")
    def no_set(n: int, seed: int):
        return np.zeros((n, 2))

    @ink.register(kind="dataset")
    def half(n: int):
        return ink.datasets.Dataset(np.zeros((n, 2)))

    assert ink.datasets.names()[-4:] == ("two_lines", "four_corners", "no_set", "half")
    assert len(ink.datasets.read("two_lines", n=7, seed=3)) == 7 and len(ink.datasets.read("four_corners")) == 4
    assert catalogue.is_drawn("two_lines") and not catalogue.is_drawn("four_corners")
    assert catalogue.is_drawn("moons") and not catalogue.is_drawn("digits")
    assert catalogue.name_of("two lines") == "two_lines"
    with pytest.raises(TypeError, match="'no_set' must return a Dataset"):
        ink.datasets.read("no_set")
    with pytest.raises(TypeError, match="both n and seed"):
        ink.datasets.read("half")
