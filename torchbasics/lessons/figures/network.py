"""Lesson 4 as a graph: the 2-3-2-2 network with every number in it."""

import math
from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from torchbasics.activations import softmax
from torchbasics.lessons.checks import Words
from torchbasics.lessons.figures import canvas
from torchbasics.lessons.figures.canvas import BLUE, GREY, INK, Point
from torchbasics.lessons.textbook import LAST_WEIGHT, X, network
from torchbasics.trace import LayerTrace, forward_trace

CARD, SMALL, LARGE = (1.16, 0.56), (0.9, 0.56), (1.5, 0.86)  # width, height


def forward(words: Words) -> Figure:
    """The 2-3-2-2 network with every number in it, and its answer in percent."""
    figure, axes = canvas.board(8, words["forward"])
    passed = forward_trace(network(), X)
    notes = [words[f"layer{number}_note"] for number in range(4)]
    columns = layers(axes, (1.1, 4.2, 7.4, 10.3), CARD, notes, words)
    shape_of(axes, 1.1, "x", X)
    for number, layer in enumerate(passed):
        before, column = columns[number : number + 2]
        edges(axes, layer.weight, before, column)
        units(axes, layer, column)
        shape_of(axes, column[0][0], ("Z1", "Z2", "A3")[number], layer.outputs)
        x = (before[0][0] + column[0][0]) / 2
        shape_of(axes, x, f"W{number + 1}", layer.weight)
    heading(axes, 12.6, words["softmax"], words["softmax_note"])
    percents(axes, columns[-1], words)
    return figure


def layers(
    axes: Axes, at: Sequence[float], size: Point, notes: Sequence[str], words: Words
) -> list[list[Point]]:
    """Where each layer's units stand, from the top; its heading, and the inputs."""
    columns = []
    for number, (x, count) in enumerate(zip(at, (2, 3, 2, 2), strict=True)):
        heading(axes, x, words[f"layer{number}"], notes[number])
        columns.append([(x, 3.5 + 1.8 * ((count - 1) / 2 - k)) for k in range(count)])
    for name, place, value in zip(("x₁", "x₂"), columns[0], X[0], strict=True):
        card(axes, place, f"{name} = {value:g}", size)
    return columns


def heading(axes: Axes, x: float, title: str, note: str) -> None:
    """What a column is, and what it computes."""
    canvas.heading(axes, (x, 6.85), title, note, ha="center")


def shape_of(axes: Axes, x: float, name: str, values: Tensor) -> None:
    """A name and its shape, in the line under the network. Shape: values (*)."""
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
            look = canvas.SOLID if value >= 0 else canvas.DASHED
            axes.plot([x, to_x], [y, to_y], **look, lw=1 + 6 * abs(value), alpha=0.8)
            if back:
                slant = math.degrees(math.atan2(y - to_y, x - to_x))
                at = between((x, y), (to_x, to_y), share - 0.19)
                head = {"color": look["color"], "ms": 9, "mec": "none"}
                axes.plot(*at, marker=(3, 0, slant - 90), **head)
            at = between((x, y), (to_x, to_y), share)
            text = canvas.signed(value) if back else f"{value:.1f}"
            box = {"fc": "white", "ec": "none", "pad": 1.5}
            axes.text(*at, text, bbox=box, **canvas.MIDDLE)


def between(start: Point, end: Point, share: float) -> Point:
    """The point at that share of the way."""
    (x, y), (to_x, to_y) = start, end
    return x + share * (to_x - x), y + share * (to_y - y)


def units(axes: Axes, layer: LayerTrace, column: Sequence[Point]) -> None:
    """Each unit's sum and, where there is one, its activation; its bias above it."""
    numbers = layer.pre_activations[0], layer.outputs[0], layer.bias
    for (x, y), a, z, b in zip(column, *numbers, strict=True):
        text = f"a = {a:.4f}"
        card(axes, (x, y), text if a == z else f"{text}\nz = {z:.4f}")
        canvas.arrow(axes, (x, y + 0.62), (x, y + 0.36))
        axes.text(x, y + 0.65, f"b = {b:.1f}", ha="center")


def card(axes: Axes, place: Point, text: str, size: Point = CARD) -> None:
    """A unit: a box with its numbers."""
    (x, y), (width, height) = place, size
    corner = (x - width / 2, y - height / 2)
    box = FancyBboxPatch(corner, width, height, "round,pad=0.08", zorder=3)
    box.set(facecolor="white", edgecolor=INK, linewidth=1.5)
    axes.add_patch(box)
    axes.text(x, y, text, zorder=4, size=11, **canvas.MIDDLE)


def percents(axes: Axes, column: Sequence[Point], words: Words) -> None:
    """Softmax of the book's scores as bars, and of the scores with the inferred W3."""
    looks: dict[Literal["book", "source"], canvas.Look] = {
        "book": canvas.FULL,
        "source": canvas.HATCHED,
    }
    for row, (last, look) in enumerate(looks.items()):
        shares = softmax(forward_trace(network(last), X)[-1].outputs)[0]
        for (_, y), share in zip(column, shares.tolist(), strict=True):
            top = y + 0.42 - 0.48 * row
            canvas.box(axes, (11.6, top), (1.6, 0.36), ec=GREY, fc="#f2f2f2")
            canvas.box(axes, (11.6, top), (1.6 * share, 0.36), ec=BLUE, **look)
            axes.text(13.3, top - 0.18, f"{100 * share:.1f} %", va="center")
        top = 1.9 - 0.45 * row
        canvas.box(axes, (10.9, top), (0.3, 0.2), ec=BLUE, **look)
        w = LAST_WEIGHT[last]
        text = words[last].format(weights=f"[[{w[0]}, {w[1]}], [{w[2]}, {w[3]}]]")
        axes.text(11.3, top, text, va="top")
