r"""Noise levels: the one clock that all processes share, and the times at which a network is trained and evaluated.

    level(t) = ln(sigma_t / alpha_t),      c = 2 (level - lo) / (top - lo) - 1

sigma/alpha is the noise seen in units of the data; its logarithm rises strictly with t. What a network must tell apart
happens over a few decades of it, from the finest detail of the data to their whole width; a schedule only says when. So
training draws levels, not times, samplers step in equal parts of it, and c is what the network sees.

Reference: T. Karras et al. (2022), arXiv:2206.00364, section 5; D. Kingma et al. (2021), arXiv:2107.00630 (log-SNR).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inkdiff.processes.base import Process
from inkdiff.processes.noise_level import level, time_of

__all__ = ["Levels"]

_UNLIMITED = 100.0  # sigma/alpha over the data's width at which an endless process is far enough
_BOX_END = 1.5  # sigma over the longest side at which all but exp(-(1.5 pi)^2/2) = 2e-5 of the memory is gone
_TRAINED = 2.5, 0.8  # the network is trained up to sigma/alpha = 2.5 widths, and in a box up to 0.8 sides


@dataclass(frozen=True)
class Levels:
    """The range of levels ln(sigma/alpha) of one process: known on [lo, hi], the network trained on [lo, top]."""

    lo: float
    hi: float
    top: float

    @classmethod
    def of(cls, process: Process, *, sigma_min: float, width: float, d: int, whole: bool = False) -> Levels:
        """From sigma/alpha = `sigma_min` to the end of the process, for data of largest standard deviation `width`.

        `whole`: whether the network is trained up to the end.

        Raises
        ------
        ValueError
            If the process ends while the data can still be seen: reversing from pure noise would start wrong.
        """
        lo, hi, top = math.log(sigma_min), math.log(_UNLIMITED * width), math.log(_TRAINED[0] * width)
        least = width
        box = process.domain.as_box
        if box is not None:
            side = float(box.length(d).max())
            hi, top, least = math.log(_BOX_END * side), min(top, math.log(_TRAINED[1] * side)), 0.5 * side
        if process.discrete:
            lo = max(lo, level(process, 1.0))
        if math.isfinite(process.t_max):
            hi = min(hi, level(process, process.t_max))
        if hi < math.log(least):
            raise ValueError(
                f"process: its noise ends at sigma/alpha = {math.exp(hi):.3g}, where data of width {width:.3g} still "
                f"show through; it must reach at least {least:.3g}: use a longer schedule or a larger sigma_max."
            )
        return cls(lo, hi, hi if whole else min(hi, top))

    def code(self, value: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """c in [-1, 1]: what the network sees of a level; constant above `top`, where its part fades out."""
        return np.clip(2 * (value - self.lo) / (self.top - self.lo) - 1, -1, 1)

    def times(self, process: Process, levels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The times at which the process has these levels; integers if it counts steps."""
        return time_of(process, levels)

    def descending(self, process: Process, steps: int) -> npt.NDArray[np.float64]:
        """steps + 1 decreasing times from the process's end to 0: equal parts of the level, then one step to t = 0.

        A process that counts its steps gives as many distinct integers as there are, at most steps + 1.
        """
        times = self.times(process, np.linspace(self.hi, self.lo, steps))
        return np.append(np.unique(times)[::-1], 0.0) if process.discrete else np.append(times, 0.0)
