"""An explanation has the model's own numbers, and what it says of them is true."""

from itertools import product

import pytest
import torch
from torch.testing import assert_close

from torchbasics import MLP, rng
from torchbasics.activations import ACTIVATIONS
from torchbasics.evaluation import eval_mode
from torchbasics.lessons import textbook
from torchbasics.mnist import network
from torchbasics.mnist.explanation import as_json, explain
from torchbasics.probes import Probes, saturated

KINDS = list(product(ACTIVATIONS, (False, True), (False, True)))


def made(activation, batch_norm, residual, dtype=torch.float32):
    """A network with dropout, its batch norms as after a training, and an input."""
    draw = rng.generator(0, "explanation")
    model = MLP(
        6, [6, 8], 4, activation, batch_norm=batch_norm, residual=residual,
        dropout=0.5, input_dropout=0.2, generator=draw,
    )  # fmt: skip
    for name, values in model.state_dict().items():
        if "norm" in name or "bias" in name:
            sign = -1 if name.endswith("norm.weight") else 1
            values.copy_(sign * (0.5 + torch.rand(values.shape, generator=draw)))
    return model.to(dtype), torch.randn(1, 6, generator=draw).to(dtype)


def seen(model, x):
    """What each layer of the model itself puts out."""
    with Probes(model) as probes, eval_mode(model):
        model(x)
    return probes.activations


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("dtype", "gap"), [(torch.float64, 1e-12), (torch.float32, 1e-5)]
)
def test_every_layer_has_the_models_own_numbers(kind, dtype, gap):
    model, x = made(*kind, dtype)
    explanation, theirs = explain(model, x), seen(model, x)
    for layer in explanation.layers:
        ours = layer.trace.outputs - (layer.trace.inputs if layer.trace.residual else 0)
        assert_close(ours, theirs[layer.trace.name].double(), rtol=gap, atol=gap)
    assert explanation.gap < 1e-12
    assert explanation.rounding < gap


@pytest.mark.parametrize("kind", KINDS)
def test_the_saliency_is_what_autograd_gives_for_the_score_of_the_answer(kind):
    model, x = made(*kind, torch.float64)
    x.requires_grad_()
    scores = model.eval()(x)[0]
    scores.max().backward()
    explanation = explain(model, x)
    assert explanation.answer == scores.argmax()
    assert_close(explanation.saliency, x.grad[0])


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_unit_hears_adds_up_to_its_pre_activation(kind):
    model, x = made(*kind, torch.float64)
    for layer in explain(model, x).layers:
        with eval_mode(model):
            parts = model.get_submodule(layer.trace.name)
            zero = getattr(parts, "linear", parts).bias
            zero = parts.norm(zero[None])[0] if hasattr(parts, "norm") else zero
        for unit, wanted in enumerate(layer.trace.pre_activations[0]):
            assert_close(layer.hears(unit).sum() + zero[unit], wanted)
        assert layer.fires.tolist() == (layer.trace.pre_activations[0] > 0).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_last_hidden_units_count_adds_up_to_the_score(kind):
    model, x = made(*kind, torch.float64)
    explanation = explain(model, x)
    *_, last, logits = explanation.layers
    bias = model.logits.bias[explanation.answer]
    assert_close(last.counts.sum() + bias, logits.trace.outputs.max())
    assert_close(last.counts, logits.hears(explanation.answer))
    assert logits.strongest(9) == [explanation.answer]
    sizes = last.counts.abs()[last.strongest(3)]
    assert sizes.tolist() == sorted(last.counts.abs().tolist(), reverse=True)[:3]


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_units_are_saturated_as_the_probes_count(kind):
    model, x = made(*kind, torch.float64)
    theirs = seen(model, 9 * x)
    for layer in explain(model, 9 * x).layers[:-1]:
        name = layer.trace.name
        share = saturated(model.get_submodule(name).activation, theirs[name])
        assert layer.saturated.double().mean() == pytest.approx(share)


def test_the_2_3_2_2_network_has_the_textbooks_numbers():
    explanation = explain(model := textbook.network(), textbook.X)
    for layer in explanation.layers:
        for wanted, ours in (
            (textbook.PRE_ACTIVATIONS, layer.trace.pre_activations),
            (
                textbook.OUTPUTS | {"logits": textbook.PRE_ACTIVATIONS["logits"]},
                layer.trace.outputs,
            ),
        ):
            assert ours[0].tolist() == pytest.approx(wanted[layer.trace.name], abs=5e-9)
        theirs = seen(model, textbook.X)[layer.trace.name]
        assert_close(layer.trace.outputs, theirs, rtol=0, atol=1e-6)
    assert explanation.probs.tolist() == pytest.approx(textbook.PROBS["book"], abs=5e-9)
    assert explanation.gap <= 1e-15


def test_digits_have_the_shipped_networks_numbers(mnist):
    model, config = network.load("pretrained")
    exact = network.load("pretrained").model.double()
    for index in (*range(8), 8, 247, 9_999):
        x = config.data.transform(mnist[1].images[index][None])
        said, theirs = as_json(explain(model, x)), seen(exact, x.double())
        for layer in said["layers"]:
            wanted = theirs[layer["name"]][0].tolist()
            assert layer["outputs"] == pytest.approx(wanted, abs=1e-6)
        assert said["probs"] == pytest.approx(model(x).softmax(1)[0].tolist(), abs=5e-6)
        assert said["rounding"] < 2e-5


def test_the_model_is_left_as_it_was():
    model, x = made("relu", True, True)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    explain(model, x)
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_scores_that_are_not_finite_are_refused():
    model, x = made("relu", False, False)
    model.logits.bias.data[0] = torch.inf
    with pytest.raises(ValueError, match="its scores are not finite"):
        explain(model, x)


def test_units_through_which_nothing_comes_are_not_among_the_strongest():
    model, x = made("relu", False, False)
    model.hidden1.linear.bias.data.fill_(-99)
    assert explain(model, x).layers[0].strongest(3) == []
