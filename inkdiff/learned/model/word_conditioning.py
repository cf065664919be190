r"""Conditioning on words: a label is one word, a caption a few of them, and none at all is allowed.

    w_k = 1 if word k of the vocabulary is given, else 0;      s(x, t; w) = grad log p_t(x | w),   w = 0: p_t(x) itself

    s_g = s(x, t; 0) + g [s(x, t; w) - s(x, t; 0)] = grad log p_t(x) p_t(w | x)^g

One network learns both scores, because in training all words of some rows are dropped (w = 0, with probability
`p_uncond`), and single words of others (`p_drop_word`). The guidance scale g weighs the condition: 0 ignores it, 1 is
the conditional law, more exaggerates it. The product holds at every level t by itself; p(x) p(w | x)^g noised to t is
another density, so for g other than 0 and 1 what is sampled has no simple formula.

Reference: J. Ho, T. Salimans, Classifier-free diffusion guidance (2022), arXiv:2207.12598.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, asnumpy
from inkdiff.datasets.prompts import parse_prompt

__all__ = [
    "Condition",
    "Conditioning",
    "LabelsOrWords",
    "Vocabulary",
    "Words",
    "code_rows",
    "condition_of",
    "cycle_rows",
    "join_codes",
    "parse_rows",
]

_P_DROP_WORD = 0.3
_INTEGER = re.compile(r"-?\d+")
Words: TypeAlias = tuple[str, ...]  # the words of one row
LabelsOrWords: TypeAlias = "Iterable[int] | Iterable[str] | Iterable[Sequence[str]] | npt.NDArray[np.integer]"


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What is known of the rows of the data, and how much of it is dropped in training: classifier-free guidance.

    Parameters
    ----------
    rows : the label of each row (integers (n,)), or its words (n texts, or n sequences of words).
    p_uncond : share of the rows whose words are all dropped, so that the score without words is learned too.
    p_drop_word : share of single words dropped; by default 0.3 where rows have several words, else 0.
    """

    rows: LabelsOrWords
    p_uncond: float = 0.1
    p_drop_word: float | None = None

    def __post_init__(self) -> None:
        """Keep what can be read but once."""
        if isinstance(self.rows, Iterator):
            object.__setattr__(self, "rows", list(self.rows))

    @classmethod
    def of(cls, value: LabelsOrWords | Conditioning | None) -> Conditioning | None:
        """Conditioning, given as itself or as what is known of the rows; None if nothing is."""
        return value if value is None or isinstance(value, Conditioning) else cls(value)

    def settings(self) -> dict[str, float]:
        """The shares dropped in training.

        Raises
        ------
        TypeError
            If a row is neither a label nor words.
        """
        several = any(len(words) > 1 for words in parse_rows(self.rows))
        p_drop_word = _P_DROP_WORD * several if self.p_drop_word is None else self.p_drop_word
        return {"p_uncond": self.p_uncond, "p_drop_word": p_drop_word}


def parse_rows(rows: object, name: str = "condition") -> list[Words]:
    """The words of each row, given as one integer (a label), a text ("thin 7"), or words ("thin", "7").

    Raises
    ------
    TypeError
        If a row is something else.
    """
    if isinstance(rows, str) or not isinstance(rows, Iterable):
        raise TypeError(f"{name} must hold one label, text or list of words per row, got {checks.show(rows)}.")
    listed: list[object] = asnumpy(rows).tolist() if hasattr(rows, "dtype") else list(rows)
    return [_parse_row(row, name) for row in listed]


def _parse_row(row: object, name: str) -> Words:
    if isinstance(row, int | np.integer) and not isinstance(row, bool):
        return (str(int(row)),)
    if isinstance(row, str):
        return tuple(row.split())
    if isinstance(row, Sequence) and all(isinstance(word, str) and word and not word.isspace() for word in row):
        return tuple(row)
    raise TypeError(f"{name}: a row has an integer, a text or a sequence of words, got {checks.show(row)}.")


