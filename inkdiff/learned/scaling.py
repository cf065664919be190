"""From the units of the data to the coordinates of the process, and back: an affine map.

    x_process = (x_data - offset) / scale        or        x_process = L^-1 (x_data - offset)

Images of known range go to [-1, 1] for Gaussian processes, so that the equilibrium N(0, 1) is about as wide as they
are; other data to mean 0 and root mean square 1 by one scale for all coordinates, which keeps their shape. Where the
coordinates have different units there is no shape to keep: centimetres and kilograms cannot be compared. Such data go
to mean 0 and covariance 1, with L L^T their covariance and L lower triangular: each coordinate less what those before
it tell linearly, in units of its own spread. The result does not depend on the units.

Between walls, data of known range go exactly onto [lo, hi], other data stay as they are and must lie inside. A density
picks up the Jacobian: ln p_data = ln p_process - d ln(scale), or - ln det L.

Reference: A. Kessy, A. Lewin, K. Strimmer, Optimal whitening and decorrelation, American Statistician 72 (2018) 309.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inkdiff.backend import Array, array_module, asnumpy
from inkdiff.domain import Box
from inkdiff.process import Process

__all__ = ["Scaling", "inside"]

_LEAST = 1e-4  # share of a coordinate's spread that those before it may leave untold


@dataclass(frozen=True)
class Scaling:
    """x_data = offset + scale x_process: numbers, or for each coordinate an offset and a row of the matrix `scale`."""

    offset: float | tuple[float, ...] = 0.0
    scale: float | tuple[tuple[float, ...], ...] = 1.0

    def __post_init__(self) -> None:
        """Lists, as JSON has them, become tuples."""
        if not isinstance(self.offset, int | float):
            object.__setattr__(self, "offset", tuple(self.offset))
        if not isinstance(self.scale, int | float):
            object.__setattr__(self, "scale", tuple(tuple(row) for row in self.scale))

    def encode(self, x: Array) -> Array:
        """Data units -> process coordinates."""
        if isinstance(self.scale, int | float):
            return (x - x.dtype.type(self.offset)) / x.dtype.type(self.scale)
        xp = array_module(x)
        return (x - xp.asarray(self.offset, x.dtype)) @ xp.asarray(np.linalg.inv(self.scale).T, x.dtype)

    def decode(self, x: Array) -> Array:
        """Process coordinates -> data units."""
        if isinstance(self.scale, int | float):
            return x * x.dtype.type(self.scale) + x.dtype.type(self.offset)
        xp = array_module(x)
        return x @ xp.asarray(np.transpose(self.scale), x.dtype) + xp.asarray(self.offset, x.dtype)

    def log_volume(self, d: int) -> float:
        """ln of the volume, in data units, of a unit cube of process coordinates."""
        if isinstance(self.scale, int | float):
            return d * math.log(self.scale)
        return float(np.log(np.diag(self.scale)).sum())

    @classmethod
    def of(cls, process: Process, x: Array, span: tuple[float, float] | None, units: Sequence[str] = ()) -> Scaling:
        """The map for data x (n, d) whose coordinates lie in `span` = (lo, hi) by construction, or None.

        `units` are those of the coordinates, empty when they share one.

        Raises
        ------
        ValueError
            If the process lives in a box that the data leave; if all data are one and the same number; or if, among
            coordinates of different units, one is constant or a linear function of those before it.
        """
        box = process.domain
        if not isinstance(box, Box):
            if span is not None:
                lo, hi = span
                return cls((lo + hi) / 2, (hi - lo) / 2)
            if len(set(units)) > 1:
                return cls._whitening(x)
            offset = float(x.mean())
            scale = math.sqrt(float(((x - x.dtype.type(offset)) ** 2).mean()))
            if scale == 0:
                raise ValueError(f"data: all {x.size} numbers are {offset:g}; there is nothing to learn.")
            return cls(offset, scale)
        if span is None or box.axes is not None:
            box.check_inside(x, "data")
            return cls()
        low, length = float(box.low(1)[0]), float(box.length(1)[0])
        scale = (span[1] - span[0]) / length
        return cls(span[0] - low * scale, scale)

    @classmethod
    def _whitening(cls, x: Array) -> Scaling:
        data = asnumpy(x).astype(np.float64)
        mean, spread = data.mean(0), data.std(0)
        unit = (data - mean) / np.where(spread > 0, spread, 1)
        untold = np.zeros(len(spread))
        try:
            lower = np.linalg.cholesky(unit.T @ unit / len(unit))
            untold = np.diag(lower)
        except np.linalg.LinAlgError:
            pass
        if untold.min() < _LEAST:
            raise ValueError(
                "data: coordinates of different units must each tell something of their own, but one is constant or a "
                "linear function of those before it; leave it out."
            )
        return cls(tuple(mean.tolist()), tuple(map(tuple, (spread[:, None] * lower).tolist())))


def inside(process: Process, x: Array) -> Array:
    """x (n, d), float32, process coordinates, without what rounding has carried through a wall."""
    if not isinstance(process.domain, Box):
        return x
    xp, d = array_module(x), x.shape[1]
    low, length = (xp.asarray(side, np.float32) for side in (process.domain.low(d), process.domain.length(d)))
    return xp.clip(x, low, low + length)
