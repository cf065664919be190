r"""Learning the score of data under any of the processes, and sampling by running the process backwards with it.

    E |s(x_t, t) - grad log p(x_t | x_0)|^2  is least for  s = grad log p_t(x),

so regressing on the score of the transition from known starts, denoising score matching, gives the score of the whole.
The network stands behind a known part and scales, or predicts noise, data, v or the velocity of flow matching, from
which the score follows; for bits the variational bound of their log-odds is trained instead.

    score.py                LearnedScore: sampling, likelihood, files; velocity_score.py, where there is a velocity
    binomial_score.py       LearnedBits
    learner.py              what a training yields, and how a kind of process brings its own
    model/                  what a score consists of: known part, parameterisations, words and guidance, moments
    training/               objectives, settings, weightings, the loop, `fit` and `resume`
    checkpoint/             files, the state of a training, `load`, and the training cache

References: P. Vincent (2011), Neural Computation 23, 1661; Y. Song, S. Ermon (2019), arXiv:1907.05600.
"""

from __future__ import annotations

from inkdiff.learned.binomial_score import LearnedBits
from inkdiff.learned.checkpoint.loading import load
from inkdiff.learned.checkpoint.training_cache import fit_cached
from inkdiff.learned.learner import Learner, learns
from inkdiff.learned.model.predictions import Parameterisation
from inkdiff.learned.model.word_conditioning import Conditioning
from inkdiff.learned.score import LearnedScore
from inkdiff.learned.training.fitting import fit
from inkdiff.learned.training.resuming import resume
from inkdiff.learned.training.run_options import RunOptions
from inkdiff.learned.training.weighting import (
    BalancedWeighting,
    LikelihoodWeighting,
    MinSNRWeighting,
    SimpleWeighting,
    UniformWeighting,
    Weighting,
)
from inkdiff.learned.velocity_score import LearnedVelocity

__all__ = [
    "BalancedWeighting",
    "Conditioning",
    "LearnedBits",
    "LearnedScore",
    "LearnedVelocity",
    "Learner",
    "LikelihoodWeighting",
    "MinSNRWeighting",
    "Parameterisation",
    "RunOptions",
    "SimpleWeighting",
    "UniformWeighting",
    "Weighting",
    "fit",
    "fit_cached",
    "learns",
    "load",
    "resume",
]
