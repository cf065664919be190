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
    true: float = 0.97
    """least share of heartbeats among the sequences generated"""
    trained: bool = True
    """whether the training is long enough for every phase to be generated"""
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {
    "sequences": 500, "steps": 100, "chain": 60, "rows": 100, "samples": 200, "least_bound": -6.0, "true": 0.5,
    "trained": False,
}  # fmt: skip
LIMITS = {
    "least_bound": (-20, 0), "sequences": (100, None), "chain": (2, None), "rows": (2, None), "true": (0, 1),
}  # fmt: skip
TOUR = {"steps": 800, "rows": 300, "samples": 300, "least_bound": -2.414}
PAPER, OPTIMUM, NULL = -2.414, -math.log2(5), -14.439  # bits: of 2015, of the truth, and of independent bits
SHOWN, FRAMES = 24, 5


@dataclass(frozen=True)
class Dissolution:
    """Bits and balls on the left of an urn, twenty of each, four of them ones or on the left at first."""

    times: np.ndarray
    """(k,) steps of the chain"""
    ones: np.ndarray
    """(k, sequences)"""
    balls: list[ink.Estimate]
    """k mean numbers, when the urn's moves are the clicks of a Geiger counter"""
    exact_mean: np.ndarray
    """(k,) of either"""
    exact_variance: np.ndarray
    """(k,)"""


@dataclass(frozen=True)
class Result:
    chain: ink.Binomial
    seconds: float
    """of processor time to learn"""
    times: np.ndarray
    """(FRAMES,) increasing"""
    there: np.ndarray
    """(FRAMES, SHOWN, 20) heartbeats at these times"""
    back: np.ndarray
    """(FRAMES, samples, 20) coin flips on their way back, the last time first"""
    true: np.ndarray
    """(samples,) whether what was generated is a heartbeat"""
    dissolution: Dissolution
    bound: ink.ELBO
    """of the network on fresh sequences, in nats a step"""
    best: ink.ELBO
    """the same with the exact posterior"""


def compute(p: Parameters) -> Result:
    chain = ink.Binomial(p.chain)
    data, fresh = ink.datasets.heartbeat(p.sequences, p.seed), ink.datasets.heartbeat(p.rows, p.seed + 1)
    start = time.process_time()
    learned = ink.fit(chain, data, steps=p.steps, seed=p.seed)
    seconds = time.process_time() - start
    times = np.rint(chain.T * np.arange(FRAMES) / (FRAMES - 1))
    there = ink.simulate(chain, fresh.x[:SHOWN], times, seed=p.seed).x
    back = generate(chain, learned, times, p)
    true = np.isfinite(data.density.log_density(back[-1]))
    bound = learned.bound(fresh.x, seed=p.seed)
    best = ink.elbo(chain, ink.EmpiricalBits(chain, data.x), fresh.x[:300], bound.times, seed=p.seed)
    return Result(chain, seconds, times, there, back, true, dissolve(chain, p), bound, best)


def generate(chain: ink.Binomial, learned: ink.LearnedBits, times: np.ndarray, p: Parameters) -> np.ndarray:
    """From tosses of a coin back to sequences, kept at the times."""
    noise, states = chain.equilibrium.sample(p.samples, 20, seed=p.seed), []

    def keep(i: int, t: float, x: np.ndarray) -> None:
        if t in times:
            states.append(x.copy())

    ink.reverse(chain, learned, noise, learned.times(p.chain), seed=p.seed, observe={}, callback=keep)
    return np.stack(states)


def dissolve(chain: ink.Binomial, p: Parameters) -> Dissolution:
    times = chain.T * np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9.5]) // 10
    x = ink.datasets.heartbeat(20_000, p.seed + 2).x
    observe = {"ones": lambda x: x.sum(1)}
    ones = ink.simulate(chain, x, times, seed=p.seed, observe=observe).observed["ones"].astype(float)
    balls = ink.Ehrenfest(20).walk(4, np.arange(90), urns=4000, seed=p.seed)
    clock = np.array([poisson(mean, len(balls)) for mean in chain.urn_steps(20, times)]) @ balls  # (times, urns)
    urn = [ink.Estimate(n.mean(), n.std() / math.sqrt(len(n))) for n in clock]
    return Dissolution(times, ones, urn, chain.ones_mean(4, 20, times), chain.ones_variance(4, 20, times))


def poisson(mean: float, count: int) -> np.ndarray:
    """Chances of 0, 1, ..., count - 1 clicks."""
    return np.array([math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) if mean else float(k == 0)
                     for k in range(count)])  # fmt: skip


