"""A network layer by layer: equal to its own answer, to autograd, to the textbook."""

import math
from itertools import product
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from torchbasics import MLP
from torchbasics.activations import ACTIVATIONS, DERIVATIVES
from torchbasics.lessons.textbook import X, network
from torchbasics.losses import cross_entropy, cross_entropy_gradient
from torchbasics.rng import generator
from torchbasics.trace import (
    backward_trace,
    central_differences,
    derivative,
    forward_trace,
)


def test_the_textbooks_network_to_eight_digits():
    hidden1, hidden2, logits = forward_trace(network(), X)
    near = lambda *values: pytest.approx(values, abs=5e-9)  # noqa: E731
    assert hidden1.pre_activations[0].tolist() == near(0.3, 0.7, 1.1)
    assert hidden1.outputs[0].tolist() == near(0.57444252, 0.66818777, 0.75026011)
    assert hidden2.pre_activations[0].tolist() == near(0.51615984, 1.21402696)
    assert hidden2.outputs[0].tolist() == near(0.62624937, 0.77101070)
    assert logits.pre_activations[0].tolist() == near(0.31682708, 0.69627909)
    assert torch.equal(logits.outputs, logits.pre_activations)


@pytest.mark.parametrize(
    ("last", "probs"),
    [("book", [0.40625907, 0.59374093]), ("source", [0.37304446, 0.62695554])],
)
def test_its_softmax_with_the_books_weights_and_with_those_inferred(last, probs):
    logits = forward_trace(network(last), X)[-1].outputs
    assert logits.softmax(1)[0].tolist() == pytest.approx(probs, abs=5e-9)


@pytest.mark.slow
@settings(deadline=None)  # the first example pays for what torch loads
@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=5),
    st.sampled_from(sorted(ACTIVATIONS)),
    st.booleans(),
    st.sampled_from([0.0, 0.5]),
)
def test_the_last_output_is_the_networks_own(widths, activation, batch_norm, dropout):
    model = MLP(
        widths[0], widths[1:-1], widths[-1], activation,
        batch_norm=batch_norm, dropout=dropout,
    ).double()  # fmt: skip
    x = torch.randn(5, widths[0]).double()
    layers = forward_trace(model, x)
    assert model.training
    torch.testing.assert_close(layers[-1].outputs, model.eval()(x))
    assert [layer.name for layer in layers] == [
        name for name, _ in model.named_children()
    ]


def test_each_layers_parts_fit_together():
    model = MLP(4, [3, 5], 2, "relu")
    x = torch.randn(7, 4)
    for layer in forward_trace(model, x):
        assert torch.equal(layer.inputs, x)
        torch.testing.assert_close(x @ layer.weight + layer.bias, layer.pre_activations)
        x = layer.outputs
        if layer.name != "logits":
            assert torch.equal(layer.outputs, layer.pre_activations.relu())
        assert not layer.outputs.requires_grad


@pytest.mark.parametrize("shape", [(2,), (1, 3), (1, 1, 2)])
def test_a_wrong_shape_is_named_with_the_one_wanted(shape):
    with pytest.raises(ValueError, match=r"x has shape .*; wanted \(N, 2\)"):
        forward_trace(MLP(2, [3], 2), torch.zeros(shape))


def gradients_by_autograd(model, x, labels):
    loss = cross_entropy(model(x), labels)
    return dict(
        zip(
            (name for name, _ in model.named_parameters()),
            torch.autograd.grad(loss, list(model.parameters())),
            strict=True,
        )
    )


