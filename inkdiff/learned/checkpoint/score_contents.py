"""What a learned score has besides its process, network and weights, as plain data and arrays, and back.

    scaling, levels, spread, centre, tables of the known part (`model/marginals.py`), correction of moments, vocabulary

Every tensor is checked against the shape that the others imply before it is used.

Reference: the safetensors format, https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from inkdiff._core.backend import Array, to_device
from inkdiff.datasets.scaling import Scaling
from inkdiff.learned.checkpoint.file_format import Tensors
from inkdiff.learned.model.marginals import Marginals
from inkdiff.learned.model.moment_matching import Calibration, Features
from inkdiff.learned.model.noise_levels import Levels
from inkdiff.learned.model.predictions import PREDICTIONS
from inkdiff.learned.model.word_conditioning import Vocabulary
from inkdiff.nn import MLP, TimeConditionedNetwork
from inkdiff.processes.base import Process

if TYPE_CHECKING:
    from inkdiff.learned.score import LearnedScore

__all__ = ["CALIBRATION", "check_shapes", "describe_parts", "parts_on_device", "restore_network", "restore_parts"]

CALIBRATION = ("levels", "axes", "centre", "linear", "square")


def describe_parts(score: LearnedScore) -> tuple[dict[str, Any], dict[str, Array]]:
    """Plain data and arrays of a score by name."""
    known = score.preconditioning
    config = {
        "parameterisation": known.predicts,
        "scaling": dataclasses.asdict(score.scaling),
        "levels": dataclasses.asdict(known.levels),
        "spread": known.spread,
        "fourier_octaves": known.fourier_octaves,
        "marginals": [known.marginals.lo, known.marginals.hi],
        "image_shape": score.image_shape,
        "vocabulary": score.vocabulary.words,
    }
    tensors = {"centre": known.centre, **known.marginals.arrays()}
    if score.calibration is not None:
        tensors |= {f"calibration.{name}": getattr(score.calibration, name) for name in CALIBRATION}
    return config, tensors


def restore_network(
    config: dict[str, Any], tensors: Tensors, inputs: int, outputs: int, words: int = 0
) -> TimeConditionedNetwork:
    """The network of the shape that is written, checked against its weights."""
    network = MLP(**config["network"]).build(inputs, outputs, words)
    check_shapes(tensors, {"theta": (network.size,)})
    return network


def check_shapes(tensors: Tensors, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise ValueError unless the tensors have these shapes."""
    for name, shape in shapes.items():
        if tensors[name].shape != shape:
            raise ValueError(f"tensor {name!r} has shape {tensors[name].shape}, not {shape}")


def restore_parts(process: Process, config: dict[str, Any], tensors: Tensors) -> dict[str, Any]:
    """The arguments of a score but its process.

    Raises
    ------
    KeyError, TypeError, ValueError
        If a part is missing, or parts do not fit together.
    """
    centre = tensors["centre"]
    d = centre.size
    # Older files have neither octaves nor words.
    octaves, vocabulary = config.get("fourier_octaves", 0), Vocabulary(tuple(config.get("vocabulary", ())))
    network = restore_network(config, tensors, 2 * d * (1 + octaves), d, len(vocabulary))
    levels, nodes = tensors["table"].shape[:2]
    grids = dict.fromkeys(("start", "inverse"), (levels, d))
    check_shapes(tensors, {"table": (levels, nodes, d, 3), "rms": (levels, 2), **grids})
    marginals = Marginals(*config["marginals"], *(tensors[name] for name in ("table", "start", "inverse", "rms")))
    process.domain.require_closed_form("a score")
    kind = PREDICTIONS[config.get("parameterisation", "score")]
    parts = Levels(**config["levels"]), process.domain, config["spread"], centre, marginals
    shape = config["image_shape"]
    return {
        "scaling": Scaling(**config["scaling"]),
        "preconditioning": kind(*parts, octaves, not len(vocabulary)),
        "network": network,
        "theta": tensors["theta"],
        "image_shape": None if shape is None else tuple(shape),
        "calibration": _restore_calibration(process, tensors, d),
        "about": config["about"],
        "vocabulary": vocabulary,
    }


def parts_on_device(score: LearnedScore, device: str) -> dict[str, Any]:
    """The arguments of a score that hold arrays, on a device."""
    known, calibration = score.preconditioning, score.calibration
    arrays = {name: to_device(array, device) for name, array in known.marginals.arrays().items()}
    marginals = Marginals(known.marginals.lo, known.marginals.hi, **arrays)
    if calibration is not None:
        tables = {name: getattr(calibration, name) for name in CALIBRATION if name != "levels"}
        moved = {name: to_device(table, device) for name, table in tables.items()}
        calibration = Calibration(calibration.features, calibration.levels, **moved)
    return {
        "preconditioning": dataclasses.replace(known, centre=to_device(known.centre, device), marginals=marginals),
        "theta": to_device(score.theta, device),
        "calibration": calibration,
    }


def _restore_calibration(process: Process, tensors: Tensors, d: int) -> Calibration | None:
    if "calibration.levels" not in tensors:
        return None
    parts: dict[str, Any] = {name: tensors[f"calibration.{name}"] for name in CALIBRATION}
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
