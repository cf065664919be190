"""Every simulation script runs with --quick, says what it checks, draws its figure, and passes."""

from __future__ import annotations

import ast
import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from inkdiff import viz
from inkdiff.cli import main
from inkdiff.cli.errors import UsageError
from inkdiff.cli.scripts import Script
from inkdiff.cli.simulations import describe, simulations
from inkdiff.cli.story import ORDER

SIMS = simulations()
NUMBER = r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf|nan)"
CHECK = re.compile(rf"CHECK \S+ {NUMBER} (?:{NUMBER} {NUMBER} {NUMBER}|[<>]= {NUMBER}) PASS")
ALLOWED = {"inkdiff", "inkdiff.cli", "inkdiff.viz", "numpy", "matplotlib"} | set(sys.stdlib_module_names)


@pytest.fixture(autouse=True)
def _english():
    yield
    viz.use_language("en")


def test_the_story_is_there():
    assert set(ORDER) <= set(SIMS)


@pytest.mark.parametrize("name", SIMS)
def test_quick_run_passes_its_checks_and_draws(name, tmp_path, capsys):
    status = main(["run", name, "--quick", "--out", str(tmp_path / "figures")])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("CHECK")]
    assert status == 0, lines
    assert lines
    for line in lines:
        assert CHECK.fullmatch(line), line
    figures = sorted((tmp_path / "figures").iterdir())
    assert (tmp_path / "figures" / f"{name}.png") in figures
    for figure in figures:
        assert figure.suffix == ".png" and figure.read_bytes().startswith(b"\x89PNG")


def lines_of_code(source):
    """Lines without docstrings, which explain parameters and results, without comments and without blank lines."""
    texts = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            texts.update(range(node.lineno, node.end_lineno + 1))
    lines = enumerate(source.splitlines(), start=1)
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") and i not in texts for i, line in lines)


@pytest.mark.parametrize("name", SIMS)
def test_script_has_the_form_of_one(name):
    path = SIMS[name]
    source = path.read_text(encoding="utf-8")
    script = Script.load(path)
    fields = {field.name for field in dataclasses.fields(script.sim.Parameters)}
    assert "seed" in fields
    assert set(script.quick) <= fields and set(script.tour) <= fields
    assert describe(path).endswith(".") and len(describe(path)) <= 130
    assert lines_of_code(source) <= 160
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            assert all(alias.name.partition(".")[0] in ALLOWED for alias in node.names), ast.unparse(node)
        if isinstance(node, ast.ImportFrom):
            top = (node.module or "").partition(".")[0]
            assert (node.module if top == "inkdiff" else top) in ALLOWED, ast.unparse(node)


@pytest.mark.parametrize("name", SIMS)
def test_physics_stands_apart_from_figures_and_words(name):
    """What `compute` calls, in its file, names neither viz nor a report nor a language."""
    tree = ast.parse(SIMS[name].read_text(encoding="utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    reached, waiting = set(), ["compute"]
    while waiting:
        function = waiting.pop()
        reached.add(function)
        names = {node.id for node in ast.walk(functions[function]) if isinstance(node, ast.Name)}
        assert not names & {"viz", "report", "Report", "print"}, f"{function} of {name}: {names}"
        waiting += sorted((names & set(functions)) - reached)
    assert {"compute", "check", "draw"} <= set(functions) and "run" not in functions


BAD_FLAGS = [
    ("molecules", "--steps", "-5", "at least 40"),
    ("molecules", "--steps", "30", "at least 40"),
    ("molecules", "--density", "0.9", "at most 0.85"),
    ("three_backwards", "--x", "1.5", "at most 1"),
    ("three_backwards", "--time", "-1", "> 0"),
    ("many_starts", "--particles", "3", "at least 2000"),
    ("ledger", "--particles", "5", "at least 80"),
    ("random_walk", "--D", "nan", "finite"),
    ("unmix", "--steps", "0", "at least 1"),
]


@pytest.mark.parametrize(("name", "flag", "value", "words"), BAD_FLAGS)
def test_a_bad_flag_is_named_before_any_work(name, flag, value, words, tmp_path, capsys):
    status = main(["run", name, "--quick", "--out", str(tmp_path), flag, value])
    printed = capsys.readouterr()
    assert status == 2 and "CHECK" not in printed.out and not list(tmp_path.iterdir())
    assert flag in printed.err and words in printed.err and "Traceback" not in printed.err


@pytest.mark.parametrize("name", SIMS)
def test_limits_hold_for_every_number_and_admit_the_defaults(name, capsys):
    script = Script.load(SIMS[name])
    for given in ({}, script.quick, script.tour):
        script.check_limits(script.sim.Parameters(**given))
    fields = {f.name: f.default for f in dataclasses.fields(script.sim.Parameters)}
    assert set(script.limits) <= set(fields)
    for field, default in fields.items():
        if isinstance(default, int | float) and not isinstance(default, bool):
            least, most = script.limits.get(field, (0, None))
            beyond = [v for v in (least and least - 1, most and most + 1) if v] or [-1]
            for bad in beyond:
                with pytest.raises(UsageError, match="--" + field.replace("_", "-") + " must be"):
                    script.check_limits(script.sim.Parameters(**{field: type(default)(bad)}))


def test_a_script_is_a_program_of_its_own(tmp_path):
    root = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, str(SIMS["random_walk"]), "--quick", "--lang", "it"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "PASS" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["inkdiff-figures"]
    assert [path.name for path in (tmp_path / "inkdiff-figures").iterdir()] == ["random_walk.png"]
