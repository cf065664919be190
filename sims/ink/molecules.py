"""Molecules: the random walk comes from collisions that can all be undone; one quantum out of place prevents it.

Soft discs, some coloured as ink, obey Newton's law in integers; nothing is random but the start. The drop spreads, its
entropy grows. With all velocities reversed, as Loschmidt asked, each bit of the start comes back; with one molecule
moved by one quantum besides, it does not: almost equal worlds part exponentially. Each molecule flies straight at first
and wanders in the end, with one D by its displacement (Einstein) and by the memory of its velocity (Green, Kubo).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script


@dataclass(frozen=True)
class Parameters:
    molecules: int = 10_000
    """discs, water and ink"""
    density: float = 0.5
    """discs per sigma^2, up to 0.85"""
    radius: float = 0.18
    """radius of the drop, in box widths"""
    steps: int = 40_000
    """steps of 0.005 tau until the velocities are reversed; then as many back"""
    bins: int = 12
    """cells per side, for the entropy"""
    blocks: int = 32
    """blocks of 10 tau over which the motion is averaged"""
    seed: int = 0
    """64-bit seed of the first velocities"""


QUICK = {"molecules": 500, "steps": 7000, "bins": 6, "blocks": 8}
TOUR = {"molecules": 4000, "steps": 12_000, "bins": 9, "blocks": 12}
LIMITS = {
    "molecules": (9, None), "density": (0.01, 0.85), "radius": (0.05, 0.5), "steps": (40, None),
    "blocks": (4, None),
}  # fmt: skip
WORLDS_APART = r" $(\sum_i|\Delta r_i|^2)^{1/2}$ ($\sigma$)"  # over all molecules
FRAMES = 40  # looks at the drop on its way there, and as many on its way back


def run(p: Parameters, report: Report) -> None:
    fluid = ink.molecules.Fluid(p.molecules, p.density)
    start = ink.molecules.start(fluid, seed=p.seed)
    drop = start.within((fluid.side / 2, fluid.side / 2), p.radius * fluid.side)
    slow = speed_of_all_pairs(report, start)
    begun = time.perf_counter()
    there = watch(p, start, drop)
    fast = p.molecules * p.steps / (time.perf_counter() - begun)
    turned = there.last.reversed()
    echo, astray = (watch(p, state, drop) for state in (turned, turned.displaced(p.molecules // 2)))
    onset = ink.molecules.transport(there.last, blocks=4, every=1, window=(0.0, 0.5))
    walk = ink.molecules.transport(onset.last, blocks=p.blocks, every=10, window=(2.0, 5.0))
    others = [turned.displaced(i * p.molecules // 3) for i in range(3)]
    check(report, (start, there, echo, astray), walk, onset)
    times, apart = ink.molecules.apart(turned, others, frames=120, every=50)
    rate = ink.molecules.lyapunov(times, apart)
    report.bound("lyapunov_exponent_in_standard_errors", rate.value / rate.stderr, at_least=5.0)
    fig, axes = viz.figure(2, 4, width=18, height=9.6)
    draw_drops(axes[0], drop, (start, there.last, echo.last, astray.last), there.times[-1])
    draw_entropy(axes[1, 0], start.fluid.box, p.bins, start.positions[drop], (there, astray, echo), walk.D.value)
    draw_motion(*axes[1, 1:3], walk, onset)
    draw_apart(axes[1, 3], times, apart, rate)
    report.figure(fig)
    print(f"speed {fast:.3g} particle-steps/s with neighbour lists, {slow:.3g} with all pairs")
    report.sentence(
        f"{p.molecules} molecules, turned round after {p.steps} steps, came back to the last bit.",
        f"{p.molecules} molecole, invertite dopo {p.steps} passi, sono tornate fino all'ultimo bit.",
    )


def speed_of_all_pairs(report: Report, state) -> float:
    """Particle-steps/s without neighbour lists, which must give the same bits."""
    listed, _ = ink.molecules.run(state, 4), ink.molecules.run(state, 1, all_pairs=True)  # compiles before the clock
    begun = time.perf_counter()
    plain = ink.molecules.run(state, 4, all_pairs=True)
    speed = 4 * len(state.x) / (time.perf_counter() - begun)
    report.check("lists_or_all_pairs_differing_bits", ink.Estimate(plain.differing_bits(listed), 0), 0)
    return speed


def watch(p: Parameters, state, drop):
    look = {"S": lambda s: ink.entropy(s.positions[drop], s.fluid.box, bins=p.bins), "E": lambda s: s.energy.total}
    return ink.molecules.watch(state, FRAMES, p.steps // FRAMES, look)


def check(report: Report, states, walk, onset) -> None:
    start, there, echo, astray = states
    report.check("echo_differing_bits", ink.Estimate(echo.last.reversed().differing_bits(start), 0), 0)
    report.check("momentum_in_quanta", ink.Estimate(np.abs(there.last.momentum).max(), 0), 0)
    report.bound("one_quantum_moved_rms_distance", astray.last.distance(start) / len(start.x) ** 0.5, at_least=1.0)
    E = there.observed["E"]
    report.bound("energy_largest_relative_change", np.abs(E / E[0] - 1).max(), at_most=1e-3)
    (S_0, e_0), (S, e) = there.observed["S"][[0, -1]]
    report.bound("entropy_gain_in_standard_errors", (S - S_0) / np.hypot(e, e_0), at_least=5.0)
    (a, da), (b, db) = walk.from_msd, walk.from_vacf
    report.check("D_by_slope_less_by_memory", ink.Estimate(a - b, np.hypot(da, db)), 0.0)
    report.check("D_by_slope_less_by_memory_same_blocks", walk.difference, 0.0)
    straight = onset.vacf[0, 0] * onset.times[1] ** 2
    report.bound("first_step_share_of_straight_flight", onset.msd[1, 0] / straight, at_least=0.99)


def draw_drops(axes, drop, states, T) -> None:
    later = viz.say(f"${T:.0f}\\,\\tau$ later", f"dopo ${T:.0f}\\,\\tau$")
    back = viz.say("turned round:\nevery bit is back", "invertite:\ntorna ogni bit")
    moved = viz.say("… and one moved\nby one quantum", "… e una spostata\ndi un quanto")
    titles = {viz.label("start"): "black", later: "blue", back: "green", moved: "red"}
    for ax, state, (title, color) in zip(axes, states, titles.items(), strict=True):
        viz.discs(ax, state.positions, state.fluid.side, drop)
        ax.set_title(title, color=viz.COLORS[color])


def draw_entropy(ax, box, bins, x, walks, D) -> None:
    for seen, then, color in zip(walks, (0, 1, 1), ("blue", "red", "green"), strict=True):
        ax.plot(then * seen.times[-1] + seen.times, seen.observed["S"][:, 0], color=viz.COLORS[color], linewidth=3)
    theory = ink.BoxScore(ink.Brownian(D, box), ink.concentration(x, box, 4 * bins))
    viz.theory(ax, seen.times, [theory.entropy(t, 4) for t in seen.times], viz.say("random walk", "cammino\ncasuale"))
    ax.set(xlabel=viz.label("time_tau"), ylabel=viz.label("entropy"))
    ax.legend(loc="lower center")


def draw_motion(ax, right, walk, onset) -> None:
    for seen, name in ((onset, viz.label("measured")), (walk, None)):
        ax.loglog(seen.times[1:], seen.msd[1:, 0], color=viz.COLORS["blue"], linewidth=4, label=name)
    t = np.array([onset.times[1], walk.times[-1]])
    viz.theory(ax, t, onset.vacf[0, 0] * t**2, r"$\langle v^2\rangle t^2$", "red")
    viz.theory(ax, t, 4 * walk.D.value * t, "$4Dt$", "green")
    ax.set(xlabel=viz.label("time_tau"), ylabel=viz.say("MSD ($\\sigma^2$)", "SQM ($\\sigma^2$)"))
    ax.legend(loc="upper left")
    slope, memory = walk.running
    right.axvspan(*walk.window, color="#e4e4e4", label=viz.say("window of $D$", "finestra di $D$"))
    memory_label, slope_label = r"$\frac{1}{2}\int_0^t\langle v_0 v_s\rangle ds$", r"$\frac{1}{4}\,d\,$MSD$/dt$"
    right.plot(walk.times, memory, color=viz.COLORS["sky"], linewidth=7, label=memory_label)
    right.plot(walk.times, slope, "--", color=viz.COLORS["black"], label=slope_label)
    right.set(xlabel=viz.label("time_tau"), ylabel=r"$D(t)$ ($\sigma^2/\tau$)", ylim=(0, None))
    right.set_title(rf"$D = {walk.D.value:.3f} \pm {walk.D.stderr:.3f}\ \sigma^2/\tau$", fontsize="medium")
    right.legend(loc="lower right")


def draw_apart(ax, times, apart, rate) -> None:
    ax.semilogy(times, apart.T, color=viz.COLORS["purple"])
    middle = times[: np.argmax(apart.mean(0) > 1)]
    viz.theory(ax, middle, apart[0, 0] * np.exp(rate.value * middle), rf"$e^{{{rate.value:.1f}\,t/\tau}}$")
    ax.set(xlabel=viz.label("time_tau"), ylabel=viz.say("distance", "distanza") + WORLDS_APART)
    ax.legend(loc="lower right")


if __name__ == "__main__":
    run_script(__file__)
