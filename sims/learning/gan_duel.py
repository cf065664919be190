"""The forger and the detective: a duel learns to draw, beside diffusion of equal size and equal training time.

A forger turns noise into points, a detective tells them from real ones, until he is right hardly more often than by
tossing a coin; a fresh one, whom the forger has never met, may still be. Diffusion comes nearer to the data and can say
how probable a point is; the forger draws a point in one step.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, progress, run_script


@dataclass(frozen=True)
class Parameters:
    steps: int = 1500
    """training steps of either; one of diffusion costs no more than one of the duel"""
    seeds: int = 5
    """duels, and diffusion models, on each set"""
    samples: int = 2000
    """points in each of five draws that are judged"""
    detective_steps: int = 500
    """steps of each fresh detective"""
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {"steps": 25, "seeds": 1, "samples": 50, "detective_steps": 8}
TOUR = {"steps": 300, "seeds": 1, "samples": 400, "detective_steps": 100}
# Upright, the grid would be known to the part of a score that is not learned: its coordinates are independent.
SETS = {8: ("eight_gaussians", {}), 25: ("grid_gaussians", {"angle": 0.5})}
NAMES = {"duel": ("duel", "duello"), "diffusion": ("diffusion", "diffusione")}
COLOURS = {"duel": viz.COLORS["orange"], "diffusion": viz.COLORS["blue"]}
# 8642 parameters of the forger (and 8577 of its detective), 8202 of the score, 12737 of a fresh detective.
PLAYER, SCORE = (64, 3), {"width": 56, "depth": 3, "embedding": 8, "harmonics": 4, "dropout": 0.0}
POINTS, DRAWS, FRESH = 20_000, 5, 1_000_000  # seeds from FRESH on give what everything is judged by
ROWS = {
    "seconds": ("training, CPU s", "addestramento, s di CPU"),
    "distance": ("energy distance (real points: 1)", "distanza (punti veri: 1)"),
    "modes": ("modes covered", "mode raggiunte"),
    "near": ("samples near a mode (real: 0.989)", "vicini a una moda (veri: 0,989)"),
    "right": ("fresh detective is right (real: 0.5)", "detective nuovo ha ragione (veri: 0,5)"),
    "lost": ("likelihood lost, nats", "verosimiglianza persa, nat"),
    "each": ("drawing a point, CPU µs", "disegnare un punto, µs di CPU"),
}


def run(p: Parameters, report: Report) -> None:
    stages = sorted({1, *(max(1, round(share * p.steps)) for share in (0.03, 0.1, 0.3, 1))})
    found, film, detect = {}, {}, partial(ink.gan.detect, steps=p.detective_steps, seed=p.seed, threads=1)
    for name in NAMES:
        train(name, ink.datasets.eight_gaussians(1000, 0), 2, 0)  # compiles what it needs
    for kind, (points, options) in SETS.items():
        make = partial(getattr(ink.datasets, points), **options)
        real, other = (np.concatenate([make(p.samples, s + k).x for k in range(DRAWS)]) for s in (FRESH, 2 * FRESH))
        floor = np.median([ink.energy_distance(make(p.samples, 3 * FRESH + k).x, real).value for k in range(9)])
        report.check(f"fresh_detective_on_real_and_real_{kind}", detect(real, other).accuracy, 0.5)
        for name in NAMES:
            found[name, kind] = runs = []
            for k in progress(range(p.seeds), f"{name}, {kind} modes"):
                look = filming(film, stages, p.seed) if (name, kind, k) == ("duel", 8, 0) else None
                model, seconds = train(name, make(POINTS, p.seed + k), p.steps, p.seed + k, look)
                runs.append(judge(model, make, real, floor, detect, p) | {"seconds": seconds, "model": model})
    check(found, p, report)
    draw(found, film, digits(stages, p), p, report)


def train(name: str, data, steps: int, seed: int, callback=None):
    """A forger or a score, and the CPU seconds that it took."""
    start, common = time.process_time(), {"steps": steps, "seed": seed, "threads": 1, "progress": False}
    if name == "duel":
        both = dict.fromkeys(("forger", "detective"), ink.gan.PlainMLP(*PLAYER))
        model = ink.gan.duel(data, callback=callback, **both, **common)
    else:
        own = {"batch": 512, "lr": ink.LearningRate(0.02, decay=0.0)}  # best on other seeds
        own |= {"parameterisation": ink.Parameterisation(match_moments=False), "progress": ink.RunOptions(progress=False, threads=1)}
        model = ink.fit(ink.VariancePreserving.linear(), data, steps=steps, seed=seed, net=ink.MLP(**SCORE), **own)
    return model, time.process_time() - start


def filming(film: dict, stages, seed: int, label=None, n: int = 1000):
    def look(step: int, losses, snapshot) -> None:
        if step in stages:
            film[step] = snapshot().sample(n, seed=seed, label=label)

    return look


def judge(model, make, real, floor: float, detect, p: Parameters) -> dict:
    """Everything in the table, by one measure for both kinds of model."""
    own, start = {"sampler": "ancestral"} if isinstance(model, ink.LearnedScore) else {}, time.process_time()
    draws = [model.sample(p.samples, seed=FRESH + k, **own) for k in range(DRAWS)]
    each = 1e6 * (time.process_time() - start) / (DRAWS * p.samples)
    distance = np.median([ink.energy_distance(x, real).value for x in draws]) / floor
    x, mixture, points, lost = np.concatenate(draws), make(1, 0).density, real[:200], np.nan
    if own:  # it has a density
        lost = np.mean(mixture.log_density(points) - model.log_likelihood(points, rtol=1e-3, atol=1e-3).values)
    modes, right = ink.modes_covered(x, mixture), detect(real, x).accuracy.value
    found = {"modes": modes.covered, "near": modes.near.value, "right": right}
    return found | {"x": x, "distance": distance, "lost": lost, "each": each}


def digits(stages, p: Parameters) -> dict:
    """What a forger asked for each digit draws, at the same stages."""
    data, film, common = ink.datasets.digits(), {}, {"steps": p.steps, "seed": p.seed, "progress": False}
    ink.gan.duel(data, label=True, batch=128, callback=filming(film, stages, p.seed, np.arange(10), 10), **common)
    return film | {0: np.stack([data.x[data.y == digit][0] for digit in range(10)])}


def check(found, p: Parameters, report: Report) -> None:
    median = {key: {name: np.median([one[name] for one in runs]) for name in ROWS} for key, runs in found.items()}
    for name, least in zip(NAMES, (0, 0) if report.quick else (7, 8), strict=True):
        report.bound(f"fewest_of_8_modes_{name}", min(one["modes"] for one in found[name, 8]), at_least=least)
    for kind in SETS:
        duel, other = median["duel", kind], median["diffusion", kind]
        worse, faster = duel["distance"] / other["distance"], other["each"] / duel["each"]
        report.bound(f"distance_{kind}_duel_over_diffusion", worse, at_least=float(not report.quick))
        report.bound(f"time_of_a_point_{kind}_diffusion_over_duel", faster, at_least=1.0)
    report.sentence(
        f"In equal time diffusion comes {worse:.0f} times nearer; the forger draws {faster:.0f} times faster.",
        f"A pari tempo la diffusione è {worse:.0f} volte più vicina; il falsario disegna {faster:.0f} volte prima.",
    )


def draw(found, film, film_of_digits, p: Parameters, report: Report) -> None:
    fig, axes = viz.figure(4, 6, width=17, height=17.5, gridspec_kw={"height_ratios": [1, 0.42, 1.6, 1.7]})
    for k, (step, x) in enumerate((film | {0: ink.datasets.eight_gaussians(1000, FRESH).x}).items()):
        viz.scatter(axes[0, k], x, color=COLOURS["duel"] if step else "black")
        axes[0, k].set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), xticks=[], yticks=[])
        axes[0, k].set_title(viz.say(f"forger, step {step}", f"falsario, passo {step}") if step else viz.label("real"))
        viz.images(axes[1, k], np.clip(film_of_digits[step], 0, 1), (8, 8), 2, 5)
    for ax in [*axes[:2, len(film) + 1 :].flat, *axes[2:].flat]:
        ax.remove()
    below = (grid := axes[0, 0].get_gridspec())[2, :].subgridspec(1, 3, width_ratios=[1.35, 1, 1])
    duelling(fig.add_subplot(below[0, 0]), found["duel", 8])
    for k, (name, words) in enumerate(NAMES.items()):
        worst, ax = max(found[name, 25], key=lambda one: one["distance"]), fig.add_subplot(below[0, 1 + k])
        viz.scatter(ax, worst["x"][:3000], color=COLOURS[name])
        ax.set(xlim=(-3.1, 3.1), ylim=(-3.1, 3.1), xticks=[], yticks=[])
        ax.set_title(viz.say(f"{words[0]}: worst of {p.seeds}", f"{words[1]}: il peggiore di {p.seeds}"))
    heads = [f"{viz.say(*NAMES[name])}\n{kind} " + viz.say("modes", "mode") for name, kind in found]
    rows = [[entry([one[row] for one in runs]) for runs in found.values()] for row in ROWS]
    viz.table(fig.add_subplot(grid[3, :]), rows, heads, [viz.say(*words) for words in ROWS.values()])
    report.figure(fig)


def entry(values) -> str:  # median over the seeds, then the least and the greatest
    if np.isnan(values).any():
        return viz.say("no density", "senza densità")
    low, middle, high = (f"{v:.3g}" for v in np.quantile(values, (0, 0.5, 1)))
    return middle if low == high else f"{middle} ({low}–{high})"


def duelling(ax, duels) -> None:
    for one in duels:
        steps, right = one["model"].history.step, one["model"].history.accuracy.value
        (own,) = ax.plot(steps, right, color=COLOURS["duel"], linewidth=1.2, alpha=0.8)
        (fresh,) = ax.plot(steps[-1], one["right"], "D", color=viz.COLORS["red"], clip_on=False)
    words = viz.say("its own,a fresh one,tossing a coin", "il suo,uno nuovo,testa o croce").split(",")
    viz.theory(ax, None, 0.5, words[2])
    ax.legend([own, fresh, ax.lines[-1]], words, loc="upper right")
    ax.set(ylim=(None, 0.95), xlabel=viz.label("step"), ylabel=viz.say("detective is right", "il detective ha ragione"))


if __name__ == "__main__":
    run_script(__file__)