@pytest.mark.parametrize("seed", range(50))
def test_the_backward_trace_equals_autograd_on_random_networks(seed):
    random = Random(seed)
    widths = [random.randint(1, 7) for _ in range(random.randint(2, 6))]
    activation = random.choice(sorted(ACTIVATIONS))
    draw = torch.Generator().manual_seed(seed)
    model = MLP(widths[0], widths[1:-1], widths[-1], activation, generator=draw)
    model.double()
    x = torch.randn(random.randint(1, 5), widths[0], generator=draw).double()
    x.requires_grad_()
    labels = torch.randint(widths[-1], (len(x),), generator=draw)

    wanted = gradients_by_autograd(model, x, labels)
    (of_input,) = torch.autograd.grad(cross_entropy(model(x), labels), x)
    back = backward_trace(model, x.detach(), cross_entropy_gradient(model(x), labels))
    assert [layer.name for layer in back] == [n for n, _ in model.named_children()][
        ::-1
    ]
    for layer in back:
        prefix = layer.name if layer.name == "logits" else f"{layer.name}.linear"
        torch.testing.assert_close(layer.weight.T, wanted[f"{prefix}.weight"])
        torch.testing.assert_close(layer.bias, wanted[f"{prefix}.bias"])
    torch.testing.assert_close(back[-1].inputs, of_input)


def test_what_a_node_is_asked_is_autograds_gradient_of_it():
    model, labels = network(), torch.tensor([0])
    back = {layer.name: layer for layer in backward_trace(
        model, X, cross_entropy_gradient(model(X), labels)
    )}  # fmt: skip
    hidden1 = model.hidden1.linear(X)
    z1 = hidden1.sigmoid()
    hidden2 = model.hidden2.linear(z1)
    z2 = hidden2.sigmoid()
    loss = cross_entropy(model.logits(z2), labels)
    nodes = torch.autograd.grad(loss, [hidden1, z1, hidden2, z2])
    ours = [
        back["hidden1"].pre_activations, back["hidden1"].outputs,
        back["hidden2"].pre_activations, back["hidden2"].outputs,
    ]  # fmt: skip
    torch.testing.assert_close(ours, list(nodes))
    assert torch.equal(back["hidden2"].inputs, back["hidden1"].outputs)


def test_hand_measured_and_autograd_agree_for_each_parameter():
    model, labels = network(), torch.tensor([0])
    wanted = gradients_by_autograd(model, X, labels)
    for name, parameter in model.named_parameters():
        measured = central_differences(
            lambda: cross_entropy(model(X), labels), parameter.detach()
        )
        torch.testing.assert_close(measured, wanted[name], rtol=1e-8, atol=0)


def test_measuring_leaves_the_parameter_as_it_was():
    parameter = torch.tensor([0.1, 1 / 3, -7e5], dtype=torch.float64)
    before = parameter.clone()
    central_differences(lambda: parameter.square().sum(), parameter)
    assert torch.equal(parameter, before)


def test_the_step_of_the_differences_can_be_chosen():
    parameter = torch.tensor([1.0], dtype=torch.float64)
    slope = central_differences(lambda: parameter.sum() ** 3, parameter, h=0.5)
    assert slope.item() == pytest.approx(3 + 0.25)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_derivatives_are_those_of_the_activation(activation):
    model = MLP(3, [4], 2, activation).double()
    hidden, logits = forward_trace(model, torch.randn(6, 3).double())
    a = hidden.pre_activations.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(ACTIVATIONS[activation]()(a).sum(), a)
    torch.testing.assert_close(hidden.derivatives, wanted)
    assert torch.equal(logits.derivatives, torch.ones(6, 2).double())


def test_what_the_backward_trace_cannot_do_is_said():
    with pytest.raises(ValueError, match=r"logit_gradient has shape .*wanted \(1, 2\)"):
        backward_trace(MLP(2, [3], 2), torch.ones(1, 2), torch.ones(2))
    with pytest.raises(TypeError, match=r"parameter is torch.float32; wanted"):
        central_differences(lambda: torch.ones(()), torch.ones(2))


