"""Distances between two samples, and what is asked of generated images: classes, nearest neighbours.

The Frechet distance compares Gaussian fits (means m, covariances C) and is the squared Wasserstein-2 distance of the
two Gaussians,

    F = |m_1 - m_2|^2 + tr(C_1 + C_2 - 2 (C_1^(1/2) C_2 C_1^(1/2))^(1/2));

the energy distance compares the clouds themselves, and vanishes only when the two laws are the same,

    E = 2 <|x - y|> - <|x - x'|> - <|y - y'|>.

Both are positive between finite samples of one law; a value is to be read beside the value of real against real at
equal numbers. Classes and nearest neighbours ask what these two cannot: whether every digit is made in its
proportion, and whether samples are copies of training images or blurs between them.

Reference: D. C. Dowson and B. V. Landau, J. Multivariate Analysis 12 (1982) 450. G. J. Szekely and M. L. Rizzo, Energy
statistics, J. Statist. Plann. Inference 143 (2013) 1249.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module, asnumpy
from inkdiff.datasets.dataset import Dataset
from inkdiff.metrics.estimates import Estimate, jackknife_variance

__all__ = [
    "GROUPS",
    "ClassHistogram",
    "class_histogram",
    "classify",
    "energy_distance",
    "frechet_distance",
    "nearest_distance_ratio",
    "points",
]

GROUPS = 10  # of the jackknife: row i belongs to group i mod 10


class ClassHistogram(NamedTuple):
    """How often a classifier sees each class among samples, beside what the training proportions let expect."""

    labels: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    expected: Floats
    p_value: float


def points(data: Array | Dataset, name: str, like: Array | None = None, least: int = 1) -> Array:
    """The (n, d) array of a data set or array, with the columns of `like` and at least `least` rows."""
    x = checks.state(data.x if isinstance(data, Dataset) else data, name)
    if like is not None and x.shape[1] != like.shape[1]:
        raise ValueError(f"{name} has {x.shape[1]} columns where {like.shape[1]} are expected: compare like with like.")
    if len(x) < least:
        raise ValueError(f"{name} holds {len(x)} rows: at least {least} are needed.")
    return x


class _Moments:
    """Mean and covariance of the rows, whole or with one group left out, from sums over the groups."""

    def __init__(self, x: Array) -> None:
        xp = array_module(x)
        x = x.astype(np.float64)
        self._center = x.mean(axis=0)  # sums about the mean lose no digits when a group is subtracted
        groups = [x[g::GROUPS] - self._center for g in range(GROUPS)]
        self._count = [len(g) for g in groups]
        self._sum = xp.stack([g.sum(axis=0) for g in groups])
        self._square = [g.T @ g for g in groups]
        self._total = sum(self._square[1:], start=self._square[0])

    def without(self, group: int | None = None) -> tuple[Array, Array]:
        """Mean (d,) and covariance (d, d), normalised by n - 1."""
        n = sum(self._count) - (0 if group is None else self._count[group])
        mean = (self._sum.sum(axis=0) - (0 if group is None else self._sum[group])) / n
        square = self._total if group is None else self._total - self._square[group]
        covariance = (square - n * mean[:, None] * mean) / (n - 1)
        return self._center + mean, covariance


def _root(covariance: Array) -> Array:
    """Symmetric square root; eigenvalues that rounding made negative count as 0."""
    xp = array_module(covariance)
    values, vectors = xp.linalg.eigh(covariance)
    return (vectors * xp.sqrt(xp.maximum(values, 0))) @ vectors.T


def _gaussian_distance(m1: Array, root1: Array, m2: Array, C2: Array) -> float:
    """F of the module's text; `root1` is the square root of C_1."""
    xp = array_module(m1)
    cross = xp.linalg.eigvalsh(root1 @ C2 @ root1)
    overlap = xp.sqrt(xp.maximum(cross, 0)).sum()
    return float(((m1 - m2) ** 2).sum() + (root1 * root1).sum() + xp.trace(C2) - 2 * overlap)


def frechet_distance(x: Array | Dataset, y: Array | Dataset) -> Estimate:
    """Frechet distance (squared Wasserstein-2) between the Gaussian fits of two samples, in squared units of the data.

    Covariances are normalised by n - 1. The value is that of the samples: between finite samples of one law it lies
    above 0 by O(d^2/n). The error is a delete-a-group jackknife over 10 groups of rows (i mod 10) of each sample.
    Cost: 21 eigenproblems of size d.

    Parameters
    ----------
    x, y
        Arrays (n, d) and (m, d), or data sets; at least 20 rows each.

    Raises
    ------
    ValueError
        If the arrays are not finite, differ in d, have fewer than 20 rows, or lie on two devices.
    """
    x = points(x, "x", least=2 * GROUPS)
    y = points(y, "y", like=x, least=2 * GROUPS)
    array_module(x, y)
    first, second = _Moments(x), _Moments(y)
    (m1, C1), (m2, C2) = first.without(), second.without()
    root1, root2 = _root(C1), _root(C2)
    value = _gaussian_distance(m1, root1, m2, C2)
    # F is symmetric: the sample that stays whole lends its root, so that no other root is ever taken.
    of_y = jackknife_variance(_gaussian_distance(m1, root1, *second.without(g)) for g in range(GROUPS))
    of_x = jackknife_variance(_gaussian_distance(m2, root2, *first.without(g)) for g in range(GROUPS))
    return Estimate(value, math.sqrt(of_x + of_y))


