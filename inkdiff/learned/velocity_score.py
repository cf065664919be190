r"""A learned score that also knows the velocity of the probability flow, where nothing of the data is left, too.

    v(x, t) = E[alpha'_t x_0 + sigma'_t eps | x_t = x] = f x - (g^2/2) score(x, t)

The right side is infinity minus infinity at alpha_t = 0, where `inkdiff.Straight` ends; a network that predicts the
data, v or the velocity itself (`model/predictions.py`) gives the left side there, too. So `sample` starts at the very
end of the path, and Euler's rule on this velocity is the sampler of flow matching.

Reference: Y. Lipman et al. (2022), arXiv:2210.02747.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, Time, array_module
from inkdiff.learned.learner import learns
from inkdiff.learned.model.guidance import GuidedNetwork
from inkdiff.learned.model.preconditioning import Noise
from inkdiff.learned.model.predictions import Prediction
from inkdiff.learned.score import LearnedScore
from inkdiff.processes.base import Process
from inkdiff.scores.base import HasVelocity

__all__ = ["LearnedVelocity"]


@learns(Process, "data", "v", "velocity")
@dataclass(frozen=True, eq=False)
class LearnedVelocity(LearnedScore, HasVelocity):
    """A learned score with its velocity: of `inkdiff.fit` with the parameterisation "data", "v" or "velocity"."""

    preconditioning: Prediction

    def times(self, steps: int) -> Floats:
        """As of a learned score; of a process with alpha = 0 at its end, from there."""
        end = self.process.t_max
        if not np.isfinite(end) or np.isfinite(self.process.log_alpha(end)):
            return super().times(steps)
        return np.append(end, super().times(checks.count(steps, "steps", least=3) - 1))

    def velocity(self, x: Array, t: Time) -> Array:
        """dx/dt along the probability flow, (n, d), length/time; computed in float32.

        Parameters, errors and shapes as those of a call.
        """
        x, noise = self._checked(x, t)
        of_x, of_output = self.preconditioning.velocity_weights(self.process, t, x)

        def output(x: Array, noise: Noise, guided: GuidedNetwork) -> Array:
            return self._output(x, noise, guided)[1]

        narrow = array_module(x).asarray(x, np.float32)
        found = of_x * narrow + of_output * self._by_shards(x, noise, output)
        if self.calibration is not None and bool(noise.signal_left.any()):
            g2 = array_module(x).asarray(np.where(noise.signal_left[:, 0], self.process.g2(t), 0.0), np.float32)
            found -= g2[:, None] / 2 * self._correction(narrow, noise) / noise.sigma[:, None]
        return found.astype(x.dtype, copy=False)
