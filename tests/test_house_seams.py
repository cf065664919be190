"""The seams of the house: no switch on concrete classes, precise types, short signatures, names said once, tables."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from test_house import MODULES, PACKAGE, name_of

BASES = {"Domain", "Process", "Score"}
MOST_PARAMETERS, MOST_OF_A_DOOR = 10, 12
MOST_ANY = 0.05
# Stems that say "the base of this folder", and are meant to be the same in each.
SAME_BY_NATURE = {"__init__", "base"}


@cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def folder_of(path):
    return path.relative_to(PACKAGE).parts[0]


def classes():
    """(name, names of bases, abstract, path) of every class of the package."""
    for path in MODULES:
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.ClassDef):
                continue
            bases = {last_name(base.value if isinstance(base, ast.Subscript) else base) for base in node.bases}
            abstract = bool(bases & {"ABC", "Protocol"}) or any(
                last_name(decorator) == "abstractmethod"
                for part in node.body
                if isinstance(part, ast.FunctionDef)
                for decorator in part.decorator_list
            )
            yield node.name, bases, abstract, path


def last_name(node):
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def concrete():
    """Name -> folder of every class of domains, processes and scores that is not abstract, and of learned scores."""
    known = list(classes())
    kin = set(BASES)
    while more := {name for name, bases, _, _ in known if bases & kin and name not in kin}:
        kin |= more
    return {
        name: folder_of(path)
        for name, _, abstract, path in known
        if name not in BASES and not abstract and not name.startswith("_")
        if folder_of(path) in ("domains", "processes", "scores")
        or name in kin
        or name in ("LearnedScore", "LearnedBits")
    }


def switches(source):
    """(names asked for, line) of every isinstance, issubclass, `type(x) is` and class pattern in a syntax tree."""
    for node in ast.walk(source):
        asked = []
        if isinstance(node, ast.Call) and last_name(node.func) in ("isinstance", "issubclass") and len(node.args) == 2:
            asked = [node.args[1]]
        elif isinstance(node, ast.Compare) and any(
            isinstance(side, ast.Call) and last_name(side.func) == "type" for side in (node.left, *node.comparators)
        ):
            asked = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchClass):
            asked = [node.cls]
        if asked:
            names = {last_name(inner) for part in asked for inner in ast.walk(part)} - {""}
            yield names, node.lineno


def test_nobody_asks_for_a_concrete_class_outside_its_folder():
    known = concrete()
    assert {"Box", "Free", "Brownian", "VariancePreserving", "MixtureScore", "LearnedScore"} <= set(known)
    found = [
        f"{name_of(path)}:{line} asks for {name}"
        for path in MODULES
        for names, line in switches(tree(path))
        for name in sorted(names & set(known))
        if known[name] != folder_of(path)
    ]
    assert not found, f"{len(found)} switches; ask the object instead:\n" + "\n".join(found)


def any_aliases():
    """Names that are bound to Any at the top of some module, per module, followed through imports by name."""
    own = {path: {"Any"} for path in MODULES}
    for path in MODULES:
        for node in tree(path).body:
            value = getattr(node, "value", None)
            targets = getattr(node, "targets", [getattr(node, "target", None)])
            if isinstance(node, ast.Assign | ast.AnnAssign) and last_name(value) == "Any":
                own[path] |= {last_name(target) for target in targets}
    shared = {alias for names in own.values() for alias in names} - {"Any"}
    for path in MODULES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("inkdiff"):
                own[path] |= {alias.asname or alias.name for alias in node.names if alias.name in shared}
    return own


def is_any(annotation, aliases):
    """Whether it is Any, an alias of Any, or a union with it, which is no more than Any."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value.strip(), mode="eval").body
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return is_any(annotation.left, aliases) or is_any(annotation.right, aliases)
    return last_name(annotation) in aliases


def functions(path):
    """(function, its name with that of its class, its parameters without self) of every function of a module."""

    def within(node, prefix, method):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                given = child.args
                parameters = [*given.posonlyargs, *given.args]
                static = any(last_name(decorator) == "staticmethod" for decorator in child.decorator_list)
                parameters = parameters[1:] if method and not static else parameters
                parameters += [*given.kwonlyargs, *([given.vararg] if given.vararg else [])]
                yield child, prefix + child.name, parameters + ([given.kwarg] if given.kwarg else [])
                yield from within(child, prefix + child.name + ".", False)
            elif isinstance(child, ast.ClassDef):
                yield from within(child, prefix + child.name + ".", True)
            else:
                yield from within(child, prefix, method)

    yield from within(tree(path), "", False)


