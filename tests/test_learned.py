"""Learning a score: the known part is exact, the task has unit size, bits repeat, files survive, mistakes are named."""

from __future__ import annotations

import dataclasses
import json
import struct

import numpy as np
import pytest
from flat_options import grouped

import inkdiff as ink
from inkdiff.datasets.scaling import Scaling
from inkdiff.learned.model.marginals import Marginals
from inkdiff.learned.model.noise_levels import Levels
from inkdiff.learned.model.preconditioning import Preconditioning
from inkdiff.learned.training.denoising_objective import DenoisingObjective
from inkdiff.learned.training.posterior_target import PosteriorTarget
from inkdiff.nn import Arena, Run
from inkdiff.processes.noise_level import level

GLASS = ink.Box(0, 1)
SMALL = ink.MLP(width=32, depth=2, embedding=8, harmonics=4, dropout=0.1)
PROCESSES = {
    "vp": ink.VariancePreserving.linear(),
    "cosine": ink.VariancePreserving.cosine(),
    "ddpm": ink.VariancePreserving.ddpm(),
    "ou": ink.OrnsteinUhlenbeck(D=1.0, k=0.5),
    "brownian": ink.Brownian(D=0.5),
    "ve": ink.VarianceExploding(0.01, 50),
    "glass": ink.VarianceExploding(0.01, 1.5, GLASS),
    "ink in a glass": ink.Brownian(D=0.3, domain=GLASS),
    "torus": ink.VarianceExploding(0.01, 1.5, ink.Box(0, 1, "periodic")),
    "unequal sides": ink.VarianceExploding(0.01, 3.0, ink.Box((0, -1), (1, 2))),
}
every_process = pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)


