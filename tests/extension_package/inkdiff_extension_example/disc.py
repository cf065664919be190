"""A round glass with a reflecting wall: dp/dt = D laplacian p for r < R, no flux through r = R; it ends uniform.

The slowest mode leans to one side, and decays at D (j/R)^2, where j = 1.8412 is the first maximum of J_1:

    phi(r, theta) = J_1(j r/R) cos(theta),        E[phi(x_t)] = E[phi(x_0)] exp(-D (j/R)^2 t).

A step that leaves the glass is mirrored along the radius, which errs by the first order of its variance over R^2.

Reference: J. Crank, The Mathematics of Diffusion (1975), chapter 5; Abramowitz and Stegun, table 9.5 (j'_{1,1}).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import j1

import inkdiff as ink

J = 1.8411837813406593


@ink.register
@dataclass(frozen=True)
class Disc(ink.Domain):
    """The disc r <= R around the origin of the plane; R is a length."""

    R: float = 1.0

    def fold(self, y: ink.Array) -> ink.Array:
        """Mirrored at the circle along the radius, as often as needed."""
        r = np.sqrt((y.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
        inside = self.R - abs((r + self.R) % (4 * self.R) - 2 * self.R)  # of the line through the centre
        return np.where(r <= self.R, y, y * (inside / np.maximum(r, self.R))).astype(y.dtype)

    def check_inside(self, x: ink.Array, name: str = "x") -> None:
        """Raise unless every row is within R, but for rounding to float32."""
        self.check_dimension(x.shape[1])
        r = np.hypot(*x.astype(np.float64).T)
        if not (r <= self.R * (1 + 1e-6)).all():
            raise ValueError(f"{name} must lie in the disc of radius {self.R:g}, got a row at {r.max():.6g}.")

    def check_dimension(self, d: int) -> None:
        """A disc has two coordinates."""
        if d != 2:
            raise ValueError(f"the disc lies in the plane, but x has {d} coordinates per row.")

    def log_volume(self, d: int) -> float:
        """ln(pi R^2)."""
        return math.log(math.pi * self.R**2)

    @property
    def bounding_box(self) -> ink.Box:
        """The square around it."""
        return ink.Box(-self.R, self.R)

    def mode(self, x: ink.Array) -> ink.Array:
        """phi of every row, (n,)."""
        r = np.hypot(*x.astype(np.float64).T)
        return j1(J * r / self.R) * x[:, 0] / np.maximum(r, 1e-300)
