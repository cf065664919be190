"""Layers with hand-written backpropagation, in the closure style: forward returns the output and its own way back.

    y, backprop = layer(run, x)          dx = backprop(dy, gradient)

A layer is a description: which slots of the one flat parameter buffer it owns. The values arrive with `run.theta`, so
the same layer evaluates the weights in training, their running mean, or a float64 copy. `backprop` writes the
layer's slots of the flat `gradient` (each slot belongs to one layer and is used once per pass, so it is written, not
added to) and returns the gradient with respect to the input. For a composition y = f_L(... f_1(x)) the chain rule
dx = J_1^T ... J_L^T dy is the closures called in reverse order.

Rows are independent until the gradient of a weight sums over them, dW = x^T dy. So a pass may compute some of the rows
(`run.rows`) of arrays that hold all of them, and owe the sums until the other passes are done as well: each weight's
gradient is then one product over the whole batch, as fast as matrix products get, and written once (`shards.py`).

Reference: the style follows thinc (M. Honnibal, I. Montani), "forward returns (Y, backprop)".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import ModuleType

from inkdiff._core.backend import Array, array_module
from inkdiff.nn import elementwise
from inkdiff.nn.arena import Arena

__all__ = ["SILU_GAIN", "Backprop", "Layout", "Linear", "Network", "Run", "SiLU", "Slot"]

SILU_GAIN = 1.68  # 1 / sqrt(E[silu(z)^2]) for z ~ N(0, 1): keeps activations of unit size through a layer

_ROWS_OF_A_SUM = 256  # of a weight's gradient are one piece of work

# backprop(dy, gradient) -> dx
Backprop = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Slot:
    """A named piece of the flat parameter buffer; `gain` is the standard deviation its initial values get."""

    name: str
    offset: int
    shape: tuple[int, ...]
    gain: float = 0.0

    @cached_property
    def size(self) -> int:
        """Number of parameters."""
        return math.prod(self.shape)

    def of(self, flat: Array) -> Array:
        """This slot's view of a flat buffer of parameters or gradients."""
        return flat[self.offset : self.offset + self.size].reshape(self.shape)


@dataclass
class Layout:
    """Hands out slots of a flat buffer one after the other while a network is put together."""

    slots: list[Slot] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Number of parameters handed out so far."""
        return sum(slot.size for slot in self.slots)

    def take(self, name: str, *shape: int, gain: float = 0.0) -> Slot:
        """The next slot."""
        slot = Slot(name, self.size, shape, gain)
        self.slots.append(slot)
        return slot


@dataclass(frozen=True)
class Network:
    """A network from `inputs` features to `outputs` values; its parameters are the slots of one flat buffer."""

    inputs: int
    outputs: int
    slots: tuple[Slot, ...]

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(slot.size for slot in self.slots)

    def initial(self, normal: Callable[[int], Array]) -> Array:
        """Flat initial parameters from `normal(n)`, n standard normals: slot by slot, times the slot's gain."""
        theta = normal(self.size)
        for slot in self.slots:
            view = slot.of(theta)
            view *= slot.gain
        return theta


def _all() -> slice:
    return slice(None)


@dataclass
class Run:
    """One evaluation of a network: its parameters, its working memory and, in training, its dropout noise.

    `dropout` holds uniform numbers, one plane (n, width) per hidden layer. `training` keeps what backprop needs.
    `rows` and `levels` say which rows of the batch, and of its noise levels, this pass computes. `owed`, if a list,
    collects the sums over all rows instead of doing them; `d_shifts` gets the gradients of shifts that were given to
    the network. `input_gradient` says whether dx is wanted.
    """

    theta: Array
    arena: Arena
    training: bool = False
    dropout: Array | None = None
    rows: slice = field(default_factory=_all)
    levels: slice = field(default_factory=_all)
    owed: list[Callable[[], object]] | None = None
    d_shifts: list[Array] = field(default_factory=list)
    input_gradient: bool = True

    @cached_property
    def xp(self) -> ModuleType:
        """The array module of the parameters, hence of everything."""
        return array_module(self.theta)

    def sum_rows(self, x: Array, dy: Array, out: Array) -> None:
        """Out = x^T dy over all rows, now or when it is due; x (n, i), dy (n, o), out (i, o)."""
        for first in range(0, x.shape[1], _ROWS_OF_A_SUM):
            part = slice(first, first + _ROWS_OF_A_SUM)
            self._due(partial(self.xp.matmul, x[:, part].T, dy, out=out[part]))

    def sum_bias(self, dy: Array, out: Array) -> None:
        """Out = 1^T dy over all rows, now or when it is due."""
        self._due(partial(self.xp.sum, dy, axis=0, out=out))

    def _due(self, work: Callable[[], object]) -> None:
        if self.owed is None:
            work()
        else:
            self.owed.append(work)


