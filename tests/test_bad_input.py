"""Bad input meets one clear error that names the argument and the value, before any work: hand-picked and generated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import inkdiff as ink
from inkdiff._core import backend

GLASS = ink.Brownian(1.0, ink.Box(0, 1))
FREE = ink.Brownian(1.0)
VP = ink.VariancePreserving.linear()
DDPM = ink.VariancePreserving.ddpm()
X = np.full((4, 2), 0.5)
SCORE = ink.GaussianScore(FREE, [0.0, 0.0], 1.0)


class Opaque:
    def __repr__(self):
        return "an opaque object"


NOT_POSITIVE = [0, -1, -0.5, math.nan, math.inf, -math.inf, np.float64("nan"), np.array(-1.0), 10**400]
NOT_NUMBERS = ["1", None, [1.0], (1,), {}, 1j, np.ones(2), True, np.bool_(True), np.array(True), Opaque(), b"1"]
NOT_COUNTS = [0, -1, 1.0, 2.5, "3", None, math.nan, [1], True, np.float32(2), 2**70]
NOT_SEEDS = [-1, 2**64, 1.0, "0", None, math.nan, True, [1], np.float64(3)]
NOT_STATES = [
    np.zeros(3),
    np.zeros((2, 3, 4)),
    np.zeros((0, 2)),
    np.zeros((2, 0)),
    np.float64(0.5),
    0.5,
    None,
    "x",
    [],
    [[]],
    [[1.0], [1.0, 2.0]],
    [["0.5"]],
    np.array([[0.5, np.nan]]),
    np.array([[np.inf, 0.5]]),
    np.array([[0.5 + 0j, 0.5]]),
    np.array([["a", "b"]]),
    np.array([[Opaque(), 1]]),
    np.array([["2020-01-01"]], "datetime64[D]"),
]
NOT_TIMES = [
    [0],
    [],
    [0, 0],
    [1, 0],
    [0, 1, 0.5],
    [0, math.nan],
    [0, math.inf],
    [-1, 0.5],
    np.zeros((2, 2)),
    0.5,
    None,
    "01",
    ["0", "1"],
    [0, 1j],
    [0, None],
    [[0], [0, 1]],
]


def complaint(call, *names):
    """The error of `call`: of an expected kind, and naming every one of `names`."""
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text.strip() and len(text) < 600, text
    for name in names:
        assert name in text, f"{name!r} is not named in: {text}"
    return text


@pytest.mark.parametrize("bad", NOT_POSITIVE + NOT_NUMBERS, ids=repr)
def test_parameters_of_processes(bad):
    complaint(lambda: ink.Brownian(bad), "D")
    complaint(lambda: ink.OrnsteinUhlenbeck(bad, 1.0), "D")
    complaint(lambda: ink.OrnsteinUhlenbeck(1.0, bad), "k")
    complaint(lambda: ink.VariancePreserving.linear(bad, 20.0), "beta_min")
    complaint(lambda: ink.VariancePreserving.linear(0.1, bad), "beta_max")
    complaint(lambda: ink.VariancePreserving.cosine(bad), "s")
    complaint(lambda: ink.VariancePreserving.cosine(end=bad), "end")
    complaint(lambda: ink.VariancePreserving.ddpm(10, bad), "beta_1")
    complaint(lambda: ink.VariancePreserving.ddpm(10, 1e-4, bad), "beta_T")
    complaint(lambda: ink.VarianceExploding(bad, 1.0), "sigma_min")
    complaint(lambda: ink.VarianceExploding(0.1, bad), "sigma_max")


def test_messages_say_the_value_and_what_to_do():
    complaint(lambda: ink.Brownian(-2.5), "D must be > 0", "diffusion coefficient", "-2.5")
    complaint(lambda: ink.VarianceExploding(1.0, 0.5), "sigma_max must exceed sigma_min = 1", "0.5")
    complaint(lambda: ink.VariancePreserving.linear(2.0, 1.0), "beta_max", "2", "1")
    complaint(lambda: ink.Brownian(1.0, "box"), "domain", "Box(lo, hi, wall)", "'box'")
    complaint(lambda: ink.VariancePreserving(3), "schedule", "3", ".linear()")
    complaint(lambda: ink.simulate("ink", X, [0, 1], seed=1), "process", "'ink'", "Brownian")
    complaint(lambda: ink.simulate(FREE, X[:, 0], [0, 1], seed=1), "x must have shape (n, d)", "x[:, None]")
    complaint(lambda: ink.simulate(FREE, X[None], [0, 1], seed=1), "(1, 4, 2)", "x.reshape(n, -1)")
    complaint(lambda: ink.simulate(FREE, X, [0, 2, 1], seed=1), "times[1] = 2.0 is followed by 1.0")
    complaint(lambda: ink.simulate(VP, X, [0, 1.5], seed=1), "times", "[0, 1]", "1.5")
    complaint(lambda: ink.simulate(GLASS, X + 1, [0, 1], seed=1), "x must lie in the box", "8 of its 8", "rescale")
    complaint(lambda: ink.diffuse(DDPM, X, 0.5, seed=1), "t must be an integer from 0 to 1000", "0.5")
    complaint(lambda: ink.Brownian(1e200), "D must lie between", "1e+200", "change units")


@pytest.mark.parametrize("bad", [*NOT_NUMBERS, math.nan, math.inf], ids=repr)
def test_boxes(bad):
    if not isinstance(bad, list | tuple | np.ndarray):
        complaint(lambda: ink.Box(bad, 2), "lo")
        complaint(lambda: ink.Box([0, bad], 2), "lo")
        complaint(lambda: ink.Box(0, bad), "hi")


@pytest.mark.parametrize(
    ("lo", "hi", "wall", "named"),
    [
        (1, 0, "reflect", "lo"),
        (0, 0, "reflect", "lo"),
        ([0, 1], [1, 1], "reflect", "lo"),
        ([0, 0], [1, 1, 1], "reflect", "lo, hi and wall"),
        ([], 1, "reflect", "lo"),
        (0, [], "reflect", "hi"),
        (0, 1, "absorbing", "wall"),
        (0, 1, None, "wall"),
        (0, 1, ["reflect", 3], "wall"),
        (0, 1, [], "wall"),
        ([0, 0], 1, ["reflect"], "lo, hi and wall"),
        (-1e308, 1e308, "reflect", "lo"),
        (0, 1e200, "reflect", "hi"),
        (0, 1e-200, "reflect", "hi - lo"),
    ],
)
def test_walls(lo, hi, wall, named):
    complaint(lambda: ink.Box(lo, hi, wall), named)


def test_boxes_of_another_dimension():
    brick = ink.Brownian(1.0, ink.Box([0, 0, 0], 1))
    for call in (
        lambda: ink.simulate(brick, X, [0, 1], seed=1),
        lambda: ink.diffuse(brick, X, 1, seed=1),
        lambda: brick.log_transition(X, 1.0, X),
    ):
        complaint(call, "3 axes", "2 coordinates")
    complaint(lambda: ink.BoxScore(brick, np.ones((2, 2))), "3 axes")


@pytest.mark.parametrize("bad", NOT_STATES, ids=lambda v: repr(v)[:40])
def test_states(bad):
    for process in (FREE, GLASS):
        complaint(lambda p=process: ink.simulate(p, bad, [0, 1], seed=1), "x")
        complaint(lambda p=process: ink.diffuse(p, bad, 1, seed=1), "x0")
        complaint(lambda p=process: ink.reverse(p, lambda x, t: x, bad, [1, 0], seed=1), "x")
        complaint(lambda p=process: p.log_transition(bad, 1.0, X), "x")
        complaint(lambda p=process: p.score_transition(X, 1.0, bad), "x0")
        complaint(lambda p=process: ink.EmpiricalScore(p, bad), "data")
    complaint(lambda: SCORE(bad, 1.0), "x")
    complaint(lambda: ink.EmpiricalScore(FREE, X)(bad, 1.0), "x")
    complaint(lambda: ink.BoxScore(GLASS, np.ones((2, 2)))(bad, 1.0), "x")


@pytest.mark.parametrize("bad", NOT_TIMES, ids=repr)
def test_times(bad):
    complaint(lambda: ink.simulate(FREE, X, bad, seed=1), "times")
    backwards = bad[::-1] if isinstance(bad, list) and len(bad) > 1 else bad
    complaint(lambda: ink.reverse(FREE, SCORE, X, backwards, seed=1), "times")


NOT_A_TIME = [-1e-9, -1, math.nan, math.inf, "1", None, 1j, [0.5], [0.5] * 5, X, [[0.5]] * 4, ["a"] * 4, {}]


@pytest.mark.parametrize("bad", NOT_A_TIME)
def test_one_time(bad):
    for process in (FREE, VP, GLASS):
        complaint(lambda p=process: ink.diffuse(p, X, bad, seed=1), "t")
        complaint(lambda p=process: p.log_transition(X, bad, X), "t")
        complaint(lambda p=process: ink.EmpiricalScore(p, X)(X, bad), "t")
    complaint(lambda: SCORE(X, bad), "t")
    complaint(lambda: ink.BoxScore(GLASS, np.ones((2, 2)))(X, bad), "t")


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan, "1", None])
def test_times_of_schedules(bad):
    for process in (VP, ink.VariancePreserving.cosine(), ink.VarianceExploding(0.1, 1.0)):
        for question in ("alpha", "sigma", "variance", "log_alpha", "f", "g2"):
            complaint(lambda p=process, q=question: getattr(p, q)(bad), "t")
        complaint(lambda p=process: p.clock(bad, 1.0), "s")
        complaint(lambda p=process: p.clock(0.0, bad), "t")


@pytest.mark.parametrize("bad", [-1, 1001, 0.5, [0, 1.5], math.nan])
def test_times_of_a_table(bad):
    for question in ("alpha", "sigma", "f", "g2"):
        complaint(lambda q=question: getattr(DDPM, q)(bad), "t")
    complaint(lambda: ink.diffuse(DDPM, X[:2], bad, seed=1), "t")
    complaint(lambda: ink.simulate(DDPM, X, [0, 100], steps=3, seed=1), "times between steps", "33.3333")
    complaint(lambda: ink.VariancePreserving.ddpm(0), "T")
    complaint(lambda: ink.VariancePreserving.ddpm(10, 0.5, 1.0), "beta_T")


@pytest.mark.parametrize("process", [FREE, GLASS])
def test_no_density_at_time_zero(process):
    complaint(lambda: process.log_transition(X, 0.0, X), "t must be > 0")
    complaint(lambda: process.score_transition(X, [0.0, 1, 1, 1], X), "t must be > 0")
    complaint(lambda: ink.EmpiricalScore(process, X)(X, 0.0), "t must be > 0")
    complaint(lambda: ink.BoxScore(GLASS, np.ones((2, 2)))(X, 0), "t must be > 0")


@pytest.mark.parametrize("bad", NOT_SEEDS, ids=repr)
def test_seeds(bad):
    complaint(lambda: ink.simulate(FREE, X, [0, 1], seed=bad), "seed")
    complaint(lambda: ink.diffuse(FREE, X, 1, seed=bad), "seed")
    complaint(lambda: ink.reverse(FREE, SCORE, X, [1, 0], seed=bad), "seed")
    complaint(lambda: ink.normal(3, seed=bad), "seed")
    complaint(lambda: GLASS.equilibrium.sample(3, 2, seed=bad), "seed")
    complaint(lambda: VP.prior(1).sample(3, 2, seed=bad), "seed")


@pytest.mark.parametrize("bad", NOT_COUNTS, ids=repr)
def test_counts(bad):
    if bad != 2**70:
        complaint(lambda: GLASS.equilibrium.sample(bad, 2, seed=1), "n")
        complaint(lambda: GLASS.equilibrium.sample(2, bad, seed=1), "d")
    complaint(lambda: ink.simulate(FREE, X, [0, 1], seed=1, steps=bad), "steps")
    complaint(lambda: ink.reverse(FREE, SCORE, X, [1, 0], seed=1, steps=bad), "steps")
    if bad != 0:
        complaint(lambda: ink.simulate(FREE, X, [0, 1], seed=1, first_step=bad), "first_step")
        complaint(lambda: ink.diffuse(FREE, X, 1, seed=1, step=bad), "step")
        complaint(lambda: ink.normal(3, seed=1, start=bad), "start")
        complaint(lambda: ink.normal(3, seed=1, stream=bad), "stream")
        if bad != 2**70:
            complaint(lambda: ink.BoxScore(GLASS, np.ones(2), nodes=bad), "nodes")


def test_steps_run_out_of_numbers():
    for call in (
        lambda: ink.simulate(FREE, X, [0, 1], seed=1, steps=2, first_step=2**32 - 2),
        lambda: ink.reverse(FREE, SCORE, X, [1, 0], seed=1, steps=2, first_step=2**32 - 2),
    ):
        complaint(call, "first_step + all steps")


@pytest.mark.parametrize(
    "bad",
    [
        np.empty(4, np.float32),
        np.empty((4, 2), np.float32),
        np.empty((2, 4)).T,
        [[0.0] * 2] * 4,
        None,
        "x",
        np.empty(0),
    ],
)
def test_outputs(bad):
    if bad is not None:
        complaint(lambda: ink.diffuse(FREE, X, 1, seed=1, out=bad), "out", "(4, 2)", "float64")
        complaint(lambda: ink.normal(9, seed=1, out=bad), "out", "(9,)", "float32")
    frozen = np.empty((4, 2))
    frozen.flags.writeable = False
    complaint(lambda: ink.diffuse(FREE, X, 1, seed=1, out=frozen), "out", "writeable")


def test_nothing_half_written():
    """An error leaves the arrays it was given as they were."""
    out, x = np.full((4, 2), 7.0), X.copy()
    for wrong in (dict(t=-1.0), dict(t=1.0, seed=-1), dict(t=[1.0, 2.0]), dict(t=1.0, step=2**32)):
        complaint(lambda wrong=wrong: ink.diffuse(FREE, x, **{"seed": 1, **wrong}, out=out))
    with pytest.raises(FloatingPointError):
        ink.reverse(FREE, lambda x, t: x * np.nan, x, [1, 0], seed=1)
    noise = np.full(9, 7.0, np.float32)
    complaint(lambda: ink.normal(9, seed=1, start=-1, out=noise))
    assert (out == 7).all() and (noise == 7).all() and np.array_equal(x, X)


NOT_COUNTERS = [
    [1, 2, 3],
    [[1.0] * 4],
    np.zeros((2, 3), np.uint32),
    "x",
    None,
    [[-1, 0, 0, 0]],
    [[2**32, 0, 0, 0]],
    [[1], [2, 3]],
]


@pytest.mark.parametrize("counter", NOT_COUNTERS)
def test_philox_counters(counter):
    complaint(lambda: ink.philox4x32(counter, [0, 0]), "counter")


@pytest.mark.parametrize("key", [[1], [1, 2, 3], 5, None, "ab", [1.5, 2], [-1, 0], [2**32, 0], ["1", "2"]])
def test_philox_keys(key):
    complaint(lambda: ink.philox4x32(np.zeros((1, 4), np.uint32), key), "key")


@pytest.mark.parametrize("bad", [3, "score", None])
def test_functions(bad):
    complaint(lambda: ink.reverse(FREE, bad, X, [1, 0], seed=1), "score")
    if bad is not None:
        complaint(lambda: ink.simulate(FREE, X, [0, 1], seed=1, observe=bad), "observe")
        complaint(lambda: ink.simulate(FREE, X, [0, 1], seed=1, callback=bad), "callback")
        complaint(lambda: ink.reverse(FREE, SCORE, X, [1, 0], seed=1, callback=bad), "callback")
        complaint(lambda: ink.reverse(FREE, SCORE, X, [1, 0], seed=1, sampler=bad), "sampler")
    complaint(lambda: ink.simulate(FREE, X, [0, 1], seed=1, observe={"S": bad}), "observe['S']")
    complaint(lambda: ink.reverse(FREE, SCORE, X, [1, 0], seed=1, sampler=ink.DDIM), "sampler", "DDIM(eta=0.0)")


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan, "0", None])
def test_ddim_noise(bad):
    complaint(lambda: ink.DDIM(bad), "eta")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (([], [[0.0]], 1.0), "weights"),
        (([1, 1], [[0.0]], 1.0), "weights"),
        (([0.0], [[0.0]], 1.0), "weights"),
        (([-1.0], [[0.0]], 1.0), "weights"),
        ((["a"], [[0.0]], 1.0), "weights"),
        (([math.nan], [[0.0]], 1.0), "weights"),
        (([1.0], [[math.nan]], 1.0), "means"),
        (([1.0], [[[0.0]]], 1.0), "means"),
        (([1.0], [["a"]], 1.0), "means"),
        (([1.0], [[]], 1.0), "means"),
        (([1.0], [[0.0]], 0.0), "covariances"),
        (([1.0], [[0.0]], -1.0), "covariances"),
        (([1.0], [[0.0]], math.nan), "covariances"),
        (([1.0], [[0.0]], [1.0, 2.0]), "covariances"),
        (([1.0], [[0.0, 0.0]], [[[1.0, 0.5], [0.2, 1.0]]]), "covariances"),
        (([1.0], [[0.0, 0.0]], [[[1.0, 2.0], [2.0, 1.0]]]), "covariances"),
    ],
)
def test_mixtures(arguments, named):
    complaint(lambda: ink.MixtureScore(FREE, *arguments), named)


def test_scores_want_processes_and_their_walls():
    for call in (
        lambda: ink.GaussianScore(3, [0.0], 1.0),
        lambda: ink.MixtureScore(None, [1], [[0.0]], 1.0),
        lambda: ink.EmpiricalScore("p", X),
        lambda: ink.BoxScore(ink.Brownian, np.ones(2)),
        lambda: ink.GaussianScore(GLASS, [0.0], 1.0),
        lambda: ink.BoxScore(FREE, np.ones(2)),
    ):
        complaint(call, "process")
    complaint(lambda: ink.EmpiricalScore(GLASS, X + 1), "data must lie in the box")
    complaint(lambda: ink.BoxScore(GLASS, np.ones(2))(X[:, :1] + 1, 1.0), "x must lie in the box")
    complaint(lambda: ink.GaussianScore(FREE, [[0.0]], 1.0), "mean")
    complaint(lambda: SCORE(X[:, :1], 1.0), "x must have shape (n, 2)")


@pytest.mark.parametrize(
    "bad",
    [
        [],
        np.zeros(3),
        -np.ones(3),
        [1, math.nan],
        [1, math.inf],
        np.ones((2,) * 4),
        "ab",
        None,
        [["a"]],
        [[1], [1, 2]],
        5.0,
    ],
)
def test_densities(bad):
    complaint(lambda: ink.BoxScore(GLASS, bad), "density")


# ---- two devices


def test_mixed_devices(device):
    there = device.asarray(X)
    t = np.full(4, 0.5)
    complaint(lambda: ink.diffuse(FREE, there, t, seed=1), "two devices", "t NumPy", "x0 CuPy", "to_device")
    complaint(lambda: ink.diffuse(FREE, X, 1, seed=1, out=device.asarray(X)), "two devices", "out CuPy")
    complaint(lambda: FREE.log_transition(there, 1.0, X), "two devices", "x0 NumPy")
    complaint(lambda: ink.EmpiricalScore(FREE, X)(there, 1.0), "two devices", "data NumPy")
    complaint(lambda: ink.reverse(FREE, lambda x, t: X, there, [1, 0], seed=1), "two devices", "score(x, t) NumPy")


def test_a_gpu_where_there_is_none(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cupy", None)
    with pytest.raises(RuntimeError, match=r"device='cuda'.*no usable CUDA device.*device='cpu'"):
        backend.to_device(X, "cuda")


# ---- generated

KINDS = (ValueError, TypeError, FloatingPointError)
numbers = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, width=64),
    st.sampled_from([0, 1, -1, 0.5, 1e-300, 1e300, 5e-324, -0.0]),
    st.integers(-10, 2000),
    st.none(),
    st.text(max_size=3),
    st.booleans(),
)
shapes = st.lists(st.integers(0, 3), min_size=0, max_size=3).map(tuple)
dtypes = st.sampled_from([np.float32, np.float64, np.float16, np.int64, np.uint8, np.complex128, bool, object, "U3"])


@st.composite
def arrays(draw):
    shape, dtype = draw(shapes), draw(dtypes)
    fill = draw(st.sampled_from([0.0, 0.5, 1.0, 1.5, -0.25, math.nan, math.inf, 1e30]))
    with np.errstate(over="ignore", invalid="ignore"):
        return np.full(shape, fill).astype(dtype)


processes = st.sampled_from([FREE, GLASS, VP, DDPM, ink.OrnsteinUhlenbeck(1.0, 1.0), ink.VarianceExploding(0.1, 2.0)])


def valid_or_clear(call, check):
    """Either the call succeeds and `check` holds of its result, or it raises a clear error."""
    try:
        result = call()
    except KINDS as error:
        text = str(error)
        assert text and len(text) < 600 and "Traceback" not in text and "numba" not in text.lower(), text
        return
    check(result)


def finite_in_domain(process):
    def check(x):
        assert np.isfinite(x).all()
        if isinstance(process.domain, ink.Box):
            assert (x >= 0).all() and (x <= 1).all()

    return check


@settings(max_examples=150)
@given(process=processes, x=arrays(), t=numbers, seed=st.one_of(st.integers(-2, 2**65), numbers))
@example(process=GLASS, x=X, t=1e300, seed=1)
@example(process=GLASS, x=X, t=1e-300, seed=1)
@example(process=FREE, x=X, t=1.7e308, seed=1)
def test_diffuse_with_anything(process, x, t, seed):
    valid_or_clear(lambda: ink.diffuse(process, x, t, seed=seed), finite_in_domain(process))


@settings(max_examples=150)
@given(process=processes, x=arrays(), times=st.lists(numbers, max_size=4), steps=st.one_of(st.integers(-1, 5), numbers))
@example(process=FREE, x=X, times=[0, 1.7e308], steps=1)
def test_simulate_with_anything(process, x, times, steps):
    valid_or_clear(
        lambda: ink.simulate(process, x, times, seed=1, steps=steps if steps != 2000 else 3).last,
        finite_in_domain(process),
    )


@settings(max_examples=100)
@given(
    process=processes,
    x=arrays(),
    times=st.lists(numbers, max_size=4),
    sampler=st.sampled_from([None, "ancestral", "ddim", "heun", "euler_maruyama", "euler", 3, ink.DDIM(0.5)]),
)
def test_reverse_with_anything(process, x, times, sampler):
    run = lambda: ink.reverse(process, lambda x, t: -x, x, times, seed=1, sampler=sampler).last  # noqa: E731
    valid_or_clear(run, finite_in_domain(process))


@settings(max_examples=150)
@given(parameters=st.lists(numbers, min_size=2, max_size=2))
def test_processes_with_anything(parameters):
    a, b = parameters

    def sound(process):
        t = process.t_max if math.isfinite(process.t_max) else 1.0
        assert process.alpha(0) == 1 and process.sigma(0) == 0
        assert 0 <= process.alpha(t) <= 1 and process.sigma(t) >= 0

    for make in (
        lambda: ink.Brownian(a),
        lambda: ink.OrnsteinUhlenbeck(a, b),
        lambda: ink.VariancePreserving.linear(a, b),
        lambda: ink.VariancePreserving.cosine(a, b),
        lambda: ink.VariancePreserving.ddpm(7, a, b),
        lambda: ink.VarianceExploding(a, b),
        lambda: ink.Brownian(1.0, ink.Box(a, b)),
    ):
        valid_or_clear(make, sound)


@settings(max_examples=100)
@given(n=numbers, start=numbers, step=numbers, stream=numbers)
def test_noise_with_anything(n, start, step, stream):
    def check(z):
        assert z.dtype == np.float32 and np.isfinite(z).all() and z.shape == (n,)

    valid_or_clear(lambda: ink.normal(n, seed=1, start=start, step=step, stream=stream), check)


@settings(max_examples=100)
@given(x=arrays(), t=numbers)
@example(x=np.full((3, 2), 0.2), t=1e-300)
@example(x=np.full((3, 2), 0.2), t=1e-270)
@example(x=np.full((3, 2), 0.2, np.float32), t=1e-33)
@example(x=np.full((3, 2), 0.2, np.float32), t=1e-40)
def test_scores_with_anything(x, t):
    for score in (SCORE, ink.EmpiricalScore(GLASS, X), ink.BoxScore(GLASS, np.eye(2))):

        def check(u, x=x):
            assert u.shape == x.shape and not np.isnan(u).any()

        valid_or_clear(lambda s=score: s(x, t), check)
