"""Mean-field theory: the integrals by other means, and its predictions measured."""

import math
from functools import partial
from itertools import product

import pytest
import torch
from helpers import full

from torchbasics import MLP, rng
from torchbasics.activations import ACTIVATIONS
from torchbasics.data import scale_pixels
from torchbasics.initialization import init_variance
from torchbasics.losses import cross_entropy_gradient
from torchbasics.mean_field import (
    critical_sigma_w,
    mean_squares,
    signal_propagation,
)
from torchbasics.trace import backward_trace, forward_trace

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
    for got, values in zip(mean_squares(activation, at), (y, slope), strict=True):
        wanted = torch.trapezoid(values.detach().square() * density, z)
        assert got.item() == pytest.approx(wanted.item(), rel=1e-6)


EXACT = {
    "identity": 1.0,
    "sigmoid": 10.149263710019,  # found by other means, the others as limits
    "tanh": 1.0,
    "scaled_tanh": 1 / (1.7159 * 2 / 3),
    "relu": 2**0.5,
    "leaky_relu": (2 / 1.0001) ** 0.5,
}


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS.keys() - {"gelu"}))
def test_the_critical_sigma_w_is_exact_where_it_is_known(activation):
    assert critical_sigma_w(activation) == pytest.approx(EXACT[activation], rel=1e-12)


def test_the_critical_sigma_w_of_tanh_is_1_to_the_last_digit():
    assert critical_sigma_w("tanh") == critical_sigma_w("identity") == 1


@pytest.mark.slow
def test_at_the_sigmoids_critical_point_q_stays_and_chi_is_1():
    """By an integral of its own, on 400,000 points."""
    z = torch.linspace(-12, 12, 400_000, dtype=torch.float64)
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    variance = critical_sigma_w("sigmoid") ** 2
    q = torch.ones(())
    for _ in range(300):
        y = torch.sigmoid(q.sqrt() * z)
        q = variance * torch.trapezoid(y.square() * density, z)
    slope = (y * (1 - y)).square()
    chi = variance * torch.trapezoid(slope * density, z)
    assert chi.item() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("name", ["softmax", "step", "swish", "math"])
def test_a_name_that_is_no_activation_has_no_critical_sigma_w(name):
    with pytest.raises(ValueError, match=f"activation is '{name}'; wanted 'identity'"):
        critical_sigma_w(name)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_deep_down_chi_is_below_1_under_the_critical_sigma_w_and_above_1_over_it(
    activation,
):
    def chi(sigma_w):
        q = torch.ones(1, dtype=torch.float64)
        for _ in range(200):
            q = sigma_w**2 * mean_squares(activation, q)[0]
        return sigma_w**2 * mean_squares(activation, q)[1].item()

    critical = critical_sigma_w(activation)
    assert chi(0.9 * critical) < 0.99
    assert chi(1.1 * critical) > 1.01


def measured(activation, init, x, labels, widths):
    """RMS of pre-activations and of gradients by them, mean over five networks."""
    forward, backward = [], []
    for seed in range(5):
        draw = rng.generator(seed, "weights")
        model = MLP(784, widths, 10, activation, init=init, generator=draw).double()
        layers = forward_trace(model, x)
        asked = cross_entropy_gradient(layers[-1].outputs, labels)
        back = backward_trace(model, x, asked)[:0:-1]
        for sizes, of in ((forward, layers[:-1]), (backward, back)):
            sizes.append([a.pre_activations.square().mean().sqrt() for a in of])
    relative = torch.tensor(backward).double()
    relative = (relative / relative[:, -1:]).log().mean(0).exp()
    return torch.tensor(forward).mean(0).double(), relative


