"""The probability flow: the deterministic motion that has the densities of the process at every time,

    dx/dt = f x - g^2 u/2,        which is        d(x/alpha)/d(sigma/alpha) = -sigma u.

Reference: Y. Song et al. (2021), section 4.3; Karras et al. (2022), algorithm 1; J. Dormand, P. Prince (1980).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, is_cuda
from inkdiff.domains.box import Box
from inkdiff.processes.base import Process
from inkdiff.samplers.protocol import Apply, Score

__all__ = ["AdaptiveFlow", "ProbabilityFlow", "fold_with_sign"]


@dataclass(frozen=True)
class ProbabilityFlow:
    """The deterministic flow with the same densities, by Heun's rule in the variable sigma/alpha (two scores a step).

    A step that ends at sigma = 0 keeps its first slope: there the score of data points is undefined (Karras et
    al. 2022). Where the first guess was mirrored at a wall, so is its slope.
    """

    needs_free_space = False

    def step(self, process: Process, score: Score, x: Array, t: float, s: float, apply: Apply) -> Array:
        """Predict with the slope at t, correct with the mean of both slopes."""
        a = math.exp(process.log_alpha(s) - process.log_alpha(t))
        sigma_t, sigma_s = process.sigma(t), process.sigma(s)
        width = a * sigma_t - sigma_s  # alpha_s (sigma_t/alpha_t - sigma_s/alpha_s)
        u_t = score(x, t)
        predicted = apply(x, u_t, a, sigma_t * width, 0.0)
        if sigma_s == 0:
            return predicted
        u_s = _mirrored(process, x, u_t, sigma_t * width, score(predicted, s))
        xp = array_module(x)
        slope = (xp.asarray(sigma_t, x.dtype) * u_t + xp.asarray(sigma_s, x.dtype) * u_s) / 2
        return apply(x, slope, a, width, 0.0)


def _mirrored(process: Process, x: Array, u: Array, b: float, folded: Array) -> Array:
    """A slope `folded`, taken where x + b u was folded to, as the mirror world of the unfolded point sees it."""
    box = process.domain
    if not isinstance(box, Box):
        return folded
    xp, d = array_module(x), x.shape[1]
    low, length, circle = (xp.asarray(side) for side in (box.low(d), box.length(d), box.periodic(d)))
    odd = xp.floor((x + x.dtype.type(b) * u - low) / length) % 2 == 1
    return xp.where(odd & ~circle, -folded, folded)


@dataclass(frozen=True)
class AdaptiveFlow:
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

    def step(self, process: Process, score: Score, x: Array, t: float, s: float, apply: Apply) -> Array:
        """Integrate dx/dt = f x - g^2 u/2 from t to s."""
        from scipy.integrate import solve_ivp

        if is_cuda(x) or process.discrete:
            where = "arrays on the host" if is_cuda(x) else "continuous times"
            raise ValueError(f"sampler AdaptiveFlow needs {where}; use ProbabilityFlow().")
        if process.sigma(s) == 0:
            return apply(x, score(x, t), math.exp(process.log_alpha(s) - process.log_alpha(t)), _to_zero(process, t), 0)
        box = process.domain if isinstance(process.domain, Box) else None

        def slope(root: float, flat: Any) -> Any:
            now = min(max(root * root, s), t)
            y = flat.reshape(x.shape)
            folded, sign = fold_with_sign(box, y)
            u = sign * score(folded.astype(x.dtype), now)
            return (2 * root * (float(process.f(now)) * y - float(process.g2(now)) / 2 * u)).ravel()

        ends = math.sqrt(t), math.sqrt(s)
        done = solve_ivp(slope, ends, x.astype(np.float64).ravel(), t_eval=ends[1:], rtol=self.rtol, atol=self.atol)
        if not done.success:
            raise FloatingPointError(f"the flow could not be followed from t = {t:g} to {s:g}: {done.message}")
        return np.ascontiguousarray(fold_with_sign(box, done.y[:, -1].reshape(x.shape))[0], dtype=x.dtype)


def _to_zero(process: Process, t: float) -> float:
    """The factor of the score in DDIM's step from t to 0."""
    return float(process.variance(t) / process.alpha(t))


def fold_with_sign(box: Box | None, y: Any) -> tuple[Any, Any]:
    """Positions inside the box for y (n, d) anywhere, and the sign that turns slopes there into slopes at y."""
    if box is None:
        return y, 1.0
    xp, d = array_module(y), y.shape[1]
    low, length, circle = (xp.asarray(side) for side in (box.low(d), box.length(d), box.periodic(d)))
    turns = xp.floor((y - low) / length)
    inside = y - low - turns * length
    mirrored = (turns % 2 == 1) & ~circle
    folded = low + xp.where(mirrored, length - inside, inside)
    return xp.clip(folded, low, low + length), xp.where(mirrored, -1.0, 1.0)
