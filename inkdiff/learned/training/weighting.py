r"""Loss weightings: how much each noise level counts, exactly as a density of levels times a weight.

Every loss of a diffusion model is one integral over the levels l = ln(sigma_t/alpha_t), of the squared error of the
predicted noise e(l) = E |sigma_t (s_theta - grad log p(x_t | x_0))|^2 / d, times something that somebody chose:

    L = int dl p(l) w(l) e(l)

    balanced      p even in l      w = 1/r(l)^2                  a task of unit size at every level (the default)
    simple        p even in t      w = 1                         mean squared error of the noise (Ho et al.)
    likelihood    p even in l      w = l_top - l_lo              1/2 int g^2 E |s_theta - ...|^2 dt / d (Song et al.)
    min_snr       p even in t      w = min(1, gamma e^{2 l})     min(SNR, gamma) on x_0, SNR = e^{-2 l} (Hang et al.)
    uniform       p even in t      w = 1/r(l)^2                  mean squared error of what the network predicts

r(l) is what the known part leaves to learn (`preconditioning.py`), or the size of what the network predicts, as noise
(`predictions.py`): "uniform" with the velocity of a straight path is flow matching's loss. The third line holds because
dl/dt = g^2/(2 sigma^2) for every linear process: the likelihood counts all levels alike. Levels and times are those
that are trained, [l_lo, l_top]; a table of steps draws its integers alike, and obeys the third line to first order in a
step. In free space the target is the mean over the data, so that e(l) there lacks the variance of the single target, a
constant.

References: J. Ho, A. Jain, P. Abbeel (2020), arXiv:2006.11239, eq. 14; Y. Song, C. Durkan, I. Murray, S. Ermon (2021),
arXiv:2101.09258, eq. 7; D. Kingma et al. (2021), arXiv:2107.00630, eq. 18; T. Hang et al. (2023), arXiv:2303.09556;
Y. Lipman et al. (2022), arXiv:2210.02747.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff._core.registry import register

__all__ = [
    "BalancedWeighting", "LikelihoodWeighting", "MinSNRWeighting", "SimpleWeighting", "UniformWeighting", "Weighting",
    "check_weighting",
]  # fmt: skip


@dataclass(frozen=True)
class Weighting(ABC):
    """How much each noise level counts; a weighting of one's own is a frozen dataclass derived from this.

    The loss of a training is int dl p(l) w(l) e(l) with p even in the level or in time and w(l) of `of_noise_error`;
    see the table of the module. To be saved with a training it registers its name: `@ink.register`.
    """

    extension_kind: ClassVar[str] = "weighting"

    @property
    def even_in_time(self) -> bool:
        """Whether training draws times evenly, else levels."""
        return False

    @abstractmethod
    def of_noise_error(self, level: Array, span: float) -> Array | None:
        """w(l) >= 0 at levels l (n,), `span` = l_top - l_lo, (n,); or None: 1 of the error in units of r(l)."""


@register
@dataclass(frozen=True)
class BalancedWeighting(Weighting):
    """Levels drawn evenly, the error in units of what there is to learn at each: the default."""

    def of_noise_error(self, level: Array, span: float) -> Array | None:  # noqa: D102
        return None


@register
@dataclass(frozen=True)
class SimpleWeighting(Weighting):
    """Mean squared error of the predicted noise, times drawn evenly (Ho et al. 2020)."""

    @property
    def even_in_time(self) -> bool:  # noqa: D102
        return True

    def of_noise_error(self, level: Array, span: float) -> Array | None:  # noqa: D102
        return array_module(level).ones_like(level)


@register
@dataclass(frozen=True)
class LikelihoodWeighting(Weighting):
    """1/2 int g^2 E|s - grad log p(x_t | x_0)|^2 dt / d: bounds the negative log-likelihood in nats per coordinate."""

    def of_noise_error(self, level: Array, span: float) -> Array | None:  # noqa: D102
        return array_module(level).full_like(level, span)


@register
@dataclass(frozen=True)
class MinSNRWeighting(Weighting):
    """Times drawn evenly, the error of the predicted x_0 weighted by min(SNR, gamma) (Hang et al. 2023).

    Raises
    ------
    ValueError, TypeError
        If gamma is not a number > 0.
    """

    gamma: float = 5.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "gamma", checks.positive(self.gamma, "gamma"))

    @property
    def even_in_time(self) -> bool:  # noqa: D102
        return True

    def of_noise_error(self, level: Array, span: float) -> Array | None:  # noqa: D102
        xp = array_module(level)
        return xp.minimum(1.0, self.gamma * xp.exp(2 * xp.minimum(level, 100.0)))


@register
@dataclass(frozen=True)
class UniformWeighting(Weighting):
    """Mean squared error of what the network predicts, in units of its size; times drawn evenly: flow matching's."""

    @property
    def even_in_time(self) -> bool:  # noqa: D102
        return True

    def of_noise_error(self, level: Array, span: float) -> Array | None:  # noqa: D102
        return None


_NAMES: dict[str, Weighting] = {
    "balanced": BalancedWeighting(),
    "simple": SimpleWeighting(),
    "likelihood": LikelihoodWeighting(),
    "min_snr": MinSNRWeighting(),
    "uniform": UniformWeighting(),
}


def check_weighting(value: object) -> Weighting:
    """A weighting, given as itself or by its name.

    Raises
    ------
    ValueError, TypeError
        If it is neither.
    """
    if isinstance(value, Weighting):
        return value
    if not isinstance(value, str):
        raise TypeError(f"weighting must be a name or a weighting such as MinSNRWeighting(), got {checks.show(value)}.")
    if value not in _NAMES:
        raise ValueError(f"weighting must be one of {', '.join(map(repr, _NAMES))}, got {value!r}.")
    return _NAMES[value]
