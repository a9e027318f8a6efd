"""A first course in deep learning in PyTorch: from one perceptron to digits."""

from torchbasics.activations import ACTIVATIONS
from torchbasics.initialization import initialize
from torchbasics.mlp import MLP

__all__ = ["ACTIVATIONS", "MLP", "__version__", "initialize"]

__version__ = "0.1.0"
