"""Activations: equal to PyTorch's in value and gradient, and true to their laws."""

from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from torchbasics import activations
from torchbasics.activations import ACTIVATIONS, DERIVATIVES, ActivationName

GRID = torch.cat(
    [torch.linspace(-8, 8, 161), torch.tensor([0.0, -0.0, 1e4, -1e4, 40, -40, 800])]
).double()


def value_and_gradient(function, x):
    x = x.clone().requires_grad_()
    y = function(x)
    return y.detach(), torch.autograd.grad(y.sum(), x)[0]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_equals_pytorchs_in_value_and_gradient(name):
    ours = value_and_gradient(getattr(activations, name), GRID)
    theirs = value_and_gradient(ACTIVATIONS[name](), GRID)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_derivatives_formula_equals_autograds_slope(name):
    _, wanted = value_and_gradient(ACTIVATIONS[name](), GRID)
    torch.testing.assert_close(DERIVATIVES[name](GRID), wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmax_equals_pytorchs_in_value_and_gradient(dim):
    scores = GRID.view(12, 14)
    weights = torch.rand(12, 14, dtype=torch.float64)
    ours = value_and_gradient(lambda x: activations.softmax(x, dim) * weights, scores)
    theirs = value_and_gradient(lambda x: nn.Softmax(dim)(x) * weights, scores)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "gelu"])
def test_smooth_ones_pass_gradcheck(name):
    x = torch.linspace(-3, 3, 13, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(getattr(activations, name), x)


def test_conventions_at_the_kinks():
    zero = torch.zeros(1, dtype=torch.float64)
    assert activations.step(zero).item() == 0
    assert value_and_gradient(activations.relu, zero)[1].item() == 0
    assert value_and_gradient(activations.leaky_relu, zero)[1].item() == 0.01


def test_the_step_has_no_gradient_to_learn_from():
    assert not activations.step(torch.ones(3, requires_grad=True)).requires_grad


finite = st.floats(-1e4, 1e4)


@given(finite)
def test_sigmoid_of_minus_x_is_one_minus_sigmoid_of_x(value):
    x = torch.tensor(value, dtype=torch.float64)
    mirrored = activations.sigmoid(-x)
    torch.testing.assert_close(mirrored, 1 - activations.sigmoid(x), rtol=0, atol=1e-15)


@given(finite)
def test_sigmoid_is_never_steeper_than_a_quarter(value):
    slope = value_and_gradient(activations.sigmoid, torch.tensor([value]).double())[1]
    assert 0 <= slope.item() <= 0.25 * (1 + 2**-52)  # one rounding in float64


@given(st.lists(finite, min_size=1, max_size=10), finite)
def test_softmax_sums_to_one_and_ignores_a_shift(scores, shift):
    x = torch.tensor(scores, dtype=torch.float64)
    probs = activations.softmax(x)
    assert probs.sum().item() == pytest.approx(1)
    torch.testing.assert_close(activations.softmax(x + shift), probs, atol=1e-9, rtol=0)


def test_softmax_of_one_number_is_certain():
    assert activations.softmax(torch.tensor(3.0)) == 1


def test_softmax_survives_scores_that_overflow_exp():
    probs = activations.softmax(torch.tensor([1010.0, 1000.0, 990.0]).double())
    wanted = [9.99954600e-1, 4.53978686e-5, 2.06106005e-9]
    assert probs.tolist() == pytest.approx(wanted, rel=1e-8)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_is_no_number_stays_none_and_the_tiny_stays_tiny_in_float32(name):
    ours = getattr(activations, name)
    nan = torch.tensor([torch.nan])
    assert ours(nan).isnan().all()
    tiny = torch.tensor([1e-8, -1e-8, 1e-20])
    theirs = ACTIVATIONS[name]()(tiny)
    torch.testing.assert_close(ours(tiny), theirs, atol=0, rtol=1e-6)


@pytest.mark.parametrize("table", [ACTIVATIONS, DERIVATIVES])
def test_every_activation_is_in_every_table(table):
    assert list(table) == list(get_args(ActivationName))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_the_step_of_what_is_no_number_is_none(dtype):
    x = torch.tensor([-1.0, 0.0, 1.0, torch.nan, torch.inf, -torch.inf], dtype=dtype)
    wanted = torch.tensor([0.0, 0.0, 1.0, torch.nan, 1.0, 0.0], dtype=dtype)
    got = activations.step(x)
    torch.testing.assert_close(got, wanted, equal_nan=True, rtol=0, atol=0)
    assert activations.step(torch.tensor([2**40, -3])).tolist() == [1, 0]
