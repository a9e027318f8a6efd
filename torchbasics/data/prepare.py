"""Any picture of digits made as MNIST was made: the steps of prepare.md, in PyTorch."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from torchbasics import arguments as require

SIDE, BOX = 28, 20
LONGEST, SMALL = 640, 128
GREY = (0.299, 0.587, 0.114)
BLANK, GRAIN, SPECK = 0.2, 7, 8
STROKE, FAINT = 0.4, 0.15
THIN, PEN = 1.5, 2.0


def prepare(image: Tensor) -> Tensor:
    """The one digit that a picture shows, as MNIST would have it; zeros if it is blank.

    Shape: uint8 (H, W) or (H, W, 3) -> uint8 (28, 28), 0 for paper, 255 for ink.
    """
    ink = ink_of(image)
    return as_mnist(ink, stroke_pieces(ink) > 0)


def find_digits(image: Tensor) -> list[Tensor]:
    """The digits that stand in a row on a picture, from left to right.

    Shape: uint8 (H, W) or (H, W, 3) -> uint8 (28, 28) each, as `prepare` makes one.
    """
    ink = ink_of(image)
    pieces = stroke_pieces(ink)
    groups = group_pieces(pieces)
    return [as_mnist(ink, torch.isin(pieces, torch.tensor(some))) for some in groups]


def ink_of(image: Tensor) -> Tensor:
    """Steps 1 to 5: from 0 for paper, however it is lit, to 1 for ink.

    Shape: uint8 (H, W) or (H, W, 3) -> float32 (h, w).
    """
    require.dtype(torch.uint8, image=image)
    shape = tuple(image.shape)
    if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)) or 0 in shape:
        raise ValueError(f"image has shape {shape}; wanted (H, W) or (H, W, 3)")
    grey = image.float() if image.ndim == 2 else image.float() @ torch.tensor(GREY)
    grey = at_most(LONGEST, grey)
    small = at_most(SMALL, grey)
    if is_ink_light(small):
        grey, small = 255 - grey, 255 - small
    radius = max(1, min(small.shape) // 6)
    closed = -largest(-largest(padded(small, 2 * radius), radius), radius)
    closed = closed[2 * radius : -2 * radius, 2 * radius : -2 * radius]
    paper = F.interpolate(closed[None, None], grey.shape, mode="bilinear")[0, 0]
    darkness = (paper - grey) / paper.clamp(min=1)
    ordered = darkness.flatten().sort().values
    quarter, median = (float(ordered[(len(ordered) - 1) // n]) for n in (4, 2))
    level = ordered[-max(1, len(ordered) // 5_000)]
    if level < max(BLANK, 3 * median, median + GRAIN * (median - quarter)):
        return torch.zeros_like(darkness)
    return (darkness / level).clamp(0, 1)


def is_ink_light(grey: Tensor) -> bool:
    """Whether what is rare is lighter than what is around it. Shape: (h, w)."""
    radius = max(1, min(grey.shape) // 4)
    size, square = 2 * radius + 1, padded(grey, radius)[None, None]
    rows = F.avg_pool2d(square, (size, 1), stride=1)
    around = F.avg_pool2d(rows, (1, size), stride=1)[0, 0]
    return bool(((grey - around).double() ** 3).sum() > 0)


def stroke_pieces(ink: Tensor) -> Tensor:
    """Step 6: which piece each pixel is of, 0: of none that counts.

    Shape: (h, w) -> int64 (h, w).
    """
    pieces = connected(ink > STROKE)
    if not pieces.any():
        return pieces
    boxes, areas = boxes_of(pieces), pieces.flatten().bincount()[1:]
    sizes = (boxes[:, 2:] - boxes[:, :2]).amax(1)
    if sizes.max() < SPECK or 100 * areas.max() < areas.sum():
        return torch.zeros_like(pieces)
    kept = 5 * sizes >= sizes.max()
    edges = boxes == torch.tensor([0, 0, *ink.shape])
    within = kept & (edges.sum(1) < 2)
    kept = within if within.any() else kept
    return pieces * F.pad(kept, (1, 0))[pieces]


def connected(mask: Tensor) -> Tensor:
    """A number from 1 on for each piece that holds together, 0 where there is none.

    Each pixel of a stroke begins with a number of its own. As long as two neighbours
    differ, all that have the smaller number take the larger one.

    Shape: bool (h, w) -> int64 (h, w).

    >>> connected(torch.tensor([[True, False, True], [False, True, False]]))
    tensor([[1, 0, 1],
            [0, 1, 0]])
    """
    first = mask.flatten().cumsum(0).view_as(mask) * mask
    around, width = F.pad(first, (1, 1, 0, 1)), mask.shape[1]
    pairs = []
    for down, right in ((0, 2), (1, 0), (1, 1), (1, 2)):
        beside = around[down : down + len(mask), right : right + width]
        both = mask & (beside > 0)
        pairs.append(torch.stack([first[both], beside[both]]))
    ends = torch.cat(pairs, dim=1)
    number = torch.arange(int(mask.sum()) + 1)
    while (number[ends[0]] != number[ends[1]]).any():
        smaller, larger = number[ends].aminmax(dim=0)
        number.scatter_reduce_(0, smaller, larger, "amax")
        while not torch.equal(number, number[number]):
            number = number[number]
    renumbered: Tensor = number.unique(return_inverse=True)[1]
    return renumbered[first]


def boxes_of(pieces: Tensor) -> Tensor:
    """Top, left, bottom, right of each piece. Shape: int64 (h, w) -> int64 (n, 4)."""
    places = pieces.nonzero()
    index = (pieces[pieces > 0] - 1)[:, None].expand(-1, 2)
    count = int(pieces.max())
    first = torch.full((count, 2), max(pieces.shape))
    first.scatter_reduce_(0, index, places, "amin")
    last = torch.zeros(count, 2, dtype=torch.int64)
    last.scatter_reduce_(0, index, places + 1, "amax")
    return torch.cat([first, last], dim=1)


def group_pieces(pieces: Tensor) -> list[list[int]]:
    """Step 7: the numbers of each digit's pieces, from left to right. Shape: (h, w)."""
    boxes = boxes_of(pieces).tolist()
    found = [(box, number) for number, box in enumerate(boxes, 1) if box[3]]
    tallest = max((box[2] - box[0] for box, _ in found), default=0)
    groups: list[tuple[list[int], list[int]]] = []
    for box, number in sorted(found, key=lambda one: one[0][1]):
        if groups and _belongs(groups[-1][0], box, tallest):
            before, numbers = groups[-1]
            before[:] = [*map(min, before[:2], box), *map(max, before[2:], box[2:])]
            numbers.append(number)
        else:
            groups.append((box, [number]))
    return [numbers for box, numbers in groups if 5 * (box[2] - box[0]) >= 2 * tallest]


