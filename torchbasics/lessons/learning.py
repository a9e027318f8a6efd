"""Lesson 5, learning: a loss, its gradient, one step downhill, and XOR at last."""

from collections.abc import Iterable
from functools import partial
from itertools import product
from statistics import median

import torch
from torch import Tensor, optim

from torchbasics.lessons import small_networks, textbook
from torchbasics.lessons.checks import Check, Item, Table, Words
from torchbasics.lessons.exercises import check  # noqa: F401 - for its readers
from torchbasics.lessons.textbook import LABELS, TRUTH_TABLES, X, float64, network
from torchbasics.losses import cross_entropy, cross_entropy_gradient, squared_error
from torchbasics.mlp import MLP
from torchbasics.perceptron import INPUTS, Perceptron, perceptron_rule
from torchbasics.trace import backward_trace, central_differences, forward_trace

BOOK, NEXT = "textbook ch. 4", "textbook ch. 5"


def losses(words: Words) -> Iterable[Item]:
    """How wrong an answer is: the textbook's two digits, and a guess."""
    wanted = ((0.0975, 0.51082546), (0.5975, 2.30258409))
    read = {f"p(2) = {sure}": probs for sure, probs in textbook.TWO_READ.items()}
    rows = [(name, *(f"{p:g}" for p in probs)) for name, probs in read.items()]
    yield Table(("p", *map(str, range(10))), rows)
    for (name, probs), (error, entropy) in zip(read.items(), wanted, strict=True):
        squared = squared_error(probs, textbook.TWO)
        yield Check(f"{name}: {words['squared']}", [error], squared, BOOK)
        nearly = -(probs[2] + 1e-7).log()
        yield Check(f"{name}: -ln(p + 1e-7)", [entropy], nearly, BOOK, 5e-9)
    guess = cross_entropy(torch.zeros(1, 10).double(), torch.tensor([2]))
    yield Check(words["guess"], [2.30258509], guess, "ln 10", 5e-9)


def derivatives(words: Words) -> Iterable[Item]:
    """A derivative by measuring, then many at once: the gradient."""
    for x, slope in ((5.0, 0.2), (10.0, 0.3)):
        at = torch.tensor(x, dtype=torch.float64)
        parabola = partial(lambda x: 0.01 * x.square() + 0.1 * x, at)
        measured = central_differences(parabola, at)
        yield Check(f"f'({x:g})", [slope], measured, BOOK, 1e-9)
    for point, gradient in (((3, 4), (6, 8)), ((0, 2), (0, 4)), ((3, 0), (6, 0))):
        at = float64(*point)
        bowl = partial(lambda x: x.square().sum(), at)
        measured = central_differences(bowl, at)
        name = f"{words['gradient']} {point}"
        yield Check(name, gradient, measured, BOOK, 1e-8)


def graph(words: Words) -> Iterable[Item]:
    """Shopping as a graph, and which price or number the total depends on how much."""
    parts = [value.requires_grad_() for value in float64(100, 2, 150, 3, 1.1)]
    apple, apples, orange, oranges, tax = parts
    total = (apple * apples + orange * oranges) * tax
    yield Check(words["total"], [715], total, NEXT, 1e-9)
    wanted = {"apple": 2.2, "apples": 110, "orange": 3.3, "oranges": 165, "tax": 650}
    gradients = torch.autograd.grad(total, parts)
    for (name, slope), gradient in zip(wanted.items(), gradients, strict=True):
        label = f"d {words['total']} / d {words[name]}"
        yield Check(label, [slope], gradient, NEXT, 1e-9)


def simple_net(words: Words) -> Iterable[Item]:
    """The textbook's first network with a loss, and the gradient of its weights."""
    x, weight = textbook.SIMPLE_X, textbook.SIMPLE_WEIGHT.clone().requires_grad_()
    lines = zip(x[0], weight, strict=True)
    rows = [(f"{x:g}", *(f"{value:.8f}" for value in row)) for x, row in lines]
    yield Table(("x", "W", "", ""), rows)
    scores = x @ weight
    wanted: tuple[float, ...] = (1.05414809, 0.63071653, 1.13280740)
    yield Check(f"x W: {words['scores']}", wanted, scores, BOOK, 5e-9)
    nearly = -(scores.softmax(1)[0, 2] + 1e-7).log()
    yield Check("-ln(p + 1e-7)", [0.92806829], nearly, BOOK, 5e-9)
    loss = cross_entropy(scores, textbook.SIMPLE_LABEL)
    (gradient,) = torch.autograd.grad(loss, weight)
    wanted = (0.21924763, 0.14356247, -0.36281009)
    yield Check(f"{words['gradient']} W[0]", wanted, gradient[0], BOOK, 2e-8)
    wanted = (0.32887144, 0.21534370, -0.54421514)
    yield Check(f"{words['gradient']} W[1]", wanted, gradient[1], BOOK, 2e-8)


