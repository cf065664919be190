"""The ledger: entropy, the rate at which it grows, what is produced of it, and the distance left to equilibrium.

`Ledger` is fed snapshots of any process and, if there is one, a score; `exact_ledger` gives the same numbers without
sampling where the density is known. With the score s = grad ln p_t the entropy of dx = f x dt + g dW grows at the rate

    dS/dt = E[div (f x)] + (g^2/2) E|s|^2,

which is checked against the entropy that is counted, and split into what is produced and what flows out.

| module | what is in it |
|---|---|
| `recording` | `Ledger`: snapshots of any process in, one line of numbers per time out |
| `rates` | rates of entropy and of divergences, particle by particle |
| `balance` | a rate integrated over time beside the change that it should explain |
| `exact` | the same averages as integrals over a density that is known |

Reference: U. Seifert, Stochastic thermodynamics, Rep. Prog. Phys. 75, 126001 (2012).
"""

from inkdiff.physics.ledger.balance import Balance
from inkdiff.physics.ledger.exact import Exact, exact_ledger
from inkdiff.physics.ledger.rates import divergence_rate, entropy_production, entropy_rate, relaxation
from inkdiff.physics.ledger.recording import Ledger

__all__ = [
    "Balance",
    "Exact",
    "Ledger",
    "divergence_rate",
    "entropy_production",
    "entropy_rate",
    "exact_ledger",
    "relaxation",
]
