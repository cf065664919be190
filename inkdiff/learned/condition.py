r"""What a score may be told: words. A label is one word, a prompt a few of them, and saying nothing is allowed.

    w_k = 1 if word k of the vocabulary is said, else 0;        s(x, t; w) = grad log p_t(x | w),   w = 0: p_t(x) itself

    s_g = s(x, t; 0) + g [s(x, t; w) - s(x, t; 0)] = grad log p_t(x) p_t(w | x)^g

One network learns both scores, because in training all words of some rows are hidden (w = 0), and single words of
others. The guidance g weighs what is told: 0 ignores it, 1 is the conditional law, more exaggerates it. The product
holds at every level t by itself; p(x) p(w | x)^g noised to t is another density, so for g other than 0 and 1 what is
sampled has no simple formula.

Reference: J. Ho, T. Salimans, Classifier-free diffusion guidance (2022), arXiv:2207.12598.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, asnumpy
from inkdiff.datasets.prompts import parse_prompt

__all__ = ["Condition", "Saying", "Vocabulary", "beside", "cycled", "hidden", "sayings", "spoken", "told"]

_HIDE_EACH = 0.3
_INTEGER = re.compile(r"-?\d+")
Saying = tuple[str, ...]  # the words said of one row


def sayings(told: Any, name: str = "condition") -> list[Saying]:
    """What is said of each row: one integer (a label), a text ("thin 7"), or words ("thin", "7").

    Raises
    ------
    TypeError
        If a row is something else.
    """
    if isinstance(told, str) or not isinstance(told, Iterable):
        raise TypeError(f"{name} must hold one label or saying per row of the data, got {checks.show(told)}.")
    if hasattr(told, "dtype"):
        told = asnumpy(told).tolist()
    return [_saying(row, name) for row in told]


def _saying(row: Any, name: str) -> Saying:
    if isinstance(row, int | np.integer) and not isinstance(row, bool):
        return (str(int(row)),)
    if isinstance(row, str):
        return tuple(row.split())
    if isinstance(row, Sequence) and all(isinstance(word, str) and word and not word.isspace() for word in row):
        return tuple(row)
    raise TypeError(f"{name}: an integer, a text or a sequence of words is a saying, got {checks.show(row)}.")


@dataclass(frozen=True)
class Vocabulary:
    """The words that a score knows, each once, in the order of the network's columns."""

    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no list of words."""
        if any(not isinstance(word, str) for word in self.words) or len(set(self.words)) != len(self.words):
            raise ValueError(f"a vocabulary holds different words, got {self.words!r}")

    @classmethod
    def of(cls, said: Sequence[Saying]) -> Vocabulary:
        """All words that are said, integers in their order, then the others in theirs."""
        found = {word for saying in said for word in saying}
        numbers = sorted(filter(_INTEGER.fullmatch, found), key=lambda word: (int(word), word))
        return cls((*numbers, *sorted(found.difference(numbers))))

    def __len__(self) -> int:
        """How many words."""
        return len(self.words)

    def codes(self, said: Sequence[Saying], name: str = "condition") -> npt.NDArray[np.float32]:
        """w (n, words) of n sayings.

        Raises
        ------
        ValueError
            If a word is not in the vocabulary; the message lists what is known.
        """
        column = {word: k for k, word in enumerate(self.words)}
        codes = np.zeros((len(said), len(self)), np.float32)
        for row, saying in enumerate(said):
            for word in saying:
                if word not in column:
                    known = f"it knows {', '.join(self.words)}" if self.words else "it was trained without any"
                    raise ValueError(f"{name}: this score does not know the word {word!r}; {known}.")
                codes[row, column[word]] = 1
        return codes


@dataclass(frozen=True, eq=False)
class Condition:
    """What is told to a score: codes w (1, words) for all rows, or (n, words); and the guidance g."""

    codes: Array
    guidance: float = 1.0

    @classmethod
    def nothing(cls, words: int, like: Array) -> Condition:
        """Nothing said to a score that knows so many words, on the device of `like`."""
        return cls(array_module(like).zeros((1, words), np.float32))

    def branches(self, code: Array) -> list[tuple[float, Array]]:
        """The network's inputs at levels `code` (m,), with the weights of its answers in the sum: g, and 1 - g."""
        words = self.codes.shape[1]
        if words == 0:
            return [(1.0, code)]
        parts = [(self.guidance, self.codes), (1 - self.guidance, Condition.nothing(words, like=code).codes)]
        return [(weight, beside(code, codes)) for weight, codes in parts if weight != 0]


def spoken(
    vocabulary: Vocabulary, like: Array, label: Any, words: Any, prompt: str | None, guidance: float
) -> Condition:
    """What `LearnedScore.given` is told, on the device of `like`; see there."""
    what = {"label": label, "words": words, "prompt": None if prompt is None else " ".join(parse_prompt(prompt))}
    named = {name: given for name, given in what.items() if given is not None}
    if len(named) != 1:
        raise ValueError(f"{', '.join(named) or 'nothing'} given: give one of {', '.join(what)}.")
    ((name, given),) = named.items()
    said = sayings([given] if isinstance(given, str) or np.ndim(given) == 0 else given, name)
    g = checks.real(guidance, "guidance")
    if g < 0:
        raise ValueError(f"guidance must be >= 0, got {g}.")
    return Condition(array_module(like).asarray(vocabulary.codes(said, name)), g)


def told(vocabulary: Vocabulary, condition: Any, x: Array) -> Array | None:
    """The codes (n, words) of what is said of the rows of x (n, d); None if nothing is.

    Raises
    ------
    ValueError, TypeError
        If it is not said of every row, or in words that are not known.
    """
    if condition is None and not len(vocabulary):
        return None
    if condition is None:
        raise ValueError("condition: this training was told words; give what is said of the data, as it began with.")
    said = sayings(condition)
    if len(said) != len(x):
        raise ValueError(f"condition must say something of each of the {len(x)} rows of data, got {len(said)} sayings.")
    codes = vocabulary.codes(said)
    if not codes.any():
        raise ValueError("condition says nothing of any row; leave it out.")
    return array_module(x).asarray(codes)


def hidden(said: list[tuple[str, ...]] | None, hide: float, hide_each: float | None) -> dict[str, Any]:
    """The shares of what is hidden in training; nothing where nothing is said."""
    if said is None:
        return {}
    several = any(len(saying) > 1 for saying in said)
    return {"hide": hide, "hide_each": _HIDE_EACH * several if hide_each is None else hide_each}


def cycled(codes: Array, n: int) -> Array:
    """n rows of codes: those of the data, one after the other, again and again."""
    return codes[array_module(codes).arange(n) % len(codes)]


def beside(code: Array, codes: Array) -> Array:
    """Levels (m,) and words (k, words) as the network takes them; of one and many, the one goes with all."""
    xp, rows = array_module(code, codes), max(len(code), len(codes))
    out = xp.empty((rows, 1 + codes.shape[1]), np.float32)
    out[:, 0], out[:, 1:] = code, codes
    return out
