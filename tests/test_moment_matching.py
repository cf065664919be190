"""The correction of learned scores: exact moments, the identity it restores, and that it leaves exact scores alone."""

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import inkdiff as ink
from inkdiff.learned.model import moment_matching
from inkdiff.learned.model.lyapunov import solve_symmetric
from inkdiff.learned.model.moment_matching import LEVELS, Calibration, Features, Moments, calibrate, solve
from inkdiff.learned.model.noise_levels import Levels

FREE = ink.VariancePreserving.linear()
GLASS = ink.VarianceExploding(0.01, 1.5, ink.Box(-1, 1))


def data(n=400, d=4):
    """Correlated, skewed, inside (-1, 1)."""
    z = ink.normal(n * d, seed=3).reshape(n, d)
    mixed = z @ np.array([[1, 0.8, 0.2, 0.5], [0, 0.5, 0.2, 0], [0, 0, 0.7, 0.1], [0, 0, 0, 0.4]], np.float32)
    return np.tanh(0.4 * mixed + 0.3).astype(np.float32)


def times(process, x):
    return Levels.of(process, sigma_min=0.05, width=0.6, d=4).descending(process, LEVELS)


@pytest.mark.parametrize("process", [FREE, GLASS], ids=["free", "glass"])
@pytest.mark.parametrize("t", [0.2, 0.6, 0.8])
def test_moments_are_those_of_noised_data(process, t):
    x = data()
    features = Features.of(process, 4)
    moments = Moments.of(features, x)
    many = np.tile(x, (500, 1)).astype(np.float64)
    s = process.sigma(t) / process.alpha(t)
    y = ink.diffuse(process, many, t, seed=1) / process.alpha(t)
    c, slope = features(y)
    m, spread, laplacian, laplacians = moments.at(s)
    u = moments.axes
    a = (c - m) @ u.T
    k2 = 0 if features.wave is None else features.wave**2
    bend = np.einsum("nk,nl->nkl", a, (k2 * c) @ u.T)
    products = 2 * np.einsum("ki,li,ni->nkl", u, u, slope**2) - bend - bend.swapaxes(1, 2)
    for samples, truth in (
        (c, m), (np.einsum("nk,nl->nkl", a, a), spread), (-k2 * c, laplacian), (products, laplacians)
    ):  # fmt: skip
        # copies of a data point are strata of the average: this error is an upper bound
        error = samples.std(0) / np.sqrt(len(samples)) + 1e-12
        assert np.abs((samples.mean(0) - truth) / error).max() < 5


@pytest.mark.parametrize("process", [FREE, GLASS], ids=["free", "glass"])
def test_solved_correction_obeys_the_identity(process):
    x = data()
    t = 0.5
    moments = Moments.of(Features.of(process, 4), x)
    x_t = ink.diffuse(process, np.tile(x, (5, 1)), t, seed=2)
    alpha, sigma = process.alpha(t), process.sigma(t)
    y, s = (x_t / alpha).astype(np.float64), sigma / alpha
    wrong = 0.8 * sigma * ink.EmpiricalScore(process, x)(x_t, t)
    centre, linear, square = solve(moments, y, wrong, s)
    c, slope = moments.features(y)
    a = (c - centre) @ moments.axes.T
    right = wrong + slope * (linear + a @ square @ moments.axes)
    assert np.abs(square - square.T).max() < 1e-12 * np.abs(square).max()
    _, spread, laplacian, laplacians = moments.at(s)

    def lacking(score):
        """Of the identity, for every c_j and every product a_k a_l."""
        flow = a.T @ ((slope * score) @ moments.axes.T) / len(a)
        single = -s * laplacian - 2 / s * (c.mean(0) - centre) - (slope * score).mean(0)
        return np.append(single, -s * laplacians - 2 / s * (a.T @ a / len(a) - spread) - flow - flow.T)

    # in the glass the matrices M_i are averaged over some of the walkers: a few per cent
    assert np.abs(lacking(right)).max() < (0.1 if process is GLASS else 2e-3) * np.abs(lacking(wrong)).max()


