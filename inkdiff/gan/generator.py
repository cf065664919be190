r"""The generator: one evaluation of a network turns noise into data.

    x = decode(G(theta; z)),    z ~ N(0, I)        (under a condition: G(theta; z, w))

No walk, no steps, and no density: that is its strength, one matrix product per layer for a sample, and its weakness,
since a law that cannot be evaluated cannot be held against the data but by its samples.

Reference: I. Goodfellow et al. (2014), arXiv:1406.2661.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff._core.rng import Stream
from inkdiff.datasets.scaling import Scaling
from inkdiff.gan.conditions import Conditions
from inkdiff.gan.discriminator import Discriminator, evaluate
from inkdiff.gan.history import History
from inkdiff.nn import PlainNetwork

__all__ = ["Generator"]


@dataclass(frozen=True, eq=False)
class Generator:
    """A generator trained by `inkdiff.gan.fit`.

    Attributes
    ----------
    network, theta : the network and its flat parameters (the running mean of training), float32.
    scaling : data units <-> those of the network. latent : coordinates of z.
    conditions : what its samples can be conditioned on, or None. image_shape : shape of a row as an image, or None.
    discriminator : its opponent, as it was in the end. history : how the training went. about : on what, and how.
    """

    network: PlainNetwork
    theta: Array
    scaling: Scaling
    latent: int
    conditions: Conditions | None
    image_shape: tuple[int, ...] | None
    discriminator: Discriminator
    history: History
    about: dict[str, str | int | float] = field(default_factory=dict)

    @property
    def d(self) -> int:
        """Number of coordinates."""
        return self.network.outputs

    def sample(
        self, n: int, *, seed: int, label: object = None, words: object = None, prompt: str | None = None
    ) -> Array:
        """n new points in data units, (n, d); nothing is clipped.

        Parameters
        ----------
        n : how many. seed : 64-bit seed of the latents (stream LATENT).
        label, words, prompt : a condition, one for all or n of them, as for `inkdiff.LearnedScore.given`; by default
            drawn in the proportions of the data.

        Raises
        ------
        ValueError, TypeError
            If n or seed are no such integers, or a condition is unknown or given to a generator without any.
        """
        n, seed = checks.count(n, "n"), checks.seed64(seed)
        given = [value for value in (label, words, prompt) if value is not None]
        if self.conditions is None and given:
            raise ValueError(
                f"label={checks.show(given[0])}: this generator was trained without conditions (condition= in gan.fit)."
            )
        xp = array_module(self.theta)
        z = xp.empty(n * self.latent, np.float32)
        kernels.normal(n * self.latent, seed=seed, stream=Stream.LATENT, out=z)
        codes = None
        if self.conditions is not None:
            drawn = xp.asarray(self.conditions.draw(n, seed=seed))
            codes = self.conditions.encode(n, z, label=label, words=words, prompt=prompt) if given else drawn
        return self.scaling.decode(self.generate(z.reshape(n, -1), codes))

    def generate(self, z: Array, codes: Array | None = None) -> Array:
        """G(theta; z, w) in units of the network, for latents z (n, latent) and conditions w (n, words)."""
        return evaluate(self.network, self.theta, z, codes)

    def __repr__(self) -> str:
        """One line."""
        words = "" if self.conditions is None else f", {len(self.conditions.vocabulary)} words"
        return f"Generator(d={self.d}, latent={self.latent}{words}, {self.network.size} parameters)"
