"""The duel: gradients through the slope, exact values at its end, the same bits on any threads, labels, detectives."""

from __future__ import annotations

import math

import numpy as np
import pytest

import inkdiff as ink
from inkdiff.gan.labels import Labels
from inkdiff.gan.objective import Pair, beside, detective_gradient, forger_gradient, softplus
from inkdiff.gan.player import Player
from inkdiff.metrics import Estimate
from inkdiff.nn import Arena, PlainMLP, Run, elementwise

TINY = {"forger": PlainMLP(16, 2), "detective": PlainMLP(16, 2), "batch": 64, "progress": False}


def random(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def directional(f, x, v, h=1e-6):
    """d/dh f(x + h v) by central differences, error O(h^2)."""
    return (f(x + h * v) - f(x - h * v)) / (2 * h)


def training(theta):
    return Run(theta, Arena(), training=True)


def parameters(network, seed=1):
    theta = network.initial(lambda n: random(n, seed=seed))
    return theta + 0.1 * random(network.size, seed=seed + 50)  # biases start at zero, where errors would not show


@pytest.fixture(scope="module")
def eight():
    return ink.datasets.eight_gaussians(2000, 1)


# ---- gradients, float64 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_gradient_of_the_perceptron(depth):
    network = PlainMLP(7, depth).build(4, 3)
    theta, x, dy = parameters(network), random(6, 4, seed=2), random(6, 3, seed=3)
    _, backprop = network(training(theta), x)
    gradient = np.full(network.size, np.nan)
    dx = backprop(dy, gradient)
    w, v = random(network.size, seed=4), random(6, 4, seed=5)

    def value(theta, x):
        return np.sum(dy * network(training(theta), x)[0])

    assert directional(lambda t: value(t, x), theta, w) == pytest.approx(gradient @ w, rel=1e-6)
    assert directional(lambda x: value(theta, x), x, v) == pytest.approx(np.sum(dx * v), rel=1e-6)


def test_evaluation_and_training_pass_agree():
    network = PlainMLP(7, 3).build(4, 1)
    theta, x = parameters(network), random(6, 4, seed=2)
    value, back = network(training(theta), x)
    slope = back(np.ones((6, 1)), None)
    np.testing.assert_allclose(network(Run(theta, Arena()), x)[0], value, rtol=1e-14)
    again, same_slope, _ = network.with_slope(training(theta), x)
    np.testing.assert_allclose(again, value, rtol=1e-14)
    np.testing.assert_allclose(same_slope, slope, rtol=1e-13)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_gradient_through_the_slope(depth):
    """Every parameter's derivative of a function of value and slope, against differences of exact slopes."""
    network = PlainMLP(5, depth).build(3, 1)
    theta, x = parameters(network), random(6, 3, seed=2)
    dy, dg = random(6, 1, seed=3), random(6, 3, seed=4)

    def value(theta):
        y, g, _ = network.with_slope(training(theta), x)
        return np.sum(dy * y) + np.sum(dg * g)

    gradient = np.full(network.size, np.nan)
    network.with_slope(training(theta), x)[2](dy, dg, gradient)
    numerical = [directional(value, theta, e) for e in np.eye(network.size)]
    np.testing.assert_allclose(gradient, numerical, atol=1e-7)


@pytest.mark.parametrize("labels", [0, 2])
def test_gradient_of_the_detectives_loss_with_r1(labels):
    d, r1, n = 3, 0.7, 8
    network = PlainMLP(6, 3).build(d + labels, 1)
    theta, real, fake = parameters(network), random(n, d + labels, seed=2), random(n, d + labels, seed=3)

    def loss(theta):
        return detective_gradient(
            network, training(theta), real, fake, np.empty((2, network.size)), d=d, r1=r1, batch=n
        )

    out = np.full((2, network.size), np.nan)
    value = detective_gradient(network, training(theta), real, fake, out, d=d, r1=r1, batch=n)
    # The loss itself, slope by differences: labels do not count.
    D = lambda x: network(Run(theta, Arena()), x)[0]  # noqa: E731
    slope = [np.diag(directional(lambda x: D(x)[:, 0], real, e)[:, None] * np.ones(n)) for e in np.eye(d + labels)[:d]]
    expected = np.logaddexp(0, -D(real)).mean() + np.logaddexp(0, D(fake)).mean()
    assert value == pytest.approx(expected + r1 / 2 * np.sum(np.square(slope)) / n, rel=1e-7)
    numerical = [directional(loss, theta, e) for e in np.eye(network.size)]
    np.testing.assert_allclose(out.sum(0), numerical, atol=1e-7)


@pytest.mark.parametrize("labels", [0, 2])
def test_gradient_of_the_forgers_loss(labels):
    d, latent, n = 3, 2, 8
    pair = Pair(PlainMLP(6, 2).build(latent + labels, d), PlainMLP(5, 3).build(d + labels, 1))
    theta, opponent = parameters(pair.forger), parameters(pair.detective, seed=9)
    z, hot = random(n, latent, seed=3), None if labels == 0 else np.eye(labels)[np.arange(n) % labels]

    def loss(theta, out=None):
        out = np.empty((1, pair.forger.size)) if out is None else out
        return forger_gradient(pair, training(theta), training(opponent), z, hot, out, batch=n)

    gradient = np.full((1, pair.forger.size), np.nan)
    loss(theta, gradient)
    numerical = [directional(loss, theta, e) for e in np.eye(pair.forger.size)]
    np.testing.assert_allclose(gradient[0], numerical, atol=1e-8)


def test_fused_curvature_agrees_with_array_code():
    z, shift = 4 * random(33, 17, seed=1, dtype=np.float32), random(1, 17, seed=2, dtype=np.float32)
    results = []
    for dtype in (np.float32, np.float64):
        slope, y, curvature = z.astype(dtype), np.empty(z.shape, dtype), np.empty(z.shape, dtype)
        elementwise.silu_twice(slope, shift.astype(dtype), y, curvature)
        results.append((slope, y, curvature))
    for narrow, wide in zip(*results, strict=True):
        np.testing.assert_allclose(narrow, wide, atol=2e-6)


def test_losses_where_the_detective_cannot_tell():
    """D = 0: the detective loses 2 ln 2, the forger ln 2; and no overflow far away from it."""
    network = PlainMLP(4, 2).build(2, 1)
    theta, x = np.zeros(network.size), random(5, 2)
    out = np.empty((2, network.size))
    assert detective_gradient(network, training(theta), x, x, out, d=2, r1=1.0, batch=5) == pytest.approx(
        2 * math.log(2)
    )
    np.testing.assert_allclose(softplus(np.array([-1e4, 0, 1e4])), [0, math.log(2), 1e4])


# ---- the duel ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", [False, True])
def test_same_bits_on_any_threads(eight, label):
    results = []
    for threads in (1, 2, 3):
        f = ink.gan.duel(eight, steps=12, seed=3, label=label, threads=threads, **(TINY | {"batch": 1100}))
        results.append((f.theta, f.detective.theta, f.sample(700, seed=1), f.history.accuracy.value))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_seeds_make_different_duels(eight):
    one, two = (ink.gan.duel(eight, steps=3, seed=s, **TINY) for s in (1, 2))
    assert (one.theta != two.theta).all() or np.mean(one.theta != two.theta) > 0.9
    assert (one.sample(5, seed=1) != one.sample(5, seed=2)).all()


def test_the_forger_learns(eight):
    """After a few hundred steps the forgeries have come an order of magnitude nearer to the data."""
    seen = {}

    def keep_the_first(k, losses, snapshot):
        if k == 1:
            seen[1] = snapshot()

    forger = ink.gan.duel(
        eight, steps=300, seed=1, batch=128, lr=5e-3, progress=False, forger=PlainMLP(32, 3),
        detective=PlainMLP(32, 3), callback=keep_the_first,
    )  # fmt: skip
    fresh = ink.datasets.eight_gaussians(1000, 2)
    before, after = (ink.energy_distance(f.sample(1000, seed=3), fresh).value for f in (seen[1], forger))
    assert after < before / 10
    assert seen[1].about["step"] == 1 and "step" not in forger.about
    history = forger.history
    assert len(history.step) == len(history.forger_loss) == len(history.detective_loss) == len(history.accuracy) == 100
    assert history.step[-1] == 300 and (history.accuracy.stderr > 0).all()
    assert 0.4 < history.accuracy.value[-1] < 0.9


def test_labels_are_obeyed():
    """Two far clouds, labelled 3 and 7: asked for one, the forger draws it; the proportions are those of the data."""
    y = np.where(np.arange(1200) % 4 == 0, 7, 3)
    x = np.where(y == 7, 1.0, -1.0)[:, None] + 0.2 * random(1200, 2, seed=1)
    data = ink.datasets.Dataset(x.astype(np.float32), y)
    forger = ink.gan.duel(data, steps=250, seed=1, label=True, lr=5e-3, **TINY)
    for label, sign in ((3, -1), (7, 1)):
        assert np.mean(np.sign(forger.sample(400, seed=2, label=label).mean(1)) == sign) > 0.95
    mixed = np.array([3, 7] * 50)
    asked = forger.sample(100, seed=2, label=mixed).mean(1) > 0
    assert np.mean(asked == (mixed == 7)) > 0.95
    drawn = forger.labels.draw(4000, seed=5)
    assert abs(Estimate.of_mean(drawn == 7).z(0.25)) < 5
    assert forger.sample(50, seed=1).shape == (50, 2)
    assert forger.detective(data.x, data.y).shape == (1200,)
    wrong = np.where(y == 7, 3, 7)
    assert forger.detective(data.x, data.y).mean() > forger.detective(data.x, wrong).mean() + 0.2


def test_pictures_keep_their_shape_and_units():
    digits = ink.datasets.digits()
    forger = ink.gan.duel(digits, steps=3, seed=1, label=True, **TINY)
    assert forger.image_shape == (8, 8) and forger.latent == 32 and len(forger.labels) == 10
    assert forger.sample(4, seed=1, label=5).shape == (4, 64)
    assert forger.scaling.decode(np.float32([-1, 1])).tolist() == [0, 1]
    assert "10 labels" in repr(forger)


def test_labels_of_a_data_set():
    labels = Labels.of(ink.datasets.Dataset(np.zeros((4, 1)), np.array([2, 9, 9, 9])))
    assert labels == Labels((2, 9), (0.25, 0.75))
    x = random(2, 3, dtype=np.float32)
    np.testing.assert_array_equal(beside(Arena(), x, labels.columns([9, 2], 2, like=x))[:, 3:], [[0, 1], [1, 0]])


# ---- what it says when it breaks ---------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_not_finite_is_diagnosed(eight):
    with pytest.raises(
        FloatingPointError, match=r"(forger|detective) broke down at step \d+ of 50: its .*lower learning"
    ):
        ink.gan.duel(eight, steps=50, seed=1, lr=1e30, **TINY)


def test_weights_at_fault_and_answers_at_fault_are_told_apart():
    network = PlainMLP(4, 1).build(2, 1)
    rules = {"batch": 8, "steps": 10, "lr": 1e-3, "warmup": 0}
    player = Player.start("detective", network, np.empty(0, np.float32), seed=1, step=0, **rules)
    with pytest.raises(FloatingPointError, match="Its weights are finite, so its answers"):
        player.advance(lambda arena, rows, out: math.inf)
    player.state.theta[3] = np.nan
    with pytest.raises(FloatingPointError, match="undone by an earlier step"):
        player.advance(lambda arena, rows, out: math.nan)
    with pytest.raises(FloatingPointError, match="its weights are not finite"):
        player.check()


# ---- fresh detectives --------------------------------------------------------------------------------------------


def test_a_fresh_detective_comes_near_the_best_there_is():
    """N(0, 1) against N(m, 1): nobody is right more often than Phi(m/2), and the detective nearly is."""
    m = 1.0
    real, fake = random(4000, 2, seed=1), random(4000, 2, seed=2) + np.array([m, 0])
    found = ink.gan.detect(real, fake, seed=1, net=PlainMLP(16, 2), steps=300, batch=256).accuracy
    best = 0.5 * (1 + math.erf(m / 2 / math.sqrt(2)))
    assert found.value < best + 5 * found.stderr
    assert found.value > best - 0.02 - 5 * found.stderr


def test_a_fresh_detective_guesses_where_there_is_nothing_to_find():
    real, fake = random(2000, 2, seed=1), random(3000, 2, seed=2)
    found, detective = ink.gan.detect(real, fake, seed=1, net=PlainMLP(16, 2), steps=100, batch=256)
    assert abs(found.z(0.5)) < 5
    most = math.sqrt(0.25 / 1000 + 0.25 / 1500) / 2  # if it calls as many points real as forged
    assert most / 2 < found.stderr < 1.001 * most
    odds = detective.log_odds(real)
    np.testing.assert_allclose(detective(real), 1 / (1 + np.exp(-odds)), rtol=1e-5)


def test_a_fresh_detective_has_the_same_bits_on_any_threads():
    real, fake = random(500, 2, seed=1), random(500, 2, seed=2)
    one, two = (ink.gan.detect(real, fake, seed=1, net=PlainMLP(8, 2), steps=5, threads=k) for k in (1, 3))
    np.testing.assert_array_equal(one.detective.theta, two.detective.theta)
    assert one.accuracy == two.accuracy


# ---- modes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mixture", [ink.datasets.eight_gaussians, ink.datasets.grid_gaussians])
def test_real_points_cover_all_modes_and_exactly_so_many_are_near(mixture):
    data = mixture(20_000, 3)
    found = ink.modes_covered(data, data)
    assert found.covered == found.modes == len(np.unique(data.y))
    assert found.near_real == pytest.approx(1 - math.exp(-4.5))
    assert abs(found.near.z(found.near_real)) < 5
    assert found.fair_shares.mean() == pytest.approx(found.near.value)


def test_modes_left_out_are_missed():
    data = ink.datasets.grid_gaussians(20_000, 3)
    found = ink.modes_covered(data.x[data.y < 10], data)
    assert found.covered == 10 and (found.fair_shares[10:] == 0).all()
    few = np.concatenate([data.x[data.y < 10], data.x[data.y == 11][:5]])
    assert ink.modes_covered(few, data).covered == 10
    assert ink.modes_covered(few, data, least=0).covered == 11
    between = data.x + np.float32(0.5)
    assert ink.modes_covered(between, data, least=0).covered == 0


def test_grid_of_gaussians():
    data = ink.datasets.grid_gaussians(50_000, 1)
    sd = 0.05
    exact = math.log(25) + math.log(2 * math.pi * math.e * sd**2)
    assert data.entropy == pytest.approx(exact, abs=1e-8)
    assert abs(Estimate.of_mean(-data.density.log_density(data.x)).z(exact)) < 5
    assert data.name == "grid Gaussians" and set(data.y) == set(range(25))
    np.testing.assert_allclose(data.x[data.y == 5].mean(0), [-1, -2], atol=5 * sd / math.sqrt(1500))
    wide = ink.datasets.grid_gaussians(100, 1, side=3, spacing=2, sd=0.4)
    np.testing.assert_allclose(np.ptp(wide.density.nodes, axis=0), 4)
    turned = ink.datasets.grid_gaussians(9, 1, angle=math.pi / 2).density.nodes
    np.testing.assert_allclose(turned, data.density.nodes @ [[0, 1], [-1, 0]], atol=1e-12)
    assert ink.datasets.grid_gaussians(9, 1, angle=0.5).entropy == pytest.approx(exact, abs=1e-8)
    assert ink.datasets.grid_gaussians(9, 1, side=1).entropy == pytest.approx(math.log(2 * math.pi * math.e * sd**2))


# ---- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"steps": 0}, "steps"),
        ({"steps": 1.5}, "steps"),
        ({"seed": -1}, "seed"),
        ({"batch": 0}, "batch"),
        ({"lr": 0.0}, "lr"),
        ({"lr": math.nan}, "lr"),
        ({"r1": -0.1}, "r1 must be >= 0"),
        ({"warmup": -1}, "warmup"),
        ({"threads": -1}, "threads"),
        ({"every": 0}, "every"),
        ({"latent": 0}, "latent"),
        ({"held_out": 0.0}, "held_out"),
        ({"held_out": 1.0}, "held_out"),
        ({"held_out": 0.001}, "at least 20"),
        ({"forger": ink.MLP()}, "forger must be an inkdiff"),
        ({"detective": 3}, "detective must be an inkdiff"),
        ({"label": True}, "labels .y"),
        ({"label": "no"}, "label must be True or False, got 'no'"),
        ({"progress": 0}, "progress must be True or False"),
    ],
)
def test_bad_settings_of_a_duel(arguments, named):
    with pytest.raises((ValueError, TypeError), match=named):
        ink.gan.duel(random(100, 2), **({"steps": 1, "seed": 1, "progress": False} | arguments))


