r"""The gradient of a sum over the rows of a batch, on several threads, with the same bits on any number of them.

    L(theta) = sum_rows l(row; theta),       dW = sum_rows x^T dy   for every weight W

`ShardedGradient` takes two rounds: the rows go forward and back in shards, each on its own (what their noise levels do,
few numbers, before and after them); then every weight's gradient is summed over all rows by one thread. This is the
faster way for the wide networks of a score. `SummedGradient` lets every shard fill a gradient of its own and adds these
in their order: the shorter way where the rows of a batch are few, or the loss goes through two networks. The two round
differently, so each training keeps to one of them.

Reference: I. Goodfellow, Y. Bengio, A. Courville, Deep Learning (2016), chapter 6.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from inkdiff._core.backend import Array, array_module, is_cuda
from inkdiff.nn.arena import Arena
from inkdiff.nn.layers import Run
from inkdiff.nn.shards import RowShards
from inkdiff.nn.time_conditioned_mlp import TimeConditionedNetwork

__all__ = ["LossOfRows", "ShardedGradient", "SummedGradient"]

_ROWS_OF_A_SHARD = 256  # as many as the calls between the matrix products are worth

T = TypeVar("T")
# loss(arena, rows, gradients): the loss of these rows; their gradient is the sum of the rows of `gradients` (parts, p)
LossOfRows = Callable[[Arena, slice, Array], float]


class ShardedGradient:
    """The gradient of a sum over the rows of a batch: levels once, rows in shards, then every weight over all rows."""

    def __init__(self, network: TimeConditionedNetwork, shards: RowShards, rows: int, levels: int) -> None:
        self._network, self._shards, group = network, shards, rows // levels
        self._levels = shards.pieces(levels)
        self._rows = [slice(part.start * group, part.stop * group) for part in self._levels]
        self._common, self._arenas = Arena(), Arena().siblings(len(self._levels))

    def __call__(self, theta: Array, c: Array, backward: Callable[[Run, list[Array]], T], out: Array) -> list[T]:
        """What `backward(run, shifts)` returned for each shard.

        It calls the network on the rows `run.rows` with these shifts, and the network's backprop, into the flat `out`.
        """
        owed: list[Callable[[], object]] = []
        self._common.rewind()
        shifts, back = self._network.shifts(Run(theta, self._common, training=True, owed=owed), c)
        runs = []
        for arena, rows, levels in zip(self._arenas, self._rows, self._levels, strict=True):
            arena.rewind()
            runs.append(Run(theta, arena, True, None, rows, levels, owed=[], input_gradient=False))
        results = self._shards.run(lambda k: backward(runs[k], shifts), len(runs))
        back(runs[0].d_shifts, out)
        owed += runs[0].owed or []  # every run owes the same sums over all rows

        def settle(k: int) -> None:
            with np.errstate(over="ignore", invalid="ignore"):  # of each thread; who asked looks at the loss
                owed[k]()

        self._shards.run(settle, len(owed))
        return results


class SummedGradient:
    """The gradient of a sum over the rows of a batch: shards with gradients of their own, added in their order.

    A loss may be the sum of `parts` terms, each with a gradient of its own, which are added as well.
    """

    def __init__(self, theta: Array, rows: int, *, parts: int = 1, threads: int = 0) -> None:
        count = 1 if is_cuda(theta) else min(4, max(1, rows // _ROWS_OF_A_SHARD))
        self.shards = RowShards(count, threads)
        self._rows = self.shards.pieces(rows)
        self._arenas = [Arena() for _ in self._rows]
        self._gradients = array_module(theta).empty_like(theta, shape=(len(self._rows), parts, theta.size))

    def __call__(self, loss: LossOfRows, out: Array) -> float:
        """The loss of all rows; its gradient goes into the flat `out`."""

        def piece(k: int) -> float:
            self._arenas[k].rewind()
            with np.errstate(over="ignore", invalid="ignore"):  # who asked looks at the loss
                return loss(self._arenas[k], self._rows[k], self._gradients[k])

        total = math.fsum(self.shards.run(piece, len(self._rows)))
        self._gradients.reshape(-1, out.size).sum(0, out=out)
        return total
