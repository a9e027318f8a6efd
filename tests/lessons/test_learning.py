"""Learning: networks side by side are networks alone; what is stuck, and where."""

import math

import pytest
import torch
from torch import optim

from torchbasics.lessons import learning, prose
from torchbasics.lessons.small_networks import (
    OPTIMIZERS,
    TARGETS,
    Networks,
    Outcome,
    hundred,
    learn,
    learn_together,
    learned_gate,
    loss_of_each,
    plateaus,
    sine_fit,
    solver,
    summary,
)
from torchbasics.lessons.textbook import LABELS, X, network
from torchbasics.losses import cross_entropy_gradient
from torchbasics.perceptron import INPUTS, Perceptron
from torchbasics.trace import backward_trace


@pytest.fixture(autouse=True)
def _one_thread():
    """A second thread only waits for so small networks."""
    torch.set_num_threads(1)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_network_trained_among_others_is_the_network_trained_alone(optimizer):
    together = Networks(3, [4, 5, 6])
    alone = Networks(3, [5])
    among = learn(together, OPTIMIZERS[optimizer], steps=50)
    single = learn(alone, OPTIMIZERS[optimizer], steps=50)
    torch.testing.assert_close(among.losses[:, 1:2], single.losses)
    for ours, theirs in zip(together.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(ours[1:2], theirs)


def test_each_optimizer_moves_its_own_group_as_it_would_alone():
    groups = [Networks(3, [4, 5]) for _ in OPTIMIZERS]
    among = learn_together(groups, OPTIMIZERS.values(), steps=50)
    for ours, group, make in zip(among, groups, OPTIMIZERS.values(), strict=True):
        alone = Networks(3, [4, 5])
        torch.testing.assert_close(ours.losses, learn(alone, make, steps=50).losses)
        torch.testing.assert_close(group.state_dict(), alone.state_dict())


def test_one_of_the_networks_answers_as_it_does_among_them():
    networks = Networks(3, [4, 5, 6])
    alone = networks.only(1)
    torch.testing.assert_close(alone(INPUTS), networks(INPUTS)[1:2])
    assert not alone(INPUTS).requires_grad


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


@pytest.mark.slow
def test_solved_means_right_from_that_step_to_the_end():
    outcome = learn(Networks(4, range(4)), OPTIMIZERS["SGD, lr 1"], steps=800)
    assert outcome.losses.shape == (800, 4)
    assert outcome.solved.any()
    for index in outcome.solved.nonzero().flatten().tolist():
        at = int(outcome.solved_at[index])
        again = Networks(4, [index])
        assert learn(again, OPTIMIZERS["SGD, lr 1"], steps=at + 1).solved.all()
        before = learn(Networks(4, [index]), OPTIMIZERS["SGD, lr 1"], steps=at)
        assert not before.solved.any()


@pytest.mark.parametrize(
    "answers",
    [(0, 1, 0.5, 0.5), (0, 2 / 3, 2 / 3, 2 / 3), (1 / 3, 1, 1 / 3, 1 / 3)],
)
def test_a_plateaus_loss_is_that_of_its_answers(answers):
    wanted = [
        p if target else 1 - p for p, target in zip(answers, TARGETS, strict=True)
    ]
    loss = -sum(math.log(p) for p in wanted) / 4
    assert min(abs(loss - level) for level in plateaus()) < 1e-6


@pytest.mark.full
def test_three_inputs_in_one_place_say_how_many_of_them_should_be_1():
    networks = Networks(2, range(100))
    outcome = learn(networks, OPTIMIZERS["Adam, lr 0.05"], steps=4000)
    at_three = (outcome.losses[-1] - plateaus()[1]).abs() < 0.002
    answers = networks(INPUTS).detach().sigmoid()[at_three].sort(dim=1).values
    two_of_three = torch.tensor([0, 2 / 3, 2 / 3, 2 / 3])
    one_of_three = torch.tensor([1 / 3, 1 / 3, 1 / 3, 1])
    for found in answers:
        nearest = min((two_of_three - found).norm(), (one_of_three - found).norm())
        assert nearest < 0.05
    seen = {round(float(found[1]), 1) for found in answers}
    assert seen == {0.3, 0.7}  # so the lesson has to name both


def test_a_gates_first_step_is_minus_the_mean_gradient():
    """Of (1/2 - wanted) x, as sigmoid(0) = 1/2; the bias has the input 1."""
    assert learned_gate((0, 1, 1, 1), steps=1) == (0.25, 0.25, 0.25)
    assert learned_gate((1, 1, 1, 0), steps=1) == (0.25, 0.0, 0.0)


def test_each_of_a_gates_steps_goes_by_its_own_gradient():
    numbers = torch.zeros(3)  # b, w1, w2
    x = torch.cat([torch.ones(4, 1), INPUTS], dim=1)
    for _ in range(5):
        probs = (x @ numbers).sigmoid()
        numbers = numbers - (probs - torch.tensor([0.0, 1, 1, 1])) @ x / 4
    assert learned_gate((0, 1, 1, 1), steps=5) == pytest.approx(numbers.tolist())


@pytest.mark.slow
def test_gradients_learn_a_gate_and_widen_its_margin():
    few, many = (learned_gate((0, 1, 1, 1), steps) for steps in (100, 1000))
    margins = []
    for bias, *weight in (few, many):
        learned = Perceptron(weight, bias)
        assert learned(INPUTS).tolist() == [0, 1, 1, 1]
        margins.append(learned.margin(INPUTS))
    assert margins[0] < margins[1] < 1 / math.sqrt(8)


@pytest.mark.slow
def test_the_curve_is_a_sine_and_is_fitted():
    x, y, model = sine_fit(1000)
    assert (len(x), x.min(), x.max()) == (40, 0, 1)  # one period
    assert y.flatten().tolist() == pytest.approx(
        [math.sin(2 * math.pi * value) for value in x.flatten().tolist()], abs=1e-6
    )
    assert (model(x) - y).abs().max() < 0.2
    assert model.hidden1.linear.out_features == 10


@pytest.mark.slow
def test_the_longer_the_curve_is_learned_the_nearer_it_comes():
    errors = []
    for steps in (0, 10, 100, 1000):
        x, y, model = sine_fit(steps)
        errors.append((model(x) - y).square().mean().item())
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 5e-3


def test_one_step_is_stock_sgd():
    """Each weight moves by -lr times the gradient that the chain rule gives by hand."""
    before, model = network(), network()
    slopes = backward_trace(before, X, cross_entropy_gradient(before(X), LABELS))
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    learning.loss_of(model).backward()
    optimizer.step()
    for layer in slopes:
        old, new = (m.linears()[layer.name] for m in (before, model))
        torch.testing.assert_close(new.weight, old.weight - layer.weight.T)
        torch.testing.assert_close(new.bias, old.bias - layer.bias)
    losses = [learning.loss_of(m).item() for m in (before, model)]
    assert losses[0] == pytest.approx(-math.log(0.40625907), abs=1e-8)

    words = prose.read("learning", "en").words
    told = {item.name: item.here for item in learning.one_step(words)}
    stepped = model.linears()["logits"].bias.tolist()
    assert told[words["stepped"]] == pytest.approx(stepped, abs=1e-12)
    assert [*told[words["before"]], *told[words["after"]]] == pytest.approx(losses)


def test_the_optimizers_are_what_their_names_say():
    kinds = {"SGD": optim.SGD, "momentum": optim.SGD, "Adam": optim.Adam}
    for name, make in OPTIMIZERS.items():
        kind, lr = name.split(", lr ")
        made = make([torch.nn.Parameter(torch.zeros(1))])
        assert type(made) is kinds[kind]
        assert made.defaults["lr"] == float(lr)
        assert made.defaults.get("momentum", 0) == (0.9 if kind == "momentum" else 0)


def test_training_is_gradient_descent_step_by_step():
    networks, by_hand = Networks(2, [3]), Networks(2, [3])
    outcome = learn(networks, OPTIMIZERS["SGD, lr 1"], steps=4)
    for step in range(4):
        loss = loss_of_each(by_hand(INPUTS)).sum()
        assert outcome.losses[step].sum().item() == pytest.approx(loss.item())
        slopes = torch.autograd.grad(loss, list(by_hand.parameters()))
        with torch.no_grad():
            for parameter, slope in zip(by_hand.parameters(), slopes, strict=True):
                parameter.sub_(slope)
    for ours, theirs in zip(networks.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert not outcome.losses.requires_grad


@pytest.mark.slow
@pytest.mark.parametrize("steps", [100, 200, 400])
def test_solved_are_those_whose_scores_have_the_right_signs(steps):
    make = OPTIMIZERS["SGD, lr 1"]
    networks = Networks(4, range(30))
    learn(networks, make, steps=steps - 1)
    right = ((networks(INPUTS) > 0) == torch.tensor([False, True, True, False])).all(1)
    assert torch.equal(learn(Networks(4, range(30)), make, steps=steps).solved, right)
    assert right.any() != right.all() or steps == 400


@pytest.mark.slow
def test_the_experiment_is_a_hundred_networks_of_2000_steps():
    outcome = hundred(2, "Adam, lr 0.05")
    assert outcome.losses.shape == (2000, 100)
    few = learn(Networks(2, range(3)), OPTIMIZERS["Adam, lr 0.05"], steps=20)
    torch.testing.assert_close(outcome.losses[:20, :3], few.losses)
    assert hundred(2, "Adam, lr 0.05") is outcome


def test_a_score_of_exactly_0_says_0():
    networks = Networks(1, [0])
    with torch.no_grad():
        for parameter in networks.parameters():
            parameter.zero_()
    still = learn(networks, lambda parameters: optim.SGD(parameters, lr=0.0), steps=1)
    assert not still.solved.any()


@pytest.mark.slow
def test_the_solver_is_the_first_2_2_1_network_that_learns_xor():
    found = solver()
    assert found.weight1.shape == (1, 2, 2)
    assert (found(INPUTS)[0] > 0).tolist() == [False, True, True, False]
    solved = hundred(2, "SGD, lr 1").solved.tolist()
    first = trained_from(solved.index(True))
    for ours, theirs in zip(found.parameters(), first.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def trained_from(seed):
    networks = Networks(2, [seed])
    learn(networks, OPTIMIZERS["SGD, lr 1"])
    return networks


def test_an_outcome_is_counted_solved_by_speed_and_stuck_by_place():
    two, three = plateaus()
    last = torch.tensor(
        [0.01, 0.02, 0.03, two, two - 0.019, three + 0.019, 0.0, two + 0.0201]
    )
    first = torch.full((8,), two)
    solved = torch.tensor([True] * 3 + [False] * 5)
    solved_at = torch.tensor([1200, 30, 70, 2000, 2000, 2000, 2000, 2000])
    networks = Networks(2, range(8))
    outcome = Outcome(torch.stack([first, first, last]), solved_at, solved, networks)
    assert summary(outcome) == ["3", "70", "1,200", "2", "1"]
    even = outcome._replace(solved=torch.tensor([True] * 2 + [False] * 6))
    assert summary(even)[:3] == ["2", "30", "1,200"]
