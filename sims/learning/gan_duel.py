"""The forger and the detective: a duel learns to draw, beside diffusion of equal size and equal training time.

A forger turns noise into points, a detective tells them from real ones, until he is right hardly more often than by
tossing a coin; a fresh one, whom the forger has never met, may still be. Diffusion comes nearer to the data and can say
how probable a point is; the forger draws a point in one step.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

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
    trained: bool = True
    """whether the training is long enough for the checks to be strict"""
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {"steps": 25, "seeds": 1, "samples": 50, "detective_steps": 8, "trained": False}
TOUR = {"steps": 300, "seeds": 1, "samples": 400, "detective_steps": 100}
# Upright, the grid would be known to the part of a score that is not learned: its coordinates are independent.
SETS = {8: ("eight_gaussians", {}), 25: ("grid_gaussians", {"angle": 0.5})}
NAMES = {"duel": ("duel", "duello"), "diffusion": ("diffusion", "diffusione")}
COLOURS = {"duel": "orange", "diffusion": "blue"}
# 8642 parameters of the forger (and 8577 of its detective), 8202 of the score, 12737 of a fresh detective.
PLAYER, SCORE = (64, 3), {"width": 56, "depth": 3, "embedding": 8, "harmonics": 4, "dropout": 0.0}
POINTS, DRAWS, FRESH = 20_000, 5, 1_000_000  # seeds from FRESH on give what everything is judged by


@dataclass(frozen=True)
class Judged:
    """One model, and what is said of it by one measure for both kinds."""

    model: Any
    seconds: float
    """of CPU to train"""
    samples: np.ndarray
    distance: float
    """energy distance from real points, over that of other real points"""
    modes: int
    """covered"""
    near: float
    """share of the samples near a mode"""
    right: float
    """how often a fresh detective is right"""
    lost: float
    """nats of likelihood on real points; NaN if the model knows no density"""
    each: float
    """CPU time to draw a point, microseconds"""


@dataclass(frozen=True)
class Result:
    judged: dict[tuple[str, int], list[Judged]]
    """for each of NAMES and SETS, one per seed"""
    real_and_real: dict[int, ink.Estimate]
    """how often a fresh detective tells real points from real points, for each of SETS"""
    points: dict[int, np.ndarray]
    """training step -> what the first forger draws; in the end 0 -> real points"""
    digits: dict[int, np.ndarray]
    """training step -> what a forger asked for each digit draws; in the end 0 -> real digits"""


def compute(p: Parameters) -> Result:
    stages = sorted({1, *(max(1, round(share * p.steps)) for share in (0.03, 0.1, 0.3, 1))})
    judged, real_and_real, points = {}, {}, {}
    detect = partial(ink.gan.classifier_two_sample_test, steps=p.detective_steps, seed=p.seed, threads=1)
    for name in NAMES:
        train(name, ink.datasets.eight_gaussians(1000, 0), 2, 0)  # compiles what it needs
    for modes, (points_of, options) in SETS.items():
        make = partial(getattr(ink.datasets, points_of), **options)
        real, other = (np.concatenate([make(p.samples, s + k).x for k in range(DRAWS)]) for s in (FRESH, 2 * FRESH))
        floor = np.median([ink.energy_distance(make(p.samples, 3 * FRESH + k).x, real).value for k in range(9)])
        real_and_real[modes] = detect(real, other).accuracy
        for name in NAMES:
            judged[name, modes] = []
            for k in progress(range(p.seeds), f"{name}, {modes} modes"):
                keep = keeping(points, stages, p.seed) if (name, modes, k) == ("duel", 8, 0) else None
                model, seconds = train(name, make(POINTS, p.seed + k), p.steps, p.seed + k, keep)
                judged[name, modes].append(judge(model, seconds, make, real, floor, detect, p))
    points[0] = ink.datasets.eight_gaussians(1000, FRESH).x
    return Result(judged, real_and_real, points, digits(stages, p))


def train(name: str, data, steps: int, seed: int, callback=None) -> tuple[Any, float]:
    """A forger or a score, and the CPU seconds that it took."""
    start, common = time.process_time(), {"steps": steps, "seed": seed}
    if name == "duel":
        both = dict.fromkeys(("generator", "discriminator"), ink.gan.PlainMLP(*PLAYER))
        quiet = ink.RunOptions(progress=False, threads=1, callback=callback)
        model = ink.gan.fit(data, progress=quiet, **both, **common)
    else:
        own = {"batch": 512, "lr": ink.LearningRate(0.02, decay=0.0)}  # best on other seeds
        own |= {"parameterisation": ink.Parameterisation(match_moments=False)}
        quiet = ink.RunOptions(progress=False, threads=1)
        model = ink.fit(ink.VariancePreserving.linear(), data, net=ink.MLP(**SCORE), progress=quiet, **own, **common)
    return model, time.process_time() - start


def keeping(drawn: dict[int, np.ndarray], stages: list[int], seed: int, label=None, n: int = 1000):
    """A callback that keeps what the forger draws at these steps of the training."""

    def keep(step: int, losses, snapshot) -> None:
        if step in stages:
            drawn[step] = snapshot().sample(n, seed=seed, label=label)

    return keep


def judge(model, seconds: float, make, real: np.ndarray, floor: float, detect, p: Parameters) -> Judged:
    own, start = {"sampler": "ancestral"} if isinstance(model, ink.LearnedScore) else {}, time.process_time()
    draws = [model.sample(p.samples, seed=FRESH + k, **own) for k in range(DRAWS)]
    each = 1e6 * (time.process_time() - start) / (DRAWS * p.samples)
    distance = np.median([ink.energy_distance(x, real).value for x in draws]) / floor
    x, mixture, points, lost = np.concatenate(draws), make(1, 0).density, real[:200], np.nan
    if own:  # it has a density
        lost = np.mean(mixture.log_density(points) - model.log_likelihood(points, rtol=1e-3, atol=1e-3).values)
    modes, right = ink.modes_covered(x, mixture), detect(real, x).accuracy.value
    return Judged(model, seconds, x, distance, modes.covered, modes.near.value, right, lost, each)


def digits(stages: list[int], p: Parameters) -> dict[int, np.ndarray]:
    """What a forger asked for each digit draws, at the same stages."""
    data, drawn = ink.datasets.digits(), {}
    keep = ink.RunOptions(progress=False, callback=keeping(drawn, stages, p.seed, np.arange(10), 10))
    ink.gan.fit(data, condition=data.y, batch=128, steps=p.steps, seed=p.seed, progress=keep)
    return drawn | {0: np.stack([data.x[data.y == digit][0] for digit in range(10)])}


def check(p: Parameters, result: Result, report: Report) -> None:
    for modes, accuracy in result.real_and_real.items():
        report.check(f"fresh_detective_on_real_and_real_{modes}", accuracy, 0.5)
    for name, least in zip(NAMES, (7, 8) if p.trained else (0, 0), strict=True):
        report.bound(f"fewest_of_8_modes_{name}", min(one.modes for one in result.judged[name, 8]), at_least=least)
    for modes in SETS:
        duel, diffusion = result.judged["duel", modes], result.judged["diffusion", modes]
        worse = np.median([one.distance for one in duel]) / np.median([one.distance for one in diffusion])
        faster = np.median([one.each for one in diffusion]) / np.median([one.each for one in duel])
        report.bound(f"distance_{modes}_duel_over_diffusion", worse, at_least=float(p.trained))
        report.bound(f"time_of_a_point_{modes}_diffusion_over_duel", faster, at_least=1.0)
    report.sentence(
        f"In equal time diffusion comes {worse:.0f} times nearer; the forger draws {faster:.0f} times faster.",
        f"A pari tempo la diffusione è {worse:.0f} volte più vicina; il falsario disegna {faster:.0f} volte prima.",
    )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(4, 6, width=17, height=17.5, gridspec_kw={"height_ratios": [1, 0.42, 1.6, 1.7]})
    draw_stages(axes[:2], result)
    for ax in [*axes[:2, len(result.points) :].flat, *axes[2:].flat]:
        ax.remove()
    grid = axes[0, 0].get_gridspec()
    below = grid[2, :].subgridspec(1, 3, width_ratios=[1.35, 1, 1])
    draw_accuracy(fig.add_subplot(below[0, 0]), result.judged["duel", 8])
    for k, (name, words) in enumerate(NAMES.items()):
        ax, worst = fig.add_subplot(below[0, 1 + k]), max(result.judged[name, 25], key=lambda one: one.distance)
        draw_points(ax, worst.samples[:3000], 3.1, COLOURS[name])
        ax.set_title(viz.say(f"{words[0]}: worst of {p.seeds}", f"{words[1]}: il peggiore di {p.seeds}"))
    draw_table(fig.add_subplot(grid[3, :]), result)
    return fig


def draw_stages(axes, result: Result) -> None:
    """Points and digits, as the forger learns to draw them, and real ones."""
    for k, (step, x) in enumerate(result.points.items()):
        draw_points(axes[0, k], x, 2.2, COLOURS["duel"] if step else "black")
        axes[0, k].set_title(viz.say(f"forger, step {step}", f"falsario, passo {step}") if step else viz.label("real"))
        viz.images(axes[1, k], np.clip(result.digits[step], 0, 1), (8, 8), 2, 5)


def draw_points(ax, x: np.ndarray, reach: float, color: str) -> None:
    viz.scatter(ax, x, color=color)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])


def draw_accuracy(ax, duels: list[Judged]) -> None:
    """How often each forger's own detective is right in the training, and a fresh one after it."""
    for one in duels:
        steps, right = one.model.history.step, one.model.history.accuracy.value
        (own,) = ax.plot(steps, right, color=viz.COLORS[COLOURS["duel"]], linewidth=1.2, alpha=0.8)
        (fresh,) = ax.plot(steps[-1], one.right, "D", color=viz.COLORS["red"], clip_on=False)
    viz.theory(ax, None, 0.5)
    labels = [viz.say("its own", "il suo"), viz.say("a fresh one", "uno nuovo")]
    ax.legend([own, fresh, ax.lines[-1]], [*labels, viz.say("tossing a coin", "testa o croce")], loc="upper right")
    ax.set(ylim=(None, 0.95), xlabel=viz.label("step"), ylabel=viz.say("detective is right", "il detective ha ragione"))


