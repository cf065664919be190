"""The house: who may import whom, and how large a room may be. Read from the source; nothing is run."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "inkdiff"
MODULES = sorted(PACKAGE.rglob("*.py"))
SIMS = sorted((ROOT / "sims").rglob("*.py"))

# Third-party modules that only some rooms may hold.
ONLY_IN = {
    "cupy": ["_core/backend"],
    "cupyx": ["_core/backend"],
    "numba": ["_core/compilation", "_core/rng", "kernels", "nn/_fused", "cli/info", "cli/benchmarks"],
    "llvmlite": ["_core/compilation", "cli/info"],
    "matplotlib": ["viz"],
    "torch": [],
    "jax": [],
}
# Functions whose length is that of their argument list.
LONG_BY_NATURE: dict[str, int] = {}
MOST_LINES, MOST_FUNCTION_LINES = 300, 40


def name_of(path, root=PACKAGE):
    relative = path.relative_to(root).with_suffix("")
    parts = relative.parts[:-1] if relative.name == "__init__" else relative.parts
    return "/".join(parts)


def imports(path, package="inkdiff"):
    """(module, line, at import time) of every import that can run in a file, inkdiff's own as absolute dotted names."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            node.body = [ast.Pass()]  # for the type checker only
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.Lambda) for n in ast.walk(f)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(path.relative_to(ROOT).with_suffix("").parts[: -node.level])
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{prefix}.{alias.name}" for alias in node.names]
        elif (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", getattr(node.func, "id", "")) in ("import_module", "__import__")
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            names = [str(node.args[0].value)]
        else:
            continue
        found += [(name, node.lineno, id(node) not in inside) for name in names]
    return found


def floors():
    """The folders directly below the package, from the top down, as the table in its docstring lists them."""
    table = ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")))
    rows = re.findall(r"^ {4}((?:[a-z_]+/ ?)+) ", table, re.MULTILINE)
    return [[folder.strip("/") for folder in row.split()] for row in rows]


def edges():
    """(module, its folder, imported module, that one's folder, line) of every import of inkdiff by inkdiff."""
    names = {name_of(m): m for m in MODULES}
    for module in MODULES:
        here = name_of(module)
        for target, line, _ in imports(module):
            parts = target.split(".")[1:] if target.split(".")[0] == "inkdiff" else []
            while parts and "/".join(parts) not in names:
                parts = parts[:-1]  # the last parts are names within a module
            if parts and here:
                yield here, here.split("/")[0], "/".join(parts), parts[0], line


def circle(graph):
    """A circle of a graph {node: successors}, as a list of nodes; empty if there is none."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        path.append(node)
        found = next((c for successor in sorted(graph.get(node, ())) if (c := visit(successor))), [])
        path.pop()
        done.add(node)
        return found

    return next((c for node in sorted(graph) if (c := visit(node))), [])


def test_folders_are_floors():
    loose = [m.name for m in PACKAGE.glob("*.py*") if m.stem != "__init__"]
    assert not loose, f"modules in the package root: {loose}"
    folders = {p.name for p in PACKAGE.iterdir() if p.is_dir() and any(p.rglob("*.py"))}
    listed = [folder for row in floors() for folder in row]
    assert sorted(listed) == sorted(folders), "the table in inkdiff/__init__.py must list every folder once"
    assert len(folders) < 20


def test_imports_point_downwards():
    height = {folder: -row for row, folders in enumerate(floors()) for folder in folders}
    upward = [
        f"{here}:{line} imports {target}"
        for here, folder, target, other, line in edges()
        if folder != other and height[other] >= height[folder]
    ]
    assert not upward, "\n".join(upward)


def test_no_circles():
    """Neither between modules, in whichever folder, nor between a module and the face of a folder that it is in."""
    graph = {}
    for here, _, target, _, _ in edges():
        if here != target and not here.startswith(target + "/"):
            graph.setdefault(here, set()).add(target)
    assert not circle(graph), " -> ".join(circle(graph))
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_loops_know_nothing_of_networks():
    for here, folder, target, other, line in edges():
        assert folder != "simulation" or other not in ("nn", "learned"), f"{here}:{line} imports {target}"


@pytest.mark.parametrize("library", ONLY_IN)
def test_libraries_stay_in_their_rooms(library):
    strays = []
    for module in MODULES:
        here = name_of(module)
        if any(here == room or here.startswith(room + "/") for room in ONLY_IN[library]):
            continue
        strays += [f"{here}:{line}" for target, line, _ in imports(module) if target.split(".")[0] == library]
    assert not strays, f"{library} imported in {strays}"


def test_backend_alone_names_cupy_and_loads_it_late():
    early = [
        target for target, _, at_import in imports(PACKAGE / "_core" / "backend.py") if at_import and "cupy" in target
    ]
    assert not early


@pytest.mark.parametrize("sim", SIMS, ids=lambda p: p.stem)
def test_simulations_use_the_public_face(sim):
    allowed = {"inkdiff", "inkdiff.viz", "inkdiff.cli"}
    for target, line, _ in imports(sim):
        parts = target.split(".")
        if parts[0] != "inkdiff":
            continue
        face = target in allowed or ".".join(parts[:2]) in ("inkdiff.viz", "inkdiff.cli")
        assert face, f"{sim.name}:{line} imports {target}; use `import inkdiff as ink`, inkdiff.viz or inkdiff.cli"


def test_modules_are_short():
    long = {name_of(m): n for m in MODULES if (n := len(m.read_text(encoding="utf-8").splitlines())) > MOST_LINES}
    assert not long, f"more than {MOST_LINES} lines; split by noun: {long}"


def test_functions_are_short():
    """Counted without the docstring and the signature: what has to be followed."""
    long = {}
    for module in [*MODULES, *SIMS]:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            place = f"{module.relative_to(ROOT)}:{node.name}"
            if lines > LONG_BY_NATURE.get(place, MOST_FUNCTION_LINES):
                long[place] = lines
    assert not long, f"more than {MOST_FUNCTION_LINES} lines: {long}"


def test_public_names_are_declared():
    missing = []
    for module in MODULES:
        tree = ast.parse(module.read_text(encoding="utf-8"))
        assigned = [
            t.id if isinstance(t, ast.Name) else [e.id for e in t.elts if isinstance(e, ast.Name)]
            for n in tree.body
            if isinstance(n, ast.Assign)
            for t in n.targets
            if isinstance(t, ast.Name | ast.Tuple)
        ]
        names = [n for a in assigned for n in ([a] if isinstance(a, str) else a)]
        if "__all__" not in [*names, *(n.target.id for n in tree.body if isinstance(n, ast.AnnAssign))]:
            missing.append(name_of(module) or "inkdiff")
    assert not missing, f"no __all__ in {missing}"


def test_every_module_opens_with_its_subject():
    bare = [name_of(m) for m in MODULES if not ast.get_docstring(ast.parse(m.read_text(encoding="utf-8")))]
    assert not bare, f"no docstring: {bare}"


def test_no_room_is_called_miscellaneous():
    bad = ("utils", "helpers", "manager")
    named = [str(m.relative_to(ROOT)) for m in [*MODULES, *SIMS] if m.stem.endswith(bad)]
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.lower().endswith(bad):
                named.append(f"{name_of(module)}:{node.name}")
    assert not named


def test_the_checks_can_fail(tmp_path):
    """The reader of imports sees every way of writing one."""
    source = tmp_path / "inkdiff" / "scores" / "room.py"
    source.parent.mkdir(parents=True)
    source.write_text(
        "import numba\nfrom matplotlib import pyplot\nfrom inkdiff.nn import mlp\n"
        "def late():\n    import cupy\n    return importlib.import_module('jax')\n"
        "if TYPE_CHECKING:\n    import torch\n"
    )
    global ROOT
    before, ROOT = ROOT, tmp_path
    try:
        seen = {name: at_import for name, _, at_import in imports(source)}
    finally:
        ROOT = before
    assert seen == {
        "numba": True,
        "matplotlib.pyplot": True,
        "inkdiff.nn.mlp": True,
        "cupy": False,
        "jax": False,
    }
