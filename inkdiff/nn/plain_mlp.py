r"""A residual multilayer perceptron of its input alone, and the way back through its slope: the networks of a GAN.

    h_0 = silu(W_0 x + b_0),   h_l = h_{l-1} + silu(W_l h_{l-1} + b_l),   F = W_out h + b_out

It knows no time; a condition, if there is one, is further columns of x. A penalty on the slope g = dF/dx of a network
with one output needs derivatives of g by the weights. For a fixed direction v the product v.g is the tangent of F along
v, which forward mode computes layer by layer beside h,

    t_{-1} = v,    q_l = W_l t_{l-1},    t_l = t_{l-1} + silu'(z_l) q_l,    v.g = W_out t,

so its gradient is ordinary backprop through that second, linear network. With a_l = dF/dh_l and u_l = silu'(z_l) a_l,
which the pass that found g has left behind, what it adds to the gradients is

    dL/dW_l  +=  u_l t_{l-1}^T,        dL/dz_l  +=  silu''(z_l) q_l a_l :

two and a half times the work of plain backprop, and exact.

References: B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994) 147; H. Drucker,
Y. LeCun, Improving generalization performance using double backpropagation, IEEE Trans. Neural Networks 3 (1992) 991.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff.nn import elementwise
from inkdiff.nn.layers import SILU_GAIN, Layout, Linear, Network, Run

__all__ = ["PlainMLP", "PlainNetwork"]

# backprop(dF, gradient or None) -> dx
_Backprop = Callable[[Array, Array | None], Array]
# backprop(dF, dg, gradient): the gradient of the parameters
_SlopeBackprop = Callable[[Array, Array, Array], None]


@dataclass(frozen=True)
class PlainMLP:
    """The shape of a network without a time: `width` units in each of `depth` hidden layers.

    Raises
    ------
    ValueError, TypeError
        If a size is not a positive integer.
    """

    width: int = 128
    depth: int = 3

    def __post_init__(self) -> None:
        """Refuse sizes that make no network."""
        checks.count(self.width, "width")
        checks.count(self.depth, "depth")

    def build(self, inputs: int, outputs: int) -> PlainNetwork:
        """The network from `inputs` features to `outputs` values, with its slots in one flat buffer."""
        layout = Layout()
        sizes = [inputs] + [self.width] * (self.depth - 1)
        hidden = tuple(
            Linear.of(layout, f"hidden.{k}", n_in, self.width, gain=SILU_GAIN) for k, n_in in enumerate(sizes)
        )
        head = Linear.of(layout, "head", self.width, outputs)
        return PlainNetwork(inputs, outputs, tuple(layout.slots), self, hidden, head)


@dataclass(frozen=True)
class PlainNetwork(Network):
    """F(theta; x), a pure function of its flat parameters. See the module's equations."""

    shape: PlainMLP
    hidden: tuple[Linear, ...]
    head: Linear

    def __call__(self, run: Run, x: Array) -> tuple[Array, _Backprop]:
        """F (n, outputs) for x (n, inputs), and the way back, to be taken once and only in training.

        `backprop(dF, gradient)` writes the gradient of the parameters into the flat `gradient`, unless that is None,
        and returns dx (n, inputs).
        """
        array_module(x, run.theta)  # all on one device
        h, kept = x, []
        for k, layer in enumerate(self.hidden):
            z, bias = _times(run, h, layer.weight.of(run.theta)), layer.bias.of(run.theta)[None]
            base, y = (h if k else None), z
            if run.training:
                y = run.arena.empty(z.shape, z)
                elementwise.silu_with_slope(z, bias, base, y)
            else:
                elementwise.silu(z, bias, base)
            kept.append((h, z))
            h = y
        out = _times(run, h, self.head.weight.of(run.theta))
        out += self.head.bias.of(run.theta)

        def backprop(d_out: Array, gradient: Array | None) -> Array:
            if gradient is not None:
                run.sum_rows(h, d_out, self.head.weight.of(gradient))
                run.sum_bias(d_out, self.head.bias.of(gradient))
            dh = _times(run, d_out, self.head.weight.of(run.theta).T)
            for k, layer in reversed(list(enumerate(self.hidden))):
                below, dz = kept[k]  # dz: silu' so far
                elementwise.multiply(dz, dh, None if gradient is None else layer.bias.of(gradient)[None])
                if gradient is not None:
                    run.sum_rows(below, dz, layer.weight.of(gradient))
                dh = _times(run, dz, layer.weight.of(run.theta).T, base=dh if k else None)
            return dh

        return out, backprop

    def with_slope(self, run: Run, x: Array) -> tuple[Array, Array, _SlopeBackprop]:
        """F (n, 1) of a network of one output, its slope g = dF/dx (n, inputs), and the way back from both, taken once.

        `backprop(dF, dg, gradient)` writes the parameters' gradient of  sum dF F + sum dg g  into the flat `gradient`.
        """
        array_module(x, run.theta)
        xp, empty, head = run.xp, run.arena.empty, self.head.weight.of(run.theta)
        values: list[_Value] = []
        h = x
        for layer in self.hidden:
            weight = layer.weight.of(run.theta)
            z = _times(run, h, weight)
            y, curvature = empty(z.shape, z), empty(z.shape, z)
            elementwise.silu_twice(z, layer.bias.of(run.theta)[None], y, curvature)
            if values:
                y += h
            values.append(_Value(layer, weight, h, z, curvature))
            h = y
        out = _times(run, h, head)
        out += self.head.bias.of(run.theta)
        a = empty(h.shape, h)
        a[...] = head[:, 0]
        slopes: list[_Slope] = []
        for value in reversed(values):
            u = xp.multiply(value.slope, a, out=empty(a.shape, a))
            slopes.append(_Slope(a, u))
            a = _times(run, u, value.weight.T, base=None if value is values[0] else a)
        slopes.reverse()

        def backprop(d_out: Array, dg: Array, gradient: Array) -> None:
            tangents, t = _along(run, values, slopes, dg)
            weight = self.head.weight.of(gradient)
            xp.matmul(h.T, d_out, out=weight)
            weight += t.sum(0)[:, None]
            xp.sum(d_out, axis=0, out=self.head.bias.of(gradient))
            dh = _times(run, d_out, head.T)
            for k in reversed(range(len(values))):
                dz = _back(run, values[k], slopes[k], tangents[k], dh, gradient)
                if k:
                    dh = _times(run, dz, values[k].weight.T, base=dh)

        return out, a, backprop


