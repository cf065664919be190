r"""Classifier-free guidance: a weighted sum of the network's outputs with and without the condition.

    F_g = g F(features; c, w) + (1 - g) F(features; c, 0)

Known part and scales of the score do not depend on the words, so guiding the network's output is guiding the score.
What the network does with level and words alone is done once if all rows share them.

Reference: J. Ho, T. Salimans, Classifier-free diffusion guidance (2022), arXiv:2207.12598, eq. 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from inkdiff._core.backend import Array
from inkdiff.nn import Arena, Run, TimeConditionedNetwork

__all__ = ["GuidedNetwork"]


class _Term(NamedTuple):
    weight: np.float32
    code: Array  # (m, 1 + words), or (m,) without words
    shifts: list[Array] | None  # what the network makes of them, if m = 1


@dataclass(frozen=True, eq=False)
class GuidedNetwork:
    """F_g as a function of the features."""

    network: TimeConditionedNetwork
    terms: list[_Term]

    @classmethod
    def of(cls, network: TimeConditionedNetwork, theta: Array, inputs: list[tuple[float, Array]]) -> GuidedNetwork:
        """From the weights and codes of `Condition.network_inputs`."""
        terms = []
        for weight, code in inputs:
            shared = network.shifts(Run(theta, Arena()), code)[0] if len(code) == 1 else None
            terms.append(_Term(np.float32(weight), code, shared))
        return cls(network, terms)

    def rows(self, part: slice) -> GuidedNetwork:
        """For some of the rows."""
        terms = [term if len(term.code) == 1 else term._replace(code=term.code[part]) for term in self.terms]
        return GuidedNetwork(self.network, terms)

    def __call__(self, run: Run, features: Array) -> Array:
        """F_g (n, outputs)."""
        output, _ = self.network(run, features, self.terms[0].code, self.terms[0].shifts)
        for weight, code, shifts in self.terms[1:]:
            output *= self.terms[0].weight
            output += weight * self.network(run, features, code, shifts)[0]
        return output

    def jvp(self, run: Run, features: Array, tangents: Array) -> tuple[Array, Array]:
        """F_g and its derivatives along `tangents` of the features (k, n, inputs)."""
        parts = []
        for weight, code, shifts in self.terms:
            known = self.network.shifts(run, code)[0] if shifts is None else shifts
            output, slope = self.network.jvp(run, features, tangents, known)
            parts.append((weight * output, weight * slope))
        outputs, slopes = zip(*parts, strict=True)
        return sum(outputs[1:], outputs[0]), sum(slopes[1:], slopes[0])
