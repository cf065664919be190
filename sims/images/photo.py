"""From a starting photo: noised by the ordinary kernel and walked back.

A little noise hides the details of a picture, more of it what the picture shows. Walked back from time t with the
learned score a crude sketch becomes a digit as people write them: the later t, the more real and the less like the
sketch. Told its label as well, a photo stays that digit however late; told another, it becomes that one.
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


QUICK = {"steps": 20, "photos": 50, "walk": 6, "same": 0.5, "slack": 1e3}
TOUR = {"steps": 700, "photos": 80, "walk": 15, "same": 0.9, "slack": 1.4}
LIMITS = {"photos": (40, 540), "walk": (4, None), "same": (0, 1)}
RATIOS = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5, 2.5, 5.0, 100.0)  # of noise to what is left of the photo
SHOWN = (0, 2, 4, 5, 6, 7, 9)
KINDS = {
    "photo": (viz.COLORS["blue"], "o-", ("photo", "foto")),
    "sketch": (viz.COLORS["orange"], "s-", ("sketch", "schizzo")),
    "told": (viz.COLORS["green"], "^-", ("photo, told its label", "foto con etichetta")),
}


def run(p: Parameters, report: Report) -> None:
    train, held_out = ink.datasets.digits().split(test_size=0.3, random_state=0)
    fit = ink.fit if report.quick else ink.fit_cached
    told = {
        "condition": ink.Conditioning(train.y, p_uncond=0.4),
        "parameterisation": ink.Parameterisation(match_moments=False),
    }
    score = fit(ink.VariancePreserving.linear(), train, steps=p.steps, seed=p.seed, **told)
    x, labels = held_out.x[: p.photos], held_out.y[: p.photos]
    starts = {"photo": x, "sketch": (x > 0.5).astype(np.float32), "told": x}
    times = score.preconditioning.levels.times(score.process, np.log(RATIOS))
    own = {kind: score for kind in KINDS} | {"told": score.given(label=labels, guidance=p.guidance)}
    found = {kind: [back(own[kind], start, t, p) for t in times] for kind, start in starts.items()}
    fig, axes = viz.figure(2, 3, width=18, height=14, gridspec_kw={"height_ratios": [1.3, 1]})
    grid = axes[0, 0].get_gridspec()
    for ax in axes[0]:
        ax.remove()
    films(fig.add_subplot(grid[0, :]), score, starts, found, times, p)
    curves(axes[1], starts, found, times, train, held_out, labels, report, p)
    report.figure(fig)


def back(score: ink.LearnedScore, x, t: float, p: Parameters) -> np.ndarray:
    """Noise x to time t by the ordinary kernel, and walk back along the flow."""
    noised = ink.diffuse(score.process, score.encode(x), t, seed=p.seed)
    grid = score.times(p.walk)
    walk = ink.reverse(score.process, score, noised, [t, *grid[grid < t]], seed=p.seed, sampler="heun", observe={})
    return np.clip(score.decode(walk.last), 0, 1)


def films(ax, score: ink.LearnedScore, starts, found, times, p: Parameters) -> None:
    """A sketch and a photo at some times: noised, walked back, and walked back when told to become another digit."""
    t, rows = times[list(SHOWN)], []
    for kind, k in (("sketch", 3), ("photo", 5)):
        clean, start = score.encode(starts[kind][k : k + 1]), starts[kind][k]
        noised = (ink.diffuse(score.process, clean, s, seed=p.seed) / score.process.alpha(s) for s in t)
        rows += [[start, *(score.decode(y)[0] for y in noised)], [start, *(found[kind][i][k] for i in SHOWN)]]
    eight = score.given(label=8, guidance=p.guidance)
    rows.append([start, *(back(eight, start[None], s, p)[0] for s in t)])
    frames = np.clip(np.array(rows), 0, 1).reshape(len(rows), len(t) + 1, *score.image_shape).swapaxes(0, 1)
    names = viz.say("sketch + noise,walked back,photo + noise,walked back,…told: an 8",
                    "schizzo + rumore,ritorno,foto + rumore,ritorno,…con l'etichetta 8").split(",")  # fmt: skip
    heads = [viz.label("start"), *(f"{s:.2f}" for s in t)]
    viz.film(ax, frames, heads, row_labels=names)
    ax.xaxis.tick_top()
    ax.set_title(viz.say("noised to $t$, and back", "rumore fino a $t$, e ritorno"))


def curves(panels, starts, found, times, train, held_out, labels, report: Report, p: Parameters) -> None:
    """The class that is kept, how real the pictures look, and how like their start they are."""
    for kind, (color, style, words) in KINDS.items():
        seen = [ink.classify(x, train) for x in found[kind]]
        kept = [ink.Estimate.of_mean(read == labels) for read in seen]
        real = [ink.frechet_distance(x, train) for x in found[kind]]
        off = [np.sqrt(((x - starts[kind]) ** 2).mean()) for x in found[kind]]
        viz.with_errors(panels[0], times, kept, viz.say(*words), color, fmt=style)
        viz.with_errors(panels[1], times, real, viz.say(*words), color, fmt=style)
        panels[2].plot(off, [one.value for one in real], style, color=color, label=viz.say(*words))
        if kind == "photo":
            chance = float(sum(np.mean(labels == k) * np.mean(seen[-1] == k) for k in range(10)))
            report.bound("photo_keeps_its_class_at_the_earliest_time", kept[0], at_least=p.same)
            report.check("photo_keeps_its_class_at_the_end_by_chance", kept[-1], chance)
        elif kind == "told":
            report.bound("class_at_the_end_when_told", kept[-1], at_least=0.95 / p.slack)
        else:
            before, best = ink.frechet_distance(starts[kind], train).value, int(np.argmin([one.value for one in real]))
            report.bound("sketch_back_frechet_over_sketch", real[best].value / before, at_most=0.3 * p.slack)
            panels[2].plot(0, before, style[0], color=color, fillstyle="none")
            panels[2].annotate(viz.say("as it was", "com'era"), (0, before), (9, -4), textcoords="offset points")
            for i in (0, 2, 4, 9):
                panels[2].annotate(f"$t = {times[i]:.2f}$", (off[i], real[i].value), (9, 6), textcoords="offset points")
            report.sentence(
                f"From t = {times[best]:.2f} sketches come back most real; {kept[best].value:.0%} keep their class.",
                f"Da t = {times[best]:.2f} gli schizzi tornano più veri; il {kept[best].value:.0%} resta ciò che era.",
            )
    viz.theory(panels[0], None, 0.1)
    panels[0].set(title=viz.say("same class as the start", "stessa classe dell'inizio"), xlabel=viz.label("time"))
    panels[1].set_title(viz.say("Fréchet distance from real digits", "distanza di Fréchet da cifre vere"))
    panels[2].set_title(viz.say("realism v. faithfulness", "realismo e fedeltà"))
    panels[2].set_xlabel(viz.say("difference (rms)", "differenza (rms)"))
    panels[2].set_ylabel(viz.say("Fréchet distance", "distanza di Fréchet"))
    panels[0].annotate(viz.say("by chance", "per caso"), (0, 0.1), (0, 6), textcoords="offset points")
    for ax in panels[1:]:
        viz.theory(ax, None, ink.frechet_distance(held_out, train).value, viz.label("real"))
        ax.set(ylim=(0, 1.6 * ax.get_ylim()[1]), xlabel=ax.get_xlabel() or viz.label("time"))
    panels[1].legend(loc="upper right")
    panels[2].set_xlim(-0.02, 1.5 * panels[2].get_xlim()[1])


if __name__ == "__main__":
    run_script(__file__)