class _Value(NamedTuple):
    """What a layer keeps of the way forward."""

    layer: Linear
    weight: Array
    below: Array  # h_{l-1}
    slope: Array  # silu'(z_l)
    curvature: Array  # silu''(z_l)


class _Slope(NamedTuple):
    """What a layer keeps of the way back to the slope."""

    a: Array  # dF/dh_l
    u: Array  # silu'(z_l) a_l


class _Tangent(NamedTuple):
    """What a layer keeps of the tangent."""

    below: Array  # t_{l-1}
    bent: Array  # silu''(z_l) q_l a_l


def _along(run: Run, values: list[_Value], slopes: list[_Slope], v: Array) -> tuple[list[_Tangent], Array]:
    """The tangents of all layers along v, and that of the last layer's output."""
    tangents: list[_Tangent] = []
    t = v
    for value, slope in zip(values, slopes, strict=True):
        below, q = t, _times(run, t, value.weight)
        t = run.xp.multiply(value.slope, q, out=run.arena.empty(q.shape, q))
        if tangents:
            t += below
        q *= value.curvature
        q *= slope.a
        tangents.append(_Tangent(below, q))
    return tangents, t


def _back(run: Run, value: _Value, slope: _Slope, tangent: _Tangent, dh: Array, gradient: Array) -> Array:
    """dL/dz_l from dL/dh_l, written where the slope was; the layer's gradients go into the flat `gradient`."""
    dz, weight = value.slope, value.layer.weight.of(gradient)
    dz *= dh
    dz += tangent.bent
    run.xp.matmul(value.below.T, dz, out=weight)
    weight += tangent.below.T @ slope.u
    run.xp.sum(dz, axis=0, out=value.layer.bias.of(gradient))
    return dz


def _times(run: Run, x: Array, weight: Array, base: Array | None = None) -> Array:
    """X W [+ base] in working memory."""
    y = run.xp.matmul(x, weight, out=run.arena.empty((x.shape[0], weight.shape[1]), x))
    if base is not None:
        y += base
    return y
