"""A network at work, layer by layer, forward and backward, with every number.

Forward, each layer makes `pre_activations = inputs @ weight + bias`, then
`outputs = activation(pre_activations)`. Backward, the chain rule goes the same way in
reverse: what the loss asks of a layer's outputs, times the activation's derivative, is
what it asks of the pre-activations; and from there it goes on to weight, bias, inputs.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from torchbasics.activations import DERIVATIVES, NAMES
from torchbasics.arguments import as_float, require_rows, require_tensor
from torchbasics.evaluation import eval_mode
from torchbasics.mlp import MLP, Residual


class LayerTrace(NamedTuple):
    """What one layer of a network does to a batch, in the textbook's form.

    The last layer's outputs are its pre-activations. `derivatives` is
    activation'(pre_activations). `nn.Linear` stores the weight the other way round,
    (out, in). Batch norm multiplies the weighted sums by `scale` on their way to the
    pre-activations; without it, it is 1. A `residual` layer adds its inputs to what
    its activation gives.

    Shapes: inputs (N, in), weight (in, out), bias and scale (out,), the others
    (N, out).
    """

    name: str
    inputs: Tensor
    weight: Tensor
    bias: Tensor
    pre_activations: Tensor
    outputs: Tensor
    derivatives: Tensor
    scale: Tensor
    residual: bool


class LayerGradients(NamedTuple):
    """How fast the loss grows with each number. Shapes: as in `LayerTrace`."""

    name: str
    outputs: Tensor
    pre_activations: Tensor
    weight: Tensor
    bias: Tensor
    inputs: Tensor


def forward_trace(model: MLP, x: Tensor) -> list[LayerTrace]:
    """Every layer of a network at work on a batch, in order, the logits last.

    The pre-activations of a layer are what its activation function gets: where there
    is batch norm, after it. Dropout is off.

    Shape: x (N, in_features).

    >>> layers = forward_trace(MLP(784, [50, 100], 10), torch.zeros(1, 784))
    >>> [(layer.name, tuple(layer.weight.shape)) for layer in layers]
    [('hidden1', (784, 50)), ('hidden2', (50, 100)), ('logits', (100, 10))]
    """
    if not isinstance(model, MLP):
        raise TypeError(f"model is a {type(model).__name__}; wanted an MLP")
    require_rows(x, model.in_features)
    with eval_mode(model):
        return _layers(model, x)


def _layers(model: MLP, x: Tensor) -> list[LayerTrace]:
    layers: list[LayerTrace] = []
    for name, module in model.named_children():
        parts = dict(module.named_children()) or {"linear": module}
        linear, residual = parts["linear"], isinstance(module, Residual)
        assert isinstance(linear, nn.Linear)
        weight, bias = linear.weight.detach().T, linear.bias.detach()
        scale, a = torch.ones_like(bias), x @ weight + bias
        if norm := parts.get("norm"):
            assert isinstance(norm, nn.BatchNorm1d)
            assert norm.running_var is not None
            scale, a = norm.weight / (norm.running_var + norm.eps).sqrt(), norm(a)
        activation = parts.get("activation", nn.Identity())
        outputs = x + activation(a) if residual else activation(a)
        slopes = DERIVATIVES[NAMES[type(activation)]](a)
        layers.append(
            LayerTrace(name, x, weight, bias, a, outputs, slopes, scale, residual)
        )
        x = outputs
    return layers


@torch.no_grad()
def backward_trace(
    model: MLP, x: Tensor, logit_gradient: Tensor
) -> list[LayerGradients]:
    """The chain rule by hand, in the order it goes: the logits first.

    Dropout is off and batch norm goes by its running means, as when a network reads.

    `logit_gradient` is d loss / d logits, for example `cross_entropy_gradient`.

    Shape: x (N, in_features), logit_gradient (N, out_features).

    >>> model = MLP(2, [3], 2)
    >>> asked = torch.tensor([[0.5, -0.5]])
    >>> gradients = backward_trace(model, torch.ones(1, 2), asked)
    >>> [(layer.name, tuple(layer.weight.shape)) for layer in gradients]
    [('logits', (3, 2)), ('hidden1', (2, 3))]
    """
    require_tensor(logit_gradient=logit_gradient)
    layers = forward_trace(model, x)
    if logit_gradient.shape != layers[-1].outputs.shape:
        raise ValueError(
            f"logit_gradient has shape {tuple(logit_gradient.shape)}; "
            f"wanted {tuple(layers[-1].outputs.shape)}, like the logits"
        )
    gradients: list[LayerGradients] = []
    outputs = logit_gradient
    for layer in reversed(layers):
        a = outputs * layer.derivatives
        sums = a * layer.scale
        weight, bias, inputs = layer.inputs.T @ sums, sums.sum(0), sums @ layer.weight.T
        inputs = inputs + outputs if layer.residual else inputs
        gradients.append(LayerGradients(layer.name, outputs, a, weight, bias, inputs))
        outputs = inputs
    return gradients


def derivative(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The derivative at each x, by autograd; 0 where there is no gradient at all.

    Shape: (*) -> (*).

    >>> derivative(torch.sin, torch.tensor([0.0]))
    tensor([1.])
    """
    with torch.inference_mode(False), torch.enable_grad():
        x = as_float(x).clone().requires_grad_()
        y = function(x).sum()
    return torch.autograd.grad(y, x)[0] if y.requires_grad else torch.zeros_like(x)


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
    for number, slope in zip(parameter.view(-1), slopes.view(-1), strict=True):
        value = number.item()
        try:
            above = _loss_at(loss, number, value + h)
            below = _loss_at(loss, number, value - h)
        finally:
            number.fill_(value)
        slope.copy_((above - below) / (2 * h))
    return slopes


def _loss_at(loss: Callable[[], Tensor], number: Tensor, value: float) -> Tensor:
    number.fill_(value)
    return loss()
