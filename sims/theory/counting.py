"""Counting: spread arrangements are many, compact ones few; nothing forbids the way back but the waiting time.

Boltzmann's entropy ln W / N counts the ways to arrange N molecules over the cells of a glass and tends to Shannon's.
Ehrenfest's urn shows both sides at once: its mean relaxes to the middle, and yet every state returns, after 2^N n!(N -
n)!/N! steps on average. N molecules are found together in the left half with probability 2^-N: measured up to ten,
where it takes a quarter of an hour at one look per second; sixty molecules take longer than the age of the universe.
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
    particles: int = 2_000_000
    """molecules in the glass"""
    balls: int = 100
    """balls of the urn that relaxes"""
    urns: int = 20_000
    """urns of each kind; a quarter as many await their return"""
    seed: int = 0
    """64-bit seed of all noise"""


QUICK = {"particles": 60_000, "urns": 1_000}
TOUR = {"particles": 500_000, "urns": 8_000}
LIMITS = {"particles": (10_000, None), "balls": (10, 10_000), "urns": (40, None)}
CELLS, FEW = 10, 20  # cells in which arrangements are counted; molecules of a small experiment
TOGETHER, RETURNING = 10, 10  # molecules waited for at most; balls of the urns whose return is awaited
# A real drop: 0.05 ml of ink, a thousandth of a mole of dye per litre, in a glass of 200 ml.
MOLECULES, SHARE = 0.05e-3 * 1e-3 * 6.02214076e23, 0.05 / 200
NEPTUNE = 4.5e12  # m, its distance from the Sun


def run(p: Parameters, report: Report) -> None:
    fig, axes = viz.figure(2, 2, width=15, height=10.5)
    for panel, ax in zip((arrangements, relaxing, returning, recompacting), axes.flat, strict=True):
        panel(ax, p, report)
    report.figure(fig)
    strip = f"{1e-3 * ink.microstates.log_waiting_time(MOLECULES, SHARE, 1.0) / NEPTUNE:.0f}"
    report.sentence(
        "Twenty molecules gather in the left half once in 12 days of looks, sixty not once since the Big Bang. For a "
        f"real drop ({MOLECULES:.0e} molecules) the mere number of seconds, written in digits 1 mm wide, fills a strip "
        f"of paper {strip} times as long as the way to Neptune.",
        "Venti molecole si ritrovano a sinistra una volta in 12 giorni di sguardi, sessanta nemmeno una dal Big Bang. "
        f"Per una goccia vera ({MOLECULES:.0e} molecole) il solo numero dei secondi, scritto con cifre larghe 1 mm, "
        f"riempie una striscia di carta {strip} volte più lunga della strada fino a Nettuno.",
    )


def arrangements(ax, p: Parameters, report: Report) -> None:
    """ln W / N of few and of many molecules that start in the first cell."""
    process = ink.Brownian(1.0, ink.Box(0, 1))
    x = ink.uniform(p.particles, seed=p.seed).reshape(-1, 1) / CELLS
    times, groups = np.geomspace(1e-3, 1, 13), p.particles // FEW
    row = np.repeat(np.arange(groups), FEW) * CELLS

    def entropies(x):
        cell = np.minimum((x[: len(row), 0] * CELLS).astype(int), CELLS - 1)
        counts = np.bincount(row + cell, minlength=groups * CELLS).reshape(groups, CELLS)
        each = ink.microstates.log_microstates(counts) / FEW
        return each.mean(), each.std() / math.sqrt(groups), ink.microstates.log_microstates(counts.sum(0)) / len(row)

    S = ink.simulate(process, x, [0, *times], seed=p.seed, observe={"S": entropies}).observed["S"][1:]
    drop = ink.BoxScore(process, np.eye(CELLS)[0])
    exact = [ink.microstates.mean_log_microstates(FEW, drop.cell_averages(t)) / FEW for t in times]
    shannon = [drop.entropy(t) + math.log(CELLS) for t in times]
    for i in (3, 7, 12):
        report.check(f"mean_ln_W_per_molecule_at_{times[i]:.3g}", ink.Estimate(S[i, 0], S[i, 1]), exact[i])
    report.bound("ln_W_of_many_apart_from_Shannon", max(abs(S[:, 2] - shannon)), at_most=0.01)
    viz.theory(ax, times, shannon, "Shannon")
    viz.theory(ax, times, exact, "Boltzmann, " + viz.label("exact"), linestyle="--")
    ax.plot(times, S[:, 2], "o", color=viz.COLORS["blue"], label=f"$\\ln W/N$, $N = {len(row) / 1e6:g}\\times 10^6$")
    viz.with_errors(ax, times, S[:, :2], f"$\\ln W/N$, $N = {FEW}$", "orange")
    ax.axhline(math.log(CELLS), linestyle=":", color=viz.COLORS["red"], label=f"$\\ln {CELLS}$")
    ax.set(xscale="log", xlabel=viz.label("time"), ylabel=viz.label("entropy_per_molecule"), ylim=(0, None))
    ax.set_title(viz.say("entropy is counted arrangements", "l'entropia conta le disposizioni"))
    lines = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
    order = sorted(lines, key=lambda name: ("10$" in name, "Boltz" in name, "Shannon" in name))  # measured first
    ax.legend([lines[name] for name in order], order, loc="lower right")


def relaxing(ax, p: Parameters, report: Report) -> None:
    urn = ink.Ehrenfest(p.balls)
    t = np.arange(0, 3 * p.balls + 1, max(1, p.balls // 10))
    n = urn.walk(p.balls, t, urns=p.urns, seed=p.seed)
    mean, variance = urn.mean(p.balls, t), urn.variance(p.balls, t)
    for i in (len(t) // 6, len(t) - 1):
        report.check(f"urn_mean_after_{t[i]}", ink.Estimate(n[i].mean(), math.sqrt(variance[i] / p.urns)), mean[i])
        square = (n[i] - mean[i]) ** 2
        report.check(f"urn_variance_after_{t[i]}", ink.Estimate(square.mean(), square.std() / p.urns**0.5), variance[i])
    band = np.sqrt(variance)
    ax.fill_between(t, mean - band, mean + band, color="0.85", linewidth=0)
    ax.plot(t, n[:, :3], linewidth=1.2, color=viz.COLORS["sky"])
    viz.theory(ax, t, mean, viz.say("exact mean ± spread", "media esatta ± deviazione"))
    ax.plot(t[::3], n[::3].mean(1), "o", color=viz.COLORS["blue"], label=viz.say("measured mean", "media misurata"))
    ax.set(xlabel=viz.label("step"), ylabel=viz.say("balls on the left", "palline a sinistra"))
    ax.set_title(viz.say(f"{p.balls} balls: always to the middle ...", f"{p.balls} palline: sempre verso la metà ..."))
    ax.legend()


def returning(ax, p: Parameters, report: Report) -> None:
    urn, states = ink.Ehrenfest(RETURNING), np.arange(RETURNING // 2, RETURNING + 1)
    waits = [urn.first_returns(int(n), urns=p.urns // 4, seed=p.seed) for n in states]
    measured = [ink.Estimate(w.mean(), w.std() / math.sqrt(len(w))) for w in waits]
    for i in (0, -2, -1):
        report.check(f"mean_return_of_{states[i]}_of_{RETURNING}", measured[i], urn.recurrence(states[i]))
    viz.theory(ax, states, urn.recurrence(states), viz.say("exact (Kac)", "esatto (Kac)"))
    viz.with_errors(ax, states, measured, viz.label("measured"), "green")
    ax.set(yscale="log", xlabel=viz.say("balls on the left", "palline a sinistra"))
    ax.set_ylabel(viz.say("steps until so many return", "passi fino al ritorno"))
    ax.set_title(viz.say(f"{RETURNING} balls: ... and always back", f"{RETURNING} palline: ... e sempre indietro"))
    ax.legend(loc="upper left")


def recompacting(ax, p: Parameters, report: Report) -> None:
    x = ink.datasets.drop(p.particles, seed=p.seed, center=(0.25, 0.5)).x
    later = np.arange(TOGETHER + 1) * 3.0  # from one look to the next the slowest mode falls by e^-30
    glass, left, found = ink.Box(0, 1), ink.Box([0, 0], [0.5, 1]), []
    look = lambda i, t, x: found.append(ink.microstates.recompaction(x, glass, left, max(i, 1)))  # noqa: E731
    ink.simulate(ink.Brownian(1.0, glass), x, later, seed=p.seed, observe={}, callback=look)
    del found[0]  # of the drop itself
    for one in found:
        report.check(f"chance_of_{one.N}_together", one.estimate, one.expected)
    chances = np.array([(one.estimate.value, *one.interval()) for one in found])
    wait, longest, shortest = 1 / np.maximum(chances, 1e-99).T
    bars = {"fmt": "o", "capsize": 3, "color": viz.COLORS["red"], "label": viz.label("measured")}
    ax.errorbar([one.N for one in found], wait, [wait - shortest, longest - wait], **bars)
    viz.theory(ax, np.array([0, 66]), 2.0 ** np.array([0, 66]), "$2^N$")
    year, universe = ink.durations.YEAR, ink.durations.AGE_OF_THE_UNIVERSE
    marks = (1, 3600, 86400, year, 1000 * year, universe)
    ax.set(yscale="log", xlim=(0, 68), ylim=(1, 1e21), xlabel=viz.say("molecules $N$", "molecole $N$"))
    ax.set_yticks(marks, [ink.durations.in_words(seconds=m, lang=viz.language()) for m in marks])
    ax.minorticks_off()
    ax.axhline(universe, color="0.8", linewidth=0.8, zorder=0)
    ax.plot(math.log2(universe), universe, "*", color=viz.COLORS["black"], markersize=16)
    ax.annotate(f"$N = {math.log2(universe):.0f}$", (math.log2(universe) - 2, universe * 3), ha="right")
    ax.set_title(viz.say("all on the left, by chance:\n", "tutte a sinistra, per caso:\n")
                 + viz.say("wait at one look per second", "attesa, uno sguardo al secondo"))  # fmt: skip
    ax.legend(loc="lower right")


if __name__ == "__main__":
    run_script(__file__)
