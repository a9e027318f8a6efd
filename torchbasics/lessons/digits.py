"""Lesson 7, digits: how a picture becomes 784 numbers, and these become an answer."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from torchbasics.activations import softmax
from torchbasics.data import Scale, scale_pixels
from torchbasics.evaluation import evaluate, most_confident_errors, predict_probs
from torchbasics.lessons import checks
from torchbasics.lessons.checks import Check, Item, Listing, Table, Words
from torchbasics.lessons.exercises import check  # noqa: F401 - for its readers
from torchbasics.lessons.forward import layer_table
from torchbasics.lessons.textbook import load
from torchbasics.mlp import MLP
from torchbasics.mnist import network
from torchbasics.trace import forward_trace

COUNTS: dict[Literal["train", "test"], tuple[int, ...]] = {
    "train": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    "test": (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
}
SHOWN = 0  # the test image that the lesson follows, a 7
SINGLES = 500  # images read one by one


def dataset(words: Words) -> Iterable[Item]:
    """What MNIST consists of."""
    for split, counts in COUNTS.items():
        images, labels = load(split)
        shape = (sum(counts), 28, 28)
        yield Check(f"{words[split]}: {words['size']}", shape, images.shape, "MNIST")
        name = f"{words[split]}: {words['counts']}"
        yield Check(name, counts, labels.bincount(), "MNIST")
    images, labels = load("train")
    pixels, empty = images.double() / 255, (images == 0).double()
    for key, wanted, computed, size in (
        ("first", (5, 0, 4, 1, 9, 2, 1, 3, 1, 4), labels[:10], 1e-6),
        ("ends", (0, 255), images.aminmax(), 1e-6),
        ("mean", (0.130660,), pixels.mean(), 5e-7),
        ("std", (0.308108,), pixels.std(), 5e-7),
        ("empty", (80.88,), 100 * empty.mean(), 5e-3),
    ):
        yield Check(f"{words['train']}: {words[key]}", wanted, computed, "MNIST", size)


def pixels(words: Words) -> Iterable[Item]:
    """One digit as the numbers that it is."""
    image = load("test").images[SHOWN]
    first, last = image.nonzero().aminmax(dim=0)
    (top, left), (bottom, right) = first.tolist(), last.tolist()
    numbers = image[top : bottom + 1, left : right + 1].tolist()
    lines = ("".join(f"{pixel or '·':>4}" for pixel in row) for row in numbers)
    yield Listing("\n".join(lines) + "\n")
    yield Check(words["rows"], (7, 26), (top, bottom), "MNIST")
    yield Check(words["columns"], (6, 21), (left, right), "MNIST")


def flatten(words: Words) -> Iterable[Item]:
    """The rows of the picture put one after the other, and scaled."""
    image = load("test").images[SHOWN]
    row = scale_pixels(image[None], "unit")
    yield Check(words["size"], (1, 784), row.shape, "28 · 28")
    for r, c in ((7, 6), (8, 10), (14, 16)):
        here = 255 * row[0, 28 * r + c]
        name = f"255 x[28·{r} + {c}]"
        yield Check(name, [image[r, c].item()], here, words["pixel"], 1e-4)
    yield Check(words["ends"], (0, 1), [row.min(), row.max()], words["scaled"], 0.01)


def layers(words: Words) -> Iterable[Item]:
    """The shipped network at work on it, layer by layer."""
    model = shipped()
    x = scale_pixels(load("test").images[SHOWN][None], "unit")
    passed = forward_trace(model, x)
    yield layer_table(passed, words)
    numbers = sum(parameter.numel() for parameter in model.parameters())
    yield Check(words["numbers"], [45_360], [numbers], "784·50+50+50·100+100+100·10+10")
    first = passed[0]
    pairs = zip(x[0].tolist(), first.weight[:, 0].tolist(), strict=True)
    one = sum(pixel * weight for pixel, weight in pairs)
    gap = one + first.bias[0] - first.pre_activations[0, 0]
    yield Check(words["one unit"], [0], [gap], "x W + b", 1e-4)
    gap = (passed[-1].outputs - model(x)).abs().max()
    yield Check(words["same"], [0], [gap], words["model"], 1e-4)


def answer(words: Words) -> Iterable[Item]:
    """Ten scores, ten probabilities, one answer."""
    digits = load("test")
    image, label = digits.images[SHOWN], int(digits.labels[SHOWN])
    model = shipped()
    logits = forward_trace(model, scale_pixels(image[None], "unit"))[-1].outputs[0]
    probs = softmax(logits)
    yield Listing("  ".join(f"{score:.1f}" for score in logits))
    yield checks.Answer(image, probs, label, words["reads right"], words["reads wrong"])
    yield Check(words["total"], [1], [probs.sum()], "softmax")
    yield Check(words["answer"], [7], [logits.argmax()], words["label"])


def accuracy(words: Words) -> Iterable[Item]:
    """How many of 10,000 it reads right, beside three simpler ways to guess."""
    test = load("test")
    ones = (test.labels == 1).sum()
    yield Check(words["always 1"], [1135], [ones], "MNIST")
    yield Check(words["darkness"], [2230], [nearest(darkness)], "counted")
    yield Check(words["mean image"], [8203], [nearest(scale_pixels)], "counted", 3)
    yield Check(words["network"], [9721], [num_correct("unit")], words["recorded"], 3)


def scaling(words: Words) -> Iterable[Item]:
    """The same network given its pixels in other units."""
    model, test = shipped(), load("test")
    answers = model(255 * scale_pixels(test.images, "unit")).argmax(1)
    raw, source = (answers == test.labels).sum(), words["recorded"]
    yield Check("0..1", [9721], [num_correct("unit")], source, 3)
    yield Check("0..255", [9652], [raw], source, 3)
    name = "(x - 0.1307) / 0.3081"
    yield Check(name, [7676], [num_correct("standard")], source, 3)


def batch(words: Words) -> Iterable[Item]:
    """One by one and all at once: the same answers."""
    model, images = shipped(), load("test").images[:SINGLES]
    together = predict_probs(model, images, scale_pixels)
    singly = torch.cat([predict_probs(model, x, scale_pixels) for x in images.split(1)])
    agree = (together.argmax(1) == singly.argmax(1)).sum()
    yield Check(words["agree"], [SINGLES], [agree], "x W + b")
    gap = (together - singly).abs().max()
    yield Check(words["gap"], [0], [gap], "float32", 1e-4)


def mistakes(words: Words) -> Iterable[Item]:
    """Which digits are taken for which, and the mistakes it is surest of."""
    model, test = shipped(), load("test")
    confusion = evaluate(model, *test, scale_pixels).confusion
    wrong = confusion - confusion.diag().diag()
    pairs = [divmod(cell, 10) for cell in wrong.flatten().topk(5).indices.tolist()]
    rows = [[str(value) for value in (*pair, int(wrong[pair]))] for pair in pairs]
    yield Table((words["is"], words["read as"], words["times"]), rows)
    yield Check(words["errors"], [279], [wrong.sum()], words["recorded"], 3)
    probs = predict_probs(model, test.images, scale_pixels)
    surest = most_confident_errors(probs, test.labels, 2)
    yield checks.Images(test.images[surest])
    for index in surest.tolist():
        label, answer = int(test.labels[index]), int(probs[index].argmax())
        percent = f"{100 * probs[index].max():.2f}"
        said = {"index": index, "label": label, "answer": answer, "percent": percent}
        yield checks.Paragraph(words["sure"].format(**said))


def shipped() -> MLP:
    """The lesson's own network, 784-50-100-10, as it comes with the package."""
    return network.load("pretrained").model.requires_grad_(False)


def num_correct(scale: Scale) -> int:
    """How many test digits the shipped network reads right, their pixels scaled so."""
    transform = partial(scale_pixels, scale=scale)
    return evaluate(shipped(), *load("test"), transform).num_correct


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
