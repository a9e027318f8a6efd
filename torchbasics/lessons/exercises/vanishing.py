"""Exercises of lesson 6: predict how much is left of a gradient."""

from torch import Tensor, tensor

from torchbasics.lessons.exercises.asking import FORMS
from torchbasics.lessons.exercises.exercise import Exercise, exercise
from torchbasics.lessons.exercises.formulas import WRONG
from torchbasics.lessons.exercises.fresh import drawn

_FACTORS = [
    (tensor(0.25), tensor(10.0)),
    (tensor(0.5), tensor(3.0)),
    (tensor(1.0), tensor(20.0)),
    (tensor(0.93), tensor(7.0)),
]
_LAYERS = [(2 * size, layers) for size, layers in drawn("share", "whole")]
_NUMBERS = (lambda function, a, b: function(a.item(), int(b)), *FORMS)


def _chi(weights: Tensor, slopes: Tensor) -> Tensor:
    """Root of (inputs times mean square weight) times mean square slope."""
    return (weights.square().sum() * slopes.square().mean()).sqrt()


_LAYER = [
    (tensor([0.5, -0.5, 1.5, 0.25]), tensor([0.25, 0.2, 0.1])),
    (tensor([2.0, -1.5]), tensor([0.25, 0.05, 0.125])),
    (tensor([0.3, 0.7, -0.2]), tensor([0.2, 0.15])),
]

EXERCISES: dict[str, Exercise] = {
    "left": exercise(
        lambda factor, layers: factor**layers,
        _FACTORS,
        _NUMBERS,
        fresh=_LAYERS,
        wrong=WRONG["left"],
    ),
    "factor": exercise(
        lambda left, layers: left ** (1 / layers),
        [(tensor(1e-6), tensor(10.0)), _FACTORS[1], (tensor(0.3), tensor(2.0))],
        _NUMBERS,
        fresh=_LAYERS,
        wrong=WRONG["factor"],
    ),
    "shrink": exercise(
        _chi,
        _LAYER,
        terms=[(0, None), (None, 0)],
        fresh=drawn("normal D", "share H"),
        wrong=WRONG["shrink"],
    ),
}
