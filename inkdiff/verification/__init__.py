r"""Statements with exact values, measured. `inkdiff verify` runs them all.

Diffusion between walls, in free space and in a bowl is solved in closed form, so a program can be held to numbers that
nobody fitted. Each identity is a function of a number of particles and a seed that yields rows, a measured `Estimate`
beside the exact value; under the hypothesis that the statement holds and the program is right,

    z = (measured - exact)/stderr  ~  N(0, 1),

and a row passes if |z| < 5. A wrong factor in D, a clamp for a fold, noise used twice: each makes some row fail.

| module | what is measured |
|---|---|
| `identity` | `Identity`, `Row`, `Outcome`; the list of identities, and `verify`, which runs them |
| `random_numbers` | moments of normal and uniform numbers, independence of streams, steps and neighbours |
| `walls` | modes between walls, equilibrium, Fick's law, entropy and de Bruijn's identity, first passage, obstacles |
| `bowl` | free space and the harmonic bowl: Einstein, Ornstein-Uhlenbeck, Stein, Anderson, fluctuation theorem |
| `arrow` | paths undone, Ehrenfest's urn, Kac's recurrence, mutual information, bits, Jarzynski and Crooks, molecules |

Reference: L. Lyons, Discovering the significance of 5 sigma, arXiv:1310.1284 (2013). The modules state each formula;
sources stand where it is computed.
"""

from inkdiff.verification import arrow, bowl, random_numbers, walls
from inkdiff.verification.identity import Identity, Outcome, Row, family_wise_p, identities, verify

__all__ = [
    "Identity", "Outcome", "Row", "arrow", "bowl", "family_wise_p", "identities", "random_numbers", "verify", "walls",
]  # fmt: skip
