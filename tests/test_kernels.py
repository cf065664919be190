"""The CPU shells: vectorised, the same bits for any size, split and thread count, the right law at any step, an
honest cache."""

from __future__ import annotations

import json
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
from numba.core import caching
from scipy import stats

import inkdiff as ink
from inkdiff import kernels
from inkdiff._core import compilation
from inkdiff._core.noise_address import Address
from inkdiff._core.rng import QUARTER, Stream
from inkdiff.kernels import PERIODIC, REFLECT, Walls
from inkdiff.kernels.cpu import noise, steps, walks
from inkdiff.kernels.cpu.blocks import PADDING, spread_rows
from inkdiff.kernels.formulas import from_phase, to_phase

BLOCK = 4 * QUARTER
FREE = 0
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


LANE_LOOPS = {
    "normals": (noise._normals, lambda: (*_lanes(4, np.float32), *ADDRESS)),
    "walk float32": (walks._walk_lanes, lambda: (*_lanes(4, np.float32), np.float32(1), np.float32(1), *ADDRESS)),
    "walk in a box, short steps": (walks._short_phase_lanes, lambda: (*_lanes(4, np.int32), np.float32(1), *ADDRESS)),
    "walk in a box": (walks._phase_lanes, lambda: (*_lanes(4, np.int32), np.float32(1), *ADDRESS)),
    "walk in a brick": (walks._phase_lanes_by_axis, lambda: (*_lanes(4, np.int32), *_lanes(4, np.float32), *ADDRESS)),
    "walk in a brick, short steps": (
        walks._short_phase_lanes_by_axis,
        lambda: (*_lanes(4, np.int32), *_lanes(4, np.float32), *ADDRESS),
    ),
}
_SCALARS = (np.float32(1), np.float32(1))
_SIDES = (1.0, 1.0, np.int64(REFLECT))


def _sides():
    return (*_lanes(2, np.float64), np.zeros(QUARTER, np.int64))


ELEMENT_LOOPS = {
    "noising": (steps._advance_run, lambda: (*_lanes(3, np.float32), *_SCALARS)),
    "noising by rows": (steps._advance_each, lambda: _lanes(5, np.float32)),
    "reverse step": (steps._drive_run, lambda: (*_lanes(4, np.float32), *_SCALARS, np.float32(1))),
    "reverse step by rows": (steps._drive_each, lambda: _lanes(7, np.float32)),
    "fold": (steps._fold_run, lambda: (*_lanes(1, np.float32), *_SCALARS, np.int32(REFLECT))),
    "fold by axis": (steps._fold_each, lambda: (*_lanes(3, np.float32), np.zeros(QUARTER, np.int32))),
    "quanta": (walks._add_quanta, lambda: (np.zeros(QUARTER, np.int64), *_lanes(1, np.float32), 1.0, np.int64(0))),
    "to phases": (walks._encode_run, lambda: (*_lanes(1, np.float32), *_lanes(1, np.int32), *_SIDES)),
    "to phases by axis": (walks._encode_each, lambda: (*_lanes(1, np.float32), *_lanes(1, np.int32), *_sides())),
    "from phases": (walks._decode_run, lambda: (*_lanes(1, np.int32), *_lanes(1, np.float32), *_SIDES)),
    "from phases by axis": (walks._decode_each, lambda: (*_lanes(1, np.int32), *_lanes(1, np.float32), *_sides())),
}
VECTOR_LOOPS = {**LANE_LOOPS, **ELEMENT_LOOPS}


def check_packed(loop, asm, register):
    """Packed instructions in the hot loop, on registers of the full width."""
    wanted = {r"vfn?m(?:add|sub)\w*p[sd]": 1}
    if loop in LANE_LOOPS:  # with Philox's 32 x 32 -> 64 bit products and the polynomials of Box-Muller
        wanted = {"vpmuludq": 10, r"vfmadd\w*ps": 10}
        scalar, packed = re.findall(r"\s(vfmadd\w*ss|vmulss)\s", asm), re.findall(r"\svfmadd\w*ps\s", asm)
        assert len(scalar) < len(packed) * 3, "the scalar remainder should be the smaller part"
    for instruction, least in wanted.items():
        packed = re.findall(rf"\s{instruction}\s[^\n]*%{register}", asm)
        assert len(packed) >= least, f"{loop}: {len(packed)} {instruction} on {register}"


