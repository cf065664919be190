"""The divergence of almost equal states: the exponential that makes the way back a matter of the last bit.

Two states that differ by one quantum keep a distance in the space of all positions

    |delta(t)| ~ |delta(0)| exp(lambda t),      lambda the largest Lyapunov exponent,

while it is small against a disc. It grows until the directions of collisions have nothing more to do with each other,
after about ln(sigma/quantum)/lambda: from then on the two are independent states of the same temperature. One quantum
is so little that most forces, rounded to quanta, do not notice it: the distance stays what it was for a few
collisions, until a rounding tips over, and then jumps to where the exponential begins.

Reference: J.-P. Eckmann and D. Ruelle, Rev. Mod. Phys. 57 (1985) 617. N. S. Krylov, Works on the Foundations of
Statistical Physics (1979), for the gas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from inkdiff._core import checks
from inkdiff.metrics import Estimate
from inkdiff.physics.molecules.run import run
from inkdiff.physics.molecules.state import Reals, State, check_state

__all__ = ["divergence", "lyapunov"]


def divergence(state: State, others: Sequence[State], frames: int, every: int) -> tuple[Reals, Reals]:
    """Times (k + 1,), tau, and distances (p, k + 1), sigma, of p states from `state` as all of them run on.

    The distance is sqrt(sum_i |r_i - r'_i|^2) at the start and after each of `frames` times `every` steps.

    Raises
    ------
    ValueError, TypeError
        If there is no other state, or one of another fluid; as `run`.
    """
    check_state(state)
    others = list(others)
    if not others:
        raise ValueError("others is empty: give at least one state to compare.")
    for other in others:
        check_state(other, "others")
    checks.count(frames, "frames")
    checks.count(every, "every")
    distances = [[other.distance(state) for other in others]]
    for _ in range(frames):
        state = run(state, every)
        others = [run(other, every) for other in others]
        distances.append([other.distance(state) for other in others])
    return np.arange(frames + 1) * (every * state.fluid.dt), np.array(distances).T


def lyapunov(times: Reals, distances: Reals, window: tuple[float, float] = (1e-9, 1e-3)) -> Estimate:
    """The largest Lyapunov exponent, 1/tau, from distances (p, k) that grow through `window`.

    Each curve gives the slope of ln distance by least squares from where it first exceeds window[0] to where it
    first exceeds window[1]; the estimate is their mean, its error from their spread (p >= 2). Curves that leave one
    trajectory share its accidents: the error is that of the place of the displacement, on this stretch of time.

    Parameters
    ----------
    times, distances : as `divergence` returns them
    window : of distances, sigma: well above a quantum, where rounding still matters, and well below a disc

    Raises
    ------
    ValueError
        If there are fewer than two curves, or one does not cross the window in at least three points.
    """
    low, high = (float(d) for d in checks.increasing(window, "window")[:2])
    distances = np.atleast_2d(checks.reals(distances, "distances"))
    if len(distances) < 2:
        raise ValueError(f"distances must hold at least two curves for an error, got {len(distances)}.")
    slopes = []
    for curve in distances:
        first, last = int(np.argmax(curve > low)), int(np.argmax(curve > high))
        if not (curve > high).any() or last - first < 3:
            raise ValueError(
                f"distances must grow from {low:g} to {high:g} sigma over at least three times, but one goes from "
                f"{curve[0]:.2g} to {curve[-1]:.2g}; run longer, record oftener or choose another window."
            )
        slopes.append(np.polyfit(times[first:last], np.log(curve[first:last]), 1)[0])
    return Estimate(float(np.mean(slopes)), float(np.std(slopes, ddof=1)) / math.sqrt(len(slopes)))