def test_bad_data_of_a_duel():
    for bad, named in ((np.zeros((100, 2)), "nothing to learn"), (np.full((50, 2), np.nan), "data must be finite"),
                       (np.zeros(5), "data must have shape"), (random(25, 2), "held_out=0.1 leaves 2")):  # fmt: skip
        with pytest.raises(ValueError, match=named):
            ink.gan.duel(bad, steps=1, seed=1, progress=False)
    with pytest.raises(ValueError, match="at least two kinds"):
        ink.gan.duel(ink.datasets.Dataset(random(300, 2), np.ones(300, int)), steps=1, seed=1, label=True)


def test_bad_requests_of_forger_and_detective(eight):
    plain = ink.gan.duel(eight, steps=1, seed=1, **TINY)
    asked = ink.gan.duel(eight, steps=1, seed=1, label=True, **TINY)
    for call, named in (
        (lambda: plain.sample(0, seed=1), "n must be"),
        (lambda: plain.sample(3, seed=-1), "seed"),
        (lambda: plain.sample(3, seed=1, label=2), "trained without labels"),
        (lambda: asked.sample(3, seed=1, label=8), "among 0, 1, 2, 3, 4, 5, 6, 7, got 8"),
        (lambda: asked.sample(3, seed=1, label=[1, 2]), "one label or 3"),
        (lambda: asked.sample(3, seed=1, label="two"), "label"),
        (lambda: plain.detective(eight.x[:, :1]), "2 coordinates"),
        (lambda: plain.detective(eight.x, eight.y), "give labels if"),
        (lambda: asked.detective(eight.x), "give labels if"),
    ):
        with pytest.raises((ValueError, TypeError), match=named):
            call()


