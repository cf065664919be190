"""Conditional scores: beside exact conditional scores; guidance, files, resuming, and mistakes named."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import numpy as np
import pytest
from flat_options import grouped
from safetensors import safe_open
from safetensors.numpy import save as serialise

import inkdiff as ink
from inkdiff._core.files import locked
from inkdiff.learned.checkpoint import file_format
from inkdiff.learned.checkpoint.training_cache import cached_file
from inkdiff.learned.model.preconditioning import Preconditioning
from inkdiff.learned.model.word_conditioning import Vocabulary, parse_rows
from inkdiff.learned.training.denoising_objective import DenoisingObjective, WordDropout
from inkdiff.learned.training.posterior_target import PosteriorTarget
from inkdiff.nn import MLP, Arena, Run

VP = ink.VariancePreserving.linear()
GLASS = ink.VarianceExploding(0.01, 1.5, ink.Box(0, 1))
SMALL = MLP(width=24, depth=2, embedding=8, harmonics=3, dropout=0.1)
QUIET = {"progress": ink.RunOptions(progress=False, threads=1)}
RAW = ink.Parameterisation(match_moments=False)


def three_clouds(n=240):
    """Three clouds in the unit square, and which each point is of."""
    rng = np.random.default_rng(3)
    y = np.arange(n) % 3
    centre = np.array([[0.25, 0.3], [0.75, 0.3], [0.5, 0.75]])[y]
    return (centre + [0.05, 0.09] * rng.standard_normal((n, 2))).clip(0.01, 0.99).astype(np.float32), y


X, Y = three_clouds()
MANY, OF = three_clouds(3000)


def fit(process=VP, x=X, condition=Y, steps=12, **settings):
    settings = {"net": SMALL, "batch": 32, "match_moments": False, "threads": 1, "progress": False} | settings
    return ink.fit(process, x, steps=steps, seed=5, **grouped(condition=condition, **settings))


@pytest.fixture(scope="module", params=[VP, GLASS], ids=["bowl", "glass"])
def trained(request):
    """A score that has learned the three clouds with their labels."""
    learning = {"steps": 1200, "batch": 256, "p_uncond": 0.3, "fourier_octaves": 0, "net": MLP(64, 2, dropout=0.0)}
    return fit(request.param, MANY, OF, **learning)


def relative_error(a, b):
    return float(np.sqrt(((a - b) ** 2).mean() / (b**2).mean()))


# ---- truth ---------------------------------------------------------------------------------------------------------


def test_the_target_of_a_point_with_words_is_the_score_of_the_data_that_have_them():
    words = np.eye(4, dtype=np.float32)[Y]
    words[::2, 3] = 1  # a second word, of every other row
    x, ratio = 4 * X - 2, np.ones((60, 1), np.float32)
    y = x[:60] + np.random.default_rng(0).standard_normal((60, 2)).astype(np.float32)
    one = words[:60] * np.array([1, 1, 1, 0], np.float32)
    target = PosteriorTarget(x, words)(y, ratio, one)
    both = PosteriorTarget(x, words)(y, ratio, words[:60])
    nothing = PosteriorTarget(x, words)(y, ratio, np.zeros_like(words[:60]))
    everything = PosteriorTarget(x)(y, ratio)
    assert np.array_equal(nothing, everything)
    for k in range(3):
        rows = Y[:60] == k
        assert np.allclose(target[rows], PosteriorTarget(x[k == Y])(y[rows], ratio[rows]), atol=2e-4)
        assert not np.allclose(target[rows], everything[rows], atol=0.1)
        twice = (k == Y) & (np.arange(len(Y)) % 2 == 0)
        rows &= np.arange(60) % 2 == 0
        assert np.allclose(both[rows], PosteriorTarget(x[twice])(y[rows], ratio[rows]), atol=2e-4)


@pytest.mark.parametrize("ratio", [0.3, 1.0])
def test_the_trained_score_is_that_of_the_class_or_of_all(trained, ratio):
    process, x, first = trained.process, trained.encode(MANY), OF[:600]
    levels = trained.preconditioning.levels
    t = float(levels.times(process, np.array([np.log(ratio * trained.preconditioning.spread)]))[0])
    noised = ink.diffuse(process, x, t, seed=2)[:600]
    all_of_them = ink.EmpiricalScore(process, x)(noised.astype(np.float64), t)
    assert relative_error(trained(noised, t), all_of_them) < 0.35
    for k in range(3):
        x_t = noised[first == k]
        exact = ink.EmpiricalScore(process, x[k == OF])(x_t.astype(np.float64), t)
        other = trained.given(label=(k + 1) % 3)(x_t, t)
        error = relative_error(trained.given(label=k)(x_t, t), exact)
        assert error < 0.2
        assert relative_error(other, exact) > 5 * error


def test_what_is_drawn_is_what_was_asked_for(trained):
    x = trained.sample(300, seed=1, steps=40, label=np.arange(300) % 3)
    for k in range(3):
        drawn, real = x[k::3].astype(np.float64), MANY[k == OF]
        assert np.abs(drawn.mean(0) - real.mean(0)).max() < 0.035
        assert np.abs(drawn.std(0) / real.std(0) - 1).max() < 0.35


def test_likelihood_of_a_class_is_higher_under_its_label(trained):
    x = MANY[OF == 0][:40]
    roughly = {"rtol": 1e-3, "atol": 1e-3}
    own, other = (trained.given(label=k).log_likelihood(x, **roughly).values for k in (0, 1))
    free = trained.log_likelihood(x, **roughly).values
    # p(x) = sum_k p(x | k) / 3, and p(x | k) of the other clouds is nothing here
    assert abs((own - free).mean() - np.log(3)) < 0.3
    assert (own - other).mean() > 5


# ---- guidance ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("process", [VP, GLASS], ids=["bowl", "glass"])
def test_guidance_weighs_two_scores(process):
    score = fit(process)
    x = score.encode(X[:30])
    with_label, without = score.given(label=1)(x, 0.3), score(x, 0.3)
    assert not np.array_equal(with_label, without)
    for g in (0.5, 2.0, 4.0):
        guided = score.given(label=1, guidance=g)(x, 0.3)
        assert np.allclose(guided, g * with_label + (1 - g) * without, rtol=1e-4, atol=1e-4)
    assert np.array_equal(score.given(label=1, guidance=0)(x, 0.3), without)
    each = score.given(label=Y[:30], guidance=2.0)(x, 0.3)
    for k in range(3):
        assert np.allclose(
            each[Y[:30] == k], score.given(label=k, guidance=2.0)(x[Y[:30] == k], 0.3), rtol=1e-5, atol=1e-5
        )


def test_a_conditional_score_is_a_score_for_every_walk_and_derivative():
    score = fit(GLASS).given(label=2, guidance=1.5)
    times = score.times(12)
    start = GLASS.prior(float(times[0])).sample(20, 2, seed=4)
    for sampler in (None, "heun", "predictor_corrector"):
        walk = ink.reverse(GLASS, score, start, times, seed=4, sampler=sampler)
        assert ((walk.last >= 0) & (walk.last <= 1)).all()
    walk = ink.reverse(GLASS, score, start, times, seed=4, sampler="heun")
    assert np.array_equal(score.decode(walk.last), score.sample(20, seed=4, steps=12))
    x, h = start.astype(np.float64), 1e-3
    v = np.random.default_rng(1).standard_normal((2, *x.shape))
    value, Jv = score.jvp(x, 0.5, v)
    assert np.allclose(value, score(x, 0.5), rtol=1e-4, atol=1e-4)
    for direction, found in zip(v, Jv, strict=True):
        difference = (score(x + h * direction, 0.5) - score(x - h * direction, 0.5)) / (2 * h)
        assert relative_error(found, difference) < 0.05


def test_bits_do_not_depend_on_threads():
    one, many = (fit(match_moments=True, threads=k) for k in (1, 3))
    assert np.array_equal(one.theta, many.theta) and one.calibration is not None


# ---- words ---------------------------------------------------------------------------------------------------------


def test_words_are_rows_of_the_embedding():
    """The gradient of a network with words, against differences; a word that is not given has none."""
    network = MLP(width=5, depth=2, embedding=4, harmonics=2, dropout=0.0).build(3, 2, words=3)
    rng = np.random.default_rng(0)
    theta, x = 0.3 * rng.standard_normal(network.size), rng.standard_normal((4, 3))
    c = np.concatenate([rng.uniform(-1, 1, (4, 1)), [[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0]]], axis=1)
    weight = rng.standard_normal((4, 2))

    def loss(theta):
        return float((weight * network(Run(theta, Arena()), x, c)[0]).sum())

    gradient = np.full(network.size, np.nan)
    network(Run(theta, Arena(), training=True), x, c)[1](weight.copy(), gradient)
    step = 1e-6 * np.eye(network.size)
    expected = [(loss(theta + e) - loss(theta - e)) / 2e-6 for e in step]
    assert np.allclose(gradient, expected, rtol=1e-5, atol=1e-7)
    rows = network.embed.weight.of(gradient)[-3:]
    assert (rows[2] == 0).all() and (np.abs(rows[:2]) > 1e-3).any(axis=1).all()
    plain = MLP(width=5, depth=2, embedding=4, harmonics=2).build(3, 2)
    assert plain.slots == MLP(width=5, depth=2, embedding=4, harmonics=2).build(3, 2, words=0).slots


def test_as_many_words_are_dropped_as_asked_for():
    codes = np.ones((4000, 2), np.float32)
    x = (4 * np.tile(X, (17, 1)) - 2)[:4000]
    known = Preconditioning.of(VP, x, sigma_min=0.05, fades=False)
    network = SMALL.build(4, 2, words=2)
    words = WordDropout(codes, p_uncond=0.1, p_drop_word=0.3)
    objective = DenoisingObjective(VP, known, network, x, 4000, 7, words=words)
    kept = objective.draw(2).words
    none, each, both = 0.1 + 0.9 * 0.09, 0.9 * 0.7, 0.9 * 0.49
    for found, expected in (((kept == 0).all(1), none), (kept[:, 0] == 1, each), ((kept == 1).all(1), both)):
        assert abs(found.mean() - expected) < 5 * np.sqrt(expected * (1 - expected) / 4000)
    assert np.array_equal(kept, objective.draw(2).words) and not np.array_equal(kept, objective.draw(3).words)
    assert objective.levels == 4000


def test_labels_texts_and_words_say_the_same():
    assert parse_rows(np.array([3, 1])) == parse_rows(["3", "1"]) == parse_rows([("3",), ["1"]]) == [("3",), ("1",)]
    vocabulary = Vocabulary.of(parse_rows(["10 red", "9 blue", "2"]))
    assert vocabulary.words == ("2", "9", "10", "blue", "red")
    alike = ["-0", "-07", "-7", "--5", "-", "0", "007", "07", "7"]  # equal integers in an order of their own
    assert Vocabulary.of([tuple(alike)]).words == ("-07", "-7", "-0", "0", "007", "07", "7", "-", "--5")
    assert vocabulary.encode([("9", "red"), ()]).tolist() == [[0, 1, 0, 0, 1], [0] * 5]
    texts = [f"{k} {'left' if p[0] < 0.5 else 'right'}" for k, p in zip(Y, X, strict=True)]
    score = fit(condition=texts)
    assert score.vocabulary.words == ("0", "1", "2", "left", "right")
    x = score.encode(X[:8])
    assert np.array_equal(score.given(words="left 1")(x, 0.2), score.given(words=[["1", "left"]])(x, 0.2))


# ---- files ---------------------------------------------------------------------------------------------------------


def test_saved_and_loaded_it_answers_the_same(tmp_path):
    score = fit(match_moments=True)
    score.save(tmp_path / "score")
    loaded = ink.load(tmp_path / "score")
    assert loaded.vocabulary == score.vocabulary
    for condition in ({"label": 2}, {"label": 0, "guidance": 3.0}):
        assert np.array_equal(
            loaded.sample(5, seed=1, steps=5, **condition), score.sample(5, seed=1, steps=5, **condition)
        )
    with pytest.raises(ValueError, match="not what `given` made of it"):
        score.given(label=1).save(tmp_path / "conditional")


def test_files_of_the_versions_before_still_load(tmp_path):
    score = fit(condition=None)
    score.save(tmp_path / "new")
    with safe_open(tmp_path / "new", framework="numpy") as file:
        metadata, tensors = dict(file.metadata()), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    config = json.loads(metadata["config"])
    del config["vocabulary"]
    text = json.dumps(config)
    metadata |= {"version": "3", "config": text, "sha256": file_format.checksum(text, tensors)}
    (tmp_path / "old").write_bytes(serialise(tensors, metadata))
    x = score.encode(X)
    assert np.array_equal(ink.load(tmp_path / "old")(x, 0.1), score(x, 0.1))


def test_resumed_it_is_as_if_never_interrupted(tmp_path):
    path = tmp_path / "training"

    def stop(step, loss, snapshot):
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(checkpoint=path, every=1, callback=stop)
    other = Y.copy()
    other[0] = 1
    with pytest.raises(ValueError, match="the same data under the same"):
        ink.resume(path, X, condition=other, **QUIET)
    with pytest.raises(ValueError, match="condition: this training is conditioned on words"):
        ink.resume(path, X, **QUIET)
    resumed = ink.resume(path, X, condition=Y, **QUIET)
    assert np.array_equal(resumed.theta, fit().theta)


def test_the_training_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INKDIFF_CACHE_DIR", str(tmp_path))
    said = []
    settings = {"steps": 4, "seed": 1, "net": SMALL, "batch": 32, "parameterisation": RAW}

    def once(condition=Y, **others):
        return ink.fit_cached(VP, X, condition=condition, say=said.append, **settings | others, **QUIET)

    first, again = once(), once()
    assert np.array_equal(first.theta, again.theta) and len(said) == 1 and "once" in said[0]
    once(condition=(Y + 1) % 3)
    once(seed=2)
    assert len(said) == 3 and len(list((tmp_path / "scores").glob("*.safetensors"))) == 3
    path = cached_file(VP, X, condition=Y, **settings)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.warns(UserWarning, match="is replaced by a new training"):
        assert np.array_equal(once().theta, first.theta)
    monkeypatch.setattr("inkdiff.learned.checkpoint.training_cache.cache_folder", lambda *parts: None)
    assert np.array_equal(once().theta, first.theta) and "cannot be written" in said[-1]


def test_the_cache_keeps_what_fit_would_train(tmp_path, monkeypatch):
    """Whatever `fit` uses of the data is in the key."""
    monkeypatch.setenv("INKDIFF_CACHE_DIR", str(tmp_path))
    settings = {"steps": 3, "seed": 1, "net": SMALL, "batch": 32, "parameterisation": RAW} | QUIET
    wide = X * np.float32([1, 40])
    sets = [{}, {"units": ("cm", "kg")}, {"units": ("cm", "cm")}, {"range": (0, 40)}, {"image_shape": (1, 2)}]
    for known in [*sets, {"name": "other"}]:
        data = ink.datasets.Dataset(wide, **known)
        one, other = ink.fit_cached(VP, data, say=str, **settings), ink.fit(VP, data, **settings)
        assert np.array_equal(one.theta, other.theta) and one.scaling == other.scaling
        assert one.image_shape == other.image_shape and one.about == other.about


AT_ONCE = """
import hashlib, os, pathlib, sys, time
import numpy as np, inkdiff as ink
folder, ready = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[1], "ready" + sys.argv[2])
x = np.random.default_rng(0).normal(size=(64, 2))
run = ink.RunOptions(progress=False, threads=1, every=1)
raw = ink.Parameterisation(match_moments=False)
what = {"net": ink.MLP(8, 1), "batch": 16, "parameterisation": raw, "progress": run}
ink.fit(ink.VariancePreserving.linear(), x, steps=1, seed=0, **what)  # compiled
os.environ["INKDIFF_CACHE_DIR"] = str(folder)
ready.touch()
while len(list(folder.glob("ready*"))) < 3:
    time.sleep(0.001)
