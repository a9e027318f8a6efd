"""MNIST: 70,000 handwritten digits, offline, verified, through torchvision."""

from torchbasics.data.mnist import (
    TRAINING_IMAGES,
    ImageDataset,
    Scale,
    load,
    scale_pixels,
)

__all__ = ["TRAINING_IMAGES", "ImageDataset", "Scale", "load", "scale_pixels"]
