"""Between walls: modes that decay at their rates at any step, the way to equilibrium, first passages.

    <cos k x_t> = cos(k x_0) exp(-D k^2 t),     k = n pi/L (reflecting) or 2 pi n/L (periodic)

Reference: H. S. Carslaw and J. C. Jaeger, Conduction of Heat in Solids; S. Redner, A Guide to First-Passage Processes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.special import xlogy

from inkdiff._core.backend import Floats
from inkdiff.domains.box import Box
from inkdiff.domains.free import Free
from inkdiff.domains.heat_kernel import log_heat_kernel
from inkdiff.domains.maze import Maze
from inkdiff.kernels import uniform
from inkdiff.metrics import Estimate, binned_entropy
from inkdiff.processes.brownian import Brownian
from inkdiff.scores import BoxScore
from inkdiff.simulation.forward import diffuse, simulate
from inkdiff.simulation.observables import Histogram
from inkdiff.verification.identity import Row, identity

__all__ = [
    "coarse_grained_entropy", "de_bruijn_identity", "fick_law", "first_passage", "jump_has_the_law_of_the_walk",
    "msd_from_a_uniform_start", "periodic_modes", "reflecting_modes_many_steps", "reflecting_modes_one_step",
    "small_steps_accumulate", "steps_longer_than_the_box", "uniform_among_obstacles", "uniform_equilibrium",
    "walls_of_each_axis",
]  # fmt: skip


def _modes(x: Floats, box: Box, D: float, x0: float, t: float, orders: tuple[int, ...]) -> Iterator[Row]:
    low, L, periodic = float(box.low(1)[0]), float(box.length(1)[0]), bool(box.periodic(1)[0])
    for n in orders:
        k = n * math.pi / L * (2 if periodic else 1)
        decay = math.exp(-D * k * k * t)
        yield Row(f"cos, mode {n}", Estimate.of_mean(np.cos(k * (x - low))), math.cos(k * (x0 - low)) * decay)
        if periodic:
            yield Row(f"sin, mode {n}", Estimate.of_mean(np.sin(k * (x - low))), math.sin(k * (x0 - low)) * decay)


def _walk(box: Box, D: float, x0: float, t: float, steps: int, n: int, seed: int) -> Floats:
    last: Floats = simulate(Brownian(D, box), np.full((n, 1), x0), [0, t], seed=seed, steps=steps, observe={}).last
    return last


@identity
def reflecting_modes_one_step(n: int, seed: int) -> Iterator[Row]:
    """<cos k x_t> = cos(k x_0) exp(-D k^2 t) between reflecting walls, in one step."""
    box = Box(-1.0, 1.5)
    yield from _modes(_walk(box, 0.7, 0.1, 0.3, 1, n, seed), box, 0.7, 0.1, 0.3, (1, 2, 3))


@identity
def reflecting_modes_many_steps(n: int, seed: int) -> Iterator[Row]:
    """The same in 40 steps: the law does not depend on the step."""
    box = Box(-1.0, 1.5)
    yield from _modes(_walk(box, 0.7, 0.1, 0.3, 40, n, seed), box, 0.7, 0.1, 0.3, (1, 2, 3))


@identity
def periodic_modes(n: int, seed: int) -> Iterator[Row]:
    """<cos k x_t> and <sin k x_t> on a torus, k = 2 pi n/L."""
    box = Box(-1.0, 1.5, "periodic")
    yield from _modes(_walk(box, 0.7, 0.4, 0.05, 3, n, seed), box, 0.7, 0.4, 0.05, (1, 2))


@identity
def steps_longer_than_the_box(n: int, seed: int) -> Iterator[Row]:
    """A step of 3 box lengths leaves a uniform law; one of 0.7 the exact one."""
    for width in (0.7, 3.0):
        for wall in ("reflect", "periodic"):
            box = Box(0.0, 1.0, wall)
            for row in _modes(_walk(box, 0.5, 0.3, width**2, 1, n, seed), box, 0.5, 0.3, width**2, (1,)):
                yield row._replace(what=f"{wall}, {width} L, {row.what}")


@identity
def small_steps_accumulate(n: int, seed: int) -> Iterator[Row]:
    """MSD = 2 D t in steps of a quarter of a float32's last bit, between walls and in free space: nothing stalls."""
    few, steps, x0 = min(n, 100_000), 1000, 0.75
    width = float(np.spacing(np.float32(x0))) / 4
    variance = steps * width**2
    cases = {
        "reflect": (Brownian(0.5, Box(0, 1)), 32), "periodic": (Brownian(0.5, Box(0, 1, "periodic")), 64),
        "free": (Brownian(0.5, Free(2.0**-32)), 64),
    }  # fmt: skip
    for name, (process, quanta) in cases.items():
        x = simulate(process, np.full((few, 1), x0), [0, variance], seed=seed, steps=steps, observe={}).last
        # rounded to whole quanta, every step gains the variance of the rounding, a twelfth of a quantum's square
        yield Row(name, Estimate.of_mean((x - x0) ** 2 / variance), 1 + 1 / (12 * quanta**2))


