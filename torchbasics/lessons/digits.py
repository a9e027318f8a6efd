"""Lesson 7, digits: how a picture becomes 784 numbers, and these become an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Literal, NamedTuple

import torch
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from torch import Tensor

from torchbasics import data, trace
from torchbasics.activations import softmax
from torchbasics.data import Digits, scale_pixels
from torchbasics.lessons.checks import Check, Part, Words, grid
from torchbasics.lessons.exercises.digits import check
from torchbasics.lessons.forward import layer_table
from torchbasics.mlp import MLP
from torchbasics.mnist import network
from torchbasics.mnist.evaluate import evaluate, read_digits
from torchbasics.terminal import Answer, digit_rows, has_colour, is_ascii

__all__ = ["PARTS", "check"]

COUNTS: dict[Literal["train", "test"], tuple[int, ...]] = {
    "train": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    "test": (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
}
SHOWN = 0  # the test image that the lesson follows, a 7
SINGLES = 500  # images read one by one


def facts(words: Words) -> Iterable[Check | RenderableType]:
    """What MNIST consists of."""
    for split, counts in COUNTS.items():
        images, labels = load(split)
        shape = (sum(counts), 28, 28)
        yield Check(f"{words[split]}: {words['shape']}", shape, images.shape, "MNIST")
        name = f"{words[split]}: {words['counts']}"
        yield Check(name, counts, labels.bincount(), "MNIST")
    images, labels = load("train")
    yield Check(words["first"], (5, 0, 4, 1, 9, 2, 1, 3, 1, 4), labels[:10], "MNIST")
    yield Check(words["ends"], (0, 255), [images.min(), images.max()], "MNIST")
    pixels = images.double() / 255
    yield Check(words["mean"], [0.130660], [pixels.mean()], "MNIST", 5e-7)
    yield Check(words["std"], [0.308108], [pixels.std()], "MNIST", 5e-7)
    empty = 100 * (images == 0).double().mean()
    yield Check(words["empty"], [80.88], [empty], "MNIST", 5e-3)


def pixels(words: Words) -> Iterable[Check | RenderableType]:
    """One digit as the numbers that it is."""
    image = load("test").images[SHOWN]
    rows, columns = (cropped(image.any(dim)) for dim in (1, 0))
    numbers = [
        "".join(f"{pixel or '·':>4}" for pixel in row)
        for row in image[rows, columns].tolist()
    ]
    yield Padding(Text("\n".join(numbers)), (0, 0, 1, 0))
    yield Check(words["rows"], (7, 26), (rows.start, rows.stop - 1), "MNIST")
    yield Check(words["columns"], (6, 21), (columns.start, columns.stop - 1), "MNIST")


def flat(words: Words) -> Iterable[Check | RenderableType]:
    """The rows of the picture put one after the other, and scaled."""
    image = load("test").images[SHOWN]
    row = scale_pixels(image[None], "unit")
    yield Check(words["shape"], (1, 784), row.shape, "28 · 28")
    for r, c in ((7, 6), (8, 10), (14, 16)):
        here = 255 * row[0, 28 * r + c]
        name = f"255 x[28·{r} + {c}]"
        yield Check(name, [image[r, c].item()], here, words["pixel"], 1e-4)
    yield Check(words["ends"], (0, 1), [row.min(), row.max()], words["scaled"], 0.01)


def layers(words: Words) -> Iterable[Check | RenderableType]:
    """The shipped network at work on it, layer by layer."""
    model = shipped()
    x = scale_pixels(load("test").images[SHOWN][None], "unit")
    passed = trace.forward(model, x)
    yield layer_table(passed, words)
    numbers = sum(parameter.numel() for parameter in model.parameters())
    yield Check(words["numbers"], [45_360], [numbers], "784·50+50+50·100+100+100·10+10")
    first = passed[0]
    one = sum(
        float(p) * float(w) for p, w in zip(x[0], first.weight[:, 0], strict=True)
    )
    gap = one + first.bias[0] - first.sums[0, 0]
    yield Check(words["one unit"], [0], [gap], "x W + b", 1e-4)
    gap = (passed[-1].outputs - model(x)).abs().max()
    yield Check(words["same"], [0], [gap], words["model"], 1e-4)


def answer(words: Words) -> Iterable[Check | RenderableType]:
    """Ten scores, ten probabilities, one answer."""
    digits = load("test")
    image, label = digits.images[SHOWN], int(digits.labels[SHOWN])
    model = shipped()
    logits = trace.forward(model, scale_pixels(image[None], "unit"))[-1].outputs[0]
    probs = softmax(logits)
    yield Text("  ".join(f"{score:.1f}" for score in logits))
    yield Answer(image, probs, label, words["reads right"], words["reads wrong"])
    yield Text()
    yield Check(words["total"], [1], [probs.sum()], "softmax")
    yield Check(words["answer"], [7], [logits.argmax()], words["label"])


def accuracy(words: Words) -> Iterable[Check | RenderableType]:
    """How many of 10,000 it reads right, beside three simpler ways to guess."""
    test = load("test")
    ones = (test.labels == 1).sum()
    yield Check(words["always 1"], [1135], [ones], "MNIST")
    yield Check(words["darkness"], [2230], [nearest(darkness)], "NNDL ch. 1")
    yield Check(words["mean image"], [8203], [nearest(scale_pixels)], "counted", 3)
    model = shipped()
    result = evaluate(model, test, "unit")
    yield Check(words["network"], [9721], [result.correct], words["recorded"], 3)


def scaling(words: Words) -> Iterable[Check | RenderableType]:
    """The same network given its pixels in other units."""
    model, test = shipped(), load("test")
    standard = evaluate(model, test, "standard").correct
    raw = (
        model(255 * scale_pixels(test.images, "unit")).argmax(1) == test.labels
    ).sum()
    source = words["recorded"]
    yield Check("0..1", [9721], [evaluate(model, test, "unit").correct], source, 3)
    yield Check("0..255", [9652], [raw], source, 3)
    yield Check("(x - 0.1307) / 0.3081", [7676], [standard], source, 3)


def batch(words: Words) -> Iterable[Check | RenderableType]:
    """One by one and all at once: the same answers."""
    model, images = shipped(), load("test").images[:SINGLES]
    together = read_digits(model, images, "unit")
    singly = torch.cat([read_digits(model, image[None], "unit") for image in images])
    agree = (together.argmax(1) == singly.argmax(1)).sum()
    yield Check(words["agree"], [SINGLES], [agree], "x W + b")
    gap = (together - singly).abs().max()
    yield Check(words["gap"], [0], [gap], "float32", 1e-4)


def mistakes(words: Words) -> Iterable[Check | RenderableType]:
    """Which digits are taken for which, and the mistakes it is surest of."""
    model, test = shipped(), load("test")
    confusion = evaluate(model, test, "unit").confusion
    wrong = confusion - confusion.diag().diag()
    table = grid(words["is"], words["read as"], words["times"])
    for cell in wrong.flatten().topk(5).indices.tolist():
        digit, read = divmod(cell, 10)
        table.add_row(str(digit), str(read), str(int(wrong[digit, read])))
    yield table
    yield Check(words["wrong"], [279], [wrong.sum()], words["recorded"], 3)
    probs = read_digits(model, test.images, "unit")
    surest = (probs.amax(1) * (probs.argmax(1) != test.labels)).topk(2).indices
    yield Pictures(test.images[surest])
    for index in surest.tolist():
        said = {"label": int(test.labels[index]), "answer": int(probs[index].argmax())}
        percent = f"{100 * probs[index].max():.2f}"
        yield Text(words["sure"].format(index=index, percent=percent, **said))


class Pictures(NamedTuple):
    """Digits side by side, as the terminal can show them. Shape: (N, 28, 28) uint8."""

    images: Tensor

    def __rich_console__(self, console: Console, _: ConsoleOptions) -> Iterator[Table]:
        look = {"colour": has_colour(console), "ascii_only": is_ascii(console)}
        table = Table.grid(padding=(0, 4))
        drawn = [Text("\n").join(digit_rows(image, **look)) for image in self.images]
        table.add_row(*drawn)
        yield table


@cache
def load(split: Literal["train", "test"]) -> Digits:
    """The training or the test digits, read once."""
    return data.load(split)


def shipped() -> MLP:
    """The lesson's own network, 784-50-100-10, as it comes with the package."""
    return network.load("pretrained").model.requires_grad_(False)


def cropped(inked: Tensor) -> slice:
    """From the first row or column with ink to the last. Shape: (28,)."""
    places = inked.nonzero().flatten().tolist()
    return slice(places[0], places[-1] + 1)


def darkness(images: Tensor) -> Tensor:
    """Only how much ink there is. Shape: (N, 28, 28) -> (N, 1)."""
    return images.flatten(1).float().mean(1, keepdim=True)


def nearest(features: Callable[[Tensor], Tensor]) -> int:
    """How many test digits are right if the class with the nearest mean is guessed.

    Shape: `features` makes (N, K) of images (N, 28, 28).
    """
    train, test = load("train"), load("test")
    known, asked = features(train.images), features(test.images)
    means = torch.stack([known[train.labels == digit].mean(0) for digit in range(10)])
    return int((torch.cdist(asked, means).argmin(1) == test.labels).sum())


PARTS: tuple[Part, ...] = (
    facts, pixels, flat, layers, answer, accuracy, scaling, batch, mistakes,
)  # fmt: skip
