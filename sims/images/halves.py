"""Half a digit: what the other half may be. A network that never met the digit draws its left half after the right.

Nothing new is learned for it: what is known goes its forward path, which is then walked back with it, and the rest
follows by the score of the whole. Every draw is another guess at what could have stood there. If the draws came from
p(left | right) exactly, the truth would be like one of them: as far from each as they are from one another, and of a
class as often as they are. Beside them stands the training digit whose right half is nearest.

Reference: A. Lugmayr et al., RePaint: inpainting using denoising diffusion probabilistic models (2022).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, progress, run_script


@dataclass(frozen=True)
class Parameters:
    steps: int = 5000
    """training steps of each score; trained once, then kept in the cache"""
    cache: bool = True
    """take the trained networks from the cache if they are there, and keep them there"""
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


QUICK = {
    "steps": 20, "cache": False, "done": 1, "halves": 40, "walk": 4, "draws": 4, "corrections": 1, "noise": 1,
    "slack": 1e3,
}  # fmt: skip
TOUR = {"steps": 700, "done": 1, "halves": 80, "walk": 8, "draws": 6, "corrections": 5, "noise": 4, "slack": 1.5}
LIMITS = {"folds": (2, 100), "done": (1, 100), "halves": (20, None), "walk": (2, None), "draws": (4, None)}
WAYS = ("single", "likeliest", "mean", "nearest")  # of making one completion
KNOWN = np.tile(np.arange(8) >= 4, 8)  # the right half


@dataclass(frozen=True)
class Completed:
    """One part (m, 64) of the digits and what becomes of it: `drawn` (draws, m, 64), and `made` (m, 64) in each way.

    Classes are read of each way (m,), of all "draws" (draws, m), and of the right "half" by a classifier of halves.
    """

    x: np.ndarray
    labels: np.ndarray
    drawn: np.ndarray
    made: dict[str, np.ndarray]
    classes: dict[str, np.ndarray]

    def square_error(self, y: np.ndarray) -> np.ndarray:
        """Mean square error of each completion's left half."""
        return ((y - self.x)[..., ~KNOWN] ** 2).mean(-1)


@dataclass(frozen=True)
class Result:
    parts: list[Completed]
    """the digits and their completions"""
    right: dict[str, np.ndarray]
    """way, or "half" -> 1 or 0: whether the class is kept, for every digit"""
    error: dict[str, ink.Estimate]
    """way -> root mean square error of the left half"""
    changed: float
    """largest change of a pixel that was known"""
    apart: float
    """root mean square distance of a draw from another, over that of a draw from the truth"""
    reliability: tuple[list[float], list[ink.Estimate]]
    """of the classes that such a share of the draws has: how many are right"""

    def kept(self, way: str) -> ink.Estimate:
        """The share of digits that keep their class."""
        return ink.Estimate.of_mean(self.right[way])


def compute(p: Parameters) -> Result:
    folds = list(ink.datasets.digits().folds(p.folds, random_state=p.seed % 2**32))[: p.done]
    parts = [complete(*fold, p) for fold in progress(folds, "parts")]
    kept = {way: [one.classes[way] == one.labels for one in parts] for way in [*WAYS, "half"]}
    right = {way: np.concatenate(each).astype(float) for way, each in kept.items()}
    error = {way: root_mean(one.square_error(one.made[way]) for one in parts) for way in WAYS}
    changed = max(float(np.abs(one.drawn - one.x)[:, :, KNOWN].max()) for one in parts)
    apart = root_mean(2 * one.drawn[:, :, ~KNOWN].var(0, ddof=1).mean(-1) for one in parts)
    from_truth = root_mean(one.square_error(one.drawn).mean(0) for one in parts)
    return Result(parts, right, error, changed, apart.value / from_truth.value, reliability(parts))


def complete(train: ink.datasets.Dataset, test: ink.datasets.Dataset, p: Parameters) -> Completed:
    """The digits of `test` from their right halves: draws, the likeliest by the variational bound, their mean."""
    fit = ink.fit_cached if p.cache else ink.fit
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
    classes = {way: ink.classify(y, train) for way, y in made.items()}
    classes["draws"] = np.array([ink.classify(y, train) for y in drawn])
    classes["half"] = ink.classify(x[:, KNOWN], replace(train, x=train.x[:, KNOWN], image_shape=None))
    return Completed(x, labels, drawn, made, classes)


def root_mean(squares: Iterable[np.ndarray]) -> ink.Estimate:
    """The root of the mean over all digits."""
    value, stderr = ink.Estimate.of_mean(np.concatenate(list(squares)))
    return ink.Estimate(root := float(np.sqrt(value)), stderr / (2 * root))


