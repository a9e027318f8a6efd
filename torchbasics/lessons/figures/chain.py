"""Lesson 5 as a graph: the slopes of the loss, from the last layer to the first."""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from torchbasics.activations import softmax
from torchbasics.lessons.checks import Words
from torchbasics.lessons.figures import canvas
from torchbasics.lessons.figures import network as graph
from torchbasics.lessons.figures.canvas import Point, signed
from torchbasics.lessons.learning import loss_of
from torchbasics.lessons.textbook import LABELS, X, network
from torchbasics.losses import cross_entropy_gradient
from torchbasics.trace import LayerGradients, LayerTrace, backward_trace, forward_trace


def chain(words: Words) -> Figure:
    """The slopes of the loss in the same network, from the loss back to the input."""
    figure, axes = canvas.board(9.4, words["chain"], bottom=-1.4)
    model = network()
    passed = forward_trace(model, X)
    asked = cross_entropy_gradient(passed[-1].outputs, LABELS)
    back = backward_trace(model, X, asked)[::-1]
    notes = [words[f"slopes{number}"] for number in range(4)]
    columns = graph.layers(axes, (0.75, 3.6, 6.65, 9.65), graph.SMALL, notes, words)
    for number, (layer, slopes) in enumerate(zip(passed, back, strict=True)):
        before, column = columns[number : number + 2]
        graph.edges(axes, slopes.weight, before, column, back=True)
        slope_units(axes, layer, slopes, column)
        x = (before[0][0] + column[0][0]) / 2
        graph.shape_of(axes, x, f"dL/dW{number + 1}", slopes.weight)
        largest = words["largest"].format(slope=f"{slopes.weight.abs().max():.4f}")
        axes.text(x, 0.52, largest, ha="center")
    asks(axes, columns[-1], softmax(passed[-1].outputs)[0], asked[0], words)
    signs(axes, words)
    examples(axes, passed, back, words)
    return figure


def slope_units(
    axes: Axes, layer: LayerTrace, slopes: LayerGradients, column: Sequence[Point]
) -> None:
    """What reaches each unit from the right, its own slope, and their product."""
    look: canvas.Look = {"ha": "center", "zorder": 4}
    for unit, (x, y) in enumerate(column):
        lines = [
            f"z = {layer.outputs[0, unit]:.4f}",
            f"dL/dz = {signed(slopes.outputs[0, unit])}",
            f"s'(a) = {layer.derivatives[0, unit]:.4f}",
        ]
        if torch.equal(layer.outputs, layer.pre_activations):  # no activation: a is z
            lines = [f"a = {layer.pre_activations[0, unit]:.4f}"]
        graph.card(axes, (x, y), "", graph.LARGE)
        product = f"dL/da = {signed(slopes.pre_activations[0, unit])}"
        at = (x, y - 0.09 * (len(lines) - 1))
        canvas.write(axes, "\n".join(lines), at, (0, 1), va="bottom", size=11, **look)
        canvas.write(axes, product, at, (0, -3), va="top", weight="bold", **look)


def asks(
    axes: Axes, column: Sequence[Point], probs: Tensor, asked: Tensor, words: Words
) -> None:
    """What the loss asks of each score: its probability, less 1 for the right one.

    Shape: probs and asked (2,).
    """
    graph.heading(axes, 11.6, words["asks"], words["asks_note"])
    graph.heading(axes, 13.2, words["loss"], words["loss_note"])
    graph.card(axes, (13.2, 3.5), f"L = {loss_of(network()):.4f}", graph.SMALL)
    for k, (x, y) in enumerate(column):
        text = f"p = {probs[k]:.4f}\nt = {k == int(LABELS):d}\n"
        text += f"p \N{MINUS SIGN} t = {signed(asked[k])}"
        graph.card(axes, (11.6, y), text, (1.3, 0.7))
        canvas.arrow(axes, (11.6 - 0.73, y), (x + 0.83, y))
        canvas.arrow(axes, (13.2 - 0.53, 3.5), (11.6 + 0.73, y + 0.3 * (3.5 - y)))


def signs(axes: Axes, words: Words) -> None:
    """What the lines' colours, styles and widths mean."""
    axes.text(0.3, -0.1, words["signs"], weight="bold")
    for y, positive, look in ((-0.4, True, canvas.SOLID), (-0.7, False, canvas.DASHED)):
        axes.plot([0.3, 0.9], [y, y], **look)
        axes.text(1.05, y, words[f"slope_{positive}"], va="center")
    axes.text(1.05, -1.0, words["wider"], va="center")


def examples(
    axes: Axes,
    passed: Sequence[LayerTrace],
    back: Sequence[LayerGradients],
    words: Words,
) -> None:
    """The slopes of one unit, the first before the scores, and of its first weight."""
    z, derivative = passed[1].outputs[0, 0], passed[1].derivatives[0, 0]
    arrives, leaves = back[1].outputs[0, 0], back[1].pre_activations[0, 0]
    asked, slope = back[2].pre_activations[0], back[2].weight[0, 0]
    pairs = zip(passed[2].weight[0], asked, strict=True)
    products = " + ".join(f"{weight:.1f}·({signed(a)})" for weight, a in pairs)
    of_unit = (
        f"dL/dz = Σ w · dL/da = {products} = {signed(arrives)}\n"
        f"dL/da = dL/dz · s'(a) = {signed(arrives)}·{derivative:.4f} = {signed(leaves)}"
    )
    of_weight = f"dL/dw = z · dL/da = {z:.4f}·({signed(asked[0])}) = {signed(slope)}\n"
    of_weight += words["of_bias"]
    for x, name, text in ((4.9, "of_unit", of_unit), (10.0, "of_weight", of_weight)):
        canvas.heading(axes, (x, -0.1), words[name], text, size=10, linespacing=1.6)
