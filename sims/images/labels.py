"""Digits on demand: a network told which digit to draw, in the bowl and in the glass, and how much that shall count.

In training the label of some digits is hidden, so that one network learns two scores: of any digit, and of the digit
that is named. The guidance weighs their difference: at 0 the label is not heard, at 1 the digits are as varied as real
ones of that class, and beyond that they become clearer and more alike. A classifier that learned from real digits reads
what was drawn. The label decides already in the first steps, out of the same noise.
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
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {"steps": 20, "samples": 200, "walk": 8, "as_asked": 0.0, "frechet": 10.0}
TOUR = {"glass": False, "steps": 700, "samples": 300, "walk": 15, "as_asked": 0.93, "frechet": 2.0}
LIMITS = {"samples": (200, None), "walk": (2, None), "as_asked": (0, 1)}
KINDS = {"bowl": ("blue", ("in the bowl", "nella conca")), "glass": ("orange", ("in the glass", "nel bicchiere"))}
DIGITS = np.arange(10)
GUIDANCE = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)


def run(p: Parameters, report: Report) -> None:
    train, held_out = ink.datasets.digits().split(test_size=0.3, random_state=0)
    reader = ink.Estimate.of_mean(ink.classify(held_out, train) == held_out.y)
    report.bound("reader_right_on_real_digits", reader, at_least=0.98)
    fig, axes = viz.figure(2, 6, width=18, height=11.5, gridspec_kw={"height_ratios": [1, 0.9]})
    grid = axes[0, 0].get_gridspec()
    for ax in axes.flat:
        ax.remove()
    asked = np.resize(DIGITS, p.samples)
    floor = of_classes(train.x, train.y, held_out, p.samples // 10)
    panels = [fig.add_subplot(grid[1, 2 * k : 2 * k + 2]) for k in range(3)]
    for k, (name, (color, words)) in enumerate(list(KINDS.items())[: 1 + p.glass]):
        color = viz.COLORS[color]
        process = ink.VarianceExploding(0.01, 1.5, ink.Box(0, 1)) if k else ink.VariancePreserving.linear()
        score = learned(process, train, p, report)
        x = score.sample(p.samples, seed=p.seed, steps=p.walk, label=asked, guidance=p.guidance)
        share = ink.Estimate.of_mean(ink.classify(x, train) == asked)
        distance = of_classes(x, asked, held_out)
        report.bound(f"{name}_drawn_as_asked", share, at_least=p.as_asked)
        report.bound(f"{name}_frechet_of_a_class_over_real", distance.mean() / floor.mean(), at_most=p.frechet)
        near = ink.nearest_distance_ratio(x, train, held_out)
        report.bound(f"{name}_nearest_training_image_over_held_out", near, at_least=0.0 if report.quick else 0.8)
        report.sentence(
            f"{share.value:.1%} of the digits drawn {words[0]} are what was asked for.",
            f"Il {share.value:.1%} delle cifre disegnate {words[1]} è ciò che si era chiesto.",
        )
        draw_table(fig.add_subplot(grid[0, 3 * k : 3 * k + 3] if p.glass else grid[0, 1:5]), score, words, p)
        panels[0].plot(DIGITS, distance, "o", color=color, markersize=11, label=viz.say(*words))
        draw_guidance(panels[1:], score, train, held_out, words, color, p)
    finish(panels, floor, reader, ink.frechet_distance(train, held_out), p)
    report.figure(fig)


def learned(process, train, p: Parameters, report: Report) -> ink.LearnedScore:
    """A score that hears labels. What keeps the moments of all digits is left out: a class has others."""
    fit = ink.fit if report.quick else ink.fit_cached
    told = {
        "condition": ink.Conditioning(train.y, p_uncond=0.4),  # as in photo.py, which needs the one of the bowl
        "parameterisation": ink.Parameterisation(match_moments=False),
    }
    return fit(process, train, steps=p.steps, seed=p.seed, **told)


def of_classes(x, labels, held_out, most: int | None = None) -> np.ndarray:
    """Frechet distance between x and the held-out digits, class by class; of x the first `most` of each class."""
    pairs = ((x[labels == k][:most], held_out.x[held_out.y == k]) for k in DIGITS)
    return np.array([ink.frechet_distance(*pair).value for pair in pairs])


def draw_table(ax, score: ink.LearnedScore, words, p: Parameters) -> None:
    """Six noises down, ten labels across: every row begins with one and the same noise."""
    times = score.times(p.walk)
    start = score.process.prior(float(times[0])).sample(6, score.d, seed=p.seed + 1)
    told = score.given(label=np.repeat(DIGITS, 6), guidance=p.guidance)
    walk = ink.reverse(score.process, told, np.tile(start, (10, 1)), times, seed=p.seed, sampler="heun", observe={})
    frames = score.decode(walk.last).reshape(10, 6, *score.image_shape)
    viz.film(ax, np.clip(frames, 0, 1), [str(k) for k in DIGITS])
    ax.xaxis.tick_top()
    ax.set_title(viz.say(f"asked for, {words[0]}: one noise per row", f"richieste, {words[1]}: un rumore per riga"))


def draw_guidance(panels, score: ink.LearnedScore, train, held_out, words, color: str, p: Parameters) -> None:
    """What the guidance does: more is as asked for, and after some point less is as varied as the real digits."""
    n = p.samples // 2
    asked = np.sort(np.resize(DIGITS, n))  # so that each group of the jackknife has all classes
    right, distance = [], []
    for g in (tried := GUIDANCE[:: 5 if p.walk < 20 else 1]):
        x = score.sample(n, seed=p.seed + 2, steps=p.walk, label=asked, guidance=g)
        right.append(ink.Estimate.of_mean(ink.classify(x, train) == asked))
        distance.append(ink.frechet_distance(x, held_out))
    for ax, values in zip(panels, (right, distance), strict=True):
        viz.with_errors(ax, tried, values, viz.say(*words), color, fmt="o-")


def finish(panels, floor, reader, of_all, p: Parameters) -> None:
    real = viz.say("real digits", "cifre vere")
    panels[0].bar(DIGITS, floor, color="0.8", label=real)
    panels[0].set(xticks=DIGITS, xlabel=viz.say("digit asked for", "cifra richiesta"))
    panels[0].set_ylim(0, 1.5 * panels[0].get_ylim()[1])
    panels[0].set_title(viz.say("Fréchet distance, class by class", "distanza di Fréchet per classe"))
    viz.theory(panels[1], None, reader.value, real)
    panels[1].set_title(viz.say("share read as asked for", "frazione letta come richiesto"))
    viz.theory(panels[2], None, of_all.value, real)
    panels[2].set_ylim(0, 1.35 * panels[2].get_ylim()[1])
    panels[2].set_title(viz.say("Fréchet distance, all together", "distanza di Fréchet complessiva"))
    for ax in panels[1:]:
        ax.axvspan(p.guidance - 0.1, p.guidance + 0.1, color="0.92", zorder=0)
        ax.set(xlabel=viz.say("guidance $g$", "guida $g$"))
    for ax, place in zip(panels, ("upper right", "lower right", "upper left"), strict=True):
        ax.legend(loc=place)


if __name__ == "__main__":
    run_script(__file__)
