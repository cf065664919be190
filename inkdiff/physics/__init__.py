"""The physicist's questions: entropy and its production, fluctuations, molecules, microstates, information.

A cloud of density p that follows dx = f dt + g dW changes its entropy S = -int p ln p at the rate

    dS/dt = E[div f] + (g^2/2) E|grad ln p|^2,        production = (g^2/2) E|grad ln p - 2 f/g^2|^2 >= 0,

so that the score, which turns the process round, is also what measures how fast it mixes. The same law is asked for in
single paths (fluctuation theorems), in molecules that know nothing of chance, in the numbers of arrangements, and in
what can still be known of the start.

| module | what is in it |
|---|---|
| `ledger` | entropy, the rate at which it grows, what is produced of it, and the balance |
| `fluctuations` | work and entropy of single paths: Jarzynski, Crooks, Bennett |
| `molecules` | where the random walk comes from: reversible molecular dynamics |
| `microstates` | counting arrangements, and waiting for the improbable |
| `ehrenfest` | `Ehrenfest`, the urn |
| `information` | mutual and chi^2 information about the start |
| `source_posterior` | `source_posterior`: where the drop fell, given where the particles are now |
| `entropy_bounds` | the entropy of one step back, between two bounds |
| `comparison` | `compare`: ink beside images |
| `materials` | real ink: diffusion coefficients with their sources |
| `durations` | times in words |

Reference: U. Seifert, Stochastic thermodynamics, fluctuation theorems and molecular machines, Rep. Prog. Phys. 75
(2012) 126001.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=[
        "comparison",
        "durations",
        "ehrenfest",
        "entropy_bounds",
        "fluctuations",
        "information",
        "ledger",
        "materials",
        "microstates",
        "molecules",
        "source_posterior",
    ],
)
