"""Pictures of a trained network, drawn pixel by pixel: no plotting library to load."""

import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from torchbasics.evaluation import most_confident_errors

Picture = npt.NDArray[np.uint8]
"""Red, green and blue: (height, width, 3)."""

INK, PAPER, GREY = (20, 20, 20), (255, 255, 255), (110, 110, 110)
BLUE, ORANGE = np.array([0, 84, 166]), np.array([217, 95, 2])  # safe for colour-blind


def weights(weight: Tensor, scale: int = 3, most: int = 400) -> Picture:
    """Each unit's weights as a tile: orange where ink excites it, blue where it calms.

    Of a wide layer, its first units. Shape: (H, 784) -> a picture.
    """
    tiles = weight[:most].detach().cpu().float().view(-1, 28, 28).numpy()
    largest = np.abs(tiles).max(axis=(1, 2), keepdims=True) + 1e-12
    return _grid([_tint(tile, scale) for tile in tiles / largest])


def confusion(matrix: Tensor, cell: int = 44) -> Picture:
    """How often each digit was read as which, mistakes shaded. Shape: (10, 10)."""
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
            shade = tuple((255 + (ORANGE - 255) * share).astype(int).tolist())
            draw.rectangle((x, y, x + cell - 2, y + cell - 2), shade, GREY)
            if count:
                at = (x + cell / 2 - 1, y + cell / 2 - 1)
                draw.text(at, str(count), INK, font, "mm")
    return np.asarray(image)


def misclassified(
    images: Tensor, labels: Tensor, probs: Tensor, most: int = 40
) -> Picture:
    """The digits read wrong with the most confidence, each with what was read.

    Shape: images (N, 28, 28), labels (N,), probs (N, 10) -> a picture.
    """
    confidence, answers = probs.max(1)
    worst = most_confident_errors(probs, labels, most)
    cards = [
        _card(images[i], f"{labels[i]} read as {answers[i]}, {confidence[i]:.0%}")
        for i in worst.tolist()
    ]
    return _grid(cards) if cards else np.full((64, 64, 3), 255, np.uint8)


def distorted(columns: Tensor, scale: int = 2) -> Picture:
    """Digits on top, and under each what training makes of it, epoch by epoch.

    Shape: (N, E, 28, 28) uint8, E - 1 epochs -> a picture.
    """
    pixels = 255 - columns.cpu().numpy().transpose(1, 2, 0, 3)  # rows of digits
    sheet = pixels.reshape(pixels.shape[0] * pixels.shape[1], -1)
    sheet = sheet.repeat(scale, axis=0).repeat(scale, axis=1)
    return np.repeat(sheet[..., None], 3, axis=2)


def _card(image: Tensor, text: str) -> Picture:
    """A digit in ink on paper, and under it a text."""
    card = Image.new("RGB", (112, 112), PAPER)
    pixels = (255 - image.cpu().numpy()).repeat(3, axis=0).repeat(3, axis=1)
    card.paste(Image.fromarray(pixels), (14, 0))
    draw = ImageDraw.Draw(card)
    draw.text((56, 98), text, INK, ImageFont.load_default(11), "mm")
    return np.asarray(card)


def _tint(tile: npt.NDArray[np.float32], scale: int) -> Picture:
    """Values from -1 (blue) over 0 (white) to 1 (orange) as pixels."""
    strength = np.abs(tile)[..., None]
    colour = np.where(tile[..., None] > 0, ORANGE, BLUE)
    pixels = (255 + (colour - 255) * strength).astype(np.uint8)
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)


def _grid(cards: list[Picture], gap: int = 4) -> Picture:
    """Cards of one size side by side, in about as many rows as columns."""
    height, width, _ = cards[0].shape
    columns = math.ceil(math.sqrt(len(cards)))
    rows = math.ceil(len(cards) / columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, 3)
    grid = np.full(shape, 255, np.uint8)
    for index, card in enumerate(cards):
        top = index // columns * (height + gap)
        left = index % columns * (width + gap)
        grid[top : top + height, left : left + width] = card
    return grid
