"""A network at work, layer by layer, forward and backward, with every number.

Forward, each layer makes `pre_activations = inputs @ weight + bias`, then
`outputs = activation(pre_activations)`. Backward, the chain rule goes the same way in
reverse: what the loss asks of a layer's outputs, times the activation's derivative, is
what it asks of the pre-activations; and from there it goes on to weight, bias, inputs.
"""

import math
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from torchbasics import arguments as require
from torchbasics.activations import ACTIVATIONS, DERIVATIVES
from torchbasics.device import default_mode
from torchbasics.evaluation import eval_mode
from torchbasics.mlp import MLP, Residual
from torchbasics.rng import generator

SLOPES = {repr(module()): DERIVATIVES[name] for name, module in ACTIVATIONS.items()}
"""The derivative of each activation, by how PyTorch prints the module."""


class LayerTrace(NamedTuple):
    """What one layer of a network does to a batch, in the textbook's form.

    `derivatives` is activation'(pre_activations), 1 in the last layer, which has none.
    Batch norm multiplies the weighted sums by `scale`, else 1; a `residual` layer adds
    its inputs to its outputs. `nn.Linear` stores the weight transposed, (out, in).
    Shapes: inputs (N, in), weight (in, out), bias and scale (out,), others (N, out).
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

    Dropout is off, and batch norm goes by its running means, as when a network reads.
    Raises ValueError for a network changed by hand whose numbers would not be its own.
    Shape: x (N, in_features).

    >>> layers = forward_trace(MLP(784, [50, 100], 10), torch.zeros(1, 784))
    >>> [(layer.name, tuple(layer.weight.shape)) for layer in layers]
    [('hidden1', (784, 50)), ('hidden2', (50, 100)), ('logits', (100, 10))]
    """
    require.kind(MLP, model=model)
    layers: list[LayerTrace] = []
    with eval_mode(model):
        require.rows(model.in_features, x=x)
        require.dtype(next(model.parameters()).dtype, x=x)
        for name, module in model.named_children():
            inputs = layers[-1].outputs if layers else x.detach()
            layers.append(_layer(name, module, inputs))
            _agree(name, module(inputs), layers[-1].outputs)
        _agree("model", model(x), layers[-1].outputs)
    return layers


def _agree(name: str, own: Tensor, traced: Tensor) -> None:
    same = own.shape == traced.shape
    if not same or not torch.allclose(own, traced, 1e-3, equal_nan=True):
        given = f"{name} makes something else of its inputs"
        raise ValueError(f"{given}; wanted layers as an MLP builds them")


def _layer(name: str, module: nn.Module, x: Tensor) -> LayerTrace:
    linear: Any = getattr(module, "linear", module)
    norm: Any = getattr(module, "norm", None)
    activation = getattr(module, "activation", nn.Identity())
    require.choice(SLOPES, **{f"{name}.activation": repr(activation)})
    require.kind(nn.Linear, **{f"{name}.linear": linear})
    require.kind(Tensor, **{f"{name}.bias": linear.bias})
    weight, bias = linear.weight.detach().T, linear.bias.detach()
    scale, a = torch.ones_like(bias), F.linear(x, linear.weight, bias)  # bit for bit
    if norm is not None:
        require.kind(nn.BatchNorm1d, **{f"{name}.norm": norm})
        require.kind(Tensor, **{f"{name}.running_var": norm.running_var})
        scale, a = (norm.running_var + norm.eps).rsqrt(), norm(a)
        scale = scale if norm.weight is None else norm.weight * scale
    # What it puts out is PyTorch's own, its slopes are by our formulas.
    residual, slopes = isinstance(module, Residual), SLOPES[repr(activation)](a)
    outputs = x + activation(a) if residual else activation(a)
    return LayerTrace(name, x, weight, bias, a, outputs, slopes, scale, residual)


