"""Exercises of lesson 2: activation functions, their slopes, softmax."""

import torch
from torch import Tensor, tensor

from torchbasics.activations import leaky_relu, relu, sigmoid, softmax, step, tanh
from torchbasics.lessons.exercises.asking import Ask, number_by_number
from torchbasics.lessons.exercises.exercise import Exercise, exercise

_POINTS = tensor([-3.0, -0.5, 0.0, 0.5, 2.0, 10.0])
_FAR = tensor([-1000.0, -3.0, 0.0, 2.0, 1000.0])
_SCORES = [
    (tensor([0.3, 2.9, 4.0]),),
    (tensor([[0.3, 2.9, 4.0], [1.0, 0.0, -1.0]]),),
    (tensor([[1010.0, 1000.0, 990.0], [1.0, 1.0, 3.0]]),),
]


def _slope(x: Tensor) -> Tensor:
    return sigmoid(x) * (1 - sigmoid(x))


def _plain_softmax(x: Tensor, dim: int = -1) -> Tensor:
    return x.exp() / x.exp().sum(dim, keepdim=True)


def _undefined_above(function: Ask) -> Ask:
    """As `math` gives it: no number where exp of x is too large for one."""
    return lambda x: torch.where(x > 700, torch.nan, function(x))


def _over_all(x: Tensor) -> Tensor:
    return softmax(x.flatten()).view(x.shape)


EXERCISES: dict[str, Exercise] = {
    "step": exercise(
        step,
        [(_POINTS,)],
        if_none_answers=number_by_number,
        alone=True,
        at_least=lambda x: (x >= 0).float(),
        signs=(torch.sign, lambda x: 2 * step(x) - 1),
        inverted=(lambda x: (x < 0).float(), lambda x: (x <= 0).float()),
        half_at_zero=lambda x: torch.where(x == 0, 0.5, step(x)),
        no_step=lambda x: x,
        sigmoid_for_step=sigmoid,
    ),
    "sigmoid": exercise(
        sigmoid,
        [(_FAR,)],
        if_none_answers=number_by_number,
        alone=True,
        exponent_sign=(lambda x: sigmoid(-x), _undefined_above(lambda x: sigmoid(-x))),
        overflows=lambda x: x.exp() / (1 + x.exp()),
        overflows_below=lambda x: torch.where(x < -700, torch.nan, sigmoid(x)),
        tanh_for_sigmoid=tanh,
        minus_for_plus=lambda x: 1 / (1 - torch.exp(-x)),
        no_brackets=lambda x: 1 + torch.exp(-x),
    ),
    "sigmoid_slope": exercise(
        _slope,
        [(_POINTS,)],
        if_none_answers=number_by_number,
        alone=True,
        slope_of_output=lambda x: x * (1 - x),
        function_for_slope=sigmoid,
        square_for_product=lambda x: 1 - sigmoid(x).square(),
        slope_sign=lambda x: -_slope(x),
    ),
    "relu": exercise(
        relu,
        [(_POINTS,)],
        if_none_answers=number_by_number,
        alone=True,
        absolute=torch.abs,
        smaller=lambda x: x.clamp(max=0),
        slope_for_function=step,
        clipped=(lambda x: x.clamp(0, 1), lambda x: x.clamp(0, 6)),
        not_summed_up=lambda x: x.max().clamp(min=0),
        leaky=leaky_relu,
    ),
    "relu_slope": exercise(
        step,
        [(_POINTS,)],
        if_none_answers=number_by_number,
        alone=True,
        slope_at_kink=lambda x: (x >= 0).float(),
        half_at_kink=lambda x: torch.where(x == 0, 0.5, step(x)),
        function_for_slope=relu,
        slope_of_absolute=(
            torch.sign,
            lambda x: 2 * step(x) - 1,
            lambda x: 1 - 2 * step(-x),
        ),
    ),
    "softmax": exercise(
        softmax,
        _SCORES,
        batched=True,
        overflows=_plain_softmax,
        softmax_twice=lambda x: softmax(softmax(x)),
        over_examples=(lambda x: softmax(x, dim=0), lambda x: _plain_softmax(x, 0)),
        over_everything=(_over_all, lambda x: x.exp() / x.exp().sum()),
        log_softmax=lambda x: softmax(x).log(),
        no_exp=lambda x: x / x.sum(-1, keepdim=True),
        not_normalized=(lambda x: torch.exp(x - x.amax(-1, keepdim=True)), torch.exp),
        one_hot=lambda x: (x == x.amax(-1, keepdim=True)).float(),
        separate_sigmoids=sigmoid,
    ),
}
