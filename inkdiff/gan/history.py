"""The history of a training: losses, and how often the discriminator is right, which should come down to a half.

    accuracy = (P[D(x) > 0] + P[D(G(z)) < 0]) / 2,      x held out of training, z fresh

Neither loss says how good the samples are, since each is measured against an opponent that learns as well.

Reference: I. Goodfellow et al. (2014), arXiv:1406.2661, theorem 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from inkdiff._core.backend import Floats
from inkdiff.metrics import Column, Estimate

__all__ = ["History", "Recorder"]


@dataclass(frozen=True, eq=False)
class History:
    """How a training went, (k,) each: steps done, mean losses since the last evaluation, the accuracy there.

    The accuracy is the discriminator's on real points held out of training and as many generated ones, half and half:
    0.5 is guessing.
    """

    step: npt.NDArray[np.int64]
    generator_loss: Floats
    discriminator_loss: Floats
    accuracy: Column


@dataclass
class Recorder:
    """The losses of every step since the last evaluation, and all evaluations."""

    steps: list[int] = field(default_factory=list)
    losses: list[tuple[float, float]] = field(default_factory=list)
    accuracies: list[Estimate] = field(default_factory=list)
    recent: list[tuple[float, float]] = field(default_factory=list)

    def record(self, step: int, accuracy: Estimate) -> None:
        """Note an evaluation, and the mean losses of the steps since the one before."""
        self.steps.append(step)
        self.accuracies.append(accuracy)
        generator, discriminator = (float(np.mean(side)) for side in zip(*self.recent, strict=True))
        self.losses.append((generator, discriminator))
        self.recent.clear()

    @property
    def history(self) -> History:
        """So far."""
        losses, accuracies = np.reshape(self.losses, (-1, 2)), np.reshape(self.accuracies, (-1, 2))
        column = Column(accuracies[:, 0], accuracies[:, 1])
        return History(np.array(self.steps, np.int64), losses[:, 0], losses[:, 1], column)
