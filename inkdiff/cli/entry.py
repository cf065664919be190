"""The entry point `inkdiff`: a few commands, each loaded when asked for.

    inkdiff tour            the whole story on real data, and a page to show
    inkdiff run NAME ...    one simulation, with its own flags; or a script of one's own, FILE.py
    inkdiff list            which there are
    inkdiff info            what this machine offers
    inkdiff compare         ink beside images on one clock
    inkdiff train DATA ...  learn a score, whatever interrupts
    inkdiff draw PROMPT     digits as asked for, in two languages
    inkdiff judge FILE      a learned score beside what real data get
    inkdiff verify          statements with exact values, measured
    inkdiff bench           inkdiff beside its peers

Exit status: 0 done, 1 a check or a training failed, 2 asked for something that cannot be had, 130 interrupted.

Reference: POSIX.1-2017, Utility Syntax Guidelines; and 128 + the number of the signal for an interrupt.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from inkdiff import __version__
from inkdiff.cli import bench, compare, draw, judge, tour, train, verify
from inkdiff.cli.blas import choose_blas_kernels
from inkdiff.cli.errors import guarded
from inkdiff.cli.flags import add_import
from inkdiff.cli.importing import import_first
from inkdiff.cli.scripts import Script
from inkdiff.cli.simulations import GROUPS, describe, simulations
from inkdiff.cli.story import ORDER

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (by default the program's own); returns the exit status."""
    choose_blas_kernels()
    arguments = _parser().parse_args(argv)
    return guarded(lambda: int(arguments.command(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="inkdiff", description="Ink in water and images in noise: one process, forwards and back."
    )
    parser.add_argument("--version", action="version", version=f"inkdiff {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    tour.add_command(commands)
    run = commands.add_parser(
        "run",
        help="one simulation: inkdiff run NAME|FILE.py [--flags]",
        description=_run.__doc__,
    )
    add_import(run)
    run.add_argument("name", metavar="NAME|FILE.py", help="a simulation, from 'inkdiff list', or a script of your own")
    run.add_argument("flags", nargs=argparse.REMAINDER, help="its flags; 'inkdiff run NAME --help' lists them")
    run.set_defaults(command=_run)
    listing = commands.add_parser("list", help="the simulations and what they show", description=_list.__doc__)
    listing.set_defaults(command=_list)
    compare.add_command(commands)
    verify.add_command(commands)
    train.add_command(commands)
    draw.add_command(commands)
    judge.add_command(commands)
    bench.add_command(commands)
    info = commands.add_parser("info", help="what this machine offers", description=_info.__doc__)
    info.set_defaults(command=_info)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    """Run one simulation, by name or file; prints CHECK lines, saves its figure, and exits 1 if a check failed."""
    import_first(arguments.imports)
    return Script.find(arguments.name).main(arguments.flags, f"inkdiff run {arguments.name}")


def _list(arguments: argparse.Namespace) -> int:
    """The simulations in their groups, each with the first line of its docstring; * marks those of the tour."""
    known = simulations()
    width = max(map(len, known), default=0)
    group = None
    for name, path in known.items():
        if path.parent.name != group:
            group = path.parent.name
            print(f"{group}: {GROUPS[group]}" if group in GROUPS else f"{group}:")
        print(f"  {'*' if name in ORDER else ' '} {name:<{width}}  {describe(path)}")
    print("\n* part of 'inkdiff tour'")
    return 0


def _info(arguments: argparse.Namespace) -> int:
    """Versions, processor, threads, BLAS, GPU, and where kernels and simulations are."""
    from inkdiff.cli.info import facts

    for what, how in facts():
        print(f"{what:<16} {how}", flush=True)
    return 0
