"""The learned score: grad log p_t(x) as a network knows it, with everything needed to use it away from its training.

    fit: data -> score(x, t) = grad log p_t(x);        sample: prior --reverse diffusion--> new data

It is a callable of the same form as the exact scores, in process coordinates (`model/network_score.py`); `encode` and
`decode` lead to and from the units of the data. Sampling is nothing else than `inkdiff.reverse` from the prior: fresh
noise plus the score.

Reference: Y. Song et al. (2021), arXiv:2011.13456.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, is_cuda, to_device
from inkdiff.datasets.scaling import Scaling, clip_to_domain
from inkdiff.learned.checkpoint import score_contents
from inkdiff.learned.learner import Learner, Tensors, learns, notes
from inkdiff.learned.model.data_density import log_density
from inkdiff.learned.model.moment_matching import LEVELS, calibrate
from inkdiff.learned.model.network_score import NetworkScore
from inkdiff.learned.model.predictions import PREDICTIONS
from inkdiff.learned.model.word_conditioning import (
    Condition,
    LabelsOrWords,
    Vocabulary,
    code_rows,
    cycle_rows,
    parse_rows,
)
from inkdiff.learned.training.denoising_objective import DenoisingObjective, WordDropout
from inkdiff.learned.training.settings import Settings
from inkdiff.likelihood.probability_flow import Hutchinson, LogLikelihood
from inkdiff.nn import initial_weights, one_thread_each
from inkdiff.processes.base import Process
from inkdiff.samplers import Sampler
from inkdiff.simulation.reverse import reverse

__all__ = ["LearnedScore"]

_STEPS = 100  # of sampling


@learns(Process, "score", "noise")
@dataclass(frozen=True, eq=False)
class LearnedScore(NetworkScore, Learner):
    """A score learned by `inkdiff.fit` or read by `inkdiff.load`; attributes as those of `NetworkScore`.

    `process`, `scaling` (data units <-> process coordinates), `preconditioning`, `network`, `theta`, `image_shape`,
    `calibration`, `about` (what it was trained on, and how), `vocabulary`, `condition`.
    """

    def encode(self, x: Array) -> Array:
        """Data units -> process coordinates."""
        return self.scaling.encode(x)

    def decode(self, x: Array) -> Array:
        """Process coordinates -> data units."""
        return self.scaling.decode(x)

    def times(self, steps: int) -> npt.NDArray[np.float64]:
        """The decreasing times that `sample` walks through: equal parts of ln(sigma/alpha), then one step to 0."""
        return self.preconditioning.levels.descending(self.process, checks.count(steps, "steps", least=2))

    def sample(
        self,
        n: int,
        *,
        seed: int,
        steps: int = _STEPS,
        sampler: Sampler | str | None = None,
        times: Any = None,
        **condition: Any,
    ) -> Array:
        """n new points in data units, (n, d): from the prior at the end of the process back to t = 0.

        Parameters
        ----------
        n : how many. seed : 64-bit seed of the prior and the walk.
        steps : steps in time, equal parts of ln(sigma/alpha), and one more to t = 0.
        sampler : as for `inkdiff.reverse`; by default the probability flow by Heun's rule (order 2, two scores a step).
        times : other times to walk through (see `inkdiff.processes.time_grids`), decreasing; then `steps` is not used.
        condition : label, words, prompt and guidance, as for `given`; for example label=7, guidance=2.

        Samples of a process in free space may stray a little outside the range of the data; nothing is clipped.

        Raises
        ------
        ValueError, TypeError
            If n, seed or steps are not positive integers, or the sampler does not fit the process.
        """
        if condition:
            return self.given(**condition).sample(n, seed=seed, steps=steps, sampler=sampler, times=times)
        n, seed = checks.count(n, "n"), checks.seed64(seed)
        times = self.times(steps) if times is None else checks.increasing(times, decreasing=True)
        x = self.process.prior(float(times[0])).sample(n, self.d, seed=seed)
        start = to_device(x, "cuda" if is_cuda(self.theta) else "cpu")
        chosen = "heun" if sampler is None else sampler
        with one_thread_each():
            walk = reverse(self.process, self, start, times, seed=seed, sampler=chosen, observe={})
        return self.decode(walk.last)

    def log_likelihood(
        self, x: Array, *, trace: str | Hutchinson = "exact", seed: int = 0, dequantise: float = 0.0, **solver: float
    ) -> LogLikelihood:
        """ln p of rows x (n, d) in data units, by the probability flow from the finest noise trained on.

        The density is that of data blurred by that noise, sigma/alpha = exp(levels.lo); the Jacobian of the scaling is
        in it. Arguments as `inkdiff.log_likelihood`.

        Parameters
        ----------
        x : rows in data units. trace, seed, rtol, atol : of the flow.
        dequantise : spacing of discrete data, such as 1/255: uniform noise of that width is added (stream DATA) and
            d ln(spacing) to the result, which then bounds the log-probability of the discrete rows from below
            (on average over the noise), and `bits_per_dim` is what codes are compared by.

        Returns
        -------
        LogLikelihood, nats.
        """
        return log_density(self, x, checks.real(dequantise, "dequantise"), trace=trace, seed=seed, **solver)

    def prepared(self, data: Any) -> Array:
        """The rows of a data set or array as float32 in process coordinates."""
        x = checks.state(getattr(data, "x", data), "data")
        return clip_to_domain(self.process.domain, self.encode(array_module(x).ascontiguousarray(x, dtype=np.float32)))

    @classmethod
    def default_settings(cls, d: int) -> dict[str, Any]:
        """What suits points (d <= 8) or pictures."""
        return Settings.defaults(d)

    @classmethod
    def begin(
        cls, process: Process, data: Any, condition: LabelsOrWords | None, settings: Settings
    ) -> tuple[LearnedScore, Array]:
        """A score not yet trained, conditioned on the words of each row; and the data in process coordinates."""
        process.domain.require_closed_form("a score")
        rows = getattr(data, "x", data)
        x = checks.state(rows, "data")
        x = array_module(x).ascontiguousarray(x, dtype=np.float32)
        scaling = Scaling.of(process.domain, x, getattr(data, "range", None), getattr(data, "units", ()))
        x = clip_to_domain(process.domain, scaling.encode(x))
        vocabulary = Vocabulary() if condition is None else Vocabulary.of(parse_rows(condition))
        codes = code_rows(vocabulary, condition, x)
        sees = {"sigma_min": settings.sigma_min, "fourier_octaves": settings.fourier_octaves}
        with one_thread_each():
            known = PREDICTIONS[settings.parameterisation].of(process, x, fades=codes is None, **sees)  # type: ignore[arg-type]
            network = settings.net.build(known.inputs, x.shape[1], len(vocabulary))
            theta, image_shape = initial_weights(network, x, seed=settings.seed), getattr(data, "image_shape", None)
            about = notes(data, x, settings)
        score = cls(process, scaling, known, network, theta, image_shape, about=about, vocabulary=vocabulary)
        return score.conditioned_on(codes), x

    def row_codes(self, condition: LabelsOrWords | None, x: Array) -> Array | None:
        """The codes of the words of the rows of x."""
        return code_rows(self.vocabulary, condition, x)

    def conditioned_on(self, codes: Array | None) -> Self:
        """The same, conditioned on the codes (n, words) of each row of the data that it is trained on."""
        return self if codes is None else replace(self, condition=Condition(codes))

    def objective(self, x: Array, settings: Settings) -> DenoisingObjective:
        """The denoising loss on x (n, d) in process coordinates, with the words of its rows."""
        words = None
        if self.condition is not None:
            words = WordDropout(self.condition.codes, settings.p_uncond, settings.p_drop_word)
        return DenoisingObjective(
            self.process,
            self.preconditioning,
            self.network,
            x,
            batch=settings.batch,
            seed=settings.seed,
            weighting=settings.weighting,
            words=words,
        )

    def trained(self, theta: Array, about: dict[str, Any]) -> Self:
        """The same with other weights, uncorrected and unconditional."""
        return replace(self, theta=theta, about=about, calibration=None, condition=None)

    def finished(self, theta: Array, x: Array, settings: Settings) -> Self:
        """After the last step, with its weights and, if the settings ask for it, corrected to keep the moments of x."""
        score = self.trained(theta, self.about)
        if not settings.match_moments:
            return score

        def walking(x_t: Array, t: float) -> Array:
            """Conditioned on each row of the data equally often, since their moments are of all."""
            codes = None if self.condition is None else cycle_rows(self.condition.codes, len(x_t))
            return score.conditioned_on(codes)(x_t, t)

        times = self.preconditioning.levels.descending(self.process, LEVELS)
        rows = settings.steps * settings.batch
        found = calibrate(self.process, walking, x, times, seed=settings.seed, rows=rows)
        return replace(score, calibration=found)

    def describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Scaling, known part, correction and vocabulary; not a condition.

        Raises
        ------
        ValueError
            If the score is conditioned: that is not kept.
        """
        if self.condition is not None:
            raise ValueError("score: save the score itself, not what `given` made of it; call that after loading.")
        return score_contents.describe_parts(self)

    @classmethod
    def restore(cls, process: Process, config: dict[str, Any], tensors: Tensors) -> LearnedScore:
        """What `contents` described."""
        return cls(process, **score_contents.restore_parts(process, config, tensors))

    def on_device(self, device: str) -> Self:
        """The same with its arrays on "cuda" or "cpu"."""
        return replace(self, **score_contents.parts_on_device(self, device))

    def __repr__(self) -> str:
        """One line."""
        where = "free space" if self.process.domain.as_box is None else "box"
        return f"LearnedScore({type(self.process).__name__} in {where}, d={self.d}, {self.network.size} parameters)"
