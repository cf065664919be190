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
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inkdiff.cli.errors import UsageError
from inkdiff.cli.scripts import LANGUAGES
from inkdiff.cli.strips import Strip

if TYPE_CHECKING:
    from inkdiff import LearnedScore, RunOptions
    from inkdiff.datasets import Dataset
    from inkdiff.processes.base import Process

__all__ = ["add_command"]

_PROCESSES = ("vp", "cosine", "ddpm", "bowl", "ve", "glass")
_STEPS, _POINTS = 2000, 50_000


def add_command(commands: Any) -> None:
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
        "--strip", type=int, default=500, metavar="N", help="steps between pictures, 0: none (default: 500)"
    )
    parser.add_argument("--threads", type=int, default=0, help="0: all cores; changes the time, not the result")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the pictures (default: en)")
    parser.set_defaults(command=_train)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Flags on which the result depends; what is not given is chosen by `inkdiff.fit`, or is in the checkpoint."""
    group = parser.add_argument_group("what the result depends on (with --resume: taken from FILE)")
    group.add_argument("--process", choices=_PROCESSES, help="forward process (default: vp)")
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
    if arguments.strip and out.suffix == ".png":
        raise UsageError(f"--out {out} is the name of a picture; call it {out.with_suffix('.safetensors')}.")
    if arguments.strip and _among_the_data(arguments):
        raise UsageError(
            f"--out {out}: the folder is DATA, and the picture beside the file would become one of them; write "
            "elsewhere, or draw none by --strip 0."
        )
    for name, least in (("every", 1), ("strip", 0), ("points", 1)):
        if getattr(arguments, name) < least:
            raise UsageError(f"--{name} must be at least {least}, got {getattr(arguments, name)}.")


def _among_the_data(arguments: argparse.Namespace) -> bool:
    """Whether the files are to lie in the folder whose pictures are the data."""
    from inkdiff.datasets import NAMES

    folder = Path(arguments.data)
    return arguments.data not in NAMES and folder.is_dir() and folder.samefile(arguments.out.absolute().parent)


def _begin(arguments: argparse.Namespace) -> LearnedScore:
    import inkdiff as ink

    seed = 0 if arguments.seed is None else arguments.seed
    data = _data(arguments, seed)
    process = _process(arguments.process or "vp", data)
    settings = {name: getattr(arguments, name) for name in ("batch", "lr", "weighting")}
    given = {name: value for name, value in settings.items() if value is not None}
    steps = _STEPS if arguments.steps is None else arguments.steps
    strip = _strip(arguments, data, steps, seed)
    if strip.drawable and strip.path.exists():
        raise UsageError(
            f"--out {arguments.out}: its picture {strip.path} is there already; give another name, or draw none by "
            "--strip 0."
        )
    print(f"data {data.name}: {len(data)} rows of {data.d}; process {process}", flush=True)
    print(f"step 0 of {steps}", flush=True)
    given |= {"net": _net(arguments, data), "checkpoint": arguments.out, "progress": _run_options(arguments, strip)}
    return _shown(strip, ink.fit(process, data, steps=steps, seed=seed, **given))


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
    strip = _strip(arguments, data, steps, about["seed"])
    progress = _run_options(arguments, strip)
    return _shown(strip, ink.resume(arguments.out, data, steps=arguments.steps, progress=progress))


def _shown(strip: Strip, score: LearnedScore) -> LearnedScore:
    """The finished score, drawn."""
    if strip.drawable:
        strip.draw(score, strip.steps)
        print(f"figure {strip.path}")
    elif strip.every:
        print(f"no figure: data of {strip.data.d} coordinates are neither images nor points of the plane")
    return score


def _check_against(arguments: argparse.Namespace, before: LearnedScore, data: Dataset) -> None:
    """Flags given with --resume must say what the checkpoint says."""
    shape, about = before.network.shape, before.about
    kept = {"seed": about["seed"], "batch": about["batch"], "lr": about["lr"], "dropout": shape.dropout}
    kept |= {"net_width": shape.width, "net_depth": shape.depth}
    asked: dict[str, Any] = {name: getattr(arguments, name) for name in kept}
    if arguments.process is not None:
        kept["process"], asked["process"] = before.process, _process(arguments.process, data)
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


def _process(name: str, data: Dataset) -> Process:
    """The process of that name; the glass is the range of the data, or what holds all points with a margin."""
    import inkdiff as ink

    if name == "glass":
        low, high = data.range or (float(data.x.min()), float(data.x.max()))
        margin = 0.0 if data.range else 0.05 * (high - low)
        side = high - low + 2 * margin
        return ink.VarianceExploding(0.01 * side, 1.5 * side, ink.Box(low - margin, high + margin))
    free: dict[str, Callable[[], Process]] = {
        "vp": ink.VariancePreserving.linear,
        "cosine": ink.VariancePreserving.cosine,
        "ddpm": ink.VariancePreserving.ddpm,
        "bowl": lambda: ink.OrnsteinUhlenbeck(D=1.0, k=1.0),
        "ve": lambda: ink.VarianceExploding(0.01, 50.0),
    }
    return free[name]()


def _net(arguments: argparse.Namespace, data: Dataset) -> Any:
    """The network asked for; None, which leaves it to `fit`, if no flag says anything."""
    flags = {"width": arguments.net_width, "depth": arguments.net_depth, "dropout": arguments.dropout}
    given = {name: value for name, value in flags.items() if value is not None}
    if not given:
        return None
    from inkdiff.learned.training.settings import default_net

    return dataclasses.replace(default_net(data.d), **given)


def _run_options(arguments: argparse.Namespace, strip: Strip) -> RunOptions:
    """What the result does not depend on."""
    import inkdiff as ink

    return ink.RunOptions(
        progress=not arguments.quiet,
        every=arguments.every,
        threads=arguments.threads,
        callback=strip if strip.drawable else None,
    )


def _strip(arguments: argparse.Namespace, data: Dataset, steps: int, seed: int) -> Strip:
    """The pictures, called as the whole file: my.v1 and my.v2 have one each; only .safetensors gives way to .png."""
    out = arguments.out
    path = out.with_name((out.stem if out.suffix == ".safetensors" else out.name) + ".png")
    return Strip(path, data, steps, arguments.strip, seed)


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
