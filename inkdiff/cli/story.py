"""The tour: which simulations, in which order, and what is said about each to somebody without mathematics.

The thread is that of a lecture: molecules jostle, a drop spreads and entropy grows, an image dissolves in the
same way, one formula does both, x <- fold(a x + b u + c eps), ink can be un-mixed if one knows the score u,
and a network that has learned the score makes pictures out of noise. Words stand here and in `story_en` and
`story_it`, numbers and figures come from the simulations.

Reference: J. Sohl-Dickstein, E. Weiss, N. Maheswaranathan, S. Ganguli, Deep unsupervised learning using
nonequilibrium thermodynamics (2015), where the thread begins.
"""

from __future__ import annotations

from inkdiff.cli.chapter import Chapter, Frame

__all__ = ["LONGEST", "ORDER", "chapters", "frame"]

ORDER = (
    "random_walk", "ink_drop", "counting", "many_starts", "image_noising", "one_kernel", "three_backwards", "unmix",
    "people", "gan_duel", "generate_2d", "generate_digits", "labels", "prompts", "photo", "halves",
)  # fmt: skip


# Takes longest and so begins first; what it compiles is there for the others that train.
LONGEST = "generate_digits"


def chapters(lang: str) -> dict[str, Chapter]:
    """Simulation -> chapter, in "en" or "it"."""
    if lang == "it":
        from inkdiff.cli.story_it import CHAPTERS
    else:
        from inkdiff.cli.story_en import CHAPTERS
    return CHAPTERS


def frame(lang: str) -> Frame:
    """The words around the chapters, in "en" or "it"."""
    if lang == "it":
        from inkdiff.cli.story_it import FRAME
    else:
        from inkdiff.cli.story_en import FRAME
    return FRAME
