"""MNIST: 70,000 handwritten digits, offline, verified, through torchvision."""

from torchbasics.data.mnist import ImageDataset, load
from torchbasics.data.transforms import Scale, scale_pixels

__all__ = ["ImageDataset", "Scale", "load", "scale_pixels"]
