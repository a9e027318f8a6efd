"""Lesson 1 as planes: the gates' lines, and the two that XOR needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import takewhile
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from torch import Tensor

from torchbasics.lessons.checks import Words
from torchbasics.lessons.exercises.perceptron import TABLES
from torchbasics.lessons.figures.canvas import (
    BLUE,
    GREEN,
    INK,
    PALE,
    RED,
    Point,
    caption,
    sheet,
    write,
)
from torchbasics.perceptron import (
    AND,
    INPUTS,
    NAND,
    OR,
    Perceptron,
    Xor,
    perceptron_rule,
)


def perceptron(words: Words) -> Figure:
    """The gates' lines, by hand and learned; XOR refused, cut twice, and untangled."""
    figure = sheet(11.6, words["perceptron"])
    sides = {"left": 0.045, "right": 0.985, "bottom": 0.05, "top": 0.85}
    grid = figure.add_gridspec(2, 3, hspace=0.4, **sides)
    for column, (name, gate) in enumerate({"AND": AND, "OR": OR, "NAND": NAND}.items()):
        gate_plane(figure.add_subplot(grid[0, column]), name, gate, words)
    refused_plane(figure.add_subplot(grid[1, 0]), words)
    two_lines_plane(figure.add_subplot(grid[1, 1]), words)
    hidden_plane(figure.add_subplot(grid[1, 2]), words)
    dot = partial(Line2D, [], [], marker="o", ms=10, mew=2, ls="", color=INK)
    handles = {
        "filled": dot(),
        "hollow": dot(markerfacecolor="white"),
        "shaded": Patch(color=PALE),
        "by_hand": Line2D([], [], color=BLUE),
        "by_rule": Line2D([], [], color=RED, ls="--"),
        "margin": Line2D([], [], color=INK, marker="$↔$", ms=22, ls=""),
    }
    labels = [words[key] for key in handles]
    figure.legend(list(handles.values()), labels, loc=(0.022, 0.925), ncols=6)
    return figure


def gate_plane(axes: Axes, name: str, gate: Perceptron, words: Words) -> None:
    """A gate's line by hand, its margin, and the line that the rule finds."""
    rule = perceptron_rule(INPUTS, torch.tensor(TABLES[name]))
    epochs = list(takewhile(lambda epoch: epoch.mistakes, rule))
    bias, *weight = found = epochs[-1].weights
    note = words["gate_note"].format(
        mistakes=sum(len(epoch.mistakes) for epoch in epochs),
        epochs=len(epochs),
        margin=f"{Perceptron(weight, bias).margin(INPUTS):g}",
    )
    plane(axes, gate)
    caption(axes, name, f"{words[name]}\n{note}")
    points(axes, INPUTS, gate(INPUTS))
    margin(axes, gate)
    (x1, side), (x1_found, side_found) = FORMULAS[name]
    by_hand = parameters(gate)
    line(axes, by_hand, formula(by_hand), x1, side, color=BLUE)
    line(axes, found, formula(found), x1_found, side_found, color=RED, ls="--")


FORMULAS = {
    "AND": ((0.35, 1), (0.42, -1)),
    "OR": ((0.3, 1), (-0.26, -1)),
    "NAND": ((0.35, -1), (0.5, 1)),
}
"""Where the formulas of the two lines stand: at which x1, over (1) or under (-1)."""


def plane(axes: Axes, function: Callable[[Tensor], Tensor] | None = None) -> None:
    """Axes of two inputs, shaded where the function answers 1.

    Shape: the function makes (N,) of (N, 2).
    """
    axes.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), xticks=(0, 1), yticks=(0, 1))
    axes.set(aspect="equal", xlabel="x₁", ylabel="x₂")
    if function:
        at = torch.linspace(-0.5, 1.5, 201)
        answers = function(torch.cartesian_prod(at, at)).view(201, 201).T
        axes.contourf(at, at, answers, levels=[0.5, 1.5], colors=[PALE])


def points(axes: Axes, inputs: Tensor, answers: Tensor) -> None:
    """Inputs as dots, filled where the answer is 1. Shape: (N, 2), (N,)."""
    look: dict[str, Any] = {"ls": "", "color": INK, "ms": 10, "mew": 2, "zorder": 4}
    for answer, face in ((1, INK), (0, "white")):
        axes.plot(*inputs[answers == answer].T, "o", mfc=face, **look)


def names(axes: Axes) -> None:
    """The four inputs beside their dots, on the side where there is room."""
    for x1, x2 in INPUTS.tolist():
        by, ha = ((-10, 0), "right") if x1 == 0 else ((10, 0), "left")
        write(axes, f"({x1:g}, {x2:g})", (x1, x2), by, ha=ha, va="center")


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
    write(axes, text, at, by, **look, **turn)


