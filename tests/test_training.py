"""Training that survives: interrupted and resumed, it has the bits of one that never was; faults are named."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from flat_options import grouped

import inkdiff as ink
from inkdiff.datasets.scaling import Scaling
from inkdiff.learned.checkpoint import loading as files
from inkdiff.learned.checkpoint import training_state
from inkdiff.learned.checkpoint.score_contents import CALIBRATION
from inkdiff.learned.model.preconditioning import Preconditioning
from inkdiff.learned.training.denoising_objective import DenoisingObjective
from inkdiff.learned.training.fitting import settings_of
from inkdiff.learned.training.interruption import interrupts_wait
from inkdiff.learned.training.settings import Fingerprint
from inkdiff.learned.training.weighting import check_weighting
from inkdiff.nn import Arena, Optimisation, Run

GLASS = ink.VarianceExploding(0.01, 1.5, ink.Box(0, 1))
VP = ink.VariancePreserving.linear()
DDPM = ink.VariancePreserving.ddpm()
WITH, WITHOUT = (ink.MLP(width=24, depth=2, embedding=8, harmonics=4, dropout=rate) for rate in (0.2, 0.0))


def points(n=300, seed=0):
    """Two blobs inside the unit square, (n, 2)."""
    rng = np.random.default_rng(seed)
    centre = np.array([[0.25, 0.3], [0.7, 0.75]])[rng.integers(0, 2, n)]
    return np.clip(centre + 0.06 * rng.standard_normal((n, 2)), 0.01, 0.99).astype(np.float32)


def pictures():
    """Digits of 4x4 pixels, (200, 16)."""
    small = ink.datasets.digits().images[:200].reshape(-1, 4, 2, 4, 2).mean((2, 4))
    return ink.datasets.Dataset(x=small.reshape(200, 16), image_shape=(4, 4), range=(0.0, 1.0))


def fit(process=VP, data=None, steps=60, seed=1, **settings):
    settings = {"net": WITH, "batch": 64, "progress": False} | settings
    return ink.fit(process, points() if data is None else data, steps=steps, seed=seed, **grouped(**settings))


def resume(path, data=None, **settings):
    return ink.resume(path, points() if data is None else data, **grouped(**({"progress": False} | settings)))


class Gone(Exception):
    pass


def gone_after(step):
    """A callback that ends the sitting after `step` steps, with nothing saved that was not saved already."""

    def callback(done, loss, snapshot):
        if done == step:
            raise Gone

    return callback


def assert_same(a, b):
    """Two scores and their calibrations, bit for bit."""
    assert np.array_equal(a.theta, b.theta) and a.about == b.about
    assert (a.calibration is None) == (b.calibration is None)
    if a.calibration is not None:
        for name in CALIBRATION:
            assert np.array_equal(getattr(a.calibration, name), getattr(b.calibration, name))
    assert np.array_equal(a.sample(5, seed=1, steps=4), b.sample(5, seed=1, steps=4))


def assert_same_state(path, other):
    one, two = files.read(path)[1].state, files.read(other)[1].state
    assert one.step == two.step
    for name in ("theta", "mean", "m", "v"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name


# ---- resuming -------------------------------------------------------------------------------------------------------

CASES = {
    "points, free, dropout": (VP, points(), WITH, True),
    "points, box, none": (GLASS, points(), WITHOUT, False),
    "points, table of steps": (DDPM, points(), WITHOUT, False),
    "pictures, free, none": (VP, pictures(), WITHOUT, False),
    "pictures, box, dropout": (GLASS, pictures(), WITH, True),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_interrupted_three_times_and_resumed_is_never_interrupted(case, tmp_path):
    process, data, net, moments = case
    settings = {"net": net, "match_moments": moments}
    path, other = tmp_path / "broken", tmp_path / "whole"
    whole = fit(process, data, **settings, checkpoint=other, every=1000)
    with pytest.raises(Gone):
        fit(process, data, **settings, checkpoint=path, every=7, threads=2, callback=gone_after(13))
    assert ink.load(path).about["step"] == 7
    with pytest.raises(Gone):
        resume(path, data, every=4, threads=1, callback=gone_after(31))
    assert ink.load(path).about["step"] == 28
    with pytest.raises(Gone):
        resume(path, data, every=59, threads=3, callback=gone_after(60))
    assert "step" not in ink.load(path).about and ink.load(path).calibration is None  # before the calibration
    assert_same(resume(path, data, steps=60), whole)
    assert_same(ink.load(path), whole)
    assert_same_state(path, other)
    assert_same(resume(path, data), whole)  # a finished training stays as it is
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken", "whole"]


@pytest.mark.parametrize("weighting", ["simple", "likelihood", ink.MinSNRWeighting(gamma=2.0)])
def test_all_settings_return_with_the_checkpoint(weighting, tmp_path):
    path = tmp_path / "run"
    settings = {
        "weighting": weighting,
        "lr": 3e-3,
        "decay": 0.1,
        "warmup": 5,
        "sigma_min": 0.03,
        "match_moments": False,
    }
    whole = fit(steps=20, **settings)
    with pytest.raises(Gone):
        fit(steps=20, **settings, checkpoint=path, every=3, callback=gone_after(10))
    kept = files.read(path)[1].settings
    asked = grouped(net=WITH, batch=64, **settings)
    assert kept == settings_of(VP, points(), steps=20, seed=1, **asked)[1]
    assert kept.weighting == check_weighting(weighting)
    assert_same(resume(path), whole)


def test_the_score_so_far_can_be_read_and_used(tmp_path):
    path = tmp_path / "run"
    seen = {}

    def callback(step, loss, snapshot):
        if step in (19, 20, 41):
            seen[step] = snapshot(), ink.load(path)

    assert_same(fit(checkpoint=path, every=20, callback=callback), fit())  # all of this changes nothing
    for step, kept in ((19, 0), (20, 20), (41, 40)):
        now, loaded = seen[step]
        assert now.about["step"] == step and loaded.about["step"] == kept
        assert np.isfinite(loaded.sample(3, seed=1, steps=4)).all()
    assert np.array_equal(seen[20][0].theta, seen[20][1].theta)


def test_resuming_on_a_device_of_the_data(device, tmp_path):
    path = tmp_path / "run"
    there = device.asarray(points())
    with pytest.raises(Gone):
        fit(GLASS, there, checkpoint=path, every=5, steps=12, match_moments=True, callback=gone_after(7))
    whole, resumed = fit(GLASS, there, steps=12, match_moments=True), resume(path, there)
    assert type(resumed.theta).__module__ == "cupy"
    assert np.array_equal(resumed.theta.get(), whole.theta.get())
    assert np.array_equal(resumed.calibration.square.get(), whole.calibration.square.get())
    finished = resume(path, there)
    assert type(finished.sample(3, seed=1, steps=4)).__module__ == "cupy"


def test_other_data_other_steps_and_bare_scores_are_refused(tmp_path):
    path = tmp_path / "run"
    fit(steps=2, checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"data: .*trained on 300 rows of 2 with SHA-256 \w{12}.* 299 rows of 2"):
        resume(path, points()[1:])
    nudged = points()
    nudged[0, 0] = np.nextafter(nudged[0, 0], np.float32(1))
    mine, yours = (Fingerprint.of(files.read(path)[0].encode(x)) for x in (points(), nudged))
    with pytest.raises(ValueError, match=f"{mine.sha256[:12]}.*{yours.sha256[:12]}.*same data"):
        resume(path, nudged)
    with pytest.raises(ValueError, match=r"steps must be 2.*got 3.*begin a training of another length"):
        resume(path, steps=3)
    with pytest.raises(FileNotFoundError, match="no file"):
        resume(tmp_path / "missing")
    fit(steps=1).save(tmp_path / "score")
    with pytest.raises(ValueError, match=r"without the state of its training.*checkpoint="):
        resume(tmp_path / "score")
    assert path.read_bytes() == before


def test_a_checkpoint_never_replaces_a_file_and_needs_its_folder(tmp_path):
    path = tmp_path / "run"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"there already; continue it with inkdiff\.resume"):
        fit(checkpoint=path)
    assert path.read_text() == "mine"
    with pytest.raises(FileNotFoundError, match="checkpoint: the folder"):
        fit(checkpoint=tmp_path / "nowhere" / "run")
    with pytest.raises(ValueError, match="every must be >= 1"):
        fit(checkpoint=tmp_path / "other", every=0)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_other_blas_kernels_are_told(tmp_path, monkeypatch):
    path = tmp_path / "run"
    with pytest.raises(Gone):
        fit(steps=4, checkpoint=path, every=1, callback=gone_after(2))
    monkeypatch.setattr(training_state, "machine", lambda: "another, with another BLAS")
    with pytest.warns(UserWarning, match=r"begun with .*, this is another.*to rounding, not to the bit"):
        resume(path)


# ---- files ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The bytes of a checkpoint in the middle of a training."""
    path = tmp_path_factory.mktemp("runs") / "run"
    with pytest.raises(Gone):
        fit(GLASS, checkpoint=path, every=5, callback=gone_after(7))
    return path.read_bytes()


