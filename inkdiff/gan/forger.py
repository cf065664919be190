r"""The forger: one evaluation of a network turns noise into data.

    x = decode(G(theta; z)),    z ~ N(0, I)        (with labels: G(theta; z, label))

No walk, no steps, and no density: that is its strength, one matrix product per layer for a sample, and its weakness,
since a law that cannot be evaluated cannot be held against the data but by its samples.

Reference: I. Goodfellow et al. (2014), arXiv:1406.2661.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff._core.rng import Stream
from inkdiff.datasets.scaling import Scaling
from inkdiff.gan.detective import Detective, evaluate
from inkdiff.gan.labels import Labels
from inkdiff.metrics import Column
from inkdiff.nn import PlainNetwork

__all__ = ["Forger", "History"]


@dataclass(frozen=True, eq=False)
class History:
    """How a duel went, (k,) each: steps done, mean losses since the last look, and the detective's accuracy there.

    The accuracy is on real points held out of training and as many fresh forgeries, half and half: 0.5 is guessing.
    """

    step: npt.NDArray[np.int64]
    forger_loss: npt.NDArray[np.float64]
    detective_loss: npt.NDArray[np.float64]
    accuracy: Column


@dataclass(frozen=True, eq=False)
class Forger:
    """A forger trained by `inkdiff.gan.duel`.

    Attributes
    ----------
    network, theta : the network and its flat parameters (the running mean of training), float32.
    scaling : data units <-> those of the network. latent : coordinates of z.
    labels : what it can be asked for, or None. image_shape : shape of one row as an image, or None.
    detective : its opponent, as it was in the end. history : how the duel went. about : on what, and how.
    """

    network: PlainNetwork
    theta: Array
    scaling: Scaling
    latent: int
    labels: Labels | None
    image_shape: tuple[int, ...] | None
    detective: Detective
    history: History
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def d(self) -> int:
        """Number of coordinates."""
        return self.network.outputs

    def sample(self, n: int, *, seed: int, label: Any = None) -> Array:
        """n forgeries in data units, (n, d); nothing is clipped.

        Parameters
        ----------
        n : how many. seed : 64-bit seed of the latents (stream LATENT).
        label : of a forger trained with labels: one for all, or (n,); by default drawn in the proportions of the data.

        Raises
        ------
        ValueError, TypeError
            If n or seed are no such integers, or a label is unknown or given to a forger without labels.
        """
        n, seed = checks.count(n, "n"), checks.seed64(seed)
        if self.labels is None and label is not None:
            raise ValueError(
                f"label={checks.show(label)}: this forger was trained without labels (label=True in duel)."
            )
        xp = array_module(self.theta)
        z = xp.empty(n * self.latent, np.float32)
        kernels.normal(n * self.latent, seed=seed, stream=Stream.LATENT, out=z)
        hot = None
        if self.labels is not None:
            hot = self.labels.columns(self.labels.draw(n, seed=seed) if label is None else label, n, like=z)
        return self.scaling.decode(self.draw(z.reshape(n, -1), hot))

    def draw(self, z: Array, hot: Array | None = None) -> Array:
        """G(theta; z) in units of the network, for latents z (n, latent) and label columns (n, classes)."""
        return evaluate(self.network, self.theta, z, hot)

    def __repr__(self) -> str:
        """One line."""
        asked = "" if self.labels is None else f", {len(self.labels)} labels"
        return f"Forger(d={self.d}, latent={self.latent}{asked}, {self.network.size} parameters)"
