"""Lesson 1, the perceptron: gates by hand, gates learned, and what one line cannot."""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice, product

import torch
from torch import Tensor

from torchbasics.lessons.checks import Check, Item, Listing, Table, Words
from torchbasics.lessons.exercises import check  # noqa: F401 - for its readers
from torchbasics.lessons.textbook import TRUTH_TABLES
from torchbasics.perceptron import (
    AND,
    INPUTS,
    NAND,
    NOT,
    OR,
    Perceptron,
    Xor,
    mistake_bound,
    perceptron_rule,
    separability,
)

XOR = Xor()
BOOK = "textbook ch. 2"
WIDEST = {"AND": (-3, 2, 2), "OR": (-1, 2, 2), "NAND": (3, -2, -2)}
"""For each gate the line (b, w1, w2) as far as can be from the four points."""


def thresholds(words: Words) -> Iterable[Item]:
    """Two ways to write one condition, and that many weights make an AND."""
    for w1, w2, theta in ((0.5, 0.5, 0.7), (0.5, 0.5, 0.8), (1.0, 1.0, 1.0)):
        above = INPUTS @ torch.tensor([w1, w2]) > theta
        yield Check(f"{w1} x1 + {w2} x2 > {theta}", TRUTH_TABLES["AND"], above, BOOK)
        positive = Perceptron([w1, w2], -theta)(INPUTS)
        name = f"{w1} x1 + {w2} x2 - {theta} > 0"
        yield Check(name, TRUTH_TABLES["AND"], positive, BOOK)


def gates(words: Words) -> Iterable[Item]:
    """Each gate's weighted sums, answers and margin; the plane it cuts in two."""
    by_hand = (
        ("AND", AND, "0.5 x1 + 0.5 x2 - 0.7", (-0.7, -0.2, -0.2, 0.3)),
        ("OR", OR, "0.5 x1 + 0.5 x2 - 0.2", (-0.2, 0.3, 0.3, 0.8)),
        ("NAND", NAND, "-0.5 x1 - 0.5 x2 + 0.7", (0.7, 0.2, 0.2, -0.3)),
    )
    for name, gate, formula, sums in by_hand:
        yield Check(f"{name}: {formula}", sums, gate.pre_activation(INPUTS), BOOK)
        answers = f"{name}: {words['answer']}"
        yield Check(answers, TRUTH_TABLES[name], gate(INPUTS), BOOK)
    inputs = torch.tensor([[0.0], [1.0]])
    negated = NOT.pre_activation(inputs)
    yield Check("NOT: -0.5 x + 0.2", [0.2, -0.3], negated, "arithmetic")
    yield Check(f"NOT: {words['answer']}", [1, 0], NOT(inputs), "arithmetic")
    margins = [gate.margin(INPUTS) for _, gate, _, _ in by_hand]
    yield Check(words["margins"], [0.2828] * 3, margins, "0.2 / sqrt(0.5)", 5e-5)
    yield planes({"AND": AND, "OR": OR, "NAND": NAND})


def xor(words: Words) -> Iterable[Item]:
    """Two lines, and a third in the plane of their answers."""
    hidden = XOR.hidden(INPUTS)
    yield Check("h1 = NAND(x)", TRUTH_TABLES["NAND"], hidden[:, 0], BOOK)
    yield Check("h2 = OR(x)", TRUTH_TABLES["OR"], hidden[:, 1], BOOK)
    sums = AND.pre_activation(hidden)
    yield Check("0.5 h1 + 0.5 h2 - 0.7", (-0.2, 0.3, 0.3, -0.2), sums, BOOK)
    yield Check("XOR = AND(h1, h2)", TRUTH_TABLES["XOR"], XOR(INPUTS), BOOK)
    yield planes({"NAND": NAND, "OR": OR, "XOR": XOR})


def learned(words: Words) -> Iterable[Item]:
    """What the perceptron rule finds, how often it errs, how often it could."""
    for name, mistakes, epochs, bound, weights in (
        ("AND", 10, 6, 51, (-2, 1, 2)),
        ("OR", 4, 4, 27, (0, 1, 1)),
        ("NAND", 11, 6, 51, (3, -1, -2)),
    ):
        targets = torch.tensor(TRUTH_TABLES[name])
        passes = list(islice(perceptron_rule(INPUTS, targets), epochs))
        errors = [len(one.mistakes) for one in passes]
        clean = [index for index, wrong in enumerate(errors, start=1) if not wrong]
        source = "perceptron rule"
        yield Check(f"{name}: {words['mistakes']}", [mistakes], [sum(errors)], source)
        yield Check(f"{name}: {words['clean']}", [epochs], clean, source)
        yield Check(f"{name}: b, w1, w2", weights, passes[-1].weights, source)
        most = mistake_bound(INPUTS, targets, WIDEST[name])
        yield Check(f"{name}: {words['bound']}", [bound], [most], "Novikoff 1962")


