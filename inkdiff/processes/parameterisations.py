r"""Five ways to say the same thing: what a network may predict of a noised point x_t = alpha x_0 + sigma eps,

    noise       eps                                    the score times -sigma
    data        x_0                                    the denoised point
    v           alpha eps - sigma x_0                  Salimans and Ho's, of unit size where alpha^2 + sigma^2 = 1
    velocity    dx_t/dt = alpha' x_0 + sigma' eps      flow matching's, at fixed x_0 and eps
    score       grad log p_t = -eps/sigma

in the mean over what x_t may have come from. At one x_t a prediction of one is a prediction of all; what differs is how
errors weigh. Each is a linear equation for (x_0, eps) beside alpha x_0 + sigma eps = x_t; where alpha = 0 noise and
score are known from x_t alone and say nothing of x_0, the other three do.

References: T. Salimans and J. Ho, Progressive distillation for fast sampling (2022), section 4 and appendix D;
Y. Lipman et al., Flow matching for generative modeling (2022), arXiv:2210.02747.
"""

from __future__ import annotations

from inkdiff._core import checks
from inkdiff._core.backend import Array, Time, array_module
from inkdiff.processes.base import Process, check_process

__all__ = ["KINDS", "convert", "data_and_noise", "from_data_and_noise"]

KINDS = ("noise", "data", "v", "velocity", "score")


def convert(process: Process, x_t: Array, t: Time, value: Array, *, source: str, to: str) -> Array:
    """A prediction of one kind as a prediction of another.

    Parameters
    ----------
    process : a process in free space; between walls only the score means anything
    x_t : (n, d) noised points. t : a time > 0, or (n,)
    value : (n, d), the prediction
    source, to : "noise", "data", "v", "velocity" or "score"

    Returns
    -------
    (n, d), in the dtype of x_t. Exact to rounding; there and back is the identity.

    Raises
    ------
    ValueError, TypeError
        For an unknown kind, unlike shapes, t = 0, a process with walls, or noise or score where alpha = 0 and more than
        they tell is asked for.
    """
    check_process(process)
    if not process.domain.free:
        raise ValueError("process has walls, where a noised point is no sum of data and noise; use its score.")
    for name, kind in (("source", source), ("to", to)):
        if kind not in KINDS:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, KINDS))}, got {kind!r}.")
    x_t, value = checks.state(x_t, "x_t"), checks.state(value, "value")
    checks.same_shape(value, x_t.shape, "value", "x_t")
    array_module(x_t=x_t, t=t, value=value)
    t = process.check_row_times(t, len(x_t), why_positive="without noise there is nothing to predict")
    if source == to:
        return value
    blind = ("noise", "score")
    if source in blind and to not in blind and bool((array_module(t).asarray(process.alpha(t)) == 0).any()):
        raise ValueError(f"source={source!r} says nothing of the data where alpha = 0; give t where alpha > 0.")
    if source in blind and to in blind:  # known without the data
        sigma = _columns(x_t, process.sigma(t))[0]
        return -value / sigma if to == "score" else -sigma * value
    data, noise = data_and_noise(process, x_t, t, value, source)
    return from_data_and_noise(process, t, data, noise, to)


def data_and_noise(process: Process, x_t: Array, t: Time, value: Array, source: str) -> tuple[Array, Array]:
    """(x_0, eps), (n, d) each, that a prediction of kind `source` implies."""
    alpha, sigma = _columns(x_t, process.alpha(t), process.sigma(t))
    if source == "data":
        return value, (x_t - alpha * value) / sigma
    if source == "v":
        size = alpha**2 + sigma**2
        return (alpha * x_t - sigma * value) / size, (alpha * value + sigma * x_t) / size
    if source == "velocity":
        alpha_rate, sigma_rate = _columns(x_t, process.alpha_rate(t), process.sigma_rate(t))
        size = alpha * sigma_rate - sigma * alpha_rate
        return (sigma_rate * x_t - sigma * value) / size, (alpha * value - alpha_rate * x_t) / size
    noise = -sigma * value if source == "score" else value
    return (x_t - sigma * noise) / alpha, noise


def from_data_and_noise(process: Process, t: Time, data: Array, noise: Array, to: str) -> Array:
    """The quantity `to` at x_0 = `data` and eps = `noise`, (n, d)."""
    if to in ("data", "noise"):
        return data if to == "data" else noise
    alpha, sigma = _columns(noise, process.alpha(t), process.sigma(t))
    if to == "score":
        return -noise / sigma
    if to == "v":
        return alpha * noise - sigma * data
    alpha_rate, sigma_rate = _columns(noise, process.alpha_rate(t), process.sigma_rate(t))
    return alpha_rate * data + sigma_rate * noise


def _columns(x: Array, *values: Time) -> list[Array]:
    """Numbers, or one per row, as columns of the dtype of x."""
    xp = array_module(x)
    return [xp.asarray(value, x.dtype).reshape(-1, 1) for value in values]
