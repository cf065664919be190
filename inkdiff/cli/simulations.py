"""The simulations there are: files in groups, found and described without being run.

    sims/<group>/<name>.py                  beside the package, in the repository
    inkdiff/_sims/<group>/<name>.py         in an installed wheel

A name is unique over all groups, so that `inkdiff run NAME` needs no group. Descriptions are the first lines of the
files' docstrings, read from the syntax tree: listing imports nothing.

Reference: Python documentation, `ast`.
"""

from __future__ import annotations

import ast
import difflib
from pathlib import Path

from inkdiff.cli.errors import UsageError

__all__ = ["GROUPS", "describe", "sims_folder", "simulations", "unknown"]

GROUPS = {
    "ink": "particles that diffuse: drops, walls, molecules, real substances",
    "images": "pictures as walkers: noised, drawn anew, completed",
    "learning": "learned scores: trained, sampled, measured",
    "theory": "entropy, reversibility, fluctuations: statements with exact values",
}
_PACKAGE = Path(__file__).resolve().parent.parent


def sims_folder() -> Path:
    """The folder of the scripts: inside an installed wheel, else beside the package of an editable install.

    Raises
    ------
    UsageError
        If there is neither.
    """
    inside, beside = _PACKAGE / "_sims", _PACKAGE.parent / "sims"
    if inside.is_dir():
        return inside
    if beside.is_dir() and (_PACKAGE.parent / "pyproject.toml").is_file():
        return beside
    raise UsageError(
        f"no simulations found: neither {inside} (of a wheel) nor {beside} (of 'pip install -e .') exists; "
        "install inkdiff from its wheel or its repository."
    )


def simulations() -> dict[str, Path]:
    """Name -> script: group after group as in GROUPS, in alphabetical order within a group.

    Raises
    ------
    UsageError
        If two scripts have one name.
    """
    order = list(GROUPS)
    paths = [path for path in sims_folder().glob("*/*.py") if not path.stem.startswith("_")]
    paths.sort(key=lambda path: (order.index(group) if (group := path.parent.name) in order else len(order), path))
    known: dict[str, Path] = {}
    for path in paths:
        if path.stem in known:
            raise UsageError(f"two simulations are called {path.stem!r}: {known[path.stem]} and {path}; rename one.")
        known[path.stem] = path
    return known


def unknown(name: str) -> str:
    """What to say of a name that no simulation has, with a suggestion."""
    known = simulations()
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(known) or 'none'}."
    return f"there is no simulation '{name}'; {hint} ('inkdiff list' shows all; a file of your own ends in .py)"


def describe(path: Path) -> str:
    """First line of a script's docstring, read without running it."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"), str(path)))
    return doc.partition("\n")[0].strip() if doc else "(no description)"
