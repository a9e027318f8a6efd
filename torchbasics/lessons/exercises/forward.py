"""Exercises of lesson 4: a layer, and the whole 2-3-2-2 network."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, tensor

from torchbasics.activations import sigmoid, softmax
from torchbasics.lessons.exercises.cases import drawn
from torchbasics.lessons.exercises.exercise import Exercise
from torchbasics.lessons.textbook import BIASES, LAST_WEIGHT, WEIGHTS


def _rows(numbers: tuple[float, ...], columns: int) -> Tensor:
    return tensor(numbers, dtype=torch.float64).view(-1, columns)


W1, W2, W3 = _rows(WEIGHTS[0], 3), _rows(WEIGHTS[1], 2), _rows(LAST_WEIGHT["book"], 2)
B1, B2, B3 = (tensor(bias, dtype=torch.float64) for bias in BIASES)


def _forward(
    x: Tensor,
    hidden: Callable[[Tensor], Tensor] = sigmoid,
    out: Callable[[Tensor], Tensor] = softmax,
    biases: Sequence[int] = (1, 1, 1),
    last: Tensor = W3,
) -> Tensor:
    """The network's answer, with something of it changed."""
    z = hidden(x @ W1 + biases[0] * B1)
    z = hidden(z @ W2 + biases[1] * B2)
    return out(z @ last + biases[2] * B3)


EXERCISES = (
    Exercise(
        "layer",
        lambda x, weight, bias: x @ weight + bias,
        batched=1,
        terms=[(1, 0, None)],
        fresh=drawn("normal N D", "normal D H", "normal H", N=2, D=2, H=2),
    ),
    Exercise(
        "forward",
        _forward,
        batched=1,
        fresh=drawn("normal N 2"),
        words={
            **{"forward": _forward, "W1": W1, "W2": W2, "W3": W3},
            **{"b1": B1, "b2": B2, "b3": B3},
            "inferred": _rows(LAST_WEIGHT["source"], 2),
        },
    ),
)
