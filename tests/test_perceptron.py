"""The perceptron: the textbook's gates, the rule that learns them, and its limit."""

import math
import time
from fractions import Fraction
from itertools import islice, product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save

from torchbasics.perceptron import (
    AND,
    INPUTS,
    MOST,
    NAND,
    NOT,
    OR,
    Perceptron,
    Verdict,
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
        (INPUTS / 3, torch.tensor([0, 1, 1, 0]), "wanted whole numbers, in rows"),
        (INPUTS * float("nan"), torch.tensor([0, 1, 1, 0]), "wanted finite"),
        (INPUTS[:, 0], torch.tensor([0, 1, 1, 0]), r"shape \(4,\); wanted \(N, D\)"),
    ],
)
def test_what_would_never_end_is_refused(x, targets, sentence):
    with pytest.raises(ValueError, match=sentence):
        separability(x, targets)


def test_a_list_is_no_tensor_and_whole_numbers_are_weights():
    with pytest.raises(TypeError, match=r"x is a list; wanted a Tensor"):
        separability([[0, 1]], torch.tensor([1]))
    gate = Perceptron([1, 1], -1)
    assert torch.equal(gate(INPUTS), AND(INPUTS))
    assert {number.dtype for number in gate.parameters()} == {torch.float32}
    with pytest.raises(ValueError, match=r"weights has shape \(2,\); wanted \(3,\)"):
        mistake_bound(INPUTS, torch.tensor([0, 0, 0, 1]), [1, 1])


BIG = 2**24
DIFFER_BY_1 = torch.tensor([[0, BIG], [0, BIG + 1]])


def test_whole_numbers_beyond_float32_are_told_apart():
    """-16,777,216.5 + x separates 16,777,216 from the next; in float32 they are one."""
    x, targets = DIFFER_BY_1, torch.tensor([0, 1])
    line = (-(BIG + 0.5), 0.0, 1.0)
    assert Verdict(True, line, ()).is_proved(x, targets)
    assert mistake_bound(x, targets, line) > 1e28
    assert next(perceptron_rule(x, torch.tensor([1, 1]))).weights == (1, 0, BIG)


def test_a_proof_is_exact_where_sums_in_float64_are_not():
    x, targets = torch.tensor([[1e17], [-1e17], [1.0]]), torch.tensor([1, 1, 0])
    assert not Verdict(False, (), (1, 1, 2)).is_proved(x[[0, 0, 1]], targets)
    near = torch.tensor([[2.0**53, 1.0]], dtype=torch.float64)
    assert Verdict(True, (0.0, 1.0, -(2.0**53) + 1), ()).is_proved(near, targets[:1])
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        Verdict(True, (1.0,), ()).is_proved(x, targets)


@pytest.mark.parametrize("multipliers", [(0, 0, 0, 0), (-1, -1, -1, -1)])
def test_a_sum_of_nothing_or_of_less_than_nothing_proves_nothing(multipliers):
    verdict = Verdict(False, (), multipliers)
    assert not verdict.is_proved(INPUTS, XOR)
    less = Verdict(False, (), (2, 1, -1))  # 2 - 1 - 1 = 0
    assert not less.is_proved(torch.ones(3, 1), torch.tensor([1, 0, 1]))


def test_a_proof_may_leave_examples_out():
    x, targets = torch.cat([INPUTS, torch.tensor([[2.0, 5.0]])]), [*XOR.tolist(), 1]
    assert Verdict(False, (), (1, 1, 1, 1, 0)).is_proved(x, torch.tensor(targets))


@pytest.mark.parametrize("x", [[[2_000_000]], [[-2_000_000]], [[2**60]], [[1e30]]])
def test_numbers_too_large_to_be_decided_soon_are_refused_at_once(x):
    with pytest.raises(
        ValueError, match=r"whole numbers.* wanted|wanted whole numbers"
    ):
        separability(torch.tensor(x), torch.tensor([1]))


@pytest.mark.parametrize("name", TABLES)
def test_as_many_answers_as_it_takes_are_enough(monkeypatch, name):
    targets = torch.tensor(TABLES[name])
    rule = perceptron_rule(INPUTS, targets)
    passes = next(count for count, epoch in enumerate(rule) if not epoch.mistakes)
    monkeypatch.setattr("torchbasics.perceptron.MOST", 4 * passes)
    assert separability(INPUTS, targets).separable
    monkeypatch.setattr("torchbasics.perceptron.MOST", 4 * passes - 1)
    with pytest.raises(ValueError, match="undecided after"):
        separability(INPUTS, targets)


def test_what_takes_too_many_answers_is_given_up(monkeypatch):
    monkeypatch.setattr("torchbasics.perceptron.MOST", 5_000)
    x, targets = torch.tensor([[1000], [1001]]), torch.tensor([0, 1])
    with pytest.raises(ValueError, match="undecided after 5,000 answers; wanted small"):
        separability(x, targets)


@pytest.mark.slow
def test_a_million_answers_take_seconds_and_their_sums_are_exact():
    """w is at most sqrt(k) R long, so no sum is above sqrt(MOST) MOST^2 < 2^53."""
    assert MOST**2.5 < 2**53
    start = time.process_time()
    list(islice(perceptron_rule(DIFFER_BY_1, torch.tensor([0, 1])), 25_000))
    assert time.process_time() - start < 1


@pytest.mark.parametrize("scale", [1e-200, 1e200, 1e308])
def test_the_bound_is_the_same_however_long_the_weights_are(scale):
    targets = torch.tensor(TABLES["OR"])
    line = [scale * number for number in (-0.5, 1, 1)]
    assert mistake_bound(INPUTS, targets, line) == pytest.approx(27)
    assert mistake_bound(INPUTS[3:], targets[3:], line) == pytest.approx(3)
    never = torch.zeros(4)
    assert mistake_bound(INPUTS, never, [-scale] * 3) == pytest.approx(9)


@pytest.mark.parametrize("odd", [0.0, math.nan, math.inf])
def test_weights_that_make_no_line_do_not_separate(odd):
    with pytest.raises(ValueError, match="do not separate"):
        mistake_bound(INPUTS, torch.tensor(TABLES["OR"]), [odd] * 3)


def test_weights_of_0_make_no_line_to_be_far_from():
    with pytest.raises(ValueError, match="weight is 0, which makes no line"):
        Perceptron([0, 0], 0.0).margin(INPUTS)
    tiny = Perceptron([3e-30, 4e-30], 0.0)
    assert tiny.margin(torch.tensor([[1.0, 1.0]])) == pytest.approx(1.4)
    assert Perceptron([0, 2], -3).margin(INPUTS) == 0.5


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_the_rule_learns_from_finite_numbers_only(odd):
    x = torch.tensor([[0.0, odd], [1.0, 0.0]])
    for ask in (lambda *given: next(perceptron_rule(*given)), separability):
        with pytest.raises(ValueError, match="x holds nan or infinity; wanted finite"):
            ask(x, torch.tensor([0, 1]))


def test_of_what_is_no_number_a_gate_says_nothing():
    assert AND(torch.tensor([[math.nan, 1.0]])).isnan().all()


def test_a_gates_numbers_are_set_by_hand_and_not_trained():
    assert not any(number.requires_grad for number in AND.parameters())
    assert not AND.pre_activation(INPUTS).requires_grad


def test_a_gate_can_be_saved():
    """Each parameter has numbers of its own, or safetensors would refuse them."""
    assert load(save(AND.state_dict())).keys() == {"weight", "bias"}


def test_weights_are_numbers_not_text():
    with pytest.raises((TypeError, ValueError)):
        Perceptron("12", 0.0)
