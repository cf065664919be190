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
FRAMES = 40  # times at which the drop is measured on its way there, and as many on its way back


@dataclass(frozen=True)
class Result:
    """Three journeys of one drop, the motion of single molecules, and how almost equal worlds part."""

    start: ink.molecules.State
    drop: np.ndarray
    """(molecules,) which of them are ink"""
    there: ink.molecules.Observables
    """from the start on, with the drop's entropy S (nats) and the energy E observed"""
    echo: ink.molecules.Observables
    """from that end, with all velocities reversed"""
    astray: ink.molecules.Observables
    """the same, with one molecule displaced by one quantum besides"""
    random_walk: np.ndarray
    """entropy of independent walkers with the D of the molecules, at the times of `there`"""
    flight: ink.molecules.Transport
    """motion over times so short that molecules fly straight"""
    wandering: ink.molecules.Transport
    """motion over times in which they meet many others; D comes from this"""
    times: np.ndarray
    """(k,) since one molecule was displaced by one quantum, tau"""
    distances: np.ndarray
    """(3, k) of three such worlds from the unchanged one, over all molecules, sigma"""
    lyapunov: ink.Estimate
    """the exponent with which the distances grow, 1/tau"""
    differing_bits: int
    """between a run with neighbour lists and one over all pairs"""
    speeds: tuple[float, float]
    """particle-steps/s with neighbour lists, and over all pairs"""


