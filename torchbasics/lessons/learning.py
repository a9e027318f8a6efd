"""Lesson 5, learning: a loss, its gradient, one step downhill, and XOR at last."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from statistics import median

import torch
from rich.console import RenderableType
from torch import Tensor, nn, optim

from torchbasics import rng, trace
from torchbasics.lessons.activations import numbers
from torchbasics.lessons.checks import Check, Part, Words, grid
from torchbasics.lessons.exercises.forward import X, network
from torchbasics.lessons.exercises.learning import check
from torchbasics.lessons.exercises.perceptron import TABLES
from torchbasics.lessons.xor import OPTIMIZERS, hundred, in_numbers, plateaus, solver
from torchbasics.losses import cross_entropy, cross_entropy_gradient, squared_error
from torchbasics.mlp import MLP
from torchbasics.perceptron import INPUTS, Perceptron, perceptron_rule

__all__ = ["PARTS", "check"]

BOOK, NEXT = "textbook ch. 4", "textbook ch. 5"
LABELS = torch.tensor([0])  # the 2-3-2-2 network should answer 0, and answers 1

TWO = numbers(0, 0, 1, 0, 0, 0, 0, 0, 0, 0)
DIGITS = {
    0.6: numbers(0.1, 0.05, 0.6, 0, 0.05, 0.1, 0, 0.1, 0, 0),
    0.1: numbers(0.1, 0.05, 0.1, 0, 0.05, 0.1, 0, 0.6, 0, 0),
}
"""The textbook's answers to a picture of a 2, by the probability that they give it."""

SIMPLE_X = numbers(0.6, 0.9).view(1, 2)
SIMPLE_W = numbers(
    0.47355232, 0.9977393, 0.84668094, 0.85557411, 0.03563661, 0.69422093
).view(2, 3)
SIMPLE_LABEL = torch.tensor([2])
"""The textbook's simpleNet, one layer, and the example that it is shown."""


def losses(words: Words) -> Iterable[Check | RenderableType]:
    """How wrong an answer is: the textbook's two digits, and a guess."""
    wanted = {0.6: (0.0975, 0.51082546), 0.1: (0.5975, 2.30258409)}
    table = grid("p", *map(str, range(10)))
    for sure, probs in DIGITS.items():
        table.add_row(f"p(2) = {sure}", *(f"{p:g}" for p in probs))
    yield table
    for sure, probs in DIGITS.items():
        error, entropy = wanted[sure]
        name = f"p(2) = {sure}"
        squared = squared_error(probs, TWO)
        yield Check(f"{name}: {words['squared']}", [error], squared, BOOK)
        nearly = -(probs[2] + 1e-7).log()
        yield Check(f"{name}: -ln(p + 1e-7)", [entropy], nearly, BOOK, 5e-9)
    guess = cross_entropy(torch.zeros(1, 10).double(), torch.tensor([2]))
    yield Check(words["guess"], [2.30258509], guess, "ln 10", 5e-9)


def slopes(words: Words) -> Iterable[Check | RenderableType]:
    """A derivative by measuring, then many at once: the gradient."""
    for x, slope in ((5.0, 0.2), (10.0, 0.3)):
        at = torch.tensor(x, dtype=torch.float64)
        measured = trace.central_differences(partial(parabola, at), at)
        yield Check(f"f'({x:g})", [slope], measured, BOOK, 1e-9)
    for point, gradient in (((3, 4), (6, 8)), ((0, 2), (0, 4)), ((3, 0), (6, 0))):
        at = numbers(*point)
        measured = trace.central_differences(partial(bowl, at), at)
        name = f"{words['gradient']} {point}"
        yield Check(name, gradient, measured, BOOK, 1e-8)


