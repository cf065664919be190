"""Measurements on clouds of points, (n, d) arrays of ink or images alike, each with its standard error.

Entropy measures the degree of mixing, and relative entropy how far a cloud still is from equilibrium:

    S = -int p ln p dx,        KL(p || p_eq) = int p ln(p/p_eq) dx  >=  0        (nats)

estimated from n independent rows by counting in cells (up to three dimensions) or by nearest neighbours (up to eight).
Two clouds are compared by distances D(x, y) that vanish when their laws are the same, but are positive between finite
samples of one law: a value says something only beside its floor, the distance of real data from real data at equal
numbers. Every function that estimates a number returns `Estimate(value, stderr)`, and `.z(truth)` is its distance from
a known truth in standard errors.

| module | what is in it |
|---|---|
| `estimates` | `Estimate` and `Column`: values with their standard errors; the jackknife |
| `protocols` | what a `Metric` is and a model that can be judged: protocols for one's own |
| `cells` | `concentration`: counts in the cells of a domain |
| `entropies` | `entropy` with the Miller-Madow correction, `kl_to_equilibrium`, `uniformity_test`; exact ones |
| `neighbours` | `neighbour_entropy` of Kozachenko and Leonenko, between walls |
| `chi_square` | `chi2_to_equilibrium`, without bias, from pairs in one cell |
| `motion` | `msd` and `correlation` with the start |
| `sample_distances` | `frechet_distance`, `energy_distance`; classes and nearest neighbours of generated images |
| `sliced_wasserstein` | `sliced_wasserstein`, optimal transport along random lines |
| `feature_classifier` | `FeatureClassifier`, whose features the Frechet distance of pictures takes |
| `memorisation` | `copied_share` and `denoising_loss` |
| `modes` | `modes_covered` of a mixture |
| `plausibility` | `plausibility` and its calibration: p-values of density |
| `evaluation` | `judge`: a model by all of these, each beside its floor |

Reference: T. M. Cover and J. A. Thomas, Elements of Information Theory, 2nd ed. (2006); G. J. Szekely and M. L. Rizzo,
Energy statistics, J. Statist. Plann. Inference 143 (2013) 1249.
"""

from inkdiff.metrics.cells import concentration
from inkdiff.metrics.chi_square import chi2_to_equilibrium
from inkdiff.metrics.entropies import (
    ChiSquare,
    binned_entropy,
    entropy,
    gaussian_entropy,
    kl_to_equilibrium,
    uniform_entropy,
    uniformity_test,
)
from inkdiff.metrics.estimates import Column, Estimate
from inkdiff.metrics.feature_classifier import FeatureClassifier
from inkdiff.metrics.memorisation import copied_share, denoising_loss
from inkdiff.metrics.modes import ModeCoverage, modes_covered
from inkdiff.metrics.motion import correlation, msd
from inkdiff.metrics.neighbours import neighbour_entropy
from inkdiff.metrics.plausibility import calibration_p_value, plausibility
from inkdiff.metrics.protocols import HasLikelihood, LogLikelihood, Metric, Sampleable
from inkdiff.metrics.sample_distances import (
    ClassHistogram,
    class_histogram,
    classify,
    energy_distance,
    frechet_distance,
    nearest_distance_ratio,
)
from inkdiff.metrics.sliced_wasserstein import sliced_wasserstein

__all__ = [
    "ChiSquare",
    "ClassHistogram",
    "Column",
    "Estimate",
    "FeatureClassifier",
    "HasLikelihood",
    "LogLikelihood",
    "Metric",
    "ModeCoverage",
    "Sampleable",
    "binned_entropy",
    "calibration_p_value",
    "chi2_to_equilibrium",
    "class_histogram",
    "classify",
    "concentration",
    "copied_share",
    "correlation",
    "denoising_loss",
    "energy_distance",
    "entropy",
    "frechet_distance",
    "gaussian_entropy",
    "kl_to_equilibrium",
    "modes_covered",
    "msd",
    "nearest_distance_ratio",
    "neighbour_entropy",
    "plausibility",
    "sliced_wasserstein",
    "uniform_entropy",
    "uniformity_test",
]
