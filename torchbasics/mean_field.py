"""How much a layer shrinks a signal and its gradient, predicted before any training.

In a wide layer with random weights, the sums of the units are spread like a normal
distribution, whose variance q says everything. From layer to layer

    q'  = fan_in  Var(w) E[phi(sqrt(q) z)^2] + Var(b)       (forward)
    chi = fan_out Var(w) E[phi'(sqrt(q) z)^2]               (backward)

with z standard normal. A unit adds up over its inputs, a gradient over the units that
its unit feeds, so forward fan_in counts and backward fan_out; where widths are equal,
both are sigma_w^2, as the papers write it. A gradient's mean square is multiplied by
chi at each layer on its way back: chi below 1 vanishes, above 1 explodes. Poole et
al. 2016; Schoenholz et al. 2017.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from torchbasics import activations
from torchbasics.activations import (
    DERIVATIVES,
    NEGATIVE_SLOPE,
    ActivationName,
    normal_density,
)

PIECEWISE_LINEAR: dict[ActivationName, float] = {
    "identity": 1.0,
    "relu": 0.0,
    "leaky_relu": NEGATIVE_SLOPE,
}
"""Straight on both sides of 0, so that both means are known: the slope below 0."""


def mean_square(function: Callable[[Tensor], Tensor], q: Tensor) -> Tensor:
    """E[function(sqrt(q) z)^2], z standard normal, by the trapezoid rule.

    For smooth functions, and q up to 1,000: there the rule's error falls exponentially
    with its step, and it resolves narrow peaks, which Gauss-Hermite nodes miss.

    Shape: (*) -> (*).

    >>> mean_square(torch.sin, torch.tensor([1.0]).double())
    tensor([0.4323], dtype=torch.float64)
    """
    z = torch.linspace(-9, 9, 2001, dtype=q.dtype)
    weights = normal_density(z)
    squares = function(q[..., None].sqrt() * z).square()
    return squares @ weights / weights.sum()


def mean_square_activation(activation: ActivationName, q: Tensor) -> Tensor:
    """E[phi^2]: mean square of what a layer puts out. Shape: (*) -> (*).

    >>> mean_square_activation("relu", torch.tensor(3.0))
    tensor(1.5000)
    """
    if activation in PIECEWISE_LINEAR:
        return q * (1 + PIECEWISE_LINEAR[activation] ** 2) / 2
    return mean_square(getattr(activations, activation), q)


def mean_square_derivative(activation: ActivationName, q: Tensor) -> Tensor:
    """E[phi'^2]: mean square of the slopes a gradient meets. Shape: (*) -> (*).

    >>> mean_square_derivative("relu", torch.tensor(3.0))
    tensor(0.5000)
    """
    if activation in PIECEWISE_LINEAR:
        return torch.full_like(q, (1 + PIECEWISE_LINEAR[activation] ** 2) / 2)
    return mean_square(DERIVATIVES[activation], q)


class SignalPropagation(NamedTuple):
    """Root mean squares of each hidden layer, in order, over the batch and the units.

    `gradients` are those of the loss by the pre-activations, the last layer's taken
    as 1. Shapes: (layers,).
    """

    pre_activations: Tensor
    gradients: Tensor


def signal_propagation(
    x: Tensor,
    widths: Sequence[int],
    activation: ActivationName,
    init_variance: Callable[[int, int], tuple[float, float]],
) -> SignalPropagation:
    """What hidden layers of these widths make of a batch and of the loss's gradient.

    `init_variance(fan_in, fan_out)` gives the variances of a layer's weights and of
    its biases.

    Shape: x (N, D).
    """
    sizes = [x.shape[1], *widths]
    layers = [(init_variance(*fans), *fans) for fans in pairwise(sizes)]
    square = x.double().square().mean(1)  # (N,), of what enters the layer
    variances = []
    for (weight, bias), fan_in, _ in layers:
        q = fan_in * weight * square + bias
        variances.append(q)
        square = mean_square_activation(activation, q)
    gradient = torch.ones_like(square)
    gradients = [gradient]
    for q, ((weight, _), _, fan_out) in zip(
        reversed(variances[:-1]), reversed(layers[1:]), strict=True
    ):
        gradient = gradient * fan_out * weight * mean_square_derivative(activation, q)
        gradients.append(gradient)
    return SignalPropagation(
        torch.stack(variances).mean(1).sqrt(),
        torch.stack(gradients[::-1]).mean(1).sqrt(),
    )


@cache
def critical_sigma_w(activation: ActivationName) -> float:
    """The sigma_w at which, without biases, q stays as it is and chi = 1.

    Deep down, a gradient then neither vanishes nor explodes. A q stays where
    sigma_w^2 = q / E[phi^2], and there chi = q E[phi'^2] / E[phi^2], which grows with
    q; the q at which it is 1 is found by bisection.

    >>> round(critical_sigma_w("sigmoid"), 2), round(critical_sigma_w("relu") ** 2, 6)
    (10.15, 2.0)

    GELU has none, since its chi does not grow with q: where sigma_w keeps a small q, a
    larger one grows without end. Raises ValueError for it and its like.
    """
    low, high = 1e-6, 1e3  # where the means can be trusted
    grid = torch.logspace(math.log10(low), math.log10(high), 40, dtype=torch.float64)
    if (_chi(activation, grid).diff() < -1e-6).any():
        raise ValueError(f"{activation} has no critical sigma_w")
    for _ in range(60):
        q = torch.tensor(math.sqrt(low * high), dtype=torch.float64)
        above = float(_chi(activation, q)) > 1
        low, high = (low, float(q)) if above else (float(q), high)
    return math.sqrt(q / mean_square_activation(activation, q))


def _chi(activation: ActivationName, q: Tensor) -> Tensor:
    """The chi of a layer whose sigma_w keeps q as it is."""
    forward = mean_square_activation(activation, q)
    return q * mean_square_derivative(activation, q) / forward
