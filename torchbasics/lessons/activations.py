"""Lesson 2, activation functions: what they are for, and how gradients vanish."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from statistics import median

import torch
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from torch import Tensor

from torchbasics import activations, rng
from torchbasics.activations import (
    ACTIVATIONS,
    ActivationName,
    relu,
    sigmoid,
    softmax,
    step,
    tanh,
)
from torchbasics.lessons.checks import Check, Part, Words, grid
from torchbasics.lessons.exercises.activations import check

__all__ = ["PARTS", "check", "slope"]

Activation = Callable[[Tensor], Tensor]

FUNCTIONS: dict[str, Activation] = {
    name: getattr(activations, name)
    for name in ("step", *ACTIVATIONS)
    if name != "scaled_tanh"  # a recipe's, not the lesson's
}
BOOK = "textbook ch. 3"


def numbers(*values: float) -> Tensor:
    """Values in float64, so that the digits shown are those of the formula."""
    return torch.tensor(values, dtype=torch.float64)


def slope(function: Activation, x: Tensor) -> Tensor:
    """The derivative at each x, by autograd; 0 where there is no gradient at all.

    Shape: (*) -> (*).
    """
    x = x.clone().requires_grad_()
    y = function(x).sum()
    return torch.autograd.grad(y, x)[0] if y.requires_grad else torch.zeros_like(x)


def curves(words: Words) -> Iterable[Check | RenderableType]:
    """Three of them as curves, x from -4 to 4, and their slopes below."""
    x = torch.linspace(-4, 4, 17, dtype=torch.float64)
    table = Table.grid(padding=(0, 4))
    drawn = {name: FUNCTIONS[name] for name in ("step", "sigmoid", "relu")}
    table.add_row(*drawn)
    table.add_row(*(_curve(function(x)) for function in drawn.values()))
    table.add_row(*(f"\n{name}'" for name in drawn))
    table.add_row(*(_curve(slope(function, x)) for function in drawn.values()))
    yield Padding(table, (0, 0, 1, 0))


def values(words: Words) -> Iterable[Check | RenderableType]:
    """The three functions of the source at the textbook's points, and their kin."""
    x = numbers(-1, 1, 2)
    yield Check(f"step {words['at']} -1, 1, 2", (0, 1, 1), step(x), BOOK)
    wanted = (0.26894142, 0.73105858, 0.88079708)
    yield Check(f"sigmoid {words['at']} -1, 1, 2", wanted, sigmoid(x), BOOK, 5e-9)
    yield Check("step(0)", [0], step(numbers(0)), words["convention"])
    yield Check(f"relu {words['at']} -1, 1, 2", (0, 1, 2), relu(x), BOOK)
    mirrored = sigmoid(x) + sigmoid(-x)
    yield Check("sigmoid(x) + sigmoid(-x)", (1, 1, 1), mirrored, "theorem", 1e-12)
    wanted = (-0.76159416, 0.76159416, 0.96402758)
    yield Check(
        f"tanh {words['at']} -1, 1, 2", wanted, tanh(x), "2 sigmoid(2x) - 1", 5e-9
    )
    yield Check(
        f"leaky_relu {words['at']} -1, 1, 2",
        (-0.01, 1, 2),
        activations.leaky_relu(x),
        "d2l",
    )
    wanted = (-0.15865525, 0.84134475, 1.95449974)
    yield Check(
        f"gelu {words['at']} -1, 1, 2", wanted, activations.gelu(x), "x Phi(x)", 5e-9
    )


def slopes(words: Words) -> Iterable[Check | RenderableType]:
    """Derivatives by autograd, and what is agreed where there is a kink."""
    at = (0, 1, 2, 5, 10)
    wanted = (0.25, 0.196612, 0.104994, 0.006648, 4.54e-5)
    for x, value in zip(at, wanted, strict=True):
        size = 5e-8 if x == 10 else 5e-7
        yield Check(
            f"sigmoid'({x})", [value], slope(sigmoid, numbers(x)), "s (1 - s)", size
        )
    zero, around = numbers(0), numbers(-2, -0.5, 0.5, 2)
    for name, value in {"relu": 0, "leaky_relu": 0.01, "gelu": 0.5, "tanh": 1}.items():
        source = words["convention"] if "relu" in name else "theorem"
        yield Check(f"{name}'(0)", [value], slope(FUNCTIONS[name], zero), source)
    yield Check(
        f"relu' {words['at']} -2, -.5, .5, 2",
        (0, 0, 1, 1),
        slope(relu, around),
        "theorem",
    )
    yield Check(
        f"step' {words['at']} -2, -.5, .5, 2", (0,) * 4, slope(step, around), "theorem"
    )


