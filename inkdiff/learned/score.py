"""The learned score: grad log p_t(x) as a network knows it, with everything needed to use it away from its training.

    score(x, t) = [ m(y, l) + r(l) g(l) F(features, c) + moments(y, l) ] / sigma_t,        y = x/alpha_t,

(`parametrisation.py`; the last term, which keeps the moments of the data, is that of `calibration.py`).

It is a callable of the same form as the exact scores, in process coordinates; `encode` and `decode` lead to and
from the units of the data. Sampling is nothing else than `inkdiff.reverse` from the prior: fresh noise plus the score.

Reference: Y. Song et al. (2021), arXiv:2011.13456.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff import checks, kernels
from inkdiff.backend import Array, array_module, is_cuda, to_device
from inkdiff.domain import Box
from inkdiff.learned.calibration import LEVELS, Calibration, calibrate
from inkdiff.learned.objective import Objective
from inkdiff.learned.parametrisation import Noise, Parametrisation
from inkdiff.learned.scaling import Scaling, inside
from inkdiff.learned.settings import Settings
from inkdiff.likelihood import Hutchinson, LogLikelihood, log_likelihood
from inkdiff.nn import Arena, Network, RowShards, Run, one_thread_each
from inkdiff.nn.shards import thread_arena
from inkdiff.process import Process
from inkdiff.reverse import reverse
from inkdiff.rng import Stream
from inkdiff.samplers import Sampler

__all__ = ["BLOCK", "LearnedScore"]

BLOCK = 512  # rows evaluated together
_STEPS = 100  # of sampling


@dataclass(frozen=True, eq=False)
class LearnedScore:
    """A score learned by `inkdiff.fit` or read by `inkdiff.load`.

    Attributes
    ----------
    process : the forward process. scaling : data units <-> process coordinates.
    network, theta : the network and its flat parameters (the running mean of training), float32.
    parametrisation : the known part of the score and the scales of the network's part.
    image_shape : shape of one row as an image, or None. about : what it was trained on, and how.
    calibration : the correction that keeps the moments, or None.
    """

    process: Process
    scaling: Scaling
    parametrisation: Parametrisation
    network: Network
    theta: Array
    image_shape: tuple[int, ...] | None = None
    calibration: Calibration | None = None
    about: dict[str, Any] = field(default_factory=dict)

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
        shards = RowShards(1 if is_cuda(x) else -(-len(x) // BLOCK))
        pieces = shards.pieces(len(x))
        with one_thread_each():
            # One time for all rows: what the network does with it is done once.
            shared = self.network.shifts(Run(self.theta, Arena()), noise.code)[0] if len(noise.level) == 1 else None

            def piece(index: int) -> None:
                rows = pieces[index]
                part = noise if shared is not None else noise.rows(rows)
                out[rows] = self._evaluate(narrow[rows], part, shared)

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
            shifts, _ = self.network.shifts(run, noise.code)
            prepared = self.parametrisation.prepare(narrow, noise)
            moved = self.parametrisation.tangent(narrow, noise, tangents)
            answer, slope = self.network.jvp(run, prepared.features, moved.features, shifts)
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
        t = self.process.check_row_times(t, len(x), why_positive="at t = 0 the data have no score")
        return x, self.parametrisation.noise(self.process, t, x)

    def _evaluate(self, x: Array, noise: Noise, shifts: list[Array] | None) -> Array:
        prepared = self.parametrisation.prepare(x, noise)
        arena = thread_arena()
        arena.rewind()
        answer, _ = self.network(Run(self.theta, arena), prepared.features, noise.code, shifts)
        score = self.parametrisation.score(prepared, noise, answer)
        if self.calibration is not None:
            score += self.calibration(x / noise.alpha[:, None], noise.level) / noise.sigma[:, None]
        return score

    def sample(
        self, n: int, *, seed: int, steps: int = _STEPS, sampler: Sampler | str | None = None, times: Any = None
    ) -> Array:
        """n new points in data units, (n, d): from the prior at the end of the process back to t = 0.

        Parameters
        ----------
        n : how many. seed : 64-bit seed of the prior and the walk.
        steps : steps in time, equal parts of ln(sigma/alpha), and one more to t = 0.
        sampler : as for `inkdiff.reverse`; by default the probability flow by Heun's rule (order 2, two scores a step).
        times : other times to walk through (see `inkdiff.time_grids`), decreasing; then `steps` is not used.

        Samples of a process in free space may stray a little outside the range of the data; nothing is clipped.

        Raises
        ------
        ValueError, TypeError
            If n, seed or steps are not positive integers, or the sampler does not fit the process.
        """
        n, seed = checks.count(n, "n"), checks.seed64(seed)
        times = self.times(steps) if times is None else checks.increasing(times, decreasing=True)
        x = self.process.prior(float(times[0])).sample(n, self.d, seed=seed)
        start = to_device(x, "cuda" if is_cuda(self.theta) else "cpu")
        chosen = "heun" if sampler is None else sampler
        with one_thread_each():
            walk = reverse(self.process, self, start, times, seed=seed, sampler=chosen)
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
        x = np.asarray(checks.state(x, "x"), np.float64)
        n, d = x.shape
        width = checks.real(dequantise, "dequantise")
        if width < 0:
            raise ValueError(f"dequantise must be >= 0, the spacing of the data, got {width}.")
        if width:
            u = kernels.uniform(n * d, seed=seed, stream=Stream.DATA).reshape(n, d)
            x = x + width * (u - 0.5)
        times = self.times(2)
        start = float(times[-2])
        alpha = float(self.process.alpha(start))
        inside = alpha * self.encode(x)
        if isinstance(self.process.domain, Box) and width:
            low, length = self.process.domain.low(d), self.process.domain.length(d)
            inside = np.clip(inside, low, low + length)
        found = log_likelihood(
            self.process, self, inside, start=start, until=float(times[0]), trace=trace, seed=seed, **solver
        )
        jacobian = d * (math.log(alpha / self.scaling.scale) + (math.log(width) if width else 0.0))
        return replace(found, values=found.values + jacobian)

    def prepared(self, data: Any) -> Array:
        """The rows of a data set or array as float32 in process coordinates."""
        x = checks.state(getattr(data, "x", data), "data")
        return inside(self.process, self.encode(array_module(x).ascontiguousarray(x, dtype=np.float32)))

    def objective(self, x: Array, settings: Settings) -> Objective:
        """What a training lessens, on x (n, d) in process coordinates."""
        what = self.process, self.parametrisation, self.network, x, settings.batch, settings.seed
        return Objective(*what, settings.weighting)

    def trained(self, theta: Array, about: dict[str, Any]) -> LearnedScore:
        """The same with other weights, uncorrected."""
        return replace(self, theta=theta, about=about, calibration=None)

    def finished(self, x: Array, settings: Settings) -> LearnedScore:
        """After the last step: with the correction that keeps the moments of x, if the settings ask for it."""
        if not settings.moments:
            return self
        found = calibrate(self.process, self, x, self.times(LEVELS), seed=settings.seed)
        return replace(self, calibration=found)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file with everything needed to use the score; see `inkdiff.load`. Whole or not at all."""
        from inkdiff.learned.checkpoint import save

        save(self, path)

    def __repr__(self) -> str:
        """One line."""
        where = "box" if isinstance(self.process.domain, Box) else "free space"
        return f"LearnedScore({type(self.process).__name__} in {where}, d={self.d}, {self.network.size} parameters)"
