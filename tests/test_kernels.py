"""The CPU shells: vectorised, the same bits for any size, split and thread count, the right law at any step, an
honest cache."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import inkdiff as ink
from inkdiff import _compile, kernels
from inkdiff.kernels import cpu
from inkdiff.kernels.formulas import FREE, PERIODIC, REFLECT
from inkdiff.rng import QUARTER, Stream

BLOCK = 4 * QUARTER
ROOT = Path(__file__).parent.parent
KEY = (np.uint64(1), np.uint64(2))
ADDRESS = (np.int64(0), np.uint64(0), np.uint64(0), *KEY)


@pytest.fixture
def one_thread():
    allowed = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(allowed)


# ---- vector code


def assembly(shell, *arguments):
    """The machine code of a shell for these arguments: of this very process, since a cached one keeps none."""
    fresh = numba.njit(**{k: v for k, v in shell.targetoptions.items() if k not in ("nopython", "parallel")})(
        shell.py_func
    )
    fresh(*arguments)
    return "\n".join(fresh.inspect_asm().values())


def _lanes(count, dtype):
    return [np.zeros(QUARTER, dtype) for _ in range(count)]


VECTOR_LOOPS = {
    "normals": (cpu._normals, lambda: (*_lanes(4, np.float32), *ADDRESS)),
    "walk float32": (cpu._walk_lanes, lambda: (*_lanes(4, np.float32), np.float32(1), np.float32(1), *ADDRESS)),
    "walk in a box": (cpu._phase_lanes, lambda: (*_lanes(4, np.int32), *_lanes(4, np.float32), *ADDRESS)),
}


@pytest.mark.parametrize("loop", VECTOR_LOOPS)
def test_lane_loops_are_packed(loop):
    shell, arguments = VECTOR_LOOPS[loop]
    asm = assembly(shell, *arguments())
    if not llvm.get_host_cpu_features().get("avx2"):
        pytest.skip(f"{llvm.get_host_cpu_name()} has no AVX2: the packed instructions looked for do not exist")
    register = "zmm" if "%zmm" in asm else "ymm"
    for instruction, what in [
        (r"vpmuludq", "32 x 32 -> 64 bit products of Philox"),
        (r"vfmadd\w*ps", "fused multiply-adds"),
    ]:
        packed = re.findall(rf"\s{instruction}\s[^\n]*%{register}", asm)
        assert len(packed) >= 10, f"{what}: {len(packed)} {instruction} on {register}"
    scalar = re.findall(r"\s(vfmadd\w*ss|vmulss)\s", asm)
    assert len(scalar) < len(re.findall(r"\svfmadd\w*ps\s", asm)) * 3, "the scalar remainder should be the smaller part"


def test_no_contraction_without_fma():
    """x + s*eps is one rounding: against exact rational arithmetic."""
    from fractions import Fraction

    x = np.linspace(1, 2, 999, dtype=np.float32)[:, None].copy()
    s = np.float32(0.1)
    eps = np.empty_like(x)
    out = kernels.step(x, a=np.ones(1, np.float32), s=np.array([s]), seed=1, number=0, stream=0, eps=eps)
    for got, start, z in zip(out[:, 0], x[:, 0], eps[:, 0], strict=True):
        exact = Fraction(float(start)) + Fraction(float(s)) * Fraction(float(z))
        assert abs(Fraction(float(got)) - exact) <= Fraction(float(np.spacing(got))) / 2


# ---- the same bits

SIZES = [1, 2, QUARTER - 1, QUARTER, QUARTER + 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 1500, 20 * BLOCK + 3]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
def test_ragged_walks_are_prefixes(size, dtype):
    a, s = np.array([1, 0.5, 2], dtype), np.array([0.1, 1, 3], dtype)
    whole = np.linspace(0, 1, SIZES[-1], dtype=dtype)
    part = whole[:size].copy()
    for x in (whole, part):
        kernels.walk(x, a, s, seed=5, first_step=3, stream=0)
    assert np.array_equal(whole[:size], part)


@pytest.mark.parametrize("d", [1, 2, 3, 7])
@pytest.mark.parametrize("rows", [1, 341, 1365, 3000])
def test_walks_in_boxes_with_axes_of_their_own(d, rows):
    rng = np.random.default_rng(d)
    phase = rng.integers(-(2**31), 2**31, (rows, d)).astype(np.int32)
    amplitude = rng.uniform(1e6, 1e9, (3, d)).astype(np.float32)
    amplitude[1] = amplitude[0]  # a repeated step reuses its expansion
    moved = phase.copy()
    kernels.walk_phase(moved, amplitude, seed=5, first_step=9, stream=0)
    expected = phase.reshape(-1).copy()
    for k in range(3):
        z = ink.normal(expected.size, seed=5, step=9 + k)
        v = np.tile(amplitude[k], rows) * z  # float32
        v = (v.astype(np.float64) - 2.0**32 * np.rint(v.astype(np.float64) / 2.0**32)).astype(np.float32)
        expected += np.rint(np.minimum(v, np.float32(2.0**31 - 128))).astype(np.int64).astype(np.int32)
    assert np.array_equal(moved.reshape(-1), expected)


def direct_step(x, a, s, b, u, z, wall, lo, length):
    """a x + b u + s z and the fold in float64, one value per row broadcast, as the text defines it."""
    column = lambda v: np.asarray(v, np.float64).reshape(-1, 1)  # noqa: E731
    y = column(a) * x + column(b) * u + column(s) * z
    if wall == FREE:
        return y
    period = 2 * length if wall == REFLECT else length
    y = np.mod(y - lo, period)
    return lo + (np.minimum(y, period - y) if wall == REFLECT else y)


@pytest.mark.parametrize("wall", [FREE, REFLECT, PERIODIC])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "d"), [(1, 1), (1025, 1), (700, 2), (999, 3), (50, 63), (50, 64), (7, 785), (3, 5000)])
@pytest.mark.parametrize("per_row", [False, True])
def test_step_against_its_definition(n, d, dtype, wall, per_row):
    rng = np.random.default_rng(n * d)
    x, u = rng.uniform(0, 1, (n, d)).astype(dtype), rng.normal(size=(n, d)).astype(dtype)
    a, b, s = (rng.uniform(0.5, 1.5, n if per_row else 1).astype(dtype) for _ in range(3))
    lo, length = rng.uniform(-1, 0, d).astype(dtype), rng.uniform(1, 2, d).astype(dtype)
    if d == 3:
        lo, length = lo[:1], length[:1]  # axes alike are given once
    eps = np.empty((n, d), np.float32)
    geometry = {} if wall == FREE else {"lo": lo, "length": length}
    out = kernels.step(x, a=a, s=s, b=b, u=u, wall=wall, **geometry, seed=3, number=8, stream=2, eps=eps)
    assert np.array_equal(eps.reshape(-1), ink.normal(n * d, seed=3, step=8, stream=2))
    expected = direct_step(
        x.astype(np.float64), a, s, b, u, eps, wall, lo.astype(np.float64), length.astype(np.float64)
    )
    difference = np.abs(out - expected)
    if wall == PERIODIC:
        difference = np.minimum(difference, length - difference)  # the two ends are one point
    assert difference.max() < (5e-6 if dtype == np.float32 else 1e-13)
    if wall != FREE:
        assert (out >= lo).all() and (out <= lo + length).all()


def test_step_in_place_and_without_noise():
    x = np.random.default_rng(0).uniform(0, 1, (2000, 2)).astype(np.float32)
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    arguments = dict(a=one * 0.5, s=one, seed=1, number=0, stream=0)
    elsewhere = kernels.step(x, **arguments)
    inside = x.copy()
    assert kernels.step(inside, **arguments, out=inside) is inside
    assert np.array_equal(inside, elsewhere)
    assert np.array_equal(kernels.step(x, a=one, s=zero, noisy=False, seed=1, number=0, stream=0), x)


@pytest.mark.parametrize("shape", [(40 * BLOCK + 77, 1), (20000, 7)])
def test_thread_counts_agree(shape, one_thread):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, shape)
    n, d = shape

    def everything():
        phase = kernels.encode(x, np.zeros(d), np.ones(d), REFLECT)
        kernels.walk_phase(phase, np.full((2, d), 1e8, np.float32), seed=1, first_step=0, stream=0)
        y = x.astype(np.float32)
        kernels.walk(y, np.ones(2, np.float32), np.ones(2, np.float32), seed=1, first_step=0, stream=0)
        t = np.linspace(0.5, 1, n)
        z = kernels.step(x, a=t, s=t, wall=REFLECT, lo=np.zeros(1), length=np.ones(1), seed=1, number=0, stream=0)
        back = kernels.decode(phase, np.zeros(d), np.ones(d), REFLECT, out=np.empty_like(x))
        return phase, y, z, back

    one = everything()
    numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    two = everything()
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a, b)


def test_the_door_leaves_the_thread_count_alone():
    allowed = numba.get_num_threads()
    ink.normal(10, seed=1)  # too small for two threads
    assert numba.get_num_threads() == allowed


# ---- fixed point


def roundtrip(phase, lo, length, wall, dtype=np.float64):
    x = kernels.decode(phase, lo, length, wall, out=np.empty(phase.shape, dtype))
    return x, kernels.encode(x, lo, length, wall)


@given(
    lo=st.floats(-1e3, 1e3),
    length=st.floats(1e-2, 1e3),
    phases=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=50),
    wall=st.sampled_from([REFLECT, PERIODIC]),
)
def test_a_decoded_phase_encodes_to_itself(lo, length, phases, wall):
    phase = np.array(phases, np.int32)[:, None]
    if abs(lo) > 2**18 * length:
        return  # further from the origin a float64 does not hold the phase; see `simulate`
    x, again = roundtrip(phase, np.array([lo]), np.array([length]), wall)
    assert (x >= lo).all() and (x <= lo + length).all()
    assert np.array_equal(phase, again)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sheets_and_ends(dtype):
    lo, length = np.array([0.0]), np.array([1.0])
    ends = np.array([[0, -(2**31), 2**31 - 1, -(2**31) + 1, 1, -1, 2**30, -(2**30)]], np.int32).T.copy()
    x, again = roundtrip(ends, lo, length, REFLECT, dtype)
    assert x[0] == 0 and x[1] == 1
    if dtype == np.float64:
        assert np.array_equal(ends, again)  # the sheet too: -1 and 1 are mirror images with different futures
        assert x[4] < x[5] < x[4] + 2**-31
    else:
        assert x[6] == x[7] == 0.5
    x32, _ = roundtrip(ends, lo, length, PERIODIC, dtype)
    assert (x32 >= 0).all() and (x32 <= 1).all()


@pytest.mark.parametrize("wall", [REFLECT, PERIODIC])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_positions_survive_the_phase(dtype, wall):
    x = np.random.default_rng(0).uniform(-2, 5, (5000, 2)).astype(dtype)
    lo, length = np.array([-2.0, -2.0]), np.array([7.0, 7.0])
    phase = kernels.encode(x, lo, length, wall)
    back = kernels.decode(phase, lo, length, wall, out=np.empty_like(x))
    assert np.abs(back - x).max() <= (5e-7 if dtype == np.float32 else 7 * 2.0**-31)
    again = kernels.decode(kernels.encode(back, lo, length, wall), lo, length, wall, out=np.empty_like(x))
    assert np.array_equal(back, again)


def test_fold_stays_in_the_box_at_every_multiple_of_the_period():
    one, zero = np.ones(1), np.zeros(1)
    for dtype in (np.float32, np.float64):
        for length in (0.3, 1 / 3, 0.7, 1.1, 3.3):
            x = (np.arange(-60, 60) * dtype(length)).astype(dtype)
            x = np.concatenate([x, np.nextafter(x, dtype(np.inf)), np.nextafter(x, dtype(-np.inf))])[:, None]
            box = {"lo": np.zeros(1, dtype), "length": np.array([length], dtype)}
            for wall in (REFLECT, PERIODIC):
                y = kernels.step(
                    x,
                    a=one.astype(dtype),
                    s=zero.astype(dtype),
                    wall=wall,
                    **box,
                    seed=0,
                    number=0,
                    stream=0,
                    noisy=False,
                )
                assert (y >= 0).all() and (y <= dtype(length)).all()


def test_fold_leaves_the_inside_alone_and_nan_visible():
    lo, length = np.array([0.1]), np.array([0.6])
    x = np.random.default_rng(0).uniform(0.1, 0.7, (1000, 1))
    x[0] = np.nan
    for wall in (REFLECT, PERIODIC):
        y = kernels.step(
            x, a=np.ones(1), s=np.zeros(1), wall=wall, lo=lo, length=length, seed=0, number=0, stream=0, noisy=False
        )
        assert np.array_equal(y, x, equal_nan=True)


# ---- the law at any step


@pytest.mark.parametrize("wall", ["reflect", "periodic"])
@pytest.mark.parametrize("width", [0.7, 3.0, 1e3, 1e8, 1e15])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_longer_than_the_box(width, wall, dtype):
    """<cos(k y)> of the folded Gaussian decays as exp(-k^2 width^2 / 2), to nothing for wide ones; by walk and
    by jump."""
    n, start = 200_000, 0.3
    process = ink.Brownian(0.5, ink.Box(0.0, 1.0, wall))
    k = math.pi if wall == "reflect" else 2 * math.pi
    x = np.full((n, 1), start, dtype)
    for y in (ink.simulate(process, x, [0, width**2], seed=1).last, ink.diffuse(process, x, width**2, seed=1)):
        for m in (1, 2, 3):
            c = np.cos(m * k * y.astype(np.float64))
            truth = math.cos(m * k * start) * math.exp(-min((m * k * width) ** 2 / 2, 700))
            assert abs(c.mean() - truth) / (c.std() / math.sqrt(n)) < 5
        assert len(np.unique(y)) > 0.97 * n if dtype == np.float64 else len(np.unique(y)) > 0.9 * n
        if width > 1:
            assert stats.kstest(y[:, 0], "uniform").pvalue > 1e-6


@pytest.mark.parametrize("amplitude", [4.0, 30.0, 1e4])
def test_small_steps_do_not_stall(amplitude):
    """Fixed point keeps diffusing at a few quanta per step, where float32 positions would stand still."""
    n, steps = 50_000, 1000
    phase = np.full((n, 1), 2**30, np.int32)
    kernels.walk_phase(phase, np.full((steps, 1), amplitude, np.float32), seed=1, first_step=0, stream=Stream.FORWARD)
    square = (phase[:, 0].astype(np.float64) - 2**30) ** 2
    truth = steps * (amplitude**2 + 1 / 12)  # rounding to integers adds 1/12 per step
    assert abs(square.mean() - truth) / (square.std() / math.sqrt(n)) < 5


# ---- the cache


def run(code, cwd=ROOT, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


FIRST_NORMAL = "import inkdiff as ink; print(float(ink.normal(5, seed=1)[0]))"


def test_works_without_a_cache(tmp_path):
    place = tmp_path / "cache"
    place.write_text("a file in the way")
    result = run(FIRST_NORMAL, INKDIFF_CACHE_DIR=str(place))
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) == float(ink.normal(5, seed=1)[0])


@pytest.mark.parametrize("place", ["file/below", "/proc/1/nowhere"])
def test_an_unwritable_place_means_no_cache(tmp_path, monkeypatch, place):
    (tmp_path / "file").touch()
    monkeypatch.setenv("INKDIFF_CACHE_DIR", str(tmp_path / place))
    assert _compile.cache_directory.__wrapped__() is None


def test_an_edit_anywhere_starts_a_new_cache(tmp_path):
    shutil.copytree(ROOT / "inkdiff", tmp_path / "inkdiff", ignore=shutil.ignore_patterns("__pycache__"))
    cache = tmp_path / "cache"

    def first_normal():
        result = run(FIRST_NORMAL, cwd=tmp_path, INKDIFF_CACHE_DIR=str(cache), PYTHONPATH=str(tmp_path))
        assert result.returncode == 0, result.stderr
        return float(result.stdout)

    original = first_normal()
    assert original == float(ink.normal(5, seed=1)[0])
    (first,) = (cache / "kernels").iterdir()
    assert list(first.rglob("*.nbi")), "the first run should have filled its folder"
    source = tmp_path / "inkdiff" / "rng.py"
    text = source.read_text()
    assert "return r * (s * t), r * c" in text
    source.write_text(text.replace("return r * (s * t), r * c", "return r * (s * t) + _ONE, r * c"))
    assert abs(first_normal() - (original + 1)) < 1e-6  # not the stale kernel of cpu.py, a file that did not change
    assert len(list((cache / "kernels").iterdir())) == 2
