"""Gaussian mixtures stay Gaussian mixtures under a linear diffusion in free space:

    p_t(x) = sum_k w_k N(x; alpha_t m_k, C_k,t),        C_k,t = alpha_t^2 C_k + sigma_t^2 I,
    score  = sum_k r_k(x) C_k,t^-1 (alpha_t m_k - x),

with r_k(x) the posterior weight of component k. Exact for every t >= 0 and, unlike scores of point sets, at t = 0 too.

Reference: C. M. Bishop, Pattern Recognition and Machine Learning, 2.3 and 9.2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, asnumpy
from inkdiff.domains.free import Free
from inkdiff.processes.base import Process, check_process, closed_form_domain
from inkdiff.scores.posterior import Observation

__all__ = ["GaussianScore", "MixtureScore"]


class MixtureScore:
    """Exact score and log density of a diffusing Gaussian mixture.

    Parameters
    ----------
    process : a process in free space
    weights : (k,) positive; normalised to sum 1
    means : (k, d)
    covariances : variance of every component (a number), (k,) isotropic, (k, d) per axis, or (k, d, d)

    Raises
    ------
    ValueError
        If shapes disagree, a weight or variance is not positive, or the process has walls or obstacles.
    """

    def __init__(self, process: Process, weights: Any, means: Any, covariances: Any) -> None:
        check_process(process)
        if not isinstance(closed_form_domain(process, "a score"), Free):
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
        self._variances, self._axes = _eigen(covariances, k, d)

    def components(self, t: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Means alpha_t m_k (k, d) and covariances C_k,t (k, d, d) of the components at time t."""
        total = self.process.alpha(t) ** 2 * self._variances + self.process.variance(t)
        covariances: npt.NDArray[np.float64] = (self._axes * total[:, None, :]) @ self._axes.swapaxes(1, 2)
        return self.process.alpha(t) * self.means, covariances

    def given(self, seen: Observation) -> MixtureScore:
        """The posterior after `seen`, exact: a mixture again, each component conditioned by Kalman's formulas."""
        means, covariances = self.components(0.0)
        A, S = seen.A, np.diag(seen.sd**2)
        total = A @ covariances @ A.T + S
        gain = covariances @ A.T @ np.linalg.inv(total)
        off = seen.y - means @ A.T
        keep = np.eye(means.shape[1]) - gain @ A
        spread = keep @ covariances @ keep.swapaxes(1, 2) + gain @ S @ gain.swapaxes(1, 2)  # stays positive
        fit = -(off * np.linalg.solve(total, off[:, :, None])[:, :, 0]).sum(1) / 2 - np.linalg.slogdet(total)[1] / 2
        weights = np.maximum(self.weights * np.exp(fit - fit.max()), np.finfo(float).tiny)
        spread = (spread + spread.swapaxes(1, 2)) / 2
        return MixtureScore(self.process, weights, means + (gain @ off[:, :, None])[:, :, 0], spread)

    def log_density(self, x: Array, t: Any) -> Array:
        """ln p_t(x) per row, (n,)."""
        return self._evaluate(x, t)[0]

    def __call__(self, x: Array, t: Any) -> Array:
        """grad log p_t(x), (n, d); t a number or (n,)."""
        return self._evaluate(x, t)[1]

    def jvp(self, x: Array, t: Any, v: Array) -> tuple[Array, Array]:
        """The score and its derivative along tangents v (k, n, d): (n, d) and J v (k, n, d). Exact.

        J = sum_k r_k (s_k s_k^T - C_k,t^-1) - s s^T with s_k the score of component k.
        """
        x = checks.state(x)
        xp = array_module(x=x, t=t, v=v)
        _, responsibility, pulls, spreads = self._components(x, t)
        u = sum(w[:, None] * pull for w, pull in zip(responsibility, pulls, strict=True))
        Jv = -u * (v * u).sum(2, keepdims=True)
        for w, pull, (total, rotation) in zip(responsibility, pulls, spreads, strict=True):
            Jv += w[:, None] * (pull * (v * pull).sum(2, keepdims=True) - (v @ rotation / total) @ rotation.T)
        return xp.asarray(u, x.dtype), xp.asarray(Jv, x.dtype)

    def _evaluate(self, x: Array, t: Any) -> tuple[Array, Array]:
        x = checks.state(x)
        log_p, responsibility, pulls, _ = self._components(x, t)
        score = sum(w[:, None] * pull for w, pull in zip(responsibility, pulls, strict=True))
        return log_p, array_module(x).asarray(score, x.dtype)

    def _components(self, x: Array, t: Any) -> tuple[Array, Array, list[Array], list[tuple[Array, Array]]]:
        """ln p (n,), weights r_k (k, n), and of each component its score (n, d) and (variances (n, d), rotation)."""
        xp = array_module(x=x, t=t)
        if x.shape[1] != self.means.shape[1]:
            raise ValueError(f"x must have shape (n, {self.means.shape[1]}) like the means, got {tuple(x.shape)}.")
        t = self.process.check_row_times(t, len(x))
        alpha = xp.asarray(self.process.alpha(t), np.float64).reshape(-1, 1)
        noise = xp.asarray(self.process.variance(t), np.float64).reshape(-1, 1)
        logs, pulls, spreads = [], [], []
        for weight, mean, variance, axes in zip(self.weights, self.means, self._variances, self._axes, strict=True):
            total = alpha**2 * xp.asarray(variance) + noise
            rotation = xp.asarray(axes)
            r = (x - alpha * xp.asarray(mean)) @ rotation
            logs.append(math.log(weight) - (r**2 / total + xp.log(2 * math.pi * total)).sum(1) / 2)
            pulls.append(-(r / total) @ rotation.T)
            spreads.append((total, rotation))
        stacked = xp.stack(logs)
        top = stacked.max(0)
        responsibility = xp.exp(stacked - top)
        norm = responsibility.sum(0)
        return top + xp.log(norm), responsibility / norm, pulls, spreads


