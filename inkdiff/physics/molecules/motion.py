"""How far molecules go: ballistic at first, then a random walk; and its D by two routes that must agree.

With r the unfolded place of a molecule in the plane and C(s) = <v(0) . v(s)> its velocity autocorrelation, MSD begins
as <v^2> t^2, and stationarity alone gives d MSD(t)/dt = 2 int_0^t C(s) ds. Averaged over a window t_1 ... t_2 this is,
exactly,

    D = [MSD(t_2) - MSD(t_1)]/(4 (t_2 - t_1)) = (1/2) int_0^{t_2} w(s) C(s) ds,     w = min(1, (t_2 - s)/(t_2 - t_1)),

Einstein's slope on the left, the formula of Green and Kubo on the right. In the plane C decays at last only as 1/t,
because a molecule drags a pair of vortices along, so that in an endless plane D would grow for ever with the logarithm
of the window: a D of discs belongs to its window. Blocks of time that follow one another give the errors. One route
is read from the even blocks and the other from the odd ones, so that each has errors of its own; their difference
within the same blocks is the sharper test, but of the identity and the arithmetic rather than of the estimates.

Reference: B. J. Alder and T. E. Wainwright, Phys. Rev. A 1 (1970) 18, for the tail. G. R. Kneller et al., Comput.
Phys. Commun. 91 (1995) 191, for correlations by Fourier transform. M. S. Green (1954), R. Kubo (1957).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.integrate import cumulative_trapezoid

from inkdiff._core import checks
from inkdiff.metrics import Estimate
from inkdiff.physics.molecules.run import Trajectory, trajectory
from inkdiff.physics.molecules.state import Reals, State, check_state, shortest

__all__ = ["Transport", "transport"]

_CHUNK = 1000  # molecules whose Fourier transforms are held at a time


@dataclass(frozen=True, eq=False)
class Transport:
    """Motion of single molecules in a fluid at equilibrium, from blocks of time.

    Attributes
    ----------
    times : (k + 1,) lags, tau
    msd : (k + 1, 2) mean squared displacement in the plane and its standard error, sigma^2
    vacf : (k + 1, 2) <v(0) . v(t)> and its standard error, sigma^2/tau^2
    window : t_1, t_2 of every D below, sigma^2/tau
    from_msd : D by Einstein's slope, from the even blocks
    from_vacf : D by Green and Kubo, from the odd blocks
    difference : of the two routes in the same blocks, from all of them; exactly 0 on average
    last : the state at the end
    """

    times: Reals
    msd: Reals
    vacf: Reals
    window: tuple[float, float]
    from_msd: Estimate
    from_vacf: Estimate
    difference: Estimate
    last: State

    @property
    def D(self) -> Estimate:
        """Both routes together, weighted by their errors; sigma^2/tau."""
        a, b = self.from_msd, self.from_vacf
        weight = b.stderr**2 / (a.stderr**2 + b.stderr**2)
        return Estimate(weight * a.value + (1 - weight) * b.value, a.stderr * b.stderr / math.hypot(a.stderr, b.stderr))

    @property
    def running(self) -> tuple[Reals, Reals]:
        """D(t) at every lag, from all blocks: (1/4) d MSD/dt by differences, and (1/2) int_0^t C by trapezia."""
        interval = float(self.times[1])
        slope = np.gradient(self.msd[:, 0], interval) / 4
        memory = cumulative_trapezoid(self.vacf[:, 0], dx=interval, initial=0) / 2
        return slope, memory


def transport(
    state: State, *, blocks: int = 32, frames: int = 200, every: int = 10, window: tuple[float, float] = (2.0, 5.0)
) -> Transport:
    """Follow a fluid at equilibrium through `blocks` blocks of `frames` x `every` steps each.

    Parameters
    ----------
    state : at equilibrium, as `start` gives it
    blocks : at least 4; a standard error from few blocks is itself uncertain
    frames, every : recorded states of a block, and steps between them; `every` resolves collisions (0.05 tau)
    window : t_1 < t_2, tau, over which D is measured; t_2 at most half a block

    Returns
    -------
    Transport, at lags up to t_2. Trapezoidal in time, with an error of order (every dt)^2.

    Raises
    ------
    ValueError, TypeError
        If the window does not fit the blocks; as `run`.
    """
    check_state(state)
    checks.count(blocks, "blocks", least=4)
    interval = checks.count(every, "every") * state.fluid.dt
    checks.count(frames, "frames")
    ends = checks.increasing(window, "window")
    first, last = (round(float(t) / interval) for t in ends[:2])
    if len(ends) != 2 or not 0 <= first < last <= frames // 2:
        raise ValueError(
            f"window must be two times within half a block, 0 to {frames // 2 * interval:g} tau, at least "
            f"{interval:g} apart, got {checks.show(window)}."
        )
    msd, vacf = np.empty((blocks, last + 1)), np.empty((blocks, last + 1))
    for block in range(blocks):
        path = trajectory(state, frames, every)
        msd[block], vacf[block] = _correlations(path, last)
        state = path.last
    t = np.arange(last + 1) * interval
    slope = (msd[:, last] - msd[:, first]) / (4 * (t[last] - t[first]))
    weight = np.minimum(1.0, (t[last] - t) / (t[last] - t[first]))
    kubo = np.trapezoid(vacf * weight, dx=interval, axis=1) / 2
    return Transport(
        t, _means(msd), _means(vacf), (float(t[first]), float(t[last])),
        _mean(slope[::2]), _mean(kubo[1::2]), _mean(slope - kubo), state,
    )  # fmt: skip


def _correlations(path: Trajectory, lags: int) -> tuple[Reals, Reals]:
    """MSD and velocity autocorrelation at lags 0 ... lags frames, over all molecules and origins of a trajectory."""
    frames, n = path.x.shape[:2]
    size = fft.next_fast_len(frames + lags, real=True)
    power, square = np.zeros((2, size // 2 + 1)), np.zeros(frames)
    for start in range(0, n, _CHUNK):
        part = slice(start, start + _CHUNK)
        v = path.v[:, part] * (path.fluid.quantum / path.fluid.dt)
        r = np.zeros(v.shape)
        r[1:] = np.cumsum(shortest(np.diff(path.x[:, part], axis=0)), axis=0) * path.fluid.quantum
        square += (r * r).sum(axis=(1, 2))
        for which, signal in enumerate((r, v)):
            spectrum = fft.rfft(signal, size, axis=0)
            power[which] += (spectrum.real**2 + spectrum.imag**2).sum(axis=(1, 2))
    places, speeds = fft.irfft(power, size, axis=1)[:, : lags + 1]
    origins = (frames - np.arange(lags + 1)) * n
    total = np.concatenate([[0.0], np.cumsum(square)])
    k = np.arange(lags + 1)
    # sum |r(t + k) - r(t)|^2 = sum |r(t + k)|^2 + sum |r(t)|^2 - 2 sum r(t + k) . r(t)
    ends = (total[-1] - total[k]) + total[frames - k]
    return (ends - 2 * places) / origins, speeds / origins


def _mean(blocks: Reals) -> Estimate:
    return Estimate(float(blocks.mean()), float(blocks.std(ddof=1)) / math.sqrt(len(blocks)))


def _means(blocks: Reals) -> Reals:
    return np.stack([blocks.mean(axis=0), blocks.std(axis=0, ddof=1) / math.sqrt(len(blocks))], axis=1)
