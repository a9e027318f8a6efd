"""How good a network is beyond its accuracy: against what, how sure, how robust.

Shapes: N examples, C classes, B bins.
"""

import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from torchbasics import rng
from torchbasics.activations import softmax
from torchbasics.data import ImageDataset
from torchbasics.evaluation import eval_mode, evaluate
from torchbasics.mnist.network import Network
from torchbasics.mnist.training import distort

Z = 1.959964  # standard deviations around the mean that hold 95 % of a normal law
MAX_RIGHT, MAX_WRONG = 20, 40  # examples of a cell of the confusion matrix
BINS = 15  # of confidence, as Guo et al. have them
HOTTEST = 4.0  # ln of the largest temperature looked for; the smallest is 1 / it
SIZES = (0.02, 0.05, 0.1, 0.2)  # of a change to each pixel, paper 0 and ink 1


def wilson(right: int, count: int) -> tuple[float, float]:
    """Between what a share lies, right / count having been seen: 95 % of the time.

    (p + z^2/2n +- z sqrt(p (1 - p) / n + z^2/4n^2)) / (1 + z^2/n) with z = 1.96 (Wilson
    1927): near 0 and 1, where p +- z sqrt(p (1 - p) / n) leaves them, it holds too.

    >>> [round(end, 4) for end in wilson(81, 263)]
    [0.2553, 0.3662]
    """
    share, extra = right / count, Z**2 / count
    half = Z * math.sqrt(share * (1 - share) / count + extra / (4 * count))
    low, high = share + extra / 2 - half, share + extra / 2 + half
    return max(0.0, low / (1 + extra)), min(1.0, high / (1 + extra))


def baselines(train: ImageDataset, test: ImageDataset) -> dict[str, float]:
    """What share of the test digits is read right without a network.

    By the digit that is most frequent; by how much ink there is; by the mean image that
    is nearest (Nielsen, "Neural Networks and Deep Learning", chapter 1, has the first
    two). All three are learned from the training digits.
    """
    common = int(train.labels.bincount().argmax())
    means = torch.stack(
        [train.images[train.labels == digit].double().mean(0) for digit in range(10)]
    ).flatten(1)  # (10, 784)
    pixels = test.images.flatten(1).double()
    ink = means.mean(1, keepdim=True), pixels.mean(1, keepdim=True)
    answers = {
        f"always {common}": torch.full_like(test.labels, common),
        "darkness": (ink[1] - ink[0].T).abs().argmin(1),
        "nearest class mean": torch.cdist(pixels, means).argmin(1),
    }
    return {
        name: float((answer == test.labels).double().mean())
        for name, answer in answers.items()
    }


def examples(probs: Tensor, labels: Tensor) -> list[list[int]]:
    """Digits of each cell of the confusion matrix: surest mistakes, least sure hits.

    Of each its index, what it was read as, and its probabilities in thousandths.
    Shape: probs (N, 10), labels (N,).
    """
    confidence, answers = probs.max(1)
    cells, rows = 10 * labels + answers, []
    for cell in cells.unique().tolist():
        label, answer = divmod(cell, 10)
        which = (cells == cell).nonzero()[:, 0]
        order = confidence[which].argsort(descending=label != answer)
        most = MAX_RIGHT if label == answer else MAX_WRONG
        for index in which[order[:most]].tolist():
            rows.append([index, answer, *(1000 * probs[index]).round().int().tolist()])
    return rows


class Reliability(NamedTuple):
    """Answers in bins of their confidence. Shapes: (B,) each.

    How many there are, how sure they are on average, what share of them is right.
    """

    counts: Tensor
    confidence: Tensor
    accuracy: Tensor

    @property
    def error(self) -> float:
        """ECE, sum over the bins of n_b/N |accuracy - confidence| (Guo et al. 2017)."""
        gaps = (self.accuracy - self.confidence).abs()
        return float((self.counts * gaps).sum() / self.counts.sum())


