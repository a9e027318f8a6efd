"""Exercises of lesson 2: activation functions, their slopes, softmax."""

from typing import Any

from torchbasics.activations import relu, sigmoid, softmax, step
from torchbasics.lessons.exercises.asking import number_by_number
from torchbasics.lessons.exercises.cases import drawn
from torchbasics.lessons.exercises.exercise import Exercise

_SCALAR: Any = {
    "kind": "numbers",
    "if_none_answers": number_by_number,
    "alone": 1,
    "fresh": drawn("normal N", times=6),
}

EXERCISES = (
    Exercise("step", step, **_SCALAR),
    Exercise("sigmoid", sigmoid, **_SCALAR),
    Exercise("sigmoid_slope", lambda x: sigmoid(x) * sigmoid(-x), **_SCALAR),
    Exercise("relu", relu, **_SCALAR),
    Exercise("relu_slope", step, **_SCALAR),
    Exercise(
        "softmax",
        softmax,
        batched=1,
        fresh=drawn("normal N C", N=3, C=3),
        words={"share": lambda x, dim=1: x / x.sum(dim, keepdim=True)},
    ),
)
