"""`inkdiff train`: learn a score in a file that is whole at every moment, and go on after whatever happened.

    inkdiff train digits --process vp --out digits.safetensors --steps 3000
    inkdiff train digits --out digits.safetensors --resume

The file holds the whole state of the training from before the first step on: weights, their running mean, the
optimiser's moments, the step, all settings and a fingerprint of the data. A training that was killed, or stopped by
Ctrl-C, and resumed ends with the bits of one that never was; `inkdiff.load` reads the score so far at any time.
Beside it, a picture shows what the network can do by now: FILE.png, of FILE or FILE.safetensors.

Reference: `inkdiff.fit`, `inkdiff.resume`.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inkdiff.cli.errors import UsageError
from inkdiff.cli.flags import Commands, add_import, add_language
from inkdiff.cli.importing import import_first
from inkdiff.cli.naming import Named
from inkdiff.cli.sample_grid import SampleGrid

if TYPE_CHECKING:
    from inkdiff import LearnedScore, RunOptions
    from inkdiff.datasets import Dataset
    from inkdiff.processes.base import Process

__all__ = ["add_command"]

_STEPS, _POINTS = 2000, 50_000


def add_command(commands: Commands) -> None:
    """Add `train` and its flags to the subcommands."""
    parser = commands.add_parser(
        "train",
        help="learn a score: checkpoints, --resume, images on the way",
        description="Learn the score of a data set. The file is whole at every moment; Ctrl-C saves, --resume goes on.",
    )
    parser.add_argument(
        "data",
        metavar="DATA",
        help="digits, swiss_roll, moons, eight_gaussians, checkerboard, fractal; or a file (.npy, .npz, IDX), or a "
        "folder of pictures",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the checkpoint, and at the end the score"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the training that FILE holds")
    _add_settings(parser)
    parser.add_argument(
        "--points", type=int, default=_POINTS, help=f"points of a figure of the plane (default: {_POINTS})"
    )
    parser.add_argument(
        "--hold-out",
        action="store_true",
        help="train on 70 %% of the rows only, by which 'inkdiff judge' can then judge fairly with the others",
    )
    parser.add_argument("--size", type=int, help="longer side of the pictures of a folder, in pixels")
    parser.add_argument("--every", type=int, default=500, metavar="N", help="steps between checkpoints (default: 500)")
    parser.add_argument(
        "--pictures", type=int, default=500, metavar="N", help="steps between pictures, 0: none (default: 500)"
    )
    parser.add_argument("--threads", type=int, default=0, help="0: all cores; changes the time, not the result")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_language(parser, "the pictures")
    add_import(parser)
    parser.set_defaults(command=_train)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Flags on which the result depends; what is not given is chosen by `inkdiff.fit`, or is in the checkpoint."""
    group = parser.add_argument_group("what the result depends on (with --resume: taken from FILE)")
    group.add_argument(
        "--process",
        metavar="NAME",
        help="forward process: vp (default), cosine, ddpm, bowl, ve, glass, or any registered one; settings are given "
        'as in "VarianceExploding(sigma_min=0.01, sigma_max=5)"',
    )
    group.add_argument("--steps", type=int, help=f"gradient steps (default: {_STEPS})")
    group.add_argument("--seed", type=int, help="64-bit seed of everything random (default: 0)")
    group.add_argument("--net-width", type=int, metavar="N", help="units of a hidden layer (default: by the data)")
    group.add_argument("--net-depth", type=int, metavar="N", help="hidden layers (default: by the data)")
    group.add_argument("--dropout", type=float, help="share of units left out in training (default: by the data)")
    group.add_argument("--batch", type=int, help="points of a step (default: by the data)")
    group.add_argument("--lr", type=float, help="peak learning rate (default: by the data)")
    group.add_argument(
        "--weighting",
        choices=("balanced", "simple", "likelihood", "min_snr"),
        help="how much each noise level counts (default: balanced)",
    )


