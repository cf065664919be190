r"""Parameterisations of the score: what the network predicts of a noised point x_t = alpha x_0 + sigma eps.

    noise        q = eps
    data         q = x_0
    v            q = alpha eps - sigma x_0
    velocity     q = dx_t/dt = alpha' x_0 + sigma' eps                     flow matching's

Each is q = a x_0 + b eps, so that with the determinant D = alpha b - sigma a the others follow from q and x_t:

    eps = (alpha q - a x_t)/D,        x_0 = (b x_t - sigma q)/D,        score = -eps/sigma,

    velocity = [ (alpha' b - sigma' a) x_t + (alpha sigma' - sigma alpha') q ]/D.

The network's output F is q in units of its root mean square over the data, r^2 = a^2 E[x_0^2] + b^2. At fixed x_t the
best predictions of all four are linear maps of one another; they differ in how errors of F weigh, and in what is
defined at alpha = 0: there D of the noise vanishes, the others keep a velocity, and the score is -x_t/sigma^2.

`Preconditioning` (`preconditioning.py`), the fifth and the default, predicts what a score adds to that of independent
coordinates.

References: T. Salimans, J. Ho (2022), arXiv:2202.00512, section 4; Y. Lipman et al. (2022), arXiv:2210.02747, eq. 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, Time, array_module, asnumpy
from inkdiff.learned.model.marginals import Alone
from inkdiff.learned.model.preconditioning import Noise, Preconditioning
from inkdiff.processes.base import Process

__all__ = [
    "PREDICTIONS",
    "DataPrediction",
    "NoisePrediction",
    "Parameterisation",
    "Prediction",
    "VPrediction",
    "VelocityPrediction",
]


@dataclass(frozen=True)
class Parameterisation:
    """How a score is written by a network: what it predicts and sees, and from which noise on.

    Parameters
    ----------
    predict : "score": what the score adds to the known one of independent coordinates; or "noise", "data", "v",
        "velocity", as in the table of this module, in free space.
    sigma_min : smallest noise sigma/alpha trained on, in units of the data's standard deviation; by default 0.005 for
        points, 0.1 for pictures.
    fourier_octaves : octaves of Fourier features of each coordinate; by default 5 for points, 0 for pictures.
    match_moments : correct the trained score so that its samples keep the means and covariances of the data; some
        seconds of walking at the end. By default for pictures only: in few coordinates a network keeps them better.
    """

    predict: str = "score"
    sigma_min: float | None = None
    fourier_octaves: int | None = None
    match_moments: bool | None = None

    @classmethod
    def of(cls, value: str | Parameterisation) -> Parameterisation:
        """A parameterisation, given as itself or by what the network predicts.

        Raises
        ------
        ValueError, TypeError
            If it is neither.
        """
        found = cls(value) if isinstance(value, str) else value
        if not isinstance(found, cls):
            raise TypeError(f"parameterisation must be a name or ink.Parameterisation(...), got {checks.show(value)}.")
        if found.predict not in PREDICTIONS:
            known = ", ".join(map(repr, PREDICTIONS))
            raise ValueError(f"parameterisation must be one of {known}, got {found.predict!r}.")
        return found


class _Path(NamedTuple):
    """alpha, sigma and their rates of change at times t (n,), float64."""

    alpha: Floats
    sigma: Floats
    alpha_rate: Floats
    sigma_rate: Floats

    @classmethod
    def of(cls, process: Process, t: Time) -> _Path:
        t = np.atleast_1d(np.asarray(asnumpy(t), np.float64))
        rates = process.alpha_rate(t), process.sigma_rate(t)
        return cls(*(np.asarray(part) for part in (process.alpha(t), process.sigma(t), *rates)))


@dataclass(frozen=True, eq=False)
class Prediction(Preconditioning):
    """A score whose network predicts q = a x_0 + b eps; see the module's equations."""

    trains_on_all: ClassVar[bool] = True

    def weights(self, path: _Path) -> tuple[Floats, Floats]:
        """(a, b) at each time."""
        raise NotImplementedError

    def noise(self, process: Process, t: Time, like: Array) -> Noise:
        """The noise at times t (a number or (n,)), on the device of `like`."""
        path = _Path.of(process, t)
        a, b = self.weights(path)
        determinant = path.alpha * b - path.sigma * a
        xp = array_module(like)
        unit = -path.alpha * self._size(a, b) / determinant
        parts = (xp.asarray(part, np.float32) for part in (a / determinant, unit))
        return super().noise(process, t, like)._replace(**dict(zip(("x_weight", "unit"), parts, strict=True)))

    def velocity_weights(self, process: Process, t: Time, like: Array) -> tuple[Array, Array]:
        """The velocity of the probability flow is the first times x_t plus the second times F, (n, 1) each."""
        path = _Path.of(process, t)
        a, b = self.weights(path)
        determinant = path.alpha * b - path.sigma * a
        of_x = (path.alpha_rate * b - path.sigma_rate * a) / determinant
        of_q = (path.alpha * path.sigma_rate - path.sigma * path.alpha_rate) / determinant
        xp = array_module(like)
        return xp.asarray(of_x, np.float32)[:, None], xp.asarray(of_q * self._size(a, b), np.float32)[:, None]

    def _size(self, a: Floats, b: Floats) -> Floats:
        """r, the root mean square of q."""
        square = self.spread**2 + float((asnumpy(self.centre).astype(np.float64) ** 2).mean())
        return np.sqrt(a**2 * square + b**2)

    def _scales(self, x: Array, noise: Noise, alone: Alone) -> tuple[Array, Array, Array]:
        xp = array_module(x)
        x_weight, unit = _columns(noise)
        return x_weight * x, xp.ones((1, 1), np.float32), unit

    def _scale_slopes(
        self, y: Array, noise: Noise, v: Array, known: Array, unknown: Array
    ) -> tuple[Array, Array, Array]:
        nothing = array_module(y).zeros((1, 1), np.float32)
        return _columns(noise)[0] * v, nothing, nothing


