"""Lesson 7 as pictures: pixels, activations, weights and mistakes of the network."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from torchbasics import trace
from torchbasics.activations import softmax
from torchbasics.data import scale_pixels
from torchbasics.lessons.checks import Words
from torchbasics.lessons.digits import SHOWN, load, shipped
from torchbasics.lessons.figures.canvas import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    RED,
    Point,
    arrow,
    board,
    sheet,
)


class Shades(NamedTuple):
    """Colours, evenly from the lowest value to the highest."""

    colors: list[str]
    low: float
    high: float


INKED = Shades(["white", INK], 0, 255)
ACTIVE = Shades(["white", BLUE], 0, 1)
SIGNED = Shades([RED, "white", BLUE], -3, 3)  # the few weights beyond as those at 3

UNITS = (1.6, 6.3, 0.175)  # upper left corner of hidden layer 1, and a unit's size


def digits(words: Words) -> Figure:
    """A picture becomes numbers, these an answer; what units look for; mistakes."""
    figure = sheet(11.5, words["digits"])
    axes = board(figure)
    image = load("test").images[SHOWN]
    passed = trace.forward(shipped(), scale_pixels(image[None], "unit"))
    pixels(axes, image, words)
    activations(axes, passed, words)
    answer(axes, passed[-1].outputs[0], words)
    weights(axes, passed[0], words)
    mistakes(axes, words)
    return figure


def title(axes: Axes, at: Point, name: str, words: Words, **values: Any) -> None:
    """A part's title and, under it, what there is to see."""
    x, y = at
    axes.text(x, y, words[name].format(**values), size=12, weight="bold")
    axes.text(x, y - 0.1, words[f"{name}_note"].format(**values), va="top")


def tiles(
    axes: Axes, values: Tensor, corner: Point, size: Point, shades: Shades
) -> None:
    """A matrix as coloured tiles under its upper left corner. Shape: (R, C)."""
    (x, y), (width, height) = corner, size
    place = (x, x + width * values.shape[1], y - height * values.shape[0], y)
    colors = LinearSegmentedColormap.from_list("shades", shades.colors)
    look: dict[str, Any] = {"cmap": colors, "aspect": "auto", "extent": place}
    look |= {"vmin": shades.low, "vmax": shades.high, "interpolation": "nearest"}
    axes.imshow(values.numpy(), **look)
    frame(axes, corner, (place[1] - x, y - place[2]), GREY, 0.8)


def frame(axes: Axes, corner: Point, size: Point, color: str, lw: float) -> None:
    """An empty frame under its upper left corner."""
    (x, y), (width, height) = corner, size
    look: dict[str, Any] = {"ec": color, "lw": lw, "fc": "none", "zorder": 3}
    axes.add_patch(Rectangle((x, y - height), width, height, **look))


def pixels(axes: Axes, image: Tensor, words: Words) -> None:
    """The picture; its row with most ink in numbers; all rows one after the other.

    Shape: image (28, 28).
    """
    row = int(image.sum(1).argmax())
    title(axes, (0.4, 10.6), "picture", words, index=SHOWN)
    tiles(axes, image, (0.4, 10.2), (0.09, 0.09), INKED)
    title(axes, (3.6, 10.6), "unrolled", words, row=row)
    tiles(axes, image[row : row + 1], (3.6, 9.8), (0.355, 0.355), INKED)
    for column, value in enumerate(image[row].tolist()):
        x, color = 3.6 + 0.355 * (column + 0.5), "white" if value > 127 else INK
        axes.text(x, 9.62, value, ha="center", va="center", color=color, size=9)
    tiles(axes, image.view(1, 784), (3.6, 8.6), (9.94 / 784, 0.4), INKED)
    y, x = 10.2 - 0.09 * row, 3.6 + 9.94 / 28 * row
    frame(axes, (0.4, y), (2.52, 0.09), ORANGE, 2)
    frame(axes, (3.6, 9.8), (9.94, 0.355), ORANGE, 2)
    frame(axes, (x, 8.6), (0.355, 0.4), ORANGE, 2)
    for start, end in (
        ((2.92, y), (3.6, 9.8)),
        ((2.92, y - 0.09), (3.6, 9.445)),
        ((3.6, 9.445), (x, 8.6)),
        ((13.54, 9.445), (x + 0.355, 8.6)),
    ):
        axes.plot(*zip(start, end, strict=True), color=ORANGE, lw=1, ls=":")
    ends = {"first": 28 * row, "last": 28 * row + 27, "row": row}
    axes.text(3.6, 8.05, words["flat"].format(**ends), va="top")


