"""Lesson 5 as a graph: the slopes of the loss, from the last layer to the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from torchbasics import trace
from torchbasics.activations import softmax
from torchbasics.lessons.checks import Words
from torchbasics.lessons.exercises.forward import X, network
from torchbasics.lessons.figures.canvas import Point, arrow, board, sheet, write
from torchbasics.lessons.figures.network import (
    LARGE,
    SIGNS,
    SMALL,
    card,
    edges,
    heading,
    places,
    shape_of,
    signed,
)
from torchbasics.lessons.learning import LABELS, loss_of
from torchbasics.losses import cross_entropy_gradient


def chain(words: Words) -> Figure:
    """The slopes of the loss in the same network, from the loss back to the input."""
    figure = sheet(9.4, words["chain"])
    axes = board(figure, bottom=-1.4)
    model = network()
    passed = trace.forward(model, X)
    asked = cross_entropy_gradient(passed[-1].outputs, LABELS)
    back = trace.backward(model, X, asked)[::-1]
    columns = [places(x, n) for x, n in ((0.75, 2), (3.6, 3), (6.65, 2), (9.65, 2))]
    for number, column in enumerate(columns):
        x = column[0][0]
        heading(axes, x, words[f"layer{number}"], words[f"slopes{number}"])
    for name, place, value in zip(("x₁", "x₂"), columns[0], X[0], strict=True):
        card(axes, place, f"{name} = {value:g}", SMALL)
    for number, (layer, slopes) in enumerate(zip(passed, back, strict=True)):
        before, column = columns[number : number + 2]
        edges(axes, slopes.weight, before, column, back=True)
        slope_units(axes, layer, slopes, column)
        x = (before[0][0] + column[0][0]) / 2
        shape_of(axes, x, f"dL/dW{number + 1}", slopes.weight)
        largest = words["largest"].format(slope=f"{slopes.weight.abs().max():.4f}")
        axes.text(x, 0.52, largest, ha="center")
    asks(axes, columns[-1], softmax(passed[-1].outputs)[0], asked[0], words)
    signs(axes, words)
    examples(axes, passed, back, words)
    return figure


def slope_units(
    axes: Axes, layer: trace.Layer, slopes: trace.Gradients, column: Sequence[Point]
) -> None:
    """What reaches each unit from the right, its own slope, and their product."""
    look: dict[str, Any] = {"ha": "center", "zorder": 4}
    for unit, (x, y) in enumerate(column):
        lines = [
            f"z = {layer.outputs[0, unit]:.4f}",
            f"dL/dz = {signed(slopes.outputs[0, unit])}",
            f"s'(a) = {layer.slopes[0, unit]:.4f}",
        ]
        if torch.equal(layer.outputs, layer.sums):  # no activation: a is z
            lines = [f"a = {layer.sums[0, unit]:.4f}"]
        card(axes, (x, y), "", LARGE)
        product = f"dL/da = {signed(slopes.sums[0, unit])}"
        at = (x, y - 0.09 * (len(lines) - 1))
        write(axes, "\n".join(lines), at, (0, 1), va="bottom", size=11, **look)
        write(axes, product, at, (0, -3), va="top", weight="bold", **look)


def asks(
    axes: Axes, column: Sequence[Point], probs: Tensor, asked: Tensor, words: Words
) -> None:
    """What the loss asks of each score: its probability, less 1 for the right one.

    Shape: probs and asked (2,).
    """
    heading(axes, 11.6, words["asks"], words["asks_note"])
    heading(axes, 13.2, words["loss"], words["loss_note"])
    right = int(LABELS)
    card(axes, (13.2, 3.5), f"L = {loss_of(network()):.4f}", SMALL)
    for k, (x, y) in enumerate(column):
        text = f"p = {probs[k]:.4f}\nt = {k == right:d}\n"
        text += f"p \N{MINUS SIGN} t = {signed(asked[k])}"
        card(axes, (11.6, y), text, (1.3, 0.7))
        arrow(axes, (11.6 - 0.73, y), (x + 0.83, y))
        arrow(axes, (13.2 - 0.53, 3.5), (11.6 + 0.73, y + 0.3 * (3.5 - y)))


def signs(axes: Axes, words: Words) -> None:
    """What the lines' colours, styles and widths mean."""
    axes.text(0.3, -0.1, words["signs"], weight="bold")
    for row, (positive, look) in enumerate(SIGNS.items()):
        y = -0.4 - 0.3 * row
        axes.plot([0.3, 0.9], [y, y], **look)
        axes.text(1.05, y, words[f"slope_{positive}"], va="center")
    axes.text(1.05, -1.0, words["wider"], va="center")


def examples(
    axes: Axes,
    passed: Sequence[trace.Layer],
    back: Sequence[trace.Gradients],
    words: Words,
) -> None:
    """The slopes of one unit, the first before the scores, and of its first weight."""
    unit, arrives, leaves = passed[1], back[1].outputs[0, 0], back[1].sums[0, 0]
    asked, slope = back[2].sums[0], back[2].weight[0, 0]
    pairs = zip(passed[2].weight[0], asked, strict=True)
    products = " + ".join(f"{weight:.1f}·({signed(a)})" for weight, a in pairs)
    factors = f"{signed(arrives)}·{unit.slopes[0, 0]:.4f}"
    texts = {
        "of_unit": (
            f"dL/dz = Σ w · dL/da = {products} = {signed(arrives)}",
            f"dL/da = dL/dz · s'(a) = {factors} = {signed(leaves)}",
        ),
        "of_weight": (
            f"dL/dw = z · dL/da = {unit.outputs[0, 0]:.4f}·({signed(asked[0])}) "
            f"= {signed(slope)}",
            words["of_bias"],
        ),
    }
    for x, (title, lines) in zip((4.9, 10.0), texts.items(), strict=True):
        axes.text(x, -0.1, words[title], weight="bold")
        axes.text(x, -0.25, "\n".join(lines), va="top", linespacing=1.6)
