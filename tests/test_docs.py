"""The pages keep their word: links lead somewhere, commands name simulations, nothing is left open, examples run."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

import inkdiff as ink
from inkdiff.cli import main
from inkdiff.cli.simulations import simulations

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "bench" / "README.md",
]
EXECUTED = ("conventions", "extending")  # pages of docs/ whose examples in Python are complete
LECTURE = ROOT / "docs" / "lecture.md"
NAMES = frozenset(simulations())


def examples():
    """Every block of Python of the executed pages, called by the heading above it."""
    found = []
    for page in EXECUTED:
        text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
        for block in re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            (*_, heading) = re.findall(r"^#+ (.*)", text[: block.start()], re.MULTILINE)
            found.append(pytest.param(block[1], id=f"{page}: {heading}"))
    return found


def dead_links(text: str, folder: Path) -> list[str]:
    """Targets of links and images, relative to `folder`, that do not exist."""
    targets = re.findall(r"\]\(([^)\s]+)(?:\s[^)]*)?\)", text)
    here = (target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:", target))
    return [target for target in here if target and not (folder / target).exists()]


def strange_commands(text: str) -> list[str]:
    """What `inkdiff run` is given, other than a simulation, a file, a flag, or NAME, which stands for any."""
    return [
        name for name in re.findall(r"inkdiff run\s+`?([A-Za-z]\w*)\b(?!\.py)", text) if name not in NAMES | {"NAME"}
    ]


def unknown_names(text: str) -> list[str]:
    """Dotted names below `ink` that are not there."""
    return [name for name in dict.fromkeys(re.findall(r"\bink(?:\.[A-Za-z_]\w*)+", text)) if not _resolves(name)]


def _resolves(name: str) -> bool:
    value: object = ink
    for part in name.split(".")[1:]:
        if not hasattr(value, part):
            return False
        value = getattr(value, part)
    return True


def left_open(text: str) -> list[str]:
    """Placeholders, and comments other than those between which `inkdiff bench` writes its tables."""
    return re.findall(r"@[A-Z][A-Z_0-9]*@|<!--(?! tables: )", text)


def run_and_shown(name: str, text: str) -> bool:
    return f"inkdiff run {name}`" in text and f"figures/{name}.png" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page_keeps_its_word(page):
    text = page.read_text(encoding="utf-8")
    assert dead_links(text, page.parent) == []
    assert strange_commands(text) == []
    assert unknown_names(text) == []
    assert left_open(text) == []


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_lecture_names_every_simulation_and_shows_its_figure(name):
    assert run_and_shown(name, LECTURE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("code", examples())
def test_examples_run(code, monkeypatch, request):
    module = types.ModuleType("example")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, request.node.name, "exec"), vars(module))


def test_the_example_of_a_simulation_runs_from_its_file(tmp_path, capsys):
    (tmp_path / "beside_a_mirror.py").write_text(examples()[-1].values[0], encoding="utf-8")
    assert main(["run", str(tmp_path / "beside_a_mirror.py"), "--quick", "--out", str(tmp_path)]) == 0
    assert "CHECK mean_distance" in capsys.readouterr().out
    assert (tmp_path / "beside_a_mirror.png").is_file()


def test_flaws_are_seen():
    (name, *_) = sorted(NAMES)
    assert dead_links("![a](figures/nothing.png) [b](sims#top) [c](https://example.org) [d](#here)", ROOT) == [
        "figures/nothing.png"
    ]
    assert strange_commands(f"`inkdiff run {name}`, `inkdiff run NAME`, `inkdiff run my.py`, `inkdiff run truth`") == [
        "truth"
    ]
    assert unknown_names("`ink.simulate`, `ink.gan.nothing`, a drop of ink. `ink.Nothing(D=1)`") == [
        "ink.gan.nothing",
        "ink.Nothing",
    ]
    assert left_open("@INK_DROP@ a@b.org <!-- later --> <!-- tables: end -->") == ["@INK_DROP@", "<!--"]
    assert not run_and_shown(name, f"`inkdiff run {name}`") and not run_and_shown(name, f"figures/{name}.png")
