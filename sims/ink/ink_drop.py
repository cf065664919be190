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
MAXIMUM = 0.0  # of the entropy: ln V of the unit glass
FINE = 4  # the exact drop is resolved FINE times better than the bins
FLUX_TIME = 0.01  # in units of the glass width^2/D
PLANES = np.linspace(0.05, 0.95, 19)  # where the flux is measured


@dataclass(frozen=True)
class Result:
    """What the drop did, and the same drop exactly."""

    times: np.ndarray
    """(k,)"""
    concentration: np.ndarray
    """(k, bins, bins) particles in each cell"""
    entropy: list[ink.Estimate]
    """k, nats"""
    exact: ink.BoxScore
    """the drop by its cosine series"""
    profile: ink.BoxScore
    """the same along x alone"""
    flux: list[ink.Estimate]
    """net crossings of each of the PLANES per time, as a share of all particles"""


def compute(p: Parameters) -> Result:
    glass = ink.Box(0, 1)
    process = ink.Brownian(p.D, glass)
    drop = ink.datasets.drop(p.particles, seed=p.seed, center=(p.x, p.y), radius=p.radius)
    density = drop.density.on_cells(FINE * p.bins, glass, probes=4)
    times = np.concatenate([[0], np.geomspace(2e-4, 1, 15) * p.time])
    observe = {
        "concentration": lambda x: ink.concentration(x, glass, p.bins),
        "entropy": lambda x: ink.entropy(x, glass, bins=p.bins),
    }
    walk = ink.simulate(process, drop.x, times, seed=p.seed, steps=p.steps, observe=observe)
    return Result(
        times,
        walk.observed["concentration"],
        [ink.Estimate(*pair) for pair in walk.observed["entropy"]],
        ink.BoxScore(process, density),
        ink.BoxScore(process, density.sum(1)),
        net_crossings(process, drop.x, p),
    )


def net_crossings(process: ink.Brownian, x_0: np.ndarray, p: Parameters) -> list[ink.Estimate]:
    """Particles that cross each plane to the right, less those to the left, in a short time around FLUX_TIME."""
    middle, dt = FLUX_TIME / p.D, FLUX_TIME / p.D / 20
    walk = ink.simulate(process, x_0, [0, middle - dt / 2, middle + dt / 2], seed=p.seed + 1)
    before, after = walk.x[1, :, 0], walk.x[2, :, 0]
    flux = []
    for plane in PLANES:
        right, left = np.sum((before < plane) & (after >= plane)), np.sum((before >= plane) & (after < plane))
        flux.append(ink.Estimate((right - left) / p.particles / dt, np.sqrt(max(right + left, 1)) / p.particles / dt))
    return flux


def fick(profile: ink.BoxScore, x: np.ndarray) -> np.ndarray:
    """Fick's current -D dc/dx = -D c d(ln c)/dx at the places x, at FLUX_TIME."""
    D, x = profile.process.D, x[:, None]
    return -D * np.exp(profile.log_density(x, FLUX_TIME / D)) * profile(x, FLUX_TIME / D)[:, 0]


def check(p: Parameters, result: Result, report: Report) -> None:
    times, S = result.times, result.entropy
    late = np.flatnonzero(np.sqrt(2 * p.D * times) > 2 / p.bins)  # the drop's edge is blurred over some cells
    for i in (late[0], late[len(late) // 2], late[-1]):
        report.check(f"entropy_at_{times[i]:.4f}", S[i], result.exact.entropy(times[i], FINE))
    rise = (S[-1].value - S[0].value) / (MAXIMUM - S[0].value)
    report.bound("share_of_the_rise_to_the_maximum", rise, at_least=0.99)
    expected = fick(result.profile, PLANES)
    for name, i in (("right", int(np.argmax(expected))), ("left", int(np.argmin(expected)))):
        report.check(f"fick_flux_to_the_{name}", result.flux[i], expected[i])
    first, final = f"{S[0].value:.2f}", f"{S[-1].value:.3f}"
    report.sentence(
        f"The entropy rose from {first} to {final} nats, where the maximum is {MAXIMUM:.0f}.",
        f"L'entropia è salita da {first} a {final} nat, dove il massimo è {MAXIMUM:.0f}.",
    )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 4, width=14, aspect=1.0, gridspec_kw={"height_ratios": [1, 1.15]})
    for ax, i in zip(axes[0], (0, 6, 9, 15), strict=True):
        counts = result.concentration[i]
        viz.concentration(ax, counts, result.exact.box, vmax=max(np.quantile(counts, 0.999), 2.5 * counts.mean()))
        ax.set_title(f"$t = {result.times[i]:.2g}$")
    for ax in axes[1]:
        ax.remove()
    grid = axes[1, 0].get_gridspec()
    draw_entropy(fig.add_subplot(grid[1, :2]), result)
    draw_flux(fig.add_subplot(grid[1, 2:]), result)
    return fig


def draw_entropy(ax, result: Result) -> None:
    fine = np.geomspace(result.times[1], result.times[-1], 100)
    viz.theory(ax, fine, [result.exact.entropy(t, FINE) for t in fine], viz.label("exact"))
    viz.with_errors(ax, result.times[1:], result.entropy[1:], viz.label("measured"), "blue")
    viz.theory(ax, None, MAXIMUM, viz.label("maximum"), "red")
    ax.set(xscale="log", xlabel=viz.label("time"), ylabel=viz.label("entropy"))
    ax.legend(loc="lower right")


def draw_flux(ax, result: Result) -> None:
    fine = np.linspace(0, 1, 200)
    viz.theory(ax, fine, fick(result.profile, fine), r"Fick: $-D\,\partial c/\partial x$")
    viz.with_errors(ax, PLANES, result.flux, viz.say("net crossings", "passaggi netti"), "green")
    ax.axhline(0, color="grey", linewidth=0.8)
    ax.set(xlabel=viz.say("place $x$", "posizione $x$"), ylabel=viz.say("flux $J$", "flusso $J$"))
    ax.legend(loc="upper left")


if __name__ == "__main__":
    run_script(__file__)
