"""Simulation scripts: where they are, what they say they do, how their parameters become flags, how they run.

A script is a module with a docstring, a frozen dataclass `Parameters`, a function `run(parameters, report)`,
and, if wished, `QUICK` and `TOUR`, dictionaries of parameters for a run of seconds and for the tour. A flag
given by hand wins:

    parameters = Parameters()  <-  QUICK (with --quick)  <-  flags

`LIMITS` maps parameters to (least, most), None where there is no such end; without an entry whole numbers must be >= 1,
others > 0, and a seed has 64 bits. They are checked before any work.

Scripts stand in `sims/` beside the package; a wheel carries them as `inkdiff/_sims`. Listing reads their
docstrings without running them.

Reference: tyro (B. Yi) makes flags of dataclasses.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import difflib
import importlib.util
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NoReturn

from inkdiff.cli.report import Report

__all__ = [
    "LANGUAGES",
    "Simulation",
    "UsageError",
    "check_out",
    "describe",
    "find",
    "guarded",
    "run_script",
    "sim",
    "sims_folder",
    "simulations",
]

LANGUAGES = ("en", "it")
_PACKAGE = Path(__file__).resolve().parent.parent


class UsageError(Exception):
    """Something asked for on the command line that cannot be had; ends the program with status 2."""


@dataclass(frozen=True)
class Common:
    """Flags of every simulation."""

    quick: bool = False
    """a small run of a few seconds"""
    out: Path = Path("figures")
    """folder of the figures"""
    lang: Literal["en", "it"] = "en"
    """language of the figures: English or Italian"""


@dataclass(frozen=True)
class Simulation:
    """A script, loaded."""

    name: str
    doc: str
    Parameters: type
    run: Callable[[Any, Report], None]
    quick: Mapping[str, Any]
    tour: Mapping[str, Any]
    limits: Mapping[str, tuple[float | None, float | None]]

    @classmethod
    def of_module(cls, module: ModuleType, name: str) -> Simulation:
        """What the module of a script defines; UsageError if it is not one."""
        parameters, run = getattr(module, "Parameters", None), getattr(module, "run", None)
        if not dataclasses.is_dataclass(parameters) or not isinstance(parameters, type) or not callable(run):
            raise UsageError(
                f"{module.__file__} is not a simulation: it needs a dataclass Parameters and a function run(p, report)."
            )
        return cls(
            name,
            module.__doc__ or "",
            parameters,
            run,
            getattr(module, "QUICK", {}),
            getattr(module, "TOUR", {}),
            getattr(module, "LIMITS", {}),
        )

    def check(self, parameters: Any) -> None:
        """Raise UsageError, naming the flag, unless every number lies within its limits."""
        for field in dataclasses.fields(parameters):
            value, flag = getattr(parameters, field.name), "--" + field.name.replace("_", "-")
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                continue
            if not math.isfinite(value):
                raise UsageError(f"{flag} must be finite, got {value}.")
            usual = (0, 2**64 - 1) if field.name == "seed" else (1 if isinstance(value, int) else None, None)
            least, most = self.limits.get(field.name, usual)
            if isinstance(value, float) and field.name not in self.limits and value <= 0:
                raise UsageError(f"{flag} must be > 0, got {value:g}.")
            if least is not None and value < least:
                raise UsageError(f"{flag} must be at least {least}, got {value}.")
            if most is not None and value > most:
                raise UsageError(f"{flag} must be at most {most}, got {value}.")

    @classmethod
    def load(cls, path: Path) -> Simulation:
        """Import the script at `path`."""
        spec = importlib.util.spec_from_file_location(f"_inkdiff_sim_{path.stem}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up while it is being executed
        spec.loader.exec_module(module)
        return cls.of_module(module, path.stem)


def sims_folder() -> Path:
    """The folder of the scripts: inside an installed wheel, else beside the package of an editable install.

    Raises
    ------
    UsageError
        If there is neither.
    """
    inside, beside = _PACKAGE / "_sims", _PACKAGE.parent / "sims"
    if inside.is_dir():
        return inside
    if beside.is_dir() and (_PACKAGE.parent / "pyproject.toml").is_file():
        return beside
    raise UsageError(
        f"no simulations found: neither {inside} (of a wheel) nor {beside} (of 'pip install -e .') exists; "
        "install inkdiff from its wheel or its repository."
    )


def simulations() -> dict[str, Path]:
    """Name -> script, in alphabetical order."""
    return {path.stem: path for path in sorted(sims_folder().glob("*.py")) if not path.stem.startswith("_")}


def find(name: str) -> Path:
    """The script of that name; UsageError, with a suggestion, if there is none."""
    known = simulations()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(known) or 'none'}."
    raise UsageError(f"there is no simulation '{name}'; {hint} ('inkdiff list' shows all)")


def describe(path: Path) -> str:
    """First line of a script's docstring, read without running it."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"), str(path)))
    return doc.partition("\n")[0].strip() if doc else "(no description)"


