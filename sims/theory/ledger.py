"""The ledger: entropy grows as fast as the score is steep, for a drop in space, a glass or a bowl, and for digits.

The score, the slope of ln p that runs time backwards, also measures how fast entropy grows: dS/dt = E[div f] + (g^2/2)
E|score|^2. What is produced, (g^2/2) E|score - 2 f/g^2|^2, is never negative, even where the ink's own entropy falls (a
wide cloud drawn into a narrow bowl), and is what the distance to equilibrium loses. Adding up the rate over all time
gives the whole entropy that a drop can gain, ln V - S(p_0).
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
    particles: int = 20_000
    """ink particles of each drop"""
    images: int = 1797
    """digits"""
    times: int = 20
    """entries of the ledger"""
    seed: int = 0
    """64-bit seed of all noise"""


QUICK = {"particles": 1000, "images": 150, "times": 8}
TOUR = {"particles": 8000, "images": 1000, "times": 16}
LIMITS = {"particles": (80, None), "images": (20, 1797), "times": (3, None)}
FINE = np.geomspace(1e-4, 1, 31)  # times of the exact curves; the ledgers begin and end with them
CELLS = 5  # a side of the glass; the drop fills one of them
DROPS = ("free", "glass", "bowl", "wide")


@dataclass(frozen=True)
class Result:
    drops: dict[str, ink.Ledger]
    """measured of particles, by the names in DROPS"""
    exact: dict[str, tuple]
    """of the same drops: entropy, its rate and production, and distances from equilibrium, as arrays over FINE"""
    digits: ink.Ledger
    """of images on their way to noise"""


def compute(p: Parameters) -> Result:
    times = np.geomspace(FINE[0], FINE[-1], p.times)
    drops = {name: follow(name, p, times) for name in DROPS}
    return Result(drops, {name: exact_over_time(ledger.score) for name, ledger in drops.items()}, follow_digits(p))


def follow(name: str, p: Parameters, times: np.ndarray) -> ink.Ledger:
    """The ledger of a drop: in free space, in a glass, in a bowl; or of a cloud wider than the bowl's equilibrium."""
    n, seed = p.particles, p.seed
    if name == "glass":
        process = ink.Brownian(1.0, ink.Box(0, 1))
        score = ink.BoxScore(process, np.outer(np.eye(CELLS)[1], np.eye(CELLS)[2]))
        x = (ink.uniform(2 * n, seed=seed).reshape(n, 2).astype(float) + (1, 2)) / CELLS  # noqa: RUF005
    else:
        process = ink.Brownian(1.0) if name == "free" else ink.OrnsteinUhlenbeck(1.0, 10.0)
        centre, variance = ((0.5, 0.5), 0.35) if name == "wide" else ((0.3, 0.0), 0.005)
        score = ink.GaussianScore(process, centre, variance)
        x = centre + math.sqrt(variance) * ink.normal(2 * n, seed=seed, stream=ink.Stream.DATA).reshape(n, 2)
    ledger = ink.Ledger(process, score=score)
    ink.simulate(process, x, [0, *times], seed=seed, observe={}, callback=lambda i, t, x: i and ledger.record(x, t))
    return ledger


def follow_digits(p: Parameters) -> ink.Ledger:
    process = ink.VariancePreserving.linear()
    x = 2 * ink.datasets.digits().x[: p.images] - 1
    ledger = ink.Ledger(process, score=ink.EmpiricalScore(process, x))
    for i, t in enumerate(np.geomspace(0.02, 1, 24)):
        ledger.record(ink.diffuse(process, x, t, seed=p.seed, step=i), t)
    return ledger


def exact_over_time(score):
    entries = [ink.exact_ledger(score, t) for t in FINE]
    return type(entries[0])(*np.transpose(entries))


def check(p: Parameters, result: Result, report: Report) -> None:
    for name, ledger in result.drops.items():
        middle, entropy = len(ledger.times) // 2, result.exact[name].entropy
        now = ink.exact_ledger(ledger.score, ledger.times[middle])
        report.check(f"{name}_entropy_neighbours", ledger["entropy_neighbours"][middle], now.entropy)
        report.check(f"{name}_entropy_rate", ledger["entropy_rate"][middle], now.entropy_rate)
        report.check(f"{name}_entropy_production", ledger["entropy_production"][middle], now.entropy_production)
        report.check(f"{name}_entropy_gained", ledger.balance().integrated, entropy[-1] - entropy[0])
    glass = result.drops["glass"]
    all_of_it, since = 2 * math.log(CELLS), glass.balance().integrated  # ln V - S(p_0)
    spent = ink.Estimate(all_of_it + result.exact["glass"].entropy[0] + since.value, since.stderr)
    report.check("all_that_the_drop_can_gain", spent, all_of_it)
    for name in ("kl_density", "chi2_density"):
        excess = (glass[name].value - glass.bound(name)) / glass[name].stderr
        report.bound(f"{name}_above_its_bound_in_errors", float(excess[1:].max()), at_most=5)
    report.check("digits_entropy_balances", result.digits.balance().gap, 0.0)
    report.sentence(
        f"Added up over time, the score's rate gives {spent.value:.3f} nats; the drop can gain {all_of_it:.3f}.",
        f"Sommato nel tempo, il ritmo dallo score è {spent.value:.3f} nat; la goccia può guadagnarne {all_of_it:.3f}.",
    )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 2, width=14, aspect=0.78)
    draw_entropy(axes[0, 0], result)
    draw_rates(axes[0, 1], result.drops["wide"], result.exact["wide"])
    draw_distance(axes[1, 0], result.drops["glass"], result.exact["glass"])
    draw_digits(axes[1, 1], result.digits)
    return fig


