"""Heartbeats dissolve into coin flips, and a network learns to beat again: bits, and the urn beside them.

The first experiment of generative diffusion (Sohl-Dickstein et al. 2015): a beat in every fifth of twenty bins, the
phase random. At each step some bits are replaced by tosses of a coin, until all are. Balls of Ehrenfest's urn, moved at
the clicks of a Geiger counter, do the same. A network that sees only dissolving sequences learns the way back; what
each step costs it, in bits, adds up to a bound on the likelihood, to be held against log2 5, the truth.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script


@dataclass(frozen=True)
class Parameters:
    sequences: int = 5000
    """sequences to train on"""
    steps: int = 3000
    """training steps"""
    chain: int = 2000
    """steps T of the chain, forward and back"""
    rows: int = 2000
    """fresh sequences that the bound is averaged over"""
    samples: int = 1000
    """sequences generated"""
    least_bound: float = -2.345
    """lowest bound allowed, bits per sequence"""
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {"sequences": 500, "steps": 100, "chain": 60, "rows": 100, "samples": 200, "least_bound": -6.0}
LIMITS = {"least_bound": (-20, 0), "sequences": (100, None), "chain": (2, None), "rows": (2, None)}
TOUR = {"steps": 800, "rows": 300, "samples": 300, "least_bound": -2.414}
PAPER, OPTIMUM, NULL = -2.414, -math.log2(5), -14.439
SHOWN, FRAMES = 24, 5


def run(p: Parameters, report: Report) -> None:
    chain = ink.Binomial(p.chain)
    data, fresh = ink.datasets.heartbeat(p.sequences, p.seed), ink.datasets.heartbeat(p.rows, p.seed + 1)
    start = time.process_time()
    learned = ink.fit(chain, data, steps=p.steps, seed=p.seed)
    seconds = time.process_time() - start

    fig, axes = viz.figure(2, 2, width=15, height=9, gridspec_kw={"height_ratios": (0.45, 1)})
    times = np.rint(chain.T * np.arange(FRAMES) / (FRAMES - 1))
    dissolving = ink.simulate(chain, fresh.x[:SHOWN], times, seed=p.seed).x
    draw(axes[0, 0], dissolving, times, viz.say("known: bits become coin flips", "nota: i bit diventano testa o croce"))
    walk, states = learned.times(p.chain), []
    noise = chain.equilibrium.sample(p.samples, 20, seed=p.seed)
    keep = lambda i, t, x: states.append(x.copy()) if t in times else None  # noqa: E731
    ink.reverse(chain, learned, noise, walk, seed=p.seed, observe={}, callback=keep)
    title = viz.say("learned: coin flips become heartbeats", "appresa: da testa o croce al battito")
    draw(axes[0, 1], np.stack(states)[:, :SHOWN], times[::-1], title)
    back = states[-1]
    true = np.isfinite(data.density.log_density(back))
    report.bound("share_of_generated_that_are_heartbeats", true.mean(), at_least=0.5 if report.quick else 0.97)
    if not report.quick:
        share = np.bincount(back[true, :5].argmax(1), minlength=5) / true.sum()
        report.bound("smallest_share_of_a_phase_times_5", 5 * share.min(), at_least=0.7)

    urn_and_bits(axes[1, 0], chain, p, report)
    bound = the_bound(axes[1, 1], chain, learned, data, fresh, p, report)
    report.figure(fig)
    value = f"{bound.value:.4f} ± {bound.stderr:.4f}"
    report.sentence(
        f"The bound is {value} bits per sequence after {seconds:.0f} s of training (all cores together); the paper's "
        f"was {PAPER}, nobody can have more than {OPTIMUM:.4f}, and independent bits have {NULL}.",
        f"Il limite è {value} bit per sequenza dopo {seconds:.0f} s di addestramento (di tutti i processori insieme); "
        f"nell'articolo era {PAPER}, nessuno può superare {OPTIMUM:.4f}, e bit indipendenti hanno {NULL}.",
    )


def draw(ax, frames: np.ndarray, times: np.ndarray, title: str) -> None:
    """Moments from left to right, one sequence per line, ones white."""
    pictures = frames.reshape(len(frames), 1, -1, 20)
    viz.film(ax, pictures, [f"$t = {t:.0f}$" for t in times])
    ax.set_title(title)


def urn_and_bits(ax, chain: ink.Binomial, p: Parameters, report: Report) -> None:
    """Four ones in twenty bits, four balls on the left of an urn of twenty: the same mean and spread at every time."""
    grid = chain.T * np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9.5]) // 10
    x = ink.datasets.heartbeat(20_000, p.seed + 2).x
    ones = lambda x: x.sum(1)  # noqa: E731
    bits = ink.simulate(chain, x, grid, seed=p.seed, observe={"ones": ones}).observed["ones"].astype(float)
    mean, variance = chain.ones_mean(4, 20, grid), chain.ones_variance(4, 20, grid)
    for i in (3, 8):
        t = f"{grid[i] / chain.T:.2g}_T"
        report.check(f"ones_after_{t}", ink.Estimate(bits[i].mean(), math.sqrt(variance[i] / len(x))), mean[i])
        off = (bits[i] - mean[i]) ** 2
        report.check(f"variance_of_ones_after_{t}", ink.Estimate(off.mean(), off.std() / len(x) ** 0.5), variance[i])
    balls = ink.Ehrenfest(20).walk(4, np.arange(90), urns=4000, seed=p.seed)
    clock = np.array([poisson(steps, len(balls)) for steps in chain.urn_steps(20, grid)]) @ balls  # (times, urns)
    urn = [ink.Estimate(n.mean(), n.std() / math.sqrt(len(n))) for n in clock]
    report.check(f"balls_after_{grid[6] / chain.T:.2g}_T", urn[6], mean[6])
    band = np.sqrt(chain.ones_variance(4, 20, np.arange(chain.T + 1)))
    t, curve = np.arange(chain.T + 1), chain.ones_mean(4, 20, np.arange(chain.T + 1))
    ax.fill_between(t, curve - band, curve + band, color="0.85", linewidth=0)
    viz.theory(ax, t, curve, viz.say("exact mean ± spread", "media esatta ± deviazione"))
    names = viz.say("ones among 20 bits", "uni tra 20 bit"), viz.say("balls in an urn", "palline nell'urna")
    ax.plot(grid, bits.mean(1), "o", color=viz.COLORS["sky"], markersize=14, label=names[0])
    ax.plot(grid, [n.value for n in urn], "x", color=viz.COLORS["red"], markersize=8, markeredgewidth=2, label=names[1])
    ax.set(xlabel=viz.label("step"), ylabel=viz.say("number", "numero"), ylim=(0, 14))
    ax.set_title(viz.say("bits and balls forget alike", "bit e palline dimenticano allo stesso modo"))
    ax.legend(loc="lower right")


def poisson(mean: float, count: int) -> np.ndarray:
    """Chances of 0, 1, ..., count - 1 clicks."""
    return np.array([math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) if mean else float(k == 0)
                     for k in range(count)])  # fmt: skip


def the_bound(ax, chain: ink.Binomial, learned: ink.LearnedBits, data, fresh, p: Parameters, report: Report):
    """What the steps back cost, from noise to data: learned, and with the exact posterior of the five sequences."""
    bound = learned.bound(fresh.x, seed=p.seed)
    best = ink.elbo(chain, ink.EmpiricalBits(chain, data.x), fresh.x[:300], bound.times, seed=p.seed)
    report.bound("bound_bits_per_sequence", bound.bits, at_least=p.least_bound)
    above = bound.bits.value - OPTIMUM
    report.bound("bound_above_the_truth_in_errors", above / bound.bits.stderr, at_most=5)
    panels = [ax]
    if not report.quick:  # a closer look at the end
        panels.append(ax.inset_axes((0.65, 0.42, 0.33, 0.34)))
        panels[1].set(xlim=(0.25 * chain.T, 0), ylim=(2.24, 2.44), yticks=[2.3, 2.4])
    for panel in panels:
        for one, name, color, width in ((bound, "learned", "blue", 2.6), (best, "exact", "black", 1.4)):
            cost = np.cumsum(one.terms) / math.log(2)
            text = f"{viz.label(name)}: {cost[-1]:.3f}"
            panel.plot(one.times, cost, color=viz.COLORS[color], label=text, linewidth=width)
        panel.axhline(-PAPER, linestyle="--", color=viz.COLORS["red"], label=f"2015: {-PAPER}")
        panel.axhline(-OPTIMUM, linestyle=":", color=viz.COLORS["black"], label=f"$\\log_2 5 = {-OPTIMUM:.3f}$")
    ax.set(xlim=(chain.T, 0), ylim=(0, 2.6 if not report.quick else None), xlabel=viz.label("step"))
    ax.set_ylabel(viz.say("bits paid so far", "bit pagati finora"))
    ax.set_title(viz.say("where the bits are, on the way back", "dove sono i bit, sulla via del ritorno"))
    ax.legend(loc="lower right")
    return bound.bits


if __name__ == "__main__":
    run_script(__file__)
