"""A fluid of soft discs in a periodic square, described: how many, how dense, how hot, in what quanta.

Two discs repel each other by the Lennard-Jones potential cut at its minimum and lifted (Weeks, Chandler, Andersen),

    U(r) = 4 epsilon [(sigma/r)^12 - (sigma/r)^6] + epsilon,      r < 2^(1/6) sigma,      else 0.

Lengths are in sigma, energies in epsilon, masses in m, times in tau = sigma sqrt(m/epsilon). The side of the square is
L = sqrt(n/density) and is divided into 2^48 quanta; velocities are whole quanta per step. At 10,000 molecules a
quantum is 5e-13 sigma: forces are rounded to 1e-9 of a typical kick, which is below everything else that is measured.

Reference: J. D. Weeks, D. Chandler, H. C. Andersen, J. Chem. Phys. 54 (1971) 5237.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from inkdiff._core import checks
from inkdiff.domains.box import Box
from inkdiff.kernels.molecules import BITS

__all__ = ["CUTOFF", "SKIN", "Fluid"]

CUTOFF = 2 ** (1 / 6)  # sigma; the potential's minimum, beyond which there is no force
SKIN = 0.5  # sigma; how much further the lists reach, tuned for speed: no result depends on it

_DENSEST = 0.85  # sigma^-2; hard discs of diameter 2^(1/6) sigma would touch at 0.92, and the fluid freezes before that
_LONGEST_STEP = 0.01  # of dt and of dt sqrt(T): energy then wavers by 2e-4 of itself; at twice that it drifts
_LEAST_QUANTA = 1e4  # a thermal step of fewer quanta is rounded too coarsely
_MOST = 1 << 24


@dataclass(frozen=True)
class Fluid:
    """n soft discs in a periodic square.

    Parameters
    ----------
    molecules : how many, n; 2 or more
    density : n/L^2, sigma^-2; up to 0.85, beyond which the discs freeze
    temperature : k_B T in units of epsilon, to which `start` prepares the fluid
    dt : time step, tau; dt and dt sqrt(temperature) at most 0.01

    Raises
    ------
    ValueError, TypeError
        Outside these ranges, or where the box is narrower than three cells of the neighbour list.
    """

    molecules: int = 10_000
    density: float = 0.5
    temperature: float = 1.0
    dt: float = 0.005

    def __post_init__(self) -> None:
        checked: dict[str, float] = {"molecules": checks.count(self.molecules, "molecules", least=2, most=_MOST)}
        checked |= {name: checks.positive(getattr(self, name), name) for name in ("density", "temperature", "dt")}
        for name, value in checked.items():
            object.__setattr__(self, name, value)  # Python's numbers, which do not overflow
        if self.density > _DENSEST:
            raise ValueError(
                f"density must be at most {_DENSEST} molecules per sigma^2, got {self.density:g}: denser, the discs "
                "overlap on the lattice they start from and freeze."
            )
        step = self.dt * max(1.0, math.sqrt(self.temperature))
        if step > _LONGEST_STEP:
            raise ValueError(
                f"dt must be at most {_LONGEST_STEP * self.dt / step:.3g} tau at temperature {self.temperature:g}, "
                f"got {self.dt:g}: with longer steps the energy drifts."
            )
        if self.cells(CUTOFF + SKIN) < 3:
            least = math.ceil((3 * (CUTOFF + SKIN)) ** 2 * self.density)
            raise ValueError(
                f"molecules must be at least {least} at density {self.density:g}, got {self.molecules}: a box "
                f"of side {self.side:.3g} sigma is too small for molecules not to meet themselves around the edge."
            )
        thermal = self.dt * math.sqrt(self.temperature) / self.quantum
        if thermal < _LEAST_QUANTA:
            raise ValueError(
                f"dt={self.dt:g} is too short: a thermal step is {thermal:.2g} quanta of {self.quantum:.2g} sigma, and "
                f"is rounded too coarsely below {_LEAST_QUANTA:g}; take a longer dt or a smaller box."
            )

    @property
    def side(self) -> float:
        """L = sqrt(n/density), sigma."""
        return math.sqrt(self.molecules / self.density)

    @property
    def quantum(self) -> float:
        """L/2^48, sigma: the unit of positions, and of velocities per time step."""
        return self.side / 2.0**BITS

    @property
    def box(self) -> Box:
        """The square [0, L]^2 with periodic walls."""
        return Box(0.0, self.side, "periodic")

    def cells(self, radius: float) -> int:
        """Cells along a side, each at least `radius` wide, and not many more of them than there are molecules."""
        return min(int(self.side / radius), 2 + math.isqrt(self.molecules))