def rewritten(saved, change, path):
    """The file with its JSON header changed by `change(header, config)`."""
    size = struct.unpack("<Q", saved[:8])[0]
    header = json.loads(saved[8 : 8 + size])
    config = json.loads(header["__metadata__"]["config"])
    change(header, config)
    header["__metadata__"]["config"] = json.dumps(config)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + saved[8 + size :])
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h, c: h["__metadata__"].update(version="99"), "version '99', but this inkdiff reads up to .; upgrade"),
        (lambda h, c: h["__metadata__"].update(format="other"), "not a learned score of inkdiff"),
        (lambda h, c: h["__metadata__"].pop("sha256"), "damaged.*sha256"),
        (lambda h, c: c["training"].update(step=6), "damaged.*checksum"),
        (lambda h, c: c["training"].update(step=61), "damaged.*step is 61, of 60"),
        (lambda h, c: c["training"].update(step="5"), "damaged.*step is '5'"),
        (lambda h, c: c["training"]["settings"].update(lr=1e-3), "damaged.*checksum"),
        (lambda h, c: c["training"]["settings"].update(lr=-1), "damaged.*lr must be > 0"),
        (lambda h, c: c["training"]["settings"].pop("seed"), "damaged.*seed"),
        (lambda h, c: c["training"]["settings"]["net"].update(width=25), "damaged.*settings are not those"),
        (lambda h, c: c["training"]["settings"].update(weighting={"type": "os.system"}), "damaged.*os.system"),
        (lambda h, c: c["training"].update(settings={"type": "Free"}), "damaged.*settings"),
        (lambda h, c: c["training"]["data"].update(sha256="0"), "damaged.*fingerprint"),
        (lambda h, c: c.update(training=7), "damaged"),
        (lambda h, c: h["training.m"].update(shape=[1, *h["training.m"]["shape"]]), "damaged.*training.m.*shape"),
        (lambda h, c: h["training.v"].update(dtype="I32"), "damaged.*float32"),
    ],
)
def test_tampered_newer_and_foreign_checkpoints_are_named(saved, change, message, tmp_path):
    path = rewritten(saved, change, tmp_path / "run")
    for read in (ink.load, resume):
        with pytest.raises(ValueError, match=message):
            read(path)


