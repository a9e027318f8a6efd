"""Lesson 1 as planes: the gates' lines, and the two that XOR needs."""

import math
import re
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from torch import Tensor

from torchbasics.lessons.checks import Words
from torchbasics.lessons.figures import canvas
from torchbasics.lessons.figures.canvas import BLUE, GREEN, INK, PALE, Point
from torchbasics.lessons.textbook import TRUTH_TABLES, parameters
from torchbasics.perceptron import AND, INPUTS, NAND, OR, Perceptron, Xor
from torchbasics.perceptron import perceptron_rule as rule

NAMES = [str(tuple(x)) for x in INPUTS.int().tolist()]
"""The four inputs as one writes them."""

FORMULAS = {
    "AND": ((0.35, 1), (0.42, -1)),
    "OR": ((0.3, 1), (-0.26, -1)),
    "NAND": ((0.35, -1), (0.5, 1)),
}
"""Where the formulas of the two lines stand: at which x1, over (1) or under (-1)."""


def perceptron(words: Words) -> Figure:
    """The gates' lines, by hand and learned; XOR refused, cut twice, and untangled."""
    figure = canvas.sheet(11.6, words["perceptron"])
    grid = canvas.panels(figure, 2, 3, top=0.85, hspace=0.4)
    for cell, (name, gate) in enumerate({"AND": AND, "OR": OR, "NAND": NAND}.items()):
        gate_plane(figure.add_subplot(grid[cell]), name, gate, words)
    refused_plane(figure.add_subplot(grid[3]), words)
    two_lines_plane(figure.add_subplot(grid[4]), words)
    hidden_plane(figure.add_subplot(grid[5]), words)
    samples = [
        Line2D([], [], **canvas.dot(), label=words["filled"]),
        Line2D([], [], **canvas.dot(filled=False), label=words["hollow"]),
        Patch(color=PALE, label=words["shaded"]),
        Line2D([], [], **canvas.SOLID, label=words["by_hand"]),
        Line2D([], [], **canvas.DASHED, label=words["by_rule"]),
        Line2D([], [], color=INK, marker="$↔$", ms=22, ls="", label=words["margin"]),
    ]
    figure.legend(handles=samples, loc=(0.022, 0.925), ncols=6)
    return figure


def gate_plane(axes: Axes, name: str, gate: Perceptron, words: Words) -> None:
    """A gate's line by hand, its margin, and the line that the rule finds."""
    passes = rule(INPUTS, torch.tensor(TRUTH_TABLES[name]))
    epochs = list(takewhile(lambda epoch: epoch.mistakes, passes))
    by_hand, found = parameters(gate), epochs[-1].weights
    note = words["gate_note"].format(
        mistakes=sum(len(epoch.mistakes) for epoch in epochs),
        epochs=len(epochs),
        margin=f"{Perceptron(found[1:], found[0]).margin(INPUTS):g}",
    )
    plane(axes, INPUTS, gate(INPUTS), gate)
    canvas.caption(axes, name, f"{words[name]}\n{note}")
    margin(axes, gate)
    place, place_found = FORMULAS[name]
    line(axes, by_hand, formula(by_hand), *place, **canvas.SOLID)
    line(axes, found, formula(found), *place_found, **canvas.DASHED)


def plane(
    axes: Axes,
    inputs: Tensor,
    answers: Tensor,
    function: Callable[[Tensor], Tensor] | None = None,
) -> None:
    """Inputs as dots, filled where the answer is 1; shaded where the function's is.

    Shape: inputs (N, 2), answers (N,); the function makes (M,) of (M, 2).
    """
    axes.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), xticks=(0, 1), yticks=(0, 1))
    axes.set(aspect="equal", xlabel="x₁", ylabel="x₂")
    if function:
        at = torch.linspace(-0.5, 1.5, 201)
        shade = function(torch.cartesian_prod(at, at)).view(201, 201).T
        axes.contourf(at, at, shade, levels=[0.5, 1.5], colors=[PALE])
    for answer in (1, 0):
        look = canvas.dot(filled=answer == 1)
        axes.plot(*inputs[answers == answer].T, **look, zorder=4)


def names(axes: Axes) -> None:
    """The four inputs beside their dots, on the side where there is room."""
    for name, (x1, x2) in zip(NAMES, INPUTS.tolist(), strict=True):
        by, ha = ((-10, 0), "right") if x1 == 0 else ((10, 0), "left")
        canvas.write(axes, name, (x1, x2), by, ha=ha, va="center")


def line(
    axes: Axes, weights: Sequence[float], text: str, x1: float, side: int, **look: Any
) -> None:
    """The line b + w1 x1 + w2 x2 = 0, with text along it, over (1) or under it (-1)."""
    bias, w1, w2 = weights
    at = (x1, -(bias + w1 * x1) / w2)
    axes.axline(at, slope=-w1 / w2, **look)
    along(axes, at, -w1 / w2, text, side, look["color"])


