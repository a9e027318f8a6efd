"""Learning: networks side by side are networks alone; what is stuck, and where."""

import math

import pytest
import torch
from torch import optim

from torchbasics.lessons import learning
from torchbasics.lessons.xor import OPTIMIZERS, TARGETS, Networks, learn, loss_of_each
from torchbasics.perceptron import INPUTS, Perceptron


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_network_trained_among_others_is_the_network_trained_alone(optimizer):
    together = Networks(3, [4, 5, 6])
    alone = Networks(3, [5])
    among = learn(together, OPTIMIZERS[optimizer], steps=50)
    single = learn(alone, OPTIMIZERS[optimizer], steps=50)
    torch.testing.assert_close(among.losses[:, 1:2], single.losses)
    for ours, theirs in zip(together.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(ours[1:2], theirs)


def test_the_networks_are_the_formula():
    networks = Networks(2, [7])
    w1, b1, w2, b2 = (parameter[0] for parameter in networks.parameters())
    hidden = 1 / (1 + torch.exp(-(INPUTS @ w1 + b1)))
    torch.testing.assert_close(networks.hidden(INPUTS)[0], hidden)
    torch.testing.assert_close(networks(INPUTS)[0], (hidden @ w2 + b2)[:, 0])


def test_the_loss_is_the_cross_entropy_of_each_network():
    logits = torch.tensor([[0.0, 1.0, -2.0, 0.5], [3.0, 0.0, 0.0, -1.0]])
    probs = logits.sigmoid()
    of_wanted = torch.where(TARGETS > 0, probs, 1 - probs)
    torch.testing.assert_close(loss_of_each(logits), -of_wanted.log().mean(1))


def test_solved_means_right_from_that_step_to_the_end():
    outcome = learn(Networks(4, range(20)), OPTIMIZERS["SGD, lr 1"], steps=800)
    assert outcome.losses.shape == (800, 20)
    assert outcome.solved.any()
    for index in outcome.solved.nonzero().flatten().tolist():
        at = int(outcome.solved_at[index])
        again = Networks(4, [index])
        assert learn(again, OPTIMIZERS["SGD, lr 1"], steps=at + 1).solved.all()
        before = learn(Networks(4, [index]), OPTIMIZERS["SGD, lr 1"], steps=at)
        assert not before.solved.any()


@pytest.mark.parametrize("answers", [(0, 1, 0.5, 0.5), (0, 2 / 3, 2 / 3, 2 / 3)])
def test_a_plateaus_loss_is_that_of_its_answers(answers):
    wanted = [
        p if target else 1 - p for p, target in zip(answers, TARGETS, strict=True)
    ]
    loss = -sum(math.log(p) for p in wanted) / 4
    assert min(abs(loss - level) for level in learning.plateaus()) < 1e-6


def test_gradients_learn_a_gate_and_widen_its_margin():
    few, many = (learning.learned_gate((0, 1, 1, 1), steps) for steps in (100, 1000))
    margins = []
    for bias, *weight in (few, many):
        learned = Perceptron(weight, bias)
        assert learned(INPUTS).tolist() == [0, 1, 1, 1]
        margins.append(learned.margin(INPUTS))
    assert margins[0] < margins[1] < 1 / math.sqrt(8)


def test_the_curve_is_a_sine_and_is_fitted():
    x, y, model = learning.sine_fit(1000)
    assert y.flatten().tolist() == pytest.approx(
        [math.sin(2 * math.pi * value) for value in x.flatten().tolist()], abs=1e-6
    )
    assert (model(x) - y).abs().max() < 0.2


def test_one_step_is_stock_sgd():
    model = learning.network()
    optim.SGD(model.parameters(), lr=1.0).zero_grad()
    loss = learning.loss_of(model)
    loss.backward()
    assert loss.item() == pytest.approx(-math.log(0.40625907), abs=1e-8)
