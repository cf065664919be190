"""The device follows the array: one module per call, no silent copies, clear errors, with and without CuPy."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from strict_array import StrictArray, install, make_cupy

from inkdiff import backend


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
