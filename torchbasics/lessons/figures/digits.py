"""Lesson 7 as pictures: pixels, activations, weights and mistakes of the network."""

import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from torchbasics.activations import softmax
from torchbasics.data import scale_pixels
from torchbasics.evaluation import most_confident_errors
from torchbasics.lessons.checks import Words
from torchbasics.lessons.digits import SHOWN, shipped
from torchbasics.lessons.figures import canvas
from torchbasics.lessons.figures.canvas import BLUE, GREY, INK, ORANGE, RED, Point
from torchbasics.lessons.textbook import load
from torchbasics.trace import LayerTrace, forward_trace


def shades(low: float, high: float, *colors: str) -> canvas.Look:
    """Colours, evenly from the lowest value to the highest."""
    colormap = LinearSegmentedColormap.from_list("shades", colors)
    return {"cmap": colormap, "vmin": low, "vmax": high}


LIMIT = 3  # the few weights beyond have the colour of those at 3
POSITIVE: canvas.Look = {"fc": RED}  # as in TensorBoard, report and playground
INKED, ACTIVE = shades(0, 255, "white", INK), shades(0, 1, "white", RED)
SIGNED = shades(-LIMIT, LIMIT, BLUE, "white", RED)

UNITS = (1.6, 6.3, 0.175)  # upper left corner of hidden layer 1, and a unit's size


def digits(words: Words) -> Figure:
    """A picture becomes numbers, these an answer; what units look for; mistakes."""
    figure, axes = canvas.board(11.5, words["digits"])
    image = load("test").images[SHOWN]
    passed = forward_trace(shipped(), scale_pixels(image[None], "unit"))
    pixels(axes, image, words)
    activations(axes, passed, words)
    answer(axes, passed[-1].outputs[0], words)
    weights(axes, passed[0], words)
    mistakes(axes, words)
    return figure


def title(axes: Axes, at: Point, name: str, words: Words, **values: int) -> None:
    """A part's title and, under it, what there is to see."""
    text, note = (words[key].format(**values) for key in (name, f"{name}_note"))
    canvas.heading(axes, at, text, note, gap=0.1)


def tiles(
    axes: Axes, values: Tensor, corner: Point, size: Point, look: canvas.Look
) -> None:
    """A matrix as coloured tiles under its upper left corner. Shape: (R, C)."""
    (x, y), (rows, columns) = corner, values.shape
    width, height = size[0] * columns, size[1] * rows
    place = (x, x + width, y - height, y)
    look = look | {"extent": place, "aspect": "auto", "interpolation": "none"}
    axes.imshow(values.numpy(), **look)
    canvas.frame(axes, corner, (width, height), GREY, 0.8)


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
        axes.text(x, 9.62, value, color=color, size=9, **canvas.MIDDLE)
    tiles(axes, image.view(1, 784), (3.6, 8.6), (9.94 / 784, 0.4), INKED)
    follow(axes, 10.2 - 0.09 * row, 3.6 + 9.94 / 28 * row)
    ends = {"first": 28 * row, "last": 28 * row + 27, "row": row}
    axes.text(3.6, 8.05, words["flat"].format(**ends), va="top")


def follow(axes: Axes, y: float, x: float) -> None:
    """The row framed: in the picture at y, by itself, among all rows at x."""
    canvas.frame(axes, (0.4, y), (2.52, 0.09), ORANGE, 2)
    canvas.frame(axes, (3.6, 9.8), (9.94, 0.355), ORANGE, 2)
    canvas.frame(axes, (x, 8.6), (0.355, 0.4), ORANGE, 2)
    # From corner to corner, a line for each column of these.
    xs = [[2.92, 2.92, 3.6, 13.54], [3.6, 3.6, x, x + 0.355]]
    ys = [[y, y - 0.09, 9.445, 9.445], [9.8, 9.445, 8.6, 8.6]]
    axes.plot(xs, ys, color=ORANGE, lw=1, ls=":")