def activations(axes: Axes, passed: list[trace.Layer], words: Words) -> None:
    """The values of both hidden layers, and the weights' shapes on the way."""
    title(axes, (0.4, 7.1), "through", words)
    left, top, size = UNITS
    for x, columns, place in ((left, 5, 0), (3.82, 10, 1)):
        values = passed[place].outputs.view(10, columns)
        tiles(axes, values, (x, top), (size, size), ACTIVE)
        look: dict[str, Any] = {"color": "#cccccc", "lw": 0.6}
        for k in range(1, 10):
            axes.hlines(top - size * k, x, x + size * columns, **look)
        for k in range(1, columns):
            axes.vlines(x + size * k, top - size * 10, top, **look)
        name = words[f"layer{place + 1}"]
        axes.text(x + size * columns / 2, top + 0.1, name, ha="center")
    for number, (x, layer) in enumerate(zip((0.45, 2.65, 5.75), passed, strict=True)):
        leads(axes, x, f"W{number + 1}\n{tuple(layer.weight.shape)}")


def leads(axes: Axes, x: float, text: str) -> None:
    """An arrow from one layer to the next, and what makes the step."""
    arrow(axes, (x, 5.4), (x + 1, 5.4))
    axes.text(x + 0.48, 5.5, text, ha="center")


def answer(axes: Axes, logits: Tensor, words: Words) -> None:
    """The ten scores and the ten probabilities as bars. Shape: logits (10,)."""
    leads(axes, 10.35, "softmax")
    axes.text(8.5, 6.4, words["scores"], ha="center")
    axes.text(12.6, 6.4, words["probabilities"], ha="center")
    unit = 2.4 / float(logits.max() - logits.min())
    zero = 7.25 - unit * float(logits.min())
    axes.vlines(zero, 4.55, 6.3, color=INK, lw=1)
    rows = zip(logits.tolist(), softmax(logits).tolist(), strict=True)
    for digit, (score, p) in enumerate(rows):
        y = 6.2125 - 0.175 * digit
        look: dict[str, Any] = {"fc": BLUE}
        if score < 0:
            look = {"fc": "white", "ec": RED, "hatch": "////"}
        axes.barh(y, unit * score, 0.13, zero, **look)
        axes.barh(y, 1.2 * p, 0.13, 11.75, fc=BLUE)
        shown = f"{score:+.1f}".replace("-", "\N{MINUS SIGN}")
        texts = {7.1: digit, 10.2: shown, 11.65: digit, 13.55: f"{100 * p:.1f} %"}
        for x, text in texts.items():
            axes.text(x, y, str(text), ha="right", va="center", size=9)


def weights(axes: Axes, layer: trace.Layer, words: Words) -> None:
    """The weights of twelve units of the first layer, framed in it, as pictures."""
    title(axes, (0.4, 4.05), "weights", words)
    left, top, size = UNITS
    largest = layer.weight.abs().amax(0).topk(12).indices.sort().values
    for place, unit in enumerate(largest.tolist()):
        x, y = 0.4 + 1.1 * (place % 6), 3.4 - 1.4 * (place // 6)
        tiles(axes, layer.weight[:, unit].view(28, 28), (x, y), (0.036, 0.036), SIGNED)
        text = words["unit_z"].format(unit=unit, z=f"{layer.outputs[0, unit]:.2f}")
        axes.text(x + 0.5, y - 1.06, text, ha="center", va="top", size=9)
        corner = (left + size * (unit % 5), top - size * (unit // 5))
        frame(axes, corner, (size, size), ORANGE, 2)
    scale = torch.linspace(SIGNED.low, SIGNED.high, 201)[None]
    tiles(axes, scale, (2.6, 0.55), (0.01, 0.14), SIGNED)
    for x, ha, key in ((2.5, "right", "lowest"), (4.7, "left", "highest")):
        text = words[key].format(size=f"{SIGNED.high:g}")
        axes.text(x, 0.48, text, ha=ha, va="center", size=9)


def mistakes(axes: Axes, words: Words) -> None:
    """The eight digits that the network reads wrong and is surest of."""
    images, labels = load("test")
    logits = trace.forward(shipped(), scale_pixels(images, "unit"))[-1].outputs
    sureness, answers = softmax(logits).max(1)
    surest = (sureness * (answers != labels)).topk(8)
    title(axes, (7.6, 4.05), "mistakes", words, count=int((answers != labels).sum()))
    for place, (sure, index) in enumerate(
        zip(*map(Tensor.tolist, surest), strict=True)
    ):
        x, y = 7.6 + 1.6 * (place % 4), 3.4 - 1.4 * (place // 4)
        tiles(axes, images[index], (x, y), (0.038, 0.038), INKED)
        said = {"label": int(labels[index]), "answer": int(answers[index])}
        text = words["misread"].format(percent=f"{100 * sure:.3f}", **said)
        axes.text(x + 0.53, y - 1.11, text, ha="center", va="top", size=9)
