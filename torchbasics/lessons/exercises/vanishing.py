"""Exercises of lesson 6: predict how much is left of a gradient."""

from torch import Tensor

from torchbasics.lessons.exercises.asking import FORMS
from torchbasics.lessons.exercises.cases import drawn
from torchbasics.lessons.exercises.exercise import Exercise

_LAYERS = [(2 * size, layers) for size, layers in drawn("share", "whole")]
_NUMBERS = (lambda function, a, b: function(a.item(), int(b)), *FORMS)


def _chi(weights: Tensor, slopes: Tensor) -> Tensor:
    """Root of (inputs times mean square weight) times mean square slope."""
    return (weights.square().sum() * slopes.square().mean()).sqrt()


EXERCISES = (
    Exercise("left", lambda factor, layers: factor**layers, _NUMBERS, fresh=_LAYERS),
    Exercise(
        "factor", lambda left, layers: left ** (1 / layers), _NUMBERS, fresh=_LAYERS
    ),
    Exercise(
        "shrink",
        _chi,
        fresh=drawn("normal D", "share H"),
    ),
)
