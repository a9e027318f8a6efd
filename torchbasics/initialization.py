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
| `auto`    | `he` or `xavier`, as the activation needs                              |
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import nn

from torchbasics.activations import ActivationName

InitName = Literal["auto", "default", "xavier", "he", "lecun", "small"]

RECTIFIERS: set[ActivationName] = {"relu", "leaky_relu", "gelu"}


def weight_variance(init: InitName, fan_in: int, fan_out: int) -> float:
    """Variance of one weight at the start.

    >>> weight_variance("he", fan_in=50, fan_out=100)
    0.04
    """
    return {
        "default": 1 / (3 * fan_in),
        "xavier": 2 / (fan_in + fan_out),
        "he": 2 / fan_in,
        "lecun": 1 / fan_in,
        "small": 0.01**2,
    }[init]


def fitting(init: InitName, activation: ActivationName) -> InitName:
    """`init`, with `auto` replaced by what suits the activation.

    >>> fitting("auto", "relu"), fitting("auto", "sigmoid"), fitting("small", "relu")
    ('he', 'xavier', 'small')
    """
    if init != "auto":
        return init
    return "he" if activation in RECTIFIERS else "xavier"


@torch.no_grad()
def initialize(linear: nn.Linear, init: InitName, generator: torch.Generator) -> None:
    """Draw the weights of `linear` anew, in place.

    >>> linear = nn.Linear(1000, 1000)
    >>> initialize(linear, "he", torch.Generator().manual_seed(0))
    >>> round(linear.weight.std().item(), 3), linear.bias.abs().max().item()
    (0.045, 0.0)
    """
    std = math.sqrt(weight_variance(init, linear.in_features, linear.out_features))
    if init == "default":
        bound = math.sqrt(3) * std
        linear.weight.uniform_(-bound, bound, generator=generator)
        linear.bias.uniform_(-bound, bound, generator=generator)
    else:
        linear.weight.normal_(0, std, generator=generator)
        linear.bias.zero_()
