"""Descriptions as JSON: our frozen dataclasses as {"type": name, field: ...}, so that a file says what it is about.

A process, a schedule, a network's shape are pure descriptions: what they compute follows from their fields, so the
fields are all that is written, by name, and nothing that is read can run.

Reference: ECMA-404, the JSON data interchange syntax.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from inkdiff.domains.box import Box
from inkdiff.domains.free import Free
from inkdiff.learned.settings import Settings
from inkdiff.learned.weighting import BalancedWeighting, LikelihoodWeighting, MinSNRWeighting, SimpleWeighting
from inkdiff.nn import MLP
from inkdiff.processes import brownian, schedules, variance_exploding, variance_preserving
from inkdiff.processes.binomial import Binomial

__all__ = ["describe", "restore"]

_TYPES: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        brownian.Brownian,
        brownian.OrnsteinUhlenbeck,
        variance_preserving.VariancePreserving,
        variance_exploding.VarianceExploding,
        schedules.Linear,
        schedules.Cosine,
        schedules.Table,
        Binomial,
        Box,
        Free,
        MLP,
        Settings,
        BalancedWeighting,
        SimpleWeighting,
        LikelihoodWeighting,
        MinSNRWeighting,
    )
}


def describe(value: object) -> Any:
    """A description as JSON: numbers as they are, our frozen dataclasses as {"type": name, field: ...}."""
    if not dataclasses.is_dataclass(value):
        return list(value) if isinstance(value, tuple) else value
    if _TYPES.get(type(value).__name__) is not type(value):
        raise TypeError(f"process: a {type(value).__name__} cannot be saved, only inkdiff's own processes can.")
    fields = {f.name: describe(getattr(value, f.name)) for f in dataclasses.fields(value) if f.repr}
    return {"type": type(value).__name__, **fields}


def restore(value: Any) -> Any:
    """What `describe` described."""
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, dict):
        return value
    fields = {name: restore(inner) for name, inner in value.items() if name != "type"}
    if value.get("type") not in _TYPES:
        raise ValueError(f"unknown description {value.get('type')!r}")
    return _TYPES[value["type"]](**fields)
