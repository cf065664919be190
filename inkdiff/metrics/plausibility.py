"""How plausible is this one? The share of a population that is less probable still.

    plausibility(x) = P[ p(X) < p(x) ],      X ~ p

is 1 at the peak and 0 far out in the tails, and has no unit, which a density has. For x drawn from the population
itself it is uniform on [0, 1]: it is a p-value, which calibrates it. From n members of whom k are less probable,

    (k + 1)/(n + 2) +- sqrt(q (1 - q)/(n + 3)),      q = (k + 1)/(n + 2),

mean and standard deviation of what k and n say of it (Laplace's rule of succession): "none of 1000" is not "never".

Among real people the shares of new real people are uniform whatever density is used (any two groups of people can
change places). Among people whom a model imagines they are uniform only if the model's ln p of real and of imagined
people has one law: a test of the model, by Kolmogorov and Smirnov.

References: P. S. Laplace (1774); N. Smirnov, Annals of Mathematical Statistics 19 (1948) 279, for two samples.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Floats
from inkdiff.metrics.estimates import Column, Estimate

__all__ = ["calibration_p_value", "plausibility"]


def plausibility(population: npt.ArrayLike, log_p: npt.ArrayLike) -> Estimate | Column:
    """The share of the population that is less probable than this one.

    Parameters
    ----------
    population : (n,) ln p of n >= 2 members of the population, not those that a model was trained on
    log_p : ln p, by the same density, of one point, or (k,) of several; -inf for the impossible

    Returns
    -------
    Estimate, or for several points Column, with standard errors; between 1/(n + 2) and (n + 1)/(n + 2).

    Raises
    ------
    ValueError
        If there are fewer than two members, shapes do not fit, or something is not a number.
    """
    members, points = _checked(population, log_p)
    n, k = len(members), np.searchsorted(np.sort(members), points, side="left")
    share = (k + 1) / (n + 2)
    stderr = np.sqrt(share * (1 - share) / (n + 3))
    return Column(share, stderr) if points.ndim else Estimate(float(share), float(stderr))


def calibration_p_value(population: npt.ArrayLike, log_p: npt.ArrayLike) -> float:
    """The probability, if the shares of the points in the population are uniform, of a deviation at least as large.

    Two-sample Kolmogorov-Smirnov test between population (n,) and points (k,), k >= 2, so that the finite number of
    members is allowed for. Arguments and errors as for `plausibility`.
    """
    from scipy import stats

    members, points = _checked(population, log_p)
    if points.ndim == 0 or len(points) < 2:
        raise ValueError(f"log_p must hold at least two points, (k,), got shape {points.shape}.")
    return float(stats.ks_2samp(members, points).pvalue)


def _checked(population: npt.ArrayLike, log_p: npt.ArrayLike) -> tuple[Floats, Floats]:
    members, points = np.asarray(population, np.float64), np.asarray(log_p, np.float64)
    if members.ndim != 1 or len(members) < 2 or points.ndim > 1:
        raise ValueError(
            "population must be (n,) with n >= 2 and log_p a number or (k,), got shapes "
            f"{members.shape} and {points.shape}."
        )
    for name, values in (("population", members), ("log_p", points)):
        if np.isnan(values).any():
            raise ValueError(f"{name} must hold logarithms of densities, got NaN in {checks.show(values)}.")
    return members, points
