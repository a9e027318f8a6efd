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
        wrong="""
            lost_for_left: 1 - factor ** layers
            one_layer_less: factor ** (layers - 1)
            one_layer_more: factor ** (layers + 1)
            factor_from_layers: factor ** (1 / layers)
            one_term: factor
            times_layers: factor * layers
            shared_by_layers: factor / layers
            base_and_exponent: layers ** factor
            otherwise: 1 - layers * (1 - factor); (1 - factor) ** layers;
                1 / factor ** layers;
                exp(-factor * layers); exp(factor * layers); factor ** (2 * layers);
                sum(factor ** i for i in arange(1, layers + 1)); factor - layers;
                sum(factor ** i for i in arange(layers)); layers * log(factor);
                1 - factor * layers; factor ** 2; (factor / layers) ** layers;
                factor + layers; factor ** (layers / 2); 1 - (1 - factor) ** layers""",
    ),
    "factor": exercise(
        lambda left, layers: left ** (1 / layers),
        [(tensor(1e-6), tensor(10.0)), _FACTORS[1], (tensor(0.3), tensor(2.0))],
        _NUMBERS,
        wrong="""
            shared_by_layers: left / layers
            factor_from_layers: left ** layers
            root_of_two: left ** 0.5
            one_layer_less: left ** (1 / (layers - 1))
            one_layer_more: left ** (1 / (layers + 1))
            cut_to_whole: left ** (1 // layers)
            log_of_factor: log(left) / layers; log10(left) / layers;
                log2(left) / layers;
                log(left) / log(layers)
            lost_for_left: 1 - left ** (1 / layers)
            otherwise: left ** -layers; left ** (-1 / layers); (1 - left) / layers;
                1 - left / layers;
                1 - (1 - left) / layers; left ** (0.5 ** layers); left ** 0.5 / layers;
                layers ** left; log(layers) / log(left); layers / left; left * layers;
                sqrt(left * layers); exp(-left / layers); left / 2 ** layers;
                left ** (2 / layers); sqrt(left / layers); layers ** (1 / left);
                1 - (1 - left) ** (1 / layers); -log(left) / layers;
                left - 1 / layers""",
    ),
    "shrink": exercise(
        _chi,
        _LAYER,
        terms=[(0, None), (None, 0)],
        wrong=f"""
            no_root: (weights ** 2).sum() * (slopes ** 2).mean()
            slopes_only: sqrt((slopes ** 2).mean())
            weights_only: sqrt((weights ** 2).sum())
            no_fan_in: sqrt((weights ** 2).mean() * (slopes ** 2).mean())
            fan_in_of_slopes: sqrt((weights ** 2).mean() * (slopes ** 2).sum())
            summed_slopes: sqrt((weights ** 2).sum() * (slopes ** 2).sum())
            variance_for_square: sqrt((weights ** 2).sum() * slopes.var(unbiased=False))
            mean_for_square: sqrt((weights ** 2).sum()) * slopes.mean()
            otherwise: {_products()}""",
    ),
}
