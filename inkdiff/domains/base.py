"""What a domain is: a region that walkers do not leave, known by how it folds back a step that would leave it.

    x  <-  fold(a x + b u + c eps)

Only `fold`, `check_inside` and `log_volume` must be said. A walk then takes its steps one by one, each folded; its
error is that of the fold (first order in the step at a curved wall). Where more is known, more is declared: a product
`Box` folds exactly at any length, which is its `closed_form`, and walks in integers.

Reference: W. Feller, An Introduction to Probability Theory and Its Applications II, X.5.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module
from inkdiff._core.noise_address import Address
from inkdiff._core.rng import Stream
from inkdiff.domains.walks import FoldedWalk, Steps, Walk

if TYPE_CHECKING:
    from inkdiff.domains.box import Box

__all__ = ["Domain", "StateSpace"]

_TRIES = 1000  # rounds of rejection

_ROUNDING = 1e-6  # of the largest coordinate: what `fold` may move a point that is inside
_PROBES = 1 << 22  # points at which cells are probed, in all


class StateSpace(ABC):
    """The values that a state may have."""

    extension_kind: ClassVar[str] = "domain"

    @abstractmethod
    def check_inside(self, x: Array, name: str = "x") -> None:
        """Raise ValueError unless every row of x (n, d) is finite and lies in the domain, walls included."""

    def check_dimension(self, d: int) -> None:  # noqa: B027
        """Raise ValueError unless states of d coordinates fit. By default any do."""


class Domain(StateSpace):
    """Where walkers live. A domain of one's own derives from this."""

    @abstractmethod
    def fold(self, y: Array) -> Array:
        """Positions inside the domain for y (n, d) anywhere: where a reflected walker is. In the dtype of y."""

    @abstractmethod
    def log_volume(self, d: int) -> float:
        """ln of the volume that walkers can reach, the entropy of the uniform density, nats; infinite if unbounded."""

    def unfold(self, y: Array, slope: Array) -> Array:
        """A slope (n, d) taken at fold(y), as the mirror world sees it at y. By default unchanged, as it is inside."""
        return slope

    def contains(self, x: Array) -> Array:
        """Which rows of x (n, d) lie in the domain, (n,) bool. By default those that `fold` leaves where they are."""
        xp = array_module(x)
        moved = xp.abs(self.fold(x) - x).max(axis=1)
        return moved <= _ROUNDING * float(xp.abs(x).max())

    def accessible_fraction(self, bins: tuple[int, ...]) -> Floats:
        """The share of each of the equal cells of `bounding_box` that walkers can reach: shape `bins`, axis j = x_j.

        By default counted by `contains` at m points per axis of a cell, m = 2 ... 32, 4 million in all, the cells
        across a rim then scaled by one factor so that the volumes add up to exp(log_volume); a cell across a smooth
        rim is right to about 1/m^(3/2) of its volume.

        Raises
        ------
        ValueError
            If the domain declares no bounding box, or one of other dimensions.
        """
        return _probed_fraction(self, bins)

    # What else is declared; a domain says more where it can.

    @property
    def as_box(self) -> Box | None:
        """The domain as a product of intervals, whose walls act coordinate by coordinate; None if it is none."""
        return None

    @property
    def bounding_box(self) -> Box | None:
        """A product box around the domain, in whose cells walkers can be counted; None if there is none."""
        return self.as_box

    @property
    def free(self) -> bool:
        """Whether there is nothing to fold: Gaussian steps stay Gaussian."""
        return False

    @property
    def grid(self) -> tuple[int, ...] | None:
        """Cells per axis of the bounding box of which the domain is made up, each whole or not at all; None if none."""
        return None

    @property
    def bounded(self) -> bool:
        """Whether the volume is finite, so that driftless diffusion ends uniform."""
        return not self.free

    @property
    def absorbs(self) -> bool:
        """Whether a walker can end at a wall."""
        return False

    @property
    def folds(self) -> bool:
        """Whether `fold` is all that the walls do, so that a step with a score can be folded, too."""
        return True

    @property
    def closed_form(self) -> bool:
        """Whether fold(x + sigma eps) is exact for steps of any length, so that one jump replaces a walk."""
        return False

    @property
    def boundary(self) -> str:
        """What walkers meet, in words for error messages."""
        return f"walls ({type(self).__name__})"

    def require_closed_form(self, what: str) -> None:
        """Raise ValueError, naming `what` was asked for, unless `closed_form`."""
        if not self.closed_form:
            raise ValueError(
                f"process has {self.boundary}, between which {what} has no closed form here; use simulate, forwards in "
                "time."
            )

    def require_folding(self, what: str) -> None:
        """Raise ValueError, naming `what` was asked for, unless `folds`."""
        if not self.folds:
            raise ValueError(
                f"process has {self.boundary}, between which {what} has no closed form here; use simulate, forwards in "
                "time."
            )

    # What follows.

    def step(
        self,
        x: Array,
        a: Array,
        c: Array,
        noise: Address,
        *,
        b: Array | None = None,
        u: Array | None = None,
        noisy: bool = True,
        out: Array | None = None,
        eps: Array | None = None,
    ) -> Array:
        """fold(a x + b u + c eps) by the kernel: a, b, c of one entry or one per row; `eps` receives the normals."""
        y = kernels.affine_step(x, a=a, c=c, b=b, u=u, noise=noise, noisy=noisy, out=out, eps=eps)
        folded = self.fold(y)
        if folded is not y:
            y[...] = folded
        return y

    def widest_step(self, d: int) -> float:
        """A standard deviation beyond which a folded Gaussian is uniform; infinite if unknown."""
        return math.inf

    def plan_walk(self, x: Array, steps: Steps) -> Walk:
        """The walk of states like x through Brownian steps of known widths: by default one by one, each folded.

        Raises
        ------
        ValueError
            If a step is too long for the walls, or too short for what carries the positions.
        """
        self.require_folding("a walk")
        return FoldedWalk(x, steps, self.step)

    def check_replay(self, x: Array, rms: float) -> None:
        """Raise ValueError unless float64 positions hold a walk from x that goes `rms` far, to be undone bit by bit."""
        raise ValueError(
            f"process has {self.boundary}, whose steps cannot be undone one by one; pass regenerate=True to have the "
            "path walked again from x0 whenever it goes back."
        )

    def log_step_density(self, x: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
        """ln of the density at x (n, d) of fold(mean + sqrt(variance) eps), (n,), and its gradient in x; `closed_form`.

        variance (n, 1), length^2, > 0.
        """
        raise NotImplementedError(f"{type(self).__name__} declares no closed form of its transitions.")

    def sample(self, n: int, d: int, *, seed: int, dtype: npt.DTypeLike, stream: int = Stream.PRIOR) -> Array:
        """n independent uniform rows of d coordinates, by rejection from `bounding_box`; on the host."""
        box = self.bounding_box
        if box is None:
            raise ValueError(f"domain {checks.show(self)} has no bounding_box to draw uniform points from.")
        x = box.sample(n, d, seed=seed, dtype=np.float64, stream=stream)
        missing = np.flatnonzero(~self.contains(x))
        for step in range(1, _TRIES):
            if not missing.size:
                return x.astype(dtype)
            x[missing] = box.sample(missing.size, d, seed=seed, dtype=np.float64, stream=stream, step=step)
            missing = missing[~self.contains(x[missing])]
        raise ValueError(f"domain {checks.show(self)} fills next to nothing of its bounding_box; override sample.")

    def clip(self, x: Array) -> Array:
        """x (n, d) without what rounding has carried through a wall; a new array of the dtype of x where it moves."""
        folded = self.fold(x)
        return array_module(x).asarray(folded, x.dtype)


def _probed_fraction(domain: Domain, bins: tuple[int, ...]) -> Floats:
    """The share of midpoints of m^d sub-cells of each cell that lie in the domain, one layer of cells at a time."""
    box, d = domain.bounding_box, len(bins)
    if box is None:
        raise ValueError(
            f"domain: {checks.show(domain)} has no bounding box, in whose cells walkers could be counted; its class "
            "should declare `bounding_box`."
        )
    box.check_dimension(d)
    domain.check_dimension(d)
    m = min(32, max(2, round((_PROBES / math.prod(bins)) ** (1 / d))))
    low, width = box.low(d), box.length(d) / bins
    axes = [low[j] + width[j] * (np.arange(bins[j] * m) + 0.5) / m for j in range(d)]
    fraction = np.empty(bins)
    for i in range(bins[0]):
        layer = np.meshgrid(axes[0][i * m : (i + 1) * m], *axes[1:], indexing="ij")
        inside = np.asarray(domain.contains(np.stack(layer, axis=-1).reshape(-1, d)))
        shape = (m, *(side for count in bins[1:] for side in (count, m)))
        fraction[i] = inside.reshape(shape).mean(axis=tuple(range(0, 2 * d, 2)))
    rim = (fraction > 0) & (fraction < 1)
    if rim.any():
        expected = math.exp(domain.log_volume(d) - box.log_volume(d)) * fraction.size - np.count_nonzero(fraction == 1)
        factor = min(2.0, max(0.5, expected / float(fraction[rim].sum())))
        fraction[rim] = np.minimum(fraction[rim] * factor, 1.0)
    return fraction
