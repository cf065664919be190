"""How improbable "backwards" is: exact laws for work, heat and entropy of single paths far from equilibrium.

A bead in a harmonic trap U/kT = k (x - c)^2/(2 D) starts in equilibrium; then, M times, the trap jumps to another
centre c_j and relaxation rate k_j, which costs the work (in kT, x_{j-1} standing still)

    W_j = [k_j (x_{j-1} - c_j)^2 - k_{j-1} (x_{j-1} - c_{j-1})^2]/(2 D),

and the bead relaxes for a time `wait` by the exact transition T_j of an Ornstein-Uhlenbeck process. However fast,

    <exp(-W)> = exp(-dF),   dF = ln(k_M/k_0)/2                                      (Jarzynski)
    p(W)/p_reversed(-W) = exp(W - dF)                                               (Crooks)
    <exp(-dS)> = 1,   dS = ln [p_0(x_0) prod T_j(x_j | x_{j-1})] - ln [p_M(x_M) prod T_j(x_{j-1} | x_j)],

the last for any process, dS being the total entropy produced along a path: by Jensen's inequality <dS> >= 0, the second
law. If p_0 is zero somewhere (a drop with an edge) paths reversed may end where none began, and <exp(-dS)> is only the
chance that they end in the drop: at equilibrium V_drop/V_glass.

An exponential average is unbiased but rests on rare paths: for Gaussian work of mean dF + w its relative variance is
exp(2 w) - 1, so that some 100 exp(2 w) runs are needed: 700 at 1 kT, 2 million at 5 kT, hopeless at 20. Look at
`effective_samples` before believing one; where it is small the standard error is too small as well. (A cloud relaxing
for long has chi^2(p_eq || p_0) as its variance: infinite if it began narrower than equilibrium by more than sqrt 2.)
Crooks' theorem tested by `crooks_gap`, and dF by `free_energy`, use both directions and have bounded terms.

Reference: C. Jarzynski, Phys. Rev. Lett. 78 (1997) 2690; G. E. Crooks, Phys. Rev. E 60 (1999) 2721; U. Seifert, Phys.
Rev. Lett. 95 (2005) 040602; Y. Murashita, K. Funo and M. Ueda, Phys. Rev. E 90 (2014) 042110, for paths without
reverse; C. H. Bennett, J. Comput. Phys. 22 (1976) 245.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff import checks
from inkdiff.backend import Array, array_module, asnumpy
from inkdiff.domain import Box
from inkdiff.heat_kernel import log_heat_kernel
from inkdiff.metrics import Estimate
from inkdiff.process import Process, check_process
from inkdiff.processes import OrnsteinUhlenbeck
from inkdiff.simulate import simulate
from inkdiff.trajectory import Trajectory

__all__ = [
    "Runs", "Trap", "WorkMoments", "crooks_gap", "crooks_ratio", "effective_samples", "exponential_average",
    "free_energy", "path_entropy",
]  # fmt: skip

_Floats = npt.NDArray[np.float64]


class WorkMoments(NamedTuple):
    """Exact mean and variance of the work, in kT and (kT)^2."""

    mean: float
    variance: float


@dataclass(frozen=True, eq=False)
class Runs:
    """What n beads experienced, (n,) each, in kT or nats: W, heat given to the water, and total entropy produced."""

    work: _Floats
    heat: _Floats
    entropy: _Floats


@dataclass(frozen=True)
class Trap:
    """A harmonic trap that is moved and stiffened in jumps; see the module's text.

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
        centres: _Floats = asnumpy(checks.reals(self.centres, "centres"))
        if centres.ndim != 1 or centres.size < 2:
            raise ValueError(f"centres must be at least two numbers, first and last place, got {checks.show(centres)}.")
        rates: _Floats = asnumpy(checks.reals(self.rates, "rates"))
        if rates.shape not in ((), centres.shape) or not (rates > 0).all():
            raise ValueError(f"rates must be one positive number or {centres.size}, got {checks.show(self.rates)}.")
        object.__setattr__(self, "centres", tuple(centres.tolist()))
        object.__setattr__(self, "rates", tuple(np.broadcast_to(rates, centres.shape).tolist()))

    @classmethod
    def drag(cls, D: float, k: float, *, distance: float, duration: float, jumps: int) -> Trap:
        """A trap of constant rate k dragged over `distance` in `duration` by equal jumps: dF = 0."""
        checks.count(jumps, "jumps")
        return cls(D, np.linspace(0.0, checks.real(distance, "distance"), jumps + 1).tolist(), k, duration / jumps)

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
            entropy += _log_ratio(process, y, step.last, 0.0, self.wait)
            x = c[j] + step.last
        mean, covariance = self._law
        v = float(covariance[-1, -1])
        entropy += ((x[:, 0] - mean[-1]) ** 2 / v + math.log(2 * math.pi * v)) / 2
        return Runs(work, heat, entropy)

    @property
    def _c(self) -> _Floats:
        return np.asarray(self.centres)

    @property
    def _k(self) -> _Floats:
        return np.asarray(self.rates)

    @cached_property
    def _law(self) -> tuple[_Floats, _Floats]:
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


