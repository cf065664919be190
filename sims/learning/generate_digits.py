"""Handwritten digits come back out of noise: two small networks, trained on the spot, in the bowl and in the glass.

A multilayer perceptron learns the score of noised 8x8 digits, once for the usual process that ends Gaussian and
once for ink in the glass [0, 1] that ends uniform. From fresh noise the reverse walk makes digits that were never
written. They are judged by what no network saw: 30 % of the digits are held out of training, and real is set
against real as the floor. The Frechet distance compares means and covariances only, so beside it stands a cloud of
Gaussian points that has both and is no digit: the distance does not see that, classes and nearest neighbours do.

Reference: M. Heusel et al., GANs trained by a two time-scale update rule (2017), for the Frechet distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script


@dataclass(frozen=True)
class Parameters:
    steps_bowl: int = 3000
    """training steps of the Gaussian process"""
    steps_glass: int = 3000
    """training steps of the reflected process"""
    samples: int = 1000
    """digits generated"""
    frechet_bowl: float = 0.125
    """largest Frechet distance allowed, Gaussian process"""
    frechet_glass: float = 0.135
    """largest Frechet distance allowed, reflected process"""
    class_p: float = 0.01
    """least p-value of the class histogram"""
    nearest_least: float = 0.9
    """least distance to the nearest training image, over that of digits never seen"""
    nearest_most: float = 1.2
    """largest such ratio"""
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {
    "steps_bowl": 100, "steps_glass": 100, "samples": 200, "frechet_bowl": 2.0, "frechet_glass": 2.0, "class_p": 0.0,
    "nearest_least": 0.0, "nearest_most": 9.0,
}  # fmt: skip
TOUR = {"steps_bowl": 800, "steps_glass": 1200, "frechet_bowl": 0.17, "frechet_glass": 0.22, "class_p": 1e-3}
LIMITS = {"samples": (50, None), "class_p": (0, 1), "nearest_least": (0, None)}
COPIES = 20  # sets of them, to know the scatter
MOMENTS = (0, 60, 80, 100, 115, 130, 145, 160)  # of a walk of 200 steps, besides the last
DENOISED = (0.1, 0.25, 0.5)  # times


@dataclass(frozen=True)
class Quality:
    """How points stand to real digits: Frechet distance, p-value of the classes, nearest training image."""

    frechet: float
    class_p: float
    nearest: float


@dataclass(frozen=True)
class Generated:
    """What the score of one process makes: samples (n, 64), their quality, and a film (9, 4, 8, 8) of its times."""

    x: np.ndarray
    quality: Quality
    times: np.ndarray
    film: np.ndarray


@dataclass(frozen=True)
class Result:
    bowl: Generated
    """by the process that ends Gaussian"""
    glass: Generated
    """by the process that ends uniform"""
    denoised: np.ndarray
    """(9, 1, 8, 8) at three times: noisy image, predicted noise, what the network believes was there"""
    real: np.ndarray
    """digits held out of the training"""
    image_shape: tuple[int, ...]
    floor: float
    """Frechet distance of real digits from real digits"""
    copies: np.ndarray
    """(20,) Frechet distances that a copier of training digits would have"""
    cloud: Quality
    """of Gaussian points with the mean and covariance of digits"""


def compute(p: Parameters) -> Result:
    train, held_out = ink.datasets.digits().split(test_size=0.3, random_state=0)
    bowl = ink.fit(ink.VariancePreserving.linear(), train, steps=p.steps_bowl, seed=p.seed)
    glass = ink.fit(ink.VarianceExploding(0.01, 1.5, ink.Box(0, 1)), train, steps=p.steps_glass, seed=p.seed)
    floor, shape = ink.frechet_distance(train, held_out).value, held_out.image_shape
    return Result(
        generate(bowl, train, held_out, p), generate(glass, train, held_out, p), denoise(bowl, held_out, p),
        held_out.x, shape, floor, copied(train, held_out, p), quality(gaussian_cloud(train, p), train, held_out),
    )  # fmt: skip


def generate(score: ink.LearnedScore, train, held_out, p: Parameters) -> Generated:
    """Samples, and four digits appearing: nine moments of one walk back with fresh noise."""
    x, times = score.sample(p.samples, seed=p.seed), score.times(200)
    start = score.process.prior(float(times[0])).sample(4, score.d, seed=p.seed + 1)
    walk = ink.reverse(score.process, score, start, times, seed=p.seed + 1)
    moments = [*MOMENTS, len(times) - 1]
    frames = score.decode(walk.x[moments]).reshape(len(moments), 4, *score.image_shape)
    return Generated(x, quality(x, train, held_out), times[moments], np.clip(frames, 0, 1))


def quality(x: np.ndarray, train: ink.datasets.Dataset, held_out: ink.datasets.Dataset) -> Quality:
    nearest = ink.nearest_distance_ratio(x, train, held_out).value
    return Quality(ink.frechet_distance(x, held_out).value, ink.class_histogram(x, train).p_value, nearest)


def denoise(score: ink.LearnedScore, held_out, p: Parameters) -> np.ndarray:
    """Noisy image - predicted noise = what the network believes was there, at three noise levels."""
    process, clean, panels = score.process, score.encode(held_out.x[:1]), []
    for k, t in enumerate(DENOISED):
        x_t = ink.diffuse(process, clean, t, seed=p.seed + 2, step=k)
        alpha, sigma = process.alpha(t), process.sigma(t)
        noise = -sigma * score(x_t, t)
        panels += [score.decode(x_t / alpha), score.decode(noise), score.decode((x_t - sigma * noise) / alpha)]
    return np.clip(np.stack(panels), 0, 1).reshape(len(panels), 1, *score.image_shape)


def copied(train, held_out, p: Parameters) -> np.ndarray:
    """Frechet distances of as many training digits drawn independently, with replacement: what a copier would get.

    The whole training set has each digit once, and so less chance in it than independent draws have.
    """
    rows = (ink.uniform(COPIES * p.samples, seed=p.seed) * len(train)).astype(int).reshape(COPIES, p.samples)
    return np.array([ink.frechet_distance(train.x[row], held_out).value for row in rows])


def gaussian_cloud(train, p: Parameters) -> np.ndarray:
    """As many points of the normal distribution that has the training digits' mean and covariance."""
    variances, axes = np.linalg.eigh(np.cov(train.x.T))
    z = ink.normal(p.samples * train.d, seed=p.seed, stream=ink.Stream.DATA).reshape(p.samples, train.d)
    return train.x.mean(0) + z * np.sqrt(np.maximum(variances, 0)) @ axes.T


