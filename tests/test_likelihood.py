"""Likelihoods against exact densities; derivatives of scores against differences; the bound below; predictions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import inkdiff as ink
from inkdiff.metrics import Estimate
from inkdiff.nn import Arena, Run
from inkdiff.processes.noise_level import level, time_of
from inkdiff.processes.time_grids import log_snr

UNMATCHED = ink.Parameterisation(match_moments=False)

VP = ink.VariancePreserving.linear()
GLASS = ink.Brownian(0.5, ink.Box(0, 1))
TURNED = [[[0.2, 0.05], [0.05, 0.1]], [[0.1, 0.0], [0.0, 0.3]]]


def mixture(process=VP):
    return ink.MixtureScore(process, [0.3, 0.7], [[-0.8, 0.2], [0.6, -0.3]], TURNED)


@pytest.fixture(scope="module")
def learned():
    data = ink.datasets.eight_gaussians(20_000, 1)
    return ink.fit(VP, data, steps=400, seed=1, batch=512, net=ink.MLP(48, 3, dropout=0.0), progress=False)


POINTS = np.random.default_rng(0).normal(size=(60, 2)) * 0.7


@pytest.mark.parametrize("name", ["vp", "ve", "ou", "ink"])
def test_the_exact_trace_gives_the_analytic_density(name):
    """To 1e-4 nats, where the process is long enough for its end to be the prior to that."""
    process, until = {
        "vp": (ink.VariancePreserving.linear(0.1, 60.0), None),
        "ve": (ink.VarianceExploding(0.02, 1e5), None),
        "ou": (ink.OrnsteinUhlenbeck(1.0, 1.0), 13.0),
        "ink": (ink.Brownian(0.5), 1e10),
    }[name]
    score = mixture(process)
    found = ink.log_likelihood(process, score, POINTS, until=until, rtol=1e-7, atol=1e-7)
    assert np.allclose(found.values, score.log_density(POINTS, 0.0), atol=1e-4)
    assert (found.stderr == 0).all() and found.evaluations > 20


def test_between_walls():
    score = ink.FiniteDifference(ink.BoxScore(GLASS, np.array([5.0, 2.0, 1.0, 0.5, 3.0, 6.0])))
    x = np.linspace(0, 1, 51)[:, None]
    found = ink.log_likelihood(GLASS, score, x, start=0.002, until=3.0)
    assert np.allclose(found.values, score.score.log_density(x, 0.002), atol=1e-4)
    ring = ink.Brownian(0.5, ink.Box(0, 1, "periodic"))
    score = ink.FiniteDifference(ink.BoxScore(ring, np.array([5.0, 2.0, 1.0])))
    found = ink.log_likelihood(ring, score, x, start=0.002, until=1.0)
    assert np.allclose(found.values, score.score.log_density(x, 0.002), atol=1e-4)


@pytest.mark.parametrize(
    ("wall", "score", "slope"),
    [
        ("reflect", lambda x: -np.sin(np.pi * x), lambda x: -np.pi * np.cos(np.pi * x)),
        ("periodic", lambda x: np.cos(2 * np.pi * x), lambda x: -2 * np.pi * np.sin(2 * np.pi * x)),
    ],
)
def test_differences_at_walls_see_the_mirror_images(wall, score, slope):
    """The score's normal component is odd across a reflecting wall: its slope at the wall is not 0, nor is it doubled;
    and the score is never asked for outside."""
    box = ink.Box(-1, [1, 1], wall)

    def inside(x, t):
        box.check_inside(x)
        return score(x)

    x = np.array([[-1.0, 1.0], [1.0, -1.0], [0.0, 1.0], [1.0, 0.3]])
    v = np.stack([np.eye(2)[[0] * 4], np.eye(2)[[1] * 4]])
    u, along = ink.FiniteDifference(inside, domain=box).jvp(x, 1.0, v)
    assert np.array_equal(u, score(x))
    assert np.allclose(along, v * slope(x), rtol=0, atol=1e-8)
    boxed = ink.EmpiricalScore(ink.Brownian(0.5, box), x)
    assert ink.FiniteDifference(boxed).domain is box


def test_hutchinson_is_unbiased_and_its_error_falls_as_the_root_of_the_probes():
    rng = np.random.default_rng(7)
    factors = rng.normal(size=(2, 5, 5)) * 0.5
    covariances = factors @ factors.swapaxes(1, 2) + 0.2 * np.eye(5)
    score = ink.MixtureScore(VP, [0.5, 0.5], rng.normal(size=(2, 5)), covariances)
    x = rng.normal(size=(100, 5))
    loose = {"rtol": 1e-4, "atol": 1e-4}
    exact = ink.log_likelihood(VP, score, x, **loose).values
    spread = []
    for probes in (4, 16, 64):
        found = ink.log_likelihood(VP, score, x, trace=ink.Hutchinson(probes), seed=3, **loose)
        error = found.values - exact
        spread.append(math.sqrt((error**2).mean()))
    z = error / found.stderr
    assert (abs(z) < 5).all() and abs(z.mean()) < 5 / math.sqrt(len(z))
    slope = math.log(spread[2] / spread[0]) / math.log(16)
    # Of 100 rows a root mean square is known to a share of 1/sqrt(200).
    assert abs(slope + 0.5) < 5 * math.sqrt(2 / 200) / math.log(16)


@pytest.mark.parametrize("variance", ["posterior", "transition"])
def test_the_bound_lies_below_the_density(variance):
    """For data of that density on average: E bound <= E ln p_model <= E ln p."""
    score, rng = mixture(), np.random.default_rng(11)
    means, covariances = score.components(0.0).means, score.components(0.0).covariances
    x = np.stack([rng.multivariate_normal(means[k], covariances[k]) for k in rng.choice(2, 2000, p=score.weights)])
    truth = score.log_density(x, 0.0)
    gaps = []
    for steps in (20, 80):
        bound = ink.elbo(VP, score, x, log_snr(VP, steps, end=1e-3), seed=2, draws=4, variance=variance)
        gap = Estimate.of_mean(truth - bound.rows)
        gaps.append(gap.value)
        assert gap.value > -5 * gap.stderr
        assert -bound.terms.sum() == pytest.approx(bound.mean.value, rel=1e-9)
        assert len(bound.terms) == len(bound.times) and (bound.terms[:-1] > -5 * bound.stderr[:-1]).all()
    assert gaps[1] < gaps[0]


def test_the_bound_of_gaussian_data_is_its_closed_form():
    """One Gaussian under DDPM's table: every term is an expectation of squares, known exactly."""
    table = ink.VariancePreserving.ddpm(T=20, beta_1=0.01, beta_T=0.4)
    score, n = ink.GaussianScore(table, np.zeros(1), np.array([[0.5]])), 20_000
    x = math.sqrt(0.5) * ink.normal(n, seed=9)[:, None].astype(np.float64)
    bound = ink.elbo(table, score, x, np.arange(20, -1, -1.0), seed=4)
    for k, (t, s) in enumerate(itertools.pairwise(range(20, -1, -1))):
        a, v = table.alpha(float(t)), table.variance(float(t))
        # E (u + eps/sigma)^2 for x_t = a x_0 + sigma eps: the part of the noise that x_t does not tell
        off = 1 / v - 1 / (a**2 * 0.5 + v)
        a_ts, v_ts = table.transition(float(s), float(t))
        c2 = v / a**2 if s == 0 else v_ts * table.variance(float(s)) / v
        expected = (v_ts / a_ts) ** 2 * off / (2 * c2) + (math.log(2 * math.pi * c2) / 2 if s == 0 else 0)
        assert abs(bound.terms[k + 1] - expected) < 5 * bound.stderr[k + 1]


