"""A stand-in for CuPy where there is no GPU: arrays that refuse to become NumPy arrays silently, and a module
of functions that refuse NumPy arrays.

CuPy is stricter than NumPy in just these ways: `numpy.asarray(x)` of a device array raises, so does arithmetic
between device and host arrays; reductions return 0-d device arrays, not Python numbers; only `float(x)`,
`int(x)`, `bool(x)` of one element and `x.get()` reach the host. Array code that passes here keeps to one
device; what stays untested is CuPy itself.
"""

from __future__ import annotations

import operator
import sys
import types
from types import SimpleNamespace

import numpy as np
import scipy.special
from numpy.lib.mixins import NDArrayOperatorsMixin

REFUSED = "Implicit conversion to a NumPy array is not allowed"
UPLOADS = {"asarray", "array", "ascontiguousarray"}


class StrictArray(NDArrayOperatorsMixin):
    """A device array as far as inkdiff can tell: its class lives in a module called cupy."""

    __module__ = "cupy"

    def __init__(self, data, device=0):
        self._data = data
        self.device = SimpleNamespace(id=device)

    # ---- what CuPy refuses

    def __array__(self, *args, **kwargs):
        raise TypeError(REFUSED)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    # ---- what CuPy offers

    def get(self):
        return self._data.copy()

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        if out is not None:
            kwargs["out"] = tuple(unwrap(o) for o in out)
        result = wrap(getattr(ufunc, method)(*map(unwrap, inputs), **kwargs))
        return out[0] if out is not None else result

    def __array_function__(self, function, types, args, kwargs):
        return _call(function, args, kwargs)

    def __getattr__(self, name):
        if name in ("__array_interface__", "__array_struct__", "tolist") or name.startswith("_data"):
            raise AttributeError(name)
        value = getattr(self._data, name)
        if isinstance(value, types.BuiltinMethodType | types.MethodType):
            return lambda *args, **kwargs: _call(value, args, kwargs)
        return wrap(value) if isinstance(value, np.ndarray) else value

    @property
    def __cuda_array_interface__(self):
        return {"shape": self._data.shape, "typestr": self._data.dtype.str, "data": (0, False), "version": 3}

    def item(self):
        return self._data.item()

    def __getitem__(self, index):
        return wrap(self._data[_plain(index)])

    def __setitem__(self, index, value):
        self._data[_plain(index)] = unwrap(value)

    def __len__(self):
        return len(self._data)

    def __bool__(self):
        return bool(self._data)

    def __float__(self):
        return float(self._data)

    def __int__(self):
        return int(self._data)

    def __index__(self):
        return operator.index(self._data)

    def __repr__(self):
        return f"Strict{self._data!r}"


def wrap(value):
    """Device arrays out of NumPy ones; NumPy scalars become 0-d arrays, as reductions give on a device."""
    if isinstance(value, np.ndarray | np.generic):
        return StrictArray(np.asarray(value))
    if isinstance(value, tuple | list):
        return type(value)(wrap(v) for v in value) if not hasattr(value, "_fields") else type(value)(*map(wrap, value))
    return value


def unwrap(value):
    """The NumPy array inside; a NumPy array from outside is refused, as CuPy does."""
    if isinstance(value, StrictArray):
        return value._data
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    if type(value) in (list, tuple):
        return type(value)(unwrap(v) for v in value)
    return value


def _plain(index):
    """CuPy takes host index arrays too."""
    if isinstance(index, tuple):
        return tuple(_plain(i) for i in index)
    return index._data if isinstance(index, StrictArray) else index


def _call(function, args, kwargs):
    return wrap(function(*map(unwrap, args), **{name: unwrap(value) for name, value in kwargs.items()}))


class _Namespace(types.ModuleType):
    """The functions of a NumPy-like namespace, taking and giving StrictArrays."""

    def __init__(self, name, source):
        super().__init__(name)
        self._source = source

    def __getattr__(self, name):
        value = getattr(self._source, name)
        if isinstance(value, type) or not callable(value):
            return _Namespace(f"{self.__name__}.{name}", value) if isinstance(value, types.ModuleType) else value
        if name in UPLOADS:
            return lambda x, *args, **kwargs: wrap(value(x._data if isinstance(x, StrictArray) else x, *args, **kwargs))
        return lambda *args, **kwargs: _call(value, args, kwargs)


class CUDARuntimeError(RuntimeError):
    pass


def make_cupy(devices=1):
    """A module that behaves like `cupy` with `devices` GPUs."""
    cupy = _Namespace("cupy", np)
    cupy.ndarray = StrictArray

    def count():
        if devices is None:
            raise CUDARuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")
        return devices

    runtime = SimpleNamespace(getDeviceCount=count, CUDARuntimeError=CUDARuntimeError)
    cupy.cuda = SimpleNamespace(runtime=runtime, get_current_stream=lambda: SimpleNamespace(ptr=0))
    return cupy


def install(monkeypatch, devices=1):
    """Make `import cupy` give the stand-in, and let the kernels' CPU shells run on its arrays, until the test
    ends."""
    from inkdiff import kernels
    from inkdiff.kernels import cpu

    cupy = make_cupy(devices)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setitem(sys.modules, "cupyx", types.ModuleType("cupyx"))
    monkeypatch.setitem(sys.modules, "cupyx.scipy", types.ModuleType("cupyx.scipy"))
    special = _Namespace("cupyx.scipy.special", scipy.special)
    monkeypatch.setitem(sys.modules, "cupyx.scipy.special", special)
    host_shell = kernels._shell

    def shell(name, x, steps=1):
        if not isinstance(x, StrictArray):
            return host_shell(name, x, steps)

        def run(*arguments):
            # What a CUDA launch would refuse: host arrays among its arguments.
            getattr(cpu, name)(*map(unwrap, arguments))

        return run

    monkeypatch.setattr(kernels, "_shell", shell)
    return cupy
