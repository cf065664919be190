"""Samplers: how many questions to the score an image costs, and the order at which each sampler's error falls.

Walking back is solving an equation of motion, and a sampler is a rule for it. With the exact score of a mixture the
error of each is measured against the flow followed to ten digits, for noisy ones against the exact spread of the law:
twice the steps, half the error at first order, a quarter at second. On digits, with a learned score, second order
pays: fifteen questions to the network give the quality of two hundred and fifty.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

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
    slack: float = 0.15
    """how far a measured order may be from the sampler's"""
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {
    "walkers": 40, "finest": 160, "training": 30, "samples": 40, "draws": 1, "most": 15, "excess": 1e3, "slack": 0.5,
}  # fmt: skip
END, SPREAD = 2e-3, 0.3  # the last time of the walks in the first panels; variance of the Gaussian data
# label: sampler, order, questions a step, colour
FLOWS = {
    "DDIM": ("DDIM", 1, 1, "sky"),
    "Heun": ("ProbabilityFlow", 2, 2, "red"),
    "DPM-Solver++(2M)": ("DPMSolver", 2, 1, "blue"),
}
# label: sampler (of order 1, one question a step), colour
NOISY = {
    "ancestral, $\\tilde\\beta$": ("Ancestral", "green"),
    "ancestral, $\\beta$": ("Ancestral transition", "purple"),
    "Euler-Maruyama": ("EulerMaruyama", "orange"),
}
# label: sampler, numbers of steps, questions a step, colour
ON_DIGITS = {
    "ancestral": ("Ancestral", (15, 30, 60, 120, 250), 1, "green"),
    "DDIM": ("DDIM", (8, 15, 30, 60), 1, "sky"),
    "Heun": ("ProbabilityFlow", (8, 12, 20, 30), 2, "red"),
    "DPM-Solver++(2M)": ("DPMSolver", (8, 15, 30, 60), 1, "blue"),
}


@dataclass(frozen=True)
class Result:
    counts: list[int]
    """numbers of steps of the walks with exact scores"""
    flows: dict[str, np.ndarray]
    """labels of FLOWS -> RMS distance, per coordinate, from where the flow leads"""
    noisy: dict[str, np.ndarray]
    """labels of NOISY -> relative error of the variance"""
    digits: dict[str, dict[int, np.ndarray]]
    """labels of ON_DIGITS -> steps -> Frechet distances, one per draw, to digits never seen"""
    floor: float
    """Frechet distance of the training images"""


def compute(p: Parameters) -> Result:
    counts = [n for n in (10, 20, 40, 80, 160, 320, 640, 1280) if n <= p.finest]
    variance = total(END)
    noisy = {
        label: np.array([abs(variance_of(made(sampler), n) / variance - 1) for n in counts])
        for label, (sampler, _) in NOISY.items()
    }
    return Result(counts, flow_errors(counts, p), noisy, *on_digits(p))


def flow_errors(counts: list[int], p: Parameters) -> dict[str, np.ndarray]:
    """Errors of where a mixture's exact score leads from noise, N(0, 1)."""
    vp = process()
    score = ink.MixtureScore(vp, [0.3, 0.7], [[-0.8, 0.2], [0.6, -0.3]], 0.09)
    x = vp.prior(1.0).sample(p.walkers, 2, seed=p.seed, dtype=np.float64)
    truth = ink.reverse(vp, score, x, [1.0, END], seed=p.seed, sampler=ink.AdaptiveFlow(1e-10, 1e-12)).last
    errors = {}
    for label, (sampler, *_) in FLOWS.items():
        ends = [ink.reverse(vp, score, x, grid(n), seed=p.seed, sampler=made(sampler)).last for n in counts]
        errors[label] = np.array([np.sqrt(((end - truth) ** 2).mean()) for end in ends])
    return errors


def variance_of(sampler: ink.Sampler, n: int) -> float:
    """Variance at the end of the walk of Gaussian data in n steps: no sampling."""
    return ink.chain_variance(process(), sampler, grid(n), SPREAD)


def total(t: float) -> float:
    """Variance of Gaussian data at t."""
    return process().alpha(t) ** 2 * SPREAD + process().variance(t)


def on_digits(p: Parameters) -> tuple[dict[str, dict[int, np.ndarray]], float]:
    train, held_out = ink.datasets.digits().split(test_size=0.3, random_state=0)
    score = ink.fit(process(), train, steps=p.training, seed=p.seed)
    distances = {
        label: {n: draws(score, made(sampler), n, held_out, p) for n in counts if n <= p.most}
        for label, (sampler, counts, *_) in ON_DIGITS.items()
    }
    return distances, ink.frechet_distance(train, held_out).value


