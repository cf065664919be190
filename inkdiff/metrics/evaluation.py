r"""Evaluation of a model by the truth: every metric beside the value that real data get at equal numbers.

Where the density p is known, the score's own density q (`LearnedScore.log_likelihood`) is compared with it point by
point on fresh data,

    E_p[-ln q] - S  =  E_p[ln p - ln q]  =  KL(p || q)  >=  0        (nats, ideal 0),

the right-hand mean having by far the smaller error. Samples are compared with real data by distances D that are
positive even between two real samples, so each comes with its floor,

    median_k D(model_k, real_k)      beside      median_k D(real'_k, real_k),        equally many rows in each,

and their ratio, at best 1. Real data without end (a figure of the plane) are drawn afresh; of a finite set a part is
held out of training, the floor is set by training rows against that part, and more is asked: are the classes in their
proportion, does a classifier of real pictures recognise the samples, are they copies of training rows.

References: L. Theis, A. van den Oord, M. Bethge (2016), arXiv:1511.01844 (one measure does not stand for another); M.
Heusel et al. (2017), arXiv:1706.08500.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

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
from inkdiff.metrics.protocols import HasLikelihood, Metric, Sampleable

__all__ = ["FreshData", "HeldOut", "Measure", "against_floor", "excess_nll", "judge"]

_APART = 2**63  # seeds of real data, far from those of samples
_LIKELIHOODS = 2000  # rows whose density is asked for: enough for a paired mean, and each costs 200 scores
_DISTANCES: dict[str, Metric] = {
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
    """Real data that can be drawn afresh: a law, such as a figure of the plane.

    Attributes
    ----------
    draw : draw(n, seed), a data set of n independent rows
    seed : of the rows that are drawn to compare with; 2^63 is added, far from the seeds of samples
    """

    draw: Callable[[int, int], Dataset]
    seed: int = 0

    def pair(self, k: int, n: int) -> tuple[Array, Array]:
        """Two independent samples of n rows."""
        first = (_APART + self.seed + 2 * k) % 2**64
        return self.draw(n, first).x, self.draw(n, (first + 1) % 2**64).x


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A finite set of real data, divided as by `Dataset.split`.

    Attributes
    ----------
    train : rows that the model may have seen, which set the floor
    held_out : rows that it may not, with which its samples are compared
    seed : of the choice among the training rows (stream BOOTSTRAP)

    Raises
    ------
    ValueError, TypeError
        If they are no data sets, or differ in their number of coordinates.
    """

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
    metrics: Mapping[str, Metric], model: Callable[[int], Array], real: FreshData | HeldOut, n: int, draws: int
) -> list[Measure]:
    """Every metric of a model's samples from real data, and of as many other real rows: its floor.

    Parameters
    ----------
    metrics : name -> D(x, y), see `Metric`
    model : model(k), n rows (n, d): the k-th draw of samples
    real : where the rows that they are compared with, and those in their place, come from
    n : rows of each
    draws : of which medians are given, with their errors by ranks; of one draw, the metric's own error

    Returns
    -------
    One Measure for each metric, in their order.
    """
    of_model: dict[str, list[Estimate]] = {name: [] for name in metrics}
    of_real: dict[str, list[Estimate]] = {name: [] for name in metrics}
    for k in range(checks.count(draws, "draws")):
        another, reference = real.pair(k, n)
        sample = model(k)
        for name, metric in metrics.items():
            of_model[name].append(metric(sample, reference))
            of_real[name].append(metric(another, reference))
    return [Measure(name, _median(of_model[name]), _median(of_real[name])) for name in metrics]


def excess_nll(model: HasLikelihood, density: Density, x: Array, *, tolerance: float = 1e-4) -> Estimate:
    """E[ln p - ln q] = NLL - entropy in nats, from rows x (n, d) of the known density p, q that of the model.

    `tolerance` is that of the flow (rtol and atol); at 1e-4 its error lies below the scatter of any affordable n.
    """
    x = asnumpy(checks.state(x, "x"))
    found = model.log_likelihood(x, rtol=tolerance, atol=tolerance)
    truth: Floats = np.asarray(density.log_density(x.astype(np.float64)))
    return Estimate.of_mean(truth - found.values)


