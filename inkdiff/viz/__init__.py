"""Arrays to figures: style, words in two languages, the few kinds of picture the story needs. No physics.

A figure shows measured values as points with bars of one standard error, value +- stderr, and exact results as thin
dark lines, so that theory can be held against data at a glance. Matplotlib is imported when the first figure is made,
so that importing this package costs nothing; `pyplot` never: a figure is an object drawn by Agg, with no window and no
global list of figures to close.

| module | what is in it |
|---|---|
| `style` | `figure` and `save`; fonts that can be read in a hall, colours that can be told apart |
| `labels` | `label`: the words that several figures share, in English and Italian; `say` for words that occur once |
| `curves` | `with_errors`, `theory`, `vectors`, `scatter` |
| `pictures` | `concentration`, `walls`, `discs`, `images`, `film` |
| `tables` | `table`: a few rows of numbers as a panel |

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
