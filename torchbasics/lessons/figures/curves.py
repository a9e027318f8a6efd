"""Lesson 2 as curves: each activation function over its slope."""

from __future__ import annotations

from functools import partial

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from torchbasics.lessons.activations import FUNCTIONS, Activation, slope
from torchbasics.lessons.checks import Words
from torchbasics.lessons.figures.canvas import (
    BLUE,
    INK,
    RED,
    sheet,
)


def activations(words: Words) -> Figure:
    """Each activation function and, under it, its slope by autograd."""
    figure = sheet(11, words["activations"])
    sides = {"left": 0.045, "right": 0.985, "bottom": 0.05, "top": 0.9}
    grid = figure.add_gridspec(2, 4, hspace=0.25, wspace=0.2, **sides)
    for cell, name in enumerate(FUNCTIONS):
        pair = grid[cell // 4, cell % 4].subgridspec(2, 1, hspace=0.15)
        value = figure.add_subplot(pair[0], title=words[name])
        derivative = figure.add_subplot(pair[1], xlabel="x")
        curve_and_slope(value, derivative, name, words)
        if cell % 4 == 0:
            value.set_ylabel(words["value"])
            derivative.set_ylabel(words["slope"])
    key_to_curves(figure.add_subplot(grid[1, 3]), words)
    return figure


def curve_and_slope(value: Axes, derivative: Axes, name: str, words: Words) -> None:
    """A function and its slope, each with a line about it; sigmoid's with its bound."""
    function = FUNCTIONS[name]
    top = 5 if function(torch.tensor(5.0)) > 1 else 1
    value.set(ylim=(-1.25 * top, 1.6 * top), yticks=(-top, 0, top))
    value.tick_params(labelbottom=False)
    derivative.set(ylim=(-0.25, 1.6), yticks=(0, 0.5, 1))
    curve(value, function, BLUE)
    steepest = curve(derivative, partial(slope, function), RED)
    leak = slope(function, torch.tensor(-1.0))
    for axes, kind in ((value, "value"), (derivative, "slope")):
        text = words[f"{name}_{kind}"]
        text = text.format(steepest=f"{steepest:.3g}", leak=f"{leak:.2g}")
        axes.text(0.03, 0.97, text, va="top", transform=axes.transAxes)
    if name == "sigmoid":
        derivative.axhline(steepest, color=INK, ls=":", lw=1.5)


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
        for y, face in ((before, "white"), (after, "white"), (at, color)):
            axes.plot(0, y, "o", color=color, mfc=face, ms=7, mew=2)
    return float(function(right).max())


def key_to_curves(axes: Axes, words: Words) -> None:
    """What lines and dots mean, where there would be an eighth function."""
    axes.axis("off")
    dot = partial(Line2D, [], [], color=INK, marker="o", ms=7, mew=2, ls="")
    handles = {
        "value_line": Line2D([], [], color=BLUE),
        "slope_line": Line2D([], [], color=RED),
        "taken": dot(),
        "not_taken": dot(markerfacecolor="white"),
    }
    labels = [words[key] for key in handles]
    axes.legend(list(handles.values()), labels, loc="upper left", labelspacing=1.2)
    zero = torch.tensor(0.0)
    agreed = [words["agreed"], f"step(0) = {FUNCTIONS['step'](zero):g}"]
    for name in ("step", "relu", "leaky_relu"):
        agreed.append(f"{name}'(0) = {slope(FUNCTIONS[name], zero):.2g}")
    text = "\n".join(agreed)
    axes.text(0.03, 0.62, text, va="top", linespacing=1.7, transform=axes.transAxes)
