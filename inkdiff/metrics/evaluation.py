r"""Judging a learned score by the truth: every number beside the one that real data get at equal numbers.

Where the density p is known, the score's own density q (`LearnedScore.log_likelihood`) is compared with it point by
point on fresh data,

    E_p[-ln q] - S  =  E_p[ln p - ln q]  =  KL(p || q)  >=  0        (nats, ideal 0),

the right-hand mean having by far the smaller error. Samples are compared with real data by distances D that are
positive even between two real samples, so each comes with its floor,

    median_k D(model_k, real_k)      beside      median_k D(real'_k, real_k),        equally many rows in each,

and their ratio, at best 1. Real data without end (a figure of the plane) are drawn afresh; of a finite set a part is
held out of training, the floor is set by training rows against that part, and more is asked: are the classes in their
proportion, can a frozen classifier read the samples, are they copies of training rows.

References: L. Theis, A. van den Oord, M. Bethge (2016), arXiv:1511.01844 (one measure does not stand for another); M.
Heusel et al. (2017), arXiv:1706.08500.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, asnumpy
from inkdiff._core.rng import Stream
from inkdiff.datasets.dataset import Dataset, Density
from inkdiff.metrics import (
    Estimate,
    FeatureClassifier,
    class_histogram,
    energy_distance,
    frechet_distance,
    nearest_distance_ratio,
    sliced_wasserstein,
)

if TYPE_CHECKING:
    from inkdiff.learned import LearnedScore

__all__ = ["FreshData", "HeldOut", "Measure", "against_floor", "excess_nll", "judge"]

Distance = Callable[[Array, Array], Estimate]

_APART = 2**63  # seeds of real data, far from those of samples
_LIKELIHOODS = 2000  # rows whose density is asked for: enough for a paired mean, and each costs 200 scores
_DISTANCES: dict[str, Distance] = {
    "energy distance": energy_distance,
    "sliced Wasserstein": partial(sliced_wasserstein, directions=64),
}


@dataclass(frozen=True)
class Measure:
    """One number of a model beside what real data get.

    Attributes
    ----------
    name : what was measured
    value : of the model; over several draws their median
    floor : of real data in the model's place, or None where `ideal` says all
    ideal : what a perfect model has, where that is a fixed number
    """

    name: str
    value: Estimate
    floor: Estimate | None = None
    ideal: float | None = None

    @property
    def ratio(self) -> float | None:
        """value/floor, or None without a floor."""
        return None if self.floor is None or self.floor.value == 0 else self.value.value / self.floor.value


@dataclass(frozen=True)
class FreshData:
    """Real data that can be drawn afresh: `draw(n, seed)` is a data set of n independent rows."""

    draw: Callable[[int, int], Dataset]
    seed: int = 0

    def pair(self, k: int, n: int) -> tuple[Array, Array]:
        """Two independent samples of n rows."""
        first = (_APART + self.seed + 2 * k) % 2**64
        return self.draw(n, first).x, self.draw(n, (first + 1) % 2**64).x


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A finite set of real data, divided: `train`, which the model may have seen, and `held_out`, which it may not."""

    train: Dataset
    held_out: Dataset
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what are no data sets, and parts that do not belong together."""
        for name in ("train", "held_out"):
            if not isinstance(part := getattr(self, name), Dataset):
                raise TypeError(f"{name} must be a data set, inkdiff.datasets.Dataset(x), got {checks.show(part)}.")
        if self.train.d != self.held_out.d:
            raise ValueError(f"held_out has {self.held_out.d} columns, train {self.train.d}: give parts of one set.")

    def pair(self, k: int, n: int) -> tuple[Array, Array]:
        """`n` training rows at random (all at most), and the held-out rows."""
        u = kernels.uniform(len(self.train), seed=self.seed, step=k, stream=Stream.BOOTSTRAP)
        return self.train.x[np.argsort(u)[:n]], self.held_out.x


def against_floor(
    distances: Mapping[str, Distance], model: Callable[[int], Array], real: FreshData | HeldOut, n: int, draws: int
) -> list[Measure]:
    """Medians over `draws` of each distance from real data: of samples model(k), and of as many (n) real rows."""
    of_model: dict[str, list[Estimate]] = {name: [] for name in distances}
    of_real: dict[str, list[Estimate]] = {name: [] for name in distances}
    for k in range(checks.count(draws, "draws")):
        another, reference = real.pair(k, n)
        sample = model(k)
        for name, distance in distances.items():
            of_model[name].append(distance(sample, reference))
            of_real[name].append(distance(another, reference))
    return [Measure(name, _median(of_model[name]), _median(of_real[name])) for name in distances]


def excess_nll(score: LearnedScore, density: Density, x: Array, *, tolerance: float = 1e-4) -> Estimate:
    """E[ln p - ln q] = NLL - entropy in nats, from rows x (n, d) of the known density p, q that of the score.

    `tolerance` is that of the flow (rtol and atol); at 1e-4 its error lies below the scatter of any affordable n.
    """
    x = asnumpy(checks.state(x, "x"))
    found = score.log_likelihood(x, rtol=tolerance, atol=tolerance)
    truth: Floats = np.asarray(density.log_density(x.astype(np.float64)))
    return Estimate.of_mean(truth - found.values)


def judge(
    score: LearnedScore,
    real: FreshData | HeldOut,
    *,
    samples: int | None = None,
    draws: int = 20,
    steps: int = 40,
    tolerance: float = 1e-4,
    seed: int = 0,
) -> list[Measure]:
    """What a learned score is worth, each measure beside its floor; see the module's text.

    Parameters
    ----------
    score : what `inkdiff.fit` or `inkdiff.load` gives
    real : `FreshData(draw)` for data that can be drawn afresh, `HeldOut(train, held_out)` for a finite set
    samples : rows of each draw; by default 4,000, or 1,000 of a finite set, and no more than it has training rows
    draws : of which the medians are taken
    steps : of sampling, as for `LearnedScore.sample`
    tolerance : of the likelihoods, as for `excess_nll`
    seed : of the samples and of the draws

    Returns
    -------
    list of Measure. FreshData: NLL - entropy if the density is known (and the process's time continuous), energy
    distance, sliced Wasserstein. HeldOut points: the same distances. HeldOut pictures: Frechet distances of pixels and,
    with labels, of a frozen classifier's features, its confidence, the p-value of the class histogram; and the distance
    to the nearest training picture over that of held-out pictures.

    Raises
    ------
    ValueError, TypeError
        If the data have another number of coordinates than the score, or numbers are out of range.
    """
    if not all(hasattr(score, name) for name in ("d", "process", "sample")):
        raise TypeError(f"score must be a learned one, as inkdiff.fit and inkdiff.load give, got {checks.show(score)}.")
    if not isinstance(real, FreshData | HeldOut):
        raise TypeError(f"real must be FreshData(draw) or HeldOut(train, held_out), got {checks.show(real)}.")
    n = checks.count(4000 if isinstance(real, FreshData) else 1000, "samples")
    n = n if samples is None else checks.count(samples, "samples", least=20)
    draws, tolerance = checks.count(draws, "draws"), checks.positive(tolerance, "tolerance")
    example = real.draw(2, 0) if isinstance(real, FreshData) else real.held_out
    if example.d != score.d:
        raise ValueError(f"real: {example.name!r} has {example.d} coordinates, the score {score.d}; judge by its own.")
    model = partial(_sample, score, checks.seed64(seed), checks.count(steps, "steps", least=2))
    if isinstance(real, HeldOut):
        n = min(n, len(real.train))
        if example.image_shape is not None:
            return _pictures(lambda k: model(k, n), real, n, draws)
        return against_floor(_DISTANCES, lambda k: model(k, n), real, n, draws)
    measures = []
    if example.density is not None and not score.process.discrete:
        fresh, _ = real.pair(draws, min(n, _LIKELIHOODS))
        excess = excess_nll(score, example.density, fresh, tolerance=tolerance)
        measures.append(Measure("NLL - entropy, nats", excess, ideal=0.0))
    return measures + against_floor(_DISTANCES, lambda k: model(k, n), real, n, draws)


def _median(draws: list[Estimate]) -> Estimate:
    """The median of several draws; of one, the draw with its own error."""
    return draws[0] if len(draws) == 1 else Estimate.of_median([draw.value for draw in draws])


def _sample(score: LearnedScore, seed: int, steps: int, k: int, n: int) -> Array:
    return asnumpy(score.sample(n, seed=(seed + k) % 2**64, steps=steps))


def _pictures(model: Callable[[int], Array], real: HeldOut, n: int, draws: int) -> list[Measure]:
    """The measures of pictures; each draw of samples serves all of them."""
    kept = {k: model(k) for k in range(draws)}
    train, held_out = real.train, real.held_out
    distances: dict[str, Distance] = {"Frechet distance, pixels": frechet_distance}
    if train.y is not None:
        frozen = FeatureClassifier.of(train)
        distances["Frechet distance, features"] = lambda x, y: frechet_distance(frozen.features(x), frozen.features(y))
    measures = against_floor(distances, kept.__getitem__, real, n, draws)

    def median(of: Callable[[Array], Estimate]) -> Estimate:
        return _median([of(x) for x in kept.values()])

    if train.y is not None:
        read = median(lambda x: frozen.confidence(x))
        measures.append(Measure("classifier's confidence", read, frozen.confidence(held_out)))
        classes = median(lambda x: Estimate(class_histogram(x, train).p_value, 0.0))
        expected = Estimate(class_histogram(held_out, train).p_value, 0.0)
        measures.append(Measure("class histogram, p", classes, expected))
    nearest = median(lambda x: nearest_distance_ratio(x, train, held_out))
    return [*measures, Measure("nearest training row, to held-out", nearest, ideal=1.0)]
