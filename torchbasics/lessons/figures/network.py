"""Lesson 4 as a graph: the 2-3-2-2 network with every number in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from torch import Tensor

from torchbasics import trace
from torchbasics.activations import softmax
from torchbasics.lessons.checks import Words
from torchbasics.lessons.exercises.forward import LAST, X, network
from torchbasics.lessons.figures.canvas import (
    BLUE,
    GREY,
    INK,
    RED,
    Point,
    arrow,
    board,
    sheet,
)

CARD, SMALL, LARGE = (1.16, 0.56), (0.9, 0.56), (1.5, 0.86)  # width, height


def forward(words: Words) -> Figure:
    """The 2-3-2-2 network with every number in it, and its answer in percent."""
    figure = sheet(8, words["forward"])
    axes = board(figure)
    passed = trace.forward(network(), X)
    columns = [places(x, n) for x, n in ((1.1, 2), (4.2, 3), (7.4, 2), (10.3, 2))]
    for number, column in enumerate(columns):
        x = column[0][0]
        heading(axes, x, words[f"layer{number}"], words[f"layer{number}_note"])
        values = passed[number - 1].outputs if number else X
        shape_of(axes, x, ("x", "Z1", "Z2", "A3")[number], values)
    for name, place, value in zip(("x₁", "x₂"), columns[0], X[0], strict=True):
        card(axes, place, f"{name} = {value:g}")
    for number, layer in enumerate(passed, start=1):
        before, column = columns[number - 1], columns[number]
        edges(axes, layer.weight, before, column)
        units(axes, layer, column)
        x = (before[0][0] + column[0][0]) / 2
        shape_of(axes, x, f"W{number}", layer.weight)
    heading(axes, 12.6, words["softmax"], words["softmax_note"])
    percents(axes, columns[-1], words)
    return figure


def places(x: float, count: int) -> list[Point]:
    """Where the units of a layer stand, from the top."""
    return [(x, 3.5 + 1.8 * ((count - 1) / 2 - k)) for k in range(count)]


def heading(axes: Axes, x: float, title: str, note: str) -> None:
    """What a column is, and what it computes."""
    axes.text(x, 6.85, title, ha="center", weight="bold", size=12)
    axes.text(x, 6.7, note, ha="center", va="top")


def shape_of(axes: Axes, x: float, name: str, values: Tensor) -> None:
    """A name and its shape, in the line under the network."""
    axes.text(x, 0.75, f"{name}  {tuple(values.shape)}", ha="center", size=11)


def edges(
    axes: Axes,
    weight: Tensor,
    starts: Sequence[Point],
    ends: Sequence[Point],
    back: bool = False,
) -> None:
    """A line for each weight, the wider the larger, with its number on it.

    Going back, the numbers are slopes, and arrows point to the start.
    Shape: weight (in, out).
    """
    share = 0.4 if len(ends) >= len(starts) else 0.6  # where lines are well apart
    if back:
        share = 0.6 if len(ends) == len(starts) else 0.575
    for (x, y), row in zip(starts, weight.tolist(), strict=True):
        for (to_x, to_y), value in zip(ends, row, strict=True):
            look = SIGNS[value >= 0] | {"lw": 1 + 6 * abs(value), "alpha": 0.8}
            axes.plot([x, to_x], [y, to_y], **look)
            if back:
                slant = math.degrees(math.atan2(y - to_y, x - to_x))
                at = between((x, y), (to_x, to_y), share - 0.19)
                look = {"color": look["color"], "ms": 9, "mec": "none"}
                axes.plot(*at, marker=(3, 0, slant - 90), **look)
            at = between((x, y), (to_x, to_y), share)
            text = signed(value) if back else f"{value:.1f}"
            box = {"fc": "white", "ec": "none", "pad": 1.5}
            axes.text(*at, text, ha="center", va="center", bbox=box)


def between(start: Point, end: Point, share: float) -> Point:
    """The point at that share of the way."""
    (x, y), (to_x, to_y) = start, end
    return x + share * (to_x - x), y + share * (to_y - y)


SIGNS: dict[bool, dict[str, Any]] = {
    True: {"color": BLUE, "ls": "-"},
    False: {"color": RED, "ls": "--"},
}
"""The look of a line whose number is positive (or 0), and of one that is negative."""


def signed(value: float | Tensor) -> str:
    """A slope with its sign.

    >>> signed(0.5)
    '+0.5000'
    """
    return f"{value:+.4f}".replace("-", "\N{MINUS SIGN}")


def units(axes: Axes, layer: trace.Layer, column: Sequence[Point]) -> None:
    """Each unit's sum and, where there is one, its activation; its bias above it."""
    rows = zip(column, layer.sums[0], layer.outputs[0], layer.bias, strict=True)
    for (x, y), a, z, b in rows:
        text = f"a = {a:.4f}"
        card(axes, (x, y), text if a == z else f"{text}\nz = {z:.4f}")
        arrow(axes, (x, y + 0.62), (x, y + 0.36))
        axes.text(x, y + 0.65, f"b = {b:.1f}", ha="center")


def card(axes: Axes, place: Point, text: str, size: Point = CARD) -> None:
    """A unit: a box with its numbers."""
    (x, y), (width, height) = place, size
    corner = (x - width / 2, y - height / 2)
    box = FancyBboxPatch(corner, width, height, "round,pad=0.08", zorder=3)
    box.set(facecolor="white", edgecolor=INK, linewidth=1.5)
    axes.add_patch(box)
    axes.text(x, y, text, ha="center", va="center", zorder=4, size=11)


def percents(axes: Axes, column: Sequence[Point], words: Words) -> None:
    """Softmax of the book's scores as bars, and of the scores with the inferred W3."""
    looks: dict[Literal["book", "source"], dict[str, Any]] = {
        "book": {"fc": BLUE},
        "source": {"fc": "white", "hatch": "////"},
    }
    for row, (last, look) in enumerate(looks.items()):
        shares = softmax(trace.forward(network(last), X)[-1].outputs)[0]
        for (_, y), share in zip(column, shares.tolist(), strict=True):
            bottom = y + 0.06 - 0.48 * row
            axes.add_patch(Rectangle((11.6, bottom), 1.6, 0.36, ec=GREY, fc="#f2f2f2"))
            axes.add_patch(
                Rectangle((11.6, bottom), 1.6 * share, 0.36, ec=BLUE, **look)
            )
            axes.text(13.3, bottom + 0.18, f"{100 * share:.1f} %", va="center")
        bottom = 1.7 - 0.45 * row
        axes.add_patch(Rectangle((10.9, bottom), 0.3, 0.2, ec=BLUE, **look))
        w = LAST[last]
        text = words[last].format(weights=f"[[{w[0]}, {w[1]}], [{w[2]}, {w[3]}]]")
        axes.text(11.3, bottom + 0.2, text, va="top")
