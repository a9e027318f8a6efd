"""Gradients of the lab's networks before any training, measured and predicted."""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from torchbasics.data import ImageDataset, scale_pixels
from torchbasics.initialization import init_variance
from torchbasics.lessons.lab.networks import Variant
from torchbasics.losses import cross_entropy_gradient
from torchbasics.mean_field import root_mean_square, signal_propagation
from torchbasics.mlp import MLP
from torchbasics.trace import backward_trace, forward_trace


class Start(NamedTuple):
    """Gradients by the pre-activations of each hidden layer, before any training.

    Root mean squares over the batch and the units, the last hidden layer's taken as 1.
    Shapes: (depth,), the first layer first.
    """

    measured: Tensor
    predicted: Tensor

    @property
    def factor(self) -> float:
        """By how much one layer multiplies the gradient, on its way back."""
        return self._per_layer(self.measured)

    @property
    def theory(self) -> float:
        """The same as mean-field theory has it."""
        return self._per_layer(self.predicted)

    @property
    def left(self) -> float:
        """What the first layer gets of the last one's gradient."""
        return float(self.measured[0])

    @staticmethod
    def _per_layer(sizes: Tensor) -> float:
        return float(sizes[0] ** (1 / (len(sizes) - 1)))


def measure_start(
    variant: Variant, depth: int, width: int, seed: int, probed: ImageDataset
) -> Start:
    """Measure a network's gradients before training, beside what theory says."""
    x = scale_pixels(probed.images).double()
    variances = partial(init_variance, variant.init, variant.activation)
    theory = signal_propagation(x, [width] * depth, variant.activation, variances)
    sizes = gradient_sizes(variant.build(depth, width, seed), probed)
    return Start(sizes, theory.gradients)


def gradient_sizes(model: MLP, probed: ImageDataset) -> Tensor:
    """Of each hidden layer the gradient by its sums, the last one's taken as 1.

    Shape: (depth,).
    """
    model, x = model.double(), scale_pixels(probed.images).double()
    asked = cross_entropy_gradient(forward_trace(model, x)[-1].outputs, probed.labels)
    back = backward_trace(model, x, asked)[:0:-1]  # hidden layers, the first first
    gradients = [layer.pre_activations.flatten() for layer in back]
    sizes = torch.stack([*map(root_mean_square, gradients)])
    return sizes / sizes[-1]
