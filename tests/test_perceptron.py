"""The perceptron: the textbook's gates, the rule that learns them, and its limit."""

from fractions import Fraction
from itertools import islice, product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

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

TABLES = {"AND": (0, 0, 0, 1), "OR": (0, 1, 1, 1), "NAND": (1, 1, 1, 0)}
XOR = torch.tensor([0, 1, 1, 0])


@pytest.mark.parametrize(
    ("gate", "sums", "table"),
    [
        (AND, [-0.7, -0.2, -0.2, 0.3], TABLES["AND"]),
        (OR, [-0.2, 0.3, 0.3, 0.8], TABLES["OR"]),
        (NAND, [0.7, 0.2, 0.2, -0.3], TABLES["NAND"]),
    ],
)
def test_the_textbooks_gates(gate, sums, table):
    assert gate.pre_activation(INPUTS).tolist() == pytest.approx(sums)
    assert tuple(gate(INPUTS).int().tolist()) == table
    assert gate.margin(INPUTS) == pytest.approx(0.2828, abs=5e-5)


def test_not():
    assert NOT(torch.tensor([[0.0], [1.0]])).tolist() == [1, 0]


@pytest.mark.parametrize("weights", [(0.5, 0.5, 0.7), (0.5, 0.5, 0.8), (1, 1, 1)])
def test_many_thresholds_make_an_and(weights):
    *weight, theta = map(float, weights)
    answers = Perceptron(weight, -theta)(INPUTS)
    assert tuple(answers.int().tolist()) == TABLES["AND"]
    threshold_form = (INPUTS @ torch.tensor(weight) > theta).float()
    assert torch.equal(answers, threshold_form)


def test_xor_is_an_and_of_nand_and_or():
    assert Xor().hidden(INPUTS).tolist() == [[1, 0], [1, 1], [1, 1], [0, 1]]
    assert Xor()(INPUTS).tolist() == [0, 1, 1, 0]


def test_exactly_zero_gives_zero():
    assert Perceptron([1.0, 1.0], -1.0)(torch.tensor([[1.0, 0.0]])).item() == 0


@pytest.mark.parametrize("shape", [(2,), (4, 3), (2, 2, 2)])
def test_a_wrong_shape_is_named_with_the_one_wanted(shape):
    with pytest.raises(ValueError, match=r"x has shape .*; wanted \(N, 2\)"):
        AND(torch.zeros(shape))


@pytest.mark.parametrize(
    ("name", "mistakes", "clean", "weights"),
    [
        ("AND", 10, 6, (-2, 1, 2)),
        ("OR", 4, 4, (0, 1, 1)),
        ("NAND", 11, 6, (3, -1, -2)),
    ],
)
def test_the_rule_learns_the_gates(name, mistakes, clean, weights):
    epochs = list(islice(perceptron_rule(INPUTS, torch.tensor(TABLES[name])), clean))
    assert sum(len(epoch.mistakes) for epoch in epochs) == mistakes
    dirty = [bool(epoch.mistakes) for epoch in epochs]
    assert dirty == [True] * (clean - 1) + [False]
    assert epochs[-1].weights == weights


@pytest.mark.parametrize(
    ("name", "line", "bound"),
    [("AND", (-3, 2, 2), 51), ("NAND", (3, -2, -2), 51), ("OR", (-1, 2, 2), 27)],
)
def test_mistakes_stay_below_novikoffs_bound(name, line, bound):
    targets = torch.tensor(TABLES[name])
    assert mistake_bound(INPUTS, targets, line) == pytest.approx(bound)
    rule = perceptron_rule(INPUTS, targets)
    assert sum(len(epoch.mistakes) for epoch in islice(rule, 50)) <= bound


def test_a_bound_needs_a_line_that_separates():
    with pytest.raises(ValueError, match="do not separate"):
        mistake_bound(INPUTS, XOR, (-1, 1, 1))


def test_xor_makes_the_rule_go_round_for_ever():
    epochs = list(islice(perceptron_rule(INPUTS, XOR), 20))
    assert [len(epoch.mistakes) for epoch in epochs] == [2, 3] + [4] * 18
    assert {epoch.weights for epoch in epochs[1:]} == {(1, 0, -1)}


