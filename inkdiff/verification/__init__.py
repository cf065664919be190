"""Truth: statements with exact values, measured. `inkdiff verify` runs them all.

Each identity is a function of a number of particles and a seed that yields rows, a measured `Estimate` beside the exact
value; z = (measured - exact)/stderr is a standard normal number if the statement holds and the program is right.
A wrong factor in D, a clamp for a fold, noise used twice: each makes some row fail.

Reference: the modules of this package state each formula; sources stand where it is computed.
"""

from inkdiff.verification import arrow, bowl, noise, walls
from inkdiff.verification.register import Identity, Outcome, Row, family_wise_p, identities, verify

__all__ = ["Identity", "Outcome", "Row", "arrow", "bowl", "family_wise_p", "identities", "noise", "verify", "walls"]
