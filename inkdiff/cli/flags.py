"""Flags that several commands share, each written once.

Reference: Python documentation, `argparse`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

__all__ = ["LANGUAGES", "OUT", "Commands", "add_import", "add_language", "add_out"]

LANGUAGES = ("en", "it")
OUT = Path("inkdiff-figures")
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # what add_subparsers() returns


def add_language(parser: argparse.ArgumentParser, of: str) -> None:
    """--lang, the language `of` figures or pages."""
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help=f"language of {of} (default: en)")


def add_out(parser: argparse.ArgumentParser, of: str) -> None:
    """--out, the folder `of` figures and what goes with them."""
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder of {of} (default: {OUT})")


def add_import(parser: argparse.ArgumentParser) -> None:
    """--import, may be repeated: a module or file whose registered names shall be known."""
    parser.add_argument(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="MODULE|FILE",
        help="import this first, so that the processes, data sets, ... that it registers are known; may be repeated",
    )
