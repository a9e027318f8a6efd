"""When an answer is not to be believed, by any network.

It has to name one of ten digits, even for a W. How well an image suits its answer is
the product of two shares among images of that digit that were read right: of those
that the network was no surer of, and of those that are no more like the digit. Like
it is what is near to a sum of the digit's mean and its 50 principal components.

An answer is unsure if it suits less well than 96 % of the right ones. These are of the
last 10,000 training digits; the components are those of the 5,000 before them.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from torchbasics import data
from torchbasics.mnist.network import Network

KNOWN, FITTED = 10_000, 5_000
COMPONENTS, SHARE = 50, 0.04


class Digit(NamedTuple):
    """What images of one digit are like: n of them are known and were read right.

    Shape: mean (784,), components (784, K), orthonormal; probs and likeness (n,), from
    the lowest to the highest.
    """

    mean: Tensor
    components: Tensor
    probs: Tensor = torch.empty(0)
    likeness: Tensor = torch.empty(0)

    def likeness_of(self, images: Tensor) -> Tensor:
        """Minus the squared distance from mean and components. Shape: (N, ...) -> (N,).

        >>> digit = Digit(torch.zeros(4), torch.eye(4)[:, :1])
        >>> digit.likeness_of(torch.tensor([[[255, 0], [51, 0]]], dtype=torch.uint8))
        tensor([-0.0400])
        """
        rest = data.scale_pixels(images) - self.mean
        rest = rest - rest @ self.components @ self.components.T
        return -rest.square().sum(1)

    def suits(self, images: Tensor, probs: Tensor) -> Tensor:
        """How well images suit this answer, of such probabilities, from 0 to 1.

        Shape: images uint8 (N, 28, 28), probs (N,) -> (N,).
        """
        likeness = self.likeness_of(images)
        no_surer = torch.searchsorted(self.probs, probs, right=True) / len(self.probs)
        no_liker = torch.searchsorted(self.likeness, likeness, right=True)
        return no_surer * no_liker / len(self.likeness)


class Doubt(NamedTuple):
    """The ten digits, and from where on an answer suits well enough."""

    digits: list[Digit]
    bound: float

    def is_sure(self, images: Tensor, probs: Tensor) -> Tensor:
        """Which answers can be believed.

        Shape: images uint8 (N, 28, 28), probs (N, 10) -> bool (N,).
        """
        prob, answers = probs.max(1)
        sure = torch.zeros(len(images), dtype=torch.bool)
        for answer, digit in enumerate(self.digits):
            chosen = answers == answer  # nan where that answer was never right
            sure[chosen] = digit.suits(images[chosen], prob[chosen]) >= self.bound
        return sure


def fit_doubt(reader: Network, data_dir: str = "auto") -> Doubt:
    """What this network's right answers to training digits are like."""
    train = data.load("train", data_dir)
    fitted = train.subset(slice(-KNOWN - FITTED, -KNOWN))
    images, labels = train.subset(slice(-KNOWN, None))
    probs = reader.probs(images)
    prob, answers = probs.max(1)
    digits, suits = [], []
    for answer in range(10):
        digit = fit_digit(fitted.images[fitted.labels == answer])
        right = (answers == answer) & (labels == answer)
        some = images[right]
        likeness = digit.likeness_of(some).sort().values
        digit = digit._replace(probs=prob[right].sort().values, likeness=likeness)
        digits.append(digit)
        suits.append(digit.suits(some, prob[right]))
    every = torch.cat(suits)
    return Doubt(digits, float(every.quantile(SHARE)) if len(every) else 1.0)


def fit_digit(images: Tensor) -> Digit:
    """Mean and principal components of some images, scaled to 0..1. Shape: (N, ...)."""
    pixels = data.scale_pixels(images)
    mean = pixels.mean(0)
    _, _, directions = torch.linalg.svd(pixels - mean, full_matrices=False)
    return Digit(mean, directions[:COMPONENTS].T)