def formula(weights: Sequence[float], x: str = "x") -> str:
    """The line b + w1 x1 + w2 x2 = 0 as one writes it.

    >>> formula((3.0, 1.0, 0.5))
    'x₁ + 0.5x₂ + 3 = 0'
    """
    bias, w1, w2 = weights
    terms = []
    for value, name in ((w1, f"{x}₁"), (w2, f"{x}₂"), (bias, "")):
        size = f"{value:g}"
        terms.append((size[:-1] if abs(value) == 1 and name else size) + name)
    terms = terms[:2] if bias == 0 else terms
    text = " + ".join(terms).replace("+ -", "- ") + " = 0"
    return text.replace("-", "\N{MINUS SIGN}")


def parameters(gate: Perceptron) -> tuple[float, float, float]:
    """(b, w1, w2), without the digits that float32 adds."""
    b, w1, w2 = (round(float(p), 6) for p in (gate.bias, *gate.weight))
    return b, w1, w2


def margin(axes: Axes, gate: Perceptron) -> None:
    """An arrow from the example nearest to the line, straight to the line."""
    sums = gate.pre_activation(INPUTS)
    nearest = int(sums.abs().argmin())
    start = INPUTS[nearest]
    end = start - sums[nearest] * gate.weight / gate.weight.square().sum()
    (x1, x2), (to_x1, to_x2) = start.tolist(), end.tolist()
    look = {"arrowstyle": "<->", "shrinkA": 5, "shrinkB": 0, "lw": 1.5, "color": INK}
    axes.annotate("", (to_x1, to_x2), (x1, x2), arrowprops=look)
    middle = ((x1 + to_x1) / 2, (x2 + to_x2) / 2)
    write(axes, f"{gate.margin(INPUTS):.2f}", middle, (6, -9))


def refused_plane(axes: Axes, words: Words) -> None:
    """XOR's four points: the way between its 1s crosses the way between its 0s."""
    plane(axes)
    caption(axes, words["refused"], words["refused_note"])
    answers = Xor()(INPUTS)
    for answer, steep, color, ls in ((1, -1, BLUE, "-"), (0, 1, RED, "--")):
        axes.plot(*INPUTS[answers == answer].T, color=color, ls=ls)
        at = (0.25, 0.5 - 0.25 * steep)
        along(axes, at, steep, words[f"joins_{answer}"], 1, color)
    points(axes, INPUTS, answers)
    names(axes)
    axes.plot(0.5, 0.5, "x", color=INK, ms=13, mew=3)
    write(axes, words["crossing"], (0.5, 0.5), (16, 0), va="center")


def two_lines_plane(axes: Axes, words: Words) -> None:
    """XOR answers 1 in the band between the lines of NAND and OR."""
    plane(axes, Xor())
    caption(axes, words["two_lines"], words["two_lines_note"])
    points(axes, INPUTS, Xor()(INPUTS))
    names(axes)
    above, below = parameters(NAND), parameters(OR)
    line(axes, above, f"NAND: {formula(above)}", 0.62, 1, color=BLUE)
    line(axes, below, f"OR: {formula(below)}", 0.2, -1, color=GREEN, ls="-.")
    for x1, x2 in ((-0.1, -0.36), (0.5, 0.5), (1.1, 1.3)):
        h1, h2 = Xor().hidden(torch.tensor([[x1, x2]]))[0].tolist()
        text = f"h₁ = {h1:g}, h₂ = {h2:g}"
        axes.text(x1, x2, text, ha="center", va="center", weight="bold")


def hidden_plane(axes: Axes, words: Words) -> None:
    """What the first layer makes of the four inputs: three points, and one line."""
    plane(axes, AND)
    axes.set(xlabel="h₁ = NAND(x₁, x₂)", ylabel="h₂ = OR(x₁, x₂)")
    caption(axes, words["hidden"], words["hidden_note"])
    hidden = Xor().hidden(INPUTS)
    points(axes, hidden, AND(hidden))
    last = parameters(AND)
    line(axes, last, f"AND: {formula(last, 'h')}", 0.8, -1, color=BLUE)
    origins(axes, hidden, words)


def origins(axes: Axes, moved: Tensor, words: Words) -> None:
    """At each place that inputs were moved to, which they were. Shape: (4, 2)."""
    places = moved.round(decimals=1)
    for place in places.unique(dim=0):
        here = (places == place).all(1)
        came = ", ".join(str(tuple(x)) for x in INPUTS[here].int().tolist())
        h1, h2 = moved[here].mean(0).tolist()
        by, va = ((0, 11), "bottom") if h2 > 0.5 else ((0, -11), "top")
        text = words["from"].format(inputs=came)
        write(axes, text, (h1, h2), by, ha="center", va=va)
