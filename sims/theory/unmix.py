"""Ink un-mixes: with the exact score the drop comes back out of the uniform glass, and without it never.

Forward, the drop spreads until the glass is uniform. Backward, each particle takes fresh random steps plus the push
of the score, the slope of the logarithm of the concentration: x <- fold(x + 2 D dt u + sqrt(2 D dt) eps). The
distribution returns; the individuals do not: each particle ends at a place that has nothing to do with where it
came from. Fresh noise alone changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script


@dataclass(frozen=True)
class Parameters:
    particles: int = 200_000
    """ink particles"""
    radius: float = 0.1
    """radius of the drop, in glass widths"""
    x: float = 0.35
    """where it falls"""
    y: float = 0.6
    """where it falls"""
    picture: Path | None = None
    """a PNG or JPG whose dark parts are the ink, instead of a drop"""
    bins: int = 100
    """cells per side, of the picture and of the entropy"""
    time: float = 0.5
    """how long the ink mixes, glass widths^2/D"""
    steps: int = 300
    """steps back, in equal ratios of time"""
    nodes: int = 4
    """table nodes per cell of the exact score"""
    seed: int = 0
    """64-bit seed of all noise"""


QUICK = {"particles": 20_000, "bins": 40, "steps": 120}
TOUR = {"particles": 60_000, "steps": 150}
LIMITS = {"particles": (1000, None), "x": (0, 1), "y": (0, 1), "radius": (1e-3, 0.5), "bins": (2, 1000)}
LAST_BLUR = 0.015  # the walk back ends when sqrt(2 D t) is this share of a cell


@dataclass(frozen=True)
class Walk:
    """Ink on its way."""

    times: np.ndarray
    """(k,)"""
    maps: np.ndarray
    """(k, bins, bins) particles in each cell"""
    entropy: list[ink.Estimate]
    """k, nats"""


@dataclass(frozen=True)
class Result:
    forward: Walk
    back: Walk
    """from its end, with the exact score"""
    fresh: Walk
    """from its end, with fresh noise alone"""
    memory: ink.Estimate
    """correlation of the particles' ends with where they began"""
    undone: float
    """share of the entropy gained that the score undid"""


def compute(p: Parameters) -> Result:
    glass = ink.Box(0, 1)
    process = ink.Brownian(1.0, glass)
    start, density = ink_and_density(p)
    exact = ink.BoxScore(process, density, nodes=p.nodes)

    run = {"seed": p.seed, "observe": {"map": lambda x: ink.concentration(x, glass, p.bins)}}
    last = (LAST_BLUR / p.bins) ** 2 / 2
    there = ink.simulate(process, start, [0, *np.geomspace(last, p.time, 40)], **run)
    back = ink.reverse(process, exact, there.last, np.geomspace(p.time, last, p.steps + 1), **run)
    later = np.linspace(0, p.time, 21)
    fresh = ink.simulate(process, there.last, later, first_step=there.next_step, **run)

    memory = ink.correlation(back.last, start)
    there, back, fresh = observed(there), observed(back), observed(fresh)
    S_0, S_mixed, S_back = there.entropy[0].value, there.entropy[-1].value, back.entropy[-1].value
    return Result(there, back, fresh, memory, (S_mixed - S_back) / (S_mixed - S_0))


def ink_and_density(p: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Particles, and the density on cells that they are drawn from."""
    if p.picture is not None:
        drop = ink.datasets.drop_from_image(p.picture, p.particles, seed=p.seed)
        return drop.x, ink.datasets.density_from_image(p.picture, p.bins)
    drop = ink.datasets.drop(p.particles, seed=p.seed, center=(p.x, p.y), radius=p.radius)
    return drop.x, drop.density.on_cells(p.bins, ink.Box(0, 1))


def observed(walk: ink.Trajectory) -> Walk:
    maps = walk.observed["map"]
    return Walk(walk.times, maps, [ink.binned_entropy(counts, 1 / counts.size) for counts in maps])


def check(p: Parameters, result: Result, report: Report) -> None:
    S, S_fresh = result.forward.entropy, result.fresh.entropy
    report.bound("entropy_reached_of_its_rise", (S[-1].value - S[0].value) / -S[0].value, at_least=0.99)
    report.bound("share_of_the_rise_undone", result.undone, at_least=0.99)
    report.check("memory_of_the_origin", result.memory, 0.0)
    error = np.hypot(S_fresh[-1].stderr, S[-1].stderr)
    report.check("entropy_change_by_fresh_noise", ink.Estimate(S_fresh[-1].value - S[-1].value, error), 0.0)
    undone = f"{100 * result.undone:.1f} %"
    report.sentence(
        f"Of the entropy gained by mixing, {undone} was undone with the score; fresh noise alone undid nothing.",
        f"Dell'entropia guadagnata, il {undone} è stato disfatto con lo score; il solo rumore nuovo: nulla.",
    )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 5, width=14, height=9.6, gridspec_kw={"height_ratios": [1, 1.5]})
    draw_maps(axes[0], result)
    for ax in axes[1]:
        ax.remove()
    draw_entropy(fig.add_subplot(axes[1, 0].get_gridspec()[1, :]), p, result)
    return fig


def draw_maps(axes, result: Result) -> None:
    forward, back = result.forward, result.back
    panels = [
        (forward, 0, "$t = 0$"),
        (forward, int(np.searchsorted(forward.times, 0.02)), None),
        (forward, -1, None),
        (back, int(np.searchsorted(-back.times, -0.02)), None),
        (back, -1, viz.say("back with the score", "indietro con lo score")),
    ]
    for ax, (walk, i, title) in zip(axes, panels, strict=True):
        counts = walk.maps[i]
        viz.concentration(ax, counts, ink.Box(0, 1), vmax=max(np.quantile(counts, 0.999), 2.5 * counts.mean()))
        ax.set_title(title or f"$t = {walk.times[i]:.2g}$")


def draw_entropy(ax, p: Parameters, result: Result) -> None:
    """Time runs to the right: up to t_end on a logarithmic scale, then back down from it."""
    S, S_back, S_fresh = ([s.value for s in walk.entropy] for walk in (result.forward, result.back, result.fresh))
    there, again = np.log10(result.forward.times[1:] / p.time), -np.log10(result.back.times / p.time)
    later = np.linspace(0, again[-1], len(S_fresh))
    viz.theory(ax, None, 0.0, viz.label("maximum"))
    ax.plot(there, S[1:], color=viz.COLORS["blue"], label=viz.label("forward"))
    ax.plot(again, S_back, color=viz.COLORS["red"], label=viz.say("with the score", "con lo score"))
    alone = viz.say("fresh noise alone", "solo rumore nuovo")
    ax.plot(later, S_fresh, ":", color=viz.COLORS["green"], linewidth=3, label=alone)
    marks = [m for m in (-6, -4, -2, 0, 2, 4, 6) if there[0] <= m <= again[-1]]
    ax.set_xticks(marks, [f"$10^{{{-abs(m)}}}\\,t_\\mathrm{{end}}$" if m else r"$t_\mathrm{end}$" for m in marks])
    ax.set(xlabel=viz.say("forward in time, then back", "avanti nel tempo, poi indietro"), ylabel=viz.label("entropy"))
    ax.legend(loc="lower center", ncols=2)


if __name__ == "__main__":
    run_script(__file__)