def test_matched_steps_lose_nothing_on_gaussian_data():
    """Then every q(x_s | x_t) is Gaussian, so the bound is ln p on average, however few the steps."""
    rng = np.random.default_rng(12)
    score = ink.GaussianScore(VP, [0.2, -0.1], TURNED[0])
    x = rng.multivariate_normal([0.2, -0.1], TURNED[0], 4000)
    for times in ([1.0, 0.2, 0.0], [1.0, 0.3, 0.01, 0.0]):
        gap = Estimate.of_mean(
            score.log_density(x, 0.0) - ink.elbo(VP, score, x, times, seed=5, variance="matched").rows
        )
        assert abs(gap.value / gap.stderr) < 5
        worse = ink.elbo(VP, score, x, times, seed=5, variance="transition").rows
        assert (score.log_density(x, 0.0) - worse).mean() > gap.value + 0.1


def test_matched_steps_are_the_best_gaussian_ones():
    score, rng = mixture(), np.random.default_rng(13)
    means, covariances = score.components(0.0).means, score.components(0.0).covariances
    x = np.stack([rng.multivariate_normal(means[k], covariances[k]) for k in rng.choice(2, 1000, p=score.weights)])
    times = log_snr(VP, 10, end=1e-3)
    rows = {v: ink.elbo(VP, score, x, times, seed=2, draws=2, variance=v).rows
            for v in ("posterior", "transition", "matched")}  # fmt: skip
    truth = score.log_density(x, 0.0)
    gap = Estimate.of_mean(truth - rows["matched"])
    assert -5 * gap.stderr < gap.value < 0.15
    assert min((truth - rows[v]).mean() for v in ("posterior", "transition")) > 2 * gap.value
    with pytest.raises(TypeError, match="jvp"):
        ink.elbo(VP, lambda x, t: -x, x, times, seed=2, variance="matched")


