r"""Fitting a score: follow the gradient of the denoising loss, average the weights, and survive what happens meanwhile.

    theta_{k+1} = AdamW(theta_k, d/dtheta sum_rows |g F - target|^2),      mean_k: what is kept

Batches, noise, initial weights and dropout come from counter-based streams addressed by the step, gradients are added
in a fixed order: training is a pure function of (process, data, settings, seed), whatever the number of threads. The
state after k steps is therefore k and the optimiser's four arrays, and a training that is killed and resumed ends
with the bits of one that never was.

References: I. Loshchilov, F. Hutter (2019), arXiv:1711.05101; P. Vincent (2011), Neural Computation 23, 1661.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, Unpack, overload

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, is_cuda
from inkdiff.datasets.scaling import Scaling, clip_to_domain
from inkdiff.learned import checkpoint as files
from inkdiff.learned.bits import LearnedBits
from inkdiff.learned.condition import Saying, Vocabulary, hidden, sayings, told
from inkdiff.learned.interruption import interrupts_wait
from inkdiff.learned.parametrisation import Parametrisation
from inkdiff.learned.score import LearnedScore
from inkdiff.learned.settings import Fingerprint, Settings
from inkdiff.learned.sharded_objective import ShardedObjective
from inkdiff.learned.sitting import Callback, Options, Sitting
from inkdiff.learned.weighting import Weighting
from inkdiff.nn import (
    MLP,
    AdamW,
    AdamWState,
    Optimisation,
    RateSchedule,
    RowShards,
    initial_weights,
    one_thread_each,
)
from inkdiff.processes.base import Process, closed_form_domain
from inkdiff.processes.binomial import Binomial
from inkdiff.processes.forward import check_forward_process

__all__ = ["fit", "train"]

_REPORT = 50  # steps over which the shown loss is averaged

# what is being trained
L = TypeVar("L", LearnedScore, LearnedBits)


@overload
def fit(process: Process, data: Any, *, steps: int, seed: int, **others: Unpack[Options]) -> LearnedScore: ...
@overload
def fit(process: Binomial, data: Any, *, steps: int, seed: int, **others: Unpack[Options]) -> LearnedBits: ...
def fit(
    process: Process | Binomial,
    data: Any,
    *,
    steps: int,
    seed: int,
    net: MLP | None = None,
    batch: int | None = None,
    lr: float | None = None,
    decay: float | None = None,
    warmup: int = 100,
    finest: float | None = None,
    waves: int | None = None,
    moments: bool | None = None,
    weighting: Weighting | str = "balanced",
    condition: Any = None,
    hide: float = 0.1,
    hide_each: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    every: int = 500,
    threads: int = 0,
    progress: bool = True,
    callback: Callback | None = None,
) -> LearnedScore | LearnedBits:
    """Learn the score of noised data by denoising score matching; or, of bits, their log-odds by the variational bound.

    Parameters
    ----------
    process : any forward process, in free space or in a box whose walls are all reflecting or all periodic; or a
        Binomial, which gives LearnedBits.
    data : (n, d) array, or a data set with `.x` (and `.image_shape`, `.range`), in its natural units; NumPy, or CuPy to
        train on a GPU.
    steps : gradient steps. seed : 64-bit seed of everything random.
    net : the network's shape; by default MLP(128, 4) for points, MLP(384, 3) for pictures (d > 8), MLP(128, 3) for
        bits.
    batch : points per step; by default 1024 for points and bits, 256 for pictures.
    lr, warmup : peak of the learning rate, by default 0.01 for points, else 0.005, and steps of its linear rise; it
        then falls to zero by half a cosine.
    decay : weight decay of AdamW, in units of the learning rate; by default 0 for points, 0.5 for pictures and bits.
    finest : smallest noise trained on, in units of the data's standard deviation; by default 0.005 for points, 0.1 for
        pictures. It, `waves`, `moments` and `weighting` are of Gaussian noise, and refused for bits.
    waves : octaves of each coordinate that the network sees as waves (`parametrisation.py`); by default 5 for points, 0
        for pictures.
    moments : correct the trained score so that its samples keep the means and covariances of the data
        (`calibration.py`); some seconds of walking at the end. By default for pictures only: in few coordinates a
        network keeps them better.
    weighting : how much each noise level counts: "balanced", "simple", "likelihood", "min_snr", or an object such as
        MinSNRWeighting(gamma=5) (`weighting.py`).
    condition : what is said of each row: its label (integers (n,)), or words (n texts, or n sequences of words). The
        score can then be told words: `score.given`, `score.sample(..., label=7)`.
    hide, hide_each : share of the rows of which nothing is said in training, so that the score without words is learned
        too, and share of the single words left out; by default 0.3 where rows have several words, else 0.
    checkpoint : a file, not there yet, that always holds the whole state of the training, written before the first
        step, after every `every` steps, at Ctrl-C and at the end. `inkdiff.resume` continues it, `inkdiff.load` reads
        the score so far.
    threads : 0 for all cores; changes the time, not the result.
    progress : show a bar with the loss.
    callback : called after every step as callback(steps done, loss, snapshot); snapshot() is the present LearnedScore.

    Returns
    -------
    LearnedScore, or LearnedBits. The same to the bit for any number of threads and interruptions, on one machine and
    BLAS build.

    Raises
    ------
    ValueError, TypeError
        If data are empty, not finite, not (n, d), constant, or outside the process's box; or a setting is out of range;
        or the process ends before its noise hides the data.
    FileExistsError, FileNotFoundError
        If the checkpoint is there already, or its folder is not.
    FloatingPointError
        If the loss or the weights stop being finite; it says what is at fault, and which checkpoint is left.
    KeyboardInterrupt
        At Ctrl-C; with a checkpoint only after the step has ended and is saved.
    """
    check_forward_process(process)
    sitting = Sitting(None if checkpoint is None else Path(checkpoint), every, threads, progress, callback)
    d, bits = checks.state(getattr(data, "x", data), "data").shape[1], isinstance(process, Binomial)
    said = None if condition is None else sayings(condition)
    if bits and said is not None:
        raise ValueError("condition: a network for bits is told nothing; leave it out.")
    shape: dict[str, Any] = {"net": net, "batch": batch, "finest": finest, "waves": waves, "moments": moments}
    rates: dict[str, Any] = {"steps": steps, "seed": seed, "lr": lr, "decay": decay, "warmup": warmup}
    rates |= hidden(said, hide, hide_each)
    settings = Settings.of(d, bits=bits, **shape, **rates, weighting=weighting)
    if sitting.checkpoint is not None:
        _refuse_to_overwrite(sitting.checkpoint)
    if isinstance(process, Binomial):
        return _begin(*_bits(process, data, settings), settings, sitting)
    closed_form_domain(process, "a score")
    return _begin(*_score(process, data, said, settings), settings, sitting)


def _score(
    process: Process, data: Any, said: list[Saying] | None, settings: Settings
) -> tuple[LearnedScore, Array, Fingerprint]:
    """A score not yet trained, told what is said of each row; the data in process coordinates, and their print."""
    x, scaling = _encoded(process, data)
    vocabulary = Vocabulary() if said is None else Vocabulary.of(said)
    codes = told(vocabulary, said, x)
    with one_thread_each():
        known = Parametrisation.of(process, x, finest=settings.finest, waves=settings.waves, fades=codes is None)
        network = settings.net.build(known.inputs, x.shape[1], len(vocabulary))
        theta, image_shape = initial_weights(network, x, seed=settings.seed), getattr(data, "image_shape", None)
        notes: dict[str, Any] = {"about": _about(data, x, settings), "vocabulary": vocabulary}
        score = LearnedScore(process, scaling, known, network, theta, image_shape, **notes)
    return score.hearing(codes), x, Fingerprint.of(x, codes)


def _bits(process: Binomial, data: Any, settings: Settings) -> tuple[LearnedBits, Array, Fingerprint]:
    """Log-odds not yet trained, the data, and their print."""
    x = process.check_state(getattr(data, "x", data), "data")
    x = array_module(x).ascontiguousarray(x, dtype=np.float32)
    xp, n = array_module(x), len(x)
    ones = x.sum(0, dtype=np.float64)
    own = xp.log((ones + 0.5) / (n - ones + 0.5)).astype(np.float32)
    network = settings.net.build(2 * x.shape[1], x.shape[1])
    about = _about(data, x, settings)
    return (
        LearnedBits(process, own, network, initial_weights(network, x, seed=settings.seed), about),
        x,
        Fingerprint.of(x),
    )


def _about(data: Any, x: Array, settings: Settings) -> dict[str, Any]:
    named = {"data": str(getattr(data, "name", "array")), "n": len(x), "sha256": Fingerprint.of(x).sha256}
    return named | settings.about()


def _begin(start: L, x: Array, fingerprint: Fingerprint, settings: Settings, sitting: Sitting) -> L:
    """A training from its first step."""
    state = AdamWState.start(start.theta)
    return train(start, x, files.Progress(settings, state, fingerprint), sitting, fresh=True)


def train(start: L, x: Array, progress: files.Progress, sitting: Sitting, *, fresh: bool = False) -> L:
    """Train to the end from `progress`, whose result so far is `start`, on x (n, d) in process coordinates."""
    settings, state = progress.settings, progress.state
    with one_thread_each():
        shards = RowShards(1) if is_cuda(x) else RowShards.of_batch(settings.batch, sitting.threads)
        objective = ShardedObjective(start.objective(x, settings), shards)
        rate = RateSchedule(settings.lr, settings.steps, settings.warmup)
        optimisation = Optimisation(objective, state, rate, AdamW(decay=settings.decay), shards)

        def snapshot() -> L:
            about = start.about | ({"step": state.step} if state.step < settings.steps else {})
            return start.trained(state.mean.copy(), about)

        def keep(score: L | None = None) -> None:
            if sitting.checkpoint is not None:
                optimisation.check()
                files.save(score or snapshot(), sitting.checkpoint, replace(progress, finished=score is not None))

        try:
            if fresh:
                keep()
            _run(optimisation, snapshot, keep, sitting)
            optimisation.check()
        except FloatingPointError as error:
            raise FloatingPointError(f"{error}{_left(sitting.checkpoint)}") from None
        score = start.finished(state.mean.copy(), x, settings)
        keep(score)
    return score


def _run(
    optimisation: Optimisation, snapshot: Callable[[], object], keep: Callable[[], None], sitting: Sitting
) -> None:
    from tqdm import tqdm

    recent: deque[float] = deque(maxlen=_REPORT)
    steps, state, path = optimisation.steps, optimisation.state, sitting.checkpoint
    bar = tqdm(total=steps, initial=state.step, disable=not sitting.progress, desc="learning the score", unit="step")
    with bar, interrupts_wait(path is not None) as interrupted:
        while state.step < steps:
            recent.append(optimisation.advance())
            bar.update()
            if state.step % _REPORT == 0:
                bar.set_postfix(loss=f"{np.mean(recent):.4f}", refresh=False)
            if path is not None and (state.step % sitting.every == 0 or state.step == steps or interrupted()):
                keep()
            if interrupted():
                raise KeyboardInterrupt(
                    f"training stopped after step {state.step} of {steps}; {str(path)!r} holds it, "
                    "and inkdiff.resume continues it as if it had never stopped."
                )
            if sitting.callback is not None:
                sitting.callback(state.step, recent[-1], snapshot)


def _encoded(process: Process, data: Any) -> tuple[Array, Scaling]:
    """The data in process coordinates, float32, and the way there."""
    x = checks.state(getattr(data, "x", data), "data")
    x = array_module(x).ascontiguousarray(x, dtype=np.float32)
    scaling = Scaling.of(process.domain, x, getattr(data, "range", None), getattr(data, "units", ()))
    return clip_to_domain(process.domain, scaling.encode(x)), scaling


def _refuse_to_overwrite(path: Path) -> None:
    if path.exists():
        raise FileExistsError(
            f"checkpoint: {str(path)!r} is there already; continue it with inkdiff.resume, or give another name."
        )


def _left(path: Path | None) -> str:
    """Which checkpoint is left, in words."""
    if path is None or not path.is_file():
        return ""
    step = files.read(path)[0].about.get("step", 0)
    return f" {str(path)!r} holds step {step}, whose weights are finite."
