"""Initialisations: the variance they promise is the variance that is drawn."""

import typing

import pytest
import torch
from torch import nn

from torchbasics.activations import ACTIVATIONS
from torchbasics.initialization import InitName, init_variance, initialize
from torchbasics.mean_field import critical_sigma_w

DRAWN = [name for name in typing.get_args(InitName) if name != "auto"]


@pytest.mark.parametrize("init", DRAWN)
def test_weights_have_the_promised_variance_and_mean_zero(init):
    linear = nn.Linear(600, 400)
    initialize(linear, init, "tanh", torch.Generator().manual_seed(1))
    variance = init_variance(init, "tanh", 600, 400).weight
    # 240,000 draws: the variance's own relative deviation is about 0.3 %
    assert linear.weight.var().item() == pytest.approx(variance, rel=0.015)
    assert abs(linear.weight.mean().item()) < 4 * (variance / 240_000) ** 0.5


@pytest.mark.parametrize("init", DRAWN)
def test_only_the_default_has_biases(init):
    linear = nn.Linear(600, 400)
    initialize(linear, init, "tanh", torch.Generator().manual_seed(1))
    assert bool(linear.bias.any()) == (init == "default")


def test_default_has_the_limits_of_nn_linear():
    ours, theirs = nn.Linear(100, 5000), nn.Linear(100, 5000)
    initialize(ours, "default", "tanh", torch.Generator().manual_seed(1))
    for name in ("weight", "bias"):
        largest = [getattr(linear, name).abs().max() for linear in (ours, theirs)]
        assert max(largest) <= 0.1
        assert min(largest) > 0.099


@pytest.mark.parametrize(
    ("init", "theirs"),
    [("xavier", nn.init.xavier_normal_), ("he", nn.init.kaiming_normal_)],
)
def test_xavier_and_he_have_pytorchs_variance(init, theirs):
    variance = theirs(torch.empty(2000, 500)).var().item()
    assert init_variance(init, "relu", 500, 2000).weight == pytest.approx(
        variance, rel=0.01
    )


AUTO = {
    "identity": "xavier",
    "sigmoid": "xavier",
    "tanh": "xavier",
    "scaled_tanh": "xavier",
    "relu": "he",
    "leaky_relu": "he",
    "gelu": "he",
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_auto_fits_the_activation(activation):
    wanted = init_variance(AUTO[activation], activation, 30, 50)
    assert init_variance("auto", activation, 30, 50) == wanted


def test_critical_is_as_wide_as_mean_field_theory_says():
    assert init_variance("critical", "sigmoid", 50, 70).weight == pytest.approx(
        critical_sigma_w("sigmoid") ** 2 / 50
    )


@pytest.mark.parametrize(
    ("init", "weight", "bias"),
    [
        ("default", 1 / 150, 1 / 150),
        ("xavier", 2 / 130, 0),
        ("he", 2 / 50, 0),
        ("lecun", 1 / 50, 0),
        ("small", 0.0001, 0),
        ("critical", 1 / 50, 0),
    ],
)
def test_each_name_stands_for_its_papers_variance(init, weight, bias):
    variances = init_variance(init, "tanh", fan_in=50, fan_out=80)
    assert variances.weight == pytest.approx(weight, rel=1e-5)
    assert variances.bias == pytest.approx(bias)


@pytest.mark.parametrize("init", ["default", "he"])
def test_a_generators_seed_decides_all_that_is_drawn(init):
    first, second, third = (nn.Linear(30, 40) for _ in range(3))
    for linear, seed in ((first, 1), (second, 1), (third, 2)):
        initialize(linear, init, "relu", torch.Generator().manual_seed(seed))
    for ours, same, other in zip(
        *map(nn.Module.parameters, (first, second, third)), strict=False
    ):
        assert torch.equal(ours, same)
        assert not ours.any() or not torch.equal(ours, other)


def test_defaults_biases_are_drawn_on_both_sides_of_0():
    linear = nn.Linear(100, 5000)
    linear.weight.data.fill_(7)
    initialize(linear, "default", "relu", torch.Generator().manual_seed(1))
    for values in (linear.weight, linear.bias):
        assert abs(values.mean().item()) < 0.005
        assert values.var().item() == pytest.approx(1 / 300, rel=0.1)


@pytest.mark.parametrize("init", typing.get_args(InitName))
@pytest.mark.parametrize("fan", [0, -1, 2.5, "3", None])
def test_a_fan_is_a_whole_number_of_units(init, fan):
    for name in ("fan_in", "fan_out"):
        fans = {"fan_in": 3, "fan_out": 3, name: fan}
        with pytest.raises(ValueError, match=f"{name} is {fan!r}; wanted whole"):
            init_variance(init, "sigmoid", **fans)


def test_an_init_that_is_none_is_refused_also_where_there_are_no_numbers():
    linear = nn.Linear(2, 2, device="meta")
    with pytest.raises(ValueError, match="init is 'none'; wanted"):
        initialize(linear, "none", "relu", torch.Generator())
