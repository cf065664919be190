r"""Going on with a training that stopped, wherever it stopped: at Ctrl-C, at a kill, at the end of the night.

    fit(..., checkpoint=path), killed at any moment, and resume(path, data)   =   fit(...),      bit for bit

A step needs nothing but its number, the optimiser's arrays and the data (`fitting.py`), and the file holds the first
two whole. The data are not in it, only their fingerprint; other data would be another training. So would another
number of steps, because the learning rate falls to zero at the last one planned.

Reference: J. K. Salmon et al. (2011), SC11 (noise that needs no state).
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

from inkdiff._core import checks
from inkdiff._core.backend import is_cuda
from inkdiff._core.files import remove_leftovers
from inkdiff.learned.checkpoint import training_state
from inkdiff.learned.checkpoint.loading import read
from inkdiff.learned.model.word_conditioning import Conditioning, LabelsOrWords
from inkdiff.learned.training.run_options import RunOptions, check_checkpoint_folder, check_run_options
from inkdiff.learned.training.settings import Fingerprint, Settings
from inkdiff.learned.training.training_loop import train

__all__ = ["resume"]


def resume(
    path: str | os.PathLike[str],
    data: Any,
    *,
    condition: LabelsOrWords | Conditioning | None = None,
    steps: int | None = None,
    progress: bool | RunOptions = True,
) -> Any:
    """Continue a training from its checkpoint to its end, as if it had never stopped.

    Parameters
    ----------
    path : the file that `inkdiff.fit(..., checkpoint=path)` writes; it goes on being written.
    data : the data that the training began with; NumPy, or CuPy to go on on a GPU.
    condition : what is known of the rows of the data, if the training began with it.
    steps : None, or the number of steps the training was planned for, as a check.
    progress : as for `inkdiff.fit`; the result does not depend on it.

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
    path, run, conditioning = Path(path), check_run_options(progress), Conditioning.of(condition)
    check_checkpoint_folder(path)
    score, training = read(path)
    if training is None:
        raise ValueError(
            f"path: {str(path)!r} is a score without the state of its training, which only the checkpoint of a fit "
            "holds; start anew with inkdiff.fit(..., checkpoint=...)."
        )
    _check_steps(steps, training.settings)
    x = score.prepared(data)
    codes = score.row_codes(None if conditioning is None else conditioning.rows, x)
    found = Fingerprint.of(x, codes)
    if found != training.data:
        raise ValueError(
            f"data: {str(path)!r} was trained on {training.data} ({score.about.get('data')}), but these are {found} "
            f"({getattr(data, 'name', 'array')}), in process coordinates; resume with the same data under the same "
            "condition, or fit anew."
        )
    if is_cuda(x):
        score, training = score.on_device("cuda"), training.on_device("cuda")
    if training.finished:
        return score
    here = training_state.machine()
    if training.machine != here:
        warnings.warn(
            f"{str(path)!r} was begun with {training.machine}, this is {here}: the training goes on, and ends with the "
            "result of an uninterrupted one to rounding, not to the bit.",
            stacklevel=2,
        )
    remove_leftovers(path)
    about = {name: value for name, value in score.about.items() if name != "step"}
    start = score.trained(score.theta, about).conditioned_on(codes)
    return train(start, x, training, run, path)


def _check_steps(steps: int | None, settings: Settings) -> None:
    if steps is not None and checks.count(steps, "steps") != settings.steps:
        raise ValueError(
            f"steps must be {settings.steps}, for which this training was planned, got {steps}: its learning rate "
            "falls to zero there. Leave steps out, or begin a training of another length with inkdiff.fit."
        )
