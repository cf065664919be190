"""Ink finds every way: around letters, through a labyrinth, and out of an open door, at last evenly spread or gone.

A step into a wall is not taken; everything else is the same random walk. Wherever walls stand, the ink ends up
equally dense in all places that it can reach, for the walk has no preference. In the third experiment the walls absorb:
the mean time until a particle meets an end of an interval is x0 (L - x0)/(2 D), and steps as long as a quarter of L
give it exactly, because what a particle did between two steps is known in law: a Brownian bridge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script


@dataclass(frozen=True)
class Parameters:
    particles: int = 8_000
    """ink particles among the walls"""
    text: str = "INK"
    """the word that stands in the glass"""
    picture: Path | None = None
    """a PNG or JPG whose dark parts are walls, instead of the word"""
    chambers: int = 7
    """chambers of the labyrinth per side"""
    time: float = 1.5
    """how long the ink spreads around the word, glass widths^2/D"""
    bins: int = 36
    """cells per side of the word's glass"""
    passages: int = 400_000
    """particles between absorbing walls"""
    seed: int = 0
    """64-bit seed of all noise"""


QUICK = {"particles": 600, "bins": 24, "chambers": 3, "passages": 20_000}
TOUR = {"particles": 5_000, "bins": 30, "chambers": 5, "passages": 200_000}
LIMITS = {"particles": (100, None), "bins": (16, 1000), "passages": (1000, None), "chambers": (1, 100)}


class Spread(NamedTuple):
    """Times, the last positions, and counts of cells at each time."""

    times: np.ndarray
    x: np.ndarray
    counts: list[np.ndarray]


STEP = 0.24  # rms step in cells; a quarter is the most


def run(p: Parameters, report: Report) -> None:
    if p.picture is not None:
        solid = ink.datasets.solid_from_image(p.picture, p.bins)
    else:
        solid = ink.datasets.letters(p.text, p.bins, p.bins)
    word = ink.Maze(ink.Box(0, 1), solid)
    around = spread(word, np.array([0.0, 0.004, 0.04, 1.0]) * p.time, (0.08, 0.12), p)
    counts, free = around.counts[-1], ~solid
    report.bound("particles_inside_letters", int(counts[solid].sum()), at_most=0)
    evenness(report, around.x, word)

    labyrinth = ink.Maze(ink.Box(0, 1), ink.datasets.labyrinth(p.chambers, p.chambers, seed=p.seed))
    corner = 1.5 / (2 * p.chambers + 1)
    through = spread(labyrinth, np.array([0.0, 0.3, 2.0]), (corner, corner), p)
    report.bound("particles_inside_walls", int(through.counts[-1][labyrinth.solid].sum()), at_most=0)
    survival = passages(report, p)
    draw(report, p, word, around, labyrinth, through, survival)
    share = counts[free].std() / counts[free].mean()
    report.sentence(
        f"Around the word the ink is even to {100 * share:.0f} % per cell, mostly counting noise; in walls: nobody.",
        f"Intorno alla parola l'inchiostro è uniforme entro il {100 * share:.0f} % per cella; nei muri: nessuno.",
    )


def spread(maze: ink.Maze, times: np.ndarray, start: tuple[float, float], p: Parameters) -> Spread:
    """All particles from one place, watched as counts of cells."""
    process, cells = ink.Brownian(1.0, maze), ink.Histogram(maze.box, maze.solid.shape)
    x, number, counts = np.tile(start, (p.particles, 1)), 0, []
    for s, t in pairwise(times):  # equal steps throughout
        steps = math.ceil(2 * (t - s) / (STEP * maze.cell.min()) ** 2)
        walk = ink.simulate(process, x, [s, t], seed=p.seed, steps=steps, first_step=number, observe={"cells": cells})
        x, number = walk.last, walk.next_step
        counts += list(walk.observed["cells"][bool(counts) :])
    return Spread(times, x, counts)


def evenness(report: Report, x: np.ndarray, maze: ink.Maze) -> None:
    """Equal shares left and right of the middle, among the free places."""
    free = ~maze.solid
    half = len(free) // 2
    right = free[half:].sum() / free.sum()
    measured = ink.Sides(0, half / len(free))(x)[1] / len(x)
    report.check("share_on_the_right", ink.Estimate(measured, math.sqrt(right * (1 - right) / len(x))), right)