def check(p: Parameters, result: Result, report: Report) -> None:
    for name, one, most in (("bowl", result.bowl, p.frechet_bowl), ("glass", result.glass, p.frechet_glass)):
        report.bound(f"{name}_frechet_distance", one.quality.frechet, at_most=most)
        report.bound(f"{name}_class_histogram_p", one.quality.class_p, at_least=p.class_p)
        nearest = one.quality.nearest
        report.bound(f"{name}_nearest_training_image_over_held_out", nearest, at_least=p.nearest_least)
        report.bound(f"{name}_nearest_training_image_over_held_out", nearest, at_most=p.nearest_most)
    low, middle, high = np.quantile(result.copies, (0.05, 0.5, 0.95))
    report.sentence(
        f"Real digits against real digits have a Frechet distance of {result.floor:.3f}. A machine that only copied, "
        f"{p.samples} training digits drawn blindly, would have {middle:.3f} ({low:.3f} to {high:.3f}).",
        f"Tra cifre vere e cifre vere la distanza di Fréchet è {result.floor:.3f}. Una macchina che copiasse e basta, "
        f"{p.samples} cifre pescate a caso, avrebbe {middle:.3f} (da {low:.3f} a {high:.3f}).",
    )
    cloud = result.cloud
    report.bound("gaussian_cloud_nearest_training_image_over_held_out", cloud.nearest, at_least=1.3)
    report.sentence(
        f"A cloud of Gaussian points, which are no digits, has {cloud.frechet:.3f}, too, with their mean and "
        f"covariance. But its classes are wrong (p = {cloud.class_p:.0e}), and no point is near a digit "
        f"(ratio {cloud.nearest:.2f}).",
        f"Anche una nuvola gaussiana, che cifre non sono, ha {cloud.frechet:.3f}, se media e covarianza sono quelle "
        f"delle cifre. Ma le sue classi sono sbagliate (p = {cloud.class_p:.0e}) e nessun punto è vicino a una cifra "
        f"(rapporto {cloud.nearest:.2f}).",
    )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(4, 1, width=14, height=15.5, gridspec_kw={"height_ratios": [2, 2, 1.1, 2.2]})
    bowl = viz.say("in the bowl: from Gaussian noise to digits", "nella conca: dal rumore gaussiano alle cifre")
    glass = viz.say("in the glass: from uniform noise to digits", "nel bicchiere: dal rumore uniforme alle cifre")
    draw_film(axes[0, 0], result.bowl, bowl)
    draw_denoised(axes[2, 0], result)
    draw_film(axes[1, 0], result.glass, glass)
    draw_grids(fig, axes[3, 0], result)
    return fig


def draw_film(ax, one: Generated, title: str) -> None:
    viz.film(ax, one.film, [("" if i else "$t =$ ") + f"${t:.2g}$" for i, t in enumerate(one.times)])
    ax.tick_params(labelsize="large")
    ax.set_title(title)


def draw_denoised(ax, result: Result) -> None:
    noise, labels = viz.say("predicted noise", "rumore previsto"), []
    for t in DENOISED:
        labels += [f"$x_t$, $t = {t}$", f"$-$ {noise}", r"$= \hat x_0$"]
    viz.film(ax, result.denoised, labels)
    ax.set_title(viz.say("noisy minus predicted noise", "immagine meno rumore previsto"))


def draw_grids(fig, ax, result: Result) -> None:
    """Real digits, and generated ones."""
    ax.remove()
    grid = ax.get_gridspec()[3, 0].subgridspec(1, 3)
    columns = (
        (result.real, viz.say("real, held out", "vere, mai viste")),
        (result.bowl.x, viz.say("generated in the bowl", "generate nella conca")),
        (result.glass.x, viz.say("generated in the glass", "generate nel bicchiere")),
    )
    for k, (x, title) in enumerate(columns):
        panel = fig.add_subplot(grid[0, k])
        viz.images(panel, np.clip(x, 0, 1), result.image_shape, 6, 10)
        panel.set_title(title)


if __name__ == "__main__":
    run_script(__file__)
