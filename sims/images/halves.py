"""Half a digit: what the other half may be. A network that never met the digit draws its left half after the right.

Nothing new is learned for it: what is known goes its forward path, which is then walked back with it, and the rest
follows by the score of the whole. Every draw is another guess at what could have stood there. If the draws came from
p(left | right) exactly, the truth would be like one of them: as far from each as they are from one another, and of a
class as often as they are. Beside them stands the training digit whose right half is nearest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, progress, run_script


@dataclass(frozen=True)
class Parameters:
    steps: int = 5000
    """training steps of each score; trained once, then kept in the cache"""
    folds: int = 5
    """parts of the digits, each completed by a score trained on the others"""
    done: int = 5
    """how many of the parts are completed"""
    halves: int = 900
    """at most so many digits of each part"""
    walk: int = 25
    """steps of the walk back"""
    draws: int = 16
    """completions of each half"""
    corrections: int = 20
    """Langevin steps after each step of the walk"""
    noise: int = 24
    """draws of noise for the bound by which completions are weighed"""
    slack: float = 1.0
    """factor on the bounds"""
    seed: int = 0
    """64-bit seed of everything; its low 32 bits divide the digits into parts"""


QUICK = {"steps": 20, "done": 1, "halves": 40, "walk": 4, "draws": 4, "corrections": 1, "noise": 1, "slack": 1e3}
TOUR = {"steps": 700, "done": 1, "halves": 80, "walk": 8, "draws": 6, "corrections": 5, "noise": 4, "slack": 1.5}
LIMITS = {"folds": (2, 100), "done": (1, 100), "halves": (20, None), "walk": (2, None), "draws": (4, None)}
WAYS = {
    "single": ("one draw", "una"),
    "likeliest": ("likeliest draw", "più probabile"),
    "mean": ("their mean", "la media"),
    "nearest": ("nearest digit", "cifra vicina"),
}
KNOWN = np.tile(np.arange(8) >= 4, 8)  # the right half


@dataclass(frozen=True)
class Completed:
    """One part: the digits and their labels, (draws, m, d) completions, what becomes of each way, who read what."""

    x: np.ndarray
    labels: np.ndarray
    drawn: np.ndarray
    made: dict[str, np.ndarray]
    read: dict[str, np.ndarray]  # "draws": (draws, m), "half": by a classifier that sees the right half alone

    def kept(self, way: str) -> np.ndarray:
        return self.read[way] == self.labels

    def off(self, y: np.ndarray) -> np.ndarray:
        """Mean square error of each completion's left half."""
        return ((y - self.x)[..., ~KNOWN] ** 2).mean(-1)


def run(p: Parameters, report: Report) -> None:
    parts = list(ink.datasets.digits().folds(p.folds, random_state=p.seed % 2**32))[: p.done]
    found = [complete(*part, p, report) for part in progress(parts, "parts")]
    right = {way: np.concatenate([one.kept(way) for one in found]).astype(float) for way in [*WAYS, "half"]}
    kept = {way: ink.Estimate.of_mean(each) for way, each in right.items()}
    wrong = {way: root_mean(one.off(one.made[way]) for one in found) for way in WAYS}
    changed = max(float(np.abs(one.drawn - one.x)[:, :, KNOWN].max()) for one in found)
    report.bound("known_pixels_that_changed", changed, at_most=1e-6)
    for way, (most, least) in {"single": (1.1, 0.93), "likeliest": (1.0, 0.99), "mean": (1.0, 0.99)}.items():
        error, share = wrong[way].value / wrong["nearest"].value, kept[way].value / kept["nearest"].value
        report.bound(f"error_of_{way}_over_nearest", error, at_most=most * p.slack)
        report.bound(f"class_kept_by_{way}_over_nearest", share, at_least=least / p.slack)
    between = root_mean(2 * one.drawn[:, :, ~KNOWN].var(0, ddof=1).mean(-1) for one in found)
    beyond = root_mean(one.off(one.drawn).mean(0) for one in found)
    report.bound("draws_apart_over_from_the_truth", between.value / beyond.value, at_least=0.75 / p.slack)
    more = ink.Estimate.of_mean(right["mean"] - right["nearest"])  # of the same digits, so its error is its own
    n = {way: int(each.sum()) for way, each in right.items()}
    report.sentence(
        f"Of {len(right['mean'])} digits the mean of draws keeps {n['mean']} classes, the likeliest {n['likeliest']}, "
        f"the nearest digit {n['nearest']}: the mean {more.value:.1%} more (standard error {more.stderr:.1%}).",
        f"Di {len(right['mean'])} cifre la media conserva {n['mean']} classi, la più probabile {n['likeliest']}, "
        f"la cifra più vicina {n['nearest']}: la media il {more.value:.1%} in più (errore standard {more.stderr:.1%}).",
    )
    fig, axes = viz.figure(1, 3, width=20, height=9, gridspec_kw={"width_ratios": [1.4, 1, 1]})
    draw_film(axes[0, 0], found[0])
    draw_ways(axes[0, 1], kept, wrong)
    draw_trust(axes[0, 2], found)
    report.figure(fig)


