r"""The settings of a training: with the process and the data, all that its result depends on.

    theta = training(process, data, settings),      a pure function, whatever the threads, pauses and restarts

So a checkpoint that holds the settings, and a fingerprint of the data, holds the promise of every later step; what may
change from one run to the next (threads, progress bar, how often to save) is kept out of it (`run_options.py`).

Reference: J. K. Salmon et al. (2011), SC11, on noise without a state to save.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, asnumpy
from inkdiff._core.registry import register
from inkdiff.learned.model.predictions import Parameterisation
from inkdiff.learned.training.weighting import Weighting, check_weighting
from inkdiff.nn import MLP

__all__ = ["Fingerprint", "Settings", "default_net"]

_SMALL = 8  # up to this many coordinates the data are points, beyond it they are pictures
# Chosen on other seeds than any that is reported, and on splits of the training digits.
_POINTS = {"batch": 1024, "lr": 1e-2, "decay": 0.0, "sigma_min": 0.005, "fourier_octaves": 5, "match_moments": False}
_PICTURES = {"batch": 256, "lr": 5e-3, "decay": 0.5, "sigma_min": 0.1, "fourier_octaves": 0, "match_moments": True}


def default_net(d: int) -> MLP:
    """The network that suits data of d coordinates."""
    return MLP(384, 3, dropout=0.1) if d > _SMALL else MLP(128, 4, dropout=0.0)


@register(name="TrainingSettings", kind="settings")
@dataclass(frozen=True)
class Settings:
    """The settings of `inkdiff.fit`, checked; see there.

    Raises
    ------
    ValueError, TypeError
        If one is out of range.
    """

    steps: int
    seed: int
    net: MLP
    batch: int
    lr: float
    decay: float
    warmup: int
    sigma_min: float
    match_moments: bool
    weighting: Weighting
    fourier_octaves: int = 0
    p_uncond: float = 0.0
    p_drop_word: float = 0.0
    parameterisation: str = "score"

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        if not isinstance(self.net, MLP):
            raise TypeError(f"net must be an inkdiff.MLP, got {checks.show(self.net)}.")
        for name in ("p_uncond", "p_drop_word"):
            share = checks.real(getattr(self, name), name)
            if not 0 <= share < 1:
                raise ValueError(f"{name} must be a share of the words, 0 <= {name} < 1, got {share}.")
        decay = checks.real(self.decay, "decay")
        if decay < 0:
            raise ValueError(f"decay must be >= 0, got {decay}.")
        checked: dict[str, Any] = {
            "steps": checks.count(self.steps, "steps"),
            "seed": checks.seed64(self.seed),
            "batch": checks.count(self.batch, "batch"),
            "lr": checks.positive(self.lr, "lr"),
            "decay": decay,
            "warmup": checks.count(self.warmup, "warmup", least=0),
            "sigma_min": checks.positive(self.sigma_min, "sigma_min"),
            "match_moments": bool(self.match_moments),
            "weighting": check_weighting(self.weighting),
            "fourier_octaves": checks.count(self.fourier_octaves, "fourier_octaves", least=0),
            "p_uncond": float(self.p_uncond),
            "p_drop_word": float(self.p_drop_word),
            "parameterisation": Parameterisation.of(self.parameterisation).predict,
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @classmethod
    def defaults(cls, d: int) -> dict[str, Any]:
        """What suits a score of d coordinates: points, or pictures."""
        return {"net": default_net(d)} | (_PICTURES if d > _SMALL else _POINTS)

    @classmethod
    def of(cls, defaults: Mapping[str, object], **given: object) -> Settings:
        """The settings given; what is None takes its default."""
        chosen: dict[str, Any] = dict(defaults) | {name: value for name, value in given.items() if value is not None}
        return cls(**chosen)

    def about(self) -> dict[str, Any]:
        """The notes that a score keeps of its training, as JSON has them."""
        names = ("steps", "seed", "batch", "lr", "decay", "warmup", "sigma_min", "fourier_octaves", "parameterisation")
        return {name: getattr(self, name) for name in names} | {"weighting": repr(self.weighting)}


@dataclass(frozen=True)
class Fingerprint:
    """Which data: the shape and the SHA-256 of their bytes, float32 in process coordinates, and of their words."""

    shape: tuple[int, int]
    sha256: str

    @classmethod
    def of(cls, x: Array, codes: Array | None = None) -> Fingerprint:
        """The fingerprint of x (n, d) and, if they have words, of their codes (n, words)."""
        host = np.ascontiguousarray(asnumpy(x), "<f4")
        digest = hashlib.sha256(host.data)
        if codes is not None:
            digest.update(np.ascontiguousarray(asnumpy(codes), "<f4").data)
        return cls((int(host.shape[0]), int(host.shape[1])), digest.hexdigest())

    def __post_init__(self) -> None:
        """Refuse what is no fingerprint."""
        whole = len(self.shape) == 2 and all(isinstance(side, int) and side > 0 for side in self.shape)
        if not whole or len(self.sha256) != 64:
            raise ValueError(f"the fingerprint of its data is none: {self.shape}, {self.sha256!r}")

    def __str__(self) -> str:
        """In words."""
        return f"{self.shape[0]} rows of {self.shape[1]} with SHA-256 {self.sha256[:12]}..."
