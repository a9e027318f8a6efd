"""Lesson 4, a network of three layers computed by hand, and its two kinds of output."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from rich.console import RenderableType
from torch import Tensor, nn

from torchbasics import trace
from torchbasics.activations import softmax
from torchbasics.lessons.checks import Check, Part, Words, grid
from torchbasics.lessons.exercises.forward import LAST, X, check, network
from torchbasics.mlp import MLP

__all__ = ["PARTS", "check", "network"]

BOOK = "textbook ch. 3.4"

SUMS = {
    "hidden1": (0.3, 0.7, 1.1),
    "hidden2": (0.51615984, 1.21402696),
    "logits": (0.31682708, 0.69627909),
}
STORED = {"hidden1": (3, 2), "hidden2": (2, 3), "logits": (2, 2)}  # (out, in)
OUTPUTS = {
    "hidden1": (0.57444252, 0.66818777, 0.75026011),
    "hidden2": (0.62624937, 0.77101070),
}


def layers(words: Words) -> Iterable[Check | RenderableType]:
    """Shapes, weighted sums and activations of every layer."""
    passed = trace.forward(network(), X)
    yield layer_table(passed, words)
    for number, layer in enumerate(passed, start=1):
        name = f"A{number} = Z{number - 1} W{number} + b{number}" if number > 1 else ""
        name = name or "A1 = x W1 + b1"
        yield Check(name, SUMS[layer.name], layer.sums, BOOK, 5e-9)
        if layer.name in OUTPUTS:
            name = f"Z{number} = sigmoid(A{number})"
            yield Check(name, OUTPUTS[layer.name], layer.outputs, BOOK, 5e-9)


def linear(words: Words) -> Iterable[Check | RenderableType]:
    """The same through nn.Linear, which stores each weight the other way round."""
    model = network()
    passed = trace.forward(model, X)
    for layer, module in zip(passed, _linears(model), strict=True):
        theirs = module(layer.inputs).detach()
        gap = (theirs - layer.sums).abs().max()
        yield Check(
            f"{layer.name}: nn.Linear - (x W + b)", [0], [gap], "x W + b", 1e-15
        )
        stored = tuple(module.weight.shape)
        yield Check(f"{layer.name}: weight.shape", STORED[layer.name], stored, BOOK)


def probabilities(words: Words) -> Iterable[Check | RenderableType]:
    """Softmax of the book's scores, and of those the source must have had."""
    book = trace.forward(network(), X)[-1].outputs
    wanted = (0.40625907, 0.59374093)
    yield Check(f"softmax, {words['book_weights']}", wanted, softmax(book), BOOK, 5e-9)
    source = trace.forward(network("source"), X)[-1].outputs
    wanted = (0.31682708, 0.83600510)
    yield Check(f"A3, {words['inferred']}", wanted, source, words["inference"], 5e-9)
    wanted = (0.37304446, 0.62695554)
    name = f"softmax, {words['inferred']}"
    yield Check(name, wanted, softmax(source), words["inference"], 5e-9)
    percent = (100 * softmax(source)).round()
    yield Check(f"{name}, %", (37, 63), percent, words["lesson"])
    fitting = _choices_that_fit()
    yield Check(words["fitting"], [221], [len(fitting)], "counted")
    alike = fitting[(fitting[:, [0, 4, 5]] == _tenths(1, 1, 2)).all(dim=1)]
    yield Check(words["alike"], [6], [len(alike)], "counted")
    shifted = [row[:4] for row in alike if torch.allclose(row[2:4], row[:2] + 0.1)]
    yield Check(words["shifted"], [1], [len(shifted)], "counted")
    yield Check("W3", LAST["source"], torch.stack(shifted), "counted")


def regression(words: Words) -> Iterable[Check | RenderableType]:
    """The other kind of output: a number, so one node and no softmax."""
    model = MLP(1, [2], 1)
    with torch.no_grad():
        parameters = (10.0, 10.0), (-2.0, -8.0), (100.0, -100.0), (20.0,)
        for parameter, numbers in zip(model.parameters(), parameters, strict=True):
            parameter.copy_(torch.tensor(numbers).view(parameter.shape))
    price = trace.forward(model, torch.tensor([[0.5]]))[-1].outputs
    yield Check("y(0.5)", [110.51482], price, "100 (s(3) - s(-3)) + 20", 1e-4)


def deeper(words: Words) -> Iterable[Check | RenderableType]:
    """The same walk through the network that reads digits."""
    yield layer_table(
        trace.forward(MLP(784, [50, 100], 10), torch.zeros(1, 784)), words
    )


def layer_table(passed: list[trace.Layer], words: Words) -> RenderableType:
    """The shapes of a forward pass, a line for each layer."""
    table = grid(words["layer"], words["input"], "W", "b", words["output"])
    for layer in passed:
        shapes = (layer.inputs, layer.weight, layer.bias, layer.outputs)
        table.add_row(layer.name, *(str(tuple(value.shape)) for value in shapes))
    return table


def _linears(model: MLP) -> list[nn.Linear]:
    return [module for module in model.modules() if isinstance(module, nn.Linear)]


def _choices_that_fit() -> Tensor:
    """W3 (0.1 to 0.6) and b3 (0.1 to 0.4), in tenths, that give 37 % and 63 %.

    Shape: (choices, 6), a row of W3 and b3 each.
    """
    weights, biases = _tenths(*range(1, 7)), _tenths(*range(1, 5))
    choices = torch.cartesian_prod(*[weights] * 4, *[biases] * 2)  # (20736, 6)
    hidden = trace.forward(network(), X)[1].outputs  # (1, 2)
    scores = (hidden @ choices[:, :4].view(-1, 2, 2)).squeeze(1) + choices[:, 4:]
    percent = (100 * softmax(scores)).round()
    return choices[(percent == torch.tensor([37, 63])).all(dim=1)]


def _tenths(*numerators: int) -> Tensor:
    return torch.tensor(numerators, dtype=torch.float64) / 10


PARTS: tuple[Part, ...] = (layers, linear, probabilities, regression, deeper)
