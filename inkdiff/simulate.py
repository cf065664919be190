"""Forward in time: one exact jump (`diffuse`) or a walk (`simulate`), for ink and images by the same kernels,

    x_t  =  fold(alpha_t/alpha_s x_s + sigma_ts eps),        s < t.

Every step is the exact transition of the process between two times, so the law at the recorded times does not
depend on the number of steps; only paths do. The state is (n, d): n independent bodies with d coordinates; noise is
addressed by the flat element, so n images of d pixels and the same numbers as n*d ink particles on a line move by
the same bits.

In a box the walk is carried in 32-bit fixed point (see `inkdiff.kernels.formulas`): folding is exact at any step,
and small steps do not stall. **The state between two recorded times is the returned array**, so a run continued from
any recorded state, with `first_step=trajectory.next_step`, is the uninterrupted run to the last bit. A float64 array
holds the fixed-point state whole (of a box not further from the origin than 2^19 times its length), so it may be
split at any step; a float32 array rounds it to 24 bits at each recorded time, and times too close for that raise.
Without walls positions are floating point, and steps too short for their dtype raise too.

Reference: D. T. Gillespie, Exact numerical simulation of the Ornstein-Uhlenbeck process and its integral (1996).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff import checks, kernels
from inkdiff.backend import Array, array_module
from inkdiff.domain import Box
from inkdiff.kernels.formulas import PERIODIC
from inkdiff.process import Process, check_process
from inkdiff.rng import Stream
from inkdiff.trajectory import Callback, Observe, Recorder, Trajectory

__all__ = ["Trajectory", "check_state", "diffuse", "jump", "simulate", "walls"]

_LEAST_QUANTA = 4.0  # a step of q quanta rms is rounded with a variance error of 1/(12 q^2): 0.5 % at 4
_LEAST_ULPS = 8.0  # likewise for floating-point positions: 0.13 % at 8
# A Gaussian two periods wide, folded, is uniform to exp(-(4 pi)^2 / 2) = 5e-35; wider ones only lose their low bits.
_UNIFORM = 2.0


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
        For empty, non-finite or wrongly shaped arrays, states outside the box, times outside the schedule,
        arrays on two devices.
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
    xp = array_module(x0=x0, t=t, out=out)
    t = process.check_row_times(t, x0.shape[0])
    seed, step = checks.seed64(seed), checks.word32(step, "step")
    if out is not None:
        checks.output(out, x0.shape, x0.dtype)
    eps = xp.empty(x0.shape, np.float32) if return_noise else None
    a = xp.atleast_1d(xp.asarray(process.alpha(t), x0.dtype))
    sigma = process.sigma(t)
    _check_range(process, x0, float(sigma.max()), "t")
    if isinstance(process.domain, Box):
        sigma = xp.minimum(sigma, _UNIFORM * process.domain.period(x0.shape[1]).max())
    s = xp.atleast_1d(xp.asarray(sigma, x0.dtype))
    x_t = kernels.step(
        x0, a=a, s=s, **walls(process, x0), seed=seed, number=step, stream=stream, out=out, eps=eps
    )
    return (x_t, eps) if return_noise else x_t


def _check_range(process: Process, x: Array, sigma: float, name: str) -> None:
    """Raise if free walkers would leave the range of their dtype."""
    if not isinstance(process.domain, Box) and sigma > np.finfo(x.dtype).max / 100:
        raise ValueError(
            f"{name} must be smaller for x in {x.dtype}, which sigma_t = {sigma:g} overflows; pass x as float64 or "
            "change units."
        )


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
    Trajectory. Exact in law at the recorded times, for any `steps`; the same bits for any number of threads,
    and whether run in one go or continued from a recorded state.

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
    walk = _walk_in_box if isinstance(process.domain, Box) else _walk_free
    substeps = [process.check_time(np.linspace(t0, t1, steps + 1), "times between steps") for t0, t1 in pairwise(grid)]
    _check_range(process, current, float(process.sigma(grid[-1])), "times")
    _check_resolution(process, current, substeps)
    recorder = Recorder(grid, current, observe, callback)
    recorder.record(current)
    for fine in substeps:
        walk(process, current, fine, seed, number)
        number += steps
        recorder.record(current)
    return recorder.trajectory(current, number)


def _walk_free(process: Process, x: Array, fine: npt.NDArray[np.float64], seed: int, number: int) -> None:
    xp = array_module(x)
    a, variance = process.transition(fine[:-1], fine[1:])
    a, s = xp.asarray(a, x.dtype), xp.asarray(np.sqrt(variance), x.dtype)
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
    return np.minimum(amplitude, _UNIFORM * 2.0**32)


def _check_resolution(process: Process, x: Array, substeps: list[npt.NDArray[np.float64]]) -> None:
    """Raise if a step is below what the walk's representation can hold, or a recorded interval below what `x` can."""
    box = process.domain
    if not isinstance(box, Box):
        _check_float_steps(process, x, substeps)
        return
    low, length = box.bounds(np.float64)
    ulp = float(np.spacing(np.abs([low, low + length]).max().astype(x.dtype)))
    for fine in substeps:
        least = float(_quanta(process, box, fine).min())
        if least < _LEAST_QUANTA:
            raise ValueError(
                f"steps={len(fine) - 1} are too many: the shortest from t = {fine[0]:g} is {least:.2g} quanta of the "
                f"box's fixed point (L/2^31); use fewer steps, so that each is at least {_LEAST_QUANTA:g} quanta."
            )
        rms = float(np.sqrt(process.clock(fine[0], fine[-1])))
        if rms < _LEAST_ULPS * ulp:
            raise ValueError(
                f"x is {x.dtype}, too coarse for times this close: from t = {fine[0]:g} to {fine[-1]:g} the rms "
                f"displacement is {rms:.2g}, but positions are rounded to {ulp:.2g} at recorded times; pass x as "
                "float64 or record fewer times."
            )


def _check_float_steps(process: Process, x: Array, substeps: list[npt.NDArray[np.float64]]) -> None:
    """In free space: steps below the spacing of floating-point numbers would round to nothing."""
    size = float(abs(x).max())
    for fine in substeps:
        shortest = float(np.sqrt(process.transition(fine[:-1], fine[1:])[1].min()))
        ulp = float(np.spacing(np.asarray(size, x.dtype)))
        if shortest < _LEAST_ULPS * ulp:
            raise ValueError(
                f"steps={len(fine) - 1} are too many for x in {x.dtype}: the shortest from t = {fine[0]:g} has rms "
                f"{shortest:.2g}, but positions as large as {size:.2g} are rounded to {ulp:.2g}; use fewer steps, or "
                "pass x as float64 or in another unit or origin."
            )
