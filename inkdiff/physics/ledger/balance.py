"""A rate integrated over time beside the change that it should explain, row by row.

With r_i(t) the rate of row i and c_i the change of its surprise,

    gap = (1/n) sum_i [ int r_i dt - c_i ],        E gap = 0,

whose error accounts for one row's being seen at all times. The integral is that of a cubic spline through the times,
in t or ln t, whichever has the more even steps: a fixed weight for every time.

Reference: C. de Boor, A Practical Guide to Splines (1978), chapter IV.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff.metrics import Estimate

__all__ = ["Balance", "balanced"]

_Floats = npt.NDArray[np.float64]
_UNKNOWN = Estimate(math.nan, math.nan)


class Balance(NamedTuple):
    """A rate integrated over time beside the change it should explain.

    `integrated` and `change` are correlated; `gap` is their difference with the error of the difference. `quadrature`
    is how much the integral changes when every other time is left out, as a rule more than the spline misses; NaN with
    two times, of which none can be left out.
    """

    integrated: Estimate
    change: Estimate
    gap: Estimate
    quadrature: float


def balanced(times: _Floats, rates: _Floats, change: _Floats | None) -> Balance:
    """The balance of rates (k, n) at increasing times (k,), k >= 2, against changes (n,), if they are known."""
    integral = _weights(times) @ rates
    quadrature = math.nan
    if len(times) > 2:
        thinned = np.unique(np.append(np.arange(0, len(times), 2), len(times) - 1))
        quadrature = abs(float((integral - _weights(times[thinned]) @ rates[thinned]).mean()))
    if change is None:
        return Balance(Estimate.of_mean(integral), _UNKNOWN, _UNKNOWN, quadrature)
    gained, counted, gap = (Estimate.of_mean(rows) for rows in (integral, change, integral - change))
    return Balance(gained, counted, gap, quadrature)


def _weights(times: _Floats) -> _Floats:
    """Weights w of the times, (k,), with sum_k w_k r(t_k) = integral of the cubic spline through r."""
    from scipy.interpolate import CubicSpline

    def unevenness(u: _Floats) -> float:
        return float(np.diff(u).max() / np.diff(u).min())

    logarithmic = times[0] > 0 and unevenness(np.log(times)) < unevenness(times)
    u, stretch = (np.log(times), times) if logarithmic else (times, np.ones_like(times))
    weights: _Floats = CubicSpline(u, np.eye(len(u))).integrate(u[0], u[-1]) * stretch
    return weights
