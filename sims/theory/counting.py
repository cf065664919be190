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
TIMES = np.geomspace(1e-3, 1, 13)  # at which they are counted, glass widths^2/D
TOGETHER, RETURNING = 10, 10  # molecules waited for at most; balls of the urns whose return is awaited
# A real drop: 0.05 ml of ink, a thousandth of a mole of dye per litre, in a glass of 200 ml.
MOLECULES, SHARE = 0.05e-3 * 1e-3 * 6.02214076e23, 0.05 / 200
NEPTUNE = 4.5e12  # m, its distance from the Sun


@dataclass(frozen=True)
class Arrangements:
    """ln W / N of molecules that start in the first cell, at TIMES."""

    few: list[ink.Estimate]
    """mean over groups of FEW molecules"""
    many: np.ndarray
    """of all N molecules together"""
    N: int
    exact_few: np.ndarray
    shannon: np.ndarray


@dataclass(frozen=True)
class Relaxation:
    """Urns of Ehrenfest's that begin with all balls on the left."""

    steps: np.ndarray
    """(k,)"""
    balls: np.ndarray
    """(k, urns) on the left"""
    exact_mean: np.ndarray
    """(k,)"""
    exact_variance: np.ndarray
    """(k,)"""


@dataclass(frozen=True)
class Result:
    arrangements: Arrangements
    relaxation: Relaxation
    states: np.ndarray
    """balls on the left whose return is awaited"""
    returns: list[ink.Estimate]
    """mean steps until as many are there again"""
    exact_returns: np.ndarray
    together: list[ink.microstates.Recompaction]
    """N = 1, 2, ... molecules found in the left half together"""


