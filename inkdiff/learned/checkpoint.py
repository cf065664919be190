"""A learned score as one file: safetensors (plain arrays behind a JSON header; nothing in it can run), written whole.

The header's metadata hold `format`, `version` and `config`: the process as nested {"type", fields}, the scaling,
levels, network shape and the notes of the training. The tensors are theta, the tables of the known part, and the
scales; F(theta; .) is rebuilt from the network's shape, and every tensor is checked against the shape that it must
then have. A training's checkpoint is the same file with a `training` entry and three more arrays (theta of the last
step, the moments m and v of AdamW; `theta` itself is the running mean): a learned score that can still learn. Version
2 brought that entry and a checksum, version 3 corrections of covariances, version 4 the words that it may be told;

    sha256( config, then of every tensor, in the order of names: name, dtype, shape, bytes ),

because one flipped bit of a weight is a float like any other. Learned bits are written likewise; their known part is
the tensor `own`.

Reference: the safetensors format, https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff import __version__
from inkdiff._core.backend import asnumpy
from inkdiff._core.files import atomic_write
from inkdiff.datasets.scaling import Scaling
from inkdiff.learned.bits import LearnedBits
from inkdiff.learned.calibration import Calibration, Features
from inkdiff.learned.condition import Vocabulary
from inkdiff.learned.descriptions import describe, restore
from inkdiff.learned.levels import Levels
from inkdiff.learned.marginals import Marginals
from inkdiff.learned.parametrisation import Parametrisation
from inkdiff.learned.score import LearnedScore
from inkdiff.learned.settings import Fingerprint, Settings
from inkdiff.nn import MLP, AdamWState, blas
from inkdiff.processes.base import Process, closed_form_domain
from inkdiff.processes.binomial import Binomial

__all__ = ["CALIBRATION", "Progress", "load", "machine", "read", "save"]

_FORMAT = "inkdiff learned score"
_VERSION = 4

CALIBRATION = ("levels", "axes", "centre", "linear", "square")

_STATE = ("theta", "m", "v")  # of AdamW; its running mean is the theta of the score

_Tensors = dict[str, npt.NDArray[np.float32]]


def machine() -> str:
    """What the bits of a training depend on besides its settings: processor family and BLAS kernels."""
    return f"{platform.machine()}, {blas()}"


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a training has come: all that its next step depends on, but for the data, of which it knows the print."""

    settings: Settings
    state: AdamWState
    data: Fingerprint | None
    finished: bool = False
    machine: str = field(default_factory=machine)


def save(score: LearnedScore | LearnedBits, path: str | os.PathLike[str], progress: Progress | None = None) -> None:
    """Write `score`, and how far its training has come, to `path` under a temporary name and rename it.

    Raises
    ------
    FileNotFoundError
        If the folder of `path` does not exist.
    TypeError
        If the process is not one of inkdiff's own.
    ValueError
        If the score has been told something: that is not kept.
    """
    from safetensors.numpy import save as serialise

    config: dict[str, Any] = {
        "process": describe(score.process),
        "network": dataclasses.asdict(score.network.shape),
        "about": score.about,
    }
    tensors = {"theta": score.theta}
    if isinstance(score, LearnedBits):
        tensors["own"] = score.own
    else:
        _add_known_part(score, config, tensors)
    if progress is not None:
        tensors |= {f"training.{name}": getattr(progress.state, name) for name in _STATE}
        config["training"] = _describe_progress(progress)
    arrays = {name: np.ascontiguousarray(asnumpy(tensor)) for name, tensor in tensors.items()}
    text = json.dumps(config)
    metadata = {"format": _FORMAT, "version": str(_VERSION), "config": text, "sha256": _checksum(text, arrays)}
    with atomic_write(path) as file:
        file.write(serialise(arrays, metadata))


def _add_known_part(score: LearnedScore, config: dict[str, Any], tensors: dict[str, Any]) -> None:
    if score.condition is not None:
        raise ValueError("score: save the score itself, not what `given` made of it; tell it again after loading.")
    known = score.parametrisation
    config |= {
        "scaling": dataclasses.asdict(score.scaling),
        "levels": dataclasses.asdict(known.levels),
        "spread": known.spread,
        "waves": known.waves,
        "marginals": [known.marginals.lo, known.marginals.hi],
        "image_shape": score.image_shape,
        "vocabulary": score.vocabulary.words,
    }
    tensors |= {"centre": known.centre, **known.marginals.arrays()}
    if score.calibration is not None:
        tensors |= {f"calibration.{name}": getattr(score.calibration, name) for name in CALIBRATION}


def load(path: str | os.PathLike[str]) -> Any:
    """Read a LearnedScore or LearnedBits, written by its `save`, or by a training as its checkpoint: the score so far.

    It computes the same bits as the one that was saved. `about["step"]` is the step of a training not yet at its end.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, truncated, not a learned score of inkdiff, or from a newer version of it.
    """
    return read(path)[0]


