"""Samplers: how many questions to the score an image costs, and the order at which each sampler's error falls.

Walking back is solving an equation of motion, and a sampler is a rule for it. With the exact score of a mixture the
error of each is measured against the flow followed to ten digits, for noisy ones against the exact spread of the law:
twice the steps, half the error at first order, a quarter at second. On digits, with a learned score, second order
pays: fifteen questions to the network give the quality of two hundred and fifty.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script


@dataclass(frozen=True)
class Parameters:
    walkers: int = 200
    """walkers of the flow, whose errors are averaged"""
    finest: int = 640
    """steps of the longest walk in the first two panels"""
    training: int = 3000
    """training steps on digits"""
    samples: int = 1000
    """digits in one draw"""
    draws: int = 5
    """draws of digits per sampler and number of steps"""
    most: int = 250
    """steps of the longest walk on digits, an ancestral one"""
    excess: float = 1.05
    """Frechet distance of DPM-Solver++ at 15 steps over that of the longest ancestral walk, at most"""
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {"walkers": 40, "finest": 160, "training": 30, "samples": 40, "draws": 1, "most": 15, "excess": 1e3}
END, SPREAD = 2e-3, 0.3  # the last time of the walks in the first panels; variance of the Gaussian data
FLOWS = {
    "DDIM": ("DDIM", 1, 1, "#56B4E9"),
    "Heun": ("ProbabilityFlow", 2, 2, "#D55E00"),
    "DPM-Solver++(2M)": ("DPMSolver", 2, 1, "#0072B2"),
}
NOISY = {
    "ancestral, $\\tilde\\beta$": ("Ancestral", "#009E73"),
    "ancestral, $\\beta$": ("Ancestral transition", "#CC79A7"),
    "Euler-Maruyama": ("EulerMaruyama", "#E69F00"),
}
ON_DIGITS = {
    "ancestral": ("Ancestral", (15, 30, 60, 120, 250), 1, "#009E73"),
    "DDIM": ("DDIM", (8, 15, 30, 60), 1, "#56B4E9"),
    "Heun": ("ProbabilityFlow", (8, 12, 20, 30), 2, "#D55E00"),
    "DPM-Solver++(2M)": ("DPMSolver", (8, 15, 30, 60), 1, "#0072B2"),
}


def run(p: Parameters, report: Report) -> None:
    counts = [n for n in (10, 20, 40, 80, 160, 320, 640, 1280) if n <= p.finest]
    fig, axes = viz.figure(1, 3, width=19, aspect=0.95)
    draw_flows(axes[0, 0], p, report, counts)
    draw_noisy(axes[0, 1], report, counts)
    draw_digits(axes[0, 2], p, report)
    report.figure(fig)


def draw_flows(ax, p: Parameters, report: Report, counts: list[int]) -> None:
    """RMS distance, per coordinate, from where the flow leads, on an exact mixture; the noise ends as N(0, 1)."""
    vp = process()
    score = ink.MixtureScore(vp, [0.3, 0.7], [[-0.8, 0.2], [0.6, -0.3]], 0.09)
    x = vp.prior(1.0).sample(p.walkers, 2, seed=p.seed, dtype=np.float64)
    truth = ink.reverse(vp, score, x, [1.0, END], seed=p.seed, sampler=ink.AdaptiveFlow(1e-10, 1e-12)).last
    for name, (sampler, order, cost, colour) in FLOWS.items():
        ends = [ink.reverse(vp, score, x, grid(n), seed=p.seed, sampler=made(sampler)).last for n in counts]
        errors = [float(np.sqrt(((end - truth) ** 2).mean())) for end in ends]
        asked = cost * np.array(counts)
        ax.loglog(asked, errors, "o-", color=colour, label=f"{name}: " + viz.say("order", "ordine") + f" {order}")
        judge_order(report, name, order, errors)
    ax.set_ylabel(viz.say("RMS error of the end\n(sd of noise)", "errore RMS dell'arrivo\n(dev. st. del rumore)"))
    ax.set_title(viz.say("without noise: exact mixture", "senza rumore: mistura esatta"))
    finish(ax, below=300)


def draw_noisy(ax, report: Report, counts: list[int]) -> None:
    """Error of the variance for Gaussian data, in closed form from the coefficients: no sampling."""
    truth = total(END)
    for name, (sampler, colour) in NOISY.items():
        errors = [abs(chain_variance(made(sampler), grid(n)) / truth - 1) for n in counts]
        ax.loglog(counts, errors, "o-", color=colour, label=f"{name}: " + viz.say("order 1", "ordine 1"))
        judge_order(report, sampler.replace(" ", "_"), 1, errors)
    ax.set_ylabel(viz.say("relative error of the variance", "errore relativo della varianza"))
    ax.set_title(viz.say("with fresh noise: exact Gaussian", "con rumore nuovo: gaussiana esatta"))
    finish(ax, below=10)


def finish(ax, below: float) -> None:
    """The legend into free space made under the curves; no numbers between the powers of ten."""
    ax.set_xlabel(viz.say("questions to the score", "domande allo score"))
    ax.set_ylim(bottom=ax.get_ylim()[0] / below)
    ax.tick_params(axis="y", which="minor", labelleft=False)
    ax.legend(loc="lower left")


def draw_digits(ax, p: Parameters, report: Report) -> None:
    """Frechet distance to digits never seen, against the number of network evaluations."""
    train, held_out = ink.datasets.digits().split(test_size=0.3, random_state=0)
    score = ink.fit(process(), train, steps=p.training, seed=p.seed)
    median = {}
    for name, (sampler, every, cost, colour) in ON_DIGITS.items():
        counts = [n for n in every if n <= p.most]
        found = np.array([distances(score, made(sampler), n, held_out, p) for n in counts])
        median[name] = dict(zip(counts, np.median(found, axis=1), strict=True))
        middle = np.array(list(median[name].values()))
        below, above = middle - found.min(axis=1), found.max(axis=1) - middle
        ax.errorbar(cost * np.array(counts), middle, (below, above), fmt="o-", capsize=3, color=colour, label=name)
    short, long = median["DPM-Solver++(2M)"][15], median["ancestral"][p.most]
    viz.theory(ax, None, ink.frechet_distance(train, held_out).value, viz.say("real against real", "vere contro vere"))
    ax.set(xscale="log", ylim=(0, 3 * long), xlabel=viz.say("questions to the network", "domande alla rete"))
    ax.set_xticks([10, 30, 100, 250], ["10", "30", "100", "250"])
    ax.minorticks_off()
    ax.set_ylabel(viz.say("Frechet distance", "distanza di Fréchet"))
    ax.set_title(viz.say("digits, learned score", "cifre, score appreso"))
    ax.legend(loc="upper right")
    report.bound(f"frechet_of_dpm_at_15_over_ancestral_at_{p.most}", short / long, at_most=p.excess)
    report.sentence(
        f"15 questions with DPM-Solver++: {short:.3f}; {p.most} with fresh noise: {long:.3f} (medians of {p.draws}).",
        f"15 domande con DPM-Solver++: {short:.3f}; {p.most} con rumore nuovo: {long:.3f} (mediane di {p.draws}).",
    )


def distances(score, sampler, steps: int, held_out, p: Parameters) -> list[float]:
    draws = range(p.seed, p.seed + p.draws)
    samples = [score.sample(p.samples, seed=seed, steps=steps, sampler=sampler) for seed in draws]
    return [ink.frechet_distance(x, held_out).value for x in samples]


def made(sampler: str):
    name, *options = sampler.split()
    return getattr(ink, name)(*options)


def process() -> ink.VariancePreserving:
    return ink.VariancePreserving.linear()


def grid(steps: int):
    return ink.time_grids.log_snr(process(), steps, end=END, to_zero=False)


def total(t: float) -> float:
    return process().alpha(t) ** 2 * SPREAD + process().variance(t)


def chain_variance(sampler, times) -> float:
    """Variance at times[-1] of the walk of Gaussian data, begun with the exact one."""
    v = total(times[0])
    for t, s in pairwise(times):
        a, b, c = sampler.coefficients(process(), t, s)
        v = (a - b / total(t)) ** 2 * v + c**2
    return v


def judge_order(report: Report, name: str, order: int, errors: list[float]) -> None:
    found = math.log2(errors[-2] / errors[-1])  # from the last doubling of the steps
    name, slack = f"order_of_{name}", 0.5 if report.quick else 0.15
    report.bound(name, found, at_least=order - slack)
    report.bound(name, found, at_most=order + slack)


if __name__ == "__main__":
    run_script(__file__)