def points(n=400, seed=0):
    """Two blobs and a bar inside the unit square, (n, 2)."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, n)
    centre = np.array([[0.25, 0.3], [0.7, 0.75], [0.75, 0.2]])[kind]
    spread = np.array([[0.05, 0.05], [0.08, 0.03], [0.15, 0.02]])[kind]
    return np.clip(centre + spread * rng.standard_normal((n, 2)), 0.01, 0.99).astype(np.float32)


def fit(process, data=None, steps=20, seed=1, **settings):
    settings = {"net": SMALL, "batch": 64, "match_moments": False, "progress": False} | settings
    return ink.fit(process, points() if data is None else data, steps=steps, seed=seed, **grouped(**settings))


def relative_error(a, b):
    """Root mean square of a - b over that of b."""
    return float(np.sqrt(((a - b) ** 2).mean() / (b**2).mean()))


def time_at(process, sigma):
    """t with sigma/alpha = sigma."""
    levels = Levels.of(process, sigma_min=0.01, width=0.3, d=1)
    return float(levels.times(process, np.array([np.log(sigma)]))[0])


# ---- the known part ------------------------------------------------------------------------------------------------

ONE_DIMENSIONAL = {name: p for name, p in PROCESSES.items() if name not in ("unequal sides",)}


@pytest.mark.parametrize("process", ONE_DIMENSIONAL.values(), ids=ONE_DIMENSIONAL)
@pytest.mark.parametrize("sigma", [0.05, 0.2, 0.6])
def test_in_one_dimension_the_known_part_is_the_whole_score(process, sigma):
    data = points()[:, :1]
    levels = Levels.of(process, sigma_min=0.01, width=0.3, d=1)
    marginals = Marginals.of(process.domain, data, levels.lo, levels.hi)
    t = time_at(process, sigma)
    x = ink.diffuse(process, np.tile(data, (5, 1)), t, seed=3)
    noise = np.array([level(process, t)])
    known = marginals(x / np.float32(process.alpha(t)), noise).known
    exact = process.sigma(t) * ink.EmpiricalScore(process, data)(x.astype(np.float64), t)
    # Histogram bins of 1/256 of the range, table nodes of 1/128, linear interpolation.
    assert np.sqrt(((known - exact) ** 2).mean()) < 0.03 * np.sqrt((exact**2).mean()) + 2e-3


@every_process
def test_unknown_is_the_variance_left_and_guess_the_mean(process):
    data = points(2000)
    levels = Levels.of(process, sigma_min=0.02, width=0.3, d=2)
    marginals = Marginals.of(process.domain, data, levels.lo, levels.hi)
    t = float(levels.times(process, np.array([np.log(0.3)]))[0])
    x0 = np.tile(data, (10, 1))
    x = ink.diffuse(process, x0, t, seed=4)
    alpha, noise = np.float32(process.alpha(t)), np.array([level(process, t)])
    alone = marginals(x / alpha, noise)
    u = process.sigma(t) * process.score_transition(x, t, x0)
    for left, squared in ((u - alone.known, alone.unknown**2), (x0 - alone.guess, None)):
        # E[u - m | y] = 0, also weighted by a function of y; E[(u - m)^2 - R^2] = 0. Rows share starts: 400 groups.
        for weight in (np.ones_like(x), np.sin(5 * x / alpha)):
            values = (left * weight).reshape(10, 2000, 2).mean(0)
            assert (np.abs(values.mean(0)) < 5 * values.std(0) / np.sqrt(2000) + 2e-3).all()
        if squared is not None:
            values = (left**2 - squared).reshape(10, 2000, 2).mean(0)
            assert (np.abs(values.mean(0)) < 5 * values.std(0) / np.sqrt(2000) + 5e-3).all()
            assert alone.unknown_rms[0, 0] == pytest.approx(np.sqrt((left**2).mean()), rel=0.03)


def test_the_known_part_obeys_the_walls():
    process = PROCESSES["glass"]
    marginals = Marginals.of(GLASS, points(), np.log(0.02), np.log(1.5))
    for sigma in (0.05, 0.3, 1.0):
        alone = marginals(np.array([[0, 1], [1, 0]], np.float32), np.array([np.log(sigma)]))
        assert np.abs(alone.known).max() < 1e-4 and alone.unknown.max() < 1e-2
    assert process.domain == GLASS


@every_process
def test_the_network_starts_with_a_task_of_unit_size(process):
    """At F = 0 the loss is 1 at every level: |u - m|^2 / r^2, or less where the target is the posterior mean."""
    x = Scaling.of(process.domain, points(), None).encode(points())
    known = Preconditioning.of(process, x, sigma_min=0.05)
    objective = DenoisingObjective(process, known, SMALL.build(4, 2), x, 4096, 0)
    theta = np.zeros(objective.network.size, np.float32)
    batch = objective.draw(0)._replace(posterior=None)
    loss = objective.gradient(Run(theta, Arena(), training=True), batch, np.empty_like(theta))
    order = np.argsort(batch.noise.level)
    for part in np.array_split(loss[order], 4):
        assert abs(part.mean() - 1) < 5 * part.std() / np.sqrt(part.size) + 0.05


def test_without_training_independent_coordinates_are_already_known():
    rng = np.random.default_rng(5)
    variance = np.array([1.0, 0.3])
    data = (rng.standard_normal((20_000, 2)) * np.sqrt(variance)).astype(np.float32)
    process = ink.OrnsteinUhlenbeck(D=1.0, k=1.0)
    score = fit(process, data, steps=1, lr=1e-12)
    for t in (0.05, 0.5, 2.0):
        alpha, sigma = process.alpha(t), process.sigma(t)
        x = score.encode(data[:2000]) * np.float32(alpha)
        x = x + np.float32(sigma) * rng.standard_normal(x.shape).astype(np.float32)
        centre = alpha * score.encode(data.mean(0))
        exact = -(x - centre) / (alpha**2 * variance / score.scaling.scale**2 + sigma**2)
        assert relative_error(score(x, t), exact) < 0.05


def test_fourier_features_are_those_of_the_blurred_position():
    """What the network sees of cos(k y) is what is left of it on average when the noise is added once more."""
    process, data = PROCESSES["vp"], 4 * points(300) - 2
    known = Preconditioning.of(process, data, sigma_min=0.05, fourier_octaves=3)
    x, t = data[:50], 0.3
    noise = known.noise(process, t, x)
    features = known.prepare(x, noise).features
    assert features.shape == (50, known.inputs) == (50, 16)
    k = 2.0 ** np.arange(3) / known.spread
    angle = k[:, None] * (x / noise.alpha[:, None] - known.centre)[:, None, :]
    fade = np.exp(-((k * np.exp(noise.level[0])) ** 2) / 2)[:, None]
    expected = np.concatenate([fade * np.cos(angle), fade * np.sin(angle)], axis=1).reshape(50, -1)
    np.testing.assert_allclose(features[:, 4:], expected, atol=2e-5)
    np.testing.assert_array_equal(
        features[:, :4], dataclasses.replace(known, fourier_octaves=0).prepare(x, noise).features
    )
    eps = np.random.default_rng(0).standard_normal(100_000)
    blurred = np.cos(k[1] * (0.7 + np.exp(noise.level[0]) * eps))
    assert abs(blurred.mean() - fade[1, 0] * np.cos(0.7 * k[1])) < 5 * blurred.std() / np.sqrt(len(eps))


def test_far_from_all_data_the_network_is_silent():
    """R is a standard deviation: beyond the end of its table it neither becomes negative nor grows."""
    score = fit(PROCESSES["vp"], steps=3)
    far = 50 * np.array([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0]], np.float32)
    t = float(score.times(2)[-2])
    prepared = score.preconditioning.prepare(far, score.preconditioning.noise(PROCESSES["vp"], t, far))
    assert (prepared.scale >= 0).all() and prepared.scale.max() <= 10
    assert (np.sign(score(far, t)) == -np.sign(far)).all()
    u, along = score.jvp(far.astype(np.float64), t, np.eye(2)[:, None, :] * np.ones((2, 3, 1)))
    assert np.isfinite(u).all() and np.isfinite(along).all()


# ---- targets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [0.02, 0.3, 1.0])
def test_posterior_target_is_the_score_of_the_noised_data(t):
    process, data = PROCESSES["vp"], 4 * points(300) - 2
    x = ink.diffuse(process, data[:100], t, seed=2)
    alpha, sigma = np.float32(process.alpha(t)), np.float32(process.sigma(t))
    target = PosteriorTarget(data)(x / alpha, np.full((100, 1), sigma / alpha)) / sigma
    assert relative_error(target, ink.EmpiricalScore(process, data)(x.astype(np.float64), t)) < 1e-3


def test_posterior_mean_has_the_gradient_of_the_single_target():
    """Both targets have the same conditional expectation given x_t, so their mean difference is zero."""
    process, data = PROCESSES["vp"], 4 * points(300) - 2
    objective = DenoisingObjective(
        process, Preconditioning.of(process, data, sigma_min=0.05), SMALL.build(4, 2), data, 20_000, 0
    )
    batch = objective.draw(0)
    prepared = objective.preconditioning.prepare(batch.x_t, batch.noise)
    difference = objective._target(batch, prepared) - objective._target(batch._replace(posterior=None), prepared)
    for weight in (1.0, batch.noise.code[:, None], np.tanh(batch.x_t)):
        values = (difference * weight).mean(1)
        assert abs(values.mean()) < 5 * values.std() / np.sqrt(values.size)


@every_process
def test_batches_are_a_pure_function_of_seed_and_step(process):
    x = Scaling.of(process.domain, points(), None).encode(points())
    known = Preconditioning.of(process, x, sigma_min=0.05)
    one, other = (DenoisingObjective(process, known, SMALL.build(4, 2), x, 256, seed) for seed in (7, 8))
    first = one.draw(3)
    one.draw(4)
    again = one.draw(3)
    assert np.array_equal(first.x_t, again.x_t) and np.array_equal(first.t, again.t)
    assert np.array_equal(first.dropout, again.dropout) and first.dropout.shape == (1, 256, 32)
    for different in (one.draw(4), other.draw(3)):
        assert not np.array_equal(first.x_t, different.x_t) and not np.array_equal(first.dropout, different.dropout)
    # One level in each of 64 equal strata (a table of steps rounds them to its integers), for four rows each.
    assert one.levels == first.code.size == 64 and np.array_equal(np.repeat(first.code, 4), first.noise.code)
    strata = np.sort((first.code + 1) / 2 * 64)
    if not process.discrete:
        assert (np.abs(strata - np.arange(64) - 0.5) < 0.51).all()
    assert ((first.t > 0) & (first.t <= process.t_max)).all()


# ---- learning -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vp", "glass", "torus"])
def test_training_comes_near_the_exact_score(name):
    process, data = PROCESSES[name], points(300)
    score = fit(process, data, steps=400, batch=256, lr=1e-2, decay=0.0, net=ink.MLP(64, 2, dropout=0.0))
    encoded, untrained = score.encode(data), fit(process, data, steps=1, lr=1e-12)
    # A torus of side 1 mixes as fast as a glass of side 1/2: half the noise leaves as much to learn.
    for sigma in (0.075, 0.15) if name == "torus" else (0.15, 0.3):
        t = time_at(process, sigma / score.scaling.scale)
        x = ink.diffuse(process, np.tile(encoded, (3, 1)), t, seed=9)
        exact = ink.EmpiricalScore(process, encoded)(x.astype(np.float64), t)
        assert relative_error(score(x, t), exact) < 0.5 * relative_error(untrained(x, t), exact)
        assert relative_error(score(x, t), exact) < 0.3


@every_process
def test_samples_come_in_data_units_from_every_process(process):
    data = points()
    score = fit(process, data)
    x = score.sample(50, seed=3, steps=20)
    assert x.shape == (50, 2) and x.dtype == np.float32 and np.isfinite(x).all()
    assert (np.abs(x.mean(0) - data.mean(0)) < 0.2).all() and (x.std(0) < 3 * data.std(0)).all()
    if isinstance(process.domain, ink.Box):
        process.domain.check_inside(x)
    assert np.array_equal(x, score.sample(50, seed=3, steps=20))
    assert not np.array_equal(x, score.sample(50, seed=4, steps=20))
    stochastic = "euler_maruyama" if isinstance(process.domain, ink.Box) else "ancestral"
    assert np.isfinite(score.sample(50, seed=3, steps=20, sampler=stochastic)).all()


@pytest.mark.parametrize("name", ["vp", "glass"])
def test_training_and_sampling_give_the_same_bits_on_any_number_of_threads(name):
    import numba

    digits = ink.datasets.digits().split()[0]
    one, three = (fit(PROCESSES[name], digits, steps=6, batch=100, threads=k) for k in (1, 3))
    assert np.array_equal(one.theta, three.theta)
    assert not np.array_equal(one.theta, fit(PROCESSES[name], digits, steps=6, batch=100, seed=2).theta)
    x = one.sample(300, seed=1, steps=4)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        assert np.array_equal(x, three.sample(300, seed=1, steps=4))
    finally:
        numba.set_num_threads(before)


def test_score_takes_one_time_or_one_per_row_and_keeps_the_dtype():
    score = fit(PROCESSES["vp"])
    x = score.encode(points(20))
    np.testing.assert_allclose(score(x, 0.3), score(x, np.full(20, 0.3)), rtol=1e-4, atol=1e-5)
    assert score(x.astype(np.float64), 0.3).dtype == np.float64
    np.testing.assert_allclose(score(x.astype(np.float64), 0.3), score(x, 0.3))


def test_callback_and_progress(capsys):
    calls = []
    score = fit(
        PROCESSES["vp"], steps=60, progress=True, callback=lambda step, loss, now: calls.append((step, loss, now()))
    )
    assert [step for step, _, _ in calls] == list(range(1, 61))
    assert all(np.isfinite(loss) for _, loss, _ in calls)
    assert np.array_equal(calls[-1][2].theta, score.theta) and not np.array_equal(calls[0][2].theta, score.theta)
    assert "loss=" in capsys.readouterr().err
    fit(PROCESSES["vp"], steps=2)
    assert capsys.readouterr().err == ""


def test_a_diverging_loss_stops_with_advice():
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="lower learning rate than 1e\\+30"):
        fit(PROCESSES["vp"], steps=50, lr=1e30, warmup=0)


def test_many_data_use_the_batch_as_references():
    data = points(3000)
    objective = DenoisingObjective(
        PROCESSES["ve"], Preconditioning.of(PROCESSES["ve"], data, sigma_min=0.05), SMALL.build(4, 2), data, 64, 0
    )
    assert objective.draw(0).posterior is not objective.draw(0).posterior
    assert np.isfinite(fit(PROCESSES["ve"], data).theta).all()


def test_on_a_device_nothing_moves_by_itself(device):
    data = points()
    for name in ("vp", "glass", "ddpm"):
        there = fit(PROCESSES[name], device.asarray(data), steps=8)
        here = fit(PROCESSES[name], data, steps=8)
        assert type(there.theta).__module__ == "cupy"
        # One shard and array expressions there, four shards and fused loops here: the same up to rounding.
        np.testing.assert_allclose(there.theta.get(), here.theta, rtol=1e-2, atol=1e-4)
        x = there.sample(10, seed=1, steps=5)
        assert type(x).__module__ == "cupy"
        np.testing.assert_allclose(x.get(), here.sample(10, seed=1, steps=5), rtol=0.05, atol=0.01)


# ---- scaling --------------------------------------------------------------------------------------------------------


def test_images_are_mapped_onto_the_range_of_the_process():
    digits = ink.datasets.digits()
    assert Scaling.of(PROCESSES["vp"].domain, digits.x, digits.range) == Scaling(0.5, 0.5)
    assert Scaling.of(PROCESSES["glass"].domain, digits.x, digits.range) == Scaling(0.0, 1.0)
    wide = Scaling.of(ink.Box(-2, 4), digits.x, digits.range)
    x = wide.encode(digits.x)
    np.testing.assert_allclose([x.min(), x.max()], [-2, 4], rtol=1e-6)
    np.testing.assert_allclose(wide.decode(x), digits.x, atol=1e-6)
    free = Scaling.of(PROCESSES["vp"].domain, points(), None)
    assert abs(free.encode(points()).mean()) < 1e-5 and (free.encode(points()) ** 2).mean() == pytest.approx(
        1, rel=1e-4
    )


# ---- files ----------------------------------------------------------------------------------------------------------


@every_process
def test_a_saved_score_computes_the_same_bits(process, tmp_path):
    score = fit(process, steps=3, match_moments=True)
    path = tmp_path / "score.safetensors"
    score.save(path)
    loaded = ink.load(path)
    assert loaded.process == process and loaded.scaling == score.scaling and loaded.about == score.about
    t = 500 if process.discrete else 0.4
    x = ink.diffuse(process, score.encode(points(30)), t, seed=2)
    assert np.array_equal(loaded(x, t), score(x, t))
    assert np.array_equal(loaded.sample(5, seed=1, steps=5), score.sample(5, seed=1, steps=5))
    assert [p.name for p in tmp_path.iterdir()] == ["score.safetensors"]


def test_image_shape_survives(tmp_path):
    score = fit(PROCESSES["glass"], ink.datasets.digits(), steps=1)
    score.save(tmp_path / "digits")
    assert ink.load(tmp_path / "digits").image_shape == score.image_shape == (8, 8)
    assert "digits" in ink.load(tmp_path / "digits").about["data"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("scores") / "score.safetensors"
    fit(PROCESSES["glass"], steps=2, match_moments=True).save(path)
    return path.read_bytes()


@pytest.mark.parametrize("share", [0.0, 1e-4, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_named(saved, share, tmp_path):
    path = tmp_path / "part"
    path.write_bytes(saved[: int(share * len(saved))])
    with pytest.raises(ValueError, match=r"path: .*part.*(damaged|truncated)"):
        ink.load(path)


def rewritten(saved, change, tmp_path):
    """The file with its JSON header changed by `change(header)`."""
    size = struct.unpack("<Q", saved[:8])[0]
    header = json.loads(saved[8 : 8 + size])
    change(header)
    text = json.dumps(header).encode()
    path = tmp_path / "changed"
    path.write_bytes(struct.pack("<Q", len(text)) + text + saved[8 + size :])
    return path


def config(change):
    def apply(header):
        parts = json.loads(header["__metadata__"]["config"])
        change(parts)
        header["__metadata__"]["config"] = json.dumps(parts)

    return apply


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h["__metadata__"].update(version="99"), "version '99'.*upgrade"),
        (lambda h: h["__metadata__"].update(format="other"), "not a learned score"),
        (lambda h: h.pop("__metadata__"), "not a learned score"),
        (lambda h: h["__metadata__"].update(config="{"), "damaged"),
        (lambda h: h["__metadata__"].pop("config"), "damaged"),
        (config(lambda c: c.pop("network")), "damaged.*network"),
        (config(lambda c: c["network"].update(width=16)), "damaged.*theta"),
        (config(lambda c: c["network"].update(depth=0)), "damaged.*depth"),
        (config(lambda c: c["process"].update(type="os.system")), "damaged.*checksum.*os.system"),
        (config(lambda c: c["process"].update(sigma_min=-1)), "damaged.*sigma_min"),
        (config(lambda c: c.update(process={"type": "Free"})), "damaged.*Free"),
        (config(lambda c: c.update(marginals=[1])), "damaged"),
        (lambda h: h["table"].update(shape=h["table"]["shape"][::-1]), "damaged"),
        (lambda h: h["theta"].update(dtype="I32"), "damaged.*float32"),
    ],
)
def test_foreign_newer_and_inconsistent_files_are_named(saved, change, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        ink.load(rewritten(saved, change, tmp_path))


def test_not_finite_weights_and_garbage_and_nothing(saved, tmp_path):
    size = struct.unpack("<Q", saved[:8])[0]
    begin = 8 + size + json.loads(saved[8 : 8 + size])["theta"]["data_offsets"][0]
    path = tmp_path / "nan"
    path.write_bytes(saved[:begin] + np.float32(np.nan).tobytes() + saved[begin + 4 :])
    with pytest.raises(ValueError, match=r"damaged.*theta.*finite"):
        ink.load(path)
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(ValueError, match="damaged, truncated, or no safetensors"):
        ink.load(path)
    with pytest.raises(FileNotFoundError, match=r"no file.*LearnedScore\.save"):
        ink.load(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match="no file"):
        ink.load(tmp_path)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    score = fit(PROCESSES["vp"], steps=1)
    path = tmp_path / "score"
    score.save(path)
    before = path.read_bytes()
    with pytest.raises(FileNotFoundError, match="folder"):
        score.save(tmp_path / "nowhere" / "score")

    @dataclasses.dataclass(frozen=True)
    class Own(ink.Brownian):
        pass

    with pytest.raises(TypeError, match=r"Own cannot be saved.*put @ink.register on its class"):
        dataclasses.replace(score, process=Own(1.0)).save(path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["score"]


# ---- mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"data": np.zeros((0, 2))}, ValueError, "data is empty"),
        ({"data": np.full((5, 2), np.nan)}, ValueError, "data must be finite"),
        ({"data": np.zeros(5)}, ValueError, "data must have shape"),
        ({"data": np.ones((5, 2))}, ValueError, "nothing to learn"),
        ({"data": np.tile([[0.0, 1.0]], (5, 1))}, ValueError, "rows are equal"),
        (
            {"data": 1e30 * np.eye(5), "process": ink.VarianceExploding(1e28, 1e31, ink.Box(0, 1e30))},
            ValueError,
            r"numbers as large as 1e\+30 are too large for float32, .*; rescale them",
        ),
        ({"data": 1e30 * np.eye(5)}, ValueError, r"numbers as large as 1e\+30 are too large for float32"),
        ({"data": "digits"}, TypeError, "data must be"),
        ({"process": PROCESSES["glass"], "data": 3 * points()}, ValueError, "data must lie in the box"),
        ({"process": "vp"}, TypeError, "process must be a process"),
        ({"process": ink.VarianceExploding(0.01, 0.02)}, ValueError, "sigma_max"),
        ({"process": ink.VarianceExploding(0.001, 0.1, GLASS)}, ValueError, "sigma_max"),
        ({"process": ink.VariancePreserving.linear(0.1, 0.2)}, ValueError, "longer schedule"),
        ({"steps": 0}, ValueError, "steps must be >= 1"),
        ({"steps": 2.5}, TypeError, "steps must be an integer"),
        ({"seed": -1}, ValueError, "seed"),
        ({"batch": 0}, ValueError, "batch"),
        ({"lr": 0.0}, ValueError, "lr must be > 0"),
        ({"lr": np.inf}, ValueError, "lr must be finite"),
        ({"decay": -0.1}, ValueError, "decay must be >= 0"),
        ({"warmup": -1}, ValueError, "warmup"),
        ({"sigma_min": 0}, ValueError, "sigma_min"),
        ({"threads": -1}, ValueError, "threads"),
        ({"net": 64}, TypeError, "net must be an inkdiff.MLP"),
    ],
)
def test_fit_names_what_is_wrong(changes, error, message):
    settings = {"process": PROCESSES["vp"], "data": points()} | changes
    with pytest.raises(error, match=message):
        fit(settings.pop("process"), **settings)


def test_a_score_names_what_is_wrong():
    score = fit(PROCESSES["vp"], steps=1)
    x = score.encode(points(5))
    for bad, error, message in (
        ((x[:, :1], 0.5), ValueError, "2 coordinates"),
        ((x, 0.0), ValueError, "t must be > 0"),
        ((x, 2.0), ValueError, r"t must lie in \[0, 1\]"),
        ((x, np.full(3, 0.5)), ValueError, "one value per row"),
        ((x * np.nan, 0.5), ValueError, "finite"),
        (("x", 0.5), TypeError, "x must be"),
    ):
        with pytest.raises(error, match=message):
            score(*bad)
    with pytest.raises(ValueError, match="Gaussian posteriors"):
        fit(PROCESSES["glass"], steps=1).sample(3, seed=1, sampler="ancestral")
    for bad in ({"n": 0}, {"n": 3, "steps": 1}, {"n": 3, "seed": -1}):
        with pytest.raises(ValueError, match=list(bad)[-1]):
            score.sample(**({"seed": 0} | bad))
