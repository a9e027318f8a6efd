"""Exercises of lesson 5: two losses, a gradient, a step downhill, many steps."""

import numpy as np
import torch
from torch import Tensor, tensor
from torch.nn.functional import one_hot

from torchbasics.lessons.exercises.asking import (
    FORMS,
    Function,
    Right,
    added_up,
    as_tensor,
    number_by_number,
)
from torchbasics.lessons.exercises.exercise import Exercise, exercise, one_term

_OUTPUTS = [
    (
        tensor([[0.5, -1.0, 3.0], [2.5, 0.0, 1.0]]),
        tensor([[1.0, 1.0, 1.0], [0.0, 0.5, -1.0]]),
    ),
    (tensor([[0.123, 0.876], [0.337, 0.664]]), tensor([[0.0, 1.0], [1.0, 0.0]])),
]
_PROBS = [
    (tensor([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.25, 0.25, 0.5]]), tensor([0, 2, 1])),
    (tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]), tensor([0, 2])),
]
_POINTS = [(tensor([1.0, 2.0]),), (tensor([-2.0, 0.5]),), (tensor([0.5, -0.123]),)]
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
    "lambda x: x[0] ** 2 + x[0] * x[1] + x[1] ** 3",
    lambda x: x[0] ** 2 + x[0] * x[1] + x[1] ** 3,
)
_bowl_slopes = _shown(
    "lambda x: x * torch.tensor([2.0, 4.0])", lambda x: x * tensor([2.0, 4.0])
)
_bowl_of_array = _shown(
    "lambda x: x * np.array([2.0, 4.0])", lambda x: x * np.array([2.0, 4.0])
)
_bowl_of_list = _shown("lambda x: [2 * x[0], 4 * x[1]]", lambda x: [2 * x[0], 4 * x[1]])


def _surface_slopes(x: Tensor) -> Tensor:
    return torch.stack([2 * x[0] + x[1], x[0] + 3 * x[1] ** 2])


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


def _descend_without_zeroing(x: Tensor, lr: Tensor) -> Tensor:
    gathered = torch.zeros_like(x)
    for _ in range(STEPS):
        gathered = gathered + _bowl_slopes(x)
        x = x - lr * gathered
    return x


def _log_of_right(probs: Tensor, labels: Tensor) -> Tensor:
    return probs[torch.arange(len(labels)), labels].log()


def _cross_entropy(probs: Tensor, labels: Tensor) -> Tensor:
    return -_log_of_right(probs, labels).mean()


def _squares(outputs: Tensor, wanted: Tensor) -> Tensor:
    return (outputs - wanted).square()


def _error(outputs: Tensor, wanted: Tensor) -> Tensor:
    return _squares(outputs, wanted).sum() / 2


EXERCISES: dict[str, Exercise] = {
    "squared_error": exercise(
        _error,
        _OUTPUTS,
        (*FORMS, added_up),
        alone=2,
        if_none_answers=_pairs_added_up,
        no_half=lambda y, t: _squares(y, t).sum(),
        for_each_example=lambda y, t: _squares(y, t).sum(1) / 2,
        mean_for_half=lambda y, t: _squares(y, t).mean(),
        mean_for_sum=(
            lambda y, t: _squares(y, t).mean() / 2,
            lambda y, t: _squares(y, t).sum(1).mean() / 2,
            lambda y, t: _squares(y, t).sum(1).mean(),
        ),
        one_term=(
            *one_term(_error),
            lambda y, t: _error(y[-1, -1], t[-1, -1]),
            lambda y, t: _error(y[0, 0], t[0, 0]),
        ),
        no_square=lambda y, t: (y - t).sum() / 2,
        absolute_error=lambda y, t: (y - t).abs().sum() / 2,
        not_added_up=lambda y, t: _squares(y, t) / 2,
        root=(lambda y, t: (y - t).norm(), lambda y, t: _error(y, t).sqrt()),
    ),
    "cross_entropy": exercise(
        _cross_entropy,
        _PROBS,
        batched=2,
        sum_for_mean=lambda p, t: -_log_of_right(p, t).sum(),
        no_minus=lambda p, t: _log_of_right(p, t).mean(),
        not_averaged=lambda p, t: -_log_of_right(p, t),
        log_of_zero=lambda p, t: -((one_hot(t, 3) * p.log()).sum(1).mean()),
        labels_as_numbers=tuple(
            lambda p, t, by=by, n=n: -(t.view(by) * p.log()).sum() / len(p) ** n
            for by in ((-1, 1), (1, -1))
            for n in (0, 1)
        ),
        one_term=one_term(_cross_entropy),
        mean_over_classes=lambda p, t: _cross_entropy(p, t) / 3,
        other_log=lambda p, t: _cross_entropy(p, t) / np.log(2),
        log_10=lambda p, t: _cross_entropy(p, t) / np.log(10),
        no_log=lambda p, t: 1 - _log_of_right(p, t).exp().mean(),
        softmax_of_probs=torch.nn.functional.cross_entropy,
    ),
    "gradient": exercise(
        _surface_slopes,
        _POINTS,
        SURFACES,
        tolerance=DIFFERENCES,
        too_small=torch.zeros_like,
        too_large=(
            *(_slopes_with(h, 2 * h) for h in (1.0, 0.5, 0.1)),
            *(_slopes_with(h, h, back=0.0) for h in (1.0, 0.5, 0.1, 0.01)),
        ),
        not_divided=tuple(
            _slopes_with(10.0**-n, d) for n in (2, 3, 4, 5) for d in (1, 2)
        ),
        halved=lambda x: _surface_slopes(x) / 2,
        half_step=lambda x: 2 * _surface_slopes(x),
        all_at_once=lambda x: _surface_slopes(x).sum().expand(2),
        along_all=lambda x: _surface_slopes(x).sum(),
        downhill=lambda x: -_surface_slopes(x),
        value_for_slope=_surface,
    ),
    "sgd_step": exercise(
        lambda w, g, lr: w - lr * g,
        _WEIGHTS,
        alone=2,
        if_none_answers=number_by_number,
        uphill=lambda w, g, lr: w + lr * g,
        no_lr=lambda w, g, lr: w - g,
        divided_by_lr=lambda w, g, lr: w - g / lr,
        change_only=lambda w, g, lr: -lr * g,
        lr_for_both=lambda w, g, lr: lr * (w - g),
        times_weight=lambda w, g, lr: w - lr * g * w,
    ),
    "descend": exercise(
        _descend,
        [_START],
        DESCENTS,
        not_zeroed=_descend_without_zeroing,
        one_step_only=lambda x, lr: _descend(x, lr, 1),
        too_few=lambda x, lr: _descend(x, lr, STEPS - 1),
        too_many=lambda x, lr: _descend(x, lr, STEPS + 1),
        gradient_of_start=lambda x, lr: x - STEPS * lr * _bowl_slopes(x),
        uphill=lambda x, lr: _descend(x, -lr),
        no_lr=lambda x, lr: _descend(x, tensor(1.0)),
        never_moved=lambda x, lr: x,
    ),
}