def _columns(noise: Noise) -> tuple[Array, Array]:
    assert noise.x_weight is not None and noise.unit is not None
    return noise.x_weight[:, None], noise.unit[:, None]


@dataclass(frozen=True, eq=False)
class NoisePrediction(Prediction):
    """The network predicts eps (J. Ho, A. Jain, P. Abbeel 2020)."""

    predicts: ClassVar[str] = "noise"

    def weights(self, path: _Path) -> tuple[Floats, Floats]:  # noqa: D102
        return np.zeros_like(path.alpha), np.ones_like(path.alpha)


@dataclass(frozen=True, eq=False)
class DataPrediction(Prediction):
    """The network predicts x_0."""

    predicts: ClassVar[str] = "data"

    def weights(self, path: _Path) -> tuple[Floats, Floats]:  # noqa: D102
        return np.ones_like(path.alpha), np.zeros_like(path.alpha)


@dataclass(frozen=True, eq=False)
class VPrediction(Prediction):
    """The network predicts alpha eps - sigma x_0 (T. Salimans and J. Ho 2022)."""

    predicts: ClassVar[str] = "v"

    def weights(self, path: _Path) -> tuple[Floats, Floats]:  # noqa: D102
        return -path.sigma, path.alpha


@dataclass(frozen=True, eq=False)
class VelocityPrediction(Prediction):
    """The network predicts dx_t/dt: flow matching (Y. Lipman et al. 2022)."""

    predicts: ClassVar[str] = "velocity"

    def weights(self, path: _Path) -> tuple[Floats, Floats]:  # noqa: D102
        return path.alpha_rate, path.sigma_rate


PREDICTIONS: dict[str, type[Preconditioning]] = {
    kind.predicts: kind for kind in (Preconditioning, NoisePrediction, DataPrediction, VPrediction, VelocityPrediction)
}