def check(p: Parameters, result: Result, report: Report) -> None:
    report.bound("share_of_generated_that_are_heartbeats", result.true.mean(), at_least=p.true)
    if p.trained:
        share = np.bincount(result.back[-1, result.true, :5].argmax(1), minlength=5) / result.true.sum()
        report.bound("smallest_share_of_a_phase_times_5", 5 * share.min(), at_least=0.7)
    check_dissolution(result.dissolution, result.chain, report)
    bits = result.bound.bits
    report.bound("bound_bits_per_sequence", bits, at_least=p.least_bound)
    report.bound("bound_above_the_truth_in_errors", (bits.value - OPTIMUM) / bits.stderr, at_most=5)
    value = f"{bits.value:.4f} ± {bits.stderr:.4f}"
    report.sentence(
        f"The bound is {value} bits per sequence after {result.seconds:.0f} s of training (all cores together); the "
        f"paper's was {PAPER}, nobody can have more than {OPTIMUM:.4f}, and independent bits have {NULL}.",
        f"Il limite è {value} bit per sequenza dopo {result.seconds:.0f} s di addestramento (di tutti i processori "
        f"insieme); nell'articolo era {PAPER}, nessuno può superare {OPTIMUM:.4f}, e bit indipendenti hanno {NULL}.",
    )


def check_dissolution(seen: Dissolution, chain: ink.Binomial, report: Report) -> None:
    """The same mean and spread of ones and balls, at every time."""
    for i in (3, 8):
        t, ones, mean, variance = seen.times[i] / chain.T, seen.ones[i], seen.exact_mean[i], seen.exact_variance[i]
        measured = ink.Estimate(ones.mean(), math.sqrt(variance / len(ones)))
        report.check(f"ones_after_{t:.2g}_T", measured, mean)
        square = (ones - mean) ** 2
        measured = ink.Estimate(square.mean(), square.std() / len(ones) ** 0.5)
        report.check(f"variance_of_ones_after_{t:.2g}_T", measured, variance)
    report.check(f"balls_after_{seen.times[6] / chain.T:.2g}_T", seen.balls[6], seen.exact_mean[6])


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 2, width=15, height=9, gridspec_kw={"height_ratios": (0.45, 1)})
    draw_film(axes[0, 0], result.there, result.times)
    axes[0, 0].set_title(viz.say("known: bits become coin flips", "nota: i bit diventano testa o croce"))
    draw_film(axes[0, 1], result.back[:, :SHOWN], result.times[::-1])
    title = viz.say("learned: coin flips become heartbeats", "appresa: da testa o croce al battito")
    axes[0, 1].set_title(title)
    draw_dissolution(axes[1, 0], result.dissolution, result.chain)
    draw_bound(axes[1, 1], result)
    return fig


def draw_film(ax, frames: np.ndarray, times: np.ndarray) -> None:
    """Moments from left to right, one sequence per line, ones white."""
    pictures = frames.reshape(len(frames), 1, -1, 20)
    viz.film(ax, pictures, [f"$t = {t:.0f}$" for t in times])


def draw_dissolution(ax, seen: Dissolution, chain: ink.Binomial) -> None:
    t = np.arange(chain.T + 1)
    mean, band = chain.ones_mean(4, 20, t), np.sqrt(chain.ones_variance(4, 20, t))
    ax.fill_between(t, mean - band, mean + band, color="0.85", linewidth=0)
    viz.theory(ax, t, mean, viz.say("exact mean ± spread", "media esatta ± deviazione"))
    label = viz.say("ones among 20 bits", "uni tra 20 bit")
    ax.plot(seen.times, seen.ones.mean(1), "o", color=viz.COLORS["sky"], markersize=14, label=label)
    cross = {"color": viz.COLORS["red"], "markersize": 8, "markeredgewidth": 2}
    label = viz.say("balls in an urn", "palline nell'urna")
    ax.plot(seen.times, [n.value for n in seen.balls], "x", **cross, label=label)
    ax.set(xlabel=viz.label("step"), ylabel=viz.say("number", "numero"), ylim=(0, 14))
    ax.set_title(viz.say("bits and balls forget alike", "bit e palline dimenticano allo stesso modo"))
    ax.legend(loc="lower right")


def draw_bound(ax, result: Result) -> None:
    """What the steps back cost, from noise to data: learned, and with the exact posterior of the five sequences."""
    T, near = result.chain.T, -result.bound.bits.value < 2.6
    panels = [ax]
    if near:  # a closer look at the end
        panels.append(ax.inset_axes((0.65, 0.42, 0.33, 0.34)))
        panels[1].set(xlim=(0.25 * T, 0), ylim=(2.24, 2.44), yticks=[2.3, 2.4])
    curves = (result.bound, viz.say("learned", "appreso"), "blue", 2.6), (result.best, viz.label("exact"), "black", 1.4)
    for panel in panels:
        for bound, name, color, width in curves:
            cost = np.cumsum(bound.terms) / math.log(2)
            panel.plot(bound.times, cost, color=viz.COLORS[color], label=f"{name}: {cost[-1]:.3f}", linewidth=width)
        panel.axhline(-PAPER, linestyle="--", color=viz.COLORS["red"], label=f"2015: {-PAPER}")
        panel.axhline(-OPTIMUM, linestyle=":", color=viz.COLORS["black"], label=f"$\\log_2 5 = {-OPTIMUM:.3f}$")
    ax.set(xlim=(T, 0), ylim=(0, 2.6 if near else None), xlabel=viz.label("step"))
    ax.set_ylabel(viz.say("bits paid so far", "bit pagati finora"))
    ax.set_title(viz.say("where the bits are, on the way back", "dove sono i bit, sulla via del ritorno"))
    ax.legend(loc="lower right")


if __name__ == "__main__":
    run_script(__file__)
