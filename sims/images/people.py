"""People in feature space: what a network must know to generate human beings, and how plausible a given body is.

Each person is a point: height, weight, then shoe size, age, ... A network learns the density of the points from
examples alone. Near its peak a body is ordinary, in its tails it is strange: nobody is two metres tall and weighs 30
kg. Add wings and the space gains an axis on which everybody sits at zero. The population's exact density is known, so
how far off the learned one is can be said in nats; and the share of people less probable than a given body is honest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script


@dataclass(frozen=True)
class Parameters:
    people: int = 1_000_000
    """people to learn from"""
    steps: int = 1000
    """training steps on height and weight"""
    steps_many: int = 3000
    """training steps on eight features"""
    fresh: int = 2000
    """people never seen, on whom the learned densities are judged"""
    cells: int = 48
    """points per side of the map of the density"""
    off: float = 0.03
    """largest distance from the true density allowed, nats, for height and weight"""
    off_many: float = 0.1
    """largest distance from the true density allowed, nats, for eight features"""
    calibrated: float = 0.01
    """least p-value of uniform shares of people never seen"""
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {
    "people": 20_000, "steps": 40, "steps_many": 20, "fresh": 150, "cells": 16, "off": 5.0, "off_many": 30.0,
    "calibrated": 0.0,
}  # fmt: skip
LIMITS = {"people": (1000, None), "fresh": (10, None), "cells": (4, 1000), "calibrated": (0, 1)}
TOUR = {"people": 100_000, "steps": 300, "steps_many": 200, "fresh": 250, "cells": 20, "off": 0.1, "off_many": 1.5}
MANY = 8
HEIGHT, WEIGHT = ("height (cm)", "altezza (cm)"), ("weight (kg)", "peso (kg)")
FRAME = {"xlim": (55, 215), "ylim": (0, 165)}
BODIES = ((165, 70), (110, 19), (190, 130), (200, 30))  # cm, kg
WINGS = 5.0  # cm; the error of measurement is 1 cm
SOLVER = {"rtol": 1e-4, "atol": 1e-4}  # of ln p; 0.001 nats


def run(p: Parameters, report: Report) -> None:
    process = ink.VariancePreserving.linear()
    fig, axes = viz.figure(2, 4, width=19, height=10.4)
    learned, fresh, log_p = learn(process, 2, p.steps, p, report, p.off)
    many, _, log_p_many = learn(process, MANY, p.steps_many, p, report, p.off_many)

    levels, peak = density(learned, log_p, p)
    report.bound("height_at_the_peak", peak[0], at_least=150)
    imagined = learned.sample(p.fresh, seed=p.seed)
    draw_density(axes[0, 0], fresh.x, "grey", levels, peak)
    draw_density(axes[0, 1], imagined, "green", levels, peak)
    axes[0, 0].set_title(viz.say("people, and\nwhat was learned", "persone, e\nciò che si è appreso"))
    axes[0, 1].set_title(viz.say("people who\nnever were", "persone\nmai esistite"))
    shares = draw_bodies(axes[0, 2], learned, log_p, many, log_p_many, p)
    report.bound("share_less_probable_than_2m_30kg", shares[-2], at_most=3 / p.fresh)
    report.bound("share_less_probable_than_with_wings", shares[-1], at_most=3 / p.fresh)
    draw_calibration(axes[0, 3], learned, imagined, log_p, p, report)
    draw_there_and_back(axes[1], process, learned, fresh.x, p)
    report.figure(fig)
    thin, winged = (round(share * (p.fresh + 2)) - 1 for share in shares[-2:])  # (k + 1)/(n + 2) -> k
    report.sentence(
        f"Less probable than 2 m with 30 kg: {thin} of {p.fresh} people; than an ordinary body with "
        f"wings of 5 cm: {winged}. To say so a network must know the whole density, not only its peak.",
        f"Meno probabili di 2 m con 30 kg: {thin} persone su {p.fresh}; di un corpo normale con ali di "
        f"5 cm: {winged}. Per dirlo una rete deve conoscere tutta la densità, non solo il picco.",
    )


def learn(process, d: int, steps: int, p: Parameters, report: Report, off: float):
    """A score learned from people of d features, fresh people, and their ln p; how far it is from the truth."""
    data = ink.datasets.people(p.people, p.seed, d)
    score = ink.fit(process, data, steps=steps, seed=p.seed, weighting="likelihood")
    fresh = ink.datasets.people(p.fresh, p.seed + 1, d)
    log_p = score.log_likelihood(fresh.x, **SOLVER).values
    gap = ink.Estimate.of_mean(fresh.density.log_density(fresh.x) - log_p)
    report.bound(f"nats_from_the_truth_in_{d}_features", gap, at_most=off)
    return score, fresh, log_p


def density(learned: ink.LearnedScore, log_p: np.ndarray, p: Parameters):
    """ln p on a grid as (heights, weights, ln p, levels that hold half, 90 % and 99 % of people); and the peak."""
    h, w = (np.linspace(*FRAME[side], p.cells) for side in ("xlim", "ylim"))
    grid = np.stack(np.meshgrid(h, w, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.float32)
    on_grid = learned.log_likelihood(grid, **SOLVER).values
    peak = grid[np.argmax(on_grid)]
    return (h, w, on_grid.reshape(len(h), len(w)), np.quantile(log_p, (0.01, 0.1, 0.5))), peak


def draw_density(ax, x, color: str, levels, peak) -> None:
    h, w, log_p, at = levels
    viz.scatter(ax, x, color=color)
    drawn = ax.contour(h, w, log_p.T, levels=at, colors=[viz.COLORS[c] for c in ("sky", "blue", "black")])
    (top,) = ax.plot(*peak, "^", color=viz.COLORS["red"], markersize=12)
    names = ["99 %", "90 %", "50 %", viz.say("peak", "picco")]
    ax.legend([*drawn.legend_elements()[0], top], names, loc="upper left", handlelength=0.8, borderaxespad=0)
    ax.plot(200, 30, "*", color=viz.COLORS["orange"], markersize=16)
    ax.text(214, 3, viz.say("tails: nobody", "code: nessuno"), ha="right", color=viz.COLORS["orange"], fontsize="small")
    ax.set(aspect="auto", xlabel=viz.say(*HEIGHT), ylabel=viz.say(*WEIGHT), **FRAME)


def draw_bodies(ax, learned, log_p, many, log_p_many, p: Parameters) -> list[float]:
    """Shares of people less probable than each body, and than an ordinary person with wings, as bars."""
    bodies = np.array(BODIES, np.float32)
    shares = ink.plausibility(log_p, learned.log_likelihood(bodies, **SOLVER).values)
    angel = ink.datasets.people(p.fresh, p.seed + 1, MANY).x[np.argsort(log_p_many)[[p.fresh // 2]]]  # the median
    angel[:, -1] = WINGS
    last = ink.plausibility(log_p_many, many.log_likelihood(angel, **SOLVER).values)
    value, stderr = (np.append(getattr(shares, name), getattr(last, name)) for name in ("value", "stderr"))
    wings = viz.say("ordinary, but\nwings of 5 cm", "normale, ma\nali di 5 cm")
    names = [*(f"{h} cm, {w} kg" for h, w in BODIES), wings]
    ax.barh(names, value, xerr=stderr, color=[viz.COLORS["blue"]] * 3 + [viz.COLORS["orange"]] * 2, capsize=4)
    ax.set(xscale="log", xlim=(0.3 / p.fresh, 1.5), xlabel=viz.say("share less probable", "frazione meno probabile"))
    ax.invert_yaxis()
    ax.set_title(viz.say("how plausible\nis this body?", "quanto è\nplausibile?"))
    return [float(share) for share in value]


def draw_calibration(ax, learned, imagined, log_p, p: Parameters, report: Report) -> None:
    """The shares of people never seen, among other real people and among those that the network imagines: uniform?"""
    others = learned.log_likelihood(ink.datasets.people(p.fresh, p.seed + 2).x, **SOLVER).values
    kinds = (("real", log_p, "green"), ("imagined", learned.log_likelihood(imagined, **SOLVER).values, "orange"))
    among = viz.say("real people,imagined", "persone reali,immaginate").split(",")
    for (name, population, color), words in zip(kinds, among, strict=True):
        share = np.sort(ink.plausibility(population, others).value)
        p_value = ink.calibration_p_value(population, others)
        report.bound(f"p_value_of_uniform_shares_among_{name}_people", p_value, at_least=p.calibrated)
        ax.plot(share, (np.arange(len(share)) + 0.5) / len(share), color=viz.COLORS[color], label=words)
    viz.theory(ax, [0, 1], [0, 1], viz.say("honest", "onesta"))
    of = viz.say("share of new people", "frazione di persone nuove")
    ax.set(xlabel=viz.say("share less probable", "frazione meno probabile"), ylabel=of)
    ax.set_title(viz.say("is the answer\nhonest?", "la risposta\nè onesta?"))
    ax.legend(loc="lower right", handlelength=0.8, borderaxespad=0)


def draw_there_and_back(axes, process, learned, x, p: Parameters) -> None:
    """The cloud dissolves to noise, and noise becomes people."""
    times = learned.times(60)
    half = times[int(np.argmin(abs(process.sigma(times[:-1]) - 0.6)))]
    there = ink.simulate(process, learned.encode(x), [0, half, 1], seed=p.seed)
    start = process.prior(1.0).sample(p.fresh, 2, seed=p.seed)
    back = ink.reverse(process, learned, start, times[:-1], seed=p.seed, sampler="heun").last
    titles = (
        viz.say("people", "persone"),
        viz.say("+ noise $\\rightarrow$", "+ rumore $\\rightarrow$"),
        viz.say("noise: nobody", "rumore: nessuno"),
        viz.say("$-$ noise (learned)", "$-$ rumore (appreso)"),
    )
    for ax, cloud, title, color in zip(axes, (*there.x, back), titles, ("grey", "blue", "blue", "green"), strict=True):
        viz.scatter(ax, learned.decode(cloud), color=color)
        ax.set(aspect="auto", xlim=(75, 250), ylim=(-50, 200), xlabel=viz.say(*HEIGHT), ylabel=viz.say(*WEIGHT))
        ax.set_title(title)


if __name__ == "__main__":
    run_script(__file__)
