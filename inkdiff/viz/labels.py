"""The words that several figures share, in English and Italian, in one table: a figure asks for them by a key.

Symbols are the lecture's: t time, x place, S entropy (nats), r correlation with the origin, D the diffusion
coefficient. Quantities stand before their unit, in parentheses. A text used in one place only is given in both
languages on the spot, with `say`.

Reference: International vocabulary of metrology (VIM, 2012), 1.19, for how a quantity and its unit are
written.
"""

from __future__ import annotations

import difflib

__all__ = ["LABELS", "LANGUAGES", "label", "language", "say", "use_language"]

LANGUAGES = ("en", "it")

# key: (English, Italian)
LABELS: dict[str, tuple[str, str]] = {
    # axes
    "time": ("time $t$", "tempo $t$"),
    "step": ("step $t$", "passo $t$"),
    "x": ("$x$", "$x$"),
    "y": ("$y$", "$y$"),
    "msd_in_widths": ("MSD in units of its own\nvariance at the start", "SQM in unità della\nvarianza iniziale"),
    "entropy": ("entropy $S$ (nats)", "entropia $S$ (nat)"),
    "entropy_per_coordinate": ("entropy per coordinate (nats)", "entropia per coordinata (nat)"),
    "kl_per_coordinate": (
        "distance from equilibrium\nper coordinate (nats)",
        "distanza dall'equilibrio\nper coordinata (nat)",
    ),
    "correlation": ("memory of the start $r$", "memoria dell'inizio $r$"),
    "memory_lost": ("memory lost $1 - r$", "memoria perduta $1 - r$"),
    "density": ("probability density", "densità di probabilità"),
    "loss": ("loss", "errore"),
    # what is drawn
    "ink": ("ink", "inchiostro"),
    "images": ("images", "immagini"),
    # which curve
    "measured": ("measured", "misura"),
    "exact": ("exact", "esatto"),
    "real": ("real", "reali"),
    "forward": ("forward", "avanti"),
    "start": ("start", "inizio"),
    "maximum": ("maximum", "massimo"),
    "equilibrium": ("equilibrium", "equilibrio"),
    "free_space": ("free space", "spazio libero"),
}

_language = "en"


def use_language(lang: str) -> None:
    """The language of all labels from here on: "en" or "it"."""
    global _language
    if lang not in LANGUAGES:
        raise ValueError(f"lang must be one of {', '.join(map(repr, LANGUAGES))}, got {lang!r}.")
    _language = lang


def language() -> str:
    """The language in use."""
    return _language


def label(key: str, lang: str | None = None) -> str:
    """The label called `key`, in the language in use or in `lang`.

    Raises
    ------
    ValueError
        If there is no such key or language.
    """
    if key not in LABELS:
        near = difflib.get_close_matches(key, LABELS, n=3)
        hint = f"; did you mean {', '.join(map(repr, near))}?" if near else f"; keys are {', '.join(LABELS)}."
        raise ValueError(f"key must name a label, got {key!r}{hint}")
    chosen = _language if lang is None else lang
    if chosen not in LANGUAGES:
        raise ValueError(f"lang must be one of {', '.join(map(repr, LANGUAGES))}, got {chosen!r}.")
    return LABELS[key][LANGUAGES.index(chosen)]


def say(english: str, italian: str) -> str:
    """Whichever of the two is in the language in use: for a title that occurs once."""
    return italian if _language == "it" else english
