"""The options of `ink.fit` given flat, by name, as tests that vary one of them like to have them."""

from __future__ import annotations

import inkdiff as ink

_OF = {
    "lr": (ink.LearningRate, {"lr": "peak", "warmup": "warmup", "decay": "decay"}),
    "parameterisation": (
        ink.Parameterisation,
        {name: name for name in ("predict", "sigma_min", "fourier_octaves", "match_moments")},
    ),
    "progress": (ink.RunOptions, {name: name for name in ("progress", "every", "threads", "callback")}),
}


def grouped(**flat):
    """The same options as `fit` and `resume` take them."""
    given = dict(flat)
    if "p_uncond" in given or "p_drop_word" in given:
        shares = {name: given.pop(name) for name in ("p_uncond", "p_drop_word") if name in given}
        given["condition"] = ink.Conditioning(given["condition"], **shares)
    for option, (kind, names) in _OF.items():
        parts = {inner: given.pop(name) for name, inner in names.items() if name in given}
        if parts:
            given[option] = kind(**parts)
    return given
