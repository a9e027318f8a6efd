"""Exercises of lesson 4: a layer, and the whole 2-3-2-2 network."""

from collections.abc import Callable

import torch
from torch import Tensor, tensor

from torchbasics.activations import relu, sigmoid, softmax, step, tanh
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
    biases: tuple[int, int, int] = (1, 1, 1),
    last: Tensor = W3,
) -> Tensor:
    """The network's answer, with something of it changed."""
    z = hidden(x @ W1 + biases[0] * B1)
    z = hidden(z @ W2 + biases[1] * B2)
    return out(z @ last + biases[2] * B3)


def _over_all(scores: Tensor) -> Tensor:
    return softmax(scores.flatten()).view(scores.shape)


def _forward_with_one_sigmoid(x: Tensor) -> Tensor:
    return softmax((sigmoid(x @ W1 + B1) @ W2 + B2) @ W3 + B3)


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
        lambda x, w, b: x @ w + b,
        [_LAYER, _CROOKED],
        batched=1,
        transposed_weight=lambda x, w, b: x @ w.T + b,
        no_bias=lambda x, w, b: x @ w,
        bias_sign=lambda x, w, b: x @ w - b,
        bias_per_example=lambda x, w, b: x @ w + b[:, None],
        number_by_number=lambda x, w, b: x * w + b,
        activated=tuple(
            lambda x, w, b, of=of: of(x @ w + b)
            for of in (sigmoid, relu, tanh, step, softmax)
        ),
        swapped=lambda x, w, b: w @ x + b,
        one_term=(
            lambda x, w, b: x[:, -1:] * w[-1] + b,
            lambda x, w, b: x[:, -1:] * w[-1],
            lambda x, w, b: x[:, :1] * w[0] + b,
        ),
        bias_each_term=lambda x, w, b: x @ w + len(w) * b,
    ),
    "forward": exercise(
        _forward,
        _INPUTS,
        batched=1,
        no_softmax=lambda x: _forward(x, out=lambda a: a),
        softmax_twice=lambda x: _forward(x, out=lambda a: softmax(softmax(a))),
        sigmoid_for_softmax=lambda x: _forward(x, out=sigmoid),
        activated_output=lambda x: _forward(x, out=lambda a: softmax(sigmoid(a))),
        linear_hidden=lambda x: _forward(x, hidden=lambda a: a),
        relu_for_sigmoid=lambda x: _forward(x, hidden=relu),
        tanh_hidden=lambda x: _forward(x, hidden=tanh),
        softmax_hidden=lambda x: _forward(x, hidden=softmax),
        no_bias=lambda x: _forward(x, biases=(0, 0, 0)),
        one_bias_missing=tuple(
            lambda x, b=b: _forward(x, biases=b)
            for b in ((0, 1, 1), (1, 0, 1), (1, 1, 0))
        ),
        bias_sign=lambda x: _forward(x, biases=(-1, -1, -1)),
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
