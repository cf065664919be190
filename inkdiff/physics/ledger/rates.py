"""How fast entropy grows, particle by particle: the score measures it. For dx = f x dt + g dW in d dimensions,

    dS/dt            = E[div (f x)] + (g^2/2) E|s|^2,                      s = grad ln p_t      (de Bruijn, with drift)
    dS_produced/dt   = (g^2/2) E|s - 2 f x/g^2|^2 = -dKL(p_t || p_eq)/dt  >= 0
    dKL(p_t||q_t)/dt = -(g^2/2) E_p|grad ln (p/q)|^2                       for two solutions p, q of one process.

The second law is the second line: the entropy produced is never negative, while the entropy of the ink itself may fall
(a wide cloud in a narrow bowl); the difference of the two flows to the bath. The middle line's second equality holds
where f/g^2 is constant in time, as for every process here. The third line makes the error of a learned score q an
irreversibility: the information it cannot bring back. Between walls the terms at the boundary vanish, because ink
does not flow through (reflecting) or flows back in (periodic).

Approaching equilibrium, in a box with slowest rate lam_1 = D (2 pi/period)^2 or in a bowl, lam_1 = -f,

    chi^2_t <= chi^2_s exp(-2 int_s^t lam_1),      KL_t <= KL_s exp(-2 int_s^t lam_1),

by the inequalities of Poincare and of log-Sobolev, whose constants agree for both kinds of equilibrium.

Reference: A. J. Stam, Information and Control 2 (1959) 101, for de Bruijn's identity; U. Seifert, Rep. Prog. Phys. 75
(2012) 126001, section 2; Bakry, Gentil and Ledoux (2014), theorems 4.2.5, 5.2.1 and propositions 4.5.5, 5.7.5.
"""

from __future__ import annotations

from typing import Any

from inkdiff._core import checks
from inkdiff._core.backend import Array
from inkdiff.processes.base import Process

__all__ = ["divergence_rate", "entropy_production", "entropy_rate", "relaxation"]


def entropy_rate(process: Process, x: Array, t: float, u: Array) -> Array:
    """d f + (g^2/2)|u|^2 for every row, (n,), u (n, d) being the score at x (n, d): its mean is dS/dt, nats/time."""
    return x.shape[1] * process.f(t) + process.g2(t) / 2 * (u**2).sum(1)


def entropy_production(process: Process, x: Array, t: float, u: Array) -> Array:
    """(g^2/2)|u - 2 f x/g^2|^2 for every row, (n,): its mean is the entropy produced, nats/time, never negative."""
    return process.g2(t) / 2 * ((u - 2 * process.f(t) / process.g2(t) * x) ** 2).sum(1)


def divergence_rate(process: Process, t: float, u: Array, v: Array) -> Array:
    """-(g^2/2)|u - v|^2 for every row, (n,); u, v (n, d) the scores of p and q at particles of p: mean dKL(p||q)/dt."""
    return -process.g2(t) / 2 * ((u - v) ** 2).sum(1)


def relaxation(process: Process, s: Any, t: Any, d: int) -> Any:
    """exp(-2 int_s^t lam_1), the factor by which KL and chi^2 to equilibrium fall at least from time s to t >= s.

    Raises
    ------
    ValueError
        If the process has no equilibrium.
    """
    equilibrium = process.equilibrium
    if equilibrium is None:
        raise ValueError(f"process={checks.show(process)} has no equilibrium: put it in a Box or take one that has.")
    return equilibrium.relaxation(*process.transition(s, t), d)