def _belongs(before: list[int], box: list[int], tallest: int) -> bool:
    """Whether a piece is of the digit before it."""
    shared = min(before[3], box[3]) - max(before[1], box[1])
    narrower = min(before[3] - before[1], box[3] - box[1])
    lower = min(before[2] - before[0], box[2] - box[0])
    return 2 * shared > narrower or (2 * lower < tallest and -10 * shared < tallest)


def as_mnist(ink: Tensor, strokes: Tensor) -> Tensor:
    """Steps 8 to 11: these strokes in the middle of 28 x 28, 20 high or wide.

    Shape: (h, w), bool (h, w) -> uint8 (28, 28).
    """
    image = torch.zeros(SIDE, SIDE)
    if not strokes.any():
        return image.to(torch.uint8)
    some = strokes[_box(strokes, 1)]
    inner = largest((~some).float(), 1) == 0
    pen = 2 * int(some.sum()) / max(1, int((some & ~inner).sum()))
    reach = math.ceil(pen / 2)
    near = _box(strokes, reach)
    ink = ink[near] * largest(strokes[near].float(), reach)
    ink = ink[_box(ink > FAINT, 0)]
    if BOX * pen / max(ink.shape) < THIN:
        radius = round((max(ink.shape) * PEN / BOX - pen) / 2)
        ink = largest(F.pad(ink, [radius] * 4), radius)
    digit = resample(ink, BOX)
    digit = (255 * digit / digit.max()).round()
    top, left = (_start(digit.sum(axis)) for axis in (1, 0))
    image[top : top + len(digit), left : left + digit.shape[1]] = digit
    return image.to(torch.uint8)


def _box(mask: Tensor, margin: int) -> tuple[slice, slice]:
    """The smallest box with all that is true, and so much around it. Shape: (h, w)."""
    top, left, bottom, right = boxes_of(mask.long())[0].tolist()
    rows = slice(max(0, top - margin), bottom + margin)
    return rows, slice(max(0, left - margin), right + margin)


def _start(masses: Tensor) -> int:
    """Where rows (columns) begin, so that their centre of mass comes to the middle."""
    centre = (masses * torch.arange(len(masses))).sum() / masses.sum()
    return min(max(0, round(SIDE / 2 - float(centre))), SIDE - len(masses))


def resample(image: Tensor, longer: int) -> Tensor:
    """The image with that longer side, each new pixel the mean of what it covers.

    Shape: (h, w) -> (h', w').

    >>> resample(torch.tensor([[0.0, 4.0, 8.0]]), 2)
    tensor([[1.3333, 6.6667]])
    """
    scale = longer / max(image.shape)
    for size in image.shape:
        image = _averaged(image.T, max(1, round(scale * size)))
    return image


def _averaged(image: Tensor, after: int) -> Tensor:
    """Each row with so many pixels, by what they cover. Shape: (h, w) -> (h, after)."""
    step = image.shape[1] / after
    start = step * torch.arange(after, dtype=torch.float64)[:, None]
    old = start.floor() + torch.arange(math.ceil(step) + 1)
    covered = torch.minimum(start + step, old + 1) - torch.maximum(start, old)
    share = (covered.clamp(min=0) / step).float()
    places = old.long().clamp(max=image.shape[1] - 1)
    return torch.einsum("hak,ak->ha", image[:, places], share)


def at_most(longer: int, image: Tensor) -> Tensor:
    """The image, smaller if a side is longer. Shape: (h, w) -> (h', w')."""
    return resample(image, longer) if max(image.shape) > longer else image


def padded(image: Tensor, radius: int) -> Tensor:
    """The image with its edges going on. Shape: (h, w) -> (h + 2 radius, ...)."""
    return F.pad(image[None, None], [radius] * 4, mode="replicate")[0, 0]


def largest(image: Tensor, radius: int) -> Tensor:
    """The largest value in a square around each pixel. Shape: (h, w) -> (h, w)."""
    size = 2 * radius + 1
    rows = F.max_pool2d(image[None, None], (size, 1), stride=1, padding=(radius, 0))
    return F.max_pool2d(rows, (1, size), stride=1, padding=(0, radius))[0, 0]
