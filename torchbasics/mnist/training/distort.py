"""Digits drawn anew: turned, sheared, scaled, shifted and bent, in one resampling.

A pixel of the new image takes its value from a place in the old one. All places of an
image are a weighted sum of fixed pictures, with weights drawn at random: three pictures
(x, y and 1) make every affine map, some dozens of smooth ones every elastic bend. So
the places of many images are one matrix product.

The elastic part is white noise blurred by a Gaussian of standard deviation sigma
(Simard, Steinkraus and Platt 2003), with its strength as what it comes to: the root
mean square of the displacement, in pixels. Blurred noise is a field whose values at
distance d correlate by exp(-d^2 / 4 sigma^2), and the smooth pictures are the principal
components of such a field: one draws dozens of numbers an image instead of 1,568, and
blurs nothing.
"""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from torchbasics import rng
from torchbasics.data import ImageDataset
from torchbasics.mnist.config import DistortConfig

SIDE = 28
VARIANCE_LOST = 1e-4  # share of the field's, with the components left out
CHUNK = 500  # images at a time on a CPU, so that its cache holds their places


def distorted(
    dataset: ImageDataset, distort: DistortConfig, seed: int, epoch: int
) -> ImageDataset:
    """All images as that epoch shows them, each distorted in a way of its own.

    Shape: images uint8 (N, 28, 28) -> images uint8 (N, 28, 28), with the same labels.
    """
    images, labels = dataset
    random = rng.generator(seed, "distort", epoch, device=labels.device)
    basis = whole_basis(distort.sigma, labels.device)
    affine = affine_weights(labels, distort, random)
    bend = elastic_weights(len(labels), len(basis) - 3, distort, random)
    weights = torch.cat([affine, bend], dim=2)
    size = CHUNK if labels.device.type == "cpu" else len(labels)
    chunks = zip(images.split(size), weights.split(size), strict=True)
    warped = [warp(some, w @ basis) for some, w in chunks]
    return ImageDataset(torch.cat(warped), labels)


@cache
def whole_basis(sigma: float, device: torch.device) -> Tensor:
    """All the pictures, in the units of grid_sample. Shape: (3 + K, 784)."""
    return torch.cat([affine_basis(), elastic_basis(sigma)]).to(device) * (2 / SIDE)


def affine_basis() -> Tensor:
    """x, y and 1 of each pixel, in pixels from the centre. Shape: (3, 784)."""
    across = torch.arange(SIDE) - (SIDE - 1) / 2
    y, x = torch.meshgrid(across, across, indexing="ij")
    return torch.stack([x, y, torch.ones_like(x)]).flatten(1)


def affine_weights(labels: Tensor, distort: DistortConfig, random: Generator) -> Tensor:
    """The maps A p + t, from a pixel's own place to the one it takes its value from.

    A shears along x, then turns, then scales, and t shifts, each by an amount drawn
    evenly from its range. Digits in `distort.half` turn and shear half as far, as a 7
    that leans too much is a 1 (Ciresan et al. 2010).

    Shape: labels (N,) -> (N, 2, 3), for x and y.
    """
    draws = torch.rand(6, len(labels), generator=random, device=labels.device) * 2 - 1
    gentle = torch.where(torch.isin(labels, labels.new_tensor(distort.half)), 0.5, 1.0)
    angle = math.radians(distort.rotation) * gentle * draws[0]
    shear = torch.tan(math.radians(distort.shear) * gentle * draws[1])
    scale_x, scale_y = 1 + distort.scale * draws[2:4]
    dx, dy = distort.shift * draws[4:6]
    cos, sin = angle.cos(), angle.sin()
    x = torch.stack([scale_x * cos, scale_x * (shear * cos - sin), dx], dim=1)
    y = torch.stack([scale_y * sin, scale_y * (shear * sin + cos), dy], dim=1)
    return torch.stack([x, y], dim=1)


def elastic_basis(sigma: float) -> Tensor:
    """Smooth pictures, the largest first, whose squares add up to 1 at each pixel.

    Weighted with independent standard normal numbers they make white noise blurred
    with `sigma` pixels, of standard deviation 1. Shape: (K, 784).
    """
    across = torch.arange(SIDE, dtype=torch.float64)
    correlation = torch.exp(-((across - across[:, None]) ** 2) / (4 * sigma**2))
    eigenvalues, eigenvectors = torch.linalg.eigh(correlation)  # of one axis
    variances, order = (
        torch.outer(eigenvalues, eigenvalues)
        .clamp(min=0)
        .flatten()
        .sort(descending=True)
    )
    wanted = (1 - VARIANCE_LOST) * variances.sum()
    kept = int((variances.cumsum(0) < wanted).sum()) + 1
    y, x = (eigenvectors.T[axis[:kept]] for axis in (order // SIDE, order % SIDE))
    pictures = y[:, :, None] * x[:, None, :] * variances[:kept, None, None].sqrt()
    basis: Tensor = pictures.flatten(1).float()
    return basis


def elastic_weights(
    count: int, components: int, distort: DistortConfig, random: Generator
) -> Tensor:
    """How much each smooth picture bends each image. Shape: (count, 2, components)."""
    size = (count, 2, components)
    return distort.elastic * torch.randn(size, generator=random, device=random.device)


def warp(images: Tensor, places: Tensor) -> Tensor:
    """New images, whose pixels have the old ones' values at these places.

    Between four pixels the value is bilinear, outside the image 0.

    Shape: images uint8 (N, 28, 28), places (N, 2, 784), x and y, -1 and 1 at the
    image's edges -> uint8 (N, 28, 28).
    """
    grid = places.view(-1, 2, SIDE, SIDE).permute(0, 2, 3, 1)
    pixels = images[:, None].float()
    new = F.grid_sample(pixels, grid, padding_mode="zeros", align_corners=False)
    return new[:, 0].round_().to(torch.uint8)