@dataclass(frozen=True)
class Linear:
    """y = x W + b with W (inputs, outputs), b (outputs,); dW = x^T dy, db = 1^T dy, dx = dy W^T. Exact.

    Initial weights are normal with standard deviation gain / sqrt(inputs), biases zero. An x of one more column,
    which holds ones, brings the bias into the matrix product: b is stored as the last row of W.
    """

    weight: Slot
    bias: Slot

    @classmethod
    def of(cls, layout: Layout, name: str, inputs: int, outputs: int, *, gain: float = 1.0) -> Linear:
        """A layer whose weight and bias are the next two slots of `layout`."""
        weight = layout.take(f"{name}.weight", inputs, outputs, gain=gain / math.sqrt(inputs))
        return cls(weight, layout.take(f"{name}.bias", outputs))

    @cached_property
    def joint(self) -> Slot:
        """W with b as one more row."""
        inputs, outputs = self.weight.shape
        return Slot(self.weight.name, self.weight.offset, (inputs + 1, outputs))

    def __call__(self, run: Run, x: Array, rows: slice | None = None) -> tuple[Array, Backprop]:
        """x (n, inputs) -> y (n, outputs) and the way back, of `rows` (by default those of the run)."""
        xp, rows = run.xp, run.rows if rows is None else rows
        inputs, outputs = self.weight.shape
        joint = self.joint if x.shape[1] == inputs + 1 else self.weight
        y = run.arena.empty((x.shape[0], outputs), x)
        xp.matmul(x[rows], joint.of(run.theta), out=y[rows])
        if joint is self.weight:
            y[rows] += self.bias.of(run.theta)

        def backprop(dy: Array, gradient: Array) -> Array:
            run.sum_rows(x, dy, joint.of(gradient))
            if joint is self.weight:
                run.sum_bias(dy, self.bias.of(gradient))
            dx = run.arena.empty((x.shape[0], inputs), x)
            xp.matmul(dy[rows], self.weight.of(run.theta).T, out=dx[rows])
            return dx

        return y, backprop


@dataclass(frozen=True)
class SiLU:
    """y = base + silu(z + shift), the silu under dropout: a share `rate` of it zeroed, the rest divided by 1 - rate.

    The slope is kept where z was, with the mask already on it, so dz = dy * slope is one pass. Without `run.training`
    nothing is kept and nothing dropped, and y itself is where z was.
    """

    rate: float = 0.0

    def __call__(
        self, run: Run, z: Array, shift: Array, base: Array | None = None, uniform: Array | None = None
    ) -> tuple[Array, Callable[[Array], tuple[Array, Array]]]:
        """z, base, uniform (n, w), shift (m, w), m dividing n -> y (n, w); z is overwritten.

        `backprop(dy)` returns dz, where z was, and dshift.
        """
        rows, levels = run.rows, run.levels
        below = None if base is None else base[rows]
        if not run.training:
            elementwise.silu(z[rows], shift[levels], below)
            return z, _no_way_back
        y = run.arena.empty(z.shape, z)
        elementwise.silu_with_slope(z[rows], shift[levels], below, y[rows])
        if below is not None and uniform is not None and self.rate > 0:
            elementwise.dropout(z[rows], below, y[rows], uniform[rows], self.rate)

        def backprop(dy: Array) -> tuple[Array, Array]:
            if shift.shape == z.shape:
                elementwise.multiply(z[rows], dy[rows])
                return z, z
            dshift = run.arena.empty(shift.shape, z)
            elementwise.multiply(z[rows], dy[rows], dshift[levels])
            return z, dshift

        return y, backprop


def _no_way_back(dy: Array) -> tuple[Array, Array]:
    raise RuntimeError("this pass kept nothing for backpropagation: evaluate with Run(..., training=True).")