def test_a_learned_density_integrates_to_one(learned):
    axis = np.linspace(-2.4, 2.4, 65)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    found = learned.log_likelihood(grid, rtol=1e-3, atol=1e-3)
    mass = np.exp(found.values).sum() * (axis[1] - axis[0]) ** 2
    assert mass == pytest.approx(1, abs=0.02)
    data = ink.datasets.eight_gaussians(400, 5)
    nll = -learned.log_likelihood(data.x, rtol=1e-4, atol=1e-4).mean.value
    assert data.entropy - 0.1 < nll < data.entropy + 1.0  # trained for a moment only


def test_units_of_discrete_data(learned):
    x = ink.datasets.eight_gaussians(50, 5).x
    plain = learned.log_likelihood(x, rtol=1e-4, atol=1e-4)
    assert plain.bits_per_dim.value == pytest.approx(-plain.mean.value / 2 / math.log(2))
    coarse = learned.log_likelihood(x, rtol=1e-4, atol=1e-4, dequantise=1e-3)
    assert coarse.mean.value == pytest.approx(plain.mean.value + 2 * math.log(1e-3), abs=0.05)
    some = learned.log_likelihood(x[:20], rtol=1e-4, atol=1e-4, trace=ink.Hutchinson(64))
    assert abs((some.values - plain.values[:20]) / some.stderr).max() < 5


@pytest.mark.parametrize("width", [0.0, 1 / 16])
def test_rows_at_a_wall_have_a_likelihood(width):
    """Rounding that carries them through it is undone, with or without noise; what is farther outside is refused."""
    x, process = ink.datasets.digits(), ink.VarianceExploding(0.03, 6, ink.Box(-1, 2))
    score = ink.fit(
        process,
        x,
        steps=2,
        seed=0,
        net=ink.MLP(16, 1),
        parameterisation=UNMATCHED,
        progress=False,
    )
    roughly = {"trace": ink.Hutchinson(2), "rtol": 0.1, "atol": 0.1, "dequantise": width}
    rows = x.x[:3]
    assert score.encode(rows.astype(np.float64)).max() > 2  # by an ulp
    drawn = score.decode(np.full((1, 64), 2, np.float32))
    for inside in (rows, rows.astype(np.float64), drawn, score.sample(2, seed=1, steps=4)):
        assert np.isfinite(score.log_likelihood(inside, **roughly).values).all()
    for outside in (rows + 1e-4, rows - 1e-4):
        with pytest.raises(ValueError, match=r"encode\(x\) must lie in the box"):
            score.log_likelihood(outside, **roughly)


