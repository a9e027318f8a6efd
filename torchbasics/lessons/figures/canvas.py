"""What the figures share: a palette, an empty sheet, and text in its place.

The palette follows Okabe and Ito 2008, so that the colour-blind can tell it apart, and
colour is never alone: markers, line styles, hatches and words say the same.
"""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Point = tuple[float, float]

INK, GREY, PALE = "#222222", "#595959", "#d6eaf8"
BLUE, ORANGE, RED, GREEN = "#0072B2", "#E69F00", "#C84E00", "#00795A"


def sheet(height: float, title: str) -> Figure:
    """An empty figure, 1400 pixels wide, with its title at the top left."""
    figure = Figure(figsize=(14, height))
    figure.text(0.028, 1 - 0.3 / height, title, size=17, weight="bold", va="top")
    return figure


def write(axes: Axes, text: str, at: Point, by: Point, **look: Any) -> None:
    """Text at a place in the axes, moved by some points."""
    axes.annotate(text, at, by, textcoords="offset points", **look)


def caption(axes: Axes, title: str, note: str) -> None:
    """A title and, under it, two lines of what there is to see."""
    axes.set_title(title, pad=41)
    write(axes, note, (0, 1), (0, 8), xycoords="axes fraction", va="bottom")


def board(figure: Figure, bottom: float = 0) -> Axes:
    """Axes all over the figure, without scales, measured like the figure itself."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width))
    axes.set_ylim(bottom, bottom + height)
    axes.axis("off")
    return axes


def arrow(axes: Axes, start: Point, end: Point) -> None:
    """An arrow between two places."""
    look = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=look)
