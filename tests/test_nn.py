"""The network: gradients against finite differences, fused loops against array code, the same bits on any threads."""

from __future__ import annotations

import math
import re
from types import SimpleNamespace

import numba
import numpy as np
import pytest
from llvmlite import binding as llvm

from inkdiff.nn import (
    MLP,
    AdamW,
    AdamWState,
    Arena,
    Fault,
    Layout,
    LearningRate,
    Linear,
    Objective,
    Optimisation,
    RateSchedule,
    RowShards,
    Run,
    ShardedGradient,
    SiLU,
    _fused,
    elementwise,
    one_thread_each,
)


def random(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def directional(f, x, v, h=1e-6):
    """d/dh f(x + h v) by central differences, error O(h^2)."""
    return (f(x + h * v) - f(x - h * v)) / (2 * h)


# ---- gradients, float64 ------------------------------------------------------------------------------------------


def test_linear_is_its_own_jacobian_and_backprop_its_transpose():
    layout = Layout()
    layer = Linear.of(layout, "layer", 5, 3)
    theta, x, dy = random(layout.size, seed=1), random(7, 5, seed=2), random(7, 3, seed=3)
    y, backprop = layer(Run(theta, Arena()), x)
    weight, bias = layer.weight.of(theta), layer.bias.of(theta)
    np.testing.assert_allclose(y, x @ weight + bias, rtol=1e-14)
    gradient = np.full(layout.size, np.nan)
    dx = backprop(dy, gradient)
    v, w = random(7, 5, seed=4), random(layout.size, seed=5)
    # <dy, J v> = <J^T dy, v>: the adjoint identity, exact for a linear map.
    assert np.sum(dy * (v @ weight)) == pytest.approx(np.sum(dx * v), rel=1e-12)
    in_theta = x @ layer.weight.of(w) + layer.bias.of(w)
    assert np.sum(dy * in_theta) == pytest.approx(gradient @ w, rel=1e-12)


def test_linear_takes_its_bias_from_a_column_of_ones():
    layout = Layout()
    layer = Linear.of(layout, "layer", 5, 3)
    theta, x, dy = random(layout.size, seed=1), random(7, 5, seed=2), random(7, 3, seed=3)
    gradients = np.full((2, layout.size), np.nan)
    outcomes = []
    for given, gradient in ((x, gradients[0]), (np.append(x, np.ones((7, 1)), axis=1), gradients[1])):
        y, backprop = layer(Run(theta, Arena()), given)
        outcomes.append((y, backprop(dy, gradient)))
    for plain, joint in zip(*outcomes, strict=True):
        np.testing.assert_allclose(joint, plain, rtol=1e-13)
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=1e-13)