def test_any_flipped_bit_is_found(saved, tmp_path):
    path = tmp_path / "run"
    for position in np.random.default_rng(0).integers(0, len(saved), 60):
        changed = bytearray(saved)
        changed[position] ^= 4
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=r"path: .*(damaged|truncated|not a learned score|version)"):
            ink.load(path)


@pytest.mark.parametrize("share", [0.0, 1e-5, 0.01, 0.5, 0.99999])
def test_a_truncated_checkpoint_is_named(saved, share, tmp_path):
    path = tmp_path / "run"
    path.write_bytes(saved[: int(share * len(saved))])
    with pytest.raises(ValueError, match="damaged, truncated, or no safetensors"):
        resume(path)


def test_files_of_version_1_are_read(tmp_path):
    score = fit(GLASS, steps=3)
    score.save(tmp_path / "new")

    def older(header, config):
        header["__metadata__"]["version"] = "1"
        del header["__metadata__"]["sha256"]

    path = rewritten((tmp_path / "new").read_bytes(), older, tmp_path / "old")
    assert_same(ink.load(path), score)


def test_files_from_before_the_fourier_features_are_read(tmp_path):
    fit(GLASS, steps=3, fourier_octaves=0, checkpoint=tmp_path / "new")
    score = ink.load(tmp_path / "new")

    def older(header, config):
        header["__metadata__"]["version"] = "1"
        settings = config["training"]["settings"]
        del header["__metadata__"]["sha256"], config["fourier_octaves"], settings["fourier_octaves"]
        del config["parameterisation"], settings["parameterisation"]
        renamed = {"sigma_min": "finest", "match_moments": "moments", "p_uncond": "hide", "p_drop_word": "hide_each"}
        settings = {renamed.get(name, name): value for name, value in settings.items()}
        settings["type"] = "Settings"
        for described in (config["process"], config["process"]["domain"], settings["net"], settings["weighting"]):
            del described["module"], described["version"]
        config["training"]["settings"] = settings

    path = rewritten((tmp_path / "new").read_bytes(), older, tmp_path / "old")
    assert_same(ink.load(path), score)
    assert resume(path, points()).preconditioning.fourier_octaves == 0


