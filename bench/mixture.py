"""The exact score of two Gaussians in many dimensions: without rotations, and with them.

    score  =  sum_k r_k(x) C_k^-1 (alpha m_k - x):        O(n k d) for variances,  O(n k d^2) for matrices

The same mixture of isotropic Gaussians twice, once its variance given as a number, once as matrices, at one time for
all rows and at one for each. Both give the same score, which is compared before anything is timed.

Reference: `inkdiff.scores.mixture`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import inkdiff as ink

from .measure import Aim, Case, Contender, Settings

__all__ = ["cases"]

_ROWS, _D, _VARIANCE = 4096, 256, 0.3
_BAR = 5.0  # times the speed of the general way


def cases(settings: Settings) -> Iterator[Case]:
    """One time, and a time for each row."""
    n = settings.size(_ROWS, 64)
    process = ink.VariancePreserving.linear()
    x = ink.normal(n * _D, seed=1).reshape(n, _D).astype(np.float64)
    means = ink.normal(2 * _D, seed=2).reshape(2, _D)
    plain = ink.MixtureScore(process, [0.4, 0.6], means, _VARIANCE)
    general = ink.MixtureScore(process, [0.4, 0.6], means, [_VARIANCE * np.eye(_D)] * 2)
    times = {"one time": 0.4, "a time for each row": np.linspace(0.1, 0.9, n)}
    for name, t in times.items():
        np.testing.assert_allclose(plain(x, t), general(x, t), rtol=1e-9, atol=1e-9)
        contenders = [
            Contender("isotropic", lambda t=t: plain(x, t), n, "MixtureScore, a number as variance"),
            Contender("matrices", lambda t=t: general(x, t), n, "MixtureScore, the same as matrices (k, d, d)"),
        ]
        title = f"score of two Gaussians, d = {_D}, float64, {name}"
        # With two threads the matrices are multiplied by both, and the rest is done by one.
        aims = [Aim("matrices", "at least", _BAR)] if settings.threads == 1 else []
        yield Case(f"mixture, {name}", title, "rows", contenders, aims)
