"""Exercises of lesson 5: two losses, a gradient, a step downhill, many steps."""

import torch
from torch import Tensor, tensor
from torch.nn.functional import one_hot

from torchbasics.lessons.exercises import downhill
from torchbasics.lessons.exercises.asking import (
    Function,
    added_up,
    as_tensor,
    number_by_number,
)
from torchbasics.lessons.exercises.exercise import Exercise, exercise
from torchbasics.lessons.exercises.formulas import WRONG
from torchbasics.lessons.exercises.fresh import drawn

_OUTPUTS = [
    (
        tensor([[0.5, -1.0, 3.0], [2.5, 0.0, 1.0]]),
        tensor([[1.0, 1.0, 1.0], [0.0, 0.5, -1.0]]),
    ),
    (
        tensor([[0.123, 0.876], [0.337, 0.664], [0.75, 0.2]]),
        tensor([[0.0, 1.0], [1.0, 0.0], [0.5, 0.0]]),
    ),
]
_PROBS = [
    (tensor([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.25, 0.25, 0.5]]), tensor([0, 2, 2])),
    (tensor([[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]]), tensor([2, 0])),
]
_F0, _F1 = torch.tensor(0), torch.tensor(1)  # which function
_POINTS = [  # at the last one it shows if x[0] is not put back
    (_F0, tensor(point))
    for point in ([2.0, 1.0], [0.5, -2.0], [-0.123, 0.5], [0.002, 1.0])
]
_WEIGHTS = [
    (tensor([1.0, -2.0]), tensor([0.5, 3.0]), tensor(0.1)),
    (tensor([0.123, 2.718]), tensor([-1.37, 0.456]), tensor(0.03)),
]
_STARTS = [
    (_F0, tensor([1.0, -2.0]), tensor(0.1), tensor(3)),
    (_F0, tensor([-3.0, 0.5]), tensor(0.05), tensor(3)),
]
DIFFERENCES = 1e-3  # forward differences, too, are good to this with h = 1e-4


def _pairs_added_up(function: Function, *case: Tensor) -> Tensor:
    """As `added_up`, of what is written for two numbers. Shape: (N, D) each -> ()."""
    return as_tensor(number_by_number(function, *map(torch.ravel, case))).sum()


def _picked(probs: Tensor, labels: Tensor) -> Tensor:
    """The probabilities of the right classes. Shape: (N, C), (N,) -> (N,)."""
    return probs[torch.arange(len(labels)), labels]


EXERCISES: dict[str, Exercise] = {
    "squared_error": exercise(
        lambda outputs, wanted: ((outputs - wanted) ** 2).sum() / 2,
        _OUTPUTS,
        alone=2,
        fresh=drawn("normal N C", "normal N C", N=2, C=3),
        if_raises=added_up,
        if_none_answers=_pairs_added_up,
        terms=[(0, 0), (1, 1)],
        wrong=WRONG["squared_error"],
    ),
    "cross_entropy": exercise(
        lambda probs, labels: -_picked(probs, labels).log().mean(),
        _PROBS,
        batched=2,
        terms=[(0, 0)],
        fresh=drawn("probs N C", "labels N", N=3, C=3),
        values={
            "p": _picked,
            "t": lambda probs, labels: one_hot(labels, probs.shape[1]),
        },
        wrong=WRONG["cross_entropy"],
    ),
    "gradient": exercise(
        downhill.surface_slopes,
        _POINTS,
        downhill.SURFACES,
        tolerance=DIFFERENCES,
        fresh=[
            *((_F1, x) for (x,) in drawn("normal D", D=2)),
            *((_F0, x) for (x,) in drawn("normal 2")),
        ],
        words={
            "differences": downhill.differences,
            "not_put_back": downhill.not_put_back,
        },
        values={
            "slopes": downhill.surface_slopes,
            "curvatures": downhill.curvatures,
            "value": lambda f, x: downhill.surface(f)(x),
        },
        wrong=WRONG["gradient"],
    ),
    "sgd_step": exercise(
        lambda weight, gradient, lr: weight - lr * gradient,
        _WEIGHTS,
        alone=2,
        if_none_answers=number_by_number,
        fresh=drawn("normal D", "normal D", "share", D=2),
        wrong=WRONG["sgd_step"],
    ),
    "descend": exercise(
        downhill.descend,
        _STARTS,
        downhill.DESCENTS,
        fresh=[
            (_F1, x, 0.4 * lr, tensor(steps))
            for steps, (x, lr) in enumerate(drawn("normal D", "share", D=2), start=2)
        ],
        words={
            "walk": downhill.descend,
            "from_start": downhill.from_start,
            "slopes": lambda f, x: downhill.slopes(f)(x),
        },
        wrong=WRONG["descend"],
    ),
}
