"""Probes: what they read is what is there, and they leave no trace."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from torchbasics import MLP
from torchbasics.activations import ACTIVATIONS
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
    near = torch.tensor([[0.0499, 0.0501, 0.9499, 0.9501]])
    assert saturated(nn.Sigmoid(), near) == 0.5


TWO_BOUNDS = {"sigmoid": (0, 1), "tanh": (-1, 1), "scaled_tanh": (-1.7159, 1.7159)}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_at_its_bounds_every_activation_is_saturated_if_it_has_two(name):
    low, high = TWO_BOUNDS.get(name, (-1e30, 1e30))
    out = torch.tensor([[low, high, (low + high) / 2, high]])
    assert saturated(ACTIVATIONS[name](), out) == (0.75 if name in TWO_BOUNDS else 0)


def test_dead_are_units_that_are_0_for_all():
    out = torch.tensor([[0.0, 0.0, 1.0], [0.0, 2.0, 0.0]])
    assert dead(out) == pytest.approx(1 / 3)


def test_update_ratio_of_a_known_step():
    weight = torch.randn(5, 4)
    assert update_ratio(weight, 0.9 * weight) == pytest.approx(0.1, rel=1e-5)
    assert update_ratio(torch.zeros(2, 2), torch.zeros(2, 2)) == 0
    assert update_ratio(torch.zeros(2, 2), torch.ones(2, 2)) > 1e37  # from nothing


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


def test_what_they_keep_is_as_it_was_before_what_works_in_place(batch):
    layers = nn.Linear(20, 16), nn.ReLU(inplace=True), nn.Linear(16, 10)
    with Probes(model := nn.Sequential(*layers)) as probes:
        model(batch[0])
    torch.testing.assert_close(probes.activations["0"], layers[0](batch[0]))
    assert (probes.activations["0"] < 0).any()


def test_looking_for_what_is_not_finite_leaves_gradients_and_norms_alone(batch):
    model = MLP(20, [16], 10, batch_norm=True)
    F.cross_entropy(model(batch[0]), batch[1]).backward()
    states = [*model.state_dict().values(), *(x.grad for x in model.parameters())]
    before = [state.clone() for state in states]
    first_nonfinite(model, nn.CrossEntropyLoss(), *batch)
    after = [*model.state_dict().values(), *(x.grad for x in model.parameters())]
    assert all(map(torch.equal, before, after))


@pytest.mark.parametrize("size", [1e-44, 1e-38, 1e-25, 1.0, 1e25, 1e38])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_update_is_measured_at_every_size(size, dtype):
    before = size * torch.tensor([[1.0, 1.0], [1.0, 1.0]], dtype=dtype)
    near = 0.2 if size == 1e-44 and dtype == torch.float32 else 1e-6
    assert update_ratio(before, 1.5 * before) == pytest.approx(0.5, rel=near)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_an_update_of_float64_is_measured_in_float64(size):
    before = torch.full((3, 2), size, dtype=torch.float64)
    assert update_ratio(before, 1.5 * before) == pytest.approx(0.5)


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_statistics_are_those_of_double_precision_at_every_size(size):
    model = MLP(20, [16], 10, "identity")
    images = size * torch.rand(8, 20)
    with Probes(model) as probes:
        model(images).sum().backward()
    for name, of in (("activation_std", probes.activations), ("gradient_norm", {})):
        for layer, x in (of or probes.gradients()).items():
            exact = x.double().std() if of else x.double().norm()
            got = probes.statistics()[name][layer]
            assert got == pytest.approx(exact.item(), rel=1e-6, abs=0)


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
@pytest.mark.parametrize("count", [1, 2, 64])
def test_each_statistic_is_what_it_is_called(batch, activation, count):
    model = MLP(20, [2, 1], 10, activation)
    inputs = 40 * batch[0][:count]  # so that some units saturate or are dead
    with Probes(model) as probes:
        F.cross_entropy(model(inputs), batch[1][:count]).backward()
    outputs, gradients = probes.activations, probes.gradients()
    hidden = {name: outputs[name] for name in ("hidden1", "hidden2")}
    near = {"sigmoid": lambda x: ((x < 0.05) | (x > 0.95)).float().mean()}
    share = near.get(activation, lambda x: torch.tensor(0.0))
    wanted = {
        "activation_mean": {n: x.mean() for n, x in outputs.items()},
        "activation_std": {n: spread(x) for n, x in outputs.items()},
        "gradient_norm": {n: x.norm() for n, x in gradients.items()},
        "gradient_std": {n: spread(x) for n, x in gradients.items()},
        "saturated": {n: share(x) for n, x in hidden.items()},
        "dead": {n: (x == 0).all(0).float().mean() for n, x in hidden.items()},
    }
    statistics = probes.statistics()
    assert statistics.keys() == wanted.keys()
    for name, values in wanted.items():
        numbers = {layer: value.item() for layer, value in values.items()}
        assert statistics[name] == pytest.approx(numbers, rel=1e-4, abs=1e-7), name


def spread(x):
    """PyTorch's standard deviation; of one number 0."""
    return x.std() if x.numel() > 1 else torch.tensor(0.0)


def test_what_a_layer_puts_out_must_be_a_tensor():
    model = nn.Sequential(nn.RNN(2, 2))
    with pytest.raises(TypeError, match="0 is a tuple; wanted a Tensor"), Probes(model):
        model(torch.zeros(3, 2))


def test_one_number_has_no_spread():
    with Probes(model := MLP(1, [1], 1)) as probes:
        model(torch.ones(1, 1)).backward()
    statistics = probes.statistics()
    for name in ("activation_std", "gradient_std"):
        assert statistics[name] == {"hidden1": 0, "logits": 0}


@pytest.mark.parametrize("activation", [nn.ELU(), nn.Softplus(), nn.Linear(2, 2)])
def test_what_is_none_of_the_activations_is_refused_by_name(activation):
    kind = type(activation).__name__
    with pytest.raises(
        ValueError, match=rf"activation is .*{kind}.*; wanted .*Sigmoid"
    ):
        saturated(activation, torch.ones(2, 2))