def passages(report: Report, p: Parameters) -> dict[str, np.ndarray]:
    """First passage out of [0, 1] from 0.3, in steps of a quarter of it; and what ends of steps alone would say."""
    D, start, end = 0.5, 0.3, 3.0
    steps = math.ceil(2 * D * end / 0.24**2)
    between = ink.Brownian(D, ink.Box(0, 1, "absorb"))
    run = ink.simulate(between, np.full((p.passages, 1), start), [0, end], seed=p.seed, steps=steps, observe={})
    x = run.last[:, 0]
    passage = np.where(np.isfinite(run.absorbed), run.absorbed, end + x * (1 - x) / (2 * D))
    report.check("mean_first_passage", ink.Estimate.of_mean(passage), start * (1 - start) / (2 * D))
    odd, t = np.arange(1, 200, 2), np.linspace(0.004, 0.8, 200)
    terms = np.sin(odd * math.pi * start) / odd * np.exp(-D * (odd * math.pi) ** 2 * t[:, None])
    marks = np.linspace(0.02, 0.8, 21)
    return {
        "t": t, "exact": 4 / math.pi * terms.sum(1),
        "marks": marks, "measured": np.array([(run.absorbed > m).mean() for m in marks]),
        "endpoints": endpoints_only(p, D, start, end, steps), "dt": np.arange(steps + 1) * end / steps,
    }  # fmt: skip


def endpoints_only(p: Parameters, D: float, start: float, end: float, steps: int) -> np.ndarray:
    """Share alive if a particle were absorbed only where a step ends: the usual mistake."""
    free = ink.Brownian(D)
    x0 = np.full((p.passages // 10, 1), start)
    walk = ink.simulate(free, x0, np.linspace(0, end, steps + 1), seed=p.seed)
    inside = ((walk.x > 0) & (walk.x < 1))[:, :, 0]
    return np.logical_and.accumulate(inside, axis=0).mean(1)


def draw(report: Report, p: Parameters, word, around, labyrinth, through, survival) -> None:
    fig, axes = viz.figure(2, 1, width=15, height=8.2)
    grids = [ax.get_gridspec()[row, 0].subgridspec(1, 4) for row, ax in enumerate(axes[:, 0])]
    for ax in axes[:, 0]:
        ax.remove()
    top = [fig.add_subplot(grids[0][k]) for k in range(4)]
    for i, ax in enumerate(top):
        drawn = panel(ax, word, around.counts[i], f"$t = {around.times[i]:.2g}$")
    even = drawn.get_clim()[1] / 2.5
    key = fig.colorbar(drawn, ax=top, label=viz.say("ink (even: 1)", "inchiostro\n(uniforme: 1)"), fraction=0.03)
    key.set_ticks([0, even, 2 * even, 2.5 * even], labels=["0", "1", "2", "≥ 2.5"])
    for k in range(2):
        panel(fig.add_subplot(grids[1][k]), labyrinth, through.counts[k + 1], f"$t = {through.times[k + 1]:.2g}$")
    ax = fig.add_subplot(grids[1][2:])
    viz.theory(ax, survival["t"], survival["exact"], viz.label("exact"))
    bridges = viz.say("with bridges", "con i ponti")
    ax.plot(survival["marks"], survival["measured"], "o", color=viz.COLORS["blue"], label=bridges)
    ends = viz.say("ends of steps only", "solo le fini dei passi")
    ax.plot(survival["dt"], survival["endpoints"], "s--", color=viz.COLORS["red"], label=ends)
    ax.set(xlim=(0, 0.83), ylim=(0, 1.03), xlabel=viz.label("time"))
    ax.set_ylabel(viz.say("share not yet absorbed", "quota non ancora assorbita"))
    ax.legend(loc="upper right")
    report.figure(fig)


def panel(ax, maze: ink.Maze, counts: np.ndarray, title: str):
    """Ink among walls; the walls are grey."""
    even = counts.sum() / (~maze.solid).sum()
    drawn = viz.concentration(ax, counts, maze.box, vmax=2.5 * even)
    viz.walls(ax, maze.solid, maze.box)
    ax.set_title(title)
    return drawn


if __name__ == "__main__":
    run_script(__file__)
