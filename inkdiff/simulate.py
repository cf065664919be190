"""Forward in time: one exact jump (`diffuse`) or a walk (`simulate`), for ink and images by the same kernels.

Every step is the exact transition of the process between two times, so the law at the recorded times does not depend on the
number of steps; only paths do. The state is (n, d): n independent bodies with d coordinates; noise is addressed by the flat
element, so n images of d pixels and the same numbers as n*d ink particles on a line move by the same bits.

In a box the walk is carried in 32-bit fixed point (see `inkdiff.kernels.formulas`): folding is exact at any step, and small steps do not
stall. **The state between two recorded times is the returned array**, so a run continued from any recorded state, with
`first_step=trajectory.next_step`, is the uninterrupted run to the last bit. A float64 array holds the fixed-point state whole; a
float32 array rounds it to 24 bits at each recorded time, and times too close for that raise.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff import checks, kernels
from inkdiff.backend import Array, array_module
from inkdiff.domain import Box
from inkdiff.kernels.formulas import PERIODIC
from inkdiff.processes import Process
from inkdiff.rng import Stream

__all__ = ["Observe", "Recorder", "Trajectory", "diffuse", "jump", "simulate"]

Observe = Mapping[str, Callable[..., Any]]
Callback = Callable[[int, float, Array], Any]

_LEAST_QUANTA = 4.0  # a step of q quanta rms is rounded with a variance error of 1/(12 q^2): 0.5 % at 4
_LEAST_ULPS = 8.0  # likewise for float32 positions between recorded times: 0.13 % at 8


@dataclass(frozen=True)
class Trajectory:
    """What a walk leaves behind.

    Attributes
    ----------
    times : (k,) the recorded times
    x : (k, n, d) states at `times`, x[0] being the given one; None if only observables were asked for
    last : (n, d) state at times[-1]
    observed : name -> array with leading axis k
    next_step : pass as `first_step` to continue without using any noise twice
    """

    times: npt.NDArray[np.float64]
    x: Array | None
    last: Array
    observed: dict[str, npt.NDArray[Any]]
    next_step: int


class Recorder:
    """Collects states or observables at the recorded times, then makes the `Trajectory`."""

    def __init__(
        self, times: npt.NDArray[np.float64], x: Array, observe: Observe | None, callback: Callback | None
    ) -> None:
        self._times = times
        self._states = array_module(x).empty((len(times), *x.shape), x.dtype) if observe is None else None
        self._observables = {name: _with_time(name, f) for name, f in (observe or {}).items()}
        self._observed: dict[str, list[Any]] = {name: [] for name in self._observables}
        self._callback = callback
        self._count = 0

    def record(self, x: Array) -> None:
        """Take the state at the next recorded time."""
        t = float(self._times[self._count])
        if self._states is not None:
            self._states[self._count] = x
        for name, f in self._observables.items():
            self._observed[name].append(f(x, t))
        if self._callback is not None:
            self._callback(self._count, t, x)
        self._count += 1

    def trajectory(self, last: Array, next_step: int) -> Trajectory:
        """Everything recorded."""
        observed = {name: np.asarray(values) for name, values in self._observed.items()}
        return Trajectory(self._times, self._states, last, observed, next_step)


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


def check_observe(observe: object) -> None:
    """Raise unless `observe` is None or a mapping of names to functions."""
    if observe is not None and not isinstance(observe, Mapping):
        raise TypeError(f"observe must map names to functions, as in {{'S': f}}, got {checks.show(observe)}.")


def check_process(process: object) -> None:
    """Raise unless `process` is one."""
    if not isinstance(process, Process):
        raise TypeError(f"process must be a process such as inkdiff.Brownian(D=1.0), got {checks.show(process)}.")


def check_state(process: Process, x: object, name: str) -> Array:
    """A state array (n, d) inside the process's domain."""
    x = checks.state(x, name)
    if isinstance(process.domain, Box):
        process.domain.check_inside(x, name)
    return x


