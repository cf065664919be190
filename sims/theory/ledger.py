"""The ledger: entropy grows as fast as the score is steep, for a drop in space, a glass or a bowl, and for digits.

The score, the slope of ln p that runs time backwards, also measures how fast entropy grows: dS/dt = E[div f] + (g^2/2)
E|score|^2. What is produced, (g^2/2) E|score - 2 f/g^2|^2, is never negative, even where the ink's own entropy falls (a
wide cloud drawn into a narrow bowl), and is what the distance to equilibrium loses. Adding up the rate over all time
gives the whole entropy that a drop can gain, ln V - S(p_0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

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
FINE = np.geomspace(1e-4, 1, 31)
CELLS = 5  # a side of the glass; the drop fills one of them
COLORS = {"free": "blue", "glass": "green", "bowl": "purple", "wide": "red"}


def run(p: Parameters, report: Report) -> None:
    times = np.geomspace(FINE[0], FINE[-1], p.times)
    books = {name: check(report, name, follow(name, p, times)) for name in COLORS}
    glass = books["glass"]
    all_of_it, since = 2 * math.log(CELLS), glass.balance().integrated  # ln V - S(p_0)
    spent = ink.Estimate(all_of_it + exact(glass).entropy[0] + since.value, since.stderr)
    report.check("all_that_the_drop_can_gain", spent, all_of_it)
    for name in ("kl_density", "chi2_density"):
        excess = (glass[name].value - glass.bound(name)) / glass[name].stderr
        report.bound(f"{name}_above_its_bound_in_errors", float(excess[1:].max()), at_most=5)
    digits = follow_digits(p)
    report.check("digits_entropy_balances", digits.balance().gap, 0.0)
    fig, axes = viz.figure(2, 2, width=14, aspect=0.78)
    draw_entropy(axes[0, 0], books)
    draw_rates(axes[0, 1], books["wide"])
    draw_distance(axes[1, 0], glass)
    draw_digits(axes[1, 1], digits)
    report.figure(fig)
    report.sentence(
        f"Added up over time, the score's rate gives {spent.value:.3f} nats; the drop can gain {all_of_it:.3f}.",
        f"Sommato nel tempo, il ritmo dallo score è {spent.value:.3f} nat; la goccia può guadagnarne {all_of_it:.3f}.",
    )


def follow(name: str, p: Parameters, times: np.ndarray) -> ink.Ledger:
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
    book = ink.Ledger(process, score=score)
    ink.simulate(process, x, [0, *times], seed=seed, observe={}, callback=lambda i, t, x: i and book.record(x, t))
    return book


def follow_digits(p: Parameters) -> ink.Ledger:
    process = ink.VariancePreserving.linear()
    x = 2 * ink.datasets.digits().x[: p.images] - 1
    book = ink.Ledger(process, score=ink.EmpiricalScore(process, x))
    for i, t in enumerate(np.geomspace(0.02, 1, 24)):
        book.record(ink.diffuse(process, x, t, seed=p.seed, step=i), t)
    return book


def check(report: Report, name: str, book: ink.Ledger) -> ink.Ledger:
    middle, gained = len(book.times) // 2, exact(book).entropy[-1] - exact(book).entropy[0]
    now = ink.exact_ledger(book.score, book.times[middle])
    for column in ("entropy_neighbours", "entropy_rate", "entropy_production"):
        report.check(f"{name}_{column}", book[column][middle], getattr(now, column.removesuffix("_neighbours")))
    report.check(f"{name}_entropy_gained", book.balance().integrated, gained)
    return book


@cache
def exact(book: ink.Ledger):
    entries = [ink.exact_ledger(book.score, t) for t in FINE]
    return type(entries[0])(*np.transpose(entries))


def draw_entropy(ax, books) -> None:
    labels = viz.say("free space,glass,bowl,wide cloud", "spazio libero,bicchiere,conca,nuvola larga").split(",")
    for (name, book), label in zip(books.items(), labels, strict=True):
        viz.theory(ax, FINE, exact(book).entropy)
        viz.with_errors(ax, book.times, book["entropy_neighbours"], label, COLORS[name])
    title = viz.say("entropy of four drops", "entropia di quattro gocce")
    ax.set(xscale="log", xlabel=viz.label("time"), ylabel=viz.label("entropy"), title=title)
    ax.legend(loc="lower right")


def draw_rates(ax, book: ink.Ledger) -> None:
    labels = {"entropy_production": ("produced", "prodotta"), "entropy_rate": ("of the ink itself", "dell'inchiostro")}
    for name, label in labels.items():
        viz.theory(ax, FINE, getattr(exact(book), name))
        viz.with_errors(ax, book.times, book[name], viz.say(*label), "red" if name == "entropy_rate" else "orange")
    ax.axhline(0, color="grey", linewidth=0.8)
    title = viz.say("wide cloud: the second law", "nuvola larga: il secondo principio")
    ax.set(xscale="log", xlabel=viz.label("time"), ylabel=viz.label("entropy_rate"), title=title)
    ax.legend(loc="upper right")


def draw_distance(ax, book: ink.Ledger) -> None:
    for name, label, color in (("chi2", r"$\chi^2$", "purple"), ("kl", "KL", "green")):
        viz.with_errors(ax, book.times, book[f"{name}_density"], label, color)
        viz.theory(ax, FINE, getattr(exact(book), name))
        bound = viz.say("at most", "al più") + r" $\propto e^{-2\lambda_1 t}$" if name == "kl" else ""
        viz.theory(ax, FINE, book.bound(f"{name}_density", at=FINE), bound, linestyle="--")
    title = viz.say("glass: distance from equilibrium", "bicchiere: distanza dall'equilibrio")
    ax.set(xscale="log", yscale="log", ylim=(1e-4, 60), xlabel=viz.label("time"), title=title)
    ax.set_ylabel(viz.say("KL (nats), $\\chi^2$", "KL (nat), $\\chi^2$"))
    ax.legend(loc="lower left")


def draw_digits(ax, book: ink.Ledger) -> None:
    alone, together = (book[name].value / 64 for name in ("entropy_coordinates", "entropy_density"))
    ax.plot(book.times, alone, "o-", color="#E69F00", label=viz.say("each pixel alone", "ogni pixel da solo"))
    ax.plot(book.times, together, "o-", color="#0072B2", label=viz.say("the whole image", "l'immagine intera"))
    shared = viz.say("what pixels know\nof one another", "ciò che i pixel sanno\nl'uno dell'altro")
    ax.fill_between(book.times, together, alone, color="#56B4E9", alpha=0.35, label=shared)
    viz.theory(ax, None, ink.gaussian_entropy(1.0, 1), viz.label("equilibrium"))
    title = viz.say("handwritten digits", "cifre scritte a mano")
    ax.set(xscale="log", xlabel=viz.label("time"), ylabel=viz.label("entropy_per_coordinate"), title=title)
    ax.legend(loc="lower right")


if __name__ == "__main__":
    run_script(__file__)
