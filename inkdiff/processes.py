"""Forward diffusions as pure descriptions: linear stochastic differential equations with Gaussian transitions,

    dx = f(t) x dt + g(t) dW,        x_t | x_0  ~  N(alpha_t x_0, sigma_t^2 I), then folded at the walls of the domain,

    alpha_t = exp(int_0^t f),        sigma_t^2 = int_0^t (alpha_t/alpha_s)^2 g^2(s) ds,        alpha_0 = 1, sigma_0 = 0.

Ink is `Brownian` (in a glass) or `OrnsteinUhlenbeck` (in a harmonic bowl); images are usually noised by
`VariancePreserving` (the bowl again: dx = -beta/2 x dt + sqrt(beta) dW, in another clock) or `VarianceExploding` (ink again; in Box(0, 1)
it is reflected diffusion). Time t is physical for the first two, [0, 1] for the continuous schedules, and an integer 0 ... T for DDPM's table.

References: L. S. Ornstein and G. E. Uhlenbeck (1930); J. Ho, A. Jain, P. Abbeel, Denoising diffusion probabilistic models (2020);
A. Nichol and P. Dhariwal (2021); Y. Song et al., Score-based generative modeling through SDEs (2021); A. Lou and S. Ermon, Reflected diffusion models (2023).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inkdiff import checks
from inkdiff.backend import Array, array_module
from inkdiff.distributions import Gaussian, Uniform
from inkdiff.domain import Box, Domain, Free
from inkdiff.heat_kernel import log_heat_kernel
from inkdiff.schedules import Cosine, Linear, Schedule, Table

__all__ = ["Brownian", "Gaussian", "OrnsteinUhlenbeck", "Process", "Uniform", "VarianceExploding", "VariancePreserving"]


class Process(ABC):
    """What every forward process answers; see the module's equations. `t` is a number or an array (n,)."""

    domain: Domain  # where the walkers live

    @property
    def t_max(self) -> float:
        """The last time the process is defined at."""
        return math.inf

    @property
    def discrete(self) -> bool:
        """Whether t is an integer (a table of steps)."""
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
        return Uniform(self.domain) if isinstance(self.domain, Box) else None

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
        """(alpha_t/alpha_s, variance of x_t | x_s), s < t: exact, before folding."""
        ratio = array_module(s, t).exp(self.log_alpha(t) - self.log_alpha(s))
        return ratio, self.variance(t) - ratio**2 * self.variance(s)

    def check_time(self, t: Any, name: str = "t") -> Any:
        """`t` as float64 (number or array), or an error if it is negative, beyond `t_max`, or not an integer where it must be."""
        if isinstance(t, bool) or (np.ndim(t) == 0 and not isinstance(t, (int, float, np.number, np.ndarray))):
            if not hasattr(t, "__cuda_array_interface__"):
                raise TypeError(f"{name} must be a number or an array of numbers, got {checks.show(t)}.")
        xp = array_module(t)
        values = xp.asarray(t, np.float64)
        checks.finite_array(values, name)
        if values.size and (bool((values < 0).any()) or bool((values > self.t_max).any())):
            bad = values[(values < 0) | (values > self.t_max)].ravel()[0]
            end = "infinity" if math.isinf(self.t_max) else f"{self.t_max:g}"
            raise ValueError(f"{name} must lie in [0, {end}] for {type(self).__name__}, got {float(bad):g}.")
        if self.discrete and bool((values != xp.rint(values)).any()):
            raise ValueError(
                f"{name} must be an integer from 0 to {self.t_max:g} for a table of steps, got {checks.show(t)}; "
                "choose times (and steps between them) that fall on integers."
            )
        return values if values.ndim else float(values)

    def log_transition(self, x: Array, t: Any, x0: Array) -> Array:
        """ln p(x_t = x | x_0), per row: (n,). Exact; x, x0 (n, d); t > 0 a number or (n,)."""
        return self._transition(x, t, x0)[0]

    def score_transition(self, x: Array, t: Any, x0: Array) -> Array:
        """Gradient in x of ln p(x_t = x | x_0): (n, d). Exact; what denoising score matching regresses on."""
        return self._transition(x, t, x0)[1]

    def _transition(self, x: Array, t: Any, x0: Array) -> tuple[Array, Array]:
        xp = array_module(x, x0)
        x = checks.state(x, "x")
        x0 = checks.state(x0, "x0")
        checks.same_shape(x0, x.shape, "x0", "x")
        t = self.check_time(t)
        if np.ndim(t) and t.shape != (x.shape[0],):
            raise ValueError(f"t must be a number or have one value per row, ({x.shape[0]},), got shape {t.shape}.")
        if bool((xp.asarray(t) <= 0).any()):
            raise ValueError("t must be > 0: at t = 0 the transition density is a point mass.")
        v = xp.broadcast_to(xp.asarray(self.variance(t), x.dtype), (x.shape[0],))[:, None]
        if isinstance(self.domain, Box):
            self.domain.check_inside(x, "x")
            self.domain.check_inside(x0, "x0")
            return log_heat_kernel(x, x0, v, self.domain)
        alpha = xp.broadcast_to(xp.asarray(self.alpha(t), x.dtype), (x.shape[0],))[:, None]
        r = x - alpha * x0
        d = x.shape[1]
        return -(r**2 / v).sum(1) / 2 - d / 2 * xp.log(2 * math.pi * v[:, 0]), -r / v


