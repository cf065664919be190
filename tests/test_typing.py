"""A user's files type-check under mypy strict: the package ships its types, and its public names are precise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PROCESS = '''"""A process of one's own, walked forwards, learned and walked back."""

from dataclasses import dataclass

import numpy as np

import inkdiff as ink


@dataclass(frozen=True)
class WarmingBowl(ink.Process):
    """g^2 = 2 D (1 + t/tau), f = -k."""

    D: float = 1.0
    k: float = 1.0
    tau: float = 1.0
    domain = ink.Free()

    def log_alpha(self, t: ink.Time) -> ink.Time:
        return -self.k * t

    def variance(self, t: ink.Time) -> ink.Time:
        relaxed = -np.expm1(-2 * self.k * t)
        return self.D / self.k * (relaxed + (t - relaxed / (2 * self.k)) / self.tau)

    def f(self, t: ink.Time) -> ink.Time:
        return -self.k + 0.0 * t

    def g2(self, t: ink.Time) -> ink.Time:
        return 2 * self.D * (1 + t / self.tau)

    def clock(self, s: ink.Time, t: ink.Time) -> ink.Time:
        return 2 * self.D * (t - s) * (1 + (s + t) / (2 * self.tau))


def walk(process: ink.Process, seed: int) -> ink.Array:
    start = np.zeros((100, 2))
    there = ink.simulate(process, start, [0.0, 0.5, 1.0], seed=seed, observe={"msd": lambda x: ink.msd(x, start)})
    score = ink.fit(process, ink.datasets.moons(200, seed), steps=10, seed=seed, net=ink.MLP(width=8, depth=1))
    back = ink.reverse(process, score, there.last, [1.0, 0.5, 0.1], seed=seed, steps=4)
    return back.last


class Score(ink.Score):
    """That of a standard Gaussian in its equilibrium."""

    def __call__(self, x: ink.Array, t: ink.Time) -> ink.Array:
        return -x


bowl = WarmingBowl(D=0.7, tau=2.0)
last = walk(bowl, seed=1)
estimate = ink.Estimate.of_mean(last[:, 0])
value: float = estimate.value
exact: float = float(bowl.variance(0.5))
again = ink.reverse(bowl, Score(), last, [1.0, 0.5], seed=2)
'''

SIM = '''"""A simulation of one's own."""

from dataclasses import dataclass

from matplotlib.figure import Figure

import inkdiff as ink
import one_sim
from inkdiff import viz
from inkdiff.cli import Report, Sim, execute, run_script


@dataclass(frozen=True)
class Parameters:
    particles: int = 100
    seed: int = 0


QUICK = {"particles": 10}


@dataclass(frozen=True)
class Result:
    mean: ink.Estimate


def compute(p: Parameters) -> Result:
    return Result(ink.Estimate.of_mean(ink.normal(p.particles, seed=p.seed)))


def check(p: Parameters, result: Result, report: Report) -> None:
    report.check("mean", result.mean, 0.0)
    report.sentence("The mean vanishes.", "La media si annulla.")


def draw(p: Parameters, result: Result) -> Figure:
    fig, axes = viz.figure(1, 1)
    viz.theory(axes[0, 0], None, 0.0, viz.say("exact", "esatto"))
    return fig


def again(report: Report) -> float:
    """A module is a Sim, and the type of its result is known."""
    simulation: Sim[one_sim.Parameters, one_sim.Result] = one_sim
    return execute(simulation, one_sim.Parameters(particles=5), report).mean.value


if __name__ == "__main__":
    run_script(__file__)
'''


def strict(folder: Path, *names: str) -> str:
    """What mypy --strict says of files, as in a project of a user's own."""
    (folder / "none.ini").write_text("[mypy]\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", "none.ini", "--no-error-summary",
         "--cache-dir", str(folder / "cache"), *names],
        cwd=folder, env=os.environ | {"MYPYPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    return "\n".join(line for line in done.stdout.splitlines() if line.startswith(names))


@pytest.mark.slow
def test_a_user_s_files_are_checked_by_their_types(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "one_process.py").write_text(PROCESS)
    (tmp_path / "one_sim.py").write_text(SIM)
    wrong = PROCESS.replace("seed=2)", "seed='two')").replace("value: float", "value: str")
    (tmp_path / "wrong_calls.py").write_text(wrong)
    found = strict(tmp_path, "one_process.py", "one_sim.py", "wrong_calls.py")
    assert not [line for line in found.splitlines() if not line.startswith("wrong_calls.py")], found
    assert 'argument "seed"' in found.lower() and "incompatible types in assignment" in found.lower(), found


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "inkdiff" / "py.typed").is_file()
