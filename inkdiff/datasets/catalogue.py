"""The data sets that have a name: those of inkdiff, and whatever else is registered.

    @ink.register(kind="dataset")
    def spirals(n: int, seed: int) -> ink.datasets.Dataset: ...          name  ->  function  ->  x (n, d)

A function of (n, seed) draws: n independent points of a law, the same for the same seed. A function of neither is a
finite set, such as the digits, which can only be divided. Registered, either can be read by its name, here and on the
command line.

Reference: Python Packaging User Guide, "Creating and discovering plugins".
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

from inkdiff._core import checks, registry

# Imported for the names that they register.
from inkdiff.datasets import handwriting, plane, population  # noqa: F401
from inkdiff.datasets.dataset import Dataset

__all__ = ["find", "is_drawn", "make", "name_of", "names"]

_KIND = "dataset"


def names() -> tuple[str, ...]:
    """The names of all registered data sets."""
    return registry.names(_KIND)


def find(name: str) -> Callable[..., Dataset] | None:
    """The function registered under `name`, also by an installed package's entry point; None if there is none."""
    if not name.isidentifier():  # a path
        return None
    try:
        found: Callable[..., Dataset] = registry.find(name, _KIND, what="data")
    except ValueError:
        return None
    return found


def is_drawn(name: str) -> bool:
    """Whether the set of that name is drawn from a law, n points at a time; else it is finite.

    Raises
    ------
    TypeError
        If its function takes one of n and seed only.
    ValueError
        If there is no set of that name.
    """
    parameters = inspect.signature(registry.find(name, _KIND, what="data")).parameters
    given = {"n", "seed"} & set(parameters)
    if len(given) == 1:
        raise TypeError(
            f"data: the function {name!r} must take both n and seed, or neither, got {', '.join(parameters)}."
        )
    return len(given) == 2


def make(name: str, n: int, seed: int) -> Dataset:
    """The data set of that name; `n` and `seed` are for those that are drawn.

    Raises
    ------
    ValueError, TypeError
        If there is none of that name, or its function returns something else than a data set.
    """
    function = registry.find(name, _KIND, what="data")
    data = function(n=n, seed=seed) if is_drawn(name) else function()
    if not isinstance(data, Dataset):
        raise TypeError(f"data: the function {name!r} must return a Dataset, got {checks.show(data)}.")
    return data


def name_of(title: str) -> str | None:
    """The registered name of the set whose `Dataset.name` is `title` ("swiss roll" -> "swiss_roll"), or None."""
    name = title.replace(" ", "_")
    return next((known for known in (name, name.lower()) if known in names()), None)
