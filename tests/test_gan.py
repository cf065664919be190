"""GANs: gradients through the slope, exact values at the end, the same bits on any threads, conditions, tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

import inkdiff as ink
from inkdiff.gan.conditions import Conditions
from inkdiff.gan.losses import Networks, discriminator_loss, generator_loss, join_columns, softplus
from inkdiff.metrics import Estimate
from inkdiff.nn import Arena, PlainMLP, Run, elementwise

TINY = {"generator": PlainMLP(16, 2), "discriminator": PlainMLP(16, 2), "batch": 64, "progress": False}


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
def test_gradient_of_the_plain_network(depth):
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


@pytest.mark.parametrize("words", [0, 2])
def test_gradient_of_the_discriminators_loss_with_r1(words):
    d, r1, n = 3, 0.7, 8
    network = PlainMLP(6, 3).build(d + words, 1)
    theta, real, fake = parameters(network), random(n, d + words, seed=2), random(n, d + words, seed=3)

    def loss(theta):
        return discriminator_loss(
            network, training(theta), real, fake, np.empty((2, network.size)), d=d, r1=r1, batch=n
        )

    out = np.full((2, network.size), np.nan)
    value = discriminator_loss(network, training(theta), real, fake, out, d=d, r1=r1, batch=n)
    # The loss itself, slope by differences: conditions do not count.
    D = lambda x: network(Run(theta, Arena()), x)[0]  # noqa: E731
    slope = [np.diag(directional(lambda x: D(x)[:, 0], real, e)[:, None] * np.ones(n)) for e in np.eye(d + words)[:d]]
    expected = np.logaddexp(0, -D(real)).mean() + np.logaddexp(0, D(fake)).mean()
    assert value == pytest.approx(expected + r1 / 2 * np.sum(np.square(slope)) / n, rel=1e-7)
    numerical = [directional(loss, theta, e) for e in np.eye(network.size)]
    np.testing.assert_allclose(out.sum(0), numerical, atol=1e-7)


@pytest.mark.parametrize("words", [0, 2])
def test_gradient_of_the_generators_loss(words):
    d, latent, n = 3, 2, 8
    networks = Networks(PlainMLP(6, 2).build(latent + words, d), PlainMLP(5, 3).build(d + words, 1))
    theta, opponent = parameters(networks.generator), parameters(networks.discriminator, seed=9)
    z, codes = random(n, latent, seed=3), None if words == 0 else np.eye(words)[np.arange(n) % words]

    def loss(theta, out=None):
        out = np.empty((1, networks.generator.size)) if out is None else out
        return generator_loss(networks, training(theta), training(opponent), z, codes, out, batch=n)

    gradient = np.full((1, networks.generator.size), np.nan)
    loss(theta, gradient)
    numerical = [directional(loss, theta, e) for e in np.eye(networks.generator.size)]
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


def test_losses_where_the_discriminator_cannot_tell():
    """D = 0: the discriminator loses 2 ln 2, the generator ln 2; and no overflow far away from it."""
    network = PlainMLP(4, 2).build(2, 1)
    theta, x = np.zeros(network.size), random(5, 2)
    out = np.empty((2, network.size))
    assert discriminator_loss(network, training(theta), x, x, out, d=2, r1=1.0, batch=5) == pytest.approx(
        2 * math.log(2)
    )
    np.testing.assert_allclose(softplus(np.array([-1e4, 0, 1e4])), [0, math.log(2), 1e4])


# ---- training ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("conditional", [False, True])
def test_same_bits_on_any_threads(eight, conditional):
    results = []
    for threads in (1, 2, 3):
        options = TINY | {"batch": 1100, "progress": ink.RunOptions(False, threads=threads)}
        f = ink.gan.fit(eight, steps=12, seed=3, condition=eight.y if conditional else None, **options)
        results.append((f.theta, f.discriminator.theta, f.sample(700, seed=1), f.history.accuracy.value))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_seeds_make_different_generators(eight):
    one, two = (ink.gan.fit(eight, steps=3, seed=s, **TINY) for s in (1, 2))
    assert (one.theta != two.theta).all() or np.mean(one.theta != two.theta) > 0.9
    assert (one.sample(5, seed=1) != one.sample(5, seed=2)).all()


def test_the_generator_learns(eight):
    """After a few hundred steps the samples have come an order of magnitude nearer to the data."""
    seen = {}

    def keep_the_first(k, losses, snapshot):
        if k == 1:
            seen[1] = snapshot()

    shapes = {"generator": PlainMLP(32, 3), "discriminator": PlainMLP(32, 3)}
    options = ink.RunOptions(False, callback=keep_the_first)
    generator = ink.gan.fit(eight, steps=300, seed=1, batch=128, lr=5e-3, progress=options, **shapes)
    fresh = ink.datasets.eight_gaussians(1000, 2)
    before, after = (ink.energy_distance(f.sample(1000, seed=3), fresh).value for f in (seen[1], generator))
    assert after < before / 10
    assert seen[1].about["step"] == 1 and "step" not in generator.about
    history = generator.history
    assert (
        len(history.step)
        == len(history.generator_loss)
        == len(history.discriminator_loss)
        == len(history.accuracy)
        == 100
    )
    assert history.step[-1] == 300 and (history.accuracy.stderr > 0).all()
    assert 0.4 < history.accuracy.value[-1] < 0.9


def test_conditions_are_obeyed():
    """Two far clouds, labelled 3 and 7: asked for one, the generator draws it; else in the shares of the data."""
    y = np.where(np.arange(1200) % 4 == 0, 7, 3)
    x = np.where(y == 7, 1.0, -1.0)[:, None] + 0.2 * random(1200, 2, seed=1)
    data = ink.datasets.Dataset(x.astype(np.float32), y)
    generator = ink.gan.fit(data, steps=250, seed=1, condition=y, lr=5e-3, **TINY)
    for label, sign in ((3, -1), (7, 1)):
        assert np.mean(np.sign(generator.sample(400, seed=2, label=label).mean(1)) == sign) > 0.95
    mixed = np.array([3, 7] * 50)
    asked = generator.sample(100, seed=2, label=mixed).mean(1) > 0
    assert np.mean(asked == (mixed == 7)) > 0.95
    drawn = generator.conditions.draw(4000, seed=5)
    assert abs(Estimate.of_mean(drawn[:, 1]).z(0.25)) < 5
    assert generator.sample(50, seed=1).shape == (50, 2)
    assert generator.discriminator(data.x, data.y).shape == (1200,)
    wrong = np.where(y == 7, 3, 7)
    assert generator.discriminator(data.x, data.y).mean() > generator.discriminator(data.x, wrong).mean() + 0.2


def test_pictures_keep_their_shape_and_units():
    digits = ink.datasets.digits()
    generator = ink.gan.fit(digits, steps=3, seed=1, condition=digits.y, **TINY)
    assert generator.image_shape == (8, 8) and generator.latent == 32 and len(generator.conditions.vocabulary) == 10
    assert generator.sample(4, seed=1, label=5).shape == (4, 64)
    assert generator.scaling.decode(np.float32([-1, 1])).tolist() == [0, 1]
    assert "10 words" in repr(generator)


def test_conditions_of_the_data():
    x = random(4, 3, dtype=np.float32)
    conditions, codes = Conditions.of(np.array([10, 9, 9, 9]), x)
    assert conditions.vocabulary.words == ("9", "10")
    np.testing.assert_array_equal(conditions.codes, [[1, 0], [0, 1]])
    np.testing.assert_array_equal(conditions.shares, [0.75, 0.25])
    np.testing.assert_array_equal(join_columns(Arena(), x, codes)[:, 3:], [[0, 1], [1, 0], [1, 0], [1, 0]])
    texts, codes = Conditions.of(["thin 7", "7", "7", "thick 1"], x)
    assert texts.vocabulary.words == ("1", "7", "thick", "thin") and len(texts.codes) == 3
    np.testing.assert_array_equal(texts.encode(4, x, label=None, words=None, prompt="thin 7")[2], codes[0])
    shares = {tuple(code): share for code, share in zip(texts.codes, texts.shares, strict=True)}
    assert [shares[tuple(code)] for code in codes] == [0.25, 0.5, 0.5, 0.25]


# ---- what it says when it breaks ---------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_not_finite_is_diagnosed(eight):
    said = r"the (generator|discriminator) broke down at step \d+ of 50: the loss is .*lower learning .* or a larger r1"
    with pytest.raises(FloatingPointError, match=said):
        ink.gan.fit(eight, steps=50, seed=1, lr=1e30, **TINY)


# ---- the classifier two-sample test ----------------------------------------------------------------------------------


def test_a_classifier_comes_near_the_best_there_is():
    """N(0, 1) against N(m, 1): nobody is right more often than Phi(m/2), and the classifier nearly is."""
    m = 1.0
    real, fake = random(4000, 2, seed=1), random(4000, 2, seed=2) + np.array([m, 0])
    test = ink.gan.classifier_two_sample_test(real, fake, seed=1, net=PlainMLP(16, 2), steps=300, batch=256)
    found = test.accuracy
    best = 0.5 * (1 + math.erf(m / 2 / math.sqrt(2)))
    assert found.value < best + 5 * found.stderr
    assert found.value > best - 0.02 - 5 * found.stderr
    assert test.p_value < 1e-100
    assert test.total_variation == (2 * found.value - 1, 2 * found.stderr)  # and the true one is 2 best - 1


def test_a_classifier_guesses_where_there_is_nothing_to_find():
    real, fake = random(2000, 2, seed=1), random(3000, 2, seed=2)
    test = ink.gan.classifier_two_sample_test(real, fake, seed=1, net=PlainMLP(16, 2), steps=100, batch=256)
    found = test.accuracy
    assert abs(found.z(0.5)) < 5
    most = math.sqrt(0.25 / 1000 + 0.25 / 1500) / 2  # if it calls as many points real as forged
    assert most / 2 < found.stderr < 1.001 * most
    assert test.p_value == pytest.approx(scipy.stats.norm.sf(found.z(0.5)))
    odds = test.classifier.log_odds(real)
    np.testing.assert_allclose(test.classifier(real), 1 / (1 + np.exp(-odds)), rtol=1e-5)


def test_a_classifier_has_the_same_bits_on_any_threads():
    real, fake = random(500, 2, seed=1), random(500, 2, seed=2)
    common = {"seed": 1, "net": PlainMLP(8, 2), "steps": 5}
    one, two = (ink.gan.classifier_two_sample_test(real, fake, threads=k, **common) for k in (1, 3))
    np.testing.assert_array_equal(one.classifier.theta, two.classifier.theta)
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
        ({"latent": 0}, "latent"),
        ({"held_out": 0.0}, "held_out"),
        ({"held_out": 1.0}, "held_out"),
        ({"held_out": 0.001}, "at least 20"),
        ({"generator": ink.MLP()}, "generator must be an inkdiff"),
        ({"discriminator": 3}, "discriminator must be an inkdiff"),
        ({"condition": "no"}, "condition must hold one label, text or list of words per row"),
        ({"condition": [1, 2]}, "condition must have one entry for each of the 100 rows"),
        ({"condition": np.ones(100, int)}, "condition must differ between rows"),
        ({"progress": 0}, "progress must be True, False"),
    ],
)
def test_bad_settings(arguments, named):
    with pytest.raises((ValueError, TypeError), match=named):
        ink.gan.fit(random(100, 2), **({"steps": 1, "seed": 1, "progress": False} | arguments))


def test_bad_data():
    for bad, named in ((np.zeros((100, 2)), "nothing to learn"), (np.full((50, 2), np.nan), "data must be finite"),
                       (np.zeros(5), "data must have shape"), (random(25, 2), "held_out=0.1 leaves 2")):  # fmt: skip
        with pytest.raises(ValueError, match=named):
            ink.gan.fit(bad, steps=1, seed=1, progress=False)


def test_bad_requests_of_generator_and_discriminator(eight):
    plain = ink.gan.fit(eight, steps=1, seed=1, **TINY)
    asked = ink.gan.fit(eight, steps=1, seed=1, condition=eight.y, **TINY)
    for call, named in (
        (lambda: plain.sample(0, seed=1), "n must be"),
        (lambda: plain.sample(3, seed=-1), "seed"),
        (lambda: plain.sample(3, seed=1, label=2), "trained without conditions"),
        (lambda: asked.sample(3, seed=1, label=8), "'8'.* 0, 1, 2, 3, 4, 5, 6, 7"),
        (lambda: asked.sample(3, seed=1, label=[1, 2]), "one for all rows or 3"),
        (lambda: asked.sample(3, seed=1, label="two"), "label"),
        (lambda: asked.sample(3, seed=1, label=2, prompt="2"), "give one of"),
        (lambda: plain.discriminator(eight.x[:, :1]), "2 coordinates"),
        (lambda: plain.discriminator(eight.x, eight.y), "give a condition if"),
        (lambda: asked.discriminator(eight.x), "give a condition if"),
    ):
        with pytest.raises((ValueError, TypeError), match=named):
            call()


def test_bad_input_of_the_two_sample_test_and_modes(eight):
    x = eight.x
    grid = ink.datasets.grid_gaussians(100, 1, spacing=0.2)
    for call, named in (
        (lambda: ink.gan.classifier_two_sample_test(x, x[:30], seed=1), "at least 40"),
        (lambda: ink.gan.classifier_two_sample_test(x, x[:, :1], seed=1), "fake has 1 columns"),
        (lambda: ink.gan.classifier_two_sample_test(x, x, seed=1, steps=0), "steps"),
        (lambda: ink.gan.classifier_two_sample_test(x, x, seed=1, net=3), "net must be"),
        (lambda: ink.gan.classifier_two_sample_test(x, x, seed=1, r1=-1), "r1"),
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
