"""A network learns the score of a cloud of points; field and samples stand beside the exact ones.

Eight Gaussians on a circle diffuse to one round cloud; their exact score is known at every time (a mixture stays a
mixture). A small network sees only noisy points and the noise that was added, and learns the same field. Walking
back with either, noise becomes eight clusters again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script


@dataclass(frozen=True)
class Parameters:
    points: int = 20_000
    """training points"""
    steps: int = 3000
    """training steps"""
    samples: int = 4000
    """points generated"""
    distance_ratio: float = 3.0
    """largest energy distance to fresh data allowed, in units of real against real"""
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {"points": 2000, "steps": 150, "samples": 1000, "distance_ratio": 100.0}
TOUR = {"steps": 400, "distance_ratio": 8.0}
LIMITS = {"points": (100, None), "samples": (100, None)}
RADIUS, SD = 1.5, 0.1


def run(p: Parameters, report: Report) -> None:
    process = ink.VariancePreserving.linear()
    data = ink.datasets.eight_gaussians(p.points, p.seed)
    learned = ink.fit(process, data, steps=p.steps, seed=p.seed)
    exact = exact_score(process, learned)
    generated = learned.sample(p.samples, seed=p.seed)

    fresh, other = (ink.datasets.eight_gaussians(p.samples, p.seed + k).x for k in (1, 2))
    distance, floor = ink.energy_distance(generated, fresh).value, ink.energy_distance(other, fresh).value
    report.bound("energy_distance_over_real_against_real", distance / floor, at_most=p.distance_ratio)
    share = np.bincount(nearest_cluster(generated), minlength=8) / p.samples
    report.bound("smallest_share_of_a_cluster_times_8", 8 * share.min(), at_least=0.5)

    fig, axes = viz.figure(2, 4, width=15, aspect=1.0)
    times = learned.times(100)
    start = process.prior(1.0).sample(p.samples, 2, seed=p.seed)
    shown = [0, *(int(np.argmin(abs(process.sigma(times[1:-1]) - s))) + 1 for s in (0.8, 0.35)), len(times) - 1]
    for row, (score, name) in enumerate(((exact, viz.label("exact")), (learned, viz.label("learned")))):
        walk = ink.reverse(process, score, start, times[:-1], seed=p.seed, sampler="heun")
        last = ink.reverse(process, score, walk.last, times[-2:], seed=p.seed, first_step=walk.next_step).last
        for column, i in enumerate(shown):
            ax = axes[row, column]
            t = times[min(i, len(times) - 2)]
            draw_cloud(ax, learned, walk.x[i] if i < len(walk.x) else last, score, t)
            if row == 0:
                ax.set_title(f"$t = {times[i]:.2g}$")
        axes[row, 0].set_ylabel(f"{name}\n$y$", fontsize="large")
    for ax in axes[1]:
        ax.set_xlabel("$x$")
    fig.suptitle(viz.say("dots: points; arrows: direction of the score", "punti, e frecce: direzione dello score"))
    report.figure(fig)
    error = score_error(learned, exact, process, data, p)
    percent = f"{100 * error:.0f} %"
    report.sentence(
        f"The learned score differs from the exact one by {percent} of its size, averaged over all noise levels.",
        f"Lo score appreso differisce da quello esatto del {percent}, in media su tutti i livelli di rumore.",
    )


def exact_score(process: ink.VariancePreserving, learned: ink.LearnedScore) -> ink.MixtureScore:
    """The mixture that the data were drawn from, in the coordinates of the process."""
    angle = 2 * np.pi * np.arange(8) / 8
    centres = RADIUS * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    one = learned.encode(np.array([[0.0, 0.0], [SD, 0.0]]))
    return ink.MixtureScore(process, np.ones(8), learned.encode(centres), (one[1, 0] - one[0, 0]) ** 2)


def nearest_cluster(x: np.ndarray) -> np.ndarray:
    return np.rint(np.arctan2(x[:, 1], x[:, 0]) / (np.pi / 4)).astype(int) % 8


def score_error(learned, exact, process, data, p: Parameters) -> float:
    """Relative root mean square difference of the scores on noised data, over equal parts of the level."""
    clean = learned.encode(data.x[:1000])
    ratios = []
    for k, t in enumerate(learned.times(20)[:-1]):
        x_t = ink.diffuse(process, clean, t, seed=p.seed, step=k + 1)
        u = exact(x_t, t)
        ratios.append(np.sqrt(((learned(x_t, t) - u) ** 2).mean() / (u**2).mean()))
    return float(np.mean(ratios))


def draw_cloud(ax, learned, x, score, t: float) -> None:
    """Points, and the score as arrows of equal length."""
    viz.scatter(ax, learned.decode(x[:1500]), color="blue")
    grid = np.linspace(-2.4, 2.4, 15)
    points = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.float32)
    viz.vectors(ax, grid, grid, score(learned.encode(points), t), unit_length=True, color="grey", scale=22)
    ax.set(xlim=(-2.7, 2.7), ylim=(-2.7, 2.7), xticks=[-2, 0, 2], yticks=[-2, 0, 2])


if __name__ == "__main__":
    run_script(__file__)
