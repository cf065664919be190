r"""How probable a point is: the likelihood of a score, followed along the probability flow.

    dx/dt = f x - g^2 u/2 =: v(x, t),        d/dt ln p_t(x(t)) = -div v,

    ln p_0(x)  =  ln p_T(x(T)) + int_0^T div v dt,        div v = d f - (g^2/2) tr(du/dx)

so that one deterministic walk to the prior, with the trace of the score's derivative along it, gives the density of
what the flow would generate: exact up to the solver's error. The trace is the sum over d tangents, or Hutchinson's
E[e^T J e] over random signs e, unbiased with a standard error. Between walls the flow is followed in the unfolded
world, where the mirror images of the score continue it; div v is the same there.

References: W. Grathwohl et al. (2019), arXiv:1810.01367; Y. Song et al. (2021), section 4.3; M. Hutchinson (1990).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, is_cuda
from inkdiff._core.rng import Stream
from inkdiff.domains.box import Box
from inkdiff.metrics.estimates import Estimate
from inkdiff.processes.base import Process, check_process, closed_form_domain

__all__ = ["FiniteDifference", "Hutchinson", "LogLikelihood", "log_likelihood"]

_Floats = npt.NDArray[np.float64]
_NUMBERS = 2**22  # of tangents held at a time


@dataclass(frozen=True)
class Hutchinson:
    """The trace as a mean of e^T J e over `probes` vectors e of random signs, the same all along a row's flow."""

    probes: int = 8

    def __post_init__(self) -> None:
        checks.count(self.probes, "probes", least=2)


@dataclass(frozen=True)
class FiniteDifference:
    """A score with the derivative that it lacks, by central differences of width `step` in float64; error step^2.

    Points displaced through the walls of `box`, by default that of the score's process, are folded back, where the
    mirror image of the score continues it.
    """

    score: Callable[[Array, Any], Array]
    step: float = 1e-5
    box: Box | None = None

    def __post_init__(self) -> None:
        if not callable(self.score):
            raise TypeError(f"score must be a function score(x, t), got {checks.show(self.score)}.")
        checks.positive(self.step, "step", unit="a length")
        domain = getattr(getattr(self.score, "process", None), "domain", None)
        if self.box is None and isinstance(domain, Box):
            object.__setattr__(self, "box", domain)

    def __call__(self, x: Array, t: Any) -> Array:
        """The score itself."""
        return self.score(x, t)

    def jvp(self, x: Array, t: Any, v: Array) -> tuple[Array, Array]:
        """The score (n, d) and its derivatives along v (k, n, d)."""
        wide, h = x.astype(np.float64), self.step
        moved = [(self._unfolded(wide + h * e, t) - self._unfolded(wide - h * e, t)) / (2 * h) for e in v.astype(float)]
        return self.score(x, t), array_module(x, v).stack(moved)

    def _unfolded(self, y: Array, t: Any) -> Array:
        """The score and its mirror images, at y anywhere."""
        if self.box is None:
            return self.score(y, t)
        return self.box.unfold(y, self.score(self.box.fold(y), t))


@dataclass(frozen=True, eq=False)
class LogLikelihood:
    """ln p of every row.

    Attributes
    ----------
    values, stderr : (n,) nats; the errors are those of Hutchinson's trace, 0 for the exact one
    d : coordinates per row. evaluations : of the score, per row
    """

    values: _Floats
    stderr: _Floats
    d: int
    evaluations: int

    @property
    def mean(self) -> Estimate:
        """Mean over the rows with its standard error, nats."""
        return Estimate.of_mean(self.values)

    @property
    def bits_per_dim(self) -> Estimate:
        """-mean/(d ln 2): bits per coordinate of a density; see `LearnedScore.log_likelihood` for discrete data."""
        mean, unit = self.mean, self.d * math.log(2)
        return Estimate(-mean.value / unit, mean.stderr / unit)


