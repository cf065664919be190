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
from dataclasses import dataclass

import numpy as np

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, is_cuda
from inkdiff._core.rng import Stream
from inkdiff.metrics.estimates import Estimate
from inkdiff.processes.base import Process, check_process, closed_form_domain
from inkdiff.scores.base import Differentiable, check_differentiable

__all__ = ["Hutchinson", "LogLikelihood", "log_likelihood"]

_NUMBERS = 2**22  # of tangents held at a time


@dataclass(frozen=True)
class Hutchinson:
    """The trace as a mean of e^T J e over `probes` vectors e of random signs, the same all along a row's flow."""

    probes: int = 8

    def __post_init__(self) -> None:
        checks.count(self.probes, "probes", least=2)


@dataclass(frozen=True, eq=False)
class LogLikelihood:
    """ln p of every row.

    Attributes
    ----------
    values, stderr : (n,) nats; the errors are those of Hutchinson's trace, 0 for the exact one
    d : coordinates per row. evaluations : of the score, per row
    """

    values: Floats
    stderr: Floats
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
    score: Differentiable,
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
    score : an `inkdiff.Differentiable`, as the mixtures and learned scores are; `inkdiff.FiniteDifference(score)` makes
        one of any function score(x, t)
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
        For bad arrays or times, a process that counts its steps, or a score that declares no derivative.
    """
    check_process(process)
    domain = closed_form_domain(process, "a likelihood")
    x = process.check_state(x, "x")
    if is_cuda(x) or process.discrete:
        raise ValueError("x must be a NumPy array and time continuous: the flow is followed by scipy's solver.")
    score = check_differentiable(score, "whose trace changes the density along the flow").confined(domain)
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


def _directions(trace: str | Hutchinson, shape: tuple[int, ...], seed: int, begin: int) -> tuple[Floats, bool]:
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
    score: Differentiable
    first: float
    last: float
    rtol: float
    atol: float

    def follow(self, x: Floats, directions: tuple[Floats, bool]) -> LogLikelihood:
        """ln p of rows x (n, d)."""
        from scipy.integrate import solve_ivp

        tangents, random = directions
        n, d = x.shape
        k = len(tangents) if random else 1
        domain = self.process.domain

        def slope(root: float, flat: Floats) -> Floats:
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
