r"""The entropy of one step back, between two bounds that need no data: why many small steps can be undone.

    H(X_t|X_s) + H(X_s|X_0) - H(X_t|X_0)   <=   H(X_s|X_t)   <=   H(X_t|X_s),        s < t

The lower bound is H(X_s|X_t, X_0): knowing the start too cannot make the step back less certain. The upper bound holds
if and only if H(X_t) >= H(X_s), since exactly H(X_s|X_t) = H(X_t|X_s) + H(X_s) - H(X_t): spreading ink and fair bits
only gain entropy, but a cloud wider than its bowl, or bits fairer than their equilibrium, lose it. All are exact here:
Gaussian data under any linear process in free space (nats of densities), and any law of few bits, by enumeration.

Reference: J. Sohl-Dickstein et al. (2015), arXiv:1503.03585, eq. 24 and appendix A.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import asnumpy
from inkdiff.metrics import gaussian_entropy
from inkdiff.processes.base import Process
from inkdiff.processes.forward import ForwardProcess, check_forward_process

__all__ = ["EntropyBounds", "entropy_bounds"]

_MOST_BITS = 12
_ROUNDING = 1e-12
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EntropyBounds:
    """H(X_s|X_t) between its bounds, nats; `gain` = H(X_t) - H(X_s), on whose sign the upper one depends."""

    lower: float
    exact: float
    upper: float
    gain: float

    @property
    def upper_holds(self) -> bool:
        """Whether entropy has not fallen from s to t (but for rounding), so that `upper` is an upper bound."""
        return self.gain >= -_ROUNDING


def entropy_bounds(process: ForwardProcess, source: Any, s: float, t: float) -> EntropyBounds:
    """The entropy of the step back from t to s and its two bounds, exactly.

    Parameters
    ----------
    process : a process in free space, or a Binomial
    source : for the former, the variances (d,), or one number, of Gaussian data; for the latter the probabilities of
        the 2^d rows of d bits, at most 12, row number i having the binary digits of i, the first bit being the highest
    s, t : two times, 0 <= s < t. At s = 0 the lower bound is -inf for Gaussian data: X_0 is known given itself.

    Returns
    -------
    EntropyBounds, nats.

    Raises
    ------
    ValueError, TypeError
        If the source is no variance, or no law of bits; or the times are not in order; or the process has walls.
    """
    check_forward_process(process)
    checks.increasing([s, t], "s, t")
    s, t = (float(process.check_time(float(v), name)) for v, name in ((s, "s"), (t, "t")))
    if not isinstance(process, Process):
        return _of_bits(process, source, s, t)
    if not process.domain.free:
        raise ValueError("process has walls, between which Gaussian data do not stay Gaussian; take one in free space.")
    return _of_gaussian(process, source, s, t)


def _of_gaussian(process: Process, source: Any, s: float, t: float) -> EntropyBounds:
    v_0 = np.atleast_1d(asnumpy(checks.reals(source, "source")))
    if v_0.ndim != 1 or not v_0.size or (v_0 <= 0).any():
        raise ValueError(f"source must be a variance > 0, or one for each axis, got {checks.show(source)}.")

    def entropy(variance: Any) -> float:
        return sum(gaussian_entropy(float(v), 1) if v > 0 else -math.inf for v in np.broadcast_to(variance, v_0.shape))

    v_s, v_t = (process.alpha(u) ** 2 * v_0 + process.variance(u) for u in (s, t))
    forward = process.transition(s, t)[1]
    upper, gain = entropy(forward), entropy(v_t) - entropy(v_s)
    lower = upper + entropy(process.variance(s)) - entropy(process.variance(t))
    return EntropyBounds(lower, entropy(v_s * forward / v_t), upper, gain)


def _of_bits(process: ForwardProcess, source: Any, s: float, t: float) -> EntropyBounds:
    law = np.atleast_1d(asnumpy(checks.reals(source, "source")))
    d = len(law).bit_length() - 1
    if law.ndim != 1 or len(law) != 2**d or not 1 <= d <= _MOST_BITS:
        raise ValueError(f"source must hold 2^d probabilities, d from 1 to {_MOST_BITS}, got {checks.show(source)}.")
    if (law < 0).any() or abs(law.sum() - 1) > 1e-9:
        raise ValueError(f"source must hold probabilities that add to 1, got a sum of {law.sum():g}.")
    law_s, law_t = (_spread(law, process.bit_channel(0.0, u)) for u in (s, t))
    given_0 = [_given(law, d, process.bit_channel(0.0, u)) for u in (s, t)]
    upper, gain = _given(law_s, d, process.bit_channel(s, t)), _entropy(law_t) - _entropy(law_s)
    return EntropyBounds(upper + given_0[0] - given_0[1], _back(law_s, law_t, process.bit_channel(s, t)), upper, gain)


def _spread(law: _Floats, channel: _Floats) -> _Floats:
    """The law after every bit has gone through the channel."""
    d = len(law).bit_length() - 1
    table = law.reshape((2,) * d)
    for _ in range(d):  # the leading axis goes through, and comes out last
        table = np.tensordot(table, channel, axes=(0, 0))
    return table.reshape(-1)


def _entropy(law: _Floats) -> float:
    """-sum p ln p, nats."""
    p = law[law > 0]
    return float(-(p * np.log(p)).sum())


def _given(law: _Floats, d: int, channel: _Floats) -> float:
    """Entropy of what comes out of the channels given what went in: a sum over bits."""
    ones = ((np.arange(len(law))[:, None] >> np.arange(d)) & 1).astype(np.float64)
    one = float(law @ ones.sum(1))
    return one * _entropy(channel[1]) + (d - one) * _entropy(channel[0])


def _back(law_s: _Floats, law_t: _Floats, channel: _Floats) -> float:
    """H(X_s|X_t) = -sum_t p(x_t) sum_s p(x_s|x_t) ln p(x_s|x_t), row by row of the joint law."""
    d = len(law_s).bit_length() - 1
    total = 0.0
    for number in np.flatnonzero(law_t > 0):
        joint = law_s
        for bit in range(d):
            seen = channel[:, (number >> (d - 1 - bit)) & 1]
            joint = (joint.reshape(2**bit, 2, -1) * seen[:, None]).reshape(-1)
        total += float(law_t[number]) * _entropy(joint / joint.sum())
    return total
