"""`inkdiff compare`: a drop of ink and a set of images under one process, in one table and one figure.

In the glass both are Brownian walkers between walls that end uniform, in the bowl both relax to a Gaussian;
the columns are per coordinate, so that a particle in the plane and an image of 64 pixels answer in the same
units. See `inkdiff.compare` for what is measured:

    S/d,   KL/d,   r,   MSD/d     against t,   and     MSD/(d s_0^2) against 1 - r.

Reference: J. Sohl-Dickstein et al. (2015), section 2.1.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from inkdiff.cli.errors import UsageError, check_out
from inkdiff.cli.flags import Commands, add_language, add_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from inkdiff._core.backend import Floats
    from inkdiff.physics.comparison import Column, Comparison

__all__ = ["add_command", "draw", "table"]

_TIMES = 20
_QUICK_PARTICLES = 20_000


def add_command(commands: Commands) -> None:
    """Add `compare` and its flags to the subcommands."""
    parser = commands.add_parser(
        "compare",
        help="ink beside images on one clock: table and figure",
        description="A drop of ink and a set of images under one process, in one table and one figure.",
    )
    parser.add_argument(
        "--process",
        choices=("glass", "bowl"),
        default="glass",
        help="glass: ends uniform; bowl: ends Gaussian",
    )
    parser.add_argument(
        "--images", metavar="PATH", help="images of an MNIST-format (IDX) file instead of the 8x8 digits"
    )
    parser.add_argument("--particles", type=int, default=200_000, help="particles of the drop (default: 200000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise (default: 0)")
    parser.add_argument("--quick", action="store_true", help=f"{_QUICK_PARTICLES} particles")
    add_out(parser, "the figure")
    add_language(parser, "the figure")
    parser.set_defaults(command=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    check_out(arguments.out)
    if arguments.particles < 2:
        raise UsageError(f"--particles must be at least 2 to have an error, got {arguments.particles}.")
    from inkdiff import viz

    viz.use_language(arguments.lang)
    comparison = _measure(arguments)
    print(table(comparison))
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"compare_{arguments.process}.png"
    viz.save(draw(comparison), path)
    print(f"figure {path}")
    return 0


def _measure(arguments: argparse.Namespace) -> Comparison:
    import numpy as np

    import inkdiff as ink

    data = ink.datasets.idx(arguments.images) if arguments.images else ink.datasets.digits()
    particles = min(arguments.particles, _QUICK_PARTICLES) if arguments.quick else arguments.particles
    drop = ink.datasets.drop(particles, seed=arguments.seed, d=2)
    times = np.linspace(0, 1, _TIMES + 1)[1:]
    if arguments.process == "glass":
        process: ink.Process = ink.VarianceExploding(0.01, 1.0, ink.Box(0, 1))
        bodies = {"ink": drop.x, "images": data.x}
    else:
        process = ink.VariancePreserving.linear()
        bodies = {"ink": 2 * drop.x - 1, "images": 2 * data.x - 1}  # the bottom of the bowl in the middle
    return ink.compare(process, bodies, times, seed=arguments.seed)


def table(comparison: Comparison) -> str:
    """Text, one block per body: time, then each observable with its standard error."""
    lines = [f"process  {comparison.process}"]
    for course in comparison.courses:
        lines += ["", f"{course.name}: {course.n} rows of {course.d} coordinates; per coordinate:"]
        titles = ("S (nats)", "KL (nats)", "memory r", "MSD")
        lines.append(f"{'t':>6}" + "".join(f"{title:>24}" for title in titles))
        columns = (course.entropy, course.kl, course.correlation, course.msd)
        for i, t in enumerate(comparison.times):
            cells = (f"{column.value[i]:>13.5f} +- {column.stderr[i]:<7.1g}" for column in columns)
            lines.append(f"{t:>6.2f}" + "".join(cells))
    return "\n".join(lines)


def draw(comparison: Comparison) -> Figure:
    """Four panels: entropy, distance from equilibrium, memory against time; spread against memory lost."""
    from inkdiff import viz

    fig, axes = viz.figure(2, 2, width=12, aspect=0.72)
    for course, color in zip(comparison.courses, viz.COLORS, strict=False):
        name = viz.label(course.name) if course.name in viz.LABELS else course.name
        columns = (course.entropy, course.kl, course.correlation)
        for ax, column in zip(axes.flat, columns, strict=False):
            _points(ax, comparison.times, column, name, color)
        lost = course.memory_lost.value
        shown = course.correlation.value > 3 * course.correlation.stderr  # beyond, 1 - r is noise
        ax = axes[1, 1]
        ax.plot(lost[shown], course.msd.value[shown] / course.variance_0, "o", color=viz.COLORS[color], label=name)
    for ax, key in zip(axes.flat, ("entropy_per_coordinate", "kl_per_coordinate", "correlation"), strict=False):
        ax.set_xlabel(viz.label("time"))
        ax.set_ylabel(viz.label(key))
    limit = comparison.process.equilibrium
    assert limit is not None
    viz.theory(axes[0, 0], None, limit.entropy(1), viz.label("equilibrium"))
    viz.theory(axes[0, 1], None, 0.0)
    _free_space(axes[1, 1], comparison)
    axes[0, 0].legend()
    return fig


def _points(ax: Axes, times: Floats, column: Column, name: str, color: str) -> None:
    from inkdiff import viz

    viz.with_errors(ax, times, list(zip(column.value, column.stderr, strict=True)), name, color)


def _free_space(ax: Axes, comparison: Comparison) -> None:
    """The curve on which every body moves before it feels walls, if the process is free of drift."""
    import numpy as np

    from inkdiff import viz
    from inkdiff.physics.comparison import free_space_msd

    ax.set_xlabel(viz.label("memory_lost"))
    ax.set_ylabel(viz.label("msd_in_widths"))
    ax.set_yscale("log")
    if comparison.process.alpha(comparison.times[-1]) == 1:
        lost = np.linspace(0.001, 0.97, 200)
        viz.theory(ax, lost, free_space_msd(lost), viz.label("free_space"))
        ax.legend()
