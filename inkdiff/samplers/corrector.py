"""Langevin steps between the steps back: a walk at one time, whose equilibrium is the law to be drawn from.

Reference: Y. Song et al. (2021), section 4.2 and algorithm 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from inkdiff._core import checks
from inkdiff._core.backend import Array
from inkdiff._core.registry import register
from inkdiff.processes.base import Process
from inkdiff.samplers.base import Kernel, Sampler
from inkdiff.samplers.onestep import EulerMaruyama
from inkdiff.scores.base import ScoreFunction

__all__ = ["PredictorCorrector"]


@register(name="predictor_corrector")
@dataclass(frozen=True)
class PredictorCorrector(Sampler):
    """A step of `predictor`, then Langevin steps at the time it ends, which pull the law towards p_s.

        x <- fold(x + h u_s + sqrt(2 h) eps),        h = 2 (snr sigma_s)^2

    Y. Song et al. set h from the mean norm of the scores of a batch; its typical value, sqrt(d)/sigma_s, is used here,
    so that walkers stay independent. Discretising Langevin's equation moves the law by order h; at s = 0, h = 0.

    Parameters
    ----------
    predictor : any sampler that fits the domain
    corrections : Langevin steps after each step (one score each)
    snr : size of such a step against the noise
    """

    predictor: Sampler = field(default_factory=EulerMaruyama)
    corrections: int = 1
    snr: float = 0.1

    def __post_init__(self) -> None:
        checks.count(self.corrections, "corrections", most=1000)
        checks.positive(self.snr, "snr")
        if not isinstance(self.predictor, Sampler):
            raise TypeError(f"predictor must be a sampler such as EulerMaruyama(), got {checks.show(self.predictor)}.")

    @property
    def gaussian_posterior(self) -> bool:
        """As the predictor."""
        return self.predictor.gaussian_posterior

    def begin(self) -> PredictorCorrector:
        """With a predictor that begins anew."""
        return PredictorCorrector(self.predictor.begin(), self.corrections, self.snr)

    def step(self, process: Process, score: ScoreFunction, x: Array, t: float, s: float, kernel: Kernel) -> Array:
        """Predict, then correct."""
        x = self.predictor.step(process, score, x, t, s, kernel)
        h = 2 * self.snr**2 * float(process.variance(s))
        if h == 0:
            return x
        for j in range(self.corrections):
            x = kernel(x, score(x, s), 1.0, h, math.sqrt(2 * h), correction=j, of=self.corrections)
        return x

    def advance(self, process: Process, score: ScoreFunction, x: Array, t: float, s: float, kernel: Kernel) -> Array:
        """As `step`: the predictor sees to a start from pure noise."""
        return self.step(process, score, x, t, s, kernel)
