"""Learning the score of data under any of the processes, and sampling by running the process backwards with it.

    fit: data -> score(x, t) = grad log p_t(x);        sample: prior --reverse diffusion--> new data

`fit` is denoising score matching (`objective.py`) of a network (`inkdiff.nn`) behind a known part and scales
(`parametrisation.py`, `marginals.py`); `LearnedScore` is what comes out, `load` reads it back.

Reference: Y. Song, S. Ermon (2019), arXiv:1907.05600.
"""

from __future__ import annotations

from inkdiff.learned.checkpoint import load
from inkdiff.learned.score import LearnedScore
from inkdiff.learned.training import fit

__all__ = ["LearnedScore", "fit", "load"]