def complete(train: ink.datasets.Dataset, test: ink.datasets.Dataset, p: Parameters, report: Report) -> Completed:
    """The digits of `test` from their right halves: draws, the likeliest by the variational bound, their mean."""
    fit = ink.fit if report.quick else ink.fit_cached
    # Without the correction of moments, which is measured on whole walks and misleads one that is held on one side.
    uncorrected = ink.Parameterisation(match_moments=False)
    score = fit(ink.VariancePreserving.linear(), train, steps=p.steps, seed=p.seed, parameterisation=uncorrected)
    own, x, labels = score.process, test.x[: p.halves], test.y[: p.halves]
    options = {"seed": p.seed, "draws": p.draws, "corrections": p.corrections}
    drawn = np.clip(score.decode(ink.inpaint(own, score, score.encode(x), KNOWN, score.times(p.walk), **options)), 0, 1)
    # A fair draw has a class as often as it is probable: no best guess. The bounds share their noise.
    chain = [*score.preconditioning.levels.times(own, np.log(np.geomspace(10, 0.3, 24))), 0.0]
    bounds = (ink.elbo(own, score, score.encode(y), chain, seed=p.seed, draws=p.noise).rows for y in drawn)
    weight = np.exp((log_p := np.array(list(bounds))) - log_p.max(0))
    nearest = train.x[((x[:, None, KNOWN] - train.x[:, KNOWN]) ** 2).sum(2).argmin(1)]
    made = {
        "single": drawn[0],
        "likeliest": drawn[weight.argmax(0), np.arange(len(x))],
        "mean": (weight[:, :, None] * drawn).sum(0) / weight.sum(0)[:, None],
        "nearest": np.where(KNOWN, x, nearest),
    }
    read = {way: ink.classify(y, train) for way, y in made.items()}
    read["draws"] = np.array([ink.classify(y, train) for y in drawn])
    read["half"] = ink.classify(x[:, KNOWN], replace(train, x=train.x[:, KNOWN], image_shape=None))
    return Completed(x, labels, drawn, made, read)


def root_mean(squares: Iterator[np.ndarray]) -> ink.Estimate:
    """The root of the mean over all digits."""
    value, stderr = ink.Estimate.of_mean(np.concatenate(list(squares)))
    return ink.Estimate(root := float(np.sqrt(value)), stderr / (2 * root))


def draw_film(ax, one: Completed) -> None:
    which = [int(np.flatnonzero(one.labels == k)[0]) for k in range(10) if (one.labels == k).any()]
    rows = [np.where(KNOWN, one.x, np.nan), *one.drawn[:4], *(one.made[way] for way in list(WAYS)[1:]), one.x]
    frames = np.array(rows)[:, which].swapaxes(0, 1).reshape(len(which), len(rows), 8, 8)
    first = [viz.say("what is known", "ciò che si sa"), viz.say("draws", "estrazioni"), "", "", ""]
    last = [*(viz.say(*WAYS[way]) for way in list(WAYS)[1:]), viz.say("truth", "verità")]
    viz.film(ax, frames, row_labels=first + last)
    ax.set_title(viz.say("the left half erased, and drawn anew", "la metà sinistra cancellata e ridisegnata"))


def draw_ways(ax, kept: dict[str, ink.Estimate], wrong: dict[str, ink.Estimate]) -> None:
    """Share of classes kept against the error of the left half."""
    for (way, words), color in zip(WAYS.items(), ("blue", "green", "orange", "red"), strict=True):
        (x, dx), (y, dy) = wrong[way], kept[way]
        ax.errorbar(x, y, dy, dx, "o", color=viz.COLORS[color], markersize=11, capsize=3)
        place, gap = (y - dy, (0, -26)) if way == "mean" else (y + dy, (0, 8))  # which is below the likeliest
        ax.annotate(viz.say(*words), (x, place), gap, textcoords="offset points", ha="center")
    viz.theory(ax, None, kept["half"].value, viz.say("classifier of right halves", "classificatore di metà destre"))
    ax.margins(x=0.35, y=0.2)
    ax.set_xlabel(viz.say("error of a pixel (rms)", "errore di un pixel (rms)"))
    ax.set_title(viz.say("share of classes kept", "quota di classi conservate"))
    ax.legend(loc="upper center")


def draw_trust(ax, found: list[Completed]) -> None:
    """Of the classes that so many of the draws have, how many are right."""
    share = np.concatenate([np.array([(one.read["draws"] == k).mean(0) for k in range(10)]) for one in found], axis=1)
    right = np.concatenate([np.array([one.labels == k for k in range(10)]) for one in found], axis=1)
    bins = np.minimum((share * 5).astype(int), 4)
    inside = [inside for k in range(5) if (inside := (bins == k) & (share > 0)).any()]
    said, was = [share[cell].mean() for cell in inside], [ink.Estimate.of_mean(right[cell]) for cell in inside]
    viz.theory(ax, [0, 1], [0, 1], viz.say("exact draws", "estrazioni esatte"))
    viz.with_errors(ax, said, was, viz.say("measured", "misurato"), "blue", fmt="o", markersize=11)
    ax.set(ylim=(-0.05, 1.3), xlabel=viz.say("share of the draws of a class", "quota delle estrazioni di una classe"))
    ax.set_title(viz.say("how often that class is right", "quante volte è giusta"))
    ax.legend(loc="upper left")


if __name__ == "__main__":
    run_script(__file__)
