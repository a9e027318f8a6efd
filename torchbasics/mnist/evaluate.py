"""Score a network on all the digits, exactly.

Losses and hits are summed over all examples and divided by their count. No example
is dropped, repeated or shuffled, and the model's mode is as before afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from tyro.conf import Positional

from torchbasics import data, device, settings
from torchbasics.activations import softmax
from torchbasics.data import scale_pixels
from torchbasics.data.mnist import Scale
from torchbasics.errors import command, run
from torchbasics.mnist import network

CHUNK = 2_000  # images at a time; the result does not depend on it


@dataclass(frozen=True)
class Evaluation:
    """Mean cross-entropy, in nats, and how often each digit was taken for which.

    `confusion[i, j]` counts the images of digit i that were read as j.
    """

    loss: float
    confusion: Tensor

    @property
    def correct(self) -> int:
        """How many were read right."""
        return int(self.confusion.diagonal().sum())

    @property
    def count(self) -> int:
        """How many there were."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share read right, from 0 to 1."""
        return self.correct / self.count

    def summary(self, split: str) -> str:
        """For example `test accuracy 97.12 % (9,712 of 10,000)`."""
        share = f"{100 * self.accuracy:.2f} %"
        return f"{split} accuracy {share} ({self.correct:,} of {self.count:,})"


@torch.no_grad()
def evaluate(model: nn.Module, digits: data.Digits, scale: Scale) -> Evaluation:
    """Loss, accuracy and confusion matrix of the model over all the digits.

    Shape: images (N, 28, 28) uint8, labels (N,) -> confusion (10, 10).
    """
    was_training = model.training
    model.eval()
    loss = torch.zeros((), dtype=torch.float64)
    pairs = torch.zeros(100, dtype=torch.int64)
    for images, labels in zip(
        digits.images.split(CHUNK), digits.labels.split(CHUNK), strict=True
    ):
        logits = model(scale_pixels(images, scale))
        losses = F.cross_entropy(logits, labels, reduction="none")
        loss += losses.cpu().double().sum()
        pairs += torch.bincount(10 * labels + logits.argmax(1), minlength=100).cpu()
    model.train(was_training)
    return Evaluation(loss.item() / len(digits.labels), pairs.view(10, 10))


@torch.no_grad()
def read_digits(model: nn.Module, images: Tensor, scale: Scale) -> Tensor:
    """The probability of each digit for each image, as the model sees it.

    Shape: (N, 28, 28) uint8 -> (N, 10).
    """
    was_training = model.training
    model.eval()
    probs = [softmax(model(scale_pixels(some, scale))) for some in images.split(CHUNK)]
    model.train(was_training)
    return torch.cat(probs)


def table(result: Evaluation) -> str:
    """The confusion matrix as text, with each digit's accuracy."""
    head = "".join(f"{digit:6d}" for digit in range(10))
    lines = [f"digit read as{head}  right"]
    for digit, row in enumerate(result.confusion.tolist()):
        counts = "".join(f"{count:6d}" if count else "     ." for count in row)
        lines.append(f"{digit:13d}{counts} {100 * row[digit] / sum(row):5.1f}%")
    return "\n".join(lines)


class Options(settings.Settings):
    """Which network reads which digits."""

    run: Positional[str] = Field(
        "pretrained", description="a run's folder, latest, or pretrained"
    )
    runs_dir: str = Field("runs", description="folder in which to look for latest")
    split: Literal["test", "train"] = Field("test", description="which digits")
    device: str = Field("auto", description="auto, or a device's name in PyTorch")
    data_dir: str = Field("auto", description="folder of MNIST, auto: user's cache")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Print how often each digit was read as which, then loss and accuracy."""
    options = settings.parse_options(
        Options(), argv, prog="python -m torchbasics.mnist.evaluate", about=__doc__
    )
    where, _ = device.choose(options.device)
    model, config = network.load(options.run, options.runs_dir)
    images, labels = data.load(options.split, options.data_dir)
    digits = data.Digits(images.to(where), labels.to(where))
    result = evaluate(model.to(where), digits, config.data.scale)
    print(f"{options.run}: {network.describe(config)}, {options.split} set\n")
    print(f"{table(result)}\n")
    print(f"loss {result.loss:.4f} (mean cross-entropy)")
    print(result.summary(options.split))
    return 0


if __name__ == "__main__":
    run(main)