def refused(words: Words) -> Iterable[Item]:
    """The rule on XOR goes round for ever; four inequalities say why."""
    epochs = list(islice(perceptron_rule(INPUTS, torch.tensor(TRUTH_TABLES["XOR"])), 5))
    inputs = [str(tuple(row)) for row in INPUTS.int().tolist()]
    rows = []
    for number, epoch in enumerate(epochs, start=1):
        wrong = " ".join(inputs[index] for index in epoch.mistakes)
        rows.append((str(number), wrong, *(f"{value:g}" for value in epoch.weights)))
    yield Table((words["epoch"], words["wrong_rows"], "b", "w1", "w2"), rows)
    errors = [len(epoch.mistakes) for epoch in epochs]
    yield Check(words["xor_mistakes"], (2, 3, 4, 4, 4), errors, "perceptron rule")
    for number, epoch in enumerate(epochs[1:], start=2):
        name = words["xor_weights"].format(epoch=number)
        yield Check(name, (1, 0, -1), epoch.weights, "perceptron rule")


def sixteen(words: Words) -> Iterable[Item]:
    """All functions of two inputs, each with a line or a contradiction."""
    rows, separable, proven = [], 0, 0
    for targets in product((0, 1), repeat=4):
        verdict = separability(INPUTS, torch.tensor(targets))
        separable += verdict.separable
        proven += verdict.is_proved(INPUTS, torch.tensor(targets))
        done = "one line" if any(verdict.weights[1:]) else "bias alone"
        answer = words[done if verdict.separable else "no line"]
        proof = condition(verdict.weights, words) if verdict.separable else words["sum"]
        rows.append(("     ".join(map(str, targets)), answer, proof))
    yield Table(("(0,0) (1,0) (0,1) (1,1)", words["verdict"], words["proof"]), rows)
    times = separability(INPUTS, torch.tensor(TRUTH_TABLES["XOR"])).multipliers
    yield Check(words["times"], (1, 1, 1, 1), times, "Farkas 1902")
    yield Check(words["proven"], [16], [proven], "counted")
    yield Check(words["separable"], [14], [separable], "counted")
    yield Check(words["inseparable"], [2], [len(rows) - separable], "XOR, XNOR")


def condition(weights: Sequence[float], words: Words) -> str:
    """`w1 x1 + w2 x2 + b > 0` in numbers, without what is 0.

    >>> condition((-2.0, 1.0, 2.0), {})
    'x1 + 2 x2 - 2 > 0'
    """
    bias, *factors = weights
    terms = [f"{w:+g} x{i}" for i, w in enumerate(factors, start=1) if w]
    if not terms:
        return f"{bias:g} > 0: {words['always' if bias > 0 else 'never']}"
    text = " ".join(terms + ([f"{bias:+g}"] if bias else []))
    text = re.sub(r"\b1 x", "x", text).replace("+", "+ ").replace("-", "- ")
    return f"{text.removeprefix('+ ')} > 0".replace("- ", "-", text.startswith("- "))


def planes(functions: dict[str, Callable[[Tensor], Tensor]]) -> Listing:
    """Where each function answers 1 (shaded), and the four points, filled where 1."""
    across, up = torch.linspace(-0.5, 1.5, 21), torch.linspace(1.5, -0.5, 9)
    points = torch.cartesian_prod(up, across).flip(1)  # (189, 2), rows of x1 and x2
    drawn = []
    for name, function in functions.items():
        marks = ["░" if one else " " for one in function(points).tolist()]
        for x, answer in zip(INPUTS, function(INPUTS), strict=True):
            nearest = int((points - x).square().sum(1).argmin())
            marks[nearest] = "●" if answer else "○"
        rows = ["".join(marks[i : i + 21]) for i in range(0, len(marks), 21)]
        drawn.append("\n".join([name, *(f"│{row}│" for row in rows)]))
    return Listing.side_by_side(*drawn)
