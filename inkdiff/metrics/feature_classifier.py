r"""Features of a classifier: what pictures look like to a network that has learned to tell their classes, and no more.

    h_1 = relu(W_1 x + b_1),   h_2 = relu(W_2 h_1 + b_2) =: features,   p(class) = softmax(W_3 h_2 + b_3)

Pixels count a stroke moved by one pixel as a change everywhere; the last hidden layer keeps what matters for reading
it. A Frechet distance of features asks whether samples are distributed as real pictures are in these respects, and the
largest p(class) whether each of them can be read. Trained once, on real training pictures; what is judged never moves
it. Same data, same weights: the seed is fixed and BLAS has one thread.

Reference: M. Heusel et al. (2017), arXiv:1706.08500 (Frechet distance of a classifier's features); the network is
scikit-learn's MLPClassifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inkdiff._core.backend import Array, Floats, asnumpy
from inkdiff.datasets.dataset import Dataset
from inkdiff.metrics.estimates import Estimate
from inkdiff.metrics.sample_distances import points
from inkdiff.nn import one_thread_each

if TYPE_CHECKING:
    from sklearn.neural_network import MLPClassifier

__all__ = ["FeatureClassifier"]

_HIDDEN = (64, 32)
_EPOCHS = 1000  # at most; it stops when the loss no longer falls, after 250 or so on the 8x8 digits
_SEED = 0


@dataclass(frozen=True, eq=False)
class FeatureClassifier:
    """A small network trained on labelled pictures, on the host; `FeatureClassifier.of(train)`."""

    model: MLPClassifier

    @classmethod
    def of(cls, train: Dataset) -> FeatureClassifier:
        """Train on a data set with labels of at least two classes; a few seconds on the 8x8 digits.

        Raises
        ------
        ValueError
            If `train` has no labels, or one class only.
        """
        from sklearn.neural_network import MLPClassifier

        if train.y is None:
            raise ValueError(f"train: the data set {train.name!r} has no labels; give it y.")
        y = asnumpy(train.y)
        if len(np.unique(y)) < 2:
            raise ValueError(f"train holds the class {y[0]} only: a classifier needs two.")
        with one_thread_each():
            return cls(MLPClassifier(_HIDDEN, max_iter=_EPOCHS, random_state=_SEED).fit(asnumpy(train.x), y))

    def features(self, x: Array | Dataset) -> Floats:
        """The last hidden layer, (n, 32)."""
        h = asnumpy(points(x, "x")).astype(np.float64)
        if h.shape[1] != self.model.n_features_in_:
            raise ValueError(f"x must have {self.model.n_features_in_} columns, got {h.shape[1]}.")
        for weight, bias in zip(self.model.coefs_[:-1], self.model.intercepts_[:-1], strict=True):
            h = np.maximum(h @ weight + bias, 0)
        return h

    def confidence(self, x: Array | Dataset) -> Estimate:
        """Mean over the rows of the largest class probability, with its standard error; 1 at most."""
        h = self.features(x)
        z = h @ self.model.coefs_[-1] + self.model.intercepts_[-1]
        if z.shape[1] == 1:  # two classes share one number
            z = np.concatenate([np.zeros_like(z), z], axis=1)
        return Estimate.of_mean(1 / np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1))

    def accuracy(self, data: Dataset) -> Estimate:
        """Share of rows read as they are labelled, with its standard error."""
        return Estimate.of_mean(self.model.predict(asnumpy(data.x)) == asnumpy(data.y))
