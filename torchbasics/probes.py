"""What goes on inside an MLP, layer by layer: activations, gradients, updates.

`Probes` reads them with hooks, which it removes on exit, also after an exception. It
changes neither the model's outputs nor its gradients.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor, nn

from torchbasics import arguments as require
from torchbasics import rng
from torchbasics.activations import BOUNDS, NAMES
from torchbasics.device import default_mode
from torchbasics.mlp import attach_generator

NEAR_A_BOUND = 0.05  # as a share of the range

Statistics = dict[str, dict[str, float]]
"""By the name of the statistic, then of the layer."""


class Probes:
    """A context that keeps what each layer of the model last put out.

    >>> from torchbasics import MLP
    >>> model = MLP(4, [3], 2)
    >>> with Probes(model) as probes:
    ...     model(torch.zeros(5, 4)).sum().backward()
    >>> {layer: tuple(out.shape) for layer, out in probes.activations.items()}
    {'hidden1': (5, 3), 'logits': (5, 2)}

    The layers are the model's children. A hidden layer's activation is what comes out
    of its activation function, before dropout; the logits have none.
    """

    def __init__(self, model: nn.Module) -> None:
        require.module(nn.Module, model=model)
        self.layers = dict(model.named_children())
        self.activations: dict[str, Tensor] = {}
        self._hooks = ExitStack()

    def __enter__(self) -> Probes:
        for name, layer in self.layers.items():
            watched = getattr(layer, "activation", layer)
            hook = watched.register_forward_hook(partial(self._keep, name))
            self._hooks.enter_context(hook)
        return self

    def __exit__(self, *exception: object) -> None:
        self._hooks.close()

    def _keep(self, name: str, module: nn.Module, inputs: object, out: Tensor) -> None:
        require.tensor(**{name: out})
        self.activations[name] = out.detach().clone()  # what follows may work in place

    def weights(self) -> dict[str, Tensor]:
        """The weight matrix of each layer that has one."""
        linears = {n: getattr(x, "linear", x) for n, x in self.layers.items()}
        return {n: x.weight for n, x in linears.items() if isinstance(x, nn.Linear)}

    def gradients(self) -> dict[str, Tensor]:
        """The gradient of each layer's weight matrix, after a backward pass."""
        gradients = {name: weight.grad for name, weight in self.weights().items()}
        return {name: grad for name, grad in gradients.items() if grad is not None}

    def statistics(self) -> Statistics:
        """One number per layer for each thing worth watching.

        ValueError if no batch has gone through the model within the context.
        """
        if not self.activations:
            raise ValueError("no layer has been seen at work; wanted a batch first")
        hidden = {
            name: (layer.get_submodule("activation"), self.activations[name])
            for name, layer in self.layers.items()
            if hasattr(layer, "activation")
        }
        return {
            "activation_mean": _each(self.activations, torch.mean),
            "activation_std": _each(self.activations, _std),
            "gradient_norm": _each(self.gradients(), torch.linalg.vector_norm),
            "gradient_std": _each(self.gradients(), _std),
            "saturated": {name: saturated(*pair) for name, pair in hidden.items()},
            "dead": {name: dead(out) for name, (_, out) in hidden.items()},
        }


def probe_copy(
    model: nn.Module,
    loss_function: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    labels: Tensor,
    seed: int = 0,
) -> Probes:
    """What a training step on these examples would see, in a copy of the model.

    The model, its gradients and all random state are left alone: what the copy draws is
    keyed by `seed`. Shape: inputs (N, D), labels (N,).
    """
    require.module(nn.Module, model=model)
    require.examples(inputs=inputs, labels=labels)
    with default_mode():
        copied = copy.deepcopy(model).train()
        if generator := attach_generator(copied):
            rng.reseed(generator, seed, "probe")
        with Probes(copied) as probes:
            loss_function(copied(inputs.clone()), labels.clone()).backward()
    return probes


