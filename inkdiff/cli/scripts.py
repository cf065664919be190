'''Simulation scripts: their form, how their parameters become flags, how they run.

A script is one file with four parts, read from top to bottom. The physics stands by itself, without plotting and
without words; pictures and sentences in two languages follow.

    """What it shows, in one line ending with a full stop.

    The physics in a paragraph: equation, reference.
    """

    @dataclass(frozen=True)
    class Parameters:                               # every field becomes a flag
        particles: int = 1_000_000
        """walkers"""                               # the text that --help shows
        seed: int = 0
        """64-bit seed of all noise"""

    QUICK = {"particles": 10_000}                   # parameters of a run of seconds: --quick
    TOUR = {"particles": 300_000}                   # parameters of the tour
    LIMITS = {"particles": (100, None)}             # least and most of a parameter, None: no such end

    @dataclass(frozen=True)
    class Result:                                   # what was measured, and the exact values beside it
        msd: ink.Estimate
        exact: float

    def compute(p: Parameters) -> Result:           # physics: no plotting, no printing, no language
        ...

    def check(p: Parameters, result: Result, report: Report) -> None:
        report.check("msd", result.msd, result.exact)                       # CHECK lines
        report.sentence("The crowd obeys ...", "La folla obbedisce ...")    # for the page of the tour

    def draw(p: Parameters, result: Result) -> Figure:                      # one figure, texts by viz.say(en, it)
        fig, axes = viz.figure(1, 1)
        ...
        return fig

    if __name__ == "__main__":
        run_script(__file__)

They are called in that order, so the CHECK lines stand before the figure is drawn. `compute` gets nothing but the
parameters: what a quick run does differently is a parameter with an entry in QUICK, also thresholds of the checks. A
long loop shows a bar by `inkdiff.cli.progress(iterable, label)`. QUICK, TOUR and LIMITS may be left out. The parts are
declared, with their types, as the protocol `Sim`.

A flag given by hand wins:

    parameters = Parameters()  <-  QUICK (with --quick)  <-  flags

Without an entry in LIMITS whole numbers must be >= 1, others > 0, and a seed has 64 bits. They are checked before any
work.

Reference: tyro (B. Yi) makes flags of dataclasses.
'''

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol, TypeVar, cast

from inkdiff.cli.errors import UsageError, check_out, guarded
from inkdiff.cli.flags import OUT
from inkdiff.cli.importing import execute_file, is_file_name
from inkdiff.cli.report import Report
from inkdiff.cli.simulations import simulations, unknown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Script", "Sim", "execute", "run_script"]

_PARTS = ("compute", "check", "draw")

P = TypeVar("P")
R = TypeVar("R")


class Sim(Protocol[P, R]):
    """What a script defines: its parameters (a frozen dataclass) and three functions; a module is one.

    P is its class Parameters, R its class Result.
    """

    @property
    def Parameters(self) -> type[P]:
        """The frozen dataclass whose fields become flags."""

    def compute(self, p: P, /) -> R:
        """The physics: everything that is measured, and the exact values beside it."""

    def check(self, p: P, result: R, report: Report, /) -> None:
        """Hold what was measured against what must be true, by CHECK lines; say it in sentences."""

    def draw(self, p: P, result: R, /) -> Figure:
        """The figure of the simulation."""


def execute(sim: Sim[P, R], p: P, report: Report) -> R:
    """Compute, check and draw a simulation; its figure is saved by `report`. Returns the result."""
    result = sim.compute(p)
    sim.check(p, result, report)
    report.figure(sim.draw(p, result))
    return result


@dataclass(frozen=True)
class Common:
    """Flags of every simulation."""

    quick: bool = False
    """a small run of a few seconds"""
    out: Path = OUT
    """folder of the figures"""
    lang: Literal["en", "it"] = "en"
    """language of the figures: English or Italian"""


@dataclass(frozen=True)
class Script:
    """A script, loaded: the simulation, its name and docstring, and its dictionaries of parameters."""

    name: str
    doc: str
    sim: Sim[Any, Any]
    quick: Mapping[str, Any]
    tour: Mapping[str, Any]
    limits: Mapping[str, tuple[float | None, float | None]]

    @classmethod
    def of_module(cls, module: ModuleType, name: str) -> Script:
        """What the module of a script defines; UsageError, naming what is missing, if it is not one."""
        parts = vars(module)
        parameters = parts.get("Parameters")
        missing = [] if isinstance(parameters, type) and dataclasses.is_dataclass(parameters) else ["Parameters"]
        missing += [part for part in _PARTS if not callable(parts.get(part))]
        if missing:
            raise UsageError(
                f"{module.__file__} is not a simulation: it needs a dataclass Parameters and the functions compute(p), "
                f"check(p, result, report) and draw(p, result); {', '.join(missing)} is missing."
            )
        given = (parts.get(constant, {}) for constant in ("QUICK", "TOUR", "LIMITS"))
        return cls(name, module.__doc__ or "", cast("Sim[Any, Any]", module), *given)

    @classmethod
    def load(cls, path: Path) -> Script:
        """Execute the script at `path`, under a name that no other module has."""
        spec = importlib.util.spec_from_file_location(f"_inkdiff_sim_{path.stem}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up while it is being executed
        spec.loader.exec_module(module)
        return cls.of_module(module, path.stem)

    @classmethod
    def find(cls, name: str) -> Script:
        """The script that `name` means: a file of the user's, one of inkdiff's, or one of an installed package.

        Raises
        ------
        UsageError
            If there is none, with a suggestion; or if it is not a simulation.
        """
        if is_file_name(name):
            return cls.of_module(execute_file(name), Path(name).stem)
        if name in simulations():
            return cls.load(simulations()[name])
        from inkdiff._core import registry

        with contextlib.suppress(ValueError):
            return cls.of_module(registry.find(name, "sim"), name)
        raise UsageError(unknown(name))

    def main(self, arguments: Sequence[str], prog: str) -> int:
        """Parse the flags, run, and return the exit status: 0, or 1 if a check failed."""
        parameters, common = self._parse(arguments, prog)
        self.check_limits(parameters)
        check_out(common.out)
        from inkdiff import viz

        viz.use_language(common.lang)
        report = Report(self.name, common.out, common.lang, common.quick)
        execute(self.sim, parameters, report)
        return 0 if report.passed else 1

    def check_limits(self, parameters: object) -> None:
        """Raise UsageError, naming the flag, unless every number lies within its limits."""
        for field in dataclasses.fields(self.sim.Parameters):
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

    def _parse(self, arguments: Sequence[str], prog: str) -> tuple[object, Common]:
        """Parameters and common flags; --quick comes first, since it changes what the others override."""
        import tyro

        default = self.sim.Parameters(**(self.quick if "--quick" in arguments else {}))
        whole = dataclasses.make_dataclass(
            "Flags", [("simulation", self.sim.Parameters, default), ("run", Common, Common())], frozen=True
        )
        options = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
        flags: Any = tyro.cli(whole, prog=prog, description=self.doc, args=list(arguments), config=options)
        return flags.simulation, flags.run


def run_script(file: str) -> NoReturn:
    """Be a program: `run_script(__file__)` under `if __name__ == "__main__"`. Exits 0, or 1 if a check failed."""
    path = Path(file)

    def work() -> int:
        return Script.of_module(sys.modules["__main__"], path.stem).main(sys.argv[1:], f"python {path.name}")

    with contextlib.suppress(AttributeError):  # a replaced stdout need not be reconfigurable
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    raise SystemExit(guarded(work))
