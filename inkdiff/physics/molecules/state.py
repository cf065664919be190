"""The state of a fluid: where every molecule is and how fast it goes, in integers, and what is measured of it.

A state (x, v) is a point of phase space on a grid of quanta. One step maps the grid one to one onto itself, and with
R(x, v) = (x, -v) and the map M of one step,

    R M R = M^-1,

so `state.reversed()` followed by as many steps leads back to the start, exactly. Energies and temperatures are real
numbers read off the state; they are not part of the dynamics.

Reference: J. Loschmidt, Wiener Berichte 73 (1876) 128, for the thought; H. H. Rugh, Phys. Rev. Lett. 78 (1997) 772,
and B. D. Butler et al., J. Chem. Phys. 109 (1998) 6519, for the configurational temperature.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff.kernels.molecules import BITS, mechanics
from inkdiff.physics.molecules.fluid import CUTOFF, Fluid

__all__ = ["Energy", "Integers", "Reals", "State", "check_state", "shortest"]

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.floating]


class Energy(NamedTuple):
    """Energies per molecule, in epsilon."""

    kinetic: float
    potential: float

    @property
    def total(self) -> float:
        """Kinetic + potential."""
        return self.kinetic + self.potential


def shortest(difference: Integers) -> Integers:
    """Differences of positions, in quanta, the short way around: in [-2^47, 2^47)."""
    return (difference << (64 - BITS)) >> (64 - BITS)


@dataclass(frozen=True, eq=False)
class State:
    """Molecules of `fluid` at x with velocities v, int64 (n, 2): quanta (0 ... 2^48 - 1) and quanta per step.

    Two states of one fluid are equal if no bit differs. They have no hash, because arrays can be written to.

    Raises
    ------
    ValueError
        If the arrays are not int64 of shape (n, 2), or a position is off the torus.
    """

    fluid: Fluid
    x: Integers
    v: Integers

    def __post_init__(self) -> None:
        for name in ("x", "v"):
            checks.output(getattr(self, name), (self.fluid.molecules, 2), np.int64, name)
        if int(self.x.min()) < 0 or int(self.x.max()) >= 1 << BITS:
            raise ValueError(f"x must hold phases from 0 to 2^48 - 1, got {self.x.min()} to {self.x.max()}.")

    def __eq__(self, other: object) -> bool:
        """Whether it is the same state of the same fluid, to the last bit."""
        if not isinstance(other, State):
            return NotImplemented
        return self.fluid == other.fluid and self.differing_bits(other) == 0

    __hash__ = None  # type: ignore[assignment]

    @property
    def positions(self) -> Reals:
        """(n, 2), sigma, in [0, L]."""
        return self.x * self.fluid.quantum

    @property
    def velocities(self) -> Reals:
        """(n, 2), sigma/tau, at the time of the positions."""
        return self.v * (self.fluid.quantum / self.fluid.dt)

    def reversed(self) -> State:
        """The same places, every velocity turned round: the state that Loschmidt asked for."""
        return replace(self, v=-self.v)

    def displaced(self, molecule: int, quanta: int = 1, axis: int = 0) -> State:
        """The same state, but for one molecule moved by some quanta along an axis."""
        checks.count(molecule, "molecule", least=0, most=self.fluid.molecules - 1)
        checks.count(axis, "axis", least=0, most=1)
        checks.count(quanta, "quanta", least=-(2**47), most=2**47)
        x = self.x.copy()
        x[molecule, axis] = (x[molecule, axis] + quanta) % (1 << BITS)
        return replace(self, x=x)

    def differing_bits(self, other: State) -> int:
        """Bits of all positions and velocities in which two states of one fluid differ."""
        self._check_same_fluid(other)
        pairs = ((self.x, other.x), (self.v, other.v))
        return sum(int(np.bitwise_count((a ^ b).view(np.uint64)).sum()) for a, b in pairs)

    def distance(self, other: State) -> float:
        """sqrt(sum_i |r_i - r'_i|^2), sigma, the short way around."""
        self._check_same_fluid(other)
        away = shortest(self.x - other.x).astype(np.float64)
        return math.sqrt(float((away * away).sum())) * self.fluid.quantum

    def within(self, center: Sequence[float], radius: float) -> npt.NDArray[np.bool_]:
        """(n,) which molecules are nearer than `radius` to `center`, in sigma: a drop, if one colours them."""
        checks.positive(radius, "radius")
        middle = checks.reals(center, "center")
        if middle.shape != (2,):
            raise ValueError(f"center must be two numbers, got {checks.show(center)}.")
        away = self.positions - middle
        away -= self.fluid.side * np.rint(away / self.fluid.side)
        return np.asarray((away * away).sum(axis=1) < radius * radius)

    @property
    def momentum(self) -> tuple[int, int]:
        """Sum of all velocities, in quanta per step: exactly conserved."""
        total = self.v.sum(axis=0)
        return int(total[0]), int(total[1])

    @property
    def energy(self) -> Energy:
        """Kinetic and potential energy per molecule; their sum is conserved up to an error of order dt^2."""
        return Energy(float((self.velocities**2).sum(axis=1).mean()) / 2, float(self._mechanics()[:, 0].mean()))

    @property
    def temperature(self) -> float:
        """<m v^2> n/(2 (n - 1)): two degrees of freedom each, less the two of the total momentum; epsilon."""
        n = self.fluid.molecules
        return float((self.velocities**2).sum()) / (2 * (n - 1))

    @property
    def configurational_temperature(self) -> float:
        """sum |grad_i U|^2 / sum laplacian_i U: equals the temperature at equilibrium, without any velocity; epsilon.

        Raises
        ------
        ValueError
            If no two molecules touch.
        """
        of_each = self._mechanics()
        curvature = float(of_each[:, 3].sum())
        if curvature == 0:
            raise ValueError("no two molecules touch: there is no force to tell a temperature by.")
        return float((of_each[:, 1:3] ** 2).sum()) / curvature

    def _mechanics(self) -> Reals:
        """(n, 4): potential, force x, force y, Laplacian of the potential of each molecule."""
        unit = self.fluid.quantum
        of_each = np.empty((self.fluid.molecules, 4))
        mechanics(self.x, of_each, self.fluid.cells(CUTOFF), unit**-2, (CUTOFF / unit) ** 2)
        return of_each

    def _check_same_fluid(self, other: State) -> None:
        check_state(other, "other")
        if other.fluid != self.fluid:
            raise ValueError(f"other must be a state of the same fluid, {self.fluid}, got one of {other.fluid}.")


def check_state(state: object, name: str = "state") -> None:
    """Raise unless `state` is one of molecules."""
    if not isinstance(state, State):
        raise TypeError(f"{name} must be a State of molecules, as molecules.start gives it, got {checks.show(state)}.")
