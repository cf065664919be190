"""Curves and fields: measured points with errors, the exact line beside them, arrows of a score, clouds.

A measured value is drawn as a point with a bar of one standard error either way,  value +- stderr,  an exact
result as a thin dark line: what is data and what is theory can be told at a glance, and about two thirds of
the bars should meet the line.

Reference: E. R. Tufte, The Visual Display of Quantitative Information (1983), on showing data and their
error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from inkdiff.viz.style import COLORS

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer

    from inkdiff._core.backend import Array, Floats

__all__ = ["scatter", "theory", "vectors", "with_errors"]


def with_errors(
    ax: Axes,
    t: npt.ArrayLike,
    estimates: Sequence[tuple[float, float]] | Floats,
    label: str = "",
    color: str | None = None,
    **options: object,
) -> ErrorbarContainer:
    """Points at t with error bars.

    Parameters
    ----------
    t : (k,) abscissae
    estimates : k pairs (value, stderr), such as `inkdiff.Estimate`; or a (k, 2) array
    options : passed on to `errorbar`
    """
    pairs = np.asarray(estimates, np.float64)
    if pairs.ndim != 2 or pairs.shape != (len(np.atleast_1d(t)), 2):
        raise ValueError(
            f"estimates must be one pair (value, stderr) per time, "
            f"shape ({len(np.atleast_1d(t))}, 2), got {pairs.shape}."
        )
    style: dict[str, Any] = {"fmt": "o", "capsize": 3, "elinewidth": 1.5, "color": _color(color), **options}
    return ax.errorbar(t, pairs[:, 0], yerr=pairs[:, 1], label=label or None, **style)


def theory(
    ax: Axes, t: npt.ArrayLike | None, y: npt.ArrayLike, label: str = "", color: str | None = None, **options: object
) -> None:
    """An exact result as a thin dark line; y (k,) at t (k,), or a number for a level across the panel."""
    style: dict[str, Any] = {
        "color": _color(color) or COLORS["black"],
        "linewidth": 1.4,
        "zorder": 1.5,
        "label": label or None,
    }
    level = np.asarray(y)
    if level.ndim == 0:
        style = {**style, "linestyle": "--", **options}
        ax.axhline(float(level), **style)
    else:
        style = {**style, **options}
        ax.plot(np.asarray(t), level, **style)


def vectors(
    ax: Axes, x: Floats, y: Floats, u: Array, *, color: str = "black", unit_length: bool = False, **options: object
) -> None:
    """A field of arrows on a grid.

    Parameters
    ----------
    x, y : (K,) and (L,) grid coordinates
    u : (K, L, 2), or (K L, 2) with y fastest: the arrows
    unit_length : draw directions only
    options : passed on to `quiver`
    """
    field = np.asarray(u, np.float64)
    if field.size != len(x) * len(y) * 2:
        raise ValueError(f"u must hold one arrow per grid point, shape ({len(x)}, {len(y)}, 2), got {field.shape}.")
    field = field.reshape(len(x), len(y), 2)
    if unit_length:
        field = field / np.maximum(np.linalg.norm(field, axis=-1, keepdims=True), 1e-12)
    xx, yy = np.meshgrid(x, y, indexing="ij")
    style: dict[str, Any] = {"angles": "xy", "width": 0.004, "color": _color(color), **options}
    ax.quiver(xx, yy, field[..., 0], field[..., 1], **style)
    ax.set_aspect("equal")


def scatter(ax: Axes, x: Array, label: str = "", color: str | None = None, **options: object) -> None:
    """A cloud of points x (n, 2), dots smaller and fainter the more there are; equal scales on both axes."""
    x = np.asarray(x)
    if x.ndim != 2 or x.shape[1] != 2:
        raise ValueError(f"x must have shape (n, 2), got {x.shape}; choose two columns.")
    crowd = max(1.0, len(x) / 1000)
    style: dict[str, Any] = {
        "s": 12 / crowd**0.5,
        "alpha": max(0.15, 0.6 / crowd**0.5),
        "linewidths": 0,
        "color": _color(color),
        **options,
    }
    ax.scatter(x[:, 0], x[:, 1], label=label or None, rasterized=True, **style)
    ax.set_aspect("equal")


def _color(name: str | None) -> str | None:
    """A colour of the style by its name, anything else as Matplotlib knows it."""
    return COLORS.get(name, name) if name is not None else None
