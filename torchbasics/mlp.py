"""A multi-layer perceptron: layers of weighted sums with an activation between."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from torchbasics import arguments as require
from torchbasics.activations import ACTIVATIONS, ActivationName
from torchbasics.initialization import InitName, initialize
from torchbasics.rng import generator as keyed_generator

INT16_VALUES = 2**16


class MLP(nn.Sequential):
    """h = activation(h W^T + b) for each hidden layer, then logits = h W^T + b.

    Its parts are named as in every table and chart: hidden1, hidden2, ..., logits.
    It returns logits; their softmax gives probabilities. Shape: (N, in_features) ->
    (N, out_features).

    >>> model = MLP(784, [50, 100], 10)
    >>> sum(parameter.numel() for parameter in model.parameters())
    45360
    >>> model(torch.zeros(5, 784)).shape
    torch.Size([5, 10])

    `batch_norm` normalises each weighted sum before its activation (Ioffe and Szegedy
    2015); `dropout` zeroes that share of each hidden layer's activations in training,
    `input_dropout` of the inputs (Srivastava et al. 2014), and `input_noise` adds
    normal noise of that standard deviation to them; `residual` adds a layer's inputs to
    its outputs where both are equally many (He et al. 2016). The weights are drawn from
    `generator`. Layers that draw in training do so from keyed generators, never from
    the ambient one; `attach_generator` gives them one that can be keyed anew.
    """

    def __init__(  # noqa: PLR0913 - each is an idea of the course
        self,
        in_features: int,
        hidden: Sequence[int],
        out_features: int,
        activation: ActivationName = "sigmoid",
        *,
        init: InitName = "auto",
        batch_norm: bool = False,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        input_noise: float = 0.0,
        residual: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        require.choice(ACTIVATIONS, activation=activation)
        require.choice((False, True), batch_norm=batch_norm, residual=residual)
        widths = _widths(in_features, hidden, out_features)
        built = OrderedDict[str, nn.Module]()
        if len(widths) == 1 and (input_dropout or input_noise):
            raise ValueError("input_dropout and input_noise: wanted a hidden layer too")
        for fan_in, fan_out in pairwise(widths):
            parts = {
                "input_noise": not built and input_noise and GaussianNoise(input_noise),
                "input_dropout": not built and input_dropout and Dropout(input_dropout),
                "linear": _linear(fan_in, fan_out),
                "norm": batch_norm and nn.BatchNorm1d(fan_out),
                "activation": ACTIVATIONS[activation](),
                "dropout": dropout and Dropout(dropout),
            }
            built[f"hidden{len(built) + 1}"] = _layer(parts, residual)
        built["logits"] = _linear(widths[-1], out_features)
        super().__init__(built)
        self.in_features = in_features
        generator = keyed_generator(0, "weights") if generator is None else generator
        for part in self.linears().values():
            initialize(part, init, activation, generator)
        for place, module in enumerate(_stochastic(self)):
            module.place = place

    def __getitem__(self, index: Any) -> Any:
        """A layer, or for a slice some layers as a plain nn.Sequential."""
        if isinstance(index, slice):
            return nn.Sequential(OrderedDict(list(self.named_children())[index]))
        return super().__getitem__(index)

    def linears(self) -> dict[str, nn.Linear]:
        """The weights and the bias of each layer, by its name.

        >>> list(MLP(2, [3], 1).linears())
        ['hidden1', 'logits']
        """
        linears = [part for part in self.modules() if isinstance(part, nn.Linear)]
        names = (name for name, _ in self.named_children())
        return dict(zip(names, linears, strict=True))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of a batch of inputs. Shape: (N, in_features) -> (N, out_features)."""
        weight = next(self.parameters())
        if weight.is_meta or not torch.is_autocast_enabled(weight.device.type):
            require.dtype(weight.dtype, inputs=inputs)
        require.rows(self.in_features, inputs=torch.atleast_2d(inputs))
        for layer in self:
            inputs = layer(inputs)
        return inputs