class GaussianScore(MixtureScore):
    """One Gaussian N(mean, covariance): score = -(alpha_t^2 C + sigma_t^2)^-1 (x - alpha_t mean).

    Parameters
    ----------
    process : a process in free space
    mean : (d,)
    covariance : variance (a number), (d,) per axis, or (d, d)
    """

    def __init__(self, process: Process, mean: Any, covariance: Any) -> None:
        mean = np.atleast_1d(asnumpy(checks.reals(mean, "mean")))
        if mean.ndim != 1:
            raise ValueError(f"mean must have shape (d,), got {mean.shape}.")
        super().__init__(process, [1.0], mean[None], asnumpy(checks.reals(covariance, "covariance"))[None])


def _eigen(covariances: Any, k: int, d: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Variances (k, d) along the columns of rotations (k, d, d)."""
    c: npt.NDArray[np.float64] = asnumpy(checks.reals(covariances, "covariances"))
    if c.shape == (k, d, d):
        if not np.allclose(c, c.swapaxes(1, 2)):
            raise ValueError(f"covariances must be symmetric, but differ by {np.abs(c - c.swapaxes(1, 2)).max():g}.")
        variances, axes = np.linalg.eigh(c)
    elif c.shape in ((), (1,), (k,), (k, d)):
        variances = np.broadcast_to(c[:, None] if c.shape == (k,) else c, (k, d))
        axes = np.broadcast_to(np.eye(d), (k, d, d))
    else:
        raise ValueError(f"covariances must be a number or ({k},), ({k}, {d}) or ({k}, {d}, {d}), got shape {c.shape}.")
    if not (variances > 0).all():
        raise ValueError(f"covariances must be positive definite, got a smallest variance of {variances.min():g}.")
    return variances, axes
