"""Learning rates follow their formulas."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from torchbasics.mnist.config import ScheduleConfig
from torchbasics.mnist.training.schedule import learning_rate


def rates(name, warmup, steps, lr=0.5):
    schedule = ScheduleConfig(name=name, warmup=warmup)
    return [learning_rate(schedule, lr, step, steps) for step in range(steps)]


@pytest.mark.parametrize(("warmup", "steps"), [(0.3, 100), (0.25, 40), (0.5, 7)])
def test_one_cycle_equals_pytorchs(warmup, steps):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))])
    theirs = OneCycleLR(optimizer, 0.5, steps, pct_start=warmup, cycle_momentum=False)
    wanted = []
    for _ in range(steps):
        wanted.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    assert rates("one-cycle", warmup, steps) == pytest.approx(wanted, rel=1e-9)


def test_constant_stays():
    assert rates("constant", 0.0, 5) == [0.5] * 5


def test_linear_falls_along_a_line_to_zero():
    assert rates("linear", 0.0, 4) == [0.5, 0.375, 0.25, 0.125]


def test_cosine_is_at_half_height_half_way():
    falling = rates("cosine", 0.0, 100)
    assert falling[0] == 0.5
    assert falling[50] == pytest.approx(0.25)
    assert falling == sorted(falling, reverse=True)


@pytest.mark.parametrize("name", ["constant", "linear", "cosine"])
def test_warm_up_rises_along_a_line_to_the_peak(name):
    rising = rates(name, 0.5, 8)[:4]
    assert rising == pytest.approx([0.125, 0.25, 0.375, 0.5])


@pytest.mark.parametrize("name", ["constant", "linear", "cosine", "one-cycle"])
@pytest.mark.parametrize("warmup", [0.0, 0.3, 0.999, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 3, 100])
def test_every_rate_is_positive_and_at_most_the_peak(name, warmup, steps):
    assert all(0 < rate <= 0.5 + 1e-12 for rate in rates(name, warmup, steps))


def test_exponential_falls_by_the_same_factor_to_its_end():
    schedule = ScheduleConfig(name="exponential", warmup=0.0, final=0.01)
    rates = [learning_rate(schedule, 2.0, step, 100) for step in range(101)]
    factors = [b / a for a, b in pairwise(rates)]
    assert rates[0] == 2.0
    assert rates[100] == pytest.approx(0.02)
    assert factors == pytest.approx([0.01 ** (1 / 100)] * 100)
