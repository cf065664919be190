"""People as points in a space of features: the distribution that a generator of human beings would have to know.

    p(x) = sum_sex 1/2 int p(age) N(h; M, S^2) LN(w; h, age) N(shoe; h) ... d(age)

with h height and w weight given sex and age, and everything else given these (`anthropometry.py`: the curves, their
sources, and what could not be checked). Children and adults, women and men make it far from one Gaussian, and yet ln p
is known: the integral over the age is a sum over Gauss-Legendre nodes, right to 1e-5, and once the age is itself a
feature only two terms remain.

The entropy of height and weight is a sum over a grid. With more features, z = (sex, age) hidden behind x,

    S(x) = S(x, z) - S(z | x),

where S(x, z) is in closed form up to means over the age, and S(z | x) = -E ln p(z | x) is a mean over draws, with a
standard error.

No one has wings. The wing span is measured all the same, with an error of 1 cm: 0 +- 1 cm, so that a density exists.
Ages are not whole years and shoe sizes not those in the shop, but what a foot of that length would ask for.

Reference: T. M. Cover and J. A. Thomas, Elements of Information Theory, 2nd ed. (2006), chapter 8 (chain rule).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module, asnumpy
from inkdiff._core.registry import register
from inkdiff._core.rng import Stream
from inkdiff.datasets.anthropometry import PARIS_POINTS, SEXES, SHOE_ALLOWANCE, Sex, ages
from inkdiff.datasets.dataset import Dataset
from inkdiff.kernels import normal, uniform

__all__ = ["FEATURES", "Population", "people"]

FEATURES = ("height", "weight", "shoe_size", "age", "waist", "arm_span", "head", "wings")
_UNITS = dict(zip(FEATURES, ("cm", "kg", "EU size", "years", "cm", "cm", "cm", "cm"), strict=True))
_WINGS = 1.0  # cm, error of measurement
_CHUNK = 1 << 18  # numbers in one block of a table (people, ages)
_DRAWS, _SEED = 1 << 16, 0  # of the mean over what is hidden
_GAUSSIAN = 0.5 * math.log(2 * math.pi * math.e)  # entropy of N(0, 1)


@register(kind="dataset")
def people(n: int, seed: int, d: int = 2, *, wings: bool = False) -> Dataset:
    """`n` people of both sexes and all ages from 2 years: x (n, d), y = 0 (female) or 1 (male).

    Features in this order: height (cm), weight (kg), shoe size (EU), age (years), waist (cm), arm span (cm), head
    (circumference, cm), wings (span, cm). The same seed gives the same people whatever d, and the first m of n.

    Parameters
    ----------
    n, seed
        Number of people, and seed of the counter-based noise (stream DATA).
    d
        How many features, 2 to 8.
    wings
        Make the wing span the last of the d features (at d = 8 it is so anyway); needs d >= 3.

    Returns
    -------
    Dataset with the true density and entropy: exact for d = 2, else with a standard error of about 0.002 nats,
    `density.entropy_stderr`. Its features have different units, so learned scores scale each by itself.

    Raises
    ------
    ValueError, TypeError
        If `n` is not positive, the seed is none, or `d` does not fit.
    """
    n, d = checks.count(n, "n"), checks.count(d, "d", least=3 if wings else 2, most=len(FEATURES))
    features = (*FEATURES[: d - 1], "wings") if wings else FEATURES[:d]
    population = Population(features)
    sex, _, x = _draw(n, checks.seed64(seed))
    return Dataset(
        x=np.stack([x[name] for name in features], axis=1).astype(np.float32),
        y=sex,
        names=features,
        units=tuple(_UNITS[name] for name in features),
        entropy=population.entropy,
        name="people",
        source="growth charts and surveys (CDC 2000, NHANES 2009-2012, ANSUR II), see datasets/anthropometry.py",
        density=population,
    )


def _draw(n: int, seed: int) -> tuple[npt.NDArray[np.int64], Floats, dict[str, Floats]]:
    """Sex, age and all features of n people."""
    eps = normal(7 * n, seed=seed, step=0, stream=Stream.DATA).reshape(n, 7).astype(np.float64).T
    u, v = (uniform(n, seed=seed, step=k, stream=Stream.DATA).astype(np.float64) for k in (1, 2))
    sex, age = (u >= 0.5).astype(np.int64), ages.quantile(v)
    x = {"age": age}
    for name, e in zip((name for name in FEATURES if name != "age"), eps, strict=True):
        centre, spread = np.where(sex == 0, *(np.stack(_law(name, of, age, x)) for of in SEXES))
        x[name] = np.exp(centre + spread * e) if name in _LOGNORMAL else centre + spread * e
    return sex, age, x


_LOGNORMAL = ("weight", "waist")


def _law(name: str, sex: Sex, age: Floats, x: dict[str, Floats]) -> tuple[Floats, Floats]:
    """Mean and spread of a feature, or of its logarithm if _LOGNORMAL, given sex, age and the features before it."""
    if name == "height":
        return sex.height(age)
    h = x["height"]
    if name == "weight":
        log_bmi, spread = sex.log_bmi(age)
        return log_bmi + 2 * np.log(h / 100), spread + 0 * h
    if name == "shoe_size":
        ratio, its_spread = sex.foot
        return PARIS_POINTS * (ratio * h + SHOE_ALLOWANCE), PARIS_POINTS * its_spread * h
    if name == "waist":
        log_ratio, its_spread = sex.waist
        return log_ratio + 0.5 * np.log(x["weight"] / h), its_spread + 0 * h
    if name == "arm_span":
        ratio, its_spread = sex.span
        foot, foot_spread = _law("shoe_size", sex, age, x)
        shift = sex.foot_span * its_spread * (x["shoe_size"] - foot) / foot_spread
        return (ratio + shift) * h, math.sqrt(1 - sex.foot_span**2) * its_spread * h
    if name == "head":
        intercept, slope, its_spread = sex.head
        return intercept + slope * h, its_spread + 0 * h
    return 0 * h, _WINGS + 0 * h


@dataclass(frozen=True)
class Population:
    """The density of people over some features; height and weight first."""

    features: tuple[str, ...]

    def log_density(self, x: Array) -> Array:
        """ln p(x) in the units of x (n, d): (n,), float64; -inf where a length or a weight is not positive."""
        values = asnumpy(x).astype(np.float64)
        rows = max(1, _CHUNK // (1 if "age" in self.features else len(ages.quadrature()[0])))
        out = np.empty(len(values))
        for start in range(0, len(values), rows):
            block = values[start : start + rows]
            possible = self._possible(block)
            log_p = self._log_p(np.where(possible[:, None], block, 1.0))
            out[start : start + rows] = np.where(possible, log_p, -np.inf)
        return array_module(x).asarray(out)

    def _possible(self, x: Floats) -> npt.NDArray[np.bool_]:
        lengths = [k for k, name in enumerate(self.features) if name in ("height", *_LOGNORMAL)]
        return np.asarray((x[:, lengths] > 0).all(1))

    def _log_p(self, x: Floats) -> Floats:
        """ln p by summing over the sexes and, unless it is a feature, the age."""
        known = "age" in self.features
        at, weights = ages.quadrature()
        terms = []
        for sex in (0, 1):
            if known:
                terms.append(self._log_joint(x, sex, x[:, self.features.index("age")])[:, None])
            else:
                terms.append(self._log_joint(x[:, None, :], sex, at) - ages.log_density(at) + np.log(weights))
        return _log_sum(np.concatenate(terms, axis=1))

    def _log_joint(self, x: Floats, sex: int, age: Floats) -> Floats:
        """ln p(x, sex, age), x (..., d); an age among the features is `age`."""
        named = {name: x[..., k] for k, name in enumerate(self.features)}
        total = ages.log_density(age) - math.log(2)
        for name in self.features:
            if name == "age":
                continue
            centre, spread = _law(name, SEXES[sex], age, named)
            value = named[name]
            if name in _LOGNORMAL:
                value = np.log(value)
                total = total - value
            total = total - ((value - centre) / spread) ** 2 / 2 - np.log(spread) - 0.5 * math.log(2 * math.pi)
        return np.asarray(total)

    @property
    def entropy(self) -> float:
        """-int p ln p in nats; its standard error is `entropy_stderr`."""
        return _entropy(self.features)[0]

    @property
    def entropy_stderr(self) -> float:
        """Standard error of `entropy`: 0 for height and weight (with or without wings), whose entropy is a sum."""
        return _entropy(self.features)[1]


def _log_sum(terms: Floats) -> Floats:
    """ln sum exp over the second axis."""
    largest = terms.max(1, keepdims=True)
    total = np.exp(terms - np.where(np.isfinite(largest), largest, 0.0)).sum(1)
    log_total: Floats = np.log(total, out=np.full_like(total, -np.inf), where=total > 0)
    log_total += np.maximum(largest[:, 0], -1e300)
    return log_total


@functools.cache
def _entropy(features: tuple[str, ...]) -> tuple[float, float]:
    if features[-1] == "wings":  # independent of all else
        value, stderr = _entropy(features[:-1])
        return value + _GAUSSIAN + math.log(_WINGS), stderr
    if len(features) == 2:
        return _entropy_on_a_grid(), 0.0
    return _entropy_by_chain_rule(features)


def _entropy_on_a_grid() -> float:
    """Of height and weight: with v = ln b, p(h, w) = q(h, v)/w, so S = -int q (ln q - ln w); trapezoids."""
    h, v = np.arange(40.0, 260.0, 0.5), np.arange(1.5, 5.5, 0.01)
    at, weights = ages.quadrature()
    q = np.zeros((len(h), len(v)))
    for sex in SEXES:
        profiles = []
        for grid, (centre, spread) in ((h, sex.height(at)), (v, sex.log_bmi(at))):
            profiles.append(np.exp(-(((grid[:, None] - centre) / spread) ** 2) / 2) / (math.sqrt(2 * math.pi) * spread))
        q += 0.5 * (profiles[0] * weights) @ profiles[1].T
    log_w = v + 2 * np.log(h / 100)[:, None]
    some = q > 0
    return float(-(q[some] * (np.log(q[some]) - log_w[some])).sum() * 0.5 * 0.01)


def _entropy_by_chain_rule(features: tuple[str, ...]) -> tuple[float, float]:
    """S(x, z) - S(z | x), z = (sex, age), and the standard error of the second."""
    sex, age, drawn = _draw(_DRAWS, _SEED)
    x, population = np.stack([drawn[name] for name in features], axis=1), Population(features)
    log_joint = np.where(sex == 0, *(population._log_joint(x, k, age) for k in (0, 1)))
    hidden = population.log_density(x) - log_joint  # -ln p(z | x)
    return _joint_entropy(features) - float(hidden.mean()), float(hidden.std()) / math.sqrt(_DRAWS)


def _joint_entropy(features: tuple[str, ...]) -> float:
    """S(x, z): every feature is Gaussian given those before it, so the means of ln(spread), ln h and ln w suffice."""
    at, weights = ages.quadrature()
    node, share = np.polynomial.hermite_e.hermegauss(20)
    total = math.log(2) + ages.entropy
    for sex in SEXES:
        mean, spread = sex.height(at)
        log_h = float(weights @ (np.log(mean[:, None] + spread[:, None] * node) @ share) / math.sqrt(2 * math.pi))
        centre, bmi_spread = sex.log_bmi(at)
        log_w = float(weights @ centre) + 2 * (log_h - math.log(100))
        entropies = {
            "height": float(weights @ np.log(spread)),
            "weight": float(weights @ np.log(bmi_spread)) + log_w,
            "shoe_size": math.log(PARIS_POINTS * sex.foot[1]) + log_h,
            "waist": math.log(sex.waist[1]) + sex.waist[0] + 0.5 * (log_w - log_h),
            "arm_span": math.log(sex.span[1]) + 0.5 * math.log(1 - sex.foot_span**2) + log_h,
            "head": math.log(sex.head[2]),
        }
        total += 0.5 * sum(entropies[name] + _GAUSSIAN for name in features if name != "age")
    return total
