r"""What bits that forget still tell about a finite data set: the exact posterior, bit by bit, for `inkdiff.reverse`.

    P(x_0 = x_i | x_t = x) = w_i = P(x_t = x | x_i) / sum_j P(x_t = x | x_j),
    log-odds_b = ln sum_{i: x_ib = 1} w_i - ln sum_{i: x_ib = 0} w_i

The likelihoods of all data are one matrix product, since each bit adds one of two numbers. A bit that all data agree
on has infinite log-odds. For bits this takes the place of the score (`inkdiff.processes.binomial`); walking back by it
returns the data, and the variational bound with it is how well a chain of so many steps can do at all.

Reference: P. Vincent (2011), for the same sum in free space.
"""

from __future__ import annotations

import math

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Time, array_module, asnumpy
from inkdiff.processes.base import Process
from inkdiff.processes.binomial import Binomial
from inkdiff.processes.forward import ForwardProcess
from inkdiff.scores.base import HasDensity

__all__ = ["EmpiricalBits"]

_CHUNK = 2**22  # numbers held at a time


class EmpiricalBits(HasDensity):
    """Exact log-odds that the bits were ones at t = 0, given x_t, for rows drawn from `data`.

    Parameters
    ----------
    process : a Binomial
    data : (N, d) bits; rows that occur often count as often

    Cost: O(n N d) per call, N the number of different rows. Undefined at t = 0: t must be > 0.

    Raises
    ------
    ValueError, TypeError
        If the process is another, or the data are no bits.
    """

    def __init__(self, process: Binomial, data: Array) -> None:
        if isinstance(process, Process) or not isinstance(process, ForwardProcess):
            raise TypeError(f"process must be an inkdiff.Binomial, got {checks.show(process)}; use EmpiricalScore.")
        self.process = process
        data = checks.state(data, "data")
        process.domain.check_inside(data, "data")
        xp = array_module(data)
        rows, counts = np.unique(asnumpy(data), axis=0, return_counts=True)
        self.data = xp.asarray(rows.astype(np.float64))
        self._log_share = xp.asarray(np.log(counts / len(data)))

    def log_density(self, x: Array, t: Time) -> Array:
        """ln P(x_t = x) per row, (n,)."""
        x, logs = self._logs(x, t)
        top = logs.max(1)
        return top + array_module(x).log(array_module(x).exp(logs - top[:, None]).sum(1))

    def __call__(self, x: Array, t: Time) -> Array:
        """The log-odds (n, d), float64; t a number or (n,)."""
        x, logs = self._logs(x, t)
        xp = array_module(x)
        out = xp.empty(x.shape)
        rows = max(1, _CHUNK // self.data.size)
        for begin in range(0, len(x), rows):
            part = slice(begin, begin + rows)
            each = logs[part, :, None]
            one, zero = (_log_sum(xp.where(self.data == bit, each, -math.inf)) for bit in (1, 0))
            out[part] = one - zero
        return out

    def _logs(self, x: Array, t: Time) -> tuple[Array, Array]:
        """ln of share times likelihood of every datum for every row, (n, N)."""
        x = checks.state(x)
        self.process.domain.check_inside(x, "x")
        xp = array_module(x=x, t=t, data=self.data)
        if x.shape[1] != self.data.shape[1]:
            raise ValueError(f"x must have shape (n, {self.data.shape[1]}) like the data, got {tuple(x.shape)}.")
        t = self.process.check_times_of(len(x), t)
        if float(xp.min(t)) <= 0:
            raise ValueError("t must be > 0, got 0: at t = 0 the bits are what they are.")
        same, other = self.process.log_likelihoods(x, t)
        one, zero = xp.where(x > 0.5, same, other), xp.where(x > 0.5, other, same)  # if x_0 is one, if it is zero
        return x, one @ self.data.T + zero @ (1 - self.data).T + self._log_share


def _log_sum(logs: Array) -> Array:
    """ln sum exp over axis 1; -inf where all are."""
    xp = array_module(logs)
    top = xp.maximum(logs.max(1), -1e300)
    with np.errstate(divide="ignore"):
        return top + xp.log(xp.exp(logs - top[:, None]).sum(1))
