r"""How often each step of a chain of bits is trained on, and what a network sees of it.

    evidence_t = ln (1 + m_t)/(1 - m_t),
    share_t = 1/(2 T) + (evidence_{t-1} - evidence_t) / 2 (evidence_1 - evidence_T)

The evidence is the log-odds that one observed bit gives of itself. Half of the draws are even in time, half in the
evidence: near t = 0 the cost of a step back goes as 1/t, so that equal parts of the logarithm count alike, and most
of what rows of many bits have to say comes up at middle memory. c_t, from -1 to 1, is the middle of the share of step
t, so what matters is spread out evenly for the network as well.

Reference: J. Sohl-Dickstein et al. (2015), arXiv:1503.03585, eq. 14, for the sum over steps that is drawn from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inkdiff._core.backend import Floats
from inkdiff.processes.binomial import Binomial

__all__ = ["BinomialLevels"]


@dataclass(frozen=True, eq=False)
class BinomialLevels:
    """Tables over t = 1 ... T, entry 0 unused: evidence, share of the draws, c; and the cumulative share, 0 to 1."""

    evidence: Floats
    share: Floats
    code: Floats
    cumulative: Floats

    @classmethod
    def of(cls, process: Binomial) -> BinomialLevels:
        """The tables of a process."""
        t = np.arange(1.0, process.T + 1)
        kept, lost = process.transition(0.0, t)
        evidence = np.log((1 + kept) / lost)
        fall = -np.diff(evidence, prepend=evidence[0])
        fall[0] = fall[1] if process.T > 1 else 1.0
        share = 0.5 / process.T + 0.5 * fall / fall.sum()
        cumulative = np.append(0.0, np.cumsum(share))
        cumulative /= cumulative[-1]
        code = cumulative[1:] + cumulative[:-1] - 1
        evidence, share, code = (np.append(0.0, table) for table in (evidence, np.diff(cumulative), code))
        return cls(evidence, share, code, cumulative)

    def drawn(self, quantile: Floats) -> npt.NDArray[np.int64]:
        """The steps t at quantiles in (0, 1)."""
        t = np.searchsorted(self.cumulative, quantile, side="left")
        return np.clip(t, 1, len(self.cumulative) - 1).astype(np.int64)

    def descending(self, steps: int) -> Floats:
        """At most steps + 1 decreasing times from T to 0, about equal parts of the share."""
        t = self.drawn(np.arange(1, steps + 1) / steps)
        return np.append(np.unique(t)[::-1], 0).astype(np.float64)
