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
from inkdiff.cli.scripts import Simulation, describe, simulations
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


@pytest.mark.parametrize("name", SIMS)
def test_script_has_the_form_of_one(name):
    path = SIMS[name]
    source = path.read_text(encoding="utf-8")
    simulation = Simulation.load(path)
    fields = {field.name for field in dataclasses.fields(simulation.Parameters)}
    assert "seed" in fields
    assert set(simulation.quick) <= fields and set(simulation.tour) <= fields
    assert describe(path).endswith(".") and len(describe(path)) <= 130
    assert len(source.splitlines()) <= 170
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            assert all(alias.name.partition(".")[0] in ALLOWED for alias in node.names), ast.unparse(node)
        if isinstance(node, ast.ImportFrom):
            top = (node.module or "").partition(".")[0]
            assert (node.module if top == "inkdiff" else top) in ALLOWED, ast.unparse(node)


def test_a_script_is_a_program_of_its_own(tmp_path):
    root = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, str(SIMS["random_walk"]), "--quick", "--lang", "it"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "PASS" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["figures"]
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["random_walk.png"]
