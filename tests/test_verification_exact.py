"""Truth: identities with exact values, at 10^6 particles, by coarse and by fine steps, |z| < 5 throughout.

lam_n = D (n pi/L)^2 between reflecting walls, D (2 pi n/L)^2 on a torus. References stand in the modules; the numbers
one can measure are those of A. Einstein, Ueber die von der molekularkinetischen Theorie der Waerme geforderte Bewegung
(1905), section 5.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats

import inkdiff as ink
from inkdiff.domains.heat_kernel import log_heat_kernel

N = 10**6
STEPS = pytest.mark.parametrize("steps", [1, 20], ids=["coarse", "fine"])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def z(samples, truth):
    samples = np.asarray(samples, np.float64)
    return (samples.mean() - truth) / (samples.std() / math.sqrt(samples.size))


def at(place, n=N, dtype=np.float32):
    return np.full((n, 1), place, dtype)


# ---- between walls


@STEPS
@DTYPES
@pytest.mark.parametrize("wall", ["reflect", "periodic"])
def test_cosine_modes_decay_at_their_rate(steps, dtype, wall):
    """<cos k x_t> = cos(k x_0) exp(-D k^2 t) at any step: folding is exact for constant D and no drift."""
    D, lo, L, x0, t = 0.7, -1.0, 2.5, 0.1, 0.3
    p = ink.Brownian(D, ink.Box(lo, lo + L, wall))
    x = ink.simulate(p, at(x0, dtype=dtype), [0, t], seed=1, steps=steps, observe={}).last
    for n in (1, 2, 3):
        k = n * (math.pi if wall == "reflect" else 2 * math.pi) / L
        truth = math.cos(k * (x0 - lo)) * math.exp(-D * k * k * t)
        assert abs(z(np.cos(k * (x.astype(np.float64) - lo)), truth)) < 5
        if wall == "periodic":
            truth = math.sin(k * (x0 - lo)) * math.exp(-D * k * k * t)
            assert abs(z(np.sin(k * (x.astype(np.float64) - lo)), truth)) < 5


def test_each_axis_decays_at_its_own_rate():
    p = ink.Brownian(0.5, ink.Box([0, -1], [1, 3]))
    x = np.tile(np.array([[0.2, 0.5]], np.float32), (N, 1))
    last = ink.simulate(p, x, [0, 0.05, 0.1], seed=2, steps=3, observe={}).last.astype(np.float64)
    for axis, (lo, L) in enumerate([(0, 1), (-1, 4)]):
        k = math.pi / L
        truth = math.cos(k * (x[0, axis] - lo)) * math.exp(-0.5 * k * k * 0.1)
        assert abs(z(np.cos(k * (last[:, axis] - lo)), truth)) < 5
    assert abs(np.corrcoef(last.T)[0, 1]) * math.sqrt(N) < 5


@STEPS
def test_msd_from_a_uniform_start(steps):
    """MSD(t) = L^2/6 - (16 L^2/pi^4) sum_{n odd} n^-4 exp(-lam_n t)."""
    D, L = 0.3, 2.0
    p = ink.Brownian(D, ink.Box(0, L))
    x0 = p.equilibrium.sample(N, 1, seed=3)
    times = np.array([0, 0.05, 0.4, 3.0])
    run = ink.simulate(p, x0, times, seed=3, steps=steps, observe={"sq": lambda x: (x.astype(np.float64) - x0) ** 2})
    n = np.arange(1, 400, 2)
    for t, square in zip(times[1:], run.observed["sq"][1:], strict=True):
        series = (n**-4.0 * np.exp(-D * (n * math.pi / L) ** 2 * t)).sum()
        assert abs(z(square, L**2 / 6 - 16 * L**2 / math.pi**4 * series)) < 5


def test_chi_square_information_of_a_uniform_start():
    """Integral of p(x, x0)^2/(p p) - 1 = sum_{n >= 1} exp(-2 lam_n t); estimated by pairs that share their start."""
    D, t = 0.5, 0.05
    p = ink.Brownian(D, ink.Box(0, 1))
    x0 = p.equilibrium.sample(N, 1, seed=4, dtype=np.float64)
    x = ink.simulate(p, x0, [0, t], seed=4, observe={}).last
    ratio = np.exp(p.log_transition(x, t, x0))  # p(x | x0)/p(x), p uniform on [0, 1]
    truth = sum(math.exp(-2 * D * (n * math.pi) ** 2 * t) for n in range(1, 60))
    assert abs(z(ratio - 1, truth)) < 5


@STEPS
def test_equilibrium_is_uniform(steps):
    """2 N KL(p_hat || uniform) is chi^2 with K - 1 degrees of freedom, from any start, in two dimensions."""
    p = ink.Brownian(1.0, ink.Box([0, 0], [1, 2]))
    x = ink.simulate(p, np.tile(np.float32([[0.1, 1.9]]), (N, 1)), [0, 6], seed=5, steps=steps, observe={}).last
    counts = np.histogram2d(*x.T, bins=(10, 20), range=[(0, 1), (0, 2)])[0].ravel()
    statistic = 2 * (counts * np.log(counts / N * counts.size)).sum()
    assert abs(statistic - (counts.size - 1)) / math.sqrt(2 * (counts.size - 1)) < 5


def test_ficks_law():
    """Net crossings of a plane in a short time dt are -D dc/dx dt, up to the cube of dt^(1/2)."""
    D, t, dt, plane = 0.5, 0.02, 1e-4, 0.45
    p = ink.Brownian(D, ink.Box(0, 1))
    before = ink.simulate(p, at(0.3, dtype=np.float64), [0, t], seed=6, observe={}).last
    after = ink.simulate(p, before, [t, t + dt], seed=6, first_step=1, observe={}).last
    crossings = (after > plane).astype(float) - (before > plane)  # +1 to the right, -1 to the left, mostly 0
    middle = t + dt / 2
    density, slope = log_heat_kernel(*(np.array([[v]]) for v in (plane, 0.3, 2 * D * middle)), ink.Box(0, 1))
    gradient = math.exp(density[0]) * slope[0, 0]
    assert abs(z(crossings, -D * gradient * dt)) < 5


@pytest.mark.parametrize("wall", ["reflect", "periodic"])
def test_image_sum_equals_cosine_sum(wall):
    """p(x, t | x0) from images and from modes, side by side, at times where neither is short."""
    L, x0 = 1.5, 0.4
    box = ink.Box(0, L, wall)
    x = np.linspace(0, L, 31)[:, None]
    period = L if wall == "periodic" else 2 * L
    for v in (0.01, 0.1, 0.2 * L * L, 0.44, 0.46, 1.0, 5.0):
        n = np.arange(1, 200)
        if wall == "reflect":
            modes = (
                np.cos(n * math.pi * x / L) * np.cos(n * math.pi * x0 / L) * np.exp(-((n * math.pi / L) ** 2) * v / 2)
            )
        else:
            modes = np.cos(2 * math.pi * n * (x - x0) / L) * np.exp(-((2 * math.pi * n / L) ** 2) * v / 2)
        cosine_sum = (1 + 2 * modes.sum(1)) / L
        shifts = period * np.arange(-30, 31)
        images = stats.norm.pdf(x - x0 + shifts, 0, math.sqrt(v)).sum(1)
        if wall == "reflect":
            images += stats.norm.pdf(x + x0 + shifts, 0, math.sqrt(v)).sum(1)
        computed = np.exp(log_heat_kernel(x, np.full_like(x, x0), np.full_like(x, v), box)[0])
        assert np.allclose(images, cosine_sum, rtol=1e-9, atol=1e-12)
        assert np.allclose(computed, images, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("wall", ["reflect", "periodic"])
@pytest.mark.parametrize("v", [1e-6, 1e-3, 0.19, 0.21, 0.79, 0.81, 10.0])
def test_heat_kernel_is_normalised(wall, v):
    box, sigma = ink.Box(-1, 1, wall), math.sqrt(v)

    def density(x):
        return math.exp(log_heat_kernel(np.array([[x]]), np.array([[0.3]]), np.array([[v]]), box)[0][0])

    points = sorted({float(np.clip(0.3 + k * sigma, -1, 1)) for k in (-8, -2, 0, 2, 8)} | {-1.0, 1.0})
    total = sum(integrate.quad(density, a, b, epsabs=1e-12)[0] for a, b in pairwise(points))
    assert total == pytest.approx(1, abs=1e-9)


def test_walk_and_heat_kernel_agree_bin_by_bin():
    p = ink.VarianceExploding(0.01, 1.0, ink.Box(0, 1))
    t, x0, K = 0.7, 0.35, 40
    rho = np.zeros(400)
    for x in (ink.diffuse(p, at(x0), t, seed=7), ink.simulate(p, at(x0), [0, t], seed=7, steps=5).last):
        counts = np.histogram(x, K, (0, 1))[0]
        fine = (np.arange(K * 50)[:, None] + 0.5) / (K * 50)
        rho = np.exp(p.log_transition(fine, t, np.full_like(fine, x0))).reshape(K, 50).mean(1)
        chi2 = ((counts - N * rho / K) ** 2 / (N * rho / K)).sum()
        assert abs(chi2 - (K - 1)) / math.sqrt(2 * (K - 1)) < 5


# ---- in free space and in bowls


@STEPS
@DTYPES
def test_free_msd(steps, dtype):
    """<|x - x0|^2> = 2 d D t; the fourth moment of a Gaussian with it."""
    D, t, d = 1.3, 0.8, 2
    x = ink.simulate(ink.Brownian(D), np.zeros((N // d, d), dtype), [0, t], seed=8, steps=steps, observe={}).last
    x = x.astype(np.float64)
    assert abs(z((x**2).sum(1), 2 * d * D * t)) < 5
    assert abs(z(x**4, 3 * (2 * D * t) ** 2)) < 5
    assert abs(z(x[:, 0] * x[:, 1], 0)) < 5


BOWLS = {
    "OU": (ink.OrnsteinUhlenbeck(D=0.8, k=1.7), [0, 0.4, 1.0]),
    "VP": (ink.VariancePreserving.linear(), [0, 0.2, 0.6]),
    "cosine": (ink.VariancePreserving.cosine(), [0, 0.3, 1.0]),
    "DDPM": (ink.VariancePreserving.ddpm(), [0, 200, 700]),
    "VE": (ink.VarianceExploding(0.05, 4.0), [0, 0.5, 1.0]),
}


@STEPS
@pytest.mark.parametrize("name", BOWLS)
def test_transition_moments(name, steps):
    """x_t | x_0 ~ N(alpha_t x_0, sigma_t^2), and the walk through a middle time composes (Chapman-Kolmogorov)."""
    p, times = BOWLS[name]
    x0 = 0.9
    run = ink.simulate(p, at(x0, N // 2), times, seed=9, steps=steps)
    middle, last = run.x[1:, :, 0].astype(np.float64)
    for x, t in ((middle, times[1]), (last, times[2])):
        assert abs(z(x, p.alpha(t) * x0)) < 5
        assert abs(z((x - p.alpha(t) * x0) ** 2, p.variance(t))) < 5
    ratio, gained = p.transition(times[1], times[2])
    assert abs(z((last - ratio * middle) * (middle - p.alpha(times[1]) * x0), 0)) < 5  # the new noise is new
    assert abs(z((last - ratio * middle) ** 2, gained)) < 5


def test_ddpm_chain_and_one_jump_agree_in_law():
    p = ink.VariancePreserving.ddpm()
    n = 100_000
    x0 = np.where(np.arange(n) % 2 == 0, -1.0, 0.5)[:, None].astype(np.float32)
    chain = ink.simulate(p, x0, [0, 300], seed=10, steps=300, observe={}).last[:, 0]
    jump = ink.diffuse(p, x0, 300, seed=11)[:, 0]
    assert stats.ks_2samp(chain, jump).pvalue > 1e-6
    for half in (slice(0, None, 2), slice(1, None, 2)):
        assert abs(z(chain[half], p.alpha(300) * float(x0[half][0, 0]))) < 5
        assert abs(z((chain[half].astype(np.float64) - p.alpha(300) * x0[half][0, 0]) ** 2, p.variance(300))) < 5


def test_constant_beta_walks_as_ornstein_uhlenbeck():
    """The same seed gives the same path: they are one process in two vocabularies."""
    beta, x = 3.0, at(0.9, 10_000, np.float64)
    vp, ou = ink.VariancePreserving.linear(beta, beta), ink.OrnsteinUhlenbeck(beta / 2, beta / 2)
    a = ink.simulate(vp, x, [0, 0.3, 0.8], seed=12, steps=5).x
    b = ink.simulate(ou, x, [0, 0.3, 0.8], seed=12, steps=5).x
    assert np.allclose(a, b, rtol=1e-11, atol=1e-12)


def test_equilibrium_of_a_bowl():
    p = ink.OrnsteinUhlenbeck(D=0.8, k=2.0)
    x = ink.simulate(p, at(5.0), [0, 20], seed=13, steps=4, observe={}).last.astype(np.float64)
    assert abs(z(x, 0)) < 5 and abs(z(x**2, 0.4)) < 5
    assert stats.kstest(x[::10, 0], p.equilibrium.cdf).pvalue > 1e-6


# ---- entropy and the score


def test_de_bruijn_for_a_free_drop():
    """dS/dt = D E|grad ln p|^2, S = (d/2) ln(2 pi e (s0^2 + 2 D t)): by the exact score at the walkers."""
    D, s2, d = 0.6, 0.25, 2
    p = ink.Brownian(D)
    score = ink.GaussianScore(p, np.zeros(d), s2)
    x0 = (math.sqrt(s2) * ink.normal(N // 4 * d, seed=14, stream=5)).reshape(-1, d)
    for t in (0.1, 1.0):
        x = ink.diffuse(p, x0, t, seed=14).astype(np.float64)
        rate = D * (score(x, t) ** 2).sum(1)
        assert abs(z(rate, d * D / (s2 + 2 * D * t))) < 5
        assert abs(z(-score.log_density(x, t), d / 2 * math.log(2 * math.pi * math.e * (s2 + 2 * D * t)))) < 5


def test_de_bruijn_in_a_glass():
    """The same identity with walls: the slope of the entropy (by quadrature) is D E|score|^2 (at the walkers)."""
    D, t, h = 0.5, 0.03, 1e-4
    p = ink.Brownian(D, ink.Box(0, 1))
    score = ink.BoxScore(p, np.array([0, 1.0, 3.0, 0, 0.5]))
    x = (np.arange(20_000)[:, None] + 0.5) / 20_000

    def entropy(t):
        log_p = score.log_density(x, t)
        return -(np.exp(log_p) * log_p).mean()

    slope = (entropy(t + h) - entropy(t - h)) / (2 * h)
    density = np.exp(score.log_density(x, t))
    assert D * (density * score(x, t)[:, 0] ** 2).mean() == pytest.approx(slope, rel=1e-5)
    # Ink drawn from the same cells without the help of the score.
    cells = np.repeat([1, 2, 4], [2 * N // 9, 6 * N // 9, N // 9])
    x0 = ((cells + ink.uniform(cells.size, seed=15)) / 5).astype(np.float64)[:, None]
    walkers = ink.simulate(p, x0, [0, t], seed=15, observe={}).last[::5]
    assert abs(z(D * score(walkers, t)[:, 0] ** 2, slope)) < 5


def test_all_the_entropy_a_drop_gains():
    """Integral over time of D E|score|^2 from t0 on = ln V - S(p_t0)."""
    p = ink.Brownian(0.5, ink.Box(0, 1))
    score = ink.BoxScore(p, np.array([0, 0, 1.0, 0, 0, 0]))
    x = (np.arange(4000)[:, None] + 0.5) / 4000

    def rate(log_t):
        t = math.exp(log_t)
        return t * 0.5 * (np.exp(score.log_density(x, t)) * score(x, t)[:, 0] ** 2).mean()

    t0 = 0.002
    gained = integrate.quad(rate, math.log(t0), math.log(8.0), epsrel=1e-8)[0]
    log_p = score.log_density(x, t0)
    assert gained == pytest.approx((np.exp(log_p) * log_p).mean(), rel=1e-5)  # ln V = 0


def test_relative_entropy_to_uniform_falls_at_least_as_the_slowest_mode():
    p = ink.Brownian(0.5, ink.Box(0, 1))
    score = ink.BoxScore(p, np.array([2.0, 0, 0, 1.0, 0, 0]))
    x = (np.arange(4000)[:, None] + 0.5) / 4000
    times = np.geomspace(1e-3, 1.5, 30)
    kl = np.array([(np.exp(lp) * lp).mean() for lp in (score.log_density(x, t) for t in times)])
    assert np.all(np.diff(kl) < 0)
    lam_1 = 0.5 * math.pi**2
    assert np.all(np.log(kl[1:] / kl[:-1]) <= -2 * lam_1 * np.diff(times) + 1e-6)


def test_two_points_lose_their_barrier_at_the_speciation_time():
    """Data at +-1 in a bowl: the drift of the reverse SDE at 0, x + 2 u, turns unstable at alpha^2 = sqrt(2) - 1.

    The probability flow, x + u, is unstable at 0 at every finite time: it has no transition.
    """
    p = ink.OrnsteinUhlenbeck(D=1.0, k=1.0)
    score = ink.EmpiricalScore(p, [[-1.0], [1.0]])
    h = 1e-4

    def slope(t, weight):
        return 1 + weight * float(score(np.array([[h]]), t)[0, 0]) / h

    t_c = 0.5 * math.log(1 + math.sqrt(2))
    assert p.alpha(t_c) ** 2 == pytest.approx(math.sqrt(2) - 1)
    assert slope(t_c, 2) == pytest.approx(0, abs=1e-6)
    assert slope(t_c * 0.99, 2) > 0 > slope(t_c * 1.01, 2)
    assert all(slope(t, 1) > 0 for t in (0.1, t_c, 1.0, 2.0))


# ---- numbers one can measure


def test_einstein_1905():
    """A sphere of 1 um in water at 17 C (eta = 1.35 mPa s): 0.8 um in a second, 6 um in a minute, along one axis."""
    boltzmann, kelvin, eta, radius = 1.380649e-23, 290.15, 1.35e-3, 0.5e-6
    D = boltzmann * kelvin / (6 * math.pi * eta * radius)
    p = ink.Brownian(D)
    run = ink.simulate(p, np.zeros((N // 4, 1)), [0, 1, 60], seed=16, steps=10)
    for t, x, published in ((1, run.x[1], 0.8e-6), (60, run.x[2], 6e-6)):
        assert abs(z(x**2, p.variance(t))) < 5
        assert math.sqrt((x**2).mean()) == pytest.approx(published, rel=0.05)


def test_how_long_ink_takes_to_mix():
    """Slowest mode L^2/(pi^2 D) of fluorescein in still water: 2.4 s, 4 min, 6.6 h, 7 days."""
    D = 4.25e-10
    for L, seconds in ((1e-4, 2.4), (1e-3, 240), (1e-2, 6.6 * 3600), (5e-2, 7 * 86400)):
        assert L**2 / (math.pi**2 * D) == pytest.approx(seconds, rel=0.02)
        p = ink.Brownian(D, ink.Box(0, L))
        t = L**2 / (math.pi**2 * D)
        x = ink.simulate(p, at(0.0, 100_000, np.float64), [0, t], seed=17, observe={}).last
        assert abs(z(np.cos(math.pi * x / L), math.exp(-1))) < 5
