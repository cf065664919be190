"""Memory or knowledge: networks trained on 16 to 1257 digits; the first copy their images, the last one invents.

The exact score of the training images only ever returns those images: had a network learned it to perfection, it
could make nothing new. Trained on few images it does just that. Given more than it can keep in mind, it makes digits
that nobody wrote, and tells noise from image as well on digits it never saw as on those it was shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script


@dataclass(frozen=True)
class Parameters:
    fewest: int = 16
    """training images of the first network; each next one has about twice as many, the last all 1257"""
    steps: int = 1000
    """training steps of every network"""
    samples: int = 300
    """images generated for each measurement"""
    copied: float = 0.5
    """least share of copies among the images of the first network"""
    invented: float = 0.02
    """largest share of copies among those of the last one"""
    trained: bool = True
    """whether the training is long enough for the other checks to be strict"""
    seed: int = 0
    """64-bit seed of everything"""


QUICK = {"fewest": 600, "steps": 20, "samples": 40, "copied": 0.0, "invented": 1.0, "trained": False}
LIMITS = {"fewest": (16, 1256), "samples": (2, None), "copied": (0, 1), "invented": (0, 1)}
SHOWN = 12  # images beside their nearest training image
COLORS = ("blue", "sky", "green", "orange", "red", "purple", "#000000")


@dataclass(frozen=True)
class Trained:
    """One network, from what it was shown to what it makes."""

    x: np.ndarray
    """(n, d) its training images"""
    moments: list[int]
    """steps of the training"""
    copies: list[ink.Estimate]
    """share of copies among generated images, at each of these"""
    images: np.ndarray
    """generated in the end"""
    losses: tuple[ink.Estimate, ink.Estimate]
    """of denoising: on its training images, and on images never seen"""
    remembered: ink.Estimate
    """share of copies that the exact score of its training images makes"""


@dataclass(frozen=True)
class Result:
    runs: dict[int, Trained]
    """by the number of training images, in increasing order"""
    floor: ink.Estimate
    """share of copies among real images never seen"""
    nearest: ink.Estimate
    """distance from generated to training images over that to held-out ones, of the last network"""
    image_shape: tuple[int, ...]

    @property
    def few(self) -> Trained:
        """The network with the fewest images."""
        return self.runs[min(self.runs)]

    @property
    def many(self) -> Trained:
        """The network with the most images."""
        return self.runs[max(self.runs)]


def compute(p: Parameters) -> Result:
    train, held_out = ink.datasets.digits().split(test_size=0.3, random_state=0)
    sizes = [n for n in (16 * 2**k for k in range(7)) if p.fewest <= n < 0.6 * len(train)]
    runs = {n: train_on(train.x[:n], train, held_out, p) for n in sorted({p.fewest, *sizes, len(train)})}
    nearest = ink.nearest_distance_ratio(runs[max(runs)].images, train, held_out)
    return Result(runs, ink.copied_share(held_out, train), nearest, train.image_shape)


def train_on(x: np.ndarray, train, held_out, p: Parameters) -> Trained:
    """Train on the images x and measure on the way; without the correction of moments, which is not the network's."""
    moments = sorted({max(1, p.steps * share // 100) for share in (10, 20, 40, 70, 100)})
    copies, process = [], ink.VariancePreserving.linear()

    def measure(step: int, loss: float, snapshot) -> None:
        if step in moments:
            images = snapshot().sample(p.samples, seed=p.seed, steps=20, sampler="dpm_solver")
            copies.append(ink.copied_share(images, x))

    data = ink.datasets.Dataset(x, image_shape=train.image_shape, range=train.range)
    uncorrected, watched = ink.Parameterisation(match_moments=False), ink.RunOptions(callback=measure)
    score = ink.fit(process, data, steps=p.steps, seed=p.seed, parameterisation=uncorrected, progress=watched)
    rows, times = (score.encode(x), score.encode(held_out.x)), score.times(10)[2:-1]
    seen, unseen = (ink.denoising_loss(process, score, row, times, seed=p.seed) for row in rows)
    images = score.sample(p.samples, seed=p.seed, steps=20, sampler="dpm_solver")
    memory = ink.EmpiricalScore(process, rows[0])
    start = process.prior(1.0).sample(min(p.samples, 100), x.shape[1], seed=p.seed)
    walk = ink.reverse(process, memory, start, score.times(20), seed=p.seed, sampler="dpm_solver")
    remembered = ink.copied_share(score.decode(walk.last), x)
    return Trained(x, moments, copies, images, (seen, unseen), remembered)


def check(p: Parameters, result: Result, report: Report) -> None:
    few, many = result.few, result.many
    remembered = min(trained.remembered.value for trained in result.runs.values())
    report.bound("copies_of_the_exact_score_of_the_images", remembered, at_least=0.99)
    report.bound(f"copies_after_{len(few.x)}_images", few.copies[-1].value, at_least=p.copied)
    report.bound(f"copies_after_{len(many.x)}_images", many.copies[-1].value, at_most=p.invented)
    (seen, unseen), (seen_few, unseen_few) = many.losses, few.losses
    report.bound("loss_on_unseen_over_seen_many", unseen.value / seen.value, at_most=1.3 if p.trained else 9.0)
    report.bound("loss_on_unseen_over_seen_few", unseen_few.value / seen_few.value, at_least=3 if p.trained else 0)
    least = 0.85 if p.trained else 0.0
    report.bound("nearest_training_image_over_held_out_many", result.nearest, at_least=least)
    few_, many_ = 100 * few.copies[-1].value, 100 * many.copies[-1].value
    report.sentence(
        f"Trained on {len(few.x)} images, {few_:.0f} % of what the network makes are copies; on {len(many.x)}, "
        f"{many_:.1f} %.",
        f"Addestrata su {len(few.x)} immagini, la rete fa copie nel {few_:.0f} % dei casi; su {len(many.x)}, nel "
        f"{many_:.1f} %.",
    )


def draw(p: Parameters, result: Result):
    fig, axes = viz.figure(2, 3, width=18, aspect=0.74, gridspec_kw={"height_ratios": [2.2, 1]})
    draw_sizes(axes[0, 0], result.runs, result.floor)
    draw_moments(axes[0, 1], result.runs)
    draw_losses(axes[0, 2], result.runs)
    grid = axes[1, 0].get_gridspec()[1, :].subgridspec(1, 2)
    for ax in axes[1]:
        ax.remove()
    for column, trained in enumerate((result.few, result.many)):
        draw_images(fig.add_subplot(grid[0, column]), trained, result.image_shape)
    return fig


def draw_sizes(ax, runs: dict[int, Trained], floor: ink.Estimate) -> None:
    sizes = list(runs)
    exact, learned = [r.remembered for r in runs.values()], [r.copies[-1] for r in runs.values()]
    label = viz.say("exact score of the images", "score esatto delle immagini")
    viz.with_errors(ax, sizes, exact, label, "red", fmt="s-")
    viz.with_errors(ax, sizes, learned, viz.say("network", "rete"), "blue", fmt="o-")
    viz.theory(ax, None, floor.value, viz.say("real, never seen", "vere, mai viste"))
    over_images(ax, runs)
    ax.set(ylim=(-0.05, 1.5), yticks=[0, 0.5, 1], ylabel=viz.say("share of copies", "frazione di copie"))
    ax.legend(loc="upper left")
    ax.set_title(viz.say("few images: copies", "poche immagini: copie"))


def over_images(ax, runs: dict[int, Trained]) -> None:
    """The axis of training images, marked at every other network."""
    marks = list(runs)[::-2][::-1]
    ax.set(xscale="log", xlabel=viz.say("training images", "immagini di addestramento"))
    ax.set_xticks(marks, [str(n) for n in marks])
    ax.minorticks_off()


def draw_moments(ax, runs: dict[int, Trained]) -> None:
    for (n, trained), color in zip(runs.items(), COLORS, strict=False):
        viz.with_errors(ax, trained.moments, trained.copies, f"$n = {n}$", color, fmt="o-")
    ax.set(ylim=(-0.05, 1.05), xlabel=viz.say("training step", "passo di addestramento"))
    ax.set_ylabel(viz.say("share of copies", "frazione di copie"))
    ax.legend(loc="upper left", fontsize="x-small")
    ax.set_title(viz.say("memory grows with training", "la memoria cresce allenandosi"))


def draw_losses(ax, runs: dict[int, Trained]) -> None:
    names = (
        viz.say("on its own images", "sulle proprie immagini"),
        viz.say("on images never seen", "su immagini mai viste"),
    )
    for k, (name, color) in enumerate(zip(names, ("blue", "red"), strict=True)):
        viz.with_errors(ax, list(runs), [r.losses[k] for r in runs.values()], name, color, fmt="o-")
    over_images(ax, runs)
    ax.set(ylim=(0, 1.35), ylabel=viz.say("error of the predicted noise", "errore sul rumore previsto"))
    ax.legend(loc="upper right")
    ax.set_title(viz.say("knowledge: the two meet", "conoscenza: le due si incontrano"))


def draw_images(ax, trained: Trained, image_shape: tuple[int, ...]) -> None:
    """Generated images above the training images nearest to them."""
    x, made = trained.x, trained.images[:SHOWN]
    nearest = x[((made[:, None] - x) ** 2).sum(2).argmin(1)]
    viz.images(ax, np.clip(np.concatenate([made, nearest]), 0, 1), image_shape, 2, SHOWN)
    title = viz.say("images: made (above), nearest (below)", "immagini: create (sopra), la più vicina (sotto)")
    ax.set_title(f"{len(x)} {title}")


if __name__ == "__main__":
    run_script(__file__)
