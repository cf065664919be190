r"""Bits that forget: diffusion of zeros and ones, the chain with which generative diffusion began.

At step t every bit is drawn anew from Bernoulli(p) with probability beta_t, whatever the others do. So after t steps
it is what it was with probability m_t, and fresh otherwise:

    P(x_t = j | x_0 = k) = m_t [j = k] + (1 - m_t) pi_j,      m_t = prod_{i <= t} (1 - beta_i),      pi = (1 - p, p).

m_t is the memory, E[x_t - p | x_0] = m_t (x_0 - p). With p = 1/2, in spins 2 x - 1 = +-1, mean and variance are m_t x_0
and 1 - m_t^2: those of the variance-preserving bowl, alpha = m_t. By default beta_t = 1/(T - t + 1), which erases an
equal part of the memory at every step, m_t = 1 - t/T, and all of it in the end. One step back, with a = m_t/m_s,

    P(x_s != j | x_t = j, x_0 = k) = (1 - a) pi_j P(x_s = 1 - j | x_0 = k) / P(x_t = j | x_0 = k),

is exact for every bit; averaged over k with P(x_0 | x_t) it is exact for every bit given the whole row x_t. That
posterior, as log-odds of the ones, is for bits what the score is for ink: all that the way back asks of the data. The
bits of one step back are drawn independently, which becomes exact as steps become many.

The physical twin is Ehrenfest's urn: `urn_steps`, `ones_mean`, `ones_variance`.

Reference: J. Sohl-Dickstein, E. Weiss, N. Maheswaranathan, S. Ganguli (2015), arXiv:1503.03585, table App.1 (binomial).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, Time, array_module
from inkdiff._core.noise_address import Address
from inkdiff._core.registry import register
from inkdiff._core.rng import Stream
from inkdiff.domains.walks import Walk
from inkdiff.processes.binomial_bound import prior_cost, step_cost
from inkdiff.processes.bits import Bernoulli, Bits, Flips, log_odds_of_a_change, uniforms
from inkdiff.processes.forward import ForwardProcess, ReverseKernel

__all__ = ["Binomial"]

_LONGEST = 10_000_000


@register
@dataclass(frozen=True)
class Binomial(ForwardProcess):
    """Bits, each drawn anew from Bernoulli(p) with probability beta_t at step t; see the module's equations.

    Parameters
    ----------
    T : number of steps. t is an integer from 0, the data, to T.
    beta : None for 1/(T - t + 1); or one number for all steps; or T numbers. In (0, 1); the last may be 1.
    p : probability of a one at equilibrium, in (0, 1)

    Raises
    ------
    ValueError, TypeError
        If a number is out of range, or there are not T of them.
    """

    T: int = 2000
    beta: float | tuple[float, ...] | None = None
    p: float = 0.5
    _timed: ClassVar[tuple[str, ...]] = ("log_alpha",)
    _log_memory: npt.NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Tabulate ln m_t."""
        object.__setattr__(self, "T", checks.count(self.T, "T", most=_LONGEST))
        if not 0 < checks.real(self.p, "p") < 1:
            raise ValueError(f"p must lie in (0, 1), the probability of a one, got {self.p}.")
        with np.errstate(divide="ignore"):  # ln 0 at the end
            log_memory = np.log1p(-np.arange(self.T + 1) / self.T) if self.beta is None else self._table()
        object.__setattr__(self, "_log_memory", log_memory)

    def _table(self) -> npt.NDArray[np.float64]:
        beta = np.atleast_1d(checks.reals(self.beta, "beta"))
        if beta.shape not in ((1,), (self.T,)):
            raise ValueError(f"beta must be one number or T={self.T} of them, got {checks.show(self.beta)}.")
        single = not isinstance(self.beta, (tuple, list, np.ndarray))
        object.__setattr__(self, "beta", float(beta[0]) if single else tuple(beta.tolist()))
        beta = np.broadcast_to(beta, (self.T,))
        if not (beta.min() > 0 and beta.max() <= 1 and (self.T == 1 or beta[:-1].max() < 1)):
            given = checks.show(self.beta)
            raise ValueError(f"beta must lie in (0, 1), and may be 1 only at the last step, got {given}.")
        return np.concatenate([[0.0], np.cumsum(np.log1p(-beta))])

    @property
    def domain(self) -> Bits:
        """Zeros and ones."""
        return Bits()

    @property
    def t_max(self) -> float:
        """T."""
        return float(self.T)

    @property
    def discrete(self) -> bool:
        """Steps are counted."""
        return True

    @property
    def equilibrium(self) -> Bernoulli:
        """Independent bits."""
        return Bernoulli(self.p)

    def prior(self, t: float) -> Bernoulli:
        """Where a walk back from t starts: the equilibrium."""
        return self.equilibrium

    def log_alpha(self, t: Time) -> Time:
        """ln m_t; -inf where nothing is left."""
        xp = array_module(t)
        return xp.asarray(self._log_memory)[xp.asarray(t, np.int64)][()]

    def alpha(self, t: Time) -> Time:
        """The memory m_t: E[x_t - p | x_0] = m_t (x_0 - p)."""
        return array_module(t).exp(self.log_alpha(t))

    def sigma(self, t: Time) -> Time:
        """sqrt(p (1 - p) (1 - m_t^2)): standard deviation of x_t given x_0; for p != 1/2, in the mean over x_0 ~ pi."""
        xp = array_module(t)
        return xp.sqrt(self.p * (1 - self.p) * -xp.expm1(2 * self.log_alpha(t)))

    def transition(self, s: Time, t: Time) -> tuple[Time, Time]:
        """(a, 1 - a) with a = m_t/m_s, s < t: the memory from s to t, and what is lost, exact to rounding."""
        xp = array_module(s, t)
        log_ratio = self.log_alpha(t) - self.log_alpha(s)
        return xp.exp(log_ratio), -xp.expm1(log_ratio)

    def log_transition(self, x: Array, t: Time, x0: Array) -> Array:
        """ln P(x_t = x | x_0), per row: (n,). Exact; x, x0 (n, d); t a number or (n,)."""
        x, x0 = self.check_state(x, "x"), self.check_state(x0, "x0")
        xp = array_module(x=x, x0=x0, t=t)
        checks.same_shape(x0, x.shape, "x0", "x")
        same, other = self.log_likelihoods(x, self.check_times_of(len(x), t))
        return xp.where(x == x0, same, other).sum(1)

    def log_likelihoods(self, x: Array, t: Time) -> tuple[Array, Array]:
        """ln P(x_t = x | x_0) of every bit of x (n, d) if x_0 is as x, and if it is not; t a number or (n,)."""
        xp = array_module(x)
        kept, lost = (xp.atleast_1d(xp.asarray(v))[:, None] for v in self.transition(0.0, t))
        fresh = lost * self._pi(x)
        with np.errstate(divide="ignore"):  # at t = 0
            return xp.log(kept + fresh), xp.log(fresh)

    def flips(self, x: Array, t: Time, s: Time) -> Flips:
        """P(x_s != x_t | x_t = x, x_0) and its complement, bit by bit; 0 <= s < t numbers, or one per row. Exact."""
        xp = array_module(x)
        (kept_s, lost_s), (kept_t, lost_t), (kept, lost) = (
            tuple(xp.atleast_1d(xp.asarray(v))[:, None] for v in self.transition(*ends))
            for ends in ((0.0, s), (0.0, t), (s, t))
        )
        pi = self._pi(x)
        other = 1 - pi  # of the value that x has not
        as_now, not_now = kept_t + lost_t * pi, lost_t * pi  # P(x_t = x | x_0) for the two x_0
        return Flips(  # (n, d), or smaller where rows or values do not matter
            lost * pi * lost_s * other / as_now,
            (kept + lost * pi) * (kept_s + lost_s * pi) / as_now,
            lost * pi * (kept_s + lost_s * other) / not_now,
            (kept + lost * pi) * lost_s * pi / not_now,
        )

    def prior_cost(self, x0: Array, t: float) -> Array:
        """KL(q(x_t | x_0) || equilibrium) of every row, nats, (n,)."""
        return prior_cost(self, x0, t)

    def step_cost(self, u: Array, x: Array, x0: Array, t: float, s: float) -> Array:
        """KL(q(x_s | x_t, x_0) || p(x_s | x_t)) of every row, nats, (n,); u the log-odds of ones."""
        return step_cost(self, u, x, x0, t, s)

    def bit_channel(self, s: float, t: float) -> Floats:
        """P(x_t = j | x_s = k) of one bit, [k, j]; the identity if s = t."""
        kept, lost = self.transition(s, t)
        channel: Floats = kept * np.eye(2) + lost * np.array([1 - self.p, self.p])
        return channel

    def ones_mean(self, n0: Time, d: int, t: Time) -> Time:
        """Mean number of ones among d bits, n0 of which were ones: p d + (n0 - p d) m_t."""
        return self.p * d + (np.asarray(n0) - self.p * d) * self.alpha(t)

    def ones_variance(self, n0: Time, d: int, t: Time) -> Time:
        """Its variance: n0 q_1 (1 - q_1) + (d - n0) q_0 (1 - q_0) with q_k = m_t k + (1 - m_t) p."""
        one, zero = (self.alpha(t) * k + (1 - self.alpha(t)) * self.p for k in (1, 0))
        return np.asarray(n0) * one * (1 - one) + (d - np.asarray(n0)) * zero * (1 - zero)

    def urn_steps(self, d: int, t: Time) -> Time:
        r"""Mean number of steps of an Ehrenfest urn of d balls to which time t corresponds: -(d/2) ln m_t.

        An urn turns one ball at a time. Let it be turned by a Geiger counter, so that the number of steps is Poisson
        with this mean: then each ball has been turned Poisson(-ln(m_t)/2) times, an odd number of times with
        probability (1 - m_t)/2, independently of the others. Bits of p = 1/2 and balls have one law, at every t. (By
        the step, with beta = 2/d, they have one mean; but an urn turns exactly one ball, bits turn one on average.)

        Raises
        ------
        ValueError
            If p is not 1/2.
        """
        if self.p != 0.5:
            raise ValueError(f"p must be 1/2, an urn's balls prefer no side, got {self.p}.")
        return -checks.count(d, "d") / 2 * self.log_alpha(t)

    def _pi(self, x: Array) -> Any:
        """Equilibrium probability of the values of x; one number where both values have it."""
        return 0.5 if self.p == 0.5 else array_module(x).where(x > 0.5, self.p, 1 - self.p)

    @property
    def default_sampler(self) -> str:
        """Ancestral, the only one without a gradient."""
        return "ancestral"

    def check_state(self, x: object, name: str) -> Array:
        """Bits (n, d)."""
        state = checks.state(x, name)
        self.domain.check_inside(state, name)
        return state

    def jump(self, x0: Array, t: Time, noise: Address, *, out: Array | None = None, eps: Array | None = None) -> Array:
        """One exact jump from 0 to t; `eps` receives the uniforms."""
        x_t, u = self._advance(x0, 0.0, t, noise, out)
        if eps is not None:
            eps[...] = u
        return x_t

    def plan_walk(self, x: Array, fine: Floats) -> Walk:
        """Bits drawn anew step by step, in place; noise from stream BITS."""
        return _BinomialWalk(self, fine)

    def _advance(self, x: Array, s: Time, t: Time, noise: Address, out: Array | None = None) -> tuple[Array, Array]:
        """x_t from x_s = x (n, d), into `out` if given, and the uniforms; t a number or (n,)."""
        xp = array_module(x)
        kept, lost = (xp.atleast_1d(xp.asarray(v))[:, None] for v in self.transition(s, t))
        u = uniforms(x, noise)
        ones = u < kept * x + lost * self.p
        if out is None:
            return ones.astype(x.dtype), u
        out[...] = ones
        return out, u

    def reverse_kernel(self, x: Array, seed: int, step: int) -> ReverseKernel:
        """x flipped where a uniform is below the chance of a flip; noise from stream BITS_REVERSE."""

        def kernel(x: Array, flip: Array) -> Array:
            u = uniforms(x, Address(seed, step, Stream.BITS_REVERSE))
            return array_module(x).where(u < flip, 1 - x, x)

        return kernel

    def posterior_step(
        self, u: Array, x: Array, t: float, s: float, kernel: ReverseKernel, *, variance: str = "posterior"
    ) -> Array:
        """x_s from x_t = x (n, d), given u, the log-odds of ones in x_0."""
        flip, _ = self.flips(x, t, s).mixed(log_odds_of_a_change(x, u))
        return kernel(x, flip)


class _BinomialWalk(Walk):
    """Steps of bits, one by one."""

    def __init__(self, process: Binomial, fine: Floats) -> None:
        self._process = process
        self._s, self._t = fine[:, :-1].reshape(-1), fine[:, 1:].reshape(-1)

    def __call__(self, x: Array, begin: int, end: int, *, seed: int, first_step: int = 0, start: int = 0) -> None:
        """In place."""
        assert begin <= end, "bits that were drawn anew cannot be undone"
        for k in range(begin, end):
            noise = Address(seed, first_step + k, Stream.BITS, start)
            self._process._advance(x, float(self._s[k]), float(self._t[k]), noise, x)
