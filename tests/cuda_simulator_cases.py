"""Run by test_cuda_simulator.py in a process of its own with NUMBA_ENABLE_CUDASIM=1: every CUDA shell beside
its CPU twin.

Prints one JSON object: case -> list of disagreements (empty when every output array is the same to the bit).
"""

from __future__ import annotations

import json
import sys

import numpy as np

from inkdiff.kernels import ABSORB, PERIODIC, REFLECT, cpu, cuda

KEY = (np.uint64(0x89ABCDEF), np.uint64(0x01234567))
STREAM = np.uint64(2)
FREE = 0
RNG = np.random.default_rng(0)
CASES = {}


def case(name, shell, arguments, outputs):
    """Register a call: `outputs` are the positions among `arguments` of the arrays it writes."""
    CASES[name] = (shell, arguments, outputs)


def compare(shell, arguments, outputs):
    host = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    pretended = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    getattr(cpu, shell)(*host)
    getattr(cuda, shell)(*pretended)
    wrong = []
    for i in outputs:
        a, b = host[i], pretended[i]
        if not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
            differ = np.flatnonzero(a.ravel() != b.ravel())
            wrong.append(f"argument {i}: {differ.size} of {a.size} differ, first at {differ[0]}")
        if np.array_equal(a, arguments[i]):
            wrong.append(f"argument {i}: nothing was written")
    return wrong


def noise_cases():
    pieces = {
        "normal": [(1, 0), (2000, 0), (1500, 4096 - 700), (70, 2**36 + 5)],
        "uniform": [(1025, 0), (1500, 4096 - 700)],
    }
    for name, addresses in pieces.items():
        for size, start in addresses:
            case(
                f"{name} {size} from {start}",
                name,
                [np.zeros(size, np.float32), start, np.uint64(7), STREAM, *KEY],
                [0],
            )
    for n in (1, 270):
        words = RNG.integers(0, 2**32, (n, 4), dtype=np.uint32)
        case(f"philox {n}", "philox", [words, np.zeros_like(words), *KEY], [1])


def box(axes, dtype, wall=None):
    """lo, length and kinds of wall (both kinds if not said), one entry or one per axis."""
    codes = RNG.choice([REFLECT, PERIODIC], axes) if wall is None else np.full(axes, wall)
    return RNG.uniform(-1, 0, axes).astype(dtype), RNG.uniform(0.3, 1, axes).astype(dtype), codes.astype(np.int64)


def walk_cases():
    for dtype in (np.float32, np.float64):
        name = np.dtype(dtype)
        for size, start in ((1023, 0), (1100, 4096 - 700)):
            x = RNG.normal(size=size).astype(dtype)
            a, s = RNG.uniform(0.5, 1, 2).astype(dtype), RNG.uniform(0.1, 1, 2).astype(dtype)
            case(f"walk {name} {size} from {start}", "walk", [x, start, a, s, 5, STREAM, *KEY], [0])
            amplitude, shift = np.array([3.7, -(2.0**44)]), np.array([0, 11])
            arguments = [x, start, 2.0**-40, amplitude, shift, 5, STREAM, *KEY]
            case(f"walk_free {name} {size} from {start}", "walk_free", arguments, [0])
        for n, d, axes, start in [(1, 1, 1, 0), (1030, 1, 1, 5000), (400, 3, 3, 4095), (550, 2, 1, 0)]:
            lo, length, code = box(axes, np.float64)
            x = (lo + length * RNG.uniform(0, 1, (n, d))).astype(dtype)
            if n > 1:
                x[0], x[1] = lo, lo + length
            width = np.array([0.01, 0.01, -3.0])
            arguments = [x.reshape(-1), start, lo, length, code, width, 5, STREAM, *KEY]
            case(f"walk_box {name} {n}x{d} from {start}, {axes} axes", "walk_box", arguments, [0])


