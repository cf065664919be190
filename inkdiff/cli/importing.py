"""Files and modules of a user's own, imported because the command line says so: scripts to run, names to be known.

    inkdiff run my_sim.py                      the file is a simulation
    inkdiff train my_data --import mine.py     the file registers names

A file becomes the module that `import` would make of it from within its folder: it is called as the file, and finds
what lies beside it. Nothing is imported that is not named by the user, or announced by an installed package.

Reference: Python documentation, `importlib`, "Importing a source file directly".
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from inkdiff.cli.errors import UsageError

__all__ = ["execute_file", "import_first", "is_file_name"]

_EXECUTED: dict[str, ModuleType] = {}


def is_file_name(name: str) -> bool:
    """Whether a name is meant as a Python file: it ends in .py, or names a folder."""
    return name.endswith(".py") or Path(name).name != name


def import_first(imports: Sequence[str]) -> None:
    """Import the modules and files that --import names; what they register is known from then on.

    Raises
    ------
    UsageError
        If there is no such module or file.
    """
    for name in imports:
        if is_file_name(name):
            path = _existing(name)
            known = _EXECUTED.get(path.stem)
            if known is None or known.__file__ != str(path):
                execute_file(path)
            continue
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise  # the module is there, and something that it needs is not
            raise UsageError(f"--import {name}: there is no module {error.name!r}; a file ends in .py.") from None


def execute_file(file: Path | str) -> ModuleType:
    """Execute a file as the module of its name, with its folder searched last for what it imports.

    Raises
    ------
    UsageError
        If there is no such file, its name is not that of a module, or another module has its name.
    """
    path = _existing(file)
    name = path.stem
    if not name.isidentifier():
        raise UsageError(f"{file}: {name!r} cannot be the name of a module; use letters, digits and underscores.")
    other = sys.modules.get(name)
    if other is not None and other is not _EXECUTED.get(name):
        raise UsageError(f"{file}: a module called {name!r} is imported already; give the file another name.")
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = _EXECUTED[name] = module  # dataclasses look their module up while it is being executed
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name], _EXECUTED[name]
        raise
    return module


def _existing(file: Path | str) -> Path:
    path = Path(file).resolve()
    if path.suffix != ".py" or not path.is_file():
        raise UsageError(f"there is no Python file {file}.")
    return path
