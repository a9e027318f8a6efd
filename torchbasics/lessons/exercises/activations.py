"""Exercises of lesson 2: activation functions, their slopes, softmax."""

from typing import Any

from torch import tensor

from torchbasics.activations import relu, sigmoid, softmax, step
from torchbasics.lessons.exercises.asking import number_by_number
from torchbasics.lessons.exercises.exercise import Exercise, exercise
from torchbasics.lessons.exercises.formulas import WRONG
from torchbasics.lessons.exercises.fresh import drawn

_POINTS = tensor([-3.0, -0.5, -1e-3, 0.0, 1e-3, 0.5, 0.75, 1.0, 2.0, 10.0, -0.75])
_FAR = tensor([900.0, -1000.0, 0.25])
_CASES = [(_POINTS,), (_FAR,), (tensor([-2.0, 3.0, 5.0]),)]  # any, all, sum differ
_SCORES = [
    (tensor([[0.3, 2.9, 4.0], [1.0, 0.0, -1.0], [0.2, 0.5, 0.2]]),),
    (tensor([[-2.0, 0.5, 0.25], [1.0, 1.0, 3.0]]),),
    (tensor([[1010.0, 1000.0, 990.0], [1.0, 1.0, 3.0]]),),
]
_SCALAR: Any = {
    "if_none_answers": number_by_number,
    "alone": 1,
    "fresh": drawn("normal N", times=6),
}


EXERCISES: dict[str, Exercise] = {
    "step": exercise(
        step,
        _CASES,
        **_SCALAR,
        wrong=WRONG["step"] + WRONG["numbers"],
    ),
    "sigmoid": exercise(
        sigmoid,
        _CASES,
        **_SCALAR,
        wrong=WRONG["sigmoid"] + WRONG["numbers"],
    ),
    "sigmoid_slope": exercise(
        lambda x: sigmoid(x) * sigmoid(-x),
        _CASES,
        **_SCALAR,
        wrong=WRONG["sigmoid_slope"] + WRONG["numbers"],
    ),
    "relu": exercise(
        relu,
        _CASES,
        **_SCALAR,
        wrong=WRONG["relu"] + WRONG["numbers"],
    ),
    "relu_slope": exercise(
        step,
        _CASES,
        **_SCALAR,
        wrong=WRONG["relu_slope"] + WRONG["numbers"],
    ),
    "softmax": exercise(
        softmax,
        _SCORES,
        batched=1,
        fresh=drawn("normal N C", N=3, C=3),
        words={"share": lambda x, dim=1: x / x.sum(dim, keepdim=True)},
        wrong=WRONG["softmax"],
    ),
}
