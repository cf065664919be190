"""Run options: how a training is carried out, which its result does not depend on.

    theta = training(process, data, settings),      whatever the options

How often the state is saved, on how many threads, and what is called after every step may differ from one run to the
next of one and the same training; what the result depends on is in `settings.py`.

Reference: J. K. Salmon et al. (2011), SC11 (noise that needs no state, so that threads and restarts change nothing).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inkdiff._core import checks

__all__ = ["Callback", "RunOptions", "check_checkpoint_folder", "check_run_options"]

# callback(step, loss, snapshot): steps done, mean loss of the last one (of `gan.fit` both losses), and a function that
# returns the present score (of `gan.fit` the present generator)
Callback = Callable[[int, Any, Callable[[], Any]], object]


@dataclass(frozen=True)
class RunOptions:
    """How a training is carried out; the result does not depend on it.

    Parameters
    ----------
    progress : show a bar with the loss.
    every : steps between two checkpoints, if there is a file for them, by default 500; of `inkdiff.gan.fit` between two
        evaluations of the discriminator, by default a hundredth of all.
    threads : 0 for all cores; changes the time, not the result.
    callback : called after every step as callback(steps done, loss, snapshot); snapshot() is the present score.

    Raises
    ------
    ValueError, TypeError
        If `every` is not positive, or `threads` negative.
    """

    progress: bool = True
    every: int | None = None
    threads: int = 0
    callback: Callback | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be done, before any work."""
        if self.every is not None:
            checks.count(self.every, "every")
        checks.count(self.threads, "threads", least=0)


def check_run_options(value: bool | RunOptions) -> RunOptions:
    """Run options, given as themselves or as whether to show a bar.

    Raises
    ------
    TypeError
        If they are neither.
    """
    if isinstance(value, RunOptions):
        return value
    if not isinstance(value, bool):
        raise TypeError(f"progress must be True, False or ink.RunOptions(...), got {checks.show(value)}.")
    return RunOptions(progress=value)


def check_checkpoint_folder(path: Path) -> None:
    """Raise FileNotFoundError unless the folder of a checkpoint is there."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"checkpoint: the folder {str(path.parent)!r} does not exist; create it first.")