def compute(p: Parameters) -> Result:
    urn, states = ink.Ehrenfest(RETURNING), np.arange(RETURNING // 2, RETURNING + 1)
    waits = [urn.first_returns(int(n), urns=p.urns // 4, seed=p.seed) for n in states]
    returns = [ink.Estimate(w.mean(), w.std() / math.sqrt(len(w))) for w in waits]
    return Result(arrangements(p), relaxation(p), states, returns, urn.recurrence(states), together(p))


def arrangements(p: Parameters) -> Arrangements:
    process = ink.Brownian(1.0, ink.Box(0, 1))
    x, groups = ink.uniform(p.particles, seed=p.seed).reshape(-1, 1) / CELLS, p.particles // FEW
    row = np.repeat(np.arange(groups), FEW) * CELLS

    def log_microstates(x):
        cell = np.minimum((x[: len(row), 0] * CELLS).astype(int), CELLS - 1)
        counts = np.bincount(row + cell, minlength=groups * CELLS).reshape(groups, CELLS)
        each = ink.microstates.log_microstates(counts) / FEW
        return each.mean(), each.std() / math.sqrt(groups), ink.microstates.log_microstates(counts.sum(0)) / len(row)

    S = ink.simulate(process, x, [0, *TIMES], seed=p.seed, observe={"S": log_microstates}).observed["S"][1:]
    drop = ink.BoxScore(process, np.eye(CELLS)[0])
    exact = [ink.microstates.mean_log_microstates(FEW, drop.cell_averages(t)) / FEW for t in TIMES]
    shannon = [drop.entropy(t) + math.log(CELLS) for t in TIMES]
    few = [ink.Estimate(*pair) for pair in S[:, :2]]
    return Arrangements(few, S[:, 2], len(row), np.array(exact), np.array(shannon))


def relaxation(p: Parameters) -> Relaxation:
    urn = ink.Ehrenfest(p.balls)
    t = np.arange(0, 3 * p.balls + 1, max(1, p.balls // 10))
    n = urn.walk(p.balls, t, urns=p.urns, seed=p.seed)
    return Relaxation(t, n, urn.mean(p.balls, t), urn.variance(p.balls, t))


def together(p: Parameters) -> list[ink.microstates.Recompaction]:
    """How often the first N molecules of a mixed glass are all in its left half."""
    x = ink.datasets.drop(p.particles, seed=p.seed, center=(0.25, 0.5)).x
    later = np.arange(TOGETHER + 1) * 3.0  # from one time to the next the slowest mode falls by e^-30
    glass, left, found = ink.Box(0, 1), ink.Box([0, 0], [0.5, 1]), []

    def count(i, t, x):
        if i > 0:  # not the drop itself
            found.append(ink.microstates.recompaction(x, glass, left, i))

    ink.simulate(ink.Brownian(1.0, glass), x, later, seed=p.seed, observe={}, callback=count)
    return found


def check(p: Parameters, result: Result, report: Report) -> None:
    counted, urn = result.arrangements, result.relaxation
    for i in (3, 7, 12):
        report.check(f"mean_ln_W_per_molecule_at_{TIMES[i]:.3g}", counted.few[i], counted.exact_few[i])
    report.bound("ln_W_of_many_apart_from_Shannon", max(abs(counted.many - counted.shannon)), at_most=0.01)
    for i in (len(urn.steps) // 6, len(urn.steps) - 1):
        n, mean, variance = urn.balls[i], urn.exact_mean[i], urn.exact_variance[i]
        measured = ink.Estimate(n.mean(), math.sqrt(variance / p.urns))
        report.check(f"urn_mean_after_{urn.steps[i]}", measured, mean)
        square = (n - mean) ** 2
        measured = ink.Estimate(square.mean(), square.std() / p.urns**0.5)
        report.check(f"urn_variance_after_{urn.steps[i]}", measured, variance)
    for i in (0, -2, -1):
        name = f"mean_return_of_{result.states[i]}_of_{RETURNING}"
        report.check(name, result.returns[i], result.exact_returns[i])
    for one in result.together:
        report.check(f"chance_of_{one.N}_together", one.estimate, one.expected)
    strip = f"{1e-3 * ink.microstates.log_waiting_time(MOLECULES, SHARE, 1.0) / NEPTUNE:.0f}"
    report.sentence(
        "Twenty molecules gather in the left half once in 12 days of looks, sixty not once since the Big Bang. For a "
        f"real drop ({MOLECULES:.0e} molecules) the mere number of seconds, written in digits 1 mm wide, fills a strip "
        f"of paper {strip} times as long as the way to Neptune.",
        "Venti molecole si ritrovano a sinistra una volta in 12 giorni di sguardi, sessanta nemmeno una dal Big Bang. "
        f"Per una goccia vera ({MOLECULES:.0e} molecole) il solo numero dei secondi, scritto con cifre larghe 1 mm, "
        f"riempie una striscia di carta {strip} volte più lunga della strada fino a Nettuno.",
    )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 2, width=15, height=10.5)
    draw_arrangements(axes[0, 0], result.arrangements)
    draw_relaxation(axes[0, 1], p, result.relaxation)
    draw_returns(axes[1, 0], result)
    draw_together(axes[1, 1], result.together)
    return fig


def draw_arrangements(ax, counted: Arrangements) -> None:
    viz.theory(ax, TIMES, counted.shannon, "Shannon")
    viz.theory(ax, TIMES, counted.exact_few, "Boltzmann, " + viz.label("exact"), linestyle="--")
    many = f"$\\ln W/N$, $N = {counted.N / 1e6:g}\\times 10^6$"
    ax.plot(TIMES, counted.many, "o", color=viz.COLORS["blue"], label=many)
    viz.with_errors(ax, TIMES, counted.few, f"$\\ln W/N$, $N = {FEW}$", "orange")
    ax.axhline(math.log(CELLS), linestyle=":", color=viz.COLORS["red"], label=f"$\\ln {CELLS}$")
    ax.set(xscale="log", xlabel=viz.label("time"), ylim=(0, None))
    ax.set_ylabel(viz.say("entropy per molecule (nats)", "entropia per molecola (nat)"))
    ax.set_title(viz.say("entropy is counted arrangements", "l'entropia conta le disposizioni"))
    lines = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
    order = sorted(lines, key=lambda name: ("10$" in name, "Boltz" in name, "Shannon" in name))  # measured first
    ax.legend([lines[name] for name in order], order, loc="lower right")


def draw_relaxation(ax, p: Parameters, urn: Relaxation) -> None:
    t, n, mean, band = urn.steps, urn.balls, urn.exact_mean, np.sqrt(urn.exact_variance)
    ax.fill_between(t, mean - band, mean + band, color="0.85", linewidth=0)
    ax.plot(t, n[:, :3], linewidth=1.2, color=viz.COLORS["sky"])
    viz.theory(ax, t, mean, viz.say("exact mean ± spread", "media esatta ± deviazione"))
    ax.plot(t[::3], n[::3].mean(1), "o", color=viz.COLORS["blue"], label=viz.say("measured mean", "media misurata"))
    ax.set(xlabel=viz.label("step"), ylabel=viz.say("balls on the left", "palline a sinistra"))
    ax.set_title(viz.say(f"{p.balls} balls: always to the middle ...", f"{p.balls} palline: sempre verso la metà ..."))
    ax.legend()


def draw_returns(ax, result: Result) -> None:
    viz.theory(ax, result.states, result.exact_returns, viz.say("exact (Kac)", "esatto (Kac)"))
    viz.with_errors(ax, result.states, result.returns, viz.label("measured"), "green")
    ax.set(yscale="log", xlabel=viz.say("balls on the left", "palline a sinistra"))
    ax.set_ylabel(viz.say("steps until so many return", "passi fino al ritorno"))
    ax.set_title(viz.say(f"{RETURNING} balls: ... and always back", f"{RETURNING} palline: ... e sempre indietro"))
    ax.legend(loc="upper left")


def draw_together(ax, found: list[ink.microstates.Recompaction]) -> None:
    """The wait until N molecules are on the left, measured and 2^N, up to the age of the universe."""
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
    title = viz.say("all on the left, by chance:\n", "tutte a sinistra, per caso:\n")
    ax.set_title(title + viz.say("wait at one look per second", "attesa, uno sguardo al secondo"))
    ax.legend(loc="lower right")


if __name__ == "__main__":
    run_script(__file__)
