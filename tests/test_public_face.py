"""Everything public is reached as `import inkdiff as ink`, whichever name is asked for first."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "inkdiff"


def public():
    """(name, folder it is imported from) of every line of the lazy face."""
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    return [
        (alias.asname, (node.module or "").replace(".", "/"))
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]


def test_every_public_name_is_there():
    import inkdiff as ink

    assert [name for name, _ in public() if not hasattr(ink, name)] == []


def test_modules_are_reached_without_anything_before_them():
    """A module among the public names is no attribute of its folder until somebody has imported it."""
    paths = {name: PACKAGE / home / name for name, home in public()}
    modules = [name for name, path in paths.items() if path.is_dir() or path.with_suffix(".py").is_file()]
    assert {"backend", "time_grids", "molecules", "datasets"} <= set(modules)
    code = """if True:
        import sys
        for name in sys.argv[1:]:
            for loaded in [module for module in sys.modules if module.partition(".")[0] == "inkdiff"]:
                del sys.modules[loaded]
            import inkdiff
            getattr(inkdiff, name)
    """
    done = subprocess.run([sys.executable, "-c", code, *modules], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