def test_derivative_of_exact_scores():
    v = np.random.default_rng(1).normal(size=(3, 60, 2))
    for t in (0.0, 0.3, np.linspace(0.1, 0.9, 60)):
        u, along = mixture().jvp(POINTS, t, v)
        _, differences = ink.FiniteDifference(mixture()).jvp(POINTS, t, v)
        assert np.allclose(u, mixture()(POINTS, t)) and np.allclose(along, differences, atol=1e-6)


def differentiable_network():
    network = ink.MLP(16, 3, embedding=8, harmonics=3, dropout=0.0).build(4, 2)
    rng = np.random.default_rng(2)
    return network, rng.normal(size=network.size) * 0.4, rng


def test_forward_mode_and_backpropagation_are_adjoint():
    """<w, J v> = <J^T w, v> in float64 to rounding, and both agree with differences."""
    network, theta, rng = differentiable_network()
    x, c, v, w = rng.normal(size=(5, 4)), rng.uniform(-1, 1, 5), rng.normal(size=(5, 4)), rng.normal(size=(5, 2))
    shifts, _ = network.shifts(Run(theta, Arena()), c)
    out, along = network.jvp(Run(theta, Arena()), x, v[None], shifts)
    again, backprop = network(Run(theta, Arena(), training=True), x.copy(), c)
    assert np.allclose(out, again, rtol=1e-12)
    back = backprop(w.copy(), np.zeros_like(theta))
    assert np.allclose((w * along[0]).sum(1), (back * v).sum(1), rtol=1e-10)
    h = 1e-6
    ends = [network(Run(theta, Arena()), x + sign * h * v, c)[0].copy() for sign in (1, -1)]
    assert np.allclose((ends[0] - ends[1]) / (2 * h), along[0], atol=1e-7)


@pytest.mark.parametrize("layer", ["first", "residual", "head"])
def test_every_layer_is_adjoint_to_its_way_back(layer):
    network, theta, rng = differentiable_network()
    run = Run(theta, Arena(), training=True)
    if layer == "head":
        x, v, w = rng.normal(size=(6, 16)), rng.normal(size=(6, 16)), rng.normal(size=(6, 2))
        _, back = network.head(run, x)
        pushed, pulled = v @ network.head.weight.of(theta), back(w.copy(), np.zeros_like(theta))
    else:
        block = network.blocks[layer == "residual"]
        inputs = 16 if layer == "residual" else 4
        x, v, w = rng.normal(size=(6, inputs)), rng.normal(size=(6, inputs)), rng.normal(size=(6, 16))
        shift = rng.normal(size=(6, 16))
        _, back = block(run, x, shift, None)
        pushed = block.jvp(run, x, v[None], shift)[1][0]
        pulled = back(w.copy(), np.zeros_like(theta))[0]
    assert np.allclose((w * pushed).sum(1), (pulled * v).sum(1), rtol=1e-10)


@pytest.mark.parametrize("walls", [None, "reflect", "periodic"])
def test_derivative_of_a_learned_score(walls):
    """Against differences, but where a difference spans a node of the table."""
    process = VP if walls is None else ink.VarianceExploding(0.01, 9.0, ink.Box(-3, 3, walls))
    moons = ink.datasets.moons(2000, 1)
    score = ink.fit(process, moons, steps=30, seed=1, net=ink.MLP(16, 2, dropout=0.0), progress=False)
    x = score.encode(moons.x[:200]).astype(np.float64)
    v = np.random.default_rng(0).normal(size=(2, 200, 2))
    t = float(time_of(process, np.array([-0.5]))[0])
    u, along = score.jvp(x, t, v)
    assert np.allclose(u, score(x, t), atol=1e-5)
    h = 1e-3
    differences = np.stack([(score(x + h * e, t) - score(x - h * e, t)) / (2 * h) for e in v])
    error = abs(differences - along).max(axis=(0, 2)) / abs(along).mean()
    assert np.median(error) < 2e-3 and np.quantile(error, 0.8) < 0.02


