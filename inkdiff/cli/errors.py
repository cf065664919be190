"""Errors that a user can mend, printed in one line; exit statuses.

    0  done          1  a check failed          2  asked for something that cannot be had          130  interrupted

Reference: POSIX.1-2017, Utility Syntax Guidelines; and 128 + the number of the signal for an interrupt.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["UsageError", "check_out", "guarded"]


class UsageError(Exception):
    """Something asked for on the command line that cannot be had; ends the program with status 2."""


def check_out(out: Path) -> None:
    """Raise UsageError, before any work, if `out` cannot become a folder to write in."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; give a folder.")
    nearest = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    if not os.access(nearest, os.W_OK):
        raise UsageError(f"--out {out}: {nearest} cannot be written to; give another folder.")


def guarded(work: Callable[[], int]) -> int:
    """Exit status of `work`, with errors that a user can mend printed in one line: status 2; an interrupt: 130.

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
