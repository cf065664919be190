"""Layers with hand-written backpropagation, in the closure style: forward returns the output and its own way back.

    y, backprop = layer(run, x)          dx = backprop(dy, gradient)

A layer is a description: which slots of the one flat parameter buffer it owns. The values arrive with `run.theta`, so
the same layer evaluates the weights in training, their running mean, or a float64 copy. `backprop` writes the
layer's slots of the flat `gradient` (each slot belongs to one layer and is used once per pass, so it is written, not
added to) and returns the gradient with respect to the input. For a composition y = f_L(... f_1(x)) the chain rule
dx = J_1^T ... J_L^T dy is the closures called in reverse order.

Reference: the style follows thinc (M. Honnibal, I. Montani), "forward returns (Y, backprop)".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from inkdiff.backend import Array, array_module
from inkdiff.nn import elementwise
from inkdiff.nn.arena import Arena

__all__ = ["Backprop", "Layout", "Linear", "Run", "SiLU", "Slot"]

# backprop(dy, gradient) -> dx
Backprop = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Slot:
    """A named piece of the flat parameter buffer; `gain` is the standard deviation its initial values get."""

    name: str
    offset: int
    shape: tuple[int, ...]
    gain: float = 0.0

    @property
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


@dataclass
class Run:
    """One evaluation of a network: its parameters, its working memory and, in training, its dropout noise.

    `dropout` holds uniform numbers, one plane (n, width) per hidden layer. `training` keeps what backprop needs.
    """

    theta: Array
    arena: Arena
    training: bool = False
    dropout: Array | None = None


@dataclass(frozen=True)
class Linear:
    """y = x W + b with W (inputs, outputs), b (outputs,); dW = x^T dy, db = 1^T dy, dx = dy W^T. Exact.

    Initial weights are normal with standard deviation gain / sqrt(inputs), biases zero.
    """

    weight: Slot
    bias: Slot

    @classmethod
    def of(cls, layout: Layout, name: str, inputs: int, outputs: int, *, gain: float = 1.0) -> Linear:
        """A layer whose weight and bias are the next two slots of `layout`."""
        weight = layout.take(f"{name}.weight", inputs, outputs, gain=gain / math.sqrt(inputs))
        return cls(weight, layout.take(f"{name}.bias", outputs))

    def __call__(self, run: Run, x: Array) -> tuple[Array, Backprop]:
        """x (n, inputs) -> y (n, outputs) and the way back."""
        xp = array_module(x, run.theta)
        weight = self.weight.of(run.theta)
        y = run.arena.empty((x.shape[0], self.bias.size), x)
        xp.matmul(x, weight, out=y)
        y += self.bias.of(run.theta)

        def backprop(dy: Array, gradient: Array) -> Array:
            xp.matmul(x.T, dy, out=self.weight.of(gradient))
            xp.sum(dy, axis=0, out=self.bias.of(gradient))
            dx = run.arena.empty(x.shape, x)
            xp.matmul(dy, weight.T, out=dx)
            return dx

        return y, backprop


@dataclass(frozen=True)
class SiLU:
    """y = silu(z + shift), then dropout: a share `rate` of the units is zeroed, the others divided by 1 - rate.

    The slope is kept with the mask already on it, so dz = dy * slope is one pass. Without `run.training` nothing is
    kept and nothing dropped. In `backprop`, dz goes into the array given as its second argument.
    """

    rate: float = 0.0

    def __call__(
        self, run: Run, z: Array, shift: Array, uniform: Array | None = None
    ) -> tuple[Array, Callable[[Array, Array], Array]]:
        """z (n, w), shift (n, w) or (1, w) -> (n, w); z is overwritten with the result."""
        if not run.training:
            elementwise.silu(z, shift)
            return z, _no_way_back
        slope = run.arena.empty(z.shape, z)
        elementwise.silu(z, shift, slope)
        if uniform is not None and self.rate > 0:
            elementwise.dropout(z, slope, uniform, self.rate)

        def backprop(dy: Array, dz: Array) -> Array:
            elementwise.multiply(dy, slope, dz)
            return dz

        return z, backprop


def _no_way_back(dy: Array, gradient: Array) -> Array:
    raise RuntimeError("this pass kept nothing for backpropagation: evaluate with Run(..., training=True).")
