"""Initialisations: the variance they promise is the variance that is drawn."""

import typing

import pytest
import torch
from torch import nn

from torchbasics.initialization import InitName, fitting, initialize, weight_variance

DRAWN = [name for name in typing.get_args(InitName) if name != "auto"]


@pytest.mark.parametrize("init", DRAWN)
def test_weights_have_the_promised_variance_and_mean_zero(init):
    linear = nn.Linear(600, 400)
    initialize(linear, init, torch.Generator().manual_seed(1))
    variance = weight_variance(init, 600, 400)
    # 240,000 draws: the variance's own relative deviation is about 0.3 %
    assert linear.weight.var().item() == pytest.approx(variance, rel=0.015)
    assert abs(linear.weight.mean().item()) < 4 * (variance / 240_000) ** 0.5


@pytest.mark.parametrize("init", DRAWN)
def test_only_the_default_has_biases(init):
    linear = nn.Linear(600, 400)
    initialize(linear, init, torch.Generator().manual_seed(1))
    assert bool(linear.bias.any()) == (init == "default")


def test_default_has_the_limits_of_nn_linear():
    ours, theirs = nn.Linear(100, 5000), nn.Linear(100, 5000)
    initialize(ours, "default", torch.Generator().manual_seed(1))
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
    assert weight_variance(init, 500, 2000) == pytest.approx(variance, rel=0.01)


def test_auto_fits_the_activation():
    fits = {name: fitting("auto", name) for name in ("sigmoid", "tanh", "relu", "gelu")}
    assert fits == {"sigmoid": "xavier", "tanh": "xavier", "relu": "he", "gelu": "he"}