@identity
def jump_has_the_law_of_the_walk(n: int, seed: int) -> Iterator[Row]:
    """`diffuse` has the law of `simulate`: modes of a jump, which ends between the walls."""
    box = Box(0.0, 1.0)
    x = diffuse(Brownian(0.5, box), np.full((n, 1), 0.3, np.float32), 0.08, seed=seed).astype(np.float64)
    yield from _modes(x, box, 0.5, 0.3, 0.08, (1, 2, 3))
    # the modes have the symmetry of the mirror images: they cannot tell an image from the walker
    yield Row("outside", Estimate(float(((x < 0) | (x > 1)).sum()), 0.0), 0)


@identity
def walls_of_each_axis(n: int, seed: int) -> Iterator[Row]:
    """In a brick with walls of two kinds each axis decays at its own rate."""
    box = Box([0, -1], [1, 3], ["reflect", "periodic"])
    x = simulate(Brownian(0.5, box), np.tile([[0.2, 0.5]], (n, 1)), [0, 0.1], seed=seed, steps=3, observe={}).last
    for axis, side in enumerate((Box(0, 1), Box(-1, 3, "periodic"))):
        for row in _modes(x[:, axis], side, 0.5, (0.2, 0.5)[axis], 0.1, (1,)):
            yield row._replace(what=f"axis {axis}, {row.what}")


@identity
def msd_from_a_uniform_start(n: int, seed: int) -> Iterator[Row]:
    """MSD(t) = L^2/6 - (16 L^2/pi^4) sum over odd n of n^-4 exp(-lam_n t)."""
    D, L, times = 0.3, 2.0, [0.0, 0.05, 0.4, 3.0]
    process = Brownian(D, Box(0, L))
    x0 = process.equilibrium.sample(n, 1, seed=seed, dtype=np.float64)  # type: ignore[union-attr]
    run = simulate(process, x0, times, seed=seed, observe={"msd": lambda x: Estimate.of_mean((x - x0) ** 2)})
    odd = np.arange(1, 400, 2)
    for t, measured in zip(times[1:], run.observed["msd"][1:], strict=True):
        series = float((odd**-4.0 * np.exp(-D * (odd * math.pi / L) ** 2 * t)).sum())
        yield Row(f"t = {t}", Estimate(*measured), L**2 / 6 - 16 * L**2 / math.pi**4 * series)


@identity
def uniform_equilibrium(n: int, seed: int) -> Iterator[Row]:
    """2 N KL(counts || uniform) is chi^2 with K - 1 degrees of freedom, from any start."""
    box = Box([0, 0], [1, 2])
    x = simulate(Brownian(1.0, box), np.tile([[0.1, 1.9]], (n, 1)), [0, 6], seed=seed, steps=4, observe={}).last
    counts = Histogram(box, (10, 20))(x)
    K = counts.size
    statistic = 2 * float(xlogy(counts, counts / n * K).sum())  # an empty cell adds nothing
    yield Row("statistic", Estimate(statistic, math.sqrt(2 * (K - 1))), K - 1)


@identity
def coarse_grained_entropy(n: int, seed: int) -> Iterator[Row]:
    """Coarse-grained entropy by counting, against the exact solution of the heat equation."""
    density = np.zeros((20, 20))
    density[4:8, 10:14] = 1
    box = Box(0, 1)
    exact = BoxScore(Brownian(1.0, box), density)
    x0 = (np.array([4, 10]) + 4 * _uniform_square(n, seed)) / 20
    times = [0.0, 0.003, 0.02, 0.1]
    run = simulate(exact.process, x0, times, seed=seed, observe={"counts": Histogram(box, 20)})
    for t, counts in zip(times[1:], run.observed["counts"][1:], strict=True):
        yield Row(f"t = {t}", binned_entropy(counts, 1 / counts.size), exact.entropy(t))