def compared(activation, init, digits, widths):
    """Measured over predicted, less 1: of the factor a layer, and of single layers."""
    x, labels = scale_pixels(digits.images[:256]).double(), digits.labels[:256]
    forward, backward = measured(activation, init, x, labels, widths)
    variances = partial(init_variance, init, activation)
    predicted = signal_propagation(x, widths, activation, variances)
    layers = len(widths) - 1
    factor = (backward[0] / predicted.gradients[0]) ** (1 / layers) - 1
    wanted = predicted.gradients[:-1] / predicted.gradients[1:]
    steps = (backward[:-1] / backward[1:]) / wanted - 1
    wanted = predicted.pre_activations
    growth = (forward[1:] / forward[:-1]) / (wanted[1:] / wanted[:-1]) - 1
    first = forward[:1] / wanted[:1] - 1
    return factor.item(), torch.cat([steps, growth, first]).abs().max().item()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("init", "activation"), full(*product(INITS, ["sigmoid", "tanh", "relu"]))
)
def test_predictions_are_what_is_measured_on_real_digits(activation, init, mnist):
    factor, worst = compared(activation, init, mnist[0], [512] * 10)
    assert abs(factor) < 0.02
    assert worst < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_a_narrower_network_is_a_little_farther_from_theory(activation, mnist):
    factor, worst = compared(activation, "critical", mnist[0], [128, 200, 128, 128])
    assert abs(factor) < 0.05
    assert worst < 0.1


def test_gelu_has_no_critical_weights_and_that_is_said():
    with pytest.raises(ValueError, match="gelu has no critical"):
        critical_sigma_w("gelu")


@pytest.mark.parametrize("q", [2e3, 1e6, 1e12, 1e20, 1e36])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_means_of_large_sums_are_what_they_are_in_the_limit(q, dtype):
    """The density of sqrt(q) z near 0 is 1 / sqrt(2 pi q), whatever peak stands there.

    The integral of tanh'^2 is 4/3, of sigmoid'^2 1/6; E[relu^2] is q/2, E[relu'^2] 1/2.
    """
    at, density = torch.tensor(q, dtype=dtype), 1 / math.sqrt(2 * math.pi * q)
    wanted = {
        "tanh": (1 - 2 * density, 4 / 3 * density),
        "sigmoid": (0.5 - density, density / 6),
        "relu": (q / 2, 0.5),
    }
    for activation, means in wanted.items():
        got = [mean.item() for mean in mean_squares(activation, at)]
        assert got == pytest.approx(means, rel=2e-3 if q < 1e6 else 1e-4)


def test_a_signal_too_small_to_be_squared_is_predicted_still():
    """A ReLU layer without biases halves the mean square, beside its weights' scale.

    Here by sqrt(10 / 10_000 / 2), which 150 layers take to 1e-248, whose square is 0.
    """
    variances = partial(init_variance, "small", "relu")
    got = signal_propagation(torch.ones(2, 10), [10] * 150, "relu", variances)
    layers = torch.arange(150).double()
    forward = math.sqrt(1e-3) * math.sqrt(5e-4) ** layers
    torch.testing.assert_close(got.pre_activations, forward, rtol=1e-12, atol=0)
    backward = (math.sqrt(5e-4) ** layers).flip(0)
    torch.testing.assert_close(got.gradients, backward, rtol=1e-12, atol=0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_at_1000_one_rule_gives_way_to_the_other_without_a_step(activation):
    around = torch.tensor([1000, 1000 * (1 + 1e-12)], dtype=torch.float64)
    for below, above in zip(
        *(mean_squares(activation, q) for q in around), strict=True
    ):
        assert above.item() == pytest.approx(below.item(), rel=1e-5)


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "gelu"])
def test_the_means_of_whole_numbers_are_those_of_the_same_fractions(activation):
    q = torch.tensor([1, 40, 2000])
    got, wanted = mean_squares(activation, q), mean_squares(activation, q.float())
    torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("widths", [[], [0], [5, -1]])
def test_a_signal_needs_layers_of_units(widths):
    variances = partial(init_variance, "lecun", "tanh")
    with pytest.raises(ValueError, match=r"(layers|widths) is .*; wanted whole"):
        signal_propagation(torch.ones(2, 3), widths, "tanh", variances)