@dataclass(frozen=True)
class Vocabulary:
    """The words that a score can be conditioned on, each once, in the order of the network's columns."""

    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no list of words."""
        if any(not isinstance(word, str) for word in self.words) or len(set(self.words)) != len(self.words):
            raise ValueError(f"a vocabulary holds different words, got {self.words!r}")

    @classmethod
    def of(cls, rows: Sequence[Words]) -> Vocabulary:
        """All words of all rows, integers in their order, then the others in theirs."""
        found = {word for words in rows for word in words}
        numbers = sorted(filter(_INTEGER.fullmatch, found), key=lambda word: (int(word), word))
        return cls((*numbers, *sorted(found.difference(numbers))))

    def __len__(self) -> int:
        """How many words."""
        return len(self.words)

    def encode(self, rows: Sequence[Words], name: str = "condition") -> npt.NDArray[np.float32]:
        """w (n, words) of the words of n rows.

        Raises
        ------
        ValueError
            If a word is not in the vocabulary; the message lists what is.
        """
        column = {word: k for k, word in enumerate(self.words)}
        codes = np.zeros((len(rows), len(self)), np.float32)
        for row, words in enumerate(rows):
            for word in words:
                if word not in column:
                    known = f"it knows {', '.join(self.words)}" if self.words else "it was trained without any"
                    raise ValueError(f"{name}: the word {word!r} is unknown to this model; {known}.")
                codes[row, column[word]] = 1
        return codes


@dataclass(frozen=True, eq=False)
class Condition:
    """What a score is conditioned on: codes w (1, words) for all rows, or (n, words); and the guidance scale g."""

    codes: Array
    guidance: float = 1.0

    @classmethod
    def none(cls, words: int, like: Array) -> Condition:
        """No condition on a score that knows so many words, on the device of `like`."""
        return cls(array_module(like).zeros((1, words), np.float32))

    def network_inputs(self, code: Array) -> list[tuple[float, Array]]:
        """The network's inputs at levels `code` (m,), with the weights of its outputs in the sum: g, and 1 - g."""
        words = self.codes.shape[1]
        if words == 0:
            return [(1.0, code)]
        parts = [(self.guidance, self.codes), (1 - self.guidance, Condition.none(words, like=code).codes)]
        return [(weight, join_codes(code, codes)) for weight, codes in parts if weight != 0]


def condition_of(
    vocabulary: Vocabulary, like: Array, label: object, words: object, prompt: str | None, guidance: float
) -> Condition:
    """The condition that `LearnedScore.given` was asked for, on the device of `like`; see there."""
    what = {"label": label, "words": words, "prompt": None if prompt is None else " ".join(parse_prompt(prompt))}
    named = {name: given for name, given in what.items() if given is not None}
    if len(named) != 1:
        raise ValueError(f"{', '.join(named) or 'nothing'} given: give one of {', '.join(what)}.")
    ((name, given),) = named.items()
    single = isinstance(given, str) or np.ndim(given) == 0  # type: ignore[arg-type]
    rows = parse_rows([given] if single else given, name)
    g = checks.real(guidance, "guidance")
    if g < 0:
        raise ValueError(f"guidance must be >= 0, got {g}.")
    return Condition(array_module(like).asarray(vocabulary.encode(rows, name)), g)


def code_rows(vocabulary: Vocabulary, condition: LabelsOrWords | None, x: Array) -> Array | None:
    """The codes (n, words) of the rows of x (n, d); None if nothing is known of them.

    Raises
    ------
    ValueError, TypeError
        If there is not one condition per row, or one in words that are not known.
    """
    if condition is None and not len(vocabulary):
        return None
    if condition is None:
        raise ValueError("condition: this training is conditioned on words; give those of the data it began with.")
    rows = parse_rows(condition)
    if len(rows) != len(x):
        raise ValueError(f"condition must have one entry for each of the {len(x)} rows of data, got {len(rows)}.")
    codes = vocabulary.encode(rows)
    if not codes.any():
        raise ValueError("condition has no word for any row; leave it out.")
    return array_module(x).asarray(codes)


def cycle_rows(codes: Array, n: int) -> Array:
    """n rows of codes: those of the data, one after the other, again and again."""
    return codes[array_module(codes).arange(n) % len(codes)]


def join_codes(code: Array, codes: Array) -> Array:
    """Levels (m,) and words (k, words) as the network takes them; of one and many, the one goes with all."""
    xp, rows = array_module(code, codes), max(len(code), len(codes))
    out = xp.empty((rows, 1 + codes.shape[1]), np.float32)
    out[:, 0], out[:, 1:] = code, codes
    return out
