r"""The classifier two-sample test: are two sets of points drawn from one law? A fresh classifier is asked.

    accuracy = (P[D(x) > 0] + P[D(y) < 0]) / 2  <=  (1 + TV(p, q))/2,          = 1/2 for every D if p = q

A classifier D is trained on every other row of both sets, and judged on the rows between. Under the hypothesis p = q
the accuracy is normal about 1/2 with the standard error that it is given, so z = (accuracy - 1/2)/stderr and the
one-sided p-value follow; whatever the laws, 2 accuracy - 1 estimates a lower bound of their total variation distance.
Unlike the discriminator that a GAN's training leaves behind, no generator has been trained against this one; its
power depends on its size and on its number of steps, which are therefore stated.

Reference: D. Lopez-Paz, M. Oquab, Revisiting classifier two-sample tests (2017), arXiv:1610.06545, section 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff._core.rng import Stream
from inkdiff.datasets import Dataset
from inkdiff.datasets.scaling import Scaling
from inkdiff.gan.discriminator import Discriminator, accuracy
from inkdiff.gan.fitting import as_dataset
from inkdiff.gan.hyperparameters import AdversarialOptimiser, check_penalty, check_shape
from inkdiff.gan.losses import discriminator_loss
from inkdiff.metrics import Estimate
from inkdiff.nn import (
    AdamWState,
    Arena,
    LearningRate,
    Objective,
    Optimisation,
    PlainMLP,
    PlainNetwork,
    Run,
    SummedGradient,
    initial_weights,
    one_thread_each,
)

__all__ = ["TwoSampleTest", "classifier_two_sample_test"]

_FEWEST = 40  # rows of either kind
_FRESH = 1 << 31  # steps of stream ADVERSARIAL from here on belong to fresh classifiers


@dataclass(frozen=True, eq=False)
class TwoSampleTest:
    """What a fresh classifier found.

    Attributes
    ----------
    accuracy : share of right answers on rows that it has not been trained on, either kind counting half, and its
        standard error. classifier : itself; `.log_odds(x)` says where the two laws differ.
    """

    accuracy: Estimate
    classifier: Discriminator

    @property
    def p_value(self) -> float:
        """P(accuracy at least as high | both are of one law), in the normal approximation."""
        return 0.5 * math.erfc(self.accuracy.z(0.5) / math.sqrt(2))

    @property
    def total_variation(self) -> Estimate:
        """2 accuracy - 1: a lower bound of the total variation distance, up to its error."""
        return Estimate(2 * self.accuracy.value - 1, 2 * self.accuracy.stderr)


def classifier_two_sample_test(
    real: Dataset | Array,
    fake: Dataset | Array,
    *,
    seed: int,
    net: PlainMLP | None = None,
    steps: int = 1000,
    batch: int = 256,
    lr: float | LearningRate = 1e-2,
    r1: float = 0.0,
    threads: int = 0,
) -> TwoSampleTest:
    """Train a fresh classifier on every other row of real and generated points, and judge it on the rows between.

    Parameters
    ----------
    real, fake : (n, d) arrays or data sets whose rows come in no particular order; at least 40 rows each.
    seed : 64-bit seed of its weights and batches. net : its shape; PlainMLP(64, 4) by default.
    steps, batch : training steps, rows of either kind in each.
    lr : peak of the learning rate; or ink.LearningRate(peak, warmup, decay).
    r1 : weight of a penalty on the slope at real points, in units of the scaled data.
    threads : 0 for all cores; changes the time, not the result.

    Raises
    ------
    ValueError, TypeError
        If the points do not fit each other or are too few, or a setting is out of range.
    FloatingPointError
        If the training breaks down.
    """
    x, y = as_dataset(real, "real").x, as_dataset(fake, "fake").x
    array_module(real=x, fake=y)
    d = x.shape[1]
    if y.shape[1] != d:
        raise ValueError(f"fake has {y.shape[1]} columns where real has {d}: compare like with like.")
    if min(len(x), len(y)) < _FEWEST:
        raise ValueError(f"real and fake hold {len(x)} and {len(y)} rows: at least {_FEWEST} each are needed.")
    seed, net = checks.seed64(seed), check_shape(PlainMLP(64, 4) if net is None else net, "net")
    settings, network = AdversarialOptimiser(steps, batch, LearningRate.of(lr), 1e-2), net.build(d, 1)
    threads, scaling = checks.count(threads, "threads", least=0), Scaling.free(x[::2], None)
    with one_thread_each():
        state = AdamWState.start(initial_weights(network, x, seed=seed, step=2))
        summed = SummedGradient(state.theta, settings.batch, parts=2, threads=threads)
        seen = scaling.encode(x[::2]), scaling.encode(y[::2])
        objective = _ClassifierObjective(network, seen, summed, settings.batch, seed, check_penalty(r1))
        optimisation = Optimisation(objective, state, settings.rate, settings.adamw, summed.shards)
        while state.step < settings.steps:
            optimisation.advance()
        optimisation.check()
    classifier = Discriminator(network, state.mean, scaling)
    return TwoSampleTest(accuracy(classifier.log_odds(x[1::2]), classifier.log_odds(y[1::2])), classifier)


@dataclass(frozen=True, eq=False)
class _ClassifierObjective(Objective):
    """The loss of a discriminator between two fixed sets of points."""

    network: PlainNetwork
    seen: tuple[Array, Array]
    summed: SummedGradient
    batch: int
    seed: int
    r1: float

    subject = "the classifier"

    def loss(self, theta: Array, step: int, gradient: Array) -> float:
        """The loss of the batch of a step."""
        u = kernels.uniform(2 * self.batch, seed=self.seed, step=_FRESH + step, stream=Stream.ADVERSARIAL).astype(
            np.float64
        )
        xp = array_module(theta)
        real, fake = (x[xp.asarray((u[k::2] * len(x)).astype(np.int64))] for k, x in enumerate(self.seen))

        def of_rows(arena: Arena, rows: slice, out: Array) -> float:
            run, d = Run(theta, arena, training=True), self.network.inputs
            return discriminator_loss(self.network, run, real[rows], fake[rows], out, d=d, r1=self.r1, batch=self.batch)

        return self.summed(of_rows, gradient)
