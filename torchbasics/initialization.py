"""How large the weights are before the first step.

A layer's weights are drawn with a variance that depends on its fan-in (inputs) and
fan-out (outputs). Too small, and the signal dies out from layer to layer; too large,
and it saturates or explodes. Biases start at 0, except with `default`.

| name      | variance of a weight     | source                                      |
|-----------|--------------------------|---------------------------------------------|
| `default` | 1 / (3 fan_in), uniform  | nn.Linear's own; the biases alike           |
| `xavier`  | 2 / (fan_in + fan_out)   | Glorot and Bengio 2010; sigmoid, tanh       |
| `he`      | 2 / fan_in               | He et al. 2015; ReLU and its kin            |
| `lecun`   | 1 / fan_in               | LeCun et al. 1998                           |
| `small`   | 0.01 ** 2                | the textbook's chapter 4                    |
| `critical`| sigma_w ** 2 / fan_in    | Schoenholz et al. 2017; see mean_field.py   |
| `auto`    | `he` or `xavier`, as the activation needs                              |
"""

import math
from typing import Literal, NamedTuple, get_args

import torch
from torch import nn

from torchbasics import arguments as require
from torchbasics.activations import ActivationName
from torchbasics.mean_field import critical_sigma_w

InitName = Literal["auto", "default", "xavier", "he", "lecun", "small", "critical"]

RECTIFIERS: set[ActivationName] = {"relu", "leaky_relu", "gelu"}


class InitVariance(NamedTuple):
    """Variances of one weight and of one bias at the start."""

    weight: float
    bias: float


def init_variance(
    init: InitName, activation: ActivationName, fan_in: int, fan_out: int
) -> InitVariance:
    """How widely a layer's weights and biases are drawn.

    >>> init_variance("he", "relu", fan_in=50, fan_out=100)
    InitVariance(weight=0.04, bias=0.0)

    Raises ValueError if there are no such weights for this activation.
    """
    require.choice(get_args(InitName), init=init)
    require.choice(get_args(ActivationName), activation=activation)
    require.whole(1, fan_in=fan_in, fan_out=fan_out)
    if init == "auto":
        init = "he" if activation in RECTIFIERS else "xavier"
    if init == "critical":
        return InitVariance(critical_sigma_w(activation) ** 2 / fan_in, 0.0)
    weight = {
        "default": 1 / (3 * fan_in),
        "xavier": 2 / (fan_in + fan_out),
        "he": 2 / fan_in,
        "lecun": 1 / fan_in,
        "small": 0.01**2,
    }[init]
    return InitVariance(weight, weight if init == "default" else 0.0)


@torch.no_grad()
def initialize(
    linear: nn.Linear,
    init: InitName,
    activation: ActivationName,
    generator: torch.Generator,
) -> None:
    """Draw the weights of `linear`, which `activation` follows, anew, in place.

    They are drawn on the generator's device, so its seed decides them on any other.

    >>> linear = nn.Linear(1000, 1000)
    >>> initialize(linear, "he", "relu", torch.Generator().manual_seed(0))
    >>> round(linear.weight.std().item(), 3), linear.bias.abs().max().item()
    (0.045, 0.0)
    """
    require.kind(nn.Linear, linear=linear)
    require.kind(torch.Generator, generator=generator)
    fans = linear.in_features, linear.out_features
    std = math.sqrt(init_variance(init, activation, *fans).weight)
    if linear.weight.is_meta:
        return  # it has no numbers
    weight = torch.empty_like(linear.weight, device=generator.device)
    bias = torch.zeros_like(weight[:, 0])
    if init == "default":
        bound = math.sqrt(3) * std
        weight.uniform_(-bound, bound, generator=generator)
        bias.uniform_(-bound, bound, generator=generator)
    else:
        weight.normal_(0, std, generator=generator)
    linear.weight.copy_(weight)
    if linear.bias is not None:
        linear.bias.copy_(bias)
