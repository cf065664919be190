"""People in feature space: what a network must know to generate human beings, and how plausible a given body is.

Each person is a point: height, weight, then shoe size, age, ... A network learns the density of the points from
examples alone. Near its peak a body is ordinary, in its tails it is strange: nobody is two metres tall and weighs 30
kg. Add wings and the space gains an axis on which everybody sits at zero. The population's exact density p is known, so
how far off the learned one is can be said in nats, E[ln p - ln q]; and if q is right, the share of people less
probable than a person never seen is uniform.
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
FRAME = {"xlim": (55, 215), "ylim": (0, 165)}
BODIES = ((165, 70), (110, 19), (190, 130), (200, 30))  # cm, kg
WINGS = 5.0  # cm; the error of measurement is 1 cm
SOLVER = {"rtol": 1e-4, "atol": 1e-4}  # of ln p; 0.001 nats


@dataclass(frozen=True)
class Learned:
    """A learned density, people it never saw with their ln q, and how far it is from the truth, in nats."""

    score: ink.LearnedScore
    fresh: np.ndarray
    log_q: np.ndarray
    gap: ink.Estimate


@dataclass(frozen=True)
class Result:
    two: Learned
    """of height and weight"""
    many: Learned
    """of eight features"""
    density: tuple[np.ndarray, np.ndarray, np.ndarray]
    """heights (h,), weights (w,) and ln q (h, w) on their grid"""
    peak: np.ndarray
    """where ln q is greatest on the grid"""
    imagined: np.ndarray
    """people that the network draws"""
    shares: list[ink.Estimate]
    """of people less probable than each of the bodies, and than an ordinary person with wings"""
    calibration: dict[str, tuple[np.ndarray, float]]
    """among "real" and "imagined" people: sorted shares of people never seen, p-value of their being uniform"""
    clouds: tuple[np.ndarray, ...]
    """people, noised, noise alone, and walked back from noise"""


def compute(p: Parameters) -> Result:
    process = ink.VariancePreserving.linear()
    two, many = learn(process, 2, p.steps, p), learn(process, MANY, p.steps_many, p)
    h, w = (np.linspace(*FRAME[side], p.cells) for side in ("xlim", "ylim"))
    grid = np.stack(np.meshgrid(h, w, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.float32)
    on_grid = log_q(two, grid)
    imagined = two.score.sample(p.fresh, seed=p.seed)
    density, peak = (h, w, on_grid.reshape(len(h), len(w))), grid[np.argmax(on_grid)]
    honest = calibration(two, imagined, p)
    return Result(two, many, density, peak, imagined, plausibility(two, many, p), honest, there_and_back(two, p))


def learn(process: ink.VariancePreserving, d: int, steps: int, p: Parameters) -> Learned:
    """A score learned from people of d features, judged on people never seen."""
    data = ink.datasets.people(p.people, p.seed, d)
    score = ink.fit(process, data, steps=steps, seed=p.seed, weighting="likelihood")
    fresh = ink.datasets.people(p.fresh, p.seed + 1, d)
    values = score.log_likelihood(fresh.x, **SOLVER).values
    return Learned(score, fresh.x, values, ink.Estimate.of_mean(fresh.density.log_density(fresh.x) - values))


def log_q(learned: Learned, x: np.ndarray) -> np.ndarray:
    return learned.score.log_likelihood(x, **SOLVER).values


def plausibility(two: Learned, many: Learned, p: Parameters) -> list[ink.Estimate]:
    """Shares of people less probable than each body, and than an ordinary person with wings."""
    bodies = ink.plausibility(two.log_q, log_q(two, np.array(BODIES, np.float32)))
    angel = many.fresh[np.argsort(many.log_q)[[p.fresh // 2]]]  # the median
    angel[:, -1] = WINGS
    last = ink.plausibility(many.log_q, log_q(many, angel))
    return [ink.Estimate(*pair) for shares in (bodies, last) for pair in zip(shares.value, shares.stderr, strict=True)]


def calibration(two: Learned, imagined: np.ndarray, p: Parameters) -> dict[str, tuple[np.ndarray, float]]:
    """The shares of people never seen, among other real people and among those that the network imagines: uniform?"""
    others = log_q(two, ink.datasets.people(p.fresh, p.seed + 2).x)
    among = {"real": two.log_q, "imagined": log_q(two, imagined)}
    return {
        name: (np.sort(ink.plausibility(population, others).value), ink.calibration_p_value(population, others))
        for name, population in among.items()
    }


def there_and_back(two: Learned, p: Parameters) -> tuple[np.ndarray, ...]:
    """The cloud dissolves to noise, and noise becomes people."""
    score, process, times = two.score, two.score.process, two.score.times(60)
    half = times[int(np.argmin(abs(process.sigma(times[:-1]) - 0.6)))]
    there = ink.simulate(process, score.encode(two.fresh), [0, half, 1], seed=p.seed)
    start = process.prior(1.0).sample(p.fresh, 2, seed=p.seed)
    back = ink.reverse(process, score, start, times[:-1], seed=p.seed, sampler="heun").last
    return tuple(score.decode(cloud) for cloud in (*there.x, back))


def check(p: Parameters, result: Result, report: Report) -> None:
    report.bound("nats_from_the_truth_in_2_features", result.two.gap, at_most=p.off)
    report.bound(f"nats_from_the_truth_in_{MANY}_features", result.many.gap, at_most=p.off_many)
    report.bound("height_at_the_peak", result.peak[0], at_least=150)
    thin, winged = result.shares[-2:]
    report.bound("share_less_probable_than_2m_30kg", thin, at_most=3 / p.fresh)
    report.bound("share_less_probable_than_with_wings", winged, at_most=3 / p.fresh)
    for name, (_, p_value) in result.calibration.items():
        report.bound(f"p_value_of_uniform_shares_among_{name}_people", p_value, at_least=p.calibrated)
    thin, winged = (round(share.value * (p.fresh + 2)) - 1 for share in (thin, winged))  # (k + 1)/(n + 2) -> k
    report.sentence(
        f"Less probable than 2 m with 30 kg: {thin} of {p.fresh} people; than an ordinary body with "
        f"wings of 5 cm: {winged}. To say so a network must know the whole density, not only its peak.",
        f"Meno probabili di 2 m con 30 kg: {thin} persone su {p.fresh}; di un corpo normale con ali di "
        f"5 cm: {winged}. Per dirlo una rete deve conoscere tutta la densità, non solo il picco.",
    )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 4, width=19, height=10.4)
    draw_density(axes[0, 0], result.two.fresh, "grey", result)
    draw_density(axes[0, 1], result.imagined, "green", result)
    axes[0, 0].set_title(viz.say("people, and\nwhat was learned", "persone, e\nciò che si è appreso"))
    axes[0, 1].set_title(viz.say("people who\nnever were", "persone\nmai esistite"))
    draw_bodies(axes[0, 2], p, result)
    draw_calibration(axes[0, 3], result)
    draw_clouds(axes[1], result)
    return fig


def body_axes(ax, **frame) -> None:
    height, weight = viz.say("height (cm)", "altezza (cm)"), viz.say("weight (kg)", "peso (kg)")
    ax.set(aspect="auto", xlabel=height, ylabel=weight, **frame)


def draw_density(ax, x: np.ndarray, color: str, result: Result) -> None:
    """People, the lines inside which 99 %, 90 % and half of them are, and the peak."""
    h, w, log_density = result.density
    at = np.quantile(result.two.log_q, (0.01, 0.1, 0.5))
    viz.scatter(ax, x, color=color)
    drawn = ax.contour(h, w, log_density.T, levels=at, colors=[viz.COLORS[c] for c in ("sky", "blue", "black")])
    (top,) = ax.plot(*result.peak, "^", color=viz.COLORS["red"], markersize=12)
    names = ["99 %", "90 %", "50 %", viz.say("peak", "picco")]
    ax.legend([*drawn.legend_elements()[0], top], names, loc="upper left", handlelength=0.8, borderaxespad=0)
    ax.plot(200, 30, "*", color=viz.COLORS["orange"], markersize=16)
    ax.text(214, 3, viz.say("tails: nobody", "code: nessuno"), ha="right", color=viz.COLORS["orange"], fontsize="small")
    body_axes(ax, **FRAME)


def draw_bodies(ax, p: Parameters, result: Result) -> None:
    wings = viz.say("ordinary, but\nwings of 5 cm", "normale, ma\nali di 5 cm")
    names = [*(f"{h} cm, {w} kg" for h, w in BODIES), wings]
    value, stderr = np.array(result.shares).T
    ax.barh(names, value, xerr=stderr, color=[viz.COLORS["blue"]] * 3 + [viz.COLORS["orange"]] * 2, capsize=4)
    ax.set(xscale="log", xlim=(0.3 / p.fresh, 1.5), xlabel=viz.say("share less probable", "frazione meno probabile"))
    ax.invert_yaxis()
    ax.set_title(viz.say("how plausible\nis this body?", "quanto è\nplausibile?"))


def draw_calibration(ax, result: Result) -> None:
    words = viz.say("real people", "persone reali"), viz.say("imagined", "immaginate")
    for (share, _), name, color in zip(result.calibration.values(), words, ("green", "orange"), strict=True):
        ax.plot(share, (np.arange(len(share)) + 0.5) / len(share), color=viz.COLORS[color], label=name)
    viz.theory(ax, [0, 1], [0, 1], viz.say("honest", "onesta"))
    of = viz.say("share of new people", "frazione di persone nuove")
    ax.set(xlabel=viz.say("share less probable", "frazione meno probabile"), ylabel=of)
    ax.set_title(viz.say("is the answer\nhonest?", "la risposta\nè onesta?"))
    ax.legend(loc="lower right", handlelength=0.8, borderaxespad=0)


def draw_clouds(axes, result: Result) -> None:
    titles = (
        viz.say("people", "persone"),
        viz.say("+ noise $\\rightarrow$", "+ rumore $\\rightarrow$"),
        viz.say("noise: nobody", "rumore: nessuno"),
        viz.say("$-$ noise (learned)", "$-$ rumore (appreso)"),
    )
    for ax, cloud, title, color in zip(axes, result.clouds, titles, ("grey", "blue", "blue", "green"), strict=True):
        viz.scatter(ax, cloud, color=color)
        body_axes(ax, xlim=(75, 250), ylim=(-50, 200))
        ax.set_title(title)


if __name__ == "__main__":
    run_script(__file__)