@identity
def de_bruijn_identity(n: int, seed: int) -> Iterator[Row]:
    """de Bruijn: dS/dt = D E|grad ln p|^2, its right side averaged over particles, its left by the exact solution."""
    density = np.zeros((8, 8))
    density[1:3, 4:7] = 1
    process = Brownian(1.0, Box(0, 1))
    exact, t, dt = BoxScore(process, density, nodes=16), 0.02, 1e-4
    u = _uniform_square(min(n, 200_000), seed)
    x0 = np.stack([1 / 8 + u[:, 0] / 4, 4 / 8 + u[:, 1] * 3 / 8], axis=1)
    x = simulate(process, x0, [0, t], seed=seed, observe={}).last
    fine = BoxScore(process, np.kron(density, np.ones((16, 16))))
    slope = (fine.entropy(t + dt) - fine.entropy(t - dt)) / (2 * dt)
    squares = (exact(x, t) ** 2).sum(1)
    rate = Estimate.of_mean(squares)
    # interpolation and coarse graining leave 1 in 10^3, which counts as an error beside the statistical one
    yield Row("dS/dt", Estimate(rate.value, math.hypot(rate.stderr, 1e-3 * abs(slope))), slope)


@identity
def fick_law(n: int, seed: int) -> Iterator[Row]:
    """Net crossings of a plane in a short time dt are -D dc/dx dt."""
    D, t, dt, plane, x0 = 0.5, 0.02, 1e-4, 0.45, 0.3
    process = Brownian(D, Box(0, 1))
    run = simulate(process, np.full((n, 1), x0), [0, t, t + dt], seed=seed)
    crossings = (run.x[2] > plane).astype(float) - (run.x[1] > plane)  # type: ignore[index]
    at, origin, variance = (np.array([[v]]) for v in (plane, x0, 2 * D * (t + dt / 2)))
    density, slope = log_heat_kernel(at, origin, variance, Box(0, 1))
    yield Row("current", Estimate.of_mean(crossings), -D * math.exp(density[0]) * slope[0, 0] * dt)


@identity
def first_passage(n: int, seed: int) -> Iterator[Row]:
    """Absorbing interval: mean time x_0 (L - x_0)/(2 D), chance x_0/L of the far end, at steps of a quarter of L."""
    D, L, x0, end = 0.4, 1.5, 0.4, 6.0
    few = min(n, 200_000)
    box = Box(0, L, "absorb")
    run = simulate(Brownian(D, box), np.full((few, 1), x0), [0, end], seed=seed, steps=40, observe={})
    when: Floats = np.asarray(run.absorbed)
    gone, x = np.isfinite(when), run.last[:, 0]
    passage = np.where(gone, when, end + x * (L - x) / (2 * D))  # the rest of those on their way is known
    far = np.where(gone, x > L / 2, x / L)
    yield Row("mean time", Estimate.of_mean(passage), x0 * (L - x0) / (2 * D))
    yield Row("far end", Estimate.of_mean(far), x0 / L)
    odd = np.arange(1, 400, 2)
    for t in (0.02, 0.2):
        terms = np.sin(odd * math.pi * x0 / L) / odd * np.exp(-D * (odd * math.pi / L) ** 2 * t)
        p = 4 / math.pi * float(terms.sum())
        # the error is that of the exact chance: of the sample's there is none where all, or none, are alive
        yield Row(f"alive at {t}", Estimate(float((when > t).mean()), math.sqrt(p * (1 - p) / few)), p)


@identity
def uniform_among_obstacles(n: int, seed: int) -> Iterator[Row]:
    """Among solid cells the uniform density on the free ones is stationary, at any step."""
    solid = np.zeros((8, 8), bool)
    solid[3, :6] = solid[6, 2:] = True
    maze = Maze(Box(0, 1), solid)
    few = min(n, 100_000)
    free = np.argwhere(~solid)
    cell = (uniform(few, seed=seed, step=1) * np.float64(len(free))).astype(int)
    start = (free[cell] + _uniform_square(few, seed)) / 8
    x = simulate(Brownian(1.0, maze), start, [0, 0.1], seed=seed, steps=250, observe={}).last
    counts = Histogram(maze.box, 8)(x)
    expected, K = few / len(free), len(free)
    yield Row("inside walls", Estimate(float(counts[solid].sum()), 0.0), 0)
    statistic = float(((counts[~solid] - expected) ** 2 / expected).sum())
    yield Row("chi^2", Estimate(statistic, math.sqrt(2 * (K - 1))), K - 1)


def _uniform_square(n: int, seed: int) -> Floats:
    u: Floats = uniform(2 * n, seed=seed).reshape(n, 2).astype(np.float64)
    return u