def diffuse(
    process: Process,
    x0: Array,
    t: float | Array,
    *,
    seed: int,
    return_noise: bool = False,
    out: Array | None = None,
    step: int = 0,
) -> Any:
    """One exact jump from time 0 to t: x_t = fold(alpha_t x_0 + sigma_t eps).

    Parameters
    ----------
    process : a forward process
    x0 : (n, d) states at time 0, inside the domain; float32 and float64 are kept, other dtypes become float32
    t : a time, or (n,) one per row
    seed : 64-bit seed; noise comes from stream JUMP
    return_noise : also return eps, (n, d) float32
    out : array like x0 to write into (may be x0)
    step : 32-bit number of the jump: another step, independent noise

    Returns
    -------
    x_t, or (x_t, eps). Exact in law.

    Raises
    ------
    ValueError, TypeError
        For empty, non-finite or wrongly shaped arrays, states outside the box, times outside the schedule, arrays on two devices.
    """
    check_process(process)
    x0 = check_state(process, x0, "x0")
    return jump(process, x0, t, seed=seed, step=step, stream=Stream.JUMP, return_noise=return_noise, out=out)


def jump(
    process: Process,
    x0: Array,
    t: float | Array,
    *,
    seed: int,
    step: int,
    stream: int,
    return_noise: bool = False,
    out: Array | None = None,
) -> Any:
    """`diffuse` on any stream, for a state already checked."""
    xp = array_module(x0, t, out)
    n = x0.shape[0]
    t = process.check_time(t)
    if np.ndim(t) and t.shape != (n,):
        raise ValueError(f"t must be a number or have one value per row, ({n},), got shape {tuple(t.shape)}.")
    seed, step = checks.seed64(seed), checks.word32(step, "step")
    if out is not None and (out.shape != x0.shape or out.dtype != x0.dtype or not out.flags.c_contiguous):
        raise ValueError(
            f"out must be a contiguous {x0.dtype} array of shape {x0.shape} like x0, got {checks.show(out)}."
        )
    eps = xp.empty(x0.shape, np.float32) if return_noise else None
    a = xp.atleast_1d(xp.asarray(process.alpha(t), x0.dtype))
    s = xp.atleast_1d(xp.asarray(process.sigma(t), x0.dtype))
    x_t = kernels.step(
        x0, a=a, s=s, **walls(process, x0), seed=seed, number=step, stream=stream, out=out, eps=eps
    )
    return (x_t, eps) if return_noise else x_t


def walls(process: Process, x: Array) -> dict[str, Any]:
    """The domain of `process` as arguments of `kernels.step` for a state like x."""
    domain = process.domain
    if not isinstance(domain, Box):
        return {"wall": domain.wall_code}
    lo, length = domain.bounds(x.dtype, array_module(x))
    return {"wall": domain.wall_code, "lo": lo, "length": length}


def simulate(
    process: Process,
    x: Array,
    times: Sequence[float] | Array,
    *,
    seed: int,
    steps: int = 1,
    first_step: int = 0,
    observe: Observe | None = None,
    callback: Callback | None = None,
) -> Trajectory:
    """Walk forward in time, x_t = fold(a x_s + sigma eps) from step to step, recording at `times`.

    Parameters
    ----------
    process : a forward process
    x : (n, d) states at times[0], inside the domain
    times : increasing; in the process's time unit (integers for a DDPM table)
    seed : 64-bit seed; noise comes from stream FORWARD
    steps : equal kernel steps in each interval; each is the exact transition
    first_step : number of the first step; continue with `Trajectory.next_step`
    observe : name -> f(x, t) or f(x), evaluated at each recorded time; then no trajectory is stored
    callback : called as callback(i, t, x) at each recorded time

    Returns
    -------
    Trajectory. Exact in law at the recorded times, for any `steps`; the same bits for any number of threads, and whether run in one
    go or continued from a recorded state.

    Raises
    ------
    ValueError, TypeError
        For bad arrays, times, seeds; times so close, or steps so many, that fixed point or float32 cannot hold a step.
    """
    check_process(process)
    current = check_state(process, x, "x").copy()
    grid = checks.increasing(times)
    process.check_time(grid, "times")
    seed, steps, number = checks.seed64(seed), checks.count(steps, "steps"), checks.word32(first_step, "first_step")
    checks.word32(number + steps * (len(grid) - 1), "first_step + all steps")
    check_observe(observe)
    walk = _walk_in_box if isinstance(process.domain, Box) else _walk_free
    substeps = [process.check_time(np.linspace(t0, t1, steps + 1), "times between steps") for t0, t1 in _pairs(grid)]
    for fine in substeps:
        _check_resolution(process, current, fine)
    recorder = Recorder(grid, current, observe, callback)
    recorder.record(current)
    for fine in substeps:
        walk(process, current, fine, seed, number)
        number += steps
        recorder.record(current)
    return recorder.trajectory(current, number)


