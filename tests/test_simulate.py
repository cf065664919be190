"""Walks and jumps: the motto, the same bits however a run is cut, streams apart, and what a trajectory holds."""

from __future__ import annotations

from itertools import pairwise

import numba
import numpy as np
import pytest

import inkdiff as ink
from inkdiff import kernels
from inkdiff._core.rng import Stream

PROCESSES = {
    "free": ink.Brownian(0.3),
    "OU": ink.OrnsteinUhlenbeck(D=0.3, k=2.0),
    "VP": ink.VariancePreserving.linear(),
    "DDPM": ink.VariancePreserving.ddpm(),
    "VE": ink.VarianceExploding(0.01, 5.0),
    "glass": ink.Brownian(0.3, ink.Box(0, 1)),
    "torus": ink.Brownian(0.3, ink.Box(0, 1, "periodic")),
    "reflected VE": ink.VarianceExploding(0.01, 2.0, ink.Box(0, 1)),
}
ALL = pytest.mark.parametrize("name", PROCESSES)
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SHAPE = (150, 64)  # more than one block of elements, the last one ragged


def states(dtype=np.float32, shape=SHAPE, seed=0):
    return np.random.default_rng(seed).uniform(0, 1, shape).astype(dtype)


def times(name, count=4):
    return np.linspace(0, 900, count) if name == "DDPM" else np.linspace(0, 0.9, count)


# ---- the motto


@ALL
@DTYPES
def test_images_are_ink(name, dtype):
    """n images of d pixels and the same n*d numbers as ink on a line move by the same bits."""
    p, x = PROCESSES[name], states(dtype)
    images = ink.simulate(p, x, times(name), seed=7, steps=3)
    drops = ink.simulate(p, x.reshape(-1, 1), times(name), seed=7, steps=3)
    assert images.x.dtype == dtype
    assert np.array_equal(images.x.reshape(4, -1), drops.x.reshape(4, -1))
    t = times(name)[-1]
    assert np.array_equal(ink.diffuse(p, x, t, seed=7).reshape(-1), ink.diffuse(p, x.reshape(-1, 1), t, seed=7)[:, 0])


def test_images_are_ink_whatever_the_shape():
    x = states(shape=(5040, 1))
    p = PROCESSES["glass"]
    line = ink.simulate(p, x, [0, 0.1], seed=1, steps=2).last.reshape(-1)
    for d in (2, 3, 7, 28, 5040):
        assert np.array_equal(ink.simulate(p, x.reshape(-1, d), [0, 0.1], seed=1, steps=2).last.reshape(-1), line)


# ---- however a run is cut


@ALL
@DTYPES
def test_continued_at_a_recorded_time(name, dtype):
    p, x, t = PROCESSES[name], states(dtype), times(name, 6)
    whole = ink.simulate(p, x, t, seed=3, steps=4)
    first = ink.simulate(p, x, t[:3], seed=3, steps=4)
    assert first.next_step == 8
    second = ink.simulate(p, first.last, t[2:], seed=3, steps=4, first_step=first.next_step)
    assert np.array_equal(second.x, whole.x[2:])
    assert second.next_step == whole.next_step == 20


@ALL
def test_continued_anywhere_in_float64(name):
    """One interval of 12 steps, or stopped after 5 of them, at a time the first run never recorded."""
    p, x = PROCESSES[name], states(np.float64)
    end = 12 if name == "DDPM" else 0.75
    grid = np.linspace(0, end, 13)
    whole = ink.simulate(p, x, [0, end], seed=3, steps=12)
    first = ink.simulate(p, x, [0, grid[5]], seed=3, steps=5)
    second = ink.simulate(p, first.last, [grid[5], end], seed=3, steps=7, first_step=first.next_step)
    if "glass" in name or "torus" in name or "reflected" in name:
        assert np.array_equal(second.last, whole.last)
    else:
        # The two grids of times differ in their last bits, and with them the widths of the steps.
        assert np.allclose(second.last, whole.last, rtol=1e-12, atol=1e-13)


