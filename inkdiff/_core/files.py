"""Files appear whole or not at all: written under a temporary name beside the target, flushed to disk, then renamed.

POSIX promises that rename(2) within one file system replaces the target in one step, so that a reader, or a run
killed at any moment, sees either the old file or the new one, never a part. The temporary file must therefore stand
in the target's own folder (another folder may be another file system), and its bytes must reach the disk before the
name does.

Reference: T. S. Pillai et al., All file systems are not created equal: on the complexity of crafting
crash-consistent applications (OSDI 2014), whose "atomic replace via rename" needs exactly this fsync.
"""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

__all__ = ["atomic_write", "cache_folder", "locked", "remove_leftovers"]

_POLL = 0.1  # seconds between two looks at a lock that another holds


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[IO[Any]]:
    """Open `path` for writing; the file takes its name only when the block ends without an error.

    On any exception the temporary file is removed and an earlier file at `path` is left as it was.

    Parameters
    ----------
    path
        Target file; its folder must exist.
    mode
        ``"wb"`` (bytes) or ``"w"`` (text, UTF-8).

    Raises
    ------
    ValueError
        If `mode` is neither ``"wb"`` nor ``"w"``.
    FileNotFoundError
        If the folder of `path` does not exist.
    IsADirectoryError
        If `path` is a folder.
    """
    if mode not in ("wb", "w"):
        raise ValueError(f"mode must be 'wb' or 'w', got {mode!r}: an atomic write replaces the whole file.")
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"path: the folder {str(target.parent)!r} does not exist; create it first.")
    if target.is_dir():
        raise IsADirectoryError(f"path: {str(target)!r} is a folder; give the name of a file in it.")
    # Not the tempfile module: its files are private to their owner, whereas these should obey the umask like any other.
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    try:
        with temporary.open(mode.replace("w", "x"), encoding="utf-8" if mode == "w" else None) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def cache_folder(*parts: str) -> Path | None:
    """A folder of the user's cache, or of INKDIFF_CACHE_DIR where that is set; None when it cannot be written."""
    import platformdirs

    root = os.environ.get("INKDIFF_CACHE_DIR") or platformdirs.user_cache_dir("inkdiff")
    folder = Path(root).joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        return None
    return folder


@contextlib.contextmanager
def locked(path: str | os.PathLike[str], waiting: Callable[[], object]) -> Iterator[None]:
    """Hold the advisory lock of `path`, an empty file that is made and stays, alone among all processes and threads.

    `waiting` is called once if another holds it. The system frees the lock of a process that ends, however it ends.
    Where a file system has no locks, none is held.
    """
    file = _opened(path)
    try:
        taken = _take(file)
        if taken is False:
            waiting()
        while taken is False:
            time.sleep(_POLL)
            taken = _take(file)
        yield
    finally:
        os.close(file)  # and with it the lock


def _opened(path: str | os.PathLike[str]) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:  # another user's, in a shared folder
        return os.open(path, os.O_RDONLY)


def _take(file: int) -> bool | None:
    """Take the lock of an open file: whether it was free, or None where there are no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except (ImportError, OSError):
        return None
    return True


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove the temporary files that writers of `path` left when they were killed; no other may be writing it now."""
    target = Path(path)
    for part in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
        part.unlink(missing_ok=True)
