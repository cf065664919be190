"""A thin slanted seven, please: digits drawn as short English or Italian phrases ask, some of them never met before.

The caption of every real digit is measured from its ink: how heavy the stroke, how it leans, how wide it is, each low,
middle or high among its class. A score learns captions with words hidden at random, and with them what each word does,
so that words can be put together anew: digits with three pairs of words are kept out of the training altogether, and
are drawn all the same. What was drawn is read by a classifier of real digits, and measured like them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script


@dataclass(frozen=True)
class Parameters:
    steps: int = 1500
    """training steps; trained once, then kept in the cache"""
    samples: int = 600
    """digits drawn of each kind of prompt: one word, two words, two words never met together"""
    walk: int = 50
    """steps of every walk back"""
    guidance: float = 3.0
    """how much the prompt counts"""
    as_asked: float = 0.95
    """least share of digits read as the class that was asked for"""
    on_side: float = 0.85
    """least share of digits on the asked side of the median of real digits of that class, for any word"""
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {"steps": 20, "samples": 60, "walk": 8, "as_asked": 0.0, "on_side": 0.0}
TOUR = {"steps": 400, "samples": 120, "walk": 15, "as_asked": 0.9, "on_side": 0.7}
LIMITS = {"samples": (60, None), "walk": (2, None), "as_asked": (0, 1), "on_side": (0, 1)}
CLASSES = "0123456789"
# word: what it is about, and on which side of the median
SIDES = {
    "thin": ("weight", -1), "bold": ("weight", 1),
    "left": ("slant", -1), "slanted": ("slant", 1),
    "narrow": ("width", -1), "wide": ("width", 1),
}  # fmt: skip
NEVER = (("thin", "slanted"), ("bold", "left"), ("thin", "wide"))  # kept out of the training
SHOWN = (
    ("7", "thin"), ("7", "bold"), ("4", "left"), ("4", "slanted"), ("0", "narrow"), ("0", "wide"),
    ("7", "thin", "slanted"), ("2", "bold", "left"), ("3", "thin", "wide"),
)  # fmt: skip
GROUPS = {
    "one_word": ("one word", "una parola", viz.COLORS["green"]),
    "two_words": ("two words", "due parole", viz.COLORS["blue"]),
    "never_met": ("two words never met together", "due parole mai viste insieme", viz.COLORS["red"]),
}
MEASURES = {
    "weight": ("stroke weight", "spessore del tratto", "pixel"),
    "slant": ("slant", "inclinazione", "tan"),
    "width": ("width", "larghezza", "pixel"),
}


def run(p: Parameters, report: Report) -> None:
    train = ink.datasets.digits().split(test_size=0.3, random_state=0)[0]
    score = learned(train, p, report)
    fig, axes = viz.figure(4, 2, width=18, height=13.5, gridspec_kw={"width_ratios": [1.15, 1]})
    off = ink.datasets.stroke_features(train.images)
    medians = {kind: np.array([np.median(a[train.y == k]) for k in range(10)]) for kind, a in off._asdict().items()}
    pairs = [two for two in combinations(SIDES, 2) if SIDES[two[0]][0] != SIDES[two[1]][0]]
    kinds = {"one_word": [(word,) for word in SIDES], "two_words": [two for two in pairs if two not in NEVER]}
    drawn = {}
    for k, (group, words) in enumerate((kinds | {"never_met": NEVER}).items()):
        asked = [(digit, *some) for some in words for digit in CLASSES]
        asked = [asked[i % len(asked)] for i in range(p.samples)]
        x, labels = draw(score, asked, p), np.array([int(said[0]) for said in asked])
        right = ink.Estimate.of_mean(ink.classify(x, train) == labels)
        report.bound(f"{group}_class_as_asked", right, at_least=p.as_asked)
        drawn[group] = beside(x, labels, medians), asked
        shares = on_the_asked_side(*drawn[group])
        worst = min(shares.values())
        report.bound(f"{group}_on_the_asked_side_for_the_worst_word", worst, at_least=p.on_side)
        where = [list(SIDES).index(word) + 0.15 * (k - 1) for word in shares]
        viz.with_errors(axes[3, 1], where, list(shares.values()), viz.say(*GROUPS[group][:2]), GROUPS[group][2])
        report.sentence(
            f"{GROUPS[group][0]}: {right.value:.1%} are of the class asked for, {worst.value:.0%} on the asked side.",
            f"{GROUPS[group][1]}: il {right.value:.1%} è della classe chiesta, il {worst.value:.0%} dal lato chiesto.",
        )
    both = (score.given(prompt=text) for text in ("a thin slanted 7", "un sette sottile e inclinato"))
    two = [told(train.x[:4], 0.5) for told in both]
    report.bound("numbers_that_depend_on_the_language", float(np.sum(two[0] != two[1])), at_most=0)
    histograms(axes[:3, 1], beside(train.x, train.y, medians), *drawn["one_word"])
    finish(fig, axes, score, p)
    report.figure(fig)


def learned(train, p: Parameters, report: Report) -> ink.LearnedScore:
    """A score of all training digits but those whose caption has a pair of words that shall never meet."""
    said = ink.datasets.captions(train)
    kept = [row for row, words in enumerate(said) if not any(set(two) <= set(words) for two in NEVER)]
    data = replace(train, x=train.x[kept], y=train.y[kept])
    fit = ink.fit if report.quick else ink.fit_cached
    told = {"condition": [said[row] for row in kept], "parameterisation": ink.Parameterisation(match_moments=False)}
    return fit(ink.VariancePreserving.linear(), data, steps=p.steps, seed=p.seed, **told)


def draw(score: ink.LearnedScore, asked, p: Parameters) -> np.ndarray:
    """One digit for each saying."""
    words = [" ".join(said) for said in asked]
    x = score.sample(len(asked), seed=p.seed, steps=p.walk, words=words, guidance=p.guidance)
    return np.clip(x, 0, 1)


def beside(x, labels, medians) -> dict:
    """How far each measure of the digits is from the median of real digits of that class."""
    found = ink.datasets.stroke_features(x.reshape(-1, 8, 8))._asdict()
    return {kind: values - medians[kind][labels] for kind, values in found.items()}


def on_the_asked_side(off, asked) -> dict[str, ink.Estimate]:
    """Of each word: which share of the digits of which it was asked is on its side of the median."""
    of = {word: [row for row, said in enumerate(asked) if word in said] for word in SIDES}
    shares = ((word, sign * off[kind][of[word]] > 0) for word, (kind, sign) in SIDES.items() if of[word])
    return {word: ink.Estimate.of_mean(those) for word, those in shares}


def named(word: str) -> str:
    return ink.datasets.as_prompt((word,), viz.language()).removeprefix("cifra ").removesuffix(" digit")


def histograms(panels, real, off, asked) -> None:
    """Each measure, among real digits and among those asked to be low or high."""
    for ax, (kind, (english, italian, unit)) in zip(panels, MEASURES.items(), strict=True):
        edges = np.linspace(*np.quantile(np.concatenate([real[kind], off[kind]]), (0.003, 0.997)), 26)
        ax.hist(real[kind], edges, density=True, color="0.8", label=viz.label("real"))
        for word, color in zip([w for w, side in SIDES.items() if side[0] == kind], ("blue", "orange"), strict=True):
            rows = [row for row, said in enumerate(asked) if word in said]
            line = {"histtype": "step", "linewidth": 3, "color": viz.COLORS[color], "label": named(word)}
            ax.hist(off[kind][rows], edges, density=True, **line)
        ax.axvline(0, ymax=0.75, color="black", linestyle="--", linewidth=1.4)
        ax.set(xlabel=f"{viz.say(english, italian)} $-$ " + viz.say("median", "mediana") + f" ({unit})", yticks=[])
        ax.set_ylabel(viz.label("density").replace(" ", "\n", 1), fontsize="small")
        ax.set_ylim(top=1.4 * ax.get_ylim()[1])  # the legend's line
        ax.legend(loc="upper center", ncols=3, fontsize="small", handlelength=1.0, columnspacing=0.8)


def finish(fig, axes, score: ink.LearnedScore, p: Parameters) -> None:
    """The drawings, and the words under the shares."""
    for ax in axes[:, 0]:
        ax.remove()
    left, columns = fig.add_subplot(axes[0, 0].get_gridspec()[:, 0]), 6
    x = draw(score, [said for said in SHOWN for _ in range(columns)], p)
    frames = x.reshape(len(SHOWN), columns, *score.image_shape).swapaxes(0, 1)
    star = [" *" * any(set(two) <= set(said) for two in NEVER) for said in SHOWN]
    prompts = [ink.datasets.as_prompt(said, viz.language()) + mark for said, mark in zip(SHOWN, star, strict=True)]
    viz.film(left, frames, row_labels=prompts)
    left.set_title(viz.say("drawn as asked (* never met in training)", "disegnate come chiesto (* mai viste insieme)"))
    ax = axes[3, 1]
    viz.theory(ax, None, p.on_side)
    ax.set_xticks(range(len(SIDES)), [named(word).replace(" ", "\n", 1) for word in SIDES], fontsize="x-small")
    ax.set_ylim(min(0.5, ax.get_ylim()[0]), 1.02)
    ax.set_title(viz.say("share on the asked side", "frazione dal lato chiesto"))
    ax.legend(loc="lower left")


if __name__ == "__main__":
    run_script(__file__)
