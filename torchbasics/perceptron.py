"""The perceptron: one unit, one line in the plane, and what it cannot do.

It answers 1 where w . x + b > 0 and 0 elsewhere (so also at exactly 0), which is the
same as w . x > theta with the threshold theta = -b. Rosenblatt 1958; the gates'
weights are those of "Deep Learning from Scratch", chapter 2.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain, islice
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from torchbasics import arguments as require
from torchbasics.activations import step

INPUTS = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
"""The four rows of every truth table of two inputs, in the order of the textbook."""
MOST = 1_000_000  # answers for which `separability` waits; units a row may be long


class Perceptron(nn.Module):
    """step(w . x + b). Shape: (N, D) -> (N,).

    >>> Perceptron([0.5, 0.5], -0.7)(INPUTS)
    tensor([0., 0., 0., 1.])
    """

    def __init__(self, weight: Sequence[float], bias: float) -> None:
        super().__init__()
        numbers = torch.tensor([*weight, bias], dtype=torch.get_default_dtype())
        self.weight = nn.Parameter(numbers[:-1].clone(), requires_grad=False)
        self.bias = nn.Parameter(numbers[-1], requires_grad=False)

    def pre_activation(self, x: Tensor) -> Tensor:
        """`w . x + b`, above 0 on one side of the line. Shape: (N, D) -> (N,)."""
        require.rows(len(self.weight), x=x)
        x = require.floating(x)
        return (x * self.weight.to(x.dtype)).sum(1) + self.bias.to(x.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """1 where the pre-activation is positive, else 0. Shape: (N, D) -> (N,)."""
        return step(self.pre_activation(x))

    def margin(self, x: Tensor) -> float:
        """Distance from the line to the nearest of the examples. Shape: x (N, D).

        >>> round(AND.margin(INPUTS), 4)
        0.2828
        """
        require.examples(x=x)
        if not self.weight.any():
            raise ValueError("weight is 0, which makes no line; wanted another")
        distances = self.pre_activation(x.double()).abs() / self.weight.double().norm()
        return float(distances.detach().min())


AND = Perceptron([0.5, 0.5], -0.7)
OR = Perceptron([0.5, 0.5], -0.2)
NAND = Perceptron([-0.5, -0.5], 0.7)
NOT = Perceptron([-0.5], 0.2)


class Xor(nn.Module):
    """AND(NAND(x), OR(x)), as no perceptron alone can. Shape: (N, 2) -> (N,).

    >>> Xor()(INPUTS)
    tensor([0., 1., 1., 0.])
    """

    def hidden(self, x: Tensor) -> Tensor:
        """What the first layer says: NAND and OR. Shape: (N, 2) -> (N, 2)."""
        return torch.stack([NAND(x), OR(x)], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """1 where exactly one input is 1. Shape: (N, 2) -> (N,)."""
        answer: Tensor = AND(self.hidden(x))
        return answer


class Epoch(NamedTuple):
    """One pass of the perceptron rule: which examples it got wrong, where it ended.

    `weights` is (b, w1, w2, ...), the bias first.
    """

    mistakes: list[int]
    weights: tuple[float, ...]


def perceptron_rule(x: Tensor, targets: Tensor) -> Iterator[Epoch]:
    """Learn by mistakes, without end: w += (target - answer) x for each example.

    The weights start at 0, the learning rate is 1, the bias has the input 1. If a line
    separates the examples, the mistakes end (Novikoff 1962): there are at most
    `mistake_bound` of them. Shape: x (N, D), targets (N,) of 0 and 1.

    >>> rule = perceptron_rule(INPUTS, torch.tensor([0, 1, 1, 1]))
    >>> next(rule)
    Epoch(mistakes=[1], weights=(1.0, 1.0, 0.0))
    """
    rows, targets = _examples(x, targets)
    examples = [*zip(rows.tolist(), targets.tolist(), strict=True)]
    weights = (0.0,) * rows.shape[1]
    while True:
        mistakes = []
        for index, (row, wanted) in enumerate(examples):
            if error := wanted - (_dot(row, weights) > 0):
                steps = zip(weights, row, strict=True)
                weights = tuple(weight + error * value for weight, value in steps)
                mistakes.append(index)
        yield Epoch(mistakes, weights)


def mistake_bound(x: Tensor, targets: Tensor, weights: Sequence[float]) -> float:
    """Novikoff's R^2 / gamma^2, with the margin of a line that separates.

    R is the length of the longest example, its bias input included; gamma the least
    distance of an example from the plane that `weights` (b, w1, ...) describe.
    Shape: x (N, D), targets (N,) of 0 and 1.

    >>> round(mistake_bound(INPUTS, torch.tensor([0, 0, 0, 1]), [-3, 2, 2]))
    51
    """
    rows, targets = _examples(x, targets)
    normal = torch.as_tensor(weights, dtype=torch.float64, device=rows.device)
    require.same_shape(example=rows[0], weights=normal)
    normal = normal / normal.abs().max()  # or its length might be lost
    gamma = ((2 * targets - 1) * (rows @ normal)).min() / normal.norm()
    if not gamma > 0:  # it may be nan
        raise ValueError(f"weights = {list(weights)} do not separate the examples")
    return float(rows.square().sum(1).max() / gamma**2)


class Verdict(NamedTuple):
    """Whether a line separates, with a proof.

    If one does, `weights` (b, w1, ...) are such a line. If none does, `multipliers` say
    how often to add each example's inequality so that the sum reads 0 > 0.
    """

    separable: bool
    weights: tuple[float, ...]
    multipliers: tuple[int, ...]

    def is_proved(self, x: Tensor, targets: Tensor) -> bool:
        """Whether the proof holds: the line separates, or the sum reads 0 > 0.

        Reckoned in fractions, so exactly. Shape: x (N, D), targets (N,) of 0 and 1.

        >>> xor = torch.tensor([0, 1, 1, 0])
        >>> Verdict(False, (), (1, 1, 1, 1)).is_proved(INPUTS, xor)
        True
        """
        rows, targets = _examples(x, targets)
        exact = [list(map(Fraction, row)) for row in rows.tolist()]
        if self.separable:
            line = list(map(Fraction, self.weights))
            return [_dot(row, line) > 0 for row in exact] == targets.bool().tolist()
        signs = (2 * targets - 1).tolist()
        times = [n * s for n, s in zip(self.multipliers, signs, strict=True)]
        cancels = not any(_dot(column, times) for column in zip(*exact, strict=True))
        return cancels and min(self.multipliers) >= 0 < max(times)


def separability(x: Tensor, targets: Tensor) -> Verdict:
    """Decide by the perceptron rule itself, and prove it.

    Either an epoch passes without a mistake: there is the line. Or the weights come
    back to where they were after an earlier epoch: then what was added in between,
    (target - answer) x for each mistake, is 0 in sum. A line that separates would make
    no such term negative, and those of the 1s positive, of which there are as many as
    of the 0s, as the bias's inputs cancel. One of the two happens: the weights of whole
    numbers are whole numbers, bounded even where no line separates (the perceptron
    cycling theorem: Minsky and Papert 1969; Block and Levin 1970), so they come back.
    ValueError if that takes more than `MOST` answers, as large numbers may.
    Shape: x (N, D) of whole numbers, targets (N,) of 0 and 1.

    >>> separability(INPUTS, torch.tensor([0, 1, 1, 0]))
    Verdict(separable=False, weights=(), multipliers=(1, 1, 1, 1))
    """
    rows, _ = _examples(x, targets)
    if not torch.equal(rows, rows.round()) or rows.norm(dim=1).max() > MOST:
        raise ValueError(f"x: wanted whole numbers, in rows no longer than {MOST:,}")
    seen: dict[tuple[float, ...], int] = {}
    mistakes: list[list[int]] = []
    for epoch in islice(perceptron_rule(x, targets), 1 + MOST // len(x)):
        if not epoch.mistakes:
            return Verdict(True, epoch.weights, ())
        mistakes.append(epoch.mistakes)
        if epoch.weights in seen:
            cycle = Counter(chain(*mistakes[seen[epoch.weights] + 1 :]))
            return Verdict(False, (), tuple(cycle[index] for index in range(len(x))))
        seen[epoch.weights] = len(seen)
    raise ValueError(f"undecided after {MOST:,} answers; wanted smaller numbers")


def _dot(some: Sequence[Any], others: Sequence[Any]) -> Any:
    return sum(a * b for a, b in zip(some, others, strict=True))


def _examples(x: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Each example with a 1 before it, whose weight is the bias; the targets as int64.

    Shape: x (N, D), targets (N,) -> float64 (N, D + 1), (N,).
    """
    require.rows(None, x=x)
    require.examples(x=x, targets=targets)
    require.same_shape(examples=x[:, 0], targets=targets)
    if not set(targets.tolist()) <= {0, 1}:
        raise ValueError(f"targets are {targets.tolist()}; wanted 0 and 1 only")
    if not x.isfinite().all():
        raise ValueError("x holds nan or infinity; wanted finite numbers")
    rows = require.floating(x.detach(), torch.float64).double()
    return torch.cat([rows.new_ones(len(x), 1), rows], dim=1), targets.long()
