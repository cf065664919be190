"""Four densities known by a formula: what a network has learned of them, point by point, beside the truth.

Eight Gaussians, a checkerboard, a spiral and a fractal tree. For each a small network learns the score from points,
and the probability flow turns the score into a density, ln q(x), at any place one likes to ask. Its mean distance from
the true one, E[ln p - ln q] = NLL - entropy = KL(p || q) in nats, would be 0 for a perfect model; energy distance and
sliced Wasserstein distance of samples from fresh data stand beside what fresh data get against fresh data.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script


@dataclass(frozen=True)
class Parameters:
    points: int = 100_000
    """training points of each density"""
    steps: int = 2500
    """training steps"""
    samples: int = 4000
    """points generated, and points of real data, in each of the draws"""
    draws: int = 20
    """draws whose median distance counts"""
    walk: int = 40
    """steps of the walk from noise to a sample"""
    cells: int = 72
    """cells of a side of the maps"""
    tolerance: float = 1e-4
    """of the likelihoods; ten times that for the maps"""
    slack: float = 1.0
    """factor on all bounds"""
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {
    "points": 2000, "steps": 10, "samples": 100, "draws": 1, "walk": 12, "cells": 8, "tolerance": 1e-2, "slack": 1000.0,
}  # fmt: skip
# name: most of NLL - entropy (nats) and of the energy distance over its floor
BOUNDS = {
    "eight_gaussians": (0.01, 1.5), "checkerboard": (0.06, 2.0), "swiss_roll": (0.02, 2.0), "fractal": (0.03, 2.0),
}  # fmt: skip
OFF = 0.015  # share of the samples beside the squares of the checkerboard
TITLES = {
    "eight_gaussians": ("eight Gaussians", "otto gaussiane"),
    "checkerboard": ("checkerboard", "scacchiera"),
    "swiss_roll": ("spiral", "spirale"),
    "fractal": ("fractal tree", "albero frattale"),
}
LOW, HIGH = -2.4, 2.4  # of the maps


@dataclass(frozen=True)
class Learned:
    """A density, and what a network has learned of it."""

    seconds: float
    """of processor time to learn"""
    samples: np.ndarray
    true: np.ndarray
    """(cells, cells) the density itself"""
    learned: np.ndarray
    """(cells, cells) what the network makes of it"""
    judged: list
    """the measures of `inkdiff judge`: NLL - entropy, energy distance, sliced Wasserstein distance"""
    impossible: float
    """share of the samples at places where the density is zero"""


@dataclass(frozen=True)
class Result:
    densities: dict[str, Learned]
    """by the names in BOUNDS"""


def compute(p: Parameters) -> Result:
    return Result({name: learn(name, p) for name in BOUNDS})


def learn(name: str, p: Parameters) -> Learned:
    make = getattr(ink.datasets, name)
    data = make(p.points, 2**64 - 1 - p.seed)
    begun = time.process_time()
    score = ink.fit(ink.VariancePreserving.linear(), data, steps=p.steps, seed=p.seed)
    seconds = time.process_time() - begun
    samples = score.sample(p.samples, seed=p.seed, steps=p.walk)
    effort = {"samples": p.samples, "draws": p.draws, "steps": p.walk, "tolerance": p.tolerance}
    judged = ink.judge(score, ink.FreshData(make, p.seed), seed=p.seed, **effort)
    middle = LOW + (HIGH - LOW) * (np.arange(p.cells) + 0.5) / p.cells
    places = np.stack(np.meshgrid(middle, middle, indexing="ij"), axis=-1).reshape(-1, 2)
    true = np.exp(data.density.log_density(places)).reshape(p.cells, p.cells)
    rough = {"rtol": 10 * p.tolerance, "atol": 10 * p.tolerance}
    learned = np.exp(score.log_likelihood(places, **rough).values).reshape(p.cells, p.cells)
    impossible = float(np.isneginf(data.density.log_density(samples)).mean())
    return Learned(seconds, samples, true, learned, judged, impossible)


def check(p: Parameters, result: Result, report: Report) -> None:
    for name, one in result.densities.items():
        kl, ratio = BOUNDS[name]
        report.bound(f"{name}_nll_minus_entropy", one.judged[0].value, at_most=kl * p.slack)
        report.bound(f"{name}_energy_distance_over_floor", one.judged[1].ratio, at_most=ratio * p.slack)
        if name == "checkerboard":
            report.bound("checkerboard_share_off_the_squares", one.impossible, at_most=OFF * p.slack)
        english, italian = TITLES[name]
        report.sentence(
            f"{english.capitalize()}: {one.seconds:.0f} s of processor time to learn.",
            f"{italian.capitalize()}: {one.seconds:.0f} s di calcolo per imparare.",
        )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(3, len(result.densities), width=16, height=13.2)
    for column, (name, one) in zip(axes.T, result.densities.items(), strict=True):
        draw_column(column, one)
        column[0].set_title(viz.say(*TITLES[name]))
    axes[0, 0].set_ylabel(viz.say("true density", "densità vera"))
    axes[1, 0].set_ylabel(viz.say("learned density", "densità appresa"))
    axes[2, 0].set_ylabel(viz.say("samples", "campioni"))
    return fig


def draw_column(column, one: Learned) -> None:
    """The true density, the learned one on the same scale, and samples, with three measures under them."""
    for ax, density in ((column[0], one.true), (column[1], one.learned)):
        viz.concentration(ax, density, ink.Box(LOW, HIGH), vmax=float(one.true.max()))
    viz.scatter(column[2], one.samples, color="blue")
    column[2].set(xlim=(LOW, HIGH), ylim=(LOW, HIGH), xticks=[], yticks=[])
    column[2].spines[["top", "right"]].set_visible(True)
    kl, energy, sliced = one.judged
    lines = [
        viz.say(f"NLL $-$ entropy {kl.value.value:.3f} nats", f"NLL $-$ entropia {kl.value.value:.3f} nat"),
        viz.say(f"energy {energy.ratio:.2f} $\\times$ floor", f"energia {energy.ratio:.2f} $\\times$ vero"),
        viz.say(f"Wasserstein {sliced.ratio:.2f} $\\times$ floor", f"Wasserstein {sliced.ratio:.2f} $\\times$ vero"),
    ]
    column[2].set_xlabel("\n".join(lines))


if __name__ == "__main__":
    run_script(__file__)
