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
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

__all__ = ["atomic_write", "cache_folder", "remove_leftovers"]


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


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove the temporary files that writers of `path` left when they were killed; no other may be writing it now."""
    target = Path(path)
    for part in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
        part.unlink(missing_ok=True)
