r"""Learning the way back of bits: log-odds of x_0 given x_t, as a network knows them.

    log-odds = prior_b + ln P(x_tb | x_0b = 1)/P(x_tb | x_0b = 0)  +  (1 + evidence_t) F(features, c_t)
    features = [ 2 x_t - 1 ,  evidence_t (2 x_t - 1)/2 ]

The first two terms are what each bit knows by itself, from the share of ones in the data and from its own noised
value; F is what the other bits add, in units of what one bit can say. Trained is the variational bound itself: a step
t drawn with chance share_t (`training/binomial_levels.py`), x_t by one jump, and the loss of a row is its divergence
over share_t,

    loss = (1/share_t) sum_b KL( q(x_sb | x_t, x_0) || p(x_sb | x_t) ),   s = t - 1;       E[loss] = -bound, in nats.

Reference: J. Sohl-Dickstein et al. (2015), arXiv:1503.03585, eq. 14.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from inkdiff._core import checks
from inkdiff._core.backend import Array, Floats, Time, array_module, is_cuda, to_device
from inkdiff.learned.checkpoint.score_contents import check_shapes, restore_network
from inkdiff.learned.learner import Learner, Tensors, learns, notes
from inkdiff.learned.model.word_conditioning import LabelsOrWords
from inkdiff.learned.training.binomial_levels import BinomialLevels
from inkdiff.learned.training.binomial_objective import BinomialObjective
from inkdiff.learned.training.settings import Settings
from inkdiff.learned.training.weighting import BalancedWeighting
from inkdiff.likelihood.elbo import ELBO, elbo
from inkdiff.nn import (
    MLP,
    Arena,
    RowShards,
    Run,
    TimeConditionedNetwork,
    initial_weights,
    one_thread_each,
    thread_arena,
)
from inkdiff.processes.binomial import Binomial
from inkdiff.simulation.reverse import reverse

__all__ = ["LearnedBits"]


@learns(Binomial)
@dataclass(frozen=True, eq=False)
class LearnedBits(Learner):
    """Log-odds of bits learned by `inkdiff.fit` with an `inkdiff.Binomial`.

    Attributes
    ----------
    process : the forward process.
    own : (d,) log-odds of a one in the training data, bit by bit, float32.
    network, theta : the network and its flat parameters (the running mean of training), float32.
    about : what it was trained on, and how.
    """

    # Of Gaussian noise; they stand at values that mean nothing.
    fixed_settings: ClassVar[Mapping[str, object]] = {
        "sigma_min": 1.0,
        "fourier_octaves": 0,
        "match_moments": False,
        "weighting": BalancedWeighting(),
    }

    process: Binomial
    own: Array
    network: TimeConditionedNetwork
    theta: Array
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def d(self) -> int:
        """Number of bits of a row."""
        return self.network.outputs

    @cached_property
    def levels(self) -> BinomialLevels:
        """The tables of the process."""
        return BinomialLevels.of(self.process)

    def prepared(self, data: Any) -> Array:
        """The rows of a data set or array as float32 bits (n, d), checked."""
        x = self.process.check_state(getattr(data, "x", data), "data")
        if x.shape[1] != self.d:
            raise ValueError(f"data must have {self.d} bits per row like the training data, got {x.shape[1]}.")
        return array_module(x).ascontiguousarray(x, dtype=np.float32)

    def __call__(self, x: Array, t: Time) -> Array:
        """Log-odds that each bit was 1 at t = 0, given x_t = x: (n, d), float64; the same on any number of threads.

        Parameters
        ----------
        x : (n, d) bits, on the device of the parameters. t : an integer from 1 to T, or (n,) of them.

        Raises
        ------
        ValueError, TypeError
            If x is not (n, d) bits or is on another device, or t is zero or outside the process.
        """
        x = self.prepared(x)
        xp = array_module(x=x, theta=self.theta)
        steps = np.atleast_1d(np.asarray(self.process.check_times_of(len(x), t))).astype(np.int64)
        if steps.min() < 1:
            raise ValueError("t must be >= 1, got 0: at t = 0 the bits are what they are.")
        shards = RowShards.of_state(x)
        pieces = shards.pieces(len(x))
        out = xp.empty(x.shape, np.float64)
        with one_thread_each():
            code = xp.asarray(self.levels.code[steps], np.float32)
            # One step for all rows: what the network does with it is done once.
            shared = self.network.shifts(Run(self.theta, Arena()), code)[0] if len(steps) == 1 else None

            def piece(index: int) -> None:
                rows, arena = pieces[index], thread_arena()
                arena.rewind()
                those = slice(None) if shared is not None else rows
                features = arena.empty((rows.stop - rows.start, 2 * self.d), x)
                known, unit = self.prepare(x[rows], steps[those], features)
                answer, _ = self.network(Run(self.theta, arena), features, code[those], shared)
                out[rows] = known + unit * answer

            shards.run(piece, len(pieces))
        return out

    def prepare(self, x: Array, t: npt.NDArray[np.int64], features: Array) -> tuple[Array, Array]:
        """What each bit knows by itself (n, d), and the unit of F (n or 1, 1), at steps t (n,) or (1,).

        x (n, d); features (n, 2 d), float32, are filled.
        """
        xp = array_module(x)
        evidence = xp.asarray(self.levels.evidence[t])[:, None]
        spin = 2 * x - 1
        features[:, : self.d] = spin
        features[:, self.d :] = spin * (evidence / 2).astype(np.float32)
        same, other = self.process.log_likelihoods(x, t.astype(np.float64))
        return self.own + spin * (same - other), 1 + evidence

    def times(self, steps: int) -> Floats:
        """Decreasing times from T to 0, at most `steps` steps: all, or a subset that is finest where it matters."""
        steps = checks.count(steps, "steps")
        return np.arange(self.process.T, -1.0, -1.0) if steps >= self.process.T else self.levels.descending(steps)

    def sample(self, n: int, *, seed: int, steps: int | None = None) -> Array:
        """n new rows of bits, (n, d): from the equilibrium back to t = 0.

        Parameters
        ----------
        n : how many. seed : 64-bit seed of the start and the walk.
        steps : None for all T steps; fewer are faster, and less true, since the bits of a step are independent.
        """
        times = self.times(self.process.T if steps is None else steps)
        x = self.process.equilibrium.sample(checks.count(n, "n"), self.d, seed=checks.seed64(seed))
        start = to_device(x, "cuda" if is_cuda(self.theta) else "cpu")
        with one_thread_each():
            return reverse(self.process, self, start, times, seed=seed, observe={}).last

    def bound(self, x: Array, *, seed: int, draws: int = 1, steps: int | None = None) -> ELBO:
        """The bound on ln P of rows x (n, d), term by term: `inkdiff.elbo` over `times(steps)`.

        By default over all T steps. `.bits` of the result is its mean in bits per row.
        """
        times = self.times(self.process.T if steps is None else steps)
        with one_thread_each():
            return elbo(self.process, self, x, times, seed=seed, draws=draws)

    @classmethod
    def default_settings(cls, d: int) -> dict[str, Any]:
        """What suits bits."""
        net = MLP(128, 3, dropout=0.0)
        return Settings.defaults(d) | {"net": net, "batch": 1024, "lr": 5e-3, "decay": 0.5} | dict(cls.fixed_settings)

    @classmethod
    def begin(
        cls, process: Binomial, data: Any, condition: LabelsOrWords | None, settings: Settings
    ) -> tuple[LearnedBits, Array]:
        """Log-odds not yet trained, and the bits."""
        x = process.check_state(getattr(data, "x", data), "data")
        x = array_module(x).ascontiguousarray(x, dtype=np.float32)
        xp, n = array_module(x), len(x)
        ones = x.sum(0, dtype=np.float64)
        own = xp.log((ones + 0.5) / (n - ones + 0.5)).astype(np.float32)
        network = settings.net.build(2 * x.shape[1], x.shape[1])
        theta = initial_weights(network, x, seed=settings.seed)
        return cls(process, own, network, theta, notes(data, x, settings)), x

    def objective(self, x: Array, settings: Settings) -> BinomialObjective:
        """The variational bound of bits x (n, d)."""
        return BinomialObjective(self, x, settings.batch, settings.seed)

    def trained(self, theta: Array, about: dict[str, Any]) -> Self:
        """The same with other weights."""
        return replace(self, theta=theta, about=about)

    def describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """The log-odds of the single bits."""
        return {}, {"own": self.own}

    @classmethod
    def restore(cls, process: Binomial, config: dict[str, Any], tensors: Tensors) -> LearnedBits:
        """What `contents` described."""
        d = tensors["own"].size
        check_shapes(tensors, {"own": (d,)})
        network = restore_network(config, tensors, 2 * d, d)
        return cls(process, tensors["own"], network, tensors["theta"], config["about"])

    def on_device(self, device: str) -> Self:
        """The same with its arrays on "cuda" or "cpu"."""
        return replace(self, own=to_device(self.own, device), theta=to_device(self.theta, device))

    def __repr__(self) -> str:
        """One line."""
        return f"LearnedBits({self.process}, d={self.d}, {self.network.size} parameters)"
