"""Free space and the harmonic bowl: Gaussian transitions, spreading and relaxation, scores and their walk back.

    x_t | x_0  ~  N(alpha_t x_0, sigma_t^2),        E[score] = 0,   E[(x - mean) . score] = -d,   E|score|^2 = dS/d(v/2)

References: A. Einstein (1905), equation 11 and section 5; G. E. Uhlenbeck and L. S. Ornstein (1930); C. Stein (1981);
B. D. O. Anderson (1982).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from inkdiff._core.backend import Floats, Time
from inkdiff.metrics import Estimate, gaussian_entropy
from inkdiff.physics.fluctuations import path_entropy
from inkdiff.physics.materials import stokes_einstein
from inkdiff.processes.base import Process
from inkdiff.processes.brownian import Brownian, OrnsteinUhlenbeck
from inkdiff.processes.distributions import Gaussian
from inkdiff.processes.straight import Straight
from inkdiff.processes.variance_exploding import VarianceExploding
from inkdiff.processes.variance_preserving import SubVariancePreserving, VariancePreserving
from inkdiff.scores import GaussianScore, MixtureScore
from inkdiff.simulation.forward import diffuse, simulate
from inkdiff.simulation.reverse import reverse
from inkdiff.verification.identity import Row, identity

__all__ = [
    "ddpm_chapman_kolmogorov", "free_diffusion", "gaussian_entropy_and_its_rate", "integral_fluctuation_theorem",
    "noise_schedules", "ornstein_uhlenbeck_correlation", "ornstein_uhlenbeck_relaxation", "reverse_diffusion",
    "stein_identity", "stokes_einstein_spheres", "transitions_of_a_linear_process",
]  # fmt: skip


def _gaussian(x: Floats, mean: float, variance: float, label: str = "") -> Iterator[Row]:
    """Mean, variance and fourth moment of samples of N(mean, variance)."""
    y = x.astype(np.float64).reshape(-1) - mean
    yield Row(f"{label}mean", Estimate.of_mean(y), 0)
    yield Row(f"{label}variance", Estimate.of_mean(y**2), variance)
    yield Row(f"{label}fourth moment", Estimate.of_mean(y**4), 3 * variance**2)


@identity
def free_diffusion(n: int, seed: int) -> Iterator[Row]:
    """Brownian motion in free space: N(x_0, 2 D t), in one step and in 30."""
    process = Brownian(0.7)
    for steps in (1, 30):
        x = simulate(process, np.full((n, 1), 2.0), [0, 0.5], seed=seed, steps=steps, observe={}).last
        yield from _gaussian(x, 2.0, 0.7, f"{steps} steps: ")


@identity
def stokes_einstein_spheres(n: int, seed: int) -> Iterator[Row]:
    """Spheres of 1 um, 17 C, eta = 1.35 mPa s: Einstein's 0.8 um in 1 s and 6 um in a minute (his rounding: 5 %)."""
    D = stokes_einstein(0.5e-6, 290.15, viscosity=1.35e-3)
    for t, stated in ((1.0, 0.8e-6), (60.0, 6e-6)):
        x = simulate(Brownian(D), np.zeros((min(n, 100_000), 1)), [0, t], seed=seed, observe={}).last
        square = Estimate.of_mean(x**2)
        rms = math.sqrt(square.value)
        yield Row(f"rms in {t:g} s", Estimate(rms, square.stderr / (2 * rms)), math.sqrt(2 * D * t))
        yield Row(f"stated, {t:g} s", Estimate(rms, 0.05 * stated / 2), stated)


@identity
def ornstein_uhlenbeck_relaxation(n: int, seed: int) -> Iterator[Row]:
    """Ornstein-Uhlenbeck: mean x_0 exp(-k t), variance (D/k)(1 - exp(-2 k t)), in one step and in 20."""
    process = OrnsteinUhlenbeck(D=0.6, k=1.5)
    for steps in (1, 20):
        x = simulate(process, np.full((n, 1), 1.2), [0, 0.4], seed=seed, steps=steps, observe={}).last
        variance = 0.4 * -math.expm1(-2 * 1.5 * 0.4)
        yield from _gaussian(x, 1.2 * math.exp(-0.6), variance, f"{steps} steps: ")


