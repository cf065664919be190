"""The wheel carries everything: installed in a fresh environment, away from the checkout, it runs simulations."""

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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Without isolation nothing is downloaded, where the build backend is at hand; else pip fetches it.
    offline = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    call(sys.executable, "-m", "pip", "wheel", "--no-deps", *offline, "-w", folder, ROOT, cwd=folder)
    (path,) = folder.glob("inkdiff-*.whl")
    return path


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
