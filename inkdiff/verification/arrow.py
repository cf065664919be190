"""The arrow of time: paths undone, urns and recompaction, information lost, work.

    N particles in V_0:  (V_0/V)^N;    urn: N/2 + (n_0 - N/2)(1 - 2/N)^t;    <exp(-W)> = exp(-dF)

References: P. and T. Ehrenfest (1907); M. Kac (1947); C. Jarzynski (1997); G. E. Crooks (1999).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from inkdiff.domains.box import Box
from inkdiff.likelihood.elbo import elbo
from inkdiff.metrics import Estimate, correlation
from inkdiff.physics import molecules
from inkdiff.physics.ehrenfest import Ehrenfest
from inkdiff.physics.fluctuations import Trap, crooks_gap, exponential_average
from inkdiff.physics.information import chi2_information, mutual_information, pair_information
from inkdiff.physics.microstates import recompaction
from inkdiff.processes.binomial import Binomial
from inkdiff.processes.brownian import Brownian
from inkdiff.scores import EmpiricalBits
from inkdiff.simulation.forward import simulate
from inkdiff.simulation.replay import replay
from inkdiff.simulation.reverse import reverse
from inkdiff.verification.identity import Row, identity

__all__ = [
    "binomial_diffusion", "binomial_reverse_diffusion", "decorrelation_from_the_start", "ehrenfest_urn",
    "jarzynski_and_crooks", "kac_recurrence", "loschmidt_echo", "mutual_information_with_the_start",
    "recompaction_probability", "replay_is_exact",
]  # fmt: skip


@identity
def replay_is_exact(n: int, seed: int) -> Iterator[Row]:
    """The same noise subtracted: every bit of every particle back, in a box and in free space."""
    few = min(n, 200_000)
    for name, process in (("box", Brownian(1.0, Box(0, 1))), ("free", Brownian(1.0))):
        path = replay(process, np.full((few, 2), 0.3), [0, 1], seed=seed, steps=100)
        home, far = path.at(0), path.forward()
        lost = float((path.back() != home).any(axis=1).sum())
        yield Row(f"{name}: not home", Estimate(lost, 0.0), 0)
        if name == "free":
            yield Row("free: distance^2 on the way", Estimate.of_mean(((far - home) ** 2).sum(1)), 4)


@identity
def decorrelation_from_the_start(n: int, seed: int) -> Iterator[Row]:
    """Once mixed, particles have no correlation with their origins, and more fresh noise does not change that."""
    box, few = Box(0, 1), min(n, 400_000)
    process = Brownian(1.0, box)
    x0 = 0.2 + 0.3 * process.equilibrium.sample(few, 2, seed=seed, dtype=np.float64)  # type: ignore[union-attr]
    run = simulate(process, x0, [0, 2, 4], seed=seed)
    for i in (1, 2):
        yield Row(f"t = {run.times[i]:g}", correlation(run.x[i], x0), 0)  # type: ignore[index]


@identity
def mutual_information_with_the_start(n: int, seed: int) -> Iterator[Row]:
    """chi^2-information sum of exp(-2 lam_n t), and mutual information, between a uniform start and now."""
    process, t, few = Brownian(0.5, Box(0, 1)), 0.05, min(n, 300_000)
    x0 = process.equilibrium.sample(few, 1, seed=seed, dtype=np.float64)  # type: ignore[union-attr]
    x = simulate(process, x0, [0, t], seed=seed, observe={}).last
    mutual, chi2 = pair_information(process, x, t, x0)
    yield Row("mutual", mutual, mutual_information(process, t))
    yield Row("chi^2", chi2, chi2_information(process, t))


@identity
def recompaction_probability(n: int, seed: int) -> Iterator[Row]:
    """Chance (V_0/V)^N to find N mixed particles together in a quarter of the glass, N = 1 ... 6."""
    box, corner = Box(0, 1), Box(0, 0.5)
    start = np.full((n, 2), 0.5)
    x = simulate(Brownian(1.0, box), start, [0, 3], seed=seed, observe={}).last
    for N in range(1, 7):
        seen = recompaction(x, box, corner, N)
        p = 0.25**N
        yield Row(f"N = {N}", Estimate(seen.hits / seen.trials, math.sqrt(p * (1 - p) / seen.trials)), p)


@identity
def ehrenfest_urn(n: int, seed: int) -> Iterator[Row]:
    """Ehrenfest: mean N/2 + (n_0 - N/2)(1 - 2/N)^t of the balls on the left, and their variance."""
    urn, urns = Ehrenfest(50), min(n, 100_000)
    seen = urn.walk(45, [10, 60], urns=urns, seed=seed)
    for t, numbers in zip((10, 60), seen, strict=True):
        mean, variance = float(urn.mean(45, t)), float(urn.variance(45, t))
        yield Row(f"mean, t = {t}", Estimate.of_mean(numbers), mean)
        yield Row(f"variance, t = {t}", Estimate.of_mean((numbers - mean) ** 2), variance)


@identity
def kac_recurrence(n: int, seed: int) -> Iterator[Row]:
    """An urn of N balls holds n again after 2^N n!(N-n)!/N! steps on average."""
    urn = Ehrenfest(8)
    waits = urn.first_returns(8, urns=min(n, 5_000), seed=seed)
    yield Row("recurrence of 8 of 8", Estimate.of_mean(waits), float(urn.recurrence(8)))


@identity
def binomial_diffusion(n: int, seed: int) -> Iterator[Row]:
    """Bits drawn anew by the toss of a coin: memory 1 - t/T, and in the mean as many ones as an urn has balls."""
    chain, urn, few, d = Binomial(100), Ehrenfest(20), min(n, 50_000), 20
    start = np.broadcast_to((np.arange(d) < 16).astype(np.float32), (few, d))
    run = simulate(chain, start, [0, 30, 80], seed=seed, steps=10)
    for i, t in ((1, 30), (2, 80)):
        x = run.x[i]  # type: ignore[index]
        kept = ((2 * x - 1) * (2 * start - 1)).mean(1, dtype=np.float64)
        yield Row(f"memory, t = {t}", Estimate.of_mean(kept), 1 - t / 100)
        ones = x.sum(1, dtype=np.float64)
        mean, variance = float(chain.ones_mean(16, d, t)), float(chain.ones_variance(16, d, t))
        yield Row(f"ones, t = {t}", Estimate.of_mean(ones), mean)
        yield Row(f"their variance, t = {t}", Estimate.of_mean((ones - mean) ** 2), variance)
    paced = Binomial(10, beta=2 / d)  # in the mean as many as one ball a step
    x = simulate(paced, start, [0, 10], seed=seed, steps=10, observe={}).last
    yield Row("an urn's mean", Estimate.of_mean(x.sum(1)), float(urn.mean(16, 10)))


@identity
def binomial_reverse_diffusion(n: int, seed: int) -> Iterator[Row]:
    """One bit walked back with its exact posterior: its law returns in any steps, and the bound is the likelihood."""
    chain, few, times = Binomial(100), min(n, 200_000), [100, 60, 9, 0]
    data = (np.arange(few)[:, None] % 10 < 3).astype(np.float32)
    score = EmpiricalBits(chain, data[:10])
    back = reverse(chain, score, chain.equilibrium.sample(few, 1, seed=seed), times, seed=seed, observe={}).last
    yield Row("share of ones", Estimate.of_mean(back), 0.3)
    bound = elbo(chain, score, data, times, seed=seed)
    yield Row("bound", bound.mean, 0.3 * math.log(0.3) + 0.7 * math.log(0.7))


@identity
def jarzynski_and_crooks(n: int, seed: int) -> Iterator[Row]:
    """Jarzynski <exp(-W)> = exp(-dF); mean and variance of W exact; Crooks' theorem from both directions."""
    trap, few = Trap(1.0, [0.0, 0.5, 1.0, 1.5], [1.0, 1.3, 1.6, 2.0], 0.4), min(n, 300_000)
    out, home = trap.run(few, seed=seed), trap.reversed().run(few, seed=seed + 1 if seed < 2**64 - 1 else 0)
    exact = trap.work_moments()
    yield Row("mean work", Estimate.of_mean(out.work), exact.mean)
    yield Row("variance", Estimate.of_mean((out.work - exact.mean) ** 2), exact.variance)
    yield Row("Jarzynski", exponential_average(out.work), math.exp(-trap.free_energy))
    yield Row("Crooks", crooks_gap(out.work, home.work, trap.free_energy), 0)
    yield Row("<exp(-dS)>", exponential_average(out.entropy), 1)


@identity
def loschmidt_echo(n: int, seed: int) -> Iterator[Row]:
    """Molecules with all velocities reversed retrace their way to the last bit; total momentum stays exactly zero."""
    fluid = molecules.Fluid(400, density=0.5)
    first = molecules.start(fluid, seed=seed)
    end = molecules.run(first, 500)
    echo = molecules.run(end.reversed(), 500).reversed()
    yield Row("differing bits", Estimate(float(echo.differing_bits(first)), 0.0), 0)
    moved = molecules.run(end.reversed().displaced(0), 500).reversed()
    yield Row("home with a quantum moved", Estimate(float(moved.differing_bits(first) == 0), 0.0), 0)
