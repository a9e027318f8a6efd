"""Lesson 4, a network of three layers computed by hand, and its two kinds of output."""

from collections.abc import Iterable

import torch
from torch import Tensor

from torchbasics.activations import softmax
from torchbasics.lessons import textbook
from torchbasics.lessons.checks import Check, Item, Table, Words
from torchbasics.lessons.exercises import check  # noqa: F401 - for its readers
from torchbasics.lessons.textbook import X, float64, network
from torchbasics.mlp import MLP
from torchbasics.trace import LayerTrace, forward_trace

BOOK = "textbook ch. 3.4"

STORED = {"hidden1": (3, 2), "hidden2": (2, 3), "logits": (2, 2)}  # (out, in)


def layers(words: Words) -> Iterable[Item]:
    """Shapes, weighted sums and activations of every layer."""
    passed = forward_trace(network(), X)
    yield layer_table(passed, words)
    for number, layer in enumerate(passed, start=1):
        inputs = f"Z{number - 1}" if number > 1 else "x"
        name = f"A{number} = {inputs} W{number} + b{number}"
        wanted = textbook.PRE_ACTIVATIONS[layer.name]
        yield Check(name, wanted, layer.pre_activations, BOOK, 5e-9)
        if layer.name in textbook.OUTPUTS:
            wanted = textbook.OUTPUTS[layer.name]
            name = f"Z{number} = sigmoid(A{number})"
            yield Check(name, wanted, layer.outputs, BOOK, 5e-9)


def linear(words: Words) -> Iterable[Item]:
    """The same through nn.Linear, which stores each weight the other way round."""
    model = network()
    passed = forward_trace(model, X)
    for layer in passed:
        module = model.linears()[layer.name]
        by_hand = layer.inputs @ layer.weight + layer.bias
        gap = (module(layer.inputs) - by_hand).abs().max()
        name = f"{layer.name}: nn.Linear - (x W + b)"
        yield Check(name, [0], gap, "x W + b", 1e-15)
        stored = tuple(module.weight.shape)
        yield Check(f"{layer.name}: weight.shape", STORED[layer.name], stored, BOOK)


def probabilities(words: Words) -> Iterable[Item]:
    """Softmax of the book's scores, and of those the source must have had."""
    name, probs = f"softmax, {words['book_weights']}", softmax(network()(X))
    yield Check(name, textbook.PROBS["book"], probs, BOOK, 5e-9)
    wanted, logits = textbook.SOURCE_LOGITS, network("source")(X)
    yield Check(f"A3, {words['inferred']}", wanted, logits, words["inference"], 5e-9)
    name, probs = f"softmax, {words['inferred']}", softmax(logits)
    yield Check(name, textbook.PROBS["source"], probs, words["inference"], 5e-9)
    percent = (100 * probs).round()
    yield Check(f"{name}, %", textbook.SOURCE_PERCENT, percent, words["lesson"])
    fitting = _choices_that_fit()
    yield Check(words["fitting"], [221], [len(fitting)], "counted")
    alike = fitting[(fitting[:, [0, 4, 5]] == _tenths(1, 1, 2)).all(dim=1)]
    yield Check(words["alike"], [6], [len(alike)], "counted")
    shifted = [row[:4] for row in alike if torch.allclose(row[2:4], row[:2] + 0.1)]
    yield Check(words["shifted"], [1], [len(shifted)], "counted")
    yield Check("W3", textbook.LAST_WEIGHT["source"], torch.stack(shifted), "counted")


def regression(words: Words) -> Iterable[Item]:
    """The other kind of output: a number, so one node and no softmax."""
    model = MLP(1, [2], 1)
    with torch.no_grad():
        parameters = (10.0, 10.0), (-2.0, -8.0), (100.0, -100.0), (20.0,)
        for parameter, numbers in zip(model.parameters(), parameters, strict=True):
            parameter.copy_(torch.tensor(numbers).view(parameter.shape))
    price = forward_trace(model, torch.tensor([[0.5]]))[-1].outputs
    yield Check("y(0.5)", [110.51482], price, "100 (s(3) - s(-3)) + 20", 1e-4)


def deeper(words: Words) -> Iterable[Item]:
    """The same walk through the network that reads digits."""
    model = MLP(784, [50, 100], 10)
    yield layer_table(forward_trace(model, torch.zeros(1, 784)), words)


def layer_table(passed: list[LayerTrace], words: Words) -> Table:
    """The shapes of a forward pass, a line for each layer."""
    rows = []
    for layer in passed:
        shapes = (layer.inputs, layer.weight, layer.bias, layer.outputs)
        rows.append((layer.name, *(str(tuple(value.shape)) for value in shapes)))
    return Table((words["layer"], words["input"], "W", "b", words["output"]), rows)


def _choices_that_fit() -> Tensor:
    """W3 (0.1 to 0.6) and b3 (0.1 to 0.4), in tenths, that give 37 % and 63 %.

    Shape: (choices, 6), a row of W3 and b3 each.
    """
    weights, biases = _tenths(*range(1, 7)), _tenths(*range(1, 5))
    choices = torch.cartesian_prod(*[weights] * 4, *[biases] * 2)  # (20736, 6)
    hidden = forward_trace(network(), X)[1].outputs  # (1, 2)
    scores = (hidden @ choices[:, :4].view(-1, 2, 2)).squeeze(1) + choices[:, 4:]
    percent = (100 * softmax(scores)).round()
    return choices[(percent == torch.tensor(textbook.SOURCE_PERCENT)).all(dim=1)]


def _tenths(*numerators: int) -> Tensor:
    return float64(*numerators) / 10
