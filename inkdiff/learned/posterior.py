r"""The regression target with less noise: the score of the noised data points together, instead of that of one of them.

    sigma grad log p(x_t) = sum_i w_i (alpha x_i - x_t)/sigma,   w_i ~ exp(-|y - x_i|^2 / 2 (sigma/alpha)^2)

with weights of sum 1, is the conditional expectation of the target of denoising score matching, so regressing on it
has the same minimum. Where noise is weak one w_i is 1 and nothing is gained; where it is strong the single target
is almost all noise. In free space the sums are two matrix products. Between walls every coordinate of every pair
needs its own heat kernel, which costs more than it brings there (tried): the target stays the single one.

Reference: Y. Xu, S. Tong, T. Jaakkola (2023), arXiv:2302.00670.
"""

from __future__ import annotations

from inkdiff.backend import Array, array_module

__all__ = ["Posterior"]


class Posterior:
    """sigma times the score of the noised reference points (m, d) in free space."""

    def __init__(self, references: Array) -> None:
        self._mean = references.mean(0)
        self._centred = references - self._mean
        self._half_square = (self._centred**2).sum(1) / 2

    def __call__(self, y: Array, ratio: Array) -> Array:
        """(E[x_0 | y] - y) / ratio for y = x_t/alpha (n, d), ratio = sigma/alpha (n, 1)."""
        xp = array_module(y)
        centred = y - self._mean
        # -|y - x_i|^2 / 2 up to what does not depend on i; about the mean, so that float32 suffices at small noise.
        weights = centred @ self._centred.T
        weights -= self._half_square
        weights -= weights.max(axis=1, keepdims=True)
        weights /= ratio**2
        xp.exp(weights, out=weights)
        weights /= weights.sum(axis=1, keepdims=True)
        return (weights @ self._centred - centred) / ratio
