"""`inkdiff tour`: the whole story, then a page to show.

The simulations of `inkdiff.cli.story.ORDER` run with their TOUR parameters, several at a time in processes of their
own; their numbers do not depend on how many, since no result of inkdiff does. A simulation that
fails is named and the tour goes on; the page is written at the end, whole, and says what failed:

    exit status 0  <=>  every simulation ran and every check passed.

Reference: the storyline follows a lecture on diffusion models for listeners without mathematics.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

from inkdiff.cli.errors import UsageError, check_out
from inkdiff.cli.flags import Commands, add_language, add_out
from inkdiff.cli.page import Part, render
from inkdiff.cli.report import Report
from inkdiff.cli.scripts import Script, execute
from inkdiff.cli.story import LONGEST, ORDER, chapters

__all__ = ["add_command", "tour"]

_MOST_JOBS = 4  # each compiles kernels of its own, and needs some 0.5 GB


def add_command(commands: Commands) -> None:
    """Add `tour` and its flags to the subcommands."""
    parser = commands.add_parser(
        "tour",
        help="the whole story on real data, and a page to show",
        description="Runs the story from the random walk to digits out of noise; writes figures and tour.html.",
    )
    add_out(parser, "figures and page")
    add_language(parser, "figures and page")
    parser.add_argument("--quick", action="store_true", help="a few seconds per part; training is cut short")
    parser.add_argument("--jobs", type=int, help="parts run at a time (default: one per core, at most 4)")
    parser.set_defaults(command=_tour)


def _tour(arguments: argparse.Namespace) -> int:
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UsageError(f"--jobs must be at least 1, got {arguments.jobs}.")
    return tour(arguments.out, arguments.lang, quick=arguments.quick, jobs=arguments.jobs)


def tour(out: Path, lang: str = "en", *, quick: bool = False, jobs: int | None = None) -> int:
    """Run all parts, write the figures and `out`/tour.html, and return the exit status."""
    from inkdiff._core.backend import available_cores

    check_out(out)
    start = time.perf_counter()
    jobs = min(available_cores(), _MOST_JOBS) if jobs is None else jobs
    print(f"inkdiff tour: {len(ORDER)} parts, {jobs} at a time; figures go to {out}", flush=True)
    parts = {}
    for part, printed in _run_parts(jobs, out, lang, quick):
        parts[part.name] = part
        title = chapters(lang)[part.name].title
        clock = _clock(time.perf_counter() - start)
        print(f"\n[{len(parts)}/{len(ORDER)}] {part.name}: {title}   ({clock})\n{printed}", end="", flush=True)
        if part.error:
            print(f"inkdiff: {part.name} stopped: {part.error}", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - start
    in_order = [parts[name] for name in ORDER]
    page = _write_page(in_order, out, lang, seconds, quick)
    return _summary(in_order, page, seconds)


def _run_parts(jobs: int, out: Path, lang: str, quick: bool) -> Iterator[tuple[Part, str]]:
    """Every part as it ends, and what it printed; in this process if `jobs` is 1."""
    from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    from tqdm import tqdm

    from inkdiff._core.backend import available_cores

    bar = partial(tqdm, total=len(ORDER), desc="parts", leave=False, disable=not sys.stderr.isatty())
    if jobs == 1:
        yield from bar(_run_part(name, out, lang, quick) for name in ORDER)
        return
    names = sorted(ORDER, key=lambda name: name != LONGEST)
    # A fresh interpreter for each worker: one forked from threads can hang.
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _share, (max(1, available_cores() // jobs),))
    try:
        waiting = {pool.submit(_run_part, name, out, lang, quick): name for name in names}
        for done in bar(as_completed(waiting)):
            try:
                yield done.result()
            except BrokenExecutor:
                yield Part(waiting[done], error="its process was ended from outside; is there memory enough?"), ""
    finally:
        pool.shutdown(cancel_futures=True)


def _share(threads: int) -> None:
    """Leave the other cores to the other workers; before anything heavy is loaded."""
    os.environ["NUMBA_NUM_THREADS"] = str(threads)
    os.environ["TQDM_DISABLE"] = "1"  # bars of several processes would overwrite one another


def _run_part(name: str, out: Path, lang: str, quick: bool) -> tuple[Part, str]:
    """One simulation, whatever becomes of it, and what it printed."""
    from inkdiff import viz

    viz.use_language(lang)
    report = Report(name, out, lang, quick)
    part = Part(name, report.checks, report.figures, report.sentences)
    printed = io.StringIO()
    with redirect_stdout(printed):
        try:
            script = Script.find(name)
            execute(script.sim, script.sim.Parameters(**(script.quick if quick else script.tour)), report)
        except UsageError as error:
            part.error = str(error)
        except Exception as error:  # what breaks is named on the page, the rest is shown
            traceback.print_exc()
            part.error = f"{type(error).__name__}: {error}"
    return part, printed.getvalue()


def _write_page(parts: list[Part], out: Path, lang: str, seconds: float, quick: bool) -> Path:
    import inkdiff
    from inkdiff._core.files import atomic_write

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
