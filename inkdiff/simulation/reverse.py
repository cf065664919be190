"""Backward in time: the same step, now with the score,

    x_s  <-  fold(a x_t + b u + c eps),        u = score(x_t, t) = grad log p_t(x_t),        s < t.

With fresh noise and the score the *distribution* walks back (Anderson 1982): dx = [f x - g^2 u] dt + g dW run from t
down to s. What a, b and c are is the sampler's business (`inkdiff.samplers`); this is the loop over time.

Reference: B. D. O. Anderson, Reverse-time diffusion equation models (1982).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff._core.rng import Stream
from inkdiff.processes.base import Process, check_process, closed_form_domain
from inkdiff.processes.binomial import Binomial
from inkdiff.samplers import Apply, Sampler, Score, choose
from inkdiff.simulation.binomial_steps import step_back
from inkdiff.simulation.forward import check_state, walls_of
from inkdiff.simulation.trajectory import Callback, Observe, Recorder, Trajectory

__all__ = ["reverse"]


def reverse(
    process: Process | Binomial,
    score: Score,
    x: Array,
    times: Sequence[float] | Array,
    *,
    seed: int,
    steps: int = 1,
    first_step: int = 0,
    sampler: Sampler | str | None = None,
    observe: Observe | None = None,
    callback: Callback | None = None,
) -> Trajectory:
    """Walk backward in time with a score: fresh noise, the distribution returns.

    Parameters
    ----------
    process : the forward process
    score : any function score(x, t) = grad log p_t(x), (n, d) -> (n, d), exact or learned; of bits, the log-odds that
        each was 1 at t = 0, given all of x
    x : (n, d) states at times[0], inside the domain
    times : decreasing, to 0 if wished; in the process's time unit
    seed : 64-bit seed; noise comes from stream REVERSE (bits: BITS_REVERSE), never shared with `simulate`
    steps : equal steps in each interval
    first_step : number of the first step; continue with `Trajectory.next_step`
    sampler : one of `inkdiff.samplers`, or its name: "ancestral", "ddim", "euler_maruyama", "heun", "adaptive",
        "dpm_solver", "predictor_corrector"; by default ancestral in free space, Euler-Maruyama between walls; bits
        have but the ancestral: any subset of the times will do, the more the better
    observe, callback : as in `simulate`

    Returns
    -------
    Trajectory, with `times` decreasing.

    Raises
    ------
    ValueError, TypeError
        As `simulate`; or a sampler that the walls do not allow; or a score of another shape than x.
    FloatingPointError
        If the walk meets NaN or infinity, naming the time.
    """
    check_process(process, also=Binomial)
    if not isinstance(process, Binomial):
        closed_form_domain(process, "a walk back")
    current = check_state(process, x, "x").copy()
    if not callable(score):
        raise TypeError(f"score must be a function score(x, t), got {checks.show(score)}.")
    grid = checks.increasing(times, decreasing=True)
    process.check_time(grid, "times")
    seed, steps, number = checks.seed64(seed), checks.count(steps, "steps"), checks.word32(first_step, "first_step")
    checks.word32(number + steps * (len(grid) - 1), "first_step + all steps")
    step = _bit_step(process, sampler) if isinstance(process, Binomial) else _step(process, choose(sampler, process))
    fine = [process.check_time(np.linspace(t0, t1, steps + 1), "times between steps") for t0, t1 in pairwise(grid)]
    guarded = _guard(score)
    recorder = Recorder(grid, current, observe, callback)
    recorder.record(current)
    for substeps in fine:
        for t, s in pairwise(substeps):
            current = step(guarded, current, float(t), float(s), seed, number)
            number += 1
            if not bool(array_module(current).isfinite(current).all()):
                raise FloatingPointError(
                    f"the reverse walk is not finite at t = {s:g}: the score or the step is too large there; "
                    "use more steps."
                )
        recorder.record(current)
    return recorder.trajectory(current, number)


# step(score, x, t, s, seed, number): x_s
_Step = Callable[[Score, Array, float, float, int, int], Array]


def _step(process: Process, sampler: Sampler) -> _Step:
    def step(score: Score, x: Array, t: float, s: float, seed: int, number: int) -> Array:
        return sampler.step(process, score, x, t, s, _apply(process, x, seed, number))

    return step


def _bit_step(process: Binomial, sampler: Sampler | str | None) -> _Step:
    if sampler not in (None, "ancestral"):
        raise ValueError(f"sampler must be 'ancestral' for bits, which have no gradients, got {checks.show(sampler)}.")

    def step(score: Score, x: Array, t: float, s: float, seed: int, number: int) -> Array:
        return step_back(process, score(x, t), x, t, s, seed=seed, step=number)

    return step


def _guard(score: Score) -> Score:
    """The score, with its result checked for shape and given the state's dtype."""

    def guarded(x: Array, t: Any) -> Array:
        u = score(x, t)
        xp = array_module(**{"x": x, "score(x, t)": u})
        if getattr(u, "shape", None) != x.shape:
            raise ValueError(f"score(x, t) must return an array like x, {x.shape}, got {checks.show(u)}.")
        return xp.ascontiguousarray(u, x.dtype)

    return guarded


def _apply(process: Process, x: Array, seed: int, number: int) -> Apply:
    """The kernel at one step number, with the walls of the process."""
    xp = array_module(x)
    walls = walls_of(process, x)

    def apply(x: Array, u: Array, a: float, b: float, c: float, *, correction: int | None = None, of: int = 1) -> Array:
        a_, b_, c_ = (xp.asarray([value], x.dtype) for value in (a, b, c))
        index, stream = number, Stream.REVERSE
        if correction is not None:
            index, stream = checks.word32(number * of + correction, "the number of corrections"), Stream.CORRECTOR
        return kernels.step(x, u=u, a=a_, b=b_, s=c_, walls=walls, seed=seed, number=index, stream=stream, noisy=c != 0)

    return apply
