r"""What a training is told: with the process and the data, all that its result depends on.

    theta = training(process, data, settings),      a pure function, whatever the threads, pauses and restarts

So a checkpoint that holds the settings, and a fingerprint of the data, holds the promise of every later step; what may
change from one sitting to the next (threads, progress bar, how often to save) is kept out of it.

Reference: J. K. Salmon et al. (2011), SC11, on noise without a state to save.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, asnumpy
from inkdiff.learned.weighting import BalancedWeighting, Weighting, check_weighting
from inkdiff.nn import MLP

__all__ = ["Fingerprint", "Settings", "default_net"]

_SMALL = 8  # up to this many coordinates the data are points, beyond it they are pictures
# Chosen on other seeds than any that is reported, and on splits of the training digits.
_POINTS = {"batch": 1024, "finest": 0.005, "lr": 1e-2, "decay": 0.0, "waves": 5, "moments": False}
_PICTURES = {"batch": 256, "finest": 0.1, "lr": 5e-3, "decay": 0.5, "waves": 0, "moments": True}
# Of Gaussian noise are the rest, which bits have not; they stand at values that mean nothing.
_BITS = {"net": MLP(128, 3, dropout=0.0), "batch": 1024, "lr": 5e-3, "decay": 0.5}
_NOT_OF_BITS = {"finest": 1.0, "waves": 0, "moments": False, "weighting": BalancedWeighting()}


def default_net(d: int) -> MLP:
    """The network that suits data of d coordinates."""
    return MLP(384, 3, dropout=0.1) if d > _SMALL else MLP(128, 4, dropout=0.0)


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
    finest: float
    moments: bool
    weighting: Weighting
    waves: int = 0
    hide: float = 0.0
    hide_each: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        if not isinstance(self.net, MLP):
            raise TypeError(f"net must be an inkdiff.MLP, got {checks.show(self.net)}.")
        for name in ("hide", "hide_each"):
            share = checks.real(getattr(self, name), name)
            if not 0 <= share < 1:
                raise ValueError(f"{name} must be a share of what is said, 0 <= {name} < 1, got {share}.")
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
            "finest": checks.positive(self.finest, "finest"),
            "moments": bool(self.moments),
            "weighting": check_weighting(self.weighting),
            "waves": checks.count(self.waves, "waves", least=0),
            "hide": float(self.hide),
            "hide_each": float(self.hide_each),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, d: int, *, bits: bool = False, **given: Any) -> Settings:
        """The settings for data of d coordinates; what is None takes the value that suits points, pictures, or bits."""
        chosen: dict[str, Any] = {"net": default_net(d)} | (_PICTURES if d > _SMALL else _POINTS)
        if bits:
            chosen = _BITS | _NOT_OF_BITS
            given["weighting"] = check_weighting(given.get("weighting", "balanced"))
            for name, only in _NOT_OF_BITS.items():
                if given.get(name) not in (None, only):
                    shown = checks.show(given[name])
                    raise ValueError(f"{name} is of Gaussian noise; leave it out for bits, got {shown}.")
        return cls(**(chosen | {name: value for name, value in given.items() if value is not None}))

    def about(self) -> dict[str, Any]:
        """The notes that a score keeps of its training, as JSON has them."""
        names = ("steps", "seed", "batch", "lr", "decay", "warmup", "finest", "waves")
        return {name: getattr(self, name) for name in names} | {"weighting": repr(self.weighting)}


@dataclass(frozen=True)
class Fingerprint:
    """Which data: the shape and the SHA-256 of their bytes, float32 in process coordinates and with what is said."""

    shape: tuple[int, int]
    sha256: str

    @classmethod
    def of(cls, x: Array, codes: Array | None = None) -> Fingerprint:
        """The fingerprint of x (n, d) and, if something is said of them, codes (n, words)."""
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
