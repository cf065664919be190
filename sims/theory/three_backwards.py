"""Three meanings of backwards, side by side: a path replayed, fresh noise and hope, and the reverse process.

Ink has mixed. (1) Replay: the very same noise is subtracted step by step; every particle goes home to the last bit, and
the entropy falls back to where it began. (2) Fresh noise: time goes on, the ink keeps mixed; only luck of (V0/V)^N
could help. (3) The reverse process: fresh noise and the push of the score; the drop comes back as a distribution, but
each particle ends where it has never been. The usual analogy between ink and image generators confuses (1) with (3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script


@dataclass(frozen=True)
class Parameters:
    particles: int = 200_000
    """ink particles"""
    radius: float = 0.12
    """radius of the drop, in glass widths"""
    x: float = 0.35
    """where it falls"""
    y: float = 0.6
    """where it falls"""
    bins: int = 60
    """cells per side, of the pictures and of the entropy"""
    time: float = 0.5
    """how long the ink mixes, glass widths^2/D"""
    steps: int = 10_000
    """steps of the path forwards, all of them undone by the replay"""
    reverse_steps: int = 240
    """steps back with the score, in equal ratios of time"""
    nodes: int = 4
    """table nodes per cell of the exact score"""
    seed: int = 0
    """64-bit seed of all noise"""


QUICK = {"particles": 5_000, "bins": 30, "steps": 300, "reverse_steps": 80}
TOUR = {"particles": 50_000, "bins": 50, "steps": 1_000, "reverse_steps": 120}
LIMITS = {
    "particles": (1000, None), "x": (0, 1), "y": (0, 1), "radius": (1e-3, 0.5), "bins": (2, 1000),
    "steps": (2, None),
}  # fmt: skip
SHOWN = 8_000  # particles drawn
LAST_BLUR = 0.015  # the walk back ends when sqrt(2 D t) is this share of a cell
COLOURS = {"replay": "#0072B2", "fresh": "#009E73", "score": "#D55E00"}


def run(p: Parameters, report: Report) -> None:
    glass = ink.Box(0, 1)
    process = ink.Brownian(1.0, glass)
    drop = ink.datasets.drop(p.particles, seed=p.seed, center=(p.x, p.y), radius=p.radius)
    exact = ink.BoxScore(process, drop.density.on_cells(p.bins, glass), nodes=p.nodes)

    # one path, walked forwards and looked at on the way
    grid = np.linspace(0, p.time, p.steps + 1)
    looks = np.unique(np.concatenate([[0], np.geomspace(1, p.steps, 25)]).astype(int))
    path = ink.replay(process, drop.x.astype(np.float64), grid, seed=p.seed)
    home = path.at(0.0)
    there = {k: measure(path.at(grid[k]), home, p.bins) for k in looks}
    mixed = path.forward()

    # and from the end three ways on
    back = {k: measure(path.at(grid[k]), home, p.bins) for k in looks[::-1]}
    replayed = path.back()
    fresh = ink.simulate(process, mixed, [0, *grid[looks[1:]]], seed=p.seed, first_step=p.steps, observe=watch(home, p))
    last = (LAST_BLUR / p.bins) ** 2 / 2
    reverse_times = np.geomspace(p.time, last, p.reverse_steps + 1)
    returned = ink.reverse(process, exact, mixed, reverse_times, seed=p.seed, observe=watch(home, p))

    undone = compare(report, there, back, replayed, home, fresh, returned)
    ends = {"replay": replayed, "fresh": fresh.last, "score": returned.last}
    curves = {
        "replay": (grid[looks[::-1]], [back[k] for k in looks[::-1]]),
        "fresh": (fresh.times, list(zip(*(estimates(fresh, key) for key in ("entropy", "memory")), strict=True))),
        "score": (returned.times, list(zip(*(estimates(returned, key) for key in ("entropy", "memory")), strict=True))),
    }
    draw(report, p, glass, drop.x, mixed, ends, (grid[looks], list(there.values())), curves)
    n, steps, share = f"{int((replayed == home).all(axis=1).sum()):,}", f"{p.steps:,}", f"{100 * undone:.1f} %"
    report.sentence(
        f"Replayed, {n} particles are home to the last bit after {steps} steps; with fresh noise the ink stays mixed; "
        f"with the score {share} of the entropy gained is undone, and no particle remembers its origin.",
        f"Con lo stesso rumore, {n} particelle tornano a casa fino all'ultimo bit dopo {steps} passi; con rumore nuovo "
        f"l'inchiostro resta mescolato; con lo score il {share} dell'entropia è disfatto, ma senza ricordi.",
    )


def compare(report: Report, there, back, replayed, home, fresh, returned) -> float:
    """The checks; returns the share of the entropy gained that the score undid."""
    first, top = there[0][0], list(there.values())[-1][0]
    lost = int((replayed != home).any(axis=1).sum())
    report.bound("replay_particles_not_home", lost, at_most=0)
    report.bound("replay_entropy_off_its_start", abs(back[0][0].value - first.value), at_most=0.0)
    gain = top.value - first.value
    kept = fresh.observed["entropy"][-1]
    error = float(np.hypot(kept[1], top.stderr))
    report.check("fresh_noise_entropy_change", ink.Estimate(kept[0] - top.value, error), 0.0)
    undone = (top.value - returned.observed["entropy"][-1][0]) / gain
    report.bound("score_share_of_the_rise_undone", undone, at_least=0.97)
    for name, walk in (("fresh_noise", fresh), ("score", returned)):
        report.check(f"{name}_memory_of_the_origin", ink.Estimate(*walk.observed["memory"][-1]), 0.0)
    report.bound("replay_memory_of_the_origin", back[0][1].value, at_least=1.0)
    return undone


def measure(x: np.ndarray, home: np.ndarray, bins: int) -> tuple[ink.Estimate, ink.Estimate]:
    """Entropy of the cloud, and the memory that its particles have of their own origins."""
    counts = ink.Histogram(ink.Box(0, 1), bins)(x)
    return ink.binned_entropy(counts, 1 / counts.size), ink.correlation(x, home)


def watch(home: np.ndarray, p: Parameters) -> dict:
    return {
        "entropy": lambda x: tuple(measure(x, home, p.bins)[0]),
        "memory": lambda x: tuple(measure(x, home, p.bins)[1]),
    }


def estimates(walk: ink.Trajectory, key: str) -> list[ink.Estimate]:
    return [ink.Estimate(*pair) for pair in walk.observed[key]]


def draw(report: Report, p: Parameters, glass: ink.Box, start, mixed, ends, there, curves) -> None:
    names = {
        "replay": viz.say("1  replay: the same noise, undone", "1  replay: lo stesso rumore, tolto"),
        "fresh": viz.say("2  fresh noise, and hope", "2  rumore nuovo, e speranza"),
        "score": viz.say("3  reverse process: fresh noise + score", "3  processo inverso: rumore nuovo + score"),
    }
    fig, axes = viz.figure(2, 5, width=15, height=8.8, gridspec_kw={"height_ratios": [1, 1.6]})
    panels = [(start, viz.label("start"), None), (mixed, viz.say("mixed", "mescolato"), None)]
    panels += [(ends[key], re.split("[:,]", names[key])[0], COLOURS[key]) for key in ends]
    # A particle keeps the colour of the half that it began in: who is where shows what is remembered.
    shades = np.where(start[:SHOWN, 0] < p.x, "#56B4E9", "#E69F00")
    for ax, (x, title, colour) in zip(axes[0], panels, strict=True):
        ax.scatter(*x[:SHOWN].T, s=3, c=shades, linewidths=0, rasterized=True)
        ax.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[], aspect="equal")
        ax.spines[:].set_visible(True)
        ax.set_title(title, color=colour or "black")
    for ax in axes[1]:
        ax.remove()
    grid = axes[1, 0].get_gridspec()
    wide = [fig.add_subplot(grid[1, :3]), fig.add_subplot(grid[1, 3:])]
    turn = viz.say("on: ", "avanti: ") + r"$2\,t_\mathrm{end}$"
    for which, ax in enumerate(wide):
        for key, (times, values) in curves.items():
            # time runs to the right: up to the end, then on (fresh noise) or back down (the other two)
            t = 1 + (times if key == "fresh" else p.time - times) / p.time
            style = {"fmt": "--" if key == "fresh" else "-", "zorder": 3 if key == "fresh" else 2, "capsize": 2}
            pairs, every = [v[which] for v in values], 4 if key == "score" else 1
            viz.with_errors(ax, t, pairs, names[key], COLOURS[key], errorevery=every, **style)
        viz.with_errors(ax, there[0] / p.time, [v[which] for v in there[1]], viz.label("forward"), "black", fmt="-")
        ax.axvline(1, color="0.8", linewidth=1, zorder=0)
        ax.set_xticks([0, 1, 2], ["$0$", r"$t_\mathrm{end}$", viz.say("back: $0$\n", "indietro: $0$\n") + turn])
        ax.set_xlabel(viz.say("forward, then back (2: on)", "avanti, poi indietro (2: avanti)"))
    wide[0].set_ylabel(viz.label("entropy"))
    wide[1].set_ylabel(viz.label("correlation"))
    fig.legend(*wide[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    report.figure(fig)


if __name__ == "__main__":
    run_script(__file__)
