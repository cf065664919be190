r"""A residual multilayer perceptron of a state and its time: the network of a score.

    e   = silu(A phi(c) + B w + a),   phi(c) = (1, cos(pi c), sin(pi c), ..., cos(K pi c), sin(K pi c))
    h_0 = silu(W_in x + U_0 e + b_0)
    h_l = h_{l-1} + dropout(silu(W_l h_{l-1} + U_l e + b_l)),   l = 1 ... depth - 1
    F   = W_out h + b_out

x is one particle (a point of the plane, an image as a point of pixel space) and c in [-1, 1] its noise level on a
logarithmic scale. The time enters at every hidden layer through U_l, all of which are one matrix product. A network
built with words takes a condition besides the time: w is 1 for each word of the condition, 0 for the others, so B w is
the sum of their embeddings. W_out starts at zero: training begins at F = 0, the exact answer for Gaussian data (see
`inkdiff.learned`).

References: K. He et al. (2015), arXiv:1512.03385 (residuals); J. Ho, A. Jain, P. Abbeel (2020), arXiv:2006.11239 (time
embedding at every layer); N. Srivastava et al. (2014), JMLR 15, 1929 (dropout).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from inkdiff._core.backend import Array, array_module
from inkdiff._core.registry import register
from inkdiff.nn import elementwise
from inkdiff.nn.layers import SILU_GAIN, Backprop, Layout, Linear, Network, Run, SiLU, Slot

__all__ = ["MLP", "TimeConditionedNetwork"]

# backprop(dy, gradient) -> (dh, dshift)
_BlockBackprop = Callable[[Array, Array], tuple[Array, Array]]


@register(kind="network")
@dataclass(frozen=True)
class MLP:
    """The shape of a network, before it knows the number of coordinates: `network = MLP(...).build(inputs, outputs)`.

    Parameters
    ----------
    width, depth : units per hidden layer, and number of hidden layers (>= 1).
    embedding : units of the time embedding. harmonics : K, the number of cosine-sine pairs of c.
    dropout : share of the hidden units zeroed in training (0 <= dropout < 1), at all hidden layers but the first.

    Raises
    ------
    ValueError
        If a size is not positive or `dropout` lies outside [0, 1).
    """

    width: int = 512
    depth: int = 3
    embedding: int = 64
    harmonics: int = 8
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Refuse sizes that make no network."""
        for name in ("width", "depth", "embedding", "harmonics"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a positive integer, got {value!r}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout!r}.")

    def build(self, inputs: int, outputs: int, words: int = 0) -> TimeConditionedNetwork:
        """The network from `inputs` features and a condition of `words` to `outputs` values, in one flat buffer."""
        layout = Layout()
        embed = Linear.of(layout, "embed", 1 + 2 * self.harmonics + words, self.embedding, gain=SILU_GAIN)
        sizes = [inputs] + [self.width] * (self.depth - 1)
        blocks = tuple(_Block.of(layout, f"block.{k}", n_in, self, first=k == 0) for k, n_in in enumerate(sizes))
        head = Linear.of(layout, "head", self.width, outputs, gain=0.0)
        return TimeConditionedNetwork(inputs, outputs, tuple(layout.slots), self, embed, blocks, head, words)


@dataclass(frozen=True)
class _Block:
    """h -> [h +] dropout(silu(W h + U e + b)); the first block, which changes the size, has no residual or dropout."""

    weight: Slot
    inject: Linear
    activation: SiLU
    first: bool

    @classmethod
    def of(cls, layout: Layout, name: str, inputs: int, shape: MLP, *, first: bool) -> _Block:
        weight = layout.take(f"{name}.weight", inputs, shape.width, gain=SILU_GAIN / math.sqrt(inputs))
        inject = Linear.of(layout, f"{name}.inject", shape.embedding, shape.width)
        return cls(weight, inject, SiLU(0.0 if first else shape.dropout), first)

    def __call__(self, run: Run, h: Array, shift: Array, uniform: Array | None) -> tuple[Array, _BlockBackprop]:
        """h (n, inputs), shift (m, width) = U e + b -> (n, width)."""
        xp, weight, rows = run.xp, self.weight.of(run.theta), run.rows
        z = run.arena.empty((h.shape[0], weight.shape[1]), h)
        xp.matmul(h[rows], weight, out=z[rows])
        y, back_silu = self.activation(run, z, shift, None if self.first else h, uniform)

        def backprop(dy: Array, gradient: Array) -> tuple[Array, Array]:
            dz, dshift = back_silu(dy)
            run.sum_rows(h, dz, self.weight.of(gradient))
            if self.first and not run.input_gradient:
                return h[:0], dshift
            dh = run.arena.empty(h.shape, h)
            xp.matmul(dz[rows], weight.T, out=dh[rows])
            if not self.first:
                dh[rows] += dy[rows]
            return dh, dshift

        return y, backprop

    def jvp(self, run: Run, h: Array, dh: Array, shift: Array) -> tuple[Array, Array]:
        """The output (n, width) and its derivatives (k, n, width) along dh (k, n, inputs), without dropout."""
        weight = self.weight.of(run.theta)
        slope = run.xp.ascontiguousarray(h @ weight)
        y = run.xp.empty_like(slope)
        elementwise.silu_with_slope(slope, shift, None if self.first else h, y)
        dy = slope * (dh @ weight)
        return y, dy if self.first else dh + dy


