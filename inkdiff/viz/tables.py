"""Tables as a panel of a figure: a few rows of numbers, read from the last row of the hall.

Rule lines only between rows, the first column words, the first line heads:

    |       | head | head |
    | words |    1 |    2 |

Reference: E. R. Tufte, The Visual Display of Quantitative Information (1983), on tables for small sets of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["table"]


def table(
    ax: Axes, rows: Sequence[Sequence[str]], heads: Sequence[str], row_labels: Sequence[str], *, first: float = 0.33
) -> None:
    """Texts `rows` (k, m) under `heads` (m) and beside `row_labels` (k), filling the panel.

    Parameters
    ----------
    first : share of the width that the words at the left take.
    """
    from matplotlib import rcParams

    k, m = len(rows), len(heads)
    if len(row_labels) != k or any(len(row) != m for row in rows):
        raise ValueError(f"rows must hold {len(row_labels)} rows of {m} texts, got {[len(row) for row in rows]}.")
    ax.set(xlim=(0, 1), ylim=(k + 1.3, 0))
    ax.set_axis_off()
    small = {"fontsize": rcParams["xtick.labelsize"]}
    centres = [first + (1 - first) * (j + 0.5) / m for j in range(m)]
    for centre, head in zip(centres, heads, strict=True):
        ax.text(centre, 0.6, head, ha="center", va="center", weight="bold")
    for i, (words, row) in enumerate(zip(row_labels, rows, strict=True)):
        ax.axhline(i + 1.3, color="#bbbbbb", linewidth=0.8)
        ax.text(0, i + 1.8, words, va="center", **small)
        for centre, text in zip(centres, row, strict=True):
            ax.text(centre, i + 1.8, text, ha="center", va="center", **small)