def test_the_symmetric_equation_is_solved():
    z = ink.normal(6 * 40 * 5, seed=8).astype(np.float64).reshape(6, 40, 5)
    masses = z.swapaxes(1, 2) @ z / 40
    u = np.linalg.qr(ink.normal(36, seed=9).astype(np.float64).reshape(6, 6))[0][:5]
    truth = ink.normal(25, seed=10).astype(np.float64).reshape(5, 5)
    truth += truth.T
    for given in (masses, masses[:1]):
        each = np.broadcast_to(given, masses.shape)
        half = sum(each[i] @ truth @ np.outer(u[:, i], u[:, i]) for i in range(6))
        found = solve_symmetric(given, u, half + half.T)
        assert np.abs(found - truth).max() < 0.01 * np.abs(truth).max()


def test_walkers_start_without_chance_in_their_moments():
    x = ink.processes.Gaussian(2.5).with_exact_moments(ink.normal(300 * 4, seed=1).reshape(300, 4))
    assert x.dtype == np.float32
    assert np.allclose(x.mean(0), 0, atol=1e-6) and np.allclose(x.T @ x / 300, 2.5 * np.eye(4), atol=1e-5)


def test_files_of_old_hold_the_diagonal_only(tmp_path):
    score = ink.fit(
        FREE,
        data(),
        steps=2,
        seed=1,
        net=ink.MLP(8, 1),
        parameterisation=ink.Parameterisation(match_moments=True),
        progress=False,
    )
    score.save(tmp_path / "new.ink")
    with safe_open(tmp_path / "new.ink", "numpy") as file:
        config, tensors = file.metadata()["config"], {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    square = tensors["calibration.square"]
    tensors["calibration.square"] = np.ascontiguousarray(np.diagonal(square, axis1=1, axis2=2))
    save_file(tensors, tmp_path / "old.ink", {"format": "inkdiff learned score", "version": "1", "config": config})
    old = ink.load(tmp_path / "old.ink").calibration.square
    assert old.shape == square.shape
    assert np.array_equal(old, square * np.eye(4, dtype=np.float32))


@pytest.mark.parametrize("process", [FREE, GLASS], ids=["free", "glass"])
def test_a_shrinking_score_gets_its_variance_back(process, monkeypatch):
    # the exact score of a data set in a box costs a kernel per pair
    monkeypatch.setattr(moment_matching, "_WALKERS", (512, 512))
    x = data(n=30)
    exact = ink.EmpiricalScore(process, x)

    def shrunk(x_t, t):
        """A denoiser that believes the data 15 % closer to their mean than they are."""
        alpha, v = process.alpha(t), process.variance(t)
        believed = x_t + v * exact(x_t, t)
        closer = alpha * x.mean(0) + 0.85 * (believed - alpha * x.mean(0))
        return ((closer - x_t) / v).astype(x_t.dtype)

    walk = times(process, x)
    found = calibrate(process, shrunk, x, walk, seed=5)

    def calibrated(x_t, t):
        alpha, sigma = process.alpha(t), process.sigma(t)
        more = found((x_t / alpha).astype(np.float32), np.array([np.log(sigma / alpha)]))
        return shrunk(x_t, t) + more / np.float32(sigma)

    start = process.prior(float(walk[0])).sample(500, 4, seed=9)
    share = []
    for score in (shrunk, calibrated):
        out = ink.reverse(process, score, start, walk, seed=6, sampler="heun").last
        share.append(float(out.var(0).sum() / x.var(0).sum()))
    assert share[0] < 0.85
    assert abs(share[1] - 1) < 0.15  # 500 samples of 4 coordinates: the share itself is known to about 4 %


def test_an_exact_score_is_left_alone():
    x = data()
    found = calibrate(FREE, ink.EmpiricalScore(FREE, x), x, times(FREE, x), seed=5)
    assert isinstance(found, Calibration)
    for level in (-1.0, 0.0, 1.0):
        t = float(np.interp(level, *_levels(FREE)))
        y = ink.diffuse(FREE, x, t, seed=4) / FREE.alpha(t)
        correction = found(y.astype(np.float32), np.array([level]))
        assert np.sqrt((correction**2).mean()) < 0.1  # sigma times the score has unit size


def _levels(process):
    grid = np.linspace(1e-3, 1, 2000)
    return np.log(process.sigma(grid) / process.alpha(grid)), grid


def test_periodic_walls_and_single_rows_have_no_correction():
    torus = ink.Brownian(1.0, ink.Box(-1, 1, wall="periodic"))
    assert calibrate(torus, lambda x, t: 0 * x, data(), np.array([1.0, 0.1]), seed=1) is None
    assert calibrate(FREE, lambda x, t: 0 * x, data()[:1], np.array([1.0, 0.1]), seed=1) is None
