"""Lesson 2, activation functions: what they are for, and how gradients vanish."""

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor

from torchbasics import rng
from torchbasics.activations import (
    DERIVATIVES,
    ActivationName,
    gelu,
    identity,
    leaky_relu,
    relu,
    sigmoid,
    softmax,
    step,
    tanh,
)
from torchbasics.lessons.checks import Check, Item, Listing, Table, Words
from torchbasics.lessons.exercises import check  # noqa: F401 - for its readers
from torchbasics.lessons.textbook import CHAIN, WEIGHTS, X, float64
from torchbasics.trace import derivative

Activation = Callable[[Tensor], Tensor]

TOLD = (step, identity, sigmoid, tanh, relu, leaky_relu, gelu)
FUNCTIONS: dict[str, Activation] = {function.__name__: function for function in TOLD}
"""Those that the lesson tells of; others belong to recipes."""

BOOK = "textbook ch. 3"


def curves(words: Words) -> Iterable[Item]:
    """Three of them as curves, x from -4 to 4, and their slopes below."""
    x = torch.linspace(-4, 4, 17, dtype=torch.float64)
    drawn = []
    for name in ("step", "sigmoid", "relu"):
        curve, below = FUNCTIONS[name](x), derivative(FUNCTIONS[name], x)
        drawn.append(f"{name}\n{_curve(curve)}\n\n{name}'\n{_curve(below)}")
    yield Listing.side_by_side(*drawn)


def values(words: Words) -> Iterable[Item]:
    """The three functions of the source at the textbook's points, and their kin."""
    x, at = float64(-1, 1, 2), f"{words['at']} -1, 1, 2"
    yield Check(f"step {at}", (0, 1, 1), step(x), BOOK)
    wanted = (0.26894142, 0.73105858, 0.88079708)
    yield Check(f"sigmoid {at}", wanted, sigmoid(x), BOOK, 5e-9)
    yield Check("step(0)", [0], step(float64(0)), words["convention"])
    yield Check(f"relu {at}", (0, 1, 2), relu(x), BOOK)
    mirrored = sigmoid(x) + sigmoid(-x)
    yield Check("sigmoid(x) + sigmoid(-x)", (1, 1, 1), mirrored, "theorem", 1e-12)
    wanted = (-0.76159416, 0.76159416, 0.96402758)
    yield Check(f"tanh {at}", wanted, tanh(x), "2 sigmoid(2x) - 1", 5e-9)
    yield Check(f"leaky_relu {at}", (-0.01, 1, 2), leaky_relu(x), "d2l")
    wanted = (-0.15865525, 0.84134475, 1.95449974)
    yield Check(f"gelu {at}", wanted, gelu(x), "x Phi(x)", 5e-9)


def derivatives(words: Words) -> Iterable[Item]:
    """Derivatives by autograd, and what is agreed where there is a kink."""
    wanted = {0: 0.25, 1: 0.196612, 2: 0.104994, 5: 0.006648, 10: 4.54e-5}
    for x, value in wanted.items():
        slope, size = derivative(sigmoid, float64(x)), 5e-8 if x == 10 else 5e-7
        yield Check(f"sigmoid'({x})", [value], slope, "s (1 - s)", size)
    zero, around = float64(0), float64(-2, -0.5, 0.5, 2)
    for name, value in {"relu": 0, "leaky_relu": 0.01, "gelu": 0.5, "tanh": 1}.items():
        source = words["convention"] if "relu" in name else "theorem"
        yield Check(f"{name}'(0)", [value], derivative(FUNCTIONS[name], zero), source)
    for name, slopes in {"relu": (0, 0, 1, 1), "step": (0, 0, 0, 0)}.items():
        label = f"{name}' {words['at']} -2, -.5, .5, 2"
        yield Check(label, slopes, derivative(FUNCTIONS[name], around), "theorem")


def untrainable(words: Words) -> Iterable[Item]:
    """A unit that answers wrong: nudging its weight tells the step nothing."""
    pair, rows = ("step", "sigmoid"), []
    for nudged in (0.5, 0.51, 0.52, 0.53):
        losses = [_loss(FUNCTIONS[name], float64(nudged)) for name in pair]
        rows.append((f"{nudged:.2f}", *(f"{loss.item():.6f}" for loss in losses)))
    yield Table(("w", *(f"{name}: {words['loss']}" for name in pair)), rows)
    weight = float64(0.5)
    for name, wanted in (("step", 0.0), ("sigmoid", -0.27218605)):
        gradient = derivative(partial(_loss, FUNCTIONS[name]), weight)
        yield Check(f"{name}: {words['dloss']}", [wanted], gradient, "calculus", 5e-9)


def collapse(words: Words) -> Iterable[Item]:
    """Reason 1: without an activation, two layers are one."""
    first, second = float64(*WEIGHTS[0]).view(2, 3), float64(*WEIGHTS[1]).view(3, 2)
    yield Check("W1 W2", (0.22, 0.49, 0.28, 0.64), first @ second, "arithmetic")
    yield Check("(x W1) W2", (0.36, 0.81), X @ first @ second, "arithmetic")
    yield Check("x (W1 W2)", (0.36, 0.81), X @ (first @ second), "theorem")
    yield Check(words["fifty"], [0], [_gap_of_fifty_layers()], "theorem", 1e-9)
    additive = relu(float64(1)) + relu(float64(-1)) - relu(float64(0))
    yield Check("relu(1) + relu(-1) - relu(0)", [1], additive, "arithmetic")