def along(
    axes: Axes, at: Point, steep: float, text: str, side: int, color: str
) -> None:
    """Text along a line of that slope, centred at a point of it, over or under it."""
    slant = math.atan(steep)
    by = (-4 * side * math.sin(slant), 4 * side * math.cos(slant))
    look = {"ha": "center", "va": "bottom" if side > 0 else "top", "color": color}
    turn = {"rotation": math.degrees(slant), "rotation_mode": "anchor"}
    canvas.write(axes, text, at, by, **look, **turn)


def formula(weights: Sequence[float], x: str = "x") -> str:
    """The line b + w1 x1 + w2 x2 = 0 as one writes it.

    >>> formula((3.0, 1.0, 0.5))
    'x₁ + 0.5x₂ + 3 = 0'
    """
    bias, w1, w2 = weights
    text = f"{w1:g}{x}₁{w2:+g}{x}₂" + (f"{bias:+g}" if bias else "")
    text = re.sub(rf"(?<![\d.])1(?={x})", "", text)
    text = re.sub(r"(?<=.)([+-])", r" \1 ", text)
    return f"{text} = 0".replace("-", "\N{MINUS SIGN}")


def margin(axes: Axes, gate: Perceptron) -> None:
    """An arrow from the example nearest to the line, straight to the line."""
    sums = gate.pre_activation(INPUTS)
    nearest = int(sums.abs().argmin())
    start = INPUTS[nearest]
    end = start - sums[nearest] * gate.weight / gate.weight.square().sum()
    near, foot, middle = torch.stack([start, end, (start + end) / 2]).tolist()
    canvas.arrow(axes, near, foot, arrowstyle="<->", shrinkA=5, lw=1.5)
    canvas.write(axes, f"{gate.margin(INPUTS):.2f}", middle, (6, -9))


def refused_plane(axes: Axes, words: Words) -> None:
    """XOR's four points: the way between its 1s crosses the way between its 0s."""
    answers = Xor()(INPUTS)
    plane(axes, INPUTS, answers)
    canvas.caption(axes, words["refused"], words["refused_note"])
    for answer, steep, look in ((1, -1, canvas.SOLID), (0, 1, canvas.DASHED)):
        axes.plot(*INPUTS[answers == answer].T, **look)
        at = (0.25, 0.5 - 0.25 * steep)
        along(axes, at, steep, words[f"joins_{answer}"], 1, look["color"])
    names(axes)
    axes.plot(0.5, 0.5, "x", color=INK, ms=13, mew=3)
    canvas.write(axes, words["crossing"], (0.5, 0.5), (16, 0), va="center")


def two_lines_plane(axes: Axes, words: Words) -> None:
    """XOR answers 1 in the band between the lines of NAND and OR."""
    plane(axes, INPUTS, Xor()(INPUTS), Xor())
    canvas.caption(axes, words["two_lines"], words["two_lines_note"])
    names(axes)
    above, below = parameters(NAND), parameters(OR)
    line(axes, above, f"NAND: {formula(above)}", 0.62, 1, color=BLUE)
    line(axes, below, f"OR: {formula(below)}", 0.2, -1, color=GREEN, ls="-.")
    for x1, x2 in ((-0.1, -0.36), (0.5, 0.5), (1.1, 1.3)):
        h1, h2 = Xor().hidden(torch.tensor([[x1, x2]]))[0].tolist()
        text = f"h₁ = {h1:g}, h₂ = {h2:g}"
        axes.text(x1, x2, text, weight="bold", **canvas.MIDDLE)


def hidden_plane(axes: Axes, words: Words) -> None:
    """What the first layer makes of the four inputs: three points, and one line."""
    hidden = Xor().hidden(INPUTS)
    plane(axes, hidden, AND(hidden), AND)
    axes.set(xlabel="h₁ = NAND(x₁, x₂)", ylabel="h₂ = OR(x₁, x₂)")
    canvas.caption(axes, words["hidden"], words["hidden_note"])
    last = parameters(AND)
    line(axes, last, f"AND: {formula(last, 'h')}", 0.8, -1, color=BLUE)
    origins(axes, hidden, words)


def origins(axes: Axes, moved: Tensor, words: Words) -> None:
    """At each place that inputs were moved to, which they were. Shape: (4, 2)."""
    places = moved.round(decimals=1)
    for place in places.unique(dim=0):
        here = (places == place).all(1)
        came = ", ".join(name for name, at in zip(NAMES, here, strict=True) if at)
        h1, h2 = moved[here].mean(0).tolist()
        by, va = ((0, 11), "bottom") if h2 > 0.5 else ((0, -11), "top")
        text = words["from"].format(inputs=came)
        canvas.write(axes, text, (h1, h2), by, ha="center", va=va)