def test_a_write_that_fails_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    path = tmp_path / "run"

    def full(descriptor):
        raise OSError(28, "No space left on device")

    def fill_the_disk(step, loss, snapshot):
        if step == 9:
            monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="No space left"):
        fit(checkpoint=path, every=4, callback=fill_the_disk)
    monkeypatch.undo()
    assert ink.load(path).about["step"] == 8 and [p.name for p in tmp_path.iterdir()] == ["run"]
    assert_same(resume(path), fit())


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path):
    path = tmp_path / "run"
    with pytest.raises(Gone):
        fit(steps=4, checkpoint=path, every=1, callback=gone_after(2))
    for name in (".run.0123456789ab.part", ".runner.0123456789ab.part", ".other.part"):
        (tmp_path / name).write_bytes(b"half")
    resume(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".other.part", ".runner.0123456789ab.part", "run"]


# ---- Ctrl-C ---------------------------------------------------------------------------------------------------------


def test_ctrl_c_saves_after_the_step_and_says_so(tmp_path):
    path = tmp_path / "run"

    def interrupt(step, loss, snapshot):
        if step == 17:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match=r"after step 18 of 60; .*run' holds it.*inkdiff\.resume"):
        fit(checkpoint=path, every=1000, callback=interrupt)
    assert ink.load(path).about["step"] == 18
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):  # without a checkpoint there is nothing to wait for
        fit(callback=interrupt)
    assert_same(resume(path), fit())


def test_the_second_ctrl_c_does_not_wait():
    with interrupts_wait() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts_wait() as interrupted:  # who ignores interrupts goes on ignoring them
            signal.raise_signal(signal.SIGINT)
            assert not interrupted()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


# ---- breaking down --------------------------------------------------------------------------------------------------


def test_steps_too_long_are_diagnosed_and_the_last_sound_checkpoint_is_named(tmp_path):
    path = tmp_path / "run"
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError) as caught:
        fit(lr=1e30, warmup=0, checkpoint=path, every=1)
    text = str(caught.value)
    for part in ("training broke down at step", "of 60", "weight", "learning rate 9.99e+29", "lower learning rate"):
        assert part in text
    step = ink.load(path).about["step"]
    assert f"{str(path)!r} holds step {step}, whose weights are finite" in text
    state = files.read(path)[1].state
    assert all(np.isfinite(a).all() for a in (state.theta, state.mean, state.m, state.v))


