"""Exercises of lesson 6: predict how much is left of a gradient."""

from torch import Tensor, tensor

from torchbasics.lessons.exercises.asking import FORMS
from torchbasics.lessons.exercises.exercise import Exercise, exercise
from torchbasics.lessons.exercises.formulas import WRONG

_FACTORS = [
    (tensor(0.25), tensor(10.0)),
    (tensor(0.5), tensor(3.0)),
    (tensor(1.0), tensor(20.0)),
    (tensor(0.93), tensor(7.0)),
]
_NUMBERS = (lambda function, a, b: function(a.item(), int(b)), *FORMS)


_WEIGHTS = """
    (weights ** 2).sum(); (weights ** 2).mean(); len(weights) * (weights ** 2).sum();
    weights.sum() ** 2; abs(weights).sum() ** 2;
    len(weights) * abs(weights).mean() ** 2;
    len(weights) * weights.var(unbiased=False); len(weights) * weights.var();
    weights.sum();
    weights.amax() ** 2; len(weights); abs(weights).sum(); weights.mean() ** 2;
    len(slopes);
    len(weights) ** 2 * (weights ** 2).mean(); abs(weights).mean() ** 2;
    weights.var()"""
_SLOPES = """
    (slopes ** 2).mean(); (slopes ** 2).sum(); slopes.mean() ** 2; slopes.mean();
    slopes.var(unbiased=False); slopes.var(); slopes.amax() ** 2; slopes.prod() ** 2;
    slopes.sum() ** 2; slopes.sum(); slopes.median() ** 2; slopes[0] ** 2"""


def _products() -> str:
    """All ways to treat weights and slopes but the right one."""
    pairs = [
        (w.strip(), s.strip()) for w in _WEIGHTS.split(";") for s in _SLOPES.split(";")
    ]
    return ";".join(
        f"sqrt({w} * {s}); {w} * {s}; sqrt({w}) * {s}; {w} * sqrt({s}); sqrt({w} + {s})"
        for w, s in pairs
    ).partition(";")[2]


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
        wrong=WRONG["left"],
    ),
    "factor": exercise(
        lambda left, layers: left ** (1 / layers),
        [(tensor(1e-6), tensor(10.0)), _FACTORS[1], (tensor(0.3), tensor(2.0))],
        _NUMBERS,
        wrong=WRONG["factor"],
    ),
    "shrink": exercise(
        _chi,
        _LAYER,
        terms=[(0, None), (None, 0)],
        wrong=WRONG["shrink"] + f"otherwise: {_products()}",
    ),
}