@pytest.mark.parametrize("levels", [1, 3, 6])
def test_silu_gradient_with_dropout(levels):
    z, shift, dy, v, base = (random(6, 4, seed=k) for k in range(5))
    shift, uniform = shift[:levels], np.random.default_rng(9).uniform(size=(6, 4))
    layer, rows = SiLU(0.4), np.repeat(np.arange(levels), 6 // levels)

    def training():
        return Run(np.empty(0), Arena(), training=True)

    def value(z, shift):
        return np.sum(dy * layer(training(), z.copy(), shift, base, uniform)[0])

    y, backprop = layer(training(), z.copy(), shift, base, uniform)
    dropped = uniform < 0.4
    assert dropped.any() and (y[dropped] == base[dropped]).all()
    full = (z + shift[rows]) / (1 + np.exp(-(z + shift[rows])))
    np.testing.assert_allclose(y[~dropped], (base + full / 0.6)[~dropped], rtol=1e-12)
    dz, dshift = backprop(dy)
    assert directional(lambda z: value(z, shift), z, v) == pytest.approx(np.sum(dz * v), rel=1e-7)
    w = v[:levels]
    assert directional(lambda shift: value(z, shift), shift, w) == pytest.approx(np.sum(dshift * w), rel=1e-7)


@pytest.mark.parametrize("levels", [1, 2, 6])
@pytest.mark.parametrize("depth", [1, 3])
def test_gradient_of_the_whole_network(levels, depth):
    network = MLP(width=7, depth=depth, embedding=5, harmonics=2, dropout=0.3).build(4, 3)
    theta, x = random(network.size, seed=1) / 2, random(6, 4, seed=2)
    c = random(levels, seed=3)
    uniform = np.random.default_rng(4).uniform(size=(depth - 1, 6, 7))
    dy = random(6, 3, seed=5)

    def value(theta, x):
        return np.sum(dy * network(Run(theta, Arena(), training=True, dropout=uniform), x, c)[0])

    _, backprop = network(Run(theta, Arena(), training=True, dropout=uniform), x, c)
    gradient = np.full(network.size, np.nan)
    dx = backprop(dy, gradient)
    assert np.isfinite(gradient).all(), "every parameter belongs to a layer that wrote its gradient"
    for seed in range(3):
        v, w = random(6, 4, seed=10 + seed), random(network.size, seed=20 + seed)
        assert directional(lambda t: value(t, x), theta, w) == pytest.approx(gradient @ w, rel=1e-6)
        assert directional(lambda y: value(theta, y), x, v) == pytest.approx(np.sum(dx * v), rel=1e-6)


def test_each_parameter_has_its_own_gradient():
    network = MLP(width=3, depth=2, embedding=2, harmonics=1, dropout=0.0).build(2, 2)
    theta, x, c, dy = random(network.size, seed=1), random(5, 2, seed=2), random(5, seed=3), random(5, 2, seed=4)
    gradient = np.empty(network.size)
    network(Run(theta, Arena(), training=True), x, c)[1](dy, gradient)
    for k, unit in enumerate(np.eye(network.size)):
        slope = directional(lambda t: np.sum(dy * network(Run(t, Arena()), x, c)[0]), theta, unit)
        assert slope == pytest.approx(gradient[k], rel=1e-6, abs=1e-8), network.slots


# ---- the network ------------------------------------------------------------------------------------------------


def test_network_starts_at_zero_with_activations_of_unit_size():
    network = MLP(width=400, depth=3, dropout=0.0).build(30, 10)
    theta = network.initial(lambda n: random(n, dtype=np.float32))
    x, c = random(200, 30, seed=1, dtype=np.float32), np.linspace(-1, 1, 200, dtype=np.float32)
    run = Run(theta, Arena())
    assert (network(run, x, c)[0] == 0).all()
    h, _ = network.blocks[0](run, x, network.shifts(run, c)[0][0], None)
    assert 0.5 < np.sqrt((h**2).mean()) < 2
    slots = sorted(network.slots, key=lambda slot: slot.offset)
    assert [s.offset for s in slots] == list(np.cumsum([0] + [s.size for s in slots[:-1]]))
    assert slots[-1].offset + slots[-1].size == network.size == theta.size


def test_one_time_for_all_rows_is_the_same_time_in_every_row():
    network = MLP(width=16, depth=2).build(3, 3)
    theta, x = random(network.size), random(8, 3)
    shared = network(Run(theta, Arena()), x, np.array([0.3]))[0]
    np.testing.assert_allclose(shared, network(Run(theta, Arena()), x, np.full(8, 0.3))[0], rtol=1e-10)
    assert not np.allclose(shared, network(Run(theta, Arena()), x, np.array([-0.3]))[0])
    two = network(Run(theta, Arena()), x, np.array([0.3, -0.2]))[0]
    np.testing.assert_allclose(two, network(Run(theta, Arena()), x, np.repeat([0.3, -0.2], 4))[0], rtol=1e-10)
    shifts, _ = network.shifts(Run(theta, Arena()), np.array([0.3]))
    assert np.array_equal(shared, network(Run(theta, Arena()), x, np.array([0.3]), shifts)[0])


def test_evaluation_keeps_nothing_and_says_so():
    network = MLP(width=4, depth=2).build(2, 2)
    _, backprop = network(Run(random(network.size), Arena()), random(3, 2), random(3))
    with pytest.raises(RuntimeError, match="training=True"):
        backprop(random(3, 2), np.empty(network.size))


@pytest.mark.parametrize(
    "bad", [{"width": 0}, {"depth": 1.5}, {"embedding": True}, {"harmonics": -1}, {"dropout": 1.0}]
)
def test_bad_shapes_name_the_argument(bad):
    (name, value), *_ = bad.items()
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        MLP(**bad)


def test_an_arena_allocates_only_once():
    network = MLP(width=32, depth=3, dropout=0.2).build(4, 4)
    theta, gradient = random(network.size, dtype=np.float32), np.empty(network.size, np.float32)
    x, c = random(16, 4, dtype=np.float32), random(16, dtype=np.float32)
    arena, sizes = Arena(), []
    for _ in range(3):
        arena.rewind()
        y, backprop = network(Run(theta, arena, training=True), x, c)
        backprop(y, gradient)
        sizes.append((arena.nbytes, [id(b) for b in arena._buffers]))
    assert sizes[0] == sizes[1] == sizes[2] and sizes[0][0] > 0
    arena.rewind()
    assert network(Run(theta, arena), x[:5], c[:5])[0].shape == (5, 4), "another batch size just gets new buffers"


# ---- fused loops against array expressions ------------------------------------------------------------------------


@pytest.mark.parametrize("onto", [False, True])
@pytest.mark.parametrize("levels", [1, 9, 36])
def test_fused_silu_agrees_to_rounding(levels, onto):
    z = 8 * random(36, 67, seed=1, dtype=np.float32)
    z[0, :4] = 0, -100, 100, -88.5
    shift, base = random(levels, 67, seed=2, dtype=np.float32), random(36, 67, seed=3, dtype=np.float32)
    base = base if onto else None
    wide = [None if a is None else a.astype(np.float64) for a in (z, shift, base)]
    for evaluated, given in ((z.copy(), (shift, base)), (wide[0].copy(), wide[1:])):
        elementwise.silu(evaluated, *given)
        slope, y = np.array(wide[0] if evaluated.dtype == np.float64 else z), np.full((36, 69), 7, evaluated.dtype)
        elementwise.silu_with_slope(slope, *given, y)
        np.testing.assert_allclose(y[:, :67], evaluated, rtol=1e-6, atol=3e-7)
        assert (y[:, 67:] == 7).all()
        if evaluated.dtype == np.float32:
            fused, fused_slope = evaluated, slope
    np.testing.assert_allclose(fused, evaluated, rtol=2e-6, atol=4e-7)
    np.testing.assert_allclose(fused_slope, slope, rtol=2e-6, atol=2e-7)


def test_fused_dropout_agrees():
    slope, base, y = (random(9, 33, seed=k, dtype=np.float32) for k in range(3))
    uniform = np.random.default_rng(5).uniform(size=y.shape).astype(np.float32)
    wide = [a.astype(np.float64) for a in (slope, base, y)]
    elementwise.dropout(slope, base, y, uniform, 0.25)
    elementwise.dropout(*wide, uniform, 0.25)
    np.testing.assert_allclose(slope, wide[0], rtol=1e-6)
    np.testing.assert_allclose(y, wide[2], rtol=1e-5, atol=1e-6)
    assert 0.1 < (slope == 0).mean() < 0.4 and (y[slope == 0] == base[slope == 0]).all()


@pytest.mark.parametrize("levels", [0, 1, 3, 9])
def test_fused_products_and_their_sums_agree(levels):
    slope, dy = (random(9, 33, seed=k, dtype=np.float32) for k in range(2))
    wide, sums = slope.astype(np.float64), np.full((levels, 33), np.nan)
    narrow = sums.astype(np.float32)
    elementwise.multiply(wide, dy.astype(np.float64), sums if levels else None)
    elementwise.multiply(slope, dy, narrow if levels else None)
    np.testing.assert_allclose(slope, wide, rtol=1e-6)
    np.testing.assert_allclose(narrow, sums, rtol=1e-5, atol=1e-5)


VECTOR_LOOPS = {
    "_silu_row": (2, ("vmulps", "vdivps", "vfmadd")),
    "_silu_row_onto": (3, ("vdivps", "vfmadd")),
    "_slope_row": (3, ("vmulps", "vdivps", "vfmadd")),
    "_slope_row_onto": (4, ("vmulps", "vdivps", "vfmadd")),
    "_product_row": (2, ("vmulps",)),
    "_dropout_row": (4, ("vmulps", "vfmadd")),
    "_exp_row": (1, ("vmulps", "vfmadd")),
    "adamw": (5, ("vmulps", "vdivps", "vsqrtps", "vfmadd")),
}
SCALARS = {"_dropout_row": (np.float32(1),) * 2, "_exp_row": (np.float32(1),), "adamw": ((np.float32(0.5),) * 7,)}


@pytest.mark.parametrize("name", VECTOR_LOOPS)
def test_fused_loops_are_vector_code(name):
    """A call in a loop, or a question whether arrays overlap that is not asked beforehand, would leave it scalar."""
    if not llvm.get_host_cpu_features().get("avx2"):
        pytest.skip(f"{llvm.get_host_cpu_name()} has no AVX2: the packed instructions looked for do not exist")
    loop, (count, instructions) = getattr(_fused, name), VECTOR_LOOPS[name]
    options = {k: v for k, v in loop.targetoptions.items() if k not in ("nopython", "parallel")}
    fresh = numba.njit(**options)(loop.py_func)  # of this very process: a cached one keeps no assembly
    fresh(*random(count, 64, dtype=np.float32), *SCALARS.get(name, ()))
    code = "\n".join(fresh.inspect_asm().values())
    for instruction in instructions:
        assert re.search(rf"\b{instruction}\w*\s.*[yz]mm", code), f"no packed {instruction} in {name}"


def test_fused_exponential_agrees():
    x = -np.abs(30 * random(5, 300, seed=1, dtype=np.float32))
    x[1] -= 100
    x[2, :3] = 0, -86, -1e5
    top = x.max(axis=1, keepdims=True)
    wide = (x - top).astype(np.float64)  # with the rounding of the difference
    elementwise.exp(x, top)
    elementwise.exp(wide, np.zeros((5, 1)))
    np.testing.assert_allclose(x, wide, rtol=1e-6, atol=2e-38)


@pytest.mark.parametrize("rows", [1, 20])
def test_interpolation_is_linear_between_nodes_and_beyond(rows):
    levels, nodes, d = 5, 9, 3
    start, inverse = random(levels, d, seed=1, dtype=np.float32), np.full((levels, d), 4, np.float32)
    x = start[:, None, :] + np.arange(nodes, dtype=np.float32)[None, :, None] / 4
    # linear functions: exact everywhere
    table = np.stack([2 * x + 1, -x, 0 * x + 7], axis=3).astype(np.float32).swapaxes(1, 2).copy()
    y = 3 * random(20, d, seed=2, dtype=np.float32)
    row, fraction = np.arange(rows) % (levels - 1), np.random.default_rng(3).uniform(size=rows).astype(np.float32)
    fused = elementwise.interpolate(y, row, fraction, table, start, inverse)
    np.testing.assert_allclose(fused, [2 * y + 1, -y, 0 * y + 7], rtol=1e-4, atol=1e-4)
    bumpy = random(levels, d, nodes, 3, seed=4, dtype=np.float32)
    fused = elementwise.interpolate(y, row, fraction, bumpy, start, inverse)
    plain = elementwise.interpolate(y.astype(np.float64), row, fraction, bumpy, start, inverse)
    np.testing.assert_allclose(fused, plain, rtol=1e-4, atol=1e-4)


def textbook_adamw(theta, gradients, rates, b1, b2, eps, decay):
    m, v, path = 0.0, 0.0, []
    for k, (g, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        theta = theta - rate * (m / (1 - b1**k) / (np.sqrt(v / (1 - b2**k)) + eps) + decay * theta)
        path.append(theta)
    return path


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adamw_is_the_textbook_formula_and_its_mean_a_power_law(dtype):
    size, steps = 1003, 30
    start, optimiser = random(size, seed=1, dtype=dtype), AdamW(decay=0.1, gamma=3.0)
    gradients = random(steps, size, seed=2, dtype=dtype)
    rates = [RateSchedule(0.05, steps, 5)(k) for k in range(steps)]
    state = AdamWState.start(start.copy())
    for g, rate in zip(gradients, rates, strict=True):
        optimiser.update(state, g.copy(), rate, RowShards(4, 2))
    path = textbook_adamw(start, gradients.astype(np.float64), rates, 0.9, 0.99, 1e-8, 0.1)
    tolerance = {"rtol": 2e-4, "atol": 2e-5} if dtype == np.float32 else {"rtol": 1e-9}
    np.testing.assert_allclose(state.theta, path[-1], **tolerance)
    # mean_k = mean_{k-1} + (gamma + 1)/(k + gamma) (theta_k - mean_{k-1}) weighs theta_j with j (j + 1) (j + 2)
    k = np.arange(1, steps + 1)
    weights = k * (k + 1) * (k + 2)
    np.testing.assert_allclose(state.mean, np.average(path, axis=0, weights=weights), **tolerance)
    assert state.step == steps


def test_learning_rate_rises_then_falls_to_zero():
    rates = np.array([RateSchedule(2.0, 100, 10)(k) for k in range(100)])
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 5)
    assert (np.diff(rates[10:]) < 0).all() and rates[10] == 2.0 and rates[-1] < 2e-3
    assert rates[55] == pytest.approx(1.0)  # half way down the cosine


# ---- optimisation ----------------------------------------------------------------------------------------------


class Parabola(Objective):
    """L = |theta - 1|^2 / 2, or whatever `told` says it is."""

    told: float | None = None
    sound = True

    def loss(self, theta, step, gradient):
        gradient[:] = theta - 1
        return float(gradient @ gradient) / 2 if self.told is None else self.told

    def fault(self, step):
        return None if self.sound else Fault("the batch is at fault", "Mend it.")


def test_an_optimisation_goes_down_and_stops_at_its_last_step():
    optimisation = Optimisation(Parabola(), AdamWState.start(np.zeros(5)), RateSchedule(0.1, 100))
    losses = [optimisation.advance() for _ in range(100)]
    assert losses[0] == 2.5 and losses[-1] < 1e-3
    assert optimisation.state.step == optimisation.steps == 100 and optimisation.rate(100) == 0
    optimisation.check()


@pytest.mark.parametrize("told", [np.inf, np.nan])
def test_what_is_at_fault_is_told_apart(told):
    optimisation = Optimisation(Parabola(), AdamWState.start(np.zeros(5)), RateSchedule(0.1, 100))
    state, objective = optimisation.state, optimisation.objective

    def diagnosis():
        with pytest.raises(FloatingPointError) as caught:
            optimisation.advance()
        return str(caught.value)

    optimisation.advance()
    objective.told, objective.sound = told, False
    expected = f"training broke down at step 1 of 100: the loss is {told}. the batch is at fault (largest finite"
    assert diagnosis().startswith(expected) and diagnosis().endswith("Mend it.")
    objective.sound, objective.subject, objective.alternative = True, "the student", ", or a longer warmup"
    assert diagnosis().startswith("the student broke down at step 1")
    assert "until the network's output overflows" in diagnosis()
    assert diagnosis().endswith("Use a lower learning rate than 0.1, or a longer warmup.")
    state.theta[3] = np.nan
    assert "an earlier step was too long" in diagnosis()
    state.v[3] = np.inf
    assert "the gradient of an earlier step overflowed" in diagnosis()
    with pytest.raises(FloatingPointError, match="the weights are not finite"):
        optimisation.check()


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"peak": 0.0}, "lr"),
        ({"peak": math.nan}, "lr"),
        ({"warmup": -1}, "warmup"),
        ({"decay": -1.0}, "decay must be >= 0"),
    ],
)
def test_bad_learning_rates_are_refused(bad, named):
    with pytest.raises(ValueError, match=named):
        LearningRate(**bad)
    assert LearningRate.of(0.5) == LearningRate(0.5) == LearningRate.of(LearningRate(0.5))


