"""How improbable is "backwards"? Single paths break the second law, and an exact law says how often.

A bead is dragged through water by a harmonic trap that is made three times stiffer meanwhile. Some runs give work
back; the chance obeys Crooks' theorem, p(W) = p_reversed(-W) exp(W - dF), and from runs done in haste Jarzynski's
average <exp(-W)> = exp(-dF) returns what infinite patience would cost. The same holds for the entropy of any path,
<exp(-dS)> = 1; for a drop of ink, which has an edge, it is the chance of finding a particle back in the drop, V_0/V
in the end.
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
    runs: int = 400_000
    """beads, each dragged once"""
    stiffening: float = 3.0
    """how many times stiffer the trap is in the end"""
    distance: float = 1.5
    """how far it is dragged, in widths of the bead's cloud at first"""
    duration: float = 2.0
    """how long that takes, in relaxation times"""
    jumps: int = 20
    """small jumps that the motion is made of"""
    seed: int = 0
    """64-bit seed of all noise"""


QUICK = {"runs": 40_000}
TOUR = {"runs": 100_000}
LIMITS = {"runs": (1000, None), "distance": (0, None)}
WIDTH, CELLS = 2, 10  # the drop: 2 of 10 cells of the glass a side
LOST = np.array([0.25, 0.5, 1, 2, 3, 5, 8, 12])  # mean work lost in ever hastier drags, kT
WORK = "work $W$ (kT)", "lavoro $W$ (kT)"


@dataclass(frozen=True)
class Relaxation:
    """Single paths of ink left alone: averages of exp(-dS) up to each of the times."""

    times: np.ndarray
    """(k,)"""
    in_bowl: list[ink.Estimate]
    """a cloud that is nowhere empty"""
    in_glass: list[ink.Estimate]
    """a drop with an edge"""
    chance_of_return: np.ndarray
    """(k,) exact: that a particle is in the drop again after twice the time"""


@dataclass(frozen=True)
class Result:
    trap: ink.fluctuations.Trap
    there: ink.fluctuations.Runs
    """with the work done on each bead, kT, and the entropy of each path"""
    back: ink.fluctuations.Runs
    """with the trap's journey reversed"""
    hasty: list[ink.Estimate]
    """exp(-W) averaged over drags in which LOST is lost, exactly 1"""
    relaxation: Relaxation


def compute(p: Parameters) -> Result:
    part = np.linspace(0, 1, p.jumps + 1)
    trap = ink.fluctuations.Trap(1.0, p.distance * part, p.stiffening**part, p.duration / p.jumps)
    there, back = trap.run(p.runs, seed=p.seed), trap.reversed().run(p.runs, seed=p.seed + 1)
    return Result(trap, there, back, hasty_drags(p), relax(p))


