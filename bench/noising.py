"""Forward noising: images to noisier images, each to its own time, in one pass over memory.

    x_t  =  alpha_t x_0 + sigma_t eps,      one t per image

The shape must not matter: 65,536 images of 28x28 pixels, the same amount of numbers as images of 8x8 pixels,
and as points of the plane. Every number is read once and written once, so a copy of the array bounds the
rate.

Reference: J. Sohl-Dickstein et al. (2015), the forward process; docs/performance.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import inkdiff as ink
from inkdiff import kernels
from inkdiff._core.noise_address import Address

from . import machine, peers
from .measure import Aim, Case, Contender, Limit, Peer, Settings

__all__ = ["cases"]

_IMAGES = 65_536
_SEED = 40
_PROCESS = ink.VariancePreserving.linear()


def cases(settings: Settings) -> Iterator[Case]:
    """Images of 28x28 pixels beside the peers, other shapes beside them, and the GPU if there is one."""
    n = settings.size(_IMAGES, 32)
    x, t = _images(n, 784), _times(n)
    aims = [Aim("torch", "at least", 5), Aim("NumPy SFC64", "at least", 10)] if settings.threads == 1 else []
    if settings.threads == 1:
        aims.append(Aim("memory copy", "at least", 0.7))
    yield Case(
        "noising",
        f"{n:,} images 28x28 noised into out=, one t per image",
        "numbers",
        list(_noisers(x, t, settings)),
        aims,
    )
    yield Case(
        "noising-shapes", "the same numbers in other shapes", "numbers", list(_shapes(x)),
        [Aim("8x8 images", "at most", 1.5), Aim("2-D points", "at most", 1.5)],
    )  # fmt: skip
    cupy = peers.cupy(settings)
    if cupy is not None:
        yield Case(
            "noising-gpu", f"{n:,} images 28x28 noised on the GPU", "numbers",
            list(_on_gpu(x, t, settings, cupy)), [Aim("memory copy", "at least", 0.85)],
        )  # fmt: skip


def _images(n: int, d: int) -> npt.NDArray[np.float32]:
    x: npt.NDArray[np.float32] = ink.uniform(n * d, seed=_SEED).reshape(n, d)
    return x


def _times(n: int) -> npt.NDArray[np.float32]:
    t: npt.NDArray[np.float32] = ink.uniform(n, seed=_SEED, step=1)
    return t


def _coefficients(t: Any) -> tuple[Any, Any]:
    """alpha_t and sigma_t, float32, one per row."""
    return _PROCESS.alpha(t).astype(np.float32), _PROCESS.sigma(t).astype(np.float32)


def _public(x: Any, t: Any, out: Any) -> Callable[[], Any]:
    return lambda: ink.diffuse(_PROCESS, x, t, seed=_SEED, out=out)


def _kernel(x: Any, t: Any, out: Any) -> Callable[[], Any]:
    a, s = _coefficients(t)
    return lambda: kernels.affine_step(x, a=a, c=s, noise=Address(_SEED, 0, ink.Stream.JUMP), out=out)


def _noisers(x: Any, t: Any, settings: Settings) -> Iterator[Contender]:
    out, work = np.empty_like(x), x.size
    yield Contender("inkdiff", _public(x, t, out), work, "public diffuse(out=), input validated")
    yield Contender("bare kernel", _kernel(x, t, out), work, "kernels.affine_step(out=)")
    if "numpy" in settings.peers:
        yield Peer("NumPy SFC64", _numpy(x, t, out), work, "in place, one scratch array, 1 thread")
    torch = peers.torch(settings)
    if torch is not None:
        arrays = [torch.from_numpy(array) for array in (x, *_coefficients(t), out)]
        yield Peer("torch", _torch(*arrays), work, "in place: normal_, mul_, addcmul_")
    jax = peers.jax(settings)
    if jax is not None:
        yield Peer("JAX", _jax(jax, x, t), work, "jitted, buffer donated")
    copy = machine.copy_on(settings.threads)
    yield Limit("memory copy", lambda: copy(out, x), work, "the limit: NumPy copyto(out, x)")


def _shapes(x: Any) -> Iterator[Contender]:
    flat, out = x.reshape(-1), np.empty(x.size, x.dtype)
    for name, d in (("28x28 images", 784), ("8x8 images", 64), ("2-D points", 2)):
        n = x.size // d
        array, into = flat[: n * d].reshape(n, d), out[: n * d].reshape(n, d)
        yield Contender(name, _kernel(array, _times(n), into), n * d, f"kernels.affine_step(out=), {n:,} x {d}")
    images, n = out.reshape(x.shape), len(x)
    yield Contender("28x28 in place", _kernel(images, _times(n), images), x.size, "kernels.affine_step(out=x)")


def _numpy(x: Any, t: Any, out: Any) -> Callable[[], None]:
    generator, scratch = np.random.Generator(np.random.SFC64(_SEED)), np.empty_like(x)
    a, s = (c[:, None] for c in _coefficients(t))

    def run() -> None:
        generator.standard_normal(dtype=np.float32, out=out)
        np.multiply(out, s, out=out)
        np.multiply(x, a, out=scratch)
        np.add(out, scratch, out=out)

    return run


def _torch(x: Any, a: Any, s: Any, out: Any) -> Callable[[], None]:
    a, s = a[:, None], s[:, None]

    def run() -> None:
        out.normal_()
        out.mul_(s)
        out.addcmul_(x, a)

    return run


def _jax(jax: Any, x: Any, t: Any) -> Callable[[], None]:
    def noise(key: Any, old: Any, x: Any, a: Any, s: Any) -> Any:
        return a[:, None] * x + s[:, None] * jax.random.normal(key, x.shape, x.dtype)

    jitted = jax.jit(noise, donate_argnums=1, keep_unused=True)
    key, arrays = jax.random.key(_SEED), [jax.numpy.asarray(array) for array in (x, *_coefficients(t))]
    held = [jax.numpy.zeros(x.shape, x.dtype)]

    def run() -> None:
        held[0] = jitted(key, held[0], *arrays).block_until_ready()

    return run


def _on_gpu(x: Any, t: Any, settings: Settings, cupy: Any) -> Iterator[Contender]:
    x, t = cupy.asarray(x), cupy.asarray(t)
    out, work, done = cupy.empty_like(x), x.size, cupy.cuda.Stream.null.synchronize
    yield Contender("inkdiff", _kernel(x, t, out), work, "kernels.affine_step(out=), CuPy", after=done)
    yield Contender("diffuse", _public(x, t, out), work, "public diffuse(out=), input validated", after=done)
    yield Limit("memory copy", lambda: cupy.copyto(out, x), work, "the limit: copy on the device", after=done)
    torch = peers.torch(settings, cuda=True)
    if torch is not None:
        arrays = [torch.from_dlpack(array) for array in (x, *_coefficients(t), out)]
        yield Peer("torch", _torch(*arrays), work, "in place on the GPU", after=torch.cuda.synchronize)
