"""Exercises of lesson 4: a layer, and the whole 2-3-2-2 network."""

from collections.abc import Callable

import torch
from torch import Tensor, tensor

from torchbasics.activations import relu, sigmoid, softmax, step, tanh
from torchbasics.lessons.exercises.exercise import Exercise, exercise
from torchbasics.lessons.textbook import BIASES, LAST_WEIGHT, WEIGHTS


def _rows(numbers: tuple[float, ...], columns: int) -> Tensor:
    return tensor(numbers).view(-1, columns)


W1, W2, W3 = _rows(WEIGHTS[0], 3), _rows(WEIGHTS[1], 2), _rows(LAST_WEIGHT["book"], 2)
B1, B2, B3 = map(torch.tensor, BIASES)


def _forward(
    x: Tensor,
    hidden: Callable[[Tensor], Tensor] = sigmoid,
    out: Callable[[Tensor], Tensor] = softmax,
    biases: float = 1.0,
    last: Tensor = W3,
) -> Tensor:
    """The network's answer, with something of it changed."""
    z = hidden(x @ W1 + biases * B1)
    z = hidden(z @ W2 + biases * B2)
    return out(z @ last + biases * B3)


def _over_all(scores: Tensor) -> Tensor:
    return softmax(scores.flatten()).view(scores.shape)


def _forward_with_one_sigmoid(x: Tensor) -> Tensor:
    return softmax((sigmoid(x @ W1 + B1) @ W2 + B2) @ W3 + B3)


_LAYER = (
    tensor([[1.0, 0.5], [-2.0, 0.0]]),
    tensor([[0.1, 0.3], [0.2, 0.4]]),
    tensor([0.5, -1.0]),
)
_INPUTS = [
    (tensor([[1.0, 0.5]]),),
    (tensor([[-40.0, 20.0], [0.0, 1.0]]),),
    (tensor([[3.0, -3.0], [-3.0, 3.0], [0.0, 0.0]]),),
]

FLOAT32 = 1e-5  # one wrong weight may change the answer by no more than 2e-5

EXERCISES: dict[str, Exercise] = {
    "layer": exercise(
        lambda x, weight, bias: x @ weight + bias,
        [_LAYER],
        batched=True,
        transposed_weight=lambda x, weight, bias: x @ weight.T + bias,
        no_bias=lambda x, weight, bias: x @ weight,
        bias_sign=lambda x, weight, bias: x @ weight - bias,
        bias_per_example=lambda x, weight, bias: x @ weight + bias[:, None],
        number_by_number=lambda x, weight, bias: x * weight + bias,
        activated=tuple(
            lambda x, weight, bias, of=of: of(x @ weight + bias)
            for of in (sigmoid, relu, tanh, step, softmax)
        ),
        swapped=lambda x, weight, bias: weight @ x + bias,
    ),
    "forward": exercise(
        _forward,
        _INPUTS,
        tolerance=FLOAT32,
        batched=True,
        no_softmax=lambda x: _forward(x, out=lambda a: a),
        softmax_twice=lambda x: _forward(x, out=lambda a: softmax(softmax(a))),
        sigmoid_for_softmax=lambda x: _forward(x, out=sigmoid),
        activated_output=lambda x: _forward(x, out=lambda a: softmax(sigmoid(a))),
        linear_hidden=lambda x: _forward(x, hidden=lambda a: a),
        relu_for_sigmoid=lambda x: _forward(x, hidden=relu),
        softmax_hidden=lambda x: _forward(x, hidden=softmax),
        no_bias=lambda x: _forward(x, biases=0.0),
        bias_sign=lambda x: _forward(x, biases=-1.0),
        over_examples=lambda x: _forward(x, out=lambda a: softmax(a, dim=0)),
        log_softmax=lambda x: _forward(x, out=lambda a: softmax(a).log()),
        over_everything=(
            lambda x: _forward(x, out=_over_all),
            lambda x: _forward(x, out=lambda a: a.exp() / a.exp().sum()),
        ),
        one_sigmoid_missing=_forward_with_one_sigmoid,
        inferred_weights=lambda x: _forward(x, last=_rows(LAST_WEIGHT["source"], 2)),
        transposed_weight=lambda x: _forward(x, last=W3.T),
    ),
}
