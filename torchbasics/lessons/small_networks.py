"""What small networks learn: a gate; XOR, from many starts side by side; a curve."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from functools import cache, partial
from typing import NamedTuple

import torch
from torch import Tensor, nn, optim
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils import skip_init

from torchbasics import rng
from torchbasics.lessons.textbook import TRUTH_TABLES
from torchbasics.losses import squared_error
from torchbasics.mlp import MLP
from torchbasics.perceptron import INPUTS

TARGETS = torch.tensor(TRUTH_TABLES["XOR"]).float()
STEPS = 2000

OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "SGD, lr 1": partial(optim.SGD, lr=1.0),
    "momentum, lr 0.3": partial(optim.SGD, lr=0.3, momentum=0.9),
    "Adam, lr 0.05": partial(optim.Adam, lr=0.05, fused=True),
}
FIRST = next(iter(OPTIMIZERS))


class Networks(nn.Module):
    """2-H-1 sigmoid networks, one for each seed, their weights in one tensor each.

    They share nothing but the arithmetic: the sum of their losses has for each network
    the gradient of its own loss, and so one training trains them all, each by itself.

    Shape: x (N, 2) -> logits (S, N).

    >>> Networks(4, range(100))(INPUTS).shape
    torch.Size([100, 4])
    """

    def __init__(self, hidden: int, seeds: Sequence[int]) -> None:
        super().__init__()
        draws = [rng.generator(seed, "xor") for seed in seeds]

        def normal(rows: int, columns: int) -> nn.Parameter:
            values = [torch.randn(rows, columns, generator=draw) for draw in draws]
            return nn.Parameter(torch.stack(values))

        self.weight1, self.bias1 = normal(2, hidden), normal(1, hidden)
        self.weight2, self.bias2 = normal(hidden, 1), normal(1, 1)

    def hidden(self, x: Tensor) -> Tensor:
        """Where the hidden layers move the inputs. Shape: (N, 2) -> (S, N, H)."""
        return torch.sigmoid(x @ self.weight1 + self.bias1)

    def forward(self, x: Tensor) -> Tensor:
        """The networks' scores; positive means 1. Shape: (N, 2) -> (S, N)."""
        return (self.hidden(x) @ self.weight2 + self.bias2).squeeze(2)

    def only(self, index: int) -> Networks:
        """One of the networks as it is now, by itself; it learns no more."""
        alone = Networks(self.weight1.shape[2], [0])
        alone.load_state_dict({k: v[[index]] for k, v in self.state_dict().items()})
        return alone.requires_grad_(False)


class Outcome(NamedTuple):
    """What became of each network. Shapes: losses (steps, S), solved_at (S,).

    `solved_at` is the step from which on all four answers were right, to the end.
    """

    losses: Tensor
    solved_at: Tensor
    solved: Tensor


def learn(
    networks: Networks, *optimizers: Callable[..., optim.Optimizer], steps: int = STEPS
) -> Outcome:
    """Train all networks on the four examples at once, and keep every loss.

    Of several optimizers each moves an equal part of the networks.

    >>> learn(Networks(4, [0]), OPTIMIZERS["SGD, lr 1"], steps=500).solved
    tensor([True])
    """
    updates, seen = _shared_out(networks, optimizers), []
    for _ in range(steps):
        networks.zero_grad(set_to_none=False)
        logits = networks(INPUTS)
        loss = loss_of_each(logits).sum()
        loss.backward()
        for update in updates:
            update.step()
        seen.append(logits.detach())
    logits = torch.stack(seen)  # (steps, S, N)
    wrong = ((logits > 0) != (TARGETS > 0)).any(dim=2)
    last_wrong = (wrong * torch.arange(1, steps + 1)[:, None]).amax(0)
    return Outcome(loss_of_each(logits), last_wrong, ~wrong[-1])


