"""Handwritten digits come back out of noise: two small networks, trained on the spot, in the bowl and in the glass.

A multilayer perceptron learns the score of noised 8x8 digits, once for the usual process that ends Gaussian and
once for ink in the glass [0, 1] that ends uniform. From fresh noise the reverse walk makes digits that were never
written. They are judged by what no network saw: 30 % of the digits are held out of training, and real is set
against real as the floor. The Frechet distance compares means and covariances only, so beside it stands a cloud of
Gaussian points that has both and is no digit: the distance does not see that, classes and nearest neighbours do.
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
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {
    "steps_bowl": 100, "steps_glass": 100, "samples": 200, "frechet_bowl": 2.0, "frechet_glass": 2.0, "class_p": 0.0,
}  # fmt: skip
TOUR = {"steps_bowl": 800, "steps_glass": 1200, "frechet_bowl": 0.17, "frechet_glass": 0.22, "class_p": 1e-3}
LIMITS = {"samples": (50, None), "class_p": (0, 1)}
COPIES = 20  # sets of them, to know the scatter


def run(p: Parameters, report: Report) -> None:
    train, held_out = ink.datasets.digits().split(test_size=0.3, random_state=0)
    bowl = ink.VariancePreserving.linear()
    glass = ink.VarianceExploding(0.01, 1.5, ink.Box(0, 1))
    fig, axes = viz.figure(4, 1, width=14, height=15.5, gridspec_kw={"height_ratios": [2, 2, 1.1, 2.2]})
    generated = {}
    for ax, name, process, steps, bound in (
        (axes[0, 0], "bowl", bowl, p.steps_bowl, p.frechet_bowl),
        (axes[1, 0], "glass", glass, p.steps_glass, p.frechet_glass),
    ):
        score = ink.fit(process, train, steps=steps, seed=p.seed)
        generated[name] = score.sample(p.samples, seed=p.seed)
        judge(report, name, generated[name], train, held_out, bound, p)
        draw_film(ax, score, p)
        if name == "bowl":
            draw_denoising(axes[2, 0], score, held_out, p)
    floor, copies = ink.frechet_distance(train, held_out).value, copied(train, held_out, p)
    low, middle, high = np.quantile(copies, (0.05, 0.5, 0.95))
    report.sentence(
        f"Real digits against real digits have a Frechet distance of {floor:.3f}. A machine that only copied, "
        f"{p.samples} training digits drawn blindly, would have {middle:.3f} ({low:.3f} to {high:.3f}).",
        f"Tra cifre vere e cifre vere la distanza di Fréchet è {floor:.3f}. Una macchina che copiasse e basta, "
        f"{p.samples} cifre pescate a caso, avrebbe {middle:.3f} (da {low:.3f} a {high:.3f}).",
    )
    cloud = gaussian_cloud(train, p)
    distance, p_value = ink.frechet_distance(cloud, held_out).value, ink.class_histogram(cloud, train).p_value
    apart = ink.nearest_distance_ratio(cloud, train, held_out).value
    report.bound("gaussian_cloud_nearest_training_image_over_held_out", apart, at_least=1.3)
    report.sentence(
        f"A cloud of Gaussian points, which are no digits, has {distance:.3f}, too, with their mean and covariance. "
        f"But its classes are wrong (p = {p_value:.0e}), and no point is near a digit (ratio {apart:.2f}).",
        f"Anche una nuvola gaussiana, che cifre non sono, ha {distance:.3f}, se media e covarianza sono quelle delle "
        f"cifre. Ma le sue classi sono sbagliate (p = {p_value:.0e}) e nessun punto è vicino a una cifra "
        f"(rapporto {apart:.2f}).",
    )
    draw_grids(fig, axes[3, 0], generated, held_out)
    report.figure(fig)


def judge(report: Report, name: str, x, train, held_out, bound: float, p: Parameters) -> None:
    """Frechet distance, classes and nearest neighbours of the samples."""
    report.bound(f"{name}_frechet_distance", ink.frechet_distance(x, held_out), at_most=bound)
    report.bound(f"{name}_class_histogram_p", ink.class_histogram(x, train).p_value, at_least=p.class_p)
    nearest = ink.nearest_distance_ratio(x, train, held_out).value
    report.bound(f"{name}_nearest_training_image_over_held_out", nearest, at_least=0.0 if report.quick else 0.9)
    report.bound(f"{name}_nearest_training_image_over_held_out", nearest, at_most=9.0 if report.quick else 1.2)


def copied(train, held_out, p: Parameters) -> list[float]:
    """Frechet distances of as many training digits drawn independently, with replacement: what a copier would get.

    The whole training set has each digit once, and so less chance in it than independent draws have.
    """
    rows = (ink.uniform(COPIES * p.samples, seed=p.seed) * len(train)).astype(int).reshape(COPIES, p.samples)
    return [ink.frechet_distance(train.x[row], held_out).value for row in rows]


def gaussian_cloud(train, p: Parameters) -> np.ndarray:
    """As many points of the normal distribution that has the training digits' mean and covariance."""
    variances, axes = np.linalg.eigh(np.cov(train.x.T))
    z = ink.normal(p.samples * train.d, seed=p.seed, stream=ink.Stream.DATA).reshape(p.samples, train.d)
    return train.x.mean(0) + z * np.sqrt(np.maximum(variances, 0)) @ axes.T