def backward_trace(
    model: MLP, x: Tensor, logit_gradient: Tensor
) -> list[LayerGradients]:
    """The chain rule by hand, in the order it goes: the logits first.

    With d x for d loss / d x, and sums for inputs @ weight + bias:

        d pre_activations = d outputs * derivatives
        d sums = d pre_activations * scale
        d weight = inputs^T @ d sums, and d bias is what d sums add up to
        d inputs = d sums @ weight^T: d outputs of the layer before

    `logit_gradient` is d logits, for example `cross_entropy_gradient`.
    Shape: x (N, in_features), logit_gradient (N, out_features).

    >>> model = MLP(2, [3], 2)
    >>> asked = torch.tensor([[0.5, -0.5]])
    >>> gradients = backward_trace(model, torch.ones(1, 2), asked)
    >>> [(layer.name, tuple(layer.weight.shape)) for layer in gradients]
    [('logits', (3, 2)), ('hidden1', (2, 3))]
    """
    layers = forward_trace(model, x)
    logits = layers[-1].outputs
    require.same_shape(logits=logits, logit_gradient=logit_gradient)
    outputs = logit_gradient.detach().to(logits.dtype)
    gradients: list[LayerGradients] = []
    with eval_mode(model):
        for layer in reversed(layers):
            a = outputs * layer.derivatives
            sums = a * layer.scale
            weight, bias = layer.inputs.T @ sums, sums.sum(0)
            inputs = sums @ layer.weight.T + (outputs if layer.residual else 0)
            parts = outputs, a, weight, bias, inputs
            gradients.append(LayerGradients(layer.name, *parts))
            outputs = inputs
    return gradients


def derivative(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The derivative at each x by autograd. Shape: (*) -> (*).

    It is 0 where autograd has none, as of the step, and PyTorch's choice at a kink.
    Raises ValueError for a function that mixes the numbers of x, such as softmax: where
    results are weighed by powers of 2, each slope must be weighed by its own.

    >>> derivative(torch.sin, torch.tensor([0.0]))
    tensor([1.])
    """
    with default_mode():
        x = require.floating(x).clone().requires_grad_()
        y = function(x)
        require.same_shape(x=x, result=y)
        random = generator(0, "mix")
        times = torch.randint(8, x.shape, generator=random, device="cpu").to(x).exp2()
        slope, many = (
            torch.autograd.grad(y + 0 * x, x, factor, retain_graph=True)[0]
            for factor in (torch.ones_like(x), times)
        )
    tiny = torch.finfo(x.dtype).tiny
    if not torch.allclose(many, times * slope, 1e-3, tiny, equal_nan=True):
        raise ValueError("result mixes the numbers of x; wanted each of one alone")
    return slope


@torch.no_grad()
def central_differences(
    loss: Callable[[], Tensor], parameter: Tensor, h: float = 1e-4
) -> Tensor:
    """(loss(w + h) - loss(w - h)) / 2h for each number w of a parameter, one by one.

    Slow, and blind to nothing: it knows only the loss, so it can judge any formula.
    Its error is of order h^2, and of the loss's rounding divided by h: that is why the
    parameter must be in float64, and h not be lost beside w. Raises ValueError where it
    is, and where two numbers share a place in memory. Shape: parameter (*) -> (*).

    >>> w = torch.tensor([3.0, 4.0], dtype=torch.float64)
    >>> central_differences(lambda: w.square().sum(), w)
    tensor([6.0000, 8.0000], dtype=torch.float64)
    """
    require.dtype(torch.float64, parameter=parameter)
    if parameter.is_inference() or 0 in parameter.squeeze().stride():
        raise ValueError("parameter cannot be changed by itself; wanted a clone of it")
    slopes = torch.empty_like(parameter)
    for place in product(*map(range, parameter.shape)):
        value = parameter[place].item()
        if not 1e-10 * abs(value) < h < math.inf:
            raise ValueError(f"h is {h} beside {value}; wanted more, and finite")
        try:
            parameter[place] = value + h
            above = float(loss())  # a view of the parameter would change
            parameter[place] = value - h
            slopes[place] = (above - float(loss())) / (2 * h)
        finally:
            parameter[place] = value
    return slopes
