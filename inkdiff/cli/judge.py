"""`inkdiff judge`: a learned score beside what real data get, as a table.

    inkdiff judge digits.safetensors
    inkdiff judge spiral.safetensors --data swiss_roll --json

The data are those whose name the file records, unless --data says otherwise; those of a file or folder cannot be found
by a name, and need it. Figures of the plane are drawn afresh, and their density is known: the table holds
NLL - entropy. Finite sets are divided as everywhere in inkdiff, 70 % to train on and 30 % held out,

    train, held_out = data.split(test_size=0.3, random_state=0)          (labels in both in their proportion),

and the fingerprint of the data in the file tells whether the score has seen the part that is to judge it.

Reference: `inkdiff.judge`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inkdiff.cli.errors import UsageError
from inkdiff.cli.flags import Commands, add_import
from inkdiff.cli.importing import import_first

if TYPE_CHECKING:
    from inkdiff.datasets import Dataset
    from inkdiff.learned import LearnedScore
    from inkdiff.metrics.evaluation import FreshData, HeldOut, Measure

__all__ = ["add_command"]

_DRAWS, _DRAWS_OF_PICTURES = 20, 5


def add_command(commands: Commands) -> None:
    """Add `judge` and its flags to the subcommands."""
    parser = commands.add_parser(
        "judge",
        help="a learned score beside what real data get",
        description="Measures a learned score: each number beside its floor, which is what real data get.",
    )
    parser.add_argument(
        "checkpoint", metavar="CHECKPOINT", type=Path, help="a file written by 'inkdiff train' or LearnedScore.save"
    )
    parser.add_argument("--data", metavar="NAME|PATH", help="its data, as for 'inkdiff train' (default: as recorded)")
    parser.add_argument("--samples", type=int, metavar="N", help="rows of a draw (default: 4,000; 1,000 of pictures)")
    parser.add_argument(
        "--draws", type=int, metavar="N",
        help=f"draws whose median is taken (default: {_DRAWS}; {_DRAWS_OF_PICTURES} of pictures)",
    )  # fmt: skip
    parser.add_argument("--size", type=int, help="longer side of the pictures of a folder, in pixels")
    parser.add_argument("--seed", type=int, default=0, help="64-bit seed of all draws (default: 0)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    add_import(parser)
    parser.set_defaults(command=_judge)


def _judge(arguments: argparse.Namespace) -> int:
    import inkdiff as ink

    import_first(arguments.imports)
    score = ink.load(arguments.checkpoint)
    real, words, warnings = _real_data(score, arguments)
    begun = time.perf_counter()
    pictures = isinstance(real, ink.HeldOut) and real.train.image_shape is not None
    usual = _DRAWS_OF_PICTURES if pictures else _DRAWS
    draws = usual if arguments.draws is None else arguments.draws
    measures = ink.judge(score, real, samples=arguments.samples, draws=draws, seed=arguments.seed)
    seconds = time.perf_counter() - begun
    if arguments.json:
        print(json.dumps(_record(arguments, score, words, warnings, draws, measures, seconds), indent=1))
        return 0
    about = score.about
    print(f"score {arguments.checkpoint}: {score}, step {about.get('step', about.get('steps', '?'))}")
    print(f"data {words}")
    for warning in warnings:
        print(f"WARNING: {warning}")
    print(_table(measures))
    print(f"floor: real data in the model's place; medians of {draws} draws; {seconds:.0f} s")
    return 0


def _real_data(score: LearnedScore, arguments: argparse.Namespace) -> tuple[FreshData | HeldOut, str, list[str]]:
    """The data that judge, in words, and what must be said of them."""
    import inkdiff as ink
    from inkdiff.datasets import catalogue

    recorded_name = str(score.about.get("data", ""))
    recorded = catalogue.name_of(recorded_name)
    name = arguments.data or recorded
    if name is None:
        raise UsageError(
            f"{arguments.checkpoint} was trained on {recorded_name or 'data without a name'!r}, which is not a set "
            "that inkdiff knows; say which data by --data NAME|PATH."
        )
    if catalogue.find(name) is not None and catalogue.is_drawn(name):
        warnings = [] if name == recorded else [f"trained on {recorded or recorded_name!r}, judged by {name!r}"]
        fresh = ink.FreshData(lambda n, seed: ink.datasets.read(name, n=n, seed=seed), arguments.seed)
        source = "" if arguments.data else f" (the file records the name {recorded_name!r})"
        return fresh, f"{name}: drawn afresh, density known{source}", warnings
    data = ink.datasets.read(name, size=arguments.size)
    train, held_out = data.split(test_size=0.3, random_state=0)
    words = f"{data.name}: {len(train)} rows to train on, {len(held_out)} held out"
    return ink.HeldOut(train, held_out, arguments.seed), words, _seen(score, data, train)


def _seen(score: LearnedScore, data: Dataset, train: Dataset) -> list[str]:
    """A warning unless the score was trained on the training part: by the fingerprint, or in old files by the rows."""
    from inkdiff.datasets.scaling import clip_to_domain
    from inkdiff.learned.training.settings import Fingerprint

    if data.d != score.d:
        return []  # refused by `judge`, in better words
    about = score.about
    found, whole, part = about.get("n"), str(len(data)), str(len(train))
    if "sha256" in about:
        found = about["sha256"]
        whole, part = (
            Fingerprint.of(clip_to_domain(score.process.domain, score.encode(rows.x))).sha256 for rows in (data, train)
        )
    found = str(found)
    if found == part:
        return []
    if found == whole:
        return [
            f"it was trained on all {len(data)} rows, those held out here included: distances and the nearest "
            "training row flatter it. Train on data.split(test_size=0.3, random_state=0)[0], or with --hold-out."
        ]
    return [f"it was trained on {about.get('n', 'some')} other rows of {about.get('data', 'unknown data')!r}"]


def _table(measures: list[Measure]) -> str:
    width = max(len(measure.name) for measure in measures)
    lines = [f"\n{'measure':<{width}}  {'model':>20}  {'floor':>20}  {'ratio':>7}  {'ideal':>5}"]
    for measure in measures:
        value, floor = (_number(estimate) for estimate in (measure.value, measure.floor))
        ratio = "" if measure.ratio is None else f"{measure.ratio:.2f}"
        ideal = "" if measure.ideal is None else f"{measure.ideal:g}"
        lines.append(f"{measure.name:<{width}}  {value:>20}  {floor:>20}  {ratio:>7}  {ideal:>5}")
    return "\n".join(lines) + "\n"


def _number(estimate: tuple[float, float] | None) -> str:
    if estimate is None:
        return ""
    value, stderr = estimate
    return f"{value:.4g} +- {stderr:.1g}" if stderr else f"{value:.4g}"


def _record(
    arguments: argparse.Namespace,
    score: LearnedScore,
    words: str,
    warnings: list[str],
    draws: int,
    measures: list[Measure],
    seconds: float,
) -> dict[str, Any]:
    rows = [
        {
            "name": m.name,
            "value": m.value.value,
            "stderr": m.value.stderr,
            "floor": None if m.floor is None else m.floor.value,
            "floor_stderr": None if m.floor is None else m.floor.stderr,
            "ratio": m.ratio,
            "ideal": m.ideal,
        }
        for m in measures
    ]
    about = {"checkpoint": str(arguments.checkpoint), "score": str(score), "data": words, "warnings": warnings}
    return about | {"draws": draws, "seed": arguments.seed, "seconds": round(seconds, 1), "measures": rows}
