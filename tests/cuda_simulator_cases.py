"""Run by test_cuda_simulator.py in a process of its own with NUMBA_ENABLE_CUDASIM=1: every CUDA shell beside
its CPU twin.

Prints one JSON object: case -> list of disagreements (empty when every output array is the same to the bit).
"""

from __future__ import annotations

import json
import sys

import numpy as np

from inkdiff.kernels import cpu, cuda
from inkdiff.kernels.formulas import FREE, PERIODIC, REFLECT

KEY = (np.uint64(0x89ABCDEF), np.uint64(0x01234567))
STREAM = np.uint64(2)
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


def walk_cases():
    for dtype in (np.float32, np.float64):
        for size in (1023, 1100):
            x = RNG.normal(size=size).astype(dtype)
            a, s = RNG.uniform(0.5, 1, 2).astype(dtype), RNG.uniform(0.1, 1, 2).astype(dtype)
            case(f"walk {np.dtype(dtype)} {size}", "walk", [x, a, s, 5, STREAM, *KEY], [0])
    for n, d, axes in [(1, 1, 1), (1030, 1, 1), (400, 3, 3), (550, 2, 1)]:
        phase = RNG.integers(-(2**31), 2**31, n * d).astype(np.int32)
        amplitude = RNG.uniform(1e5, 6e9, (2, axes)).astype(np.float32)
        case(f"walk_phase {n}x{d}, {axes} widths", "walk_phase", [phase, amplitude, 5, STREAM, *KEY], [0])


def code_cases():
    for dtype in (np.float32, np.float64):
        for wall in (REFLECT, PERIODIC):
            d = 3
            lo, length = np.array([0.0, -1.0, 0.1]), np.array([1.0, 3.0, 0.7])
            x = (lo + length * RNG.uniform(0, 1, (300, d))).astype(dtype)
            x[0], x[1] = lo, lo + length
            phase = RNG.integers(-(2**31), 2**31, (300, d)).astype(np.int32)
            phase[0] = (0, -(2**31), 2**31 - 1)
            label = f"{np.dtype(dtype)} {'reflect' if wall == REFLECT else 'periodic'}"
            case(f"encode {label}", "encode", [x, np.zeros_like(phase), lo, length, wall], [1])
            case(f"decode {label}", "decode", [phase, np.zeros_like(x), lo, length, wall], [1])


def step_cases():
    walls = {"free": FREE, "reflect": REFLECT, "periodic": PERIODIC}
    plain, rows, images = (1050, 1, False, 1, False, True), (340, 3, True, 3, True, True), (2, 520, True, 1, True, True)
    quiet = (100, 2, False, 2, True, False)
    for dtype, shapes in ((np.float32, (plain, rows, images)), (np.float64, (rows, quiet))):
        for wall, code in walls.items():
            for n, d, per_row, axes, scored, noisy in shapes:
                x = RNG.uniform(-1, 2, n * d).astype(dtype)
                u = RNG.normal(size=n * d if scored else 0).astype(dtype)
                a, b, s = (RNG.uniform(0.1, 2, n if per_row else 1).astype(dtype) for _ in range(3))
                lo, length = RNG.uniform(-1, 0, axes).astype(dtype), RNG.uniform(0.3, 1, axes).astype(dtype)
                eps = np.full(n * d if noisy else 0, 9, np.float32)
                arguments = [
                    x,
                    u,
                    np.zeros_like(x),
                    eps,
                    a,
                    b,
                    s,
                    d,
                    code,
                    lo,
                    length,
                    noisy,
                    np.uint64(3),
                    STREAM,
                    *KEY,
                ]
                traits = f"{' per row' * per_row}{' scored' * scored}{' quiet' * (not noisy)}"
                case(f"step {np.dtype(dtype)} {wall} {n}x{d}{traits}", "step", arguments, [2, 3] if noisy else [2])
    x = np.array([np.nan, 0.5, np.inf, 7.3], np.float32)
    one, none = np.ones(1, np.float32), np.empty(0, np.float32)
    arguments = [
        x,
        none,
        np.zeros_like(x),
        none,
        one,
        0 * one,
        0 * one,
        1,
        REFLECT,
        0 * one,
        one,
        False,
        np.uint64(3),
        STREAM,
    ]
    case("step of NaN", "step", [*arguments, *KEY], [2])


if __name__ == "__main__":
    for register in (noise_cases, walk_cases, code_cases, step_cases):
        register()
    if sys.argv[1:] == ["--list"]:
        print(json.dumps(list(CASES)))
    else:
        print(json.dumps({name: compare(*arguments) for name, arguments in CASES.items()}))
