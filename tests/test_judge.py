"""Judges: distances with exact values, models whose faults are known, and the command that prints the table."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

import inkdiff as ink
from inkdiff import metrics
from inkdiff.cli import main

UNMATCHED = ink.Parameterisation(match_moments=False)


def rng(seed):
    return np.random.default_rng(seed)


# ---- sliced Wasserstein ---------------------------------------------------------------------------------------------


def test_on_a_line_it_is_the_transport_between_the_samples():
    x, y = rng(0).standard_normal((300, 1)), 2 * rng(1).standard_normal((430, 1)) + 1
    found = ink.sliced_wasserstein(x, y)
    assert found.value == pytest.approx(stats.wasserstein_distance(x[:, 0], y[:, 0]), rel=1e-12)
    assert ink.sliced_wasserstein(y, x).value == pytest.approx(found.value, rel=1e-12)
    assert ink.sliced_wasserstein(x, x[::-1]).value == 0


@pytest.mark.parametrize("d", [2, 3, 8])
def test_of_a_shift_it_is_the_mean_projection(d):
    """E |theta . v| = |v| Gamma(d/2)/(sqrt(pi) Gamma((d + 1)/2)) over random directions: 2/pi in the plane."""
    x = rng(2).standard_normal((400, d))
    v = 3 * np.eye(d)[0]
    truth = 3 * math.gamma(d / 2) / (math.sqrt(math.pi) * math.gamma((d + 1) / 2))
    for seed in range(3):
        found = ink.sliced_wasserstein(x, x + v, directions=256, seed=seed)
        assert abs(found.z(truth)) < 5 and found.stderr < 0.15
    assert ink.sliced_wasserstein(x, x + v, seed=1) != ink.sliced_wasserstein(x, x + v, seed=2)
    assert ink.sliced_wasserstein(x, x + v, seed=1) == ink.sliced_wasserstein(x, x + v, seed=1)


@pytest.mark.parametrize("m", [200, 310])
def test_the_error_is_that_of_the_rows(m):
    """Far apart on a line, the distance is the difference of the means, whose scatter is known."""
    generator = rng(3)
    z = []
    for _ in range(300):
        x, y = generator.standard_normal((200, 1)), generator.standard_normal((m, 1)) + 100
        found = ink.sliced_wasserstein(x, y, directions=2)
        z.append(found.z(100.0))
        assert found.stderr == pytest.approx(math.sqrt(1 / 200 + 1 / m), rel=0.9)
    # t with about 9 degrees of freedom, as ten groups give it: variance 9/7
    assert abs(np.mean(z)) < 5 * math.sqrt(9 / 7 / 300) and 0.8 < np.var(z) / (9 / 7) < 1.3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((50, 2)), np.zeros((50, 3))), "columns"),
        ((np.zeros((5, 2)), np.zeros((50, 2))), "at least 20"),
        ((np.full((50, 2), np.nan), np.zeros((50, 2))), "x"),
        ((np.zeros((50, 2)), np.zeros((50, 2)), 1), "directions"),
    ],
)
def test_sliced_wasserstein_refuses(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        ink.sliced_wasserstein(*arguments[:2], **({"directions": arguments[2]} if len(arguments) > 2 else {}))


# ---- the feature classifier -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    return ink.datasets.digits().split(0.3, 0)


@pytest.fixture(scope="module")
def classifier(digits):
    return ink.FeatureClassifier.of(digits[0])


@pytest.fixture
def trained_once(classifier, monkeypatch):
    """The classifier of the digits, which takes seconds to train and is always the same (the test below)."""
    monkeypatch.setattr(ink.FeatureClassifier, "of", lambda train: classifier)


def test_features_and_confidence_are_those_of_the_network(digits, classifier):
    (train, held_out), frozen = digits, classifier
    assert np.array_equal(frozen.features(held_out), ink.FeatureClassifier.of(train).features(held_out))
    h = frozen.features(held_out)
    assert h.shape == (540, 32) and h.min() == 0
    surest = frozen.model.predict_proba(held_out.x.astype(np.float64)).max(axis=1)
    assert frozen.confidence(held_out).value == pytest.approx(surest.mean(), rel=1e-5)
    assert frozen.accuracy(held_out).value > 0.93
    noise = rng(0).random((500, 64))
    sure, unsure = frozen.confidence(held_out), frozen.confidence(noise)
    assert (sure.value - unsure.value) / math.hypot(sure.stderr, unsure.stderr) > 5
    with pytest.raises(ValueError, match="64 columns"):
        frozen.features(np.zeros((5, 3)))


def test_two_classes_and_none(digits):
    x = rng(1).standard_normal((200, 2)) + np.repeat([[0, 0], [4, 0]], 100, axis=0)
    frozen = ink.FeatureClassifier.of(ink.datasets.Dataset(x, np.repeat([0, 1], 100)))
    surest = frozen.model.predict_proba(x.astype(np.float32)).max(axis=1).mean()
    assert frozen.confidence(x.astype(np.float32)).value == pytest.approx(surest, rel=1e-5)
    for y, message in ((None, "no labels"), (np.zeros(200), "one|only")):
        with pytest.raises(ValueError, match=message):
            ink.FeatureClassifier.of(ink.datasets.Dataset(x, y))


def test_median_and_its_error():
    assert metrics.Estimate.of_median([3.0, 1.0, 2.0]).value == 2
    z = [metrics.Estimate.of_median(rng(k).standard_normal(400)).z(0.0) for k in range(400)]
    assert abs(np.mean(z)) < 5 / 20 and 0.6 < np.std(z) < 1.4


# ---- judging --------------------------------------------------------------------------------------------------------


class Oracle:
    """A model that is what it is told to be: samples `draw(n, seed)`, log density `log_density`."""

    process = SimpleNamespace(discrete=False)

    def __init__(self, draw, log_density=None, d=2):
        self.draw, self.log_density, self.d = draw, log_density, d

    def sample(self, n, *, seed, steps):
        return self.draw(n, seed)

    def log_likelihood(self, x, **solver):
        return SimpleNamespace(values=self.log_density(x.astype(np.float64)))


def ring(n, seed):
    return ink.datasets.eight_gaussians(n, seed)


def test_the_truth_is_worth_its_floor():
    density = ring(2, 0).density
    model = Oracle(lambda n, seed: ring(n, seed).x, density.log_density)
    surplus, energy, sliced = ink.judge(model, ink.FreshData(ring), samples=300, draws=9)
    assert surplus.name == "NLL - entropy, nats" and surplus.value == (0, 0) and surplus.ideal == 0
    assert surplus.ratio is None
    for measure in (energy, sliced):
        # medians of nine draws from one law, whose scatter is about half of the value
        assert measure.floor is not None and measure.value.value != measure.floor.value
        assert abs(math.log(measure.ratio)) < 0.8


def test_a_metric_and_a_model_of_ones_own():
    """A user's function of two clouds stands beside the house's; a model without steps or density can be judged."""

    def gap(x, y):
        return ink.Estimate(float(abs(x.mean(0) - y.mean(0)).sum()), float(x.std() / math.sqrt(len(x))))

    class Generator:
        d = 2

        def sample(self, n, *, seed):
            return ring(n, seed).x + 1

    names = ["energy distance", "sliced Wasserstein", "gap of the means"]
    found = ink.judge(Generator(), ink.FreshData(ring), metrics={names[2]: gap}, samples=300, draws=3, steps=None)
    assert [measure.name for measure in found] == names
    assert abs(found[2].value.value - 2) < 0.5 and found[2].ratio > 4
    train, held_out = ring(300, 1), ring(200, 2)
    found = ink.judge(
        Generator(), ink.HeldOut(train, held_out), metrics={names[2]: gap}, samples=50, draws=1, steps=None
    )
    assert [measure.name for measure in found] == names
    with pytest.raises(TypeError, match="metrics must map names to functions"):
        ink.judge(Generator(), ink.FreshData(ring), metrics=gap)
    with pytest.raises(TypeError, match="score must be a model with `d` and `sample"):
        ink.judge(object(), ink.FreshData(ring))


def test_faults_are_seen():
    """One cluster of eight missing; and a Gaussian too wide, whose divergence is known."""
    density = ring(2, 0).density
    lame = Oracle(lambda n, seed: ring(2 * n, seed).x[ring(2 * n, seed).y > 0][:n], density.log_density)
    _, energy, sliced = ink.judge(lame, ink.FreshData(ring), samples=1000, draws=3)
    assert energy.ratio > 5 and sliced.ratio > 2

    def gauss(n, seed, sd=1.0):
        eps = ink.normal(2 * n, seed=seed).reshape(n, 2).astype(np.float64)
        law = SimpleNamespace(
            entropy=math.log(2 * math.pi * math.e),
            log_density=lambda x: -(x**2).sum(1) / 2 - math.log(2 * math.pi),
        )
        return ink.datasets.Dataset(sd * eps, density=law)

    wide = Oracle(
        lambda n, seed: gauss(n, seed, 1.2).x,
        lambda x: -(x**2).sum(1) / (2 * 1.44) - math.log(2 * math.pi * 1.44),
    )
    x = gauss(4000, 7).x
    found = ink.excess_nll(wide, gauss(2, 0).density, x)
    assert abs(found.z(math.log(1.44) + 1 / 1.44 - 1)) < 5 and found.stderr < 0.01
    # the error of the paired mean is far below that of the likelihood alone
    assert found.stderr < 0.5 * np.std(wide.log_density(x)) / math.sqrt(4000)


@pytest.mark.usefixtures("trained_once")
def test_pictures_copies_and_noise(digits):
    train, held_out = digits
    real = ink.HeldOut(train, held_out)
    thief = Oracle(lambda n, seed: train.x[np.argsort(rng(seed).random(len(train)))[:n]], d=64)
    found = {m.name: m for m in ink.judge(thief, real, samples=400, draws=5)}
    assert found["nearest training row, to held-out"].value.value == 0
    assert found["class histogram, p"].value.value > 1e-3 and found["class histogram, p"].floor.value > 0.5
    for name in ("Frechet distance, pixels", "Frechet distance, features"):
        value, floor = found[name].value, found[name].floor
        assert abs(value.value - floor.value) < 5 * math.hypot(value.stderr, floor.stderr)
    assert abs(found["classifier's confidence"].value.value - 1) < 0.05  # it has seen them all
    dust = Oracle(lambda n, seed: rng(seed).random((n, 64)), d=64)
    found = {m.name: m for m in ink.judge(dust, real, samples=400, draws=1)}
    assert found["Frechet distance, pixels"].ratio > 5 and found["Frechet distance, features"].ratio > 5
    assert found["class histogram, p"].value.value < 1e-6
    assert found["nearest training row, to held-out"].value.value > 1.2
    assert found["classifier's confidence"].ratio < 0.95


def test_held_out_points_have_a_floor_too():
    train, held_out = ring(1000, 3).split(0.5, 0)
    model = Oracle(lambda n, seed: ring(n, seed).x)
    energy, sliced = ink.judge(model, ink.HeldOut(train, held_out), samples=10_000, draws=2)
    assert energy.floor is not None and 0.2 < sliced.ratio < 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"real": ring}, "real must be"),
        ({"real": ink.FreshData(ring), "samples": 3}, "samples"),
        ({"real": ink.FreshData(ring), "draws": 0}, "draws"),
        ({"real": ink.FreshData(ring), "seed": -1}, "seed"),
        ({"real": ink.FreshData(lambda n, seed: ink.datasets.digits())}, "64 coordinates, the score 2"),
    ],
)
def test_judge_refuses(arguments, message):
    model = Oracle(lambda n, seed: ring(n, seed).x, ring(2, 0).density.log_density)
    with pytest.raises((ValueError, TypeError), match=message):
        ink.judge(model, **({"samples": 30, "draws": 1} | arguments))
    with pytest.raises(ValueError, match="parts of one set"):
        ink.HeldOut(ring(5, 0), ink.datasets.digits())
    with pytest.raises(TypeError, match="score must be a model with"):
        ink.judge(ink.BoxScore, ink.FreshData(ring))
    with pytest.raises(TypeError, match=r"held_out must be a data set.*got an array of shape \(5, 2\)"):
        ink.HeldOut(ring(5, 0), ring(5, 1).x)


# ---- the command ----------------------------------------------------------------------------------------------------

TINY = {"steps": 3, "seed": 1, "batch": 64, "net": ink.MLP(16, 2, dropout=0.0), "progress": False}
QUICK = ["--samples", "60", "--draws", "1"]


def judge(*arguments):
    return main(["judge", *map(str, arguments), *QUICK])


def test_a_figure_is_judged_by_fresh_points(tmp_path, capsys):
    path = tmp_path / "ring"
    ink.fit(ink.VariancePreserving.linear(), ring(300, 0), **TINY).save(path)
    assert judge(path) == 0
    out = capsys.readouterr().out
    assert "eight_gaussians: drawn afresh" in out and "NLL - entropy, nats" in out and "WARNING" not in out
    assert judge(path, "--json", "--seed", 4) == 0
    record = json.loads(capsys.readouterr().out)
    assert [m["name"] for m in record["measures"]] == ["NLL - entropy, nats", "energy distance", "sliced Wasserstein"]
    assert record["measures"][0]["floor"] is None and record["measures"][1]["ratio"] > 0 and record["seed"] == 4
    assert judge(path, "--data", "moons") == 0
    assert "WARNING: trained on 'eight_gaussians', judged by 'moons'" in capsys.readouterr().out
    assert judge(path, "--data", "digits") == 2
    assert "64 coordinates, the score 2" in capsys.readouterr().err


def test_draws_are_those_asked_for(tmp_path, capsys):
    path = tmp_path / "ring"
    ink.fit(ink.VariancePreserving.linear(), ring(300, 0), **TINY).save(path)
    assert main(["judge", str(path), "--samples", "60", "--draws", "0"]) == 2
    assert "draws must be >= 1, got 0" in capsys.readouterr().err


def test_data_of_a_file_are_not_taken_for_a_figure_of_that_name(tmp_path, capsys):
    path, points = tmp_path / "run", tmp_path / "moons.npy"
    np.save(points, rng(0).standard_normal((300, 2)))
    flags = ["--steps", "2", "--net-width", "16", "--net-depth", "2", "--batch", "64", "--pictures", "0", "--quiet"]
    assert main(["train", str(points), "--out", str(path), *flags]) == 0
    assert judge(path) == 2
    assert "was trained on 'file moons', which is not a set that inkdiff knows" in capsys.readouterr().err
    assert judge(path, "--data", points) == 0
    assert "WARNING: it was trained on all 300 rows" in capsys.readouterr().out
    assert judge(path, "--data", "moons") == 0
    assert "WARNING: trained on 'file moons', judged by 'moons'" in capsys.readouterr().out


def test_a_figure_is_found_again_by_the_name_of_its_points(tmp_path, capsys):
    path = tmp_path / "run"
    ink.fit(ink.VariancePreserving.linear(), ink.datasets.grid_gaussians(300, 0), **TINY).save(path)
    assert judge(path) == 0
    out = capsys.readouterr().out
    assert "grid_gaussians: drawn afresh, density known (the file records the name 'grid Gaussians')" in out
    assert "WARNING" not in out


def test_a_process_that_counts_its_steps_has_no_density(tmp_path, capsys):
    path = tmp_path / "ring"
    ink.fit(ink.VariancePreserving.ddpm(), ring(300, 0), parameterisation=UNMATCHED, **TINY).save(path)
    assert judge(path) == 0
    out = capsys.readouterr().out
    assert "energy distance" in out and "NLL" not in out


@pytest.mark.usefixtures("trained_once")
def test_digits_are_judged_by_those_held_out(digits, tmp_path, capsys, monkeypatch):
    train, _ = digits
    monkeypatch.setattr(ink.learned.LearnedScore, "sample", lambda self, n, **how: train.x[:n])
    process = ink.VarianceExploding(0.01, 1.5, ink.Box(0, 1))
    ink.fit(process, train, checkpoint=tmp_path / "part", parameterisation=UNMATCHED, **TINY)
    assert judge(tmp_path / "part") == 0
    out = capsys.readouterr().out
    assert "1257 rows to train on, 540 held out" in out and "WARNING" not in out and "features" in out
    warnings = {}
    for name, data in (("whole", ink.datasets.digits()), ("other", train.x[:700])):
        ink.fit(process, data, parameterisation=UNMATCHED, **TINY).save(tmp_path / name)
        assert judge(tmp_path / name, "--json", "--data", "digits") == 0
        (warnings[name],) = json.loads(capsys.readouterr().out)["warnings"]
    assert "all 1797 rows" in warnings["whole"] and "700 other rows of 'array'" in warnings["other"]


def test_train_can_hold_out_what_judge_judges_by(tmp_path, capsys):
    flags = ["--net-width", "16", "--net-depth", "2", "--batch", "64", "--quiet", "--steps", "3", "--pictures", "0"]
    out = ["--out", str(tmp_path / "run")]
    assert main(["train", "digits", *out, "--hold-out", *flags]) == 0
    assert "1257 rows" in capsys.readouterr().out
    assert main(["train", "digits", *out, "--resume", "--hold-out", *flags]) == 0
    assert main(["train", "digits", *out, "--resume", *flags]) == 2
    assert "was begun with it, on 1257 rows, not 1797; give it again" in capsys.readouterr().err


def test_files_that_cannot_be_judged(tmp_path, capsys):
    path = tmp_path / "array"
    ink.fit(
        ink.VariancePreserving.linear(),
        ring(300, 0).x,
        parameterisation=UNMATCHED,
        **TINY,
    ).save(path)
    (tmp_path / "none").write_text("not a score")
    (tmp_path / "cut").write_bytes(path.read_bytes()[:-50])
    np.save(tmp_path / "line.npy", np.zeros(5))
    for arguments, message in (
        ([path], "trained on 'array', which is not a set that inkdiff knows; say which data by --data"),
        ([path, "--data", "nowhere"], "no file or folder, and none of"),
        ([path, "--data", tmp_path / "line.npy"], "must hold numbers of shape"),
        ([tmp_path / "nothing"], "there is no file"),
        ([tmp_path / "none"], "damaged, truncated, or no safetensors file"),
        ([tmp_path / "cut"], "damaged"),
    ):
        assert judge(*arguments) == 2
        assert message in capsys.readouterr().err
    np.save(tmp_path / "points.npy", ring(300, 0).x)
    assert judge(path, "--data", tmp_path / "points.npy") == 0
    assert "WARNING: it was trained on all 300 rows" in capsys.readouterr().out
