"""Exercises of lesson 2: activation functions, their slopes, softmax."""

import torch
from torch import Tensor, tensor
from torch.nn import functional as F

from torchbasics.activations import relu, sigmoid, softmax, step, tanh
from torchbasics.lessons.exercises.asking import number_by_number
from torchbasics.lessons.exercises.exercise import Exercise, exercise

_POINTS = tensor([-3.0, -0.5, -1e-3, 0.0, 1e-3, 0.5, 1.0, 2.0, 10.0])
_NEAR, _FAR = tensor([-3.0, -0.5, 0.0, 2.0]), tensor([-1000.0, 0.25, 1000.0])
_SCORES = [
    (tensor([[0.3, 2.9, 4.0], [1.0, 0.0, -1.0], [0.2, 0.5, 0.2]]),),
    (tensor([[-2.0, 0.5, 0.25], [1.0, 1.0, 3.0]]),),
    (tensor([[1010.0, 1000.0, 990.0], [1.0, 1.0, 3.0]]),),
]
_RATES = (0.01, 0.1, 0.2, 0.3)  # of leaky ReLUs
_BASES = (2, 2.7, 2.71, 2.718, 2.72, 3, 10)  # instead of e


def _slope(x: Tensor) -> Tensor:
    return sigmoid(x) * (1 - sigmoid(x))


_ACTIVATIONS = (
    *(step, sigmoid, tanh, relu, softmax, F.softplus, F.gelu, F.elu, F.hardsigmoid),
    *(_slope, lambda x: 1 - tanh(x).square(), lambda x: x, torch.ones_like),
)


def _plain_softmax(x: Tensor, dim: int = -1) -> Tensor:
    return _share(x.exp(), dim)


def _share(x: Tensor, dim: int = -1) -> Tensor:
    return x / x.sum(dim, keepdim=True)


def _over_all(x: Tensor) -> Tensor:
    return softmax(x.flatten()).view(x.shape)


EXERCISES: dict[str, Exercise] = {
    "step": exercise(
        step,
        [(_POINTS,)],
        if_none_answers=number_by_number,
        alone=1,
        at_least=lambda x: (x >= 0).float(),
        signs=(torch.sign, lambda x: 2 * step(x) - 1),
        inverted=(lambda x: (x < 0).float(), lambda x: (x <= 0).float()),
        half_at_zero=lambda x: torch.where(x == 0, 0.5, step(x)),
        no_step=lambda x: x,
        sigmoid_for_step=sigmoid,
        other_threshold=(lambda x: step(x - 0.5), lambda x: step(x - 1)),
        other_activation=_ACTIVATIONS,
    ),
    "sigmoid": exercise(
        sigmoid,
        [(_NEAR,), (_FAR,)],
        if_none_answers=number_by_number,
        alone=1,
        exponent_sign=lambda x: sigmoid(-x),
        overflows=lambda x: x.exp() / (1 + x.exp()),
        overflows_below=lambda x: torch.where(x < -700, torch.nan, sigmoid(x)),
        tanh_for_sigmoid=tanh,
        minus_for_plus=lambda x: 1 / (1 - torch.exp(-x)),
        no_brackets=lambda x: 1 + torch.exp(-x),
        other_base=tuple(lambda x, b=b: 1 / (1 + b**-x) for b in _BASES),
        other_activation=_ACTIVATIONS,
    ),
    "sigmoid_slope": exercise(
        _slope,
        [(_POINTS,)],
        if_none_answers=number_by_number,
        alone=1,
        slope_of_output=lambda x: x * (1 - x),
        function_for_slope=sigmoid,
        square_for_product=lambda x: 1 - sigmoid(x).square(),
        slope_sign=lambda x: -_slope(x),
        slope_of_tanh=lambda x: 1 - tanh(x).square(),
        product_unbracketed=torch.zeros_like,
        other_activation=_ACTIVATIONS,
    ),
    "relu": exercise(
        relu,
        [(_POINTS,)],
        if_none_answers=number_by_number,
        alone=1,
        absolute=torch.abs,
        smaller=lambda x: x.clamp(max=0),
        slope_for_function=step,
        clipped=(lambda x: x.clamp(0, 1), lambda x: x.clamp(0, 6)),
        not_summed_up=lambda x: x.max().clamp(min=0),
        leaky=tuple(lambda x, k=k: torch.where(x > 0, x, k * x) for k in _RATES),
        mirrored=lambda x: relu(-x),
        other_activation=_ACTIVATIONS,
    ),
    "relu_slope": exercise(
        step,
        [(_POINTS,)],
        if_none_answers=number_by_number,
        alone=1,
        slope_at_kink=lambda x: (x >= 0).float(),
        half_at_kink=lambda x: torch.where(x == 0, 0.5, step(x)),
        function_for_slope=relu,
        other_activation=_ACTIVATIONS,
        leaky=tuple(lambda x, k=k: torch.where(x > 0, 1.0, k) for k in _RATES),
        inverted=(lambda x: (x < 0).float(), lambda x: (x <= 0).float()),
        slope_of_absolute=(
            torch.sign,
            lambda x: 2 * step(x) - 1,
            lambda x: 1 - 2 * step(-x),
        ),
    ),
    "softmax": exercise(
        softmax,
        _SCORES,
        batched=1,
        overflows=_plain_softmax,
        softmax_twice=lambda x: softmax(softmax(x)),
        over_examples=(lambda x: softmax(x, dim=0), lambda x: _plain_softmax(x, 0)),
        over_everything=(_over_all, lambda x: x.exp() / x.exp().sum()),
        log_softmax=lambda x: softmax(x).log(),
        no_exp=_share,
        not_normalized=(lambda x: torch.exp(x - x.amax(-1, keepdim=True)), torch.exp),
        one_hot=lambda x: (x == x.amax(-1, keepdim=True)).float(),
        separate_sigmoids=sigmoid,
        softmin=lambda x: softmax(-x),
        other_base=tuple(lambda x, b=b: _share(b**x) for b in _BASES),
        square_for_exp=lambda x: _share(x.square()),
        no_keepdim=lambda x: x.exp() / x.exp().sum(-1),
        one_term=lambda x: x.exp() / x[:, -1:].exp(),
    ),
}
