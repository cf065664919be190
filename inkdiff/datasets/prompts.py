r"""Captions in plain words: the class and stroke features of a handwritten digit, and prompts in English or Italian.

    caption of a digit = (class, stroke weight, slant, width), one word of each kind

    weight   thin | medium | bold          slant   left | upright | slanted          width   narrow | regular | wide

The words are relative to the class: a thin digit is in the third of its class with the lightest stroke (by
`stroke_features`), so every class has as many thin as bold ones and no word gives a class away. A prompt names some of
the kinds and leaves the others open: "a thin slanted seven", "un sette sottile e inclinato", "bold zero". All known
words are in one table; any other word is an error, as are two words of one kind.

Reference: the prompts of text-to-image models, e.g. A. Ramesh et al. (2021), arXiv:2102.12092, at the size of 19 words.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

import numpy as np

from inkdiff._core.backend import asnumpy
from inkdiff.datasets.stroke_features import stroke_features

if TYPE_CHECKING:
    from inkdiff.datasets.dataset import Dataset

__all__ = ["KINDS", "PHRASES", "as_prompt", "captions", "parse_prompt"]

# kind: its words, from the lowest third to the highest
KINDS: dict[str, tuple[str, ...]] = {
    "class": tuple("0123456789"),
    "weight": ("thin", "medium", "bold"),
    "slant": ("left", "upright", "slanted"),
    "width": ("narrow", "regular", "wide"),
}

# word: its phrases in English, and in Italian; the first of each is the one that `as_prompt` writes
PHRASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "0": (("zero",), ("zero",)),
    "1": (("one",), ("uno",)),
    "2": (("two",), ("due",)),
    "3": (("three",), ("tre",)),
    "4": (("four",), ("quattro",)),
    "5": (("five",), ("cinque",)),
    "6": (("six",), ("sei",)),
    "7": (("seven",), ("sette",)),
    "8": (("eight",), ("otto",)),
    "9": (("nine",), ("nove",)),
    "thin": (("thin", "light", "fine"), ("sottile", "leggero", "fine")),
    "medium": (("medium", "medium weight"), ("medio", "di peso medio")),
    "bold": (("bold", "thick", "heavy"), ("grassetto", "spesso", "grosso", "in grassetto")),
    "left": (
        ("left leaning", "leaning left", "slanted left", "slanted to the left"),
        ("inclinato a sinistra",),
    ),
    "upright": (("upright", "straight"), ("dritto", "diritto", "verticale")),
    "slanted": (
        ("slanted", "leaning", "tilted", "slanted right", "leaning right", "slanted to the right"),
        ("inclinato", "inclinato a destra", "pendente"),
    ),
    "narrow": (("narrow", "small"), ("stretto", "piccolo")),
    "regular": (("regular", "of regular width"), ("regolare", "di larghezza regolare")),
    "wide": (("wide", "large", "big"), ("largo", "grande")),
}
_FILLERS = {"a", "an", "the", "and", "with", "number", "digit", "figure"}
_FILLERS |= {"un", "una", "lo", "la", "il", "e", "ed", "con", "numero", "cifra"}
_LONGEST = 4  # words of a phrase
_LANGUAGES = ("en", "it")


def captions(data: Dataset) -> list[tuple[str, ...]]:
    """The caption of every digit: (class, weight, slant, width), for example ("7", "thin", "slanted", "regular").

    Raises
    ------
    ValueError
        If the data set has no images, or labels that are not 0 ... 9.
    """
    if data.y is None or not np.isin(asnumpy(data.y), np.arange(10)).all():
        raise ValueError(f"data: {data.name!r} has no labels from 0 to 9; captions are of digits.")
    y = asnumpy(data.y)
    words = [[str(int(label))] for label in y]
    for kind, values in stroke_features(data.images)._asdict().items():
        for label in np.unique(y):
            rows = np.flatnonzero(y == label)
            third = np.searchsorted(np.quantile(values[rows], (1 / 3, 2 / 3)), values[rows])
            for row, k in zip(rows, third, strict=True):
                words[row].append(KINDS[kind][k])
    return [tuple(caption) for caption in words]


def parse_prompt(prompt: str) -> tuple[str, ...]:
    """The words of a prompt, in the order of `KINDS`: "un sette sottile" -> ("7", "thin").

    Raises
    ------
    TypeError
        If it is not a text.
    ValueError
        If it has a word that is not known (the message lists those that are), says two things of one kind, or nothing.
    """
    if not isinstance(prompt, str):
        raise TypeError(f"prompt must be a text, got {type(prompt).__name__}.")
    table = {phrase: word for word, both in PHRASES.items() for phrase in (word, *both[0], *both[1])}
    texts, found = re.findall(r"[^\W_]+", prompt.lower()), dict[str, str]()
    while texts:
        size = next((k for k in range(_LONGEST, 0, -1) if " ".join(texts[:k]) in table), 1)
        phrase, texts = " ".join(texts[:size]), texts[size:]
        if phrase not in table:
            if phrase in _FILLERS:
                continue
            raise ValueError(f"prompt: {phrase!r} in {prompt!r} is not a word it knows{_known(phrase, list(table))}")
        word = table[phrase]
        kind = next(kind for kind, words in KINDS.items() if word in words)
        if found.setdefault(kind, word) != word:
            raise ValueError(f"prompt: {prompt!r} says {found[kind]!r} and {word!r}, but a digit has one {kind}.")
    if not found:
        raise ValueError(f"prompt: {prompt!r} says nothing of a digit{_known('', list(table))}")
    return tuple(found[kind] for kind in KINDS if kind in found)


def as_prompt(words: tuple[str, ...], lang: str = "en") -> str:
    """A caption as a prompt: ("7", "thin") -> "thin seven", or "sette sottile".

    Raises
    ------
    ValueError
        If a word is none of `KINDS`, or the language neither "en" nor "it".
    """
    if lang not in _LANGUAGES:
        raise ValueError(f"lang must be one of {', '.join(_LANGUAGES)}, got {lang!r}.")
    strange = [word for word in words if word not in PHRASES]
    if strange:
        raise ValueError(f"words: {strange[0]!r} is no word of a caption; known are {', '.join(PHRASES)}.")
    column = _LANGUAGES.index(lang)
    phrases = {kind: PHRASES[word][column][0] for kind, among in KINDS.items() for word in words if word in among}
    digit = phrases.pop("class", ("digit", "cifra")[column])
    return " ".join([*phrases.values(), digit] if lang == "en" else [digit, *phrases.values()])


def _known(phrase: str, known: list[str]) -> str:
    """What is known, beginning with what is near."""
    near = difflib.get_close_matches(phrase, known, n=1)
    english, italian = (
        ", ".join(dict.fromkeys(phrase for both in PHRASES.values() for phrase in both[k])) for k in (0, 1)
    )
    guess = f"; did you mean {near[0]!r}?" if near else "."
    return f"{guess} Known are, in English: {english}; in Italian: {italian}; and the figures 0 to 9."