def untrainable(words: Words) -> Iterable[Check | RenderableType]:
    """A unit that answers wrong: nudging its weight tells the step nothing."""
    table = grid("w", *(f"{name}: {words['loss']}" for name in ("step", "sigmoid")))
    for nudged in (0.5, 0.51, 0.52, 0.53):
        losses = [
            _loss(FUNCTIONS[name], numbers(nudged)) for name in ("step", "sigmoid")
        ]
        table.add_row(f"{nudged:.2f}", *(f"{loss.item():.6f}" for loss in losses))
    yield table
    weight = numbers(0.5)
    for name, wanted in (("step", 0.0), ("sigmoid", -0.27218605)):
        gradient = slope(partial(_loss, FUNCTIONS[name]), weight)
        yield Check(f"{name}: {words['dloss']}", [wanted], gradient, "calculus", 5e-9)


def collapse(words: Words) -> Iterable[Check | RenderableType]:
    """Reason 1: without an activation, two layers are one."""
    first, second = numbers(1, 3, 5, 2, 4, 6).view(2, 3), numbers(1, 4, 2, 5, 3, 6)
    first, second = first / 10, second.view(3, 2) / 10
    x = numbers(1, 0.5).view(1, 2)
    product = (0.22, 0.49, 0.28, 0.64)
    yield Check("W1 W2", product, first @ second, "arithmetic")
    yield Check("(x W1) W2", (0.36, 0.81), x @ first @ second, "arithmetic")
    yield Check("x (W1 W2)", (0.36, 0.81), x @ (first @ second), "theorem")
    yield Check(words["fifty"], [0], [_gap_of_fifty_layers()], "theorem", 1e-9)
    additive = relu(numbers(1)) + relu(numbers(-1)) - relu(numbers(0))
    yield Check("relu(1) + relu(-1) - relu(0)", [1], additive, "arithmetic")


def ranges(words: Words) -> Iterable[Check | RenderableType]:
    """Reason 2: what can come out."""
    x = torch.linspace(-50, 50, 1_000_001, dtype=torch.float64)
    wanted = {"step": (0, 1), "sigmoid": (0, 1), "tanh": (-1, 1), "relu": (0, 50)}
    for name, ends in (
        wanted | {"identity": (-50, 50), "leaky_relu": (-0.5, 50)}
    ).items():
        y = FUNCTIONS[name](x)
        yield Check(f"{name}: min, max", ends, [y.min(), y.max()], words["on50"], 1e-12)
    lowest = activations.gelu(x).min()
    yield Check("gelu: min", [-0.16997], [lowest], "Hendrycks 2016", 5e-6)
    steepest = slope(sigmoid, x).max()
    yield Check("sigmoid': max", [0.25], [steepest], "s (1 - s) <= 1/4", 1e-12)


def cost(words: Words) -> Iterable[Check | RenderableType]:
    """Reason 4: nanoseconds per number, there and back, on this machine, now."""
    x = torch.randn(1 << 20, generator=rng.generator(0, "cost"))
    table = grid(words["function"], words["forward"], words["backward"])
    for name, module in ACTIVATIONS.items():
        if name == "identity" or name not in FUNCTIONS:
            continue
        function = module()
        tracked = x.clone().requires_grad_()
        y = function(tracked)
        there = _seconds(partial(function, x))
        back = _seconds(partial(torch.autograd.grad, y, tracked, x, True))
        table.add_row(name, *(f"{1e9 * t / len(x):.2f} ns" for t in (there, back)))
    yield table


