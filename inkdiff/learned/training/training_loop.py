r"""The loop over the steps of a training: progress, checkpoints, interrupts, and what is said when it breaks down.

    state_0, ..., state_K;      saved: state_0, every so many steps, at an interrupt, and state_K with its result

Reference: I. Loshchilov, F. Hutter (2019), arXiv:1711.05101 (the steps, `inkdiff.nn.optimisation`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from inkdiff._core.backend import Array, is_cuda
from inkdiff.learned.checkpoint import loading as files
from inkdiff.learned.checkpoint.training_state import TrainingState
from inkdiff.learned.learner import Learner
from inkdiff.learned.training.interruption import interrupts_wait
from inkdiff.learned.training.run_options import RunOptions
from inkdiff.learned.training.sharded_objective import ShardedObjective
from inkdiff.nn import AdamW, Optimisation, RateSchedule, RowShards, one_thread_each

__all__ = ["train"]

_REPORT = 50  # steps over which the shown loss is averaged
_EVERY = 500  # steps between checkpoints

# what is being trained
L = TypeVar("L", bound=Learner)


def train(
    start: L, x: Array, training: TrainingState, run: RunOptions, checkpoint: Path | None, *, fresh: bool = False
) -> L:
    """Train to the end from `training`, whose result so far is `start`, on x (n, d) in its coordinates."""
    settings, state = training.settings, training.state
    with one_thread_each():
        shards = RowShards(1) if is_cuda(x) else RowShards.of_batch(settings.batch, run.threads)
        objective = ShardedObjective(start.objective(x, settings), shards)
        rate = RateSchedule(settings.lr, settings.steps, settings.warmup)
        optimisation = Optimisation(objective, state, rate, AdamW(decay=settings.decay), shards)

        def snapshot() -> L:
            about = start.about | ({"step": state.step} if state.step < settings.steps else {})
            return start.trained(state.mean.copy(), about)

        def keep(score: L | None = None) -> None:
            if checkpoint is not None:
                optimisation.check()
                files.save(score or snapshot(), checkpoint, replace(training, finished=score is not None))

        try:
            if fresh:
                keep()
            _advance(optimisation, snapshot, keep, run, checkpoint)
            optimisation.check()
        except FloatingPointError as error:
            raise FloatingPointError(f"{error}{_left(checkpoint)}") from None
        score = start.finished(state.mean.copy(), x, settings)
        keep(score)
    return score


def _advance(
    optimisation: Optimisation,
    snapshot: Callable[[], object],
    keep: Callable[[], None],
    run: RunOptions,
    checkpoint: Path | None,
) -> None:
    """All steps that are left."""
    from tqdm import tqdm

    recent: deque[float] = deque(maxlen=_REPORT)
    steps, state, every = optimisation.steps, optimisation.state, run.every or _EVERY
    bar = tqdm(total=steps, initial=state.step, disable=not run.progress, desc="learning the score", unit="step")
    with bar, interrupts_wait(checkpoint is not None) as interrupted:
        while state.step < steps:
            recent.append(optimisation.advance())
            bar.update()
            if state.step % _REPORT == 0:
                bar.set_postfix(loss=f"{np.mean(recent):.4f}", refresh=False)
            if checkpoint is not None and (state.step % every == 0 or state.step == steps or interrupted()):
                keep()
            if interrupted():
                raise KeyboardInterrupt(
                    f"training stopped after step {state.step} of {steps}; {str(checkpoint)!r} holds it, "
                    "and inkdiff.resume continues it as if it had never stopped."
                )
            if run.callback is not None:
                run.callback(state.step, recent[-1], snapshot)


def _left(path: Path | None) -> str:
    """Which checkpoint is left, in words."""
    if path is None or not path.is_file():
        return ""
    step = files.load(path).about.get("step", 0)
    return f" {str(path)!r} holds step {step}, whose weights are finite."
