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
from torchbasics.activations import ACTIVATIONS
from torchbasics.device import default_mode
from torchbasics.mean_field import root_mean_square
from torchbasics.mlp import attach_generator

LossFunction = Callable[[Tensor, Tensor], Tensor]
NEAR_A_BOUND = 0.05  # as a share of the range


class Probes(ExitStack):
    """A context that keeps what each layer of the model last put out.

    The layers are the model's children. A hidden layer's activation is what comes out
    of its activation function, before dropout; the logits have none.

    >>> from torchbasics import MLP
    >>> model = MLP(4, [3], 2)
    >>> with Probes(model) as probes:
    ...     model(torch.zeros(5, 4)).sum().backward()
    >>> {layer: tuple(out.shape) for layer, out in probes.activations.items()}
    {'hidden1': (5, 3), 'logits': (5, 2)}
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        require.kind(nn.Module, model=model)
        self.layers = dict(model.named_children())
        self.activations: dict[str, Tensor] = {}

    def __enter__(self) -> Probes:
        for name, layer in self.layers.items():
            watched = getattr(layer, "activation", layer)
            hook = watched.register_forward_hook(partial(self._keep, name))
            self.enter_context(hook)
        return self

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

    def statistics(self) -> dict[str, dict[str, float]]:
        """Things worth watching, by their names, then by the layers'.

        Raises ValueError if no batch has gone through the model within the context.
        """
        if not self.activations:
            raise ValueError("no layer has been seen at work; wanted a batch first")
        outputs, gradients = self.activations, self.gradients()
        hidden = {
            name: (layer.get_submodule("activation"), outputs[name])
            for name, layer in self.layers.items()
            if hasattr(layer, "activation")
        }
        return {
            "activation_mean": {n: float(x.mean()) for n, x in outputs.items()},
            "activation_std": {n: _std(x) for n, x in outputs.items()},
            "gradient_norm": {n: _norm(x) for n, x in gradients.items()},
            "gradient_std": {n: _std(x) for n, x in gradients.items()},
            "saturated": {n: saturated(*pair) for n, pair in hidden.items()},
            "dead": {n: dead(out) for n, (_, out) in hidden.items()},
        }


def probe_copy(
    model: nn.Module,
    loss_function: LossFunction,
    inputs: Tensor,
    labels: Tensor,
    seed: int = 0,
) -> Probes:
    """What a training step on these examples would see, in a copy of the model.

    The model, its gradients and all random state are left alone: what the copy draws is
    keyed by `seed`. Shape: inputs (N, D), labels (N,).
    """
    require.kind(nn.Module, model=model)
    require.examples(inputs=inputs, labels=labels)
    with default_mode():
        copied = copy.deepcopy(model).train()
        if generator := attach_generator(copied):
            rng.reseed(generator, seed, "probe")
        with Probes(copied) as probes:
            loss_function(copied(inputs.clone()), labels.clone()).backward()
    return probes


def first_nonfinite(
    model: nn.Module, loss_function: LossFunction, images: Tensor, labels: Tensor
) -> str:
    """Where a batch first meets NaN or infinity, in words; empty if it does not.

    Activations are looked at from the first layer to the last, then gradients from the
    last to the first: the order in which they are computed. Shape: images (N, D),
    labels (N,).

    >>> from torchbasics import MLP, cross_entropy
    >>> batch = torch.full((2, 4), math.nan), torch.tensor([0, 1])
    >>> first_nonfinite(MLP(4, [3], 2, "relu"), cross_entropy, *batch)
    'the activations of hidden1'
    """
    probes = probe_copy(model, loss_function, images, labels)
    *_, logits = probes.activations.values()
    computed = {f"the activations of {n}": x for n, x in probes.activations.items()}
    computed["the loss"] = loss_function(logits, labels)
    for name, gradient in reversed(probes.gradients().items()):
        computed[f"the gradient of {name}"] = gradient
    return next((what for what, x in computed.items() if not x.isfinite().all()), "")


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
    require.choice(ACTIVATIONS.values(), activation=type(activation))
    ends = torch.tensor([-math.inf, math.inf], dtype=torch.float64, device="cpu")
    low, high = activation(ends).tolist()
    margin = NEAR_A_BOUND * (high - low)
    near: Tensor = (out < low + margin) | (out > high - margin)
    return near & math.isfinite(margin)


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

    >>> round(update_ratio(torch.ones(2, 2), 1.01 * torch.ones(2, 2)), 4)
    0.01
    """
    require.same_shape(before=before, after=after)
    require.examples(before=before)
    before, after = (require.floating(x.detach()) for x in (before, after))
    return _size(after - before) / (_size(before) or 1e-300)


def _size(x: Tensor) -> float:
    return float(root_mean_square(x.flatten()))


def _norm(x: Tensor) -> float:
    return _size(x) * math.sqrt(x.numel())


def _std(x: Tensor) -> float:
    """With n - 1 in the place of n; of one number 0."""
    return _size(x - x.mean()) * math.sqrt(x.numel() / max(1, x.numel() - 1))
