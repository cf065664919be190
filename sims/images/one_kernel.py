"""One kernel for ink and images: the same bits, the same observables, the same fate.

An image is one particle in pixel space; seen the other way, each pixel is an ink particle on a line in the glass
[0, 1]. Noising n images of d pixels and stirring the same n*d numbers as ink therefore gives identical bits. And
what is measured of a drop of ink can be measured of a set of digits on the same axes: entropy per coordinate,
distance from equilibrium, memory of the start, displacement.
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
    """ink particles of the drop"""
    copies: int = 20
    """how often each of the 1797 digits is noised"""
    D: float = 1.0
    """diffusion coefficient, glass widths^2/time"""
    time: float = 0.3
    """how long both diffuse"""
    seed: int = 0
    """64-bit seed of all noise"""


QUICK = {"particles": 20_000, "copies": 2}
TOUR = {"particles": 100_000, "copies": 8}
LIMITS = {"particles": (1000, None)}


def run(p: Parameters, report: Report) -> None:
    glass = ink.Box(0, 1)
    process = ink.Brownian(p.D, glass)
    digits = ink.datasets.digits()
    drop = ink.datasets.drop(p.particles, seed=p.seed, center=(0.35, 0.6), radius=0.1)

    as_images = ink.simulate(process, digits.x, [0, p.time / 2, p.time], seed=p.seed, steps=3)
    as_ink = ink.simulate(process, digits.x.reshape(-1, 1), [0, p.time / 2, p.time], seed=p.seed, steps=3)
    different = np.count_nonzero(as_images.last.view(np.uint32).ravel() != as_ink.last.view(np.uint32).ravel())
    report.bound("numbers_that_differ_in_any_bit", different, at_most=0)

    times = np.geomspace(1e-3, 1, 13) * p.time
    bodies = {"ink": drop.x, "digits": np.tile(digits.x, (p.copies, 1))}
    both = ink.compare(process, bodies, times, seed=p.seed)
    for name, x in bodies.items():
        report.check(f"{name}_first_mode_fades_as_exp", first_mode(process, x, p), 0.0)

    fig, axes = viz.figure(2, 4, width=15, height=9.5, gridspec_kw={"height_ratios": [1.5, 1]})
    for ax in axes[0]:
        ax.remove()
    draw_both(fig.add_subplot(axes[0, 0].get_gridspec()[0, :]), process, drop, digits, p)
    panels = (
        ("entropy", viz.label("entropy_per_coordinate")),
        ("kl", viz.label("kl_per_coordinate")),
        ("correlation", viz.label("correlation")),
        ("msd", viz.say("MSD per coordinate", "MSD per coordinata")),
    )
    for ax, (column, label) in zip(axes[1], panels, strict=True):
        for name, color in (("ink", "blue"), ("digits", "orange")):
            label_of = viz.label("ink" if name == "ink" else "images")
            if column == "msd":
                viz.theory(ax, times, exact_msd(process, bodies[name], times), viz.label("exact"))
            viz.with_errors(ax, times, list(getattr(both[name], column)), label_of, color, markersize=6)
        ax.set(xscale="log", xlabel=viz.label("time"), title=label)
        ax.title.set_fontsize("medium")
    axes[1, 1].set(yscale="log", ylim=(1e-5, None))
    axes[1, 0].legend(loc="lower right")
    axes[1, 3].legend(*[pair[:1] for pair in axes[1, 3].get_legend_handles_labels()], loc="upper left")
    report.figure(fig)


def first_mode(process, x, p: Parameters) -> ink.Estimate:
    """Mean of cos(pi x_t) - exp(-D pi^2 t) cos(pi x_0): zero for every start, at any step size."""
    t = p.time / 3
    x_t = ink.diffuse(process, x, t, seed=p.seed)
    excess = (np.cos(np.pi * x_t) - np.exp(-process.D * np.pi**2 * t) * np.cos(np.pi * x)).mean(1, dtype=np.float64)
    return ink.Estimate(excess.mean(), excess.std() / np.sqrt(len(x)))


def exact_msd(process, x, times: np.ndarray) -> np.ndarray:
    """<(x_t - x_0)^2> per coordinate from these very starts, by the cosine series of x and x^2 on [0, 1]."""
    n, (x, share) = np.arange(1, 65), np.unique(x.astype(np.float64), return_counts=True)
    share = share / share.sum()
    square, place = 4 * (-1.0) ** n / (n * np.pi) ** 2, -4 * (n % 2) / (n * np.pi) ** 2
    kept = [share @ ((a - 2 * b * x) * np.cos(k * np.pi * x)) for k, a, b in zip(n, square, place, strict=True)]
    rest = 1 / 3 + share @ (x**2 - x)
    return rest + np.exp(-process.D * (n * np.pi) ** 2 * times[:, None]) @ np.array(kept)


def draw_both(ax, process, drop, digits, p: Parameters) -> None:
    """A drop in 48 x 48 cells above a digit of 8 x 8 pixels, at the same times; ink is dark in both."""
    times = np.array([0, 0.005, 0.02, 0.07, 0.2, 1]) * p.time
    cells = 48
    ink_map = {"map": lambda x: ink.concentration(x, process.domain, cells)}
    maps = ink.simulate(process, drop.x, times, seed=p.seed, observe=ink_map).observed["map"]
    maps = maps.swapaxes(1, 2)[:, ::-1] / np.maximum(maps.max((1, 2)), 2.5 * maps.mean((1, 2)))[:, None, None]
    one = digits.x[digits.y == 3][:1]
    pictures = ink.simulate(process, one, times, seed=p.seed).x.reshape(-1, *digits.image_shape)
    pictures = np.kron(pictures, np.ones((cells // 8, cells // 8)))
    viz.film(
        ax, 1 - np.stack([maps, pictures], axis=1), [f"$t = {t:.2g}$" for t in times],
        row_labels=[viz.label("ink"), viz.label("image")],
    )  # fmt: skip


if __name__ == "__main__":
    run_script(__file__)
