"""From a starting photo: noised by the ordinary kernel and walked back.

A little noise hides the details of a picture, more of it what the picture shows. Walked back from time t with the
learned score, a crude sketch becomes a digit as people write them: the later t, the more real and the less like the
sketch. With its label as a condition a photo stays that digit however late t is; with another label it becomes that
one. At the latest time all of the start is lost, and a class is kept by chance only: sum_k P(start = k) P(end = k).

Reference: C. Meng et al., SDEdit: guided image synthesis and editing with stochastic differential equations (2022).
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
    """training steps; trained once, then kept in the cache"""
    cache: bool = True
    """take the trained network from the cache if it is there, and keep it there"""
    photos: int = 540
    """held-out digits to start from"""
    walk: int = 50
    """steps of a walk back from pure noise"""
    guidance: float = 1.25
    """how much a label counts"""
    same: float = 0.95
    """least share of photos that keep their class at the earliest time"""
    slack: float = 1.0
    """factor on the other bounds"""
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {"steps": 20, "cache": False, "photos": 50, "walk": 6, "same": 0.5, "slack": 1e3}
TOUR = {"steps": 700, "photos": 80, "walk": 15, "same": 0.9, "slack": 1.4}
LIMITS = {"photos": (40, 540), "walk": (4, None), "same": (0, 1)}
RATIOS = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5, 2.5, 5.0, 100.0)  # of noise to what is left of the photo
SHOWN = (0, 2, 4, 5, 6, 7, 9)  # of these times, in the film
SKETCH, PHOTO, OTHER = 3, 5, 8  # a sketch and a photo of the film, and the label that the photo gets in its last row


@dataclass(frozen=True)
class Returned:
    """Starts (n, 64), noised to each time and walked back: `back` (times, n, 64), and their `classes` (times, n).

    At each time: the share that kept its class, the Frechet distance from real digits, how far from the start (rms).
    """

    start: np.ndarray
    back: np.ndarray
    classes: np.ndarray
    kept: list[ink.Estimate]
    frechet: list[ink.Estimate]
    off: np.ndarray


@dataclass(frozen=True)
class Result:
    times: np.ndarray
    """to which starts are noised"""
    kinds: dict[str, Returned]
    """"photo", "sketch", and "labelled": photos walked back with their labels as a condition"""
    chance: float
    """share of photos that would keep their class by chance at the latest time"""
    sketches: float
    """Frechet distance of the sketches as they are"""
    floor: float
    """Frechet distance of real digits never seen"""
    film: np.ndarray
    """(start and the times shown, rows, 8, 8)"""


def compute(p: Parameters) -> Result:
    train, held_out = ink.datasets.digits().split(test_size=0.3, random_state=0)
    score = learned(train, p)
    x, labels = held_out.x[: p.photos], held_out.y[: p.photos]
    sketches, conditional = (x > 0.5).astype(np.float32), score.given(label=labels, guidance=p.guidance)
    times = score.preconditioning.levels.times(score.process, np.log(RATIOS))
    starts = {"photo": (score, x), "sketch": (score, sketches), "labelled": (conditional, x)}
    kinds = {kind: returned(own, start, labels, times, train, p) for kind, (own, start) in starts.items()}
    ends = kinds["photo"].classes[-1]
    chance = float(sum(np.mean(labels == k) * np.mean(ends == k) for k in range(10)))
    before, floor = (ink.frechet_distance(some, train).value for some in (sketches, held_out))
    return Result(times, kinds, chance, before, floor, film(score, kinds, times, p))


def learned(train: ink.datasets.Dataset, p: Parameters) -> ink.LearnedScore:
    """A score with and without labels. What keeps the moments of all digits is left out: a class has others."""
    fit = ink.fit_cached if p.cache else ink.fit
    # as in labels.py
    options = {
        "condition": ink.Conditioning(train.y, p_uncond=0.4),
        "parameterisation": ink.Parameterisation(match_moments=False),
    }
    return fit(ink.VariancePreserving.linear(), train, steps=p.steps, seed=p.seed, **options)


def returned(score: ink.LearnedScore, start, labels, times, train, p: Parameters) -> Returned:
    """Noise the starts to each time, walk back, and measure what came."""
    back = np.array([walk_back(score, start, t, p) for t in times])
    classes = np.array([ink.classify(x, train) for x in back])
    kept = [ink.Estimate.of_mean(some == labels) for some in classes]
    off = np.array([np.sqrt(((x - start) ** 2).mean()) for x in back])
    return Returned(start, back, classes, kept, [ink.frechet_distance(x, train) for x in back], off)


def walk_back(score: ink.LearnedScore, x: np.ndarray, t: float, p: Parameters) -> np.ndarray:
    """Noise x to time t by the ordinary kernel, and walk back along the flow."""
    noised = ink.diffuse(score.process, score.encode(x), t, seed=p.seed)
    grid = score.times(p.walk)
    walk = ink.reverse(score.process, score, noised, [t, *grid[grid < t]], seed=p.seed, sampler="heun", observe={})
    return np.clip(score.decode(walk.last), 0, 1)


def film(score: ink.LearnedScore, kinds: dict[str, Returned], times, p: Parameters) -> np.ndarray:
    """A sketch and a photo at some times: noised, walked back; the photo also walked back with another label."""
    t, rows = times[list(SHOWN)], []
    for kind, k in (("sketch", SKETCH), ("photo", PHOTO)):
        own, start = kinds[kind], kinds[kind].start[k]
        clean = score.encode(start[None])
        noised = (ink.diffuse(score.process, clean, s, seed=p.seed) / score.process.alpha(s) for s in t)
        rows += [[start, *(score.decode(y)[0] for y in noised)], [start, *own.back[list(SHOWN), k]]]
    conditional = score.given(label=OTHER, guidance=p.guidance)
    rows.append([start, *(walk_back(conditional, start[None], s, p)[0] for s in t)])
    return np.clip(np.array(rows), 0, 1).reshape(len(rows), len(t) + 1, *score.image_shape).swapaxes(0, 1)


def check(p: Parameters, result: Result, report: Report) -> None:
    photo, sketch, labelled = (result.kinds[kind] for kind in ("photo", "sketch", "labelled"))
    report.bound("photo_keeps_its_class_at_the_earliest_time", photo.kept[0], at_least=p.same)
    report.check("photo_keeps_its_class_at_the_end_by_chance", photo.kept[-1], result.chance)
    best = int(np.argmin([distance.value for distance in sketch.frechet]))
    t, kept = result.times[best], sketch.kept[best].value
    ratio = sketch.frechet[best].value / result.sketches
    report.bound("sketch_back_frechet_over_sketch", ratio, at_most=0.3 * p.slack)
    report.sentence(
        f"From t = {t:.2f} sketches come back most real; {kept:.0%} keep their class.",
        f"Da t = {t:.2f} gli schizzi tornano più veri; il {kept:.0%} resta ciò che era.",
    )
    report.bound("class_at_the_end_when_told", labelled.kept[-1], at_least=0.95 / p.slack)


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 3, width=18, height=14, gridspec_kw={"height_ratios": [1.3, 1]})
    grid = axes[0, 0].get_gridspec()
    for ax in axes[0]:
        ax.remove()
    draw_film(fig.add_subplot(grid[0, :]), result)
    draw_curves(axes[1], result)
    draw_levels(axes[1], result)
    return fig


def draw_film(ax, result: Result) -> None:
    names = viz.say("sketch + noise,walked back,photo + noise,walked back,…told: an 8",
                    "schizzo + rumore,ritorno,foto + rumore,ritorno,…con l'etichetta 8").split(",")  # fmt: skip
    heads = [viz.label("start"), *(f"{s:.2f}" for s in result.times[list(SHOWN)])]
    viz.film(ax, result.film, heads, row_labels=names)
    ax.xaxis.tick_top()
    ax.set_title(viz.say("noised to $t$, and back", "rumore fino a $t$, e ritorno"))


def draw_curves(panels, result: Result) -> None:
    """The class that is kept, how real the pictures look, and how like their start they are."""
    styles = (
        ("photo", "blue", "o-", viz.say("photo", "foto")),
        ("sketch", "orange", "s-", viz.say("sketch", "schizzo")),
        ("labelled", "green", "^-", viz.say("photo, told its label", "foto con etichetta")),
    )
    for kind, color, style, words in styles:
        one, color = result.kinds[kind], viz.COLORS[color]
        viz.with_errors(panels[0], result.times, one.kept, words, color, fmt=style)
        viz.with_errors(panels[1], result.times, one.frechet, words, color, fmt=style)
        panels[2].plot(one.off, [distance.value for distance in one.frechet], style, color=color, label=words)
        if kind == "sketch":
            before = result.sketches
            panels[2].plot(0, before, style[0], color=color, fillstyle="none")
            panels[2].annotate(viz.say("as it was", "com'era"), (0, before), (9, -4), textcoords="offset points")
            for i in (0, 2, 4, 9):
                place = one.off[i], one.frechet[i].value
                panels[2].annotate(f"$t = {result.times[i]:.2f}$", place, (9, 6), textcoords="offset points")


def draw_levels(panels, result: Result) -> None:
    """Titles, axes, and what chance and real digits would have."""
    viz.theory(panels[0], None, 0.1)
    panels[0].set(title=viz.say("same class as the start", "stessa classe dell'inizio"), xlabel=viz.label("time"))
    panels[1].set_title(viz.say("Fréchet distance from real digits", "distanza di Fréchet da cifre vere"))
    panels[2].set_title(viz.say("realism v. faithfulness", "realismo e fedeltà"))
    panels[2].set_xlabel(viz.say("difference (rms)", "differenza (rms)"))
    panels[2].set_ylabel(viz.say("Fréchet distance", "distanza di Fréchet"))
    panels[0].annotate(viz.say("by chance", "per caso"), (0, 0.1), (0, 6), textcoords="offset points")
    for ax in panels[1:]:
        viz.theory(ax, None, result.floor, viz.label("real"))
        ax.set(ylim=(0, 1.6 * ax.get_ylim()[1]), xlabel=ax.get_xlabel() or viz.label("time"))
    panels[1].legend(loc="upper right")
    panels[2].set_xlim(-0.02, 1.5 * panels[2].get_xlim()[1])


if __name__ == "__main__":
    run_script(__file__)
