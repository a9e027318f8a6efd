"""What makes of images the numbers that a network reads."""

from typing import Literal, get_args

import torch
from torch import Tensor

from torchbasics import arguments as require

MEAN, STD = 0.1307, 0.3081  # of all training pixels of MNIST, scaled to [0, 1]

Scale = Literal["unit", "standard"]


def scale_pixels(images: Tensor, scale: Scale = "unit") -> Tensor:
    """Pixels 0..255 as the numbers a network reads, one row per image.

    `unit` is p / 255; `standard` is (p / 255 - 0.1307) / 0.3081, which gives the
    training set mean 0 and standard deviation 1.

    Shape: uint8 (N, 28, 28) -> float32 (N, 784).

    >>> scale_pixels(torch.tensor([[[0, 51], [102, 255]]], dtype=torch.uint8))
    tensor([[0.0000, 0.2000, 0.4000, 1.0000]])
    """
    require.choice(get_args(Scale), scale=scale)
    pixels = images.flatten(1).to(torch.float32, copy=True)
    if scale == "unit":
        return pixels.div_(255)
    return pixels.sub_(255 * MEAN).div_(255 * STD)
