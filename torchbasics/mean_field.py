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
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torchbasics import activations
from torchbasics import arguments as require
from torchbasics.activations import DERIVATIVES, ActivationName
from torchbasics.device import default_mode

END = math.sinh(45)  # of the nodes for large q
EXACT: Any = {"dtype": torch.float64, "device": "cpu"}


def _root_mean_square(function: Callable[[Tensor], Tensor], root: Tensor) -> Tensor:
    """sqrt(E[function(root z)^2]), z standard normal, by the trapezoid rule.

    For functions that are smooth but for a kink at 0, where no node lies: there the
    rule's error falls exponentially with its step, and it resolves narrow peaks, which
    Gauss-Hermite nodes miss: for large roots by z = c sinh(5t), whose nodes lie the
    closer the nearer they are to 0. Roots, as squares may underflow. Shape: (*) -> (*).
    """
    z = torch.linspace(-9, 9, 2000, dtype=root.dtype, device=root.device)
    dz = torch.ones_like(z)
    if (root > 1000**0.5).any():
        z, dz = 9 * torch.sinh(5 * z) / END, torch.cosh(5 * z) / END
    weights = activations.normal_density(z) * dz
    return _weighted_root(function(root[..., None] * z), weights / weights.sum())


def _weighted_root(values: Tensor, weights: Tensor) -> Tensor:
    """sqrt(sum_i w_i v_i^2), also of numbers too small or large to be squared.

    Shape: values (*, N), weights (N,) -> (*).
    """
    largest = values.abs().amax(-1, keepdim=True)
    scale = torch.where((largest > 0) & (largest < math.inf), largest, 1.0)
    with default_mode():
        return ((values / scale).square() @ weights).sqrt() * scale.squeeze(-1)


def mean_squares(activation: ActivationName, q: Tensor) -> tuple[Tensor, Tensor]:
    """E[phi^2] of what a layer puts out, E[phi'^2] of the slopes a gradient meets.

    Shape: (*) -> (*), (*).

    >>> mean_squares("relu", torch.tensor(3.0))
    (tensor(1.5000), tensor(0.5000))
    """
    require.choice(activations.ACTIVATIONS, activation=activation)
    root = require.floating(q).sqrt()
    forward = _root_mean_square(getattr(activations, activation), root)
    backward = _root_mean_square(DERIVATIVES[activation], root)
    return forward.square(), backward.square()


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

    `init_variance(fan_in, fan_out)` gives the variances of a layer's weights and of its
    biases. Shape: x (N, D).
    """
    require.rows(None, x=x)
    require.examples(x=x)
    require.choice(activations.ACTIVATIONS, activation=activation)
    named = require.numbered("widths", widths)
    require.whole(1, features=x.shape[1], layers=len(widths), **named)
    sizes = [x.shape[1], *widths]
    signal = _of_all(x.double())  # (N,), of what enters the layer; all are roots
    sums, chis, slope = [], [], torch.ones_like(signal)
    for fan_in, fan_out in pairwise(sizes):
        weight, bias = init_variance(fan_in, fan_out)
        if not min(weight, bias) >= 0:
            raise ValueError(f"variances {weight} and {bias}: wanted 0 or above")
        chis.append(math.sqrt(fan_out * weight) * slope)
        root = math.sqrt(fan_in * weight) * signal
        sums.append(torch.hypot(root, root.new_tensor(math.sqrt(bias))))
        signal = _root_mean_square(getattr(activations, activation), sums[-1])
        slope = _root_mean_square(DERIVATIVES[activation], sums[-1])
    gradients = [torch.ones_like(signal)]
    for chi in reversed(chis[1:]):
        gradients.append(gradients[-1] * chi)
    both = torch.stack(sums), torch.stack(gradients[::-1])
    return SignalPropagation(*map(_of_all, both))


def _of_all(values: Tensor) -> Tensor:
    """Root mean squares over the last dimension, in which each value counts alike."""
    count = values.shape[-1]
    return _weighted_root(values, values.new_full((count,), 1 / count))


@cache
def critical_sigma_w(activation: ActivationName) -> float:
    """The sigma_w at which, without biases, q stays as it is and chi = 1.

    Deep down, a gradient then neither vanishes nor explodes. A q stays where
    sigma_w^2 = q / E[phi^2], and there chi = q E[phi'^2] / E[phi^2], which grows with
    q; the q at which it is 1 is found by bisection. Where phi(0) = 0 it is the limit
    q = 0, in which each unit sees phi as two straight lines that meet there.

    >>> round(critical_sigma_w("sigmoid"), 2), critical_sigma_w("tanh")
    (10.15, 1.0)

    GELU has none, since its chi rises with q and falls again: where sigma_w keeps a
    small q, a larger one grows without end. Raises ValueError for it and its like.
    """
    low, high = 1e-6, 1e3  # where the means can be trusted
    grid = torch.logspace(math.log10(low), math.log10(high), 40, **EXACT)
    if (_chi(activation, grid).diff() < -1e-6).any():
        raise ValueError(f"{activation} has no critical sigma_w")
    around = torch.tensor([-1e-300, 0.0, 1e-300], **EXACT)
    if getattr(activations, activation)(around)[1] == 0:
        below, _, above = DERIVATIVES[activation](around).square().tolist()
        return math.sqrt(2 / (below + above))
    for _ in range(60):
        q = torch.tensor(math.sqrt(low * high), **EXACT)
        too_large = float(_chi(activation, q)) > 1
        low, high = (low, float(q)) if too_large else (float(q), high)
    return math.sqrt(q / mean_squares(activation, q)[0])


def _chi(activation: ActivationName, q: Tensor) -> Tensor:
    """The chi of a layer whose sigma_w keeps q as it is."""
    forward, backward = mean_squares(activation, q)
    return q * backward / forward
