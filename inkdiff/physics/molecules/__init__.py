"""Where the random walk comes from: molecules that only collide, by dynamics that can be run backwards to the bit.

Nothing here is random but the start. Soft discs obey Newton's law, m d^2 r_i/dt^2 = -grad_i U, in integers, so that the
motion is exactly reversible; and still a tagged drop of them spreads, each disc wanders with <|r(t) - r(0)|^2> = 4 D t,
and the entropy of what can be seen grows. Units are those of the discs: length sigma, energy epsilon, mass m, time
tau = sigma sqrt(m/epsilon); k_B = 1.

Reference: D. Frenkel and B. Smit, Understanding Molecular Simulation (2002), chapters 4 and appendix F.
"""

from inkdiff.physics.molecules.divergence import apart, lyapunov
from inkdiff.physics.molecules.fluid import Fluid
from inkdiff.physics.molecules.motion import Transport, transport
from inkdiff.physics.molecules.run import Film, Watch, film, run, watch
from inkdiff.physics.molecules.start import start
from inkdiff.physics.molecules.state import State

__all__ = [
    "Film",
    "Fluid",
    "State",
    "Transport",
    "Watch",
    "apart",
    "film",
    "lyapunov",
    "run",
    "start",
    "transport",
    "watch",
]