score = ink.fit_cached(ink.VariancePreserving.linear(), x, steps=100, seed=0, say=print, **what)
print(hashlib.sha256(score.theta.tobytes()).hexdigest())
"""


def test_one_cache_for_processes_at_once(tmp_path):
    """One trains, the others wait and say so once; nobody's unfinished file is taken for a leftover."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen([sys.executable, "-c", AT_ONCE, tmp_path, str(k)], **pipes) for k in range(3)]
    told = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], told
    said = [out.splitlines() for out, _ in told]
    assert len({lines[-1] for lines in said}) == 1
    first = sorted(line.split()[0] for lines in said for line in lines[:-1])
    assert first in (["training"] + k * ["waiting"] for k in range(3))  # who comes late finds it finished


def test_a_lock_is_held_by_one(tmp_path, monkeypatch):
    path, waits = tmp_path / "a.lock", []

    class Waiting(Exception):
        """In place of waiting."""

    def refuse():
        raise Waiting

    with locked(path, refuse), pytest.raises(Waiting), locked(path, refuse):
        pass
    with locked(path, refuse):  # free again
        pass
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "fcntl", None)  # no locks to be had
        with locked(path, refuse), locked(path, refuse):
            pass
    holder = locked(path, refuse)
    holder.__enter__()

    def wait():
        waits.append(threading.Timer(0.15, holder.__exit__, (None, None, None)))
        waits[-1].start()

    with locked(path, wait):
        assert len(waits) == 1


