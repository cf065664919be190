"""The exact score of a finite data set: the density of N noised data points,

    p_t(x) = (1/N) sum_i p(x_t = x | x_0 = x_i),
    score  = sum_i w_i(x) grad log p(x | x_i),        w_i = p(x | x_i) / sum_j p(x | x_j).

Run backwards it can only return copies of the data: the perfect memory against which learned scores are
compared. In free space the sum is two matrix products, except where sigma_t is so small that |x|^2 - 2 x a + |a|^2
loses the digits of |x - a|^2/sigma_t^2; in a box the transition is the heat kernel between walls.

Reference: P. Vincent, A connection between score matching and denoising autoencoders (2011).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, Time, array_module
from inkdiff.domains.base import Domain
from inkdiff.domains.heat_kernel import log_heat_kernel
from inkdiff.processes.base import Process, check_process, closed_form_domain
from inkdiff.scores.base import HasDensity
from inkdiff.scores.conditioning import Observation

__all__ = ["EmpiricalScore"]

_CHUNK = 2**22  # numbers held at a time
_LOST = 1e-8  # error of an exponent, above which its |x - a|^2 is summed over differences


class EmpiricalScore(HasDensity):
    """Exact score of the noised empirical distribution of `data`.

    Parameters
    ----------
    process : any process
    data : (N, d), inside the domain; kept in float64
    weights : (N,) positive, of the points; by default all alike

    Cost: O(n N d) per call. Undefined at t = 0 (a sum of point masses): t must be > 0.
    """

    def __init__(self, process: Process, data: Array, weights: npt.ArrayLike | None = None) -> None:
        check_process(process)
        closed_form_domain(process, "a score")
        self.process = process
        self.data = checks.state(data, "data").astype(np.float64)
        process.domain.check_inside(self.data, "data")
        self._log_weights = None if weights is None else _log_shares(weights, self.data)

    @property
    def domain(self) -> Domain:
        """That of the process."""
        return self.process.domain

    def given(self, seen: Observation) -> EmpiricalScore:
        """The posterior after `seen`, exact: the same points, weighted by how well each explains it."""
        logs = seen.log(self.data) + (0.0 if self._log_weights is None else self._log_weights)
        xp = array_module(logs)
        return EmpiricalScore(self.process, self.data, xp.maximum(xp.exp(logs - logs.max()), np.finfo(float).tiny))

    def log_density(self, x: Array, t: Time) -> Array:
        """ln p_t(x) per row, (n,)."""
        return self._evaluate(x, t)[0]

    def __call__(self, x: Array, t: Time) -> Array:
        """grad log p_t(x), (n, d); t a number or (n,)."""
        return self._evaluate(x, t)[1]

    def _evaluate(self, x: Array, t: Time) -> tuple[Array, Array]:
        x = checks.state(x)
        xp = array_module(x=x, t=t, data=self.data)
        n_data, d = self.data.shape
        if x.shape[1] != d:
            raise ValueError(f"x must have shape (n, {d}) like the data, got {tuple(x.shape)}.")
        point = "at t = 0 the data are point masses without a score"
        t = self.process.check_row_times(t, len(x), why_positive=point, dtype=x.dtype)
        times = xp.broadcast_to(xp.asarray(t), (len(x),))
        boxed = not self.process.domain.free
        rows = max(1, _CHUNK // (n_data * (d if boxed else 1)))
        log_p, score = xp.empty(x.shape[0]), xp.empty_like(x)
        for begin in range(0, x.shape[0], rows):
            part = slice(begin, begin + rows)
            evaluate = self._between_walls if boxed else self._free
            log_p[part], score[part] = evaluate(x[part].astype(np.float64), times[part])
        return log_p, score

    def _free(self, x: Array, t: Array) -> tuple[Array, Array]:
        xp = array_module(x)
        alpha, v = (xp.asarray(m)[:, None] for m in (self.process.alpha(t), self.process.variance(t)))
        # About the mean of the data: |a|^2 - 2 a b + |b|^2 keeps few digits of |a - b|^2 far from the origin.
        centre = self.data.mean(0)
        data, y = self.data - centre, x - alpha * centre
        near, far = (y**2).sum(1)[:, None], alpha**2 * (data**2).sum(1)
        square = near - 2 * alpha * (y @ data.T) + far
        log_norm, weights = self._softmax(-square / (2 * v))
        pull = alpha * (weights @ data) - y
        lost = xp.flatnonzero(np.finfo(float).eps * (near[:, 0] + far.max(1)) > _LOST * v[:, 0])
        rows = max(1, _CHUNK // data.size)
        for begin in range(0, len(lost), rows):
            some = lost[begin : begin + rows]
            r = alpha[some, :, None] * self.data - x[some, None, :]
            log_norm[some], weights = self._softmax(-(r**2).sum(2) / (2 * v[some]))
            pull[some] = (weights[:, None, :] @ r)[:, 0]
        return log_norm - x.shape[1] / 2 * xp.log(2 * math.pi * v[:, 0]), pull / v

    def _between_walls(self, x: Array, t: Array) -> tuple[Array, Array]:
        xp = array_module(x)
        box = self.process.domain.as_box
        assert box is not None
        n, (n_data, d) = len(x), self.data.shape
        v = xp.repeat(self.process.variance(t), n_data)[:, None]
        logs, slopes = log_heat_kernel(xp.repeat(x, n_data, axis=0), xp.tile(self.data, (n, 1)), v, box)
        log_norm, weights = self._softmax(logs.reshape(n, n_data))
        score = (weights[:, :, None] * slopes.reshape(n, n_data, d)).sum(1)
        return log_norm, score

    def _softmax(self, logs: Array) -> tuple[Array, Array]:
        """ln of the weighted mean of exp(logs), and the share of every point in it."""
        if self._log_weights is not None:
            return _softmax(logs + self._log_weights)
        log_norm, shares = _softmax(logs)
        return log_norm - math.log(len(self.data)), shares


def _log_shares(weights: npt.ArrayLike, data: Array) -> Array:
    """ln of the weights, divided by their sum."""
    xp, w = array_module(data), checks.reals(weights, "weights")
    if w.shape != (len(data),) or not bool((w > 0).all()):
        raise ValueError(f"weights must be {len(data)} positive numbers, one per point, got {checks.show(weights)}.")
    return xp.log(xp.asarray(w) / w.sum())


def _softmax(logs: Array) -> tuple[Array, Array]:
    """ln sum exp and the normalised weights, along axis 1."""
    xp = array_module(logs)
    top = logs.max(1, keepdims=True)
    weights = xp.exp(logs - top)
    norm = weights.sum(1, keepdims=True)
    return (top + xp.log(norm))[:, 0], weights / norm
