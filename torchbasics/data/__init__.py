"""MNIST: 70,000 handwritten digits, offline, verified, through torchvision."""

from torchbasics.data.mnist import Digits, load, scale_pixels

__all__ = ["Digits", "load", "scale_pixels"]