@dataclass(frozen=True)
class Brownian(Process):
    """Ink: dx = sqrt(2 D) dW, sigma_t^2 = 2 D t.

    Parameters
    ----------
    D : diffusion coefficient, length^2/time, > 0
    domain : Free() or a Box; in a box the density obeys dp/dt = D laplacian p and ends uniform, mode n decaying at D (n pi/L)^2
    """

    D: float
    domain: Domain = Free()

    def __post_init__(self) -> None:
        object.__setattr__(self, "D", checks.positive(self.D, "D", unit="a diffusion coefficient, length^2/time"))
        _check_domain(self.domain)

    def log_alpha(self, t: Any) -> Any:  # noqa: D102
        return 0.0 * _float(t)

    def variance(self, t: Any) -> Any:  # noqa: D102
        return 2 * self.D * _float(t)

    def f(self, t: Any) -> Any:  # noqa: D102
        return 0.0 * _float(t)

    def g2(self, t: Any) -> Any:  # noqa: D102
        return 2 * self.D + 0.0 * _float(t)

    def clock(self, s: Any, t: Any) -> Any:  # noqa: D102
        return 2 * self.D * (_float(t) - _float(s))


@dataclass(frozen=True)
class OrnsteinUhlenbeck(Process):
    """Ink in a harmonic bowl: dx = -k x dt + sqrt(2 D) dW; alpha = exp(-k t), sigma^2 = (D/k)(1 - exp(-2 k t)).

    Parameters
    ----------
    D : diffusion coefficient, length^2/time, > 0
    k : stiffness over friction, 1/time, > 0; the equilibrium is N(0, D/k)
    """

    D: float
    k: float
    domain: Domain = field(default=Free(), init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "D", checks.positive(self.D, "D", unit="a diffusion coefficient, length^2/time"))
        object.__setattr__(self, "k", checks.positive(self.k, "k", unit="a relaxation rate, 1/time"))

    @property
    def equilibrium(self) -> Gaussian:  # noqa: D102
        return Gaussian(self.D / self.k)

    def log_alpha(self, t: Any) -> Any:  # noqa: D102
        return -self.k * _float(t)

    def variance(self, t: Any) -> Any:  # noqa: D102
        return -self.D / self.k * array_module(t).expm1(-2 * self.k * _float(t))

    def f(self, t: Any) -> Any:  # noqa: D102
        return -self.k + 0.0 * _float(t)

    def g2(self, t: Any) -> Any:  # noqa: D102
        return 2 * self.D + 0.0 * _float(t)

    def clock(self, s: Any, t: Any) -> Any:  # noqa: D102
        return 2 * self.D * (_float(t) - _float(s))


