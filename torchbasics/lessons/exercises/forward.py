"""Exercises of lesson 4: a layer, and the whole 2-3-2-2 network."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, tensor

from torchbasics.activations import sigmoid, softmax
from torchbasics.lessons.exercises.exercise import Exercise, exercise
from torchbasics.lessons.textbook import BIASES, LAST_WEIGHT, WEIGHTS


def _rows(numbers: tuple[float, ...], columns: int) -> Tensor:
    return tensor(numbers, dtype=torch.float64).view(-1, columns)


W1, W2, W3 = _rows(WEIGHTS[0], 3), _rows(WEIGHTS[1], 2), _rows(LAST_WEIGHT["book"], 2)
B1, B2, B3 = (tensor(bias, dtype=torch.float64) for bias in BIASES)


def _forward(
    x: Tensor,
    hidden: Callable[[Tensor], Tensor] = sigmoid,
    out: Callable[[Tensor], Tensor] = softmax,
    biases: Sequence[int] = (1, 1, 1),
    last: Tensor = W3,
) -> Tensor:
    """The network's answer, with something of it changed."""
    z = hidden(x @ W1 + biases[0] * B1)
    z = hidden(z @ W2 + biases[1] * B2)
    return out(z @ last + biases[2] * B3)


_LAYER = (
    tensor([[1.0, 0.5], [-2.0, 0.0]]),
    tensor([[0.1, 0.3], [0.2, 0.4]]),
    tensor([0.5, -1.0]),
)
_CROOKED = (
    tensor([[0.123, -1.37], [2.718, 0.456], [1.0, 0.0]]),
    tensor([[0.337, -0.291, 1.118], [0.205, 0.467, -0.773]]),
    tensor([0.123, -0.456, 0.789]),
)
_INPUTS = [
    (tensor([[1.0, 0.5]]),),
    (tensor([[-40.0, 20.0], [0.0, 1.0]]),),
    (tensor([[3.0, -3.0], [-3.0, 3.0], [0.0, 0.0]]),),
]

EXERCISES: dict[str, Exercise] = {
    "layer": exercise(
        lambda x, weight, bias: x @ weight + bias,
        [_LAYER, _CROOKED],
        batched=1,
        terms=[(1, 0, None)],
        wrong="""
            transposed_weight: x @ weight.T + bias
            no_bias: x @ weight
            bias_sign: x @ weight - bias
            bias_per_example: x @ weight + bias[:, None]
            number_by_number: x * weight + bias
            activated: sigmoid(x @ weight + bias); relu(x @ weight + bias);
                tanh(x @ weight + bias); step(x @ weight + bias);
                softmax(x @ weight + bias)
            swapped: weight @ x + bias
            bias_each_term: x @ weight + len(weight) * bias
            otherwise: x @ weight + bias.sum(); x @ (weight + bias);
                (x + bias) @ weight;
                x @ weight * bias; (x @ weight).sum(0) + bias; x.sum(0) @ weight + bias;
                (x @ weight).mean(0) + bias; x + weight + bias; bias - x @ weight;
                x @ weight[:, 0] + bias[0]; (x @ weight + bias)[:, 0];
                0 * x @ weight + bias;
                x @ (weight + bias[:, None]); (x @ weight + bias).sum(1);
                x @ weight + 2 * bias; (x @ weight) ** 2 + bias;
                x @ abs(weight) + bias""",
    ),
    "forward": exercise(
        lambda x: _forward(x, sigmoid),
        _INPUTS,
        batched=1,
        linear_hidden=lambda x: _forward(x, hidden=lambda a: a),
        no_softmax=lambda x: _forward(x, out=lambda a: a),
        inferred_weights=lambda x: _forward(x, last=_rows(LAST_WEIGHT["source"], 2)),
        transposed_weight=lambda x: _forward(x, last=W3.T),
        words={
            **{"forward": _forward, "W1": W1, "W2": W2, "W3": W3},
            **{"b1": B1, "b2": B2, "b3": B3},
        },
        wrong="""
            softmax_twice: softmax(forward(x))
            sigmoid_for_softmax: forward(x, out=sigmoid)
            activated_output: forward(x, out=lambda a: softmax(sigmoid(a)))
            relu_for_sigmoid: forward(x, hidden=relu)
            tanh_hidden: forward(x, hidden=tanh)
            softmax_hidden: forward(x, hidden=softmax)
            step_for_sigmoid: forward(x, hidden=step)
            no_bias: forward(x, biases=(0, 0, 0))
            one_bias_missing: forward(x, biases=(0, 1, 1));
                forward(x, biases=(1, 0, 1));
                forward(x, biases=(1, 1, 0))
            layer_missing: sigmoid(x @ W1 + b1); sigmoid(sigmoid(x @ W1 + b1) @ W2 + b2)
            predicted_class: forward(x).argmax(1)
            no_exp: forward(x, out=lambda a: a / a.sum(1, True))
            best_only: forward(x).amax(1)
            bias_sign: forward(x, biases=(-1, -1, -1))
            over_examples: forward(x, out=lambda a: softmax(a, 0))
            log_softmax: log(forward(x))
            over_everything: forward(x, out=lambda a: exp(a) / exp(a).sum())
            one_sigmoid_missing: softmax((sigmoid(x @ W1 + b1) @ W2 + b2) @ W3 + b3);
                softmax(sigmoid((x @ W1 + b1) @ W2 + b2) @ W3 + b3)""",
    ),
}
