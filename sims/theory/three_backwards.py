"""Three meanings of backwards, side by side: a path replayed, fresh noise and hope, and the reverse process.

Ink has mixed. (1) Replay: the very same noise is subtracted step by step; every particle goes home to the last bit, and
the entropy falls back to where it began. (2) Fresh noise: time goes on, the ink keeps mixed; only luck of (V0/V)^N
could help. (3) The reverse process: fresh noise and the push of the score; the drop comes back as a distribution, but
each particle ends where it has never been. The usual analogy between ink and image generators confuses (1) with (3).
"""

from __future__ import annotations

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


@dataclass(frozen=True)
class Walk:
    """A cloud of particles at its end, and on the way there."""

    last: np.ndarray
    """(n, 2)"""
    times: np.ndarray
    """(k,)"""
    entropy: list[ink.Estimate]
    """k, nats"""
    memory: list[ink.Estimate]
    """k correlations of the particles' places with those where they began"""


@dataclass(frozen=True)
class Result:
    """The way there, and from its end three ways on."""

    start: np.ndarray
    """(n, 2) float32"""
    home: np.ndarray
    """(n, 2) the same on the replay's grid of places"""
    there: Walk
    replay: Walk
    fresh: Walk
    score: Walk


def compute(p: Parameters) -> Result:
    glass = ink.Box(0, 1)
    process = ink.Brownian(1.0, glass)
    drop = ink.datasets.drop(p.particles, seed=p.seed, center=(p.x, p.y), radius=p.radius)
    exact = ink.BoxScore(process, drop.density.on_cells(p.bins, glass), nodes=p.nodes)

    # one path, walked forwards and measured on the way
    grid = np.linspace(0, p.time, p.steps + 1)
    marks = np.unique(np.concatenate([[0], np.geomspace(1, p.steps, 25)]).astype(int))
    path = ink.replay(process, drop.x.astype(np.float64), grid, seed=p.seed)
    home = path.at(0.0)
    there = along(path, grid[marks], home, p)
    mixed = path.forward()

    # and from the end three ways on
    replay = along(path, grid[marks[::-1]], home, p)
    observe = {"both": lambda x: np.ravel(measure(x, home, p.bins))}
    times = [0, *grid[marks[1:]]]
    fresh = ink.simulate(process, mixed, times, seed=p.seed, first_step=p.steps, observe=observe)
    last = (LAST_BLUR / p.bins) ** 2 / 2
    times = np.geomspace(p.time, last, p.reverse_steps + 1)
    score = ink.reverse(process, exact, mixed, times, seed=p.seed, observe=observe)
    return Result(drop.x, home, there, replay, observed(fresh), observed(score))


def measure(x: np.ndarray, home: np.ndarray, bins: int) -> tuple[ink.Estimate, ink.Estimate]:
    """Entropy of the cloud, and the memory that its particles have of their own origins."""
    counts = ink.Histogram(ink.Box(0, 1), bins)(x)
    return ink.binned_entropy(counts, 1 / counts.size), ink.correlation(x, home)


def along(path: ink.Path, times: np.ndarray, home: np.ndarray, p: Parameters) -> Walk:
    entropy, memory = zip(*(measure(path.at(t), home, p.bins) for t in times), strict=True)
    return Walk(path.at(times[-1]), times, list(entropy), list(memory))


def observed(walk: ink.Trajectory) -> Walk:
    entropy, memory = ([ink.Estimate(*pair) for pair in walk.observed["both"][:, of]] for of in ([0, 1], [2, 3]))
    return Walk(walk.last, walk.times, entropy, memory)


