"""Labels as further inputs: one column for each, 1 in its own and 0 in the others.

    W (x, e_y) = W_x x + w_y

The first layer adds a vector of its own for each label: an embedding, learned with the rest.

Reference: M. Mirza, S. Osindero (2014), arXiv:1411.1784.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, asnumpy
from inkdiff._core.rng import Stream

__all__ = ["Labels"]


@dataclass(frozen=True)
class Labels:
    """The labels of a data set, in ascending order, and the share of the rows that has each."""

    values: tuple[int, ...]
    shares: tuple[float, ...]

    @classmethod
    def of(cls, data: Any) -> Labels:
        """The labels of a data set.

        Raises
        ------
        ValueError
            If it has none, or only one kind.
        """
        y = getattr(data, "y", None)
        if y is None:
            raise ValueError(f"label=True needs data with labels .y, but {getattr(data, 'name', 'array')!r} has none.")
        values, counts = np.unique(asnumpy(y), return_counts=True)
        if len(values) < 2:
            raise ValueError(f"label=True needs at least two kinds of label, but all are {values[0]}.")
        return cls(tuple(int(v) for v in values), tuple(float(c) for c in counts / counts.sum()))

    def __len__(self) -> int:
        """How many labels there are."""
        return len(self.values)

    def draw(self, n: int, *, seed: int) -> npt.NDArray[np.int64]:
        """n labels in the proportions of the data (stream LATENT, step 1)."""
        u = kernels.uniform(n, seed=seed, step=1, stream=Stream.LATENT)
        index = np.searchsorted(np.cumsum(self.shares)[:-1], u, side="right")
        drawn: npt.NDArray[np.int64] = np.asarray(self.values, np.int64)[index]
        return drawn

    def columns(self, label: Any, n: int, like: Array) -> Array:
        """One label for all n rows, or (n,) labels, as columns (n, classes) beside `like`.

        Raises
        ------
        ValueError
            If a label is not among those known, or there are not n of them.
        """
        y = asnumpy(checks.reals(label, "label"))
        if y.ndim > 1 or (y.ndim == 1 and len(y) != n):
            raise ValueError(f"label must be one label or {n} of them, got {checks.show(label)}.")
        y, values = np.atleast_1d(y), np.asarray(self.values)
        strange = y[~np.isin(y, values)]
        if strange.size:
            raise ValueError(f"label must be among {', '.join(map(str, self.values))}, got {strange[0]:g}.")
        hot = np.broadcast_to(y[:, None] == values, (n, len(values)))
        return array_module(like).asarray(np.ascontiguousarray(hot, np.float32))