def log_likelihood(
    process: Process,
    score: Any,
    x: Array,
    *,
    until: float | None = None,
    start: float = 0.0,
    trace: str | Hutchinson = "exact",
    seed: int = 0,
    rtol: float = 1e-6,
    atol: float = 1e-6,
) -> LogLikelihood:
    """ln p_start(x) of what the probability flow of this score generates.

    Parameters
    ----------
    process : a forward process in continuous time, in free space or in a box
    score : score(x, t) with a method jvp(x, t, v), as the mixtures and learned scores have; `FiniteDifference(score)`
        gives any score one
    x : (n, d) NumPy array, inside the domain, in process coordinates at time `start`
    until : where the flow meets the prior; by default the end of the process
    start : time at which x holds; 0 only for scores that exist there (mixtures)
    trace : "exact", d tangents; or Hutchinson(probes), unbiased
    seed : of Hutchinson's signs, stream HUTCHINSON
    rtol, atol : of the solver (scipy's RK45 in sqrt(t), one step for all rows of a block)

    Returns
    -------
    LogLikelihood, in nats of process coordinates. Exact up to the solver and the prior at `until`.

    Raises
    ------
    ValueError, TypeError
        For bad arrays or times, a process that counts its steps, or a score without `jvp`.
    """
    check_process(process)
    domain = closed_form_domain(process, "a likelihood")
    x = process.check_state(x, "x")
    if is_cuda(x) or process.discrete:
        raise ValueError("x must be a NumPy array and time continuous: the flow is followed by scipy's solver.")
    if not callable(score) or not hasattr(score, "jvp"):
        raise TypeError(
            f"score must have jvp(x, t, v), the derivative along tangents, got {checks.show(score)}; give "
            "inkdiff.FiniteDifference(score)."
        )
    if isinstance(score, FiniteDifference) and score.box is None and isinstance(domain, Box):
        score = replace(score, box=domain)
    if until is None:
        if math.isinf(process.t_max):
            raise ValueError(f"until must be given: {type(process).__name__} has no last time.")
        until = process.t_max
    first, last = (float(process.check_time(t, name)) for t, name in ((start, "start"), (until, "until")))
    if last <= first:
        raise ValueError(f"until must be above start = {first:g}, got {last:g}.")
    if not (trace == "exact" or isinstance(trace, Hutchinson)):
        raise ValueError(f"trace must be 'exact' or Hutchinson(probes), got {checks.show(trace)}.")
    flow = _Flow(process, score, first, last, checks.positive(rtol, "rtol"), checks.positive(atol, "atol"))
    n, d = x.shape
    tangents = d if trace == "exact" else trace.probes  # type: ignore[union-attr]
    rows = max(1, _NUMBERS // (tangents * d))
    parts, seed = [], checks.seed64(seed)
    for begin in range(0, n, rows):
        part = x[begin : begin + rows].astype(np.float64)
        parts.append(flow.follow(part, _directions(trace, part.shape, seed, begin)))
    values, stderr = (np.concatenate([getattr(part, name) for part in parts]) for name in ("values", "stderr"))
    return LogLikelihood(values, stderr, d, max(part.evaluations for part in parts))


def _directions(trace: str | Hutchinson, shape: tuple[int, ...], seed: int, begin: int) -> tuple[_Floats, bool]:
    """Tangents (k, n, d), and whether they are random."""
    n, d = shape
    if not isinstance(trace, Hutchinson):
        return np.broadcast_to(np.eye(d)[:, None, :], (d, n, d)), False
    u = [
        kernels.uniform(n * d, seed=seed, step=k, stream=Stream.HUTCHINSON, start=begin * d)
        for k in range(trace.probes)
    ]
    return np.where(np.stack(u).reshape(trace.probes, n, d) < 0.5, -1.0, 1.0), True


@dataclass(frozen=True)
class _Flow:
    """The flow from `first` to `last` and the divergence along it."""

    process: Process
    score: Any
    first: float
    last: float
    rtol: float
    atol: float

    def follow(self, x: _Floats, directions: tuple[_Floats, bool]) -> LogLikelihood:
        """ln p of rows x (n, d)."""
        from scipy.integrate import solve_ivp

        tangents, random = directions
        n, d = x.shape
        k = len(tangents) if random else 1
        domain = self.process.domain

        def slope(root: float, flat: _Floats) -> _Floats:
            y = flat[: n * d].reshape(n, d)
            t = min(max(root * root, self.first), self.last)
            f, half = float(self.process.f(t)), float(self.process.g2(t)) / 2
            u, Jv = self.score.jvp(domain.fold(y), t, tangents)
            u = domain.unfold(y, u)
            traces = (tangents * Jv).sum(2) if random else (tangents * Jv).sum((0, 2))[None]
            return 2 * root * np.concatenate([(f * y - half * u).ravel(), (d * f - half * traces).ravel()])

        ends = math.sqrt(self.first), math.sqrt(self.last)
        state = np.concatenate([x.ravel(), np.zeros(k * n)])
        done = solve_ivp(slope, ends, state, t_eval=ends[1:], rtol=self.rtol, atol=self.atol)
        if not done.success:
            raise FloatingPointError(f"the flow could not be followed to t = {self.last:g}: {done.message}")
        end = done.y[:, -1]
        arrived = domain.fold(end[: n * d].reshape(n, d))
        gained = end[n * d :].reshape(k, n)
        values = self.process.prior(self.last).log_density(arrived) + gained.mean(0)
        stderr = gained.std(0, ddof=1) / math.sqrt(k) if random else np.zeros(n)
        return LogLikelihood(values, stderr, d, int(done.nfev))
