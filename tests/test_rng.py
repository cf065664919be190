"""Noise by address: Random123's words, normals against a float64 reference written here, statistics,
addressing."""

from __future__ import annotations

import hashlib

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import inkdiff as ink
from inkdiff._core.rng import QUARTER, Stream

BLOCK = 4 * QUARTER
N = 2**20

# Random123 1.14, tests/kat_vectors: philox 4x32, 10 rounds (counter, key, result).
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return np.array([int(w, 16) for w in text.split()], np.uint32)


def reference_philox(counter, key):
    """Philox4x32-10 in Python integers, straight from the paper."""
    c, k = [int(v) for v in counter], [int(v) for v in key]
    for r in range(10):
        if r:
            k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 % 2**32, (p0 >> 32) ^ c[3] ^ k[1], p0 % 2**32]
    return c


def reference_normals(elements, *, seed, step, stream):
    """The normals of given elements and their radii in float64, from integers to sine and cosine, by the rules
    of the docs.

    Only the 32-bit words are rounded to 24 bits first, as the definition of the noise says.
    """
    normals, radii = [], []
    for e in elements:
        block, within = divmod(e, BLOCK)
        j, i = divmod(within, QUARTER)
        call = block * QUARTER + i
        w = reference_philox([call % 2**32, call >> 32, step, stream], [seed % 2**32, seed >> 32])
        x, y = w[2 * (j // 2)], w[2 * (j // 2) + 1]
        signed = y - 2**32 if y >= 2**31 else y
        u = np.float64(np.float32(np.float64(np.float32(x)) / 2**32 + 0.5 / 2**32))
        radius = np.sqrt(-2 * np.log(u))
        angle = np.pi / 2 * np.float64(np.float32(signed)) / 2**31
        normals.append((-1 if y & 1 else 1) * radius * (np.sin(angle) if j % 2 == 0 else np.cos(angle)))
        radii.append(radius)
    return np.array(normals), np.array(radii)


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_known_answers_of_random123(counter, key, result):
    assert np.array_equal(ink.philox4x32(words(counter)[None], words(key)), words(result)[None])
    assert np.array_equal(reference_philox(words(counter), words(key)), words(result))


def test_many_words_against_python_integers():
    counters = np.random.default_rng(1).integers(0, 2**32, (300, 4), dtype=np.uint32)
    key = np.array([123456789, 4000000000], np.uint32)
    assert np.array_equal(ink.philox4x32(counters, key), [reference_philox(c, key) for c in counters])
    assert ink.philox4x32(counters[:0], key).shape == (0, 4)


@pytest.mark.parametrize("start", [0, 4000, 2**40 + 17])
def test_normals_against_a_float64_reference(start):
    z = ink.normal(2 * BLOCK, seed=0x123456789ABCDEF0, step=7, stream=3, start=start)
    chosen = np.random.default_rng(0).choice(z.size, 1500, replace=False)
    exact, radius = reference_normals([start + int(e) for e in chosen], seed=0x123456789ABCDEF0, step=7, stream=3)
    error = np.abs(z[chosen] - exact)
    assert np.max(error / radius) < 3e-7
    assert np.median(error / np.abs(exact)) < 1e-7


def test_golden_bits():
    """The noise itself is part of the contract: these hashes change only with a new major version."""
    counter = np.stack([np.arange(4096, dtype=np.uint32)] * 4, axis=1)
    integers = ink.philox4x32(counter, np.array([1, 2], np.uint32))
    assert hashlib.sha256(integers.astype("<u4").tobytes()).hexdigest()[:16] == "bd08e0102cfa18ca"
    floats = ink.normal(100_000, seed=2024, step=3, stream=1)
    assert hashlib.sha256(floats.astype("<f4").tobytes()).hexdigest()[:16] == "05d72172d19cde33"


# ---- statistics


@pytest.mark.parametrize("seed", [0, 1, 2**63 + 5])
def test_moments_of_normals(seed):
    z = ink.normal(N, seed=seed).astype(np.float64)
    for power, mean, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10395 - 225)]:
        assert abs((z**power).mean() - mean) / np.sqrt(variance / N) < 5, power


