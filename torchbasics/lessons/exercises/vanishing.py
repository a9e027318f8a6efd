"""Exercises of lesson 6: predict how much is left of a gradient."""

from torch import Tensor, tensor

from torchbasics.lessons.exercises.asking import FORMS
from torchbasics.lessons.exercises.exercise import Exercise, exercise

_FACTORS = [
    (tensor(0.25), tensor(10.0)),
    (tensor(0.5), tensor(3.0)),
    (tensor(1.0), tensor(20.0)),
]
_NUMBERS = (*FORMS, lambda function, a, b: function(a.item(), int(b)))


def _chi(weights: Tensor, slopes: Tensor) -> Tensor:
    """Root of (inputs times mean square weight) times mean square slope."""
    return (len(weights) * weights.square().mean() * slopes.square().mean()).sqrt()


_LAYER = [
    (tensor([0.5, -0.5, 1.0, 0.0]), tensor([0.25, 0.2, 0.1])),
    (tensor([2.0, -1.0]), tensor([0.25, 0.05])),
]

EXERCISES: dict[str, Exercise] = {
    "left": exercise(
        lambda factor, layers: factor**layers,
        _FACTORS,
        _NUMBERS,
        times_layers=lambda factor, layers: factor * layers,
        shared_by_layers=lambda factor, layers: factor / layers,
        lost_for_left=lambda factor, layers: 1 - factor**layers,
        one_layer_less=lambda factor, layers: factor ** (layers - 1),
        one_layer_more=lambda factor, layers: factor ** (layers + 1),
        factor_from_layers=lambda factor, layers: factor ** (1 / layers),
    ),
    "factor": exercise(
        lambda left, layers: left ** (1 / layers),
        [(tensor(1e-6), tensor(10.0)), _FACTORS[1]],
        _NUMBERS,
        shared_by_layers=lambda left, layers: left / layers,
        factor_from_layers=lambda left, layers: left**layers,
        root_of_two=lambda left, layers: left**0.5,
        one_layer_less=lambda left, layers: left ** (1 / (layers - 1)),
    ),
    "shrink": exercise(
        _chi,
        _LAYER,
        no_root=lambda weights, slopes: _chi(weights, slopes) ** 2,
        slopes_only=lambda weights, slopes: slopes.square().mean().sqrt(),
        weights_only=lambda weights, slopes: weights.square().sum().sqrt(),
        no_fan_in=lambda weights, slopes: (
            weights.square().mean() * slopes.square().mean()
        ).sqrt(),
        fan_in_of_slopes=lambda weights, slopes: (
            weights.square().mean() * slopes.square().sum()
        ).sqrt(),
        summed_slopes=lambda weights, slopes: (
            weights.square().sum() * slopes.square().sum()
        ).sqrt(),
        variance_for_square=lambda weights, slopes: (
            weights.square().sum() * slopes.var(unbiased=False)
        ).sqrt(),
        mean_for_square=lambda weights, slopes: (
            weights.square().sum().sqrt() * slopes.mean()
        ),
    ),
}
