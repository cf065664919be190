r"""Fitting a score: follow the gradient of the denoising loss, average the weights.

    theta_{k+1} = AdamW(theta_k, d/dtheta sum_rows |g F - target|^2),      mean_k: what is kept

Batches, noise, initial weights and dropout come from counter-based streams addressed by the step, gradients are added
in a fixed order: training is a pure function of (process, data, settings, seed), whatever the number of threads.

References: I. Loshchilov, F. Hutter (2019), arXiv:1711.05101; P. Vincent (2011), Neural Computation 23, 1661.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from inkdiff import checks, kernels
from inkdiff.backend import Array, array_module, is_cuda
from inkdiff.domain import Box
from inkdiff.learned.calibration import LEVELS, calibrate
from inkdiff.learned.objective import Objective
from inkdiff.learned.parametrisation import Parametrisation
from inkdiff.learned.scaling import Scaling
from inkdiff.learned.score import LearnedScore
from inkdiff.nn import (
    MLP,
    AdamW,
    AdamWState,
    Network,
    RowShards,
    Run,
    ShardedGradient,
    learning_rate,
    one_thread_each,
)
from inkdiff.process import Process, check_process, closed_form_domain
from inkdiff.rng import Stream

__all__ = ["Trainer", "fit"]

_SMALL = 8  # up to this many coordinates the data are points, beyond it they are pictures
_REPORT = 50  # steps over which the shown loss is averaged

# callback(step, loss, snapshot): steps done, mean loss of the last one, and a function that returns the present score
Callback = Callable[[int, float, Callable[[], LearnedScore]], object]


@dataclass
class Trainer:
    """Training in progress: the objective, the optimiser's state, and working memory."""

    objective: Objective
    optimiser: AdamW
    state: AdamWState
    steps: int
    peak: float
    warmup: int
    shards: RowShards
    _backward: ShardedGradient = field(init=False)
    _gradient: Array = field(init=False)

    def __post_init__(self) -> None:
        """Allocate the gradient."""
        objective = self.objective
        self._backward = ShardedGradient(objective.network, self.shards, objective.batch, objective.levels)
        self._gradient = array_module(self.state.theta).empty_like(self.state.theta)

    def advance(self) -> float:
        """One step; returns its mean loss.

        Raises
        ------
        FloatingPointError
            If the loss is not finite.
        """
        step = self.state.step
        batch = self.objective.draw(step)

        def backward(run: Run, shifts: list[Array]) -> float:
            with np.errstate(over="ignore", invalid="ignore"):  # said once, by the error below
                return float(self.objective.gradient(run, batch, self._gradient, shifts).sum())

        losses = self._backward(self.state.theta, batch.code, backward, self._gradient)
        loss = float(sum(losses)) / self.objective.batch
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"training broke down at step {step}: the loss is {loss}. Use a lower learning rate than {self.peak:g}."
            )
        rate = learning_rate(step, self.steps, peak=self.peak, warmup=self.warmup)
        self.optimiser.update(self.state, self._gradient, rate, self.shards)
        return loss