def broken(monkeypatch, change, **settings):
    """The diagnosis of a training whose optimisation is changed by `change(optimisation)` before step 5."""
    advance = Optimisation.advance

    def spoiled(self):
        if self.state.step == 5:
            change(self)
        return advance(self)

    monkeypatch.setattr(Optimisation, "advance", spoiled)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError) as caught:
        fit(**settings)
    return str(caught.value)


def test_the_diagnosis_tells_data_from_weights_from_gradients(monkeypatch):
    def data(optimisation):
        draw = type(optimisation.objective.denoising).draw

        def drawn(self, step):
            batch = draw(self, step)
            batch.x_t[3, 1] = np.inf
            return batch

        monkeypatch.setattr(type(optimisation.objective.denoising), "draw", drawn)

    def weights(optimisation):
        optimisation.state.theta[7] = np.nan

    def gradient(optimisation):
        optimisation.state.v[7], optimisation.state.theta[7] = np.inf, np.nan

    def large(optimisation):
        optimisation.state.theta[:] = 1e25

    for change, cause in (
        (data, r"step 5 of 60: .*noised data are at fault.*extreme size"),
        (weights, "step 5 .*weights are at fault: an earlier step was too long"),
        (gradient, "step 5 .*weights are at fault: the gradient of an earlier step overflowed"),
        (large, r"step 5 .*grown until the network's output overflows \(largest finite \|weight\| 1e\+25"),
    ):
        text = broken(monkeypatch, change)
        monkeypatch.undo()
        assert re.search(cause, text), text


def test_weights_are_looked_at_before_they_are_kept(monkeypatch, tmp_path):
    path = tmp_path / "run"

    def spoil(optimisation):
        optimisation.state.v[7] = np.inf  # the loss stays finite: nobody else would notice

    text = broken(monkeypatch, spoil, checkpoint=path, every=4)
    assert "gradient of an earlier step overflowed" in text and "holds step 4, whose weights are finite" in text
    assert ink.load(path).about["step"] == 4
    monkeypatch.undo()
    text = broken(monkeypatch, spoil)
    assert "broke down at step 60 of 60: the weights are not finite" in text


# ---- weightings -----------------------------------------------------------------------------------------------------

SHORT_TABLE = ink.VariancePreserving.ddpm(100, 1e-3, 0.2)


def toy(process, weighting):
    """An objective in one dimension with a network of random weights, and the score that it is."""
    data = points(12)[:, :1]
    known = Preconditioning.of(process, data, sigma_min=0.1)
    network = WITHOUT.build(2, 1)
    theta = (0.5 * np.random.default_rng(1).standard_normal(network.size)).astype(np.float32)
    objective = DenoisingObjective(process, known, network, data, 4096, 3, check_weighting(weighting))
    return objective, ink.LearnedScore(process, Scaling(), known, network, theta), data


def error_of_score(process, score, data, t):
    """E |s - grad log p(x_t | x_0)|^2 at time t: all data, the noise by the trapezoid rule."""
    eps = np.linspace(-6, 6, 241)
    x0 = np.repeat(data.astype(np.float64), eps.size, axis=0)
    x = process.alpha(t) * x0 + process.sigma(t) * np.tile(eps, len(data))[:, None]
    if isinstance(process.domain, ink.Box):
        x = 1 - np.abs(1 - np.mod(x, 2))
    square = ((score(x, t) - process.score_transition(x, t, x0)) ** 2)[:, 0].reshape(len(data), -1)
    density = np.exp(-(eps**2) / 2)
    return float((square @ (density / density.sum())).mean())


