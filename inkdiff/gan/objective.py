r"""What the two of a duel want: the losses of forger and detective, and their gradients.

    detective:  E softplus(-D(x)) + E softplus(D(G(z))) + (r1/2) E |grad_x D(x)|^2        x real
    forger:     E softplus(-D(G(z)))

D is the logarithm of the odds that a point is real; against a given forger its best value is ln(p/p_G), and where
that is 0 everywhere the forger has won: the losses then are 2 ln 2 and ln 2, and the detective is right half the time.
The forger's loss is the non-saturating one, whose gradient does not vanish while the detective still wins. The penalty
R1 on the slope at real points makes the end stable; without it the two circle around it. With labels, both see the
label as further input, one column for each.

References: I. Goodfellow et al. (2014), arXiv:1406.2661; L. Mescheder, A. Geiger, S. Nowozin (2018), arXiv:1801.04406
(R1); M. Mirza, S. Osindero (2014), arXiv:1411.1784 (labels).
"""

from __future__ import annotations

from dataclasses import dataclass

from inkdiff._core.backend import Array, array_module
from inkdiff.nn import Arena, PlainNetwork, Run

__all__ = ["Pair", "beside", "detective_gradient", "forger_gradient", "softplus"]


@dataclass(frozen=True)
class Pair:
    """Forger G (latent + labels -> d) and detective D (d + labels -> 1)."""

    forger: PlainNetwork
    detective: PlainNetwork

    @property
    def d(self) -> int:
        """Number of coordinates."""
        return self.forger.outputs


def softplus(v: Array) -> Array:
    """ln(1 + e^v), without overflow."""
    return array_module(v).logaddexp(v.dtype.type(0), v)


def _sigmoid(v: Array) -> Array:
    # Through tanh, which does not overflow; half of v is exact.
    return 0.5 + 0.5 * array_module(v).tanh(v * v.dtype.type(0.5))


def beside(arena: Arena, x: Array, hot: Array | None) -> Array:
    """x (n, k) and the columns of the labels (n, classes), if there are any, side by side."""
    if hot is None:
        return x
    k = x.shape[1]
    both = arena.empty((x.shape[0], k + hot.shape[1]), x)
    both[:, :k] = x
    both[:, k:] = hot
    return both


def detective_gradient(
    network: PlainNetwork, run: Run, real: Array, fake: Array, out: Array, *, d: int, r1: float, batch: int
) -> float:
    """The detective's loss on these rows of a batch; its gradient, a mean over the batch, goes into `out` (2, p).

    real, fake : (n, d + labels). The two rows of `out` are to be added.
    """
    answer, slope, back = network.with_slope(run, real)
    slope[:, d:] = 0  # labels are not varied
    loss = softplus(-answer).sum() + r1 / 2 * (slope * slope).sum()
    back(_sigmoid(-answer) * (-1 / batch), slope * (r1 / batch), out[0])
    answer, back_fake = network(run, fake)
    loss += softplus(answer).sum()
    back_fake(_sigmoid(answer) * (1 / batch), out[1])
    return float(loss) / batch


def forger_gradient(
    pair: Pair, run: Run, opponent: Run, z: Array, hot: Array | None, out: Array, *, batch: int
) -> float:
    """The forger's loss on these rows of a batch, of latents z (n, latent); its gradient goes into `out` (1, p).

    `run` has the forger's parameters, `opponent` the detective's, which stay as they are.
    """
    fake, back = pair.forger(run, beside(run.arena, z, hot))
    answer, back_answer = pair.detective(opponent, beside(run.arena, fake, hot))
    loss = softplus(-answer).sum()
    d_fake = back_answer(_sigmoid(-answer) * (-1 / batch), None)
    back(d_fake[:, : pair.d], out[0])
    return float(loss) / batch
