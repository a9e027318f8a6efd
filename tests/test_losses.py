"""Losses: equal to PyTorch's in value and gradient, and to the textbook's numbers."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from torchbasics.losses import cross_entropy, cross_entropy_gradient, squared_error

WIDE = [[0.0, 1e4, -1e4], [800.0, 800.0, -800.0], [1.0, 2.0, 3.0], [-3.0, 0.0, 3.0]]
LABELS = torch.tensor([1, 0, 2, 0])


def test_cross_entropy_equals_pytorchs_in_value_and_gradient():
    ours = torch.tensor(WIDE, dtype=torch.float64, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    loss, wanted = cross_entropy(ours, LABELS), F.cross_entropy(theirs, LABELS)
    loss.backward()
    wanted.backward()
    torch.testing.assert_close(loss, wanted)
    torch.testing.assert_close(ours.grad, theirs.grad)
    torch.testing.assert_close(cross_entropy_gradient(ours, LABELS), theirs.grad)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=6), st.integers(0, 1))
def test_the_gradient_of_cross_entropy_is_p_minus_t(scores, label):
    logits = torch.tensor([scores], dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([label])
    cross_entropy(logits, labels).backward()
    gradient = cross_entropy_gradient(logits, labels)
    torch.testing.assert_close(gradient, logits.grad)
    assert gradient.sum().item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("classes", [2, 10])
def test_a_guess_costs_the_logarithm_of_the_number_of_classes(classes):
    loss = cross_entropy(torch.zeros(3, classes), torch.tensor([0, 1, 1]))
    assert loss.item() == pytest.approx(math.log(classes))


def test_squared_error_is_half_the_sum_and_its_slope_the_difference():
    outputs = torch.tensor([[0.5, -1.0], [3.0, 2.0]], requires_grad=True)
    wanted = torch.tensor([[1.0, 1.0], [1.0, 2.0]])
    loss = squared_error(outputs, wanted)
    loss.backward()
    assert loss.item() == pytest.approx((0.25 + 4 + 4 + 0) / 2)
    assert torch.equal(outputs.grad, outputs.detach() - wanted)


def test_what_the_gradient_is_taken_of_stays_as_it_was():
    logits = torch.zeros(2, 3)
    cross_entropy_gradient(logits, torch.tensor([0, 1]))
    assert not logits.any()


@pytest.mark.parametrize("loss", [cross_entropy, cross_entropy_gradient])
def test_wrong_shapes_are_named_with_the_ones_wanted(loss):
    with pytest.raises(ValueError, match=r"logits has shape \(3,\).*wanted \(N, C\)"):
        loss(torch.zeros(3), torch.tensor([0, 1, 2]))
    with pytest.raises(ValueError, match=r"labels has \(2, 3\).*wanted .* and \(N,\)"):
        loss(torch.zeros(2, 3), torch.eye(2, 3).long())
    with pytest.raises(TypeError, match=r"labels is torch.float32; wanted class"):
        loss(torch.zeros(2, 3), torch.zeros(2))
    with pytest.raises(
        ValueError, match=r"wanted has shape \(2, 1\); wanted \(2,\), like outputs"
    ):
        squared_error(torch.zeros(2), torch.zeros(2, 1))


def test_the_gradients_formula_keeps_no_graph():
    logits = torch.zeros(2, 3, requires_grad=True)
    assert not cross_entropy_gradient(logits, torch.tensor([0, 1])).requires_grad


def test_labels_of_another_number_are_refused():
    with pytest.raises(ValueError, match=r"labels has \(3,\)"):
        cross_entropy(torch.zeros(2, 3), torch.tensor([0, 1, 2]))
