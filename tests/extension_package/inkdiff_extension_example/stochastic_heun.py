"""EDM's stochastic sampler: a little fresh noise, then Heun's step of the probability flow from the noisier time.

With y = x/alpha and the noise level r = sigma/alpha of the data, a step from r to r_s is

    r_hat = (1 + gamma) r,        y_hat = y + S_noise sqrt(r_hat^2 - r^2) eps,        dy/dr = -sigma score,

the last by Heun's rule from r_hat to r_s; Euler's where r_s = 0. Their gamma is min(S_churn/N, sqrt 2 - 1), N steps.

Reference: T. Karras et al., Elucidating the design space of diffusion-based generative models (2022), algorithm 2.
"""

import math
from dataclasses import dataclass

import numpy as np

import inkdiff as ink


@ink.register
@dataclass(frozen=True)
class StochasticHeun(ink.Sampler):
    """gamma: relative rise of the noise level before a step; only where S_min <= sigma/alpha <= S_max."""

    gamma: float = math.sqrt(2) - 1
    S_min: float = 0.0
    S_max: float = math.inf
    S_noise: float = 1.0

    def advance(
        self, process: ink.Process, score: ink.ScoreFunction, x: ink.Array, t: float, s: float, kernel: ink.Kernel
    ) -> ink.Array:
        """From x at time t to time s < t."""
        t_hat = self.noisier(process, t)
        if t_hat > t:
            a, variance = process.transition(t, t_hat)
            x = kernel(x, x, float(a), 0.0, self.S_noise * math.sqrt(variance))
        sigma_t, sigma_s = float(process.sigma(t_hat)), float(process.sigma(s))
        a = float(process.alpha(s) / process.alpha(t_hat))
        width = a * sigma_t - sigma_s  # alpha_s (r_hat - r_s)
        slope = sigma_t * score(x, t_hat)
        x_s = kernel(x, slope, a, width, 0.0)
        if sigma_s == 0:
            return x_s
        return kernel(x, (slope + sigma_s * score(x_s, s)) / 2, a, width, 0.0)

    def noisier(self, process: ink.Process, t: float) -> float:
        """The time whose level is (1 + gamma) times that of t, at most the last one."""
        level = ink.noise_level.level(process, t)
        if self.gamma == 0 or not self.S_min <= math.exp(level) <= self.S_max:
            return t
        wanted = np.array([level + math.log1p(self.gamma)])
        return max(t, ink.noise_level.time_of(process, wanted).item())
