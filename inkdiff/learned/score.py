"""The learned score: grad log p_t(x) as a network knows it, with everything needed to use it away from its training.

    score(x, t) = [ m(y, l) + r(l) g(l) F(features, c) + moments(y, l) ] / sigma_t,        y = x/alpha_t,

(`parametrisation.py`; the last term, which keeps the moments of the data, is that of `calibration.py`). A score that
was trained with labels or words may be told some (`condition.py`): `score.given(label=7)` is a score like any other.

It is a callable of the same form as the exact scores, in process coordinates; `encode` and `decode` lead to and
from the units of the data. Sampling is nothing else than `inkdiff.reverse` from the prior: fresh noise plus the score.

Reference: Y. Song et al. (2021), arXiv:2011.13456.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, is_cuda, to_device
from inkdiff.datasets.scaling import Scaling, clip_to_domain
from inkdiff.domains.box import Box
from inkdiff.learned.answers import Answers
from inkdiff.learned.calibration import LEVELS, Calibration, calibrate
from inkdiff.learned.condition import Condition, Vocabulary, cycled, spoken
from inkdiff.learned.density import log_density
from inkdiff.learned.objective import Objective
from inkdiff.learned.parametrisation import Noise, Parametrisation
from inkdiff.learned.settings import Settings
from inkdiff.likelihood.probability_flow import Hutchinson, LogLikelihood
from inkdiff.nn import Arena, RowShards, Run, TimeConditionedNetwork, one_thread_each, thread_arena
from inkdiff.processes.base import Process
from inkdiff.samplers import Sampler
from inkdiff.scores.base import Differentiable
from inkdiff.simulation.reverse import reverse

__all__ = ["LearnedScore"]

_STEPS = 100  # of sampling


@dataclass(frozen=True, eq=False)
class LearnedScore(Differentiable):
    """A score learned by `inkdiff.fit` or read by `inkdiff.load`.

    Attributes
    ----------
    process : the forward process. scaling : data units <-> process coordinates.
    network, theta : the network and its flat parameters (the running mean of training), float32.
    parametrisation : the known part of the score and the scales of the network's part.
    image_shape : shape of one row as an image, or None. about : what it was trained on, and how.
    calibration : the correction that keeps the moments, or None.
    vocabulary : the words that it may be told. condition : what it has been told by `given`, or None.
    """

    process: Process
    scaling: Scaling
    parametrisation: Parametrisation
    network: TimeConditionedNetwork
    theta: Array
    image_shape: tuple[int, ...] | None = None
    calibration: Calibration | None = None
    about: dict[str, Any] = field(default_factory=dict)
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    condition: Condition | None = None

    @property
    def d(self) -> int:
        """Number of coordinates."""
        return self.network.outputs

    def encode(self, x: Array) -> Array:
        """Data units -> process coordinates."""
        return self.scaling.encode(x)

    def decode(self, x: Array) -> Array:
        """Process coordinates -> data units."""
        return self.scaling.decode(x)

    def times(self, steps: int) -> npt.NDArray[np.float64]:
        """The decreasing times that `sample` walks through: equal parts of ln(sigma/alpha), then one step to 0."""
        return self.parametrisation.levels.descending(self.process, checks.count(steps, "steps", least=2))

    def given(
        self, *, label: Any = None, words: Any = None, prompt: str | None = None, guidance: float = 1.0
    ) -> LearnedScore:
        """The score of what is told, grad log p_t(x | words): a score like this one, for every sampler and likelihood.

        Parameters
        ----------
        label : an integer for all rows, or (n,) integers, one for each row that the score will be called with.
        words : instead of a label: a text such as "thin 7", or a list of n texts, in words of `vocabulary`.
        prompt : instead of both, for a score trained on `datasets.captions`: what is wanted in English or Italian.
        guidance : g >= 0, how much it weighs what is told: 0 not at all, 1 the conditional law, more exaggerates.

        Returns
        -------
        LearnedScore

        Raises
        ------
        ValueError, TypeError
            If a word is not known, or not one of the three is given, or guidance is negative.
        """
        return replace(self, condition=spoken(self.vocabulary, self.theta, label, words, prompt, guidance))

    def __call__(self, x: Array, t: Any) -> Array:
        """grad log p_t(x), 1/length of process coordinates; computed in float32.

        Parameters
        ----------
        x : (n, d) in process coordinates, on the device of the parameters. t : a time > 0, or (n,).

        Returns
        -------
        (n, d) in the dtype of x; the same bits on any number of threads.

        Raises
        ------
        ValueError, TypeError
            If x is not (n, d), is not finite or is on another device, or t is zero or outside the process.
        """
        x, noise = self._checked(x, t)
        xp = array_module(x)
        narrow = xp.asarray(x, np.float32)
        out = xp.empty_like(narrow)
        shards = RowShards.of_state(x)
        pieces = shards.pieces(len(x))
        with one_thread_each():
            # One time for all rows: what the network does with it, and with what it is told, is done once.
            answers = self._answers(noise)

            def piece(index: int) -> None:
                rows = pieces[index]
                part = noise if len(noise.level) == 1 else noise.rows(rows)
                out[rows] = self._evaluate(narrow[rows], part, answers.rows(rows))

            shards.run(piece, len(pieces))
        return out.astype(x.dtype, copy=False)

    def jvp(self, x: Array, t: Any, v: Array) -> tuple[Array, Array]:
        """The score (n, d) and its derivatives along tangents v (k, n, d): J v (k, n, d), forward mode, float32.

        The known part is a table, linear between its nodes, so its slope jumps there. Errors as for a call.
        """
        x, noise = self._checked(x, t)
        xp = array_module(x=x, v=v)
        if v.ndim != 3 or v.shape[1:] != x.shape:
            raise ValueError(f"v must hold tangents like x, (k, {len(x)}, {self.d}), got shape {tuple(v.shape)}.")
        narrow, tangents = xp.asarray(x, np.float32), xp.asarray(v, np.float32)
        with one_thread_each():
            run = Run(self.theta, Arena())
            prepared = self.parametrisation.prepare(narrow, noise)
            moved = self.parametrisation.tangent(narrow, noise, tangents)
            answer, slope = self._answers(noise).jvp(run, prepared.features, moved.features)
            u = self.parametrisation.score(prepared, noise, answer)
            Jv = moved.known + prepared.unit * (moved.scale * answer + prepared.scale * slope)
            if self.calibration is not None:
                y, alpha = narrow / noise.alpha[:, None], noise.alpha[:, None]
                u += self.calibration(y, noise.level) / noise.sigma[:, None]
                Jv += self.calibration.jvp(y, noise.level, tangents / alpha)
        return u.astype(x.dtype), (Jv / noise.sigma[:, None]).astype(x.dtype)

    def _checked(self, x: Array, t: Any) -> tuple[Array, Noise]:
        """x as a state of the right size, and the noise at its times."""
        x = checks.state(x, "x")
        array_module(x=x, theta=self.theta)
        if x.shape[1] != self.d:
            raise ValueError(f"x must have {self.d} coordinates per row like the training data, got {x.shape[1]}.")
        rows = 1 if self.condition is None else len(self.condition.codes)
        if rows not in (1, len(x)):
            raise ValueError(f"x has {len(x)} rows, but something was told of {rows}; tell it of one, or of each.")
        t = self.process.check_row_times(t, len(x), why_positive="at t = 0 the data have no score")
        return x, self.parametrisation.noise(self.process, t, x)

    def _answers(self, noise: Noise) -> Answers:
        condition = self.condition
        if condition is None:
            condition = Condition.nothing(len(self.vocabulary), like=noise.code)
        return Answers.of(self.network, self.theta, condition.branches(noise.code))

    def _evaluate(self, x: Array, noise: Noise, answers: Answers) -> Array:
        prepared = self.parametrisation.prepare(x, noise)
        arena = thread_arena()
        arena.rewind()
        answer = answers(Run(self.theta, arena), prepared.features)
        score = self.parametrisation.score(prepared, noise, answer)
        if self.calibration is not None:
            score += self.calibration(x / noise.alpha[:, None], noise.level) / noise.sigma[:, None]
        return score

    def sample(
        self,
        n: int,
        *,
        seed: int,
        steps: int = _STEPS,
        sampler: Sampler | str | None = None,
        times: Any = None,
        **told: Any,
    ) -> Array:
        """n new points in data units, (n, d): from the prior at the end of the process back to t = 0.

        Parameters
        ----------
        n : how many. seed : 64-bit seed of the prior and the walk.
        steps : steps in time, equal parts of ln(sigma/alpha), and one more to t = 0.
        sampler : as for `inkdiff.reverse`; by default the probability flow by Heun's rule (order 2, two scores a step).
        times : other times to walk through (see `inkdiff.processes.time_grids`), decreasing; then `steps` is not used.
        told : label, words and guidance, as for `given`; for example label=7, guidance=2.

        Samples of a process in free space may stray a little outside the range of the data; nothing is clipped.

        Raises
        ------
        ValueError, TypeError
            If n, seed or steps are not positive integers, or the sampler does not fit the process.
        """
        if told:
            return self.given(**told).sample(n, seed=seed, steps=steps, sampler=sampler, times=times)
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

    def hearing(self, codes: Array | None) -> LearnedScore:
        """The same, told what the codes (n, words) say of each row of the data that it is trained on."""
        return self if codes is None else replace(self, condition=Condition(codes))

    def objective(self, x: Array, settings: Settings) -> Objective:
        """What a training lessens, on x (n, d) in process coordinates, of which it hears what is said."""
        what = self.process, self.parametrisation, self.network, x, settings.batch, settings.seed
        codes = None if self.condition is None else self.condition.codes
        return Objective(*what, settings.weighting, codes, settings.hide, settings.hide_each)

    def trained(self, theta: Array, about: dict[str, Any]) -> LearnedScore:
        """The same with other weights, uncorrected, and told nothing."""
        return replace(self, theta=theta, about=about, calibration=None, condition=None)

    def finished(self, theta: Array, x: Array, settings: Settings) -> LearnedScore:
        """After the last step, with its weights and, if the settings ask for it, corrected to keep the moments of x."""
        score = self.trained(theta, self.about)
        if not settings.moments:
            return score

        def walking(x_t: Array, t: float) -> Array:
            """Told as often of each row of the data, since their moments are of all."""
            codes = None if self.condition is None else cycled(self.condition.codes, len(x_t))
            return score.hearing(codes)(x_t, t)

        times, rows = self.times(LEVELS), settings.steps * settings.batch
        found = calibrate(self.process, walking, x, times, seed=settings.seed, rows=rows)
        return replace(score, calibration=found)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file with everything needed to use the score; see `inkdiff.load`. Whole or not at all."""
        from inkdiff.learned.checkpoint import save

        save(self, path)

    def __repr__(self) -> str:
        """One line."""
        where = "box" if isinstance(self.process.domain, Box) else "free space"
        return f"LearnedScore({type(self.process).__name__} in {where}, d={self.d}, {self.network.size} parameters)"
