"""What can be walked forwards and back at all: a Markov process with exact jumps, steps and posteriors,

    q(x_t | x_0),        q(x_t | x_s),        q(x_s | x_t, x_0),        s < t.

`simulate`, `diffuse` and `reverse` ask for nothing else. `inkdiff.Process`, linear diffusion with Gaussian laws, is one
kind, `inkdiff.Binomial`, bits that are drawn anew, another; a kind of one's own derives from `ForwardProcess`.

Reference: J. Sohl-Dickstein et al., Deep unsupervised learning using nonequilibrium thermodynamics (2015), section 2.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, Time, array_module
from inkdiff._core.noise_address import Address
from inkdiff.domains.base import StateSpace
from inkdiff.domains.walks import Walk
from inkdiff.processes.distributions import Distribution

__all__ = ["ForwardProcess", "ReverseKernel", "check_forward_process"]

# One step of the walk back with its noise filled in, a new state from the old one and what the process's step takes.
ReverseKernel: TypeAlias = Callable[..., Array]


class ForwardProcess(ABC):
    """A forward process, from data at t = 0 to `t_max`. `t` is a number or an array (n,); a time outside raises."""

    extension_kind: ClassVar[str] = "process"
    # Formulas of one time, and of two, which see checked times only.
    _timed: ClassVar[tuple[str, ...]] = ()
    _timed_twice: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **keywords: object) -> None:
        """Have every formula that the class defines check its times first."""
        super().__init_subclass__(**keywords)
        for names, checked in ((cls._timed, _with_time), (cls._timed_twice, _with_times)):
            for name in names:
                if name in cls.__dict__:
                    setattr(cls, name, checked(cls.__dict__[name]))

    @property
    @abstractmethod
    def domain(self) -> StateSpace:
        """Where states live."""

    @property
    def t_max(self) -> float:
        """The last time the process is defined at."""
        return math.inf

    @property
    def discrete(self) -> bool:
        """Whether t is an integer (a table of steps)."""
        return False

    @property
    def driftless(self) -> bool:
        """Whether steps add up, and can be undone one by one."""
        return False

    @property
    @abstractmethod
    def default_sampler(self) -> str:
        """The name of the sampler that `reverse` takes if none is given."""

    @abstractmethod
    def prior(self, t: float) -> Distribution:
        """Where a walk back from time t starts."""

    @abstractmethod
    def check_state(self, x: object, name: str) -> Array:
        """A state array (n, d) inside the domain; raises otherwise."""

    @abstractmethod
    def jump(self, x0: Array, t: Time, noise: Address, *, out: Array | None = None, eps: Array | None = None) -> Array:
        """x_t ~ q(x_t | x_0) for a checked state. `out` may be x0; `eps`, (n, d) float32, receives what was drawn."""

    @abstractmethod
    def plan_walk(self, x: Array, fine: npt.NDArray[np.float64]) -> Walk:
        """The walk of states like x through the step times `fine` (intervals, steps + 1).

        Raises
        ------
        ValueError
            If a step is below what the walk's representation can hold, or an interval below what `x` can.
        """

    @abstractmethod
    def reverse_kernel(self, x: Array, seed: int, step: int) -> ReverseKernel:
        """What moves a state like x in one step of the walk back, with the noise of that step number."""

    @abstractmethod
    def posterior_step(
        self, u: Array, x: Array, t: float, s: float, kernel: ReverseKernel, *, variance: str = "posterior"
    ) -> Array:
        """A draw of x_s from q(x_s | x_t, x_0) with what the score u says of x_0."""

    def prior_cost(self, x0: Array, t: float) -> Array:
        """KL(q(x_t | x_0) || prior) of every row, nats, (n,): a term of the evidence lower bound."""
        raise NotImplementedError(f"{type(self).__name__} declares no terms of an evidence lower bound.")

    def step_cost(self, u: Array, x: Array, x0: Array, t: float, s: float) -> Array:
        """KL(q(x_s | x_t, x_0) || p(x_s | x_t)) of every row, nats, (n,), p with what the score u says of x_0."""
        raise NotImplementedError(f"{type(self).__name__} declares no terms of an evidence lower bound.")

    def bit_channel(self, s: float, t: float) -> Floats:
        """P(x_t = j | x_s = k) of one bit, [k, j], where a state is independent bits."""
        raise NotImplementedError(f"{type(self).__name__} is no process of independent bits.")

    def require_reversible(self, what: str) -> None:  # noqa: B027
        """Raise ValueError, naming `what` was asked for, if no walk back is known."""

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


def check_forward_process(process: object) -> None:
    """Raise unless `process` can be walked."""
    if not isinstance(process, ForwardProcess):
        raise TypeError(f"process must be a process such as inkdiff.Brownian(D=1.0), got {checks.show(process)}.")


def _with_time(formula: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(formula)
    def checked(self: ForwardProcess, t: object) -> Any:
        return formula(self, self.check_time(t))

    return checked


def _with_times(formula: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(formula)
    def checked(self: ForwardProcess, s: object, t: object) -> Any:
        return formula(self, self.check_time(s, "s"), self.check_time(t))

    return checked
