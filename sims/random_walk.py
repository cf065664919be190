"""A random walk: each path is chaos, yet the mean squared displacement grows as 2 d D t.

Every ink molecule is kicked about at random, dx = sqrt(2 D) dW. One path says nothing; the crowd obeys <|x_t -
x_0|^2> = 2 d D t in any dimension d (Einstein 1905), at any step size, since each step is drawn from the exact law.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, sim


@dataclass(frozen=True)
class Parameters:
    particles: int = 1_000_000
    """walkers in each dimension"""
    D: float = 0.5
    """diffusion coefficient, length^2/time"""
    time: float = 1.0
    """how long they walk"""
    steps: int = 10
    """kernel steps between two of the 10 measurements"""
    paths: int = 12
    """paths drawn"""
    seed: int = 0
    """64-bit seed of all noise"""


QUICK = {"particles": 100_000}
TOUR = {"particles": 300_000}
LIMITS = {"particles": (100, None)}


def run(p: Parameters, report: Report) -> None:
    process = ink.Brownian(D=p.D)
    fig, axes = viz.figure(1, 2, width=12, aspect=0.85)
    draw_paths(axes[0, 0], process, p)

    times = np.linspace(0, p.time, 11)
    ax = axes[0, 1]
    for d, color in zip((1, 2, 3), ("blue", "red", "green"), strict=True):
        start = np.zeros((p.particles, d), np.float32)
        walk = ink.simulate(
            process, start, times, seed=p.seed + d, steps=p.steps, observe={"msd": lambda x, x0=start: ink.msd(x, x0)}
        )
        measured = [ink.Estimate(*pair) for pair in walk.observed["msd"][1:]]
        report.check(f"msd_{d}d", measured[-1], 2 * d * p.D * p.time)
        viz.theory(ax, times, 2 * d * p.D * times, viz.label("exact") + " $2dDt$" if d == 1 else "")
        viz.with_errors(ax, times[1:], measured, f"$d = {d}$", color)
    ax.set(xlabel=viz.label("time"), ylabel=viz.label("msd"), title=viz.say("together: a law", "insieme: una legge"))
    ax.legend()
    report.figure(fig)
    per_axis, law = f"{measured[-1].value / 3:.4f}", f"{2 * p.D * p.time:.4f}"
    report.words(
        f"{p.particles:,} walkers: mean squared displacement {per_axis} per axis; Einstein's law says {law}.",
        f"{p.particles:,} camminatori: spostamento quadratico medio {per_axis} per asse; Einstein prevede {law}.",
    )


def draw_paths(ax, process, p: Parameters) -> None:
    times = np.linspace(0, p.time, 401)
    paths = ink.simulate(process, np.zeros((p.paths, 2)), times, seed=p.seed).x
    for path in np.moveaxis(paths, 1, 0):
        ax.plot(*path.T, linewidth=0.9)
    ax.plot(0, 0, "o", color="black", markersize=9, zorder=5)
    reach = np.sqrt(4 * process.D * p.time)
    angle = np.linspace(0, 2 * np.pi, 200)
    ax.plot(reach * np.cos(angle), reach * np.sin(angle), "--", color="black", linewidth=1.4, label=r"$\sqrt{4Dt}$")
    ax.set(
        xlim=(-2.6 * reach, 2.6 * reach),
        ylim=(-2.6 * reach, 2.6 * reach),
        aspect="equal",
        xlabel=viz.label("x"),
        ylabel=viz.label("y"),
    )
    ax.set_title(viz.say(f"alone: chaos ({p.paths} paths)", f"da soli: il caos ({p.paths} cammini)"))
    ax.legend(loc="lower right")


if __name__ == "__main__":
    sim(__file__)
