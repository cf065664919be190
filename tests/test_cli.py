"""The command line: what it loads, what it refuses, how it exits, and the page of the tour."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, main, tour
from inkdiff.cli import simulations as simulations_module
from inkdiff.cli.blas import choose_blas_kernels, processor
from inkdiff.cli.errors import UsageError
from inkdiff.cli.importing import import_first
from inkdiff.cli.naming import Named
from inkdiff.cli.simulations import GROUPS, sims_folder, simulations
from inkdiff.cli.story import ORDER, chapters, frame
from inkdiff.metrics import Estimate

HEAVY = ("numba", "scipy", "sklearn", "matplotlib.pyplot", "matplotlib", "tyro", "numpy", "cupy", "inkdiff.nn")

SCRIPT = '''"""One line about it.

More lines.
"""
from __future__ import annotations
from dataclasses import dataclass
import numpy as np
from inkdiff import viz
from inkdiff.cli import Report

@dataclass(frozen=True)
class Parameters:
    particles: int = 1000
    """number of particles"""
    seed: int = 0

QUICK = {"particles": 10}
TOUR = {"particles": 100}

def compute(p):
    return p.particles

def check(p: Parameters, result, report: Report) -> None:
    print("particles", result, "quick", report.quick)
    BODY

def draw(p, result):
    fig, axes = viz.figure(1, 1, width=3)
    axes[0, 0].set_title(viz.label("ink"))
    return fig
'''
GOOD = """report.check("a_number", (1.0, 0.1), 1.2)
    report.bound("small", 0.5, at_most=1.0)
    report.sentence("in English", "in italiano")"""


@pytest.fixture(autouse=True)
def _english():
    viz.use_language("en")
    yield
    viz.use_language("en")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of simulations in place of the real one."""
    group = tmp_path / "sims" / "ink"
    group.mkdir(parents=True)
    monkeypatch.setattr(simulations_module, "sims_folder", lambda: group.parent)
    return group


def write(folder: Path, name: str, body: str) -> None:
    (folder / f"{name}.py").write_text(SCRIPT.replace("BODY", body), encoding="utf-8")


def loaded_by(*arguments: str) -> tuple[set[str], subprocess.CompletedProcess[str]]:
    """Which modules a command has loaded when it ends, by name."""
    code = (
        "import sys\nfrom inkdiff.cli import main\n"
        f"try: status = main({list(arguments)!r})\nexcept SystemExit as stop: status = stop.code\n"
        "print('LOADED', *sys.modules)\nsys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return set(done.stdout.rpartition("LOADED")[2].split()), done


# ---- what is loaded -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["list"],
        ["--version"],
        *([name, "--help"] for name in ("tour", "run", "list", "info", "compare", "train")),
    ],
    ids=" ".join,
)
def test_help_and_list_load_nothing_heavy(arguments):
    loaded, done = loaded_by(*arguments)
    assert done.returncode == 0, done.stderr
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("name", simulations())
def test_flags_of_a_simulation_are_shown_without_anything_heavy(name):
    loaded, done = loaded_by("run", name, "--help")
    assert done.returncode == 0, done.stderr
    assert "--quick" in done.stdout and "--seed" in done.stdout
    assert not loaded & (set(HEAVY) - {"numpy", "tyro", "matplotlib"})


