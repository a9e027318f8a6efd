"""Exercises of lesson 6: predict how much is left of a gradient."""

from torch import Tensor, tensor

from torchbasics.lessons.exercises.asking import FORMS
from torchbasics.lessons.exercises.exercise import Exercise, exercise

_FACTORS = [
    (tensor(0.25), tensor(10.0)),
    (tensor(0.5), tensor(3.0)),
    (tensor(1.0), tensor(20.0)),
    (tensor(0.93), tensor(7.0)),
]
_NUMBERS = (lambda function, a, b: function(a.item(), int(b)), *FORMS)


def _chi(weights: Tensor, slopes: Tensor) -> Tensor:
    """Root of (inputs times mean square weight) times mean square slope."""
    return (len(weights) * weights.square().mean() * slopes.square().mean()).sqrt()


_LAYER = [
    (tensor([0.5, -0.5, 1.0, 0.0]), tensor([0.25, 0.2, 0.1])),
    (tensor([2.0, -1.0]), tensor([0.25, 0.05])),
]

EXERCISES: dict[str, Exercise] = {
    "left": exercise(
        lambda f, n: f**n,
        _FACTORS,
        _NUMBERS,
        times_layers=lambda f, n: f * n,
        shared_by_layers=lambda f, n: f / n,
        lost_for_left=lambda f, n: 1 - f**n,
        one_layer_less=lambda f, n: f ** (n - 1),
        one_layer_more=lambda f, n: f ** (n + 1),
        factor_from_layers=lambda f, n: f ** (1 / n),
        one_term=lambda f, n: f,
        base_and_exponent=lambda f, n: n**f,
    ),
    "factor": exercise(
        lambda left, n: left ** (1 / n),
        [(tensor(1e-6), tensor(10.0)), _FACTORS[1]],
        _NUMBERS,
        shared_by_layers=lambda left, n: left / n,
        factor_from_layers=lambda left, n: left**n,
        root_of_two=lambda left, n: left**0.5,
        one_layer_less=lambda left, n: left ** (1 / (n - 1)),
        cut_to_whole=lambda left, n: left ** (1 // n),
        log_of_factor=lambda left, n: left.log() / n,
        lost_for_left=lambda left, n: 1 - left ** (1 / n),
    ),
    "shrink": exercise(
        _chi,
        _LAYER,
        no_root=lambda w, s: _chi(w, s) ** 2,
        slopes_only=lambda w, s: s.square().mean().sqrt(),
        weights_only=lambda w, s: w.square().sum().sqrt(),
        no_fan_in=lambda w, s: (w.square().mean() * s.square().mean()).sqrt(),
        fan_in_of_slopes=lambda w, s: (w.square().mean() * s.square().sum()).sqrt(),
        summed_slopes=lambda w, s: (w.square().sum() * s.square().sum()).sqrt(),
        variance_for_square=(
            lambda w, s: (w.square().sum() * s.var(unbiased=False)).sqrt(),
            lambda w, s: (len(w) * w.var(unbiased=False) * s.square().mean()).sqrt(),
        ),
        mean_for_square=lambda w, s: w.square().sum().sqrt() * s.mean(),
    ),
}
