"""Distance from equilibrium in the sense of chi^2: the mean excess of the density over its final value,

    chi^2(p || p_eq) = int p^2/p_eq - 1 = E_p[p/p_eq] - 1  >=  exp(KL) - 1.

It is the distance that the modes of diffusion add up to: in a box, from a point x_0,

    chi^2 = sum over modes phi_n(x_0)^2 exp(-2 lam_n t),

so it falls at least as exp(-2 lam_1 t), lam_1 the slowest rate. In K cells of equal probability at equilibrium, n_k of
n particles in cell k, it is estimated without bias by pairs in one cell (a U-statistic),

    chi^2 = K sum_k n_k (n_k - 1)/(n (n - 1)) - 1,

Var = 2 [2 (n - 2) Var(K p_k) + Var(K 1[same cell])]/(n (n - 1)), whose moments of p_k are estimated without bias too.

Reference: W. Hoeffding, A class of statistics with asymptotically normal distribution, Annals of Mathematical
Statistics 19 (1948) 293, equation (5.13). For the decay: D. Bakry, I. Gentil and M. Ledoux, Analysis and geometry of
Markov diffusion operators (2014), theorem 4.2.5.
"""

from __future__ import annotations

import math

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff.metrics.cells import JOINT_UP_TO, Bins, equilibrium_cells, joint_cell
from inkdiff.metrics.estimates import Estimate
from inkdiff.processes.base import Process

__all__ = ["chi2_to_equilibrium"]


def chi2_to_equilibrium(x: Array, process: Process, *, bins: Bins | None = None) -> Estimate:
    """chi^2(law of the rows of x || equilibrium of `process`), counted in cells, without bias from counting.

    Cells make it a lower bound: at most K - 1.

    Parameters
    ----------
    x
        Independent particles (n, d) in process coordinates, d <= 3, n >= 3.
    process
        A process with `.equilibrium` (uniform in a box, or Gaussian).
    bins
        As for `entropy`, in cells of equal probability at equilibrium.

    Raises
    ------
    ValueError, TypeError
        If it is no process with Gaussian steps or has no equilibrium, d > 3, n < 3, or as for `entropy`.
    """
    x = checks.state(x, "x")
    n, d = x.shape
    if d > JOINT_UP_TO:
        raise ValueError(f"x has d={d} coordinates: cells can be filled up to d={JOINT_UP_TO}; use a score's density.")
    if n < 3:
        raise ValueError(f"x holds {n} rows: pairs and their variance need at least 3.")
    cells = equilibrium_cells(x, process, bins, joint=True)
    K = math.prod(cells.per_axis)
    flat = joint_cell(cells.columns, cells.per_axis)
    counts = array_module(flat).bincount(flat, minlength=K).astype(np.float64)
    # Of 1/(K q_k), q_k the probability of cell k at equilibrium: 1 where all cells are alike.
    r = 1.0 if isinstance(cells.weight, float) else array_module(flat).asarray(1 / cells.weight.reshape(-1))
    of_two, of_three = counts * (counts - 1), counts * (counts - 1) * (counts - 2)
    pairs = float((r * of_two).sum()) / (n * (n - 1))
    triples = float((r**2 * of_three).sum()) / (n * (n - 1) * (n - 2))
    first = max(triples - pairs**2, 0.0)  # Var of p_k/(K q_k) over the particles
    second = float((r**2 * of_two).sum()) / (n * (n - 1)) - pairs**2
    return Estimate(K * pairs - 1, K * math.sqrt(2 * (2 * (n - 2) * first + second) / (n * (n - 1))))
