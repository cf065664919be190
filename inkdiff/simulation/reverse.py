"""Backward in time: the same step, now with the score,

    x_s  <-  fold(a x_t + b u + c eps),        u = score(x_t, t) = grad log p_t(x_t),        s < t.

With fresh noise and the score the *distribution* walks back (Anderson 1982): dx = [f x - g^2 u] dt + g dW run from t
down to s. What a, b and c are is the sampler's business (`inkdiff.samplers`); this is the loop over time.

Reference: B. D. O. Anderson, Reverse-time diffusion equation models (1982).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Time, array_module
from inkdiff.processes.forward import ForwardProcess
from inkdiff.samplers import Sampler, choose
from inkdiff.scores.base import HasVelocity, ScoreFunction
from inkdiff.simulation.prologue import Prologue
from inkdiff.simulation.trajectory import Callback, Observe, Recorder, Trajectory

__all__ = ["reverse"]


def reverse(
    process: ForwardProcess,
    score: ScoreFunction,
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
    sampler : one of `inkdiff.samplers`, or its name: "ancestral", "ddim", "euler_maruyama", "euler",
        "heun", "adaptive", "dpm_solver", "predictor_corrector", or any registered one; by default ancestral in free
        space, Euler-Maruyama between walls; bits have but the ancestral: any times will do, the more the better
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
    walk = Prologue.of(process, x, times, seed=seed, steps=steps, first_step=first_step, backward=True)
    if not callable(score):
        raise TypeError(f"score must be a function score(x, t), got {checks.show(score)}.")
    chosen = choose(sampler, process)
    between = [np.linspace(t0, t1, walk.steps + 1) for t0, t1 in pairwise(walk.grid)]
    fine = [process.check_time(substeps, "times between steps") for substeps in between]
    guarded = _guard(score)
    recorder = Recorder(walk.grid, walk.x, observe, callback)
    recorder.record(walk.x)
    current, step = walk.x, walk.first_step
    for substeps in fine:
        for t, s in pairwise(substeps):
            kernel = process.reverse_kernel(current, walk.seed, step)
            current = chosen.step(process, guarded, current, float(t), float(s), kernel)
            step += 1
            if not bool(array_module(current).isfinite(current).all()):
                raise FloatingPointError(
                    f"the reverse walk is not finite at t = {s:g}: the score or the step is too large there; "
                    "use more steps."
                )
        recorder.record(current)
    return recorder.trajectory(current, step)


def _guard(score: ScoreFunction) -> ScoreFunction:
    """The score, and its velocity if it declares one, with results checked for shape and given the state's dtype."""
    return _Guarded(score) if isinstance(score, HasVelocity) else _guarded(score, "score(x, t)")


class _Guarded(HasVelocity):
    def __init__(self, score: HasVelocity) -> None:
        self._score, self._velocity = _guarded(score, "score(x, t)"), _guarded(score.velocity, "score.velocity(x, t)")

    def __call__(self, x: Array, t: Time) -> Array:
        return self._score(x, t)

    def velocity(self, x: Array, t: Time) -> Array:
        return self._velocity(x, t)


def _guarded(function: ScoreFunction, name: str) -> ScoreFunction:
    def guarded(x: Array, t: Time) -> Array:
        u = function(x, t)
        xp = array_module(**{"x": x, name: u})
        if getattr(u, "shape", None) != x.shape:
            raise ValueError(f"{name} must return an array like x, {x.shape}, got {checks.show(u)}.")
        return xp.ascontiguousarray(u, x.dtype)

    return guarded
