r"""What the network answers when it is told words with guidance: a weighted sum of its answers with and without them.

    F_g = g F(features; c, w) + (1 - g) F(features; c, 0)

Known part and scales of the score do not depend on the words, so guiding the network's answer is guiding the score.
What the network does with level and words alone is done once if all rows share them.

Reference: J. Ho, T. Salimans, Classifier-free diffusion guidance (2022), arXiv:2207.12598, eq. 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from inkdiff._core.backend import Array
from inkdiff.nn import Arena, Run, TimeConditionedNetwork

__all__ = ["Answers"]


class _Branch(NamedTuple):
    weight: np.float32
    code: Array  # (m, 1 + words), or (m,) without words
    shifts: list[Array] | None  # what the network makes of them, if m = 1


@dataclass(frozen=True, eq=False)
class Answers:
    """F_g as a function of the features."""

    network: TimeConditionedNetwork
    branches: list[_Branch]

    @classmethod
    def of(cls, network: TimeConditionedNetwork, theta: Array, told: list[tuple[float, Array]]) -> Answers:
        """From the weights and codes of `Condition.branches`."""
        branches = []
        for weight, code in told:
            shared = network.shifts(Run(theta, Arena()), code)[0] if len(code) == 1 else None
            branches.append(_Branch(np.float32(weight), code, shared))
        return cls(network, branches)

    def rows(self, part: slice) -> Answers:
        """For some of the rows."""
        return Answers(self.network, [b if len(b.code) == 1 else b._replace(code=b.code[part]) for b in self.branches])

    def __call__(self, run: Run, features: Array) -> Array:
        """F_g (n, outputs)."""
        answer, _ = self.network(run, features, self.branches[0].code, self.branches[0].shifts)
        for weight, code, shifts in self.branches[1:]:
            answer *= self.branches[0].weight
            answer += weight * self.network(run, features, code, shifts)[0]
        return answer

    def jvp(self, run: Run, features: Array, moved: Array) -> tuple[Array, Array]:
        """F_g and its derivatives along `moved` (k, n, inputs)."""
        parts = []
        for weight, code, shifts in self.branches:
            told = self.network.shifts(run, code)[0] if shifts is None else shifts
            answer, slope = self.network.jvp(run, features, moved, told)
            parts.append((weight * answer, weight * slope))
        answers, slopes = zip(*parts, strict=True)
        return sum(answers[1:], answers[0]), sum(slopes[1:], slopes[0])
