"""Where the random walk comes from: molecules that only collide, by dynamics that can be run backwards to the bit.

Nothing here is random but the start. Soft discs obey Newton's law, m d^2 r_i/dt^2 = -grad_i U, in integers, so that the
motion is exactly reversible; and still a tagged drop of them spreads, each disc wanders with <|r(t) - r(0)|^2> = 4 D t,
and the entropy of what can be seen grows. Units are those of the discs: length sigma, energy epsilon, mass m, time
tau = sigma sqrt(m/epsilon); k_B = 1.

| module | what is in it |
|---|---|
| `fluid` | `Fluid`: soft discs on a torus, their number, density and temperature |
| `start` | `start`: a lattice with Maxwell's velocities, relaxed to equilibrium |
| `state` | `State`: positions and velocities in integers, energies and temperatures read off them |
| `run` | `run`, `trajectory`, `observables`: the loop over time |
| `motion` | `transport`: D by Einstein's slope and by Green and Kubo |
| `divergence` | `divergence` of almost equal states, and its `lyapunov` exponent |

Reference: D. Frenkel and B. Smit, Understanding Molecular Simulation (2002), chapters 4 and appendix F.
"""

from inkdiff.physics.molecules.divergence import divergence, lyapunov
from inkdiff.physics.molecules.fluid import Fluid
from inkdiff.physics.molecules.motion import Transport, transport
from inkdiff.physics.molecules.run import Observables, Trajectory, observables, run, trajectory
from inkdiff.physics.molecules.start import start
from inkdiff.physics.molecules.state import State

__all__ = [
    "Fluid",
    "Observables",
    "State",
    "Trajectory",
    "Transport",
    "divergence",
    "lyapunov",
    "observables",
    "run",
    "start",
    "trajectory",
    "transport",
]