def test_a_trace_keeps_no_graph_whatever_it_is_given():
    model = MLP(2, [3], 2, batch_norm=True)
    x = torch.randn(4, 2, requires_grad=True)
    for layer in forward_trace(model, x):
        parts = [part for part in layer[2:] if isinstance(part, torch.Tensor)]
        assert len(parts) == 6
        assert not any(part.requires_grad for part in parts)
    plain = MLP(2, [3], 2)
    asked = torch.ones(4, 2, requires_grad=True)
    for layer in backward_trace(plain, x, asked)[1:]:
        assert not any(part.requires_grad for part in layer[1:])


def test_the_textbooks_step_of_1e_4_is_the_default_first_up_then_down():
    parameter = torch.tensor([1.0], dtype=torch.float64)
    tried = []
    central_differences(
        lambda: tried.append(parameter.item()) or parameter.sum(), parameter
    )
    assert tried == pytest.approx([1 + 1e-4, 1 - 1e-4], abs=1e-15)


def test_a_trace_leaves_each_modules_mode_even_where_it_fails():
    model = MLP(2, [3], 2, batch_norm=True)
    model.hidden1.norm.eval()
    modes = [module.training for module in model.modules()]
    forward_trace(model, torch.ones(4, 2))
    assert [module.training for module in model.modules()] == modes
    with pytest.raises(TypeError, match=r"x is torch.float64; wanted torch.float32"):
        forward_trace(model, torch.ones(4, 2).double())
    assert [module.training for module in model.modules()] == modes


def test_a_loss_that_fails_leaves_the_parameter_as_it_was():
    parameter = torch.tensor([1.0], dtype=torch.float64)
    with pytest.raises(ZeroDivisionError):
        central_differences(lambda: 1 / 0, parameter)
    assert parameter.item() == 1.0


def test_a_trace_names_what_is_no_network_or_no_tensor():
    with pytest.raises(TypeError, match="model is a Linear; wanted a MLP"):
        forward_trace(torch.nn.Linear(2, 2), torch.ones(1, 2))
    with pytest.raises(TypeError, match=r"x is a list; wanted a Tensor"):
        forward_trace(MLP(2, [3], 2), [[1.0, 2.0]])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_derivative_by_autograd_is_the_formulas(name):
    x = torch.linspace(-3, 3, 13).double().requires_grad_()
    slope = derivative(ACTIVATIONS[name](), x)
    torch.testing.assert_close(slope, DERIVATIVES[name](x.detach()))
    assert not slope.requires_grad
    assert x.grad is None


def test_what_has_no_gradient_at_all_has_the_derivative_0():
    x = torch.linspace(-3, 3, 6).view(2, 3)
    assert torch.equal(derivative(torch.sign, x), torch.zeros(2, 3))
    assert torch.equal(derivative(lambda x: (x > 0).float(), x), torch.zeros(2, 3))


KINDS = list(
    product(sorted(ACTIVATIONS), (False, True), (False, True), (0.0, 0.3), (0.0, 0.2))
)


def trained_a_little(activation, batch_norm, residual, dropout, noise):
    """A network of that kind whose running means are not those of its start."""
    model = MLP(
        5, [5, 4, 4], 3, activation, batch_norm=batch_norm, residual=residual,
        dropout=dropout, input_dropout=noise, input_noise=noise,
    ).double()  # fmt: skip
    for _ in range(3):
        model(torch.randn(8, 5, generator=generator(0, "warm")).double() * 2 + 1)
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("activation", "batch_norm", "residual", "dropout", "noise"), KINDS
)
def test_a_trace_is_the_network_whatever_an_mlp_can_be(
    activation, batch_norm, residual, dropout, noise
):
    model = trained_a_little(activation, batch_norm, residual, dropout, noise)
    x = torch.randn(6, 5, generator=generator(1, "x")).double()
    layers = forward_trace(model, x)
    model.eval()
    torch.testing.assert_close(layers[-1].outputs, model(x).detach())
    x.requires_grad_()
    asked = torch.randn(6, 3, generator=generator(2, "asked")).double()
    model(x).backward(asked)
    back = backward_trace(model, x, asked)
    torch.testing.assert_close(back[-1].inputs, x.grad)
    for gradients in back:
        linear = model.linears()[gradients.name]
        torch.testing.assert_close(gradients.weight, linear.weight.grad.T)
        torch.testing.assert_close(gradients.bias, linear.bias.grad)