def compute(p: Parameters) -> Result:
    fluid = ink.molecules.Fluid(p.molecules, p.density)
    start = ink.molecules.start(fluid, seed=p.seed)
    drop = start.within((fluid.side / 2, fluid.side / 2), p.radius * fluid.side)
    differing_bits, slow = against_all_pairs(start)
    begun = time.perf_counter()
    there = follow(p, start, drop)
    fast = p.molecules * p.steps / (time.perf_counter() - begun)
    turned = there.last.reversed()
    echo, astray = (follow(p, state, drop) for state in (turned, turned.displaced(p.molecules // 2)))
    flight = ink.molecules.transport(there.last, blocks=4, every=1, window=(0.0, 0.5))
    wandering = ink.molecules.transport(flight.last, blocks=p.blocks, every=10, window=(2.0, 5.0))
    others = [turned.displaced(i * p.molecules // 3) for i in range(3)]
    times, distances = ink.molecules.divergence(turned, others, frames=120, every=50)
    walkers = ink.Brownian(wandering.D.value, fluid.box)
    density = ink.BoxScore(walkers, ink.concentration(start.positions[drop], fluid.box, 4 * p.bins))
    random_walk = np.array([density.entropy(t, 4) for t in there.times])
    rate = ink.molecules.lyapunov(times, distances)
    return Result(
        start, drop, there, echo, astray, random_walk, flight, wandering, times, distances, rate,
        differing_bits, (fast, slow),
    )  # fmt: skip


def against_all_pairs(state: ink.molecules.State) -> tuple[int, float]:
    """Bits by which four steps without neighbour lists differ, and the particle-steps/s of those."""
    listed, _ = ink.molecules.run(state, 4), ink.molecules.run(state, 1, all_pairs=True)  # compiles before the clock
    begun = time.perf_counter()
    plain = ink.molecules.run(state, 4, all_pairs=True)
    speed = 4 * len(state.x) / (time.perf_counter() - begun)
    return plain.differing_bits(listed), speed


def follow(p: Parameters, state: ink.molecules.State, drop: np.ndarray) -> ink.molecules.Observables:
    """The state p.steps later, with the drop's entropy and the energy on the way."""
    observe = {
        "S": lambda s: ink.entropy(s.positions[drop], s.fluid.box, bins=p.bins),
        "E": lambda s: s.energy.total,
    }
    return ink.molecules.observables(state, FRAMES, p.steps // FRAMES, observe)


def check(p: Parameters, result: Result, report: Report) -> None:
    start, there, walk = result.start, result.there, result.wandering
    report.check("lists_or_all_pairs_differing_bits", ink.Estimate(result.differing_bits, 0), 0)
    report.check("echo_differing_bits", ink.Estimate(result.echo.last.reversed().differing_bits(start), 0), 0)
    report.check("momentum_in_quanta", ink.Estimate(np.abs(there.last.momentum).max(), 0), 0)
    moved = result.astray.last.distance(start) / len(start.x) ** 0.5
    report.bound("one_quantum_moved_rms_distance", moved, at_least=1.0)
    E = there.observed["E"]
    report.bound("energy_largest_relative_change", np.abs(E / E[0] - 1).max(), at_most=1e-3)
    (S_0, e_0), (S, e) = there.observed["S"][[0, -1]]
    report.bound("entropy_gain_in_standard_errors", (S - S_0) / np.hypot(e, e_0), at_least=5.0)
    (a, da), (b, db) = walk.from_msd, walk.from_vacf
    report.check("D_by_slope_less_by_memory", ink.Estimate(a - b, np.hypot(da, db)), 0.0)
    report.check("D_by_slope_less_by_memory_same_blocks", walk.difference, 0.0)
    straight = result.flight.vacf[0, 0] * result.flight.times[1] ** 2
    report.bound("first_step_share_of_straight_flight", result.flight.msd[1, 0] / straight, at_least=0.99)
    rate = result.lyapunov
    report.bound("lyapunov_exponent_in_standard_errors", rate.value / rate.stderr, at_least=5.0)
    fast, slow = result.speeds
    print(f"speed {fast:.3g} particle-steps/s with neighbour lists, {slow:.3g} with all pairs")
    report.sentence(
        f"{p.molecules} molecules, turned round after {p.steps} steps, came back to the last bit.",
        f"{p.molecules} molecole, invertite dopo {p.steps} passi, sono tornate fino all'ultimo bit.",
    )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 4, width=18, height=9.6)
    draw_drops(axes[0], result)
    draw_entropy(axes[1, 0], result)
    draw_displacement(axes[1, 1], result)
    draw_diffusion(axes[1, 2], result.wandering)
    draw_distances(axes[1, 3], result)
    for ax in axes[1]:
        ax.set_xlabel(viz.say("time ($\\tau$)", "tempo ($\\tau$)"))
    return fig


def draw_drops(axes, result: Result) -> None:
    T = result.there.times[-1]
    later = viz.say(f"${T:.0f}\\,\\tau$ later", f"dopo ${T:.0f}\\,\\tau$")
    back = viz.say("turned round:\nevery bit is back", "invertite:\ntorna ogni bit")
    moved = viz.say("… and one moved\nby one quantum", "… e una spostata\ndi un quanto")
    titles = {viz.label("start"): "black", later: "blue", back: "green", moved: "red"}
    states = (result.start, result.there.last, result.echo.last, result.astray.last)
    for ax, state, (title, color) in zip(axes, states, titles.items(), strict=True):
        viz.discs(ax, state.positions, state.fluid.side, result.drop)
        ax.set_title(title, color=viz.COLORS[color])


def draw_entropy(ax, result: Result) -> None:
    """Up to the reversal, and from there both ways back."""
    there = result.there
    journeys = {"blue": (0.0, there), "red": (there.times[-1], result.astray), "green": (there.times[-1], result.echo)}
    for color, (since, seen) in journeys.items():
        ax.plot(since + seen.times, seen.observed["S"][:, 0], color=viz.COLORS[color], linewidth=3)
    viz.theory(ax, there.times, result.random_walk, viz.say("random walk", "cammino\ncasuale"))
    ax.set_ylabel(viz.label("entropy"))
    ax.legend(loc="lower center")


def draw_displacement(ax, result: Result) -> None:
    """Mean squared displacement: straight flight at first, a random walk in the end."""
    flight, walk = result.flight, result.wandering
    for seen, name in ((flight, viz.label("measured")), (walk, None)):
        ax.loglog(seen.times[1:], seen.msd[1:, 0], color=viz.COLORS["blue"], linewidth=4, label=name)
    t = np.array([flight.times[1], walk.times[-1]])
    viz.theory(ax, t, flight.vacf[0, 0] * t**2, r"$\langle v^2\rangle t^2$", "red")
    viz.theory(ax, t, 4 * walk.D.value * t, "$4Dt$", "green")
    ax.set_ylabel(viz.say("MSD ($\\sigma^2$)", "SQM ($\\sigma^2$)"))
    ax.legend(loc="upper left")


def draw_diffusion(ax, walk: ink.molecules.Transport) -> None:
    """D by both routes, as it settles."""
    slope, memory = walk.running
    ax.axvspan(*walk.window, color="#e4e4e4", label=viz.say("window of $D$", "finestra di $D$"))
    memory_label, slope_label = r"$\frac{1}{2}\int_0^t\langle v_0 v_s\rangle ds$", r"$\frac{1}{4}\,d\,$MSD$/dt$"
    ax.plot(walk.times, memory, color=viz.COLORS["sky"], linewidth=7, label=memory_label)
    ax.plot(walk.times, slope, "--", color=viz.COLORS["black"], label=slope_label)
    ax.set(ylabel=r"$D(t)$ ($\sigma^2/\tau$)", ylim=(0, None))
    ax.set_title(rf"$D = {walk.D.value:.3f} \pm {walk.D.stderr:.3f}\ \sigma^2/\tau$", fontsize="medium")
    ax.legend(loc="lower right")


def draw_distances(ax, result: Result) -> None:
    times, distances, rate = result.times, result.distances, result.lyapunov
    ax.semilogy(times, distances.T, color=viz.COLORS["purple"])
    growing = times[: np.argmax(distances.mean(0) > 1)]
    exponential = distances[0, 0] * np.exp(rate.value * growing)
    viz.theory(ax, growing, exponential, rf"$e^{{{rate.value:.1f}\,t/\tau}}$")
    distance = viz.say("distance", "distanza") + r" $(\sum_i|\Delta r_i|^2)^{1/2}$ ($\sigma$)"
    ax.set_ylabel(distance)
    ax.legend(loc="lower right")


if __name__ == "__main__":
    run_script(__file__)