def test_bad_input_of_detect_and_modes(eight):
    x = eight.x
    grid = ink.datasets.grid_gaussians(100, 1, spacing=0.2)
    for call, named in (
        (lambda: ink.gan.detect(x, x[:30], seed=1), "at least 40"),
        (lambda: ink.gan.detect(x, x[:, :1], seed=1), "fake has 1 columns"),
        (lambda: ink.gan.detect(x, x, seed=1, steps=0), "steps"),
        (lambda: ink.gan.detect(x, x, seed=1, net=3), "net must be"),
        (lambda: ink.gan.detect(x, x, seed=1, r1=-1), "r1"),
        (lambda: ink.modes_covered(x, ink.datasets.checkerboard(10, 1)), "known modes"),
        (lambda: ink.modes_covered(x, ink.datasets.moons(10, 1)), "2 x 3 standard"),
        (lambda: ink.modes_covered(x, grid), "2 x 3 standard"),
        (lambda: ink.modes_covered(x[:, :1], eight), "samples has 1 columns"),
        (lambda: ink.modes_covered(x, eight, least=2), "least"),
        (lambda: ink.modes_covered(x, eight, within=0), "within"),
        (lambda: ink.datasets.grid_gaussians(10, 1, side=0), "side"),
        (lambda: ink.datasets.grid_gaussians(10, 1, angle=math.nan), "angle"),
        (lambda: ink.datasets.grid_gaussians(10, 1, sd=0.001), "at least 0.02"),
    ):
        with pytest.raises((ValueError, TypeError), match=named):
            call()
