"""What the figures share: a palette, looks, empty sheets, and marks in their place.

The palette follows Okabe and Ito 2008, so that the colour-blind can tell it apart, and
colour is never alone: markers, line styles, hatches and words say the same.
"""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Rectangle
from torch import Tensor

Point = tuple[float, float]
Look = dict[str, Any]

INK, GREY, PALE = "#222222", "#595959", "#d6eaf8"
BLUE, ORANGE, RED, GREEN = "#0072B2", "#E69F00", "#C84E00", "#00795A"

SOLID: Look = {"color": BLUE, "ls": "-"}
DASHED: Look = {"color": RED, "ls": "--"}
BOUND: Look = {"color": INK, "ls": ":", "lw": 1.5}
"""Lines: of a yes or a positive number, of a no or a negative one, of a limit."""

FULL: Look = {"fc": BLUE}
HATCHED: Look = {"fc": "white", "hatch": "////"}
"""Bars of one kind and of the other."""

MIDDLE: Look = {"ha": "center", "va": "center"}
BELOW: Look = {"ha": "center", "va": "top"}


def sheet(height: float, title: str) -> Figure:
    """An empty figure, 1400 pixels wide, with its title at the top left."""
    figure = Figure(figsize=(14, height))
    look: Look = {"size": 17, "weight": "bold", "va": "top"}
    figure.text(0.028, 1 - 0.3 / height, title, **look)
    return figure


def board(height: float, title: str, bottom: float = 0) -> tuple[Figure, Axes]:
    """A sheet, and axes all over it without scales, measured in inches like it."""
    figure = sheet(height, title)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 14), ylim=(bottom, bottom + height))
    axes.axis("off")
    return figure, axes


def panels(figure: Figure, rows: int, columns: int, **places: float) -> GridSpec:
    """Cells for axes; `places` are their sides, and the gaps between them."""
    sides = {"left": 0.045, "right": 0.985, "bottom": 0.05}
    return figure.add_gridspec(rows, columns, **(sides | places))


def write(axes: Axes, text: str, at: Point, by: Point, **look: Any) -> None:
    """Text at a place in the axes, moved by some points."""
    axes.annotate(text, at, by, textcoords="offset points", **look)


def caption(axes: Axes, title: str, note: str) -> None:
    """A title and, under it, two lines of what there is to see."""
    axes.set_title(title, pad=41)
    write(axes, note, (0, 1), (0, 8), xycoords="axes fraction", va="bottom")


def heading(
    axes: Axes, at: Point, title: str, note: str, gap: float = 0.15, **look: Any
) -> None:
    """A title on a board and, so many inches under it, a note."""
    x, y = at
    axes.text(x, y, title, weight="bold", **({"size": 12} | look))
    axes.text(x, y - gap, note, va="top", **look)


def dot(filled: bool = True, color: str = INK, size: float = 10) -> Look:
    """The look of a dot, filled or hollow."""
    face = color if filled else "white"
    return {"marker": "o", "ls": "", "color": color, "mfc": face, "ms": size, "mew": 2}


def arrow(axes: Axes, start: Point, end: Point, **look: Any) -> None:
    """An arrow between two places."""
    usual = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=usual | look)


def box(axes: Axes, corner: Point, size: Point, **look: Any) -> None:
    """A rectangle under its upper left corner."""
    (x, y), (width, height) = corner, size
    axes.add_patch(Rectangle((x, y - height), width, height, **look))


def frame(
    axes: Axes, corner: Point, size: Point, color: str, lw: float, ls: str = "-"
) -> None:
    """An empty frame under its upper left corner, over what it frames."""
    box(axes, corner, size, ec=color, lw=lw, ls=ls, fc="none", zorder=3)


def signed(value: float | Tensor, digits: int = 4) -> str:
    """A number with its sign. Shape: value ().

    >>> signed(0.5)
    '+0.5000'
    """
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
