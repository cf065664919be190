r"""inkdiff's network in PyTorch and in JAX, with the same weights.

    e = silu(A phi(c) + a),      h_0 = silu(W_0 x + U_0 e + b_0),
    h_l = h_{l-1} + silu(W_l h_{l-1} + U_l e + b_l),      F = W_out h + b_out

Both are written as one would write them there: PyTorch eagerly, with its fused AdamW; JAX as one jitted step
with donated buffers. What depends on the noise level alone is computed once per level. Each checks its answer
against inkdiff's before it is used.

Reference: `inkdiff.nn.time_conditioned_mlp`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .network import Problem

__all__ = ["JaxNet", "TorchNet"]

_B1, _B2, _EPS = 0.9, 0.99, 1e-8
_MEAN = 1e-3  # blend of the running mean; any number costs the same
_TOLERANCE = 1e-3


def _agree(name: str, given: npt.NDArray[np.float32], problem: Problem) -> None:
    expected = problem.answer()
    error = float(np.abs(given - expected).max() / np.abs(expected).max())
    if not error < _TOLERANCE:
        raise RuntimeError(f"the network in {name} differs from inkdiff's by {error:.2g}: not the same work.")


class TorchNet:
    """Eager PyTorch, in float32, on the CPU or on `device`."""

    def __init__(self, torch: Any, problem: Problem, device: str = "cpu") -> None:
        self.torch, self.depth = torch, problem.network.shape.depth
        self.w = {
            name: torch.tensor(values, device=device, requires_grad=True) for name, values in problem.weights().items()
        }
        self.x, self.y, self.c = (torch.tensor(array, device=device) for array in (problem.x, problem.y, problem.c))
        self.harmonics = math.pi * torch.arange(1, problem.network.shape.harmonics + 1, device=device)
        with torch.inference_mode():
            _agree("torch", self.answer(self.x, self.c).cpu().numpy(), problem)

    def answer(self, x: Any, c: Any, *, dropout: float = 0.0) -> Any:
        """F (n, d); `dropout` in all hidden layers but the first."""
        torch, w = self.torch, self.w
        silu, affine = torch.nn.functional.silu, torch.addmm
        angles = c[:, None] * self.harmonics
        phi = torch.cat([torch.ones_like(c)[:, None], angles.cos(), angles.sin()], dim=1)
        e = silu(affine(w["embed.bias"], phi, w["embed.weight"]))
        h, grouped = x, (len(c), len(x) // len(c), -1)  # so many neighbouring rows share a noise level
        for k in range(self.depth):
            shift = affine(w[f"block.{k}.inject.bias"], e, w[f"block.{k}.inject.weight"])
            out = silu((h @ w[f"block.{k}.weight"]).view(grouped) + shift[:, None]).flatten(0, 1)
            if k > 0 and dropout > 0:
                out = torch.nn.functional.dropout(out, dropout)
            h = out if k == 0 else h + out
        return affine(w["head.bias"], h, w["head.weight"])

    def training(self, steps: int, rate: float) -> Callable[[], None]:
        """`steps` training steps."""
        torch, parameters = self.torch, list(self.w.values())
        optimiser = torch.optim.AdamW(parameters, lr=rate, betas=(_B1, _B2), eps=_EPS, weight_decay=0.0, fused=True)
        mean = [p.detach().clone() for p in parameters]

        def run() -> None:
            for _ in range(steps):
                optimiser.zero_grad(set_to_none=True)
                torch.nn.functional.mse_loss(self.answer(self.x, self.c), self.y).backward()
                optimiser.step()
                with torch.no_grad():
                    torch._foreach_lerp_(mean, parameters, _MEAN)

        return run

    def sampling(self, steps: int, coefficients: tuple[float, float, float]) -> Callable[[], None]:
        """`steps` sampling steps, in place."""
        torch, (a, b, s) = self.torch, coefficients
        x, c = self.x.clone(), self.c[:1]
        noise = torch.empty_like(x)

        def run() -> None:
            with torch.inference_mode():
                for _ in range(steps):
                    answer = self.answer(x, c)
                    x.mul_(a).add_(answer, alpha=b).add_(noise.normal_(), alpha=s)

        return run


class JaxNet:
    """JAX: one jitted step."""

    def __init__(self, jax: Any, problem: Problem) -> None:
        self.jax, self.depth = jax, problem.network.shape.depth
        self.w = {name: jax.numpy.asarray(values) for name, values in problem.weights().items()}
        self.x, self.y, self.c = (jax.numpy.asarray(array) for array in (problem.x, problem.y, problem.c))
        self.harmonics = np.arange(1, problem.network.shape.harmonics + 1, dtype=np.float32) * np.float32(math.pi)
        _agree("JAX", np.asarray(self.answer(self.w, self.x, self.c)), problem)

    def answer(self, w: dict[str, Any], x: Any, c: Any) -> Any:
        """F (n, d)."""
        jnp, silu = self.jax.numpy, self.jax.nn.silu
        angles = c[:, None] * self.harmonics
        phi = jnp.concatenate([jnp.ones_like(c)[:, None], jnp.cos(angles), jnp.sin(angles)], axis=1)
        e = silu(phi @ w["embed.weight"] + w["embed.bias"])
        h, grouped = x, (len(c), len(x) // len(c), -1)
        for k in range(self.depth):
            shift = e @ w[f"block.{k}.inject.weight"] + w[f"block.{k}.inject.bias"]
            z = (h @ w[f"block.{k}.weight"]).reshape(grouped) + shift[:, None]
            out = silu(z).reshape(len(x), -1)
            h = out if k == 0 else h + out
        return h @ w["head.weight"] + w["head.bias"]

    def training(self, steps: int, rate: float) -> Callable[[], None]:
        """`steps` training steps."""
        jax = self.jax

        def loss(w: Any) -> Any:
            return ((self.answer(w, self.x, self.c) - self.y) ** 2).mean()

        def step(state: Any) -> Any:
            w, mean, m, v, k = state
            gradient = jax.grad(loss)(w)
            m = jax.tree.map(lambda m, g: _B1 * m + (1 - _B1) * g, m, gradient)
            v = jax.tree.map(lambda v, g: _B2 * v + (1 - _B2) * g * g, v, gradient)
            first, second = rate / (1 - _B1**k), 1 - _B2**k
            w = jax.tree.map(lambda w, m, v: w - first * m / (jax.numpy.sqrt(v / second) + _EPS), w, m, v)
            mean = jax.tree.map(lambda p, q: p + _MEAN * (q - p), mean, w)
            return w, mean, m, v, k + 1

        def copy() -> Any:
            return jax.tree.map(lambda w: w.copy(), self.w)

        def zeros() -> Any:
            return jax.tree.map(jax.numpy.zeros_like, self.w)

        jitted, held = jax.jit(step, donate_argnums=0), [(copy(), copy(), zeros(), zeros(), 1.0)]

        def run() -> None:
            for _ in range(steps):
                held[0] = jitted(held[0])
            jax.block_until_ready(held[0])

        return run

    def sampling(self, steps: int, coefficients: tuple[float, float, float]) -> Callable[[], None]:
        """`steps` sampling steps."""
        jax, (a, b, s) = self.jax, coefficients

        def step(x: Any, key: Any, w: Any, c: Any) -> Any:
            key, now = jax.random.split(key)
            return a * x + b * self.answer(w, x, c) + s * jax.random.normal(now, x.shape, x.dtype), key

        jitted, c = jax.jit(step, donate_argnums=0), self.c[:1]
        held = [(self.x.copy(), jax.random.key(0))]

        def run() -> None:
            for _ in range(steps):
                held[0] = jitted(*held[0], self.w, c)
            jax.block_until_ready(held[0])

        return run