def draw_table(ax, result: Result) -> None:
    rows = {
        "seconds": viz.say("training, CPU s", "addestramento, s di CPU"),
        "distance": viz.say("energy distance (real points: 1)", "distanza (punti veri: 1)"),
        "modes": viz.say("modes covered", "mode raggiunte"),
        "near": viz.say("samples near a mode (real: 0.989)", "vicini a una moda (veri: 0,989)"),
        "right": viz.say("fresh detective is right (real: 0.5)", "detective nuovo ha ragione (veri: 0,5)"),
        "lost": viz.say("likelihood lost, nats", "verosimiglianza persa, nat"),
        "each": viz.say("drawing a point, CPU µs", "disegnare un punto, µs di CPU"),
    }
    heads = [f"{viz.say(*NAMES[name])}\n{modes} " + viz.say("modes", "mode") for name, modes in result.judged]
    entries = [[entry([getattr(one, row) for one in runs]) for runs in result.judged.values()] for row in rows]
    viz.table(ax, entries, heads, list(rows.values()))


def entry(values: list[float]) -> str:
    """Median over the seeds, with the least and the greatest."""
    if np.isnan(values).any():
        return viz.say("no density", "senza densità")
    low, middle, high = (f"{v:.3g}" for v in np.quantile(values, (0, 0.5, 1)))
    return middle if low == high else f"{middle} ({low}–{high})"


if __name__ == "__main__":
    run_script(__file__)
