"""Mean-field theory: the integrals by other means, and its predictions measured."""

import math
from functools import partial

import pytest
import torch

from torchbasics import MLP, mean_field, rng, trace
from torchbasics.activations import ACTIVATIONS
from torchbasics.data import scale_pixels
from torchbasics.initialization import spread
from torchbasics.losses import cross_entropy_gradient
from torchbasics.mean_field import backward_mean, critical_sigma_w, forward_mean

WIDTH, DEPTH = 512, 10
INITS = ["default", "xavier", "he", "lecun", "small", "critical"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("q", [0.01, 1.0, 40.0])
def test_both_means_are_the_integrals_by_the_trapezoid_rule(activation, q):
    z = torch.linspace(-12, 12, 400_000, dtype=torch.float64)  # 0 left out
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    x = (math.sqrt(q) * z).requires_grad_()
    y = ACTIVATIONS[activation]()(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    at = torch.tensor(q, dtype=torch.float64)
    for mean, values in ((forward_mean, y), (backward_mean, slope)):
        wanted = torch.trapezoid(values.detach().square() * density, z)
        assert mean(activation, at).item() == pytest.approx(wanted.item(), rel=1e-6)


@pytest.mark.parametrize(
    ("activation", "sigma_w"),
    [
        ("sigmoid", 10.15),
        ("tanh", 1),
        ("relu", 2**0.5),
        ("identity", 1),
        ("leaky_relu", (2 / 1.0001) ** 0.5),
    ],
)
def test_the_critical_sigma_w(activation, sigma_w):
    assert critical_sigma_w(activation) == pytest.approx(sigma_w, abs=0.005)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_deep_down_chi_is_below_1_under_the_critical_sigma_w_and_above_1_over_it(
    activation,
):
    def chi(sigma_w):
        q = torch.ones(1, dtype=torch.float64)
        for _ in range(200):
            q = sigma_w**2 * forward_mean(activation, q)
        return sigma_w**2 * backward_mean(activation, q).item()

    critical = critical_sigma_w(activation)
    assert chi(0.9 * critical) < 0.99
    assert chi(1.1 * critical) > 1.01


def measured(activation, init, x, labels):
    """RMS of sums and of gradients by them, mean over five networks."""
    sums, gradients = [], []
    for seed in range(5):
        draw = rng.generator(seed, "weights")
        model = MLP(784, [WIDTH] * DEPTH, 10, activation, init=init, generator=draw)
        model.double()
        layers = trace.forward(model, x)
        asked = cross_entropy_gradient(layers[-1].sums, labels)
        back = trace.backward(model, x, asked)[:0:-1]
        sums.append([layer.sums.square().mean().sqrt() for layer in layers[:-1]])
        gradients.append([layer.sums.square().mean().sqrt() for layer in back])
    relative = torch.tensor(gradients).double()
    relative = (relative / relative[:, -1:]).log().mean(0).exp()
    return torch.tensor(sums).mean(0).double(), relative


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_predictions_are_what_is_measured_on_real_digits(activation, mnist, capsys):
    train, _ = mnist
    x, labels = scale_pixels(train.images[:256]).double(), train.labels[:256]
    for init in INITS:
        sums, gradients = measured(activation, init, x, labels)
        predicted = mean_field.predict(
            x, [WIDTH] * DEPTH, activation, partial(spread, init, activation)
        )
        factor = (gradients[0] ** (1 / (DEPTH - 1))).item()
        theory = (predicted.gradients[0] ** (1 / (DEPTH - 1))).item()
        steps = gradients[:-1] / gradients[1:]
        wanted = predicted.gradients[:-1] / predicted.gradients[1:]
        worst = (steps / wanted - 1).abs().max().item()
        with capsys.disabled():
            print(
                f"\n{activation:8}{init:9} factor {factor:.4f}, predicted {theory:.4f} "
                f"({factor / theory - 1:+.2%}); worst layer {worst:.2%}",
                end="",
            )
        assert factor == pytest.approx(theory, rel=0.02)
        assert worst < 0.05
        assert sums[0].item() == pytest.approx(predicted.sums[0].item(), rel=0.05)
        growth, wanted = (rms[1:] / rms[:-1] for rms in (sums, predicted.sums))
        assert (growth / wanted - 1).abs().max() < 0.05


def test_gelu_has_no_critical_weights_and_that_is_said():
    with pytest.raises(ValueError, match="gelu has no critical"):
        mean_field.critical_sigma_w("gelu")
