"""Sample grids: what a network can do by now, as a picture beside its checkpoint, real data above or beside.

Samples always start from the same noise, so that pictures of different steps show the same walkers arriving better
and better: x_0 = reverse(x_T; score of step k), with x_T fixed.

Reference: the pictures are those of `inkdiff.viz`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inkdiff import LearnedScore
    from inkdiff.datasets import Dataset

__all__ = ["SampleGrid"]

_COLUMNS, _REAL_ROWS, _ROWS = 12, 2, 5
_POINTS = 2000
_WALK = 40  # steps of a walk: enough to see


@dataclass
class SampleGrid:
    """A callback of `inkdiff.fit` that draws `path` every `every` steps (0: never)."""

    path: Path
    data: Dataset
    steps: int
    every: int
    seed: int
    loss: float = field(default=float("nan"), init=False)

    @property
    def drawable(self) -> bool:
        """Whether the data are images or points of the plane."""
        return self.every > 0 and (self.data.image_shape is not None or self.data.d == 2)

    def __call__(self, step: int, loss: float, snapshot: Callable[[], LearnedScore]) -> None:
        """Draw, if it is time; the last step is drawn by who has the finished score."""
        self.loss = loss
        if self.drawable and step % self.every == 0 and step < self.steps:
            self.draw(snapshot(), step)

    def draw(self, score: LearnedScore, step: int) -> None:
        """Real data and samples of `score`, whole or not at all."""
        from inkdiff import viz

        shape = self.data.image_shape
        fig = self._points(score) if shape is None else self._images(score, shape)
        title = viz.say(f"step {step} of {self.steps}", f"passo {step} di {self.steps}")
        loss = f", {viz.say('loss', 'errore')} {self.loss:.3g}" if self.loss == self.loss else ""
        fig.suptitle(title + loss)
        viz.save(fig, self.path, dpi=100)

    def _images(self, score: LearnedScore, shape: tuple[int, ...]) -> Any:
        from inkdiff import viz

        fig, axes = viz.figure(2, 1, width=12, height=8, gridspec_kw={"height_ratios": [_REAL_ROWS, _ROWS]})
        real = self.data.x[: _COLUMNS * _REAL_ROWS]
        made = score.sample(_COLUMNS * _ROWS, seed=self.seed, steps=_WALK)
        panels = (axes[0, 0], real, _REAL_ROWS), (axes[1, 0], made, _ROWS)
        for (ax, x, rows), title in zip(panels, _titles(), strict=True):
            viz.images(ax, x, shape, rows, _COLUMNS)
            ax.set_title(title)
        return fig

    def _points(self, score: LearnedScore) -> Any:
        from inkdiff import viz

        fig, axes = viz.figure(1, 2, width=12, height=6.6, sharex=True, sharey=True)
        made = score.sample(_POINTS, seed=self.seed, steps=_WALK)
        clouds = (axes[0, 0], self.data.x[:_POINTS], "blue"), (axes[0, 1], made, "red")
        for (ax, x, color), title in zip(clouds, _titles(), strict=True):
            viz.scatter(ax, x, color=color)
            ax.set_title(title)
            ax.set_xlabel(viz.label("x"))
        axes[0, 0].set_ylabel(viz.label("y"))
        return fig


def _titles() -> tuple[str, str]:
    """Of the real data and of the samples, in the language of the figures."""
    from inkdiff import viz

    return viz.label("real"), viz.say("generated", "generate")
