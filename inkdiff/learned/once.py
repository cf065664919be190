r"""Trained once: a score that is needed again is read from the user's cache, where it stands under what made it.

    name = sha256( process, data, what is said of them, settings, version, sources of the training ),

since a training is a pure function of these. The file is a checkpoint (`checkpoint.py`): an interrupted training goes
on at the next call, and a score is there whole or not at all. Of processes that want the same score at once, one trains
under a lock beside the file, and the others wait for it. Nothing is downloaded, no weights come with inkdiff; a cache
may be emptied at any time (`inkdiff info` says where it is).

Reference: content addressing, R. C. Merkle, A digital signature based on a conventional encryption function (1987).
"""

from __future__ import annotations

import functools
import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inkdiff import __version__
from inkdiff._core import checks
from inkdiff._core.backend import asnumpy
from inkdiff._core.files import cache_folder, locked
from inkdiff.learned.checkpoint import read
from inkdiff.learned.condition import sayings
from inkdiff.learned.resuming import resume
from inkdiff.learned.training import fit

__all__ = ["fit_cached", "kept"]

_PACKAGE = Path(__file__).parent.parent
_SOURCES = ("learned", "nn", "kernels", "samplers", "processes", "domains", "simulation", "_core/rng.py")


def fit_cached(
    process: Any,
    data: Any,
    *,
    steps: int,
    seed: int,
    condition: Any = None,
    every: int = 500,
    threads: int = 0,
    progress: bool = True,
    say: Callable[[str], object] = print,
    **settings: Any,
) -> Any:
    """`inkdiff.fit`, unless the same was trained before: then the score that was kept, with the same bits.

    Parameters
    ----------
    process, data, steps, seed, condition, settings : as for `inkdiff.fit`; the result depends on them.
    every, threads, progress : as for `inkdiff.fit`. say : told, in a sentence, when a training begins or goes on, or is
        waited for, because another process is at it.

    Returns
    -------
    LearnedScore, or LearnedBits of a Binomial.

    Raises
    ------
    ValueError, TypeError, FloatingPointError, KeyboardInterrupt
        As `inkdiff.fit`. A file of the cache that is damaged is replaced, with a warning.
    """
    manner: dict[str, Any] = {"every": every, "threads": threads, "progress": progress}
    path = kept(process, data, steps=steps, seed=seed, condition=condition, **settings)
    if path is None:
        say(f"training a score for {steps} steps; the cache cannot be written, so it will be trained again next time.")
        return fit(process, data, steps=steps, seed=seed, condition=condition, **manner, **settings)
    if _finished(path):
        return resume(path, data, condition=condition, **manner)
    lock = path.with_suffix(".lock")
    with locked(lock, lambda: say(f"waiting for another process, which trains this score; it holds {lock}.")):
        if path.exists():
            try:
                _, before = read(path)
            except ValueError as error:
                warnings.warn(f"{error} It is replaced by a new training.", stacklevel=2)
                path.unlink()
            else:
                if before is not None and not before.finished:
                    say(f"going on with a training at step {before.state.step} of {steps}.")
                return resume(path, data, condition=condition, **manner)
        say(f"training a score for {steps} steps, once; it is kept in {path}.")
        return fit(process, data, steps=steps, seed=seed, condition=condition, checkpoint=path, **manner, **settings)


def _finished(path: Path) -> bool:
    """Whether the file is there, whole, and of a training at its end: nothing writes it any more."""
    try:
        _, before = read(path)
    except (FileNotFoundError, ValueError):
        return False
    return before is not None and before.finished


def kept(process: Any, data: Any, *, condition: Any = None, **settings: Any) -> Path | None:
    """The file in which `fit_cached` keeps the score of such a training; None where no cache can be written."""
    folder = cache_folder("scores")
    if folder is None:
        return None
    x = np.ascontiguousarray(asnumpy(checks.state(getattr(data, "x", data), "data")), "<f4")
    given = (getattr(data, name, None) for name in ("range", "image_shape", "units"))
    known = [() if value is None else tuple(value) for value in given]
    said = None if condition is None else sayings(condition)
    name = str(getattr(data, "name", "array"))  # the score's notes have it
    digest = hashlib.sha256(x.data)
    key = (x.shape, name, known, process, said, sorted(settings.items()), __version__)
    digest.update(repr(key).encode())
    digest.update(_sources())
    return folder / f"{digest.hexdigest()[:24]}.safetensors"


@functools.cache
def _sources() -> bytes:
    """SHA-256 of the sources that a training depends on."""
    digest = hashlib.sha256()
    for name in _SOURCES:
        place = _PACKAGE / name
        for source in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(str(source.relative_to(_PACKAGE)).encode() + source.read_bytes())
    return digest.digest()
