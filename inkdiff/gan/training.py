r"""The duel: forger and detective take turns, one step each, until the last step planned.

    detective:  D <- AdamW(D, grad of [E softplus(-D(x)) + E softplus(D(G(z))) + (r1/2) E |grad_x D(x)|^2])
    forger:     G <- AdamW(G, grad of  E softplus(-D(G(z)))),          fresh z

Rows, latents and initial weights come from counter-based streams addressed by the step: a duel is a pure function of
data, settings and seed, whatever the number of threads. A part of the data is held out, on which the detective is
watched: what it has learned by heart it knows, and what it knows of that says nothing.

Reference: I. Goodfellow et al. (2014), arXiv:1406.2661, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from inkdiff._core import checks
from inkdiff._core.backend import array_module
from inkdiff.datasets.scaling import Scaling
from inkdiff.gan.contest import Contest
from inkdiff.gan.detective import Detective
from inkdiff.gan.forger import Forger
from inkdiff.gan.labels import Labels
from inkdiff.gan.player import check_flag, check_penalty, check_rules, check_shape
from inkdiff.nn import PlainMLP, one_thread_each

__all__ = ["Callback", "duel"]

_SMALL = 8  # up to this many coordinates the data are points, beyond it they are pictures
_LOOKS = 100  # at the accuracy, in a duel

# callback(step, losses, snapshot): steps done, (forger's, detective's) loss of the last, and the present Forger on call
Callback = Callable[[int, tuple[float, float], Callable[[], Forger]], object]


def duel(
    data: Any,
    *,
    steps: int,
    seed: int,
    label: bool = False,
    forger: PlainMLP | None = None,
    detective: PlainMLP | None = None,
    latent: int | None = None,
    batch: int = 256,
    lr: float = 5e-3,
    r1: float = 0.5,
    warmup: int = 100,
    held_out: float = 0.1,
    every: int | None = None,
    threads: int = 0,
    progress: bool = True,
    callback: Callback | None = None,
) -> Forger:
    """Train a forger against a detective (a generative adversarial network).

    Parameters
    ----------
    data : (n, d) array, or a data set with `.x` (and `.y`, `.image_shape`, `.range`), in its natural units; NumPy, or
        CuPy to train on a GPU.
    steps : of each of the two. seed : 64-bit seed of everything random.
    label : whether both see the labels `data.y`; the forger can then be asked for one.
    forger, detective : sizes; by default PlainMLP(128, 3) for points, (256, 3) for pictures (d > 8).
    latent : coordinates of the noise that the forger begins with; by default 2 for points, 32 for pictures.
    batch : real points, and forgeries, per step.
    lr, warmup : peak of the learning rate of both, steps of its linear rise; it then falls to zero by half a cosine.
    r1 : weight of the penalty on the detective's slope at real points, in units of the scaled data; 0 for none.
    held_out : share of the data never trained on (at most 1000 rows), on which the detective's accuracy is measured.
    every : steps between two such looks; by default a hundredth of all.
    threads : 0 for all cores; changes the time, not the result.
    progress : show a bar with both losses.
    callback : called after every step as callback(steps done, (forger's loss, detective's loss), snapshot); snapshot()
        is the present Forger.

    Returns
    -------
    Forger, with `.history` and the last `.detective`. The same bits for any number of threads, on one machine and BLAS
    build.

    Raises
    ------
    ValueError, TypeError
        If data are empty, not finite, not (n, d), constant, too few to hold 20 out, or without the labels asked for; or
        a setting is out of range.
    FloatingPointError
        If a loss or the weights stop being finite; it says whose, and what is at fault.
    """
    x = checks.state(getattr(data, "x", data), "data")
    x = array_module(x).ascontiguousarray(x, dtype=np.float32)
    picture = x.shape[1] > _SMALL
    rules = check_rules(steps=steps, batch=batch, lr=lr, warmup=warmup, threads=threads)
    shapes = [
        check_shape(PlainMLP(256 if picture else 128, 3) if net is None else net, name)
        for net, name in ((forger, "forger"), (detective, "detective"))
    ]
    latent = checks.count((32 if picture else 2) if latent is None else latent, "latent")
    every = checks.count(max(1, steps // _LOOKS) if every is None else every, "every")
    label, progress = check_flag(label, "label"), check_flag(progress, "progress")
    labels = Labels.of(data) if label else None
    hot = None if labels is None else labels.columns(data.y, len(x), like=x)
    scaling = Scaling.free(x, getattr(data, "range", None))
    told: dict[str, Any] = {"seed": checks.seed64(seed), "latent": latent, "r1": check_penalty(r1)}
    with one_thread_each():
        contest = Contest.start(scaling.encode(x), hot, shapes, held_out=held_out, **told, **rules)
    shown = {"label": label, "held_out": held_out, "detective": f"{shapes[1].width} x {shapes[1].depth}"}
    about = {"data": str(getattr(data, "name", "array")), "n": len(x)} | told | rules | shown
    about.pop("threads")
    image_shape = getattr(data, "image_shape", None)

    def snapshot() -> Forger:
        done = contest.forger.state.step
        notes = about | ({"step": done} if done < contest.forger.steps else {})
        judge = Detective(contest.pair.detective, contest.detective.state.mean.copy(), scaling, labels)
        theta, history = contest.forger.state.mean.copy(), contest.diary.history
        return Forger(contest.pair.forger, theta, scaling, latent, labels, image_shape, judge, history, notes)

    _run(contest, snapshot, every, progress, callback)
    return snapshot()


def _run(
    contest: Contest, snapshot: Callable[[], Forger], every: int, progress: bool, callback: Callback | None
) -> None:
    from tqdm import tqdm

    steps = contest.forger.steps
    with one_thread_each(), tqdm(total=steps, disable=not progress, desc="the duel", unit="step") as bar:
        for step in range(1, steps + 1):
            losses = contest.advance()
            bar.update()
            if step % every == 0 or step == steps:
                right = contest.look()
                bar.set_postfix(forger=f"{losses[0]:.3f}", detective=f"{losses[1]:.3f}", right=f"{right.value:.2f}")
            if callback is not None:
                callback(step, losses, snapshot)
        contest.forger.check()
        contest.detective.check()
