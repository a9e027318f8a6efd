"""Activation functions: what a unit makes of its weighted sum.

Each is written out as its formula, in a form that neither overflows nor gives a
wrong gradient, and is equal to PyTorch's own in value and gradient. `ACTIVATIONS`
names PyTorch's modules, which networks use because they are faster.

At a kink the derivative is a convention; it is PyTorch's: ReLU'(0) = 0, leaky
ReLU'(0) = its negative slope, step'(0) = 0, and step(0) = 0.
Shape: any; the result has the shape of `x`. Softmax works along one dimension.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from torchbasics import arguments as require

ActivationName = Literal[
    "identity", "sigmoid", "tanh", "scaled_tanh", "relu", "leaky_relu", "gelu"
]

NEGATIVE_SLOPE = 0.01  # leaky ReLU's, PyTorch's own default
AMPLITUDE, STRETCH = 1.7159, 2 / 3  # of LeCun's scaled tanh


def step(x: Tensor) -> Tensor:
    """1 where x > 0, else 0, of nan nan: the perceptron's own. Shape: (*) -> (*).

    Its gradient is zero everywhere it has one, so it cannot be trained.

    >>> step(torch.tensor([-1.0, 0.0, 1.0, 2.0]))
    tensor([0., 0., 1., 1.])
    """
    require.tensor(x=x)
    return torch.where(x.isnan(), x.detach(), x > 0).to(x.dtype)


def identity(x: Tensor) -> Tensor:
    """`x` itself: the output layer of a regression. Shape: (*) -> (*).

    >>> identity(torch.tensor([-1.0, 2.0]))
    tensor([-1.,  2.])
    """
    require.tensor(x=x)
    return x


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), between 0 and 1. Shape: (*) -> (*).

    Where x < 0 it is taken as exp(x) / (1 + exp(x)), the same, so that exp never
    overflows. Its derivative s (1 - s) is at most 1/4, where x = 0.

    >>> sigmoid(torch.tensor([-1.0, 1.0, 2.0]))
    tensor([0.2689, 0.7311, 0.8808])
    """
    x = require.floating(x)
    small = torch.exp(torch.where(x >= 0, -x, x))  # exp(-|x|), in (0, 1]
    return torch.where(x >= 0, 1.0, small) / (1 + small)


def tanh(x: Tensor) -> Tensor:
    """2 sigmoid(2x) - 1, between -1 and 1. Shape: (*) -> (*).

    Its derivative 1 - tanh^2 is at most 1, where x = 0. It is taken as (1 - exp(-2x)) /
    (1 + exp(-2x)), its numerator by expm1, which keeps the digits of a small x.

    >>> tanh(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.7616,  0.0000,  0.7616])
    """
    x = require.floating(x)
    less = torch.expm1(2 * torch.where(x >= 0, -x, x))  # exp(-2|x|) - 1, in (-1, 0]
    return torch.where(x >= 0, -less, less) / (2 + less)


def scaled_tanh(x: Tensor) -> Tensor:
    """1.7159 tanh(2x/3), near +-1 where x is +-1. Shape: (*) -> (*).

    There its curve bends most, so targets of +-1 do not drive it into saturation.
    LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998.

    >>> scaled_tanh(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([-1.0000,  0.0000,  1.0000])
    """
    return AMPLITUDE * tanh(STRETCH * require.floating(x))


class ScaledTanh(nn.Module):
    """`scaled_tanh` with PyTorch's own tanh in it. Shape: (*) -> (*)."""

    def forward(self, x: Tensor) -> Tensor:
        """1.7159 tanh(2x/3). Shape: (*) -> (*)."""
        return AMPLITUDE * torch.tanh(STRETCH * x)


def relu(x: Tensor) -> Tensor:
    """max(x, 0): its derivative is 1 wherever it is active. Shape: (*) -> (*).

    >>> relu(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    return torch.where(require.floating(x) <= 0, 0.0, x)  # which leaves nan as nan


def leaky_relu(x: Tensor, negative_slope: float = NEGATIVE_SLOPE) -> Tensor:
    """`x` where x > 0, else negative_slope x: no unit ever dies. Shape: (*) -> (*).

    >>> leaky_relu(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.0100,  0.0000,  2.0000])
    """
    return torch.where(require.floating(x) > 0, x, negative_slope * x)


def gelu(x: Tensor) -> Tensor:
    """`x Phi(x)`, Phi(x) the share of a standard normal below x. Shape: (*) -> (*).

    A ReLU without a kink. Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.

    >>> gelu(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """
    return x * _normal_distribution(x)


def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`: scores become probabilities. Shape: (*) -> (*).

    The largest score is subtracted first: that changes nothing in the result and keeps
    exp from overflowing.

    >>> softmax(torch.tensor([0.3, 2.9, 4.0]))
    tensor([0.0182, 0.2452, 0.7366])
    """
    x = require.floating(x)
    dims = max(1, x.ndim)
    require.choice(range(-dims, dims), dim=dim)
    largest = x.detach().amax(dim, keepdim=True) if x.numel() else 0
    shifted = torch.exp(x - largest)
    return shifted / shifted.sum(dim, keepdim=True)


ACTIVATIONS: dict[ActivationName, type[nn.Module]] = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "scaled_tanh": ScaledTanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
}

DERIVATIVES: dict[ActivationName, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: torch.ones_like(require.floating(x)),
    "sigmoid": lambda x: (s := sigmoid(x)) * (1 - s),
    "tanh": lambda x: 1 - tanh(x).square(),
    "scaled_tanh": lambda x: STRETCH * (AMPLITUDE - scaled_tanh(x) ** 2 / AMPLITUDE),
    "relu": step,
    "leaky_relu": lambda x: NEGATIVE_SLOPE + (1 - NEGATIVE_SLOPE) * step(x),
    "gelu": lambda x: _normal_distribution(x) + x * _normal_density(x),
}
"""The slope of each activation at x, as a formula: the chain rule's factors."""


def _normal_distribution(x: Tensor) -> Tensor:
    """By erfc, which keeps its digits far below 0, where 1 + erf would lose them."""
    return torch.erfc(require.floating(x) / -math.sqrt(2)) / 2


def _normal_density(x: Tensor) -> Tensor:
    return torch.exp(-require.floating(x).square() / 2) / math.sqrt(2 * math.pi)
