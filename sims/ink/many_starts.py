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
SEEN_AT, SEEN = (0.006, 0.04, 0.4), 10  # times at which the place is inferred, and from how many particles
FELL = 0.3, 0.65  # where the drop fell whose posterior is drawn


@dataclass(frozen=True)
class Information:
    """What one particle tells about the start, nats, at TIMES[1:-1]: from counts or samples, and exactly."""

    which: list[ink.Estimate]
    """of the four drops it was"""
    exact_which: list[float]
    where: list[ink.Estimate]
    """it came from, if its start was uniform"""
    chi2: list[ink.Estimate]
    """the same as chi^2-information"""


@dataclass(frozen=True)
class Source:
    """The posterior of where a drop fell, given SEEN particles at time t."""

    t: float
    seen: np.ndarray
    """(SEEN, 2) particles of the drop that fell at FELL"""
    posterior: np.ndarray
    """(places, places) of that drop"""
    region: np.ndarray
    """(places, places) where that drop fell with 90 %"""
    area: float
    """mean share of the glass in the 90 % region, over all drops"""
    coverage: dict[float, float]
    """probability -> share of the drops whose region of it holds their place"""


@dataclass(frozen=True)
class Result:
    maps: np.ndarray
    """(TIMES, 4, CELLS, CELLS) particles of each drop"""
    p_values: dict[str, float]
    """of each drop's end being uniform"""
    information: Information
    sources: list[Source]
    """one per time of SEEN_AT"""


def water() -> ink.Brownian:
    return ink.Brownian(1.0, ink.Box(0, 1))  # lengths in glass widths, times in widths^2/D


