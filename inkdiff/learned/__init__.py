"""Learning the score of data under any of the processes, and sampling by running the process backwards with it.

    fit: data -> score(x, t) = grad log p_t(x);        sample: prior --reverse diffusion--> new data

`fit` is denoising score matching (`objective.py`) of a network (`inkdiff.nn`) behind a known part and scales
(`parametrisation.py`, `marginals.py`), its noise levels weighed by one of four `weighting.py`; `LearnedScore` is what
comes out, `load` reads it back, `resume` goes on with a training that was interrupted, `fit_cached` trains what is
not in the cache yet. Labels and words that are known of the data (`condition.py`) make a score that can be asked for
them.

Reference: Y. Song, S. Ermon (2019), arXiv:1907.05600.
"""

from __future__ import annotations

from inkdiff.learned.bits import LearnedBits
from inkdiff.learned.checkpoint import load
from inkdiff.learned.once import fit_cached
from inkdiff.learned.resuming import resume
from inkdiff.learned.score import LearnedScore
from inkdiff.learned.training import fit
from inkdiff.learned.weighting import BalancedWeighting, LikelihoodWeighting, MinSNRWeighting, SimpleWeighting

__all__ = [
    "BalancedWeighting",
    "LearnedBits",
    "LearnedScore",
    "LikelihoodWeighting",
    "MinSNRWeighting",
    "SimpleWeighting",
    "fit",
    "fit_cached",
    "load",
    "resume",
]
