r"""Going on with a training that stopped, wherever it stopped: at Ctrl-C, at a kill, at the end of the night.

    fit(..., checkpoint=path), killed at any moment, and resume(path, data)   =   fit(...),      bit for bit

A step needs nothing but its number, the optimiser's arrays and the data (`training.py`), and the file holds the first
two whole. The data are not in it, only their fingerprint; other data would be another training. So would another
number of steps, because the learning rate falls to zero at the last one planned.

Reference: J. K. Salmon et al. (2011), SC11 (noise that needs no state).
"""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from inkdiff._core import checks
from inkdiff._core.backend import Array, is_cuda, to_device
from inkdiff._core.files import remove_leftovers
from inkdiff.learned import checkpoint as files
from inkdiff.learned.bits import LearnedBits
from inkdiff.learned.calibration import Calibration
from inkdiff.learned.condition import told
from inkdiff.learned.marginals import Marginals
from inkdiff.learned.score import LearnedScore
from inkdiff.learned.settings import Fingerprint, Settings
from inkdiff.learned.sitting import Callback, Sitting
from inkdiff.learned.training import train
from inkdiff.nn import AdamWState

__all__ = ["resume"]


def resume(
    path: str | os.PathLike[str],
    data: Any,
    *,
    condition: Any = None,
    steps: int | None = None,
    every: int = 500,
    threads: int = 0,
    progress: bool = True,
    callback: Callback | None = None,
) -> Any:
    """Continue a training from its checkpoint to its end, as if it had never stopped.

    Parameters
    ----------
    path : the file that `inkdiff.fit(..., checkpoint=path)` writes; it goes on being written.
    data : the data that the training began with; NumPy, or CuPy to go on on a GPU.
    condition : what is said of the data, if the training began with it.
    steps : None, or the number of steps the training was planned for, as a check.
    every, threads, progress, callback : as for `inkdiff.fit`; the result does not depend on them.

    Returns
    -------
    LearnedScore or LearnedBits, to the bit that of a training that never stopped, on one machine and BLAS build; on
    another, a warning says so. If the training had ended, it is returned as it is.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError, TypeError
        If the file is damaged, foreign, newer, or a score without the state of its training; if the data are not those
        it began with; or if `steps` differ.
    FloatingPointError, KeyboardInterrupt
        As `inkdiff.fit`.
    """
    path = Path(path)
    sitting = Sitting(path, every, threads, progress, callback)
    score: Any
    score, kept = files.read(path)
    if kept is None:
        raise ValueError(
            f"path: {str(path)!r} is a score without the state of its training, which only the checkpoint of a fit "
            "holds; start anew with inkdiff.fit(..., checkpoint=...)."
        )
    _check_steps(steps, kept.settings)
    x = score.prepared(data)
    codes = None if isinstance(score, LearnedBits) else told(score.vocabulary, condition, x)
    found = Fingerprint.of(x, codes)
    if found != kept.data:
        raise ValueError(
            f"data: {str(path)!r} was trained on {kept.data} ({score.about.get('data')}), but these are {found} "
            f"({getattr(data, 'name', 'array')}), in process coordinates; resume with the same data, of which the "
            "same is said, or fit anew."
        )
    score, kept = _beside(x, score, kept)
    if kept.finished:
        return score
    here = files.machine()
    if kept.machine != here:
        warnings.warn(
            f"{str(path)!r} was begun with {kept.machine}, this is {here}: the training goes on, and ends with the "
            "result of an uninterrupted one to rounding, not to the bit.",
            stacklevel=2,
        )
    remove_leftovers(path)
    about = {name: value for name, value in score.about.items() if name != "step"}
    start = score.trained(score.theta, about)
    return train(start if codes is None else start.hearing(codes), x, kept, sitting)


def _check_steps(steps: int | None, settings: Settings) -> None:
    if steps is not None and checks.count(steps, "steps") != settings.steps:
        raise ValueError(
            f"steps must be {settings.steps}, for which this training was planned, got {steps}: its learning rate "
            "falls to zero there. Leave steps out, or begin a training of another length with inkdiff.fit."
        )


def _beside(x: Array, score: Any, kept: files.Progress) -> tuple[Any, files.Progress]:
    """Score and state on the device of the data."""
    if not is_cuda(x):
        return score, kept
    state = kept.state
    moved = AdamWState(_there(state.theta), _there(state.mean), _there(state.m), _there(state.v), state.step)
    kept = replace(kept, state=moved)
    if isinstance(score, LearnedBits):
        return replace(score, own=_there(score.own), theta=_there(score.theta)), kept
    return _score_there(score), kept


def _there(array: Array) -> Array:
    return to_device(array, "cuda")


def _score_there(score: LearnedScore) -> LearnedScore:
    known = score.parametrisation
    arrays = known.marginals.arrays()
    marginals = Marginals(known.marginals.lo, known.marginals.hi, **{name: _there(a) for name, a in arrays.items()})
    known = replace(known, centre=_there(known.centre), marginals=marginals)
    calibration = score.calibration
    if calibration is not None:
        tables = {name: _there(getattr(calibration, name)) for name in files.CALIBRATION if name != "levels"}
        calibration = Calibration(calibration.features, calibration.levels, **tables)
    return replace(score, parametrisation=known, theta=_there(score.theta), calibration=calibration)