def judge(
    score: Sampleable,
    real: FreshData | HeldOut,
    *,
    metrics: Mapping[str, Metric] | None = None,
    samples: int | None = None,
    draws: int = 20,
    steps: int | None = 40,
    tolerance: float = 1e-4,
    seed: int = 0,
) -> list[Measure]:
    """What a learned score, or another model that can be sampled, is worth: each measure beside its floor.

    Parameters
    ----------
    score : what `inkdiff.fit` or `inkdiff.load` gives, or any `Sampleable`
    real : `FreshData(draw)` for data that can be drawn afresh, `HeldOut(train, held_out)` for a finite set
    metrics : name -> D(x, y), metrics of your own (see `Metric`), to be taken beside those of the house
    samples : rows of each draw; by default 4,000, or 1,000 of a finite set, and no more than it has training rows
    draws : of which the medians are taken
    steps : of sampling, as for `LearnedScore.sample`; None for a model whose `sample` takes no steps
    tolerance : of the likelihoods, as for `excess_nll`
    seed : of the samples and of the draws

    Returns
    -------
    list of Measure. FreshData: NLL - entropy if both densities are known (and the process's time is continuous), energy
    distance, sliced Wasserstein. HeldOut points: the same distances. HeldOut pictures: Frechet distances of pixels and,
    with labels, of a classifier's features, its confidence, the p-value of the class histogram; and the distance to the
    nearest training picture over that of held-out pictures. Metrics of your own follow the house's distances.

    Raises
    ------
    ValueError, TypeError
        If the data have another number of coordinates than the score, or numbers are out of range.
    """
    if not isinstance(score, Sampleable):
        raise TypeError(
            "score must be a model with `d` and `sample(n, seed=..., steps=...)` (inkdiff.metrics.Sampleable), as "
            f"inkdiff.fit and inkdiff.load give, got {checks.show(score)}."
        )
    if not isinstance(real, FreshData | HeldOut):
        raise TypeError(f"real must be FreshData(draw) or HeldOut(train, held_out), got {checks.show(real)}.")
    n = checks.count(4000 if isinstance(real, FreshData) else 1000, "samples")
    n = n if samples is None else checks.count(samples, "samples", least=20)
    draws, tolerance = checks.count(draws, "draws"), checks.positive(tolerance, "tolerance")
    example = real.draw(2, 0) if isinstance(real, FreshData) else real.held_out
    if example.d != score.d:
        raise ValueError(f"real: {example.name!r} has {example.d} coordinates, the score {score.d}; judge by its own.")
    options = {} if steps is None else {"steps": checks.count(steps, "steps", least=2)}
    model = partial(_sample, score, checks.seed64(seed), options)
    own = _checked(metrics)
    if isinstance(real, FreshData):
        likelihood = _likelihood(score, example.density, real, min(n, _LIKELIHOODS), draws, tolerance)
        return likelihood + against_floor(_DISTANCES | own, lambda k: model(k, n), real, n, draws)
    n = min(n, len(real.train))
    if example.image_shape is not None:
        return _pictures(lambda k: model(k, n), real, n, draws, own)
    return against_floor(_DISTANCES | own, lambda k: model(k, n), real, n, draws)


def _checked(metrics: Mapping[str, Metric] | None) -> dict[str, Metric]:
    """The user's metrics by name."""
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping) or not all(callable(metric) for metric in metrics.values()):
        raise TypeError(
            f"metrics must map names to functions D(x, y), as in {{'mine': f}}, got {checks.show(metrics)}."
        )
    return dict(metrics)


def _likelihood(
    score: Sampleable, density: Density | None, real: FreshData, n: int, draws: int, tolerance: float
) -> list[Measure]:
    """NLL - entropy where the densities of data and model are known; rows that no draw uses."""
    if density is None or not isinstance(score, HasLikelihood) or score.process.discrete:
        return []
    fresh, _ = real.pair(draws, n)
    excess = excess_nll(score, density, fresh, tolerance=tolerance)
    return [Measure("NLL - entropy, nats", excess, ideal=0.0)]


def _median(draws: list[Estimate]) -> Estimate:
    """The median of several draws; of one, the draw with its own error."""
    return draws[0] if len(draws) == 1 else Estimate.of_median([draw.value for draw in draws])


def _sample(score: Sampleable, seed: int, options: dict[str, int], k: int, n: int) -> Array:
    return asnumpy(score.sample(n, seed=(seed + k) % 2**64, **options))


def _pictures(
    model: Callable[[int], Array], real: HeldOut, n: int, draws: int, own: dict[str, Metric]
) -> list[Measure]:
    """The measures of pictures; each draw of samples serves all of them."""
    kept = {k: model(k) for k in range(draws)}
    train, held_out = real.train, real.held_out
    distances: dict[str, Metric] = {"Frechet distance, pixels": frechet_distance}
    if train.y is not None:
        classifier = FeatureClassifier.of(train)
        distances["Frechet distance, features"] = lambda x, y: frechet_distance(
            classifier.features(x), classifier.features(y)
        )
    measures = against_floor(distances | own, kept.__getitem__, real, n, draws)

    def median(of: Callable[[Array], Estimate]) -> Estimate:
        return _median([of(x) for x in kept.values()])

    if train.y is not None:
        confidence = median(lambda x: classifier.confidence(x))
        measures.append(Measure("classifier's confidence", confidence, classifier.confidence(held_out)))
        classes = median(lambda x: Estimate(class_histogram(x, train).p_value, 0.0))
        expected = Estimate(class_histogram(held_out, train).p_value, 0.0)
        measures.append(Measure("class histogram, p", classes, expected))
    nearest = median(lambda x: nearest_distance_ratio(x, train, held_out))
    return [*measures, Measure("nearest training row, to held-out", nearest, ideal=1.0)]
