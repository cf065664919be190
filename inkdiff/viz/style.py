"""How every figure looks: legible from the last row of a lecture hall, and to colour-blind eyes.

Letters scale with the figure, font size = max(14, 14 w/12) points at a width of w inches, so that a figure
shown across a slide has letters of the same height whatever its size on paper. Lines take the eight colours
of Okabe and Ito, which stay apart under all common colour deficiencies; ink goes from white water to dark
blue with lightness falling evenly.

Reference: M. Okabe and K. Ito, Color universal design (2008); B. Wong, Points of view: color blindness,
Nature Methods 8 (2011) 441.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

__all__ = ["COLORS", "figure", "ink_colors", "save", "use_style"]

# Okabe and Ito, by name; the order is that of the lines in a plot.
COLORS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#222222",
}

_LEAST_FONT = 14.0
_POINTS_PER_INCH = 14.0 / 12.0
_DPI = 150


def use_style(font: float = _LEAST_FONT) -> None:
    """Set Matplotlib's defaults (`rcParams`, for the whole process) to the style; `font` in points."""
    import matplotlib
    from cycler import cycler

    matplotlib.rcParams.update(
        {
            "font.size": font,
            "axes.titlesize": font * 1.05,
            "axes.labelsize": font,
            "xtick.labelsize": font * 0.88,
            "ytick.labelsize": font * 0.88,
            "legend.fontsize": font * 0.88,
            "figure.titlesize": font * 1.25,
            "axes.prop_cycle": cycler(color=list(COLORS.values())),
            "axes.linewidth": 0.8,
            "axes.edgecolor": "#555555",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.labelcolor": COLORS["black"],
            "xtick.color": "#555555",
            "ytick.color": "#555555",
            "xtick.labelcolor": COLORS["black"],
            "ytick.labelcolor": COLORS["black"],
            "lines.linewidth": 2.2,
            "lines.markersize": 7.0,
            "legend.frameon": False,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "image.interpolation": "nearest",
        }
    )


def figure(
    rows: int = 1,
    cols: int = 1,
    *,
    width: float = 12.0,
    height: float | None = None,
    aspect: float = 1.0,
    **options: object,
) -> tuple[Figure, npt.NDArray[Any]]:
    """A figure of rows x cols panels in the style.

    Parameters
    ----------
    rows, cols : number of panels
    width : inches; the letters grow with it
    height : inches; by default such that each panel is `aspect` times as high as wide
    aspect : height over width of a panel, used without `height`
    options : passed on to `Figure.subplots` (sharex=True, gridspec_kw=..., subplot_kw=...)

    Returns
    -------
    (figure, (rows, cols) array of axes), laid out without overlaps. Sets Matplotlib's defaults as `use_style`
    does.
    """
    use_style(max(_LEAST_FONT, _POINTS_PER_INCH * width))
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fig = Figure(figsize=(width, height or width / cols * rows * aspect), layout="constrained")
    engine = fig.get_layout_engine()
    assert engine is not None
    engine.set(w_pad=0.12, h_pad=0.12)  # type: ignore[call-arg]
    FigureCanvasAgg(fig)
    panels: dict[str, Any] = {"squeeze": False, **options}
    axes: npt.NDArray[Any] = np.asarray(fig.subplots(rows, cols, **panels))
    return fig, axes


def ink_colors() -> Colormap:
    """From clear water (white) to dense ink (dark blue)."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("ink", ["#ffffff", "#b5d3ee", "#5b95cf", "#1f55a0", "#0a1f4d"])


def save(fig: Figure, path: str | os.PathLike[str], *, dpi: int = _DPI) -> None:
    """Write a figure to `path` (format from its suffix), whole or not at all.

    Raises
    ------
    ValueError
        If the suffix names no format that Matplotlib can write.
    FileNotFoundError
        If the folder of `path` does not exist.
    """
    from inkdiff._core.files import atomic_write

    target = Path(path)
    known = fig.canvas.get_supported_filetypes()
    kind = target.suffix.lower().lstrip(".")
    if kind not in known:
        raise ValueError(
            f"path must end in one of {', '.join(f'.{name}' for name in sorted(known))}, got {str(target)!r}."
        )
    with atomic_write(target) as file:
        fig.savefig(file, format=kind, dpi=dpi)
