"""The ledger: entropy, the rate at which it grows, what is produced of it, and the distance left to equilibrium.

`Ledger` is fed snapshots of any process and, if there is one, a score; `exact_ledger` gives the same numbers without
sampling where the density is known.
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
