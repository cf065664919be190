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
CELLS = 48  # a side of the drop's pictures


@dataclass(frozen=True)
class Result:
    differing: int
    """numbers of which any bit differs between images of d pixels and ink on d times as many lines"""
    curves: ink.Comparison
    """entropy, KL, correlation and MSD per coordinate over time, of "ink" and "digits" """
    exact_msd: dict[str, np.ndarray]
    """of both, at the same times"""
    first_mode: dict[str, ink.Estimate]
    """of both: mean of cos(pi x_t) - exp(-D pi^2 t) cos(pi x_0), which is zero"""
    times: np.ndarray
    """(k,) at which the drop and one digit are shown"""
    maps: np.ndarray
    """(k, CELLS, CELLS) particles of the drop in each cell"""
    digit: np.ndarray
    """(k, 8, 8) a digit"""


def compute(p: Parameters) -> Result:
    process = ink.Brownian(p.D, ink.Box(0, 1))
    digits = ink.datasets.digits()
    drop = ink.datasets.drop(p.particles, seed=p.seed, center=(0.35, 0.6), radius=0.1)
    bodies = {"ink": drop.x, "digits": np.tile(digits.x, (p.copies, 1))}
    curves = ink.compare(process, bodies, np.geomspace(1e-3, 1, 13) * p.time, seed=p.seed)

    times = np.array([0, 0.005, 0.02, 0.07, 0.2, 1]) * p.time
    observe = {"map": lambda x: ink.concentration(x, process.domain, CELLS)}
    maps = ink.simulate(process, drop.x, times, seed=p.seed, observe=observe).observed["map"]
    one = ink.simulate(process, digits.x[digits.y == 3][:1], times, seed=p.seed).x
    return Result(
        differing_numbers(process, digits.x, p),
        curves,
        {name: exact_msd(process, x, curves.times) for name, x in bodies.items()},
        {name: first_mode(process, x, p) for name, x in bodies.items()},
        times, maps, one.reshape(-1, *digits.image_shape),
    )  # fmt: skip


def differing_numbers(process: ink.Brownian, x: np.ndarray, p: Parameters) -> int:
    """The same numbers walk as n images of d pixels, and as n d particles of ink on a line."""
    as_images = ink.simulate(process, x, [0, p.time / 2, p.time], seed=p.seed, steps=3).last
    as_ink = ink.simulate(process, x.reshape(-1, 1), [0, p.time / 2, p.time], seed=p.seed, steps=3).last
    return np.count_nonzero(as_images.view(np.uint32).ravel() != as_ink.view(np.uint32).ravel())


def first_mode(process: ink.Brownian, x: np.ndarray, p: Parameters) -> ink.Estimate:
    """Mean of cos(pi x_t) - exp(-D pi^2 t) cos(pi x_0): zero for every start, at any step size."""
    t = p.time / 3
    x_t = ink.diffuse(process, x, t, seed=p.seed)
    excess = (np.cos(np.pi * x_t) - np.exp(-process.D * np.pi**2 * t) * np.cos(np.pi * x)).mean(1, dtype=np.float64)
    return ink.Estimate(excess.mean(), excess.std() / np.sqrt(len(x)))


def exact_msd(process: ink.Brownian, x: np.ndarray, times: np.ndarray) -> np.ndarray:
    """<(x_t - x_0)^2> per coordinate from these very starts, by the cosine series of x and x^2 on [0, 1]."""
    n, (x, share) = np.arange(1, 65), np.unique(x.astype(np.float64), return_counts=True)
    share = share / share.sum()
    square, place = 4 * (-1.0) ** n / (n * np.pi) ** 2, -4 * (n % 2) / (n * np.pi) ** 2
    kept = [share @ ((a - 2 * b * x) * np.cos(k * np.pi * x)) for k, a, b in zip(n, square, place, strict=True)]
    rest = 1 / 3 + share @ (x**2 - x)
    return rest + np.exp(-process.D * (n * np.pi) ** 2 * times[:, None]) @ np.array(kept)


def check(p: Parameters, result: Result, report: Report) -> None:
    report.bound("numbers_that_differ_in_any_bit", result.differing, at_most=0)
    for name, excess in result.first_mode.items():
        report.check(f"{name}_first_mode_fades_as_exp", excess, 0.0)


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 4, width=15, height=9.5, gridspec_kw={"height_ratios": [1.5, 1]})
    for ax in axes[0]:
        ax.remove()
    draw_film(fig.add_subplot(axes[0, 0].get_gridspec()[0, :]), result)
    panels = {
        "entropy": viz.label("entropy_per_coordinate"),
        "kl": viz.label("kl_per_coordinate"),
        "correlation": viz.label("correlation"),
        "msd": viz.say("MSD per coordinate", "MSD per coordinata"),
    }
    for ax, (column, title) in zip(axes[1], panels.items(), strict=True):
        draw_curves(ax, result, column)
        ax.set_title(title, fontsize="medium")
    axes[1, 1].set(yscale="log", ylim=(1e-5, None))
    axes[1, 0].legend(loc="lower right")
    axes[1, 3].legend(*[pair[:1] for pair in axes[1, 3].get_legend_handles_labels()], loc="upper left")
    return fig


def draw_film(ax, result: Result) -> None:
    """The drop above the digit, at the same times; ink is dark in both."""
    maps = result.maps.swapaxes(1, 2)[:, ::-1]
    darkest = np.maximum(maps.max((1, 2)), 2.5 * maps.mean((1, 2)))[:, None, None]
    pictures = np.kron(result.digit, np.ones((CELLS // 8, CELLS // 8)))
    frames = 1 - np.stack([maps / darkest, pictures], axis=1)
    row_labels = [viz.label("ink"), viz.say("image", "immagine")]
    viz.film(ax, frames, [f"$t = {t:.2g}$" for t in result.times], row_labels=row_labels)


def draw_curves(ax, result: Result, column: str) -> None:
    for name, label, color in (("ink", viz.label("ink"), "blue"), ("digits", viz.label("images"), "orange")):
        times, curve = result.curves.times, result.curves[name]
        if column == "msd":
            viz.theory(ax, times, result.exact_msd[name], viz.label("exact"))
        viz.with_errors(ax, times, list(getattr(curve, column)), label, color, markersize=6)
    ax.set(xscale="log", xlabel=viz.label("time"))


if __name__ == "__main__":
    run_script(__file__)