@ALL
def test_recording_more_changes_no_float64_path(name):
    p, x = PROCESSES[name], states(np.float64)
    grid = np.arange(13.0) if name == "DDPM" else np.arange(13) / 16
    every = ink.simulate(p, x, grid, seed=3)
    some = ink.simulate(p, x, grid[::4], seed=3, steps=4)
    assert np.array_equal(every.x[::4], some.x)


@ALL
def test_threads_and_repetition(name):
    p, x = PROCESSES[name], states(shape=(3000, 16))
    again = [ink.simulate(p, x, times(name), seed=9, steps=2).x for _ in range(2)]
    jumps = [ink.diffuse(p, x, times(name)[2], seed=9) for _ in range(2)]
    allowed = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        again.append(ink.simulate(p, x, times(name), seed=9, steps=2).x)
        jumps.append(ink.diffuse(p, x, times(name)[2], seed=9))
    finally:
        numba.set_num_threads(allowed)
    assert all(np.array_equal(again[0], other) for other in again)
    assert all(np.array_equal(jumps[0], other) for other in jumps)


# ---- streams apart


def test_forward_jump_and_reverse_share_no_noise():
    """With one seed and one step number, the three noises read back from the three doors are independent."""
    n = 200_000
    x, p = np.zeros((n, 1), np.float64), ink.Brownian(0.5)
    forward = ink.simulate(p, x, [0, 1], seed=5).last
    jumped, eps = ink.diffuse(p, x, 1, seed=5, return_noise=True)
    back = ink.reverse(p, lambda x, t: 0 * x, x, [1, 0], seed=5, sampler="euler_maruyama").last
    noises = {
        "forward": (forward, Stream.FORWARD),
        "jump": (jumped, Stream.JUMP),
        "reverse": (back, Stream.REVERSE),
    }
    for got, stream in noises.values():
        # Without a drift a walk counts quanta of 2^-40.
        difference = np.abs(got[:, 0] - ink.normal(n, seed=5, step=0, stream=stream).astype(np.float64))
        assert difference.max() <= (2.0**-41 if stream == Stream.FORWARD else 0)
    assert np.array_equal(eps, jumped.astype(np.float32))
    a, b, c = (got[:, 0] for got, _ in noises.values())
    for first, second in ((a, b), (b, c), (a, c)):
        assert abs((first * second).mean()) * np.sqrt(n) < 5
        assert not np.intersect1d(first[:1000], second[:1000]).size > 2


