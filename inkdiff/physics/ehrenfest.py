"""The urn of Ehrenfest, the least model of mixing: it goes to the middle as surely as heat flows, and yet it returns.

N numbered balls in two urns; at each step one number is drawn and its ball changes urn. With n balls on the left,

    E[n_t] = N/2 + (n_0 - N/2) (1 - 2/N)^t,        mean time until n returns = 2^N n! (N - n)! / N!        (Kac).

Both are true at once, and there is no contradiction: for a hundred balls the way to the middle takes some hundred
steps, the way back to one side 10^30.

Reference: P. Ehrenfest and T. Ehrenfest, Physikalische Zeitschrift 8 (1907) 311. M. Kac, Random walk and the theory of
Brownian motion, Amer. Math. Monthly 54 (1947) 369.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Floats
from inkdiff._core.rng import Stream
from inkdiff.physics.microstates import log_microstates

__all__ = ["Ehrenfest"]


@dataclass(frozen=True)
class Ehrenfest:
    """N numbered balls in two urns; at each step a number is drawn and its ball changes urn. n: balls on the left.

    A step's probabilities are exact to 2^-24 (the noise's uniforms are multiples of it).

    Parameters
    ----------
    balls : N, 1 to 2^20
    """

    balls: int

    def __post_init__(self) -> None:
        checks.count(self.balls, "balls", most=2**20)

    def mean(self, n0: Any, t: Any) -> Any:
        """E[n_t | n_0] = N/2 + (n_0 - N/2)(1 - 2/N)^t; n_0 from 0 to N and t >= 0 integers, numbers or arrays."""
        N, n0 = self.balls, self._numbers(n0, "n0")
        return N / 2 + (n0 - N / 2) * _power(1 - 2 / N, t)

    def variance(self, n0: Any, t: Any) -> Any:
        """Var[n_t | n_0] = [N + (M^2 - N)(1 - 4/N)^t - M^2 (1 - 2/N)^(2t)] / 4 with M = 2 n_0 - N.

        Two balls keep or change their common sign together with rate 4/N, one ball with 2/N. Arguments as of `mean`.
        """
        N, n0 = self.balls, self._numbers(n0, "n0")
        square = (2.0 * n0 - N) ** 2
        pairs = _power(1 - 4 / N, t) if N > 1 else 0.0  # one ball makes no pair
        variance = (N + (square - N) * pairs - square * _power(1 - 2 / N, t) ** 2) / 4
        return np.maximum(variance, 0.0)

    def log_probability(self, n: Any) -> Any:
        """ln of the stationary law C(N, n) 2^-N: Boltzmann's ln W of the urn, less N ln 2."""
        n = self._numbers(n, "n")
        counts = np.stack(np.broadcast_arrays(n, self.balls - n), axis=-1)
        return log_microstates(counts) - self.balls * math.log(2)

    def recurrence(self, n: Any) -> Any:
        """Mean number of steps until n balls are again on the left: 2^N n!(N-n)!/N! (Kac); inf if it overflows."""
        with np.errstate(over="ignore"):
            return np.exp(-self.log_probability(n))

    def walk(self, n0: int, times: Any, *, urns: int, seed: int, stream: int = Stream.URN) -> npt.NDArray[np.int64]:
        """Many urns at once, all starting with n0 balls on the left.

        Parameters
        ----------
        n0 : 0 to N
        times : increasing integers, numbers of steps at which to look; may start at 0
        urns : how many
        seed : of the addressed noise; step k of the walk takes step k of `stream`

        Returns
        -------
        (len(times), urns) numbers of balls on the left.

        Raises
        ------
        ValueError, TypeError
            For n0 outside 0 to N, times that are not increasing integers >= 0, no urns.
        """
        grid = checks.increasing(times) if np.size(times) > 1 else checks.reals(times, "times").reshape(-1)
        if not grid.size or (grid < 0).any() or (grid != np.rint(grid)).any() or grid[-1] >= 2**32:
            raise ValueError(f"times must be integers from 0 to 2^32 - 1, numbers of steps; got {checks.show(times)}.")
        n = np.full(checks.count(urns, "urns"), checks.count(n0, "n0", least=0, most=self.balls), np.int64)
        seen, done = [], 0
        for t in grid.astype(np.int64).tolist():
            for step in range(done, t):
                self._step(n, seed, step, stream)
            done = t
            seen.append(n.copy())
        return np.stack(seen)

    def first_returns(self, n: int, *, urns: int, seed: int, stream: int = Stream.URN) -> npt.NDArray[np.int64]:
        """Steps that each of many urns takes until it holds n balls on the left again; mean: `recurrence(n)`.

        Returns
        -------
        (urns,) integers >= 1. All urns are awaited, so the mean is unbiased.

        Raises
        ------
        ValueError
            If the mean is above a million steps: nobody waits so long, which is the lesson.
        """
        mean = float(self.recurrence(checks.count(n, "n", least=0, most=self.balls)))
        if mean > 1e6:
            raise ValueError(
                f"n={n} of {self.balls} balls returns after {mean:.3g} steps on average: too long to wait."
            )
        now = np.full(checks.count(urns, "urns"), n, np.int64)
        returned = np.zeros(now.shape, np.int64)
        step = 0
        while (returned == 0).any():
            self._step(now, seed, step, stream)
            step += 1
            returned[(now == n) & (returned == 0)] = step
        return returned

    def _step(self, n: npt.NDArray[np.int64], seed: int, step: int, stream: int) -> None:
        """Balls on the left are numbered 0 ... n - 1; draw one of the N numbers and move that ball."""
        drawn = kernels.uniform(n.size, seed=seed, step=step, stream=stream) * np.float64(self.balls)
        n += np.where(drawn < n, -1, 1)

    def _numbers(self, n: Any, name: str) -> npt.NDArray[np.int64]:
        values = np.asarray(n)
        if values.dtype.kind not in "iu" or (values < 0).any() or (values > self.balls).any():
            raise ValueError(f"{name} must be integers from 0 to balls={self.balls}, got {checks.show(n)}.")
        return values.astype(np.int64)


def _power(base: float, t: Any) -> Floats:
    steps = np.asarray(t)
    if steps.dtype.kind not in "iu" or (steps < 0).any():
        raise ValueError(f"t must be integers >= 0, numbers of steps, got {checks.show(t)}.")
    return np.asarray(np.float64(base) ** steps)
