r"""Fitting a generator: the GAN loop from the first step to the last planned, and what is shown and kept of it.

    theta_G, theta_D = training(data, hyperparameters)

Rows, latents and initial weights come from counter-based streams addressed by the step: a training is a pure function
of data, hyperparameters and seed, whatever the number of threads. A part of the data is held out, on which the
discriminator is evaluated: what it has seen in training it may have memorised, and its accuracy there says nothing.

Reference: I. Goodfellow et al. (2014), arXiv:1406.2661, algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from inkdiff._core import checks
from inkdiff._core.backend import Array
from inkdiff.datasets import Dataset
from inkdiff.datasets.scaling import Scaling
from inkdiff.gan.conditions import Conditions
from inkdiff.gan.discriminator import Discriminator
from inkdiff.gan.generator import Generator
from inkdiff.gan.hyperparameters import AdversarialOptimiser, Hyperparameters
from inkdiff.gan.loop import GANLoop
from inkdiff.learned.model.word_conditioning import LabelsOrWords
from inkdiff.learned.training.run_options import RunOptions, check_run_options
from inkdiff.nn import LearningRate, PlainMLP, one_thread_each

__all__ = ["as_dataset", "fit"]

_EVALUATIONS = 100  # of the discriminator, in a training


def fit(
    data: Dataset | Array,
    *,
    steps: int,
    seed: int,
    condition: LabelsOrWords | None = None,
    generator: PlainMLP | None = None,
    discriminator: PlainMLP | None = None,
    latent: int | None = None,
    batch: int = 256,
    lr: float | LearningRate = 5e-3,
    r1: float = 0.5,
    held_out: float = 0.1,
    progress: bool | RunOptions = True,
) -> Generator:
    """Train a generator against a discriminator (a generative adversarial network).

    Parameters
    ----------
    data : (n, d) array or data set, in its natural units; NumPy, or CuPy to train on a GPU.
    steps : of each of the two. seed : 64-bit seed of everything random.
    condition : what is known of each row and shown to both: its label (integers (n,), such as `data.y`), or its words
        (n texts, or n sequences of words). The generator can then be asked for them.
    generator, discriminator : their shapes; by default PlainMLP(128, 3) for points, (256, 3) for pictures (d > 8).
    latent : coordinates of the noise that the generator begins with; by default 2 for points, 32 for pictures.
    batch : real points, and generated ones, per step.
    lr : peak of the learning rate of both; or ink.LearningRate(peak, warmup, decay).
    r1 : weight of the penalty on the discriminator's slope at real points, in units of the scaled data; 0 for none.
    held_out : share of the data never trained on (at most 1000 rows), on which the discriminator is evaluated.
    progress : whether to show a bar with both losses; or ink.RunOptions(progress, every, threads, callback), with
        `every` steps between two evaluations, by default a hundredth of all, and callback(steps done, (generator's
        loss, discriminator's loss), snapshot), snapshot() the present Generator.

    Returns
    -------
    Generator, with `.history` and the last `.discriminator`. The same bits for any number of threads, on one machine
    and BLAS build.

    Raises
    ------
    ValueError, TypeError
        If data are empty, not finite, not (n, d), constant or too few to hold 20 out, or conditions do not fit them; or
        a setting is out of range.
    FloatingPointError
        If a loss or the weights stop being finite; it says whose, and what is at fault.
    """
    known, options = as_dataset(data, "data"), check_run_options(progress)
    settings = Hyperparameters.of(
        known.d, seed=seed, optimiser=AdversarialOptimiser(steps, batch, LearningRate.of(lr), 5e-3),
        generator=generator, discriminator=discriminator, latent=latent, r1=r1, held_out=held_out,
    )  # fmt: skip
    training = _Training.start(known, condition, settings, options.threads)
    training.run(options)
    return training.snapshot()


def as_dataset(data: Dataset | Array, name: str) -> Dataset:
    """Data as a data set; an array becomes one without a name.

    Raises
    ------
    ValueError, TypeError
        If an array is no (n, d) of finite numbers; it is called `name`.
    """
    return data if isinstance(data, Dataset) else Dataset(checks.state(data, name), name="array")


@dataclass
class _Training:
    """The loop, and what a generator is made of besides its weights."""

    data: Dataset
    settings: Hyperparameters
    scaling: Scaling
    conditions: Conditions | None
    loop: GANLoop

    @classmethod
    def start(
        cls, data: Dataset, condition: LabelsOrWords | None, settings: Hyperparameters, threads: int
    ) -> _Training:
        conditions, codes = (None, None) if condition is None else Conditions.of(condition, data.x)
        scaling = Scaling.free(data.x, data.range)
        with one_thread_each():
            loop = GANLoop.start(scaling.encode(data.x), codes, settings, threads)
        return cls(data, settings, scaling, conditions, loop)

    def snapshot(self) -> Generator:
        """The present generator, with the running means of the weights."""
        loop, data = self.loop, self.data
        about: dict[str, str | int | float] = {"data": data.name, "n": len(data)}
        about |= self.settings.about()
        if loop.step < loop.generator.steps:
            about["step"] = loop.step
        means = loop.generator.state.mean.copy(), loop.discriminator.state.mean.copy()
        opponent = Discriminator(loop.networks.discriminator, means[1], self.scaling, self.conditions)
        kept = self.scaling, self.settings.latent, self.conditions, data.image_shape
        return Generator(loop.networks.generator, means[0], *kept, opponent, loop.recorder.history, about)

    def run(self, options: RunOptions) -> None:
        """To the last step."""
        from tqdm import tqdm

        loop, steps = self.loop, self.loop.generator.steps
        every = options.every or max(1, steps // _EVALUATIONS)
        bar = tqdm(total=steps, disable=not options.progress, desc="learning to generate", unit="step")
        with one_thread_each(), bar:
            for step in range(1, steps + 1):
                losses = loop.advance()
                bar.update()
                if step % every == 0 or step == steps:
                    right = loop.evaluate().value
                    bar.set_postfix(
                        generator=f"{losses[0]:.3f}", discriminator=f"{losses[1]:.3f}", right=f"{right:.2f}"
                    )
                if options.callback is not None:
                    options.callback(step, losses, self.snapshot)
            loop.check()
