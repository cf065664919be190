r"""A score as a network knows it: a known part, the network's part, and a correction that keeps the moments.

    score(x, t) = [ m(y, l) + r(l) g(l) F(features, c) + moments(y, l) ] / sigma_t,        y = x/alpha_t,

(`preconditioning.py`, or what the network predicts instead, `predictions.py`; the last term is that of
`moment_matching.py`). A score that was trained with labels or words can be conditioned on some
(`word_conditioning.py`): `score.given(label=7)` is a score like any other.

Reference: Y. Song et al. (2021), arXiv:2011.13456.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Time, array_module
from inkdiff.datasets.scaling import Scaling
from inkdiff.learned.model.guidance import GuidedNetwork
from inkdiff.learned.model.moment_matching import Calibration
from inkdiff.learned.model.preconditioning import Noise, Preconditioning, Prepared
from inkdiff.learned.model.word_conditioning import Condition, Vocabulary, condition_of
from inkdiff.nn import Arena, RowShards, Run, TimeConditionedNetwork, one_thread_each, thread_arena
from inkdiff.processes.base import Process
from inkdiff.scores.base import Differentiable

__all__ = ["NetworkScore"]


@dataclass(frozen=True, eq=False)
class NetworkScore(Differentiable):
    """grad log p_t(x) by a network, in process coordinates; see the module's equation.

    Attributes
    ----------
    process : the forward process. scaling : data units <-> process coordinates.
    preconditioning : the known part of the score, what the network predicts, and its scales.
    network, theta : the network and its flat parameters (the running mean of training), float32.
    image_shape : shape of one row as an image, or None. about : what it was trained on, and how.
    calibration : the correction that keeps the moments, or None.
    vocabulary : the words that it knows. condition : what it is conditioned on by `given`, or None.
    """

    process: Process
    scaling: Scaling
    preconditioning: Preconditioning
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

    def given(
        self, *, label: object = None, words: object = None, prompt: str | None = None, guidance: float = 1.0
    ) -> Self:
        """The conditional score, grad log p_t(x | words): a score like this one, for every sampler and likelihood.

        Parameters
        ----------
        label : an integer for all rows, or (n,) integers, one for each row that the score will be called with.
        words : instead of a label: a text such as "thin 7", or a list of n texts, in words of `vocabulary`.
        prompt : instead of both, for a score trained on `datasets.captions`: what is wanted in English or Italian.
        guidance : g >= 0, how much the condition weighs: 0 not at all, 1 the conditional law, more exaggerates.

        Returns
        -------
        A score of the same class.

        Raises
        ------
        ValueError, TypeError
            If a word is not known, or not one of the three is given, or guidance is negative.
        """
        return replace(self, condition=condition_of(self.vocabulary, self.theta, label, words, prompt, guidance))

    def __call__(self, x: Array, t: Time) -> Array:
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
        return self._by_shards(x, noise, self._evaluate).astype(x.dtype, copy=False)

    def jvp(self, x: Array, t: Time, v: Array) -> tuple[Array, Array]:
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
            prepared = self.preconditioning.prepare(narrow, noise)
            moved = self.preconditioning.tangent(narrow, noise, tangents)
            answer, slope = self._guided(noise).jvp(run, prepared.features, moved.features)
            u = self.preconditioning.score(prepared, noise, answer)
            Jv = moved.known + prepared.unit * (moved.scale * answer + prepared.scale * slope)
            if self.calibration is not None:
                y, alpha = narrow / noise.alpha[:, None], noise.alpha[:, None]
                u += self._correction(narrow, noise) / noise.sigma[:, None]
                Jv += noise.signal_left * self.calibration.jvp(y, noise.level, tangents / alpha)
        return u.astype(x.dtype), (Jv / noise.sigma[:, None]).astype(x.dtype)

    def _checked(self, x: Array, t: Time) -> tuple[Array, Noise]:
        """x as a state of the right size, and the noise at its times."""
        x = checks.state(x, "x")
        array_module(x=x, theta=self.theta)
        if x.shape[1] != self.d:
            raise ValueError(f"x must have {self.d} coordinates per row like the training data, got {x.shape[1]}.")
        rows = 1 if self.condition is None else len(self.condition.codes)
        if rows not in (1, len(x)):
            raise ValueError(f"x has {len(x)} rows, but the condition has {rows}; give one for all, or one for each.")
        t = self.process.check_row_times(t, len(x), why_positive="at t = 0 the data have no score")
        return x, self.preconditioning.noise(self.process, t, x)

    def _guided(self, noise: Noise) -> GuidedNetwork:
        condition = self.condition
        if condition is None:
            condition = Condition.none(len(self.vocabulary), like=noise.code)
        return GuidedNetwork.of(self.network, self.theta, condition.network_inputs(noise.code))

    def _by_shards(self, x: Array, noise: Noise, evaluate: Callable[[Array, Noise, GuidedNetwork], Array]) -> Array:
        """A function of the rows of x (n, d) and their noise, in shards: float32, (n, d)."""
        narrow = array_module(x).asarray(x, np.float32)
        out = array_module(x).empty_like(narrow)
        shards = RowShards.of_state(x)
        pieces = shards.pieces(len(x))
        with one_thread_each():
            # One time for all rows: what the network does with it, and with the condition, is done once.
            guided = self._guided(noise)

            def piece(index: int) -> None:
                rows = pieces[index]
                part = noise if len(noise.level) == 1 else noise.rows(rows)
                out[rows] = evaluate(narrow[rows], part, guided.rows(rows))

            shards.run(piece, len(pieces))
        return out

    def _output(self, x: Array, noise: Noise, guided: GuidedNetwork) -> tuple[Prepared, Array]:
        """What the network sees, and its output F."""
        prepared = self.preconditioning.prepare(x, noise)
        arena = thread_arena()
        arena.rewind()
        return prepared, guided(Run(self.theta, arena), prepared.features)

    def _evaluate(self, x: Array, noise: Noise, guided: GuidedNetwork) -> Array:
        prepared, output = self._output(x, noise, guided)
        score = self.preconditioning.score(prepared, noise, output)
        if self.calibration is not None:
            score += self._correction(x, noise) / noise.sigma[:, None]
        return score

    def _correction(self, x: Array, noise: Noise) -> Array:
        """What keeps the moments, times sigma; nothing where nothing of the data is left."""
        assert self.calibration is not None
        return noise.signal_left * self.calibration(x / noise.alpha[:, None], noise.level)