class Residual(nn.Sequential):
    """inputs + what the parts make of them: a path on which no gradient shrinks.

    Shape: (N, H) -> (N, H).
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """The inputs, changed a little. Shape: (N, H) -> (N, H)."""
        changed = inputs
        for part in self:
            changed = part(changed)
        return inputs + changed


class StochasticModule(nn.Module):
    """A layer that draws in training, from a generator that can be keyed.

    So a step is repeatable whatever was drawn before it; nn.Dropout takes none. `place`
    tells the layers of a network apart.
    """

    generator: torch.Generator | None = None
    place = 0
    part = (0, 1)
    """Which part these inputs are of a batch, of how many equal ones."""

    def generator_on(self, device: torch.device) -> torch.Generator:
        """The generator of this layer on that device, a keyed one if it has none."""
        if self.generator is None or self.generator.device != device:
            self.generator = keyed_generator(0, "dropout", self.place, device=device)
        return self.generator

    def drawn_size(self, inputs: Tensor) -> torch.Size:
        """The whole batch's size, as all of it is drawn. Shape: (n, *) -> (N, *)."""
        return torch.Size((self.part[1] * len(inputs), *inputs.shape[1:]))

    def own_part(self, draws: Tensor) -> Tensor:
        """What of the batch's draws is for these inputs. Shape: (N, *) -> (n, *)."""
        index, count = self.part
        return draws.chunk(count)[index]


class GaussianNoise(StochasticModule):
    """In training, add normal noise of this standard deviation. Shape: (*) -> (*)."""

    def __init__(self, std: float) -> None:
        super().__init__()
        if not 0 <= std < torch.inf:
            raise ValueError(f"noise {std}: wanted a standard deviation, 0 or above")
        self.std = std

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs with noise on them, in training. Shape: (*) -> (*)."""
        if not self.training:
            return inputs
        random = self.generator_on(inputs.device)
        noise = inputs.new_empty(self.drawn_size(inputs))
        noise.normal_(0, self.std, generator=random)
        return inputs + self.own_part(noise)


class Dropout(StochasticModule):
    """In training, zero a share p of the inputs and divide the rest by 1 - p.

    p is taken as the nearest multiple of 1 / 65,536. Shape: (*) -> (*).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout {p}: wanted a share from 0 to below 1")
        self.num_dropped = min(round(p * INT16_VALUES), INT16_VALUES - 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs with a share p zeroed, in training. Shape: (*) -> (*)."""
        if not self.training:
            return inputs
        draws = random_int16(self.drawn_size(inputs), self.generator_on(inputs.device))
        dropped = self.own_part(draws) < self.num_dropped - INT16_VALUES // 2
        return torch.where(dropped, 0, inputs / (1 - self.num_dropped / INT16_VALUES))


def random_int16(size: torch.Size, generator: torch.Generator) -> Tensor:
    """Whole numbers, each of the 65,536 from -32,768 on equally likely.

    Four of them are cut from each draw of 64 bits: 10 times as fast as bernoulli_.
    Shape: int16 (*), of that size.
    """
    count = -(-size.numel() // 4)
    draws = torch.empty(count, dtype=torch.int64, device=generator.device)
    draws.random_(-(2**63), None, generator=generator)
    return draws.view(torch.int16)[: size.numel()].view(size)


def attach_generator(
    model: nn.Module, part: tuple[int, int] = (0, 1)
) -> torch.Generator | None:
    """Let all layers that draw do so from one new generator; None if none draws.

    They will see that part of each batch, of so many equal ones, and draw as if it were
    the whole: the draws do not depend on how many processes share it.
    """
    layers = _stochastic(model)
    if not layers:
        return None
    generator = torch.Generator(next(model.parameters()).device)
    for layer in layers:
        layer.generator, layer.part = generator, part
    return generator


def _widths(in_features: int, hidden: Iterable[int], out_features: int) -> list[int]:
    if not isinstance(hidden, Iterable):
        raise TypeError(f"hidden is {hidden!r}; wanted widths, such as [50, 100]")
    widths = [in_features, *hidden]
    named = require.numbered("hidden", widths[1:])
    require.whole(1, in_features=in_features, **named, out_features=out_features)
    return widths


def _layer(parts: dict[str, Any], residual: bool) -> nn.Sequential:
    """Of the parts those that are there; a residual one needs equal widths."""
    layer = OrderedDict((role, part) for role, part in parts.items() if part)
    fan_out, fan_in = parts["linear"].weight.shape
    adds = residual and fan_in == fan_out
    return (Residual if adds else nn.Sequential)(layer)


def _linear(in_features: int, out_features: int) -> nn.Linear:
    device = torch.get_default_device()
    linear: nn.Linear = skip_init(nn.Linear, in_features, out_features, device=device)
    return linear


def _stochastic(model: nn.Module) -> list[StochasticModule]:
    return [part for part in model.modules() if isinstance(part, StochasticModule)]