ALTERED = {
    "no affine": lambda: torch.nn.BatchNorm1d(4, affine=False),
    "another eps": lambda: torch.nn.BatchNorm1d(4, eps=0.1),
}
UNKNOWN = [
    torch.nn.LeakyReLU(0.3), torch.nn.GELU("tanh"), torch.nn.SiLU(),
    torch.nn.ReLU(inplace=True), torch.nn.Dropout(),
]  # fmt: skip


@pytest.mark.parametrize("name", ALTERED)
def test_a_batch_norm_put_in_by_hand_is_traced_as_it_is(name):
    model = MLP(4, [4, 4], 3, "tanh", batch_norm=True)
    model.hidden2.norm = ALTERED[name]()
    model = model.double()
    x = torch.randn(8, 4, generator=generator(0, "x")).double().requires_grad_()
    model(3 * x + 1)
    layers = forward_trace(model, x)
    torch.testing.assert_close(layers[-1].outputs, model.eval()(x).detach())
    asked = torch.randn(8, 3, generator=generator(0, "asked")).double()
    (wanted,) = torch.autograd.grad(model(x), x, asked)
    torch.testing.assert_close(backward_trace(model, x, asked)[-1].inputs, wanted)


@pytest.mark.parametrize("part", UNKNOWN)
def test_an_activation_whose_slope_is_not_known_is_refused_by_name(part):
    model = MLP(4, [4, 4], 3, "tanh", batch_norm=True, dropout=0.1)
    model.hidden2.activation = part
    for trace in (forward_trace, lambda *asked: backward_trace(*asked, X)):
        kind = type(part).__name__
        with pytest.raises(ValueError, match=rf"^hidden2\.activation is .{kind}\("):
            trace(model, torch.zeros(2, 4))


def the_linear_last(model):
    linear = model.hidden1.linear
    del model.hidden1.linear
    model.hidden1.linear = linear


CHANGED = {
    "a foreign dropout": lambda model: setattr(model.hidden1, "dropout", nn.Softplus()),
    "a part more": lambda model: setattr(model.hidden1, "more", nn.Tanh()),
    "another order": the_linear_last,
    "a hook": lambda model: model.hidden1.linear.register_forward_hook(
        lambda *a: -a[2]
    ),
    "no bias": lambda model: setattr(model.hidden1, "linear", nn.Linear(4, 4, False)),
    "another layer": lambda model: setattr(model, "hidden1", nn.Sequential(nn.Tanh())),
    "a layer norm": lambda model: setattr(model.hidden1, "norm", nn.LayerNorm(4)),
    "no statistics": lambda model: setattr(
        model.hidden1, "norm", nn.BatchNorm1d(4, track_running_stats=False)
    ),
}


@pytest.mark.parametrize("change", CHANGED)
def test_a_network_changed_to_what_no_mlp_builds_is_refused_by_name(change):
    model = MLP(4, [4, 4], 3, "tanh", batch_norm=True, dropout=0.1)
    CHANGED[change](model)
    with pytest.raises((TypeError, ValueError), match=r"^hidden1.* wanted a? ?\w+"):
        forward_trace(model, torch.ones(2, 4))


