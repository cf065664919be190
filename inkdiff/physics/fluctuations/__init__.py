"""How improbable "backwards" is: exact laws for work, heat and entropy of single paths far from equilibrium.

A bead in a harmonic trap U/kT = k (x - c)^2/(2 D) starts in equilibrium; then, M times, the trap jumps to another
centre c_j and relaxation rate k_j, which costs the work (in kT, x_{j-1} standing still)

    W_j = [k_j (x_{j-1} - c_j)^2 - k_{j-1} (x_{j-1} - c_{j-1})^2]/(2 D),

and the bead relaxes for a time `wait` by the exact transition T_j of an Ornstein-Uhlenbeck process. However fast,

    <exp(-W)> = exp(-dF),   dF = ln(k_M/k_0)/2                                      (Jarzynski)
    p(W)/p_reversed(-W) = exp(W - dF)                                               (Crooks)
    <exp(-dS)> = 1,   dS = ln [p_0(x_0) prod T_j(x_j | x_{j-1})] - ln [p_M(x_M) prod T_j(x_{j-1} | x_j)],

the last for any process, dS being the total entropy produced along a path: by Jensen's inequality <dS> >= 0, the second
law. If p_0 is zero somewhere (a drop with an edge) paths reversed may end where none began, and <exp(-dS)> is only the
chance that they end in the drop: at equilibrium V_drop/V_glass.

An exponential average is unbiased but rests on rare paths: for Gaussian work of mean dF + w its relative variance is
exp(2 w) - 1, so that some 100 exp(2 w) runs are needed: 700 at 1 kT, 2 million at 5 kT, hopeless at 20. Look at
`effective_samples` before believing one; where it is small the standard error is too small as well. (A cloud relaxing
for long has chi^2(p_eq || p_0) as its variance: infinite if it began narrower than equilibrium by more than sqrt 2.)
Crooks' theorem tested by `crooks_gap`, and dF by `free_energy`, use both directions and have bounded terms.

| module | what is in it |
|---|---|
| `trap` | `Trap`: a bead dragged and squeezed in jumps; work, heat and entropy of its runs, exact moments |
| `crooks` | `crooks_gap`, `crooks_ratio`, `free_energy`: forward and reversed work compared |
| `paths` | `path_entropy` of any process, `exponential_average` and its `effective_samples` |

Reference: C. Jarzynski, Phys. Rev. Lett. 78 (1997) 2690; G. E. Crooks, Phys. Rev. E 60 (1999) 2721; U. Seifert, Phys.
Rev. Lett. 95 (2005) 040602; Y. Murashita, K. Funo and M. Ueda, Phys. Rev. E 90 (2014) 042110, for paths without
reverse; C. H. Bennett, J. Comput. Phys. 22 (1976) 245.
"""

from inkdiff.physics.fluctuations.crooks import crooks_gap, crooks_ratio, free_energy
from inkdiff.physics.fluctuations.paths import effective_samples, exponential_average, path_entropy
from inkdiff.physics.fluctuations.trap import Runs, Trap, WorkMoments

__all__ = [
    "Runs", "Trap", "WorkMoments", "crooks_gap", "crooks_ratio", "effective_samples", "exponential_average",
    "free_energy", "path_entropy",
]  # fmt: skip
