r"""The duel of forger and detective: a generative adversarial network, from the same parts as the learned score.

    min over G max over D   E ln D(x) + E ln(1 - D(G(z)))          x real, z ~ N(0, I)

A forger turns noise into points; a detective tells them from real ones; each learns from the other until the
detective is right half the time (`objective.py`, `contest.py`). A forger draws in one step and has no density. `detect`
asks a fresh detective, which no forger has practised on.

Reference: I. Goodfellow et al., Generative adversarial nets (2014), arXiv:1406.2661.
"""

from __future__ import annotations

from inkdiff.gan.detective import Detection, Detective, detect
from inkdiff.gan.forger import Forger, History
from inkdiff.gan.training import duel
from inkdiff.nn import PlainMLP

__all__ = ["Detection", "Detective", "Forger", "History", "PlainMLP", "detect", "duel"]
