"""The device follows the array: one module per call, no silent copies, clear errors, with and without CuPy."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from strict_array import StrictArray, install, make_cupy

import inkdiff as ink
from inkdiff._core import backend


def test_numpy_scalars_and_none_belong_to_numpy():
    assert backend.array_module(np.ones(3), 2.0, None, np.float64(1)) is np
    assert backend.array_module() is np
    assert backend.array_module(t=0.5) is np


def test_device_arrays_choose_the_device_module(device):
    x = device.asarray(np.arange(3.0))
    assert backend.is_cuda(x) and not backend.is_cuda(np.ones(3))
    assert backend.array_module(x, 1.0, None) is device
    assert isinstance(backend.array_module(x).exp(x), StrictArray)


def test_mixed_devices_raise_and_name_both_sides(device):
    x, t = device.asarray(np.ones((3, 1))), np.ones(3)
    with pytest.raises(ValueError, match=r"two devices: t NumPy .* x CuPy .*to_device"):
        backend.array_module(x=x, t=t)
    with pytest.raises(ValueError, match=r"CUDA devices \[0, 1\]"):
        backend.array_module(StrictArray(np.ones(2), device=0), StrictArray(np.ones(2), device=1))


def test_moving_is_explicit(device):
    x = np.arange(4.0)
    there = backend.to_device(x, "cuda")
    assert isinstance(there, StrictArray)
    back = backend.to_device(there, "cpu")
    assert type(back) is np.ndarray and np.array_equal(back, x)
    with pytest.raises(TypeError, match="Implicit conversion"):
        np.asarray(there)


@pytest.mark.parametrize("name", ["gpu", "", None, 0])
def test_unknown_devices(name):
    with pytest.raises(ValueError, match="device must be 'cpu' or 'cuda'"):
        backend.to_device(np.ones(2), name)


def test_cuda_without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # import cupy raises ImportError
    assert backend.cuda_device_count() == 0
    with pytest.raises(RuntimeError, match=r"device='cuda' was asked for.*device='cpu'"):
        backend.to_device(np.ones(2), "cuda")
    assert backend.array_module(np.ones(2)) is np


@pytest.mark.parametrize("devices", [0, None], ids=["zero devices", "no driver"])
def test_cuda_with_cupy_but_no_device(monkeypatch, devices):
    monkeypatch.setitem(sys.modules, "cupy", make_cupy(devices))
    assert backend.cuda_device_count() == 0
    with pytest.raises(RuntimeError, match="no usable CUDA device"):
        backend.to_device(np.ones(2), "cuda")


def test_a_cupy_that_breaks_on_import_counts_as_none(monkeypatch, tmp_path):
    (tmp_path / "cupy.py").write_text("raise OSError('libcuda.so.1: cannot open shared object file')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    assert backend.cuda_device_count() == 0


def test_special_functions_follow_the_module(device):
    x = device.asarray(np.array([0.0]))
    assert float(backend.special(device).ndtr(x)[0]) == 0.5
    assert backend.special(np).ndtr(0.0) == 0.5


def test_the_stand_in_is_strict(monkeypatch):
    cupy = install(monkeypatch)
    x = cupy.asarray(np.ones(3))
    for wrong in (lambda: x + np.ones(3), lambda: np.ones(3) * x, lambda: cupy.exp(np.ones(3))):
        with pytest.raises(TypeError):
            wrong()
    assert isinstance(x.sum(), StrictArray) and float(x.sum()) == 3.0
    y = np.exp(x)
    assert isinstance(y, StrictArray)
    y += x
    assert np.array_equal(y.get(), np.exp(np.ones(3)) + 1)


# ---- the same array code on a device: everything stays there, and the numbers are the same


def both(device, x):
    return x, device.asarray(x)


def same(there, here, rtol=1e-12):
    """`there` stayed on the device and holds the numbers of `here`."""
    assert isinstance(there, StrictArray), type(there)
    assert there.dtype == here.dtype and there.shape == here.shape
    assert np.allclose(there.get(), here, rtol=rtol, atol=1e-12, equal_nan=True)


BOX = ink.Box([0.0, 0.0], [1.0, 2.0])
PROCESSES = {
    "free": ink.Brownian(0.3),
    "OU": ink.OrnsteinUhlenbeck(D=0.3, k=2.0),
    "VP": ink.VariancePreserving.linear(),
    "cosine": ink.VariancePreserving.cosine(),
    "DDPM": ink.VariancePreserving.ddpm(),
    "VE": ink.VarianceExploding(0.01, 5.0),
    "glass": ink.Brownian(0.3, BOX),
    "torus": ink.Brownian(0.3, ink.Box([0, 0], [1, 2], "periodic")),
}
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def states(dtype=np.float64, n=60):
    return np.random.default_rng(0).uniform(0.05, 0.95, (n, 2)).astype(dtype)


@pytest.mark.parametrize("name", PROCESSES)
def test_process_formulas_on_a_device(device, name):
    p = PROCESSES[name]
    here, there = both(device, np.array([1.0, 20, 600]) if p.discrete else np.array([0.01, 0.3, 0.9]))
    for question in ("alpha", "sigma", "variance", "log_alpha", "f", "g2"):
        same(getattr(p, question)(there), getattr(p, question)(here))
    same(p.clock(there[:1], there), p.clock(here[:1], here))
    for a, b in zip(p.transition(there[:1], there), p.transition(here[:1], here), strict=True):
        same(a, b)


@DTYPES
@pytest.mark.parametrize("name", PROCESSES)
def test_densities_walks_and_jumps_on_a_device(device, name, dtype):
    p = PROCESSES[name]
    x, dx = both(device, states(dtype))
    x0, dx0 = both(device, states(dtype)[::-1].copy())
    t, dt = both(device, np.linspace(1, 600, 60).round() if p.discrete else np.linspace(0.01, 0.9, 60))
    end = 600.0 if p.discrete else 0.9
    for time, device_time in ((t, dt), (end, end)):
        same(
            p.log_transition(dx, device_time, dx0),
            p.log_transition(x, time, x0),
            1e-5 if dtype == np.float32 else 1e-12,
        )
        same(
            p.score_transition(dx, device_time, dx0),
            p.score_transition(x, time, x0),
            1e-4 if dtype == np.float32 else 1e-12,
        )
        moved, eps = ink.diffuse(p, dx, device_time, seed=1, return_noise=True)
        expected, noise = ink.diffuse(p, x, time, seed=1, return_noise=True)
        same(moved, expected, 0)
        same(eps, noise, 0)
    seen = []
    times = [0, end / 2, end]
    run = ink.simulate(p, dx, times, seed=1, steps=2, callback=lambda i, t, x: seen.append(type(x)))
    here = ink.simulate(p, x, times, seed=1, steps=2)
    same(run.x, here.x, 0)
    same(run.last, here.last, 0)
    assert set(seen) == {StrictArray}
    observe = {"mean": lambda x: x.mean(0), "sum": lambda x, t: x.sum() * t}
    watched = ink.simulate(p, dx, times, seed=1, steps=2, observe=observe)
    assert type(watched.observed["mean"]) is np.ndarray
    for key, values in ink.simulate(p, x, times, seed=1, steps=2, observe=observe).observed.items():
        assert np.allclose(watched.observed[key], values, rtol=1e-6)
    if p.equilibrium is not None:
        same(p.equilibrium.log_density(dx), p.equilibrium.log_density(x), 1e-5)


@DTYPES
def test_scores_on_a_device(device, dtype):
    free, glass, torus = PROCESSES["VP"], PROCESSES["glass"], PROCESSES["torus"]
    rho = np.random.default_rng(1).uniform(0, 1, (5, 4))
    x, dx = both(device, states(dtype))
    t, dt = both(device, np.repeat([0.02, 0.1, 0.4], 20))
    data = states(n=9)
    pairs = [
        (ink.GaussianScore(free, [0.1, 0.2], [[1.0, 0.3], [0.3, 0.5]]),) * 2,
        (ink.MixtureScore(free, [1, 2], [[0.0, 0.0], [1.0, 1.0]], 0.1),) * 2,
        *((ink.BoxScore(p, rho, nodes=m),) * 2 for p in (glass, torus) for m in (0, 4)),
        *((ink.EmpiricalScore(p, data), ink.EmpiricalScore(p, device.asarray(data))) for p in (free, glass, torus)),
    ]
    for here, there in pairs:
        for time, device_time in ((t, dt), (0.05, 0.05), (1e-5, 1e-5)):
            same(there(dx, device_time), here(x, time), 1e-4 if dtype == np.float32 else 1e-9)
            same(there.log_density(dx, device_time), here.log_density(x, time), 1e-9)


@pytest.mark.parametrize("sampler", ["ancestral", "ddim", "euler_maruyama", "heun"])
def test_reverse_walks_on_a_device(device, sampler):
    score = ink.GaussianScore(PROCESSES["VP"], [0.1, 0.2], 0.3)
    x, dx = both(device, states(np.float32))
    there = ink.reverse(PROCESSES["VP"], score, dx, [1, 0.5, 0], seed=1, steps=3, sampler=sampler)
    same(there.x, ink.reverse(PROCESSES["VP"], score, x, [1, 0.5, 0], seed=1, steps=3, sampler=sampler).x, 1e-5)
    if sampler in ("euler_maruyama", "heun"):
        score = ink.BoxScore(PROCESSES["glass"], np.eye(4), nodes=4)
        there = ink.reverse(PROCESSES["glass"], score, dx, [1, 0.1, 0.001], seed=1, steps=3, sampler=sampler)
        here = ink.reverse(PROCESSES["glass"], score, x, [1, 0.1, 0.001], seed=1, steps=3, sampler=sampler)
        same(there.x, here.x, 1e-5)


def test_noise_into_a_device_array(device):
    out = device.empty(5000, np.float32)
    assert ink.normal(5000, seed=1, out=out) is out
    same(out, ink.normal(5000, seed=1), 0)
    counter = np.arange(40, dtype=np.uint32).reshape(10, 4)
    same(ink.philox4x32(device.asarray(counter), [1, 2]), ink.philox4x32(counter, [1, 2]), 0)


def test_metrics_on_a_device(device):
    x0, dx0 = both(device, states(n=4000))
    x, dx = both(device, ink.diffuse(PROCESSES["glass"], x0, 0.02, seed=1))
    glass = PROCESSES["glass"]
    pairs = [
        (ink.entropy(dx, glass.domain, bins=5), ink.entropy(x, glass.domain, bins=5)),
        (ink.kl_to_equilibrium(dx, glass, bins=5), ink.kl_to_equilibrium(x, glass, bins=5)),
        (ink.kl_to_equilibrium(dx, PROCESSES["OU"]), ink.kl_to_equilibrium(x, PROCESSES["OU"])),
        (ink.msd(dx, dx0), ink.msd(x, x0)),
        (ink.correlation(dx, dx0), ink.correlation(x, x0)),
        (ink.frechet_distance(dx, dx0), ink.frechet_distance(x, x0)),
    ]
    for there, here in pairs:
        assert isinstance(there, ink.Estimate)
        assert np.allclose([float(v) for v in there], here, rtol=1e-9)
    same(ink.concentration(dx, glass.domain, 6), ink.concentration(x, glass.domain, 6))


def test_a_network_and_its_gradients_on_a_device(device):
    from inkdiff.nn import MLP, Arena, Run

    net = MLP(16, 3).build(4, 2)
    rng = np.random.default_rng(0)
    theta, dtheta = both(device, net.initial(lambda n: rng.normal(size=n)))
    theta[:], dtheta[:] = theta + 0.01, dtheta + 0.01
    x, dx = both(device, rng.normal(size=(9, 4)))
    c, dc = both(device, rng.normal(size=9))
    run, drun = Run(theta, Arena(), training=True), Run(dtheta, Arena(), training=True)
    (y, back), (dy, dback) = net(run, x, c), net(drun, dx, dc)
    same(dy, y)
    gradient, dgradient = both(device, np.zeros_like(theta))
    same(dback(dy, dgradient), back(y, gradient))
    same(dgradient, gradient)


@pytest.mark.parametrize("name", ["VP", "VE", "glass"])
def test_learning_on_a_device(device, name):
    x, dx = both(device, states(np.float32, 200) * (1 if name == "glass" else 2) - (0 if name == "glass" else 1))
    process = ink.Brownian(0.3, ink.Box(0, 1)) if name == "glass" else PROCESSES[name]
    settings = dict(steps=3, seed=1, net=ink.MLP(8, 2), batch=32, progress=False)
    there, here = ink.fit(process, dx, **settings), ink.fit(process, x, **settings)
    same(there.theta, here.theta, 1e-3)
    same(there(dx, 0.5), here(x, 0.5), 1e-2)


@pytest.mark.parametrize(("allowed", "cores"), [("1", 1), ("10000", None), ("", None), ("many", None)])
def test_cores_are_no_more_than_numba_may_use(monkeypatch, allowed, cores):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "")
    all_of_them = backend.available_cores()
    monkeypatch.setenv("NUMBA_NUM_THREADS", allowed)
    assert all_of_them >= 1 and backend.available_cores() == (cores or all_of_them)
