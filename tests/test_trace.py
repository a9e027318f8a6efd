"""A forward pass layer by layer: equal to the network's own, and to the textbook's."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from torchbasics import MLP, trace
from torchbasics.activations import ACTIVATIONS
from torchbasics.lessons.forward import network

X = torch.tensor([[1.0, 0.5]]).double()


def test_the_textbooks_network_to_eight_digits():
    hidden1, hidden2, logits = trace.forward(network(), X)
    near = lambda *values: pytest.approx(values, abs=5e-9)  # noqa: E731
    assert hidden1.sums[0].tolist() == near(0.3, 0.7, 1.1)
    assert hidden1.outputs[0].tolist() == near(0.57444252, 0.66818777, 0.75026011)
    assert hidden2.sums[0].tolist() == near(0.51615984, 1.21402696)
    assert hidden2.outputs[0].tolist() == near(0.62624937, 0.77101070)
    assert logits.sums[0].tolist() == near(0.31682708, 0.69627909)
    assert torch.equal(logits.outputs, logits.sums)


@pytest.mark.parametrize(
    ("last", "probs"),
    [("book", [0.40625907, 0.59374093]), ("source", [0.37304446, 0.62695554])],
)
def test_its_softmax_with_the_books_weights_and_with_those_inferred(last, probs):
    logits = trace.forward(network(last), X)[-1].outputs
    assert logits.softmax(1)[0].tolist() == pytest.approx(probs, abs=5e-9)


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
    layers = trace.forward(model, x)
    assert model.training
    torch.testing.assert_close(layers[-1].outputs, model.eval()(x))
    assert [layer.name for layer in layers] == [
        name for name, _ in model.named_children()
    ]


def test_each_layers_parts_fit_together():
    model = MLP(4, [3, 5], 2, "relu")
    x = torch.randn(7, 4)
    for layer in trace.forward(model, x):
        assert torch.equal(layer.inputs, x)
        torch.testing.assert_close(x @ layer.weight + layer.bias, layer.sums)
        x = layer.outputs
        if layer.name != "logits":
            assert torch.equal(layer.outputs, layer.sums.relu())
        assert not layer.outputs.requires_grad


@pytest.mark.parametrize("shape", [(2,), (1, 3), (1, 1, 2)])
def test_a_wrong_shape_is_named_with_the_one_wanted(shape):
    with pytest.raises(ValueError, match=r"x has shape .*; wanted \(N, 2\)"):
        trace.forward(MLP(2, [3], 2), torch.zeros(shape))
