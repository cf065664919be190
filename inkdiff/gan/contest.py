r"""A duel in progress: whose turn it is, what the two are shown, and a diary of how often the detective is right.

    step k:   rows, z, z'  <-  stream DUEL at 3k + 1, 3k + 2, 3k + 3;    the detective sees (rows, G(z)), the forger z'

The detective is watched on real points held out of training: a part drawn once, at step 0 of the stream, and as many
forgeries from latents of their own. It is the iterate that is watched, which the forger's next step will meet.

Reference: I. Goodfellow et al. (2014), arXiv:1406.2661, algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff._core.rng import Stream
from inkdiff.gan.detective import accuracy, evaluate
from inkdiff.gan.forger import History
from inkdiff.gan.objective import Pair, beside, detective_gradient, forger_gradient
from inkdiff.gan.player import Player
from inkdiff.metrics import Column, Estimate
from inkdiff.nn import Arena, PlainMLP, Run

__all__ = ["Contest", "Diary"]

_WATCHED = 1000  # real points held out, at most
_FEWEST = 20  # and at least
_LOOK = 2  # steps of stream LATENT from here on belong to looks; 0 and 1 to `Forger.sample`


@dataclass
class Diary:
    """What is written down at every look."""

    steps: list[int] = field(default_factory=list)
    losses: list[tuple[float, float]] = field(default_factory=list)
    right: list[Estimate] = field(default_factory=list)
    since: list[tuple[float, float]] = field(default_factory=list)

    def note(self, step: int, right: Estimate) -> None:
        """Close the stretch since the last look."""
        self.steps.append(step)
        self.right.append(right)
        forger, detective = (float(np.mean(side)) for side in zip(*self.since, strict=True))
        self.losses.append((forger, detective))
        self.since.clear()

    @property
    def history(self) -> History:
        """So far."""
        losses, right = np.reshape(self.losses, (-1, 2)), np.reshape(self.right, (-1, 2))
        return History(np.array(self.steps, np.int64), losses[:, 0], losses[:, 1], Column(right[:, 0], right[:, 1]))


@dataclass
class Contest:
    """Both players, what they are shown (rows with their label columns), and the diary."""

    pair: Pair
    forger: Player
    detective: Player
    real: Array
    held: Array
    latent: int
    seed: int
    r1: float
    diary: Diary = field(default_factory=Diary)

    @classmethod
    def start(
        cls, x: Array, hot: Array | None, shapes: list[PlainMLP], *,
        held_out: float, latent: int, seed: int, r1: float, **rules: Any,
    ) -> Contest:  # fmt: skip
        """Before the first step; x (n, d) scaled, hot (n, classes) or None, `shapes` of forger and detective."""
        classes = 0 if hot is None else hot.shape[1]
        pair = Pair(shapes[0].build(latent + classes, x.shape[1]), shapes[1].build(x.shape[1] + classes, 1))
        forger = Player.start("forger", pair.forger, x, seed=seed, step=0, **rules)
        detective = Player.start("detective", pair.detective, x, seed=seed, step=1, parts=2, **rules)
        xp, (kept, watched) = array_module(x), _divide(len(x), held_out, seed)
        shown = beside(Arena(), x, hot)
        real, held = shown[xp.asarray(kept)], shown[xp.asarray(watched)]
        return cls(pair, forger, detective, real, held, latent, seed, r1)

    def advance(self) -> tuple[float, float]:
        """One step of each; returns the forger's and the detective's loss before it.

        Raises
        ------
        FloatingPointError
            If a loss is not finite.
        """
        first, batch, d = 3 * self.forger.state.step + 1, self.forger.batch, self.pair.d
        xp = array_module(self.real)
        u = kernels.uniform(batch, seed=self.seed, step=first, stream=Stream.DUEL).astype(np.float64)
        real = self.real[xp.asarray((u * len(self.real)).astype(np.int64))]
        hot = real[:, d:] if real.shape[1] > d else None

        def detect(arena: Arena, rows: slice, out: Array) -> float:
            fake = self._forge(arena, z[rows], None if hot is None else hot[rows])
            run = Run(self.detective.state.theta, arena, training=True)
            return detective_gradient(self.pair.detective, run, real[rows], fake, out, d=d, r1=self.r1, batch=batch)

        def forge(arena: Arena, rows: slice, out: Array) -> float:
            run, opponent = (Run(one.state.theta, arena, training=True) for one in (self.forger, self.detective))
            columns = None if hot is None else hot[rows]
            return forger_gradient(self.pair, run, opponent, z[rows], columns, out, batch=batch)

        z = self._latents(batch, first + 1, Stream.DUEL)
        of_detective = self.detective.advance(detect)
        z = self._latents(batch, first + 2, Stream.DUEL)
        of_forger = self.forger.advance(forge)
        self.diary.since.append((of_forger, of_detective))
        return of_forger, of_detective

    def look(self) -> Estimate:
        """The detective's accuracy on the held-out points and as many fresh forgeries, noted in the diary."""
        z = self._latents(len(self.held), _LOOK + len(self.diary.steps), Stream.LATENT)
        hot = self.held[:, self.pair.d :] if self.held.shape[1] > self.pair.d else None
        fake = beside(Arena(), evaluate(self.pair.forger, self.forger.state.theta, z, hot), hot)
        real, forged = (evaluate(self.pair.detective, self.detective.state.theta, x)[:, 0] for x in (self.held, fake))
        right = accuracy(real, forged)
        self.diary.note(self.forger.state.step, right)
        return right

    def _forge(self, arena: Arena, z: Array, hot: Array | None) -> Array:
        fake, _ = self.pair.forger(Run(self.forger.state.theta, arena), beside(arena, z, hot))
        return beside(arena, fake, hot)

    def _latents(self, n: int, step: int, stream: Stream) -> Array:
        z = array_module(self.real).empty(n * self.latent, np.float32)
        kernels.normal(n * self.latent, seed=self.seed, step=step, stream=stream, out=z)
        return z.reshape(n, self.latent)


def _divide(n: int, held_out: object, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows to learn from, and rows to be watched on."""
    share = checks.real(held_out, "held_out")
    if not 0 < share < 1:
        raise ValueError(f"held_out must be a share of the data between 0 and 1, got {share}.")
    watched = min(_WATCHED, round(share * n))
    if watched < _FEWEST or watched == n:
        raise ValueError(
            f"held_out={share:g} leaves {watched} of the {n} rows of data to watch the detective on: give data and a "
            f"share that leave at least {_FEWEST}, and some to learn from."
        )
    order = np.argsort(kernels.uniform(n, seed=seed, stream=Stream.DUEL), kind="stable")
    return np.sort(order[watched:]), np.sort(order[:watched])
