"""The benchmarks: their statistics on a clock that obeys, their table, and every case once at a tiny size."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import inkdiff as ink

sys.path.append(str(Path(__file__).resolve().parents[1]))
bench = importlib.import_module("bench")
machine, measure, memory, run, scale, startup, table, walks, worker = (
    importlib.import_module(f"bench.{name}")
    for name in ("machine", "measure", "memory", "run", "scale", "startup", "table", "walks", "worker")
)

TINY = measure.Settings(threads=1, repeats=1, scale=1e-3, peers=("numpy",))


class Clock:
    """Time that passes only in `work`."""

    def __init__(self) -> None:
        self.now = 0.0
        self.order: list[str] = []

    def __call__(self) -> float:
        return self.now

    def work(self, name: str, *seconds: float) -> Any:
        """A job that takes these seconds in turn, the last ones for ever."""
        left = list(seconds)

        def run() -> None:
            self.order.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return run


def test_contenders_take_turns_in_rotating_order():
    clock = Clock()
    contenders = [measure.Contender(name, clock.work(name, 1.0), 1) for name in "abc"]
    seconds = measure.interleave(contenders, 3, clock)
    warm = 2 * 3
    assert "".join(clock.order[:warm]) == "aabbcc"
    assert "".join(clock.order[warm:]) == "abc" + "bca" + "cab"
    assert seconds == {name: [1.0] * 3 for name in "abc"}


def test_ratios_are_formed_round_by_round_so_that_a_slow_machine_cancels():
    clock = Clock()
    slow = [1.0, 1.0, 1.0, 10.0, 1.0]  # warm-up, warm-up, then a round ten times slower
    a = measure.Contender("a", clock.work("a", *slow), 2.0)
    b = measure.Contender("b", clock.work("b", *(3 * s for s in slow)), 1.0)
    record = measure.measure(measure.Case("x", "x", "things", [a, b]), measure.Settings(repeats=3), clock)
    assert record["contenders"]["b"]["ratio"] == {"least": 6.0, "median": 6.0, "greatest": 6.0}
    assert record["contenders"]["a"]["seconds"] == {"least": 1.0, "median": 1.0, "greatest": 10.0}
    assert record["contenders"]["a"]["rate"] == 2.0
    assert record["contenders"]["a"]["ratio"] is None


def test_short_work_fills_its_turn_and_is_told_per_call():
    clock = Clock()
    job = measure.Contender("a", clock.work("a", 1e-3), 1)
    seconds = measure.interleave([job], 1, clock)
    assert len(clock.order) == 2 + 20
    assert seconds["a"][0] == pytest.approx(1e-3)


def test_what_finishes_the_work_is_inside_the_time_and_own_times_are_taken_as_told():
    clock = Clock()
    queued = measure.Contender("queued", clock.work("queued", 1.0), 1, after=clock.work("after", 0.5))
    told = measure.Contender("told", lambda: 7.0, 1, times_itself=True)
    assert measure.interleave([queued, told], 1, clock) == {"queued": [1.5], "told": [7.0]}


def test_aims_are_judged_on_the_median():
    clock = Clock()
    a = measure.Contender("a", clock.work("a", 1.0), 1)
    b = measure.Contender("b", clock.work("b", 5.0), 1)
    aims = [
        measure.Aim("b", "at least", 5.0),
        measure.Aim("b", "at least", 5.1),
        measure.Aim("a", "at most", 0.9, of="seconds"),
        measure.Aim("missing", "at least", 1.0),
    ]
    record = measure.measure(measure.Case("x", "x", "things", [a, b], aims), measure.Settings(repeats=1), clock)
    assert [(aim["measured"], aim["met"]) for aim in record["aims"]] == [
        (5.0, True),
        (5.0, False),
        (1.0, False),
    ]


def test_bad_settings_and_names_are_refused():
    with pytest.raises(ValueError, match="repeats must be odd and positive, got 4"):
        measure.Settings(repeats=4)
    with pytest.raises(ValueError, match="scale"):
        measure.Settings(scale=0)
    with pytest.raises(ValueError, match="threads"):
        measure.Settings(threads=0)
    twice = [measure.Contender("a", lambda: None, 1)] * 2
    with pytest.raises(ValueError, match="different names"):
        measure.interleave(twice, 1)
    with pytest.raises(ValueError, match="what must be among"):
        run.run(["normals", "poker"], [1], {}, Path("nowhere"))
    assert not Path("nowhere").exists()


@pytest.mark.parametrize("what", ["normals", "walks", "noising", "network"])
def test_every_case_runs_without_torch_and_jax(what: str):
    for record in worker.records(what, TINY):
        assert record["threads"] == 1
        assert not {"torch", "JAX"} & set(record["contenders"])
        first = record["contenders"][record["reference"]]
        assert first["ratio"] is None
        for contender in record["contenders"].values():
            assert contender["rate"] > 0
            assert contender["seconds"]["least"] > 0
        assert json.loads(json.dumps(record)) == record


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: the C limit cannot be built")
@pytest.mark.parametrize("group", [1, 2, 4])
def test_the_c_limit_gives_the_bits_of_inkdiff(group: int):
    built = machine._build(group)
    assert built is not None
    n = 12 * 4096
    out = np.empty(n, np.float32)
    built.fill(out, seed=0xFEDCBA9876543210, step=5, stream=3, threads=2)
    np.testing.assert_array_equal(out, ink.normal(n, seed=0xFEDCBA9876543210, step=5, stream=3))
    with pytest.raises(ValueError, match="whole blocks"):
        built.fill(out[:100])


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: the C limit cannot be built")
@pytest.mark.parametrize("target", ["x86-64", "haswell"])
def test_every_body_of_the_c_limit_that_runs_here_gives_the_same_bits(target: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NUMBA_CPU_NAME", target)
    built = machine._build(2)
    if built is None:
        pytest.skip(f"the compiler knows no {target}")
    about = machine.facts(1)
    if target == "haswell" and about["vector_bits"] < 256:
        pytest.skip("this processor has no AVX2")
    out = np.empty(4096, np.float32)
    built.fill(out, seed=9)
    np.testing.assert_array_equal(out, ink.normal(4096, seed=9))
    assert built.how == {"x86-64": "a plain loop", "haswell": "AVX2 + FMA intrinsics"}[target]


def float_walk(n: int, x0: float, s: float, steps: int) -> np.ndarray:
    x = np.full((n, 2), x0, np.float32)
    walks.walk_float(x.reshape(-1), np.full(steps, s, np.float32), np.float32(1), np.uint64(7))
    return x


def test_the_float_walk_takes_the_steps_of_the_fixed_point_walk():
    """Away from the walls, one noise in two representations: only rounding differs."""
    n, steps, s = 5000, 10, 0.01
    box = ink.Brownian(D=s**2 / 2, domain=ink.Box(0, 1))
    exact = ink.simulate(box, np.full((n, 2), 0.5), [0, steps], seed=7, steps=steps).last
    assert np.abs(float_walk(n, 0.5, s, steps) - exact).max() < steps * 6e-8


def test_the_float_walk_is_reflected(z_score):
    n, steps, s, x0 = 200_000, 20, 0.1, 0.3
    x = float_walk(n, x0, s, steps).astype(np.float64)
    assert 0 <= x.min() < 1e-3
    assert 1 - 1e-3 < x.max() <= 1
    for k in (1, 2):
        decay = np.exp(-((k * np.pi * s) ** 2) / 2 * steps)
        assert abs(z_score(np.cos(k * np.pi * x).ravel(), np.cos(k * np.pi * x0) * decay)) < 5


@pytest.mark.skipif(not memory.available(), reason="this system does not tell the peak of resident memory")
def test_memory_beyond_input_and_output_is_seen():
    size = 64 << 20

    def call() -> np.ndarray:
        scratch = np.ones(size, np.uint8)
        return scratch[: size // 4].copy()

    extra = memory.peak_beyond(call, lambda out: out.nbytes)
    assert extra == pytest.approx(size, rel=0.1)
    # Memory that was freed but kept by the heap would serve the next call unseen: it is given back first.
    held = [np.ones(1 << 19, np.uint8) for _ in range(200)]
    del held
    assert memory.peak_beyond(call, lambda out: out.nbytes) == pytest.approx(size, rel=0.1)
    [record] = list(memory.records(TINY))
    assert record["contenders"]["inkdiff"]["bytes"]["median"] < 40


def test_long_walks_come_home_and_large_clouds_are_counted(monkeypatch):
    replay, cloud = scale.records(TINY)
    assert replay["contenders"]["back"]["work"] == 1000 * 100
    assert "all 1,000 particles home" in replay["notes"][0]
    assert cloud["contenders"]["inkdiff"]["rate"] > 0
    monkeypatch.setattr(ink.Path, "at", _astray(ink.Path.at))
    with pytest.raises(RuntimeError, match="did not come home"):
        next(scale.records(TINY))


def _astray(at: Any) -> Any:
    """`Path.at` with a last bit lost on every visit."""
    visits = iter(range(1, 1000))
    return lambda path, t: at(path, t) + 1e-12 * next(visits)


def test_a_new_process_that_fails_says_where():
    startup._process("pass")()
    with pytest.raises(RuntimeError, match="no_such_module"):
        startup._process("import no_such_module")()


def result(what: str, met: bool, ratio: float, scale: float = 1.0, kind: str = "peer") -> dict[str, Any]:
    """A result file as the driver writes it, with one case of two contenders."""
    spread = {"least": 0.5, "median": 1.0, "greatest": 2.0}
    ink_ = {"how": "out=", "kind": "inkdiff", "work": 5e8, "seconds": spread, "rate": 5e8, "ratio": None}
    ratios = {"least": ratio - 1, "median": ratio, "greatest": ratio + 1}
    other = {"how": "in place", "kind": kind, "work": 5e8, "seconds": spread, "rate": 1e8, "ratio": ratios}
    aim = {
        "contender": "torch",
        "of": "ratio",
        "relation": "at least",
        "bound": 5.5,
        "measured": ratio,
        "met": met,
    }
    case = {
        "name": what, "title": "sixteen normals", "unit": "normals", "threads": 1, "repeats": 5,
        "reference": "inkdiff", "contenders": {"inkdiff": ink_, "torch": other}, "aims": [aim] if met else [],
        "notes": ["Note well."], "load": 0.1,
    }  # fmt: skip
    about = {
        "cpu": "A CPU", "architecture": "arch", "vector_bits": 256, "compiled_for": None, "cores": 2, "gpu": [],
        "versions": {"numpy": "2.0"}, "torch_vectors": "AVX2", "compiler": None, "blas": [], "openblas_coretype": None,
        "system": "Linux", "python": "3.11", "inkdiff": "0.1", "commit": "abc",
    }  # fmt: skip
    return {
        "schema": 1, "what": what, "name": "box", "date": "2026-01-02", "machine": about, "repeats": 5, "scale": scale,
        "cases": [case],
    }  # fmt: skip


def test_the_table_is_made_of_the_files(tmp_path: Path):
    (tmp_path / "box-walks.json").write_text(json.dumps(result("walks", met=False, ratio=0.5)))
    (tmp_path / "box-normals.json").write_text(json.dumps(result("normals", met=True, ratio=6.0)))
    (tmp_path / "box-noising-quick.json").write_text(json.dumps(result("noising", met=True, ratio=6.0, scale=0.1)))
    loaded = table.load(tmp_path)
    assert [r["what"] for r in loaded] == ["normals", "walks"]
    assert len(table.load(tmp_path, quick=True)) == 3
    document = tmp_path / "performance.md"
    document.write_text(f"Before.\n\n{table.BEGIN}\nold\n{table.END}\n\nAfter.\n")
    table.rewrite(document, loaded)
    text = document.read_text()
    assert text.startswith("Before.\n")
    assert text.endswith("After.\n")
    assert "\nold\n" not in text
    assert "### A CPU (arch), 256-bit vectors, 2 cores" in text
    assert "| sixteen normals | 1 | inkdiff | out= | 500 M normals/s |  |  |" in text
    assert "|  |  | torch | in place | 100 M normals/s | 6 (5 to 7) | at least 5.5: met |" in text
    assert "- sixteen normals, 1 thread: torch is faster, 0.5 of inkdiff's time." in text
    assert text.count("Note well.") == 1
    table.rewrite(document, loaded)
    assert document.read_text() == text


def test_bad_result_files_and_documents_are_refused(tmp_path: Path):
    document = tmp_path / "performance.md"
    document.write_text("No place.")
    with pytest.raises(ValueError, match="has no place for the tables"):
        table.rewrite(document, [result("normals", met=True, ratio=6.0)])
    assert document.read_text() == "No place."
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(ValueError, match="is not a result file"):
        table.load(tmp_path)
    (tmp_path / "x.json").write_text(json.dumps({"schema": 2}))
    with pytest.raises(ValueError, match="schema 1"):
        table.load(tmp_path)


def test_the_command_measures_writes_and_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    command = importlib.import_module("inkdiff.cli.bench")
    arguments = parsed(
        command, ["memory", "--quick", "--threads", "1", "--peers", "--out", str(tmp_path), "--machine", "m"]
    )
    assert command.bench(arguments) == 0
    written = json.loads((tmp_path / "m-memory-quick.json").read_text())
    assert written["what"] == "memory"
    assert written["machine"]["versions"]["numpy"] == np.__version__
    assert str(Path.home()) not in json.dumps(written)
    assert "peak memory" in capsys.readouterr().out


def test_the_command_knows_every_benchmark():
    command = importlib.import_module("inkdiff.cli.bench")
    assert command._WHAT == bench.BENCHMARKS
    for name in bench.BENCHMARKS:
        module = importlib.import_module(f"bench.{name}")
        assert hasattr(module, "cases") != hasattr(module, "records")


def parsed(command: Any, flags: list[str]) -> Any:
    argparse = importlib.import_module("argparse")
    parser = argparse.ArgumentParser()
    command.add_command(parser.add_subparsers())
    return parser.parse_args(["bench", *flags])


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["poker"], "no benchmark 'poker'"),
        (["--repeats", "4"], "--repeats must be odd"),
        (["--threads", "0"], "--threads must lie between"),
        (["--smoldyn", "/no/such/python"], "no such interpreter"),
        (["--table", "--out", "empty"], "no result files"),
    ],
)
def test_wrong_flags_are_told_before_anything_starts(
    flags: list[str], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    command = importlib.import_module("inkdiff.cli.bench")
    errors = importlib.import_module("inkdiff.cli.errors")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(errors.UsageError, match=complaint):
        command.bench(parsed(command, flags))
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
