"""Forward processes as pure descriptions: linear stochastic differential equations, noise schedules, equilibria.

| module | what is in it |
|---|---|
| `base` | `Process`: what a forward diffusion must say, and what follows from it |
| `linear` | Brownian motion, Ornstein-Uhlenbeck, variance preserving and variance exploding diffusion |
| `binomial` | `Binomial`: diffusion of zeros and ones |
| `schedules` | noise schedules of the variance-preserving family |
| `distributions` | the distributions that diffusion ends in |
| `parameterisations` | noise, data, velocity and score: what a network may predict of a noised point |
| `time_grids` | times to walk back through |
"""

from inkdiff.processes import time_grids
from inkdiff.processes.binomial import Binomial
from inkdiff.processes.linear import Brownian, OrnsteinUhlenbeck, Process, VarianceExploding, VariancePreserving

__all__ = [
    "Binomial",
    "Brownian",
    "OrnsteinUhlenbeck",
    "Process",
    "VarianceExploding",
    "VariancePreserving",
    "time_grids",
]
