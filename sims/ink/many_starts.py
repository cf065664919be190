"""Many starts, one end: wherever and in whatever shape the drop falls, the water forgets it at an exact rate.

Four drops, one of them a picture, end in the same uniform colour. What one ink particle still tells about the start is
measured from counts and beside exact values: which drop it was, at most ln 4, and where a particle came from, whose
chi^2-information is sum exp(-2 lam_n t). And the posterior of where a drop fell, given the particles seen now, widens
to the whole glass; it is honest all the way: its 90 % region holds the true place in 90 % of the experiments.
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
    particles: int = 400_000
    """ink particles of each drop"""
    experiments: int = 1000
    """drops whose place is inferred, at each of three times"""
    digit: int = 5
    """the picture among the drops: a handwritten digit"""
    seed: int = 0
    """64-bit seed of all noise"""


QUICK = {"particles": 15_000, "experiments": 100}
TOUR = {"particles": 100_000, "experiments": 400}
LIMITS = {"particles": (2000, None), "experiments": (20, None), "digit": (0, 9)}
CELLS = 48  # of the drops' densities; information is counted on cells twice as wide
TIMES = np.array([0, 0.001, 0.003, 0.008, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.8])
SHOWN = (0, 2, 4, 10)  # of these, as pictures
SEEN_AT, SEEN = (0.006, 0.04, 0.4), 10  # times of hindsight, and how many particles it sees


def water() -> ink.Brownian:
    return ink.Brownian(1.0, ink.Box(0, 1))  # lengths in glass widths, times in widths^2/D


def run(p: Parameters, report: Report) -> None:
    fig, axes = viz.figure(2, 6, width=16, height=9.2, gridspec_kw={"height_ratios": [1.55, 1]})
    for ax in [*axes[0], *axes[1, :3]]:
        ax.remove()
    grid = axes[0, 0].get_gridspec()
    walks, densities = drops(p)
    draw_film(fig.add_subplot(grid[:, :3]), walks)
    which = draw_information(fig.add_subplot(grid[0, 3:]), p, report, walks, densities)
    for name, walk in walks.items():
        uniform = ink.uniformity_test(walk.last, water().domain, 20)
        report.bound(f"p_value_of_uniform_end_of_{name}", uniform.p_value, at_least=1e-6)
    first, _, last = (f"{100 * draw_hindsight(ax, p, report, i):.0f} %" for i, ax in enumerate(axes[1, 3:]))
    report.figure(fig)
    report.sentence(
        f"At first one particle tells {which[0]:.2f} nats about which drop it was, in the end {which[-1]:.4f}. Where a "
        f"drop fell is known to {first} of the glass at first, to {last} in the end: not at all.",
        f"All'inizio una particella rivela {which[0]:.2f} nat su quale goccia fosse, alla fine {which[-1]:.4f}. Dove "
        f"una goccia sia caduta si sa dapprima entro il {first} del bicchiere, infine entro il {last}: non si sa più.",
    )


def drops(p: Parameters):
    """Walks of four drops, name -> trajectory, and their initial densities (4, CELLS, CELLS)."""
    y, x = np.meshgrid(*2 * [(np.arange(CELLS) + 0.5) / CELLS], indexing="ij")
    digits = ink.datasets.digits()
    shapes = {
        "disc": (x - 0.3) ** 2 + (y - 0.35) ** 2 > 0.12**2,
        "stripe": abs(y - 0.85) > 0.08,
        "ring": abs(np.hypot(x - 0.65, y - 0.35) - 0.2) > 0.05,
        "digit": 1 - digits.x[np.flatnonzero(digits.y == p.digit)[0]].reshape(digits.image_shape),
    }
    glass = water().domain
    observe = {
        "map": lambda x: ink.concentration(x, glass, CELLS),
        "cells": lambda x: ink.concentration(x, glass, CELLS // 2).ravel(),
    }
    walks = {}
    for i, (name, shape) in enumerate(shapes.items()):
        start = ink.datasets.drop_from_image(1.0 * shape, p.particles, seed=p.seed + i).x
        walks[name] = ink.simulate(water(), start, TIMES, seed=p.seed + i, observe=observe)
    return walks, [ink.datasets.density_from_image(1.0 * shape, CELLS) for shape in shapes.values()]


def draw_film(ax, walks) -> None:
    frames = np.array([[w.observed["map"][i] for w in walks.values()] for i in SHOWN])
    darkest = np.maximum(frames.max((2, 3), keepdims=True), 2.5 * frames.mean((2, 3), keepdims=True))
    viz.film(ax, 1 - (frames / darkest).swapaxes(2, 3)[:, :, ::-1], [f"$t = {TIMES[i]:g}$" for i in SHOWN])
    for k, line in np.ndindex(3, 2):
        (ax.axvline, ax.axhline)[line]((k + 1) * (CELLS + 1) - 1, color="0.6", linewidth=1)
    ax.spines[:].set_visible(True)
    ax.set_title(viz.say("many starts, one end", "molti inizi, una sola fine"))


def draw_information(ax, p: Parameters, report: Report, walks, densities) -> list[float]:
    """Which of the drops, and from where: measured and exact, over time."""
    process, formulas = water(), (ink.information.mutual_information, ink.information.chi2_information)
    times, exact = TIMES[1:-1], [ink.BoxScore(process, rho) for rho in densities]
    counted, known = [], []
    for i, t in enumerate(times):
        averages = np.array([e.cell_averages(t).reshape(CELLS // 2, 2, CELLS // 2, 2).mean((1, 3)) for e in exact])
        known.append(ink.information.information_of_drops(averages))
        counted.append(ink.information.information_in_counts([w.observed["cells"][i + 1] for w in walks.values()]))
    start = ink.uniform(2 * p.particles, seed=p.seed).reshape(-1, 2).astype(np.float64)
    walk = ink.simulate(process, start, [0, *times], seed=p.seed + 9)
    pairs = [ink.information.pair_information(process, x, t, start) for x, t in zip(walk.x[1:], times, strict=True)]
    for i in (0, len(times) // 2, -2):
        report.check(f"which_drop_at_{times[i]:.3g}", counted[i], known[i])
        for name, estimate, formula in zip(("where", "chi2"), pairs[i], formulas, strict=True):
            report.check(f"{name}_from_at_{times[i]:.3g}", estimate, formula(process, times[i], 2))
    fine = np.geomspace(times[0], times[-1], 60)
    where = viz.say("where from: ", "da dove: ")
    for i, name, color in ((1, where + "$\\chi^2$", "green"), (0, where + "$I$ (nat)", "orange")):
        viz.theory(ax, fine, [formulas[i](process, t, 2) for t in fine])
        viz.with_errors(ax, times, [pair[i] for pair in pairs], name, color)
    viz.theory(ax, times, known, viz.label("exact"))
    viz.with_errors(ax, times, counted, viz.say("which drop: $I$ (nat)", "quale goccia: $I$ (nat)"), "blue")
    ax.set(xscale="log", yscale="log", ylim=(1e-4, None), xlabel=viz.label("time"))
    ax.set_ylabel(viz.say("information about the start", "informazione sull'inizio"))
    ax.legend(loc="lower left")
    return known


def draw_hindsight(ax, p: Parameters, report: Report, i: int) -> float:
    """Posterior of one drop's place, its 90 % region, and the coverage over all; returns the region's area."""
    process, m, t = water(), p.experiments, SEEN_AT[i]
    places = math.ceil(2.05 * math.sqrt(SEEN / (2 * t))) + 48
    fell = ink.uniform(2 * m, seed=p.seed, step=1 + i).reshape(m, 2)
    fell[0] = 0.3, 0.65  # the one that is drawn
    seen = ink.diffuse(process, np.repeat(fell, SEEN, axis=0), t, seed=p.seed, step=i).reshape(m, SEEN, 2)
    known = ink.source_posterior(process, seen, t, places=places)
    level = known.level(fell, ink.uniform(m, seed=p.seed, step=11 + i))[1:]
    for q in (0.5, 0.9):
        error = math.sqrt(q * (1 - q) / (m - 1))
        report.check(f"coverage_of_{q}_at_{t:g}", ink.Estimate(np.mean(level < q), error), q)
    one, region, c = known.joint[0], known.region(0.9), (np.arange(places) + 0.5) / places
    viz.concentration(ax, one, process.domain, vmax=max(one.max(), 2.5 * one.mean()))
    ax.contourf(c, c, region[0].T, [-0.5, 0.5], colors="none", hatches=["//"])
    ax.contour(c, c, region[0].T, [0.5], colors=viz.COLORS["red"], linewidths=2)
    ax.plot(*seen[0].T, ".", color=viz.COLORS["black"], markersize=5)
    ax.plot(*fell[0], "x", color=viz.COLORS["orange"], markersize=13, markeredgewidth=3.5)
    area = float(region.mean())
    line = viz.say(
        "where did it fall? 90 % sure: not where hatched\nshare of the glass that is left:",
        "dov'è caduta? sicuri al 90 %: non nel tratteggio\nparte del bicchiere che resta:",
    )
    ax.set_title(f"{line if i == 1 else ''}\n$t = {t:g}$: {100 * area:.0f} %")
    return area


if __name__ == "__main__":
    run_script(__file__)
