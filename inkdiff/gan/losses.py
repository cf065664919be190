r"""The losses of discriminator and generator, and their gradients.

    discriminator:  E softplus(-D(x)) + E softplus(D(G(z))) + (r1/2) E |grad_x D(x)|^2        x real
    generator:      E softplus(-D(G(z)))

D is the logarithm of the odds that a point is real; against a given generator its best value is ln(p/p_G), and where
that is 0 everywhere the generator has won: the losses then are 2 ln 2 and ln 2, and the discriminator is right half the
time. The generator's loss is the non-saturating one, whose gradient does not vanish while the discriminator still wins.
The penalty R1 on the slope at real points makes the end stable; without it the two circle around it. A condition is
further columns of the input of both.

References: I. Goodfellow et al. (2014), arXiv:1406.2661; L. Mescheder, A. Geiger, S. Nowozin (2018), arXiv:1801.04406
(R1); M. Mirza, S. Osindero (2014), arXiv:1411.1784 (conditions).
"""

from __future__ import annotations

from dataclasses import dataclass

from inkdiff._core.backend import Array, array_module
from inkdiff.nn import Arena, PlainNetwork, Run

__all__ = ["Networks", "discriminator_loss", "generator_loss", "join_columns", "softplus"]


@dataclass(frozen=True)
class Networks:
    """Generator G (latent + words -> d) and discriminator D (d + words -> 1)."""

    generator: PlainNetwork
    discriminator: PlainNetwork

    @property
    def d(self) -> int:
        """Number of coordinates."""
        return self.generator.outputs


def softplus(v: Array) -> Array:
    """ln(1 + e^v), without overflow."""
    return array_module(v).logaddexp(v.dtype.type(0), v)


def _sigmoid(v: Array) -> Array:
    # Through tanh, which does not overflow; half of v is exact.
    return 0.5 + 0.5 * array_module(v).tanh(v * v.dtype.type(0.5))


def join_columns(arena: Arena, x: Array, codes: Array | None) -> Array:
    """x (n, k) and the columns of its condition (n, words), if there is one, side by side."""
    if codes is None:
        return x
    k = x.shape[1]
    both = arena.empty((x.shape[0], k + codes.shape[1]), x)
    both[:, :k] = x
    both[:, k:] = codes
    return both


def discriminator_loss(
    network: PlainNetwork, run: Run, real: Array, fake: Array, out: Array, *, d: int, r1: float, batch: int
) -> float:
    """The discriminator's loss on these rows of a batch; its gradient, a mean over the batch, goes into `out` (2, p).

    real, fake : (n, d + words). The two rows of `out` are to be added.
    """
    log_odds, slope, back = network.with_slope(run, real)
    slope[:, d:] = 0  # conditions are not varied
    loss = softplus(-log_odds).sum() + r1 / 2 * (slope * slope).sum()
    back(_sigmoid(-log_odds) * (-1 / batch), slope * (r1 / batch), out[0])
    log_odds, back_fake = network(run, fake)
    loss += softplus(log_odds).sum()
    back_fake(_sigmoid(log_odds) * (1 / batch), out[1])
    return float(loss) / batch


def generator_loss(
    networks: Networks, run: Run, opponent: Run, z: Array, codes: Array | None, out: Array, *, batch: int
) -> float:
    """The generator's loss on these rows of a batch, of latents z (n, latent); its gradient goes into `out` (1, p).

    `run` has the generator's parameters, `opponent` the discriminator's, which stay as they are.
    """
    fake, back = networks.generator(run, join_columns(run.arena, z, codes))
    log_odds, back_log_odds = networks.discriminator(opponent, join_columns(run.arena, fake, codes))
    loss = softplus(-log_odds).sum()
    d_fake = back_log_odds(_sigmoid(-log_odds) * (-1 / batch), None)
    back(d_fake[:, : networks.d], out[0])
    return float(loss) / batch