def test_a_network_with_a_forward_of_its_own_is_refused():
    model = MLP(4, [4], 3)
    model.forward = lambda x: x
    with pytest.raises(ValueError, match=r"^model makes something else of its inputs"):
        forward_trace(model, torch.ones(2, 4))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_trace_is_its_network_bit_for_bit_whatever_is_rounded(dtype):
    model = MLP(100, [100] * 30, 3, "relu", batch_norm=True, residual=True).to(dtype)
    x = 1000 * torch.randn(9, 100, generator=generator(0, "x")).to(dtype)
    x[0, 0] = torch.nan
    traced, own = forward_trace(model, x)[-1].outputs, model.eval()(x)
    torch.testing.assert_close(traced, own, rtol=0, atol=0, equal_nan=True)


def test_a_function_of_something_else_has_the_derivative_0():
    weight = torch.ones(3, requires_grad=True)
    assert derivative(lambda x: weight[1:] * 2, torch.ones(2)).tolist() == [0, 0]
    assert weight.grad is None


@pytest.mark.parametrize("change", [lambda w: w.mT, lambda w: w[..., ::2], torch.clone])
def test_differences_are_measured_of_numbers_however_they_are_stored(change):
    parameter = change(torch.randn(4, 6, generator=generator(0, "w")).double())
    before = parameter.clone()
    slopes = central_differences(lambda: parameter.square().sum(), parameter)
    torch.testing.assert_close(slopes, 2 * before)
    assert torch.equal(parameter, before)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda x: x.softmax(-1), "result mixes the numbers of x; wanted each of one"),
        (lambda x: x + 0.01 * x.sum(), "result mixes the numbers of x; wanted each"),
        (lambda x: x - x.mean(), "result mixes the numbers of x; wanted each of one"),
        (lambda x: x.flip(0), "result mixes the numbers of x; wanted each of one"),
        (torch.sum, r"result has shape \(\); wanted \(3, 5\), like x"),
        (torch.Tensor.tolist, "result is a list; wanted a Tensor"),
    ],
)
def test_a_derivative_is_asked_where_each_result_is_of_one_number(function, sentence):
    x = torch.rand(3, 5, generator=generator(0, "x"))
    with pytest.raises((ValueError, TypeError), match=sentence):
        derivative(function, x)


def test_where_there_is_no_slope_the_derivative_is_nan():
    assert derivative(torch.sqrt, torch.tensor([-1.0, 4.0])).isnan().tolist() == [
        True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_no_derivative_of_an_activation_seems_mixed_however_extreme(name, dtype):
    x = torch.tensor([-1e4, -100, -17, -1e-7, 0, 1e-7, 5, 88, 1e4], dtype=dtype)
    slopes = derivative(ACTIVATIONS[name](), x)
    wanted = DERIVATIVES[name](x.double())
    torch.testing.assert_close(slopes.double(), wanted, rtol=2e-2, atol=2e-3)
    assert derivative(torch.sqrt, torch.zeros(2)).isinf().all()


@pytest.mark.parametrize(
    ("value", "h"), [(1e12, 1e-4), (1.0, 0.0), (1.0, -1e-4), (0.0, 0), (math.nan, 1e-4)]
)
def test_a_step_that_is_lost_beside_a_number_is_refused(value, h):
    w = torch.tensor([value], dtype=torch.float64)
    with pytest.raises(ValueError, match=f"h is {h} beside {value}; wanted more"):
        central_differences(lambda: w.square().sum(), w, h)
    large = torch.tensor([1e12], dtype=torch.float64)
    slope = central_differences(lambda: large.square().sum(), large, 1e6)
    assert slope.item() == pytest.approx(2e12, rel=1e-6)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (3, 1)])
def test_numbers_that_are_one_number_are_refused(shape):
    w = torch.ones(1, dtype=torch.float64).expand(shape)
    with pytest.raises(ValueError, match="parameter cannot be changed by itself"):
        central_differences(lambda: w.square().sum(), w)


def test_a_loss_may_be_a_view_of_the_parameter():
    w = torch.tensor([2.0, 3.0], dtype=torch.float64)
    assert central_differences(lambda: w[0], w).tolist() == pytest.approx([1, 0])
