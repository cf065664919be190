"""Replay: the path of `simulate`, walked both ways without a film, every bit home."""

from __future__ import annotations

import numpy as np
import pytest

import inkdiff as ink

PROCESSES = {
    "glass": ink.Brownian(0.3, ink.Box(0, 1)),
    "brick": ink.Brownian(0.3, ink.Box([0, -1], [1, 2], ["reflect", "periodic"])),
    "free": ink.Brownian(0.3),
    "reflected VE": ink.VarianceExploding(0.01, 2.0, ink.Box(0, 1)),
    "VE": ink.VarianceExploding(0.01, 5.0),
}
TIMES = [0.0, 0.25, 0.5, 1.0]
ALL = pytest.mark.parametrize("name", PROCESSES)


def start(dtype=np.float64, n=3000):
    return np.random.default_rng(0).uniform(0, 1, (n, 2)).astype(dtype)


@ALL
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_particle_comes_home(name, dtype):
    path = ink.replay(PROCESSES[name], start(dtype), TIMES, seed=7, steps=50)
    home = path.at(0.0)
    assert np.abs(home - start(dtype)).max() <= 3 * 2.0**-32
    far = path.forward()
    assert far.dtype == dtype and np.median(np.abs(far - home)) > 0.05
    assert np.array_equal(path.back(), home)
    assert path.time == 0.0


@ALL
def test_the_path_is_that_of_simulate(name):
    p, x = PROCESSES[name], start()
    film = ink.simulate(p, x, TIMES, seed=7, steps=5).x
    path = ink.replay(p, x, TIMES, seed=7, steps=5)
    for i in (2, 0, 3, 1, 2):  # in any order
        if i:
            assert np.array_equal(path.at(TIMES[i]), film[i])
    between = path.at(path.grid[8])
    assert not np.array_equal(between, film[1]) and not np.array_equal(between, film[2])


@ALL
@pytest.mark.parametrize("i", [0, 1365, 2999])
def test_a_particle_alone(name, i):
    path = ink.replay(PROCESSES[name], start(), TIMES, seed=7, steps=4)
    film = path.particle(i)
    assert film.shape == (13, 2)
    for k in (0, 5, 12):
        assert np.array_equal(film[k], path.at(path.grid[k])[i])


def test_many_steps_in_the_memory_of_one_state():
    path = ink.replay(PROCESSES["glass"], start(n=500), [0, 1], seed=1, steps=100_000)
    home = path.at(0)
    far = path.forward()
    assert not np.array_equal(far, home)
    assert np.array_equal(path.back(), home)


def test_a_drift_cannot_be_undone_but_regenerated():
    p, x = ink.OrnsteinUhlenbeck(D=0.3, k=2.0), start()
    with pytest.raises(ValueError, match=r"drift.*cannot be undone.*regenerate=True"):
        ink.replay(p, x, TIMES, seed=7)
    path = ink.replay(p, x, TIMES, seed=7, steps=3, regenerate=True)
    assert not path.exact
    film = ink.simulate(p, x, TIMES, seed=7, steps=3).x
    for i in (3, 1, 2, 0):
        assert np.array_equal(path.at(TIMES[i]), film[i])
    assert np.array_equal(path.particle(5)[-1], film[-1][5])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (dict(times=[0, 1, 1]), "times"),
        (dict(x0=np.array([[2.0, 0.0]])), "x0"),
        (dict(steps=0), "steps"),
        (dict(seed=-1), "seed"),
        (dict(process=3), "process"),
        (dict(process=ink.Brownian(1.0, ink.Box(1e6, 1e6 + 1)), x0=np.full((2, 2), 1e6 + 0.5)), "process"),
        (dict(process=ink.Brownian(1e9)), "quantum"),
    ],
)
def test_bad_input_is_named(change, named):
    arguments = dict(process=PROCESSES["glass"], x0=start(), times=TIMES, seed=1) | change
    with pytest.raises((ValueError, TypeError), match=rf"\b{named}\b"):
        ink.replay(arguments.pop("process"), arguments.pop("x0"), arguments.pop("times"), **arguments)


@pytest.mark.parametrize("t", [0.3, -1.0, 2.0, float("nan"), "now"])
def test_times_off_the_step_grid_raise(t):
    path = ink.replay(PROCESSES["glass"], start(), TIMES, seed=1, steps=2)
    with pytest.raises((ValueError, TypeError), match=r"\bt\b"):
        path.at(t)
