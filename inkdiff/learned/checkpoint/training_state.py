"""How far a training has come: all that its next step depends on, but for the data, of which it knows the fingerprint.

    state_k = (settings, theta, mean, m, v, k),        theta_{k+1} = step(state_k, data)

A checkpoint is the file of the score so far (`theta` in it is the running mean) with this state beside it: an entry
`training` in its header, and theta of the last step and the moments m and v of AdamW as three more arrays.

Reference: I. Loshchilov, F. Hutter (2019), arXiv:1711.05101 (the optimiser's state).
"""

from __future__ import annotations

import dataclasses
import platform
from dataclasses import dataclass, field
from typing import Any

from inkdiff import __version__
from inkdiff._core.backend import Array, to_device
from inkdiff._core.descriptions import describe, restore
from inkdiff.learned.checkpoint.file_format import Tensors
from inkdiff.learned.training.settings import Fingerprint, Settings
from inkdiff.nn import AdamWState, blas

__all__ = ["TrainingState", "machine"]

_ARRAYS = ("theta", "m", "v")  # of AdamW; its running mean is the theta of the score


def machine() -> str:
    """What the bits of a training depend on besides its settings: processor family and BLAS kernels."""
    return f"{platform.machine()}, {blas()}"


@dataclass(frozen=True, eq=False)
class TrainingState:
    """How far a training has come; see the module's text."""

    settings: Settings
    state: AdamWState
    data: Fingerprint | None
    finished: bool = False
    machine: str = field(default_factory=machine)

    def contents(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """The entry of the header, and the arrays by name."""
        entry = {
            "inkdiff": __version__,
            "machine": self.machine,
            "step": self.state.step,
            "finished": self.finished,
            "settings": describe(self.settings, "settings"),
            "data": None if self.data is None else dataclasses.asdict(self.data),
        }
        return {"training": entry}, {f"training.{name}": getattr(self.state, name) for name in _ARRAYS}

    @classmethod
    def restore(cls, config: dict[str, Any], tensors: Tensors) -> TrainingState | None:
        """What `contents` described, in the file of a score; None if it has no such entry.

        Raises
        ------
        KeyError, TypeError, ValueError
            If its parts do not fit together.
        """
        if "training" not in config:
            return None
        parts, mean = config["training"], tensors["theta"]
        settings, step, data = restore(parts["settings"]), parts["step"], parts["data"]
        if not isinstance(settings, Settings) or dataclasses.asdict(settings.net) != config["network"]:
            raise ValueError("its settings are not those of its network")
        if type(step) is not int or not 0 <= step <= settings.steps:
            raise ValueError(f"its step is {step!r}, of {settings.steps}")
        for name in _ARRAYS:
            if tensors[f"training.{name}"].shape != mean.shape:
                raise ValueError(f"tensor 'training.{name}' has another shape than the weights")
        theta, m, v = (tensors[f"training.{name}"].copy() for name in _ARRAYS)  # to be written to
        fingerprint = None if data is None else Fingerprint(tuple(data["shape"]), data["sha256"])
        state = AdamWState(theta, mean.copy(), m, v, step)
        return cls(settings, state, fingerprint, bool(parts["finished"]), str(parts["machine"]))

    def on_device(self, device: str) -> TrainingState:
        """The same with its arrays on "cuda" or "cpu"."""
        state = self.state
        arrays: dict[str, Any] = {name: to_device(getattr(state, name), device) for name in ("theta", "mean", "m", "v")}
        return dataclasses.replace(self, state=dataclasses.replace(state, **arrays))
