"""Names for things that a command line or a file must be able to say: one table, open to everybody's code.

A process, a sampler or a data set of one's own needs no registration to be used in Python. To be named on the command
line, saved and loaded, it registers once, when its module is imported:

    @ink.register
    class WarmingBowl(ink.Process): ...

or its package names it among its entry points of the group "inkdiff", which are looked up when an unknown name is met
(an entry point that is a module is a simulation script).
A file holds a name, the module and version it came from, and plain data. **Nothing is ever imported because a file says
so**: a name that is not registered is an error which says what to import first.

Reference: Python Packaging User Guide, "Creating and discovering plugins" (entry points).
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar, overload

__all__ = ["Entry", "entry_of", "find", "names", "register"]

GROUP = "inkdiff"

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """A registered item: its kind ("process", "domain", "sampler", "dataset", ...), where it is from, and itself."""

    name: str
    kind: str
    item: Any

    @property
    def module(self) -> str:
        """The module that defines it; of a simulation, which is a module, itself."""
        return _home(self.item)[0]

    @property
    def version(self) -> str:
        """The version of the installed distribution that the module belongs to; empty for a loose file."""
        return _version_of(self.module.partition(".")[0])


@functools.cache  # looking through all that is installed takes longer than writing a checkpoint
def _version_of(package: str) -> str:
    owners = importlib.metadata.packages_distributions().get(package, [])
    return importlib.metadata.version(owners[0]) if owners else ""


_ENTRIES: dict[str, Entry] = {}


@overload
def register(item: T) -> T: ...
@overload
def register(*, name: str | None = None, kind: str | None = None) -> Callable[[T], T]: ...
def register(item: object = None, *, name: str | None = None, kind: str | None = None) -> Any:
    """Give a class or function a name that the command line knows and files can hold; a decorator.

    Parameters
    ----------
    item : a class derived from one of inkdiff's bases (Process, Domain, Sampler, Weighting, ...), or a function.
    name : by default the item's own.
    kind : what it is, such as "dataset" for a function; classes have it from their base.

    Raises
    ------
    ValueError
        If another item has the name already. The same item defined again, as by a reloaded module, replaces it.
    TypeError
        If it is not said, nor known from its base, what kind of thing it is.
    """
    if item is None:
        return lambda later: _add(later, name, kind)
    return _add(item, name, kind)


def _add(item: Any, name: str | None, kind: str | None) -> Any:
    kind = kind or _declared_kind(item)
    if kind is None:
        raise TypeError(f"{item!r}: say what it is, as in @register(kind='dataset'); its base does not.")
    name = name or str(item.__name__)
    known = _ENTRIES.get(name)
    if known is not None and _home(known.item) != _home(item):
        raise ValueError(
            f"{name!r} is registered already, as a {known.kind} of {known.module}; give this one another name, as in "
            "@register(name='...')."
        )
    _ENTRIES[name] = Entry(name, kind, item)
    return item


def find(name: str, kind: str | None = None, *, what: str = "name") -> Any:
    """The item registered under `name`, of that kind if given; installed entry points are looked up.

    Raises
    ------
    ValueError
        If there is none; the error names `what` was asked for, and says what to do.
    """
    if name not in _ENTRIES:
        _load_entry_points(name)
    entry = _ENTRIES.get(name)
    if entry is None or (kind is not None and entry.kind != kind):
        known = ", ".join(map(repr, names(kind))) if kind is not None else ""
        kinds = f"no {kind}" if kind else "nothing"
        raise ValueError(
            f"{what}: {kinds} is registered as {name!r}; import the module that registers it first"
            + (f". Known are {known}." if known else ".")
        )
    return entry.item


def entry_of(item: object) -> Entry | None:
    """The entry of a registered class or function, or None."""
    return next((entry for entry in _ENTRIES.values() if entry.item is item), None)


def names(kind: str) -> tuple[str, ...]:
    """All names of one kind, in the order of their registration."""
    return tuple(entry.name for entry in _ENTRIES.values() if entry.kind == kind)


def _load_entry_points(name: str) -> None:
    """Import what an installed package announces under `name`; if it did not register itself, do it."""
    for point in importlib.metadata.entry_points(group=GROUP, name=name):
        item = point.load()
        if name not in _ENTRIES:
            _add(item, name, None)


def _declared_kind(item: object) -> str | None:
    if isinstance(item, ModuleType):
        return "sim"  # what an entry point without an attribute names
    bases = item.__mro__ if isinstance(item, type) else ()
    return next((base.__dict__["extension_kind"] for base in bases if "extension_kind" in base.__dict__), None)


def _home(item: Any) -> tuple[str, str]:
    if isinstance(item, ModuleType):
        return item.__name__, ""
    return str(item.__module__), str(item.__qualname__)
