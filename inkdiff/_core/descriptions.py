"""Descriptions as plain data: registered frozen dataclasses as {"type", "module", "version", field: ...}.

A process, a domain, a schedule, a weighting, a network's shape are pure descriptions: what they compute follows from
their fields, so the fields are all that is written, by name. Loading looks the type up among the registered ones
(`inkdiff._core.registry`) and calls it with its fields. The text is never imported: module and version only say, in
the error for a name that is not registered, what to import first. Descriptions without a module are from files of
older versions.

Reference: ECMA-404, the JSON data interchange syntax.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeAlias

from inkdiff._core import checks, registry

__all__ = ["Plain", "UnknownTypeError", "describe", "restore"]

# What JSON holds.
Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"

_HEADER = ("type", "module", "version")


class UnknownTypeError(ValueError):
    """A description of a type that is not registered here."""


def describe(value: object, what: str = "process") -> Plain:
    """A registered frozen dataclass as plain data, with all that its fields hold.

    Numbers, texts and None stay as they are, tuples become lists, dataclasses {"type", "module", "version", field: ...}
    with the fields that their `__init__` takes.

    Raises
    ------
    TypeError
        If a class is not registered, or is no dataclass, or a field is no plain data; it says what to do.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (tuple, list)):
        return [describe(item, what) for item in value]
    if isinstance(value, float):
        return float(value)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise TypeError(
            f"{what}: {checks.show(value)} cannot be saved; a description is a frozen dataclass of numbers, texts, "
            "tuples and other descriptions."
        )
    kind = type(value)
    entry = registry.entry_of(kind)
    if entry is None:
        raise TypeError(f"{what}: a {kind.__name__} cannot be saved, it has no name; put @ink.register on its class.")
    fields = [field.name for field in dataclasses.fields(value) if field.init]
    header: dict[str, Plain] = {"type": entry.name, "module": entry.module, "version": entry.version}
    return header | {name: describe(getattr(value, name), f"{what}: {name}") for name in fields}


def restore(value: Plain) -> Any:
    """What `describe` described; lists become tuples.

    Raises
    ------
    UnknownTypeError
        If a type is not registered; it says which module to import first.
    ValueError, TypeError
        If the fields do not fit the type.
    """
    if isinstance(value, list):
        return tuple(restore(item) for item in value)
    if not isinstance(value, dict):
        return value
    return _registered(value)(**{name: restore(inner) for name, inner in value.items() if name not in _HEADER})


def _registered(value: dict[str, Plain]) -> Any:
    name, module, version = (str(value.get(part, "")) for part in _HEADER)
    try:
        found = registry.find(name)
    except ValueError:
        origin = f"{module} {version}".strip()
        remedy = f"it was saved from {origin}: import {module} first" if module else "import the module that does first"
        raise UnknownTypeError(f"nothing is registered as {name!r}; {remedy}.") from None
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise ValueError(f"{name!r} is registered, but describes nothing that is kept in files.")
    return found
