"""Golden hashes: the bits that are promised, written down once.

Integer words are promised on any machine. The floats hashed here come from IEEE operations alone (sums, products,
square roots, fused multiply-adds, each rounded once), so they are promised too, for any number of threads and on
CUDA: `pytest -m gpu` asserts the same hashes there. (Functions of the C library, as in alpha_t = exp(...), may differ
in their last bit from one machine to the next, so no such thing is hashed.)
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

import inkdiff as ink
from inkdiff import kernels
from inkdiff._core.backend import asnumpy, cuda_device_count
from inkdiff._core.noise_address import Address
from inkdiff._core.rng import Stream

N, D = 10_000, 3
SEED = 0x0123456789ABCDEF


def digest(array):
    array = np.ascontiguousarray(asnumpy(array))
    return hashlib.sha256(array.astype(array.dtype.newbyteorder("<")).tobytes()).hexdigest()[:16]


def start(xp, dtype):
    """Multiples of 2^-12 in the unit interval."""
    return (xp.arange(N * D).reshape(N, D) * 2654435761 % 4096).astype(dtype) / 4096


def philox(xp):
    counter = (xp.arange(4 * N, dtype=np.uint64).reshape(N, 4) * 2654435761 % 2**32).astype(np.uint32)
    return kernels.philox4x32(counter, (SEED & 0xFFFFFFFF, SEED >> 32))


def normals(xp):
    return ink.normal(N, seed=SEED, step=3, start=2**33 + 5, out=xp.empty(N, np.float32))


def uniforms(xp):
    return ink.uniform(N, seed=SEED, step=3, start=2**33 + 5, out=xp.empty(N, np.float32))


def box(xp, dtype=np.float64, box=None):
    walk = ink.Brownian(2.0**-9, box or ink.Box(0, 1))
    return ink.simulate(walk, start(xp, dtype), [0, 0.5, 2], seed=SEED, steps=4).x


def brick(xp):
    return box(xp, box=ink.Box([0, 0, -1], [1, 2, 1], ["reflect", "periodic", "reflect"]))


def free(xp):
    return ink.simulate(ink.Brownian(2.0**-9), start(xp, np.float64), [0, 0.5, 2], seed=SEED, steps=4).x


def walk(xp):
    x = start(xp, np.float32)
    a, s = xp.asarray([1.0, 0.75, 1.25], np.float32), xp.asarray([0.1, 0.5, 2.0], np.float32)
    kernels.walk(x, a, s, noise=Address(SEED, 7, Stream.FORWARD))
    return x


def step(xp):
    x, t = start(xp, np.float32), (xp.arange(N) % 64 + 1).astype(np.float32) / 64
    walls = ink.Box(0, 1).kernel_walls(np.float32, xp)
    return kernels.affine_step(x, u=1 - x, a=t, b=t / 8, c=t, walls=walls, noise=Address(SEED, 9, Stream.REVERSE))


def jump(xp):
    return ink.diffuse(ink.Brownian(0.5), start(xp, np.float32), (xp.arange(N) % 8 / 8), seed=SEED)


def tallies(xp):
    x = start(xp, np.float32)
    return np.concatenate([ink.Histogram(ink.Box(0, 1), 5)(x).ravel(), ink.Moments(2.0**-12)(x).ravel().astype(int)])


GOLDEN = {
    "philox": "de972b6256333f13",
    "normals": "7f6fea0b4a72d227",
    "uniforms": "9c524f59b8328d91",
    "box": "bedad48d5757161c",
    "brick": "2a8d8cecca2c2823",
    "free": "d4a21c61265ef80f",
    "walk": "3e6dba5b2e42ffa9",
    "step": "6cc577c5b3691a80",
    "jump": "f3992e31f31a43a2",
    "tallies": "d94bf8770ac8d56d",
}


@pytest.mark.parametrize("what", GOLDEN)
def test_the_promised_bits(what):
    assert digest(globals()[what](np)) == GOLDEN[what]


@pytest.mark.gpu
@pytest.mark.skipif(cuda_device_count() == 0, reason="no CuPy with a usable CUDA device here")
@pytest.mark.parametrize("what", GOLDEN)
def test_the_promised_bits_on_cuda(what):
    cupy = pytest.importorskip("cupy")
    assert digest(globals()[what](cupy)) == GOLDEN[what]
