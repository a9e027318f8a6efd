"""Lesson 3 as tables: a product in Falk's scheme, and a bias broadcast."""

from __future__ import annotations

from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from torchbasics.lessons.checks import Words
from torchbasics.lessons.figures.canvas import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    Point,
    board,
    sheet,
)
from torchbasics.lessons.matrices import BIAS, EXAMPLES, PRODUCTS, WEIGHT


def matrices(words: Words) -> Figure:
    """A product in Falk's scheme, and a bias that is added to every row."""
    figure = sheet(8, words["matrices"])
    axes = board(figure)
    axes.plot([7.1, 7.1], [0.5, 7.1], color=GREY, lw=1)
    for x, key in ((0.4, "product"), (7.5, "bias")):
        axes.text(x, 6.95, words[key], size=12, weight="bold")
        axes.text(x, 6.8, words[f"{key}_note"], va="top")
    falk(axes, words)
    broadcast(axes, words)
    return figure


def falk(axes: Axes, words: Words) -> None:
    """A at the left, B above, and each number of A @ B where row and column cross."""
    a, b = (torch.tensor(values) for values in PRODUCTS[1][:2])
    i, j = 1, 0
    row, column = 3.1 - 0.8 * i, 4.0 + 0.8 * j
    frame(axes, (1.2, row), 2.4, 0.8, BLUE, "-")
    frame(axes, (column, 5.9), 0.8, 2.4, ORANGE, "--")
    frame(axes, (column, row), 0.8, 0.8, INK, "-")
    axes.text(1.1, row - 0.4, words["row"].format(number=i), ha="right", va="center")
    axes.text(column + 0.4, 6, words["column"].format(number=j), ha="center")
    tables = (
        ("A", a, (1.2, 3.1), (1.2, 3.22)),
        ("B", b, (4.0, 5.9), (5.75, 5.45)),
        ("A @ B", a @ b, (4.0, 3.1), (5.75, 2.65)),
    )
    for name, values, corner, (x, y) in tables:
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
    tables = (
        ("X @ W", sums.shape, sums, 3),
        ("b", BIAS.shape, BIAS.expand(3, 3), 1),
        ("X @ W + b", total.shape, total, 3),
    )
    frame(axes, (9.76, 4.6), 1.74, 0.58, ORANGE, "--")
    for place, (name, shape, values, solid) in enumerate(tables):
        left = 7.5 + 2.26 * place
        frame(axes, (left + 0.58, 4.02), 0.58, 0.58, INK, "-")
        cells(axes, values, (left, 4.6), 0.58, solid)
        axes.text(left + 0.87, 4.75, f"{name}  {tuple(shape)}", ha="center", size=12)
    for sign, x in (("+", 9.5), ("=", 11.76)):
        axes.text(x, 3.73, sign, ha="center", va="center", size=16)
    axes.text(10.63, 2.72, words["copies"], ha="center", va="top")
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
            x, y = corner[0] + size * j, corner[1] - size * (i + 1)
            axes.add_patch(Rectangle((x, y), size, size, ec=GREY, fc="none", ls=ls))
            x, y = x + size / 2, y + size / 2
            axes.text(x, y, value, ha="center", va="center", size=14, color=color)


def frame(
    axes: Axes, corner: Point, width: float, height: float, color: str, ls: str
) -> None:
    """A thick, tinted frame around some cells, its upper left corner given."""
    at = corner[0], corner[1] - height
    axes.add_patch(Rectangle(at, width, height, color=color, alpha=0.18, lw=0))
    look: dict[str, Any] = {"ec": color, "fc": "none", "ls": ls, "lw": 3, "zorder": 3}
    axes.add_patch(Rectangle(at, width, height, **look))
