"""On a real GPU: the doors give the CPU's bits, stay on the device, and follow CuPy's current stream.

Without CuPy and a CUDA device every test here skips; what can be known without one is in test_backend.py (array
code) and test_cuda_simulator.py (kernels).
"""

from __future__ import annotations

import numpy as np
import pytest

import inkdiff as ink
from inkdiff._core import backend

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(backend.cuda_device_count() == 0, reason="no CuPy with a usable CUDA device here"),
]

PROCESSES = {
    "free": (ink.Brownian(0.3), 0.9),
    "OU": (ink.OrnsteinUhlenbeck(D=0.3, k=2.0), 0.9),
    "VP": (ink.VariancePreserving.linear(), 0.9),
    "DDPM": (ink.VariancePreserving.ddpm(), 600.0),
    "VE": (ink.VarianceExploding(0.01, 5.0), 0.9),
    "glass": (ink.Brownian(0.3, ink.Box([0, 0, 0], [1, 1, 2])), 0.9),
    "torus": (ink.Brownian(0.3, ink.Box(0, 1, "periodic")), 0.9),
}


@pytest.fixture
def cupy():
    return pytest.importorskip("cupy")


def states(dtype, n=20_011, d=3):
    return np.random.default_rng(0).uniform(0, 1, (n, d)).astype(dtype)


def test_noise_has_the_same_bits(cupy):
    for start in (0, 4000, 2**40 + 17):
        for f in (ink.normal, ink.uniform):
            there = f(100_003, seed=7, step=3, stream=2, start=start, out=cupy.empty(100_003, np.float32))
            assert np.array_equal(backend.asnumpy(there), f(100_003, seed=7, step=3, stream=2, start=start))
    counter = np.random.default_rng(0).integers(0, 2**32, (5000, 4), dtype=np.uint32)
    there = ink.philox4x32(cupy.asarray(counter), [1, 2])
    assert np.array_equal(backend.asnumpy(there), ink.philox4x32(counter, [1, 2]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", PROCESSES)
def test_walks_and_jumps_have_the_same_bits(cupy, name, dtype):
    (p, end), x = PROCESSES[name], states(dtype)
    there = ink.simulate(p, cupy.asarray(x), [0, end / 2, end], seed=1, steps=3)
    assert isinstance(there.x, cupy.ndarray)
    assert np.array_equal(backend.asnumpy(there.x), ink.simulate(p, x, [0, end / 2, end], seed=1, steps=3).x)
    moved, eps = ink.diffuse(p, cupy.asarray(x), end, seed=1, return_noise=True)
    expected, noise = ink.diffuse(p, x, end, seed=1, return_noise=True)
    assert np.array_equal(backend.asnumpy(eps), noise)
    assert np.array_equal(backend.asnumpy(moved), expected)


def test_reverse_walks_agree(cupy):
    p, score = PROCESSES["VP"][0], ink.GaussianScore(PROCESSES["VP"][0], [0.1, 0.2, 0.3], 0.3)
    x = states(np.float32)
    for sampler in ("ancestral", "ddim", "euler_maruyama", "heun", "dpm_solver", "predictor_corrector"):
        there = ink.reverse(p, score, cupy.asarray(x), [1, 0.5, 0], seed=1, steps=3, sampler=sampler).last
        here = ink.reverse(p, score, x, [1, 0.5, 0], seed=1, steps=3, sampler=sampler).last
        assert np.allclose(backend.asnumpy(there), here, rtol=1e-4, atol=1e-5)


def test_running_observables_are_the_same_integers(cupy):
    p, x = PROCESSES["glass"][0], states(np.float32)
    box = p.domain
    observe = {"cells": ink.Histogram(box, (5, 6, 7)), "left": ink.Sides(0, 0.5), "moments": ink.Moments(2.0**-20)}
    there = ink.simulate(p, cupy.asarray(x), [0, 0.1, 0.5], seed=1, steps=3, observe=observe)
    here = ink.simulate(p, x, [0, 0.1, 0.5], seed=1, steps=3, observe=observe)
    for name in observe:
        assert np.array_equal(backend.asnumpy(there.observed[name]), here.observed[name])


def test_replay_comes_home(cupy):
    for name in ("glass", "torus", "free"):
        p, x = PROCESSES[name][0], states(np.float64)
        path = ink.replay(p, cupy.asarray(x), [0, 0.5], seed=3, steps=200)
        home, far = path.at(0).copy(), path.forward()
        assert np.array_equal(backend.asnumpy(far), ink.simulate(p, x, [0, 0.5], seed=3, steps=200).last)
        assert bool((path.back() == home).all())


def test_walls_that_absorb_or_obstruct(cupy):
    """Their logarithms and exponentials may differ by an ulp: all but a few walkers agree."""
    solid = np.zeros((8, 8), bool)
    solid[3, :6] = True
    maze, x = ink.Maze(ink.Box(0, 1), solid), states(np.float64, d=2) * 0.3
    for domain in (ink.Box(0, 1, "absorb"), maze):
        p = ink.Brownian(1.0, domain)
        there = ink.simulate(p, cupy.asarray(x), [0, 0.05], seed=1, steps=300)
        here = ink.simulate(p, x, [0, 0.05], seed=1, steps=300)
        same = np.isclose(backend.asnumpy(there.last), here.last, atol=1e-9).all(axis=1)
        assert same.mean() > 0.999


def test_training_and_sampling_stay_on_the_device(cupy):
    """The score learned there is, to rounding carried through training, the one learned here."""
    data = ink.datasets.eight_gaussians(4000, 1).x
    settings = {"steps": 200, "seed": 1, "batch": 512, "net": ink.MLP(64, 3, dropout=0.0), "progress": False}
    for p in (ink.VariancePreserving.linear(), ink.VarianceExploding(0.02, 8.0, ink.Box(-2.5, 2.5))):
        there, here = ink.fit(p, cupy.asarray(data), **settings), ink.fit(p, data, **settings)
        assert isinstance(there.theta, cupy.ndarray)
        x = there.sample(2000, seed=2, steps=30)
        assert isinstance(x, cupy.ndarray)
        points = here.encode(data[:500])
        u, v = backend.asnumpy(there(cupy.asarray(points), 0.3)), here(points, 0.3)
        assert np.sqrt(((u - v) ** 2).mean() / (v**2).mean()) < 0.05
        distance = ink.energy_distance(backend.asnumpy(x), here.sample(2000, seed=3, steps=30))
        assert distance.value < 0.05


def test_work_is_queued_on_the_current_stream(cupy):
    p = PROCESSES["glass"][0]
    with cupy.cuda.Stream(non_blocking=True) as stream:
        x = cupy.asarray(states(np.float32))
        last = ink.simulate(p, x, [0, 0.5], seed=1, steps=50).last
        stream.synchronize()
        assert np.array_equal(last.get(), ink.simulate(p, states(np.float32), [0, 0.5], seed=1, steps=50).last)


def test_two_devices_in_one_call(cupy):
    x = cupy.asarray(states(np.float32))
    with pytest.raises(ValueError, match="two devices"):
        ink.diffuse(PROCESSES["free"][0], x, np.full(len(x), 0.5), seed=1)
    if backend.cuda_device_count() > 1:
        with cupy.cuda.Device(1):
            t = cupy.full(len(x), 0.5)
        with pytest.raises(ValueError, match="several CUDA devices"):
            ink.diffuse(PROCESSES["free"][0], x, t, seed=1)