def compute(p: Parameters) -> Result:
    shapes, glass = drops(p), water().domain
    observe = {
        "map": lambda x: ink.concentration(x, glass, CELLS),
        "cells": lambda x: ink.concentration(x, glass, CELLS // 2).ravel(),
    }
    walks = {}
    for i, (name, shape) in enumerate(shapes.items()):
        start = ink.datasets.drop_from_image(shape, p.particles, seed=p.seed + i).x
        walks[name] = ink.simulate(water(), start, TIMES, seed=p.seed + i, observe=observe)
    maps = np.stack([walk.observed["map"] for walk in walks.values()], axis=1)
    p_values = {name: ink.uniformity_test(walk.last, glass, 20).p_value for name, walk in walks.items()}
    counts = np.stack([walk.observed["cells"] for walk in walks.values()], axis=1)
    densities = [ink.datasets.density_from_image(shape, CELLS) for shape in shapes.values()]
    return Result(maps, p_values, information(p, counts, densities), [source(p, i) for i in range(len(SEEN_AT))])


def drops(p: Parameters) -> dict[str, np.ndarray]:
    """Four drops as pictures (CELLS, CELLS), 0 where there is ink; the last is a handwritten digit."""
    y, x = np.meshgrid(*2 * [(np.arange(CELLS) + 0.5) / CELLS], indexing="ij")
    digits = ink.datasets.digits()
    shapes = {
        "disc": (x - 0.3) ** 2 + (y - 0.35) ** 2 > 0.12**2,
        "stripe": abs(y - 0.85) > 0.08,
        "ring": abs(np.hypot(x - 0.65, y - 0.35) - 0.2) > 0.05,
        "digit": 1 - digits.x[np.flatnonzero(digits.y == p.digit)[0]].reshape(digits.image_shape),
    }
    return {name: 1.0 * shape for name, shape in shapes.items()}


def information(p: Parameters, counts: np.ndarray, densities: list[np.ndarray]) -> Information:
    process, times = water(), TIMES[1:-1]
    exact = [ink.BoxScore(process, rho) for rho in densities]
    which, exact_which = [], []
    for i, t in enumerate(times):
        averages = np.array([e.cell_averages(t).reshape(CELLS // 2, 2, CELLS // 2, 2).mean((1, 3)) for e in exact])
        exact_which.append(ink.information.information_of_drops(averages))
        which.append(ink.information.information_in_counts(list(counts[i + 1])))
    start = ink.uniform(2 * p.particles, seed=p.seed).reshape(-1, 2).astype(np.float64)
    walk = ink.simulate(process, start, [0, *times], seed=p.seed + 9)
    pairs = [ink.information.pair_information(process, x, t, start) for x, t in zip(walk.x[1:], times, strict=True)]
    where, chi2 = map(list, zip(*pairs, strict=True))
    return Information(which, exact_which, where, chi2)


def source(p: Parameters, i: int) -> Source:
    """Drops that fell anywhere, and where they fell by Bayes' rule."""
    process, m, t = water(), p.experiments, SEEN_AT[i]
    places = math.ceil(2.05 * math.sqrt(SEEN / (2 * t))) + 48
    fell = ink.uniform(2 * m, seed=p.seed, step=1 + i).reshape(m, 2)
    fell[0] = FELL
    seen = ink.diffuse(process, np.repeat(fell, SEEN, axis=0), t, seed=p.seed, step=i).reshape(m, SEEN, 2)
    known = ink.source_posterior(process, seen, t, places=places)
    level = known.level(fell, ink.uniform(m, seed=p.seed, step=11 + i))[1:]
    region = known.region(0.9)
    coverage = {q: np.mean(level < q) for q in (0.5, 0.9)}
    return Source(t, seen[0], known.joint[0], region[0], float(region.mean()), coverage)


def check(p: Parameters, result: Result, report: Report) -> None:
    process, found, times = water(), result.information, TIMES[1:-1]
    for i in (0, len(times) // 2, -2):
        report.check(f"which_drop_at_{times[i]:.3g}", found.which[i], found.exact_which[i])
        exact = ink.information.mutual_information(process, times[i], 2)
        report.check(f"where_from_at_{times[i]:.3g}", found.where[i], exact)
        exact = ink.information.chi2_information(process, times[i], 2)
        report.check(f"chi2_from_at_{times[i]:.3g}", found.chi2[i], exact)
    for name, p_value in result.p_values.items():
        report.bound(f"p_value_of_uniform_end_of_{name}", p_value, at_least=1e-6)
    for source in result.sources:
        for q, share in source.coverage.items():
            error = math.sqrt(q * (1 - q) / (p.experiments - 1))
            report.check(f"coverage_of_{q}_at_{source.t:g}", ink.Estimate(share, error), q)
    which = found.exact_which
    first, _, last = (f"{100 * source.area:.0f} %" for source in result.sources)
    report.sentence(
        f"At first one particle tells {which[0]:.2f} nats about which drop it was, in the end {which[-1]:.4f}. Where a "
        f"drop fell is known to {first} of the glass at first, to {last} in the end: not at all.",
        f"All'inizio una particella rivela {which[0]:.2f} nat su quale goccia fosse, alla fine {which[-1]:.4f}. Dove "
        f"una goccia sia caduta si sa dapprima entro il {first} del bicchiere, infine entro il {last}: non si sa più.",
    )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 6, width=16, height=9.2, gridspec_kw={"height_ratios": [1.55, 1]})
    for ax in [*axes[0], *axes[1, :3]]:
        ax.remove()
    grid = axes[0, 0].get_gridspec()
    draw_film(fig.add_subplot(grid[:, :3]), result.maps)
    draw_information(fig.add_subplot(grid[0, 3:]), result.information)
    for ax, source in zip(axes[1, 3:], result.sources, strict=True):
        draw_source(ax, source)
    title = viz.say(
        "where did it fall? 90 % sure: not where hatched\nshare of the glass that is left:",
        "dov'è caduta? sicuri al 90 %: non nel tratteggio\nparte del bicchiere che resta:",
    )
    axes[1, 4].set_title(f"{title}\n{axes[1, 4].get_title().lstrip()}")
    return fig


def draw_film(ax, maps: np.ndarray) -> None:
    frames = maps[list(SHOWN)]
    darkest = np.maximum(frames.max((2, 3), keepdims=True), 2.5 * frames.mean((2, 3), keepdims=True))
    viz.film(ax, 1 - (frames / darkest).swapaxes(2, 3)[:, :, ::-1], [f"$t = {TIMES[i]:g}$" for i in SHOWN])
    for k, line in np.ndindex(3, 2):
        (ax.axvline, ax.axhline)[line]((k + 1) * (CELLS + 1) - 1, color="0.6", linewidth=1)
    ax.spines[:].set_visible(True)
    ax.set_title(viz.say("many starts, one end", "molti inizi, una sola fine"))


def draw_information(ax, found: Information) -> None:
    times, where = TIMES[1:-1], viz.say("where from: ", "da dove: ")
    fine = np.geomspace(times[0], times[-1], 60)
    viz.theory(ax, fine, [ink.information.chi2_information(water(), t, 2) for t in fine])
    viz.with_errors(ax, times, found.chi2, where + "$\\chi^2$", "green")
    viz.theory(ax, fine, [ink.information.mutual_information(water(), t, 2) for t in fine])
    viz.with_errors(ax, times, found.where, where + "$I$ (nat)", "orange")
    viz.theory(ax, times, found.exact_which, viz.label("exact"))
    viz.with_errors(ax, times, found.which, viz.say("which drop: $I$ (nat)", "quale goccia: $I$ (nat)"), "blue")
    ax.set(xscale="log", yscale="log", ylim=(1e-4, None), xlabel=viz.label("time"))
    ax.set_ylabel(viz.say("information about the start", "informazione sull'inizio"))
    ax.legend(loc="lower left")


def draw_source(ax, source: Source) -> None:
    """The posterior, what lies outside its 90 % region hatched; the particles seen, and a cross where it fell."""
    one, c = source.posterior, (np.arange(len(source.posterior)) + 0.5) / len(source.posterior)
    viz.concentration(ax, one, water().domain, vmax=max(one.max(), 2.5 * one.mean()))
    ax.contourf(c, c, source.region.T, [-0.5, 0.5], colors="none", hatches=["//"])
    ax.contour(c, c, source.region.T, [0.5], colors=viz.COLORS["red"], linewidths=2)
    ax.plot(*source.seen.T, ".", color=viz.COLORS["black"], markersize=5)
    ax.plot(*FELL, "x", color=viz.COLORS["orange"], markersize=13, markeredgewidth=3.5)
    ax.set_title(f"\n$t = {source.t:g}$: {100 * source.area:.0f} %")


if __name__ == "__main__":
    run_script(__file__)