def ranges(words: Words) -> Iterable[Item]:
    """Reason 2: what can come out."""
    x = torch.linspace(-50, 50, 1_000_001, dtype=torch.float64)
    wanted: dict[str, tuple[float, float]]
    wanted = {"step": (0, 1), "sigmoid": (0, 1), "tanh": (-1, 1), "relu": (0, 50)}
    wanted |= {"identity": (-50, 50), "leaky_relu": (-0.5, 50)}
    for name, ends in wanted.items():
        y = FUNCTIONS[name](x)
        yield Check(f"{name}: min, max", ends, [y.min(), y.max()], words["on50"], 1e-12)
    lowest = gelu(x).min()
    yield Check("gelu: min", [-0.16997], [lowest], "Hendrycks 2016", 5e-6)
    steepest = derivative(sigmoid, x).max()
    yield Check("sigmoid': max", [0.25], [steepest], "s (1 - s) <= 1/4", 1e-12)


def overflow(words: Words) -> Iterable[Item]:
    """Softmax, and exp's overflow: the plain formulas beside the safe ones."""
    scores = float64(0.3, 2.9, 4.0)
    wanted = (0.01821127, 0.24519181, 0.73659691)
    yield Check("softmax(scores)", wanted, softmax(scores), BOOK, 5e-9)
    yield Check(words["total"], [1], [softmax(scores).sum()], "theorem", 1e-12)
    shift = softmax(scores + 100) - softmax(scores)
    yield Check("softmax(x + 100) - softmax(x)", (0, 0, 0), shift, "theorem", 1e-12)
    large, nan = float64(1010, 1000, 990), torch.nan
    plain = large.exp() / large.exp().sum()
    yield Check(f"{words['plain']} softmax(large)", (nan,) * 3, plain, BOOK)
    wanted = (9.99954600e-1, 4.53978686e-5, 2.06106005e-9)
    for index, value in enumerate(wanted):
        name = f"softmax(large)[{index}]"
        yield Check(name, [value], [softmax(large)[index]], BOOK, 5e-9 * value)
    plain_slope = derivative(lambda x: 1 / (1 + torch.exp(-x)), float64(-1000))
    yield Check(f"{words['plain']} sigmoid'(-1000)", [nan], plain_slope, "inf * 0")
    safe = derivative(sigmoid, float64(-1000))
    yield Check("sigmoid'(-1000)", [0], safe, "theorem", 1e-12)


def vanishing(words: Words) -> Iterable[Item]:
    """Saturation alone, depth alone, both together."""
    flat, name = (
        derivative(sigmoid, float64(10)),
        f"{words['saturation']}: sigmoid'(10)",
    )
    yield Check(name, [4.54e-5], flat, "s (1 - s)", 5e-8)
    bounds = {5: (9.77e-4, 5e-7), 10: (9.54e-7, 5e-10), 20: (9.09e-13, 5e-16)}
    for depth, (value, size) in bounds.items():
        best = derivative(sigmoid, float64(0)) ** depth
        yield Check(f"{words['depth']}: 0.25^{depth}", [value], best, "theorem", size)
    for name, row in CHAIN.items():
        for depth, value in row.items():
            layers = partial(chain, FUNCTIONS[name], depth=depth)
            through = derivative(layers, float64(1))
            label = f"{words['both']}: {name}, {depth}"
            yield Check(label, [value], through, "chain rule", 5e-7 * value)


def chain(function: Activation, x: Tensor, depth: int) -> Tensor:
    """f(f(... f(x))): `depth` layers of width 1. Shape: (*) -> (*)."""
    for _ in range(depth):
        x = function(x)
    return x


def product_of_derivatives(name: ActivationName, depth: int) -> Tensor:
    """`d out / d in` of such layers, from x = 1, by the chain rule. Shape: ()."""
    x, product = float64(1), float64(1)
    for _ in range(depth):
        product = product * DERIVATIVES[name](x)
        x = FUNCTIONS[name](x)
    return product[0]


def _curve(y: Tensor, rows: int = 6) -> str:
    """Values as dots, from the lowest at the bottom to the highest at the top."""
    span = (y.max() - y.min()).clamp(min=1e-12)
    height = (rows - 1 - (rows - 1) * (y - y.min()) / span).round().tolist()
    labels = {round(min(height)): f"{y.max():.2g}", rows - 1: f"{y.min():.2g}"}
    dots = ("".join("·●"[h == row] for h in height) for row in range(rows))
    return "\n".join(
        f"{labels.get(row, ''):>5} {line}" for row, line in enumerate(dots)
    )


def _loss(function: Activation, weight: Tensor) -> Tensor:
    """(1 - out)^2 of a unit whose input is (1, 1), second weight 0.5, bias -1.2."""
    return (1 - function(weight + 0.5 - 1.2)).square()


def _gap_of_fifty_layers() -> float:
    """How far 50 linear layers are from the one layer they multiply to."""
    draw = partial(torch.randn, generator=rng.generator(0, "collapse"))
    x = many = draw(1, 4).double()
    weight, bias = torch.eye(4).double(), torch.zeros(4).double()
    for _ in range(50):
        w, b = draw(4, 4).double() / 2, draw(4).double()
        many = many @ w + b
        weight, bias = weight @ w, bias @ w + b
    return float((x @ weight + bias - many).abs().max())
