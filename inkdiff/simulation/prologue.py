"""What every walk begins with: its arguments, checked before any work.

Steps k = first_step ... first_step + steps (intervals) take the noise of these numbers; another walk goes on there.

Reference: see `inkdiff.simulation.forward`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats
from inkdiff.processes.forward import ForwardProcess, check_forward_process

__all__ = ["Prologue"]


class Prologue(NamedTuple):
    """x (n, d), a copy that the walk moves; the recorded times, steps in each interval, and where the noise begins."""

    x: Array
    grid: Floats
    seed: int
    steps: int
    first_step: int

    @property
    def next_step(self) -> int:
        """The number after the last step's."""
        return self.first_step + self.steps * (len(self.grid) - 1)

    @classmethod
    def of(
        cls,
        process: ForwardProcess,
        x: object,
        times: Sequence[float] | Array,
        *,
        seed: int,
        steps: int,
        first_step: int,
        backward: bool = False,
    ) -> Prologue:
        """Checked; times increase, or decrease if `backward`.

        Raises
        ------
        ValueError, TypeError
            For whatever does not fit.
        """
        check_forward_process(process)
        if backward:
            process.require_reversible("a walk back")
        current = process.check_state(x, "x").copy()
        grid = checks.increasing(times, decreasing=backward)
        process.check_time(grid, "times")
        steps, first = checks.count(steps, "steps"), checks.word32(first_step, "first_step")
        walk = cls(current, grid, checks.seed64(seed), steps, first)
        checks.word32(walk.next_step, "first_step + all steps")
        return walk