def draws(score: ink.LearnedScore, sampler, steps: int, held_out, p: Parameters) -> np.ndarray:
    seeds = range(p.seed, p.seed + p.draws)
    samples = [score.sample(p.samples, seed=seed, steps=steps, sampler=sampler) for seed in seeds]
    return np.array([ink.frechet_distance(x, held_out).value for x in samples])


def process() -> ink.VariancePreserving:
    return ink.VariancePreserving.linear()


def grid(steps: int) -> np.ndarray:
    return ink.time_grids.log_snr(process(), steps, end=END, to_zero=False)


def made(sampler: str):
    """The sampler of that class, with its options."""
    name, *options = sampler.split()
    return getattr(ink, name)(*options)


def check(p: Parameters, result: Result, report: Report) -> None:
    for label, (_, order, *_) in FLOWS.items():
        check_order(label, result.flows[label], order, p, report)
    for label, (sampler, _) in NOISY.items():
        check_order(sampler.replace(" ", "_"), result.noisy[label], 1, p, report)
    short = np.median(result.digits["DPM-Solver++(2M)"][15])
    long = np.median(result.digits["ancestral"][p.most])
    report.bound(f"frechet_of_dpm_at_15_over_ancestral_at_{p.most}", short / long, at_most=p.excess)
    report.sentence(
        f"15 questions with DPM-Solver++: {short:.3f}; {p.most} with fresh noise: {long:.3f} (medians of {p.draws}).",
        f"15 domande con DPM-Solver++: {short:.3f}; {p.most} con rumore nuovo: {long:.3f} (mediane di {p.draws}).",
    )


def check_order(name: str, errors: np.ndarray, order: int, p: Parameters, report: Report) -> None:
    """The order, from the last doubling of the steps."""
    found = math.log2(errors[-2] / errors[-1])
    report.bound(f"order_of_{name}", found, at_least=order - p.slack)
    report.bound(f"order_of_{name}", found, at_most=order + p.slack)


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(1, 3, width=19, aspect=0.95)
    draw_flows(axes[0, 0], result)
    draw_noisy(axes[0, 1], result)
    draw_digits(axes[0, 2], p, result)
    return fig


def draw_flows(ax, result: Result) -> None:
    for label, (_, order, cost, color) in FLOWS.items():
        text = f"{label}: " + viz.say("order", "ordine") + f" {order}"
        ax.loglog(cost * np.array(result.counts), result.flows[label], "o-", color=viz.COLORS[color], label=text)
    ax.set_ylabel(viz.say("RMS error of the end\n(sd of noise)", "errore RMS dell'arrivo\n(dev. st. del rumore)"))
    ax.set_title(viz.say("without noise: exact mixture", "senza rumore: mistura esatta"))
    finish(ax, below=300)


def draw_noisy(ax, result: Result) -> None:
    for label, (_, color) in NOISY.items():
        text = f"{label}: " + viz.say("order 1", "ordine 1")
        ax.loglog(result.counts, result.noisy[label], "o-", color=viz.COLORS[color], label=text)
    ax.set_ylabel(viz.say("relative error of the variance", "errore relativo della varianza"))
    ax.set_title(viz.say("with fresh noise: exact Gaussian", "con rumore nuovo: gaussiana esatta"))
    finish(ax, below=10)


def finish(ax, below: float) -> None:
    """The legend into free space made under the curves; no numbers between the powers of ten."""
    ax.set_xlabel(viz.say("questions to the score", "domande allo score"))
    ax.set_ylim(bottom=ax.get_ylim()[0] / below)
    ax.tick_params(axis="y", which="minor", labelleft=False)
    ax.legend(loc="lower left")


def draw_digits(ax, p: Parameters, result: Result) -> None:
    """Medians over the draws, with the least and the greatest."""
    for label, (_, _, cost, color) in ON_DIGITS.items():
        distances = np.array(list(result.digits[label].values()))
        middle = np.median(distances, axis=1)
        bars = middle - distances.min(axis=1), distances.max(axis=1) - middle
        asked, color = cost * np.array(list(result.digits[label])), viz.COLORS[color]
        ax.errorbar(asked, middle, bars, fmt="o-", capsize=3, color=color, label=label)
    viz.theory(ax, None, result.floor, viz.say("real against real", "vere contro vere"))
    top = 3 * np.median(result.digits["ancestral"][p.most])
    ax.set(xscale="log", ylim=(0, top), xlabel=viz.say("questions to the network", "domande alla rete"))
    ax.set_xticks([10, 30, 100, 250], ["10", "30", "100", "250"])
    ax.minorticks_off()
    ax.set_ylabel(viz.say("Frechet distance", "distanza di Fréchet"))
    ax.set_title(viz.say("digits, learned score", "cifre, score appreso"))
    ax.legend(loc="upper right")


if __name__ == "__main__":
    run_script(__file__)
