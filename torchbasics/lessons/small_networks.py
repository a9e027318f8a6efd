"""What small networks learn: a gate; XOR, from many starts side by side; a curve."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import NamedTuple

import torch
from torch import Tensor, nn, optim
from torch.func import functional_call
from torch.nn.functional import binary_cross_entropy_with_logits

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
    networks: Networks


def learn(
    networks: Networks, make: Callable[..., optim.Optimizer], steps: int = STEPS
) -> Outcome:
    """Train all networks on the four examples at once, and keep every loss.

    >>> learn(Networks(4, [0]), OPTIMIZERS["SGD, lr 1"], steps=500).solved
    tensor([True])
    """
    return learn_together([networks], [make], steps)[0]


def learn_together(
    groups: Sequence[Networks],
    makers: Iterable[Callable[..., optim.Optimizer]],
    steps: int = STEPS,
) -> list[Outcome]:
    """Train groups of networks, each with its own optimizer, in one loop.

    All go through one call, as hundreds of small networks cost little more than one.
    """
    parameters = [dict(group.named_parameters()) for group in groups]
    optimizers = [
        make(one.values()) for make, one in zip(makers, parameters, strict=True)
    ]
    seen = []
    for _ in range(steps):
        for optimizer in optimizers:
            optimizer.zero_grad()
        together = {
            name: torch.cat([one[name] for one in parameters]) for name in parameters[0]
        }
        logits = functional_call(groups[0], together, INPUTS)
        loss = loss_of_each(logits).sum()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        seen.append(logits.detach())
    sizes = [len(group.weight1) for group in groups]
    of_each = torch.stack(seen).split(sizes, 1)  # (steps, S, N) of each group
    return [_outcome(*one) for one in zip(groups, of_each, strict=True)]


def _outcome(networks: Networks, logits: Tensor) -> Outcome:
    """What became of networks that answered so. Shape: logits (steps, S, N)."""
    wrong = ((logits > 0) != (TARGETS > 0)).any(dim=2)
    last_wrong = (wrong * torch.arange(1, len(wrong) + 1)[:, None]).amax(0)
    return Outcome(loss_of_each(logits), last_wrong, ~wrong[-1], networks)


@cache
def trained(hidden: int) -> dict[str, Outcome]:
    """What becomes of a hundred 2-H-1 networks with each optimizer; worked out once."""
    groups = [Networks(hidden, range(100)) for _ in OPTIMIZERS]
    return dict(
        zip(OPTIMIZERS, learn_together(groups, OPTIMIZERS.values()), strict=True)
    )


def hundred(hidden: int, optimizer: str) -> Outcome:
    """What becomes of a hundred 2-H-1 networks with that optimizer."""
    return trained(hidden)[optimizer]


def loss_of_each(logits: Tensor) -> Tensor:
    """Cross-entropy of one sigmoid output: -ln p, p the probability of what is wanted.

    Shape: (*, N) -> (*), the mean over the N examples.
    """
    targets = TARGETS.expand_as(logits)
    return binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(-1)


def solver() -> Networks:
    """The first of the 2-2-1 networks that learned XOR by plain gradient descent."""
    outcome = hundred(2, FIRST)
    return outcome.networks.only(int(outcome.solved.nonzero()[0]))


def plateaus() -> tuple[float, float]:
    """The losses at which training on XOR gets stuck.

    Two answers right and two at 1/2; or one right and three alike, at 2/3 where two of
    them should be 1, at 1/3 where one should.
    """
    half, third = math.log(2), math.log(3)
    return half / 2, (3 * third - 2 * half) / 4


def summary(outcome: Outcome) -> list[str]:
    """How many networks learned XOR, how fast, and where the others are stuck."""
    steps = outcome.solved_at[outcome.solved]
    failed = outcome.losses[-1][~outcome.solved]
    near = [int(((failed - level).abs() < 0.02).sum()) for level in plateaus()]
    counts = (len(steps), int(steps.median()), int(steps.max()), *near)
    return [f"{count:,}" for count in counts]


def learned_gate(table: Iterable[int], steps: int) -> tuple[float, ...]:
    """b, w1, w2 of one sigmoid unit after so many steps of gradient descent from 0."""
    bias, weight = (torch.zeros(n, requires_grad=True) for n in (1, 2))
    targets = torch.tensor(list(table)).float()
    optimizer = optim.SGD([bias, weight], lr=1.0)
    for _ in range(steps):
        optimizer.zero_grad()
        logits = INPUTS @ weight + bias
        loss = binary_cross_entropy_with_logits(logits, targets)
        loss.backward()
        optimizer.step()
    return (bias.item(), *weight.tolist())


def sine_fit(steps: int) -> tuple[Tensor, Tensor, MLP]:
    """One period of a sine at 40 points, and a 1-10-1 tanh network fitted to it."""
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
