r"""A residual perceptron without time, and the way back through its slope: the forger and the detective of a duel.

    h_0 = silu(W_0 x + b_0),   h_l = h_{l-1} + silu(W_l h_{l-1} + b_l),   F = W_out h + b_out

A penalty on the slope g = dF/dx of a network with one output needs derivatives of g by the weights. For a fixed
direction v the product v.g is the tangent of F along v, which forward mode computes layer by layer beside h,

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

from inkdiff._core import checks
from inkdiff._core.backend import Array, array_module
from inkdiff.nn import elementwise
from inkdiff.nn.layers import Flat, Layout, Linear, Run, Slot

__all__ = ["Perceptron", "PerceptronNetwork"]

# backprop(dF, gradient or None) -> dx
_Backprop = Callable[[Array, Array | None], Array]
# backprop(dF, dg, gradient): the gradient of the parameters
_SlopeBackprop = Callable[[Array, Array, Array], None]

_SILU_GAIN = 1.68  # 1 / sqrt(E[silu(z)^2]) for z ~ N(0, 1): keeps activations of unit size through a layer


@dataclass(frozen=True)
class Perceptron:
    """The shape of a network: `width` units in each of `depth` hidden layers.

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

    def build(self, inputs: int, outputs: int) -> PerceptronNetwork:
        """The network from `inputs` features to `outputs` values, with its slots in one flat buffer."""
        layout = Layout()
        sizes = [inputs] + [self.width] * (self.depth - 1)
        hidden = tuple(
            Linear.of(layout, f"hidden.{k}", n_in, self.width, gain=_SILU_GAIN) for k, n_in in enumerate(sizes)
        )
        head = Linear.of(layout, "head", self.width, outputs)
        return PerceptronNetwork(self, inputs, outputs, hidden, head, tuple(layout.slots))


@dataclass(frozen=True)
class PerceptronNetwork(Flat):
    """F(theta; x), a pure function of its flat parameters. See the module's equations."""

    shape: Perceptron
    inputs: int
    outputs: int
    hidden: tuple[Linear, ...]
    head: Linear
    slots: tuple[Slot, ...]

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
        h, kept = x, []
        for layer in self.hidden:
            z = _times(run, h, layer.weight.of(run.theta))
            y, curvature = empty(z.shape, z), empty(z.shape, z)
            elementwise.silu_twice(z, layer.bias.of(run.theta)[None], y, curvature)
            kept.append(_Kept(layer, layer.weight.of(run.theta), h, z, curvature))
            if len(kept) > 1:
                y += h
            h = y
        out = _times(run, h, head)
        out += self.head.bias.of(run.theta)
        a = empty(h.shape, h)
        a[...] = head[:, 0]
        for one in reversed(kept):
            one.a, one.u = a, xp.multiply(one.slope, a, out=empty(a.shape, a))
            a = _times(run, one.u, one.weight.T, base=None if one is kept[0] else a)

        def backprop(d_out: Array, dg: Array, gradient: Array) -> None:
            t = _along(run, kept, dg)
            weight = self.head.weight.of(gradient)
            xp.matmul(h.T, d_out, out=weight)
            weight += t.sum(0)[:, None]
            xp.sum(d_out, axis=0, out=self.head.bias.of(gradient))
            dh = _times(run, d_out, head.T)
            for one in reversed(kept):
                dh = one.back(run, dh, gradient, last=one is kept[0])

        return out, a, backprop


@dataclass
class _Kept:
    """What a layer remembers between value, slope and the way back from both."""

    layer: Linear
    weight: Array
    below: Array  # h_{l-1}
    slope: Array  # silu'(z_l)
    curvature: Array  # silu''(z_l)
    a: Array = None  # type: ignore[assignment]
    u: Array = None  # type: ignore[assignment]
    t: Array = None  # type: ignore[assignment] # t_{l-1}
    bent: Array = None  # type: ignore[assignment] # silu''(z_l) q_l a_l

    def back(self, run: Run, dh: Array, gradient: Array, *, last: bool) -> Array:
        """From dL/dh_l to dL/dh_{l-1}, not wanted of the `last`; the slope is used up."""
        dz, weight = self.slope, self.layer.weight.of(gradient)
        dz *= dh
        dz += self.bent
        run.xp.matmul(self.below.T, dz, out=weight)
        weight += self.t.T @ self.u
        run.xp.sum(dz, axis=0, out=self.layer.bias.of(gradient))
        return None if last else _times(run, dz, self.weight.T, base=dh)  # type: ignore[return-value]


def _along(run: Run, kept: list[_Kept], v: Array) -> Array:
    """The tangents of all layers along v; returns the last."""
    t = v
    for one in kept:
        one.t, q = t, _times(run, t, one.weight)
        t = run.xp.multiply(one.slope, q, out=run.arena.empty(q.shape, q))
        if one is not kept[0]:
            t += one.t
        q *= one.curvature
        q *= one.a
        one.bent = q
    return t


def _times(run: Run, x: Array, weight: Array, base: Array | None = None) -> Array:
    """X W [+ base] in working memory."""
    y = run.xp.matmul(x, weight, out=run.arena.empty((x.shape[0], weight.shape[1]), x))
    if base is not None:
        y += base
    return y
