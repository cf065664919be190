"""Work done there and back: Crooks' theorem tested, and the free energy that it tells.

With W the work of the protocol and W_r that of the reversed one, p and p_r their densities,

    p(W)/p_r(-W) = exp(W - dF),        <f(W - dF)> = <f(W_r + dF)>_r,    f(x) = 1/(1 + e^x),

the second for any dissipation by terms between 0 and 1; solved for dF it is Bennett's acceptance ratio.

Reference: G. E. Crooks, Phys. Rev. E 60 (1999) 2721; C. H. Bennett, J. Comput. Phys. 22 (1976) 245.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats
from inkdiff.metrics import Estimate
from inkdiff.physics.fluctuations.paths import per_run

__all__ = ["crooks_gap", "crooks_ratio", "free_energy"]


def crooks_gap(forward: Array, backward: Array, free_energy: float) -> Estimate:
    """<f(W - dF)>_forward - <f(W + dF)>_reversed with f(x) = 1/(1 + e^x): zero by Crooks' theorem.

    Every term lies in [0, 1], so the error can be trusted at any dissipation. Works (n,) and (m,) in kT.
    """
    up, down, dF = per_run(forward, "forward"), per_run(backward, "backward"), checks.real(free_energy, "free_energy")
    a, b = Estimate.of_mean(_fermi(up - dF)), Estimate.of_mean(_fermi(down + dF))
    return Estimate(a.value - b.value, math.hypot(a.stderr, b.stderr))


def crooks_ratio(forward: Array, backward: Array, edges: Array) -> tuple[Floats, list[Estimate]]:
    """ln [p(W)/p_reversed(-W)] in bins of W, which Crooks' theorem says is W - dF.

    Returns
    -------
    (works, estimates) of the bins with at least ten runs from either direction. Within a bin e^W varies; the abscissa
    is ln <e^W> over the bin's reversed runs, so that the theorem holds for bins of any width.
    """
    up, down = per_run(forward, "forward"), -per_run(backward, "backward")
    works, ratios = [], []
    for low, high in pairwise(checks.increasing(edges, "edges").tolist()):
        mine, theirs = int(((up >= low) & (up < high)).sum()), down[(down >= low) & (down < high)]
        if mine < 10 or len(theirs) < 10:
            continue
        works.append(low + math.log(np.exp(theirs - low).mean()))
        spread = np.exp(theirs - low).std() / np.exp(theirs - low).mean()  # the abscissa's own error counts too
        value = math.log(mine / len(up)) - math.log(len(theirs) / len(down))
        ratios.append(
            Estimate(value, math.sqrt(1 / mine - 1 / len(up) + (1 + spread**2) / len(theirs) - 1 / len(down)))
        )
    return np.array(works), ratios


def free_energy(forward: Array, backward: Array) -> Estimate:
    """dF in kT from work both ways, by Bennett's acceptance ratio: the dF at which `crooks_gap` vanishes.

    Raises
    ------
    ValueError, TypeError
        If the works are not (n,) and (m,), n, m >= 2, finite; or W and -W_reversed lie so far apart that no run of
        either direction says anything of the other.
    """
    from scipy.optimize import brentq

    up, down = per_run(forward, "forward"), per_run(backward, "backward")
    shift = math.log(len(up) / len(down))

    def gap(dF: float) -> float:
        # Weighted by the numbers of runs, which makes the error the least possible.
        return float(_fermi(up - dF + shift).sum() - _fermi(down + dF - shift).sum())

    low, high = min(up.min(), -down.max()) - abs(shift) - 1, max(up.max(), -down.min()) + abs(shift) + 1
    dF = float(brentq(gap, low, high))
    a, b = _fermi(up - dF + shift), _fermi(down + dF - shift)
    slope = float((a * (1 - a)).sum() + (b * (1 - b)).sum())
    if slope < 1e-9:
        raise ValueError(
            f"forward works (from {up.min():g} up) and backward works (minus: up to {-down.min():g}) do not overlap, "
            "so that no dF can be told; run more of them, or more slowly."
        )
    return Estimate(dF, math.sqrt(len(a) * a.var() + len(b) * b.var()) / slope)


def _fermi(x: Floats) -> Floats:
    """1/(1 + e^x) without overflow."""
    return np.asarray(0.5 - 0.5 * np.tanh(x / 2))
