"""Lesson 3 as tables: a product in Falk's scheme, and a bias broadcast."""

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from torchbasics.lessons.checks import Words
from torchbasics.lessons.figures import canvas
from torchbasics.lessons.figures.canvas import BLUE, GREY, INK, ORANGE, Point
from torchbasics.lessons.matrices import BIAS, EXAMPLES, PRODUCTS, WEIGHT


def matrices(words: Words) -> Figure:
    """A product in Falk's scheme, and a bias that is added to every row."""
    figure, axes = canvas.board(8, words["matrices"])
    axes.plot([7.1, 7.1], [0.5, 7.1], color=GREY, lw=1)
    for x, name in ((0.4, "product"), (7.5, "bias")):
        canvas.heading(axes, (x, 6.95), words[name], words[f"{name}_note"])
    falk(axes, words)
    broadcast(axes, words)
    return figure


def falk(axes: Axes, words: Words) -> None:
    """A at the left, B above, and each number of A @ B where row and column cross."""
    a, b = (torch.tensor(values) for values in PRODUCTS[1][:2])
    i, j = 1, 0
    row, column = 3.1 - 0.8 * i, 4.0 + 0.8 * j
    mark(axes, (1.2, row), (2.4, 0.8), BLUE, "-")
    mark(axes, (column, 5.9), (0.8, 2.4), ORANGE, "--")
    mark(axes, (column, row), (0.8, 0.8), INK, "-")
    axes.text(1.1, row - 0.4, words["row"].format(number=i), ha="right", va="center")
    axes.text(column + 0.4, 6, words["column"].format(number=j), ha="center")
    for name, values, corner, (x, y) in (
        ("A", a, (1.2, 3.1), (1.2, 3.22)),
        ("B", b, (4.0, 5.9), (5.75, 5.45)),
        ("A @ B", a @ b, (4.0, 3.1), (5.75, 2.65)),
    ):
        cells(axes, values, corner, 0.8)
        axes.text(x, y, f"{name}  {tuple(values.shape)}", size=12)
    pairs = list(zip(a[i].tolist(), b[:, j].tolist(), strict=True))
    text = " + ".join(f"{p}·{q}" for p, q in pairs)
    text += " = " + " + ".join(f"{p * q}" for p, q in pairs)
    axes.text(1.2, 0.7, f"{text} = {a[i] @ b[:, j]}", size=14)


def broadcast(axes: Axes, words: Words) -> None:
    """(3, 3) + (3,): the bias row is added to each row, as if it were copied."""
    sums = EXAMPLES @ WEIGHT
    total = sums + BIAS
    mark(axes, (9.76, 4.6), (1.74, 0.58), ORANGE, "--")
    for left, name, shape, values, solid in (
        (7.5, "X @ W", sums.shape, sums, 3),
        (9.76, "b", BIAS.shape, BIAS.expand(3, 3), 1),
        (12.02, "X @ W + b", total.shape, total, 3),
    ):
        mark(axes, (left + 0.58, 4.02), (0.58, 0.58), INK, "-")
        cells(axes, values, (left, 4.6), 0.58, solid)
        axes.text(left + 0.87, 4.75, f"{name}  {tuple(shape)}", ha="center", size=12)
    for sign, x in (("+", 9.5), ("=", 11.76)):
        axes.text(x, 3.73, sign, size=16, **canvas.MIDDLE)
    axes.text(10.63, 2.72, words["copies"], **canvas.BELOW)
    text = f"{sums[1, 1]} + {BIAS[1]} = {total[1, 1]}"
    axes.text(10.63, 0.7, text, ha="center", size=14)


def cells(
    axes: Axes, values: Tensor, corner: Point, size: float, solid: int = 3
) -> None:
    """A matrix as squares under its upper left corner; rows from `solid` on dotted.

    Shape: values (rows, columns).
    """
    for i, row in enumerate(values.tolist()):
        color, ls = (INK, "-") if i < solid else (GREY, ":")
        for j, value in enumerate(row):
            x, y = corner[0] + size * j, corner[1] - size * i
            canvas.box(axes, (x, y), (size, size), ec=GREY, fc="none", ls=ls)
            at = (x + size / 2, y - size / 2)
            axes.text(*at, value, size=14, color=color, **canvas.MIDDLE)


def mark(axes: Axes, corner: Point, size: Point, color: str, ls: str) -> None:
    """A thick frame, tinted, around some cells."""
    canvas.box(axes, corner, size, color=color, alpha=0.18, lw=0)
    canvas.frame(axes, corner, size, color, 3, ls)
