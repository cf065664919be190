"""Times a student can picture: seconds, days, human lives, ages of the universe, and beyond all of them.

Waiting for N molecules to gather by chance takes (V/V0)^N trials, which soon leaves every unit behind. A duration is
therefore given by its logarithm, T = 10^q seconds, and named by the largest unit below it,

    T = m u,      u in {s, min, h, day, year, age of the universe}.

The age of the universe is 13.8e9 years (4.35e17 s).

Reference: Planck Collaboration, Planck 2018 results VI, Astronomy & Astrophysics 641 (2020) A6, for 13.8e9 years.
"""

from __future__ import annotations

import math

from inkdiff._core import checks

__all__ = ["AGE_OF_THE_UNIVERSE", "YEAR", "in_words"]

YEAR = 365.25 * 86400.0  # s
AGE_OF_THE_UNIVERSE = 13.8e9 * YEAR  # s

# (seconds, (singular, plural) in English and in Italian), ascending
_UNITS = (
    (1.0, {"en": ("second", "seconds"), "it": ("secondo", "secondi")}),
    (60.0, {"en": ("minute", "minutes"), "it": ("minuto", "minuti")}),
    (3600.0, {"en": ("hour", "hours"), "it": ("ora", "ore")}),
    (86400.0, {"en": ("day", "days"), "it": ("giorno", "giorni")}),
    (YEAR, {"en": ("year", "years"), "it": ("anno", "anni")}),
    (
        AGE_OF_THE_UNIVERSE,
        {"en": ("age of the universe", "ages of the universe"), "it": ("età dell'universo", "età dell'universo")},
    ),
)
_LARGE = {  # (number, (one of them, several))
    "en": ((1e9, ("1 billion", " billion")), (1e6, ("1 million", " million")), (1e3, ("1000", " thousand"))),
    "it": ((1e9, ("1 miliardo di", " miliardi di")), (1e6, ("1 milione di", " milioni di")), (1e3, ("1000", "mila"))),
}
_DIGITS = {"en": "a number of seconds with {} digits", "it": "un numero di secondi con {} cifre"}


def in_words(*, seconds: float | None = None, log10_seconds: float | None = None, lang: str = "en") -> str:
    """A duration in words, to two significant digits: "4 minutes", "6.6 hours", "2.6 ages of the universe".

    Parameters
    ----------
    seconds, log10_seconds : the duration, > 0, or its decimal logarithm: exactly one of them
    lang : "en" or "it"

    Raises
    ------
    ValueError, TypeError
        Unless exactly one of the two is given, as a finite number, and the language is known.
    """
    if (seconds is None) == (log10_seconds is None):
        raise ValueError(f"give seconds or log10_seconds, one of them; got {seconds=} and {log10_seconds=}.")
    if lang not in _DIGITS:
        raise ValueError(f"lang must be one of {', '.join(map(repr, _DIGITS))}, got {lang!r}.")
    if log10_seconds is None:
        q = math.log10(checks.positive(seconds, "seconds", unit="a duration"))
    else:
        q = checks.real(log10_seconds, "log10_seconds")
    if q > 300:
        return _DIGITS[lang].format(_number(math.floor(q) + 1, lang))
    size, names = next((u for u in reversed(_UNITS) if 10**q >= 0.995 * u[0]), _UNITS[0])
    amount = _number(10**q / size, lang)
    return f"{amount} {names[lang][0 if amount == '1' else 1]}"


def _number(value: float, lang: str) -> str:
    """Two significant digits in words or powers of ten."""
    if value >= 0.995e12:
        power = math.floor(math.log10(value) + 0.0022)  # 9.95 rounds to 10
        mantissa = f"{value / 10**power:.1f}".removesuffix(".0")
        return _decimal(f"10^{power}" if mantissa == "1" else f"{mantissa} x 10^{power}", lang)
    for size, words in _LARGE[lang]:
        if value >= 0.995 * size:
            amount = _two_digits(value / size, lang)
            return words[0] if amount == "1" else amount + words[1]
    return _two_digits(value, lang)


def _two_digits(value: float, lang: str) -> str:
    if value >= 9.95:
        places = max(0, math.floor(math.log10(value)) - 1)
        return str(int(round(value, -places)))
    return _decimal(f"{value:.2g}" if value < 0.95 else f"{value:.1f}".removesuffix(".0"), lang)


def _decimal(text: str, lang: str) -> str:
    return text.replace(".", ",") if lang == "it" else text