@pytest.mark.parametrize("loop", VECTOR_LOOPS)
def test_hot_loops_are_packed(loop):
    if not llvm.get_host_cpu_features().get("avx2"):
        pytest.skip(f"{llvm.get_host_cpu_name()} has no AVX2: the packed instructions looked for do not exist")
    shell, arguments = VECTOR_LOOPS[loop]
    check_packed(loop, assembly(shell, *arguments()), "ymm")


CROSS_COMPILE = """
import json, sys, numba
sys.path.insert(0, "tests")
from test_kernels import VECTOR_LOOPS
print(json.dumps({
    loop: "\\n".join(compiled.inspect_asm().values())
    for loop, (shell, arguments) in VECTOR_LOOPS.items()
    for compiled in [numba.njit(fastmath=False, error_model="numpy", nogil=True)(shell.py_func)]
    if compiled.compile(tuple(map(numba.typeof, arguments()))) or True
}))
"""


def test_hot_loops_fill_512_bits():
    """Compiled for a processor with AVX-512 (Zen 4), not run: so this can be seen on any x86-64 machine."""
    if not llvm.get_host_cpu_features().get("sse2"):
        pytest.skip(f"{llvm.get_host_cpu_name()} is no x86-64: Numba compiles for the host's architecture")
    features = ",".join(f"+avx512{part}" for part in ("f", "bw", "cd", "dq", "vl")) + ",+avx2,+fma"
    result = run(CROSS_COMPILE, NUMBA_CPU_NAME="znver4", NUMBA_CPU_FEATURES=features, PYTHONWARNINGS="")
    assert result.returncode == 0, result.stderr
    for loop, asm in json.loads(result.stdout.splitlines()[-1]).items():
        check_packed(loop, asm, "zmm")


def test_no_contraction_without_fma():
    """x + s*eps is one rounding: against exact rational arithmetic."""
    from fractions import Fraction

    x = np.linspace(1, 2, 999, dtype=np.float32)[:, None].copy()
    s = np.float32(0.1)
    eps = np.empty_like(x)
    out = kernels.affine_step(x, a=np.ones(1, np.float32), c=np.array([s]), noise=Address(1, 0, 0), eps=eps)
    for got, start, z in zip(out[:, 0], x[:, 0], eps[:, 0], strict=True):
        exact = Fraction(float(start)) + Fraction(float(s)) * Fraction(float(z))
        assert abs(Fraction(float(got)) - exact) <= Fraction(float(np.spacing(got))) / 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [2, 3, 4, 5, 7, 8, 9, 16, 63])
def test_values_per_row_are_spread_over_elements(d, dtype):
    values = np.random.default_rng(d).normal(size=37).astype(dtype)
    out = np.full(37 * d + 2 * PADDING, np.nan, dtype)
    spread_rows(out, values, d)
    assert np.array_equal(out[: 37 * d], np.repeat(values, d))
    assert np.isnan(out[37 * d + PADDING :]).all()


# ---- the same bits

SIZES = [1, 2, QUARTER - 1, QUARTER, QUARTER + 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 1500, 20 * BLOCK + 3]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
def test_ragged_walks_are_prefixes(size, dtype):
    a, s = np.array([1, 0.5, 2], dtype), np.array([0.1, 1, 3], dtype)
    whole = np.linspace(0, 1, SIZES[-1], dtype=dtype)
    part = whole[:size].copy()
    for x in (whole, part):
        kernels.walk(x, a, s, noise=Address(5, 3, 0))
    assert np.array_equal(whole[:size], part)


def walls_for(wall, lo, length, dtype=np.float64):
    """One kind of wall on all axes."""
    lo, length = np.atleast_1d(np.asarray(lo, dtype)), np.atleast_1d(np.asarray(length, dtype))
    return Walls(lo, length, np.full(len(lo), wall, np.int64))