@identity
def ornstein_uhlenbeck_correlation(n: int, seed: int) -> Iterator[Row]:
    """At equilibrium <x_t x_0> = (D/k) exp(-k t), and time has no arrow: <x_t x_0^3> = <x_t^3 x_0>."""
    process = OrnsteinUhlenbeck(D=0.6, k=1.5)
    x0 = process.equilibrium.sample(n, 1, seed=seed, dtype=np.float64)
    x = simulate(process, x0, [0, 0.3], seed=seed, observe={}).last
    yield Row("correlation", Estimate.of_mean(x * x0), 0.4 * math.exp(-0.45))
    yield Row("reversibility", Estimate.of_mean(x * x0**3 - x**3 * x0), 0)


@identity
def noise_schedules(n: int, seed: int) -> Iterator[Row]:
    """x_t = alpha_t x_0 + sigma_t eps for every schedule, by the jump and by the walk."""
    schedules = {
        "linear": (VariancePreserving.linear(), 0.4), "cosine": (VariancePreserving.cosine(), 0.5),
        "exploding": (VarianceExploding(0.01, 5.0), 0.7), "sub-VP": (SubVariancePreserving.linear(), 0.3),
        "straight": (Straight(), 0.6),
    }  # fmt: skip
    start = np.full((n, 1), 0.8, np.float32)
    for name, (process, t) in schedules.items():
        mean, variance = 0.8 * float(process.alpha(t)), float(process.variance(t))
        yield from _gaussian(diffuse(process, start, t, seed=seed), mean, variance, f"{name}, jump: ")
        walked = simulate(process, start, [0, t], seed=seed, steps=10, observe={}).last
        yield from _gaussian(walked, mean, variance, f"{name}, walk: ")


class _WarmingBowl(Process):
    """dx = -x dt + sqrt(2 (1 + t/tau)) dW, tau = 0.3: in detailed balance at no time; its transition is the default."""

    def log_alpha(self, t: Time) -> Time:
        """-t."""
        return -1.0 * t

    def variance(self, t: Time) -> Time:
        """(1 - e^(-2t)) (1 - 1/(2 tau)) + t/tau."""
        return -np.expm1(-2 * t) * (1 - 1 / 0.6) + t / 0.3

    def f(self, t: Time) -> Time:
        """-1."""
        return -1.0 + 0 * t

    def g2(self, t: Time) -> Time:
        """2 (1 + t/tau)."""
        return 2 * (1 + t / 0.3)


@identity
def transitions_of_a_linear_process(n: int, seed: int) -> Iterator[Row]:
    """x_t | x_s ~ N(A x_s, sigma_t^2 - A^2 sigma_s^2), A = alpha_t/alpha_s, where no balance ties drift and noise."""
    process, t = _WarmingBowl(), 0.5
    start = np.full((n, 1), 0.8, np.float32)
    walked = simulate(process, start, [0, t], seed=seed, steps=5, observe={}).last
    yield from _gaussian(walked, 0.8 * float(process.alpha(t)), float(process.variance(t)))


@identity
def ddpm_chapman_kolmogorov(n: int, seed: int) -> Iterator[Row]:
    """DDPM's table: 1000 steps and one jump have one law (Chapman and Kolmogorov)."""
    process, few = VariancePreserving.ddpm(), min(n, 300_000)
    walked = simulate(process, np.full((few, 1), 0.8, np.float32), [0, 1000], seed=seed, steps=1000, observe={}).last
    yield from _gaussian(walked, 0.8 * float(process.alpha(1000)), float(process.variance(1000)))


