"""A file of plain arrays behind a JSON header: safetensors. Nothing in it can run, and it is written whole.

The header's metadata hold `format`, `version`, `config` (plain data as JSON) and a checksum,

    sha256( config, then of every tensor, in the order of names: name, dtype, shape, bytes ),

because one flipped bit of a weight is a float like any other. Versions: 2 brought checkpoints of trainings and the
checksum, 3 corrections of covariances, 4 the words of a condition, 5 modules and versions of the described types,
parameterisations, and the settings' names of today.

Reference: the safetensors format, https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from inkdiff._core.backend import Array, asnumpy
from inkdiff._core.files import atomic_write

__all__ = ["Contents", "Tensors", "checksum", "damaged", "read_file", "write_file"]

_FORMAT = "inkdiff learned score"
_VERSION = 5

# Names of settings before version 5.
_RENAMED = {
    "finest": "sigma_min",
    "waves": "fourier_octaves",
    "moments": "match_moments",
    "hide": "p_uncond",
    "hide_each": "p_drop_word",
}

Tensors: TypeAlias = dict[str, npt.NDArray[np.float32]]


class Contents(NamedTuple):
    """What a file holds, and why it is not sound, if it is not."""

    config: dict[str, Any]
    tensors: Tensors
    fault: str


def write_file(path: str | os.PathLike[str], config: dict[str, Any], tensors: dict[str, Array]) -> None:
    """Write config and arrays to `path` under a temporary name and rename it.

    Raises
    ------
    FileNotFoundError
        If the folder of `path` does not exist.
    """
    from safetensors.numpy import save as serialise

    arrays = {name: np.ascontiguousarray(asnumpy(tensor)) for name, tensor in tensors.items()}
    text = json.dumps(config)
    metadata = {"format": _FORMAT, "version": str(_VERSION), "config": text, "sha256": checksum(text, arrays)}
    with atomic_write(path) as file:
        file.write(serialise(arrays, metadata))


def read_file(path: Path) -> Contents:
    """What `write_file` wrote, in this version or one before; its settings under the names of today.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read, is something else, or from a newer version.
    """
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
        text = metadata["config"]
        sound = version == "1" or metadata["sha256"] == checksum(text, tensors)
        config = json.loads(text)
        if version != str(_VERSION):
            config = _with_names_of_today(config)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(damaged(path, error)) from error
    return Contents(config, tensors, "" if sound else "its checksum does not fit its contents")


def damaged(path: Path, why: object) -> str:
    """An error message for a file that is not sound."""
    return f"path: {str(path)!r} is damaged: {why}. Train again, or restore a copy."


def checksum(config: str, tensors: Tensors) -> str:
    """The checksum of the module's text, hexadecimal."""
    digest = hashlib.sha256(config.encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tensors[name].shape}".encode())
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()


def _read(path: Path) -> tuple[dict[str, str], Tensors]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"path: {str(path)!r} is damaged, truncated, or no safetensors file ({error}).") from error


def _with_names_of_today(config: dict[str, Any]) -> dict[str, Any]:
    """The config of an older version."""
    config = {_RENAMED.get(name, name): value for name, value in config.items()}
    training = config.get("training")
    if isinstance(training, dict) and isinstance(training.get("settings"), dict):
        settings = {_RENAMED.get(name, name): value for name, value in training["settings"].items()}
        if settings.get("type") == "Settings":
            settings["type"] = "TrainingSettings"
        config["training"] = training | {"settings": settings}
    return config
