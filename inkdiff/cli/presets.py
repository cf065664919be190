"""Processes by a short name, with settings that suit data of unit size, for the command line.

    vp        VariancePreserving, linear beta       dx = -beta x/2 dt + sqrt(beta) dW
    cosine    VariancePreserving, cosine alpha
    ddpm      VariancePreserving, a table of 1000 steps
    sub_vp    SubVariancePreserving, linear beta    less noise on the way
    straight  Straight                              x_t = (1 - t) x_0 + t eps
    bowl      OrnsteinUhlenbeck                     dx = -k x dt + sqrt(2 D) dW
    ve        VarianceExploding in free space       dx = g dW
    glass     VarianceExploding between the walls of a box that holds the data

References: Ho et al. (2020); Y. Song et al. (2021), section 3.4; Nichol, Dhariwal (2021) for the cosine.
"""

from __future__ import annotations

from inkdiff._core.registry import register
from inkdiff.datasets import Dataset
from inkdiff.domains.box import Box
from inkdiff.processes import OrnsteinUhlenbeck, Straight, SubVariancePreserving, VarianceExploding, VariancePreserving

__all__ = ["bowl", "cosine", "ddpm", "glass", "straight", "sub_vp", "ve", "vp"]


@register(kind="process")
def vp(beta_min: float = 0.1, beta_max: float = 20.0) -> VariancePreserving:
    """beta(t) = beta_min + t (beta_max - beta_min)."""
    return VariancePreserving.linear(beta_min, beta_max)


@register(kind="process")
def cosine(s: float = 0.008, end: float = 0.9946) -> VariancePreserving:
    """alpha(t) = cos(pi/2 (end t + s)/(1 + s)) / cos(pi/2 s/(1 + s))."""
    return VariancePreserving.cosine(s, end)


@register(kind="process")
def ddpm(T: int = 1000, beta_1: float = 1e-4, beta_T: float = 0.02) -> VariancePreserving:
    """Integer t = 0 ... T, variances beta_1 ... beta_T equally spaced."""
    return VariancePreserving.ddpm(T, beta_1, beta_T)


@register(kind="process")
def sub_vp(beta_min: float = 0.1, beta_max: float = 20.0) -> SubVariancePreserving:
    """beta as that of `vp`, the variance (1 - alpha^2)^2."""
    return SubVariancePreserving.linear(beta_min, beta_max)


@register(kind="process")
def straight() -> Straight:
    """The path of flow matching, t in [0, 1]."""
    return Straight()


@register(kind="process")
def bowl(D: float = 1.0, k: float = 1.0) -> OrnsteinUhlenbeck:
    """A harmonic bowl of stiffness k."""
    return OrnsteinUhlenbeck(D=D, k=k)


@register(kind="process")
def ve(sigma_min: float = 0.01, sigma_max: float = 50.0) -> VarianceExploding:
    """Noise of sigma_min ... sigma_max in free space."""
    return VarianceExploding(sigma_min, sigma_max)


@register(kind="process")
def glass(data: Dataset, sigma_min: float = 0.01, sigma_max: float = 1.5) -> VarianceExploding:
    """Noise of sigma_min ... sigma_max, in widths of a box: the range of the data, or all points with a margin."""
    low, high = data.range or (float(data.x.min()), float(data.x.max()))
    margin = 0.0 if data.range else 0.05 * (high - low)
    side = high - low + 2 * margin
    return VarianceExploding(sigma_min * side, sigma_max * side, Box(low - margin, high + margin))