@identity
def gaussian_entropy_and_its_rate(n: int, seed: int) -> Iterator[Row]:
    """-E ln p = (d/2) ln(2 pi e (s_0^2 + 2 D t)), and its rate D E|score|^2 = d D/(s_0^2 + 2 D t)."""
    process, d, v0, t = Brownian(0.7), 3, 0.5, 0.4
    score = GaussianScore(process, [0.0] * d, v0)
    x0 = Gaussian(v0).sample(min(n, 300_000), d, seed=seed, dtype=np.float64)
    x = simulate(process, x0, [0, t], seed=seed, observe={}).last
    v = v0 + 2 * 0.7 * t
    log_p = -(x**2).sum(1) / (2 * v) - d / 2 * math.log(2 * math.pi * v)
    yield Row("entropy", Estimate.of_mean(-log_p), gaussian_entropy(v, d))
    yield Row("rate", Estimate.of_mean(0.7 * (score(x, t) ** 2).sum(1)), d * 0.7 / v)


@identity
def stein_identity(n: int, seed: int) -> Iterator[Row]:
    """E[score] = 0, E[x . score] = -d, for a mixture of Gaussians under noise."""
    process, few = VariancePreserving.linear(), min(n, 300_000)
    means, shares = np.array([[-1.0, 0.5], [1.5, -0.5]]), np.array([0.3, 0.7])
    score = MixtureScore(process, shares, means, [0.05, 0.2])
    which = (np.arange(few) % 10 >= 3).astype(int)
    spread = np.sqrt(np.array([0.05, 0.2]))[which, None]
    x0 = means[which] + spread * Gaussian(1.0).sample(few, 2, seed=seed, dtype=np.float64)
    x = diffuse(process, x0, 0.3, seed=seed)
    u = score(x, 0.3)
    yield Row("E score_x", Estimate.of_mean(u[:, 0]), 0)
    yield Row("E score_y", Estimate.of_mean(u[:, 1]), 0)
    yield Row("E x . score", Estimate.of_mean((x * u).sum(1)), -2)


@identity
def reverse_diffusion(n: int, seed: int) -> Iterator[Row]:
    """Back from noise with the exact score: to N(0, v_0) in 400 steps, to 1 %; from one point by ancestral, exactly."""
    process, few = VariancePreserving.linear(), min(n, 100_000)
    x = Gaussian(1.0).sample(few, 1, seed=seed, dtype=np.float64)
    point = GaussianScore(process, [0.7], 1e-12)
    times = [1.0, 0.8, 0.6, 0.4, 0.2, 0.1]  # at the last ones little of the start is left: the push decides
    start = 0.7 * process.alpha(1.0) + process.sigma(1.0) * x
    back = reverse(process, point, start, times, seed=seed, sampler="ancestral", observe={}).last
    yield from _gaussian(back, 0.7 * float(process.alpha(times[-1])), float(process.variance(times[-1])), "ancestral: ")
    v0 = 0.3
    score = GaussianScore(process, [0.0], v0)
    for sampler in ("ddim", "euler_maruyama", "heun"):
        back = reverse(process, score, x, [1.0, 0.0], seed=seed, steps=400, sampler=sampler, observe={}).last
        square = Estimate.of_mean(back**2)
        error = math.hypot(square.stderr, 0.01 * v0 / 2)  # the order of the step, beside the statistical error
        yield Row(sampler, Estimate(square.value, error), v0)


@identity
def integral_fluctuation_theorem(n: int, seed: int) -> Iterator[Row]:
    """<exp(-dS)> = 1 over paths of a relaxing cloud, dS the total entropy produced (integral fluctuation theorem)."""
    process, few, t = OrnsteinUhlenbeck(1.0, 1.0), min(n, 400_000), 0.3
    start = Gaussian(2.0)
    x0 = start.sample(few, 1, seed=seed, dtype=np.float64)
    path = simulate(process, x0, [0, t], seed=seed)
    v = float(process.alpha(t)) ** 2 * 2.0 + float(process.variance(t))
    entropy = path_entropy(process, path, start.log_density(x0), Gaussian(v).log_density(path.last))
    yield Row("<exp(-dS)>", Estimate.of_mean(np.exp(-entropy)), 1)
