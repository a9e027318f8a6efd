"""What a network does with one input, layer by layer, and what in it decides.

All is computed by `torchbasics.trace`, in float64, whose digits are those of the
formula x W + b.
"""

from copy import deepcopy
from math import isfinite
from typing import Any, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from torchbasics.activations import softmax
from torchbasics.mlp import MLP
from torchbasics.probes import near_bounds
from torchbasics.trace import LayerTrace, backward_trace, forward_trace

STRONGEST = 12


class Layer(NamedTuple):
    """A layer at work on one input.

    A unit fires where its pre-activation is above 0, and is saturated near a bound of
    its activation. It counts output x (d score of the answer / d output): of the last
    hidden layer, what it adds to the score. Shapes: trace, N = 1; the others (out,).
    """

    trace: LayerTrace
    saturated: Tensor
    counts: Tensor

    @property
    def fires(self) -> Tensor:
        """Which units fire. Shape: (out,)."""
        return self.trace.pre_activations[0] > 0

    def strongest(self, count: int) -> list[int]:
        """The units that count most, either way."""
        order = self.counts.abs().argsort(descending=True)[:count]
        return [unit for unit in order.tolist() if self.counts[unit]]

    def looks_for(self, unit: int) -> Tensor:
        """How fast the pre-activation grows with each input. Shape: (in,)."""
        return self.trace.weight[:, unit] * self.trace.scale[unit]

    def hears(self, unit: int) -> Tensor:
        """What each input adds to the pre-activation. Shape: (in,)."""
        return self.trace.inputs[0] * self.looks_for(unit)


class Explanation(NamedTuple):
    """The layers, the probabilities, and the slope of the answer's score.

    `saliency` is d score / d input (Simonyan, Vedaldi and Zisserman 2013); `gap` the
    largest difference of any x W + b from nn.Linear's, `rounding` that of the scores
    from those of the model in its own precision. Shape: probs (C,), saliency (D,).
    """

    layers: list[Layer]
    probs: Tensor
    saliency: Tensor
    gap: float
    rounding: float

    @property
    def answer(self) -> int:
        """The class with the highest score."""
        return int(self.probs.argmax())


def explain(model: MLP, x: Tensor) -> Explanation:
    """What the model does with one input, and why it answers so. Shape: x (1, D).

    >>> import torch
    >>> model = MLP(4, [3], 2)
    >>> [layer.trace.name for layer in explain(model, torch.ones(1, 4)).layers]
    ['hidden1', 'logits']
    """
    own = forward_trace(model, x)[-1].outputs
    model, x = deepcopy(model).double(), x.double()
    traces = forward_trace(model, x)
    scores = traces[-1].outputs
    rounding = float((own - scores).abs().max())
    if not isfinite(rounding):
        raise ValueError("its scores are not finite")
    one_hot = F.one_hot(scores.argmax(1), scores.shape[1])
    gradients = backward_trace(model, x, one_hot)
    layers, gap = [], 0.0
    for trace, gradient in zip(traces, reversed(gradients), strict=True):
        activation = getattr(model.get_submodule(trace.name), "activation", None)
        own = trace.outputs - trace.inputs if trace.residual else trace.outputs
        saturated = near_bounds(activation or nn.Identity(), own)
        counts = trace.outputs * gradient.outputs
        layers.append(Layer(trace, saturated[0], counts[0]))
        theirs = model.linears()[trace.name](trace.inputs).detach()
        ours = trace.inputs @ trace.weight + trace.bias
        gap = max(gap, float((theirs - ours).abs().max()))
    probs, saliency = softmax(scores)[0], gradients[-1].inputs[0]
    return Explanation(layers, probs, saliency, gap, rounding)


def as_json(explanation: Explanation) -> dict[str, Any]:
    """All of it as numbers with 9 digits, for a program or a page."""
    return {
        "answer": explanation.answer,
        "probs": numbers(explanation.probs),
        "saliency": numbers(explanation.saliency),
        "gap": explanation.gap,
        "rounding": explanation.rounding,
        "layers": [_layer(layer) for layer in explanation.layers],
    }


def _layer(layer: Layer) -> dict[str, Any]:
    trace, told = layer.trace, ("pre_activations", "outputs", "derivatives")
    return {
        "name": trace.name,
        "weight_shape": [*trace.weight.shape],
        "residual": trace.residual,
        **{name: numbers(getattr(trace, name)) for name in told},
        "counts": numbers(layer.counts),
        "fires": layer.fires.tolist(),
        "saturated": layer.saturated.tolist(),
        "strongest": [
            {
                "unit": unit,
                "looks_for": numbers(layer.looks_for(unit)),
                "hears": numbers(layer.hears(unit)),
            }
            for unit in layer.strongest(STRONGEST)
        ],
    }


def numbers(x: Tensor) -> list[float]:
    """Its numbers with 9 digits, in one row. Shape: (*)."""
    return [float(f"{value:.9g}") for value in x.flatten().tolist()]
