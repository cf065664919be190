"""What may be asked of one sitting of a training: how often to save, with how many threads, whom to tell.

    theta = training(process, data, settings),      whatever the sitting

Nothing here changes the result; what does is in `settings.py`.

Reference: `fit` and `resume`, which take these.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from inkdiff._core import checks
from inkdiff.learned.weighting import Weighting
from inkdiff.nn import MLP

__all__ = ["Callback", "Options", "Sitting"]

# callback(step, loss, snapshot): steps done, mean loss of the last one, and a function that returns the present score
Callback = Callable[[int, float, Callable[[], Any]], object]


class Options(TypedDict, total=False):
    """What `fit` may be told besides; see there."""

    net: MLP | None
    batch: int | None
    lr: float | None
    decay: float | None
    warmup: int
    finest: float | None
    waves: int | None
    moments: bool | None
    weighting: Weighting | str
    condition: Any
    hide: float
    hide_each: float | None
    checkpoint: str | os.PathLike[str] | None
    every: int
    threads: int
    progress: bool
    callback: Callback | None


@dataclass(frozen=True)
class Sitting:
    """What may differ from one sitting of a training to the next, since the result does not depend on it."""

    checkpoint: Path | None = None
    every: int = 500
    threads: int = 0
    progress: bool = True
    callback: Callback | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be done, before any work."""
        checks.count(self.every, "every")
        checks.count(self.threads, "threads", least=0)
        folder = None if self.checkpoint is None else self.checkpoint.parent
        if folder is not None and not folder.is_dir():
            raise FileNotFoundError(f"checkpoint: the folder {str(folder)!r} does not exist; create it first.")