def _block_sums(x: Floats, y: Floats) -> Floats:
    """Sums of |x_i - y_j| over each pair of jackknife groups, (groups, groups)."""
    from scipy.spatial.distance import cdist

    return np.array([[cdist(x[a::GROUPS], y[b::GROUPS]).sum() for b in range(GROUPS)] for a in range(GROUPS)])


def energy_distance(x: Array | Dataset, y: Array | Dataset) -> Estimate:
    """Energy distance 2<|x - y|> - <|x - x'|> - <|y - y'|> (V-statistic, not square-rooted), in units of the data.

    The averages run over all pairs, a point with itself included, so the value is never negative and lies above 0
    by O(1/n) between samples of one law. The error is a delete-a-group jackknife over 10 groups of rows of each
    sample. The distances are computed on the host (CuPy arrays are copied); cost O((n + m)^2 d).

    Parameters
    ----------
    x, y
        Arrays (n, d) and (m, d), or data sets; at least 20 rows each.

    Raises
    ------
    ValueError
        If the arrays are not finite, differ in d or have fewer than 20 rows.
    """
    a = asnumpy(points(x, "x", least=2 * GROUPS)).astype(np.float64)
    b = asnumpy(points(y, "y", like=a, least=2 * GROUPS)).astype(np.float64)
    xy, xx, yy = _block_sums(a, b), _block_sums(a, a), _block_sums(b, b)
    n = np.array([len(a[g::GROUPS]) for g in range(GROUPS)], dtype=np.float64)
    m = np.array([len(b[g::GROUPS]) for g in range(GROUPS)], dtype=np.float64)
    everyone = np.ones(GROUPS)

    def distance(keep_x: Floats, keep_y: Floats) -> float:
        nx, ny = keep_x @ n, keep_y @ m
        cross = keep_x @ xy @ keep_y / (nx * ny)
        return float(2 * cross - keep_x @ xx @ keep_x / nx**2 - keep_y @ yy @ keep_y / ny**2)

    rest = [everyone - one for one in np.eye(GROUPS)]
    of_x = jackknife_variance(distance(keep, everyone) for keep in rest)
    of_y = jackknife_variance(distance(everyone, keep) for keep in rest)
    return Estimate(distance(everyone, everyone), math.sqrt(of_x + of_y))


def nearest_distance_ratio(samples: Array | Dataset, train: Array | Dataset, test: Array | Dataset) -> Estimate:
    """Median distance of samples to their nearest training point, over the same median of held-out points.

    1 for samples as new as held-out data, 0 for copies, above 1 for samples off the data. The error is that of the two
    medians, the training set being fixed. The search (scipy's cKDTree) runs on the host; CuPy arrays are copied.

    Parameters
    ----------
    samples, train, test
        Arrays (n, d) or data sets with equal d; at least 20 samples and held-out points.

    Raises
    ------
    ValueError
        If shapes do not fit, there are too few rows, or half of the held-out points are copies of training points.
    """
    from scipy.spatial import cKDTree

    reference = asnumpy(points(train, "train")).astype(np.float64)
    tree = cKDTree(reference)

    def median(cloud: Array) -> Estimate:
        return Estimate.of_median(np.asarray(tree.query(asnumpy(cloud).astype(np.float64))[0]))

    new = median(points(samples, "samples", like=reference, least=20))
    held_out = median(points(test, "test", like=reference, least=20))
    if held_out.value == 0:
        raise ValueError("test: half of the held-out points stand in train too; hold out different ones.")
    ratio = new.value / held_out.value
    stderr = math.hypot(new.stderr / held_out.value, ratio * held_out.stderr / held_out.value)
    return Estimate(ratio, stderr)


def class_histogram(samples: Array | Dataset, train: Dataset) -> ClassHistogram:
    """Classes of the samples as `classify` sees them, against the training proportions.

    The p-value is that of Pearson's chi^2 with (classes - 1) degrees of freedom.

    Parameters
    ----------
    samples
        Array (n, d) or data set.
    train
        Labelled data set with at least two classes.

    Raises
    ------
    ValueError
        If `train` has no labels or one class only, or shapes do not fit.
    """
    from scipy import stats

    seen = classify(samples, train)
    labels, numbers = np.unique(asnumpy(train.y), return_counts=True)
    counts = np.array([np.count_nonzero(seen == label) for label in labels])
    expected = len(seen) * numbers / numbers.sum()
    return ClassHistogram(labels, counts, expected, float(stats.chisquare(counts, expected).pvalue))


def classify(samples: Array | Dataset, train: Dataset) -> npt.NDArray[np.int64]:
    """The class of each sample, (n,), as an SVC(C=10) trained on real labelled data sees it.

    The classifier (scikit-learn) runs on the host; CuPy arrays are copied. Arguments and errors as of
    `class_histogram`.
    """
    from sklearn.svm import SVC

    if train.y is None:
        raise ValueError(f"train: the data set {train.name!r} has no labels; give it y.")
    x, y = asnumpy(points(samples, "samples", like=train.x)), asnumpy(train.y)
    if len(np.unique(y)) < 2:
        raise ValueError(f"train holds the class {y[0]} only: a classifier needs two.")
    return np.asarray(SVC(C=10).fit(asnumpy(train.x), y).predict(x), np.int64)