@dataclass(frozen=True)
class VariancePreserving(Process):
    """The usual image process: dx = -beta/2 x dt + sqrt(beta) dW; alpha^2 + sigma^2 = 1; equilibrium N(0, 1).

    Made by `VariancePreserving.linear()`, `.cosine()` or `.ddpm()`. With constant beta it is `OrnsteinUhlenbeck(D=beta/2, k=beta/2)`.
    """

    schedule: Schedule
    domain: Domain = field(default=Free(), init=False, repr=False)

    @classmethod
    def linear(cls, beta_min: float = 0.1, beta_max: float = 20.0) -> VariancePreserving:
        """beta(t) = beta_min + t (beta_max - beta_min), t in [0, 1] (Song et al. 2021)."""
        return cls(Linear(beta_min, beta_max))

    @classmethod
    def cosine(cls, s: float = 0.008, end: float = 0.9946) -> VariancePreserving:
        """alpha(t) = cos(pi/2 (end t + s)/(1 + s)) / cos(pi/2 s/(1 + s)), t in [0, 1] (Nichol and Dhariwal 2021).

        beta diverges where the cosine vanishes; `end` < 1 stops before (0.9946: alpha(1) = 0.0084).
        """
        return cls(Cosine(s, end))

    @classmethod
    def ddpm(cls, T: int = 1000, beta_1: float = 1e-4, beta_T: float = 0.02) -> VariancePreserving:
        """The table of Ho et al. (2020): integer t = 0 (data) ... T, variances beta_1 ... beta_T equally spaced."""
        return cls(Table(T, beta_1, beta_T))

    @property
    def t_max(self) -> float:  # noqa: D102
        return self.schedule.t_max

    @property
    def discrete(self) -> bool:  # noqa: D102
        return isinstance(self.schedule, Table)

    @property
    def equilibrium(self) -> Gaussian:  # noqa: D102
        return Gaussian(1.0)

    def log_alpha(self, t: Any) -> Any:  # noqa: D102
        return self.schedule.log_alpha(t)

    def variance(self, t: Any) -> Any:  # noqa: D102
        return -array_module(t).expm1(2 * self.log_alpha(t))

    def f(self, t: Any) -> Any:  # noqa: D102
        return -self.schedule.beta(t) / 2

    def g2(self, t: Any) -> Any:  # noqa: D102
        return self.schedule.beta(t)

    def clock(self, s: Any, t: Any) -> Any:  # noqa: D102
        return 2 * (self.log_alpha(s) - self.log_alpha(t))


@dataclass(frozen=True)
class VarianceExploding(Process):
    """Ink with an accelerating clock: dx = g(t) dW, sigma^2(t) = sigma_min^2 ((sigma_max/sigma_min)^(2 t) - 1), t in [0, 1].

    Parameters
    ----------
    sigma_min, sigma_max : 0 < sigma_min < sigma_max, length
    domain : Free(), or a Box: reflected diffusion, which ends uniform once sigma_max is about the box length
    """

    sigma_min: float
    sigma_max: float
    domain: Domain = Free()

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma_min", checks.positive(self.sigma_min, "sigma_min", unit="a length"))
        object.__setattr__(self, "sigma_max", checks.positive(self.sigma_max, "sigma_max", unit="a length"))
        if self.sigma_max <= self.sigma_min:
            raise ValueError(f"sigma_max must exceed sigma_min = {self.sigma_min:g}, got {self.sigma_max:g}.")
        _check_domain(self.domain)

    @property
    def t_max(self) -> float:  # noqa: D102
        return 1.0

    @property
    def _growth(self) -> float:
        return 2 * math.log(self.sigma_max / self.sigma_min)

    def log_alpha(self, t: Any) -> Any:  # noqa: D102
        return 0.0 * _float(t)

    def variance(self, t: Any) -> Any:  # noqa: D102
        return self.sigma_min**2 * array_module(t).expm1(self._growth * _float(t))

    def f(self, t: Any) -> Any:  # noqa: D102
        return 0.0 * _float(t)

    def g2(self, t: Any) -> Any:  # noqa: D102
        return self.sigma_min**2 * self._growth * array_module(t).exp(self._growth * _float(t))

    def clock(self, s: Any, t: Any) -> Any:  # noqa: D102
        return self.variance(t) - self.variance(s)


def _float(t: Any) -> Any:
    """`t` in float64: schedules lose digits in float32 (1 - alpha^2 near t = 0)."""
    return array_module(t).asarray(t, np.float64)[()]


def _check_domain(domain: object) -> None:
    if not isinstance(domain, (Free, Box)):
        raise TypeError(f"domain must be Free() or Box(lo, hi, wall), got {checks.show(domain)}.")