def named_loss(name, process, score, data):
    """The loss as its authors write it, an integral over time (in ln t, by Gauss and Legendre)."""
    levels = score.preconditioning.levels
    first, last = levels.times(process, np.array([levels.lo, levels.top]))
    if process.discrete:
        nodes = np.arange(first, last + 1)
        share = np.full(nodes.size, 1 / nodes.size)
    else:
        u, w = np.polynomial.legendre.leggauss(8)
        edges = np.linspace(np.log(first), np.log(last), 21)
        half = np.diff(edges)[:, None] / 2
        nodes = np.exp(edges[:-1, None] + half * (u + 1)).ravel()
        share = (half * w).ravel() * nodes / (last - first)
    total = 0.0
    for t, part in zip(nodes, share, strict=True):
        error = error_of_score(process, score, data, float(t))
        alpha2, sigma2 = float(process.alpha(t)) ** 2, float(process.sigma(t)) ** 2
        snr = alpha2 / sigma2
        if name == "simple":
            weight = sigma2  # |eps - eps_theta|^2
        elif name == "min_snr":
            weight = min(snr, 5.0) * sigma2**2 / alpha2  # of |x_0 - x_theta|^2
        else:
            weight = process.g2(t) / 2 * (last - first)
        total += part * weight * error
    return total


