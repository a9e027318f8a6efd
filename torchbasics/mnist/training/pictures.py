"""Pictures of a trained network, drawn pixel by pixel: no plotting library to load."""

import math

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from torchbasics.evaluation import most_confident_errors

INK, PAPER, GREY = (20, 20, 20), (255, 255, 255), (110, 110, 110)
BLUE, ORANGE = torch.tensor([[0, 84, 166], [217, 95, 2]])  # safe for colour-blind


def weights(weight: Tensor, scale: int = 3, most: int = 400) -> Tensor:
    """Each unit's weights as a tile: orange where ink excites it, blue where it calms.

    Of a wide layer, its first units. Shape: (H, 784) -> (3, height, width).
    """
    tiles = weight[:most].detach().cpu().float().view(-1, 1, 28, 28)
    strength = tiles.abs() / (tiles.abs().amax((2, 3), keepdim=True) + 1e-12)
    colours = torch.where(tiles > 0, ORANGE.view(3, 1, 1), BLUE.view(3, 1, 1))
    return _grid((255 + (colours - 255) * strength).byte(), scale)


def confusion(matrix: Tensor, cell: int = 44) -> Tensor:
    """How often each digit was read as which, mistakes shaded.

    Shape: (10, 10) -> (3, height, width).
    """
    image = Image.new("RGB", (11 * cell + 30, 11 * cell + 30), PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    counts = matrix.tolist()
    most = max(1, *(counts[i][j] for i in range(10) for j in range(10) if i != j))
    draw.text((image.width / 2 + 20, 12), "read as", GREY, font, "mm")
    draw.text((6, 34), "digit", GREY, font)
    for index in range(10):
        middle = 30 + (index + 1.5) * cell
        draw.text((middle, 30 + cell / 2), str(index), INK, font, "mm")
        draw.text((30 + cell / 2, middle), str(index), INK, font, "mm")
        for other in range(10):
            x, y = 30 + (other + 1) * cell, 30 + (index + 1) * cell
            count = counts[index][other]
            share = 0.0 if index == other else count / most
            shade = tuple((255 + (ORANGE - 255) * share).int().tolist())
            draw.rectangle((x, y, x + cell - 2, y + cell - 2), shade, GREY)
            if count:
                at = (x + cell / 2 - 1, y + cell / 2 - 1)
                draw.text(at, str(count), INK, font, "mm")
    return _pixels(image)


def misclassified(
    images: Tensor, labels: Tensor, probs: Tensor, most: int = 40
) -> Tensor:
    """The digits read wrong with the most confidence, each with what was read.

    Shape: images (N, 28, 28), labels (N,), probs (N, 10) -> (3, height, width).
    """
    confidence, answers = probs.max(1)
    worst = most_confident_errors(probs, labels, most)
    cards = [
        _card(images[i], f"{labels[i]} read as {answers[i]}, {confidence[i]:.0%}")
        for i in worst.tolist()
    ]
    return _grid(torch.stack(cards or [_pixels(Image.new("RGB", (64, 64), PAPER))]))


def distorted(columns: Tensor, scale: int = 2) -> Tensor:
    """Digits on top, and under each what training makes of it, epoch by epoch.

    Shape: (N, E, 28, 28) uint8, E - 1 epochs -> (3, height, width).
    """
    rows = 255 - columns.cpu().transpose(0, 1)
    return _grid(rows.flatten(0, 1)[:, None], scale, columns=len(columns), gap=0)


def _card(image: Tensor, text: str) -> Tensor:
    """A digit in ink on paper, and under it a text."""
    card = Image.new("RGB", (112, 112), PAPER)
    pixels = (255 - image.cpu().numpy()).repeat(3, axis=0).repeat(3, axis=1)
    card.paste(Image.fromarray(pixels), (14, 0))
    draw = ImageDraw.Draw(card)
    draw.text((56, 98), text, INK, ImageFont.load_default(11), "mm")
    return _pixels(card)


def _pixels(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def _grid(cards: Tensor, scale: int = 1, columns: int = 0, gap: int = 4) -> Tensor:
    """Cards side by side, else in about as many rows as columns.

    Shape: (N, C, H, W) -> (3, height, width).
    """
    from torchvision.utils import make_grid  # noqa: PLC0415 - 2 s of imports

    columns = columns or math.ceil(math.sqrt(len(cards)))
    large = cards.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    grid: Tensor = make_grid(large, columns, gap, pad_value=255)
    return grid
