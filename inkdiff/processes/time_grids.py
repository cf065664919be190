r"""Times to walk back through: where the steps of a reverse process are worth taking.

    uniform     t_i = start - (start - end) i/N
    cosine      t_i = end + (start - end) (1 - cos(pi/2 (1 - i/N)))          short steps near the data
    log_snr     ln(sigma/alpha) in equal parts
    karras      (sigma/alpha)^(1/rho) in equal parts                         rho = 7: Karras et al. 2022, eq. 5

The level ln(sigma_t/alpha_t) rises strictly with t, so the last two hold for every process alike; the schedule only
says when a level is reached. As it is -infinity at t = 0, those grids go down to a given last time > 0 and then take
one step to 0. A process that counts its steps gets distinct integers, fewer if there are not so many.

References: T. Karras et al. (2022), arXiv:2206.00364; C. Lu et al. (2022), arXiv:2206.00927 (uniform log-SNR).
"""

from __future__ import annotations

import math

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Floats
from inkdiff.processes.base import Process, check_process
from inkdiff.processes.noise_level import level, time_of

__all__ = ["cosine", "karras", "log_snr", "uniform"]


def uniform(process: Process, steps: int, *, start: float | None = None, end: float = 0.0) -> Floats:
    """`steps` equal steps from `start` (by default the end of the process) down to `end`: (steps + 1,).

    Raises
    ------
    ValueError, TypeError
        If steps is not positive, the times are not start > end >= 0 within the process, or float64 holds too few.
    """
    first, last, share = _ends(process, steps, start, end)
    return _finish(process, first + (last - first) * share, first, last)


def cosine(process: Process, steps: int, *, start: float | None = None, end: float = 0.0) -> Floats:
    """`steps` steps that shrink towards `end` like 1 - cos; arguments, result and errors as `uniform`."""
    first, last, share = _ends(process, steps, start, end)
    return _finish(process, last + (first - last) * (1 - np.cos(math.pi / 2 * (1 - share))), first, last)


def log_snr(process: Process, steps: int, *, end: float, start: float | None = None, to_zero: bool = True) -> Floats:
    """Equal parts of ln(sigma/alpha) from `start` down to `end` > 0, then, if `to_zero`, one step to t = 0.

    `steps` counts all of them: (steps + 1,) times. Errors as `uniform`.
    """
    first, last, share = _ends(process, steps - to_zero, start, end, positive=True)
    high, low = level(process, first), level(process, last)
    return _finish(process, time_of(process, high + (low - high) * share), first, last, to_zero)


def karras(
    process: Process, steps: int, *, end: float, start: float | None = None, rho: float = 7.0, to_zero: bool = True
) -> Floats:
    """Equal parts of (sigma/alpha)^(1/rho); rho > 1 shortens the steps near the data. Otherwise as `log_snr`."""
    rho = checks.positive(rho, "rho")
    first, last, share = _ends(process, steps - to_zero, start, end, positive=True)
    high, low = (math.exp(level(process, t) / rho) for t in (first, last))
    with np.errstate(divide="ignore"):  # at the last time, which is known
        levels = rho * np.log(high + (low - high) * share)
    return _finish(process, time_of(process, levels), first, last, to_zero)


def _ends(
    process: Process, steps: int, start: float | None, end: float, *, positive: bool = False
) -> tuple[float, float, Floats]:
    """(start, end, share of the way at each time), checked."""
    check_process(process)
    steps = checks.count(steps, "steps", most=10_000_000)
    if start is None:
        if math.isinf(process.t_max):
            raise ValueError(f"start must be given: {type(process).__name__} has no last time.")
        start = process.t_max
    first, last = float(process.check_time(start, "start")), float(process.check_time(end, "end"))
    if last >= first:
        raise ValueError(f"end must be below start = {first:g}, got {last:g}: times run backwards here.")
    if positive and not (last > 0 and math.isfinite(level(process, last))):
        raise ValueError(
            f"end must be > 0 and sigma/alpha there too, got {last:g}; the step to t = 0 is added (to_zero=True)."
        )
    return first, last, np.linspace(0.0, 1.0, steps + 1)


def _finish(process: Process, times: Floats, first: float, last: float, to_zero: bool = False) -> Floats:
    """Exact ends, integers where steps are counted, and the step to 0 if asked for."""
    times[0], times[-1] = first, last
    if process.discrete:
        times = np.unique(np.rint(times))[::-1]
    elif not (np.diff(times) < 0).all():
        raise ValueError(
            f"steps must be fewer, or end further from start: float64 holds no {len(times)} falling times from "
            f"{first:g} to {last:g} with such levels of noise."
        )
    return np.append(times, 0.0) if to_zero else times