def _shared_out(
    networks: Networks, optimizers: Sequence[Callable[..., optim.Optimizer]]
) -> list[optim.Optimizer]:
    """Optimizers of an equal part of the networks each.

    A part is views of the parameters and of their gradients, which stay where they are.
    """
    parts: list[list[Tensor]] = [[] for _ in optimizers]
    for parameter in networks.parameters():
        parameter.grad = torch.zeros_like(parameter)
        values = parameter.detach().chunk(len(parts))
        gradients = parameter.grad.chunk(len(parts))
        for part, value, gradient in zip(parts, values, gradients, strict=True):
            value.grad = gradient
            part.append(value)
    return [make(part) for make, part in zip(optimizers, parts, strict=True)]


@cache
def trained(hidden: int) -> tuple[Networks, dict[str, Outcome]]:
    """A hundred 2-H-1 networks with each optimizer, and what became of them.

    All learn side by side, the hundred of the first optimizer first; worked out once.
    """
    networks = Networks(hidden, [*range(100)] * len(OPTIMIZERS))
    outcome = learn(networks, *OPTIMIZERS.values())
    parts = zip(*(values.chunk(len(OPTIMIZERS), -1) for values in outcome), strict=True)
    return networks, dict(zip(OPTIMIZERS, map(Outcome._make, parts), strict=True))


def hundred(hidden: int, optimizer: str) -> Outcome:
    """What becomes of a hundred 2-H-1 networks."""
    return trained(hidden)[1][optimizer]


def loss_of_each(logits: Tensor) -> Tensor:
    """Cross-entropy of one sigmoid output: -ln p, p the probability of what is wanted.

    Shape: (*, N) -> (*), the mean over the N examples.
    """
    targets = TARGETS.expand_as(logits)
    return binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(-1)


def solver() -> Networks:
    """The first of the 2-2-1 networks that learned XOR by plain gradient descent."""
    networks, outcomes = trained(2)
    return networks.only(int(outcomes[FIRST].solved.nonzero()[0]))


def plateaus() -> tuple[float, float]:
    """The losses at which training on XOR gets stuck.

    Two answers right and two at 1/2; or one right and three alike, at 2/3 where two of
    them should be 1, at 1/3 where one should.
    """
    half, third = math.log(2), math.log(3)
    return half / 2, (3 * third - 2 * half) / 4


def summary(outcome: Outcome) -> list[str]:
    """How many networks learned XOR, how fast, and where the others are stuck."""
    steps = outcome.solved_at[outcome.solved].float()
    failed = outcome.losses[-1][~outcome.solved]
    near = [int(((failed - level).abs() < 0.02).sum()) for level in plateaus()]
    counts = (len(steps), int(steps.median()), int(steps.max()), *near)
    return [f"{count:,}" for count in counts]


def learned_gate(table: Iterable[int], steps: int) -> tuple[float, ...]:
    """b, w1, w2 of one sigmoid unit after so many steps of gradient descent from 0."""
    unit = skip_init(nn.Linear, 2, 1)
    for parameter in unit.parameters():
        nn.init.zeros_(parameter)
    targets = torch.tensor(list(table)).float()[:, None]
    optimizer = optim.SGD(unit.parameters(), lr=1.0)
    for _ in range(steps):
        optimizer.zero_grad()
        logits = unit(INPUTS)
        loss = binary_cross_entropy_with_logits(logits, targets)
        loss.backward()
        optimizer.step()
    return (unit.bias.item(), *unit.weight[0].tolist())


def sine_fit(steps: int) -> tuple[Tensor, Tensor, MLP]:
    """One period of a sine at 40 points, and a 1-10-1 tanh network fitted to it."""
    return deepcopy(_sine_fit(steps))  # what a reader does to it, no one else sees


@cache
def _sine_fit(steps: int) -> tuple[Tensor, Tensor, MLP]:
    x = torch.linspace(0, 1, 40)[:, None]
    y = torch.sin(2 * torch.pi * x)
    model = MLP(1, [10], 1, "tanh", generator=rng.generator(0, "sine"))
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = squared_error(model(x), y)
        loss.backward()
        optimizer.step()
    return x, y, model