def test_no_noise_is_used_twice():
    x, p = np.zeros((100_000, 1)), ink.Brownian(0.5)
    steps = np.diff(ink.simulate(p, x, [0, 1, 2, 3], seed=5).x[:, :, 0], axis=0)
    later = ink.simulate(p, x, [0, 1], seed=5, first_step=3).last[:, 0]
    correlations = np.corrcoef([*steps, later])[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() * np.sqrt(x.size) < 5
    a, b = (ink.diffuse(p, x, 1, seed=5, step=k)[:, 0] for k in (0, 1))
    assert abs((a * b).mean()) * np.sqrt(x.size) < 5


# ---- what a trajectory holds


@ALL
def test_trajectory(name):
    p, x = PROCESSES[name], states()
    before = x.copy()
    run = ink.simulate(p, x, list(times(name)), seed=1, steps=2)
    assert np.array_equal(x, before), "the given array was changed"
    assert run.x.shape == (4, *SHAPE) and np.array_equal(run.x[0], x) and np.array_equal(run.x[-1], run.last)
    assert np.array_equal(run.times, times(name)) and run.next_step == 6 and run.observed == {}
    if isinstance(p.domain, ink.Box):
        assert run.x.min() >= 0 and run.x.max() <= 1


def test_observables():
    p, x = PROCESSES["glass"], states()
    stored = ink.simulate(p, x, times("glass"), seed=1, steps=2)
    seen = []
    run = ink.simulate(
        p,
        x,
        times("glass"),
        seed=1,
        steps=2,
        observe={
            "mean": lambda x: x.mean(0),
            "time": lambda x, t: t,
            "pair": lambda x: (x.min(), x.max()),
            "state": lambda x: x,  # the walk's own array, which it overwrites: must be copied
            "view": lambda x: x[:3],
            "np": np.std,
            "default": lambda x, axis=0: x.mean(axis),
        },
        callback=lambda i, t, x: seen.append((i, t, float(x[0, 0]))),
    )
    assert run.x is None
    assert np.array_equal(run.last, stored.last)
    assert np.array_equal(run.observed["mean"], stored.x.mean(1)) and run.observed["mean"].shape == (4, 64)
    assert np.array_equal(run.observed["time"], run.times)
    assert run.observed["pair"].shape == (4, 2)
    assert np.array_equal(run.observed["state"], stored.x)
    assert np.array_equal(run.observed["view"], stored.x[:, :3])
    assert np.array_equal(run.observed["np"], [x.std() for x in stored.x])
    assert np.array_equal(run.observed["default"], run.observed["mean"])
    assert seen == [(i, t, float(x[0, 0])) for i, (t, x) in enumerate(zip(run.times, stored.x, strict=True))]


def test_an_observable_keeps_its_shape():
    asked = []
    observe = {"a": lambda x, t: asked.append(t) or np.zeros(int(t) + 1)}
    with pytest.raises(ValueError, match=r"observe\['a'\] .* got \(1,\) at t=0 and \(2,\) at t=1"):
        ink.simulate(ink.Brownian(1.0), np.zeros((3, 1)), [0, 1, 2], seed=1, observe=observe)
    assert asked == [0, 1]


def test_observing_nothing_stores_nothing():
    run = ink.simulate(PROCESSES["VP"], states(), [0, 1], seed=1, observe={})
    assert run.x is None and run.observed == {} and run.last.shape == SHAPE


# ---- jumps


@ALL
@DTYPES
def test_a_jump_is_its_formula(name, dtype):
    p, x = PROCESSES[name], states(dtype)
    t = times(name)[2]
    x_t, eps = ink.diffuse(p, x, t, seed=4, return_noise=True)
    assert x_t.dtype == dtype and eps.dtype == np.float32
    assert np.array_equal(eps.reshape(-1), ink.normal(eps.size, seed=4, stream=Stream.JUMP))
    straight = p.alpha(t) * x.astype(np.float64) + p.sigma(t) * eps
    if isinstance(p.domain, ink.Box):
        straight = np.mod(straight, 2 if p.domain.wall == "reflect" else 1)
        straight = np.minimum(straight, 2 - straight) if p.domain.wall == "reflect" else straight
    error = np.abs(x_t - straight)
    if isinstance(p.domain, ink.Box) and p.domain.wall == "periodic":
        error = np.minimum(error, 1 - error)
    assert error.max() < (1e-5 if dtype == np.float32 else 1e-13)


@ALL
def test_jumps_with_one_time_per_row(name):
    p, x = PROCESSES[name], states()
    t = np.linspace(0, times(name)[-1], len(x))
    t = np.rint(t) if name == "DDPM" else t
    rows = ink.diffuse(p, x, t, seed=4)
    assert np.array_equal(rows[0], x[0])  # t = 0: nothing has happened yet
    for i in (0, 1, 77, 149):
        assert np.allclose(rows[i], ink.diffuse(p, x, t[i], seed=4)[i], rtol=0, atol=1e-6)
    if name != "DDPM":
        assert np.array_equal(rows, ink.diffuse(p, x, t.astype(np.float64), seed=4))
    assert np.array_equal(ink.diffuse(p, x, 0, seed=4), x)


def test_the_schedule_of_many_rows_is_evaluated_in_pieces():
    """Rows by the tens of thousands, cut where the schedule is not: the same bits."""
    process, n = ink.VariancePreserving.linear(), 40_000
    x, t = states(shape=(n, 3)), np.linspace(1e-3, 1, n)
    whole = ink.diffuse(process, x, t, seed=7)
    cuts = [0, 5000, 21_000, n]
    parts = [ink.diffuse(process, x[i:j], t[i:j], seed=7, first_row=i) for i, j in pairwise(cuts)]
    assert np.array_equal(np.concatenate(parts), whole)
    with pytest.raises(ValueError, match="t must be smaller"):
        ink.diffuse(ink.Brownian(1e60), x, np.where(np.arange(n) == n - 1, 1e30, 1.0), seed=7)


@pytest.mark.parametrize("shape", [(1, 2), (511, 2), (513, 2), (5000, 3), (3, 1025)])
def test_a_stray_coordinate_is_found_wherever_it_is(shape):
    """In boxes with unlike sides, whose rows are looked at many at a time."""
    n, d = shape
    box = ink.Box(0.0, [1.0, *[2.0] * (d - 1)])
    x = np.zeros(shape, np.float32)
    x[:, 1:] = 1.5
    box.check_inside(x)
    for row in {0, n // 2, n - 1}:
        for column, bad in ((0, 1.5), (d - 1, np.nan), (d - 1, -0.5)):
            wrong = x.copy()
            wrong[row, column] = bad
            with pytest.raises(ValueError, match="x must"):
                box.check_inside(wrong)


def test_jumps_into_given_arrays():
    p, x = PROCESSES["glass"], states()
    out = np.empty_like(x)
    assert ink.diffuse(p, x, 0.2, seed=1, out=out) is out
    itself = x.copy()
    assert ink.diffuse(p, itself, 0.2, seed=1, out=itself) is itself
    assert np.array_equal(out, itself) and not np.array_equal(out, x)


def test_kinds_of_input():
    p = PROCESSES["free"]
    x = states(np.float64, (20, 3))
    assert ink.diffuse(p, x.tolist(), 1, seed=1).dtype == np.float64
    assert np.array_equal(ink.diffuse(p, np.asfortranarray(x), 1, seed=1), ink.diffuse(p, x, 1, seed=1))
    assert ink.diffuse(p, np.arange(6).reshape(3, 2), 1, seed=1).dtype == np.float32
    assert ink.simulate(p, x.astype(np.float16), [0, 1], seed=1).x.dtype == np.float32
    frozen = x.copy()
    frozen.flags.writeable = False
    assert np.array_equal(ink.diffuse(p, frozen, 1, seed=1), ink.diffuse(p, x, 1, seed=1))
    assert np.array_equal(ink.simulate(p, frozen, [0, 1], seed=1).last, ink.simulate(p, x, [0, 1], seed=1).last)
    for seed in (0, 2**64 - 1, np.uint64(5)):
        ink.diffuse(p, x, 1, seed=seed)


# ---- resolution


def test_times_too_close_for_float32_raise_and_float64_walks_on():
    p = ink.Brownian(1.0, ink.Box(0, 1))
    x = np.full((200_000, 1), 0.5)
    close = np.linspace(0, 1e-15, 3)  # steps of 3e-8: below float32's ulp of 6e-8
    with pytest.raises(ValueError, match=r"x is float32, too coarse .* pass x as float64"):
        ink.simulate(p, x.astype(np.float32), close, seed=1)
    moved = ink.simulate(p, x, close, seed=1).last - 0.5
    z = ((moved**2).mean() - 2e-15) / ((moved**2).std() / np.sqrt(x.size))
    assert abs(z) < 5


def test_steps_too_short_raise_instead_of_freezing():
    x = np.full((10, 1), 0.5)
    with pytest.raises(ValueError, match=r"steps=1000 are too many.*quanta.*fewer steps"):
        ink.simulate(ink.Brownian(1.0, ink.Box(0, 1)), x, [0, 1e-16], seed=1, steps=1000)
    with pytest.raises(ValueError, match=r"steps=10 are too many.*quanta of free space.*quantum="):
        ink.simulate(ink.Brownian(1.0), x, [0, 1e-24], seed=1, steps=10)
    fine = ink.Brownian(1.0, ink.Free(quantum=2.0**-50))
    assert ink.simulate(fine, x, [0, 1e-24], seed=1, steps=10).next_step == 10
    far = np.full((10, 1), 1e6, np.float32)
    with pytest.raises(ValueError, match=r"x is float32, too coarse for times this close.*float64"):
        ink.simulate(ink.Brownian(1.0), far, [0, 0.01], seed=1)
    assert ink.simulate(ink.Brownian(1.0), far.astype(np.float64), [0, 0.01], seed=1).next_step == 1
    with pytest.raises(ValueError, match=r"steps=100 are too many for x in float32.*float64"):
        ink.simulate(ink.OrnsteinUhlenbeck(1.0, 1.0), far, [0, 1], seed=1, steps=100)


def test_free_space_has_a_range_of_its_own():
    with pytest.raises(ValueError, match=r"beyond 2\^62 quanta.*Free\(quantum=2.0\*\*-\d+\)"):
        ink.simulate(ink.Brownian(1.0), np.full((3, 1), 1e7), [0, 1], seed=1)
    wide = ink.Brownian(1.0, ink.Free(quantum=2.0**-20))
    moved = ink.simulate(wide, np.full((200_000, 1), 1e7), [0, 1e10], seed=1, steps=3).last - 1e7
    assert abs((moved**2).mean() / 2e10 - 1) < 5 * np.sqrt(2 / len(moved))


def test_small_steps_accumulate_in_free_space_in_float32():
    """10^4 steps of 1e-5 on positions near 100, where float32 is spaced 8e-6: positions would stand still or drift."""
    n, steps = 20_000, 10_000
    x = np.full((n, 1), 100.0, np.float32)
    moved = ink.simulate(ink.Brownian(0.5), x, [0, 1e-6], seed=3, steps=steps).last.astype(np.float64) - 100
    square = moved**2 - np.spacing(np.float32(100)) ** 2 / 12
    assert abs(square.mean() - 1e-6) < 5 * square.std() / np.sqrt(n)


def test_a_bowl_in_float32_relaxes_at_its_rate_in_many_steps():
    """Each factor exp(-k dt) lies half-way between two float32 numbers, the worst for it: with every factor rounded
    to the nearest the mean would be off by 10 standard errors."""
    steps, n, D = 100_000, 8192, 1e-4
    k = 168.49 * 2.0**-24 * steps
    x = ink.simulate(ink.OrnsteinUhlenbeck(D, k), np.ones((n, 1), np.float32), [0, 1], seed=1, steps=steps).last
    variance = D / k * -np.expm1(-2 * k)
    assert abs(x.mean(dtype=np.float64) - np.exp(-k)) < 5 * np.sqrt(variance / n)
    assert abs(x.var(dtype=np.float64) / variance - 1) < 5 * np.sqrt(2 / n)


@pytest.mark.parametrize("name", ["glass", "free", "OU"])
def test_parts_walked_one_by_one_are_the_whole(name):
    p, x = PROCESSES[name], states(shape=(3001, 2))
    whole, jumped = ink.simulate(p, x, times(name), seed=7, steps=3), ink.diffuse(p, x, 0.5, seed=7)
    for rows in (slice(0, 1), slice(1, 1500), slice(1500, 3001)):
        part = ink.simulate(p, x[rows], times(name), seed=7, steps=3, first_row=rows.start)
        assert np.array_equal(part.x, whole.x[:, rows])
        assert np.array_equal(ink.diffuse(p, x[rows], 0.5, seed=7, first_row=rows.start), jumped[rows])


def test_nothing_runs_before_everything_is_checked(monkeypatch):
    def reached(*args, **kwargs):
        raise AssertionError("a kernel ran")

    for name in ("walk", "walk_box", "walk_free", "affine_step"):
        monkeypatch.setattr(kernels, name, reached)
    x = states()
    for wrong in (
        dict(times=[0, 0.5, 2.0]),
        dict(times=[0, 0.5, 0.4]),
        dict(times=[0, 1], seed=-1),
        dict(times=[0, 1], steps=0),
        dict(times=[0, 1], first_step=2**32),
        dict(times=[0, 1], observe=[1]),
        dict(times=[0, 1], observe={"a": 3}),
        dict(times=[0, 1], callback=3),
    ):
        with pytest.raises((ValueError, TypeError)):
            ink.simulate(PROCESSES["VP"], x, **{"seed": 1, **wrong})