def saturated(activation: nn.Module, out: Tensor) -> float:
    """Share of activations within 5 % of the range of a bound. Shape: out (N, H).

    At a bound the derivative is small: at most 0.0475 for the sigmoid, of 0.25 at its
    best. Where one side has no bound, no activation counts.

    >>> saturated(nn.Sigmoid(), torch.tensor([[0.01, 0.5, 0.96, 0.3]]))
    0.5
    """
    require.examples(out=out)
    return float(near_bounds(activation, out).float().mean())


def near_bounds(activation: nn.Module, out: Tensor) -> Tensor:
    """Which activations `saturated` counts. Shape: (*) -> bool (*)."""
    require.choice(NAMES, activation=type(activation))
    low, high = BOUNDS[NAMES[type(activation)]]
    if math.isinf(high - low):
        return torch.zeros_like(out, dtype=torch.bool)
    margin = NEAR_A_BOUND * (high - low)
    return (out < low + margin) | (out > high - margin)


def dead(out: Tensor) -> float:
    """Share of units that are 0 for every example. Shape: (N, H).

    Where the slope is 0 as well, as that of ReLU, they learn nothing.

    >>> dead(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    0.5
    """
    require.rows(None, out=out)
    require.examples(out=out)
    return float((out == 0).all(0).float().mean())


def update_ratio(before: Tensor, after: Tensor) -> float:
    """How far a step moved a weight matrix: |after - before| / |before|. Shape: (O, I).

    By a rule of thumb about 1e-3 is healthy in mid-training; far less, and the layer
    hardly learns.

    >>> update_ratio(torch.ones(2, 2), 1.01 * torch.ones(2, 2))  # doctest: +ELLIPSIS
    0.0099...
    """
    require.same_shape(before=before, after=after)
    require.examples(before=before)
    before, after = require.floating(before), require.floating(after)
    moved = scaled(torch.linalg.vector_norm, after - before)
    return moved / (scaled(torch.linalg.vector_norm, before) or 1e-300)


def first_nonfinite(
    model: nn.Module, loss_function: nn.Module, images: Tensor, labels: Tensor
) -> str:
    """Where a batch first meets NaN or infinity, in words; empty if it does not.

    Activations are looked at from the first layer to the last, then gradients from the
    last to the first: the order in which they are computed. Both are a copy's: the
    model keeps its own. Shape: images (N, D), labels (N,).
    """
    require.examples(images=images, labels=labels)
    with default_mode(), Probes(copied := copy.deepcopy(model)) as probes:
        loss = loss_function(copied(images.clone()), labels.clone())
        loss.backward()
    computed = {f"the activations of {n}": x for n, x in probes.activations.items()}
    computed["the loss"] = loss.detach()
    for name, gradient in reversed(probes.gradients().items()):
        computed[f"the gradient of {name}"] = gradient
    return next((what for what, x in computed.items() if not x.isfinite().all()), "")


def _each(
    tensors: dict[str, Tensor], statistic: Callable[[Tensor], Tensor]
) -> dict[str, float]:
    return {name: scaled(statistic, tensor) for name, tensor in tensors.items()}


def root_mean_square(x: Tensor) -> float:
    """The size of a typical entry, however small, as gradients are. Shape: (*) -> ().

    >>> root_mean_square(torch.tensor([3e-30, -4e-30]))  # doctest: +ELLIPSIS
    3.5355...e-30
    """
    return scaled(lambda x: x.square().mean().sqrt(), x)


def scaled(statistic: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """A statistic that grows as x does, in which no square over- or underflows.

    It is taken of x over a power of 2, which changes no digit. Shape: (*) -> ().
    """
    x = x.detach().to(torch.promote_types(x.dtype, torch.float32))
    power = 2.0 ** (math.frexp(float(x.abs().max()))[1] - 1)
    scale = max(power, torch.finfo(x.dtype).tiny)
    return scale * float(statistic(x / scale))


def _std(x: Tensor) -> Tensor:
    return x.std(correction=min(1, x.numel() - 1))  # of one number 0
