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
STEP = 0.24  # rms step, in cells of a maze and in widths of the interval; a quarter is the most
D, START, END = 0.5, 0.3, 3.0  # of the particles between absorbing walls at 0 and 1


@dataclass(frozen=True)
class Spread:
    """Ink that spreads among walls from one place."""

    maze: ink.Maze
    times: np.ndarray
    """(k,)"""
    counts: list[np.ndarray]
    """k counts of cells"""
    x: np.ndarray
    """the last positions"""


@dataclass(frozen=True)
class Escape:
    """Particles between two absorbing walls."""

    passage: np.ndarray
    """(passages,) times of absorption; of those still there, when it is expected"""
    alive_at: np.ndarray
    """(k,) times"""
    alive: np.ndarray
    """(k,) share not yet absorbed"""
    steps: np.ndarray
    """times at which steps end"""
    alive_by_ends: np.ndarray
    """share not absorbed if only ends of steps could be: the usual mistake"""


@dataclass(frozen=True)
class Result:
    word: Spread
    labyrinth: Spread
    escape: Escape


def compute(p: Parameters) -> Result:
    if p.picture is not None:
        solid = ink.datasets.solid_from_image(p.picture, p.bins)
    else:
        solid = ink.datasets.letters(p.text, p.bins, p.bins)
    word = spread(solid, np.array([0.0, 0.004, 0.04, 1.0]) * p.time, (0.08, 0.12), p)
    solid = ink.datasets.labyrinth(p.chambers, p.chambers, seed=p.seed)
    corner = 1.5 / (2 * p.chambers + 1)
    labyrinth = spread(solid, np.array([0.0, 0.3, 2.0]), (corner, corner), p)
    return Result(word, labyrinth, escape(p))


def spread(solid: np.ndarray, times: np.ndarray, start: tuple[float, float], p: Parameters) -> Spread:
    """All particles from one place, counted in the cells of the walls."""
    maze = ink.Maze(ink.Box(0, 1), solid)
    process, cells = ink.Brownian(1.0, maze), ink.Histogram(maze.box, maze.solid.shape)
    x, number, counts = np.tile(start, (p.particles, 1)), 0, []
    for s, t in pairwise(times):  # equal steps throughout
        steps = math.ceil(2 * (t - s) / (STEP * maze.cell.min()) ** 2)
        walk = ink.simulate(process, x, [s, t], seed=p.seed, steps=steps, first_step=number, observe={"cells": cells})
        x, number = walk.last, walk.next_step
        counts += list(walk.observed["cells"][bool(counts) :])
    return Spread(maze, times, counts, x)


def escape(p: Parameters) -> Escape:
    """First passage out of [0, 1], in steps of a quarter of it, with what happened between their ends and without."""
    steps = math.ceil(2 * D * END / STEP**2)
    between = ink.Brownian(D, ink.Box(0, 1, "absorb"))
    run = ink.simulate(between, np.full((p.passages, 1), START), [0, END], seed=p.seed, steps=steps, observe={})
    x, times = run.last[:, 0], np.linspace(0.02, 0.8, 21)
    passage = np.where(np.isfinite(run.absorbed), run.absorbed, END + x * (1 - x) / (2 * D))
    alive = np.array([(run.absorbed > t).mean() for t in times])
    x_0 = np.full((p.passages // 10, 1), START)
    walk = ink.simulate(ink.Brownian(D), x_0, np.linspace(0, END, steps + 1), seed=p.seed)
    inside = ((walk.x > 0) & (walk.x < 1))[:, :, 0]
    ends = np.logical_and.accumulate(inside, axis=0).mean(1)
    return Escape(passage, times, alive, np.arange(steps + 1) * END / steps, ends)


def exact_survival(t: np.ndarray) -> np.ndarray:
    """Share not yet absorbed: (4/pi) sum over odd n of sin(n pi x0) exp(-D n^2 pi^2 t)/n."""
    odd = np.arange(1, 200, 2)
    terms = np.sin(odd * math.pi * START) / odd * np.exp(-D * (odd * math.pi) ** 2 * t[:, None])
    return 4 / math.pi * terms.sum(1)


def check(p: Parameters, result: Result, report: Report) -> None:
    word, labyrinth = result.word, result.labyrinth
    solid, counts = word.maze.solid, word.counts[-1]
    report.bound("particles_inside_letters", int(counts[solid].sum()), at_most=0)
    half = len(solid) // 2  # equal shares left and right of the middle, among the free places
    right = (~solid)[half:].sum() / (~solid).sum()
    measured = ink.Sides(0, half / len(solid))(word.x)[1] / len(word.x)
    report.check("share_on_the_right", ink.Estimate(measured, math.sqrt(right * (1 - right) / len(word.x))), right)
    report.bound("particles_inside_walls", int(labyrinth.counts[-1][labyrinth.maze.solid].sum()), at_most=0)
    report.check("mean_first_passage", ink.Estimate.of_mean(result.escape.passage), START * (1 - START) / (2 * D))
    share = counts[~solid].std() / counts[~solid].mean()
    report.sentence(
        f"Around the word the ink is even to {100 * share:.0f} % per cell, mostly counting noise; in walls: nobody.",
        f"Intorno alla parola l'inchiostro è uniforme entro il {100 * share:.0f} % per cella; nei muri: nessuno.",
    )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 1, width=15, height=8.2)
    above, below = [ax.get_gridspec()[row, 0].subgridspec(1, 4) for row, ax in enumerate(axes[:, 0])]
    for ax in axes[:, 0]:
        ax.remove()
    top = [fig.add_subplot(above[k]) for k in range(4)]
    for i, ax in enumerate(top):
        drawn = draw_ink(ax, result.word, i)
    even = drawn.get_clim()[1] / 2.5
    key = fig.colorbar(drawn, ax=top, label=viz.say("ink (even: 1)", "inchiostro\n(uniforme: 1)"), fraction=0.03)
    key.set_ticks([0, even, 2 * even, 2.5 * even], labels=["0", "1", "2", "≥ 2.5"])
    for k in range(2):
        draw_ink(fig.add_subplot(below[k]), result.labyrinth, k + 1)
    draw_survival(fig.add_subplot(below[2:]), result.escape)
    return fig


def draw_ink(ax, spread: Spread, i: int):
    """Ink among walls, which are grey, at the i-th time."""
    counts, maze = spread.counts[i], spread.maze
    even = counts.sum() / (~maze.solid).sum()
    drawn = viz.concentration(ax, counts, maze.box, vmax=2.5 * even)
    viz.walls(ax, maze.solid, maze.box)
    ax.set_title(f"$t = {spread.times[i]:.2g}$")
    return drawn


def draw_survival(ax, escape: Escape) -> None:
    fine = np.linspace(0.004, 0.8, 200)
    viz.theory(ax, fine, exact_survival(fine), viz.label("exact"))
    bridges = viz.say("with bridges", "con i ponti")
    ax.plot(escape.alive_at, escape.alive, "o", color=viz.COLORS["blue"], label=bridges)
    ends = viz.say("ends of steps only", "solo le fini dei passi")
    ax.plot(escape.steps, escape.alive_by_ends, "s--", color=viz.COLORS["red"], label=ends)
    ax.set(xlim=(0, 0.83), ylim=(0, 1.03), xlabel=viz.label("time"))
    ax.set_ylabel(viz.say("share not yet absorbed", "quota non ancora assorbita"))
    ax.legend(loc="upper right")


if __name__ == "__main__":
    run_script(__file__)