def fit(
    process: Process,
    data: Any,
    *,
    steps: int,
    seed: int,
    net: MLP | None = None,
    batch: int | None = None,
    lr: float = 5e-3,
    decay: float = 0.5,
    warmup: int = 100,
    finest: float | None = None,
    moments: bool = True,
    threads: int = 0,
    progress: bool = True,
    callback: Callback | None = None,
) -> LearnedScore:
    """Learn the score of noised data by denoising score matching.

    Parameters
    ----------
    process : any forward process, in free space or in a box.
    data : (n, d) array, or a data set with `.x` (and `.image_shape`, `.range`), in its natural units; NumPy, or CuPy to
        train on a GPU.
    steps : gradient steps. seed : 64-bit seed of everything random.
    net : the network's shape; by default MLP(128, 4) for points, MLP(384, 3) for pictures (d > 8).
    batch : points per step; by default 1024 for points, 256 for pictures.
    lr, warmup : peak of the learning rate, and steps of its linear rise; it then falls to zero by half a cosine.
    decay : weight decay of AdamW, in units of the learning rate.
    finest : smallest noise trained on, in units of the data's standard deviation; by default 0.01 for points, 0.1 for
        pictures.
    moments : correct the trained score so that its samples keep the means and variances of the data (`calibration.py`);
        a second of walking at the end.
    threads : 0 for all cores; changes the time, not the result.
    progress : show a bar with the loss.
    callback : called after every step as callback(steps done, loss, snapshot); snapshot() is the present LearnedScore.

    Returns
    -------
    LearnedScore. The same bits for any number of threads, on one machine and BLAS build.

    Raises
    ------
    ValueError, TypeError
        If data are empty, not finite, not (n, d), constant, or outside the process's box; or a setting is out of range;
        or the process ends before its noise hides the data.
    FloatingPointError
        If the loss stops being finite.
    """
    check_process(process)
    closed_form_domain(process, "a score")
    steps, seed, warmup = checks.count(steps, "steps"), checks.seed64(seed), checks.count(warmup, "warmup", least=0)
    lr, threads = checks.positive(lr, "lr"), checks.count(threads, "threads", least=0)
    decay = checks.real(decay, "decay")
    if decay < 0:
        raise ValueError(f"decay must be >= 0, got {decay}.")
    x, scaling = _encoded(process, data)
    picture = x.shape[1] > _SMALL
    shape = net if net is not None else (MLP(384, 3, dropout=0.1) if picture else MLP(128, 4, dropout=0.0))
    if not isinstance(shape, MLP):
        raise TypeError(f"net must be an inkdiff.MLP, got {checks.show(net)}.")
    batch = checks.count(batch if batch is not None else (256 if picture else 1024), "batch")
    finest = checks.positive(finest if finest is not None else (0.1 if picture else 0.01), "finest")
    about: dict[str, Any] = {"data": str(getattr(data, "name", "array")), "n": len(x), "steps": steps, "seed": seed}
    about |= {"batch": batch, "lr": lr, "decay": decay, "warmup": warmup, "finest": finest}
    with one_thread_each():
        parametrisation = Parametrisation.of(process, x, finest=finest)
        network = shape.build(2 * x.shape[1], x.shape[1])
        objective = Objective(process, parametrisation, network, x, batch, seed)
        state = AdamWState.start(_initial(network, x, seed))
        shards = RowShards(1) if is_cuda(x) else RowShards.of_batch(batch, threads)
        trainer = Trainer(objective, AdamW(decay=decay), state, steps, lr, min(warmup, steps // 2), shards)

        def snapshot() -> LearnedScore:
            image_shape = getattr(data, "image_shape", None)
            return LearnedScore(process, scaling, parametrisation, network, state.mean.copy(), image_shape, about=about)

        _run(trainer, snapshot, progress, callback)
        score = snapshot()
        if moments:
            score = replace(score, calibration=calibrate(process, score, x, score.times(LEVELS), seed=seed))
    return score


def _encoded(process: Process, data: Any) -> tuple[Array, Scaling]:
    """The data in process coordinates, float32, and the way there."""
    x = checks.state(getattr(data, "x", data), "data")
    xp = array_module(x)
    x = xp.ascontiguousarray(x, dtype=np.float32)
    scaling = Scaling.of(process, x, getattr(data, "range", None))
    x = scaling.encode(x)
    if isinstance(process.domain, Box):  # rounding must not carry a pixel through the wall
        low, length = (
            xp.asarray(side, np.float32) for side in (process.domain.low(x.shape[1]), process.domain.length(x.shape[1]))
        )
        x = xp.clip(x, low, low + length)
    return x, scaling


def _initial(network: Network, x: Array, seed: int) -> Array:
    xp = array_module(x)

    def normal(n: int) -> Array:
        return kernels.normal(n, seed=seed, stream=Stream.INIT, out=xp.empty(n, np.float32))

    return network.initial(normal)


def _run(trainer: Trainer, snapshot: Callable[[], LearnedScore], progress: bool, callback: Callback | None) -> None:
    from tqdm import tqdm

    recent: list[float] = []
    with tqdm(total=trainer.steps, disable=not progress, desc="learning the score", unit="step") as bar:
        while trainer.state.step < trainer.steps:
            recent.append(trainer.advance())
            bar.update()
            if trainer.state.step % _REPORT == 0:
                bar.set_postfix(loss=f"{np.mean(recent[-_REPORT:]):.4f}", refresh=False)
            if callback is not None:
                callback(trainer.state.step, recent[-1], snapshot)
