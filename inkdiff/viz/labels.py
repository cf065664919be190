"""The words on the figures, in English and Italian, in one table: a figure asks for a key, never for a text.

Symbols are the lecture's: t time, x place, S entropy (nats), r correlation with the origin, D the diffusion
coefficient. Quantities stand before their unit, in parentheses. A title used in one place only may be given
in both languages on the spot, with `say`.

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
    "time_tau": ("time ($\\tau$)", "tempo ($\\tau$)"),
    "step": ("step $t$", "passo $t$"),
    "x": ("$x$", "$x$"),
    "y": ("$y$", "$y$"),
    "position": ("place $x$", "posizione $x$"),
    "length": ("length", "lunghezza"),
    "msd": ("mean squared displacement", "spostamento quadratico medio"),
    "msd_in_widths": ("MSD in units of its own\nvariance at the start", "SQM in unità della\nvarianza iniziale"),
    "entropy": ("entropy $S$ (nats)", "entropia $S$ (nat)"),
    "entropy_per_coordinate": ("entropy per coordinate (nats)", "entropia per coordinata (nat)"),
    "entropy_per_molecule": ("entropy per molecule (nats)", "entropia per molecola (nat)"),
    "kl": ("distance from equilibrium (nats)", "distanza dall'equilibrio (nat)"),
    "kl_per_coordinate": (
        "distance from equilibrium\nper coordinate (nats)",
        "distanza dall'equilibrio\nper coordinata (nat)",
    ),
    "information": ("information about the start (nats)", "informazione sull'inizio (nat)"),
    "correlation": ("memory of the start $r$", "memoria dell'inizio $r$"),
    "memory_lost": ("memory lost $1 - r$", "memoria perduta $1 - r$"),
    "concentration": ("concentration", "concentrazione"),
    "density": ("probability density", "densità di probabilità"),
    "flux": ("flux $J$", "flusso $J$"),
    "gradient": ("concentration gradient", "gradiente di concentrazione"),
    "fick": ("Fick: $-D\\,\\partial c/\\partial x$", "Fick: $-D\\,\\partial c/\\partial x$"),
    "pixel": ("pixel value", "valore del pixel"),
    "share": ("share", "frazione"),
    "count": ("number", "numero"),
    "class": ("digit", "cifra"),
    "loss": ("loss", "errore"),
    "work": ("work $W$ (kT)", "lavoro $W$ (kT)"),
    "work_lost": ("mean work lost $\\langle W\\rangle$ (kT)", "lavoro medio perso $\\langle W\\rangle$ (kT)"),
    "entropy_rate": ("rate of entropy (nats/time)", "ritmo dell'entropia (nat/tempo)"),
    # what is drawn
    "ink": ("ink", "inchiostro"),
    "drop": ("drop of ink", "goccia d'inchiostro"),
    "image": ("image", "immagine"),
    "images": ("images", "immagini"),
    "pixels": ("pixels", "pixel"),
    "particles": ("particles", "particelle"),
    "paths": ("paths", "cammini"),
    "noise": ("noise", "rumore"),
    "white_noise": ("white noise", "rumore bianco"),
    "noisy": ("noisy image", "immagine rumorosa"),
    "noisier": ("noisier image", "immagine più rumorosa"),
    "predicted_noise": ("predicted noise", "rumore previsto"),
    "denoised": ("noisy minus predicted noise", "immagine meno rumore previsto"),
    "score": ("score", "score"),
    "score_field": ("score: where it gets denser", "score: dove si addensa"),
    # which curve
    "measured": ("measured", "misura"),
    "exact": ("exact", "esatto"),
    "theory": ("theory", "teoria"),
    "learned": ("learned", "appreso"),
    "real": ("real", "reali"),
    "training": ("training images", "immagini di addestramento"),
    "generated": ("generated", "generate"),
    "samples": ("samples", "campioni"),
    "forward": ("forward", "avanti"),
    "backward": ("backward", "indietro"),
    "with_score": ("with the score", "con lo score"),
    "without_score": ("fresh noise alone", "solo rumore nuovo"),
    "start": ("start", "inizio"),
    "end": ("end", "fine"),
    "maximum": ("maximum", "massimo"),
    "equilibrium": ("equilibrium", "equilibrio"),
    "uniform": ("uniform", "uniforme"),
    "gaussian": ("Gaussian", "gaussiana"),
    "reflected": ("in the glass [0, 1]", "nel bicchiere [0, 1]"),
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
