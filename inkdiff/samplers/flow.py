"""The probability flow: the deterministic motion that has the densities of the process at every time,

    dx/dt = f x - g^2 u/2,        which is        d(x/alpha)/d(sigma/alpha) = -sigma u.

Reference: Y. Song et al. (2021), section 4.3; Karras et al. (2022), algorithm 1; J. Dormand, P. Prince (1980).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module, is_cuda
from inkdiff._core.registry import register
from inkdiff.processes.base import Process
from inkdiff.samplers.base import Kernel, Sampler
from inkdiff.scores.base import ScoreFunction

__all__ = ["AdaptiveFlow", "ProbabilityFlow"]


@register(name="heun")
@dataclass(frozen=True)
class ProbabilityFlow(Sampler):
    """The deterministic flow with the same densities, by Heun's rule in the variable sigma/alpha (two scores a step).

    A step that ends at sigma = 0 keeps its first slope: there the score of data points is undefined (Karras et
    al. 2022). Where the first guess was mirrored at a wall, so is its slope.
    """

    def advance(self, process: Process, score: ScoreFunction, x: Array, t: float, s: float, kernel: Kernel) -> Array:
        """Predict with the slope at t, correct with the mean of both slopes."""
        a = math.exp(process.log_alpha(s) - process.log_alpha(t))
        sigma_t, sigma_s = process.sigma(t), process.sigma(s)
        width = a * sigma_t - sigma_s  # alpha_s (sigma_t/alpha_t - sigma_s/alpha_s)
        u_t = score(x, t)
        predicted = kernel(x, u_t, a, float(sigma_t * width), 0.0)
        if sigma_s == 0:
            return predicted
        xp = array_module(x)
        # Where the guess was mirrored at a wall, so is its slope.
        guess = x + x.dtype.type(sigma_t * width) * u_t
        u_s = process.domain.unfold(guess, score(predicted, s))
        slope = (xp.asarray(sigma_t, x.dtype) * u_t + xp.asarray(sigma_s, x.dtype) * u_s) / 2
        return kernel(x, slope, a, float(width), 0.0)


@register(name="adaptive")
@dataclass(frozen=True)
class AdaptiveFlow(Sampler):
    """The probability flow by scipy's Runge-Kutta rule of order 5(4), which chooses its own steps within each step.

    The variable is sqrt(t), in which the flow is smooth at t = 0. A step that ends at sigma = 0 is one of DDIM, since
    no score can be asked for there: let the last time before 0 be short. NumPy only; not for tables of steps.

    Parameters
    ----------
    rtol, atol : relative error, and absolute error in the length of the process, of every coordinate
    """

    rtol: float = 1e-5
    atol: float = 1e-5

    def __post_init__(self) -> None:
        checks.positive(self.rtol, "rtol")
        checks.positive(self.atol, "atol", unit="a length")

    def advance(self, process: Process, score: ScoreFunction, x: Array, t: float, s: float, kernel: Kernel) -> Array:
        """Integrate dx/dt = f x - g^2 u/2 from t to s."""
        from scipy.integrate import solve_ivp

        if is_cuda(x) or process.discrete:
            where = "arrays on the host" if is_cuda(x) else "continuous times"
            raise ValueError(f"sampler AdaptiveFlow needs {where}; use ProbabilityFlow().")
        if process.sigma(s) == 0:
            return kernel(
                x, score(x, t), math.exp(process.log_alpha(s) - process.log_alpha(t)), _to_zero(process, t), 0
            )
        domain = process.domain

        def slope(root: float, flat: Floats) -> Floats:
            now = min(max(root * root, s), t)
            y = flat.reshape(x.shape)
            u = domain.unfold(y, score(domain.fold(y).astype(x.dtype), now))
            return (2 * root * (float(process.f(now)) * y - float(process.g2(now)) / 2 * u)).ravel()

        ends = math.sqrt(t), math.sqrt(s)
        done = solve_ivp(slope, ends, x.astype(np.float64).ravel(), t_eval=ends[1:], rtol=self.rtol, atol=self.atol)
        if not done.success:
            raise FloatingPointError(f"the flow could not be followed from t = {t:g} to {s:g}: {done.message}")
        return np.ascontiguousarray(domain.fold(done.y[:, -1].reshape(x.shape)), dtype=x.dtype)


def _to_zero(process: Process, t: float) -> float:
    """The factor of the score in DDIM's step from t to 0."""
    return float(process.variance(t) / process.alpha(t))