def activations(axes: Axes, passed: list[LayerTrace], words: Words) -> None:
    """The values of both hidden layers, and the weights' shapes on the way."""
    title(axes, (0.4, 7.1), "through", words)
    left, top, size = UNITS
    for x, columns, place in ((left, 5, 0), (3.82, 10, 1)):
        values = passed[place].outputs.view(10, columns)
        tiles(axes, values, (x, top), (size, size), ACTIVE)
        rows = [top - size * k for k in range(1, 10)]
        axes.hlines(rows, x, x + size * columns, color="#cccccc", lw=0.6)
        lines = [x + size * k for k in range(1, columns)]
        axes.vlines(lines, top - size * 10, top, color="#cccccc", lw=0.6)
        name = words[f"layer{place + 1}"]
        axes.text(x + size * columns / 2, top + 0.1, name, ha="center")
    for number, (x, layer) in enumerate(zip((0.45, 2.65, 5.75), passed, strict=True)):
        leads(axes, x, f"W{number + 1}\n{tuple(layer.weight.shape)}")


def leads(axes: Axes, x: float, text: str) -> None:
    """An arrow from one layer to the next, and what makes the step."""
    canvas.arrow(axes, (x, 5.4), (x + 1, 5.4))
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
        look = canvas.HATCHED | {"ec": BLUE} if score < 0 else POSITIVE
        axes.barh(y, unit * score, 0.13, zero, **look)
        axes.barh(y, 1.2 * p, 0.13, 11.75, **POSITIVE)
        shown, percent = canvas.signed(score, 1), f"{100 * p:.1f} %"
        for x, text in ((7.1, digit), (10.2, shown), (11.65, digit), (13.55, percent)):
            axes.text(x, y, str(text), ha="right", va="center", size=9)


def weights(axes: Axes, layer: LayerTrace, words: Words) -> None:
    """The weights of twelve units of the first layer, framed in it, as pictures."""
    title(axes, (0.4, 4.05), "weights", words)
    left, top, size = UNITS
    largest = layer.weight.abs().amax(0).topk(12).indices.sort().values
    for place, unit in enumerate(largest.tolist()):
        x, y = 0.4 + 1.1 * (place % 6), 3.4 - 1.4 * (place // 6)
        tiles(axes, layer.weight[:, unit].view(28, 28), (x, y), (0.036, 0.036), SIGNED)
        text = words["unit_z"].format(unit=unit, z=f"{layer.outputs[0, unit]:.2f}")
        axes.text(x + 0.5, y - 1.06, text, size=9, **canvas.BELOW)
        corner = (left + size * (unit % 5), top - size * (unit // 5))
        canvas.frame(axes, corner, (size, size), INK, 2)
    scale = torch.linspace(-LIMIT, LIMIT, 201)[None]
    tiles(axes, scale, (2.6, 0.55), (0.01, 0.14), SIGNED)
    for x, ha, key in ((2.5, "right", "lowest"), (4.7, "left", "highest")):
        text = words[key].format(size=LIMIT)
        axes.text(x, 0.48, text, ha=ha, va="center", size=9)


def mistakes(axes: Axes, words: Words) -> None:
    """The eight digits that the network reads wrong and is surest of."""
    images, labels = load("test")
    logits = forward_trace(shipped(), scale_pixels(images, "unit"))[-1].outputs
    sure, answers = softmax(logits).max(1)
    title(axes, (7.6, 4.05), "mistakes", words, count=int((answers != labels).sum()))
    surest = most_confident_errors(softmax(logits), labels, 8)
    for place, index in enumerate(surest.tolist()):
        x, y = 7.6 + 1.6 * (place % 4), 3.4 - 1.4 * (place // 4)
        tiles(axes, images[index], (x, y), (0.038, 0.038), INKED)
        said = {"label": int(labels[index]), "answer": int(answers[index])}
        percent = f"{100 * sure[index]:.3f}"
        text = words["misclassified"].format(**said, percent=percent)
        axes.text(x + 0.53, y - 1.11, text, size=9, **canvas.BELOW)
