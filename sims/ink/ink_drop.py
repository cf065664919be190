"""A drop of ink spreads in a glass: entropy grows to its maximum, and ink flows from high to low concentration.

The particles of a drop diffuse between reflecting walls. Nobody tells them where to go, yet the current through any
plane is Fick's, J = -D dc/dx, the entropy S = -int p ln p only grows, and in the end the glass is uniform: S = ln
V, the maximum. Exact curves come from the cosine series of the same drop (BoxScore).
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
    """ink particles"""
    radius: float = 0.1
    """radius of the drop, in glass widths"""
    x: float = 0.35
    """where it falls"""
    y: float = 0.6
    """where it falls"""
    D: float = 1.0
    """diffusion coefficient, glass widths^2/time"""
    time: float = 0.25
    """how long it spreads"""
    bins: int = 100
    """cells per side for concentration and entropy"""
    steps: int = 4
    """kernel steps between two times"""
    seed: int = 0
    """64-bit seed of all noise"""


QUICK = {"particles": 100_000, "bins": 50}
TOUR = {"particles": 200_000}
LIMITS = {"particles": (1000, None), "x": (0, 1), "y": (0, 1), "radius": (1e-3, 0.5), "bins": (2, 1000)}
FINE = 4  # the exact drop is resolved FINE times better than the bins
FLUX_TIME = 0.01  # in units of the glass width^2/D


def run(p: Parameters, report: Report) -> None:
    glass = ink.Box(0, 1)
    process = ink.Brownian(p.D, glass)
    drop = ink.datasets.drop(p.particles, seed=p.seed, center=(p.x, p.y), radius=p.radius)
    density = drop.density.on_cells(FINE * p.bins, glass, probes=4)
    exact = ink.BoxScore(process, density)
    times = np.concatenate([[0], np.geomspace(2e-4, 1, 15) * p.time])
    walk = ink.simulate(
        process, drop.x, times, seed=p.seed, steps=p.steps,
        observe={
            "concentration": lambda x: ink.concentration(x, glass, p.bins),
            "entropy": lambda x: ink.entropy(x, glass, bins=p.bins),
        },
    )  # fmt: skip
    entropy = [ink.Estimate(*pair) for pair in walk.observed["entropy"]]
    maximum = 0.0  # ln V of the unit glass
    late = np.flatnonzero(np.sqrt(2 * p.D * times) > 2 / p.bins)  # the drop's edge is blurred over some cells
    for i in (late[0], late[len(late) // 2], late[-1]):
        report.check(f"entropy_at_{times[i]:.4f}", entropy[i], exact.entropy(times[i], FINE))
    rise = (entropy[-1].value - entropy[0].value) / (maximum - entropy[0].value)
    report.bound("share_of_the_rise_to_the_maximum", rise, at_least=0.99)

    fig, axes = viz.figure(2, 4, width=14, aspect=1.0, gridspec_kw={"height_ratios": [1, 1.15]})
    for ax, i in zip(axes[0], (0, 6, 9, 15), strict=True):
        counts = walk.observed["concentration"][i]
        viz.concentration(ax, counts, glass, vmax=max(np.quantile(counts, 0.999), 2.5 * counts.mean()))
        ax.set_title(f"$t = {times[i]:.2g}$")
    for ax in axes[1]:
        ax.remove()
    grid = axes[1, 0].get_gridspec()
    draw_entropy(fig.add_subplot(grid[1, :2]), times, entropy, exact, maximum)
    draw_flux(fig.add_subplot(grid[1, 2:]), process, drop.x, density, p, report)
    report.figure(fig)
    first, final = f"{entropy[0].value:.2f}", f"{entropy[-1].value:.3f}"
    report.sentence(
        f"The entropy rose from {first} to {final} nats, where the maximum is {maximum:.0f}.",
        f"L'entropia è salita da {first} a {final} nat, dove il massimo è {maximum:.0f}.",
    )


def draw_entropy(ax, times, entropy, exact, maximum) -> None:
    fine = np.geomspace(times[1], times[-1], 100)
    viz.theory(ax, fine, [exact.entropy(t, FINE) for t in fine], viz.label("exact"))
    viz.with_errors(ax, times[1:], entropy[1:], viz.label("measured"), "blue")
    viz.theory(ax, None, maximum, viz.label("maximum"), "red")
    ax.set(xscale="log", xlabel=viz.label("time"), ylabel=viz.label("entropy"))
    ax.legend(loc="lower right")


def draw_flux(ax, process, x0, density, p: Parameters, report: Report) -> None:
    """Net crossings of vertical planes in a short time, beside -D dc/dx at its middle."""
    middle, dt = FLUX_TIME / p.D, FLUX_TIME / p.D / 20
    walk = ink.simulate(process, x0, [0, middle - dt / 2, middle + dt / 2], seed=p.seed + 1)
    before, after = walk.x[1, :, 0], walk.x[2, :, 0]
    along = ink.BoxScore(process, density.sum(1))

    def fick(planes):
        x = np.asarray(planes, float)[:, None]
        return -process.D * np.exp(along.log_density(x, middle)) * along(x, middle)[:, 0]

    planes = np.linspace(0.05, 0.95, 19)
    flux = []
    for plane in planes:
        right, left = np.sum((before < plane) & (after >= plane)), np.sum((before >= plane) & (after < plane))
        flux.append(ink.Estimate((right - left) / p.particles / dt, np.sqrt(max(right + left, 1)) / p.particles / dt))
    expected = fick(planes)
    for name, i in (("right", int(np.argmax(expected))), ("left", int(np.argmin(expected)))):
        report.check(f"fick_flux_to_the_{name}", flux[i], expected[i])
    fine = np.linspace(0, 1, 200)
    viz.theory(ax, fine, fick(fine), viz.label("fick"))
    viz.with_errors(ax, planes, flux, viz.say("net crossings", "passaggi netti"), "green")
    ax.axhline(0, color="grey", linewidth=0.8)
    ax.set(xlabel=viz.label("position"), ylabel=viz.label("flux"))
    ax.legend(loc="upper left")


if __name__ == "__main__":
    run_script(__file__)
