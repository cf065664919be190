r"""The discriminator: the odds that a point is real, and how often a discriminator is right.

    P(real | x) = 1/(1 + e^(-D(x))),       accuracy = (P[D(x) > 0] + P[D(G(z)) < 0]) / 2  <=  1/2 + TV(p, p_G)/2

No discriminator can be right more often than half plus half the total variation distance between the two laws, and the
best one, D = ln(p/p_G), is just that. So accuracy near 1/2 says that the generator is good *or that the discriminator
is weak*: the one that a training leaves behind has met no other generator; `two_sample_test.py` trains a fresh one.

Reference: I. Goodfellow et al. (2014), arXiv:1406.2661, proposition 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff.datasets.scaling import Scaling
from inkdiff.gan.conditions import Conditions
from inkdiff.gan.losses import join_columns
from inkdiff.metrics import Estimate
from inkdiff.nn import PlainNetwork, RowShards, Run, one_thread_each, thread_arena

__all__ = ["Discriminator", "accuracy", "evaluate"]


def evaluate(network: PlainNetwork, theta: Array, x: Array, codes: Array | None = None) -> Array:
    """F (n, outputs) at x (n, k) and conditions (n, words); the same bits on any number of threads."""
    out = array_module(theta).empty((len(x), network.outputs), np.float32)
    shards = RowShards.of_state(x)
    pieces = shards.pieces(len(x))

    def piece(k: int) -> None:
        arena, rows = thread_arena(), pieces[k]
        arena.rewind()
        columns = None if codes is None else codes[rows]
        out[rows] = network(Run(theta, arena), join_columns(arena, x[rows], columns))[0]

    with one_thread_each():
        shards.run(piece, len(pieces))
    return out


@dataclass(frozen=True, eq=False)
class Discriminator:
    """A trained discriminator.

    Attributes
    ----------
    network, theta : the network and its flat parameters (the running mean of training), float32.
    scaling : data units <-> those of the network. conditions : those it was trained with, or None.
    """

    network: PlainNetwork
    theta: Array
    scaling: Scaling
    conditions: Conditions | None = None

    def log_odds(self, x: Array, label: object = None, *, words: object = None, prompt: str | None = None) -> Array:
        """D(x) (n,): ln of the odds that rows x (n, d), in data units, are real; under a condition if it has any.

        Parameters
        ----------
        x : (n, d) rows. label, words, prompt : the condition, one for all or n of them, as for
            `inkdiff.LearnedScore.given`.

        Raises
        ------
        ValueError, TypeError
            If x is not (n, d) or not finite, or a condition is missing, unknown or not wanted.
        """
        x = checks.state(x, "x")
        array_module(x=x, theta=self.theta)
        d = self.network.inputs - (0 if self.conditions is None else len(self.conditions.vocabulary))
        if x.shape[1] != d:
            raise ValueError(f"x must have {d} coordinates per row like the training data, got {x.shape[1]}.")
        given = [value for value in (label, words, prompt) if value is not None]
        if bool(given) != (self.conditions is not None):
            shown = checks.show(given[0] if given else None)
            raise ValueError(f"label={shown}: give a condition if, and only if, the training had them.")
        x = array_module(x).asarray(x, np.float32)
        codes = None
        if self.conditions is not None:
            codes = self.conditions.encode(len(x), x, label=label, words=words, prompt=prompt)
        return evaluate(self.network, self.theta, self.scaling.encode(x), codes)[:, 0]

    def __call__(self, x: Array, label: object = None, *, words: object = None, prompt: str | None = None) -> Array:
        """P(real | x) (n,), if half of all points are real; arguments as for `log_odds`."""
        return 0.5 + 0.5 * array_module(self.theta).tanh(self.log_odds(x, label, words=words, prompt=prompt) / 2)


def accuracy(real: Array, fake: Array) -> Estimate:
    """Share of right answers, from the log odds (n,) and (m,) given to real and generated points, half and half.

    The error is binomial, of shares (hits + 1)/(n + 2), so that a few points all classified rightly are not called
    certain.
    """
    shares, variance = [], 0.0
    for right in (real > 0, fake < 0):
        n, hits = len(right), int(right.sum())
        share = (hits + 1) / (n + 2)
        shares.append(hits / n)
        variance += share * (1 - share) / n
    return Estimate(sum(shares) / 2, math.sqrt(variance) / 2)
