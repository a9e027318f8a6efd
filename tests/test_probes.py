"""Probes: what they read is what is there, and they leave no trace."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from torchbasics import MLP
from torchbasics.activations import ACTIVATIONS, BOUNDS
from torchbasics.mlp import attach_generator
from torchbasics.probes import (
    Probes,
    dead,
    first_nonfinite,
    probe_copy,
    saturated,
    update_ratio,
)


@pytest.fixture
def model():
    return MLP(20, [16, 12], 10, "sigmoid", batch_norm=True, dropout=0.5)


@pytest.fixture
def batch():
    return torch.randn(64, 20), torch.arange(64) % 10


def hooks(model):
    return [hook for module in model.modules() for hook in module._forward_hooks]


def test_activations_and_gradients_are_those_of_the_pass(model, batch):
    images, labels = batch
    model.eval()
    with Probes(model) as probes:
        logits = model(images)
        F.cross_entropy(logits, labels).backward()
    hidden = torch.sigmoid(model.hidden1.norm(model.hidden1.linear(images)))
    torch.testing.assert_close(probes.activations["hidden1"], hidden)
    torch.testing.assert_close(probes.activations["logits"], logits)
    gradients = probes.gradients()
    assert list(gradients) == ["hidden1", "hidden2", "logits"]
    assert gradients["hidden2"] is model.hidden2.linear.weight.grad
    statistics = probes.statistics()
    assert statistics["activation_std"]["hidden1"] == pytest.approx(hidden.std().item())
    norm = model.logits.weight.grad.norm().item()
    assert statistics["gradient_norm"]["logits"] == pytest.approx(norm)
    assert set(statistics["saturated"]) == {"hidden1", "hidden2"}


def test_what_they_read_is_before_dropout(model, batch):
    with Probes(model.train()) as probes:
        model(batch[0])
    assert (probes.activations["hidden1"] > 0).all()


def test_no_hook_remains_also_after_an_exception(model, batch):
    with Probes(model):
        assert len(hooks(model)) == 3
        model(batch[0])
    assert not hooks(model)
    with pytest.raises(ZeroDivisionError), Probes(model):
        raise ZeroDivisionError
    assert not hooks(model)


def test_outputs_and_gradients_are_the_same_with_and_without(model, batch):
    images, labels = batch
    model.eval()

    def gradient():
        model.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        return model.hidden1.linear.weight.grad.clone()

    without = gradient()
    with Probes(model):
        assert torch.equal(gradient(), without)


def test_saturated_counts_what_is_near_a_bound():
    out = torch.tensor([[-0.95, -0.85, 0.0, 0.95]])
    assert saturated(nn.Tanh(), out) == 0.5
    assert saturated(nn.ReLU(), out) == 0
    assert saturated(nn.Sigmoid(), torch.tensor([[0.049, 0.051, 0.949, 0.951]])) == 0.5


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_at_its_bounds_every_activation_is_saturated_if_it_has_two(name):
    low, high = BOUNDS[name]
    out = torch.tensor([[low, high, (low + high) / 2, high]])
    bounded = math.isfinite(high - low)
    assert saturated(ACTIVATIONS[name](), out) == (0.75 if bounded else 0)


def test_dead_are_units_that_are_0_for_all():
    out = torch.tensor([[0.0, 0.0, 1.0], [0.0, 2.0, 0.0]])
    assert dead(out) == pytest.approx(1 / 3)


def test_update_ratio_of_a_known_step():
    weight = torch.randn(5, 4)
    assert update_ratio(weight, 0.9 * weight) == pytest.approx(0.1, rel=1e-5)
    assert update_ratio(torch.zeros(2, 2), torch.zeros(2, 2)) == 0


class TestFirstNonfinite:
    def where(self, model, batch):
        return first_nonfinite(model, nn.CrossEntropyLoss(), *batch)

    def test_nothing_wrong_is_nothing_said(self, model, batch):
        assert self.where(model, batch) == ""

    def test_the_first_layer_with_nan_is_named(self, model, batch):
        with torch.no_grad():
            model.hidden2.linear.weight[0, 0] = torch.nan
        assert self.where(model, batch) == "the activations of hidden2"

    def test_the_loss_is_named_where_only_it_overflows(self, model, batch):
        def loss(logits, labels):
            return F.cross_entropy(logits, labels) * torch.inf

        assert first_nonfinite(model, loss, *batch) == "the loss"

    @pytest.mark.parametrize("layer", ["hidden1", "hidden2", "logits"])
    def test_where_only_a_gradient_overflows_its_layer_is_named(self, batch, layer):
        """Weights of 0 make all logits 0; what came in is 1e10, what goes back 1e30."""
        model = MLP(20, [16, 12], 10, "identity")
        with torch.no_grad():
            model.linears()[layer].weight.zero_()

        def loss(logits, labels):
            return 1e30 * F.cross_entropy(logits, labels)

        images, labels = batch
        found = first_nonfinite(model, loss, 1e10 * images, labels)
        assert found == f"the gradient of {layer}"


class TestProbeCopy:
    def look(self, model, batch, seed=0):
        return probe_copy(model, F.cross_entropy, *batch, seed)

    def test_it_sees_what_a_training_step_would_see(self, batch):
        model = MLP(20, [16, 12], 10, "sigmoid", batch_norm=True)
        probes = self.look(model, batch)
        twin = copy.deepcopy(model).train()
        with Probes(twin) as wanted:
            F.cross_entropy(twin(batch[0]), batch[1]).backward()
        for ours, theirs in (
            (probes.activations, wanted.activations),
            (probes.gradients(), wanted.gradients()),
        ):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)

    @pytest.mark.parametrize("training", [True, False])
    def test_the_model_and_all_random_state_are_left_alone(
        self, model, batch, training
    ):
        model.train(training)
        noise = attach_generator(model)
        before = {k: v.clone() for k, v in model.state_dict().items()}
        states = torch.get_rng_state(), noise.get_state()
        self.look(model, batch)
        assert all(part.training is training for part in model.modules())
        assert all(parameter.grad is None for parameter in model.parameters())
        assert not hooks(model)
        for key, value in model.state_dict().items():
            assert torch.equal(value, before[key]), key
        after = torch.get_rng_state(), noise.get_state()
        assert all(map(torch.equal, states, after))

    def test_a_seed_repeats_what_it_draws(self, model, batch):
        first, second, other = (
            self.look(model, batch, seed).activations["logits"] for seed in (0, 0, 1)
        )
        assert torch.equal(first, second)
        assert not torch.equal(first, other)
