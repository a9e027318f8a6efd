"""Exercises of lesson 5: two losses, a gradient, a step downhill, many steps."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from torchbasics.lessons.exercises import downhill
from torchbasics.lessons.exercises.asking import (
    Function,
    added_up,
    as_tensor,
    number_by_number,
)
from torchbasics.lessons.exercises.cases import drawn
from torchbasics.lessons.exercises.exercise import Exercise

_F0, _F1 = torch.tensor(0), torch.tensor(1)  # which function
DIFFERENCES = 1e-3  # forward differences, too, are good to this with h = 1e-4


def _pairs_added_up(function: Function, *case: Tensor) -> Tensor:
    """As `added_up`, of what is written for two numbers. Shape: (N, D) each -> ()."""
    return as_tensor(number_by_number(function, *map(torch.ravel, case))).sum()


def _picked(probs: Tensor, labels: Tensor) -> Tensor:
    """The probabilities of the right classes. Shape: (N, C), (N,) -> (N,)."""
    return probs[torch.arange(len(labels)), labels]


EXERCISES = (
    Exercise(
        "squared_error",
        lambda outputs, wanted: ((outputs - wanted) ** 2).sum() / 2,
        alone=2,
        fresh=drawn("normal N C", "normal N C", N=2, C=3),
        if_raises=added_up,
        if_none_answers=_pairs_added_up,
    ),
    Exercise(
        "cross_entropy",
        lambda probs, labels: -_picked(probs, labels).log().mean(),
        batched=2,
        fresh=drawn("probs N C", "labels N", N=3, C=3),
        values={
            "p": _picked,
            "t": lambda probs, labels: one_hot(labels, probs.shape[1]),
        },
    ),
    Exercise(
        "gradient",
        downhill.surface_slopes,
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
    ),
    Exercise(
        "sgd_step",
        lambda weight, gradient, lr: weight - lr * gradient,
        alone=2,
        if_none_answers=number_by_number,
        fresh=drawn("normal D", "normal D", "share", D=2),
    ),
    Exercise(
        "descend",
        downhill.descend,
        downhill.DESCENTS,
        fresh=[
            (_F1, x, 0.4 * lr, torch.tensor(steps))
            for steps, (x, lr) in enumerate(drawn("normal D", "share", D=2), start=2)
        ],
        words={
            "walk": downhill.descend,
            "from_start": downhill.from_start,
            "slopes": lambda f, x: downhill.slopes(f)(x),
        },
    ),
)
