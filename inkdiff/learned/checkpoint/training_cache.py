r"""The training cache: a score that is needed again is read from the user's cache, where it stands under what made it.

    name = sha256( process, data, their words, settings, version, sources of the training ),

since a training is a pure function of these; of a process or weighting of one's own, the module and its version count,
and its source. The file is a checkpoint (`loading.py`): an interrupted training goes on at the next call, and a score
is there whole or not at all. Of processes that want the same score at once, one trains under a lock beside the file,
and the others wait for it. Nothing is downloaded, no weights come with inkdiff; a cache may be emptied at any time
(`inkdiff info` says where it is).

Reference: content addressing, R. C. Merkle, A digital signature based on a conventional encryption function (1987).
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from inkdiff import __version__
from inkdiff._core import checks
from inkdiff._core.backend import asnumpy
from inkdiff._core.descriptions import Plain, describe
from inkdiff._core.files import cache_folder, locked
from inkdiff.learned.checkpoint.loading import read
from inkdiff.learned.model.word_conditioning import Conditioning, parse_rows
from inkdiff.learned.training.fitting import Choices, fit, settings_of
from inkdiff.learned.training.resuming import resume
from inkdiff.learned.training.run_options import RunOptions
from inkdiff.processes.forward import ForwardProcess

__all__ = ["cached_file", "fit_cached"]

_PACKAGE = Path(__file__).parents[2]
_SOURCES = ("learned", "nn", "kernels", "samplers", "processes", "domains", "simulation", "_core/rng.py")


def fit_cached(
    process: ForwardProcess,
    data: Any,
    *,
    steps: int,
    seed: int,
    progress: bool | RunOptions = True,
    say: Callable[[str], object] = print,
    **choices: Unpack[Choices],
) -> Any:
    """`inkdiff.fit`, unless the same was trained before: then the score that was kept, with the same bits.

    Parameters
    ----------
    process, data, steps, seed, choices : as for `inkdiff.fit`; the result depends on them. A process, domain, schedule
        or weighting of one's own must be registered: `@ink.register`.
    progress : as for `inkdiff.fit`. say : called with a sentence when a training begins or goes on, or is waited for,
        because another process is at it.

    Returns
    -------
    LearnedScore, LearnedBits of a Binomial, or what the process's own learner yields.

    Raises
    ------
    ValueError, TypeError, FloatingPointError, KeyboardInterrupt
        As `inkdiff.fit`. A file of the cache that is damaged is replaced, with a warning.
    """
    path = cached_file(process, data, steps=steps, seed=seed, **choices)
    if path is None:
        say(f"training a score for {steps} steps; the cache cannot be written, so it will be trained again next time.")
        return fit(process, data, steps=steps, seed=seed, progress=progress, **choices)
    condition = choices.get("condition")
    if _finished(path):
        return resume(path, data, condition=condition, progress=progress)
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
                return resume(path, data, condition=condition, progress=progress)
        say(f"training a score for {steps} steps, once; it is kept in {path}.")
        return fit(process, data, steps=steps, seed=seed, checkpoint=path, progress=progress, **choices)


def _finished(path: Path) -> bool:
    """Whether the file is there, whole, and of a training at its end: nothing writes it any more."""
    try:
        _, before = read(path)
    except (FileNotFoundError, ValueError):
        return False
    return before is not None and before.finished


def cached_file(
    process: ForwardProcess, data: Any, *, steps: int, seed: int, **choices: Unpack[Choices]
) -> Path | None:
    """The file in which `fit_cached` keeps the score of such a training; None where no cache can be written."""
    folder = cache_folder("scores")
    if folder is None:
        return None
    x = np.ascontiguousarray(asnumpy(checks.state(getattr(data, "x", data), "data")), "<f4")
    given = (getattr(data, name, None) for name in ("range", "image_shape", "units"))
    known = [() if value is None else tuple(value) for value in given]
    conditioning = Conditioning.of(choices.get("condition"))
    words = None if conditioning is None else parse_rows(conditioning.rows)
    name = str(getattr(data, "name", "array"))  # the score's notes have it
    settings = settings_of(process, data, steps=steps, seed=seed, **choices)[1]
    described: list[Plain] = [describe(process), describe(settings, "settings")]
    digest = hashlib.sha256(x.data)
    digest.update(repr((x.shape, name, known, words, json.dumps(described), __version__)).encode())
    digest.update(_sources())
    for module in sorted(set(_modules(described))):
        digest.update(_source_of(module))
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


def _modules(described: Plain) -> Iterator[str]:
    """The modules named in a description, but for inkdiff's own."""
    if isinstance(described, list):
        for item in described:
            yield from _modules(item)
    elif isinstance(described, dict):
        module = str(described.get("module", ""))
        if module and module.partition(".")[0] != "inkdiff":
            yield module
        for item in described.values():
            yield from _modules(item)


def _source_of(module: str) -> bytes:
    """The source of an imported module, as far as there is one."""
    try:
        return inspect.getsource(sys.modules[module]).encode()
    except (KeyError, OSError, TypeError):
        return b""