def three_ways(words: Words) -> Iterable[Item]:
    """One weight's gradient by hand, by measuring, by autograd."""
    model = network()
    hidden1, hidden2, logits = forward_trace(model, X)
    asked = logits.outputs.softmax(1)[0] - float64(1, 0)  # p - t
    head = X[0, 0] * hidden1.derivatives[0, 0]
    by_hand, rows = torch.zeros(()).double(), []
    for j, k in product(range(2), repeat=2):
        between = hidden2.weight[0, j], hidden2.derivatives[0, j], logits.weight[j, k]
        factors = head, *between, asked[k]
        along = torch.stack(factors).prod()
        shown = " · ".join(f"{factor:.4g}" for factor in factors)
        rows.append((f"x1 → 0 → {j} → {k} → L", shown, f"{along:+.8f}"))
        by_hand += along
    yield Table((words["path"], words["factors"], words["product"]), rows)
    weight = model.linears()["hidden1"].weight
    measured = central_differences(partial(loss_of, model), weight.detach())
    (gradient,) = torch.autograd.grad(loss_of(model), weight)
    wanted, source = [0.00272951933], "mpmath, 30 digits"
    yield Check(words["by hand"], wanted, by_hand, source, 5e-12)
    yield Check(words["measured"], wanted, measured[0, 0], source, 5e-12)
    yield Check("autograd", wanted, gradient[0, 0], source, 5e-12)


def chain(words: Words) -> Iterable[Item]:
    """The same for every node and every weight, from the loss back to the input."""
    model = network()
    back = backward_trace(model, X, cross_entropy_gradient(model(X), LABELS))
    rows = []
    for layer, passed in zip(back, reversed(forward_trace(model, X)), strict=True):
        columns = layer.outputs[0], passed.derivatives[0], layer.pre_activations[0]
        for unit, values in enumerate(zip(*columns, strict=True)):
            rows.append((layer.name, str(unit), *(f"{v:+.8f}" for v in values)))
    yield Table((words["layer"], words["unit"], "dL/dZ", "s'(A)", "dL/dA"), rows)
    loss_of(model).backward()
    for layer in back:
        linear = model.linears()[layer.name]
        for name, ours in (("weight", layer.weight.T), ("bias", layer.bias)):
            parameter = getattr(linear, name)
            gap = (ours - parameter.grad).abs().max()
            label = f"{layer.name} {name}"
            yield Check(f"{label}: {words['to autograd']}", [0], gap, NEXT, 1e-15)
            measured = central_differences(partial(loss_of, model), parameter.detach())
            gap = ((measured - parameter.grad) / parameter.grad).abs().max()
            yield Check(f"{label}: {words['to measured']}", [0], gap, NEXT, 1e-8)


def one_step(words: Words) -> Iterable[Item]:
    """`b - lr · gradient` on paper and by PyTorch; the loss before and after."""
    model = network()
    bias = model.linears()["logits"].bias
    source = "-ln 0.40625907"
    yield Check(words["before"], [0.90076422], loss_of(model), source, 5e-9)
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    optimizer.zero_grad()
    loss_of(model).backward()
    assert bias.grad is not None
    gradient = (-0.59374093, 0.59374093)
    yield Check("b3", (0.1, 0.2), bias.tolist(), "textbook ch. 3.4")
    yield Check(f"{words['gradient']} b3", gradient, bias.grad, "p - t", 5e-9)
    moved = (0.69374093, -0.39374093)
    name = f"b3 - 1 · {words['gradient']}"
    yield Check(name, moved, bias - bias.grad, "SGD", 5e-9)
    optimizer.step()
    yield Check(words["stepped"], moved, bias, "SGD", 5e-9)
    source = "mpmath, 30 digits"
    yield Check(words["after"], [0.13121354], loss_of(model), source, 5e-9)


