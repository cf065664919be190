"""`inkdiff draw`: digits as they are asked for, in English or Italian, drawn out of noise.

    inkdiff draw "a thin slanted seven" --out seven.png
    inkdiff draw "un sette sottile e inclinato" --n 16 --lang it

The first call trains a score on the captions of the 1,797 digits, minutes, and keeps it in the cache; later
calls read it. The same prompt and seed draw the same digits. A word outside the vocabulary is an error that lists it.

Reference: `inkdiff.datasets.prompts`, `inkdiff.learned.checkpoint.training_cache`.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from inkdiff.cli.errors import UsageError
from inkdiff.cli.flags import Commands, add_import, add_language
from inkdiff.cli.importing import import_first

__all__ = ["add_command"]

_STEPS, _GUIDANCE = 1500, 3.0  # as in sims/prompts.py, chosen there on a split of the training digits
_SUFFIX = ".png"


def add_command(commands: Commands) -> None:
    """Add `draw` and its flags to the subcommands."""
    parser = commands.add_parser(
        "draw",
        help='digits as asked for: inkdiff draw "a thin slanted seven"',
        description="Draw digits from a prompt. The first call trains a score and keeps it in the cache.",
    )
    parser.add_argument("prompt", metavar="PROMPT", help='such as "bold zero" or "un sette sottile e inclinato"')
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="a .png (default: here, named by what was understood, in --lang, such as thin_slanted_seven.png)",
    )
    parser.add_argument("--n", type=int, default=8, help="how many (default: 8)")
    parser.add_argument("--seed", type=int, default=0, help="64-bit seed of the noise they are drawn from (default: 0)")
    parser.add_argument(
        "--guidance",
        type=float,
        default=_GUIDANCE,
        help=f"how much the prompt counts; 1: as in the data (default: {_GUIDANCE:g})",
    )
    parser.add_argument(
        "--steps", type=int, default=_STEPS, help=f"of the training, if it is still to be done (default: {_STEPS})"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_language(parser, "title and name")
    add_import(parser)
    parser.set_defaults(command=_draw)


def _draw(arguments: argparse.Namespace) -> int:
    import inkdiff as ink
    from inkdiff import viz

    import_first(arguments.imports)
    viz.use_language(arguments.lang)
    words, out = _checked(arguments)
    digits = ink.datasets.digits()
    score = ink.fit_cached(
        ink.VariancePreserving.linear(),
        digits,
        steps=arguments.steps,
        seed=0,
        condition=ink.datasets.captions(digits),
        parameterisation=ink.Parameterisation(match_moments=False),  # those of all digits are not those of a class
        progress=not arguments.quiet,
        say=lambda sentence: print(sentence, flush=True),
    )
    asked = score.given(words=" ".join(words), guidance=arguments.guidance)
    x = asked.sample(arguments.n, seed=arguments.seed).clip(0, 1)
    columns = min(arguments.n, 8)
    rows = -(-arguments.n // columns)
    fig, axes = viz.figure(1, 1, width=1.6 * columns + 0.4, height=1.6 * rows + 1.2)
    viz.images(axes[0, 0], x, digits.images.shape[1:], rows, columns)
    axes[0, 0].set_title(ink.datasets.as_prompt(words, arguments.lang))
    viz.save(fig, out)
    print(f"figure {out}")
    return 0


def _checked(arguments: argparse.Namespace) -> tuple[tuple[str, ...], Path]:
    """The words of the prompt, and the file to be written; refused before any work if they cannot be had."""
    from inkdiff.datasets import as_prompt, parse_prompt

    try:
        words = parse_prompt(arguments.prompt)
    except ValueError as error:
        raise UsageError(str(error)) from None
    out = arguments.out or Path(as_prompt(words, arguments.lang).replace(" ", "_") + _SUFFIX)
    if out.suffix.lower() != _SUFFIX:
        raise UsageError(f"--out {out} must end in {_SUFFIX}.")
    if out.is_dir() or not out.absolute().parent.is_dir():
        raise UsageError(f"--out {out}: it is a folder, or its folder is not there.")
    for name, least in (("n", 1), ("steps", 1)):
        if getattr(arguments, name) < least:
            raise UsageError(f"--{name} must be at least {least}, got {getattr(arguments, name)}.")
    if not 0 <= arguments.seed < 2**64:
        raise UsageError(f"--seed must be from 0 to 2^64 - 1, got {arguments.seed}.")
    if not 0 <= arguments.guidance < math.inf:  # a NaN fails both
        raise UsageError(f"--guidance must be at least 0 and finite, got {arguments.guidance}.")
    return words, out
