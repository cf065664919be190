r"""The GAN loop: discriminator and generator take turns, one step each, on batches addressed by the step.

    step k:   rows, z, z'  <-  stream ADVERSARIAL at 3k + 1, 3k + 2, 3k + 3
    D <- AdamW(D, grad of [E softplus(-D(x)) + E softplus(D(G(z))) + (r1/2) E |grad_x D(x)|^2])
    G <- AdamW(G, grad of  E softplus(-D(G(z'))))

The discriminator is evaluated on real points held out of training: a part drawn once, at step 0 of the stream, and as
many generated ones from latents of their own. It is the iterate that is evaluated, which the generator's next step will
meet. Both keep the running mean of their weights: the loop never quite rests, and the mean is where it circles about.

References: I. Goodfellow et al. (2014), arXiv:1406.2661, algorithm 1; Y. Yazici et al. (2019), arXiv:1806.04498 (the
mean of the weights).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core.backend import Array, array_module
from inkdiff._core.rng import Stream
from inkdiff.gan.discriminator import accuracy, evaluate
from inkdiff.gan.history import Recorder
from inkdiff.gan.hyperparameters import Hyperparameters
from inkdiff.gan.losses import Networks, discriminator_loss, generator_loss, join_columns
from inkdiff.metrics import Estimate
from inkdiff.nn import AdamWState, Arena, Objective, Optimisation, Run, SummedGradient, initial_weights

__all__ = ["GANLoop"]

_MOST_HELD_OUT = 1000  # real points, and
_FEWEST_HELD_OUT = 20
_FIRST_EVALUATION = 2  # steps of stream LATENT from here on belong to evaluations; 0 and 1 to `Generator.sample`


@dataclass(frozen=True, eq=False)
class _Batches:
    """What the two see at each step: rows of the data with the columns of their condition, and latents."""

    networks: Networks
    data: Array
    batch: int
    latent: int
    seed: int

    def rows(self, step: int) -> Array:
        """Real points (batch, d + words)."""
        u = kernels.uniform(self.batch, seed=self.seed, step=3 * step + 1, stream=Stream.ADVERSARIAL).astype(np.float64)
        return self.data[array_module(self.data).asarray((u * len(self.data)).astype(np.int64))]

    def codes(self, rows: Array) -> Array | None:
        """The conditions of rows (n, d + words), if they have any."""
        return rows[:, self.networks.d :] if rows.shape[1] > self.networks.d else None

    def latents(self, n: int, step: int, stream: Stream) -> Array:
        """Standard normal z (n, latent)."""
        z = array_module(self.data).empty(n * self.latent, np.float32)
        kernels.normal(n * self.latent, seed=self.seed, step=step, stream=stream, out=z)
        return z.reshape(n, self.latent)


class _DiscriminatorObjective(Objective):
    """The discriminator's loss against the present generator."""

    subject, alternative = "the discriminator", ", or a larger r1"

    def __init__(self, batches: _Batches, generator: AdamWState, summed: SummedGradient, r1: float) -> None:
        self._batches, self._generator, self._summed, self._r1 = batches, generator, summed, r1

    def loss(self, theta: Array, step: int, gradient: Array) -> float:
        """The loss of the batch of a step."""
        batches, r1 = self._batches, self._r1
        networks, batch, d = batches.networks, batches.batch, batches.networks.d
        real, z = batches.rows(step), batches.latents(batch, 3 * step + 2, Stream.ADVERSARIAL)
        codes = batches.codes(real)

        def of_rows(arena: Arena, rows: slice, out: Array) -> float:
            columns = None if codes is None else codes[rows]
            generated, _ = networks.generator(Run(self._generator.theta, arena), join_columns(arena, z[rows], columns))
            fake, run = join_columns(arena, generated, columns), Run(theta, arena, training=True)
            return discriminator_loss(networks.discriminator, run, real[rows], fake, out, d=d, r1=r1, batch=batch)

        return self._summed(of_rows, gradient)