KINDS = ("noise", "data", "v", "velocity", "score")


@pytest.mark.parametrize("process", [VP, ink.VarianceExploding(0.02, 3.0), ink.Brownian(0.5)], ids=["vp", "ve", "ink"])
def test_predictions_are_one_another(process):
    rng = np.random.default_rng(4)
    x_0, t = rng.normal(size=(20, 3)), rng.uniform(0.1, 0.9, 20)
    x_t, eps = ink.diffuse(process, x_0, t, seed=1, return_noise=True)
    alpha, sigma = process.alpha(t)[:, None], process.sigma(t)[:, None]
    truth = {"noise": eps, "data": x_0, "v": alpha * eps - sigma * x_0, "score": -eps / sigma}
    rates = (np.reshape(rate, (-1, 1)) for rate in (process.alpha_rate(t), process.sigma_rate(t)))
    truth["velocity"] = sum(rate * end for rate, end in zip(rates, (x_0, eps), strict=True))
    for source, to in itertools.product(KINDS, KINDS):
        assert np.allclose(ink.convert(process, x_t, t, truth[source], source=source, to=to), truth[to], atol=1e-9)
        for via in KINDS:  # a groupoid: through a third is the same as straight
            through = ink.convert(process, x_t, t, truth[source], source=source, to=via)
            assert np.allclose(ink.convert(process, x_t, t, through, source=via, to=to), truth[to], atol=1e-9)
    assert np.allclose(ink.convert(process, x_t, t, -eps / sigma, source="score", to="noise"), eps)
    assert level(process, 0.5) == pytest.approx(math.log(process.sigma(0.5) / process.alpha(0.5)))


def test_what_has_no_likelihood_is_refused(learned):
    plain = lambda x, t: -x  # noqa: E731
    table = ink.VariancePreserving.ddpm(10)
    for wrong, error, match in (
        (lambda: ink.log_likelihood(VP, plain, POINTS), TypeError, "FiniteDifference"),
        (lambda: ink.log_likelihood(ink.Brownian(1.0), mixture(), POINTS), ValueError, "until"),
        (lambda: ink.log_likelihood(table, mixture(), POINTS), ValueError, "continuous"),
        (lambda: ink.log_likelihood(VP, mixture(), POINTS, start=0.9, until=0.5), ValueError, "until"),
        (lambda: ink.log_likelihood(VP, mixture(), POINTS, trace="some"), ValueError, "trace"),
        (lambda: ink.Hutchinson(1), ValueError, "probes"),
        (lambda: ink.FiniteDifference(3), TypeError, "score"),
        (lambda: ink.elbo(VP, plain, POINTS, [1.0, 0.1], seed=1), ValueError, "end at 0"),
        (lambda: ink.elbo(GLASS, plain, np.full((2, 1), 0.5), [1.0, 0.0], seed=1), ValueError, "walls"),
        (lambda: ink.elbo(VP, plain, POINTS, [1.0, 0.0], seed=1, variance="no"), ValueError, "variance"),
        (lambda: ink.convert(VP, POINTS, 0.5, POINTS, source="x", to="noise"), ValueError, "source"),
        (lambda: ink.convert(VP, POINTS, 0.0, POINTS, source="data", to="noise"), ValueError, "t must be > 0"),
        (lambda: ink.convert(GLASS, POINTS, 0.5, POINTS, source="score", to="data"), ValueError, "walls"),
        (lambda: learned.log_likelihood(POINTS, dequantise=-1), ValueError, "dequantise"),
        (lambda: learned.jvp(POINTS, 0.5, POINTS), ValueError, "tangents"),
    ):  # fmt: skip
        with pytest.raises(error, match=match):
            wrong()
