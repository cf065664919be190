r"""The detective: what the odds are that a point is real, and how often it is right on points it has not seen.

    P(real | x) = 1/(1 + e^(-D(x))),       accuracy = (P[D(x) > 0] + P[D(G(z)) < 0]) / 2  <=  1/2 + TV(p, p_G)/2

No detective can be right more often than half plus half the total variation distance between the two laws, and the
best one, D = ln(p/p_G), is just that. So accuracy near 1/2 says that the forger is good *or that the detective is
weak*: the one that a duel leaves behind has been fooled for a living. `detect` trains a fresh one, of stated size and
for a stated number of steps, on half of the points, and judges it on the other half; two samples of one law then give
1/2 +- 1/(2 sqrt(n)).

Reference: D. Lopez-Paz, M. Oquab, Revisiting classifier two-sample tests (2017), arXiv:1610.06545.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff._core.rng import Stream
from inkdiff.datasets.dataset import Dataset
from inkdiff.datasets.scaling import Scaling
from inkdiff.gan.labels import Labels
from inkdiff.gan.objective import beside, detective_gradient
from inkdiff.gan.player import Player, check_penalty, check_rules, check_shape
from inkdiff.metrics import Estimate
from inkdiff.nn import Arena, PlainMLP, PlainNetwork, RowShards, Run, one_thread_each
from inkdiff.nn.shards import thread_arena

__all__ = ["Detection", "Detective", "detect", "evaluate"]

_FEWEST = 40  # rows of either kind
_FRESH = 1 << 31  # steps of stream DUEL from here on belong to fresh detectives


def evaluate(network: PlainNetwork, theta: Array, x: Array, hot: Array | None = None) -> Array:
    """F (n, outputs) at x (n, k) and label columns (n, classes); the same bits on any number of threads."""
    out = array_module(theta).empty((len(x), network.outputs), np.float32)
    shards = RowShards.of_state(x)
    pieces = shards.pieces(len(x))

    def piece(k: int) -> None:
        arena, rows = thread_arena(), pieces[k]
        arena.rewind()
        columns = None if hot is None else hot[rows]
        out[rows] = network(Run(theta, arena), beside(arena, x[rows], columns))[0]

    with one_thread_each():
        shards.run(piece, len(pieces))
    return out


@dataclass(frozen=True, eq=False)
class Detective:
    """A trained detective; `network` and `theta` its parameters, float32."""

    network: PlainNetwork
    theta: Array
    scaling: Scaling
    labels: Labels | None = None

    def log_odds(self, x: Array, label: Any = None) -> Array:
        """D(x) (n,): ln of the odds that rows x (n, d), in data units, are real; `label` if it was trained with them.

        Raises
        ------
        ValueError, TypeError
            If x is not (n, d) or not finite, or labels are missing or not wanted.
        """
        x = checks.state(x, "x")
        array_module(x=x, theta=self.theta)
        d = self.network.inputs - (0 if self.labels is None else len(self.labels))
        if x.shape[1] != d:
            raise ValueError(f"x must have {d} coordinates per row like the training data, got {x.shape[1]}.")
        if (label is None) != (self.labels is None):
            raise ValueError(f"label={checks.show(label)}: give labels if, and only if, the duel had them.")
        x = array_module(x).asarray(x, np.float32)
        hot = None if self.labels is None else self.labels.columns(label, len(x), like=x)
        return evaluate(self.network, self.theta, self.scaling.encode(x), hot)[:, 0]

    def __call__(self, x: Array, label: Any = None) -> Array:
        """P(real | x) (n,), if half of all points are real; arguments as for `log_odds`."""
        return 0.5 + 0.5 * array_module(self.theta).tanh(self.log_odds(x, label) / 2)


def accuracy(real: Array, fake: Array) -> Estimate:
    """Share of right answers, from the log odds (n,) and (m,) given to real and forged points, half and half.

    The error is binomial, of shares (hits + 1)/(n + 2), so that a few points all told right are not called certain.
    """
    shares, variance = [], 0.0
    for right in (real > 0, fake < 0):
        n, hits = len(right), int(right.sum())
        share = (hits + 1) / (n + 2)
        shares.append(hits / n)
        variance += share * (1 - share) / n
    return Estimate(sum(shares) / 2, math.sqrt(variance) / 2)


class Detection(NamedTuple):
    """What a fresh detective found: its accuracy on points that it had not seen, and itself."""

    accuracy: Estimate
    detective: Detective


def detect(
    real: Any,
    fake: Any,
    *,
    seed: int,
    net: PlainMLP | None = None,
    steps: int = 1000,
    batch: int = 256,
    lr: float = 1e-2,
    r1: float = 0.0,
    threads: int = 0,
) -> Detection:
    """Train a fresh detective on every other row of real and forged points, and judge it on the rows between.

    Parameters
    ----------
    real, fake : (n, d) arrays or data sets whose rows come in no particular order; at least 40 rows each.
    seed : 64-bit seed of its weights and batches. net : its size; PlainMLP(64, 4) by default.
    steps, batch, lr, r1 : training steps, rows of either kind in each, peak learning rate, penalty on the slope.
    threads : 0 for all cores; changes the time, not the result.

    Raises
    ------
    ValueError, TypeError
        If the points do not fit each other or are too few, or a setting is out of range.
    FloatingPointError
        If the training breaks down.
    """
    x, forged = (checks.state(data.x if isinstance(data, Dataset) else data, name) for data, name in
                 ((real, "real"), (fake, "fake")))  # fmt: skip
    xp = array_module(real=x, fake=forged)
    d = x.shape[1]
    if forged.shape[1] != d:
        raise ValueError(f"fake has {forged.shape[1]} columns where real has {d}: compare like with like.")
    if min(len(x), len(forged)) < _FEWEST:
        raise ValueError(f"real and fake hold {len(x)} and {len(forged)} rows: at least {_FEWEST} each are needed.")
    seed, net = checks.seed64(seed), check_shape(PlainMLP(64, 4) if net is None else net, "net")
    rules = check_rules(steps=steps, batch=batch, lr=lr, threads=threads)
    r1 = check_penalty(r1)
    x, forged = (xp.ascontiguousarray(data, np.float32) for data in (x, forged))
    scaling = Scaling.free(x[::2], None)
    seen = [scaling.encode(data[::2]) for data in (x, forged)]
    with one_thread_each():
        player = Player.start("detective", net.build(d, 1), x, seed=seed, step=2, parts=2, warmup=100, **rules)
        for step in range(player.steps):
            u = kernels.uniform(2 * batch, seed=seed, step=_FRESH + step, stream=Stream.DUEL).astype(np.float64)
            rows = [xp.asarray((u[k::2] * len(kind)).astype(np.int64)) for k, kind in enumerate(seen)]
            a, b = (kind[index] for kind, index in zip(seen, rows, strict=True))

            def work(arena: Arena, part: slice, out: Array, a: Array = a, b: Array = b) -> float:
                run = Run(player.state.theta, arena, training=True)
                return detective_gradient(player.network, run, a[part], b[part], out, d=d, r1=r1, batch=batch)

            player.advance(work)
        player.check()
    fresh = Detective(player.network, player.state.mean, scaling)
    return Detection(accuracy(fresh.log_odds(x[1::2]), fresh.log_odds(forged[1::2])), fresh)