def _pairs(grid: npt.NDArray[np.float64]) -> Any:
    return zip(grid[:-1], grid[1:], strict=True)


def _walk_free(process: Process, x: Array, fine: npt.NDArray[np.float64], seed: int, number: int) -> None:
    xp = array_module(x)
    a, variance = process.transition(fine[:-1], fine[1:])
    a, s = xp.asarray(np.broadcast_to(a, variance.shape), x.dtype), xp.asarray(np.sqrt(variance), x.dtype)
    kernels.walk(x, a, s, seed=seed, first_step=number, stream=Stream.FORWARD)


def _walk_in_box(process: Process, x: Array, fine: npt.NDArray[np.float64], seed: int, number: int) -> None:
    xp = array_module(x)
    box = process.domain
    assert isinstance(box, Box)
    amplitude = xp.asarray(_quanta(process, box, fine), np.float32)
    d = x.shape[1]
    lo, length = xp.asarray(box.low(d)), xp.asarray(box.length(d))
    phase = kernels.encode(x, lo, length, box.wall_code)
    kernels.walk_phase(phase, amplitude, seed=seed, first_step=number, stream=Stream.FORWARD)
    kernels.decode(phase, lo, length, box.wall_code, out=x)


def _quanta(process: Process, box: Box, fine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Standard deviation of each step in quanta of the phase: (steps, 1), or (steps, d) if the axes differ."""
    _, length = box.bounds(np.float64)
    quanta_per_length = (2.0**32 if box.wall_code == PERIODIC else 2.0**31) / length
    s = np.sqrt(process.clock(fine[:-1], fine[1:]))
    amplitude: npt.NDArray[np.float64] = s[:, None] * quanta_per_length[None, :]
    return amplitude


def _check_resolution(process: Process, x: Array, fine: npt.NDArray[np.float64]) -> None:
    """Raise if a step in a box, or a recorded interval in float32, is below what the representation can hold."""
    box = process.domain
    if not isinstance(box, Box):
        return
    least = float(_quanta(process, box, fine).min())
    if least < _LEAST_QUANTA:
        raise ValueError(
            f"the step from t = {fine[0]:g} is {least:.2g} quanta of the box's fixed point (L/2^31); use fewer steps, so that "
            f"each is at least {_LEAST_QUANTA:g} quanta."
        )
    _, length = box.bounds(np.float64)
    far = np.max(np.abs([box.low(len(length)), box.low(len(length)) + length]))
    rms = float(np.sqrt(process.clock(fine[0], fine[-1])))
    ulp = float(np.spacing(np.asarray(far, x.dtype)))
    if rms < _LEAST_ULPS * ulp:
        raise ValueError(
            f"x is {x.dtype}, too coarse for times this close: from t = {fine[0]:g} to {fine[-1]:g} the rms displacement is "
            f"{rms:.2g}, but positions are rounded to {ulp:.2g} at recorded times; pass x as float64 or record fewer times."
        )
