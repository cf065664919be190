r"""Forward processes as pure descriptions: where data go, and what they end in.

    dx = f(t) x dt + g(t) dW,        x_t | x_0  ~  N(alpha_t x_0, sigma_t^2 I), folded at the walls of the domain

    Brownian               f = 0            g^2 = 2 D                     free, or between walls
    OrnsteinUhlenbeck      f = -k           g^2 = 2 D                     in a harmonic bowl
    VariancePreserving     f = -beta/2      g^2 = beta                    the bowl again, in another clock
    SubVariancePreserving  f = -beta/2      g^2 = beta (1 - alpha^4)      less noise on the way
    VarianceExploding      f = 0            g^2 = d(sigma^2)/dt           Brownian again; reflected in Box(0, 1)
    Straight               f = -1/(1 - t)   g^2 = 2 t/(1 - t)             x_t = (1 - t) x_0 + t eps
    Binomial               bits that are drawn anew with probability beta_t

Time t is physical for the first two, [0, 1] for continuous schedules, an integer 0 ... T for tables.

| module | what is in it |
|---|---|
| `forward` | `ForwardProcess`: what can be walked forwards and back at all |
| `base` | `Process`: linear diffusion; what it must say, and what follows |
| `relaxation` | `Relaxation`: processes in detailed balance with a Gaussian |
| `brownian` | `Brownian`, `OrnsteinUhlenbeck` |
| `variance_preserving` | `VariancePreserving`, `SubVariancePreserving` |
| `variance_exploding` | `VarianceExploding` |
| `straight` | `Straight` |
| `schedules` | beta(t): linear, cosine, DDPM's table |
| `drift_walk` | walks with a drift, in floating point |
| `binomial` | `Binomial` |
| `bits` | zeros and ones, their law, and their chance to change on the way back |
| `binomial_bound` | what a step back of bits costs |
| `distributions` | what diffusion ends in |
| `parameterisations` | noise, data, v, velocity and score: what a network may predict of a noised point |
| `noise_level` | ln(sigma/alpha), the clock that all processes share |
| `time_grids` | times to walk back through |

Reference: Y. Song et al., Score-based generative modeling through stochastic differential equations (2021).
"""

from inkdiff.processes import noise_level, time_grids
from inkdiff.processes.base import Process
from inkdiff.processes.binomial import Binomial
from inkdiff.processes.brownian import Brownian, OrnsteinUhlenbeck
from inkdiff.processes.distributions import Distribution, Gaussian, Uniform
from inkdiff.processes.forward import ForwardProcess
from inkdiff.processes.relaxation import Relaxation
from inkdiff.processes.schedules import Schedule
from inkdiff.processes.straight import Straight
from inkdiff.processes.variance_exploding import VarianceExploding
from inkdiff.processes.variance_preserving import SubVariancePreserving, VariancePreserving

__all__ = [
    "Binomial", "Brownian", "Distribution", "ForwardProcess", "Gaussian", "OrnsteinUhlenbeck", "Process", "Relaxation",
    "Schedule", "Straight", "SubVariancePreserving", "Uniform", "VarianceExploding", "VariancePreserving",
    "noise_level", "time_grids",
]  # fmt: skip
