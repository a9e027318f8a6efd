"""A multi-layer perceptron: layers of weighted sums with an activation between."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from torchbasics import arguments as require
from torchbasics.activations import ACTIVATIONS, ActivationName
from torchbasics.initialization import InitName, initialize
from torchbasics.rng import generator as keyed_generator

INT16_VALUES = 2**16


class MLP(nn.Module):
    """h = activation(h W^T + b) for each hidden layer, then logits = h W^T + b.

    It returns logits; their softmax gives probabilities. Its layers are named as in
    every table and chart: hidden1, hidden2, ..., logits. Shape: (N, in_features) ->
    (N, out_features).

    >>> model = MLP(784, [50, 100], 10)
    >>> sum(parameter.numel() for parameter in model.parameters())
    45360
    >>> model(torch.zeros(5, 784)).shape
    torch.Size([5, 10])

    `batch_norm` normalises each weighted sum before its activation (Ioffe and Szegedy
    2015). In training, `dropout` zeroes that share of each hidden layer's activations,
    `input_dropout` of the inputs (Srivastava et al. 2014), and `input_noise` adds
    normal noise of that standard deviation to them. `residual` adds a layer's inputs to
    its outputs where both are equally many (He et al. 2016). Weights are drawn from
    `generator`; what layers draw, see `attach_generator`. ValueError or TypeError names
    an argument of which no network can be made.
    """

    logits: nn.Linear

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
        require.kind(Sequence, hidden=hidden)
        require.whole(
            1, in_features=in_features, hidden=hidden, out_features=out_features
        )
        if not hidden and (input_dropout or input_noise):
            raise ValueError("input_dropout and input_noise: wanted a hidden layer too")
        super().__init__()
        self.in_features = in_features
        widths = [in_features, *hidden]
        for number, (fan_in, fan_out) in enumerate(pairwise(widths), start=1):
            first = number == 1
            parts = {
                "input_noise": first and input_noise and GaussianNoise(input_noise),
                "input_dropout": first and input_dropout and Dropout(input_dropout),
                "linear": _linear(fan_in, fan_out),
                "norm": batch_norm and nn.BatchNorm1d(fan_out),
                "activation": ACTIVATIONS[activation](),
                "dropout": dropout and Dropout(dropout),
            }
            layer = OrderedDict((role, part) for role, part in parts.items() if part)
            kind = Residual if residual and fan_in == fan_out else nn.Sequential
            self.add_module(f"hidden{number}", kind(layer))
        self.logits = _linear(widths[-1], out_features)
        generator = keyed_generator(0, "weights") if generator is None else generator
        for linear in self.linears().values():
            initialize(linear, init, activation, generator)
        for place, module in enumerate(_stochastic(self)):
            module.place = place

    def linears(self) -> dict[str, nn.Linear]:
        """The weights and the bias of each layer, by its name."""
        linears = [part for part in self.modules() if isinstance(part, nn.Linear)]
        names = (name for name, _ in self.named_children())
        return dict(zip(names, linears, strict=True))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of a batch of inputs. Shape: (N, in_features) -> (N, out_features)."""
        weight = self.logits.weight
        if weight.is_meta or not torch.is_autocast_enabled(weight.device.type):
            require.dtype(weight.dtype, inputs=inputs)
        require.rows(self.in_features, inputs=torch.atleast_2d(inputs))
        for layer in self.children():
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
    tells a network's layers apart. The inputs are the `part` (which, of how many) of a
    batch that processes share: all of it is drawn for, however many they are.
    """

    generator: torch.Generator | None = None
    place = 0
    part = (0, 1)

    def generator_on(self, device: torch.device) -> torch.Generator:
        """The generator of this layer on that device, a keyed one if it has none."""
        if self.generator is None or self.generator.device != device:
            self.generator = keyed_generator(0, "dropout", self.place, device=device)
        return self.generator

    def draws(
        self, inputs: Tensor, draw: Callable[[torch.Size, torch.Generator], Tensor]
    ) -> Tensor:
        """What is drawn for the batch, these inputs' part of it. Shape: (n, *)."""
        index, count = self.part
        size = torch.Size((count * len(inputs), *inputs.shape[1:]))
        return draw(size, self.generator_on(inputs.device)).chunk(count)[index]


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
        noise = self.draws(
            inputs,
            lambda size, key: inputs.new_empty(size).normal_(
                0, self.std, generator=key
            ),
        )
        return inputs + noise


class Dropout(StochasticModule):
    """In training, zero a share p of the inputs and divide the rest by 1 - p.

    So their mean stays. p is taken as the nearest multiple of 1 / 65,536.
    Shape: (*) -> (*).
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
        dropped = (
            self.draws(inputs, random_int16) < self.num_dropped - INT16_VALUES // 2
        )
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

    Of each batch they will see that `part`, of so many equal ones.
    """
    layers = _stochastic(model)
    if not layers:
        return None
    generator = torch.Generator(next(model.parameters()).device)
    for layer in layers:
        layer.generator, layer.part = generator, part
    return generator


def _linear(in_features: int, out_features: int) -> nn.Linear:
    device = torch.get_default_device()
    linear: nn.Linear = skip_init(nn.Linear, in_features, out_features, device=device)
    return linear


def _stochastic(model: nn.Module) -> list[StochasticModule]:
    return [part for part in model.modules() if isinstance(part, StochasticModule)]
