"""Lesson 2 as curves: each activation function over its slope."""

from functools import partial

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from torchbasics.lessons.activations import FUNCTIONS, Activation
from torchbasics.lessons.checks import Words
from torchbasics.lessons.figures import canvas
from torchbasics.trace import derivative


def activations(words: Words) -> Figure:
    """Each activation function and, under it, its slope by autograd."""
    figure = canvas.sheet(11, words["activations"])
    grid = canvas.panels(figure, 2, 4, top=0.9, hspace=0.25, wspace=0.2)
    for cell, name in enumerate(FUNCTIONS):
        pair = grid[cell].subgridspec(2, 1, hspace=0.15)
        value = figure.add_subplot(pair[0], title=words[name])
        below = figure.add_subplot(pair[1], xlabel="x")
        curve_and_derivative(value, below, name, words)
        if cell % 4 == 0:
            value.set_ylabel(words["value"])
            below.set_ylabel(words["slope"])
    key_to_curves(figure.add_subplot(grid[7]), words)
    return figure


def curve_and_derivative(value: Axes, below: Axes, name: str, words: Words) -> None:
    """A function and its slope, each with a line about it; sigmoid's with its bound."""
    function = FUNCTIONS[name]
    top = 5 if function(torch.tensor(5.0)) > 1 else 1
    value.set(ylim=(-1.25 * top, 1.6 * top), yticks=(-top, 0, top))
    value.tick_params(labelbottom=False)
    below.set(ylim=(-0.25, 1.6), yticks=(0, 0.5, 1))
    curve(value, function, canvas.BLUE)
    steepest = curve(below, partial(derivative, function), canvas.RED)
    leak = derivative(function, torch.tensor(-1.0))
    for axes, kind in ((value, "value"), (below, "slope")):
        text = words[f"{name}_{kind}"]
        text = text.format(steepest=f"{steepest:.3g}", leak=f"{leak:.2g}")
        axes.text(0.03, 0.97, text, va="top", transform=axes.transAxes)
    if name == "sigmoid":
        below.axhline(steepest, **canvas.BOUND)


def curve(axes: Axes, function: Activation, color: str) -> float:
    """The graph, in two halves, with dots at 0 if they do not meet; its highest value.

    The filled dot is the value at 0, the hollow one a limit that is not.
    """
    axes.set(xlim=(-5, 5), xticks=range(-4, 5, 2))
    axes.grid(color="#e4e4e4", lw=0.8)
    right = torch.linspace(1e-9, 5, 401, dtype=torch.float64)
    for half in (-right, right):
        axes.plot(half, function(half), color=color)
    before, at, after = function(torch.tensor([-1e-9, 0, 1e-9]).double()).tolist()
    if abs(after - before) > 0.1:
        for y, filled in ((before, False), (after, False), (at, True)):
            axes.plot(0, y, **canvas.dot(filled, color, 7))
    return float(function(right).max())


def key_to_curves(axes: Axes, words: Words) -> None:
    """What lines and dots mean, where there would be an eighth function."""
    axes.axis("off")
    samples = [
        Line2D([], [], color=canvas.BLUE, label=words["value_line"]),
        Line2D([], [], color=canvas.RED, label=words["slope_line"]),
        Line2D([], [], **canvas.dot(size=7), label=words["taken"]),
        Line2D([], [], **canvas.dot(filled=False, size=7), label=words["not_taken"]),
    ]
    axes.legend(handles=samples, loc="upper left", labelspacing=1.2)
    zero = torch.tensor(0.0)
    agreed = [words["agreed"], f"step(0) = {FUNCTIONS['step'](zero):g}"]
    for name in ("step", "relu", "leaky_relu"):
        agreed.append(f"{name}'(0) = {derivative(FUNCTIONS[name], zero):.2g}")
    text = "\n".join(agreed)
    axes.text(0.03, 0.62, text, va="top", linespacing=1.7, transform=axes.transAxes)