def rates(words: Words) -> Iterable[Item]:
    """A hundred steps down the bowl x0^2 + x1^2 from (-3, 4), at three rates."""
    ends = {
        1e-10: ((-2.99999994, 3.99999992), BOOK, 5e-9),
        0.1: ((-6.11110793e-10, 8.14814391e-10), BOOK, 5e-19),
        10.0: ((-2.25154873e128, 3.00206497e128), "(1 - 2 · 10)^100", 5e119),
    }
    for lr, (wanted, source, tolerance) in ends.items():
        x = float64(-3, 4)
        for _ in range(100):
            x = x - lr * 2 * x
        yield Check(f"{words['rate']} {lr:g}", wanted, x, source, tolerance)


def gate(words: Words) -> Iterable[Item]:
    """AND by the perceptron rule, and by gradients through a sigmoid."""
    rule = perceptron_rule(INPUTS, torch.tensor(TRUTH_TABLES["AND"]))
    found = {words["rule"]: next(e.weights for e in rule if not e.mistakes)}
    for steps in (50, 200, 1_000):
        name = f"{words['by gradient']} {steps:,}"
        found[name] = small_networks.learned_gate(TRUTH_TABLES["AND"], steps)
    rows = []
    for name, (b, *weight) in found.items():
        margin = f"{Perceptron(weight, b).margin(INPUTS):.4f}"
        rows.append((name, *(f"{value:.2f}" for value in (b, *weight)), margin))
    yield Table(("", "b", "w1", "w2", words["margin"]), rows)
    for name, (b, *weight) in found.items():
        yield Check(name, TRUTH_TABLES["AND"], Perceptron(weight, b)(INPUTS), "AND")
    widest = Perceptron([2.0, 2.0], -3.0).margin(INPUTS)
    yield Check(words["widest"], [0.35355339], [widest], "1 / sqrt(8)", 5e-8)


def xor(words: Words) -> Iterable[Item]:
    """A hundred starts, two networks, three optimizers."""
    heads = ("have solved", "median", "slowest", "two undecided", "three alike")
    rows, stuck = [], list[float]()
    for hidden, name in product((2, 4), small_networks.OPTIMIZERS):
        outcome = small_networks.hundred(hidden, name)
        stuck += outcome.losses[-1][~outcome.solved].tolist()
        rows.append((f"2-{hidden}-1", name, *small_networks.summary(outcome)))
    yield Table(("", words["optimizer"], *(words[head] for head in heads)), rows)
    two, three = small_networks.plateaus()
    yield Check(words["loss of two"], [0.34657359], [two], "ln(2) / 2", 5e-9)
    source = "(3 ln 3 - 2 ln 2) / 4"
    yield Check(words["loss of three"], [0.47738563], [three], source, 5e-9)
    yield Check(words["stuck"], [0.3466], [median(stuck)], "ln(2) / 2", 5e-3)


def folded(words: Words) -> Iterable[Item]:
    """Where the hidden layer of a network that learned XOR has moved the inputs."""
    networks, rows = small_networks.solver(), []
    hidden, probs = networks.hidden(INPUTS)[0], networks(INPUTS).sigmoid()[0]
    for x, h, p, wanted in zip(INPUTS, hidden, probs, TRUTH_TABLES["XOR"], strict=True):
        moved = ", ".join(f"{value:.3f}" for value in h)
        inputs = ", ".join(f"{v:g}" for v in x)
        rows.append((inputs, moved, f"{p:.3f}", str(wanted)))
    yield Table(("x1, x2", "h1, h2", words["says"], words["wanted"]), rows)
    yield Check("XOR", TRUTH_TABLES["XOR"], (probs > 0.5).double(), words["learned"])


def curve(words: Words) -> Iterable[Item]:
    """Regression: a curve through 40 points, by a network with an identity output."""
    rows = []
    for steps in (0, 10, 100, 1000):
        x, y, model = small_networks.sine_fit(steps)
        error = (model(x) - y).square().mean()
        rows.append((f"{steps:,}", f"{error:.4f}"))
    yield Table((words["steps"], words["mean square"]), rows)
    yield Check(words["of nothing"], [0.4875], y.square().mean(), "39/80", 1e-6)
    yield Check(words["of network"], [0], error, words["learned"], 5e-3)


def loss_of(model: MLP) -> Tensor:
    """The cross-entropy of the 2-3-2-2 network, whose right answer is 0."""
    return cross_entropy(model(X), LABELS)
