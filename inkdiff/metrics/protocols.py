"""What a metric is, and what can be judged by metrics: the two kinds of object that `inkdiff.judge` brings together.

    metric   D(x, y)  ->  value +- stderr           x (n, d), y (m, d): two clouds of points
    model    sample(n)  ->  x (n, d)                 and, if it knows its density, ln q(x)

Both are protocols: whatever has these members is one, without deriving from anything. Three conventions make a metric
of one's own fit beside those of the house: it is the smaller the better, it is in units of the data (or says which),
and it comes with its standard error, since it is read beside the value that real data get at equal numbers.

Reference: A. Borji, Pros and cons of GAN evaluation measures, Computer Vision and Image Understanding 179 (2019) 41.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from inkdiff._core.backend import Array, Floats
from inkdiff.metrics.estimates import Estimate
from inkdiff.processes.forward import ForwardProcess

__all__ = ["HasLikelihood", "LogLikelihood", "Metric", "Sampleable"]


class Metric(Protocol):
    """A distance between two clouds of points, such as `inkdiff.energy_distance`; any function of this form is one.

        def mean_gap(x, y):
            gap = x.mean(0) - y.mean(0)
            variance = x.var(0) / len(x) + y.var(0) / len(y)
            return ink.Estimate(abs(gap).sum(), variance.sum() ** 0.5)

        ink.judge(score, real, metrics={"gap of the means": mean_gap})

    Called by position with samples x (n, d) and real rows y (m, d).
    """

    def __call__(self, x: Array, y: Array, /) -> Estimate:
        """The distance and its standard error."""
        ...


@runtime_checkable
class Sampleable(Protocol):
    """A model that gives samples, such as `inkdiff.LearnedScore` or a generator: all that distances ask of it."""

    @property
    def d(self) -> int:
        """Coordinates of a sample."""
        ...

    @property
    def sample(self) -> Callable[..., Array]:
        """sample(n, seed=seed, steps=steps): n independent rows (n, d) in units of the data; `steps` is optional."""
        ...


class LogLikelihood(Protocol):
    """What `log_likelihood` returns."""

    @property
    def values(self) -> Floats:
        """ln q of each row, (n,), nats."""
        ...


@runtime_checkable
class HasLikelihood(Sampleable, Protocol):
    """A model that knows its density, too."""

    @property
    def process(self) -> ForwardProcess:
        """Its process; a table of steps (`discrete`) has no density by the flow."""
        ...

    @property
    def log_likelihood(self) -> Callable[..., LogLikelihood]:
        """log_likelihood(x, rtol=rtol, atol=atol): ln q of rows x (n, d) in units of the data, nats, by the flow."""
        ...