def path_entropy(process: Process, path: Trajectory, log_start: Array, log_end: Array) -> Array:
    """Total entropy produced along each path, nats: dS = ln (forward/reversed path probability), (n,).

    Parameters
    ----------
    process : the process that made the path; reversed, its schedule runs backwards too
    path : a walk with its states, k times
    log_start, log_end : (n,) log densities ln p(x) of the first states at the first time, of the last at the last

    Raises
    ------
    ValueError
        If the path holds no states, or the densities are not one per body.
    """
    check_process(process)
    if path.x is None:
        raise ValueError("path holds no states (it was made with observe=...): let simulate store them.")
    n = path.x.shape[1]
    for name, log_p in (("log_start", log_start), ("log_end", log_end)):
        checks.same_shape(log_p, (n,), name, "the bodies of the path")
    entropy = log_start - log_end
    for (s, x), (t, y) in pairwise(zip(path.times, path.x, strict=True)):
        entropy = entropy + _log_ratio(process, x.astype(np.float64), y.astype(np.float64), s, t)
    return entropy


def exponential_average(entropy: Array) -> Estimate:
    """<exp(-S)> over paths, unbiased, with its standard error; S (n,) a work or an entropy. See `effective_samples`."""
    return Estimate.of_mean(_weights(entropy))


def effective_samples(entropy: Array) -> float:
    """(sum w)^2/sum w^2 with w = exp(-S): how many paths the exponential average really rests on."""
    w = _weights(entropy)
    return float(w.sum() ** 2 / (w**2).sum())


def crooks_gap(forward: Array, backward: Array, free_energy: float) -> Estimate:
    """<f(W - dF)>_forward - <f(W + dF)>_reversed with f(x) = 1/(1 + e^x): zero by Crooks' theorem.

    Every term lies in [0, 1], so the error can be trusted at any dissipation. Works (n,) and (m,) in kT.
    """
    a = Estimate.of_mean(_fermi(asnumpy(forward) - free_energy))
    b = Estimate.of_mean(_fermi(asnumpy(backward) + free_energy))
    return Estimate(a.value - b.value, math.hypot(a.stderr, b.stderr))


def crooks_ratio(forward: Array, backward: Array, edges: Array) -> tuple[_Floats, list[Estimate]]:
    """ln [p(W)/p_reversed(-W)] in bins of W, which Crooks' theorem says is W - dF.

    Returns
    -------
    (works, estimates) of the bins with at least ten runs from either direction. Within a bin e^W varies; the abscissa
    is ln <e^W> over the bin's reversed runs, so that the theorem holds for bins of any width.
    """
    up, down = asnumpy(forward), -asnumpy(backward)
    works, ratios = [], []
    for low, high in pairwise(np.asarray(edges, np.float64)):
        mine, theirs = int(((up >= low) & (up < high)).sum()), down[(down >= low) & (down < high)]
        if mine < 10 or len(theirs) < 10:
            continue
        works.append(low + math.log(np.exp(theirs - low).mean()))
        spread = np.exp(theirs - low).std() / np.exp(theirs - low).mean()  # the abscissa's own error counts too
        value = math.log(mine / len(up)) - math.log(len(theirs) / len(down))
        ratios.append(
            Estimate(value, math.sqrt(1 / mine - 1 / len(up) + (1 + spread**2) / len(theirs) - 1 / len(down)))
        )
    return np.array(works), ratios


def free_energy(forward: Array, backward: Array) -> Estimate:
    """dF in kT from work both ways, by Bennett's acceptance ratio: the dF at which `crooks_gap` vanishes."""
    from scipy.optimize import brentq

    up, down = asnumpy(forward), asnumpy(backward)
    shift = math.log(len(up) / len(down))

    def gap(dF: float) -> float:
        # Weighted by the numbers of runs, which makes the error the least possible.
        return float(_fermi(up - dF + shift).sum() - _fermi(down + dF - shift).sum())

    low, high = min(up.min(), -down.max()) - abs(shift) - 1, max(up.max(), -down.min()) + abs(shift) + 1
    dF = float(brentq(gap, low, high))
    a, b = _fermi(up - dF + shift), _fermi(down + dF - shift)
    slope = (a * (1 - a)).sum() + (b * (1 - b)).sum()
    return Estimate(dF, math.sqrt(len(a) * a.var() + len(b) * b.var()) / float(slope))


def _log_ratio(process: Process, x: Array, y: Array, s: float, t: float) -> Array:
    """ln T(y | x) - ln T(x | y) per row, T the transition from time s to t."""
    a, v = process.transition(s, t)
    if isinstance(process.domain, Box):
        variance = array_module(x).full((len(x), 1), v)
        return log_heat_kernel(y, x, variance, process.domain)[0] - log_heat_kernel(x, y, variance, process.domain)[0]
    return (((x - a * y) ** 2 - (y - a * x) ** 2) / (2 * v)).sum(1)


def _weights(entropy: Array) -> _Floats:
    values: _Floats = asnumpy(checks.reals(entropy, "entropy"))
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"entropy must have shape (n,), n >= 2, got {values.shape}.")
    return np.exp(-values)

def _fermi(x: _Floats) -> _Floats:
    """1/(1 + e^x) without overflow."""
    return np.asarray(0.5 - 0.5 * np.tanh(x / 2))
