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
BOWL_TIMES = (1, 250, 1000)  # at which the statistics of the digits are checked
SHOWN = (0, 10, 50, 150, 300, 400, 500, 700, 1000)  # steps of the film strips
SUMS = (1, 2, 1000)  # steps shown as image + noise = noisier image


@dataclass(frozen=True)
class Noised:
    """Digits noised at once to step t of the bowl, x_t = alpha_t x_0 + sigma_t eps."""

    t: int
    contrast: ink.Estimate
    """what is left of it, alpha_t"""
    noise: np.ndarray
    """(x_t - alpha_t x_0)/sigma_t of all pixels"""


@dataclass(frozen=True)
class Result:
    bowl: ink.VariancePreserving
    """the schedule of DDPM, 1000 steps"""
    glass: ink.VarianceExploding
    image_shape: tuple[int, ...]
    chain: np.ndarray
    """(1001, d) one image in the bowl, step by step"""
    stirred: np.ndarray
    """(1001, d) the same image in the glass"""
    noised: list[Noised]
    """many digits in the bowl, at BOWL_TIMES"""
    ends: dict[str, np.ndarray]
    """in "bowl" and "glass" the same digits at the end, (n, d)"""


def compute(p: Parameters) -> Result:
    digits = ink.datasets.digits()
    shown = ink.datasets.image(p.image, size=128) if p.image else digits
    one = shown.x[:1] if p.image else digits.x[digits.y == p.digit][:1]
    bowl = ink.VariancePreserving.ddpm(T=1000)
    glass = ink.VarianceExploding(0.01, p.sigma_max, ink.Box(0, 1))
    many = np.tile(digits.x, (p.copies, 1))

    chain = ink.simulate(bowl, 2 * one - 1, np.arange(1001), seed=p.seed).x[:, 0]
    stirred = ink.simulate(glass, one, np.linspace(0, 1, 1001), seed=p.seed).x[:, 0]
    noised = [noise_at_once(bowl, 2 * many - 1, t, p) for t in BOWL_TIMES]
    ends = {
        "bowl": ink.diffuse(bowl, 2 * many - 1, 1000, seed=p.seed),
        "glass": ink.diffuse(glass, many, 1.0, seed=p.seed),
    }
    return Result(bowl, glass, shown.image_shape, chain, stirred, noised, ends)


def noise_at_once(bowl: ink.VariancePreserving, x_0: np.ndarray, t: int, p: Parameters) -> Noised:
    contrast = (x_0 - x_0.mean()).astype(np.float64)
    power = (contrast**2).sum()
    x_t = ink.diffuse(bowl, x_0, t, seed=p.seed + t)
    left = ink.Estimate((contrast * x_t).sum() / power, bowl.sigma(t) / np.sqrt(power))
    noise = ((x_t - bowl.alpha(t) * x_0) / bowl.sigma(t)).astype(np.float64).ravel()
    return Noised(t, left, noise)


def check(p: Parameters, result: Result, report: Report) -> None:
    for one in result.noised:
        report.check(f"ddpm_contrast_left_t{one.t}", one.contrast, result.bowl.alpha(one.t))
        mean = ink.Estimate(one.noise.mean(), 1 / np.sqrt(one.noise.size))
        report.check(f"ddpm_noise_mean_t{one.t}", mean, 0.0)
        variance = ink.Estimate(one.noise.var(), np.sqrt(2 / one.noise.size))
        report.check(f"ddpm_noise_variance_t{one.t}", variance, 1.0)
    # in the glass each pixel ends uniform (KL = 0), and neighbours independent (correlation 0)
    final = result.ends["glass"]
    report.check("glass_kl_to_uniform", ink.kl_to_equilibrium(final.reshape(-1, 1), result.glass, bins=64), 0.0)
    centred = (final - 0.5).astype(np.float64)
    product = 12 * (centred[:, 27] * centred[:, 28])  # two pixels in the middle, of variance 1/12 each
    correlation = ink.Estimate(product.mean(), product.std() / np.sqrt(len(product)))
    report.check("glass_neighbours_correlation", correlation, 0.0)


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(4, 1, width=13, height=10.5, gridspec_kw={"height_ratios": [1, 1, 1, 1.6]})
    draw_sums(axes[0, 0], result)
    draw_film(axes[1, 0], result.chain, result.image_shape, (-1.5, 1.5))
    axes[1, 0].set_title(viz.say("in the harmonic bowl: ends Gaussian", "nella conca armonica: finisce gaussiana"))
    draw_film(axes[2, 0], result.stirred, result.image_shape, (0, 1))
    axes[2, 0].set_title(viz.say("in the glass [0, 1]: ends uniform", "nel bicchiere [0, 1]: finisce uniforme"))
    axes[3, 0].remove()
    left, right = axes[3, 0].get_gridspec()[3, 0].subgridspec(1, 2)
    draw_pixels(fig.add_subplot(left), result.ends["bowl"], (-4, 4), result.bowl)
    draw_pixels(fig.add_subplot(right), result.ends["glass"], (0, 1), result.glass)
    return fig


def draw_sums(ax, result: Result) -> None:
    """image + noise = noisier image, three times over."""
    panels, symbols = [], []
    for t in SUMS:
        a, variance = result.bowl.transition(float(t - 1), float(t))
        before, after = a * result.chain[t - 1], result.chain[t]
        panels += [before, (after - before) / np.sqrt(variance), after]
        noise = f"$+\\ {np.sqrt(variance):.2g}\\,\\times$ " + viz.say("noise", "rumore")
        dimmed = f"{a:.2g}\\," if a < 0.995 else ""
        symbols += [f"${dimmed}x_{{{t - 1}}}$", noise, f"$= x_{{{t}}}$"]
    frames = np.stack(panels).reshape(len(panels), 1, *result.image_shape)
    viz.film(ax, frames, symbols, limits=(-1.5, 1.5))
    ax.set_title(viz.say("image + noise = noisier image", "immagine + rumore = immagine più rumorosa"))


def draw_film(ax, images: np.ndarray, image_shape: tuple[int, ...], limits: tuple[float, float]) -> None:
    frames = images[list(SHOWN)].reshape(len(SHOWN), 1, *image_shape)
    viz.film(ax, frames, [f"$t = {t}$" for t in SHOWN], limits=limits)


def draw_pixels(ax, x: np.ndarray, limits: tuple[float, float], process: ink.Process) -> None:
    """Values of all pixels at the end, and the density of equilibrium."""
    grid = np.linspace(*limits, 201)
    label = viz.say("all pixels, $t = 1000$", "tutti i pixel, $t = 1000$")
    ax.hist(x.ravel(), bins=64, range=limits, density=True, color=viz.COLORS["sky"], label=label)
    density = np.exp(process.equilibrium.log_density(grid[:, None]))
    viz.theory(ax, grid, density, viz.label("equilibrium"), linewidth=2.5)
    ax.set(xlabel=viz.say("pixel value", "valore del pixel"), ylabel=viz.label("density"))
    ax.set_ylim(0, 1.45 * density.max())
    ax.legend(loc="upper center", ncols=2)


if __name__ == "__main__":
    run_script(__file__)
