"""Names on the command line: registered things with their settings, read as data and never executed.

    --process vp
    --process WarmingBowl
    --process "WarmingBowl(D=1, tau=2)"
    --process "Brownian(D=0.5, domain=Box(0, 1))"

    thing  ::=  NAME  |  NAME(value, ..., setting=value, ...)           value  ::=  Python literal  |  thing

NAME is looked up among what is registered (`inkdiff.register`: by inkdiff, by what --import names, by entry points of
installed packages) and called with the values; a name alone is called with none. A function whose signature has a
parameter `data` is given the data set.

Reference: Python documentation, `ast.literal_eval`.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inkdiff.cli.errors import UsageError

if TYPE_CHECKING:
    from inkdiff.datasets import Dataset

__all__ = ["Named"]


@dataclass(frozen=True)
class Named:
    """A registered thing as it was asked for: what is to be called, and with which values."""

    flag: str
    text: str
    item: Callable[..., object]
    values: tuple[object, ...] = ()
    settings: tuple[tuple[str, object], ...] = ()

    @classmethod
    def parse(cls, text: str, kind: str, flag: str) -> Named:
        """What `text` asks for, found and not yet called.

        Raises
        ------
        UsageError
            If the text is no name with settings, or the name is not registered as a thing of that kind.
        """
        try:
            node = ast.parse(text.strip(), mode="eval").body
        except SyntaxError:
            node = ast.Constant(None)
        if not isinstance(node, ast.Name | ast.Call):
            raise UsageError(f'{flag} must be NAME or "NAME(setting=value, ...)", got {text!r}.')
        return _named(node, kind, flag)

    def build(self, data: Dataset | None = None) -> object:
        """Call it; UsageError, which shows its signature, if its settings are not such as it takes."""
        given = dict(self.settings)
        try:
            signature = inspect.signature(self.item)
        except ValueError:  # a class written in C has none
            signature = inspect.Signature()
        if "data" in signature.parameters and "data" not in given:
            given["data"] = data
        try:
            values = [_value(value) for value in self.values]
            return self.item(*values, **{setting: _value(value) for setting, value in given.items()})
        except TypeError as error:
            raise UsageError(f"{self.flag} {self.text}: {error}; it is {_signature(self.item, signature)}.") from None
        except ValueError as error:
            raise UsageError(f"{self.flag} {self.text}: {error}") from None


def _named(node: ast.Name | ast.Call, kind: str | None, flag: str) -> Named:
    from inkdiff._core import registry

    name = node.func if isinstance(node, ast.Call) else node
    if not isinstance(name, ast.Name):
        raise UsageError(f"{flag} {ast.unparse(node)}: {ast.unparse(name)!r} is not a name.")
    try:
        item = registry.find(name.id, kind, what=flag)
    except ValueError as error:
        raise UsageError(f"{error} (--import MODULE|FILE imports one)") from None
    if isinstance(node, ast.Name):
        return Named(flag, ast.unparse(node), item)
    settings = {keyword.arg: _read(keyword.value, flag) for keyword in node.keywords if keyword.arg is not None}
    if len(settings) < len(node.keywords):
        raise UsageError(f"{flag} {ast.unparse(node)}: settings must be given one by one, without **.")
    values = tuple(_read(value, flag) for value in node.args)
    return Named(flag, ast.unparse(node), item, values, tuple(settings.items()))


def _read(node: ast.expr, flag: str) -> object:
    """A literal, or a registered thing to be called later."""
    if isinstance(node, ast.Name | ast.Call):
        return _named(node, None, flag)
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise UsageError(f"{flag}: {ast.unparse(node)!r} is neither a number, text, or the like, nor a name.") from None


def _value(value: object) -> object:
    return value.build() if isinstance(value, Named) else value


def _signature(item: Callable[..., object], signature: inspect.Signature) -> str:
    """The signature as one would write it, without annotations."""
    parameters = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()]
    return f"{item.__name__}{signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)}"
