"""A network at work, layer by layer: forward with every sum, backward with every slope.

Forward, each layer makes `sums = inputs @ weight + bias`, then
`outputs = activation(sums)`. Backward, the chain rule goes the same way in reverse:
what the loss asks of a layer's outputs, times the slope of the activation, is what it
asks of the sums; and from the sums it goes on to weight, bias and inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from torchbasics.activations import ACTIVATIONS, DERIVATIVES
from torchbasics.errors import wanted_tensor
from torchbasics.mlp import MLP

NAMES = {module: name for name, module in ACTIVATIONS.items()}


class Layer(NamedTuple):
    """What one layer of a network does to a batch, in the textbook's form.

    The last layer's outputs are its sums. `slopes` is activation'(sums). `nn.Linear`
    stores the weight the other way round, (out, in).

    Shapes: inputs (N, in), weight (in, out), bias (out,); the others (N, out).
    """

    name: str
    inputs: Tensor
    weight: Tensor
    bias: Tensor
    sums: Tensor
    outputs: Tensor
    slopes: Tensor


class Gradients(NamedTuple):
    """How fast the loss grows with each number of a layer. Shapes: as in `Layer`."""

    name: str
    outputs: Tensor
    sums: Tensor
    weight: Tensor
    bias: Tensor
    inputs: Tensor


@torch.no_grad()
def forward(model: MLP, x: Tensor) -> list[Layer]:
    """Every layer of a network at work on a batch, in order, the logits last.

    The sums of a layer are what its activation function gets: where there is batch
    norm, after it. Dropout is off.

    Shape: x (N, in_features).

    >>> layers = forward(MLP(784, [50, 100], 10), torch.zeros(1, 784))
    >>> [(layer.name, tuple(layer.weight.shape)) for layer in layers]
    [('hidden1', (784, 50)), ('hidden2', (50, 100)), ('logits', (100, 10))]
    """
    wanted_tensor(x=x)
    if not isinstance(model, MLP):
        raise TypeError(f"model is a {type(model).__name__}; wanted an MLP")
    if x.ndim != 2 or x.shape[1] != model.in_features:
        raise ValueError(
            f"x has shape {tuple(x.shape)}; wanted (N, {model.in_features}), "
            "one row per example"
        )
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        return _layers(model, x)
    finally:
        for module in training:
            module.training = True


def _layers(model: MLP, x: Tensor) -> list[Layer]:
    layers: list[Layer] = []
    for name, layer in model.named_children():
        parts = dict(layer.named_children()) or {"linear": layer}
        linear = parts["linear"]
        assert isinstance(linear, nn.Linear)
        weight, bias = linear.weight.detach().T, linear.bias.detach()
        sums = x @ weight + bias
        if "norm" in parts:
            sums = parts["norm"](sums)
        activation = parts.get("activation", nn.Identity())
        outputs, slopes = activation(sums), DERIVATIVES[NAMES[type(activation)]](sums)
        layers.append(Layer(name, x, weight, bias, sums, outputs, slopes))
        x = outputs
    return layers


@torch.no_grad()
def backward(model: MLP, x: Tensor, logit_gradient: Tensor) -> list[Gradients]:
    """The chain rule by hand, in the order it goes: the logits first.

    `logit_gradient` is d loss / d logits, for example `cross_entropy_gradient`.

    Shape: x (N, in_features), logit_gradient (N, out_features).

    >>> model = MLP(2, [3], 2)
    >>> gradients = backward(model, torch.ones(1, 2), torch.tensor([[0.5, -0.5]]))
    >>> [(layer.name, tuple(layer.weight.shape)) for layer in gradients]
    [('logits', (3, 2)), ('hidden1', (2, 3))]
    """
    wanted_tensor(logit_gradient=logit_gradient)
    layers = forward(model, x)
    if any(isinstance(module, nn.BatchNorm1d) for module in model.modules()):
        raise ValueError("model has batch norm; this trace goes back without it only")
    if logit_gradient.shape != layers[-1].sums.shape:
        raise ValueError(
            f"logit_gradient has shape {tuple(logit_gradient.shape)}; "
            f"wanted {tuple(layers[-1].sums.shape)}, like the logits"
        )
    gradients: list[Gradients] = []
    outputs = logit_gradient
    for layer in reversed(layers):
        sums = outputs * layer.slopes
        weight, bias = layer.inputs.T @ sums, sums.sum(0)
        inputs = sums @ layer.weight.T
        gradients.append(Gradients(layer.name, outputs, sums, weight, bias, inputs))
        outputs = inputs
    return gradients


@torch.no_grad()
def central_differences(
    loss: Callable[[], Tensor], parameter: Tensor, h: float = 1e-4
) -> Tensor:
    """(loss(w + h) - loss(w - h)) / 2h for each number w of a parameter, one by one.

    Slow, and blind to nothing: it knows only the loss, so it can judge any formula.
    Its error is of order h^2, and of the loss's rounding divided by h, which is why
    the parameter must be in float64. Shape: parameter (*) -> (*).

    >>> w = torch.tensor([3.0, 4.0], dtype=torch.float64)
    >>> central_differences(lambda: w.square().sum(), w)
    tensor([6.0000, 8.0000], dtype=torch.float64)
    """
    if parameter.dtype != torch.float64:
        raise TypeError(f"parameter is {parameter.dtype}; wanted torch.float64")
    slopes = torch.empty_like(parameter)
    for numbers, slope in zip(parameter.view(-1), slopes.view(-1), strict=True):
        value = numbers.item()
        try:
            above = loss_at(loss, numbers, value + h)
            below = loss_at(loss, numbers, value - h)
        finally:
            numbers.fill_(value)
        slope.copy_((above - below) / (2 * h))
    return slopes


def loss_at(loss: Callable[[], Tensor], number: Tensor, value: float) -> Tensor:
    """The loss with one number of the network set to a value. Shape: () -> ()."""
    number.fill_(value)
    return loss()
