r"""How many of a mixture's modes do samples reach? A generator may draw well and yet leave out what it draws badly.

A sample counts as near the mode it is closest to if it lies within 3 standard deviations of it; so do

    P(chi^2_d <= 9) = 1 - e^(-9/2) = 0.989        (d = 2)

of real points. A mode counts as covered if at least a third of its fair share n w_k of the samples lies near it. The
custom in studies of mode collapse is milder, one sample: `least=0`. With thousands of samples one stray is no mode.

References: A. Srivastava et al., VEEGAN (2017), arXiv:1705.07761, section 4.1 (3 standard deviations, modes counted);
Z. Lin et al., PacGAN (2018), arXiv:1712.04086.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, asnumpy
from inkdiff.datasets.dataset import Dataset
from inkdiff.datasets.densities import GaussianMixture
from inkdiff.metrics.estimates import Estimate
from inkdiff.metrics.sample_distances import points

__all__ = ["ModeCoverage", "modes_covered"]


class ModeCoverage(NamedTuple):
    """How many modes are covered, of how many; what each gets, in fair shares; and the share of samples near one."""

    covered: int
    modes: int
    fair_shares: Floats
    near: Estimate
    near_real: float  # `near` of the mixture itself


def modes_covered(
    samples: Array | Dataset, mixture: Dataset | GaussianMixture, *, least: float = 1 / 3, within: float = 3.0
) -> ModeCoverage:
    """How many modes of a mixture of Gaussians the samples cover.

    Parameters
    ----------
    samples : (n, 2) array or data set.
    mixture : a data set whose density is a mixture of separate Gaussians (`eight_gaussians`, `grid_gaussians`), or that
        density.
    least : share of its fair share of the samples that a mode must get near it; 0: at least one sample.
    within : how near, in standard deviations.

    Raises
    ------
    ValueError, TypeError
        If the samples do not fit, the mixture has no modes that are known and 2 `within` standard deviations apart, or
        a number is out of range.
    """
    from scipy.spatial import cKDTree
    from scipy.stats import chi2

    x = asnumpy(points(samples, "samples")).astype(np.float64)
    density = mixture.density if isinstance(mixture, Dataset) else mixture
    if not isinstance(density, GaussianMixture):
        raise TypeError(
            f"mixture must be a data set with known modes, such as eight_gaussians, got {checks.show(mixture)}."
        )
    least, within = checks.real(least, "least"), checks.positive(within, "within")
    if not 0 <= least <= 1:
        raise ValueError(f"least must be a share between 0 and 1, got {least}.")
    tree, (n, d), modes = cKDTree(density.nodes), x.shape, len(density.nodes)
    if d != density.nodes.shape[1]:
        raise ValueError(
            f"samples has {d} columns where {density.nodes.shape[1]} are expected: compare like with like."
        )
    if tree.query_pairs(2 * within * float(np.max(density.sd))):
        raise ValueError(
            f"mixture: some of its {modes} modes lie within 2 x {within:g} standard deviations of each other, so that "
            "a sample may be near two; give separate modes, or a smaller within."
        )
    distance, nearest = (np.asarray(found) for found in tree.query(x))
    near = distance <= within * np.broadcast_to(density.sd, modes)[nearest]
    counts = np.bincount(nearest[near], minlength=modes)
    covered = int(np.count_nonzero((counts >= least * n * density.weights) & (counts > 0)))
    share = float(near.mean())
    binomial = math.sqrt(share * (1 - share) / n)
    return ModeCoverage(
        covered, modes, counts / (n * density.weights), Estimate(share, binomial), float(chi2.cdf(within**2, d))
    )