def tally_cases():
    for dtype in (np.float32, np.float64):
        for n, d in ((1, 1), (700, 2), (300, 3)):
            x = RNG.uniform(-0.2, 1.2, (n, d)).astype(dtype)
            x[0] = 1.0  # the closed end
            bins = RNG.integers(2, 5, d)
            out = np.zeros((1, int(bins.prod())), np.int64)
            arguments = [x, np.zeros(d), np.ones(d), bins.astype(float), bins, out]
            case(f"histogram {np.dtype(dtype)} {n}x{d}", "histogram", arguments, [5])
            for about in (np.full((1, d), 0.3), RNG.uniform(0, 1, (n, d))):
                arguments = [x, about, 2.0**12, np.zeros((1, d, 3), np.int64)]
                case(f"moments {np.dtype(dtype)} {n}x{d} about {len(about)}", "moments", arguments, [3])


def boundary_cases():
    for n, d in ((1, 1), (600, 2), (300, 3)):
        lo, length = RNG.uniform(-1, 0, d), RNG.uniform(0.5, 1, d)
        kinds = np.array([ABSORB, REFLECT, ABSORB])[:d]
        x, z = lo + length * RNG.uniform(0, 1, (n, d)), RNG.normal(size=(n, d)).astype(np.float32)
        when = np.where(RNG.uniform(0, 1, n) < 0.9, np.inf, 0.25)
        when[0], x[0] = np.inf, lo + 0.01  # near a wall
        arguments = [x, z, 3 * n * d, lo, length, kinds, 0.1, when, 0.5, 0.1, np.uint64(4), STREAM, *KEY]
        case(f"absorb {n}x{d}", "absorb", arguments, [0, 7] if n > 1 else [0])
        bins = RNG.integers(3, 6, d)
        solid = RNG.uniform(0, 1, int(bins.prod())) < (0.3 if n > 1 else 0.0)
        s = 0.1 if n > 1 else 0.01  # a single walker is to move
        arguments = [x, z, lo, length, np.full(d, REFLECT), s, solid, bins / length, bins]
        case(f"obstruct {n}x{d}", "obstruct", arguments, [0])


def step_cases():
    walls = {"free": FREE, "reflect": REFLECT, "periodic": PERIODIC, "mixed": None}
    plain, rows, images = (1050, 1, False, 1, False, True), (340, 3, True, 3, True, True), (2, 520, True, 1, True, True)
    quiet = (100, 2, False, 2, True, False)
    for dtype, shapes in ((np.float32, (plain, rows, images)), (np.float64, (rows, quiet))):
        for wall, code in walls.items():
            for n, d, per_row, axes, scored, noisy in shapes:
                x = RNG.uniform(-1, 2, n * d).astype(dtype)
                u = RNG.normal(size=n * d if scored else 0).astype(dtype)
                a, b, s = (RNG.uniform(0.1, 2, n if per_row else 1).astype(dtype) for _ in range(3))
                sides = box(0 if code == FREE else axes, dtype, code)
                eps = np.full(n * d if noisy else 0, 9, np.float32)
                start = 3 * n * d
                arguments = [x, u, np.zeros_like(x), eps, start, a, b, s, d, *sides, noisy, np.uint64(3), STREAM, *KEY]
                traits = f"{' per row' * per_row}{' scored' * scored}{' quiet' * (not noisy)}"
                case(
                    f"affine_step {np.dtype(dtype)} {wall} {n}x{d}{traits}",
                    "affine_step",
                    arguments,
                    [2, 3] if noisy else [2],
                )
    x = np.array([np.nan, 0.5, np.inf, 7.3], np.float32)
    one, none = np.ones(1, np.float32), np.empty(0, np.float32)
    walls = (0 * one, one, np.array([REFLECT]))
    arguments = [x, none, np.zeros_like(x), none, 0, one, 0 * one, 0 * one, 1, *walls, False, np.uint64(3), STREAM]
    case("affine_step of NaN", "affine_step", [*arguments, *KEY], [2])


if __name__ == "__main__":
    for register in (noise_cases, walk_cases, tally_cases, boundary_cases, step_cases):
        register()
    if sys.argv[1:] == ["--list"]:
        print(json.dumps(list(CASES)))
    else:
        print(json.dumps({name: compare(*arguments) for name, arguments in CASES.items()}))