def test_tail_of_normals():
    z = np.abs(np.concatenate([ink.normal(N, seed=11, step=k) for k in range(8)]))
    assert z.max() <= 6.77
    for edge in (3.0, 4.0, 4.7):
        expected = z.size * 2 * stats.norm.sf(edge)
        assert abs((z > edge).sum() - expected) / np.sqrt(expected) < 5, edge


def test_distribution_of_normals_and_uniforms():
    assert stats.kstest(ink.normal(N, seed=5), "norm").pvalue > 1e-6
    u = ink.uniform(N, seed=5)
    assert u.dtype == np.float32 and u.min() > 0 and u.max() < 1
    assert stats.kstest(u, "uniform").pvalue > 1e-6
    counts = np.bincount((u * 256).astype(int), minlength=256)
    chi2 = ((counts - N / 256) ** 2).sum() / (N / 256)
    assert abs(chi2 - 255) / np.sqrt(2 * 255) < 5


def test_the_four_outputs_of_a_call_are_independent():
    z = ink.normal(N, seed=9).reshape(-1, 4, QUARTER).transpose(1, 0, 2).reshape(4, -1).astype(np.float64)
    n = z.shape[1]
    for a in range(4):
        for b in range(a):
            assert abs((z[a] * z[b]).mean()) * np.sqrt(n) < 5
            assert abs((z[a] ** 2 * z[b] ** 2).mean() - 1) / np.sqrt(8 / n) < 5  # radii too, not only signs
            assert abs((z[a] * z[b] ** 2).mean()) / np.sqrt(3 / n) < 5


@pytest.mark.parametrize("other", [{"step": 1}, {"stream": 1}, {"seed": 8}, {"seed": 7 + 2**32}, {"start": N}])
def test_addresses_share_nothing(other):
    address = {"seed": 7, "step": 0, "stream": 0, "start": 0}
    a, b = ink.normal(N, **address), ink.normal(N, **{**address, **other})
    assert abs(np.mean(a.astype(float) * b)) * np.sqrt(N) < 5
    assert (a == b).sum() < 10  # two independent normals agree to the bit about once in 10^7
    assert np.intersect1d(a[:20000].view(np.int32), b[:20000].view(np.int32)).size < 400


def test_uniforms_are_not_the_normals_noise_shifted():
    u, z = ink.uniform(N, seed=7, stream=0), ink.normal(N, seed=7, stream=0)
    assert not np.array_equal(u, z)
    assert stats.kstest(ink.uniform(N, seed=7, stream=Stream.DATA, step=3), "uniform").pvalue > 1e-6


def test_streams_are_unique_and_ordered_by_use():
    assert len({int(s) for s in Stream}) == len(Stream)
    assert (Stream.FORWARD, Stream.JUMP, Stream.REVERSE, Stream.PRIOR) == (0, 1, 2, 3)


# ---- addressing


@given(start=st.integers(0, 3 * BLOCK), n=st.integers(0, 2 * BLOCK + 100))
def test_any_piece_is_a_piece_of_the_whole(start, n):
    for f in (ink.normal, ink.uniform):
        whole = f(6 * BLOCK, seed=3, step=2, stream=5)
        assert np.array_equal(f(n, seed=3, step=2, stream=5, start=start), whole[start : start + n])


def test_far_addresses():
    start = 2**34 * 3 + 1234  # the call number needs its high word
    a = ink.normal(3000, seed=1, start=start)
    assert np.array_equal(a[1000:], ink.normal(2000, seed=1, start=start + 1000))
    assert not np.array_equal(a, ink.normal(3000, seed=1, start=1234))


def test_out_is_filled_and_returned():
    out = np.full(5000, np.nan, np.float32)
    assert ink.normal(5000, seed=1, out=out) is out
    assert np.array_equal(out, ink.normal(5000, seed=1))


@pytest.mark.parametrize("f", [ink.normal, ink.uniform])
def test_threads_do_not_change_a_bit(f):
    allowed = numba.get_num_threads()
    many = f(50 * BLOCK + 7, seed=4)
    numba.set_num_threads(1)
    try:
        one = f(50 * BLOCK + 7, seed=4)
    finally:
        numba.set_num_threads(allowed)
    assert np.array_equal(many, one)
