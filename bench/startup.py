"""From nothing to the first number: new processes, timed from outside.

    t  =  t(interpreter) + t(imports) + t(cached kernels loaded) + t(work)

Every turn is a new process, its kernels on disk from earlier ones. An interpreter that does nothing, and one
that imports the peers, stand beside. The bars for imports are bars on the whole process.

Reference: docs/performance.md.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from .measure import Aim, Case, Contender, Limit, Peer, Settings

__all__ = ["cases"]

_FIRST_CALL = """
import numpy as np, inkdiff as ink
box = ink.Brownian(D=1.0, domain=ink.Box(0, 1))
ink.simulate(box, np.full((1000, 2), 0.5, np.float32), [0, 0.1], seed=1, steps=10)
"""
_PROGRAMS = {
    "import inkdiff": ("import inkdiff", "import inkdiff"),
    "first normals": ("import inkdiff as ink; ink.normal(1000, seed=1)", "import, ink.normal, exit"),
    "first simulate": (_FIRST_CALL, "import, simulate in a box, exit"),
    "inkdiff --help": (
        "import sys; from inkdiff.cli import main; sys.argv[1:] = ['--help']; main()",
        "the command line",
    ),
}
_AIMS = {"import inkdiff": 0.3, "first normals": 0.4, "first simulate": 0.4, "inkdiff --help": 0.3}


def cases(settings: Settings) -> Iterator[Case]:
    """Whole processes, from start to exit."""
    contenders = [Contender(name, _process(code), 1, how) for name, (code, how) in _PROGRAMS.items()]
    contenders.append(Limit("python", _process("pass"), 1, "an interpreter that does nothing"))
    for peer in ("numpy", "torch", "jax"):
        if peer in settings.peers and importlib.util.find_spec(peer) is not None:
            contenders.append(Peer(f"import {peer}", _process(f"import {peer}"), 1, f"import {peer}"))
    aims = [Aim(name, "at most", bound, of="seconds") for name, bound in _AIMS.items()]
    yield Case("startup", "a new process, kernels cached on disk", "processes", contenders, aims)


def _process(code: str) -> Callable[[], None]:
    root = str(Path(__file__).resolve().parent.parent)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
    }

    def run() -> None:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
        )
        if done.returncode:
            raise RuntimeError(f"a new process failed at {code.strip().splitlines()[-1]!r}: {done.stderr[-500:]}")

    return run
