r"""Known in part, noised in whole: drawing from p(x_0 | some coordinates of x_0), or from p(x_0 | x_0 + noise).

**Inpainting.** The known coordinates y_0 have forward paths of their own, y_0 -> y_t by the kernel of the process.
That path is walked forward and then undone; beside it, the unknown coordinates z walk back with the score of the whole,

    z_s  <-  fold(a z_t + b u_z(z_t, y_t, t) + c eps),        y_s  from the path,        s < t,

so what is known is at every time distributed as the forward process says, and at t = 0 it is y_0 to the last bit.

*Exact or not.* The path of y is exact. The step of z is not the conditional one: it knows y_t, but not that the step
y_t -> y_s speaks for some z and against others (Trippe et al. 2023 weight many walkers by that). The error does not
vanish with the step: for two unit Gaussians of correlation 0.8 and y_0 = 1 the mean of z is 0.48 in place of 0.8.
Langevin steps on z at fixed y_s remove it, since their equilibrium is p_s(z | y_s): one after each of 100 steps gives
0.70, five give 0.78, and many short ones the exact law, for an exact score.

**Denoising.** A point y = x_0 + sd eps is one of the forward process at the time when sigma_t/alpha_t = sd, after
multiplication by alpha_t. Walking back from there with fresh noise draws from p(x_0 | y), exactly for an exact score
and short steps; the flow without noise would give one point instead.

References: J. Sohl-Dickstein et al. (2015), section 2.5 and figures 3, 5; Y. Song et al. (2021), appendix I.2;
A. Lugmayr et al., RePaint (2022); B. Trippe et al., Diffusion probabilistic modeling of protein backbones (2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff.processes.base import Process, check_process
from inkdiff.processes.noise_level import time_of
from inkdiff.processes.time_grids import log_snr
from inkdiff.samplers import Kernel, PredictorCorrector, Sampler, choose
from inkdiff.scores.base import ScoreFunction
from inkdiff.simulation.forward import simulate
from inkdiff.simulation.reverse import reverse

__all__ = ["denoise", "inpaint"]


def inpaint(
    process: Process,
    score: ScoreFunction,
    known: Array,
    mask: npt.ArrayLike,
    times: Sequence[float] | Array,
    *,
    seed: int,
    draws: int = 1,
    corrections: int = 5,
    snr: float = 0.5,
    sampler: Sampler | str | None = None,
) -> Array:
    """Draws of whole points x_0 whose known coordinates are as given.

    Parameters
    ----------
    process : the forward process
    score : score(x, t) of the whole point, exact or learned, in process coordinates. It sees draws * m rows: all
        points for the first draw, then all for the second, and so on
    known : (m, d) points in process coordinates; entries that are not known are not looked at, but must be finite
        and inside the domain
    mask : booleans (d,) or (m, d): True where `known` is known
    times : decreasing to 0, as for `reverse` (of a learned score: `score.times(100)`)
    seed : forward paths of the known from stream FORWARD, start from PRIOR, the walk back from REVERSE
    draws : how many for each point
    corrections, snr : Langevin steps on the unknown after every step, and their size (`PredictorCorrector`); 0 is the
        plain replacement
    sampler : as for `reverse`

    Returns
    -------
    (draws, m, d), in the dtype of `known`; the known coordinates bit for bit.

    Raises
    ------
    ValueError, TypeError
        For bad arrays, times or masks, a mask that leaves nothing to draw or nothing known, or as `reverse`.
    """
    check_process(process)
    process.domain.require_closed_form("inpainting")
    known = process.check_state(known, "known")
    xp = array_module(known=known)
    mask = _mask(mask, known)
    grid = checks.increasing(times, decreasing=True)
    if grid[-1] != 0:
        raise ValueError(f"times must end at 0, where the known coordinates hold, got {grid[-1]:g}.")
    seed, draws = checks.seed64(seed), checks.count(draws, "draws")
    chosen = choose(sampler, process)
    if checks.count(corrections, "corrections", least=0):
        chosen = PredictorCorrector(chosen, corrections, snr)
    every = xp.tile(mask, (draws, 1))
    path = simulate(process, xp.tile(known, (draws, 1)).astype(np.float64), grid[::-1], seed=seed)
    assert path.x is not None
    states = dict(zip(grid[::-1].tolist(), path.x, strict=True))
    x = xp.asarray(process.prior(float(grid[0])).sample(*every.shape, seed=seed), known.dtype)
    held = _Held(chosen, every, states)
    x = held.put(x, float(grid[0]))
    walk = reverse(process, score, x, grid, seed=seed, sampler=held, observe={})
    found: Array = walk.last.reshape(draws, *known.shape)
    return found


def denoise(
    process: Process,
    score: ScoreFunction,
    noisy: Array,
    sd: float,
    *,
    seed: int,
    draws: int = 1,
    steps: int = 100,
    sigma_min: float | None = None,
    sampler: Sampler | str | None = None,
) -> Array:
    """Draws of x_0 given noisy = x_0 + sd eps (in a box: folded at its walls).

    Parameters
    ----------
    process, score : as for `inpaint`
    noisy : (m, d) in process coordinates. sd : of its noise, in the same units
    seed : of the walk, stream REVERSE. draws : how many for each point
    steps, sigma_min : equal parts of ln(sigma/alpha) from sd down to sigma_min (by default sd/100), then one step to 0
    sampler : one with noise of its own; by default that of `reverse`

    Returns
    -------
    (draws, m, d), in the dtype of `noisy`. Of first order in the step, for an exact score.

    Raises
    ------
    ValueError, TypeError
        For bad arrays, an sd <= 0, or one that the process does not reach.
    """
    check_process(process)
    process.domain.require_closed_form("denoising")
    noisy = process.check_state(noisy, "noisy")
    xp = array_module(noisy=noisy)
    sd, draws = checks.positive(sd, "sd", unit="of the noise"), checks.count(draws, "draws")
    end = sd / 100 if sigma_min is None else checks.positive(sigma_min, "sigma_min")
    if end >= sd:
        raise ValueError(f"sigma_min must be below sd = {sd:g}, got {end:g}.")
    start, last = (float(t) for t in time_of(process, np.log([sd, end])))
    reached = float(process.sigma(start) / process.alpha(start))
    if abs(reached / sd - 1) > 1e-3:
        raise ValueError(f"sd = {sd:g} is no noise of this process: the nearest that it has is {reached:g}.")
    x = xp.tile(noisy * noisy.dtype.type(process.alpha(start)), (draws, 1))
    grid = log_snr(process, steps, start=start, end=last)
    found: Array = reverse(process, score, x, grid, seed=seed, sampler=sampler, observe={}).last
    return found.reshape(draws, *noisy.shape)


@dataclass(frozen=True, eq=False)
class _Held(Sampler):
    """A sampler whose known coordinates are taken from their path at the end of every kernel call."""

    sampler: Sampler
    mask: Array
    states: dict[float, Array]

    @property
    def gaussian_posterior(self) -> bool:
        """As the sampler."""
        return self.sampler.gaussian_posterior

    def begin(self) -> _Held:
        """With a sampler that begins anew."""
        return _Held(self.sampler.begin(), self.mask, self.states)

    def put(self, x: Array, t: float) -> Array:
        """x with what is known of it at time t."""
        return array_module(x).where(self.mask, self.states[t].astype(x.dtype), x)

    def step(self, process: Process, score: ScoreFunction, x: Array, t: float, s: float, kernel: Kernel) -> Array:
        """The sampler's step, with every state it passes through corrected."""

        def held(
            x: Array, u: Array, a: float, b: float, c: float, *, correction: int | None = None, of: int = 1
        ) -> Array:
            return self.put(kernel(x, u, a, b, c, correction=correction, of=of), s)

        return self.put(self.sampler.step(process, score, x, t, s, held), s)

    def advance(self, process: Process, score: ScoreFunction, x: Array, t: float, s: float, kernel: Kernel) -> Array:
        """As `step`: the sampler sees to a start from pure noise."""
        return self.step(process, score, x, t, s, kernel)


def _mask(mask: npt.ArrayLike, known: Array) -> Array:
    """`mask` as booleans (m, d)."""
    xp = array_module(known)
    values = xp.asarray(mask)
    if values.dtype != bool:
        raise TypeError(f"mask must hold booleans, True where known, got dtype {values.dtype}; use mask.astype(bool).")
    m, d = known.shape
    if values.shape not in ((d,), (m, d)):
        raise ValueError(f"mask must have shape ({d},) or ({m}, {d}) like known, got {values.shape}.")
    if bool(values.all()) or not bool(values.any()):
        said = "everything is known and nothing left to draw" if values.all() else "nothing is known; use reverse"
        raise ValueError(f"mask must be True in some places and False in others: {said}.")
    return xp.broadcast_to(values, (m, d))
