r"""A distribution times a second density: the posterior of x_0 after something about it has been seen.

    p~(x_0) = p(x_0) r(x_0) / Z,        r(x_0) = N(y; A x_0, S),        S = diag(sd^2)

At time t, p~_t(x_t) = p_t(x_t) E[r(x_0) | x_t] / Z, so that the score of the posterior is that of p plus the slope of

    ln r_t(x_t) = ln E[r(x_0) | x_t],        r_0 = r.

**The three ways here to get r_t**

- "moments": x_0 given x_t is taken for a Gaussian of its own mean m = (x_t + sigma^2 u)/alpha and covariance
  C = (sigma^2/alpha^2)(1 + sigma^2 du/dx), both exact for an exact score (Tweedie). Then r_t = N(y; A m, A C A^T + S),
  whose slope at fixed C is (alpha/sigma^2) C A^T (A C A^T + S)^-1 (y - A m). **Exact for Gaussian p**, and for any p as
  t -> 0; good while p(x_0 | x_t) has one peak. Needs `jvp` of the score, one tangent per row of A.
- "constant": r_t = r(x_t), what Sohl-Dickstein et al. used (their eq. 61 adds its slope to the mean of each step): r
  at x_t instead of x_0. **Approximate** at every t > 0: what is seen pulls before there is anything to pull.
- "fading": r_t = r(x_t)^((T - t)/T), their second choice, with which the walk starts at the usual prior. Approximate.

Exact for their kinds of p, as measures of the above: `given` of `MixtureScore` and `EmpiricalScore`.

References: J. Sohl-Dickstein et al. (2015), section 2.5, eq. 61; B. Efron, Tweedie's formula and selection bias (2011);
J. Song et al., Pseudoinverse-guided diffusion (2023); B. Boys et al., Tweedie moment projected diffusions (2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, Time, array_module
from inkdiff.domains.base import Domain
from inkdiff.processes.base import Process, check_process, closed_form_domain
from inkdiff.scores.base import Score, ScoreFunction, check_differentiable

__all__ = ["Observation", "PosteriorScore"]

_WAYS = ("moments", "constant", "fading")


@dataclass(frozen=True, eq=False)
class Observation:
    """What has been seen of a point: y = A x_0 + noise, r(x_0) = N(y; A x_0, diag(sd^2)).

    Parameters
    ----------
    A : (m, d), what is looked at; the unit matrix for the whole point, rows of it for some coordinates
    y : (m,), what was seen, in process coordinates
    sd : of its noise, a number or (m,), > 0; kept as (m,)
    """

    A: Array
    y: Array
    sd: Array

    def __post_init__(self) -> None:
        """As float64 arrays that fit each other."""
        A, y, sd = checks.reals(self.A, "A"), checks.reals(self.y, "y"), checks.reals(self.sd, "sd")
        if A.ndim != 2 or 0 in A.shape:
            raise ValueError(f"A must have shape (m, d), got {A.shape}; for all coordinates give numpy.eye(d).")
        if y.shape != (len(A),):
            raise ValueError(f"y must hold one number per row of A, ({len(A)},), got shape {y.shape}.")
        if sd.shape not in ((), (len(A),)) or not bool((sd > 0).all()):
            raise ValueError(f"sd must be a number > 0 or ({len(A)},) of them, got {checks.show(self.sd)}.")
        for name, value in (("A", A), ("y", y), ("sd", array_module(A).broadcast_to(sd, y.shape))):
            object.__setattr__(self, name, value)

    @classmethod
    def coordinates(cls, mask: npt.ArrayLike, values: npt.ArrayLike, sd: npt.ArrayLike) -> Observation:
        """Some coordinates of a point, with noise: mask (d,) True where `values` (d,) were seen."""
        mask, values = np.asarray(mask), np.asarray(values)
        if mask.dtype != bool or mask.ndim != 1 or mask.shape != values.shape or not mask.any():
            raise ValueError(f"mask must be (d,) booleans like values, some True, got {mask!r} for {values.shape}.")
        A = np.zeros((int(mask.sum()), len(mask)))
        A[np.arange(len(A)), np.flatnonzero(mask)] = 1.0
        return cls(A, values[mask], np.asarray(sd))

    @property
    def separate(self) -> bool:
        """Whether each entry of y tells of one coordinate, and no two of the same."""
        told = self.A != 0
        return int(told.sum(0).max()) == int(told.sum(1).max()) == 1 == int(told.sum(1).min())

    def log(self, x: Array) -> Array:
        """ln r(x), (n,)."""
        xp = array_module(x=x, A=self.A)
        off = (self.y - x @ self.A.T) / self.sd
        return -(off**2).sum(1) / 2 - (xp.log(self.sd).sum() + len(self.y) / 2 * math.log(2 * math.pi))

    def slope(self, x: Array) -> Array:
        """grad ln r(x), (n, d)."""
        return ((self.y - x @ self.A.T) / self.sd**2) @ self.A


@dataclass(frozen=True, eq=False)
class PosteriorScore(Score):
    """score(x, t) + grad ln r_t(x), for `inkdiff.reverse` with any sampler.

    Parameters
    ----------
    process : a process in free space
    score : of p, exact or learned; for "moments" an `inkdiff.Differentiable` (`inkdiff.FiniteDifference` makes any
        score one)
    seen : the second density
    way : "moments", "constant" or "fading"; the module says what is exact
    width : with a learned score, about the standard deviation of its data in process coordinates (1, or the spread of
        its pixels): no C is taken for wider. Where noise is strong C is a small difference over alpha^2, which
        multiplies the errors of a learned score by more than they bear. None for exact scores

    Raises
    ------
    ValueError, TypeError
        For walls or obstacles, an unknown way, a score without derivative, or a process without end for "fading".
    """

    process: Process
    score: ScoreFunction
    seen: Observation
    way: str = "moments"
    width: float | None = None

    def __post_init__(self) -> None:
        """Refuse what does not fit."""
        check_process(self.process)
        if not closed_form_domain(self.process, "a posterior").free:
            raise ValueError("process has walls, between which no Gaussian stays one; use inkdiff.inpaint.")
        if not isinstance(self.seen, Observation):
            raise TypeError(f"seen must be an inkdiff.Observation, got {checks.show(self.seen)}.")
        if self.way not in _WAYS:
            raise ValueError(f"way must be one of {', '.join(map(repr, _WAYS))}, got {self.way!r}.")
        if self.width is not None:
            checks.positive(self.width, "width", unit="a standard deviation")
        if not callable(self.score):
            raise TypeError(f"score must be a function score(x, t), got {checks.show(self.score)}.")
        if self.way == "moments":
            check_differentiable(self.score, "for way='moments'")
        if self.way == "fading" and math.isinf(self.process.t_max):
            raise ValueError(f"way = 'fading' needs a last time, which {type(self.process).__name__} has not.")

    @property
    def domain(self) -> Domain:
        """Free space."""
        return self.process.domain

    def __call__(self, x: Array, t: Time) -> Array:
        """(n, d), in the dtype of x; t > 0 a number or (n,)."""
        x = checks.state(x)
        xp, d = array_module(x=x, t=t, A=self.seen.A), self.seen.A.shape[1]
        if x.shape[1] != d:
            raise ValueError(f"x must have {d} coordinates per row like A, got {x.shape[1]}.")
        t = self.process.check_row_times(t, len(x))
        if self.way == "moments":
            u, slope = self._by_moments(x, t)
        else:
            left = 1.0 - xp.asarray(t).reshape(-1, 1) / self.process.t_max
            u, slope = self.score(x, t), self.seen.slope(x) * (left if self.way == "fading" else 1.0)
        return xp.asarray(u + slope, x.dtype)

    def _by_moments(self, x: Array, t: Time) -> tuple[Array, Array]:
        """The score, and the slope of ln N(y; A m, A C A^T + S)."""
        xp, seen, sd = array_module(x), self.seen, self.seen.sd
        alpha = xp.asarray(self.process.alpha(t), np.float64).reshape(-1, 1)
        variance = xp.asarray(self.process.variance(t), np.float64).reshape(-1, 1)
        tangents = xp.broadcast_to(seen.A[:, None, :], (len(seen.A), *x.shape))
        score = check_differentiable(self.score, "for way='moments'")
        u, Ju = score.jvp(x, t, xp.ascontiguousarray(tangents, dtype=x.dtype))
        mean = (x + variance * u) / alpha
        # dm/dx A^T, as (n, m, d): alpha/sigma^2 C A^T, a symmetric matrix times A^T
        moved = ((tangents + variance * Ju) / alpha).swapaxes(0, 1)
        ACA = variance[:, :, None] / alpha[:, :, None] * (moved @ seen.A.T)
        spread, axes = xp.linalg.eigh((ACA + ACA.swapaxes(1, 2)) / 2 / (sd[:, None] * sd))
        most = (self.width or 0.0) ** 2 * float(((seen.A / sd[:, None]) ** 2).sum(1).max())
        kept = xp.where(spread < 0, 0.0, 1.0 if self.width is None else most / xp.maximum(spread, most))
        off = (axes.swapaxes(1, 2) @ ((seen.y - mean @ seen.A.T) / sd)[:, :, None])[:, :, 0]
        pull = (axes @ (kept * off / (1 + kept * spread))[:, :, None])[:, :, 0] / sd
        return u, (pull[:, None, :] @ moved)[:, 0]
