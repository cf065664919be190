"""A random walk: each path is chaos, yet the mean squared displacement grows as 2 d D t.

Every ink molecule is kicked about at random, dx = sqrt(2 D) dW. One path says nothing; the crowd obeys <|x_t -
x_0|^2> = 2 d D t in any dimension d (Einstein 1905), at any step size, since each step is drawn from the exact law.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script


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


@dataclass(frozen=True)
class Result:
    paths: np.ndarray
    """some walkers in the plane: shape (times, paths, 2)"""
    times: np.ndarray
    """times of the measurements; the first is 0"""
    msd: dict[int, list[ink.Estimate]]
    """dimension -> mean squared displacement at each of these times but the first"""


def compute(p: Parameters) -> Result:
    process = ink.Brownian(D=p.D)
    paths = ink.simulate(process, np.zeros((p.paths, 2)), np.linspace(0, p.time, 401), seed=p.seed).x
    times = np.linspace(0, p.time, 11)
    msd = {}
    for d in (1, 2, 3):
        start = np.zeros((p.particles, d), np.float32)
        walk = ink.simulate(
            process, start, times, seed=p.seed + d, steps=p.steps, observe={"msd": lambda x, x0=start: ink.msd(x, x0)}
        )
        msd[d] = [ink.Estimate(*pair) for pair in walk.observed["msd"][1:]]
    return Result(paths, times, msd)


def einstein(d: int, p: Parameters, t):
    """Mean squared displacement in d dimensions."""
    return 2 * d * p.D * t


def check(p: Parameters, result: Result, report: Report) -> None:
    for d, msd in result.msd.items():
        report.check(f"msd_{d}d", msd[-1], einstein(d, p, p.time))
    per_axis, law = f"{result.msd[3][-1].value / 3:.4f}", f"{einstein(1, p, p.time):.4f}"
    report.sentence(
        f"{p.particles:,} walkers: mean squared displacement {per_axis} per axis; Einstein's law says {law}.",
        f"{p.particles:,} camminatori: spostamento quadratico medio {per_axis} per asse; Einstein prevede {law}.",
    )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(1, 2, width=12, aspect=0.85)
    draw_paths(axes[0, 0], p, result)
    draw_msd(axes[0, 1], p, result)
    return fig


def draw_paths(ax, p: Parameters, result: Result) -> None:
    for path in np.moveaxis(result.paths, 1, 0):
        ax.plot(*path.T, linewidth=0.9)
    ax.plot(0, 0, "o", color="black", markersize=9, zorder=5)
    radius = np.sqrt(einstein(2, p, p.time))
    angle = np.linspace(0, 2 * np.pi, 200)
    ax.plot(radius * np.cos(angle), radius * np.sin(angle), "--", color="black", linewidth=1.4, label=r"$\sqrt{4Dt}$")
    limits = (-2.6 * radius, 2.6 * radius)
    ax.set(xlim=limits, ylim=limits, aspect="equal", xlabel=viz.label("x"), ylabel=viz.label("y"))
    ax.set_title(viz.say(f"alone: chaos ({p.paths} paths)", f"da soli: il caos ({p.paths} cammini)"))
    ax.legend(loc="lower right")


def draw_msd(ax, p: Parameters, result: Result) -> None:
    for (d, msd), color in zip(result.msd.items(), ("blue", "red", "green"), strict=True):
        exact = viz.label("exact") + " $2dDt$" if d == 1 else ""
        viz.theory(ax, result.times, einstein(d, p, result.times), exact)
        viz.with_errors(ax, result.times[1:], msd, f"$d = {d}$", color)
    ax.set(xlabel=viz.label("time"), ylabel=viz.say("mean squared displacement", "spostamento quadratico medio"))
    ax.set_title(viz.say("together: a law", "insieme: una legge"))
    ax.legend()


if __name__ == "__main__":
    run_script(__file__)
