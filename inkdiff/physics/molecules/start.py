"""The start: molecules on a lattice, velocities by Maxwell, then time to forget both.

Each velocity component is normal with variance T (in epsilon/m),

    p(v_x) = exp(-v_x^2/(2 T)) / sqrt(2 pi T),

by addressed noise of stream MOLECULES; it is the only randomness there is. The total momentum is then made zero, to
the last quantum. On the lattice no two discs overlap; while they leave it, kinetic energy turns into potential energy,
and velocities are rescaled a few times until the kinetic temperature is T. A last stretch without rescaling makes the
start a state of the reversible dynamics at equilibrium.

Reference: J. C. Maxwell, Illustrations of the dynamical theory of gases, Phil. Mag. 19 (1860) 19.
"""

from __future__ import annotations

import math

import numpy as np

from inkdiff._core import checks
from inkdiff._core.rng import Stream
from inkdiff.kernels import normal
from inkdiff.kernels.molecules import BITS
from inkdiff.physics.molecules.fluid import Fluid
from inkdiff.physics.molecules.run import run
from inkdiff.physics.molecules.state import Integers, Reals, State

__all__ = ["start"]

_STRETCHES = 10  # of the relaxation; velocities are rescaled after each but the last two


def start(fluid: Fluid, *, seed: int, relax: float = 20.0) -> State:
    """A fluid at equilibrium at its temperature, total momentum exactly zero.

    Parameters
    ----------
    fluid : what to prepare
    seed : 64-bit seed; noise comes from stream MOLECULES
    relax : tau to relax; 0 leaves the molecules on their lattice, with Maxwell's velocities

    Raises
    ------
    ValueError, TypeError
        For a bad seed, or if `relax` is negative.
    """
    if not isinstance(fluid, Fluid):
        raise TypeError(f"fluid must be a Fluid, got {checks.show(fluid)}.")
    seed, relax = checks.seed64(seed), checks.real(relax, "relax")
    if relax < 0:
        raise ValueError(f"relax must be >= 0 (tau), got {relax}.")
    n = fluid.molecules
    drawn = normal(2 * n, seed=seed, stream=Stream.MOLECULES).reshape(n, 2).astype(np.float64)
    state = State(fluid, _lattice(fluid), _at_temperature(drawn, fluid))
    steps = math.ceil(relax / fluid.dt / _STRETCHES)
    for stretch in range(_STRETCHES if relax > 0 else 0):
        state = run(state, steps)
        if stretch < _STRETCHES - 2:
            state = State(fluid, state.x, _at_temperature(state.velocities, fluid))
    return state


def _lattice(fluid: Fluid) -> Integers:
    """Sites as far apart as n of them can be on a square lattice that closes around the box, (n, 2) quanta.

    Rows are shifted by half a spacing in turn, and the sites left over are spread evenly over the lattice.
    """
    n = fluid.molecules
    rows = math.ceil(math.sqrt(n))
    rows += rows % 2  # as shifted rows must alternate around the box
    columns = math.ceil(n / rows)
    site = np.arange(n) * (rows * columns) // n
    row, column = site // columns, site % columns
    x = (4 * column + 1 + 2 * (row % 2)) * (1 << BITS) // (4 * columns)
    y = (2 * row + 1) * (1 << BITS) // (2 * rows)
    sites: Integers = np.stack([x, y], axis=1).astype(np.int64)
    return sites


def _at_temperature(velocities: Reals, fluid: Fluid) -> Integers:
    """Velocities (any unit) less their mean, scaled to the fluid's temperature, in quanta per step; their sum is 0."""
    n = fluid.molecules
    v = velocities - velocities.mean(axis=0)
    v *= math.sqrt(2 * (n - 1) * fluid.temperature / float((v * v).sum()))
    quanta: Integers = np.rint(v * (fluid.dt / fluid.quantum)).astype(np.int64)
    for axis in range(2):
        # Rounding leaves at most half a quantum per molecule: take one quantum each from as many as that needs.
        rest = int(quanta[:, axis].sum())
        quanta[: abs(rest), axis] -= np.sign(rest)
    return quanta
