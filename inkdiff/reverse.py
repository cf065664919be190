"""Backward in time: the same step, now with the score,

    x_s  <-  fold(a x_t + b u + c eps),        u = score(x_t, t) = grad log p_t(x_t),        s < t.

With fresh noise and the score the *distribution* walks back (Anderson 1982): dx = [f x - g^2 u] dt + g dW run from t
down to s. Each sampler is a choice of (a, b, c), written with alpha_t, sigma_t and, for the transition s -> t,
A = alpha_t/alpha_s and S^2 = sigma_t^2 - A^2 sigma_s^2:

    Ancestral        a = 1/A           b = S^2/A                     c = sigma_s S/sigma_t
    DDIM(eta)        a = 1/A           b = sigma_t^2/A - sigma_t r   c = eta sigma_s S/sigma_t,  r^2 = sigma_s^2 - c^2
    EulerMaruyama    a = 1 - int f     b = int g^2                   c = sqrt(int g^2)
    ProbabilityFlow  Heun's rule for d(x/alpha)/d(sigma/alpha) = -sigma u, no noise

Walls: in a box Gaussian posteriors do not exist, so Ancestral and DDIM raise; the other two fold. Heun is of order 2 in
the step, the others of order 1 (in the law of x_s); Euler's, folded, stays of order 1 at walls (measured: 1.00). From a
single point the ancestral step is exact at any size.

References: B. D. O. Anderson (1982); Ho et al. (2020), eq. 7; Song, Meng, Ermon (2021), eq. 12; Y. Song et al. (2021),
eq. 6 and 13; Karras et al. (2022), algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from inkdiff import checks, kernels
from inkdiff.backend import Array, array_module
from inkdiff.domain import Box
from inkdiff.process import Process, check_process, closed_form_domain
from inkdiff.rng import Stream
from inkdiff.simulate import check_state, walls_of
from inkdiff.trajectory import Callback, Observe, Recorder, Trajectory

__all__ = ["DDIM", "Ancestral", "EulerMaruyama", "ProbabilityFlow", "Sampler", "reverse"]

Score = Callable[[Array, Any], Array]
# apply(x, u, a, b, c) = fold(a x + b u + c eps): the kernel with walls, seed and step number filled in.
Apply = Callable[[Array, Array, float, float, float], Array]


class Sampler(Protocol):
    """One step back in time."""

    def step(self, process: Process, score: Score, x: Array, t: float, s: float, apply: Apply) -> Array:
        """From x at time t to time s < t."""


class _OneEvaluation:
    """A sampler that is nothing but its three coefficients."""

    needs_free_space = False

    def coefficients(self, process: Process, t: float, s: float) -> tuple[float, float, float]:
        """(a, b, c) of x_s = fold(a x_t + b score + c eps)."""
        raise NotImplementedError

    def step(self, process: Process, score: Score, x: Array, t: float, s: float, apply: Apply) -> Array:
        """One kernel call."""
        return apply(x, score(x, t), *self.coefficients(process, t, s))


@dataclass(frozen=True)
class Ancestral(_OneEvaluation):
    """DDPM's sampler: the posterior q(x_s | x_t, x_0) at the x_0 that the score implies, variance sigma_s^2
    sigma_ts^2/sigma_t^2."""

    needs_free_space = True

    def coefficients(self, process: Process, t: float, s: float) -> tuple[float, float, float]:  # noqa: D102
        alpha_ts, variance_ts = process.transition(s, t)
        c = math.sqrt(process.variance(s) * variance_ts / process.variance(t))
        return 1 / alpha_ts, variance_ts / alpha_ts, c


@dataclass(frozen=True)
class DDIM(_OneEvaluation):
    """Implicit sampler: eta = 0 is deterministic (the probability flow), eta = 1 has the ancestral variance."""

    eta: float = 0.0
    needs_free_space = True

    def __post_init__(self) -> None:
        if not 0 <= checks.real(self.eta, "eta") <= 1:
            raise ValueError(f"eta must lie in [0, 1] (0: deterministic, 1: ancestral noise), got {self.eta}.")

    def coefficients(self, process: Process, t: float, s: float) -> tuple[float, float, float]:  # noqa: D102
        alpha_ts, variance_ts = process.transition(s, t)
        variance_t, variance_s = process.variance(t), process.variance(s)
        c = self.eta * math.sqrt(variance_s * variance_ts / variance_t)
        b = variance_t / alpha_ts - math.sqrt(variance_t * max(variance_s - c * c, 0.0))
        return 1 / alpha_ts, b, c


@dataclass(frozen=True)
class EulerMaruyama(_OneEvaluation):
    """The reverse SDE by Euler's rule in the process's own clocks (integrals of f and g^2); the default between
    walls."""

    def coefficients(self, process: Process, t: float, s: float) -> tuple[float, float, float]:  # noqa: D102
        dv = process.clock(s, t)
        return 1 - (process.log_alpha(t) - process.log_alpha(s)), dv, math.sqrt(dv)


@dataclass(frozen=True)
class ProbabilityFlow:
    """The deterministic flow with the same densities, by Heun's rule in the variable sigma/alpha (two scores a step).

    A step that ends at sigma = 0 keeps its first slope: there the score of data points is undefined (Karras et
    al. 2022).
    """

    needs_free_space = False

    def step(self, process: Process, score: Score, x: Array, t: float, s: float, apply: Apply) -> Array:
        """Predict with the slope at t, correct with the mean of both slopes."""
        a = math.exp(process.log_alpha(s) - process.log_alpha(t))
        sigma_t, sigma_s = process.sigma(t), process.sigma(s)
        width = a * sigma_t - sigma_s  # alpha_s (sigma_t/alpha_t - sigma_s/alpha_s)
        u_t = score(x, t)
        predicted = apply(x, u_t, a, sigma_t * width, 0.0)
        if sigma_s == 0:
            return predicted
        u_s = score(predicted, s)
        xp = array_module(x)
        slope = (xp.asarray(sigma_t, x.dtype) * u_t + xp.asarray(sigma_s, x.dtype) * u_s) / 2
        return apply(x, slope, a, width, 0.0)


_NAMED: dict[str, Callable[[], Sampler]] = {
    "ancestral": Ancestral,
    "ddim": DDIM,
    "euler_maruyama": EulerMaruyama,
    "heun": ProbabilityFlow,
}


def _choose(sampler: Sampler | str | None, process: Process) -> Sampler:
    """The sampler meant by a name, an object or None, checked against the walls."""
    boxed = isinstance(process.domain, Box)
    if sampler is None:
        return EulerMaruyama() if boxed else Ancestral()
    if isinstance(sampler, str):
        if sampler not in _NAMED:
            raise ValueError(f"sampler must be one of {', '.join(map(repr, _NAMED))}, got {sampler!r}.")
        sampler = _NAMED[sampler]()
    if isinstance(sampler, type) or not hasattr(sampler, "step"):
        raise TypeError(f"sampler must be a name or an object such as DDIM(eta=0.0), got {checks.show(sampler)}.")
    if boxed and getattr(sampler, "needs_free_space", False):
        raise ValueError(
            f"sampler {type(sampler).__name__} needs Gaussian posteriors, which walls destroy; in a box use "
            "EulerMaruyama() or ProbabilityFlow()."
        )
    return sampler


def reverse(
    process: Process,
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
    score : any function score(x, t) = grad log p_t(x), (n, d) -> (n, d), exact or learned
    x : (n, d) states at times[0], inside the domain
    times : decreasing, to 0 if wished; in the process's time unit
    seed : 64-bit seed; noise comes from stream REVERSE, never shared with `simulate`
    steps : equal steps in each interval
    first_step : number of the first step; continue with `Trajectory.next_step`
    sampler : Ancestral(), DDIM(eta), EulerMaruyama(), ProbabilityFlow(), or their names "ancestral", "ddim",
        "euler_maruyama", "heun"; by default ancestral in free space, Euler-Maruyama between walls
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
    check_process(process)
    closed_form_domain(process, "a walk back")
    current = check_state(process, x, "x").copy()
    if not callable(score):
        raise TypeError(f"score must be a function score(x, t), got {checks.show(score)}.")
    grid = checks.increasing(times, decreasing=True)
    process.check_time(grid, "times")
    seed, steps, number = checks.seed64(seed), checks.count(steps, "steps"), checks.word32(first_step, "first_step")
    checks.word32(number + steps * (len(grid) - 1), "first_step + all steps")
    chosen = _choose(sampler, process)
    fine = [process.check_time(np.linspace(t0, t1, steps + 1), "times between steps") for t0, t1 in pairwise(grid)]
    guarded = _guard(score)
    recorder = Recorder(grid, current, observe, callback)
    recorder.record(current)
    for substeps in fine:
        for t, s in pairwise(substeps):
            apply = _apply(process, current, seed, number)
            current = chosen.step(process, guarded, current, float(t), float(s), apply)
            number += 1
            if not bool(array_module(current).isfinite(current).all()):
                raise FloatingPointError(
                    f"the reverse walk is not finite at t = {s:g}: the score or the step is too large there; "
                    "use more steps."
                )
        recorder.record(current)
    return recorder.trajectory(current, number)


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

    def apply(x: Array, u: Array, a: float, b: float, c: float) -> Array:
        a_, b_, c_ = (xp.asarray([value], x.dtype) for value in (a, b, c))
        return kernels.step(
            x, u=u, a=a_, b=b_, s=c_, walls=walls, seed=seed, number=number, stream=Stream.REVERSE, noisy=c != 0
        )

    return apply
