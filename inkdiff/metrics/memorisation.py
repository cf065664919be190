r"""Memorisation: the share of samples that are copies of training points, and the denoising loss on new data.

A sample is a copy if it lies far closer to one training point than to any other,

    |x - x_(1)| < closer |x - x_(2)|,      closer = 1/3,

x_(1), x_(2) being its nearest and second-nearest (different) training points: a test without a length to choose, that
real data hardly ever meet. From the inside, memorisation shows in the denoising loss,

    loss(x_0) = mean over t of E |sigma_t (score(x_t, t) - grad log p(x_t | x_0))|^2/d,

on images of the training and on others: equal for a model of the law, apart for one of the sample. In free space this
is the squared error of the predicted noise.

References: T. Yoon, J. Y. Choi, S. Kwon, E. K. Ryu, Diffusion probabilistic models generalize when they fail to
memorize (2023), for the third; Z. Kadkhodaie et al. (2024), arXiv:2310.02557.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module, asnumpy
from inkdiff.datasets.dataset import Dataset
from inkdiff.metrics.estimates import Estimate
from inkdiff.metrics.sample_distances import points
from inkdiff.processes.base import Process, check_process, closed_form_domain
from inkdiff.scores.base import ScoreFunction
from inkdiff.simulation.forward import diffuse

__all__ = ["copied_share", "denoising_loss"]


def copied_share(samples: Array | Dataset, train: Array | Dataset, *, closer: float = 1 / 3) -> Estimate:
    """Share of the samples that are copies of a training point, with its binomial standard error.

    The error is that of a share with one more sample of either kind, so that 0 of n has one too. Training points that
    occur twice count once. The search (scipy's cKDTree) runs on the host; CuPy arrays are copied.

    Parameters
    ----------
    samples, train
        Arrays (n, d) or data sets with equal d; at least two different training points.
    closer
        A copy is closer to one training point than `closer` times the distance to the next, 0 < closer < 1.

    Raises
    ------
    ValueError
        If shapes do not fit, there are fewer than two different training points, or `closer` is out of range.
    """
    from scipy.spatial import cKDTree

    known = asnumpy(points(train, "train")).astype(np.float64)
    x = asnumpy(points(samples, "samples", like=known)).astype(np.float64)
    if not 0 < checks.real(closer, "closer") < 1:
        raise ValueError(f"closer must lie between 0 and 1, got {closer}; 1/3 is usual.")
    known = np.unique(known, axis=0)
    if len(known) < 2:
        raise ValueError("train must hold at least two different points: a copy is recognised by the second-nearest.")
    first, second = np.asarray(cKDTree(known).query(x, k=2)[0]).T
    n, copies = len(x), int(np.count_nonzero(first < closer * second))
    share = (copies + 1) / (n + 2)
    return Estimate(copies / n, math.sqrt(share * (1 - share) / (n + 2)))


def denoising_loss(
    process: Process, score: ScoreFunction, x_0: Array, times: Sequence[float], *, seed: int
) -> Estimate:
    """Mean denoising loss of a score on data x_0 (n, d), process coordinates, over `times` > 0; dimensionless.

    One noisy copy of every row at every time, with the noise of `inkdiff.diffuse` and `seed`; two data sets are so
    compared under the same noise. The error is that of the mean over rows. The least value, that of the score of the
    law itself, is not 0: what cannot be known of the noise remains.

    Raises
    ------
    ValueError, TypeError
        If x_0 is not finite or not (n, d) with n >= 2, a time is not within the process, or its law has no closed form.
    """
    check_process(process)
    closed_form_domain(process, "a denoising loss")
    x_0 = checks.state(x_0, "x_0")
    if len(x_0) < 2 or not len(times):
        raise ValueError(f"x_0 and times must hold at least two rows and one time, got {len(x_0)} and {len(times)}.")
    xp = array_module(x_0)
    loss = xp.zeros(len(x_0))
    for step, t in enumerate(times):
        x_t = diffuse(process, x_0, t, seed=seed, step=step)
        error = score(x_t, t) - process.score_transition(x_t, t, x_0)
        loss += process.variance(t) * (error.astype(np.float64) ** 2).mean(1)
    return Estimate.of_mean(asnumpy(loss) / len(times))
