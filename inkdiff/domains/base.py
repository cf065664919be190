"""What a domain is: a region that walkers do not leave, known by how it folds back a step that would leave it.

    x  <-  fold(x + sigma eps)

Only `fold`, `check_inside` and `log_volume` must be said. A walk then takes its steps one by one, each folded; its
error is that of the fold (first order in the step at a curved wall). Where more is known, more is declared: a product
`Box` folds exactly at any length, which is its `closed_form`, and walks in integers.

Reference: W. Feller, An Introduction to Probability Theory and Its Applications II, X.5.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from inkdiff._core import checks
from inkdiff._core.backend import Array

if TYPE_CHECKING:
    from inkdiff.domains.box import Box

__all__ = ["Domain"]


class Domain(ABC):
    """Where walkers live. A domain of one's own derives from this."""

    extension_kind: ClassVar[str] = "domain"

    @abstractmethod
    def fold(self, y: Array) -> Array:
        """Positions inside the domain for y (n, d) anywhere: where a reflected walker is. In the dtype of y."""

    @abstractmethod
    def check_inside(self, x: Array, name: str = "x") -> None:
        """Raise ValueError unless every row of x (n, d) is finite and lies in the domain, walls included."""

    @abstractmethod
    def log_volume(self, d: int) -> float:
        """ln of the volume that walkers can reach, the entropy of the uniform density, nats; infinite if unbounded."""

    def unfold(self, y: Array, slope: Array) -> Array:
        """A slope (n, d) taken at fold(y), as the mirror world sees it at y. By default unchanged: exact within."""
        return slope

    def check_dimension(self, d: int) -> None:  # noqa: B027
        """Raise ValueError unless states of d coordinates fit the domain. By default any do."""

    @property
    def as_box(self) -> Box | None:
        """The domain as a product of intervals, whose walls act coordinate by coordinate; None if it is none."""
        return None

    @property
    def bounding_box(self) -> Box | None:
        """A product box around the domain, in whose cells walkers can be counted; None if there is none."""
        return self.as_box

    @property
    def bounded(self) -> bool:
        """Whether the volume is finite, so that driftless diffusion ends uniform."""
        return True

    @property
    def free(self) -> bool:
        """Whether there is no wall anywhere and no way around, so that a Gaussian stays one as it spreads."""
        return False

    @property
    def absorbs(self) -> bool:
        """Whether a walker can end at a wall."""
        return False

    @property
    def closed_form(self) -> bool:
        """Whether fold(x + sigma eps) is exact for steps of any length, so that one jump replaces a walk."""
        return False

    def require_closed_form(self, what: str) -> None:
        """Raise ValueError, naming `what` was asked for, unless `closed_form`."""
        if not self.closed_form:
            raise ValueError(
                f"process: in {checks.show(self)} {what} has no closed form; use simulate, forwards in time."
            )