@dataclass(frozen=True)
class TimeConditionedNetwork(Network):
    """F(theta; x, c), a pure function of its flat parameters. See the module's equations."""

    shape: MLP
    embed: Linear
    blocks: tuple[_Block, ...]
    head: Linear
    words: int = 0

    def __call__(self, run: Run, x: Array, c: Array, shifts: list[Array] | None = None) -> tuple[Array, Backprop]:
        """F (n, outputs) for x (n, inputs) and c (m,), m dividing n: n/m neighbouring rows share each noise level.

        A network with words takes c (m, 1 + words): the noise level, then the condition, 1 for each of its words, 0
        for the others. `backprop(dF, gradient)` writes the gradient of the parameters into the flat `gradient` and
        returns dx (n, inputs), or none of its rows if the run wants no gradient of the input. Are `shifts` given, as
        `shifts(run, c)` gave them, their gradients are left in `run.d_shifts`.
        """
        array_module(x, c, run.theta)  # all on one device
        back_shifts = None
        if shifts is None:
            shifts, back_shifts = self.shifts(run, c)
        h, backs = x, []
        for k, (block, shift) in enumerate(zip(self.blocks, shifts, strict=True)):
            uniform = None if block.first or run.dropout is None else run.dropout[k - 1]
            h, back = block(run, h, shift, uniform)
            backs.append(back)
        out, back_head = self.head(run, h)

        def backprop(d_out: Array, gradient: Array) -> Array:
            dh = back_head(d_out, gradient)
            d_shifts: list[Array] = []
            for back in reversed(backs):
                dh, d_shift = back(dh, gradient)
                d_shifts.append(d_shift)
            if back_shifts is None:
                run.d_shifts = d_shifts[::-1]
            else:
                back_shifts(d_shifts[::-1], gradient)
            return dh

        return out, backprop

    def jvp(self, run: Run, x: Array, dx: Array, shifts: list[Array]) -> tuple[Array, Array]:
        """F (n, outputs) and its derivatives along k tangents, dx (k, n, inputs) -> (k, n, outputs): forward mode.

        Each layer pushes the point and the tangents on together, dh_l = dh_{l-1} + silu'(z_l) W_l dh_{l-1}. Without
        dropout; `shifts` as `shifts(run, c)` gave them.
        """
        h, dh = x, dx
        for block, shift in zip(self.blocks, shifts, strict=True):
            h, dh = block.jvp(run, h, dh, shift)
        weight, bias = self.head.weight.of(run.theta), self.head.bias.of(run.theta)
        return h @ weight + bias, dh @ weight

    def shifts(self, run: Run, c: Array) -> tuple[list[Array], Callable[[list[Array], Array], None]]:
        """What the noise levels c (m,) add inside every block, (m, width) each, and the way back."""
        levels = run.levels
        phi = self._harmonics(run, c)
        z, _ = self.embed(run, phi, levels)
        e = run.arena.empty((c.shape[0], self.shape.embedding + 1), c)
        elementwise.silu_with_slope(z[levels], run.xp.zeros((1, z.shape[1]), z.dtype), None, e[levels])
        e[levels, -1] = 1  # for the biases of the blocks
        shifts, backs = zip(*(block.inject(run, e, levels) for block in self.blocks), strict=True)

        def backprop(d_shifts: list[Array], gradient: Array) -> None:
            parts = [back(d_shift, gradient)[levels] for back, d_shift in zip(backs, d_shifts, strict=True)]
            for part in parts[1:]:
                parts[0] += part
            elementwise.multiply(z[levels], parts[0])
            run.sum_rows(phi, z, self.embed.joint.of(gradient))

        return list(shifts), backprop

    def _harmonics(self, run: Run, c: Array) -> Array:
        """phi(c), (m, 2 K + words + 2): cosines, sines and words between a column of ones and another, for the bias."""
        xp, levels, count = run.xp, run.levels, self.shape.harmonics
        phi = run.arena.empty((c.shape[0], 2 * count + self.words + 2), c)
        cosine, sine = phi[levels, 1 : count + 1], phi[levels, count + 1 : 2 * count + 1]
        c = c.reshape(len(c), 1 + self.words)
        phi[levels, 2 * count + 1 : -1] = c[levels, 1:]
        xp.multiply(c[levels, :1], math.pi * xp.arange(1, count + 1, dtype=c.dtype), out=sine)
        xp.cos(sine, out=cosine)
        xp.sin(sine, out=sine)
        phi[levels, 0] = phi[levels, -1] = 1
        return phi
