"""`inkdiff bench`: inkdiff beside its peers and the machine's limits, interleaved, as files and as a table.

The benchmarks are scripts of the repository (`bench/`, not in the wheel: their peers are gigabytes); this
command finds them, runs each in a process of its own and shows

    ratio = time per unit of work of a peer / that of inkdiff.

Peers that are not installed are left out; `pip install -e ".[bench]"` brings PyTorch and JAX.

Reference: T. Hoefler and R. Belli, Scientific benchmarking of parallel computing systems (SC15).
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from inkdiff.cli.errors import UsageError, check_out
from inkdiff.cli.flags import Commands

__all__ = ["add_command", "add_flags", "bench"]

_ROOT = Path(__file__).resolve().parents[2]
_WHAT = ("normals", "walks", "scale", "noising", "mixture", "network", "generation", "startup", "memory")
_PEERS = ("numpy", "torch", "jax", "cupy")
_QUICK = {"scale": 1 / 64, "repeats": 3}


def add_command(commands: Commands) -> None:
    """Add `bench` and its flags to the subcommands."""
    parser = commands.add_parser(
        "bench",
        help="inkdiff beside NumPy, PyTorch, JAX and the machine's limits",
        description="inkdiff beside its peers and the machine's limits, taking turns in one run.",
    )
    add_flags(parser)
    parser.set_defaults(command=bench)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `inkdiff bench`."""
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"which: {', '.join(_WHAT)} (default: all)", default=[])
    parser.add_argument(
        "--threads", type=int, nargs="+", metavar="N", help="numbers of threads, a run each (default: 1 2)"
    )
    parser.add_argument("--repeats", type=int, default=7, help="rounds, odd (default: 7)")
    parser.add_argument(
        "--peers", nargs="*", choices=_PEERS, default=list(_PEERS), help="peers, if installed (default: all)"
    )
    parser.add_argument("--smoldyn", metavar="PYTHON", help="an interpreter that can import smoldyn, to run it beside")
    parser.add_argument("--quick", action="store_true", help="small sizes and 3 rounds: a look, not a record")
    parser.add_argument("--machine", metavar="NAME", help="name for the result files (default: made of the processor)")
    parser.add_argument("--out", type=Path, help="folder of the result files (default: bench/results)")
    parser.add_argument(
        "--table",
        action="store_true",
        help="only make the tables of docs/performance.md from the result files",
    )


def bench(arguments: argparse.Namespace) -> int:
    """Run the benchmarks, write their results and print the table; with --table only rewrite the document."""
    driver, table = _scripts("run"), _scripts("table")
    out = arguments.out or driver.RESULTS
    if arguments.table:
        return _rewrite(table, out)
    settings, threads = _settings(arguments), _threads(arguments.threads)
    check_out(out)
    try:
        paths = driver.run(arguments.what or _WHAT, threads, settings, out, arguments.machine)
    except RuntimeError as error:  # of a process that ran a benchmark
        raise UsageError(str(error)) from None
    print()
    print("\n".join(table.lines(table.read(path) for path in paths)))
    for path in paths:
        print(f"results {path}")
    return 0


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings of the benchmarks, checked before anything is started."""
    unknown = sorted(set(arguments.what) - set(_WHAT))
    if unknown:
        raise UsageError(f"there is no benchmark '{unknown[0]}'; known are: {', '.join(_WHAT)}.")
    if arguments.repeats < 1 or arguments.repeats % 2 == 0:
        raise UsageError(f"--repeats must be odd and positive, got {arguments.repeats}; use 7, or 5 at the least.")
    if arguments.smoldyn and shutil.which(arguments.smoldyn) is None:
        raise UsageError(
            f"--smoldyn {arguments.smoldyn}: no such interpreter; give the path of a Python that has smoldyn."
        )
    settings = {"repeats": arguments.repeats, "peers": list(arguments.peers), "smoldyn": arguments.smoldyn}
    return {**settings, **_QUICK} if arguments.quick else settings


def _threads(asked: list[int] | None) -> list[int]:
    """Numbers of threads, each once, rising; by default one and, where there are two processors, two."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = sorted({1, min(2, cores)} if asked is None else set(asked))
    if threads[0] < 1 or threads[-1] > cores:
        raise UsageError(f"--threads must lie between 1 and the {cores} usable here, got {asked}.")
    return threads


def _scripts(module: str) -> ModuleType:
    """A module of bench/, beside the package of an editable install."""
    if not (_ROOT / "bench" / "run.py").is_file():
        raise UsageError(
            "the benchmarks are not part of the wheel: they stand in bench/ of inkdiff's repository; "
            "install from there with pip install -e '.[bench]'."
        )
    if str(_ROOT) not in sys.path:
        sys.path.insert(0, str(_ROOT))
    return importlib.import_module(f"bench.{module}")


def _rewrite(table: ModuleType, folder: Path) -> int:
    document = _ROOT / "docs" / "performance.md"
    results = table.load(folder)
    if not results:
        raise UsageError(f"{folder} holds no result files of full size; run 'inkdiff bench' first.")
    table.rewrite(document, results)
    print(f"tables {document}")
    return 0
