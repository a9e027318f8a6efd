"""Exercises of lesson 4: a layer, and the whole 2-3-2-2 network."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, tensor

from torchbasics.activations import sigmoid, softmax
from torchbasics.lessons.exercises.exercise import Exercise, exercise
from torchbasics.lessons.exercises.formulas import WRONG
from torchbasics.lessons.exercises.fresh import drawn
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


_LAYER = (
    tensor([[1.0, 0.5], [-2.0, 0.0]]),
    tensor([[0.1, 0.3], [0.2, 0.4]]),
    tensor([0.5, -1.0]),
)
_CROOKED = (
    tensor([[0.123, -1.37], [2.718, 0.456], [1.0, 0.0]]),
    tensor([[0.337, -0.291, 1.118], [0.205, 0.467, -0.773]]),
    tensor([0.123, -0.456, 0.789]),
)
_INPUTS = [
    (tensor([[1.0, 0.5]]),),
    (tensor([[-40.0, 20.0], [0.0, 1.0]]),),
    (tensor([[3.0, -3.0], [-3.0, 3.0], [0.0, 0.0]]),),
]

EXERCISES: dict[str, Exercise] = {
    "layer": exercise(
        lambda x, weight, bias: x @ weight + bias,
        [_LAYER, _CROOKED],
        batched=1,
        terms=[(1, 0, None)],
        fresh=drawn("normal N D", "normal D H", "normal H", N=2, D=2, H=2),
        wrong=WRONG["layer"],
    ),
    "forward": exercise(
        lambda x: _forward(x, sigmoid),
        _INPUTS,
        batched=1,
        fresh=drawn("normal N 2"),
        words={
            **{"forward": _forward, "W1": W1, "W2": W2, "W3": W3},
            **{"b1": B1, "b2": B2, "b3": B3},
            "inferred": _rows(LAST_WEIGHT["source"], 2),
        },
        wrong=WRONG["forward"],
    ),
}
