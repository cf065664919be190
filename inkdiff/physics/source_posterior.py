"""The source posterior: where did the drop fall, given what is seen now?

N particles, let go together at an unknown point x_0 of a glass, are seen at x_1 ... x_N a time t later. With a uniform
prior, Bayes' theorem and the exact heat kernel of the glass,

    p(x_0 | x_1 ... x_N) = prod_i p(x_i, t | x_0) / int prod_i p(x_i, t | x_0) dx_0.

Axes of a box are independent, so the posterior is a product of one-dimensional ones, tabulated on K places per axis.
It is honest in a sense that can be tested: the region of highest density that holds 90 % of it holds the true place in
90 % of all experiments, at any time; at late times because it is as large as 90 % of the glass.

Reference: J. O. Berger, Statistical Decision Theory and Bayesian Analysis (1985), 4.3 (credible regions). S. R. Cook,
A. Gelman and D. B. Rubin, J. Comput. Graph. Stat. 15 (2006) 675, for calibration tested by simulation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, asnumpy
from inkdiff.domains.box import Box
from inkdiff.domains.heat_kernel import log_heat_kernel
from inkdiff.physics.information import walled_box
from inkdiff.processes.base import Process

__all__ = ["SourcePosterior", "source_posterior"]

_Floats = npt.NDArray[np.float64]
_CHUNK = 2**20  # particles times places held at a time
_MOST_CELLS = 2**26
_CELLS_PER_WIDTH = 0.5  # below, the levels of credible regions are off by less than 0.01


@dataclass(frozen=True)
class SourcePosterior:
    """Posteriors of m experiments: `axes` (m, d, K), probabilities of the K places (cell centres) along each axis."""

    box: Box
    axes: _Floats

    @property
    def joint(self) -> _Floats:
        """Probabilities of the K^d cells, (m, K, ..., K)."""
        m, d, K = self.axes.shape
        if m * K**d > _MOST_CELLS:
            raise ValueError(f"{m} experiments with {K}^{d} cells do not fit: take fewer places or experiments.")
        factors = [self.axes[:, j].reshape(m, *(K if i == j else 1 for i in range(d))) for j in range(d)]
        return reduce(np.multiply, factors)

    @property
    def information(self) -> _Floats:
        """What each experiment tells about the place, nats, (m,): ln V less the posterior's entropy."""
        p = self.axes
        entropy = -(p * np.log(np.where(p > 0, p, 1.0))).sum((1, 2))
        gain: _Floats = p.shape[1] * np.log(p.shape[2]) - entropy
        return gain

    def region(self, q: float) -> npt.NDArray[np.bool_]:
        """The credible region of level q, 0 < q < 1: the fewest cells that hold probability q, (m, K, ..., K) booleans.

        Its mean over the cells is the share of the box it takes: near 0 at first, near q when all is forgotten.
        """
        if not 0 < checks.real(q, "q") < 1:
            raise ValueError(f"q must lie between 0 and 1, got {q}.")
        joint = self.joint
        flat = joint.reshape(len(joint), -1)
        order = np.argsort(-flat, axis=1, kind="stable")
        ranked = np.take_along_axis(flat, order, 1)
        chosen = np.cumsum(ranked, axis=1) - ranked < q
        region = np.zeros(flat.shape, bool)
        np.put_along_axis(region, order, chosen, 1)
        return region.reshape(joint.shape)

    def cell(self, x0: Array) -> npt.NDArray[np.int64]:
        """Cell (m, d) along each axis of the true places x0 (m, d)."""
        m, d, K = self.axes.shape
        x0 = asnumpy(checks.state(x0, "x0")).astype(np.float64)
        checks.same_shape(x0, (m, d), "x0", "the experiments")
        self.box.check_inside(x0, "x0")
        cells: npt.NDArray[np.int64] = np.floor((x0 - self.box.low(d)) * (K / self.box.length(d))).astype(np.int64)
        return np.clip(cells, 0, K - 1)

    def level(self, x0: Array, u: Array) -> _Floats:
        """Credibility of the smallest region of highest density that reaches the true place: uniform on (0, 1) over
        experiments, if the posterior is honest.

        Parameters
        ----------
        x0 : (m, d) true places
        u : (m,) uniforms on (0, 1), which spread the probability of cells that tie with the one reached

        Returns
        -------
        (m,) levels; the share of them below q is the coverage of the credible region q.
        """
        joint = self.joint.reshape(len(self.axes), -1)
        m, d, K = self.axes.shape
        flat = np.ravel_multi_index(tuple(self.cell(x0).T), (K,) * d)
        reached = joint[np.arange(m), flat][:, None]
        # Cells that differ in rounding only tie: late posteriors are flat to the last bits.
        higher, tie = joint > reached * (1 + 1e-12), np.abs(joint - reached) <= reached * 1e-12
        levels: _Floats = (joint * higher).sum(1) + asnumpy(u) * (joint * tie).sum(1)
        return levels


def source_posterior(process: Process, x: Array, t: float, *, places: int = 64) -> SourcePosterior:
    """Posterior of the common starting point of N particles seen at time t, exact on `places` cell centres per axis.

    Computed on the host, like everything of `SourcePosterior`; CuPy arrays are copied.

    Parameters
    ----------
    process : a process in a Box
    x : (N, d) particles of one experiment, or (m, N, d) of m
    t : > 0, time since they were let go
    places : K, at least 2; cells must be narrower than sigma_t / (2 sqrt(N)), half the width of a sharp posterior

    Raises
    ------
    ValueError, TypeError
        If the process has no box, x leaves it or has another shape, t is not positive, or `places` is too
        small.
    """
    box = walled_box(process)
    K = checks.count(places, "places", least=2)
    v = float(process.variance(checks.positive(process.check_time(t), "t")))
    xp = array_module(x)
    x = xp.asarray(x)
    if x.ndim == 2:
        x = x[None]
    if x.ndim != 3:
        raise ValueError(f"x must have shape (N, d) or (m, N, d), got {tuple(x.shape)}.")
    m, N, d = x.shape
    _check_places(K, box, d, math.sqrt(v / N))
    seen = asnumpy(checks.state(x.reshape(m * N, d))).astype(np.float64)
    box.check_inside(seen)
    axes = np.stack([_axis(seen[:, j].reshape(m, N), v, box.side(j, d), K) for j in range(d)], axis=1)
    return SourcePosterior(box, axes)


def _check_places(K: int, box: Box, d: int, width: float) -> None:
    box.check_dimension(d)
    longest = float(box.length(d).max())
    if longest / K > _CELLS_PER_WIDTH * width:
        raise ValueError(
            f"places={K} cells of {longest / K:.3g} are too wide for a posterior of width {width:.3g}; take at least "
            f"{math.ceil(longest / (_CELLS_PER_WIDTH * width))}."
        )


def _axis(x: _Floats, v: float, box: Box, K: int) -> _Floats:
    """Probabilities (m, K) of the K places along one axis given x (m, N)."""
    centres = box.low(1)[0] + box.length(1)[0] * (np.arange(K) + 0.5) / K
    m, N = x.shape
    log_p: _Floats = np.empty((m, K))
    rows = max(1, _CHUNK // (N * K))
    for first in range(0, m, rows):
        part = x[first : first + rows]
        now, then = (a.reshape(-1, 1) for a in np.broadcast_arrays(part[:, :, None], centres))
        each: Any = log_heat_kernel(now, then, np.full_like(now, v), box)[0]
        log_p[first : first + rows] = each.reshape(len(part), N, K).sum(1)
    p: _Floats = np.exp(log_p - log_p.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return p
