"""Image + noise = noisier image, for t = 1, 2, ..., 1000: a handwritten digit dissolves, in two kinds of glass.

The forward process of diffusion models is known, not learned: x_t = sqrt(1 - beta_t) x_(t-1) + sqrt(beta_t) eps. Each
step dims the image a little and adds noise; after 1000 steps 0.6 % of its contrast is left under the noise. Let the
pixels instead wander like ink in the glass [0, 1] and each ends uniform and independent of all others: white noise,
pixels of random grey.
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
    copies: int = 30
    """how often each of the 1797 digits is noised for the statistics"""
    digit: int = 3
    """the digit shown"""
    image: Path | None = None
    """a PNG or JPG to show instead of the digit"""
    sigma_max: float = 2.0
    """final noise of the glass process, in units of the grey range"""
    seed: int = 0
    """64-bit seed of all noise"""


QUICK = {"copies": 3}
TOUR = {"copies": 15}
LIMITS = {"digit": (0, 9), "sigma_max": (0.02, None)}


def run(p: Parameters, report: Report) -> None:
    digits = ink.datasets.digits()
    shown = ink.datasets.image(p.image, size=128) if p.image else digits
    one = shown.x[:1] if p.image else digits.x[digits.y == p.digit][:1]
    bowl = ink.VariancePreserving.ddpm(T=1000)
    glass = ink.VarianceExploding(0.01, p.sigma_max, ink.Box(0, 1))
    many = np.tile(digits.x, (p.copies, 1))

    chain = ink.simulate(bowl, 2 * one - 1, np.arange(1001), seed=p.seed).x[:, 0]
    stirred = ink.simulate(glass, one, np.linspace(0, 1, 1001), seed=p.seed).x[:, 0]
    check_bowl(bowl, 2 * many - 1, p, report)
    final = ink.diffuse(glass, many, 1.0, seed=p.seed)
    check_glass(glass, final, report)

    fig, axes = viz.figure(4, 1, width=13, height=10.5, gridspec_kw={"height_ratios": [1, 1, 1, 1.6]})
    moments = (0, 10, 50, 150, 300, 400, 500, 700, 1000)
    draw_sum(axes[0, 0], chain, bowl, shown.image_shape)
    for ax, frames, times, limits, title in (
        (axes[1, 0], chain, moments, (-1.5, 1.5),
         viz.say("in the harmonic bowl: ends Gaussian", "nella conca armonica: finisce gaussiana")),
        (axes[2, 0], stirred, moments, (0, 1),
         viz.say("in the glass [0, 1]: ends uniform", "nel bicchiere [0, 1]: finisce uniforme")),
    ):  # fmt: skip
        strip = frames[list(times)].reshape(len(times), 1, *shown.image_shape)
        viz.film(ax, strip, [f"$t = {t}$" for t in times], limits=limits)
        ax.set_title(title)
    axes[3, 0].remove()
    grid = axes[3, 0].get_gridspec()[3, 0].subgridspec(1, 2)
    draw_pixels(fig.add_subplot(grid[0]), ink.diffuse(bowl, 2 * many - 1, 1000, seed=p.seed), (-4, 4), bowl)
    draw_pixels(fig.add_subplot(grid[1]), final, (0, 1), glass)
    report.figure(fig)


def check_bowl(bowl, many, p: Parameters, report: Report) -> None:
    """What is left of the contrast, alpha_t, and mean and variance of what was added, in units of sigma_t."""
    contrast = (many - many.mean()).astype(np.float64)
    power = (contrast**2).sum()
    for t in (1, 250, 1000):
        x_t = ink.diffuse(bowl, many, t, seed=p.seed + t)
        left = ink.Estimate((contrast * x_t).sum() / power, bowl.sigma(t) / np.sqrt(power))
        report.check(f"ddpm_contrast_left_t{t}", left, bowl.alpha(t))
        rest = ((x_t - bowl.alpha(t) * many) / bowl.sigma(t)).astype(np.float64).ravel()
        report.check(f"ddpm_noise_mean_t{t}", ink.Estimate(rest.mean(), 1 / np.sqrt(rest.size)), 0.0)
        report.check(f"ddpm_noise_variance_t{t}", ink.Estimate(rest.var(), np.sqrt(2 / rest.size)), 1.0)


def check_glass(glass, final, report: Report) -> None:
    """Each pixel uniform (KL = 0), and neighbours independent (correlation 0)."""
    report.check("glass_kl_to_uniform", ink.kl_to_equilibrium(final.reshape(-1, 1), glass, bins=64), 0.0)
    centred = (final - 0.5).astype(np.float64)
    product = 12 * (centred[:, 27] * centred[:, 28])  # two pixels in the middle, of variance 1/12 each
    report.check(
        "glass_neighbours_correlation", ink.Estimate(product.mean(), product.std() / np.sqrt(len(product))), 0.0
    )


def draw_sum(ax, chain, bowl, shape) -> None:
    """image + noise = noisier image, three times over."""
    steps = (1, 2, 1000)
    panels, symbols = [], []
    for t in steps:
        a, variance = bowl.transition(float(t - 1), float(t))
        before, after = a * chain[t - 1], chain[t]
        panels += [before, (after - before) / np.sqrt(variance), after]
        noise = f"$+\\ {np.sqrt(variance):.2g}\\,\\times$ " + viz.label("noise")
        dimmed = f"{a:.2g}\\," if a < 0.995 else ""
        symbols += [f"${dimmed}x_{{{t - 1}}}$", noise, f"$= x_{{{t}}}$"]
    viz.film(ax, np.stack(panels).reshape(len(panels), 1, *shape), symbols, limits=(-1.5, 1.5))
    ax.set_title(viz.say("image + noise = noisier image", "immagine + rumore = immagine più rumorosa"))


def draw_pixels(ax, x, limits, process) -> None:
    grid = np.linspace(*limits, 201)
    label = viz.say("all pixels, $t = 1000$", "tutti i pixel, $t = 1000$")
    ax.hist(x.ravel(), bins=64, range=limits, density=True, color="#56B4E9", label=label)
    density = np.exp(process.equilibrium.log_density(grid[:, None]))
    viz.theory(ax, grid, density, viz.label("equilibrium"), linewidth=2.5)
    ax.set(xlabel=viz.label("pixel"), ylabel=viz.label("density"), ylim=(0, 1.45 * density.max()))
    ax.legend(loc="upper center", ncols=2)


if __name__ == "__main__":
    run_script(__file__)