def reliability(parts: list[Completed]) -> tuple[list[float], list[ink.Estimate]]:
    """How many of the classes are right that a share of the draws of a digit has; in five bins of that share."""
    digits = np.arange(10)[:, None]
    share = np.concatenate([(one.classes["draws"] == digits[:, None]).mean(1) for one in parts], axis=1)
    right = np.concatenate([one.labels == digits for one in parts], axis=1)
    bins = np.minimum((share * 5).astype(int), 4)
    inside = [cells for k in range(5) if (cells := (bins == k) & (share > 0)).any()]
    return [share[cells].mean() for cells in inside], [ink.Estimate.of_mean(right[cells]) for cells in inside]


def check(p: Parameters, result: Result, report: Report) -> None:
    report.bound("known_pixels_that_changed", result.changed, at_most=1e-6)
    for way, (most, least) in {"single": (1.1, 0.93), "likeliest": (1.0, 0.99), "mean": (1.0, 0.99)}.items():
        error = result.error[way].value / result.error["nearest"].value
        share = result.kept(way).value / result.kept("nearest").value
        report.bound(f"error_of_{way}_over_nearest", error, at_most=most * p.slack)
        report.bound(f"class_kept_by_{way}_over_nearest", share, at_least=least / p.slack)
    report.bound("draws_apart_over_from_the_truth", result.apart, at_least=0.75 / p.slack)
    right = result.right
    more = ink.Estimate.of_mean(right["mean"] - right["nearest"])  # of the same digits, so its error is its own
    n = {way: int(each.sum()) for way, each in right.items()}
    report.sentence(
        f"Of {len(right['mean'])} digits the mean of draws keeps {n['mean']} classes, the likeliest {n['likeliest']}, "
        f"the nearest digit {n['nearest']}: the mean {more.value:.1%} more (standard error {more.stderr:.1%}).",
        f"Di {len(right['mean'])} cifre la media conserva {n['mean']} classi, la più probabile {n['likeliest']}, "
        f"la cifra più vicina {n['nearest']}: la media il {more.value:.1%} in più (errore standard {more.stderr:.1%}).",
    )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(1, 3, width=20, height=9, gridspec_kw={"width_ratios": [1.4, 1, 1]})
    draw_film(axes[0, 0], result.parts[0])
    draw_ways(axes[0, 1], result)
    draw_reliability(axes[0, 2], result)
    return fig


def names() -> tuple[str, ...]:
    """What the ways are called in the figure."""
    return (
        viz.say("one draw", "una"), viz.say("likeliest draw", "più probabile"),
        viz.say("their mean", "la media"), viz.say("nearest digit", "cifra vicina"),
    )  # fmt: skip


def draw_film(ax, one: Completed) -> None:
    """The first digit of each class: what is known, some draws, the ways but the single draw, the truth."""
    which = [int(np.flatnonzero(one.labels == k)[0]) for k in range(10) if (one.labels == k).any()]
    rows = [np.where(KNOWN, one.x, np.nan), *one.drawn[:4], *(one.made[way] for way in WAYS[1:]), one.x]
    frames = np.array(rows)[:, which].swapaxes(0, 1).reshape(len(which), len(rows), 8, 8)
    first = [viz.say("what is known", "ciò che si sa"), viz.say("draws", "estrazioni"), "", "", ""]
    viz.film(ax, frames, row_labels=[*first, *names()[1:], viz.say("truth", "verità")])
    ax.set_title(viz.say("the left half erased, and drawn anew", "la metà sinistra cancellata e ridisegnata"))


def draw_ways(ax, result: Result) -> None:
    """Share of classes kept against the error of the left half."""
    for way, words, color in zip(WAYS, names(), ("blue", "green", "orange", "red"), strict=True):
        (x, dx), (y, dy) = result.error[way], result.kept(way)
        ax.errorbar(x, y, dy, dx, "o", color=viz.COLORS[color], markersize=11, capsize=3)
        place, gap = (y - dy, (0, -26)) if way == "mean" else (y + dy, (0, 8))  # which is below the likeliest
        ax.annotate(words, (x, place), gap, textcoords="offset points", ha="center")
    half = result.kept("half").value
    viz.theory(ax, None, half, viz.say("classifier of right halves", "classificatore di metà destre"))
    ax.margins(x=0.35, y=0.2)
    ax.set_xlabel(viz.say("error of a pixel (rms)", "errore di un pixel (rms)"))
    ax.set_title(viz.say("share of classes kept", "quota di classi conservate"))
    ax.legend(loc="upper center")


def draw_reliability(ax, result: Result) -> None:
    viz.theory(ax, [0, 1], [0, 1], viz.say("exact draws", "estrazioni esatte"))
    viz.with_errors(ax, *result.reliability, viz.say("measured", "misurato"), "blue", fmt="o", markersize=11)
    ax.set(ylim=(-0.05, 1.3), xlabel=viz.say("share of the draws of a class", "quota delle estrazioni di una classe"))
    ax.set_title(viz.say("how often that class is right", "quante volte è giusta"))
    ax.legend(loc="upper left")


if __name__ == "__main__":
    run_script(__file__)