# ---- shards ----------------------------------------------------------------------------------------------------


def test_pieces_cover_the_rows_once_whatever_the_threads():
    for rows in (1, 3, 4, 5, 1000):
        pieces = RowShards(4, 1).pieces(rows)
        assert [r for piece in pieces for r in range(rows)[piece]] == list(range(rows))
        assert pieces == RowShards(4, 3).pieces(rows) and len(pieces) == min(4, rows)


def test_results_come_in_order_and_errors_come_out():
    shards = RowShards(4, 3)
    assert shards.run(lambda k: k * k, 6) == [0, 1, 4, 9, 16, 25]

    def fail(k):
        raise ZeroDivisionError(f"piece {k}")

    with pytest.raises(ZeroDivisionError, match="piece"):
        shards.run(fail, 4)


def test_a_piece_may_have_pieces_of_its_own():
    """On the same threads, all of which may be busy with what waits for it."""
    shards = RowShards(4, 2)
    inner = shards.run(lambda k: shards.run(lambda j: 10 * k + j, 3), 4)
    assert inner == [[10 * k + j for j in range(3)] for k in range(4)]


def gradients_of_a_batch(threads, levels=130):
    network = MLP(width=96, depth=3, dropout=0.1).build(24, 24)
    theta = network.initial(lambda n: random(n, seed=1, dtype=np.float32))
    network.head.weight.of(theta)[...] = random(96, 24, seed=7, dtype=np.float32)
    x, c = random(130, 24, seed=2, dtype=np.float32), random(levels, seed=3, dtype=np.float32)
    uniform = np.random.default_rng(4).uniform(size=(2, 130, 96)).astype(np.float32)
    whole = np.empty(network.size, np.float32)
    y, backprop = network(Run(theta, Arena(), training=True, dropout=uniform), x, c)
    backprop(y, whole)
    shards, state = RowShards(4, threads), AdamWState.start(theta)
    sharded, gradient = ShardedGradient(network, shards, 130, len(c)), np.full(network.size, np.nan, np.float32)

    def backward(run, shifts):
        run.dropout = uniform
        y, backprop = network(run, x, c, shifts)
        backprop(y, gradient)

    with one_thread_each():
        sharded(theta, c, backward, gradient)
        AdamW().update(state, gradient.copy(), 1e-3, shards)
    return SimpleNamespace(gradient=gradient, theta=state.theta, mean=state.mean, whole=whole)


@pytest.mark.parametrize("levels", [130, 26])
def test_same_bits_on_any_number_of_threads(levels):
    one, three = gradients_of_a_batch(1, levels), gradients_of_a_batch(3, levels)
    assert np.array_equal(one.gradient, three.gradient)
    assert np.array_equal(one.theta, three.theta) and np.array_equal(one.mean, three.mean)
    assert np.abs(one.gradient).max() > 0
    # The shards' gradient is that of all rows in one piece, to rounding.
    assert np.abs(one.gradient - one.whole).max() < 1e-4 * np.abs(one.whole).max()


def test_one_thread_each_holds_blas_and_kernels_and_lets_go():
    import numba
    from threadpoolctl import threadpool_info

    def blas():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = blas(), numba.get_num_threads()
    with one_thread_each():
        assert set(blas()) <= {1} and numba.get_num_threads() == 1
    assert (blas(), numba.get_num_threads()) == before
