r"""What a user waits for: digits learned from nothing, and ten thousand of them drawn; here and in PyTorch.

    training:  theta <- AdamW(theta, d/dtheta |F(x_t, c) - target|^2),  mean of theta,      as many steps
    sampling:  Heun's rule for the probability flow, two networks a step,                   as many steps, as many rows

Both train the network of `ink.fit` (its sizes, dropout, batch, levels shared by neighbouring rows, learning rates) from
the same weights. The peer is written as one would write it there: eager, fused AdamW, `_foreach` mean, noise from its
own generator; it regresses on the noise itself and knows nothing of histograms and moments, so its step is the lighter
one. inkdiff's time is that of `ink.fit`, with everything that makes its digits good, and of `sample`.

Reference: T. Karras et al. (2022), arXiv:2206.00364, for the peer's preconditioning and sampler.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import inkdiff as ink
from inkdiff.learned.training.settings import default_net
from inkdiff.nn import AdamW, RateSchedule

from . import network_peers, peers
from .measure import Aim, Case, Contender, Peer, Settings, measure
from .network import Problem

__all__ = ["TorchModel", "records"]

_STEPS, _SAMPLES, _WALK = 3000, 10_000, 100  # of training; images; steps of Heun's rule
_ROUNDS = 3  # at most: each takes minutes
_BATCH, _SHARING, _RATE, _WARMUP, _DECAY = 256, 4, 5e-3, 100, 0.5  # of `ink.fit`, for pictures
_GAMMA = AdamW().gamma  # of the running mean
_PIECE = 1000  # rows the peer walks with at a time: its fastest
_LEVELS = np.log(0.06), np.log(40.0)  # of sigma/alpha, as `ink.fit` finds them for digits


def records(settings: Settings) -> Iterator[dict[str, Any]]:
    """One case, in few rounds."""
    few = dataclasses.replace(settings, repeats=min(_ROUNDS, settings.repeats))
    steps, samples = settings.size(_STEPS, 4), settings.size(_SAMPLES, 20)
    walk = settings.size(_WALK, 4)
    data = ink.datasets.digits()
    contenders = [Contender("inkdiff", _here(data, steps, samples, walk, settings.threads), 1, "fit, sample",
                            times_itself=True)]  # fmt: skip
    torch = peers.torch(settings)
    if torch is not None:
        model = TorchModel(torch, data.x)
        how = f"eager, fused AdamW, foreach mean; samples {_PIECE:,} at a time"
        contenders.append(Peer("torch", lambda: model.seconds(steps, samples, walk), 1, how, times_itself=True))
    net = default_net(data.d)
    title = f"digits ({net.depth} x {net.width}), {steps:,} training steps and {samples:,} images"
    yield measure(Case("generation", title, "runs", contenders, [Aim("torch", "at least", 2)]), few)


def _here(data: Any, steps: int, samples: int, walk: int, threads: int) -> Callable[[], float]:
    process = ink.VariancePreserving.linear()

    quietly = ink.RunOptions(progress=False, threads=threads)

    def run(steps: int = steps, samples: int = samples) -> float:
        start = time.perf_counter()
        score = ink.fit(process, data, steps=steps, seed=1, progress=quietly)
        score.sample(samples, seed=1, steps=walk)
        return time.perf_counter() - start

    run(2, 2)  # compiled, or read from disk
    return run


class TorchModel:
    """The same network, its training and its sampling in eager PyTorch."""

    def __init__(self, torch: Any, x: Any) -> None:
        self.torch, d = torch, x.shape[1]
        self.x = torch.from_numpy(2 * x - 1)
        self.net = default_net(d)
        network = self.net.build(2 * d, d)
        theta = network.initial(lambda size: ink.normal(size, seed=1))
        theta[theta == 0] = 0.01  # biases and the head start at zero, which would show nothing of an agreement
        rows = ink.normal(_BATCH * 3 * d, seed=2).reshape(_BATCH, 3 * d)
        levels = 2 * ink.uniform(_BATCH // _SHARING, seed=3).astype(np.float32) - 1
        self.problem = Problem(network, theta, rows[:, : 2 * d], rows[:, 2 * d :], levels)
        self.spread = float(self.x.std())
        self.seconds(2, 2, 4)  # whatever is set up once

    def seconds(self, steps: int, samples: int, walk: int) -> float:
        """Seconds of one training from the start and one set of samples."""
        start = time.perf_counter()
        model, mean = self.train(steps)
        with self.torch.inference_mode():
            model.w = mean
            pieces = [self.sample(model, min(_PIECE, samples - k), walk) for k in range(0, samples, _PIECE)]
        if not self.torch.cat(pieces).isfinite().all():
            raise RuntimeError("the network in torch makes images that are not finite: not the same work.")
        return time.perf_counter() - start

    def train(self, steps: int) -> tuple[network_peers.TorchNet, dict[str, Any]]:
        """The trained network, and the running mean of its weights."""
        torch, model = self.torch, network_peers.TorchNet(self.torch, self.problem)
        parameters = list(model.w.values())
        with torch.no_grad():
            for name in ("head.weight", "head.bias"):
                model.w[name].zero_()
        optimiser = torch.optim.AdamW(parameters, lr=_RATE, betas=(0.9, 0.99), weight_decay=_DECAY, fused=True)
        mean = [p.detach().clone() for p in parameters]
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = RateSchedule(_RATE, steps, _WARMUP)(step)
            noisy, noise, code = self._batch()
            optimiser.zero_grad(set_to_none=True)
            answer = model.answer(noisy, code, dropout=self.net.dropout)
            torch.nn.functional.mse_loss(answer, noise).backward()
            optimiser.step()
            with torch.no_grad():
                torch._foreach_lerp_(mean, parameters, min(1.0, (_GAMMA + 1) / (step + 1 + _GAMMA)))
        return model, dict(zip(model.w, mean, strict=True))

    def _batch(self) -> tuple[Any, Any, Any]:
        """Features of noisy rows, their noise, and the codes of the levels."""
        torch, (low, high) = self.torch, _LEVELS
        rows = self.x[torch.randint(len(self.x), (_BATCH,))]
        code = 2 * (torch.arange(_BATCH // _SHARING) + torch.rand(_BATCH // _SHARING)) * _SHARING / _BATCH - 1
        sigma = torch.exp(low + (high - low) * (code + 1) / 2).repeat_interleave(_SHARING)[:, None]
        noise = torch.randn_like(rows)
        return self._features(rows + sigma * noise, sigma), noise, code

    def _features(self, y: Any, sigma: Any) -> Any:
        """What the network sees of y = x/alpha: at unit size, and by the guess of a Gaussian pixel."""
        variance = self.spread**2
        seen = y / (variance + sigma**2) ** 0.5
        return self.torch.cat([seen, seen * (self.spread / (variance + sigma**2) ** 0.5)], dim=1)

    def sample(self, model: network_peers.TorchNet, n: int, walk: int) -> Any:
        """n images by Heun's rule in sigma/alpha, the last step to 0 by its first slope."""
        torch, (low, high) = self.torch, _LEVELS
        codes = torch.linspace(1, -1, walk)
        sigmas = [*torch.exp(low + (high - low) * (codes + 1) / 2).tolist(), 0.0]
        y = sigmas[0] * torch.randn(n, self.x.shape[1])

        def slope(y: Any, k: int) -> Any:
            return model.answer(self._features(y, torch.tensor(sigmas[k])), codes[k : k + 1])

        for k in range(walk):
            first, width = slope(y, k), sigmas[k + 1] - sigmas[k]
            if k + 1 == walk:
                return y + width * first
            second = slope(y + width * first, k + 1)
            y = y + width / 2 * (first + second)
        return y
