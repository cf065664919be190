"""Digits on demand: a network told which digit to draw, in the bowl and in the glass, and how much that shall count.

In training the label of some digits is hidden, so that one network learns two scores: of any digit, and of the digit
that is named. The guidance g weighs their difference, score(x) + g (score(x | label) - score(x)): at 0 the label does
not count, at 1 the digits are as varied as real ones of that class, and beyond that they become clearer and more
alike. A classifier that learned from real digits reads what was drawn. The label decides already in the first steps,
out of the same noise.

Reference: J. Ho and T. Salimans, Classifier-free diffusion guidance (2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script


@dataclass(frozen=True)
class Parameters:
    steps: int = 5000
    """training steps of each process; trained once, then kept in the cache"""
    cache: bool = True
    """take the trained networks from the cache if they are there, and keep them there"""
    samples: int = 1000
    """digits asked for, as many of each class"""
    walk: int = 50
    """steps of every walk back"""
    guidance: float = 1.5
    """how much the label counts"""
    glass: bool = True
    """also in the glass, which takes most of the time"""
    as_asked: float = 0.97
    """least share of digits read as what was asked for"""
    frechet: float = 1.5
    """largest Frechet distance of a class, mean over classes, over that of real digits"""
    novelty: float = 0.8
    """least distance to the nearest training image, over that of digits never seen"""
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {
    "steps": 20, "cache": False, "samples": 200, "walk": 8, "as_asked": 0.0, "frechet": 10.0, "novelty": 0.0,
}  # fmt: skip
TOUR = {"glass": False, "steps": 700, "samples": 300, "walk": 15, "as_asked": 0.93, "frechet": 2.0}
LIMITS = {"samples": (200, None), "walk": (2, None), "as_asked": (0, 1), "novelty": (0, None)}
DIGITS = np.arange(10)
GUIDANCE = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
ROWS = 6  # noises of the table


@dataclass(frozen=True)
class Drawn:
    """Digits drawn by the score of one process.

    `right` is the share read as asked for, `frechet` (10,) the Frechet distance class by class, `novelty` the distance
    to the nearest training image over that of held-out digits; `guided` holds, at each guidance tried, the share that
    is right and the Frechet distance of all digits together; `table` (10, 6, 8, 8) every label out of six noises.
    """

    right: ink.Estimate
    frechet: np.ndarray
    novelty: ink.Estimate
    guided: tuple[list[ink.Estimate], list[ink.Estimate]]
    table: np.ndarray


@dataclass(frozen=True)
class Result:
    kinds: dict[str, Drawn]
    """in the bowl and, if asked for, in the glass"""
    tried: tuple[float, ...]
    """guidances"""
    reader: ink.Estimate
    """share of real digits that the classifier reads rightly"""
    floor: np.ndarray
    """(10,) Frechet distance of real digits from real digits, class by class"""
    floor_of_all: float
    """the same of all digits together"""


def compute(p: Parameters) -> Result:
    train, held_out = ink.datasets.digits().split(test_size=0.3, random_state=0)
    reader = ink.Estimate.of_mean(ink.classify(held_out, train) == held_out.y)
    processes = {"bowl": ink.VariancePreserving.linear(), "glass": ink.VarianceExploding(0.01, 1.5, ink.Box(0, 1))}
    tried = GUIDANCE[:: 5 if p.walk < 20 else 1]
    kinds = {
        name: measure(learned(process, train, p), train, held_out, tried, p)
        for name, process in processes.items()
        if name == "bowl" or p.glass
    }
    floor = of_classes(train.x, train.y, held_out, p.samples // 10)
    return Result(kinds, tried, reader, floor, ink.frechet_distance(train, held_out).value)


def learned(process: ink.Process, train: ink.datasets.Dataset, p: Parameters) -> ink.LearnedScore:
    """A score with and without labels. What keeps the moments of all digits is left out: a class has others."""
    fit = ink.fit_cached if p.cache else ink.fit
    # as in photo.py, which needs the one of the bowl
    options = {
        "condition": ink.Conditioning(train.y, p_uncond=0.4),
        "parameterisation": ink.Parameterisation(match_moments=False),
    }
    return fit(process, train, steps=p.steps, seed=p.seed, **options)


def measure(score: ink.LearnedScore, train, held_out, tried: tuple[float, ...], p: Parameters) -> Drawn:
    """Ask for as many digits of each class, and hold them against real ones."""
    asked = np.resize(DIGITS, p.samples)
    x = score.sample(p.samples, seed=p.seed, steps=p.walk, label=asked, guidance=p.guidance)
    right = ink.Estimate.of_mean(ink.classify(x, train) == asked)
    novelty, guided = ink.nearest_distance_ratio(x, train, held_out), by_guidance(score, train, held_out, tried, p)
    return Drawn(right, of_classes(x, asked, held_out), novelty, guided, table(score, p))


def of_classes(x, labels, held_out, most: int | None = None) -> np.ndarray:
    """Frechet distance between x and the held-out digits, class by class; of x the first `most` of each class."""
    pairs = ((x[labels == k][:most], held_out.x[held_out.y == k]) for k in DIGITS)
    return np.array([ink.frechet_distance(*pair).value for pair in pairs])


def by_guidance(score: ink.LearnedScore, train, held_out, tried: tuple[float, ...], p: Parameters):
    """What the guidance does: more is as asked for, and after some point less is as varied as the real digits."""
    n = p.samples // 2
    asked = np.sort(np.resize(DIGITS, n))  # so that each group of the jackknife has all classes
    options = {"seed": p.seed + 2, "steps": p.walk, "label": asked}
    samples = [score.sample(n, guidance=g, **options) for g in tried]
    right = [ink.Estimate.of_mean(ink.classify(x, train) == asked) for x in samples]
    return right, [ink.frechet_distance(x, held_out) for x in samples]


def table(score: ink.LearnedScore, p: Parameters) -> np.ndarray:
    """Six noises down, ten labels across: every row begins with one and the same noise."""
    times = score.times(p.walk)
    start = score.process.prior(float(times[0])).sample(ROWS, score.d, seed=p.seed + 1)
    conditional = score.given(label=np.repeat(DIGITS, ROWS), guidance=p.guidance)
    options = {"seed": p.seed, "sampler": "heun", "observe": {}}
    walk = ink.reverse(score.process, conditional, np.tile(start, (10, 1)), times, **options)
    return np.clip(score.decode(walk.last).reshape(10, ROWS, *score.image_shape), 0, 1)


def check(p: Parameters, result: Result, report: Report) -> None:
    report.bound("reader_right_on_real_digits", result.reader, at_least=0.98)
    places = {"bowl": ("in the bowl", "nella conca"), "glass": ("in the glass", "nel bicchiere")}
    for name, one in result.kinds.items():
        report.bound(f"{name}_drawn_as_asked", one.right, at_least=p.as_asked)
        ratio = one.frechet.mean() / result.floor.mean()
        report.bound(f"{name}_frechet_of_a_class_over_real", ratio, at_most=p.frechet)
        report.bound(f"{name}_nearest_training_image_over_held_out", one.novelty, at_least=p.novelty)
        english, italian = places[name]
        report.sentence(
            f"{one.right.value:.1%} of the digits drawn {english} are what was asked for.",
            f"Il {one.right.value:.1%} delle cifre disegnate {italian} è ciò che si era chiesto.",
        )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 6, width=18, height=11.5, gridspec_kw={"height_ratios": [1, 0.9]})
    grid = axes[0, 0].get_gridspec()
    for ax in axes.flat:
        ax.remove()
    panels = [fig.add_subplot(grid[1, 2 * k : 2 * k + 2]) for k in range(3)]
    names = viz.say("in the bowl", "nella conca"), viz.say("in the glass", "nel bicchiere")
    for k, (one, name, color) in enumerate(zip(result.kinds.values(), names, ("blue", "orange"), strict=False)):
        draw_table(fig.add_subplot(grid[0, 3 * k : 3 * k + 3] if p.glass else grid[0, 1:5]), one, name)
        color = viz.COLORS[color]
        panels[0].plot(DIGITS, one.frechet, "o", color=color, markersize=11, label=name)
        for ax, values in zip(panels[1:], one.guided, strict=True):
            viz.with_errors(ax, result.tried, values, name, color, fmt="o-")
    draw_real(panels, p, result)
    return fig


def draw_table(ax, one: Drawn, name: str) -> None:
    viz.film(ax, one.table, [str(k) for k in DIGITS])
    ax.xaxis.tick_top()
    ax.set_title(viz.say(f"asked for, {name}: one noise per row", f"richieste, {name}: un rumore per riga"))


def draw_real(panels, p: Parameters, result: Result) -> None:
    """What real digits have, titles and axes; the guidance of the table is shaded."""
    real = viz.say("real digits", "cifre vere")
    panels[0].bar(DIGITS, result.floor, color="0.8", label=real)
    panels[0].set(xticks=DIGITS, xlabel=viz.say("digit asked for", "cifra richiesta"))
    panels[0].set_ylim(0, 1.5 * panels[0].get_ylim()[1])
    panels[0].set_title(viz.say("Fréchet distance, class by class", "distanza di Fréchet per classe"))
    viz.theory(panels[1], None, result.reader.value, real)
    panels[1].set_title(viz.say("share read as asked for", "frazione letta come richiesto"))
    viz.theory(panels[2], None, result.floor_of_all, real)
    panels[2].set_ylim(0, 1.35 * panels[2].get_ylim()[1])
    panels[2].set_title(viz.say("Fréchet distance, all together", "distanza di Fréchet complessiva"))
    for ax in panels[1:]:
        ax.axvspan(p.guidance - 0.1, p.guidance + 0.1, color="0.92", zorder=0)
        ax.set(xlabel=viz.say("guidance $g$", "guida $g$"))
    for ax, place in zip(panels, ("upper right", "lower right", "upper left"), strict=True):
        ax.legend(loc=place)


if __name__ == "__main__":
    run_script(__file__)