def graph(words: Words) -> Iterable[Check | RenderableType]:
    """Shopping as a graph, and which price or number the total depends on how much."""
    parts = [value.requires_grad_() for value in numbers(100, 2, 150, 3, 1.1)]
    apple, apples, orange, oranges, tax = parts
    total = (apple * apples + orange * oranges) * tax
    yield Check(words["total"], [715], total, NEXT, 1e-9)
    wanted = (2.2, 110, 3.3, 165, 650)
    names = ("apple", "apples", "orange", "oranges", "tax")
    for name, slope, pull in zip(
        names, wanted, torch.autograd.grad(total, parts), strict=True
    ):
        yield Check(f"d total / d {name}", [slope], pull, NEXT, 1e-9)


def simple_net(words: Words) -> Iterable[Check | RenderableType]:
    """The textbook's first network with a loss, and the gradient of its weights."""
    table = grid("x", "W", "", "")
    for x, row in zip(SIMPLE_X[0], SIMPLE_W, strict=True):
        table.add_row(f"{x:g}", *(f"{value:.8f}" for value in row))
    yield table
    weight = SIMPLE_W.clone().requires_grad_()
    scores = SIMPLE_X @ weight
    wanted: tuple[float, ...] = (1.05414809, 0.63071653, 1.13280740)
    yield Check(f"x W: {words['scores']}", wanted, scores, BOOK, 5e-9)
    nearly = -(scores.softmax(1)[0, 2] + 1e-7).log()
    yield Check(words["loss"], [0.92806829], nearly, BOOK, 5e-9)
    loss = cross_entropy(scores, SIMPLE_LABEL)
    (gradient,) = torch.autograd.grad(loss, weight)
    wanted = (0.21924763, 0.14356247, -0.36281009)
    yield Check(f"{words['gradient']} W[0]", wanted, gradient[0], BOOK, 2e-8)
    wanted = (0.32887144, 0.21534370, -0.54421514)
    yield Check(f"{words['gradient']} W[1]", wanted, gradient[1], BOOK, 2e-8)


def three_ways(words: Words) -> Iterable[Check | RenderableType]:
    """One weight's gradient by hand, by measuring, by autograd."""
    model = network()
    hidden1, hidden2, logits = trace.forward(model, X)
    asked = logits.outputs.softmax(1)[0] - numbers(1, 0)  # p - t
    head = X[0, 0] * hidden1.slopes[0, 0]
    table = grid(words["path"], words["factors"], words["product"])
    by_hand = torch.zeros(()).double()
    for j in range(2):
        for k in range(2):
            factors = (hidden2.weight[0, j], hidden2.slopes[0, j], logits.weight[j, k])
            along = head * factors[0] * factors[1] * factors[2] * asked[k]
            shown = " · ".join(f"{factor:.4g}" for factor in (head, *factors, asked[k]))
            table.add_row(f"x1 → 0 → {j} → {k} → L", shown, f"{along:+.8f}")
            by_hand += along
    yield table
    weight = linear_of(model, "hidden1").weight
    measured = trace.central_differences(partial(loss_of, model), weight.detach())
    (gradient,) = torch.autograd.grad(loss_of(model), weight)
    wanted, source = [0.00272951933], "mpmath, 30 digits"
    yield Check(words["by hand"], wanted, by_hand, source, 5e-12)
    yield Check(words["measured"], wanted, measured[0, 0], source, 5e-12)
    yield Check("autograd", wanted, gradient[0, 0], source, 5e-12)


def chain(words: Words) -> Iterable[Check | RenderableType]:
    """The same for every node and every weight, from the loss back to the input."""
    model = network()
    back = trace.backward(model, X, cross_entropy_gradient(model(X), LABELS))
    table = grid(words["layer"], words["unit"], "dL/dZ", "s'(A)", "dL/dA")
    for layer, passed in zip(back, reversed(trace.forward(model, X)), strict=True):
        columns = layer.outputs[0], passed.slopes[0], layer.sums[0]
        for unit, values in enumerate(zip(*columns, strict=True)):
            table.add_row(layer.name, str(unit), *(f"{v:+.8f}" for v in values))
    yield table
    loss_of(model).backward()
    for layer in back:
        linear = linear_of(model, layer.name)
        for name, ours in (("weight", layer.weight.T), ("bias", layer.bias)):
            parameter = getattr(linear, name)
            gap = (ours - parameter.grad).abs().max()
            label = f"{layer.name} {name}"
            yield Check(f"{label}: {words['to autograd']}", [0], gap, NEXT, 1e-15)
            measured = trace.central_differences(
                partial(loss_of, model), parameter.detach()
            )
            gap = ((measured - parameter.grad) / parameter.grad).abs().max()
            yield Check(f"{label}: {words['to measured']}", [0], gap, NEXT, 1e-8)