def check_out(out: Path) -> None:
    """Raise UsageError, before any work, if `out` cannot become a folder to write in."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; give a folder.")
    nearest = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    if not os.access(nearest, os.W_OK):
        raise UsageError(f"--out {out}: {nearest} cannot be written to; give another folder.")


def run_script(simulation: Simulation, arguments: Sequence[str], prog: str) -> int:
    """Parse the flags, run, and return the exit status: 0, or 1 if a check failed."""
    parameters, common = _parse(simulation, arguments, prog)
    simulation.check(parameters)
    check_out(common.out)
    from inkdiff import viz

    viz.use_language(common.lang)
    report = Report(simulation.name, common.out, common.lang, common.quick)
    simulation.run(parameters, report)
    return 0 if report.passed else 1


def _parse(simulation: Simulation, arguments: Sequence[str], prog: str) -> tuple[Any, Common]:
    """Parameters and common flags; --quick comes first, since it changes what the others override."""
    import tyro

    default = simulation.Parameters(**(simulation.quick if "--quick" in arguments else {}))
    whole = dataclasses.make_dataclass(
        "Flags", [("simulation", simulation.Parameters, default), ("run", Common, Common())], frozen=True
    )
    options = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
    flags: Any = tyro.cli(whole, prog=prog, description=simulation.doc, args=list(arguments), config=options)
    return flags.simulation, flags.run


def guarded(work: Callable[[], int]) -> int:
    """Exit status of `work`, with errors a user can mend told in one line: status 2; an interrupt: 130.

    With INKDIFF_TRACEBACK=1 such errors show where they arose instead.
    """
    try:
        return work()
    except KeyboardInterrupt as stopped:  # a training says what it leaves behind
        print(f"\ninkdiff: {str(stopped) or 'interrupted; nothing is half-written.'}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough, as in `inkdiff list | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (UsageError, ValueError, TypeError, OSError, MemoryError) as error:
        if os.environ.get("INKDIFF_TRACEBACK"):
            raise
        more = "" if isinstance(error, UsageError) else " (INKDIFF_TRACEBACK=1 shows where)"
        if isinstance(error, MemoryError):
            more = f"{': ' if str(error) else ''}out of memory; ask for less{more}"
        print(f"inkdiff: error: {error}{more}", file=sys.stderr)
        return 2


def sim(file: str) -> NoReturn:
    """Be a program: `sim(__file__)` under `if __name__ == "__main__"`. Exits 0, or 1 if a check failed."""
    path = Path(file)

    def work() -> int:
        return run_script(Simulation.of_module(sys.modules["__main__"], path.stem), sys.argv[1:], f"python {path.name}")

    with contextlib.suppress(AttributeError):  # a replaced stdout need not be reconfigurable
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    raise SystemExit(guarded(work))
