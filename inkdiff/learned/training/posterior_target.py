r"""The regression target with less noise: the score of the noised data points together, instead of that of one of them.

    sigma grad log p(x_t) = sum_i w_i (alpha x_i - x_t)/sigma,   w_i ~ exp(-|y - x_i|^2 / 2 (sigma/alpha)^2)

with weights of sum 1, is the conditional expectation of the target of denoising score matching, so regressing on it
has the same minimum. Where noise is weak one w_i is 1 and nothing is gained; where it is strong the single target
is almost all noise. In free space the sums are two matrix products. Between walls every coordinate of every pair
needs its own heat kernel, which costs more than it brings there (tried): the target stays the single one.

Of a point with a condition, only those data points count that have all of its words: w_i = 0 for the others.

Reference: Y. Xu, S. Tong, T. Jaakkola (2023), arXiv:2302.00670.
"""

from __future__ import annotations

from inkdiff._core.backend import Array, array_module
from inkdiff.nn import thread_arena
from inkdiff.nn.elementwise import exp

__all__ = ["PosteriorTarget"]

_NEVER = -1e30  # ln of a weight that is 0
_BLOCK = 128  # rows whose weights stay in the cache between the products


class PosteriorTarget:
    """sigma times the score of the noised reference points (m, d) in free space; `codes` (m, words): their words."""

    def __init__(self, references: Array, codes: Array | None = None) -> None:
        xp = array_module(references)
        self._codes = codes
        self._mean = references.mean(0)
        centred = references - self._mean
        # One more column brings -|x_i|^2/2 into the first product, and the sum of the weights into the second.
        self._keys = xp.concatenate([centred, (centred**2).sum(1, keepdims=True) / -2], axis=1)
        self._values = xp.concatenate([centred, xp.ones_like(centred[:, :1])], axis=1)

    def __call__(self, y: Array, ratio: Array, codes: Array | None = None) -> Array:
        """(E[x_0 | y, words] - y) / ratio for y = x_t/alpha (n, d), ratio = sigma/alpha (n, 1), codes (n, words)."""
        xp = array_module(y)
        centred = y - self._mean
        queries = xp.concatenate([centred, xp.ones_like(ratio)], axis=1) / ratio**2
        arena = thread_arena()
        arena.rewind()
        sums, weights = xp.empty_like(queries), arena.empty((_BLOCK, len(self._keys)), queries)
        for first in range(0, len(y), _BLOCK):
            rows = slice(first, min(first + _BLOCK, len(y)))
            w = weights[: rows.stop - first]
            # -|y - x_i|^2 / 2 ratio^2 up to what does not depend on i; about the mean, so that float32 suffices at
            # small noise.
            xp.matmul(queries[rows], self._keys.T, out=w)
            if codes is not None and self._codes is not None:
                w[codes[rows] @ self._codes.T < codes[rows].sum(axis=1, keepdims=True)] = _NEVER
            exp(w, w.max(axis=1, keepdims=True))
            xp.matmul(w, self._values, out=sums[rows])
        return (sums[:, :-1] / sums[:, -1:] - centred) / ratio
