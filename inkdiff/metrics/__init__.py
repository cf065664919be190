"""Measurements on clouds of points, (n, d) arrays of ink or images alike, each with its standard error.

An estimate without its error says nothing: every function here that estimates a number from samples returns
`Estimate(value, stderr)`, and `.z(truth)` is its distance from a known truth in standard errors.
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
    "ModeCoverage",
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