def draw_entropy(ax, result: Result) -> None:
    labels = {
        "free": (viz.say("free space", "spazio libero"), "blue"),
        "glass": (viz.say("glass", "bicchiere"), "green"),
        "bowl": (viz.say("bowl", "conca"), "purple"),
        "wide": (viz.say("wide cloud", "nuvola larga"), "red"),
    }
    for name, ledger in result.drops.items():
        viz.theory(ax, FINE, result.exact[name].entropy)
        viz.with_errors(ax, ledger.times, ledger["entropy_neighbours"], *labels[name])
    title = viz.say("entropy of four drops", "entropia di quattro gocce")
    ax.set(xscale="log", xlabel=viz.label("time"), ylabel=viz.label("entropy"), title=title)
    ax.legend(loc="lower right")


def draw_rates(ax, ledger: ink.Ledger, exact) -> None:
    viz.theory(ax, FINE, exact.entropy_production)
    viz.with_errors(ax, ledger.times, ledger["entropy_production"], viz.say("produced", "prodotta"), "orange")
    viz.theory(ax, FINE, exact.entropy_rate)
    of_ink = viz.say("of the ink itself", "dell'inchiostro")
    viz.with_errors(ax, ledger.times, ledger["entropy_rate"], of_ink, "red")
    ax.axhline(0, color="grey", linewidth=0.8)
    ax.set(xscale="log", xlabel=viz.label("time"))
    ax.set_ylabel(viz.say("rate of entropy (nats/time)", "ritmo dell'entropia (nat/tempo)"))
    ax.set_title(viz.say("wide cloud: the second law", "nuvola larga: il secondo principio"))
    ax.legend(loc="upper right")


def draw_distance(ax, ledger: ink.Ledger, exact) -> None:
    """Both distances from equilibrium, and the bounds below which they must stay, dashed."""
    viz.with_errors(ax, ledger.times, ledger["chi2_density"], r"$\chi^2$", "purple")
    viz.theory(ax, FINE, exact.chi2)
    viz.theory(ax, FINE, ledger.bound("chi2_density", at=FINE), linestyle="--")
    viz.with_errors(ax, ledger.times, ledger["kl_density"], "KL", "green")
    viz.theory(ax, FINE, exact.kl)
    bound = viz.say("at most", "al più") + r" $\propto e^{-2\lambda_1 t}$"
    viz.theory(ax, FINE, ledger.bound("kl_density", at=FINE), bound, linestyle="--")
    title = viz.say("glass: distance from equilibrium", "bicchiere: distanza dall'equilibrio")
    ax.set(xscale="log", yscale="log", ylim=(1e-4, 60), xlabel=viz.label("time"), title=title)
    ax.set_ylabel(viz.say("KL (nats), $\\chi^2$", "KL (nat), $\\chi^2$"))
    ax.legend(loc="lower left")


def draw_digits(ax, ledger: ink.Ledger) -> None:
    """Entropy per pixel, if pixels were independent and as they are."""
    alone, whole = (ledger[name].value / 64 for name in ("entropy_coordinates", "entropy_density"))
    label = viz.say("each pixel alone", "ogni pixel da solo")
    ax.plot(ledger.times, alone, "o-", color=viz.COLORS["orange"], label=label)
    label = viz.say("the whole image", "l'immagine intera")
    ax.plot(ledger.times, whole, "o-", color=viz.COLORS["blue"], label=label)
    shared = viz.say("what pixels know\nof one another", "ciò che i pixel sanno\nl'uno dell'altro")
    ax.fill_between(ledger.times, whole, alone, color=viz.COLORS["sky"], alpha=0.35, label=shared)
    viz.theory(ax, None, ink.gaussian_entropy(1.0, 1), viz.label("equilibrium"))
    title = viz.say("handwritten digits", "cifre scritte a mano")
    ax.set(xscale="log", xlabel=viz.label("time"), ylabel=viz.label("entropy_per_coordinate"), title=title)
    ax.legend(loc="lower right")


if __name__ == "__main__":
    run_script(__file__)
