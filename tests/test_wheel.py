"""The wheel carries everything: installed in a fresh environment, away from the checkout, it runs simulations; and the
parts of another package, installed beside it, go through everything that its own parts go through."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SIMS = sorted((ROOT / "sims").glob("*/*.py"))

pytestmark = pytest.mark.slow


def call(*command: object, cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(project: Path, folder: Path) -> Path:
    # Without isolation nothing is downloaded, where the build backend is at hand; else pip fetches it.
    offline = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    call(sys.executable, "-m", "pip", "wheel", "--no-deps", *offline, "-w", folder, project, cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return built(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def scripts(wheel, tmp_path_factory) -> Path:
    """Folder of programs of a fresh environment: the wheel is installed, what it depends on is borrowed from here."""
    home = tmp_path_factory.mktemp("fresh")
    venv.create(home, with_pip=True)
    programs = home / ("Scripts" if os.name == "nt" else "bin")
    purelib = call(programs / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home)
    # A path in a .pth file is searched, but the .pth files there are not: an editable inkdiff stays out of sight.
    (Path(purelib.strip()) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    call(programs / "python", "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=home)
    return programs


def test_the_wheel_holds_the_simulations_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for script in SIMS:
        assert f"inkdiff/_sims/{script.parent.name}/{script.name}" in names
    assert "inkdiff/__init__.pyi" in names  # the lazy public face is read from it
    assert not [name for name in names if name.startswith(("tests/", "sims/")) or "__pycache__" in name]


def test_listed_and_run_from_an_empty_folder(scripts, tmp_path):
    where = call(scripts / "python", "-c", "import inkdiff; print(inkdiff.__file__)", cwd=tmp_path)
    assert str(ROOT) not in where
    listed = call(scripts / "inkdiff", "list", cwd=tmp_path)
    assert {path.stem for path in SIMS} <= set(listed.split())
    out = call(scripts / "inkdiff", "run", "random_walk", "--quick", cwd=tmp_path)
    assert "CHECK" in out and "FAIL" not in out
    assert (tmp_path / "inkdiff-figures" / "random_walk.png").is_file()


@pytest.fixture(scope="module")
def extended(scripts, tmp_path_factory) -> Path:
    """The same environment with the extension package in it."""
    extension = built(ROOT / "tests" / "extension_package", tmp_path_factory.mktemp("extension"))
    call(scripts / "python", "-m", "pip", "install", "--no-deps", "--no-index", extension, cwd=extension.parent)
    return scripts


EVERYTHING = """
import numpy as np
import inkdiff as ink
from inkdiff_extension_example.disc import Disc
from inkdiff_extension_example.disc_score import LeaningInk
from inkdiff_extension_example.square import square
from inkdiff_extension_example.square_score import SquareScore
from inkdiff_extension_example.stochastic_heun import StochasticHeun
from inkdiff_extension_example.warming_bowl import WarmingBowl

bowl, data = WarmingBowl(D=0.7, k=1.3, tau=0.8), square(500)
score, churn = SquareScore(bowl), StochasticHeun(gamma=0.2)
start = ink.diffuse(bowl, data.x.astype(np.float64), 0.05, seed=1)

ledger = ink.Ledger(bowl, score=score)
walk = ink.simulate(bowl, start, np.linspace(0.05, 2.0, 20), seed=1, callback=ledger)
assert abs(ledger.balance().gap.z(0)) < 5
back = ink.reverse(bowl, score, walk.last, [2.0, 1.0, 0.5, 0.2, 0.05], seed=2, steps=5, sampler=churn).last
assert abs(back).max() < 2.5

likelihood = ink.log_likelihood(bowl, score, start[:20], start=0.05, until=8.0)
np.testing.assert_allclose(likelihood.values, score.log_density(start[:20], 0.05), atol=1e-3)

glass = ink.Brownian(D=0.4, domain=Disc(1.5))
uniform = glass.equilibrium.sample(500, 2, seed=1)
stirred = ink.simulate(glass, uniform, [0.0, 1.0], seed=1, steps=50).last
ink.reverse(glass, LeaningInk(glass.domain, glass.D), stirred, [1.0, 0.0], seed=1, steps=50)

learned = ink.fit(bowl, data, steps=20, seed=1, net=ink.MLP(width=16, depth=1))
assert np.isfinite(learned.sample(50, seed=1, steps=10, sampler=churn)).all()
learned.log_likelihood(data.x[:5])
learned.save("learned.safetensors")
"""


def test_parts_of_another_package_do_everything(extended, tmp_path):
    call(extended / "python", "-c", EVERYTHING, cwd=tmp_path)
    # In another process nobody has imported the package: its entry points lead to it.
    shown = call(
        extended / "python", "-c", "import inkdiff as ink; print(ink.load('learned.safetensors').process)", cwd=tmp_path
    )
    assert shown.strip() == "WarmingBowl(D=0.7, k=1.3, tau=0.8)"


def test_the_command_line_knows_another_package(extended, tmp_path):
    small = ["--steps", "20", "--points", "300", "--net-width", "16", "--net-depth", "1", "--quiet"]
    asked = ["train", "square", "--process", "WarmingBowl(D=1, tau=2)", "--out", "bowl.safetensors", *small]
    assert "WarmingBowl" in call(extended / "inkdiff", *asked, cwd=tmp_path)
    assert (tmp_path / "bowl.safetensors").is_file()
    find = "import inkdiff_extension_example as package; print(package.__path__[0])"
    script = Path(call(extended / "python", "-c", find, cwd=tmp_path).strip()) / "warming_drop.py"
    out = call(extended / "inkdiff", "run", script, "--quick", cwd=tmp_path)
    assert "CHECK mean_square" in out and "FAIL" not in out
    assert (tmp_path / "inkdiff-figures" / "warming_drop.png").is_file()


def test_types_of_another_package_are_checked_strictly():
    """A user's files, against the types that inkdiff ships."""
    pytest.importorskip("mypy")
    strict = ["--strict", "--no-warn-return-any", "--config-file=", "inkdiff_extension_example"]
    assert "Success" in call(sys.executable, "-m", "mypy", *strict, cwd=ROOT / "tests" / "extension_package")
