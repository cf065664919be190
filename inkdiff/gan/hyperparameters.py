"""Hyperparameters: with the data, all that the result of a training depends on.

    theta_G, theta_D = training(data, hyperparameters),      whatever the threads

Reference: J. K. Salmon et al. (2011), SC11 (noise that needs no state, so that threads change nothing).
"""

from __future__ import annotations

from dataclasses import dataclass

from inkdiff._core import checks
from inkdiff.nn import AdamW, LearningRate, PlainMLP, RateSchedule

__all__ = ["AdversarialOptimiser", "Hyperparameters", "check_penalty", "check_shape"]

_SMALL = 8  # up to this many coordinates the data are points, beyond it they are pictures


@dataclass(frozen=True)
class AdversarialOptimiser:
    """Steps, rows of either kind in each, and AdamW with a short memory, for a loss that moves with the opponent.

    Raises
    ------
    ValueError, TypeError
        If one is out of range.
    """

    steps: int
    batch: int
    lr: LearningRate
    peak: float  # of the learning rate, where `lr` has none

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        object.__setattr__(self, "steps", checks.count(self.steps, "steps"))
        object.__setattr__(self, "batch", checks.count(self.batch, "batch"))

    @property
    def rate(self) -> RateSchedule:
        """The learning rate of every step."""
        return RateSchedule(self.lr.peak or self.peak, self.steps, self.lr.warmup)

    @property
    def adamw(self) -> AdamW:
        """It forgets within a few steps: the opponent, and with it the landscape, has moved on since."""
        return AdamW(b1=0.5, b2=0.9, decay=self.lr.decay or 0.0)


@dataclass(frozen=True)
class Hyperparameters:
    """Those of `inkdiff.gan.fit`, checked; see there.

    Raises
    ------
    ValueError, TypeError
        If one is out of range.
    """

    seed: int
    optimiser: AdversarialOptimiser
    generator: PlainMLP
    discriminator: PlainMLP
    latent: int
    r1: float
    held_out: float

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        object.__setattr__(self, "seed", checks.seed64(self.seed))
        object.__setattr__(self, "latent", checks.count(self.latent, "latent"))
        object.__setattr__(self, "r1", check_penalty(self.r1))
        object.__setattr__(self, "held_out", checks.real(self.held_out, "held_out"))
        check_shape(self.generator, "generator")
        check_shape(self.discriminator, "discriminator")
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out must be a share of the data between 0 and 1, got {self.held_out}.")

    @classmethod
    def of(
        cls, d: int, *, seed: int, optimiser: AdversarialOptimiser, generator: PlainMLP | None,
        discriminator: PlainMLP | None, latent: int | None, r1: float, held_out: float,
    ) -> Hyperparameters:  # fmt: skip
        """Those for data of d coordinates; what is None takes the value that suits points, or pictures."""
        picture = d > _SMALL
        shape = PlainMLP(256 if picture else 128, 3)
        latent = (32 if picture else 2) if latent is None else latent
        generator = shape if generator is None else generator
        discriminator = shape if discriminator is None else discriminator
        return cls(seed, optimiser, generator, discriminator, latent, r1, held_out)

    def about(self) -> dict[str, str | int | float]:
        """The notes that a generator keeps of its training."""
        optimiser, shape = self.optimiser, self.discriminator
        return {
            "seed": self.seed,
            "latent": self.latent,
            "r1": self.r1,
            "steps": optimiser.steps,
            "batch": optimiser.batch,
            "lr": optimiser.rate.peak,
            "warmup": optimiser.lr.warmup,
            "decay": optimiser.adamw.decay,
            "held_out": self.held_out,
            "discriminator": f"{shape.width} x {shape.depth}",
        }


def check_penalty(r1: object) -> float:
    """The weight of the penalty on the slope, >= 0."""
    weight = checks.real(r1, "r1")
    if weight < 0:
        raise ValueError(f"r1 must be >= 0, the weight of the penalty on the slope, got {weight}.")
    return weight


def check_shape(net: object, name: str) -> PlainMLP:
    """The shape of a network."""
    if not isinstance(net, PlainMLP):
        raise TypeError(f"{name} must be an inkdiff.gan.PlainMLP, got {checks.show(net)}.")
    return net
