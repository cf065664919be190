"""What every forward diffusion answers: a linear stochastic differential equation with Gaussian transitions,

    dx = f(t) x dt + g(t) dW,        x_t | x_0  ~  N(alpha_t x_0, sigma_t^2 I), then folded at the walls of the domain,

    alpha_t = exp(int_0^t f),        sigma_t^2 = int_0^t (alpha_t/alpha_s)^2 g^2(s) ds,        alpha_0 = 1, sigma_0 = 0.

In a bowl that ends in N(0, v) the fluctuation-dissipation theorem ties the two: the variance gained from s to t is
v [1 - (alpha_t/alpha_s)^2]; without a drift it is the clock int_s^t g^2. Both are used in that form, which keeps its
digits however close s and t are.

Reference: G. E. Uhlenbeck and L. S. Ornstein, On the theory of the Brownian motion (1930).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff.domains.base import Domain
from inkdiff.domains.box import Box
from inkdiff.domains.free import Free
from inkdiff.domains.heat_kernel import log_heat_kernel
from inkdiff.domains.maze import Maze
from inkdiff.processes.distributions import Gaussian, Uniform

__all__ = ["Process", "Timed", "check_domain", "check_process", "closed_form_domain"]


class Timed:
    """Whatever runs from t = 0 to `t_max`. `t` is a number or an array (n,); a time outside raises."""

    @property
    def t_max(self) -> float:
        """The last time the process is defined at."""
        return math.inf

    @property
    def discrete(self) -> bool:
        """Whether t is an integer (a table of steps)."""
        return False

    def check_time(self, t: Any, name: str = "t") -> Any:
        """`t` as float64 (number or array).

        Raises
        ------
        ValueError, TypeError
            If it is no real number, negative, beyond `t_max`, or not an integer where it must be.
        """
        end = min(self.t_max, checks.LARGEST)
        if not self.discrete:  # the usual case, at the cost of two comparisons; NaN fails both
            if type(t) is float and 0 <= t <= end:
                return t
            usual = type(t) is np.ndarray and t.ndim and t.dtype == np.float64 and t.size
            if usual and t.min() >= 0 and t.max() <= end:
                return t
        values = checks.reals(t, name)
        outside = (values < 0) | (values > end)
        if bool(outside.any()):
            bad = float(values[outside].ravel()[0])
            raise ValueError(f"{name} must lie in [0, {end:g}] for {type(self).__name__}, got {bad:g}.")
        if self.discrete:
            between = values != array_module(values).rint(values)
            if bool(between.any()):
                bad = float(values[between].ravel()[0])
                raise ValueError(
                    f"{name} must be an integer from 0 to {self.t_max:g} for a table of steps, got {bad:g}; "
                    "choose times (and steps between them) that fall on integers."
                )
        return values if values.ndim else float(values)

    def check_times_of(self, n: int, t: Any, name: str = "t") -> Any:
        """`t` as by `check_time`, a number or (n,): one per row."""
        t = self.check_time(t, name)
        if np.ndim(t) and t.shape != (n,):
            raise ValueError(f"{name} must be a number or have one value per row, ({n},), got shape {tuple(t.shape)}.")
        return t


class Process(Timed, ABC):
    """A forward process; see the module's equations. `t` is a number or an array (n,); a time outside it raises."""

    domain: Domain  # where the walkers live

    @property
    def driftless(self) -> bool:
        """Whether alpha = 1: x_t is x_0 plus noise, and steps add up."""
        return False

    @abstractmethod
    def log_alpha(self, t: Any) -> Any:
        """ln alpha_t = integral of f from 0 to t."""

    @abstractmethod
    def variance(self, t: Any) -> Any:
        """sigma_t^2, length^2."""

    @abstractmethod
    def f(self, t: Any) -> Any:
        """Drift rate: dx = f x dt + ..., 1/time."""

    @abstractmethod
    def g2(self, t: Any) -> Any:
        """Squared noise amplitude g^2, length^2/time; D = g^2/2."""

    @abstractmethod
    def clock(self, s: Any, t: Any) -> Any:
        """The variance clock int_s^t g^2 dt', length^2."""

    @property
    def equilibrium(self) -> Gaussian | Uniform | None:
        """The distribution every start forgets itself in; None where there is none (free spreading)."""
        return Uniform(self.domain) if isinstance(self.domain, Box) and not self.domain.absorbs else None

    def alpha(self, t: Any) -> Any:
        """Mean factor alpha_t."""
        return array_module(t).exp(self.log_alpha(t))

    def sigma(self, t: Any) -> Any:
        """Standard deviation sigma_t of the transition from t = 0 (before folding), length."""
        return array_module(t).sqrt(self.variance(t))

    def prior(self, t: float) -> Gaussian | Uniform:
        """Where a reverse process from time t starts: the equilibrium, or N(0, sigma_t^2) in free space."""
        return self.equilibrium or Gaussian(float(self.variance(t)))

    def transition(self, s: Any, t: Any) -> tuple[Any, Any]:
        """(alpha_t/alpha_s, variance of x_t | x_s), s <= t: exact, before folding."""
        xp = array_module(s, t)
        if self.driftless:
            gained = self.clock(s, t)
            return xp.ones_like(gained)[()], gained
        log_ratio = self.log_alpha(t) - self.log_alpha(s)
        end = self.equilibrium
        gained = -end.variance * xp.expm1(2 * log_ratio) if isinstance(end, Gaussian) else self.clock(s, t)
        return xp.exp(log_ratio), gained

    def check_row_times(
        self, t: Any, n: int, *, name: str = "t", why_positive: str = "", dtype: npt.DTypeLike = np.float64
    ) -> Any:
        """`t` as by `check_times_of`; `why_positive` says why t = 0 will not do, if so.

        Then times so short that quotients by sigma_t^2 overflow `dtype` will not do either.
        """
        t = self.check_times_of(n, t, name)
        if why_positive:
            smallest = float(t if isinstance(t, float) else t.min())
            if smallest <= 0:
                raise ValueError(f"{name} must be > 0, got 0: {why_positive}.")
            least = float(np.finfo(dtype).tiny) ** 0.9
            if not self.variance(smallest) > least:
                raise ValueError(f"{name} is too small, got {smallest:g}: sigma_t^2 underflows {np.dtype(dtype)}.")
        return t

    def log_transition(self, x: Array, t: Any, x0: Array) -> Array:
        """ln p(x_t = x | x_0), per row: (n,). Exact; x, x0 (n, d); t > 0 a number or (n,)."""
        return self._transition(x, t, x0)[0]

    def score_transition(self, x: Array, t: Any, x0: Array) -> Array:
        """Gradient in x of ln p(x_t = x | x_0): (n, d). Exact; what denoising score matching regresses on."""
        return self._transition(x, t, x0)[1]

    def _transition(self, x: Array, t: Any, x0: Array) -> tuple[Array, Array]:
        closed_form_domain(self, "the transition density")
        x, x0 = checks.state(x, "x"), checks.state(x0, "x0")
        xp = array_module(x=x, x0=x0, t=t)
        checks.same_shape(x0, x.shape, "x0", "x")
        n, d = x.shape
        point = "at t = 0 the transition density is a point mass"
        t = self.check_row_times(t, n, why_positive=point, dtype=x.dtype)
        v = xp.broadcast_to(xp.asarray(self.variance(t), x.dtype), (n,))[:, None]
        if isinstance(self.domain, Box):
            self.domain.check_inside(x, "x")
            self.domain.check_inside(x0, "x0")
            return log_heat_kernel(x, x0, v, self.domain)
        alpha = xp.broadcast_to(xp.asarray(self.alpha(t), x.dtype), (n,))[:, None]
        r = x - alpha * x0
        return -(r**2 / v).sum(1) / 2 - d / 2 * xp.log(2 * math.pi * v[:, 0]), -r / v


def check_process(process: object, *, also: type[Timed] = Process) -> None:
    """Raise unless `process` is one whose steps are Gaussian, or of the kind `also`."""
    if isinstance(process, (Process, also)):
        return
    kind = "with Gaussian steps" if isinstance(process, Timed) else "such as inkdiff.Brownian(D=1.0)"
    raise TypeError(f"process must be a process {kind}, got {checks.show(process)}.")


def closed_form_domain(process: Process, what: str) -> Domain:
    """The domain of `process`; raises if obstacles or absorbing walls leave its transitions without a closed form."""
    domain = process.domain
    if isinstance(domain, Maze) or (isinstance(domain, Box) and domain.absorbs):
        obstacle = "obstacles" if isinstance(domain, Maze) else "absorbing walls"
        raise ValueError(
            f"process has {obstacle}, between which {what} has no closed form here; use simulate, forwards in time."
        )
    return domain


def check_domain(domain: object) -> None:
    """Raise unless `domain` is one."""
    if not isinstance(domain, (Free, Box, Maze)):
        raise TypeError(f"domain must be Free(), Box(lo, hi, wall) or Maze(box, solid), got {checks.show(domain)}.")
