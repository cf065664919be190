"""A network learns the score of a cloud of points; field and samples stand beside the exact ones.

Eight Gaussians on a circle diffuse to one round cloud; their exact score is known at every time (a mixture stays a
mixture). A small network sees only noisy points and the noise that was added, and learns the same field. Walking
back with either, noise becomes eight clusters again.

Reference: Y. Song et al., Score-based generative modeling through stochastic differential equations (2021).
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
GRID = np.linspace(-2.4, 2.4, 15)  # where arrows begin, along each axis
SHOWN = 1500  # points of a cloud


@dataclass(frozen=True)
class Cloud:
    """Points (n, 2) on their way back at time t, and the score at the points of the grid (225, 2)."""

    t: float
    x: np.ndarray
    score: np.ndarray


@dataclass(frozen=True)
class Result:
    exact: list[Cloud]
    """walked back with the exact score, from noise to data"""
    learned: list[Cloud]
    """walked back with the learned one"""
    distance: float
    """energy distance from the points generated to fresh data"""
    floor: float
    """energy distance from other data to fresh data"""
    shares: np.ndarray
    """(8,) shares of the points generated that are in each cluster"""
    score_error: float
    """relative root mean square difference of the scores, averaged over all noise levels"""


def compute(p: Parameters) -> Result:
    process = ink.VariancePreserving.linear()
    data = ink.datasets.eight_gaussians(p.points, p.seed)
    learned = ink.fit(process, data, steps=p.steps, seed=p.seed)
    exact = exact_score(process, learned)
    generated = learned.sample(p.samples, seed=p.seed)
    fresh, other = (ink.datasets.eight_gaussians(p.samples, p.seed + k).x for k in (1, 2))
    distance, floor = ink.energy_distance(generated, fresh).value, ink.energy_distance(other, fresh).value
    shares = np.bincount(nearest_cluster(generated), minlength=8) / p.samples
    clouds = (walk_back(score, learned, p) for score in (exact, learned))
    return Result(*clouds, distance, floor, shares, score_error(learned, exact, data, p))


def exact_score(process: ink.VariancePreserving, learned: ink.LearnedScore) -> ink.MixtureScore:
    """The mixture that the data were drawn from, in the coordinates of the process."""
    angle = 2 * np.pi * np.arange(8) / 8
    centres = RADIUS * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    one = learned.encode(np.array([[0.0, 0.0], [SD, 0.0]]))
    return ink.MixtureScore(process, np.ones(8), learned.encode(centres), (one[1, 0] - one[0, 0]) ** 2)


def nearest_cluster(x: np.ndarray) -> np.ndarray:
    return np.rint(np.arctan2(x[:, 1], x[:, 0]) / (np.pi / 4)).astype(int) % 8


def walk_back(score: ink.MixtureScore | ink.LearnedScore, learned: ink.LearnedScore, p: Parameters) -> list[Cloud]:
    """From noise to data with either score; the clouds at four times, in the units of the data."""
    process, times = learned.process, learned.times(100)
    start = process.prior(1.0).sample(p.samples, 2, seed=p.seed)
    shown = [0, *(int(np.argmin(abs(process.sigma(times[1:-1]) - s))) + 1 for s in (0.8, 0.35)), len(times) - 1]
    walk = ink.reverse(process, score, start, times[:-1], seed=p.seed, sampler="heun")
    last = ink.reverse(process, score, walk.last, times[-2:], seed=p.seed, first_step=walk.next_step).last
    points = np.stack(np.meshgrid(GRID, GRID, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.float32)
    clouds = []
    for i in shown:
        x, t = (walk.x[i], times[i]) if i < len(walk.x) else (last, times[-2])  # no score at t = 0
        clouds.append(Cloud(times[i], learned.decode(x[:SHOWN]), score(learned.encode(points), t)))
    return clouds


def score_error(learned: ink.LearnedScore, exact: ink.MixtureScore, data: ink.datasets.Dataset, p: Parameters) -> float:
    """Relative root mean square difference of the scores on noised data, over equal parts of the level."""
    clean = learned.encode(data.x[:1000])
    ratios = []
    for k, t in enumerate(learned.times(20)[:-1]):
        x_t = ink.diffuse(learned.process, clean, t, seed=p.seed, step=k + 1)
        u = exact(x_t, t)
        ratios.append(np.sqrt(((learned(x_t, t) - u) ** 2).mean() / (u**2).mean()))
    return float(np.mean(ratios))


def check(p: Parameters, result: Result, report: Report) -> None:
    ratio = result.distance / result.floor
    report.bound("energy_distance_over_real_against_real", ratio, at_most=p.distance_ratio)
    report.bound("smallest_share_of_a_cluster_times_8", 8 * result.shares.min(), at_least=0.5)
    percent = f"{100 * result.score_error:.0f} %"
    report.sentence(
        f"The learned score differs from the exact one by {percent} of its size, averaged over all noise levels.",
        f"Lo score appreso differisce da quello esatto del {percent}, in media su tutti i livelli di rumore.",
    )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 4, width=15, aspect=1.0)
    rows = (result.exact, viz.label("exact")), (result.learned, viz.say("learned", "appreso"))
    for panels, (clouds, name) in zip(axes, rows, strict=True):
        for ax, cloud in zip(panels, clouds, strict=True):
            draw_cloud(ax, cloud)
        panels[0].set_ylabel(f"{name}\n$y$", fontsize="large")
    for upper, lower, cloud in zip(*axes, result.exact, strict=True):
        upper.set_title(f"$t = {cloud.t:.2g}$")
        lower.set_xlabel("$x$")
    fig.suptitle(viz.say("dots: points; arrows: direction of the score", "punti, e frecce: direzione dello score"))
    return fig


def draw_cloud(ax, cloud: Cloud) -> None:
    """Points, and the score as arrows of equal length."""
    viz.scatter(ax, cloud.x, color="blue")
    viz.vectors(ax, GRID, GRID, cloud.score, unit_length=True, color="grey", scale=22)
    ax.set(xlim=(-2.7, 2.7), ylim=(-2.7, 2.7), xticks=[-2, 0, 2], yticks=[-2, 0, 2])


if __name__ == "__main__":
    run_script(__file__)