def phase_of(x, walls):
    """Positions (n, d) as phases, by the definition: the nearest half quantum, its parity being the sheet."""
    h = np.rint((x - walls.lo) * (2.0**32 / walls.length)).astype(np.int64)
    reflected = np.where(h % 2 == 0, h // 2, -(h // 2))
    return np.where(walls.code == PERIODIC, h, reflected).astype(np.int32)


@pytest.mark.parametrize("d", [1, 2, 3, 7])
@pytest.mark.parametrize("rows", [1, 341, 1365, 3000])
@pytest.mark.parametrize("direction", [1, -1])
def test_walks_in_boxes_with_axes_of_their_own(d, rows, direction):
    """Sides, kinds of wall and origins per axis: phases move by the rounded step, modulo 2^32."""
    rng = np.random.default_rng(d)
    code = rng.choice([REFLECT, PERIODIC], d)
    walls = Walls(rng.uniform(-1, 1, d), rng.uniform(0.5, 3, d), code)
    x = walls.lo + walls.length * rng.uniform(0, 1, (rows, d))
    width = direction * np.array([0.01, 0.01, 0.7, 5.0])  # a repeated step reuses its expansion
    moved = x.copy()
    kernels.walk_box(moved, width, walls, noise=Address(5, 9, 0))
    phase = phase_of(x, walls)
    per_length = np.where(code == PERIODIC, 2.0**32, 2.0**31) / walls.length
    for k in range(len(width)):
        z = ink.normal(rows * d, seed=5, step=9 + k).reshape(rows, d)
        v = (np.clip(width[k] * per_length, -(2.0**33), 2.0**33).astype(np.float32) * z).astype(np.float64)
        v = (v - 2.0**32 * np.rint(v / 2.0**32)).astype(np.float32)
        v = np.clip(v, -np.float32(2.0**31 - 128), np.float32(2.0**31 - 128))
        phase = (phase + np.rint(v).astype(np.int64)).astype(np.int32)
    assert np.array_equal(phase_of(moved, walls), phase)


def test_walks_in_free_space_count_quanta():
    """int64 quanta: rounded steps, wide ones in 2^shift quanta; against Python's integers."""
    x = np.random.default_rng(0).normal(size=(700, 3))
    quantum, width = 2.0**-40, np.array([1e-9, 0.3, 40.0, 1e5])
    moved = x.copy()
    kernels.walk_free(moved, width, quantum, noise=Address(5, 9, 0))
    h = np.rint(x / quantum).astype(np.int64)
    for k, s in enumerate(width):
        z = ink.normal(x.size, seed=5, step=9 + k).reshape(x.shape).astype(np.float64)
        shift = max(0, math.frexp(s / quantum)[1] - 45)
        h += np.rint(np.ldexp(s / quantum, -shift) * z).astype(np.int64) << shift
    assert np.array_equal(moved, h * quantum)
    assert np.abs(h).max() > 2**53  # wider than float64 holds whole


@pytest.mark.parametrize("where", ["box", "brick", "free"])
def test_the_same_walk_with_negative_widths_undoes_it(where):
    """To the last bit, after steps of all lengths, in one go or one by one."""
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 1, (1500, 2))
    walls = walls_for(REFLECT, *(([0.0, 0.0], [1.0, 1.5]) if where == "brick" else (0.0, 1.0)))
    width = np.array([1e-6, 0.01, 0.7, 0.3, 3e3])

    def walk(y, width, first_step):
        noise = Address(5, first_step, 0)
        if where == "free":
            kernels.walk_free(y, width, 2.0**-36, noise)
        else:
            kernels.walk_box(y, width, walls, noise)

    walk(x, 0 * width[:1], 0)  # on the lattice
    moved = x.copy()
    walk(moved, width, 3)
    assert np.abs(moved - x).min() > 0
    one_by_one = moved.copy()
    walk(moved, -width, 3)
    assert np.array_equal(moved, x)
    for k in (2, 0, 4, 3, 1):  # in any order
        walk(one_by_one, -width[k : k + 1], 3 + k)
    assert np.array_equal(one_by_one, x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [slice(0, 1), slice(17, 18), slice(1364, 1370), slice(500, 2777)])
def test_any_part_walks_like_the_whole(rows, dtype):
    """`start` addresses the noise of a part: one particle alone, a run across blocks, everything but the ends."""
    d, x = 3, np.random.default_rng(2).uniform(0, 1, (3000, 3)).astype(dtype)
    t = np.linspace(0.1, 1, 3000).astype(dtype)
    walls, brick = walls_for(REFLECT, 0.0, 1.0), walls_for(REFLECT, [0, 0, 0], [1, 2, 3])
    width, a, s = np.array([0.1, 0.2]), np.array([1, 0.5], dtype), np.array([0.1, 1], dtype)

    def everything(rows):
        y, address = [x[rows].copy() for _ in range(5)], Address(5, 3, 1, rows.start * d)
        kernels.walk_box(y[0], width, walls, address)
        kernels.walk_box(y[1], width, brick, address)
        kernels.walk_free(y[2], width, 2.0**-30, address)
        kernels.walk(y[3], a, s, address)
        inside = Walls(*(np.asarray(side, dtype) for side in brick[:2]), brick.code)
        kernels.affine_step(x[rows], a=t[rows], c=t[rows], walls=inside, noise=address, out=y[4])
        return y

    for whole, part in zip(everything(slice(0, 3000)), everything(rows), strict=True):
        assert np.array_equal(whole[rows], part)


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
    walls = None if wall == FREE else walls_for(wall, lo, length, dtype)
    out = kernels.affine_step(x, a=a, c=s, b=b, u=u, walls=walls, noise=Address(3, 8, 2), eps=eps)
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
    arguments = dict(a=one * 0.5, c=one, noise=Address(1, 0, 0))
    elsewhere = kernels.affine_step(x, **arguments)
    inside = x.copy()
    assert kernels.affine_step(inside, **arguments, out=inside) is inside
    assert np.array_equal(inside, elsewhere)
    assert np.array_equal(kernels.affine_step(x, a=one, c=zero, noisy=False, noise=Address(1, 0, 0)), x)


