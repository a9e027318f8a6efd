"""Optimizers are what they are called; norms and averages are as they should be."""

import pytest
import torch
from torch import nn

from torchbasics import MLP
from torchbasics.mnist.config import OptimConfig
from torchbasics.mnist.training.optim import (
    add_ema,
    add_max_norm,
    make_optimizer,
)


@pytest.mark.parametrize(
    ("optim", "theirs"),
    [
        (
            OptimConfig(
                name="sgd", lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01
            ),
            lambda p: torch.optim.SGD(p, 0.1, 0.9, 0, 0.01, True),
        ),
        (OptimConfig(name="sgd", lr=0.1), lambda p: torch.optim.SGD(p, 0.1)),
        (
            OptimConfig(name="adam", lr=0.1, weight_decay=0.01),
            lambda p: torch.optim.Adam(p, 0.1, weight_decay=0.01),
        ),
        (
            OptimConfig(name="adamw", lr=0.1, weight_decay=0.01),
            lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.01),
        ),
    ],
)
def test_each_optimizer_takes_pytorchs_steps(optim, theirs):
    ours_model, their_model = nn.Linear(5, 3).double(), nn.Linear(5, 3).double()
    their_model.load_state_dict(ours_model.state_dict())
    x = torch.randn(7, 5, dtype=torch.float64)
    for model, optimizer in (
        (ours_model, make_optimizer(optim, ours_model)),
        (their_model, theirs(their_model.parameters())),
    ):
        for _ in range(5):
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours_model.weight, their_model.weight)


def test_weights_that_are_too_long_are_shortened_and_only_those():
    model = MLP(4, [6], 3, "relu")
    with torch.no_grad():
        model.hidden1.linear.weight[:3] *= 100
        model.logits.weight *= 100
    before = model.hidden1.linear.weight.detach().clone()
    logits = model.logits.weight.detach().clone()
    optimizer = make_optimizer(OptimConfig(name="sgd", lr=1e-12), model)
    add_max_norm(optimizer, model, 2.0)
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    after = model.hidden1.linear.weight
    long = before.norm(dim=1) > 2
    assert long.tolist() == [True] * 3 + [False] * 3
    wanted = 2 * before[long] / before[long].norm(dim=1, keepdim=True)
    torch.testing.assert_close(after[long], wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(after[~long], before[~long])
    torch.testing.assert_close(model.logits.weight, logits)


def test_the_average_follows_the_weights_and_what_batch_norm_has_seen():
    model = MLP(4, [6], 3, "relu", batch_norm=True)
    optimizer = make_optimizer(OptimConfig(name="sgd", lr=0.5), model)
    averaged = add_ema(optimizer, model, 0.75)
    wanted = {}
    for step in range(4):
        optimizer.zero_grad()
        model(torch.randn(8, 4)).square().sum().backward()
        optimizer.step()
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                old = wanted.get(name, value)
                wanted[name] = (
                    value if step == 0 else 0.75 * old + 0.25 * value
                ).clone()
    for name, value in wanted.items():
        torch.testing.assert_close(averaged.module.state_dict()[name], value)
