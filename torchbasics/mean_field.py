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

EXACT: Any = {"dtype": torch.float64, "device": "cpu"}


def root_mean_square(x: Tensor) -> Tensor:
    """sqrt(mean of x^2) over the last dimension: the size of a typical entry.

    It is taken of x over its largest entry, so that no square over- or underflows:
    deep down, gradients are 1e-30 and less. Shape: (*, N) -> (*).

    >>> root_mean_square(torch.tensor([3e-30, -4e-30]))
    tensor(3.5355e-30)
    """
    largest = x.abs().amax(-1, keepdim=True)
    scale = torch.where((largest > 0) & (largest < math.inf), largest, 1.0)
    return (x / scale).square().mean(-1).sqrt() * scale.squeeze(-1)


def mean_squares(activation: ActivationName, q: Tensor) -> tuple[Tensor, Tensor]:
    """E[phi^2] of what a layer puts out, E[phi'^2] of the slopes a gradient meets.

    Shape: (*) -> (*), (*).

    >>> mean_squares("relu", torch.tensor(3.0))
    (tensor(1.5000), tensor(0.5000))
    """
    forward, backward = _expected(activation, require.floating(q).sqrt())
    return forward.square(), backward.square()


def _expected(activation: ActivationName, root: Tensor) -> tuple[Tensor, Tensor]:
    """The roots of both means, of the root of q, as squares may underflow.

    By the trapezoid rule, exact to many digits for what is smooth but for a kink at 0,
    where no node lies. For large q by z = c sinh(5t), whose nodes lie close near 0 and
    see the narrow peak there, which Gauss-Hermite's miss. Shape: (*) -> (*), (*).
    """
    require.choice(activations.ACTIVATIONS, activation=activation)
    z = torch.linspace(-9, 9, 2000, dtype=root.dtype, device=root.device)
    dz = torch.ones_like(z)
    if (root > math.sqrt(1000)).any():
        z, dz = 9 * torch.sinh(5 * z) / math.sinh(45), torch.cosh(5 * z)
    weights = torch.exp(-z.square() / 2) * dz
    weights = (weights / weights.mean()).sqrt()
    sums = root[..., None] * z
    functions = getattr(activations, activation), DERIVATIVES[activation]
    forward, backward = (root_mean_square(f(sums) * weights) for f in functions)
    return forward, backward


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

    >>> predicted = signal_propagation(
    ...     torch.ones(1, 100), [100] * 3, "relu", lambda fan_in, _: (1 / fan_in, 0.0)
    ... )
    >>> predicted.gradients ** 2  # each layer halves the mean square
    tensor([0.2500, 0.5000, 1.0000], dtype=torch.float64)
    """
    require.rows(None, x=x)
    require.examples(x=x)
    require.whole(1, features=x.shape[1], layers=len(widths), widths=widths)
    signal = root_mean_square(x.double())  # (N,), of what enters the layer
    sums, chis, slope = [], [], torch.ones_like(signal)  # all are roots
    for fan_in, fan_out in pairwise([x.shape[1], *widths]):
        weight, bias = init_variance(fan_in, fan_out)
        if not min(weight, bias) >= 0:
            raise ValueError(f"variances {weight} and {bias}: wanted 0 or above")
        chis.append(math.sqrt(fan_out * weight) * slope)
        root = math.sqrt(fan_in * weight) * signal
        sums.append(torch.hypot(root, root.new_tensor(math.sqrt(bias))))
        signal, slope = _expected(activation, sums[-1])
    back = torch.stack([torch.ones_like(signal), *chis[:0:-1]]).cumprod(0)
    forward = root_mean_square(torch.stack(sums))
    return SignalPropagation(forward, root_mean_square(back.flip(0)))


@cache
def critical_sigma_w(activation: ActivationName) -> float:
    """The sigma_w at which, without biases, q stays as it is and chi = 1.

    Deep down, a gradient then neither vanishes nor explodes. A q stays where
    sigma_w^2 = q / E[phi^2], and there chi = q E[phi'^2] / E[phi^2], which grows with
    q; the q at which it is 1 is found by bisection. Where phi(0) = 0 it is the limit
    q = 0, in which each unit sees phi as two straight lines that meet there.

    >>> round(critical_sigma_w("sigmoid"), 2), critical_sigma_w("tanh")
    (10.15, 1.0)

    Raises ValueError for GELU, which has none: its chi rises with q and falls again, so
    where sigma_w keeps a small q, a larger one grows without end.
    """
    low, high = 1e-6, 1e3  # where the means can be trusted
    grid = torch.logspace(math.log10(low), math.log10(high), 40, **EXACT)
    if (_chi(activation, grid).diff() < -1e-6).any():
        raise ValueError(f"{activation} has no critical sigma_w; take init he")
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