def read(path: str | os.PathLike[str]) -> tuple[LearnedScore | LearnedBits, Progress | None]:
    """The score and, if the file is a training's checkpoint, how far it has come; errors as of `load`."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path: there is no file {str(path)!r}; give one written by LearnedScore.save.")
    metadata, tensors = _read(path)
    if metadata.get("format") != _FORMAT:
        raise ValueError(f"path: {str(path)!r} is a safetensors file, but not a learned score of inkdiff.")
    version = metadata.get("version", "")
    if version not in map(str, range(1, _VERSION + 1)):
        raise ValueError(
            f"path: {str(path)!r} has format version {version!r}, but this inkdiff reads up to {_VERSION}; upgrade it."
        )
    try:
        config = json.loads(metadata["config"])
        score, progress = _rebuild(config, tensors), _rebuild_progress(config, tensors)
        if version != "1" and metadata["sha256"] != _checksum(metadata["config"], tensors):
            raise ValueError("its checksum does not fit its contents")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"path: {str(path)!r} is damaged: {error}. Train again, or restore a copy.") from error
    return score, progress


def _checksum(config: str, tensors: _Tensors) -> str:
    digest = hashlib.sha256(config.encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tensors[name].shape}".encode())
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()


def _read(path: Path) -> tuple[dict[str, str], _Tensors]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"path: {str(path)!r} is damaged, truncated, or no safetensors file ({error}).") from error


def _rebuild(config: dict[str, Any], tensors: _Tensors) -> LearnedScore | LearnedBits:
    process = restore(config["process"])
    if not isinstance(process, (Process, Binomial)):
        raise ValueError(f"its process is a {type(process).__name__}")
    centre = tensors["own" if isinstance(process, Binomial) else "centre"]
    d = centre.size
    waves, vocabulary = config.get("waves", 0), Vocabulary(tuple(config.get("vocabulary", ())))  # older files: none
    network = MLP(**config["network"]).build(2 * d * (1 + waves), d, len(vocabulary))
    known = {"own": (d,)} if isinstance(process, Binomial) else _shapes(tensors, d)
    for name, shape in ({"theta": (network.size,)} | known).items():
        if tensors[name].shape != shape:
            raise ValueError(f"tensor {name!r} has shape {tensors[name].shape}, not {shape}")
    for name, tensor in tensors.items():
        if tensor.dtype != np.float32 or not np.isfinite(tensor).all():
            raise ValueError(f"tensor {name!r} is not all finite float32")
    theta = tensors["theta"]
    if isinstance(process, Binomial):
        return LearnedBits(process, centre, network, theta, config["about"])
    marginals = Marginals(*config["marginals"], *(tensors[name] for name in ("table", "start", "inverse", "rms")))
    domain = closed_form_domain(process, "a score")
    parts = Levels(**config["levels"]), domain, config["spread"], centre, marginals, waves, not len(vocabulary)
    shape = config["image_shape"]
    image_shape = None if shape is None else tuple(shape)
    scaling = Scaling(**config["scaling"])
    what = scaling, Parametrisation(*parts), network, theta, image_shape, _calibration(process, tensors, d)
    return LearnedScore(process, *what, config["about"], vocabulary)


def _calibration(process: Process, tensors: _Tensors, d: int) -> Calibration | None:
    if "calibration.levels" not in tensors:
        return None
    parts = {name: tensors[f"calibration.{name}"] for name in CALIBRATION}
    levels, r = parts["levels"].size, len(parts["axes"])
    if parts["square"].shape == (levels, r):  # up to version 2 only the diagonal was there
        parts["square"] = parts["square"][:, :, None] * np.eye(r, dtype=np.float32)
    rows = {"centre": (levels, d), "linear": (levels, d), "square": (levels, r, r)}
    for name, shape in {"levels": (levels,), "axes": (r, d), **rows}.items():
        if parts[name].shape != shape:
            raise ValueError(f"tensor 'calibration.{name}' has shape {parts[name].shape}, not {shape}")
    features = Features.of(process, d)
    if features is None:
        raise ValueError("it has a calibration, which its periodic walls cannot have")
    return Calibration(features, **parts)


def _shapes(tensors: _Tensors, d: int) -> dict[str, tuple[int, ...]]:
    """The shape that every tensor of a score's known part must have."""
    levels, nodes = tensors["table"].shape[:2]
    grids = dict.fromkeys(("start", "inverse"), (levels, d))
    return {"table": (levels, nodes, d, 3), "rms": (levels, 2), **grids}


def _describe_progress(progress: Progress) -> dict[str, Any]:
    return {
        "inkdiff": __version__,
        "machine": progress.machine,
        "step": progress.state.step,
        "finished": progress.finished,
        "settings": describe(progress.settings),
        "data": None if progress.data is None else dataclasses.asdict(progress.data),
    }


def _rebuild_progress(config: dict[str, Any], tensors: _Tensors) -> Progress | None:
    if "training" not in config:
        return None
    parts, mean = config["training"], tensors["theta"]
    settings, step, data = restore(parts["settings"]), parts["step"], parts["data"]
    if not isinstance(settings, Settings) or dataclasses.asdict(settings.net) != config["network"]:
        raise ValueError("its settings are not those of its network")
    if type(step) is not int or not 0 <= step <= settings.steps:
        raise ValueError(f"its step is {step!r}, of {settings.steps}")
    for name in _STATE:
        if tensors[f"training.{name}"].shape != mean.shape:
            raise ValueError(f"tensor 'training.{name}' has another shape than the weights")
    theta, m, v = (tensors[f"training.{name}"].copy() for name in _STATE)  # to be written to
    fingerprint = None if data is None else Fingerprint(tuple(data["shape"]), data["sha256"])
    state = AdamWState(theta, mean.copy(), m, v, step)
    return Progress(settings, state, fingerprint, bool(parts["finished"]), str(parts["machine"]))