@pytest.mark.parametrize("shape", [(40 * BLOCK + 77, 1), (20000, 7)])
def test_thread_counts_agree(shape, one_thread):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, shape)
    n = shape[0]

    def everything():
        boxed, free = x.copy(), x.copy()
        kernels.walk_box(boxed, np.full(2, 0.05), walls_for(REFLECT, 0, 1), noise=Address(1, 0, 0))
        kernels.walk_free(free, np.full(2, 0.05), 2.0**-40, noise=Address(1, 0, 0))
        y = x.astype(np.float32)
        kernels.walk(y, np.ones(2, np.float32), np.ones(2, np.float32), noise=Address(1, 0, 0))
        t = np.linspace(0.5, 1, n)
        z = kernels.affine_step(x, a=t, c=t, walls=walls_for(REFLECT, 0, 1), noise=Address(1, 0, 0))
        return boxed, free, y, z

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


@numba.njit
def decode(phase, x, lo, length, wall):
    for i in range(phase.size):
        x[i] = from_phase(phase[i], lo, length / 4294967296.0, wall)


@numba.njit
def encode(x, phase, lo, length, wall):
    for i in range(phase.size):
        phase[i] = to_phase(x[i], lo, 4294967296.0 / length, wall)


def roundtrip(phase, lo, length, wall, dtype=np.float64):
    x, again = np.empty(phase.shape, dtype), np.empty_like(phase)
    decode(phase, x, lo, length, wall)
    encode(x, again, lo, length, wall)
    return x, again


@given(
    lo=st.floats(-1e3, 1e3),
    length=st.floats(1e-2, 1e3),
    phases=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=50),
    wall=st.sampled_from([REFLECT, PERIODIC]),
)
def test_a_decoded_phase_encodes_to_itself(lo, length, phases, wall):
    phase = np.array(phases, np.int32)
    if abs(lo) > 2**18 * length:
        return  # further from the origin a float64 does not hold the phase; see `simulate`
    x, again = roundtrip(phase, lo, length, wall)
    assert (x >= lo).all() and (x <= lo + length).all()
    assert np.array_equal(phase, again)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sheets_and_ends(dtype):
    ends = np.array([0, -(2**31), 2**31 - 1, -(2**31) + 1, 1, -1, 2**30, -(2**30)], np.int32)
    x, again = roundtrip(ends, 0.0, 1.0, REFLECT, dtype)
    assert x[0] == 0 and x[1] == 1
    if dtype == np.float64:
        assert np.array_equal(ends, again)  # the sheet too: -1 and 1 are mirror images with different futures
        assert x[4] < x[5] < x[4] + 2**-31
    else:
        assert x[6] == x[7] == 0.5
    x32, _ = roundtrip(ends, 0.0, 1.0, PERIODIC, dtype)
    assert (x32 >= 0).all() and (x32 <= 1).all()


@pytest.mark.parametrize("wall", [REFLECT, PERIODIC])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_positions_survive_the_phase(dtype, wall):
    x = np.random.default_rng(0).uniform(-2, 5, (5000, 2)).astype(dtype)
    walls = walls_for(wall, -2.0, 7.0)
    back = x.copy()
    kernels.walk_box(back, np.zeros(0), walls, noise=Address(1, 0, 0))  # there and back
    assert np.abs(back - x).max() <= (5e-7 if dtype == np.float32 else 7 * 2.0**-31)
    again = back.copy()
    kernels.walk_box(again, np.zeros(0), walls, noise=Address(1, 0, 0))
    assert np.array_equal(back, again)


