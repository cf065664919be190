"""The loop over time: a state some steps later, its trajectory, or only observables of it on the way.

    (x, v)  ->  M^k (x, v),      M: v <- v + h(x), x <- x + v, v <- v + h(x)

A pure function of the state: the same bits for any number of threads, cut anywhere, and undone by running on from
`state.reversed()`.

Reference: D. Levesque and L. Verlet, J. Stat. Phys. 72 (1993) 519.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array
from inkdiff.kernels.molecules import BITS, CLOSE, NEAREST, ROOM, advance, half_kicks_of_all_pairs
from inkdiff.physics.molecules.fluid import CUTOFF, SKIN, Fluid
from inkdiff.physics.molecules.state import Integers, Reals, State, check_state

__all__ = ["Observables", "Trajectory", "observables", "run", "trajectory"]

_MOST_NUMBERS = 1 << 28  # of a trajectory: two gigabytes each of positions and velocities
_STRIDE = 2000  # steps between two chances to interrupt


@dataclass(frozen=True, eq=False)
class Trajectory:
    """States at equal intervals, the first one being the start.

    Attributes
    ----------
    fluid : whose molecules
    times : (k + 1,) tau since the start
    x, v : (k + 1, n, 2) int64, as in `State`
    """

    fluid: Fluid
    times: Reals
    x: Integers
    v: Integers

    @property
    def last(self) -> State:
        """The state at times[-1]."""
        return State(self.fluid, self.x[-1].copy(), self.v[-1].copy())


@dataclass(frozen=True, eq=False)
class Observables:
    """What was observed at `times`, (k + 1,) tau since the start; name -> array with leading axis k + 1."""

    times: Reals
    observed: dict[str, Array]
    last: State


class _Sizes(NamedTuple):
    """What the kernels want to know of a fluid: squares of lengths in quanta, and the strength of half a kick."""

    sigma2: float
    cut2: float
    list2: float
    strength: float


def _sizes(fluid: Fluid) -> _Sizes:
    unit = fluid.quantum
    return _Sizes(unit**-2, (CUTOFF / unit) ** 2, ((CUTOFF + SKIN) / unit) ** 2, 24 * fluid.dt**2 / 2)


def run(state: State, steps: int, *, all_pairs: bool = False) -> State:
    """The state `steps` time steps later.

    Exactly reversible: `run(run(s, k).reversed(), k).reversed()` is s, every bit. With `all_pairs` every pair
    of molecules is examined, without lists: the same bits at a cost of n^2.

    Raises
    ------
    ValueError, TypeError
        If `steps` is negative or no integer; if two molecules come nearer than 0.5 sigma, as they do when they start
        on top of each other.
    """
    check_state(state)
    checks.count(steps, "steps", least=0)
    if all_pairs:
        return _run_all_pairs(state, steps)
    while steps > 0:
        stride = min(steps, _STRIDE)
        state = trajectory(state, 1, stride).last
        steps -= stride
    return state


def _run_all_pairs(state: State, steps: int) -> State:
    x, v, h = state.x.copy(), state.v.copy(), np.empty_like(state.x)
    size = _sizes(state.fluid)
    half_kicks_of_all_pairs(x, h, size.sigma2, size.cut2, size.strength)
    for _ in range(steps):
        v += h
        x = (x + v) & ((1 << BITS) - 1)
        half_kicks_of_all_pairs(x, h, size.sigma2, size.cut2, size.strength)
        v += h
    return State(state.fluid, x, v)


def trajectory(state: State, frames: int, every: int = 1) -> Trajectory:
    """`frames` states that follow `state`, `every` steps apart, and itself.

    Raises
    ------
    ValueError, TypeError
        As `run`; also if the trajectory would hold more than 2^28 numbers.
    """
    check_state(state)
    checks.count(frames, "frames")
    checks.count(every, "every")
    fluid, n = state.fluid, state.fluid.molecules
    if 2 * n * (frames + 1) > _MOST_NUMBERS:
        raise ValueError(
            f"frames={frames} of {n} molecules do not fit: at most {_MOST_NUMBERS // (2 * n) - 1}; use observables()."
        )
    x, v = np.empty((frames + 1, n, 2), np.int64), np.empty((frames + 1, n, 2), np.int64)
    x[0], v[0] = state.x, state.v
    status = advance(state.x, state.v, x[1:], v[1:], every, fluid.cells(CUTOFF + SKIN), *_sizes(fluid))
    if status:
        what = f"two molecules nearer than {NEAREST:g} sigma" if status & CLOSE else f"more than {ROOM} neighbours"
        raise ValueError(
            f"state has led to {what}, where soft discs no longer repel as they should: begin with start(), which "
            "sets molecules apart, or shorten dt."
        )
    return Trajectory(fluid, np.arange(frames + 1) * (every * fluid.dt), x, v)


def observables(
    state: State, frames: int, every: int, observe: Mapping[str, Callable[[State], npt.ArrayLike]]
) -> Observables:
    """Observables of `state` and of `frames` states that follow it, `every` steps apart; no trajectory is kept.

    Parameters
    ----------
    observe : name -> f(state)

    Raises
    ------
    ValueError, TypeError
        As `run`; also if `observe` does not map names to functions.
    """
    check_state(state)
    checks.count(frames, "frames")
    checks.count(every, "every")
    if not isinstance(observe, Mapping) or not all(callable(f) for f in observe.values()):
        raise TypeError(f"observe must map names to functions, as in {{'E': f}}, got {checks.show(observe)}.")
    observed: dict[str, list[Array]] = {name: [np.array(f(state))] for name, f in observe.items()}
    for _ in range(frames):
        state = run(state, every)
        for name, f in observe.items():
            observed[name].append(np.array(f(state)))
    times = np.arange(frames + 1) * (every * state.fluid.dt)
    return Observables(times, {name: np.asarray(values) for name, values in observed.items()}, state)
