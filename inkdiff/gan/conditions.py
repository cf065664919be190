r"""The conditions of a conditional GAN: words of each row, as further inputs, and how often the data have each.

    W (x, w) = W_x x + sum over the words k given of W_k

The first layer adds a vector of its own for each word: an embedding, learned with the rest. Codes w are those that
scores use (`inkdiff.learned`), a label being one word. A generator of which no condition is asked for draws one in the
proportions of the data, so that its samples follow the law of all of them.

Reference: M. Mirza, S. Osindero (2014), arXiv:1411.1784.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module, asnumpy
from inkdiff._core.rng import Stream
from inkdiff.learned.model.word_conditioning import LabelsOrWords, Vocabulary, code_rows, condition_of, parse_rows

__all__ = ["Conditions"]


@dataclass(frozen=True, eq=False)
class Conditions:
    """The conditions that occur in the data.

    Attributes
    ----------
    vocabulary : the words, in the order of the columns.
    codes : (k, words) the different conditions, float32, 1 where a word is given.
    shares : (k,) the share of the rows that has each.
    """

    vocabulary: Vocabulary
    codes: npt.NDArray[np.float32]
    shares: Floats

    @classmethod
    def of(cls, condition: LabelsOrWords, x: Array) -> tuple[Conditions, Array]:
        """The conditions of the rows of x (n, d), and the codes (n, words) of each row, on the device of x.

        Raises
        ------
        ValueError, TypeError
            If there is not one condition per row, or all are the same.
        """
        vocabulary = Vocabulary.of(parse_rows(condition))
        rows = code_rows(vocabulary, condition, x)
        assert rows is not None
        # Downwards in the order of the columns: labels come in theirs.
        codes, counts = (a[::-1] for a in np.unique(asnumpy(rows), axis=0, return_counts=True))
        if len(codes) < 2:
            raise ValueError("condition must differ between rows, but all have the same; leave it out.")
        return cls(vocabulary, np.ascontiguousarray(codes), counts / counts.sum()), rows

    def draw(self, n: int, *, seed: int) -> npt.NDArray[np.float32]:
        """Codes (n, words) in the proportions of the data (stream LATENT, step 1)."""
        u = kernels.uniform(n, seed=seed, step=1, stream=Stream.LATENT)
        index = np.searchsorted(np.cumsum(self.shares)[:-1], u, side="right")
        drawn: npt.NDArray[np.float32] = self.codes[index]
        return drawn

    def encode(self, n: int, like: Array, *, label: object, words: object, prompt: str | None) -> Array:
        """One condition for all of n rows, or n of them, as codes (n, words) on the device of `like`.

        Raises
        ------
        ValueError, TypeError
            If not one of the three is given, a word is not in the vocabulary, or there are neither one nor n of them.
        """
        codes = condition_of(self.vocabulary, like, label, words, prompt, 1.0).codes
        if len(codes) not in (1, n):
            given = next(value for value in (label, words, prompt) if value is not None)
            raise ValueError(f"condition must be one for all rows or {n} of them, got {checks.show(given)}.")
        xp = array_module(like)
        return xp.ascontiguousarray(xp.broadcast_to(codes, (n, codes.shape[1])))
