"""What every forward diffusion answers: a linear stochastic differential equation with Gaussian transitions,

    dx = f(t) x dt + g(t) dW,        x_t | x_0  ~  N(alpha_t x_0, sigma_t^2 I), then folded at the walls of the domain,

    alpha_t = exp(int_0^t f),        sigma_t^2 = int_0^t (alpha_t/alpha_s)^2 g^2(s) ds,        alpha_0 = 1, sigma_0 = 0.

A process says four formulas, ln alpha_t, sigma_t^2, f and g^2; everything else follows, above all the transition

    x_t | x_s  ~  N(A x_s, S^2 I),        A = alpha_t/alpha_s,        S^2 = sigma_t^2 - A^2 sigma_s^2,

exact for every linear equation. That difference of two variances keeps S^2 to some 1e-16 sigma_t^2; a process that
knows a form which keeps more digits for s close to t overrides it.

References: G. E. Uhlenbeck and L. S. Ornstein, On the theory of the Brownian motion (1930); S. Sarkka and A. Solin,
Applied Stochastic Differential Equations (2019), section 6.1.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, Time, array_module, is_cuda
from inkdiff._core.noise_address import Address
from inkdiff._core.rng import Stream
from inkdiff.domains.base import Domain
from inkdiff.domains.free import Free
from inkdiff.domains.walks import Steps, Walk
from inkdiff.processes.distributions import Gaussian, Uniform
from inkdiff.processes.drift_walk import DriftWalk
from inkdiff.processes.forward import ForwardProcess, ReverseKernel
from inkdiff.processes.noise_level import time_of

__all__ = ["Process", "check_domain", "check_process", "closed_form_domain"]

_ROWS = 2**14  # whose schedule is evaluated at once: what is computed on the way stays in the cache
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)


class Process(ForwardProcess):
    """A linear diffusion; see the module's equations. A process of one's own derives from this.

    It must say `log_alpha`, `variance`, `f` and `g2`, as formulas of t, a number or an array (n,): times are checked
    before a formula sees them. `domain` is free space unless said otherwise, `t_max` infinite.
    """

    domain: Domain = Free()
    _timed: ClassVar[tuple[str, ...]] = ("log_alpha", "variance", "f", "g2", "alpha_rate", "sigma_rate")
    _timed_twice: ClassVar[tuple[str, ...]] = ("clock", "transition")

    @property
    def driftless(self) -> bool:
        """Whether alpha = 1: x_t is x_0 plus noise, and steps add up."""
        return False

    @abstractmethod
    def log_alpha(self, t: Time) -> Time:
        """ln alpha_t = integral of f from 0 to t."""

    @abstractmethod
    def variance(self, t: Time) -> Time:
        """sigma_t^2, length^2."""

    @abstractmethod
    def f(self, t: Time) -> Time:
        """Drift rate: dx = f x dt + ..., 1/time."""

    @abstractmethod
    def g2(self, t: Time) -> Time:
        """Squared noise amplitude g^2, length^2/time; D = g^2/2."""

    def clock(self, s: Time, t: Time) -> Time:
        """The variance clock int_s^t g^2 dt', length^2; by default Gauss's rule of 32 nodes, exact for smooth g^2."""
        xp = array_module(s, t)
        start, end = xp.asarray(s, np.float64), xp.asarray(t, np.float64)
        middle, half = (start + end) / 2, (end - start) / 2
        times = middle[..., None] + half[..., None] * xp.asarray(_NODES)
        values = xp.asarray(self.g2(times.reshape(-1))).reshape(times.shape)
        return ((values * xp.asarray(_WEIGHTS)).sum(-1) * half)[()]

    @property
    def equilibrium(self) -> Gaussian | Uniform | None:
        """The distribution every start forgets itself in; None where there is none (free spreading)."""
        ends_uniform = self.driftless and self.domain.bounded and not self.domain.absorbs
        return Uniform(self.domain) if ends_uniform else None

    def alpha(self, t: Time) -> Time:
        """Mean factor alpha_t."""
        return array_module(t).exp(self.log_alpha(t))

    def sigma(self, t: Time) -> Time:
        """Standard deviation sigma_t of the transition from t = 0 (before folding), length."""
        return array_module(t).sqrt(self.variance(t))

    def alpha_rate(self, t: Time) -> Time:
        """d alpha_t/dt = f alpha_t, 1/time."""
        return self.f(t) * self.alpha(t)

    def sigma_rate(self, t: Time) -> Time:
        """d sigma_t/dt = (g^2 + 2 f sigma_t^2)/(2 sigma_t), length/time; t > 0."""
        return (self.g2(t) + 2 * self.f(t) * self.variance(t)) / (2 * self.sigma(t))

    def prior(self, t: float) -> Gaussian | Uniform:
        """Where a reverse process from time t starts: the equilibrium, or N(0, sigma_t^2) in free space."""
        return self.equilibrium or Gaussian(float(self.variance(t)))

    def transition(self, s: Time, t: Time) -> tuple[Time, Time]:
        """(alpha_t/alpha_s, variance of x_t | x_s), s <= t: exact, before folding; see the module's equations.

        Without a drift the variance is the clock between s and t, which keeps its digits.
        """
        xp = array_module(s, t)
        if self.driftless:
            gained = self.clock(s, t)
            return xp.ones_like(gained)[()], gained
        ratio = xp.exp(self.log_alpha(t) - self.log_alpha(s))
        return ratio, xp.maximum(self.variance(t) - ratio**2 * self.variance(s), 0.0)

    @property
    def default_sampler(self) -> str:
        """Ancestral where steps stay Gaussian, Euler-Maruyama where they are folded."""
        return "ancestral" if self.domain.free else "euler_maruyama"

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

    def log_transition(self, x: Array, t: Time, x0: Array) -> Array:
        """ln p(x_t = x | x_0), per row: (n,). Exact; x, x0 (n, d); t > 0 a number or (n,)."""
        return self._transition_density(x, t, x0)[0]

    def score_transition(self, x: Array, t: Time, x0: Array) -> Array:
        """Gradient in x of ln p(x_t = x | x_0): (n, d). Exact; what denoising score matching regresses on."""
        return self._transition_density(x, t, x0)[1]

    def _transition_density(self, x: Array, t: Time, x0: Array) -> tuple[Array, Array]:
        self.domain.require_closed_form("the transition density")
        x, x0 = self.check_state(x, "x"), self.check_state(x0, "x0")
        xp = array_module(x=x, x0=x0, t=t)
        checks.same_shape(x0, x.shape, "x0", "x")
        n = len(x)
        point = "at t = 0 the transition density is a point mass"
        t = self.check_row_times(t, n, why_positive=point, dtype=x.dtype)
        v = xp.broadcast_to(xp.asarray(self.variance(t), x.dtype), (n,))[:, None]
        if self.driftless:
            return self.domain.log_step_density(x, x0, v)
        alpha = xp.broadcast_to(xp.asarray(self.alpha(t), x.dtype), (n,))[:, None]
        return self.domain.log_step_density(x, alpha * x0, v)

    # How it moves.

    def check_state(self, x: object, name: str) -> Array:
        """A state array (n, d) inside the domain; see `checks.state`."""
        state = checks.state(x, name, finite=self.domain.free)
        if not self.domain.free:
            self.domain.check_dimension(state.shape[1])
            self.domain.check_inside(state, name)
        return state

    def jump(self, x0: Array, t: Time, noise: Address, *, out: Array | None = None, eps: Array | None = None) -> Array:
        """x_t = fold(alpha_t x_0 + sigma_t eps)."""
        self.domain.require_closed_form("a jump")
        a, c = self._jump_moments(x0, t)
        return self.domain.step(x0, a, c, noise, out=out, eps=eps)

    def _jump_moments(self, x0: Array, t: Time) -> tuple[Array, Array]:
        """(alpha_t, sigma_t) in the dtype of x0, of one entry or one per row; in a box no wider than is needed."""
        xp = array_module(x0)
        widest = self.domain.widest_step(x0.shape[1])

        def moments(t: Time) -> tuple[Time, Time]:
            alpha, variance = self.transition(0.0, t)
            sigma = array_module(t).sqrt(variance)
            self._check_range(x0, float(sigma.max()), "t")
            return alpha, array_module(t).minimum(sigma, widest)

        if np.ndim(t) == 0:
            alpha, sigma = moments(t)
            return xp.full(1, alpha, x0.dtype), xp.full(1, sigma, x0.dtype)
        times = xp.asarray(t)
        a, c = xp.empty(times.size, x0.dtype), xp.empty(times.size, x0.dtype)
        rows = times.size if is_cuda(times) else _ROWS
        for first in range(0, times.size, rows):
            part = slice(first, first + rows)
            a[part], c[part] = moments(times[part])
        return a, c

    def plan_walk(self, x: Array, fine: npt.NDArray[np.float64]) -> Walk:
        """Without a drift the domain's walk of Brownian steps; with one, exact steps of floating-point positions."""
        if not self.driftless:
            return self._drift_walk(x, fine)
        s, t = fine[:, :-1].reshape(-1), fine[:, 1:].reshape(-1)
        variance = np.asarray(self.clock(s, t)).reshape(-1, fine.shape[1] - 1)
        return self.domain.plan_walk(x, Steps(fine, variance, self._time_within))

    def _drift_walk(self, x: Array, fine: npt.NDArray[np.float64]) -> Walk:
        if not self.domain.free:
            raise ValueError(
                f"process {type(self).__name__} has a drift, and {self.domain.boundary}, between which its steps have "
                "no closed form; take the drift or the walls away."
            )
        self._check_range(x, float(self.sigma(float(fine[-1, -1]))), "times")
        a, variance = self.transition(fine[:, :-1].reshape(-1), fine[:, 1:].reshape(-1))
        return DriftWalk(x, fine, np.asarray(a), np.sqrt(np.asarray(variance)))

    def _time_within(self, t: float, dt: float, share: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
        """When the clock has run these shares of the step from t to t + dt; None if it runs evenly."""
        if self.g2(t) == self.g2(t + dt):
            return None
        variance = self.variance(t) + share * self.clock(t, t + dt)
        return np.clip(time_of(self, np.log(variance) / 2), t, t + dt)

    def reverse_kernel(self, x: Array, seed: int, step: int) -> ReverseKernel:
        """fold(a x + b u + c eps) at one step number of the walk back; noise from stream REVERSE."""
        xp = array_module(x)

        def kernel(
            x: Array, u: Array, a: float, b: float, c: float, *, correction: int | None = None, of: int = 1
        ) -> Array:
            a_, b_, c_ = (xp.asarray([value], x.dtype) for value in (a, b, c))
            noise = Address(seed, step, Stream.REVERSE)
            if correction is not None:
                index = checks.word32(step * of + correction, "the number of corrections")
                noise = Address(seed, index, Stream.CORRECTOR)
            return self.domain.step(x, a_, c_, noise, b=b_, u=u, noisy=c != 0)

        return kernel

    def posterior_step(
        self, u: Array, x: Array, t: float, s: float, kernel: ReverseKernel, *, variance: str = "posterior"
    ) -> Array:
        """A draw from q(x_s | x_t, x_0) at the x_0 = (x_t + sigma_t^2 u)/alpha_t that the score u implies."""
        return kernel(x, u, *self.posterior_coefficients(t, s, variance=variance))

    def posterior_coefficients(self, t: float, s: float, *, variance: str = "posterior") -> tuple[float, float, float]:
        """(a, b, c) of that draw: with A, S^2 of `transition(s, t)` 1/A, S^2/A, and sigma_s S/sigma_t, or S."""
        ratio, gained = self.transition(s, t)
        share = 1.0 if variance == "transition" else self.variance(s) / self.variance(t)
        return float(1 / ratio), float(gained / ratio), math.sqrt(gained * share)

    def require_reversible(self, what: str) -> None:
        """Raise unless a step with a score can be folded at the walls."""
        self.domain.require_folding(what)

    def _check_range(self, x: Array, sigma: float, name: str) -> None:
        """Raise if free walkers would leave the range of their dtype."""
        if not self.domain.bounded and sigma > float(np.finfo(x.dtype).max) / 100:
            raise ValueError(
                f"{name} must be smaller for x in {x.dtype}, which sigma_t = {sigma:g} overflows; pass x as float64 or "
                "change units."
            )


def check_process(process: object) -> None:
    """Raise unless `process` is a linear diffusion."""
    if isinstance(process, Process):
        return
    kind = "with Gaussian steps" if isinstance(process, ForwardProcess) else "such as inkdiff.Brownian(D=1.0)"
    raise TypeError(f"process must be a process {kind}, got {checks.show(process)}.")


def closed_form_domain(process: Process, what: str) -> Domain:
    """The domain of `process`; raises if obstacles or absorbing walls leave its transitions without a closed form."""
    process.domain.require_closed_form(what)
    return process.domain


def check_domain(domain: object) -> None:
    """Raise unless `domain` is one."""
    if not isinstance(domain, Domain):
        kinds = "Free(), Box(lo, hi, wall) or Maze(box, solid)"
        raise TypeError(f"domain must be an inkdiff.Domain such as {kinds}, got {checks.show(domain)}.")
