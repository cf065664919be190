"""The product box: intervals with reflecting, periodic or absorbing walls.

A walker that would leave a box is folded back: mirrored at reflecting walls, wrapped around periodic ones, as
often as needed. For constant diffusivity without drift this is exact at any step size (the method of images);
with a drift or a score it is of first order in the step. One box is a product of intervals; a scalar `lo` or
`hi`, and a single kind of wall, hold for every axis. At an absorbing wall a walker's path ends.

Reference: W. Feller, An Introduction to Probability Theory and Its Applications II, X.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from inkdiff import kernels
from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, array_module
from inkdiff._core.noise_address import Address
from inkdiff._core.registry import register
from inkdiff._core.rng import Stream
from inkdiff.domains.base import Domain
from inkdiff.domains.boundaries import AbsorbedWalk
from inkdiff.domains.box_sides import WALL_CODES, ends_by_axis, kinds_of_wall, per_axis
from inkdiff.domains.fixed_point import BoxWalk
from inkdiff.domains.heat_kernel import log_heat_kernel
from inkdiff.domains.walks import Steps, Walk, check_quanta, check_rounding
from inkdiff.kernels import ABSORB, PERIODIC, Walls

__all__ = ["Box"]

_UNIFORM = 2.0  # a Gaussian this many periods wide, folded, is uniform to 5e-35
_FAR = 2.0**19  # lengths of the box from the origin at which float64 no longer holds the phase


@register
@dataclass(frozen=True, init=False)
class Box(Domain):
    """The product of intervals [lo, hi], one per axis, in the length unit of the state.

    Parameters
    ----------
    lo, hi : float or one float per axis, lo < hi
    wall : "reflect" (a glass: no flux through the walls), "periodic" (a torus) or "absorb" (a walker that touches the
        wall stays there; forwards in time, by `inkdiff.simulate`, only), or one of them per axis

    Raises
    ------
    ValueError
        If lo >= hi on an axis, numbers of axes differ, or `wall` is unknown.
    """

    lo: float | tuple[float, ...]
    hi: float | tuple[float, ...]
    wall: str | tuple[str, ...]
    _sides: ClassVar[tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]]  # lo, hi - lo, kind of wall

    def __init__(
        self,
        lo: float | Sequence[float] = 0.0,
        hi: float | Sequence[float] = 1.0,
        wall: str | Sequence[str] = "reflect",
    ) -> None:
        low, high = per_axis(lo, "lo"), per_axis(hi, "hi")
        kinds = kinds_of_wall(wall)
        named = [("lo", low), ("hi", high), ("wall", kinds)]
        axes = {name: len(side) for name, side in named if isinstance(side, tuple)}
        if len(set(axes.values())) > 1:
            counts = ", ".join(f"{name} has {number}" for name, number in axes.items())
            raise ValueError(f"lo, hi and wall must have one value per axis each, but {counts}.")
        if not (np.asarray(low) < np.asarray(high)).all():
            raise ValueError(f"lo must be below hi on every axis, got lo={lo}, hi={hi}.")
        sides = np.subtract(high, low, dtype=np.float64)
        checks.positive(float(sides.min()), "hi - lo", unit="a length")
        object.__setattr__(self, "lo", low)
        object.__setattr__(self, "hi", high)
        object.__setattr__(self, "wall", kinds)
        # One entry each, or one per axis: kept, since every call needs them.
        base = [np.atleast_1d(np.asarray(side, np.float64)) for side in (low, sides)]
        base.append(np.array([WALL_CODES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)], np.int64))
        object.__setattr__(self, "_sides", tuple(base))

    @property
    def axes(self) -> int | None:
        """Number of axes if given one by one, None if the box is a cube of any dimension."""
        return next((len(side) for side in (self.lo, self.hi, self.wall) if isinstance(side, tuple)), None)

    def periodic(self, d: int) -> npt.NDArray[np.bool_]:
        """Which axes are circles, (d,); the others end at walls."""
        return np.full(d, self._sides[2] == PERIODIC)

    @property
    def as_box(self) -> Box:
        """Itself."""
        return self

    @property
    def closed_form(self) -> bool:
        """Unless a wall absorbs."""
        return not self.absorbs

    @cached_property
    def absorbs(self) -> bool:
        """Whether some wall absorbs."""
        return bool((self._sides[2] == ABSORB).any())

    def check_dimension(self, d: int) -> None:
        """Raise unless a state of d coordinates fits this box."""
        if self.axes not in (None, d):
            raise ValueError(f"the box has {self.axes} axes, but x has {d} coordinates per row; make them equal.")

    def low(self, d: int) -> npt.NDArray[np.float64]:
        """Lower ends, (d,)."""
        return np.full(d, self._sides[0])

    def length(self, d: int) -> npt.NDArray[np.float64]:
        """Side lengths, (d,)."""
        return np.full(d, self._sides[1])

    def side(self, axis: int, d: int) -> Box:
        """The interval that one of d axes is, as a box of its own."""
        self.check_dimension(d)
        low = self.lo[axis] if isinstance(self.lo, tuple) else self.lo
        high = self.hi[axis] if isinstance(self.hi, tuple) else self.hi
        return Box(low, high, self.wall if isinstance(self.wall, str) else self.wall[axis])

    @cached_property
    def _walls(self) -> Walls:
        axes = self.axes or 1
        low, length, code = self.low(axes), self.length(axes), np.full(axes, self._sides[2])
        if len(set(zip(low, length, code, strict=True))) == 1:
            low, length, code = low[:1], length[:1], code[:1]
        return Walls(low, length, code)

    @cached_property
    def _ends(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Lower and upper ends; the kernels take lo + (hi - lo), which rounding may put an ulp to either side of hi."""
        low, length, _ = self._walls
        return low, np.maximum(low + length, self.hi)

    def kernel_walls(self, dtype: npt.DTypeLike, xp: ModuleType = np) -> Walls:
        """The box for the kernels: one entry if all axes are alike, else one per axis."""
        low, length, code = self._walls
        return Walls(xp.asarray(low, dtype), xp.asarray(length, dtype), xp.asarray(code))

    def period(self, d: int) -> npt.NDArray[np.float64]:
        """Lengths after which a folded line repeats itself, (d,): twice the sides for reflecting walls."""
        return self.length(d) * np.where(self.periodic(d), 1, 2)

    def fold(self, y: Array) -> Array:
        """Mirrored at reflecting walls, wrapped around periodic ones; for the walls of `closed_form` boxes."""
        low, length, mirrored, inside = self._turned(y)
        return array_module(y).clip(low + array_module(y).where(mirrored, length - inside, inside), low, low + length)

    def unfold(self, y: Array, slope: Array) -> Array:
        """Slopes at mirrored positions change their sign."""
        mirrored = self._turned(y)[2]
        return array_module(y).where(mirrored, -slope, slope)

    def _turned(self, y: Array) -> tuple[Array, Array, Array, Array]:
        """(low, length, whether y (n, d) is in a mirror image, place above low within its image)."""
        xp, d = array_module(y), y.shape[1]
        low, length, circle = (xp.asarray(side) for side in (self.low(d), self.length(d), self.periodic(d)))
        turns = xp.floor((y - low) / length)
        return low, length, (turns % 2 == 1) & ~circle, y - low - turns * length

    @property
    def folds(self) -> bool:
        """Unless a wall absorbs."""
        return not self.absorbs

    @property
    def boundary(self) -> str:
        """Absorbing ones, or others."""
        return "absorbing walls" if self.absorbs else "walls"

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
        """The kernel folds."""
        walls = self.kernel_walls(x.dtype, array_module(x))
        return kernels.affine_step(x, a=a, c=c, b=b, u=u, walls=walls, noise=noise, noisy=noisy, out=out, eps=eps)

    def widest_step(self, d: int) -> float:
        """Two periods: wider steps only lose their low bits (folded they are uniform to 5e-35)."""
        return _UNIFORM * float(self.period(d).max())

    def plan_walk(self, x: Array, steps: Steps) -> Walk:
        """A walk of 32-bit phases; between absorbing walls walkers are followed one by one."""
        if self.absorbs:
            return AbsorbedWalk(self.kernel_walls(np.float64), x, steps)
        low, length, _ = walls = self.kernel_walls(np.float64)
        check_quanta(steps.width, float(length.max()) * 2.0**-31, steps.fine, "the box's fixed point (L/2^31)")
        check_rounding(x, steps.rms, np.maximum(abs(low), abs(low + length)).max(), steps.fine)
        return BoxWalk(walls, x, steps.width.reshape(-1))

    def check_replay(self, x: Array, rms: float) -> None:
        """Raise unless float64 holds the phases whole."""
        low, length, _ = self.kernel_walls(np.float64)
        if bool((np.maximum(abs(low), abs(low + length)) > _FAR * length).any()):
            raise ValueError(
                f"process lives in a box too far from the origin for an exact replay, [{self.lo}, {self.hi}]: move "
                f"the origin to within {_FAR:g} of its lengths."
            )

    def log_step_density(self, x: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
        """The heat kernel."""
        return log_heat_kernel(x, mean, variance, self)

    def sample(
        self, n: int, d: int, *, seed: int, dtype: npt.DTypeLike, stream: int = Stream.PRIOR, step: int = 0
    ) -> Array:
        """n independent uniform rows of d coordinates; on the host."""
        self.check_dimension(d)
        u = kernels.uniform(n * d, seed=seed, step=step, stream=stream).reshape(n, d)
        return (self.low(d) + self.length(d) * u).astype(dtype)

    def clip(self, x: Array) -> Array:
        """What rounding has carried through a wall, put on it."""
        xp, d = array_module(x), x.shape[1]
        self.check_dimension(d)
        low, length = (xp.asarray(side, x.dtype) for side in (self.low(d), self.length(d)))
        return xp.clip(x, low, low + length)

    def volume(self, d: int) -> float:
        """Product of the side lengths."""
        return float(self.length(d).prod())

    def log_volume(self, d: int) -> float:
        """ln V, finite in any dimension: the entropy of the uniform density, in nats."""
        return float(np.log(self.length(d)).sum())

    def contains(self, x: Array) -> Array:
        """Which rows of x (n, d) lie in the box, walls included, (n,)."""
        low, top = (array_module(x).asarray(end, x.dtype) for end in self._ends)
        return ((x >= low) & (x <= top)).all(axis=1)

    def accessible_fraction(self, bins: tuple[int, ...]) -> Floats:
        """All of every cell."""
        self.check_dimension(len(bins))
        return np.ones(bins)

    def check_inside(self, x: Array, name: str = "x") -> None:
        """Raise unless every row of x (n, d) is finite and lies in the box, walls included."""
        self.check_dimension(x.shape[1])
        xp = array_module(x)
        low, top = (xp.asarray(end, x.dtype) for end in self._ends)
        if low.size == 1:
            inside = bool(x.min() >= low[0]) and bool(x.max() <= top[0])
        else:
            least, most = ends_by_axis(x)
            inside = bool(((least >= low) & (most <= top)).all())
        if inside:
            return
        outside = ~((x >= low) & (x <= top))  # NaN is
        if bool(outside.any()):
            checks.finite_array(x, name)
            raise ValueError(
                f"{name} must lie in the box [{self.lo}, {self.hi}], but {int(outside.sum())} of its {x.size} "
                f"coordinates are outside (smallest {float(x.min()):.6g}, largest {float(x.max()):.6g}); "
                f"rescale {name} or enlarge the box."
            )
