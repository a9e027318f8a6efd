"""Exercises of lesson 5: two losses, a gradient, a step downhill, many steps."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, tensor

from torchbasics.lessons.exercises.asking import (
    FORMS,
    Function,
    Right,
    added_up,
    as_tensor,
    number_by_number,
)
from torchbasics.lessons.exercises.exercise import Exercise, exercise
from torchbasics.lessons.exercises.formulas import WRONG

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
_POINTS = [  # at the last one it shows if x[0] is not put back
    (tensor(point),) for point in ([2.0, 1.0], [0.5, -2.0], [-0.123, 0.5], [0.002, 1.0])
]
_WEIGHTS = [
    (tensor([1.0, -2.0]), tensor([0.5, 3.0]), tensor(0.1)),
    (tensor([0.123, 2.718]), tensor([-1.37, 0.456]), tensor(0.03)),
]
_START = tensor([1.0, -2.0]), tensor(0.1)
STEPS = 3
DIFFERENCES = 1e-3  # forward differences, too, are good to this with h = 1e-4


def _shown(source: str, function: Function) -> Function:
    """A function that learners get, called as they would type it."""
    function.__name__ = source
    return function


_surface = _shown(
    "lambda x: x[0] ** 3 + x[0] * x[1]", lambda x: x[0] ** 3 + x[0] * x[1]
)
_bowl_slopes = _shown(
    "lambda x: x * torch.tensor([2.0, 4.0])", lambda x: x * tensor([2.0, 4.0])
)
_bowl_of_array = _shown(
    "lambda x: x * np.array([2.0, 4.0])", lambda x: x * np.array([2.0, 4.0])
)
_bowl_of_list = _shown("lambda x: [2 * x[0], 4 * x[1]]", lambda x: [2 * x[0], 4 * x[1]])


def _surface_slopes(x: Tensor) -> Tensor:
    return torch.stack([3 * x[0] ** 2 + x[1], x[0]])


def _slopes_with(h: float, divisor: float, back: float = 1.0) -> Right:
    """Differences whose step is h, central or, if it does not go back, forward."""
    return lambda x: torch.stack(
        [
            (_surface(x + nudge) - _surface(x - back * nudge)) / divisor
            for nudge in h * torch.eye(2).double()
        ]
    )


SURFACES = (
    lambda function, x: function(_surface, x),
    lambda function, x: function(_surface, x.numpy()),
    lambda function, x: function(_surface, x.tolist()),
)
DESCENTS = (
    lambda function, x, lr: function(_bowl_slopes, x, lr.item(), STEPS),
    lambda function, x, lr: function(_bowl_of_array, x.numpy(), lr.item(), STEPS),
    lambda function, x, lr: function(_bowl_of_list, x.tolist(), lr.item(), STEPS),
)
"""How a function is called that gets another one: f of x, or the gradient of a bowl."""


def _pairs_added_up(function: Function, *case: Tensor) -> Tensor:
    """As `added_up`, of what is written for two numbers. Shape: (N, D) each -> ()."""
    return as_tensor(number_by_number(function, *map(torch.ravel, case))).sum()


def _descend(x: Tensor, lr: Tensor, steps: int = STEPS) -> Tensor:
    for _ in range(steps):
        x = x - lr * _bowl_slopes(x)
    return x


def _walk(
    x: Tensor,
    lr: Tensor,
    change: Callable[[Tensor, int], Tensor] = lambda g, _: g,
    keep: float = 0,
) -> Tensor:
    """Steps along something made of the slopes, partly kept. Shape: as x."""
    gathered = torch.zeros_like(x)
    for i in range(STEPS):
        gathered = keep * gathered + change(_bowl_slopes(x), i)
        x = x - lr * gathered
    return x


def _not_put_back(h: float, sign: int = 1) -> Right:
    """Each input stays where the last nudge has left it."""

    def _slopes(x: Tensor) -> Tensor:
        x, found = x.clone(), []
        for i in range(len(x)):
            x[i] += sign * h
            there = _surface(x)
            x[i] -= 2 * sign * h
            found.append((there - _surface(x)) / (2 * sign * h))
        return torch.stack(found)

    return _slopes


def _picked(probs: Tensor, labels: Tensor) -> Tensor:
    """The probabilities of the right classes. Shape: (N, C), (N,) -> (N,)."""
    return probs[torch.arange(len(labels)), labels]


EXERCISES: dict[str, Exercise] = {
    "squared_error": exercise(
        lambda outputs, wanted: ((outputs - wanted) ** 2).sum() / 2,
        _OUTPUTS,
        (*FORMS, added_up),
        alone=2,
        if_none_answers=_pairs_added_up,
        terms=[(0, 0), (1, 1)],
        wrong=WRONG["squared_error"],
    ),
    "cross_entropy": exercise(
        lambda probs, labels: -_picked(probs, labels).log().mean(),
        _PROBS,
        batched=2,
        terms=[(0, 0)],
        words={"p": _picked},
        wrong=WRONG["cross_entropy"],
    ),
    "gradient": exercise(
        _surface_slopes,
        _POINTS,
        SURFACES,
        tolerance=DIFFERENCES,
        too_small=torch.zeros_like,
        too_large=(
            *(_slopes_with(h, 2 * h) for h in (1.0, 0.5, 0.1, 0.05)),
            *(_slopes_with(h, h, back=0.0) for h in (1.0, 0.5, 0.1, 0.01, 0.001)),
        ),
        not_divided=tuple(
            _slopes_with(10.0**-n, d) for n in (2, 3, 4, 5) for d in (1, 2)
        ),
        halved=lambda x: _surface_slopes(x) / 2,
        half_step=lambda x: 2 * _surface_slopes(x),
        not_put_back=tuple(
            _not_put_back(h, sign) for h in (0.1, 0.01, 1e-3, 1e-4) for sign in (1, -1)
        ),
        all_at_once=lambda x: _surface_slopes(x).sum().expand(2),
        along_all=lambda x: _surface_slopes(x).sum(),
        downhill=lambda x: -_surface_slopes(x),
        length_one=(
            lambda x: _surface_slopes(x) / _surface_slopes(x).norm(),
            lambda x: -_surface_slopes(x) / _surface_slopes(x).norm(),
        ),
        value_for_slope=(
            _surface,
            lambda x: _surface(x).expand(2),
            lambda x: _surface(x) / x,
            lambda x: _surface(x) * x,
        ),
    ),
    "sgd_step": exercise(
        lambda weight, gradient, lr: weight - lr * gradient,
        _WEIGHTS,
        alone=2,
        if_none_answers=number_by_number,
        wrong=WRONG["sgd_step"],
    ),
    "descend": exercise(
        lambda x, lr: _descend(x, lr, STEPS),
        [_START, (tensor([-3.0, 0.5]), tensor(0.05))],
        DESCENTS,
        one_step_only=lambda x, lr: _descend(x, lr, 1),
        too_few=lambda x, lr: _descend(x, lr, STEPS - 1),
        too_many=lambda x, lr: _descend(x, lr, STEPS + 1),
        gradient_of_start=lambda x, lr: x - STEPS * lr * _bowl_slopes(x),
        uphill=lambda x, lr: _descend(x, -lr),
        no_lr=lambda x, lr: _descend(x, torch.ones_like(lr)),
        divided_by_lr=lambda x, lr: _descend(x, 1 / lr),
        no_gradient=lambda x, lr: x - STEPS * lr,
        last_gradient=(
            lambda x, lr: _bowl_slopes(_descend(x, lr)),
            lambda x, lr: _bowl_slopes(_descend(x, lr, STEPS - 1)),
        ),
        change_only=(
            lambda x, lr: _descend(x, lr) - x,
            lambda x, lr: x - _descend(x, lr),
        ),
        never_moved=lambda x, lr: x,
        words={"walk": _walk},
        wrong=WRONG["descend"],
    ),
}
