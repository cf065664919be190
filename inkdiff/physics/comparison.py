"""Ink beside images: the same process, the same clock, the same four questions asked of both.

A body is an array of n rows with d coordinates: a drop of ink has a particle per row, a set of images an
image per row, each of its pixels one ink particle on a line. All are driven by one process (and, element by
element, by the same noise), and at each time t > 0 four numbers are taken per coordinate, so that d = 2 and d
= 64 can stand side by side:

    S/d       sum_j S(x_j)/d                      how mixed (nats; an upper bound of the joint entropy)
    KL/d      sum_j KL(x_j || equilibrium)/d      how far from the end
    r         correlation of x_t with x_0         how much of the start is remembered
    MSD/d     <|x_t - x_0|^2>/d                   how far it moved

The clock of space is the share 1 - r of memory lost. In free space x_t = x_0 + sigma eps, r^2 = s_0^2/(s_0^2
+ sigma^2), so that for whatever body, of variance s_0^2 per coordinate,

    MSD/(d s_0^2) = 1/r^2 - 1:

in units of its own width every body moves along one curve, until it feels the walls.

Reference: J. Sohl-Dickstein, E. Weiss, N. Maheswaranathan, S. Ganguli, Deep unsupervised learning using
nonequilibrium thermodynamics (2015), for the twin processes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inkdiff import metrics
from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module, asnumpy
from inkdiff.datasets.dataset import Dataset
from inkdiff.metrics import Column, Estimate
from inkdiff.processes.base import Process, check_process, closed_form_domain
from inkdiff.simulation.forward import simulate

__all__ = ["Column", "Comparison", "Course", "compare", "free_space_msd"]


@dataclass(frozen=True, eq=False)
class Course:
    """What became of one body.

    Attributes
    ----------
    name : what it was called
    n, d : rows and coordinates
    variance_0 : variance of a coordinate over the rows at the start, mean over the coordinates; length^2
    entropy, kl : per coordinate, nats
    correlation : with the start
    msd : mean squared displacement per coordinate, length^2
    """

    name: str
    n: int
    d: int
    variance_0: float
    entropy: Column
    kl: Column
    correlation: Column
    msd: Column

    @property
    def memory_lost(self) -> Column:
        """1 - r: 0 at the start, 1 when nothing of it is left."""
        return Column(1 - self.correlation.value, self.correlation.stderr)


@dataclass(frozen=True, eq=False)
class Comparison:
    """The courses of several bodies under one `process` at `times` (k,)."""

    process: Process
    times: Floats
    courses: tuple[Course, ...]

    def __getitem__(self, name: str) -> Course:
        """The course of the body called `name`."""
        for course in self.courses:
            if course.name == name:
                return course
        raise KeyError(f"no body is called {name!r}; there are {', '.join(course.name for course in self.courses)}.")


def compare(
    process: Process,
    bodies: Mapping[str, Array | Dataset],
    times: Sequence[float] | Array,
    *,
    seed: int,
    bins: int | None = None,
) -> Comparison:
    """Follow several bodies forward under one process and measure the same of each; see the module's text.

    Parameters
    ----------
    process : a process with an equilibrium (in a Box, OrnsteinUhlenbeck, VariancePreserving)
    bodies : name -> x (n, d) at time 0 in process coordinates, n >= 2, or a data set
    times : increasing, > 0: when to measure
    seed : 64-bit seed, shared by all bodies
    bins : cells per coordinate for entropy and KL; by default round(sqrt n) of each body

    Returns
    -------
    Comparison. The walk is exact in law; standard errors are those of independent rows.

    Raises
    ------
    ValueError, TypeError
        If there is no body or no equilibrium, times do not increase from above 0, a body does not vary, or as
        `simulate`.
    """
    check_process(process)
    if process.equilibrium is None:
        raise ValueError(f"process={process} has no equilibrium to measure a distance from; put it in a Box.")
    states = _states(process, bodies)
    grid = _from_zero(process, times)
    courses = tuple(_follow(process, name, x_0, grid, seed, bins) for name, x_0 in states.items())
    return Comparison(process, grid[1:], courses)


def free_space_msd(memory_lost: npt.ArrayLike) -> Floats:
    """MSD/(d s_0^2) = 1/(1 - lost)^2 - 1, exact in free space for every body; lost in [0, 1)."""
    return np.asarray(1 / (1 - np.asarray(memory_lost, np.float64)) ** 2 - 1)


def _states(process: Process, bodies: object) -> dict[str, Array]:
    """All bodies checked before the first is moved."""
    if not isinstance(bodies, Mapping) or not bodies:
        raise TypeError(f"bodies must map names to arrays, as in {{'ink': x}}, got {checks.show(bodies)}.")
    states = {}
    for name, body in bodies.items():
        x_0 = checks.state(body.x if isinstance(body, Dataset) else body, f"bodies[{name!r}]")
        process.domain.check_inside(x_0, f"bodies[{name!r}]")
        if len(x_0) < 2 or float(x_0.max()) == float(x_0.min()):
            raise ValueError(f"bodies[{name!r}] must have at least two rows that differ, got {checks.show(x_0)}.")
        states[name] = x_0
    return states


def _from_zero(process: Process, times: Sequence[float] | Array) -> Floats:
    """0, where everything is known (S aside, which is -infinity for a point), then the times."""
    try:
        after = np.atleast_1d(np.asarray(asnumpy(times), np.float64)).ravel()
    except (TypeError, ValueError):
        raise TypeError(f"times must be numbers, got {checks.show(times)}.") from None
    grid = checks.increasing(np.concatenate([[0.0], after]), "times, after a leading 0,")
    process.check_time(grid, "times")
    return grid


def _follow(process: Process, name: str, x_0: Array, grid: Floats, seed: int, bins: int | None) -> Course:
    n, d = x_0.shape
    domain = closed_form_domain(process, "the comparison")

    def measure(x_t: Array, t: float) -> list[tuple[float, float]]:
        if t == 0:
            return [(np.nan, np.nan)] * 4
        entropy = metrics.entropy(x_t, domain, bins=bins, joint=False)
        kl = metrics.kl_to_equilibrium(x_t, process, bins=bins, joint=False)
        msd = metrics.msd(x_t, x_0)
        return [_each(entropy, d), _each(kl, d), metrics.correlation(x_t, x_0), _each(msd, d)]

    observed = simulate(process, x_0, grid, seed=seed, observe={"all": measure}).observed["all"][1:]
    columns = [Column(observed[:, i, 0], observed[:, i, 1]) for i in range(4)]
    variance_0 = float(array_module(x_0).var(x_0.astype(np.float64), axis=0).mean())
    return Course(name, n, d, variance_0, *columns)


def _each(total: Estimate, d: int) -> Estimate:
    """A sum over d coordinates, per coordinate."""
    return Estimate(total.value / d, total.stderr / d)
