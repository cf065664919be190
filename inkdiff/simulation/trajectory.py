"""What a walk leaves behind: the states at the recorded times, or only what was asked of them.

A film of n walkers in d dimensions at k times weighs k n d numbers; most questions (an entropy, a mean square
displacement) need a few numbers per time, so observables are evaluated while the walk runs and the states forgotten.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, asnumpy, is_cuda

__all__ = ["Callback", "Observe", "Recorder", "Trajectory"]

Observe = Mapping[str, Callable[..., Any]]
Callback = Callable[[int, float, Array], Any]


@dataclass(frozen=True)
class Trajectory:
    """What a walk leaves behind.

    Attributes
    ----------
    times : (k,) the recorded times
    x : (k, n, d) states at `times`, x[0] being the given one; None if only observables were asked for
    last : (n, d) state at times[-1]
    observed : name -> NumPy array with leading axis k
    next_step : pass as `first_step` to continue without using any noise twice
    absorbed : (n,) float64, the time at which each walker ended at an absorbing wall, infinite for those alive; None
        where no wall absorbs
    """

    times: npt.NDArray[np.float64]
    x: Array | None
    last: Array
    observed: dict[str, npt.NDArray[Any]]
    next_step: int
    absorbed: Array | None = None


class Recorder:
    """Collects states or observables at the recorded times, then makes the `Trajectory`.

    Made before the first step, so that wrong `observe` and `callback` arguments raise before any work.
    """

    def __init__(
        self, times: npt.NDArray[np.float64], x: Array, observe: Observe | None, callback: Callback | None
    ) -> None:
        if observe is not None and not isinstance(observe, Mapping):
            raise TypeError(f"observe must map names to functions, as in {{'S': f}}, got {checks.show(observe)}.")
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be a function callback(i, t, x), got {checks.show(callback)}.")
        self._times = times
        self._observables = {name: _with_time(name, f) for name, f in (observe or {}).items()}
        self._observed: dict[str, list[Any]] = {name: [] for name in self._observables}
        self._states = array_module(x).empty((len(times), *x.shape), x.dtype) if observe is None else None
        self._callback = callback
        self._count = 0

    def record(self, x: Array) -> None:
        """Take the state at the next recorded time."""
        t = float(self._times[self._count])
        if self._states is not None:
            self._states[self._count] = x
        for name, f in self._observables.items():
            value, kept = f(x, t), self._observed[name]
            # An observable may return (a view of) the state, which the walk goes on to overwrite: keep a copy.
            kept.append(asnumpy(value) if is_cuda(value) else np.array(value))
            if kept[-1].shape != kept[0].shape:
                raise ValueError(
                    f"observe[{name!r}] must return the same shape at every time, got {kept[0].shape} at "
                    f"t={self._times[0]:g} and {kept[-1].shape} at t={t:g}: pad it to one shape."
                )
        if self._callback is not None:
            self._callback(self._count, t, x)
        self._count += 1

    def trajectory(self, last: Array, next_step: int, absorbed: Array | None = None) -> Trajectory:
        """Everything recorded."""
        observed = {name: np.asarray(values) for name, values in self._observed.items()}
        return Trajectory(self._times, self._states, last, observed, next_step, absorbed)


def _with_time(name: str, f: Callable[..., Any]) -> Callable[[Array, float], Any]:
    """An observable as f(x, t): functions of the state alone are welcome too."""
    if not callable(f):
        raise TypeError(f"observe[{name!r}] must be a function of x, or of x and t, got {checks.show(f)}.")
    try:
        parameters = inspect.signature(f).parameters.values()
    except ValueError:  # built-ins without a signature take the state alone
        return lambda x, t: f(x)
    required = [
        p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if len(required) >= 2:
        return f
    return lambda x, t: f(x)