def proves(targets, verdict):
    """Whether the verdict is a proof, checked in whole numbers, by other means."""
    rows = [(1, *map(int, row)) for row in INPUTS.tolist()]
    if verdict.separable:
        line = [Fraction(weight) for weight in verdict.weights]
        sums = [sum(w * r for w, r in zip(line, row, strict=True)) for row in rows]
        return all(
            (total > 0) == bool(t) for total, t in zip(sums, targets, strict=True)
        )
    times = verdict.multipliers
    signs = [1 if target else -1 for target in targets]
    total = [
        sum(n * s * row[k] for n, s, row in zip(times, signs, rows, strict=True))
        for k in range(3)
    ]
    strict = any(n > 0 and s > 0 for n, s in zip(times, signs, strict=True))
    return total == [0, 0, 0] and min(times) >= 0 and strict


def test_14_of_the_16_functions_are_separable_each_with_a_certificate():
    refused = []
    for targets in product((0, 1), repeat=4):
        verdict = separability(INPUTS, torch.tensor(targets))
        assert proves(targets, verdict), targets
        if not verdict.separable:
            refused.append(targets)
    assert refused == [(0, 1, 1, 0), (1, 0, 0, 1)]


@given(st.lists(st.integers(0, 1), min_size=8, max_size=8))
def test_three_inputs_are_decided_too(table):
    x = torch.tensor(list(product((0.0, 1.0), repeat=3)))
    verdict = separability(x, torch.tensor(table))
    if verdict.separable:
        bias, *weight = verdict.weights
        assert Perceptron(weight, bias)(x).tolist() == table
    else:
        rows = torch.cat([torch.ones(8, 1), x], 1)
        signs = 2 * torch.tensor(table) - 1
        times = torch.tensor(verdict.multipliers)
        assert not ((times * signs) @ rows.long()).any()


def test_the_bound_is_that_of_the_nearest_example_and_the_longest_of_any_class():
    """R^2 = 1 + 2^2 = 5; the nearest example, a 1, lies 0.5 / sqrt(2.25 + 4) away."""
    x = torch.tensor([[0.0], [1.0], [2.0]])
    bound = mistake_bound(x, torch.tensor([0, 1, 1]), (-1.5, 2))
    assert bound == pytest.approx(5 / (0.5**2 / 6.25))


def test_a_line_through_an_example_does_not_separate():
    with pytest.raises(ValueError, match="do not separate"):
        mistake_bound(INPUTS, torch.tensor(TABLES["AND"]), (-2, 1, 2))


def test_each_example_needs_a_target():
    with pytest.raises(
        ValueError, match=r"targets has shape \(3,\); wanted examples, as many"
    ):
        next(perceptron_rule(INPUTS, torch.tensor([0, 0, 1])))
    with pytest.raises(ValueError, match=r"x has shape \(4,\); wanted \(N, D\)"):
        next(perceptron_rule(INPUTS[:, 0], torch.tensor([0, 0, 1, 1])))


@pytest.mark.parametrize(
    ("x", "targets", "sentence"),
    [
        (INPUTS, torch.tensor([0, 1, 2, 0]), "wanted 0 and 1 only"),
        (INPUTS, torch.tensor([0, 1, float("nan"), 0]), "wanted 0 and 1 only"),
        (INPUTS / 3, torch.tensor([0, 1, 1, 0]), "other than whole numbers"),
        (INPUTS * float("nan"), torch.tensor([0, 1, 1, 0]), "other than whole"),
        (INPUTS[:, 0], torch.tensor([0, 1, 1, 0]), r"shape \(4,\); wanted \(N, D\)"),
    ],
)
def test_what_would_never_end_is_refused(x, targets, sentence):
    with pytest.raises(ValueError, match=sentence):
        separability(x, targets)


def test_a_list_is_no_tensor_and_whole_numbers_are_weights():
    with pytest.raises(TypeError, match=r"x is a list; wanted a torch\.Tensor"):
        separability([[0, 1]], torch.tensor([1]))
    assert torch.equal(Perceptron([1, 1], -1)(INPUTS), AND(INPUTS))
    with pytest.raises(ValueError, match="weights has 2 numbers; wanted 3"):
        mistake_bound(INPUTS, torch.tensor([0, 0, 0, 1]), [1, 1])
