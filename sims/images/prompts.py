"""A thin slanted seven, please: digits drawn as short English or Italian phrases ask, some of them never met before.

The caption of every real digit is measured from its ink: how heavy the stroke, how it leans, how wide it is, each low,
middle or high among its class. A score learns captions with words hidden at random, and with them what each word does,
so that words can be put together anew: digits with three pairs of words are kept out of the training altogether, and
are drawn all the same. What was drawn is read by a classifier of real digits, and measured like them.

Reference: J. Ho and T. Salimans, Classifier-free diffusion guidance (2022).
"""

from __future__ import annotations

from collections.abc import Sequence
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
    cache: bool = True
    """take the trained network from the cache if it is there, and keep it there"""
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


QUICK = {"steps": 20, "cache": False, "samples": 60, "walk": 8, "as_asked": 0.0, "on_side": 0.0}
TOUR = {"steps": 400, "samples": 120, "walk": 15, "as_asked": 0.9, "on_side": 0.7}
LIMITS = {"samples": (60, None), "walk": (2, None), "as_asked": (0, 1), "on_side": (0, 1)}
CLASSES = "0123456789"
# word: which attribute it is about, and on which side of the median
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
COLUMNS = 6  # digits shown of each
Caption = tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Digits drawn for captions of one kind.

    `right` is the share read as the class asked for; `off` maps an attribute to how far each digit is from the median
    of its class, `shares` a word to the share of digits on the asked side of it.
    """

    captions: list[Caption]
    right: ink.Estimate
    off: dict[str, np.ndarray]
    shares: dict[str, ink.Estimate]

    @property
    def worst(self) -> ink.Estimate:
        return min(self.shares.values())

    def of_word(self, word: str) -> list[int]:
        """The digits that the word was asked of."""
        return [row for row, caption in enumerate(self.captions) if word in caption]


@dataclass(frozen=True)
class Result:
    groups: dict[str, Group]
    """"one_word", "two_words" and "never_met": two words never met together"""
    real: dict[str, np.ndarray]
    """attribute -> how far each training digit is from the median of its class"""
    language: float
    """how many numbers of the score depend on the language of the prompt"""
    film: np.ndarray
    """(columns, captions shown, 8, 8)"""


def compute(p: Parameters) -> Result:
    train = ink.datasets.digits().split(test_size=0.3, random_state=0)[0]
    score = learned(train, p)
    of_all = ink.datasets.stroke_features(train.images)._asdict()
    medians = {kind: np.array([np.median(a[train.y == k]) for k in range(10)]) for kind, a in of_all.items()}
    pairs = [two for two in combinations(SIDES, 2) if SIDES[two[0]][0] != SIDES[two[1]][0]]
    kinds = {
        "one_word": [(word,) for word in SIDES],
        "two_words": [two for two in pairs if two not in NEVER],
        "never_met": NEVER,
    }
    groups = {kind: measure(score, words, train, medians, p) for kind, words in kinds.items()}
    both = (score.given(prompt=text) for text in ("a thin slanted 7", "un sette sottile e inclinato"))
    english, italian = (conditional(train.x[:4], 0.5) for conditional in both)
    frames = sample(score, [caption for caption in SHOWN for _ in range(COLUMNS)], p)
    film = frames.reshape(len(SHOWN), COLUMNS, *score.image_shape).swapaxes(0, 1)
    return Result(groups, off_median(train.x, train.y, medians), float(np.sum(english != italian)), film)


def learned(train: ink.datasets.Dataset, p: Parameters) -> ink.LearnedScore:
    """A score of all training digits but those whose caption has a pair of words that shall never meet."""
    captions = ink.datasets.captions(train)
    kept = [row for row, words in enumerate(captions) if not any(set(two) <= set(words) for two in NEVER)]
    data = replace(train, x=train.x[kept], y=train.y[kept])
    fit = ink.fit_cached if p.cache else ink.fit
    condition, uncorrected = [captions[row] for row in kept], ink.Parameterisation(match_moments=False)
    options = {"condition": condition, "parameterisation": uncorrected}
    return fit(ink.VariancePreserving.linear(), data, steps=p.steps, seed=p.seed, **options)


def measure(score: ink.LearnedScore, words: Sequence[Caption], train, medians, p: Parameters) -> Group:
    """Draw digits of every class with these words, read them, and measure them."""
    every = [(digit, *some) for some in words for digit in CLASSES]
    captions = [every[i % len(every)] for i in range(p.samples)]
    x, labels = sample(score, captions, p), np.array([int(caption[0]) for caption in captions])
    right, off = ink.Estimate.of_mean(ink.classify(x, train) == labels), off_median(x, labels, medians)
    group = Group(captions, right, off, {})
    asked = {word: rows for word in SIDES if (rows := group.of_word(word))}
    sides = ((word, SIDES[word][1] * off[SIDES[word][0]][rows] > 0) for word, rows in asked.items())
    return replace(group, shares={word: ink.Estimate.of_mean(on_side) for word, on_side in sides})


def sample(score: ink.LearnedScore, captions: Sequence[Caption], p: Parameters) -> np.ndarray:
    """One digit for each caption."""
    words = [" ".join(caption) for caption in captions]
    x = score.sample(len(captions), seed=p.seed, steps=p.walk, words=words, guidance=p.guidance)
    return np.clip(x, 0, 1)


def off_median(x: np.ndarray, labels: np.ndarray, medians: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """How far each attribute of the digits is from the median of real digits of that class."""
    found = ink.datasets.stroke_features(x.reshape(-1, 8, 8))._asdict()
    return {kind: values - medians[kind][labels] for kind, values in found.items()}


def check(p: Parameters, result: Result, report: Report) -> None:
    names = {
        "one_word": ("one word", "una parola"),
        "two_words": ("two words", "due parole"),
        "never_met": ("two words never met together", "due parole mai viste insieme"),
    }
    for kind, group in result.groups.items():
        (english, italian), right, worst = names[kind], group.right.value, group.worst.value
        report.bound(f"{kind}_class_as_asked", right, at_least=p.as_asked)
        report.bound(f"{kind}_on_the_asked_side_for_the_worst_word", worst, at_least=p.on_side)
        report.sentence(
            f"{english}: {right:.1%} are of the class asked for, {worst:.0%} on the asked side.",
            f"{italian}: il {right:.1%} è della classe chiesta, il {worst:.0%} dal lato chiesto.",
        )
    report.bound("numbers_that_depend_on_the_language", result.language, at_most=0)


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(4, 2, width=18, height=13.5, gridspec_kw={"width_ratios": [1.15, 1]})
    grid = axes[0, 0].get_gridspec()
    draw_shares(axes[3, 1], p, result)
    draw_histograms(axes[:3, 1], result)
    for ax in axes[:, 0]:
        ax.remove()
    draw_film(fig.add_subplot(grid[:, 0]), result)
    return fig


def named(word: str) -> str:
    return ink.datasets.as_prompt((word,), viz.language()).removeprefix("cifra ").removesuffix(" digit")


def draw_film(ax, result: Result) -> None:
    star = [" *" * any(set(two) <= set(caption) for two in NEVER) for caption in SHOWN]
    prompts = [ink.datasets.as_prompt(caption, viz.language()) for caption in SHOWN]
    viz.film(ax, result.film, row_labels=[text + mark for text, mark in zip(prompts, star, strict=True)])
    ax.set_title(viz.say("drawn as asked (* never met in training)", "disegnate come chiesto (* mai viste insieme)"))


def draw_histograms(panels, result: Result) -> None:
    """Each attribute, among real digits and among those asked to be low or high."""
    names = {
        "weight": (viz.say("stroke weight", "spessore del tratto"), "pixel"),
        "slant": (viz.say("slant", "inclinazione"), "tan"),
        "width": (viz.say("width", "larghezza"), "pixel"),
    }
    group = result.groups["one_word"]
    for ax, (kind, (name, unit)) in zip(panels, names.items(), strict=True):
        real, off = result.real[kind], group.off[kind]
        edges = np.linspace(*np.quantile(np.concatenate([real, off]), (0.003, 0.997)), 26)
        ax.hist(real, edges, density=True, color="0.8", label=viz.label("real"))
        for word, color in zip([w for w, side in SIDES.items() if side[0] == kind], ("blue", "orange"), strict=True):
            line = {"histtype": "step", "linewidth": 3, "color": viz.COLORS[color], "label": named(word)}
            ax.hist(off[group.of_word(word)], edges, density=True, **line)
        ax.axvline(0, ymax=0.75, color="black", linestyle="--", linewidth=1.4)
        ax.set(xlabel=f"{name} $-$ " + viz.say("median", "mediana") + f" ({unit})", yticks=[])
        ax.set_ylabel(viz.label("density").replace(" ", "\n", 1), fontsize="small")
        ax.set_ylim(top=1.4 * ax.get_ylim()[1])  # the legend's line
        ax.legend(loc="upper center", ncols=3, fontsize="small", handlelength=1.0, columnspacing=0.8)


def draw_shares(ax, p: Parameters, result: Result) -> None:
    """Word by word, which share of the digits is on the asked side."""
    kinds = (
        (viz.say("one word", "una parola"), "green"),
        (viz.say("two words", "due parole"), "blue"),
        (viz.say("two words never met together", "due parole mai viste insieme"), "red"),
    )
    for k, (group, (name, color)) in enumerate(zip(result.groups.values(), kinds, strict=True)):
        where = [list(SIDES).index(word) + 0.15 * (k - 1) for word in group.shares]
        viz.with_errors(ax, where, list(group.shares.values()), name, viz.COLORS[color])
    viz.theory(ax, None, p.on_side)
    ax.set_xticks(range(len(SIDES)), [named(word).replace(" ", "\n", 1) for word in SIDES], fontsize="x-small")
    ax.set_ylim(min(0.5, ax.get_ylim()[0]), 1.02)
    ax.set_title(viz.say("share on the asked side", "frazione dal lato chiesto"))
    ax.legend(loc="lower left")


if __name__ == "__main__":
    run_script(__file__)