def one_step(words: Words) -> Iterable[Check | RenderableType]:
    """b - lr · gradient on paper and by PyTorch; the loss before and after."""
    model = network()
    bias = linear_of(model, "logits").bias
    before, after = [0.90076422], [0.13121354]
    yield Check(words["before"], before, loss_of(model), "-ln 0.40625907", 5e-9)
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    optimizer.zero_grad()
    loss_of(model).backward()
    assert bias.grad is not None
    gradient = (-0.59374093, 0.59374093)
    yield Check("b3", (0.1, 0.2), bias.tolist(), "textbook ch. 3.4")
    yield Check(f"{words['gradient']} b3", gradient, bias.grad, "p - t", 5e-9)
    moved = (0.69374093, -0.39374093)
    yield Check("b3 - 1 · gradient", moved, bias - bias.grad, "SGD", 5e-9)
    optimizer.step()
    yield Check(words["stepped"], moved, bias, "SGD", 5e-9)
    source = "mpmath, 30 digits"
    yield Check(words["after"], after, loss_of(model), source, 5e-9)


def rates(words: Words) -> Iterable[Check | RenderableType]:
    """A hundred steps down the bowl x0^2 + x1^2 from (-3, 4), at three rates."""
    ends = {
        1e-10: ((-2.99999994, 3.99999992), BOOK, 5e-9),
        0.1: ((-6.11110793e-10, 8.14814391e-10), BOOK, 5e-19),
        10.0: ((-2.25154873e128, 3.00206497e128), "(1 - 2 · 10)^100", 5e119),
    }
    for lr, (wanted, source, tolerance) in ends.items():
        x = numbers(-3, 4)
        for _ in range(100):
            x = x - lr * 2 * x
        yield Check(f"{words['rate']} {lr:g}", wanted, x, source, tolerance)


def gate(words: Words) -> Iterable[Check | RenderableType]:
    """AND by the perceptron rule, and by gradients through a sigmoid."""
    rule = perceptron_rule(INPUTS, torch.tensor(TABLES["AND"]))
    found = {words["rule"]: next(e.weights for e in rule if not e.mistakes)}
    for steps in (50, 200, 1_000):
        found[f"{words['by gradient']} {steps:,}"] = learned_gate(TABLES["AND"], steps)
    table = grid("", "b", "w1", "w2", words["margin"])
    for name, (b, *weight) in found.items():
        learned = Perceptron(weight, b)
        margin = f"{learned.margin(INPUTS):.4f}"
        table.add_row(name, *(f"{value:.2f}" for value in (b, *weight)), margin)
    yield table
    for name, (b, *weight) in found.items():
        yield Check(name, TABLES["AND"], Perceptron(weight, b)(INPUTS), "AND")
    widest = Perceptron([2.0, 2.0], -3.0).margin(INPUTS)
    yield Check(words["widest"], [0.35355339], [widest], "1 / sqrt(8)", 5e-8)


def xor(words: Words) -> Iterable[Check | RenderableType]:
    """A hundred starts, two networks, three optimizers."""
    heads = ("solved", "median", "slowest", "two undecided", "three alike")
    table = grid("", words["optimizer"], *(words[head] for head in heads))
    stuck: list[float] = []
    for hidden in (2, 4):
        for name in OPTIMIZERS:
            outcome = hundred(hidden, name)
            stuck += outcome.losses[-1][~outcome.solved].tolist()
            table.add_row(f"2-{hidden}-1", name, *in_numbers(outcome))
    yield table
    two, three = plateaus()
    yield Check(words["loss of two"], [0.34657359], [two], "ln(2) / 2", 5e-9)
    source = "(3 ln 3 - 2 ln 2) / 4"
    yield Check(words["loss of three"], [0.47738563], [three], source, 5e-9)
    yield Check(words["stuck"], [0.3466], [median(stuck)], "ln(2) / 2", 5e-3)


