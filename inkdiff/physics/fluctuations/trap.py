"""A bead in a harmonic trap that is moved and stiffened in jumps: the simplest machine that does work and wastes it.

In U/kT = k (x - c)^2/(2 D) the bead relaxes by an Ornstein-Uhlenbeck process; the jump j costs the work

    W_j = [k_j (x_{j-1} - c_j)^2 - k_{j-1} (x_{j-1} - c_{j-1})^2]/(2 D),

quadratic in jointly Gaussian places, so that its mean and variance are exact.

Reference: O. Mazonka and C. Jarzynski, arXiv:cond-mat/9912121 (1999), for the trap dragged evenly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Floats, asnumpy
from inkdiff.physics.fluctuations.paths import log_ratio
from inkdiff.processes.brownian import OrnsteinUhlenbeck
from inkdiff.simulation.forward import simulate

__all__ = ["Runs", "Trap", "WorkMoments"]


class WorkMoments(NamedTuple):
    """Exact mean and variance of the work, in kT and (kT)^2."""

    mean: float
    variance: float


@dataclass(frozen=True, eq=False)
class Runs:
    """What n beads experienced, (n,) each, in kT or nats: W, heat given to the water, and total entropy produced."""

    work: Floats
    heat: Floats
    entropy: Floats


@dataclass(frozen=True)
class Trap:
    """A harmonic trap that is moved and stiffened in jumps.

    Parameters
    ----------
    D : diffusion coefficient of the bead, length^2/time
    centres : (M + 1,) where the trap stands, at first and after each of the M >= 1 jumps
    rates : (M + 1,) relaxation rates k, 1/time: the stiffness divided by the friction; a number for all
    wait : time between two jumps
    """

    D: float
    centres: Sequence[float]
    rates: float | Sequence[float]
    wait: float

    def __post_init__(self) -> None:
        for name in ("D", "wait"):
            object.__setattr__(self, name, checks.positive(getattr(self, name), name))
        centres: Floats = asnumpy(checks.reals(self.centres, "centres"))
        if centres.ndim != 1 or centres.size < 2:
            raise ValueError(f"centres must be at least two numbers, first and last place, got {checks.show(centres)}.")
        rates: Floats = asnumpy(checks.reals(self.rates, "rates"))
        if rates.shape not in ((), centres.shape) or not (rates > 0).all():
            raise ValueError(f"rates must be one positive number or {centres.size}, got {checks.show(self.rates)}.")
        object.__setattr__(self, "centres", tuple(centres.tolist()))
        object.__setattr__(self, "rates", tuple(np.broadcast_to(rates, centres.shape).tolist()))

    @classmethod
    def drag(cls, D: float, k: float, *, distance: float, duration: float, jumps: int) -> Trap:
        """A trap of constant rate k dragged over `distance` in `duration` by equal jumps: dF = 0."""
        wait = checks.positive(duration, "duration") / checks.count(jumps, "jumps")
        return cls(D, np.linspace(0.0, checks.real(distance, "distance"), jumps + 1).tolist(), k, wait)

    @property
    def free_energy(self) -> float:
        """dF/kT = ln(k_M/k_0)/2: what the work would be if done infinitely slowly."""
        return math.log(self._k[-1] / self._k[0]) / 2

    def reversed(self) -> Trap:
        """The same, played backwards."""
        return Trap(self.D, self._c[::-1].tolist(), self._k[::-1].tolist(), self.wait)

    def work_moments(self) -> WorkMoments:
        """Exact mean and variance of the work: x_0 ... x_{M-1} are jointly Gaussian and W is quadratic in them."""
        mean, covariance = self._law
        m, C = mean[:-1], covariance[:-1, :-1]
        before, after = m - self._c[:-1], m - self._c[1:]
        curvature = np.diff(self._k) / (2 * self.D)
        slope = (self._k[1:] * after - self._k[:-1] * before) / self.D
        value = (self._k[1:] * after**2 - self._k[:-1] * before**2) / (2 * self.D)
        variance = slope @ C @ slope + 2 * curvature @ C**2 @ curvature
        return WorkMoments(float(value.sum() + curvature @ C.diagonal()), float(variance))

    def run(self, n: int, *, seed: int, first_step: int = 0) -> Runs:
        """n beads through the protocol, each on its own.

        The start comes from stream PRIOR, the noise from stream FORWARD at steps first_step, first_step + 1, ...; two
        directions that are to be compared need two seeds.
        """
        k, c = self._k, self._c
        first = OrnsteinUhlenbeck(self.D, float(k[0])).equilibrium
        x = c[0] + first.sample(n, 1, seed=seed, dtype=np.float64)
        work, heat, number = np.zeros(n), np.zeros(n), first_step
        entropy = first.log_density(x - c[0])
        for j in range(1, len(c)):
            process, y = OrnsteinUhlenbeck(self.D, float(k[j])), x - c[j]
            work += (k[j] * y**2 - k[j - 1] * (x - c[j - 1]) ** 2)[:, 0] / (2 * self.D)
            step = simulate(process, y, [0, self.wait], seed=seed, first_step=number, observe={})
            number = step.next_step
            heat += k[j] * (y**2 - step.last**2)[:, 0] / (2 * self.D)
            entropy += log_ratio(process, y, step.last, 0.0, self.wait)
            x = c[j] + step.last
        mean, covariance = self._law
        v = float(covariance[-1, -1])
        entropy += ((x[:, 0] - mean[-1]) ** 2 / v + math.log(2 * math.pi * v)) / 2
        return Runs(work, heat, entropy)

    @property
    def _c(self) -> Floats:
        return np.asarray(self.centres)

    @property
    def _k(self) -> Floats:
        return np.asarray(self.rates)

    @cached_property
    def _law(self) -> tuple[Floats, Floats]:
        """Mean (M + 1,) and covariance (M + 1, M + 1) of x_0 ... x_M, by recursion."""
        M = len(self.centres)
        a = np.exp(-self._k * self.wait)
        mean, C = np.empty(M), np.empty((M, M))
        mean[0], C[0, 0] = self._c[0], self.D / self._k[0]
        for j in range(1, M):
            mean[j] = self._c[j] + a[j] * (mean[j - 1] - self._c[j])
            C[j, :j] = C[:j, j] = a[j] * C[j - 1, :j]
            C[j, j] = a[j] ** 2 * C[j - 1, j - 1] + self.D / self._k[j] * (1 - a[j] ** 2)
        return mean, C