class _GeneratorObjective(Objective):
    """The generator's loss against the present discriminator."""

    subject, alternative = "the generator", ", or a larger r1"

    def __init__(self, batches: _Batches, discriminator: AdamWState, summed: SummedGradient) -> None:
        self._batches, self._discriminator, self._summed = batches, discriminator, summed

    def loss(self, theta: Array, step: int, gradient: Array) -> float:
        """The loss of the batch of a step."""
        batches, batch = self._batches, self._batches.batch
        z, codes = batches.latents(batch, 3 * step + 3, Stream.ADVERSARIAL), batches.codes(batches.rows(step))

        def of_rows(arena: Arena, rows: slice, out: Array) -> float:
            run, opponent = (Run(weights, arena, training=True) for weights in (theta, self._discriminator.theta))
            columns = None if codes is None else codes[rows]
            return generator_loss(batches.networks, run, opponent, z[rows], columns, out, batch=batch)

        return self._summed(of_rows, gradient)


@dataclass
class GANLoop:
    """Both networks in training, the points held out, and what is recorded."""

    generator: Optimisation
    discriminator: Optimisation
    held_out: Array
    _batches: _Batches
    recorder: Recorder = field(default_factory=Recorder)

    @classmethod
    def start(cls, x: Array, codes: Array | None, settings: Hyperparameters, threads: int = 0) -> GANLoop:
        """Before the first step; x (n, d) in units of the networks, codes (n, words) of its conditions or None."""
        words, d, optimiser = 0 if codes is None else codes.shape[1], x.shape[1], settings.optimiser
        networks = Networks(
            settings.generator.build(settings.latent + words, d), settings.discriminator.build(d + words, 1)
        )
        kept, held_out = (array_module(x).asarray(part) for part in _split(len(x), settings.held_out, settings.seed))
        rows = join_columns(Arena(), x, codes)
        batches = _Batches(networks, rows[kept], optimiser.batch, settings.latent, settings.seed)
        generator, discriminator = (
            AdamWState.start(initial_weights(network, x, seed=settings.seed, step=step))
            for step, network in enumerate((networks.generator, networks.discriminator))
        )
        summed = SummedGradient(generator.theta, optimiser.batch, threads=threads)
        of_generator = _GeneratorObjective(batches, discriminator, summed)
        summed = SummedGradient(discriminator.theta, optimiser.batch, parts=2, threads=threads)
        of_discriminator = _DiscriminatorObjective(batches, generator, summed, settings.r1)
        rules = optimiser.rate, optimiser.adamw, summed.shards
        return cls(
            Optimisation(of_generator, generator, *rules),
            Optimisation(of_discriminator, discriminator, *rules),
            rows[held_out],
            batches,
        )

    @property
    def networks(self) -> Networks:
        """Generator and discriminator."""
        return self._batches.networks

    @property
    def step(self) -> int:
        """Steps done."""
        return self.generator.state.step

    def advance(self) -> tuple[float, float]:
        """One step of each; returns the generator's and the discriminator's loss before it.

        Raises
        ------
        FloatingPointError
            If a loss is not finite; it says whose, and what is at fault.
        """
        of_discriminator = self.discriminator.advance()
        losses = self.generator.advance(), of_discriminator
        self.recorder.recent.append(losses)
        return losses

    def evaluate(self) -> Estimate:
        """The discriminator's accuracy on the points held out and as many generated ones, which is recorded."""
        batches, step = self._batches, _FIRST_EVALUATION + len(self.recorder.steps)
        z, codes = batches.latents(len(self.held_out), step, Stream.LATENT), batches.codes(self.held_out)
        fake = join_columns(Arena(), evaluate(self.networks.generator, self.generator.state.theta, z, codes), codes)
        real, generated = (
            evaluate(self.networks.discriminator, self.discriminator.state.theta, x)[:, 0]
            for x in (self.held_out, fake)
        )
        right = accuracy(real, generated)
        self.recorder.record(self.step, right)
        return right

    def check(self) -> None:
        """Raise FloatingPointError unless all weights are finite."""
        self.generator.check()
        self.discriminator.check()


def _split(n: int, share: float, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows to train on, and rows held out to evaluate on."""
    held_out = min(_MOST_HELD_OUT, round(share * n))
    if held_out < _FEWEST_HELD_OUT or held_out == n:
        raise ValueError(
            f"held_out={share:g} leaves {held_out} of the {n} rows of data to evaluate the discriminator on: give data "
            f"and a share that leave at least {_FEWEST_HELD_OUT}, and some to learn from."
        )
    order = np.argsort(kernels.uniform(n, seed=seed, stream=Stream.ADVERSARIAL), kind="stable")
    return np.sort(order[held_out:]), np.sort(order[:held_out])
