"""The smallest change of a picture that changes a network's answer.

Towards each other digit, the change goes to where that digit's score would reach the
answer's if both were as straight as they are here (DeepFool, Moosavi-Dezfooli et al.
2016), by the shortest way from the picture itself that leaves no pixel below 0 or
above 255 (FAB, Croce and Hein 2020). It looks again there, each time going a smaller
share of the way, so that it settles. What comes out is rounded to whole grey levels and
tried. It is the smallest found, not proved to be the smallest.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from torchbasics.mnist.network import Network
from torchbasics.trace import backward_trace, forward_trace

STEPS = 15
NEWTON = 20
LENGTHS = 48
TINY, FAR = 1e-30, 1e9
LEAD = 1.001


class Change(NamedTuple):
    """A picture, the changed one that is read otherwise, and how it is read.

    Shape: before and after uint8 (28, 28).
    """

    before: Tensor
    after: Tensor
    answer: int

    @property
    def difference(self) -> Tensor:
        """What is added to each pixel, in grey levels. Shape: int16 (28, 28)."""
        return self.after.short() - self.before.short()

    @property
    def l2(self) -> float:
        """The root of the sum of squares, in grey levels."""
        return float(self.difference.double().norm())

    @property
    def linf(self) -> int:
        """The largest change of a pixel, in grey levels."""
        return int(self.difference.abs().max())

    @property
    def num_changed(self) -> int:
        """How many pixels are changed."""
        return int(self.difference.count_nonzero())


def smallest_change(network: Network, image: Tensor) -> Change | None:
    """The change with the smallest L2 norm found; None if none was.

    Shape: image uint8 (28, 28).
    """
    start = image.flatten().float()
    answer = int(network.probs(image[None]).argmax())
    directions = torch.eye(10)[[k for k in range(10) if k != answer]]
    directions[:, answer] = -1
    points, found = start.expand(9, -1), []
    for step in range(STEPS):
        margins, slopes = margins_at(network, points, directions)
        nearest = nearest_on_plane(start, slopes, (slopes * points).sum(1) - margins)
        found += shortest_that_changes(network, start, nearest - start, answer)
        points = points + 2 / (step + 2) * (nearest - points)
    if not found:
        return None
    best = min(found, key=lambda point: float((point - start).norm()))
    best = without_needless(network, start, best, answer)
    after = best.view(28, 28).to(torch.uint8)
    return Change(image, after, int(network.probs(after[None]).argmax()))


def is_changed(network: Network, points: Tensor, answer: int) -> Tensor:
    """Whether another digit is ahead, by more than sums that are rounded otherwise.

    Shape: (N, 784) -> bool (N,).
    """
    probs = network.probs(points.view(-1, 28, 28).to(torch.uint8))
    return probs.amax(1) > LEAD * probs[:, answer]


def margins_at(
    network: Network, points: Tensor, directions: Tensor
) -> tuple[Tensor, Tensor]:
    """How far each digit's score is ahead of the answer's, and its slope a grey level.

    Shape: points (N, 784), directions (N, 10) -> (N,), (N, 784).
    """
    ends = torch.tensor([0.0, 255.0])[:, None, None]
    paper, ink = network.config.data.transform(ends)
    x = network.config.data.transform(points.view(-1, 28, 28))
    logits = forward_trace(network.model, x)[-1].outputs
    slopes = backward_trace(network.model, x, directions)[-1].inputs
    return (logits * directions).sum(1), slopes * (ink - paper) / 255


def nearest_on_plane(start: Tensor, slopes: Tensor, level: Tensor) -> Tensor:
    """The nearest p to `start`, from 0 to 255, with slopes @ p = level, if there is.

    It is clip(start + t slopes) for some t >= 0. slopes @ p is concave in t, and each
    of its pieces straight, so Newton's steps from 0 never go too far and soon arrive.
    Shape: start (D,), slopes (N, D), level (N,) -> (N, D).

    >>> start, slopes = torch.tensor([0.0, 254.0]), torch.tensor([[2.0, 4.0]])
    >>> nearest_on_plane(start, slopes, torch.tensor([1060.0])).round()
    tensor([[ 20., 255.]])
    """
    size = slopes.abs().amax(1, keepdim=True).clamp(min=TINY)  # else squares underflow
    slopes, level = slopes / size, level / size[:, 0]
    t, points = torch.zeros(len(slopes), 1), start.expand_as(slopes)
    for _ in range(NEWTON):
        free = ((slopes > 0) & (points < 255)) | ((slopes < 0) & (points > 0))
        missing = level - (slopes * points).sum(1)
        step = missing / (slopes.square() * free).sum(1)  # nan, inf: nothing is free
        t = t + step.nan_to_num(0, 0, 0).clamp(0, FAR)[:, None]
        points = (start + t * slopes).clamp(0, 255)
    return points


def shortest_that_changes(
    network: Network, start: Tensor, changes: Tensor, answer: int
) -> list[Tensor]:
    """Of all lengths of these changes, in whole grey levels, the shortest that does.

    Up to twice as long, or so long that rounding leaves something of it.
    Shape: start (784,), changes (N, 784) -> none or one of (784,).
    """
    longest = (4 / changes.abs().amax(1).clamp(min=TINY)).clamp(2, FAR)
    lengths = torch.linspace(0, 1, LENGTHS + 1)[1:, None, None] * longest[:, None]
    tried = (start + lengths * changes).round().clamp(0, 255).flatten(0, 1)
    tried = tried[is_changed(network, tried, answer)]
    return list(tried[(tried - start).norm(dim=1).argsort()][:1])


def without_needless(
    network: Network, start: Tensor, point: Tensor, answer: int
) -> Tensor:
    """The point with as many of its smallest changes undone as can be, all together.

    Shape: (784,), (784,) -> (784,).
    """
    rank = (point - start).abs().argsort().argsort()
    undone = torch.arange(len(rank))[:, None]
    tried = torch.where(rank < undone, start, point)
    return tried[is_changed(network, tried, answer)][-1]
