"""What is published of human bodies, as curves over age: height, body-mass index, proportions, how many of each age.

    h | sex, age ~ N(M(age), (S(age) M(age))^2),       ln b | sex, age ~ N(m(age), s(age)^2),      b = w / (h/100)^2

with h in cm, w in kg, and curves through the points below (monotone cubics, continuous slope). The rest follow from
height and weight by proportion: foot/h, span/h and the head's residual are Gaussian, the waist is log-normal around a
cylinder of the body's volume, ~ sqrt(w/h).

Sources
-------
Height from 2 to 20 years: CDC 2000 growth charts, stature-for-age, medians M and coefficients of variation S; their
skewness L, between -0.4 and 2.2, is taken as 1 (Gaussian). R. Kuczmarski et al. (2002), Vital and Health Statistics
11(246). Checked against a copy of the published table.

Height after 30 years: losses of 3 cm (men) and 5 cm (women) by 70, 5 and 8 cm by 80. J. Sorkin et al. (1999), American
Journal of Epidemiology 150, 969. Checked against a copy of the abstract. Between 20 and 30 height stays, and beyond 80
it is continued in a straight line.

Body-mass index: geometric means and standard deviations of ln b by age group, computed for this package from 10,000
examined persons of NHANES 2009-2012, without their survey weights. b is taken as independent of h at a given age; in
the survey the correlation is below 0.2 among adults and 0.3 to 0.5 between 5 and 14 years.

Foot, span, head, waist: means, spreads and one correlation computed from the 4,082 men and 1,986 women of ANSUR II, C.
Gordon et al. (2014), 2012 Anthropometric Survey of U.S. Army Personnel, NATICK/TR-15/007. Soldiers stand for all, and
children are given adult proportions: at 2 years that makes the head about 2 cm and the span a few per cent too large.

Shoe size: a Paris point is 2/3 cm, and a shoe is taken 1.5 cm longer than the foot; this allowance is a convention that
could not be checked.

How many of each age: a stylised population, as many at each age from 2 to 60, then fewer in a straight line down to
none at 95; from no table.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inkdiff._core.backend import Floats

__all__ = ["FEMALE", "MALE", "OLDEST", "PARIS_POINTS", "SEXES", "SHOE_ALLOWANCE", "YOUNGEST", "Sex", "ages"]

YOUNGEST, _TURN, OLDEST = 2.0, 60.0, 95.0  # years
PARIS_POINTS = 1.5  # per cm
SHOE_ALLOWANCE = 1.5  # cm
_YEARS = np.arange(2.0, 21.0)
_GROUPS = (2.0, 3.5, 6.5, 9.5, 12.5, 15.5, 18.5, 25.0, 35.0, 45.0, 55.0, 65.0, 75.0, 85.0, 95.0)
_ORDER = 5  # Gauss-Legendre nodes of a panel of the quadrature over age


@dataclass(frozen=True)
class Sex:
    """The curves and proportions of one sex.

    Attributes
    ----------
    median, variation : of the height at 2, 3, ..., 20 years, cm and 1. loss : of height by 70 and by 80 years, cm
    bmi, bmi_spread : geometric mean of b in kg/m^2 and spread of ln b, at 3.5, 6.5, ..., 85 years
    foot, span : mean and spread of the ratio to height. foot_span : correlation of the two ratios
    head : intercept in cm, slope, spread in cm, of a straight line in h
    waist : mean and spread of ln(waist/sqrt(w/h)), in cm and kg
    """

    median: tuple[float, ...]
    variation: tuple[float, ...]
    loss: tuple[float, float]
    bmi: tuple[float, ...]
    bmi_spread: tuple[float, ...]
    foot: tuple[float, float]
    span: tuple[float, float]
    foot_span: float
    head: tuple[float, float, float]
    waist: tuple[float, float]

    def height(self, age: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the height at `age`, cm."""
        mean = self._curve("height", age)
        return mean, mean * self._curve("variation", age)

    def log_bmi(self, age: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of ln b at `age`."""
        return self._curve("log_bmi", age), self._curve("bmi_spread", age)

    def _curve(self, name: str, age: Floats) -> Floats:
        return np.asarray(_curves(self)[name](np.clip(age, YOUNGEST, OLDEST)))


@functools.cache
def _curves(sex: Sex) -> dict[str, Callable[[Floats], Floats]]:
    from scipy.interpolate import PchipInterpolator

    last = sex.median[-1]
    by_70, by_80 = sex.loss
    later = [last, last - by_70, last - by_80, last - by_80 - 1.5 * (by_80 - by_70)]
    points: dict[str, tuple[npt.ArrayLike, npt.ArrayLike]] = {
        "height": ([*_YEARS, 30.0, 70.0, 80.0, OLDEST], [*sex.median, *later]),
        "variation": ([*_YEARS, OLDEST], [*sex.variation, sex.variation[-1]]),
        "log_bmi": (_GROUPS, np.log(_held(sex.bmi))),
        "bmi_spread": (_GROUPS, _held(sex.bmi_spread)),
    }
    return {name: PchipInterpolator(np.asarray(x), np.asarray(y)) for name, (x, y) in points.items()}


def _held(values: tuple[float, ...]) -> tuple[float, ...]:
    """The values, constant before the first and after the last."""
    return values[0], *values, values[-1]


# fmt: off
FEMALE = Sex(
    median=(
        84.98, 93.92, 100.75, 107.66, 114.71, 121.49, 127.59, 132.92, 137.99, 143.98, 151.19, 157.15, 160.39,
        161.86, 162.55, 162.91, 163.12, 163.25, 163.34,
    ),
    variation=(
        0.0408, 0.0420, 0.0432, 0.0442, 0.0449, 0.0454, 0.0459, 0.0468, 0.0486, 0.0505, 0.0488, 0.0440, 0.0411,
        0.0401, 0.0398, 0.0397, 0.0397, 0.0397, 0.0396,
    ),
    loss=(5.0, 8.0),
    bmi=(16.18, 16.37, 18.79, 21.07, 23.33, 24.33, 26.35, 27.91, 28.57, 29.31, 29.53, 29.26, 26.01),
    bmi_spread=(0.102, 0.158, 0.204, 0.224, 0.205, 0.238, 0.257, 0.248, 0.255, 0.240, 0.229, 0.236, 0.196),
    foot=(0.1513, 0.0053),
    span=(1.0195, 0.0292),
    foot_span=0.45,
    head=(40.67, 0.0948, 1.84),
    waist=(4.893, 0.0626),
)
MALE = Sex(
    median=(
        86.45, 94.96, 102.22, 108.90, 115.39, 121.77, 127.88, 133.51, 138.62, 143.52, 149.05, 156.09, 163.84,
        169.94, 173.51, 175.29, 176.16, 176.60, 176.85,
    ),
    variation=(
        0.0403, 0.0406, 0.0413, 0.0425, 0.0436, 0.0444, 0.0451, 0.0462, 0.0476, 0.0489, 0.0499, 0.0503, 0.0490,
        0.0460, 0.0432, 0.0415, 0.0407, 0.0404, 0.0404,
    ),
    loss=(3.0, 5.0),
    bmi=(16.37, 16.41, 18.44, 20.27, 22.93, 24.85, 25.89, 28.32, 28.75, 28.57, 28.66, 28.22, 26.76),
    bmi_spread=(0.094, 0.150, 0.214, 0.210, 0.215, 0.219, 0.205, 0.210, 0.200, 0.194, 0.192, 0.174, 0.167),
    foot=(0.1544, 0.0052),
    span=(1.0330, 0.0274),
    foot_span=0.40,
    head=(43.35, 0.0802, 1.51),
    waist=(4.903, 0.0575),
)
# fmt: on
SEXES = (FEMALE, MALE)  # in equal numbers; the label y of a person is its place here


@dataclass(frozen=True)
class _Ages:
    """The density of the age: flat from YOUNGEST to 60 years, then a straight line down to 0 at OLDEST."""

    @property
    def _flat(self) -> float:
        return 1 / (_TURN - YOUNGEST + (OLDEST - _TURN) / 2)

    def log_density(self, age: Floats) -> Floats:
        """ln p(age), -inf outside."""
        share = np.clip((OLDEST - age) / (OLDEST - _TURN), 0, 1)
        p = np.where(age < YOUNGEST, 0.0, self._flat * share)
        return np.log(p, out=np.full_like(p, -np.inf), where=p > 0)

    def quantile(self, u: Floats) -> Floats:
        """The age below which a share u of the people are."""
        left = np.maximum(1 - u, 0.0) / self._flat  # years of the flat part that remain to be lived
        slope = OLDEST - np.sqrt(2 * (OLDEST - _TURN) * left)
        return np.where(u < 1 - (OLDEST - _TURN) / 2 * self._flat, YOUNGEST + u / self._flat, slope)

    @functools.cached_property
    def entropy(self) -> float:
        """-int p ln p in nats, in closed form: the line p (OLDEST - age)/35 adds half its share of the people."""
        return -math.log(self._flat) + self._flat * (OLDEST - _TURN) / 4

    def quadrature(self, order: int = _ORDER) -> tuple[Floats, Floats]:
        """Ages and weights: sum_k weights_k f(ages_k) is the mean of f; panels of a year, later of 2.5 and 5 years."""
        edges = np.array([*_YEARS, 22.5, *np.arange(25.0, OLDEST + 1, 5.0)])
        u, w = np.polynomial.legendre.leggauss(order)
        half = np.diff(edges)[:, None] / 2
        nodes = (edges[:-1, None] + half * (1 + u)).ravel()
        return nodes, (half * w).ravel() * np.exp(self.log_density(nodes))


ages = _Ages()
