"""All of it: every benchmark in its own process, one result file each, and the table.

    bench/results/<machine>-<what>.json

The driver measures nothing; it starts `worker.py` once per benchmark and number of threads, one after the
other, and joins what they write. bench/README.md documents the files.

Reference: `measure.py`, where the numbers are taken.
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inkdiff._core.files import atomic_write

from . import BENCHMARKS

__all__ = ["RESULTS", "run"]

RESULTS = Path(__file__).resolve().parent / "results"
_ONCE = ("scale", "generation", "startup", "memory")  # threads make no difference worth a second run


def run(
    what: Sequence[str],
    threads: Sequence[int],
    settings: dict[str, Any],
    out: Path,
    machine: str | None = None,
) -> list[Path]:
    """Measure and write; returns the files.

    Parameters
    ----------
    what : names from BENCHMARKS
    threads : numbers of threads, each a run of its own
    settings : the fields of `measure.Settings` except threads
    out : folder, made if missing
    machine : name of this machine in the file names; by default made of its processor

    Raises
    ------
    ValueError
        For an unknown benchmark.
    RuntimeError
        If a worker fails; what was measured before is on disk.
    """
    unknown = sorted(set(what) - set(BENCHMARKS))
    if unknown:
        raise ValueError(f"what must be among {', '.join(BENCHMARKS)}, got {', '.join(unknown)}.")
    out.mkdir(parents=True, exist_ok=True)
    return [_one(name, threads[-1:] if name in _ONCE else threads, settings, out, machine) for name in what]


def _one(name: str, threads: Sequence[int], settings: dict[str, Any], out: Path, machine: str | None) -> Path:
    parts = [_worker(name, {**settings, "threads": count}) for count in threads]
    where = machine or parts[-1]["name"]
    quick = "" if settings.get("scale", 1.0) == 1.0 else "-quick"
    path = out / f"{where}-{name}{quick}.json"
    result = {
        "schema": 1, "what": name, "name": where, "date": datetime.date.today().isoformat(),
        "machine": parts[-1]["machine"],
        "repeats": parts[0]["settings"]["repeats"], "scale": parts[0]["settings"]["scale"],
        "cases": [case for part in parts for case in part["cases"]],
    }  # fmt: skip
    with atomic_write(path, "w") as file:
        json.dump(result, file, indent=1, ensure_ascii=False)
        file.write("\n")
    return path


def _worker(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    package = __package__ or "bench"
    root = Path(__file__).resolve().parents[package.count(".") + 1]
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", f"{package}.worker", name, json.dumps(settings), str(result)]
        done = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": path})
        if done.returncode or not result.exists():
            threads, status = settings["threads"], done.returncode
            raise RuntimeError(f"benchmark {name}, threads {threads}, failed with status {status}; its error is above.")
        record: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return record