def test_list_names_every_simulation(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    groups = [line.split(":")[0] for line in lines if line and line[0] not in " *"]
    assert groups == list(GROUPS)
    described = [line[4:].split(maxsplit=1) for line in lines if line.startswith("  ")]
    assert [name for name, _ in described] == list(simulations())


def test_info_says_what_a_bug_report_needs(capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for what in ("numpy", "numba", "vectors", "threads", "threading layer", "BLAS", "GPU", "kernel cache"):
        assert what in out
    assert str(sims_folder()) in out


# ---- a user's own files and names -----------------------------------------------------------------------------------

OWN = '''"""A process of one's own."""
import inkdiff as ink

@ink.register(kind="process")
class {name}(ink.Brownian):
    """Ink with a name of its own."""
'''


def own_file(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_script_of_ones_own_runs_like_a_built_in(tmp_path, monkeypatch, capsys):
    script = own_file(tmp_path, "my_own_sim", SCRIPT.replace("BODY", GOOD))
    monkeypatch.chdir(tmp_path)
    assert main(["run", script, "--quick", "--particles", "7"]) == 0
    assert "particles 7 quick True" in capsys.readouterr().out
    assert (tmp_path / "inkdiff-figures" / "my_own_sim.png").is_file()
    assert main(["run", "my_own_sim.py", "--lang", "it", "--out", "elsewhere"]) == 0  # executed afresh
    assert (tmp_path / "elsewhere" / "my_own_sim.png").is_file()
    with pytest.raises(SystemExit, match="0"):
        main(["run", script, "--help"])
    assert "number of particles" in capsys.readouterr().out


def test_a_script_finds_what_lies_beside_it(tmp_path, capsys):
    own_file(tmp_path, "lies_beside_it", "HEIGHT = 3\n")
    text = SCRIPT.replace("BODY", GOOD).replace(
        "import numpy as np", "import numpy as np\nfrom lies_beside_it import HEIGHT"
    )
    assert main(["run", own_file(tmp_path, "my_second_sim", text), "--out", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("missing", None, "there is no Python file"),
        ("not-a-name", "", "cannot be the name of a module"),
        ("json", "", "a module called 'json' is imported already"),
        ("no_sim_at_all", '"""Nothing."""', "Parameters, compute, check, draw is missing"),
        ("half_a_sim", "from dataclasses import dataclass\n@dataclass\nclass Parameters: ...\ndef compute(p): ...\n",
         "; check, draw is missing"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_simulation_is_named(tmp_path, name, text, complaint, capsys):
    path = str(tmp_path / f"{name}.py") if text is None else own_file(tmp_path, name, text)
    assert main(["run", path]) == 2
    assert complaint in capsys.readouterr().err


def test_a_script_of_an_installed_package_is_run_by_its_name(tmp_path, monkeypatch, capsys):
    own_file(tmp_path, "package_with_a_sim", SCRIPT.replace("BODY", GOOD))
    about = tmp_path / "package_with_a_sim-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: package-with-a-sim\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[inkdiff]\nsim_of_a_package = package_with_a_sim\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["run", "sim_of_a_package", "--quick", "--out", str(tmp_path / "out")]) == 0
    assert "particles 10 quick True" in capsys.readouterr().out
    assert (tmp_path / "out" / "sim_of_a_package.png").is_file()


def test_registered_names_are_built_with_their_settings(tmp_path):
    import_first([own_file(tmp_path, "file_of_names", OWN.format(name="InkOfAFile"))])
    named = Named.parse("InkOfAFile(D=0.25)", "process", "--process")
    assert named.build() == sys.modules["file_of_names"].InkOfAFile(D=0.25)
    registered = sys.modules["file_of_names"].InkOfAFile
    import_first([str(tmp_path / "file_of_names.py")])  # once is enough
    assert sys.modules["file_of_names"].InkOfAFile is registered
    import_first(["inkdiff.cli.presets"])
    assert Named.parse("bowl(k=2, D=3)", "process", "--process").build() == ink.OrnsteinUhlenbeck(D=3, k=2)
    data = ink.datasets.moons(50, seed=1)
    glass = Named.parse("glass(sigma_max=2.0)", "process", "--process").build(data)
    assert glass.domain.contains(data.x).all() and glass.sigma_max > glass.sigma_min


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("no_such_thing", "--process: no process is registered as 'no_such_thing'; import the module that registers"),
        ("bowl(", "--process must be NAME or"),
        ("1 + 1", "--process must be NAME or"),
        ("bowl(D=__import__('os').getcwd())", "is not a name"),
        ("bowl(D=open('x'))", "nothing is registered as 'open'"),
        ("bowl(D=1 if 2 else 3)", "is neither a number, text, or the like, nor a name"),
        ("bowl(**{'D': 1})", "one by one"),
        ("bowl(height=1)", "it is bowl(D=1.0, k=1.0)"),
        ("bowl(D=-1)", "--process bowl(D=-1): D must be"),
    ],
)
def test_names_that_cannot_be_had_are_explained_and_nothing_is_executed(text, complaint):
    import_first(["inkdiff.cli.presets"])
    with pytest.raises(UsageError, match=re.escape(complaint)):
        Named.parse(text, "process", "--process").build()


def test_what_cannot_be_imported_is_named(tmp_path):
    with pytest.raises(UsageError, match="--import no_such_package: there is no module 'no_such_package'"):
        import_first(["no_such_package"])
    needs = own_file(tmp_path, "needs_what_is_not_there", "import not_there_at_all\n")
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        import_first([needs])


# ---- what is refused ------------------------------------------------------------------------------------------------


def test_an_unknown_simulation_is_refused_with_a_suggestion(capsys):
    assert main(["run", "ink_dorp"]) == 2
    assert "no simulation 'ink_dorp'; did you mean 'ink_drop'?" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["tuor"], [], ["tour", "--langs", "it"], ["compare", "--process", "cup"]])
def test_unknown_commands_and_flags_exit_2(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "inkdiff" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [["--sed", "1"], ["--seed", "one"], ["--lang", "de"]])
def test_wrong_flags_of_a_simulation_exit_2(folder, flags, capsys):
    write(folder, "one", GOOD)
    with pytest.raises(SystemExit, match="2"):
        main(["run", "one", *flags])
    captured = capsys.readouterr()
    assert flags[0] in captured.out + captured.err
    assert "particles 1000" not in captured.out


@pytest.mark.parametrize("command", [["run", "one"], ["tour"], ["compare"]])
def test_a_file_in_the_way_of_the_figures_is_named_before_any_work(folder, tmp_path, command, capsys):
    write(folder, "one", GOOD)
    (tmp_path / "taken").write_text("mine")
    assert main([*command, "--out", str(tmp_path / "taken")]) == 2
    captured = capsys.readouterr()
    assert "is a file" in captured.err and "CHECK" not in captured.out
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_script_without_parameters_is_refused(folder, capsys):
    (folder / "one.py").write_text('"""Not one."""\n')
    assert main(["run", "one"]) == 2
    assert "Parameters" in capsys.readouterr().err


# ---- how simulations run --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "particles"),
    [([], 1000), (["--quick"], 10), (["--quick", "--particles", "7"], 7), (["--particles", "7", "--quick"], 7)],
)
def test_flags_win_over_quick_and_quick_over_defaults(folder, tmp_path, flags, particles, capsys):
    write(folder, "one", GOOD)
    assert main(["run", "one", *flags, "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert f"particles {particles} quick {'--quick' in flags}" in out
    assert "CHECK a_number 1 1.2 0.1 -2.00 PASS\nCHECK small 0.5 <= 1 PASS\n" in out
    assert (tmp_path / "out" / "one.png").is_file()


@pytest.mark.parametrize(
    "body",
    [
        'report.check("far", (1.0, 0.1), 2.0)',
        'report.check("nan", (float("nan"), 0.1), 2.0)',
        'report.check("certain", (1.0, 0.0), 2.0)',
        'report.bound("big", 2.0, at_most=1.0)',
        'report.bound("nan", float("nan"), at_least=1.0)',
    ],
)
def test_a_failed_check_exits_1(folder, tmp_path, body, capsys):
    write(folder, "one", body)
    assert main(["run", "one", "--out", str(tmp_path)]) == 1
    assert "FAIL" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ('raise ValueError("D must be > 0, got -1.")', 2, "inkdiff: error: D must be > 0, got -1."),
        ("raise KeyboardInterrupt", 130, "interrupted"),
        ("raise MemoryError", 2, "inkdiff: error: out of memory; ask for less"),
        ("raise MemoryError('Unable to allocate 9 EiB')", 2, "Unable to allocate 9 EiB: out of memory; ask for less"),
    ],
)
def test_errors_are_one_line(folder, tmp_path, body, status, told, capsys, monkeypatch):
    monkeypatch.delenv("INKDIFF_TRACEBACK", raising=False)
    write(folder, "one", body)
    assert main(["run", "one", "--out", str(tmp_path)]) == status
    error = capsys.readouterr().err.strip()
    assert told in error and "\n" not in error


def test_a_bug_is_not_swallowed(folder, tmp_path):
    write(folder, "one", "{}['missing']")
    with pytest.raises(KeyError):
        main(["run", "one", "--out", str(tmp_path)])


def test_the_traceback_can_be_had(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("INKDIFF_TRACEBACK", "1")
    write(folder, "one", 'raise ValueError("D must be > 0")')
    with pytest.raises(ValueError, match="D must be > 0"):
        main(["run", "one", "--out", str(tmp_path)])


def test_estimates_and_bounds_of_a_report(tmp_path):
    report = Report("one", tmp_path)
    assert report.check("exact", Estimate(2.0, 0.0), 2.0)
    assert report.bound("value_of_an_estimate", Estimate(2.0, 9.0), at_least=2.0)
    assert not report.check("at_five", Estimate(1.5, 0.1), 1.0)
    assert not report.passed
    with pytest.raises(ValueError, match="two words"):
        report.check("two words", Estimate(1.0, 1.0), 1.0)
    with pytest.raises(ValueError, match="at_most"):
        report.bound("none", 1.0)


def test_simulations_are_found_in_a_wheel_else_beside_an_editable_install(tmp_path, monkeypatch):
    package = tmp_path / "inkdiff"
    package.mkdir()
    monkeypatch.setattr(simulations_module, "_PACKAGE", package)
    with pytest.raises(UsageError, match="no simulations found"):
        sims_folder()
    (tmp_path / "sims").mkdir()
    with pytest.raises(UsageError):  # a folder called sims among other packages is not ours
        sims_folder()
    (tmp_path / "pyproject.toml").touch()
    assert sims_folder() == tmp_path / "sims"
    (package / "_sims").mkdir()
    assert sims_folder() == package / "_sims"


# ---- OpenBLAS -------------------------------------------------------------------------------------------------------

ZEN5 = """processor\t: 0
vendor_id\t: AuthenticAMD
flags\t\t: fpu avx2 avx512f avx512dq avx512cd avx512bw avx512vl

processor\t: 1
"""


@pytest.mark.parametrize(
    ("cpuinfo", "already", "expected"),
    [
        (ZEN5, None, "SkylakeX"),
        (ZEN5, "Haswell", None),
        (ZEN5.replace("avx512vl", ""), None, None),
        (ZEN5.replace("AuthenticAMD", "GenuineIntel"), None, None),
        ("", None, None),
    ],
)
def test_wide_blas_kernels_are_asked_for_only_where_they_are_missed(cpuinfo, already, expected, monkeypatch):
    # an environment of its own: what the function sets here must not reach programs started by later tests
    monkeypatch.setattr(os, "environ", {"OPENBLAS_CORETYPE": already} if already else {})
    monkeypatch.delitem(sys.modules, "numpy")
    assert choose_blas_kernels(processor(cpuinfo)) == expected
    assert os.environ.get("OPENBLAS_CORETYPE") == (expected or already)


def test_with_numpy_loaded_it_is_too_late_for_blas(monkeypatch):
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    assert "numpy" in sys.modules
    assert choose_blas_kernels(processor(ZEN5)) is None


# ---- compare --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("process", ["glass", "bowl"])
def test_compare_prints_a_table_and_writes_a_figure(process, tmp_path, capsys):
    assert main(["compare", "--process", process, "--quick", "--lang", "it", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "ink: 20000 rows of 2 coordinates" in out and "images: 1797 rows of 64 coordinates" in out
    assert len(re.findall(r"^ +\d\.\d\d +", out, re.MULTILINE)) == 40
    assert (tmp_path / f"compare_{process}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("flags", [["--particles", "1"], ["--images", "missing.idx"], ["--seed", "-1"]])
def test_compare_refuses_what_it_cannot_do(flags, tmp_path, capsys):
    assert main(["compare", *flags, "--out", str(tmp_path)]) == 2
    assert flags[0].strip("-") in capsys.readouterr().err or "missing.idx" in flags
    assert not list(tmp_path.iterdir())


# ---- the tour -------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a page refers to, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.references += [value for key, value in attrs if key in ("src", "href", "srcset", "data", "action")]

    def handle_data(self, data):
        self.words += data


@pytest.fixture
def story(folder, monkeypatch):
    """A short story of three simulations."""
    monkeypatch.setattr(tour, "ORDER", ("random_walk", "ink_drop", "unmix"))
    for name in ("random_walk", "ink_drop", "unmix"):
        write(folder, name, GOOD)
    return folder


def test_the_page_needs_nothing_else_and_shows_every_check(story, tmp_path, capsys):
    assert main(["tour", "--jobs", "1", "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    path = tmp_path / "out" / "tour.html"
    assert f"page  {path.resolve()}" in out
    assert "[3/3] unmix" in out and out.count("CHECK") == 6 and "particles 100 quick False" in out
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert len(page.references) == 3
    for reference, name in zip(page.references, ("random_walk", "ink_drop", "unmix"), strict=True):
        kind, _, data = reference.partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data, validate=True) == (tmp_path / "out" / f"{name}.png").read_bytes()
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert not re.search(r"https?://|url\(|@import", text)
    assert page.words.count("a number") == page.words.count("small") == 3
    assert "All 6 checks passed." in page.words and page.words.count("in English") == 3
    assert "A drop of ink falls into water" in page.words


def test_the_page_in_italian(story, tmp_path):
    assert main(["tour", "--jobs", "1", "--lang", "it", "--quick", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "tour.html").read_text(encoding="utf-8")
    page = Page(text)
    assert '<html lang="it">' in text
    assert "Una goccia d'inchiostro cade nell'acqua" in page.words and "in italiano" in page.words
    assert "inkdiff tour --lang it --quick" in page.words


def test_a_tour_goes_on_past_crashes_and_failures_and_says_so(story, tmp_path, capsys):
    write(story, "random_walk", "raise RuntimeError('the <pump> broke')")
    write(story, "ink_drop", 'report.check("far", (1.0, 0.1), 2.0)')
    assert main(["tour", "--jobs", "1", "--out", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "2 of 3 checks passed" in captured.out and "random_walk stopped with an error" in captured.out
    page = Page((tmp_path / "tour.html").read_text(encoding="utf-8"))
    assert "RuntimeError: the <pump> broke" in page.words
    assert "1 of 3 parts stopped with an error. 1 of 3 checks failed." in page.words
    assert len(page.references) == 2  # a failed check is drawn, a crash is not


def test_an_interrupted_tour_leaves_no_page(story, tmp_path):
    write(story, "ink_drop", "raise KeyboardInterrupt")
    assert main(["tour", "--jobs", "1", "--out", str(tmp_path)]) == 130
    assert {path.name for path in tmp_path.iterdir()} <= {"random_walk.png", "sims"}


def test_parts_side_by_side_say_what_they_say_one_by_one(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tour, "ORDER", ("random_walk", "one_kernel", "image_noising"))
    lines, figures = [], []
    for jobs in ("1", "2"):
        out = tmp_path / jobs
        assert main(["tour", "--quick", "--jobs", jobs, "--out", str(out)]) == 0
        lines.append(sorted(line for line in capsys.readouterr().out.splitlines() if line.startswith("CHECK")))
        figures.append([path.read_bytes() for path in sorted(out.glob("*.png"))])
    assert len(lines[0]) > 3 and lines[0] == lines[1]
    assert len(figures[0]) == 3 and figures[0] == figures[1]


def die(*_):
    os._exit(1)


def test_a_part_whose_process_dies_is_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tour, "ORDER", ("random_walk", "one_kernel"))
    monkeypatch.setattr(tour, "_run_part", die)
    assert main(["tour", "--quick", "--jobs", "2", "--out", str(tmp_path)]) == 1
    assert "its process was ended from outside" in capsys.readouterr().err


@pytest.mark.parametrize("jobs", ["0", "-1"])
def test_a_tour_needs_a_worker(jobs, tmp_path, capsys):
    assert main(["tour", "--jobs", jobs, "--out", str(tmp_path)]) == 2
    assert "--jobs must be at least 1" in capsys.readouterr().err


def test_the_story_is_told_in_both_languages():
    english, italian = chapters("en"), chapters("it")
    assert list(english) == list(italian) == list(ORDER)
    for name in ORDER:
        one, other = english[name], italian[name]
        assert one.title != other.title
        assert len(one.paragraphs) == len(other.paragraphs) > 0
        assert bool(one.caution) == bool(other.caution)
    fields = re.compile(r"\{\w+\}")
    for name, value in vars(frame("en")).items():
        translated = getattr(frame("it"), name)
        assert len(value) > 0 and len(translated) > 0
        if isinstance(value, str):
            assert sorted(fields.findall(value)) == sorted(fields.findall(translated)), name


@pytest.mark.slow
def test_the_whole_tour_from_a_cold_cache(tmp_path):
    code = "import sys; from inkdiff.cli import main; sys.exit(main(['tour', '--out', 'figures']))"
    root = str(Path(__file__).parents[1])
    environment = os.environ | {"INKDIFF_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout
    page = Page((tmp_path / "figures" / "tour.html").read_text(encoding="utf-8"))
    assert len(page.references) >= len(ORDER)
