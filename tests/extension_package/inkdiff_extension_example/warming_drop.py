"""A drop in a bowl that is being warmed: it fills the bowl, and then grows with the temperature.

After a while kT/k lags behind the temperature by half a relaxation time: sigma^2 -> (D/k) [1 + (t - 1/(2 k))/tau].
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import inkdiff as ink
from inkdiff import viz
from inkdiff.cli import Report, run_script
from inkdiff_extension_example.warming_bowl import WarmingBowl


@dataclass(frozen=True)
class Parameters:
    particles: int = 200_000
    """walkers, all from the middle of the bowl"""
    tau: float = 1.0
    """time until the temperature has doubled"""
    seed: int = 0
    """64-bit seed of all noise"""


QUICK = {"particles": 20_000}


@dataclass(frozen=True)
class Result:
    times: ink.Floats
    squares: list[ink.Estimate]
    exact: ink.Floats


def compute(p: Parameters) -> Result:
    bowl, times = WarmingBowl(tau=p.tau), np.linspace(0.0, 3.0, 7)
    start = np.zeros((p.particles, 1), np.float32)
    walk = ink.simulate(bowl, start, times, seed=p.seed)
    squares = [ink.Estimate.of_mean(x**2) for x in np.asarray(walk.x)]
    return Result(times, squares, np.asarray(bowl.variance(times)))


def check(p: Parameters, result: Result, report: Report) -> None:
    report.check("mean_square", result.squares[-1], result.exact[-1])
    report.sentence(f"The mean square has grown to {result.exact[-1]:.3f}.")


def draw(p: Parameters, result: Result) -> Figure:
    fig, axes = viz.figure(1, 1)
    viz.theory(axes[0, 0], result.times, result.exact, viz.say("exact", "esatto"))
    viz.with_errors(axes[0, 0], result.times, result.squares, viz.say("measured", "misurato"), "blue")
    axes[0, 0].set(xlabel=viz.say("time", "tempo"), ylabel=r"$\langle x^2 \rangle$")
    return fig


if __name__ == "__main__":
    run_script(__file__)
