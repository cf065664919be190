"""Loading what was learned, and checkpoints of trainings: every part is rebuilt from plain data and checked.

    load(save(score))(x, t) = score(x, t),      bit for bit

The process says what kind of thing was learned of it (`inkdiff.learned.learner`); F(theta; .) is rebuilt from the
network's shape, the known part from its tables, and every tensor is checked against the shape that it must then have.

Reference: the safetensors format, https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from inkdiff._core.descriptions import UnknownTypeError, restore
from inkdiff.learned.checkpoint.file_format import damaged, read_file, write_file
from inkdiff.learned.checkpoint.training_state import TrainingState
from inkdiff.learned.learner import Learner, learner_of

__all__ = ["load", "read", "save"]


def save(score: Learner, path: str | os.PathLike[str], training: TrainingState) -> None:
    """Write what is learned so far and the state of its training to `path`, whole or not at all.

    Raises
    ------
    FileNotFoundError
        If the folder of `path` does not exist.
    TypeError
        If the process, or the weighting, has no registered name.
    """
    (config, tensors), (entry, state) = score.contents(), training.contents()
    write_file(path, config | entry, tensors | state)


def load(path: str | os.PathLike[str]) -> Any:
    """Read what was learned, written by its `save`, or by a training as its checkpoint: the score so far.

    It computes the same bits as the one that was saved. `about["step"]` is the step of a training not yet at its end.

    Parameters
    ----------
    path : a file of a LearnedScore, of LearnedBits, or of a `Learner` of one's own. A process, domain or schedule of
        one's own must be registered, by importing its module, before.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, truncated, not a learned score of inkdiff, or from a newer version of it; or holds a
        name that is not registered, in which case the error says what to import first.
    """
    return read(path)[0]


def read(path: str | os.PathLike[str]) -> tuple[Any, TrainingState | None]:
    """What was learned and, if the file is a training's checkpoint, the state of that; errors as of `load`."""
    path = Path(path)
    config, tensors, fault = read_file(path)
    try:
        process = restore(config["process"])
        kind = learner_of(process, config.get("parameterisation", "score"))
        for name, tensor in tensors.items():
            if tensor.dtype != np.float32 or not np.isfinite(tensor).all():
                raise ValueError(f"tensor {name!r} is not all finite float32")
        score, training = kind.restore(process, config, tensors), TrainingState.restore(config, tensors)
        if fault:
            raise ValueError(fault)
    except UnknownTypeError as error:
        raise ValueError(damaged(path, f"{fault}; {error}") if fault else f"path: {str(path)!r}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(damaged(path, error)) from error
    return score, training
