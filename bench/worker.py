"""One benchmark in a process of its own, on as many processors as it may have threads.

Threads are limited by the processors the process may run on, set before NumPy, Numba, PyTorch or JAX are
imported: all of them, and inkdiff, count those. So nobody has more threads than the others, and nobody's idle
threads spin on a processor that another is timed on.

    python -m bench.worker WHAT SETTINGS RESULT

SETTINGS is a JSON object of `measure.Settings`; the records go to the file RESULT.

Reference: sched_setaffinity(2).
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from inkdiff.cli.blas import choose_blas_kernels

__all__ = ["main"]

_THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def main(what: str, settings: dict[str, Any], result: Path) -> None:
    """Measure the cases of one module and write them with the facts of the machine."""
    cores = _restrict(int(settings["threads"]))
    choose_blas_kernels()
    from .machine import facts, slug
    from .measure import Settings

    asked = Settings(**{**settings, "peers": tuple(settings["peers"])})
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    cases = [{**record, "load": load} for record in records(what, asked)]
    about = facts(cores)
    record = {"name": slug(about), "machine": about, "cases": cases, "settings": dataclasses.asdict(asked)}
    result.write_text(json.dumps(record), encoding="utf-8")


def records(what: str, settings: Any) -> list[dict[str, Any]]:
    """The records of every case of one benchmark."""
    from .measure import measure

    module = importlib.import_module(f"{__package__}.{what}")
    if hasattr(module, "records"):  # not a matter of time
        return list(module.records(settings))
    done = []
    for case in module.cases(settings):
        print(f"{case.name}, {settings.threads} thread{'s' * (settings.threads > 1)}: {case.title}", flush=True)
        done.append(measure(case, settings))
    return done


def _restrict(threads: int) -> int:
    """Let this process run on `threads` processors; returns how many it had."""
    if not hasattr(os, "sched_setaffinity"):
        os.environ.update({name: str(threads) for name in _THREAD_VARIABLES})
        return os.cpu_count() or 1
    allowed = sorted(os.sched_getaffinity(0))
    if threads > len(allowed):
        raise SystemExit(f"{threads} threads were asked for on {len(allowed)} processors.")
    os.sched_setaffinity(0, allowed[:threads])
    return len(allowed)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3]))