def overflow(words: Words) -> Iterable[Check | RenderableType]:
    """Softmax, and exp's overflow: the plain formulas beside the safe ones."""
    scores = numbers(0.3, 2.9, 4.0)
    wanted = (0.01821127, 0.24519181, 0.73659691)
    yield Check("softmax(scores)", wanted, softmax(scores), BOOK, 5e-9)
    yield Check(words["total"], [1], [softmax(scores).sum()], "theorem", 1e-12)
    shift = softmax(scores + 100) - softmax(scores)
    yield Check("softmax(x + 100) - softmax(x)", (0, 0, 0), shift, "theorem", 1e-12)
    large, nan = numbers(1010, 1000, 990), torch.nan
    plain = large.exp() / large.exp().sum()
    yield Check(f"{words['plain']} softmax(large)", (nan,) * 3, plain, BOOK)
    wanted = (9.99954600e-1, 4.53978686e-5, 2.06106005e-9)
    for index, value in enumerate(wanted):
        name = f"softmax(large)[{index}]"
        yield Check(name, [value], [softmax(large)[index]], BOOK, 5e-9 * value)
    plain_slope = slope(lambda x: 1 / (1 + torch.exp(-x)), numbers(-1000))
    yield Check(f"{words['plain']} sigmoid'(-1000)", [nan], plain_slope, "inf * 0")
    safe = slope(sigmoid, numbers(-1000))
    yield Check("sigmoid'(-1000)", [0], safe, "theorem", 1e-12)


def vanishing(words: Words) -> Iterable[Check | RenderableType]:
    """Saturation alone, depth alone, both together."""
    saturated = slope(sigmoid, numbers(10))
    yield Check(
        f"{words['saturation']}: sigmoid'(10)", [4.54e-5], saturated, "s (1 - s)", 5e-8
    )
    for depth, value in {5: 9.77e-4, 10: 9.54e-7, 20: 9.09e-13}.items():
        best = slope(sigmoid, numbers(0)) ** depth
        unit = 10 ** (-2 - int(-torch.tensor(value).log10().floor()))
        name = f"{words['depth']}: 0.25^{depth}"
        yield Check(name, [value], best, "theorem", unit / 2)
    for name, row in CHAIN.items():
        for depth, value in row.items():
            through = slope(partial(chain, FUNCTIONS[name], depth=depth), numbers(1))
            label = f"{words['both']}: {name}, {depth}"
            yield Check(label, [value], through, "chain rule", 5e-7 * value)


CHAIN: dict[ActivationName, dict[int, float]] = {
    "sigmoid": {
        1: 1.966119e-1,
        2: 4.312916e-2,
        3: 9.641585e-3,
        5: 4.861426e-4,
        10: 2.784767e-7,
        20: 9.139104e-14,
    },
    "tanh": {
        1: 4.199743e-1,
        2: 2.468680e-1,
        3: 1.677069e-1,
        5: 9.609569e-2,
        10: 4.091204e-2,
        20: 1.610982e-2,
    },
    "relu": {1: 1, 2: 1, 3: 1, 5: 1, 10: 1, 20: 1},
}
"""d out / d in of layers of one unit (w = 1, b = 0) in a row, from x = 1."""


def chain(function: Activation, x: Tensor, depth: int) -> Tensor:
    """f(f(... f(x))): `depth` layers of width 1. Shape: (*) -> (*)."""
    for _ in range(depth):
        x = function(x)
    return x


def _curve(y: Tensor, rows: int = 6) -> str:
    """Values as dots, from the lowest at the bottom to the highest at the top."""
    span = (y.max() - y.min()).clamp(min=1e-12)
    height = (rows - 1 - (rows - 1) * (y - y.min()) / span).round().tolist()
    labels = {round(min(height)): f"{y.max():.2g}", rows - 1: f"{y.min():.2g}"}
    return "\n".join(
        f"{labels.get(row, ''):>5} " + "".join("·●"[h == row] for h in height)
        for row in range(rows)
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


def _seconds(call: Callable[[], object]) -> float:
    """Median time of a call that was warmed up."""
    times = []
    for _ in range(8):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return median(times[1:])


PARTS: tuple[Part, ...] = (
    curves, values, slopes, untrainable, collapse, ranges, cost, overflow, vanishing,
)  # fmt: skip