def test_few_parameters_are_any():
    aliases = any_aliases()
    total, loose = 0, {}
    for path in MODULES:
        if folder_of(path) == "kernels" or name_of(path) in ("_core/rng", "nn/_fused"):
            continue
        for _, _, parameters in functions(path):
            total += len(parameters)
            count = sum(p.annotation is None or is_any(p.annotation, aliases[path]) for p in parameters)
            if count:
                loose[name_of(path)] = loose.get(name_of(path), 0) + count
    share = sum(loose.values()) / total
    worst = "\n".join(f"{count:4d} {name}" for name, count in sorted(loose.items(), key=lambda item: -item[1]))
    assert share <= MOST_ANY, f"{sum(loose.values())} of {total} parameters are Any: {share:.1%}\n{worst}"


def doors():
    """Names that a user calls: those of inkdiff/__init__.pyi, and of the `__all__` or stub of its public submodules."""
    names = set()
    for node in tree_of_stub(PACKAGE / "__init__.pyi").body:
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    for name in sorted(names):
        for path in PACKAGE.rglob(name):
            if path.is_dir() and (path / "__init__.py").is_file():
                names |= declared(path / "__init__.py")
                if (path / "__init__.pyi").is_file():
                    stub = tree_of_stub(path / "__init__.pyi")
                    names |= {a.asname or a.name for n in stub.body if isinstance(n, ast.ImportFrom) for a in n.names}
        for path in PACKAGE.rglob(name + ".py"):
            names |= declared(path)
    return names


def tree_of_stub(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def declared(path):
    """What a module's `__all__` says, where it is written out."""
    for node in tree(path).body:
        if (
            isinstance(node, ast.Assign)
            and "__all__" in map(last_name, node.targets)
            and isinstance(node.value, ast.List)
        ):
            return {element.value for element in node.value.elts if isinstance(element, ast.Constant)}
    return set()


def test_signatures_are_short():
    public, long = doors(), []
    for path in MODULES:
        if folder_of(path) == "kernels" or name_of(path) in ("_core/rng", "nn/_fused"):
            continue  # shells of kernels take what the kernel takes
        for _, name, parameters in functions(path):
            most = MOST_OF_A_DOOR if name.removesuffix(".__init__") in public else MOST_PARAMETERS
            if len(parameters) > most:
                long.append(f"{name_of(path)}:{name} has {len(parameters)} parameters, at most {most}")
    assert not long, "\n".join(long)


def test_every_folder_opens_with_a_table_of_what_is_inside():
    """A table is lines that begin with a bar or four blanks; modules with an underscore may be missing."""
    missing = []
    for folder in sorted({path.parent for path in MODULES}):
        doc = ast.get_docstring(tree(folder / "__init__.py")) or ""
        rows = "\n".join(re.findall(r"^(?:\||    ).*$", doc, re.MULTILINE))
        inside = [path.stem for path in folder.glob("*.py")]
        inside += [path.name for path in folder.iterdir() if (path / "__init__.py").is_file()]
        names = [name for name in sorted(inside) if name[0] != "_" and not re.search(rf"\b{name}\b", rows)]
        missing += [f"{folder.relative_to(PACKAGE.parent)}: {', '.join(names)}"] if names else []
    assert not missing, "not in the table of their folder's __init__:\n" + "\n".join(missing)


def test_these_checks_can_fail(tmp_path):
    source = ast.parse(
        "isinstance(x, (a.Box, int))\nisinstance(x, Free | None)\nissubclass(k, Maze)\ntype(x) is Brownian\n"
        "match x:\n    case Custom(): pass\n"
    )
    assert set().union(*(names for names, _ in switches(source))) >= {"Box", "Free", "Maze", "Brownian", "Custom"}
    annotation = lambda text: ast.parse(text, mode="eval").body  # noqa: E731
    assert is_any(annotation("Any | None"), {"Any"}) and is_any(annotation("'Rows'"), {"Any", "Rows"})
    assert not is_any(annotation("npt.NDArray[Any]"), {"Any"})
    file = Path(tmp_path / "one.py")
    file.write_text("class A:\n    def f(self, a, *b, c=1, **d): pass\n    @staticmethod\n    def g(a): pass\n")
    assert [(name, len(parameters)) for _, name, parameters in functions(file)] == [("A.f", 4), ("A.g", 1)]