@pytest.mark.parametrize(
    ("process", "name"),
    [
        *itertools.product([VP, GLASS], ["simple", "likelihood", "min_snr"]),
        (ink.OrnsteinUhlenbeck(D=1.0, k=0.5), "likelihood"),
        (SHORT_TABLE, "simple"),
        (SHORT_TABLE, "min_snr"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_weighting_is_the_loss_of_that_name(process, name):
    objective, score, data = toy(process, name)
    out = np.empty_like(score.theta)
    means = []
    for step in range(24):
        batch = objective.draw(step)._replace(posterior=None)
        run = Run(score.theta, Arena(), training=True)
        means.append(float(objective.gradient(run, batch, out).mean()))
    exact = named_loss(name, process, score, data)
    z = (np.mean(means) - exact) / (np.std(means, ddof=1) / np.sqrt(len(means)))
    assert abs(z) < 5
    assert np.std(means) < 0.1 * exact  # so that a wrong weight would be seen


@pytest.mark.parametrize("name", ["balanced", "simple", "likelihood", "min_snr"])
def test_the_gradient_is_that_of_the_weighted_loss(name):
    objective, score, _ = toy(VP, name)
    batch = objective.draw(0)
    gradient, unused = np.empty_like(score.theta), np.empty_like(score.theta)

    def loss(theta, out):
        return float(objective.gradient(Run(theta, Arena(), training=True), batch, out).astype(np.float64).mean())

    loss(score.theta, gradient)
    direction = gradient / np.linalg.norm(gradient)
    ahead, behind = (loss(score.theta + step * direction, unused) for step in (np.float32(1e-2), np.float32(-1e-2)))
    assert (ahead - behind) / 2e-2 == pytest.approx(float(gradient @ direction), rel=2e-2)


def test_weightings_draw_times_or_levels_evenly():
    for name, even in (("balanced", "level"), ("likelihood", "level"), ("simple", "time"), ("min_snr", "time")):
        objective = toy(VP, name)[0]
        batch = objective.draw(0)
        t = np.sort(batch.t)
        values = t if even == "time" else np.sort(batch.noise.level)
        steps = np.diff(values)
        assert steps.max() < 3 * (values[-1] - values[0]) / objective.levels
    drawn = np.concatenate([toy(SHORT_TABLE, "simple")[0].draw(step).t for step in range(4)])
    first, last = int(drawn.min()), int(drawn.max())
    shares = np.bincount(drawn.astype(int), minlength=last + 1)[first:] / drawn.size
    assert (drawn == np.rint(drawn)).all() and np.abs(shares * shares.size - 1).max() < 0.3


def test_weightings_are_refused_by_name():
    with pytest.raises(
        ValueError, match="weighting must be one of 'balanced', 'simple', 'likelihood', 'min_snr', 'uniform'"
    ):
        fit(weighting="minsnr")
    with pytest.raises(TypeError, match="weighting must be a name or a weighting"):
        fit(weighting=5)
    with pytest.raises(ValueError, match="gamma must be > 0"):
        ink.MinSNRWeighting(gamma=0)


class Fine(ink.Weighting):
    """A weighting of one's own."""

    def of_noise_error(self, level, span):
        return np.exp(-level)


@ink.register(name="tests.Power")
@dataclasses.dataclass(frozen=True)
class Power(ink.Weighting):
    """Another, with a setting and a name."""

    exponent: float = 1.0

    def of_noise_error(self, level, span):
        return np.exp(-self.exponent * level)


def test_a_weighting_of_ones_own_trains_and_is_kept_under_its_name(tmp_path):
    assert np.array_equal(fit(steps=3, weighting=Fine()).theta, fit(steps=3, weighting=Power()).theta)
    with pytest.raises(TypeError, match=r"weighting: a Fine cannot be saved.*put @ink.register on its class"):
        fit(steps=3, weighting=Fine(), checkpoint=tmp_path / "run")
    assert not list(tmp_path.iterdir())
    path, whole = tmp_path / "run", fit(steps=6, weighting=Power(0.5))
    with pytest.raises(Gone):
        fit(steps=6, weighting=Power(0.5), checkpoint=path, every=2, callback=gone_after(3))
    assert files.read(path)[1].settings.weighting == Power(0.5)
    assert_same(resume(path), whole)


# ---- the command ----------------------------------------------------------------------------------------------------

SMALL = ["--net-width", "16", "--net-depth", "2", "--batch", "64", "--points", "300", "--quiet", "--pictures", "0"]


def train(*arguments, **options):
    """`inkdiff train` in a process of its own."""
    code = "import sys; from inkdiff.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "train", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **(pipes | options))


def wait_for(path, done=lambda: True, seconds=60):
    """Wait until the file is there and `done`."""
    end = time.monotonic() + seconds
    while not (path.exists() and done()):
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.005)


def test_ctrl_c_ends_the_command_with_130_and_how_to_go_on(tmp_path):
    path = tmp_path / "run"
    process = train("moons", "--out", path, "--steps", 100_000, "--every", 50, *SMALL)
    wait_for(path, lambda: ink.load(path).about["step"] > 0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    step = ink.load(path).about["step"]
    assert process.returncode == 130 and step > 0
    assert f"holds step {step} of 100000, nothing is lost" in err
    assert f"inkdiff train moons --out {path} --resume --points 300" in err
    assert "step 0 of 100000" in out and "Traceback" not in err
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


KILLS = 20


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_same_bits(tmp_path):
    """SIGKILL, 20 times, at moments nobody chose; a checkpoint every 5 steps, so that many fall into a write."""
    (tmp_path / "a").mkdir()
    whole, path = tmp_path / "whole", tmp_path / "a" / "run"
    flags = ["--every", "5", "--steps", "5000", *SMALL]
    process = train("moons", "--out", whole, *flags)
    wait_for(whole)
    begun = time.monotonic()
    assert process.communicate(timeout=150)[0] and process.returncode == 0
    longest = 2 * (time.monotonic() - begun) / 30  # 20 sittings of half of it: two thirds of the training
    chance = random.Random()
    steps, parts = [], 0
    for kill in range(KILLS):
        process = train("moons", "--out", path, *(["--resume", *SMALL] if path.exists() else flags), "--every", "5")
        while not process.stdout.readline().startswith("step"):
            assert process.poll() is None, process.stderr.read()
        end, most = time.monotonic() + chance.uniform(0, longest), 5000 * (kill + 1) // (KILLS + 4)
        while time.monotonic() < end and not (path.exists() and ink.load(path).about["step"] >= most):
            time.sleep(0.002)  # earlier only where the machine has become faster than it was
        assert process.poll() is None, "it ended before it was killed"
        process.kill()
        process.communicate()
        steps.append(ink.load(path).about["step"] if path.exists() else 0)
        parts += len(list(path.parent.glob("*.part")))
    assert steps == sorted(steps) and 0 < steps[-1] < 5000
    print(f"steps after each kill {steps}, half-written files met {parts}")
    process = train("moons", "--out", path, "--resume", *SMALL)
    assert process.communicate(timeout=150)[0] and process.returncode == 0
    assert_same(ink.load(path), ink.load(whole))
    assert_same_state(path, whole)
    assert [p.name for p in path.parent.iterdir()] == ["run"]