def reliability(probs: Tensor, labels: Tensor, bins: int = BINS) -> Reliability:
    """How often answers are right, by their confidence: (0, 1/B], ..., (1 - 1/B, 1].

    Shape: probs (N, C), labels (N,).

    >>> probs = torch.tensor([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.6, 0.4]])
    >>> round(reliability(probs, torch.tensor([0, 1, 1, 0]), bins=2).error, 4)
    0.0
    """
    confidence, answers = probs.double().max(1)
    place = (confidence * bins).ceil().long().clamp(1, bins) - 1
    counts = place.bincount(minlength=bins)
    sums = [
        place.bincount(value, minlength=bins)
        for value in (confidence, (answers == labels).double())
    ]
    sure, right = (total / counts.clamp(min=1) for total in sums)
    return Reliability(counts, sure, right)


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The T for which softmax(logits / T) has the least mean cross-entropy.

    It changes no answer, only how sure it is (Guo et al. 2017). The cross-entropy is
    convex in 1/T, with the slope mean(sum_j p_j z_j - z_label): halving finds its 0.
    Shape: logits (N, C), labels (N,).

    >>> z = math.log(9)  # 90 % sure, right 3 times of 4: softmax(z / 2) is 75 % sure
    >>> logits = torch.tensor([[z, 0.0]]).repeat(4, 1)
    >>> round(fit_temperature(logits, torch.tensor([0, 0, 0, 1])), 4)
    2.0
    """
    margins = logits.double() - logits.double().gather(1, labels[:, None])
    cold, hot = -HOTTEST, HOTTEST
    for _ in range(50):
        middle = (cold + hot) / 2
        probs = softmax(margins / math.exp(middle))
        too_cold = (probs * margins).sum(1).mean() > 0
        cold, hot = (middle, hot) if too_cold else (cold, middle)
    return math.exp((cold + hot) / 2)


def cross_scaled(logits: Tensor, labels: Tensor) -> tuple[Tensor, list[float]]:
    """Probabilities by two temperatures, each fitted on the half it does not scale.

    The halves are every other example. Shape: logits (N, C), labels (N,) -> (N, C).
    """
    halves = [slice(start, None, 2) for start in (0, 1)]
    fitted = [fit_temperature(logits[half], labels[half]) for half in halves]
    probs = torch.empty_like(logits)
    for half, temperature in zip(halves, reversed(fitted), strict=True):
        probs[half] = softmax(logits[half] / temperature)
    return probs, fitted


def calibration(
    network: Network, logits: Tensor, train: ImageDataset, labels: Tensor
) -> dict[str, Any]:
    """How far probabilities can be believed, as they are and scaled. Shape: (N, C)."""
    if held := network.config.data.validation:
        images, truth = train.subset(slice(-held, None))
        fitted = [fit_temperature(network.logits(images), truth)]
        scaled = softmax(logits / fitted[0])
    else:
        scaled, fitted = cross_scaled(logits, labels)
    found = [reliability(probs, labels) for probs in (softmax(logits), scaled)]
    return {
        "bins": [[part.tolist() for part in bins] for bins in found],
        "errors": [bins.error for bins in found],
        "temperatures": fitted,
        "ends": [math.exp(end) for end in (-HOTTEST, HOTTEST)],
        "validation": held,
    }


def moved(images: Tensor, pixels: int = 0, degrees: float = 0.0) -> Tensor:
    """Images shifted by so many pixels, or turned: the first up, the next right ...

    Four directions take turns; two of them turn one way, two the other. What leaves
    the image is lost. Shape: uint8 (N, 28, 28) -> uint8 (N, 28, 28).
    """
    result = torch.empty_like(images)
    for turn, (dx, dy) in enumerate([(0, 1), (-1, 0), (0, -1), (1, 0)]):
        angle = math.radians(degrees) * (-1) ** turn
        cos, sin = math.cos(angle), math.sin(angle)
        to = torch.tensor([[cos, -sin, pixels * dx], [sin, cos, pixels * dy]])
        places = to @ distort.affine_basis() * 2 / distort.SIDE
        some = images[turn::4]
        result[turn::4] = distort.warp(some, places.expand(len(some), -1, -1))
    return result


def gradient_sign(network: Network, digits: ImageDataset) -> Tensor:
    """In which direction more ink raises the loss, -1, 0 or 1. Shape: (N, 28, 28)."""
    model, config = network
    pixels = digits.images.float().requires_grad_()
    with eval_mode(model), torch.enable_grad():
        loss = F.cross_entropy(
            model(config.data.transform(pixels)), digits.labels, reduction="sum"
        )
    return torch.autograd.grad(loss, pixels)[0].sign()


def num_flat(network: Network, digits: ImageDataset) -> int:
    """At how many digits the gradient is exactly 0, so that FGSM has no direction."""
    return int((gradient_sign(network, digits) == 0).flatten(1).all(1).sum())


def stepped(images: Tensor, direction: Tensor, size: float) -> Tensor:
    """Each pixel moved by at most `size` of the way from paper to ink.

    Along the gradient's sign it is FGSM (Goodfellow, Shlens and Szegedy 2015). Shape:
    images uint8, direction (N, 28, 28) -> float32 (N, 28, 28).
    """
    return (images + 255 * size * direction).clamp(0, 255)


def robustness(network: Network, digits: ImageDataset) -> dict[str, dict[str, float]]:
    """The share read right of digits that are changed, by kind and amount of change."""
    images, labels = digits
    noise = torch.randn(images.shape, generator=rng.generator(0, "robustness"))
    sign = gradient_sign(network, digits)
    changed = {
        "as they are": {"": images},
        "shifted": {f"{n} px": moved(images, pixels=n) for n in (1, 2, 3)},
        "turned": {f"{n}°": moved(images, degrees=n) for n in (15, 30, 45)},
        "noise": {f"{n:g}": stepped(images, noise, n) for n in (0.1, 0.3, 0.5)},
        "inverted": {"": 255 - images},
        "random signs": {f"{n:g}": stepped(images, noise.sign(), n) for n in SIZES},
        "FGSM": {f"{n:g}": stepped(images, sign, n) for n in SIZES},
    }
    model, transform = network.model, network.config.data.transform
    return {
        kind: {
            n: evaluate(model, x, labels, transform).accuracy for n, x in some.items()
        }
        for kind, some in changed.items()
    }