def _train(arguments: argparse.Namespace) -> int:
    import_first(arguments.imports)
    _check(arguments)
    from inkdiff import viz

    viz.use_language(arguments.lang)
    try:
        score = _resume(arguments) if arguments.resume else _begin(arguments)
    except KeyboardInterrupt:
        print(f"\ninkdiff: {_interrupted(arguments)}", file=sys.stderr)
        return 130
    except FloatingPointError as error:
        print(f"inkdiff: error: {error}", file=sys.stderr)
        return 1
    print(f"score {arguments.out}: {score}")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse, before any work, what cannot be done with the files."""
    out = arguments.out
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder; give the name of a file in it.")
    if not out.absolute().parent.is_dir() or not os.access(out.absolute().parent, os.W_OK):
        raise UsageError(f"--out {out}: the folder {out.absolute().parent} is not there, or cannot be written to.")
    if arguments.resume and not out.exists():
        raise UsageError(f"--resume: there is no file {out}; leave --resume out to begin.")
    if not arguments.resume and out.exists():
        raise UsageError(f"--out {out} is there already; go on with it by --resume, or give another name.")
    if arguments.seed is not None and not 0 <= arguments.seed < 2**64:
        raise UsageError(f"--seed must be from 0 to 2^64 - 1, got {arguments.seed}.")
    if arguments.pictures and out.suffix == ".png":
        raise UsageError(f"--out {out} is the name of a picture; call it {out.with_suffix('.safetensors')}.")
    if arguments.pictures and _among_the_data(arguments):
        raise UsageError(
            f"--out {out}: the folder is DATA, and the picture beside the file would become one of them; write "
            "elsewhere, or draw none by --pictures 0."
        )
    for name, least in (("every", 1), ("pictures", 0), ("points", 1)):
        if getattr(arguments, name) < least:
            raise UsageError(f"--{name} must be at least {least}, got {getattr(arguments, name)}.")


def _among_the_data(arguments: argparse.Namespace) -> bool:
    """Whether the files are to lie in the folder whose pictures are the data."""
    from inkdiff.datasets.catalogue import find

    folder = Path(arguments.data)
    return find(arguments.data) is None and folder.is_dir() and folder.samefile(arguments.out.absolute().parent)


def _begin(arguments: argparse.Namespace) -> LearnedScore:
    import inkdiff as ink

    seed = 0 if arguments.seed is None else arguments.seed
    named = _named(arguments.process or "vp")
    data = _data(arguments, seed)
    process = _process(named, data)
    settings = {name: getattr(arguments, name) for name in ("batch", "lr", "weighting")}
    given = {name: value for name, value in settings.items() if value is not None}
    steps = _STEPS if arguments.steps is None else arguments.steps
    grid = _grid(arguments, data, steps, seed)
    if grid.drawable and grid.path.exists():
        raise UsageError(
            f"--out {arguments.out}: its picture {grid.path} is there already; give another name, or draw none by "
            "--pictures 0."
        )
    print(f"data {data.name}: {len(data)} rows of {data.d}; process {process}", flush=True)
    print(f"step 0 of {steps}", flush=True)
    given |= {"net": _net(arguments, data), "checkpoint": arguments.out, "progress": _run_options(arguments, grid)}
    return _with_grid(grid, ink.fit(process, data, steps=steps, seed=seed, **given))


def _resume(arguments: argparse.Namespace) -> LearnedScore:
    import inkdiff as ink

    before = ink.load(arguments.out)
    about = before.about
    data = _data(arguments, about["seed"])
    _check_against(arguments, before, data)
    _check_held_out(arguments, before, data)
    steps = about["steps"]
    print(f"data {data.name}: {len(data)} rows of {data.d}; process {before.process}", flush=True)
    print(f"step {about.get('step', steps)} of {steps}", flush=True)
    grid = _grid(arguments, data, steps, about["seed"])
    progress = _run_options(arguments, grid)
    return _with_grid(grid, ink.resume(arguments.out, data, steps=arguments.steps, progress=progress))


def _with_grid(grid: SampleGrid, score: LearnedScore) -> LearnedScore:
    """The finished score, drawn."""
    if grid.drawable:
        grid.draw(score, grid.steps)
        print(f"figure {grid.path}")
    elif grid.every:
        print(f"no figure: data of {grid.data.d} coordinates are neither images nor points of the plane")
    return score


def _check_against(arguments: argparse.Namespace, before: LearnedScore, data: Dataset) -> None:
    """Flags given with --resume must say what the checkpoint says."""
    shape, about = before.network.shape, before.about
    kept = {"seed": about["seed"], "batch": about["batch"], "lr": about["lr"], "dropout": shape.dropout}
    kept |= {"net_width": shape.width, "net_depth": shape.depth}
    asked: dict[str, Any] = {name: getattr(arguments, name) for name in kept}
    if arguments.process is not None:
        kept["process"], asked["process"] = before.process, _process(_named(arguments.process), data)
    if arguments.weighting is not None:
        from inkdiff.learned.training.weighting import check_weighting

        kept["weighting"], asked["weighting"] = about["weighting"], repr(check_weighting(arguments.weighting))
    for name, value in asked.items():
        if value is not None and value != kept[name]:
            raise UsageError(
                f"--{name.replace('_', '-')} {value}: {arguments.out} was begun with {kept[name]}; leave the flag out, "
                "or begin another file."
            )


def _check_held_out(arguments: argparse.Namespace, before: LearnedScore, data: Dataset) -> None:
    """Rows held out when the checkpoint was begun, and only those, must be held out again."""
    from inkdiff.learned.training.settings import Fingerprint

    about = before.about
    if len(data) == about["n"]:
        return
    other = _data(argparse.Namespace(**vars(arguments) | {"hold_out": not arguments.hold_out}), about["seed"])
    if len(other) == about["n"] and Fingerprint.of(before.prepared(other)).sha256 == about["sha256"]:
        begun, remedy = ("without", "leave it out") if arguments.hold_out else ("with", "give it again")
        raise UsageError(
            f"--hold-out: {arguments.out} was begun {begun} it, on {about['n']} rows, not {len(data)}; {remedy}."
        )


def _data(arguments: argparse.Namespace, seed: int) -> Dataset:
    import inkdiff as ink

    # Points of a figure take their noise from the stream that batches are drawn from: another seed keeps them apart.
    data = ink.datasets.read(arguments.data, n=arguments.points, seed=2**64 - 1 - seed, size=arguments.size)
    return data.split(test_size=0.3, random_state=0)[0] if arguments.hold_out else data


def _process(named: Named, data: Dataset) -> Process:
    """The process asked for; a preset may want to see the data, to build a box around them."""
    from inkdiff.processes.base import Process

    process = named.build(data)
    if not isinstance(process, Process):
        raise UsageError(f"--process {named.text} gives a {type(process).__name__}, which is not a process to learn.")
    return process


def _named(text: str) -> Named:
    from inkdiff.cli import presets  # noqa: F401  registers the short names

    return Named.parse(text, "process", "--process")


def _net(arguments: argparse.Namespace, data: Dataset) -> Any:
    """The network asked for; None, which leaves it to `fit`, if no flag says anything."""
    flags = {"width": arguments.net_width, "depth": arguments.net_depth, "dropout": arguments.dropout}
    given = {name: value for name, value in flags.items() if value is not None}
    if not given:
        return None
    from inkdiff.learned.training.settings import default_net

    return dataclasses.replace(default_net(data.d), **given)


def _run_options(arguments: argparse.Namespace, grid: SampleGrid) -> RunOptions:
    """What the result does not depend on."""
    import inkdiff as ink

    callback = grid if grid.drawable else None
    return ink.RunOptions(not arguments.quiet, arguments.every, arguments.threads, callback)


def _grid(arguments: argparse.Namespace, data: Dataset, steps: int, seed: int) -> SampleGrid:
    """The pictures, called as the whole file: my.v1 and my.v2 have one each; only .safetensors gives way to .png."""
    out = arguments.out
    path = out.with_name((out.stem if out.suffix == ".safetensors" else out.name) + ".png")
    return SampleGrid(path, data, steps, arguments.pictures, seed)


def _interrupted(arguments: argparse.Namespace) -> str:
    """How far it came, and how to go on."""
    import inkdiff as ink

    if not arguments.out.exists():
        return "interrupted before the first checkpoint; nothing is half-written."
    about = ink.load(arguments.out).about
    again = ["inkdiff", "train", arguments.data, "--out", str(arguments.out), "--resume"]
    again += ["--points", str(arguments.points)] if arguments.points != _POINTS else []
    again += ["--hold-out"] if arguments.hold_out else []
    again += ["--size", str(arguments.size)] if arguments.size is not None else []
    return (
        f"interrupted; {arguments.out} holds step {about.get('step', about['steps'])} of {about['steps']}, "
        f"nothing is lost. Go on with:\n  {shlex.join(again)}"
    )
