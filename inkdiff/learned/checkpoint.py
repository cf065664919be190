"""A learned score as one file: safetensors (plain arrays behind a JSON header; nothing in it can run), written whole.

The header's metadata hold `format`, `version` and `config`: the process as nested {"type", fields}, the scaling,
levels, network shape and the notes of the training. The tensors are theta, the tables of the known part, and the
scales; F(theta; .) is rebuilt from the network's shape, and every tensor is checked against the shape that it must
then have.

Reference: the safetensors format, https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff import processes, schedules
from inkdiff.backend import asnumpy
from inkdiff.domain import Box, Free
from inkdiff.files import atomic_write
from inkdiff.learned.calibration import Calibration, Features
from inkdiff.learned.levels import Levels
from inkdiff.learned.marginals import Marginals
from inkdiff.learned.parametrisation import Parametrisation
from inkdiff.learned.scaling import Scaling
from inkdiff.learned.score import LearnedScore
from inkdiff.nn import MLP
from inkdiff.process import Process, closed_form_domain

__all__ = ["load", "save"]

_FORMAT = "inkdiff learned score"
_VERSION = 1
_TYPES: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        processes.Brownian,
        processes.OrnsteinUhlenbeck,
        processes.VariancePreserving,
        processes.VarianceExploding,
        schedules.Linear,
        schedules.Cosine,
        schedules.Table,
        Box,
        Free,
    )
}

_CALIBRATION = ("levels", "axes", "centre", "linear", "square")

_Tensors = dict[str, npt.NDArray[np.float32]]


def save(score: LearnedScore, path: str | os.PathLike[str]) -> None:
    """Write `score` to `path` under a temporary name and rename it.

    Raises
    ------
    FileNotFoundError
        If the folder of `path` does not exist.
    TypeError
        If the process is not one of inkdiff's own.
    """
    from safetensors.numpy import save as serialise

    known = score.parametrisation
    config = {
        "process": _describe(score.process),
        "scaling": dataclasses.asdict(score.scaling),
        "levels": dataclasses.asdict(known.levels),
        "spread": known.spread,
        "marginals": [known.marginals.lo, known.marginals.hi],
        "network": dataclasses.asdict(score.network.shape),
        "image_shape": score.image_shape,
        "about": score.about,
    }
    tensors = {"theta": score.theta, "centre": known.centre, **known.marginals.arrays()}
    if score.calibration is not None:
        tensors |= {f"calibration.{name}": getattr(score.calibration, name) for name in _CALIBRATION}
    metadata = {"format": _FORMAT, "version": str(_VERSION), "config": json.dumps(config)}
    arrays = {name: np.ascontiguousarray(asnumpy(tensor)) for name, tensor in tensors.items()}
    with atomic_write(path) as file:
        file.write(serialise(arrays, metadata))


def load(path: str | os.PathLike[str]) -> LearnedScore:
    """Read a score written by `LearnedScore.save`. It computes the same bits as the one that was saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, truncated, not a learned score of inkdiff, or from a newer version of it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path: there is no file {str(path)!r}; give one written by LearnedScore.save.")
    metadata, tensors = _read(path)
    if metadata.get("format") != _FORMAT:
        raise ValueError(f"path: {str(path)!r} is a safetensors file, but not a learned score of inkdiff.")
    version = metadata.get("version", "")
    if version != str(_VERSION):
        raise ValueError(
            f"path: {str(path)!r} has format version {version!r}, but this inkdiff reads {_VERSION}; upgrade it."
        )
    try:
        return _rebuild(json.loads(metadata["config"]), tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"path: {str(path)!r} is damaged: {error}. Train again, or restore a copy.") from error


def _read(path: Path) -> tuple[dict[str, str], _Tensors]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"path: {str(path)!r} is damaged, truncated, or no safetensors file ({error}).") from error


def _rebuild(config: dict[str, Any], tensors: _Tensors) -> LearnedScore:
    process = _restore(config["process"])
    if not isinstance(process, Process):
        raise ValueError(f"its process is a {type(process).__name__}")
    d = tensors["centre"].size
    network = MLP(**config["network"]).build(2 * d, d)
    for name, shape in _shapes(tensors, network.size, d).items():
        if tensors[name].shape != shape:
            raise ValueError(f"tensor {name!r} has shape {tensors[name].shape}, not {shape}")
    for name, tensor in tensors.items():
        if tensor.dtype != np.float32 or not np.isfinite(tensor).all():
            raise ValueError(f"tensor {name!r} is not all finite float32")
    theta, centre = tensors["theta"], tensors["centre"]
    marginals = Marginals(*config["marginals"], *(tensors[name] for name in ("table", "start", "inverse", "rms")))
    domain = closed_form_domain(process, "a score")
    parametrisation = Parametrisation(Levels(**config["levels"]), domain, config["spread"], centre, marginals)
    shape = config["image_shape"]
    image_shape = None if shape is None else tuple(shape)
    scaling = Scaling(**config["scaling"])
    calibration = _calibration(process, tensors, d)
    return LearnedScore(process, scaling, parametrisation, network, theta, image_shape, calibration, config["about"])


def _calibration(process: Process, tensors: _Tensors, d: int) -> Calibration | None:
    if "calibration.levels" not in tensors:
        return None
    parts = {name: tensors[f"calibration.{name}"] for name in _CALIBRATION}
    levels, r = parts["levels"].size, len(parts["axes"])
    rows = {"centre": (levels, d), "linear": (levels, d), "square": (levels, r)}
    for name, shape in {"levels": (levels,), "axes": (r, d), **rows}.items():
        if parts[name].shape != shape:
            raise ValueError(f"tensor 'calibration.{name}' has shape {parts[name].shape}, not {shape}")
    features = Features.of(process, d)
    if features is None:
        raise ValueError("it has a calibration, which its periodic walls cannot have")
    return Calibration(features, **parts)


def _shapes(tensors: _Tensors, parameters: int, d: int) -> dict[str, tuple[int, ...]]:
    """The shape that every tensor must have."""
    levels, nodes = tensors["table"].shape[:2]
    grids = dict.fromkeys(("start", "inverse"), (levels, d))
    return {"theta": (parameters,), "table": (levels, nodes, d, 3), "rms": (levels, 2), **grids}


def _describe(value: object) -> Any:
    """A description as JSON: numbers as they are, our frozen dataclasses as {"type": name, field: ...}."""
    if not dataclasses.is_dataclass(value):
        return list(value) if isinstance(value, tuple) else value
    if _TYPES.get(type(value).__name__) is not type(value):
        raise TypeError(f"process: a {type(value).__name__} cannot be saved, only inkdiff's own processes can.")
    fields = {f.name: _describe(getattr(value, f.name)) for f in dataclasses.fields(value) if f.repr}
    return {"type": type(value).__name__, **fields}


def _restore(value: Any) -> Any:
    """What `_describe` described."""
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, dict):
        return value
    fields = {name: _restore(inner) for name, inner in value.items() if name != "type"}
    if value.get("type") not in _TYPES:
        raise ValueError(f"unknown description {value.get('type')!r}")
    return _TYPES[value["type"]](**fields)
