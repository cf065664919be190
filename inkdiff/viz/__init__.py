"""Arrays to figures: style, words in two languages, the few kinds of picture the story needs. No physics.

Matplotlib is imported when the first figure is made, so that importing this package costs nothing; `pyplot`
never: a figure is an object drawn by Agg, with no window and no global list of figures to close.

| module | what is in it |
|---|---|
| `style` | colours, sizes of letters, `figure` and `save` |
| `labels` | words that several figures share, in two languages; `say` for those of one |
| `curves` | points with errors beside the exact line; arrows and clouds |
| `pictures` | concentrations, walls, images side by side, film strips |
| `tables` | a few rows of numbers as a panel |

Reference: E. R. Tufte, The Visual Display of Quantitative Information (1983).
"""

from inkdiff.viz.curves import scatter, theory, vectors, with_errors
from inkdiff.viz.labels import LABELS, label, language, say, use_language
from inkdiff.viz.pictures import concentration, discs, film, images, walls
from inkdiff.viz.style import COLORS, figure, ink_colors, save, use_style
from inkdiff.viz.tables import table

__all__ = [
    "COLORS",
    "LABELS",
    "concentration",
    "discs",
    "figure",
    "film",
    "images",
    "ink_colors",
    "label",
    "language",
    "save",
    "say",
    "scatter",
    "table",
    "theory",
    "use_language",
    "use_style",
    "vectors",
    "walls",
    "with_errors",
]