def hasty_drags(p: Parameters) -> list[ink.Estimate]:
    """Jarzynski's average against haste: unbiased, but it comes to rest on ever fewer runs."""

    def drag(distance):
        return ink.fluctuations.Trap.drag(1.0, 1.0, distance=distance, duration=p.duration, jumps=p.jumps)

    unit = drag(1.0).work_moments().mean  # the mean work grows with the distance squared
    return [
        ink.fluctuations.exponential_average(drag(distance).run(p.runs // 4, seed=p.seed + 2 + i).work)
        for i, distance in enumerate(np.sqrt(LOST / unit))
    ]


def relax(p: Parameters) -> Relaxation:
    times, n, m = np.geomspace(3e-3, 1, 9), p.runs // 4, p.runs // 40
    bowl, glass = ink.OrnsteinUhlenbeck(1.0, 3.0), ink.Brownian(1.0, ink.Box(0, 1))
    cells = np.zeros((CELLS, CELLS))
    cells[3 : 3 + WIDTH, 5 : 5 + WIDTH] = 1
    cloud, drop = ink.GaussianScore(bowl, [0.6], 0.5), ink.BoxScore(glass, cells)
    x_0 = 0.6 + math.sqrt(0.5) * ink.normal(n, seed=p.seed, stream=ink.Stream.DATA)[:, None].astype(float)
    d_0 = ((3, 5) + WIDTH * ink.uniform(2 * m, seed=p.seed, step=1).reshape(m, 2)) / CELLS
    in_drop = np.full(m, 2 * math.log(CELLS / WIDTH))  # ln p_0
    in_bowl, in_glass, chance = [], [], []
    for t in times:
        path = ink.simulate(bowl, x_0, [0, t / 2, t], seed=p.seed + 20)
        entropy = ink.fluctuations.path_entropy(bowl, path, cloud.log_density(x_0, 0), cloud.log_density(path.last, t))
        in_bowl.append(ink.fluctuations.exponential_average(entropy))
        path = ink.simulate(glass, d_0, [0, t], seed=p.seed + 21)
        entropy = ink.fluctuations.path_entropy(glass, path, in_drop, drop.log_density(path.last, t))
        in_glass.append(ink.fluctuations.exponential_average(entropy))
        chance.append(drop.cell_averages(2 * t)[cells > 0].sum() / CELLS**2)
    return Relaxation(times, in_bowl, in_glass, np.array(chance))


def check(p: Parameters, result: Result, report: Report) -> None:
    work, dF, exact = result.there.work, result.trap.free_energy, result.trap.work_moments()
    square, root_n = (work - work.mean()) ** 2, math.sqrt(p.runs)
    report.check("mean_work", ink.Estimate(work.mean(), work.std() / root_n), exact.mean)
    report.check("variance_of_work", ink.Estimate(square.mean(), square.std() / root_n), exact.variance)
    report.check("jarzynski", ink.fluctuations.exponential_average(work - dF), 1.0)
    report.bound("effective_samples", ink.fluctuations.effective_samples(work), at_least=100)
    report.check("crooks", ink.fluctuations.crooks_gap(work, result.back.work, dF), 0.0)
    report.check("free_energy_from_both_ways", both := ink.fluctuations.free_energy(work, result.back.work), dF)
    report.check("entropy_of_driven_paths", ink.fluctuations.exponential_average(result.there.entropy), 1.0)
    report.check("jarzynski_at_1_kT", result.hasty[2], 1.0)
    alone = result.relaxation
    for i in (2, 5):
        t = f"{alone.times[i]:.3f}"
        report.check(f"entropy_of_a_relaxing_cloud_at_{t}", alone.in_bowl[i], 1.0)
        report.check(f"entropy_of_a_drop_at_{t}", alone.in_glass[i], alone.chance_of_return[i])
    lucky = cheap_share(result)
    report.sentence(
        f"{lucky} of the runs cost less than the second law asks on average; hasty runs give the free energy as "
        f"{both.value:.3f} kT, exactly {dF:.3f} kT.",
        f"Il {lucky} delle prove costa meno di quanto il secondo principio chiede in media; da prove frettolose "
        f"l'energia libera è {both.value:.3f} kT, esatta {dF:.3f} kT.",
    )


def cheap_share(result: Result) -> str:
    """Runs that cost less than the free energy, which is the least that the second law allows on average."""
    return f"{100 * np.mean(result.there.work < result.trap.free_energy):.0f} %"


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 2, width=14, aspect=0.75)
    draw_histograms(axes[0, 0], result)
    draw_crooks(axes[0, 1], result)
    draw_jarzynski(axes[1, 0], p, result.hasty)
    draw_relaxation(axes[1, 1], result.relaxation)
    return fig


def draw_histograms(ax, result: Result) -> None:
    there, back, dF = result.there.work, result.back.work, result.trap.free_energy
    width = (np.quantile(there, 0.999) - dF) / 45
    edges = dF + width * np.arange(np.floor((there.min() - dF) / width), 46)
    share = {"weights": np.full(len(there), 1 / len(there) / width)}
    ax.hist(there, edges, **share, color=viz.COLORS["sky"], label=viz.say("there", "andata"))
    broken = cheap_share(result) + viz.say(": cost less than $\\Delta F$", ": costano meno di $\\Delta F$")
    ax.hist(there, edges[edges < dF + width / 2], **share, color=viz.COLORS["red"], label=broken)
    reverse = viz.say("back, $-W$", "ritorno, $-W$")
    ax.hist(-back, edges, **share, histtype="step", lw=2, color=viz.COLORS["black"], label=reverse)
    title = viz.say("bead dragged, trap stiffened, and back", "perlina trascinata, trappola più rigida, e ritorno")
    ax.set(xlabel=viz.say(*WORK), ylabel=viz.label("density"), title=title)
    ax.legend(loc="upper right")


def draw_crooks(ax, result: Result) -> None:
    there, back, dF = result.there.work, result.back.work, result.trap.free_energy
    edges = np.linspace(np.quantile(there, 0.002), np.quantile(-back, 0.998), 13)
    works, ratios = ink.fluctuations.crooks_ratio(there, back, edges)
    viz.theory(ax, works, works - dF, "$W - \\Delta F$")
    viz.with_errors(ax, works, ratios, viz.label("measured"), "blue")
    title = viz.say("Crooks: how improbable", "Crooks: quanto è improbabile")
    ax.set(xlabel=viz.say(*WORK), ylabel=r"$\ln\ p(W)\,/\,p_\mathrm{rev}(-W)$", title=title)
    ax.legend(loc="upper left")


def draw_jarzynski(ax, p: Parameters, hasty: list[ink.Estimate]) -> None:
    averages, good = np.array(hasty), p.runs / 4 * np.exp(-2 * LOST) > 100  # the relative variance is exp(2 w) - 1
    viz.theory(ax, None, 1.0, viz.label("exact"))
    viz.with_errors(ax, LOST[good], averages[good], viz.label("measured"), "blue")
    few = viz.say("rests on under 100 runs", "poggia su meno di 100 prove")
    viz.with_errors(ax, LOST[~good], averages[~good], few, "red", markerfacecolor="white")
    ax.set(xscale="log", ylim=(-0.1, 1.9), ylabel=r"$\langle e^{-W}\rangle$")
    ax.set_xlabel(viz.say("mean work lost", "lavoro medio perso") + r" $\langle W\rangle$ (kT)")
    ax.set_xticks([0.25, 0.5, 1, 2, 5, 10], ["0.25", "0.5", "1", "2", "5", "10"])
    ax.minorticks_off()
    ax.set_title(viz.say("Jarzynski, and where it stops helping", "Jarzynski, e dove smette di aiutare"))
    ax.legend(loc="upper left")


def draw_relaxation(ax, alone: Relaxation) -> None:
    viz.with_errors(ax, alone.times, alone.in_bowl, viz.say("a cloud in a bowl", "una nuvola in una conca"), "green")
    viz.with_errors(ax, alone.times, alone.in_glass, viz.say("a drop in a glass", "una goccia nel bicchiere"), "purple")
    viz.theory(ax, alone.times, alone.chance_of_return, viz.say("chance of return", "probabilità di ritorno"))
    viz.theory(ax, None, 1.0)
    viz.theory(ax, None, (WIDTH / CELLS) ** 2, "$V_0/V$", "red", linestyle=":")
    ax.set(xscale="log", yscale="log", ylim=(0.03, 1.5), xlabel=viz.label("time"))
    ax.set_ylabel(r"$\langle e^{-\Delta S}\rangle$")
    ax.set_title(viz.say("left alone: single paths", "lasciati a sé: singoli cammini"))
    ax.legend(loc="upper right", bbox_to_anchor=(1, 0.88))


if __name__ == "__main__":
    run_script(__file__)
