"""The house: who may import whom, and how large a room may be. Read from the source; nothing is run."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "inkdiff"
MODULES = sorted(PACKAGE.rglob("*.py"))
SIMS = sorted((ROOT / "sims").glob("*.py"))

# From the ground up; a module imports only from its own floor and those below.
FLOORS = [
    ("ground", ["_compile", "backend", "checks", "files", "rng", "kernels"]),
    ("space", ["domain", "maze", "distributions", "heat_kernel"]),
    ("names of matter and time", ["durations", "substances"]),
    ("descriptions", ["schedules", "process", "processes", "binomial", "predictions", "time_grids"]),
    ("data, scores, networks", ["datasets", "scores", "nn"]),
    ("loops over time", ["trajectory", "boundaries", "bits", "walks", "simulate", "samplers", "reverse", "replay"]),
    ("what is seen of a point", ["inpainting"]),
    ("measures", ["observables", "metrics", "ledger", "fluctuations", "counting", "urn", "forgetting", "sandwich"]),
    ("measures of another kind", ["bound", "hindsight", "likelihood", "molecules"]),
    ("truth", ["identities"]),
    ("learned", ["learned", "compare", "judge", "gan"]),
    ("figures", ["viz"]),
    ("commands", ["cli"]),
]
# Third-party modules that only some rooms may hold.
ONLY_IN = {
    "cupy": ["backend"],
    "cupyx": ["backend"],
    "numba": ["_compile", "rng", "kernels", "nn/_fused", "cli/info", "cli/benchmarks"],
    "llvmlite": ["_compile", "cli/info"],
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


def floor_of(name):
    room = name.split("/")[0]
    for height, (_, rooms) in enumerate(FLOORS):
        if room in rooms:
            return height
    return None


def test_every_module_stands_on_a_floor():
    homeless = [name_of(m) for m in MODULES if name_of(m) and floor_of(name_of(m)) is None]
    assert not homeless, f"add to FLOORS: {homeless}"


def test_imports_point_downwards():
    upward = []
    for module in MODULES:
        here = floor_of(name_of(module))
        if here is None:
            continue
        for target, line, _ in imports(module):
            parts = target.split(".")
            if (
                parts[0] == "inkdiff"
                and len(parts) > 1
                and floor_of(parts[1]) is not None
                and floor_of(parts[1]) > here
            ):
                upward.append(f"{name_of(module)}:{line} imports {target}")
    assert not upward, "\n".join(upward)


def test_loops_know_nothing_of_networks():
    for room in ("simulate", "reverse", "trajectory"):
        for target, line, _ in imports(PACKAGE / f"{room}.py"):
            assert not target.startswith(("inkdiff.nn", "inkdiff.learned")), f"{room}:{line} imports {target}"


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
    early = [target for target, _, at_import in imports(PACKAGE / "backend.py") if at_import and "cupy" in target]
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
        if "__all__" not in names:
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
