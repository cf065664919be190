"""Forward in time: one exact jump (`diffuse`) or a walk (`simulate`), for ink and images by the same kernels,

    x_t  =  fold(alpha_t/alpha_s x_s + sigma_ts eps),        s < t.

Every step is the exact transition of the process between two times, so the law at the recorded times does not
depend on the number of steps; only paths do. The state is (n, d): n independent bodies with d coordinates; noise is
addressed by the flat element, so n images of d pixels and the same numbers as n*d ink particles on a line move by
the same bits.

Without a drift the walk is carried in integers (see `inkdiff.kernels.formulas`): 32 bits on a box, 64 bits in free
space, in quanta of `Free.quantum`. Folding is then exact at any step, small steps do not stall, and every step can be
undone (`inkdiff.replay`). **The state between two recorded times is the returned array**, so a run continued from
any recorded state, with `first_step=trajectory.next_step`, is the uninterrupted run to the last bit. A float64 array
holds the integers whole (of a box not further from the origin than 2^19 times its length; in free space within 2^53
quanta), so it may be split at any step; a float32 array rounds them to 24 bits at each recorded time, and times too
close for that raise. With a drift (the bowl) positions are floating point, and steps too short for their dtype raise.

Reference: D. T. Gillespie, Exact numerical simulation of the Ornstein-Uhlenbeck process and its integral (1996).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, overload

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, Time, array_module
from inkdiff._core.noise_address import Address
from inkdiff._core.rng import Stream
from inkdiff.domains.walks import Walk, step_times
from inkdiff.processes.forward import ForwardProcess, check_forward_process
from inkdiff.simulation.prologue import Prologue
from inkdiff.simulation.trajectory import Callback, Observe, Recorder, Trajectory

__all__ = ["Trajectory", "diffuse", "plan_walk", "simulate"]


@overload
def diffuse(
    process: ForwardProcess,
    x0: Array,
    t: Time,
    *,
    seed: int,
    return_noise: Literal[False] = False,
    out: Array | None = None,
    step: int = 0,
    first_row: int = 0,
) -> Array: ...
@overload
def diffuse(
    process: ForwardProcess,
    x0: Array,
    t: Time,
    *,
    seed: int,
    return_noise: Literal[True],
    out: Array | None = None,
    step: int = 0,
    first_row: int = 0,
) -> tuple[Array, Array]: ...
def diffuse(
    process: ForwardProcess,
    x0: Array,
    t: Time,
    *,
    seed: int,
    return_noise: bool = False,
    out: Array | None = None,
    step: int = 0,
    first_row: int = 0,
) -> Array | tuple[Array, Array]:
    """One exact jump from time 0 to t: x_t = fold(alpha_t x_0 + sigma_t eps); of bits, see `inkdiff.Binomial`.

    Parameters
    ----------
    process : a forward process
    x0 : (n, d) states at time 0, inside the domain; float32 and float64 are kept, other dtypes become float32
    t : a time, or (n,) one per row
    seed : 64-bit seed; noise comes from stream JUMP
    return_noise : also return eps, (n, d) float32 (of bits: the uniforms)
    out : array like x0 to write into (may be x0)
    step : 32-bit number of the jump: another step, independent noise
    first_row : number of x0's first row in a larger state, of which this is a part: it then gets that state's noise

    Returns
    -------
    x_t, or (x_t, eps). Exact in law, rounded to the dtype of x0: a sigma_t of few spacings of x0 needs float64.

    Raises
    ------
    ValueError, TypeError
        For empty, non-finite or wrongly shaped arrays, states outside the box, times outside the schedule,
        arrays on two devices.
    """
    check_forward_process(process)
    x0 = process.check_state(x0, "x0")
    start = checks.count(first_row, "first_row", least=0, most=2**60 // x0.shape[1]) * x0.shape[1]
    array_module(x0=x0, t=t, out=out)
    t = process.check_times_of(x0.shape[0], t)
    noise = Address(checks.seed64(seed), checks.word32(step, "step"), Stream.JUMP, start)
    if out is not None:
        checks.output(out, x0.shape, x0.dtype)
    eps = array_module(x0).empty(x0.shape, np.float32) if return_noise else None
    x_t = process.jump(x0, t, noise, out=out, eps=eps)
    return x_t if eps is None else (x_t, eps)


def simulate(
    process: ForwardProcess,
    x: Array,
    times: Sequence[float] | Array,
    *,
    seed: int,
    steps: int = 1,
    first_step: int = 0,
    first_row: int = 0,
    observe: Observe | None = None,
    callback: Callback | None = None,
) -> Trajectory:
    """Walk forward in time, x_t = fold(a x_s + sigma eps) from step to step, recording at `times`.

    Parameters
    ----------
    process : a forward process
    x : (n, d) states at times[0], inside the domain
    times : increasing; in the process's time unit (integers for a DDPM table)
    seed : 64-bit seed; noise comes from stream FORWARD, of bits from BITS
    steps : equal kernel steps in each interval; each is the exact transition
    first_step : number of the first step; continue with `Trajectory.next_step`
    first_row : number of x's first row in a larger state: parts walked one by one are the whole, to the bit
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
    walk = Prologue.of(process, x, times, seed=seed, steps=steps, first_step=first_step)
    start = checks.count(first_row, "first_row", least=0, most=2**60 // walk.x.shape[1]) * walk.x.shape[1]
    plan = plan_walk(process, walk.x, walk.grid, walk.steps)
    recorder = Recorder(walk.grid, walk.x, observe, callback)
    recorder.record(walk.x)
    for interval in range(len(walk.grid) - 1):
        begin, end = interval * walk.steps, (interval + 1) * walk.steps
        plan(walk.x, begin, end, seed=walk.seed, first_step=walk.first_step, start=start)
        recorder.record(walk.x)
    return recorder.trajectory(walk.x, walk.next_step, plan.absorbed)


def plan_walk(process: ForwardProcess, x: Array, grid: Floats, steps: int) -> Walk:
    """The walk of states like x through the intervals of `grid`, each in `steps` equal steps."""
    fine = step_times(grid, steps)
    if process.discrete:
        process.check_time(fine.reshape(-1), "times between steps")
    return process.plan_walk(x, fine)
