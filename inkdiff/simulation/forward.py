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

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, is_cuda
from inkdiff._core.rng import Stream
from inkdiff.domains.box import Box
from inkdiff.domains.maze import Maze
from inkdiff.kernels import Walls
from inkdiff.processes.base import Process, check_process, closed_form_domain
from inkdiff.processes.binomial import Binomial, Bits
from inkdiff.simulation.binomial_steps import bit_jump
from inkdiff.simulation.trajectory import Callback, Observe, Recorder, Trajectory
from inkdiff.simulation.walks import check_range, plan_walk

__all__ = ["Trajectory", "check_state", "diffuse", "jump", "simulate", "walls_of"]

_UNIFORM = 2.0  # a Gaussian this many periods wide, folded, is uniform to 5e-35; wider ones only lose their low bits
_ROWS = 2**14  # whose schedule is evaluated at once: what is computed on the way stays in the cache


def check_state(process: Process | Binomial, x: object, name: str) -> Array:
    """A state array (n, d) inside the process's domain."""
    domain = process.domain
    if not isinstance(domain, (Box, Maze, Bits)):
        return checks.state(x, name)
    x = checks.state(x, name, finite=False)
    domain.check_inside(x, name)
    return x


def diffuse(
    process: Process | Binomial,
    x0: Array,
    t: float | Array,
    *,
    seed: int,
    return_noise: bool = False,
    out: Array | None = None,
    step: int = 0,
    first_row: int = 0,
) -> Any:
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
    check_process(process, also=Binomial)
    x0 = check_state(process, x0, "x0")
    start = checks.count(first_row, "first_row", least=0, most=2**60 // x0.shape[1]) * x0.shape[1]
    return jump(
        process, x0, t, seed=seed, step=step, stream=Stream.JUMP, start=start, return_noise=return_noise, out=out
    )


def jump(
    process: Process | Binomial,
    x0: Array,
    t: float | Array,
    *,
    seed: int,
    step: int,
    stream: int,
    start: int = 0,
    return_noise: bool = False,
    out: Array | None = None,
) -> Any:
    """`diffuse` on any stream, for a state already checked whose first entry is flat element `start`."""
    xp = array_module(x0=x0, t=t, out=out)
    t = process.check_times_of(x0.shape[0], t)
    seed, step = checks.seed64(seed), checks.word32(step, "step")
    if out is not None:
        checks.output(out, x0.shape, x0.dtype)
    if isinstance(process, Binomial):
        address = {"seed": seed, "step": step, "stream": stream, "start": start}
        return bit_jump(process, x0, t, return_noise=return_noise, out=out, **address)
    closed_form_domain(process, "a jump")
    eps = xp.empty(x0.shape, np.float32) if return_noise else None
    a, s = _moments_of_jump(process, x0, t)
    x_t = kernels.step(
        x0, a=a, s=s, walls=walls_of(process, x0), seed=seed, number=step, stream=stream, start=start, out=out, eps=eps
    )
    return (x_t, eps) if return_noise else x_t


def _moments_of_jump(process: Process, x0: Array, t: Any) -> tuple[Array, Array]:
    """(alpha_t, sigma_t) in the dtype of x0, of one entry or one per row; in a box sigma_t no wider than is needed."""
    xp = array_module(x0)
    widest = _UNIFORM * process.domain.period(x0.shape[1]).max() if isinstance(process.domain, Box) else math.inf

    def moments(t: Any) -> tuple[Any, Any]:
        alpha, variance = process.transition(0.0, t)
        sigma = array_module(t).sqrt(variance)
        check_range(process, x0, float(sigma.max()), "t")
        return alpha, array_module(t).minimum(sigma, widest)

    if np.ndim(t) == 0:
        alpha, sigma = moments(t)
        return xp.full(1, alpha, x0.dtype), xp.full(1, sigma, x0.dtype)
    a, s = xp.empty(t.size, x0.dtype), xp.empty(t.size, x0.dtype)
    rows = t.size if is_cuda(t) else _ROWS
    for first in range(0, t.size, rows):
        part = slice(first, first + rows)
        a[part], s[part] = moments(t[part])
    return a, s


def walls_of(process: Process, x: Array) -> Walls | None:
    """The walls of `process` for the step kernel on a state like x; None in free space."""
    domain = process.domain
    return domain.walls(x.dtype, array_module(x)) if isinstance(domain, Box) else None


def simulate(
    process: Process | Binomial,
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
    check_process(process, also=Binomial)
    current = check_state(process, x, "x").copy()
    grid = checks.increasing(times)
    process.check_time(grid, "times")
    seed, steps, number = checks.seed64(seed), checks.count(steps, "steps"), checks.word32(first_step, "first_step")
    checks.word32(number + steps * (len(grid) - 1), "first_step + all steps")
    d = current.shape[1]
    start = checks.count(first_row, "first_row", least=0, most=2**60 // d) * d
    walk = plan_walk(process, current, grid, steps)
    recorder = Recorder(grid, current, observe, callback)
    recorder.record(current)
    for interval in range(len(grid) - 1):
        walk(current, interval * steps, (interval + 1) * steps, seed=seed, first_step=number, start=start)
        recorder.record(current)
    return recorder.trajectory(current, number + steps * (len(grid) - 1), getattr(walk, "absorbed", None))
