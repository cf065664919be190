r"""Gaussian mixtures stay Gaussian mixtures under a linear diffusion in free space:

    p_t(x) = sum_k w_k N(x; alpha_t m_k, C_k,t),        C_k,t = alpha_t^2 C_k + sigma_t^2 I,
    score  = sum_k r_k(x) C_k,t^-1 (alpha_t m_k - x),

with r_k(x) the posterior weight of component k. Exact for every t >= 0 and, unlike scores of point sets, at t = 0 too.
C_k = R_k diag(v_k) R_k^T keeps its axes R_k at all times, since noise is the same along all. Where they are those of
the coordinates, as of isotropic components, nothing is rotated: n rows cost O(n k d) time, and O(n d) memory.

Reference: C. M. Bishop, Pattern Recognition and Machine Learning, 2.3 and 9.2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, Time, array_module, asnumpy
from inkdiff.domains.base import Domain
from inkdiff.processes.base import Process, check_process, closed_form_domain
from inkdiff.scores.base import Differentiable, Integrable, Quadrature
from inkdiff.scores.components import Components, Part, along_axes, mixed, part_at
from inkdiff.scores.conditioning import Observation
from inkdiff.scores.quadrature import GAUSSIAN_REACH, check_few_dimensions, mesh, midpoints, mixture_chi2

__all__ = ["GaussianScore", "MixtureScore"]

_CHUNK = 2**17  # numbers held at a time, few enough for the processor's cache


class MixtureScore(Differentiable, Integrable):
    """Exact score and log density of a diffusing Gaussian mixture.

    Parameters
    ----------
    process : a process in free space
    weights : (k,) positive; normalised to sum 1
    means : (k, d)
    covariances : one variance (a number); (k,) isotropic, one for each component; (1, d) or (k, d) variances along the
        coordinates; (k, d, d) matrices

    Cost per call: O(n k d), with matrices O(n k d^2).

    Raises
    ------
    ValueError
        If shapes disagree, a weight or variance is not positive, or the process has walls or obstacles.
    """

    def __init__(
        self, process: Process, weights: npt.ArrayLike, means: npt.ArrayLike, covariances: npt.ArrayLike
    ) -> None:
        check_process(process)
        if not closed_form_domain(process, "a score").free:
            raise ValueError(
                "process has walls, between which Gaussians do not stay Gaussian; use EmpiricalScore or BoxScore."
            )
        self.process = process
        self.means = np.atleast_2d(asnumpy(checks.reals(means, "means")))
        self.weights = np.atleast_1d(asnumpy(checks.reals(weights, "weights")))
        if self.means.ndim != 2 or self.means.size == 0:
            raise ValueError(f"means must have shape (k, d), got {self.means.shape}.")
        k, d = self.means.shape
        if self.weights.shape != (k,) or not (self.weights > 0).all():
            raise ValueError(f"weights must be {k} positive numbers, one per mean, got {checks.show(weights)}.")
        self.weights = self.weights / self.weights.sum()
        self._variances, self._axes = along_axes(covariances, k, d)

    @property
    def domain(self) -> Domain:
        """Free space."""
        return self.process.domain

    @property
    def defined_at_zero(self) -> bool:
        """Yes: a mixture is smooth at t = 0, too."""
        return True

    def components(self, t: float) -> Components:
        """The Gaussians of the mixture at time t."""
        total = self.process.alpha(t) ** 2 * self._variances + self.process.variance(t)
        return Components(self.process.alpha(t) * self.means, total, self._axes)

    def given(self, seen: Observation) -> MixtureScore:
        """The posterior after `seen`, exact: a mixture again, each component conditioned by Kalman's formulas.

        If neither the components are rotated nor `seen` mixes coordinates, the posterior is not rotated either.
        """
        if self._axes is None and seen.separate:
            return self._given_coordinates(seen)
        means, covariances = self.components(0.0).means, self.components(0.0).covariances
        A, S = seen.A, np.diag(seen.sd**2)
        total = A @ covariances @ A.T + S
        gain = covariances @ A.T @ np.linalg.inv(total)
        off = seen.y - means @ A.T
        keep = np.eye(means.shape[1]) - gain @ A
        spread = keep @ covariances @ keep.swapaxes(1, 2) + gain @ S @ gain.swapaxes(1, 2)  # stays positive
        fit = -(off * np.linalg.solve(total, off[:, :, None])[:, :, 0]).sum(1) / 2 - np.linalg.slogdet(total)[1] / 2
        spread = (spread + spread.swapaxes(1, 2)) / 2
        return self._reweighted(fit, means + (gain @ off[:, :, None])[:, :, 0], spread)

    def _given_coordinates(self, seen: Observation) -> MixtureScore:
        """The same, coordinate by coordinate: variance c becomes c s^2/(a^2 c + s^2) where y = a x + s eps is seen."""
        of, (k, d) = np.abs(seen.A).argmax(1), self.means.shape
        a, s2 = seen.A[np.arange(len(of)), of], seen.sd**2
        means, spread = self.means.copy(), np.broadcast_to(self._variances, (k, d)).copy()
        off, total = seen.y - a * means[:, of], a**2 * spread[:, of] + s2
        means[:, of] += a * spread[:, of] / total * off
        spread[:, of] *= s2 / total
        return self._reweighted(-(off**2 / total + np.log(total)).sum(1) / 2, means, spread)

    def _reweighted(self, fit: Floats, means: Floats, covariances: Floats) -> MixtureScore:
        """A mixture whose weights have been multiplied by exp(fit)."""
        weights = np.maximum(self.weights * np.exp(fit - fit.max()), np.finfo(float).tiny)
        return MixtureScore(self.process, weights, means, covariances)

    def log_density(self, x: Array, t: Time) -> Array:
        """ln p_t(x) per row, (n,)."""
        return self._evaluate(x, t)[0]

    def __call__(self, x: Array, t: Time) -> Array:
        """grad log p_t(x), (n, d); t a number or (n,)."""
        return self._evaluate(x, t)[1]

    def jvp(self, x: Array, t: Time, v: Array) -> tuple[Array, Array]:
        """The score and its derivative along tangents v (m, n, d): (n, d) and J v (m, n, d). Exact.

        J = sum_k r_k (s_k s_k^T - C_k,t^-1) - s s^T with s_k the score of component k.
        """
        x, t = self._checked(x, t, v)
        xp = array_module(x)
        score, moved = xp.empty_like(x), xp.empty(v.shape, x.dtype)
        for rows, parts in self._by_rows(x, t, tangents=len(v)):
            _, shares, u = mixed(parts)
            along = v[:, rows]
            Jv = -u * (along * u).sum(2, keepdims=True)
            for w, part in zip(shares, parts, strict=True):
                pull, turned = part.solved(part.off), along if part.axes is None else along @ part.axes
                Jv += w * pull * (along * pull).sum(2, keepdims=True) - part.solved(turned, w)
            score[rows], moved[:, rows] = u, Jv
        return score, moved

    def _evaluate(self, x: Array, t: Time) -> tuple[Array, Array]:
        x, t = self._checked(x, t)
        xp = array_module(x)
        log_p, score = xp.empty(len(x)), xp.empty_like(x)
        for rows, parts in self._by_rows(x, t):
            log_p[rows], _, score[rows] = mixed(parts)
        return log_p, score

    def quadrature(self, t: float) -> Quadrature:
        """A grid over nine standard deviations of every component that resolves the narrowest; d <= 3.

        Raises
        ------
        ValueError
            For d > 3, or components so narrow and far apart that the grid would have more than 2^20 points.
        """
        check_few_dimensions(self.means.shape[1])
        t = float(self.process.check_time(t))
        means, covariances = self.components(t).means, self.components(t).covariances
        spread = GAUSSIAN_REACH * np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
        low, high = (means - spread).min(0), (means + spread).max(0)
        x = low + mesh(midpoints(high - low, math.sqrt(np.linalg.eigvalsh(covariances).min())))
        return Quadrature(x, *self._evaluate(x, t), float((high - low).prod()) / len(x))

    def chi2_in_closed_form(self, t: float) -> float | None:
        """chi^2 to the equilibrium N(0, v), from products of Gaussians; None where there is no equilibrium."""
        equilibrium, now = self.process.equilibrium, self.components(t)
        if equilibrium is None:
            return None
        variance = equilibrium.variance  # type: ignore[union-attr]
        return mixture_chi2(self.weights, now.means, now.covariances, variance)

    def _checked(self, x: Array, t: Time, v: Array | None = None) -> tuple[Array, Time]:
        x = checks.state(x)
        array_module(x=x, t=t, v=v)
        if x.shape[1] != self.means.shape[1]:
            raise ValueError(f"x must have shape (n, {self.means.shape[1]}) like the means, got {tuple(x.shape)}.")
        return x, self.process.check_row_times(t, len(x))

    def _by_rows(self, x: Array, t: Time, tangents: int = 0) -> Iterator[tuple[slice, list[Part]]]:
        """Slices of rows x (n, d), so few that what is computed of them is small, and the components there."""
        xp, (k, d) = array_module(x), self.means.shape
        alpha = xp.asarray(self.process.alpha(t), np.float64).reshape(-1, 1)
        noise = xp.asarray(self.process.variance(t), np.float64).reshape(-1, 1)
        table = [
            (math.log(weight), xp.asarray(mean), xp.asarray(variances), None if axes is None else xp.asarray(axes))
            for weight, mean, variances, axes in zip(
                self.weights, self.means, self._variances, self._axes if self._axes is not None else [None] * k,
                strict=True,
            )
        ]  # fmt: skip
        step = max(1, _CHUNK // ((k + tangents) * d))
        for begin in range(0, len(x), step):
            rows = slice(begin, begin + step)
            some = slice(None) if len(alpha) == 1 else rows
            yield rows, [part_at(x[rows], alpha[some], noise[some], *component) for component in table]


class GaussianScore(MixtureScore):
    """One Gaussian N(mean, covariance): score = -(alpha_t^2 C + sigma_t^2)^-1 (x - alpha_t mean).

    Parameters
    ----------
    process : a process in free space
    mean : (d,)
    covariance : variance (a number), (d,) per axis, or (d, d)
    """

    def __init__(self, process: Process, mean: npt.ArrayLike, covariance: npt.ArrayLike) -> None:
        mean = np.atleast_1d(asnumpy(checks.reals(mean, "mean")))
        if mean.ndim != 1:
            raise ValueError(f"mean must have shape (d,), got {mean.shape}.")
        super().__init__(process, [1.0], mean[None], asnumpy(checks.reals(covariance, "covariance"))[None])
