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
from pathlib import Path
from typing import Any, TypedDict, Unpack, overload

from inkdiff._core import checks
from inkdiff.learned.binomial_score import LearnedBits
from inkdiff.learned.checkpoint.training_state import TrainingState
from inkdiff.learned.learner import Learner, learner_of
from inkdiff.learned.model.predictions import Parameterisation
from inkdiff.learned.model.word_conditioning import Conditioning, LabelsOrWords
from inkdiff.learned.score import LearnedScore
from inkdiff.learned.training.run_options import RunOptions, check_checkpoint_folder, check_run_options
from inkdiff.learned.training.settings import Fingerprint, Settings
from inkdiff.learned.training.training_loop import train
from inkdiff.learned.training.weighting import Weighting, check_weighting
from inkdiff.nn import MLP, AdamWState, LearningRate
from inkdiff.processes.base import Process
from inkdiff.processes.binomial import Binomial
from inkdiff.processes.forward import ForwardProcess

__all__ = ["Choices", "fit", "settings_of"]


class Choices(TypedDict, total=False):
    """What the result of `fit` depends on besides process, data, steps and seed; see there."""

    net: MLP | None
    batch: int | None
    lr: float | LearningRate | None
    parameterisation: str | Parameterisation
    weighting: Weighting | str
    condition: LabelsOrWords | Conditioning | None


class Options(Choices, total=False):
    """What `fit` takes besides process, data, steps and seed; see there."""

    checkpoint: str | os.PathLike[str] | None
    progress: bool | RunOptions


@overload
def fit(process: Binomial, data: Any, *, steps: int, seed: int, **others: Unpack[Options]) -> LearnedBits: ...
@overload
def fit(process: Process, data: Any, *, steps: int, seed: int, **others: Unpack[Options]) -> LearnedScore: ...
@overload
def fit(process: ForwardProcess, data: Any, *, steps: int, seed: int, **others: Unpack[Options]) -> Learner: ...
def fit(
    process: ForwardProcess,
    data: Any,
    *,
    steps: int,
    seed: int,
    net: MLP | None = None,
    batch: int | None = None,
    lr: float | LearningRate | None = None,
    parameterisation: str | Parameterisation = "score",
    weighting: Weighting | str = "balanced",
    condition: LabelsOrWords | Conditioning | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool | RunOptions = True,
) -> Learner:
    """Learn the score of noised data by denoising score matching; or, of bits, their log-odds by the variational bound.

    The last six take a plain value, or an object that says more.

    Parameters
    ----------
    process : any forward process, in free space or in a box whose walls are all reflecting or all periodic; or a
        Binomial, which gives LearnedBits; or one of a kind that brings its own `inkdiff.learned.Learner`.
    data : (n, d) array, or a data set with `.x` (and `.image_shape`, `.range`), in its natural units; NumPy, or CuPy to
        train on a GPU.
    steps : gradient steps. seed : 64-bit seed of everything random.
    net : the network's shape; by default MLP(128, 4) for points, MLP(384, 3) for pictures (d > 8), MLP(128, 3) for
        bits.
    batch : points per step; by default 1024 for points and bits, 256 for pictures.
    lr : peak of the learning rate, by default 0.01 for points, else 0.005; or ink.LearningRate(peak, warmup, decay).
    parameterisation : what the network predicts: "score", "noise", "data", "v" or "velocity" (flow matching); or
        ink.Parameterisation(predict, sigma_min, fourier_octaves, match_moments). For bits it has no choice.
    weighting : how much each noise level counts: "balanced", "simple", "likelihood", "min_snr", "uniform"; or an object
        such as ink.MinSNRWeighting(gamma=5), or of a class of one's own derived from ink.Weighting.
    condition : what is known of each row: its label (integers (n,)), or its words (n texts, or n sequences of words);
        or ink.Conditioning(rows, p_uncond, p_drop_word). The score can then be conditioned: `score.given`,
        `score.sample(..., label=7)`.
    checkpoint : a file, not there yet, that always holds the whole state of the training, written before the first
        step, every so many steps, at Ctrl-C and at the end. `inkdiff.resume` continues it, `inkdiff.load` reads the
        score so far.
    progress : whether to show a bar with the loss; or ink.RunOptions(progress, every, threads, callback).

    Returns
    -------
    LearnedScore, LearnedBits, or what the process's own learner yields. The same to the bit for any number of threads
    and interruptions, on one machine and BLAS build.

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
    run, path = check_run_options(progress), None if checkpoint is None else Path(checkpoint)
    if path is not None:
        check_checkpoint_folder(path)
    choices: Choices = {"net": net, "batch": batch, "lr": lr, "parameterisation": parameterisation}
    choices |= {"weighting": weighting, "condition": condition}
    kind, settings = settings_of(process, data, steps=steps, seed=seed, **choices)
    if path is not None:
        _refuse_to_overwrite(path)
    conditioning = Conditioning.of(condition)
    start, x = kind.begin(process, data, None if conditioning is None else conditioning.rows, settings)
    codes = start.row_codes(None if conditioning is None else conditioning.rows, x)
    state = TrainingState(settings, AdamWState.start(start.theta), Fingerprint.of(x, codes))
    return train(start, x, state, run, path, fresh=True)


def settings_of(
    process: object, data: Any, *, steps: int, seed: int, **choices: Unpack[Choices]
) -> tuple[type[Learner], Settings]:
    """What is learned of such data under this process, and the settings of its training; as `fit`, and its errors."""
    parameterisation = Parameterisation.of(choices.get("parameterisation", "score"))
    kind = learner_of(process, parameterisation.predict)
    d = checks.state(getattr(data, "x", data), "data").shape[1]
    rate = LearningRate.of(choices.get("lr"))
    given: dict[str, Any] = {"lr": rate.peak, "warmup": rate.warmup, "decay": rate.decay}
    conditioning = Conditioning.of(choices.get("condition"))
    given |= {} if conditioning is None else conditioning.settings()
    given |= {
        "net": choices.get("net"),
        "batch": choices.get("batch"),
        "weighting": check_weighting(choices.get("weighting", "balanced")),
        "parameterisation": parameterisation.predict,
        "sigma_min": parameterisation.sigma_min,
        "fourier_octaves": parameterisation.fourier_octaves,
        "match_moments": parameterisation.match_moments,
    }
    for name, only in kind.fixed_settings.items():
        if given.get(name) not in (None, only):
            shown = checks.show(given[name])
            raise ValueError(f"{name} is of Gaussian noise; leave it out for {kind.__name__}, got {shown}.")
    return kind, Settings.of(kind.default_settings(d), steps=steps, seed=seed, **given)


def _refuse_to_overwrite(path: Path) -> None:
    if path.exists():
        raise FileExistsError(
            f"checkpoint: {str(path)!r} is there already; continue it with inkdiff.resume, or give another name."
        )
