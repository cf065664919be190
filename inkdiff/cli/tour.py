"""`inkdiff tour`: the whole story in one process, then a page to show.

The simulations of `inkdiff.cli.story.ORDER` run one after the other with their TOUR parameters; kernels
compiled for one are there for the next. A simulation that fails is told and the tour goes on; the page is
written at the end, whole, and says what failed:

    exit status 0  <=>  every simulation ran and every check passed.

Reference: the storyline follows a lecture on diffusion models for listeners without mathematics.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from inkdiff.cli.page import Part, render
from inkdiff.cli.report import Report
from inkdiff.cli.scripts import LANGUAGES, Simulation, UsageError, check_out, find
from inkdiff.cli.story import ORDER, chapters

__all__ = ["add_command", "tour"]


def add_command(commands: Any) -> None:
    """Add `tour` and its flags to the subcommands."""
    parser = commands.add_parser(
        "tour",
        help="the whole story on real data, and a page to show",
        description="Runs the story from the random walk to digits out of noise; writes figures and tour.html.",
    )
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures and page")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="their language (default: en)")
    parser.add_argument("--quick", action="store_true", help="a few seconds per part; training is cut short")
    parser.set_defaults(command=_tour)


def _tour(arguments: argparse.Namespace) -> int:
    return tour(arguments.out, arguments.lang, quick=arguments.quick)


def tour(out: Path, lang: str = "en", *, quick: bool = False) -> int:
    """Run all parts, write the figures and `out`/tour.html, and return the exit status."""
    check_out(out)
    start = time.perf_counter()
    _use_language(lang)
    print(f"inkdiff tour: {len(ORDER)} parts; figures go to {out}", flush=True)
    parts = []
    for number, name in enumerate(ORDER, 1):
        title = chapters(lang)[name].title
        print(
            f"\n[{number}/{len(ORDER)}] {name}: {title}   ({_clock(time.perf_counter() - start)})", flush=True
        )
        parts.append(_run_part(name, out, lang, quick))
    seconds = time.perf_counter() - start
    page = _write_page(parts, out, lang, seconds, quick)
    return _summary(parts, page, seconds)


def _use_language(lang: str) -> None:
    from inkdiff import viz

    viz.use_language(lang)


def _run_part(name: str, out: Path, lang: str, quick: bool) -> Part:
    """One simulation, whatever becomes of it."""
    report = Report(name, out, lang, quick)
    part = Part(name, report.checks, report.figures, report.sentences)
    try:
        simulation = Simulation.load(find(name))
        simulation.run(simulation.Parameters(**(simulation.quick if quick else simulation.tour)), report)
    except UsageError as error:
        part.error = str(error)
    except Exception as error:  # the tour is a show: what breaks is told, the rest is shown
        traceback.print_exc()
        part.error = f"{type(error).__name__}: {error}"
    if part.error:
        print(f"inkdiff: {name} stopped: {part.error}", file=sys.stderr, flush=True)
    return part


def _write_page(parts: list[Part], out: Path, lang: str, seconds: float, quick: bool) -> Path:
    import inkdiff
    from inkdiff.files import atomic_write

    command = "inkdiff tour" + (f" --lang {lang}" if lang != "en" else "") + (" --quick" if quick else "")
    text = render(parts, lang, seconds=seconds, command=command, version=inkdiff.__version__)
    out.mkdir(parents=True, exist_ok=True)
    page = out / "tour.html"
    with atomic_write(page, "w") as file:
        file.write(text)
    return page


def _summary(parts: list[Part], page: Path, seconds: float) -> int:
    checks = [(part.name, check) for part in parts for check in part.checks]
    bad = [(name, check) for name, check in checks if not check.passed]
    broken = [part.name for part in parts if part.error]
    print(f"\n{len(checks) - len(bad)} of {len(checks)} checks passed in {_clock(seconds)} (min:s)")
    for name, check in bad:
        print(f"  {name}: {check.line}")
    for name in broken:
        print(f"  {name} stopped with an error")
    print(f"page  {page.resolve()}", flush=True)
    return 1 if bad or broken else 0


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
