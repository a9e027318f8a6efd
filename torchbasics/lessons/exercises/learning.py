"""Exercises of lesson 5: two losses, a gradient, a step downhill, many steps."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, tensor
from torch.nn.functional import one_hot

from torchbasics.lessons.exercises.exercise import Exercise, exercise

_OUTPUTS = (
    tensor([[0.5, -1.0, 3.0], [2.0, 0.0, 1.0]]),
    tensor([[1.0, 1.0, 1.0], [0.0, 0.5, -1.0]]),
)
_PROBS = [
    (tensor([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.25, 0.25, 0.5]]), tensor([0, 2, 1])),
    (tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]), tensor([0, 2])),
]
_POINTS = [(tensor([1.0, 2.0]).double(),), (tensor([-2.0, 0.5]).double(),)]
_STEP = tensor([1.0, -2.0]), tensor([0.5, 3.0]), tensor(0.1)
_START = tensor([1.0, -2.0]).double(), tensor(0.1).double()
STEPS = 3
DIFFERENCES = 5e-3  # forward differences, too, are good to this with h = 1e-4


def surface(x: Any) -> Any:
    """x0^2 + x0 x1 + x1^3, of a tensor, an array or a list."""
    return x[0] ** 2 + x[0] * x[1] + x[1] ** 3


def _surface_slopes(x: Tensor) -> Tensor:
    return torch.stack([2 * x[0] + x[1], x[0] + 3 * x[1] ** 2])


def _slopes_with(h: float) -> Callable[[Tensor], Tensor]:
    """Central differences whose step is h."""
    return lambda x: torch.stack(
        [
            (surface(x + nudge) - surface(x - nudge)) / (2 * h)
            for nudge in h * torch.eye(2).double()
        ]
    )


SURFACES = (
    lambda function, x: function(surface, x),
    lambda function, x: function(surface, x.numpy()),
    lambda function, x: function(surface, x.tolist()),
)
DESCENTS = (
    lambda function, x, lr: function(_bowl_slopes, x, lr.item(), STEPS),
    lambda function, x, lr: function(
        lambda x: x * np.array([2.0, 4.0]), x.numpy(), lr.item(), STEPS
    ),
    lambda function, x, lr: function(
        lambda x: [2 * x[0], 4 * x[1]], x.tolist(), lr.item(), STEPS
    ),
)
"""How a function is called that gets another one: f of x, or the gradient of a bowl."""


def _bowl_slopes(x: Tensor) -> Tensor:
    return x * tensor([2.0, 4.0])


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


EXERCISES: dict[str, Exercise] = {
    "squared_error": exercise(
        lambda outputs, wanted: (outputs - wanted).square().sum() / 2,
        [_OUTPUTS],
        no_half=lambda outputs, wanted: (outputs - wanted).square().sum(),
        for_each_example=lambda outputs, wanted: (outputs - wanted).square().sum(1) / 2,
        mean_for_half=lambda outputs, wanted: (outputs - wanted).square().mean(),
        no_square=lambda outputs, wanted: (outputs - wanted).sum() / 2,
        absolute_error=lambda outputs, wanted: (outputs - wanted).abs().sum() / 2,
        not_added_up=lambda outputs, wanted: (outputs - wanted).square() / 2,
        root=lambda outputs, wanted: (outputs - wanted).norm(),
    ),
    "cross_entropy": exercise(
        lambda probs, labels: -_log_of_right(probs, labels).mean(),
        _PROBS,
        sum_for_mean=lambda probs, labels: -_log_of_right(probs, labels).sum(),
        no_minus=lambda probs, labels: _log_of_right(probs, labels).mean(),
        not_averaged=lambda probs, labels: -_log_of_right(probs, labels),
        log_of_zero=lambda probs, labels: (
            -((one_hot(labels, 3) * probs.log()).sum(1).mean())
        ),
        labels_as_numbers=lambda probs, labels: (
            -((labels[: probs.shape[0], None] * probs.log()).sum(1).mean())
        ),
        mean_over_classes=lambda probs, labels: (
            -_log_of_right(probs, labels).mean() / 3
        ),
        other_log=lambda probs, labels: (
            -_log_of_right(probs, labels).mean() / np.log(2)
        ),
        log_10=lambda probs, labels: -_log_of_right(probs, labels).mean() / np.log(10),
        no_log=lambda probs, labels: 1 - _log_of_right(probs, labels).exp().mean(),
        softmax_of_probs=torch.nn.functional.cross_entropy,
    ),
    "gradient": exercise(
        _surface_slopes,
        _POINTS,
        SURFACES,
        tolerance=DIFFERENCES,
        too_small=torch.zeros_like,
        too_large=_slopes_with(1.0),
        half_step=lambda x: 2 * _surface_slopes(x),
        all_at_once=lambda x: _surface_slopes(x).sum().expand(2),
        along_all=lambda x: _surface_slopes(x).sum(),
        downhill=lambda x: -_surface_slopes(x),
        value_for_slope=surface,
    ),
    "sgd_step": exercise(
        lambda weight, gradient, lr: weight - lr * gradient,
        [_STEP],
        uphill=lambda weight, gradient, lr: weight + lr * gradient,
        no_lr=lambda weight, gradient, lr: weight - gradient,
        divided_by_lr=lambda weight, gradient, lr: weight - gradient / lr,
        change_only=lambda weight, gradient, lr: -lr * gradient,
        lr_for_both=lambda weight, gradient, lr: lr * (weight - gradient),
        times_weight=lambda weight, gradient, lr: weight - lr * gradient * weight,
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
