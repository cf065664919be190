r"""Four ways to say the same thing: what a network may predict of a noised point x_t = alpha x_0 + sigma eps,

    noise    eps      = -sigma score
    data     x_0      = (x_t - sigma eps)/alpha
    velocity v        = alpha eps - sigma x_0
    score    u        = -eps/sigma

In each case the best prediction is an expectation given x_t, and these are linear maps of one another at fixed x_t, so
a prediction of one is a prediction of all; what differs is how errors weigh. With x_t = alpha x_0 + sigma eps the
velocity gives x_0 = (alpha x_t - sigma v)/(alpha^2 + sigma^2).

Reference: T. Salimans and J. Ho, Progressive distillation for fast sampling (2022), section 4 and appendix D.
"""

from __future__ import annotations

from typing import Any

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff.domains.box import Box
from inkdiff.processes.base import Process, check_process, closed_form_domain

__all__ = ["convert"]

_KINDS = ("noise", "data", "velocity", "score")


def convert(process: Process, x_t: Array, t: Any, value: Array, *, source: str, to: str) -> Array:
    """A prediction of one kind as a prediction of another.

    Parameters
    ----------
    process : a process in free space; between walls only the score means anything
    x_t : (n, d) noised points. t : a time > 0, or (n,)
    value : (n, d), the prediction
    source, to : "noise", "data", "velocity" or "score"

    Returns
    -------
    (n, d), in the dtype of x_t. Exact to rounding; there and back is the identity.

    Raises
    ------
    ValueError, TypeError
        For an unknown kind, unlike shapes, t = 0, or a process with walls.
    """
    check_process(process)
    if isinstance(closed_form_domain(process, "a prediction"), Box):
        raise ValueError("process has walls, where a noised point is no sum of data and noise; use its score.")
    for name, kind in (("source", source), ("to", to)):
        if kind not in _KINDS:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, _KINDS))}, got {kind!r}.")
    x_t, value = checks.state(x_t, "x_t"), checks.state(value, "value")
    checks.same_shape(value, x_t.shape, "value", "x_t")
    xp = array_module(x_t=x_t, t=t, value=value)
    t = process.check_row_times(t, len(x_t), why_positive="without noise there is nothing to predict")
    alpha, sigma = (xp.asarray(v, x_t.dtype).reshape(-1, 1) for v in (process.alpha(t), process.sigma(t)))
    if source == to:
        return value
    if source == "data":
        noise = (x_t - alpha * value) / sigma
    elif source == "velocity":
        noise = (alpha * value + sigma * x_t) / (alpha**2 + sigma**2)
    else:
        noise = -sigma * value if source == "score" else value
    data = (x_t - sigma * noise) / alpha
    return {"noise": noise, "data": data, "velocity": alpha * noise - sigma * data, "score": -noise / sigma}[to]