# ---- mistakes ------------------------------------------------------------------------------------------------------


def test_mistakes_are_named():
    score, plain = fit(), fit(condition=None)
    x = score.encode(X[:6])
    for condition, message in (
        ({"label": 7}, "label: the word '7' is unknown to this model; it knows 0, 1, 2"),
        ({"words": "blue"}, "words: the word 'blue' is unknown to this model"),
        ({}, "nothing given: give one of label, words, prompt"),
        ({"label": 1, "words": "1"}, "label, words given: give one of"),
        ({"label": 1, "guidance": -1.0}, "guidance must be >= 0"),
    ):
        with pytest.raises(ValueError, match=message):
            score.given(**condition)
    with pytest.raises(TypeError, match="label"):
        score.given(label=1.5)
    with pytest.raises(ValueError, match="it was trained without any"):
        plain.given(label=1)
    with pytest.raises(ValueError, match="x has 6 rows, but the condition has 4"):
        score.given(label=Y[:4])(x, 0.1)
    with pytest.raises(ValueError, match="each of the 240 rows of data, got 10"):
        fit(condition=Y[:10])
    with pytest.raises(ValueError, match="no word for any row"):
        fit(condition=[""] * len(X))
    with pytest.raises(ValueError, match="condition: LearnedBits cannot be conditioned"):
        ink.fit(ink.Binomial(20), (X > 0.5).astype(np.float32), steps=1, seed=1, condition=Y)
    for bad in (3, "7", [1.5] * len(X)):
        with pytest.raises(TypeError, match="condition"):
            fit(condition=bad)
    for name in ("p_uncond", "p_drop_word"):
        with pytest.raises(ValueError, match=f"{name} must be a share"):
            fit(**{name: 1.0})