def folded(words: Words) -> Iterable[Check | RenderableType]:
    """Where the hidden layer of a network that learned XOR has moved the inputs."""
    networks = solver()
    table = grid("x1, x2", "h1, h2", words["says"], words["wanted"])
    hidden, probs = networks.hidden(INPUTS)[0], networks(INPUTS).sigmoid()[0]
    for x, h, p, wanted in zip(INPUTS, hidden, probs, TABLES["XOR"], strict=True):
        moved = ", ".join(f"{value:.3f}" for value in h)
        table.add_row(", ".join(f"{v:g}" for v in x), moved, f"{p:.3f}", str(wanted))
    yield table
    yield Check("XOR", TABLES["XOR"], (probs > 0.5).double(), words["learned"])


def curve(words: Words) -> Iterable[Check | RenderableType]:
    """Regression: a curve through 40 points, by a network with an identity output."""
    table = grid(words["steps"], words["mean square"])
    for steps in (0, 10, 100, 1000):
        x, y, model = sine_fit(steps)
        error = (model(x) - y).square().mean()
        table.add_row(f"{steps:,}", f"{error:.4f}")
    yield table
    yield Check(words["of nothing"], [0.4875], y.square().mean(), "39/80", 1e-6)
    yield Check(words["of network"], [0], error, words["learned"], 5e-3)


def parabola(x: Tensor) -> Tensor:
    """The textbook's 0.01 x^2 + 0.1 x. Shape: (*) -> (*)."""
    return 0.01 * x.square() + 0.1 * x


def bowl(x: Tensor) -> Tensor:
    """The textbook's x0^2 + x1^2. Shape: (2,) -> ()."""
    return x.square().sum()


def loss_of(model: MLP) -> Tensor:
    """The cross-entropy of the 2-3-2-2 network, whose right answer is 0."""
    return cross_entropy(model(X), LABELS)


def linear_of(model: MLP, name: str) -> nn.Linear:
    """The weights and the bias of a layer of that name."""
    layer = model.get_submodule(name)
    linear = layer if isinstance(layer, nn.Linear) else layer.get_submodule("linear")
    assert isinstance(linear, nn.Linear)
    return linear


def learned_gate(table: Iterable[int], steps: int) -> tuple[float, ...]:
    """b, w1, w2 of one sigmoid unit after so many steps of gradient descent from 0."""
    unit = MLP(2, [], 1, init="small")
    nn.init.zeros_(linear_of(unit, "logits").weight)
    targets = torch.tensor(list(table)).float()[:, None]
    optimizer = optim.SGD(unit.parameters(), lr=1.0)
    for _ in range(steps):
        optimizer.zero_grad()
        logits = unit(INPUTS)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, targets)
        loss.backward()
        optimizer.step()
    linear = linear_of(unit, "logits")
    return (linear.bias.item(), *linear.weight[0].tolist())


def sine_fit(steps: int) -> tuple[Tensor, Tensor, MLP]:
    """One period of a sine at 40 points, and a 1-10-1 tanh network fitted to it."""
    x = torch.linspace(0, 1, 40)[:, None]
    y = torch.sin(2 * torch.pi * x)
    model = MLP(1, [10], 1, "tanh", generator=rng.generator(0, "sine"))
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = squared_error(model(x), y)
        loss.backward()
        optimizer.step()
    return x, y, model


PARTS: tuple[Part, ...] = (
    losses, slopes, graph, simple_net, three_ways, chain, one_step, rates, gate, xor,
    folded, curve,
)  # fmt: skip
