"""The physicist's questions: entropy and its production, fluctuations, molecules, microstates, information.

| module | what is in it |
|---|---|
| `ledger` | entropy, the rate at which it grows, what is produced of it, and the balance |
| `fluctuations` | work and entropy of single paths: Jarzynski, Crooks, Bennett |
| `molecules` | where the random walk comes from: reversible molecular dynamics |
| `microstates` | counting arrangements, and waiting for the improbable |
| `ehrenfest` | `Ehrenfest`, the urn |
| `information` | mutual and chi^2 information about the start |
| `source_posterior` | `source_posterior`: where the drop fell, given what is seen now |
| `entropy_bounds` | the entropy of one step back, between two bounds |
| `comparison` | `compare`: ink beside images |
| `materials` | real ink: diffusion coefficients with their sources |
| `durations` | times in words |
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