def test_fold_stays_in_the_box_at_every_multiple_of_the_period():
    one, zero = np.ones(1), np.zeros(1)
    for dtype in (np.float32, np.float64):
        for length in (0.3, 1 / 3, 0.7, 1.1, 3.3):
            x = (np.arange(-60, 60) * dtype(length)).astype(dtype)
            x = np.concatenate([x, np.nextafter(x, dtype(np.inf)), np.nextafter(x, dtype(-np.inf))])[:, None]
            for wall in (REFLECT, PERIODIC):
                walls = walls_for(wall, 0, length, dtype)
                a, s = one.astype(dtype), zero.astype(dtype)
                y = kernels.affine_step(x, a=a, c=s, walls=walls, noise=Address(0, 0, 0), noisy=False)
                assert (y >= 0).all() and (y <= dtype(length)).all()


def test_fold_leaves_the_inside_alone_and_nan_visible():
    x = np.random.default_rng(0).uniform(0.1, 0.7, (1000, 1))
    x[0] = np.nan
    for wall in (REFLECT, PERIODIC):
        walls = walls_for(wall, 0.1, 0.6)
        y = kernels.affine_step(x, a=np.ones(1), c=np.zeros(1), walls=walls, noise=Address(0, 0, 0), noisy=False)
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
    x = np.full((n, 1), 0.5)
    width = np.full(steps, amplitude * 2.0**-31)
    kernels.walk_box(x, width, walls_for(REFLECT, 0, 1), noise=Address(1, 0, Stream.FORWARD))
    square = ((x[:, 0] - 0.5) * 2.0**31) ** 2
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
    assert compilation.cache_directory.__wrapped__() is None


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
    assert list(first.rglob("*.nbc")), "the first run should have filled its folder"
    source = tmp_path / "inkdiff" / "_core" / "rng.py"
    text = source.read_text()
    assert "return r * (s * t), r * c" in text
    source.write_text(text.replace("return r * (s * t), r * c", "return r * (s * t) + _ONE, r * c"))
    assert abs(first_normal() - (original + 1)) < 1e-6  # not the stale kernel of cpu.py, a file that did not change
    assert len(list((cache / "kernels").iterdir())) == 2


def test_processes_that_compile_at_once_do_not_mix_their_code(tmp_path, monkeypatch):
    """Each finds no index and saves another signature, as two processes may; a third reads what they left."""
    monkeypatch.setattr(compilation, "cache_directory", lambda: tmp_path)

    def double(x):
        return x + x

    with monkeypatch.context() as both:
        both.setattr(caching.IndexDataCacheFile, "_load_index", lambda self: {})
        for kind in (np.float64, np.float32):
            compilation.jit(double)(np.ones(3, kind))
    third = compilation.jit(double)
    found = third(np.full(3, 1.5, np.float32)), third(np.full(3, 1.5))
    assert [y.dtype for y in found] == [np.float32, np.float64] and all((y == 3).all() for y in found)
    assert sum(third.stats.cache_hits.values()) == 2
    third._cache.flush()
    assert not list(tmp_path.glob("**/*.nbc"))


def test_a_kernel_from_the_disk_sets_up_no_compiler(tmp_path):
    """Numba's registries take longer than all else in a first call; whoever compiles later in the process has them."""
    code = """
import sys, numba, numpy as np, inkdiff as ink
ink.normal(5, seed=1)
print("numba.np.linalg" in sys.modules, numba.njit(lambda a: np.linalg.det(a))(2 * np.eye(2)))
"""
    found = [run(code, INKDIFF_CACHE_DIR=str(tmp_path)) for _ in range(2)]
    assert [one.stdout.split() for one in found] == [["True", "4.0"], ["False", "4.0"]], found[-1].stderr


def test_walks_and_jumps_from_the_disk_import_no_compiler_either():
    """A method of arrays in a kernel can bring the module it is defined in, and scipy.linalg, to every new process."""
    code = """
import sys, numpy as np, inkdiff as ink
x = np.full((5, 2), 0.5, np.float32)
for process in (ink.Brownian(1.0, ink.Box(0, 1)), ink.Brownian(1.0), ink.OrnsteinUhlenbeck(1.0, 1.0)):
    ink.simulate(process, x, [0, 0.1], seed=1)
ink.diffuse(ink.VariancePreserving.linear(), x, 0.1, seed=1)
print("numba.np.linalg" in sys.modules, "scipy.linalg" in sys.modules)
"""
    run(code)  # compiles what no test has needed yet
    again = run(code)
    assert again.stdout.split() == ["False", "False"], again.stderr