def check(p: Parameters, result: Result, report: Report) -> None:
    there, replay, fresh, score = result.there, result.replay, result.fresh, result.score
    lost = int((replay.last != result.home).any(axis=1).sum())
    report.bound("replay_particles_not_home", lost, at_most=0)
    first, top = there.entropy[0], there.entropy[-1]
    report.bound("replay_entropy_off_its_start", abs(replay.entropy[-1].value - first.value), at_most=0.0)
    kept = fresh.entropy[-1]
    change = ink.Estimate(kept.value - top.value, float(np.hypot(kept.stderr, top.stderr)))
    report.check("fresh_noise_entropy_change", change, 0.0)
    undone = (top.value - score.entropy[-1].value) / (top.value - first.value)
    report.bound("score_share_of_the_rise_undone", undone, at_least=0.97)
    report.check("fresh_noise_memory_of_the_origin", fresh.memory[-1], 0.0)
    report.check("score_memory_of_the_origin", score.memory[-1], 0.0)
    report.bound("replay_memory_of_the_origin", replay.memory[-1].value, at_least=1.0)
    n, steps, share = f"{p.particles - lost:,}", f"{p.steps:,}", f"{100 * undone:.1f} %"
    report.sentence(
        f"Replayed, {n} particles are home to the last bit after {steps} steps; with fresh noise the ink stays mixed; "
        f"with the score {share} of the entropy gained is undone, and no particle remembers its origin.",
        f"Con lo stesso rumore, {n} particelle tornano a casa fino all'ultimo bit dopo {steps} passi; con rumore nuovo "
        f"l'inchiostro resta mescolato; con lo score il {share} dell'entropia è disfatto, ma senza ricordi.",
    )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 5, width=15, height=8.8, gridspec_kw={"height_ratios": [1, 1.6]})
    draw_clouds(axes[0], p, result)
    for ax in axes[1]:
        ax.remove()
    grid = axes[1, 0].get_gridspec()
    left, right = fig.add_subplot(grid[1, :3]), fig.add_subplot(grid[1, 3:])
    draw_curves(left, p, result, "entropy")
    draw_curves(right, p, result, "memory")
    left.set_ylabel(viz.label("entropy"))
    right.set_ylabel(viz.label("correlation"))
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig


def draw_clouds(axes, p: Parameters, result: Result) -> None:
    """Particles keep the colour of the half that they began in: who is where shows what is remembered."""
    panels = [
        (result.start, viz.label("start"), "black"),
        (result.there.last, viz.say("mixed", "mescolato"), "black"),
        (result.replay.last, "1  replay", viz.COLORS["blue"]),
        (result.fresh.last, viz.say("2  fresh noise", "2  rumore nuovo"), viz.COLORS["green"]),
        (result.score.last, viz.say("3  reverse process", "3  processo inverso"), viz.COLORS["red"]),
    ]
    shades = np.where(result.start[:SHOWN, 0] < p.x, viz.COLORS["sky"], viz.COLORS["orange"])
    for ax, (x, title, colour) in zip(axes, panels, strict=True):
        ax.scatter(*x[:SHOWN].T, s=3, c=shades, linewidths=0, rasterized=True)
        ax.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[], aspect="equal")
        ax.spines[:].set_visible(True)
        ax.set_title(title, color=colour)


def draw_curves(ax, p: Parameters, result: Result, of: str) -> None:
    """Time runs to the right: up to the end, then on (fresh noise) or back down (the other two)."""
    there, replay, fresh, score = (
        (walk.times / p.time, walk.entropy if of == "entropy" else walk.memory)
        for walk in (result.there, result.replay, result.fresh, result.score)
    )
    label = viz.say("1  replay: the same noise, undone", "1  replay: lo stesso rumore, tolto")
    viz.with_errors(ax, 2 - replay[0], replay[1], label, "blue", fmt="-", zorder=2, capsize=2)
    label = viz.say("2  fresh noise, and hope", "2  rumore nuovo, e speranza")
    viz.with_errors(ax, 1 + fresh[0], fresh[1], label, "green", fmt="--", zorder=3, capsize=2)
    label = viz.say("3  reverse process: fresh noise + score", "3  processo inverso: rumore nuovo + score")
    viz.with_errors(ax, 2 - score[0], score[1], label, "red", fmt="-", zorder=2, capsize=2, errorevery=4)
    viz.with_errors(ax, *there, viz.label("forward"), "black", fmt="-")
    ax.axvline(1, color="0.8", linewidth=1, zorder=0)
    turn = viz.say("on: ", "avanti: ") + r"$2\,t_\mathrm{end}$"
    ax.set_xticks([0, 1, 2], ["$0$", r"$t_\mathrm{end}$", viz.say("back: $0$\n", "indietro: $0$\n") + turn])
    ax.set_xlabel(viz.say("forward, then back (2: on)", "avanti, poi indietro (2: avanti)"))


if __name__ == "__main__":
    run_script(__file__)
