"""The entropy that a single path produces, and exponential averages over many.

A path x_0 ... x_M, seen at times t_0 ... t_M, with transitions T_j of its process, produces

    dS = ln p_0(x_0) - ln p_M(x_M) + sum_j ln [T_j(x_j | x_{j-1})/T_j(x_{j-1} | x_j)],        <exp(-dS)> = 1.

An average of w = exp(-S) rests on (sum w)^2/sum w^2 paths.

Reference: U. Seifert, Phys. Rev. Lett. 95 (2005) 040602.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module, asnumpy
from inkdiff.metrics import Estimate
from inkdiff.processes.base import Process, check_process, closed_form_domain
from inkdiff.simulation.trajectory import Trajectory

__all__ = ["effective_samples", "exponential_average", "log_ratio", "path_entropy", "per_run"]

_LARGEST_EXPONENT = 700.0  # exp of it is finite in float64


def path_entropy(process: Process, path: Trajectory, log_start: Array, log_end: Array) -> Array:
    """Total entropy produced along each path, nats: dS = ln (forward/reversed path probability), (n,).

    Parameters
    ----------
    process : the process that made the path, without obstacles or absorbing walls, where T has no closed form;
        reversed, its schedule runs backwards too
    path : a walk with its states, k times
    log_start, log_end : (n,) log densities ln p(x) of the first states at the first time, of the last at the last

    Raises
    ------
    ValueError, TypeError
        If the path is none or holds no states, the process has obstacles or absorbing walls, or the densities are not
        one finite number per body.
    """
    check_process(process)
    closed_form_domain(process, "a path's entropy")
    if not isinstance(path, Trajectory):
        raise TypeError(f"path must be a Trajectory, as simulate returns it, got {checks.show(path)}.")
    if path.x is None:
        raise ValueError("path holds no states (it was made with observe=...): let simulate store them.")
    n = path.x.shape[1]
    log_start, log_end = checks.reals(log_start, "log_start"), checks.reals(log_end, "log_end")
    for name, log_p in (("log_start", log_start), ("log_end", log_end)):
        checks.same_shape(log_p, (n,), name, "the bodies of the path")
    entropy = log_start - log_end
    for (s, x), (t, y) in pairwise(zip(path.times, path.x, strict=True)):
        entropy = entropy + log_ratio(process, x.astype(np.float64), y.astype(np.float64), s, t)
    return entropy


def exponential_average(entropy: Array) -> Estimate:
    """<exp(-S)> over paths, unbiased, with its standard error; S (n,) a work or an entropy. See `effective_samples`.

    Raises
    ------
    ValueError, TypeError
        If S is not (n,), n >= 2, finite and above -700, below which exp(-S) overflows.
    """
    S = per_run(entropy, "entropy")
    least = float(S.min())
    if least < -_LARGEST_EXPONENT:
        raise ValueError(
            f"entropy must be above {-_LARGEST_EXPONENT:g}, got {least:g}: exp(-entropy) overflows; is its sign right?"
        )
    value, stderr = Estimate.of_mean(np.exp(least - S))  # powers of the largest weight cannot underflow
    return Estimate(math.exp(-least) * value, math.exp(-least) * stderr)


def effective_samples(entropy: Array) -> float:
    """(sum w)^2/sum w^2 with w = exp(-S): how many paths the exponential average really rests on."""
    S = per_run(entropy, "entropy")
    w = np.exp(S.min() - S)  # a factor common to all weights cancels
    return float(w.sum() ** 2 / (w**2).sum())


def log_ratio(process: Process, x: Array, y: Array, s: float, t: float) -> Array:
    """ln T(y | x) - ln T(x | y) per row, T the transition from time s to t."""
    a, v = process.transition(s, t)
    if not process.domain.free:
        variance, density = array_module(x).full((len(x), 1), v), process.domain.log_step_density
        return density(y, a * x, variance)[0] - density(x, a * y, variance)[0]
    # The two Gaussians differ in their exponents alone: so more digits are kept.
    return (((x - a * y) ** 2 - (y - a * x) ** 2) / (2 * v)).sum(1)


def per_run(values: Array, name: str) -> Floats:
    """Finite numbers (n,), n >= 2, one of each run, on the host."""
    row: Floats = asnumpy(checks.reals(values, name))
    if row.ndim != 1 or len(row) < 2:
        raise ValueError(f"{name} must have shape (n,), n >= 2 (one number a run), got {row.shape}.")
    return row