def draw_film(ax, score: ink.LearnedScore, p: Parameters) -> None:
    """Four digits appearing: nine moments of one walk back with fresh noise."""
    times = score.times(200)
    start = score.process.prior(float(times[0])).sample(4, score.d, seed=p.seed + 1)
    walk = ink.reverse(score.process, score, start, times, seed=p.seed + 1)
    moments = [0, 60, 80, 100, 115, 130, 145, 160, len(times) - 1]
    frames = score.decode(walk.x[moments]).reshape(len(moments), 4, *score.image_shape)
    viz.film(ax, np.clip(frames, 0, 1), [("" if i else "$t =$ ") + f"${times[i]:.2g}$" for i in moments])
    ax.tick_params(labelsize="large")
    bowl = score.process.equilibrium is not None and not isinstance(score.process.domain, ink.Box)
    ax.set_title(
        viz.say("in the bowl: from Gaussian noise to digits", "nella conca: dal rumore gaussiano alle cifre")
        if bowl
        else viz.say("in the glass: from uniform noise to digits", "nel bicchiere: dal rumore uniforme alle cifre")
    )


def draw_denoising(ax, score: ink.LearnedScore, held_out, p: Parameters) -> None:
    """Noisy image - predicted noise = what the network believes was there, at three noise levels."""
    process, clean = score.process, score.encode(held_out.x[:1])
    panels, labels = [], []
    for k, t in enumerate((0.1, 0.25, 0.5)):
        x_t = ink.diffuse(process, clean, t, seed=p.seed + 2, step=k)
        alpha, sigma = process.alpha(t), process.sigma(t)
        noise = -sigma * score(x_t, t)
        panels += [score.decode(x_t / alpha), score.decode(noise), score.decode((x_t - sigma * noise) / alpha)]
        labels += [f"$x_t$, $t = {t}$", "$-$ " + viz.label("predicted_noise"), r"$= \hat x_0$"]
    viz.film(ax, np.clip(np.stack(panels), 0, 1).reshape(len(panels), 1, *score.image_shape), labels)
    ax.set_title(viz.label("denoised"))


def draw_grids(fig, ax, generated, held_out) -> None:
    """Real digits, and generated ones."""
    ax.remove()
    grid = ax.get_gridspec()[3, 0].subgridspec(1, 3)
    columns = (
        (held_out.x, viz.say("real, held out", "vere, mai viste")),
        (generated["bowl"], viz.say("generated in the bowl", "generate nella conca")),
        (generated["glass"], viz.say("generated in the glass", "generate nel bicchiere")),
    )
    for k, (x, title) in enumerate(columns):
        panel = fig.add_subplot(grid[0, k])
        viz.images(panel, np.clip(x, 0, 1), held_out.image_shape, 6, 10)
        panel.set_title(title)


if __name__ == "__main__":
    run_script(__file__)
