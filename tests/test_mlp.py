"""MLP: the sums it computes, the shapes it takes, the noise it draws."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F

from torchbasics import MLP, mlp
from torchbasics.mlp import Dropout, GaussianNoise, attach_generator
from torchbasics.rng import generator


def test_it_computes_weighted_sums_with_an_activation_between():
    model = MLP(4, [5, 3], 2, "tanh")
    x = torch.randn(7, 4)
    hidden = x
    for layer in (model.hidden1, model.hidden2):
        hidden = torch.tanh(hidden @ layer.linear.weight.T + layer.linear.bias)
    logits = hidden @ model.logits.weight.T + model.logits.bias
    torch.testing.assert_close(model(x), logits)


def test_layers_are_named_hidden1_hidden2_logits():
    names = [name for name, _ in MLP(4, [5, 3], 2).named_children()]
    assert names == ["hidden1", "hidden2", "logits"]


def test_without_hidden_layers_it_is_one_linear_map():
    model = MLP(3, [], 2)
    x = torch.randn(5, 3)
    torch.testing.assert_close(model(x), F.linear(x, model.logits.weight))


def test_the_first_loss_is_that_of_a_guess():
    model = MLP(784, [50, 100], 10)
    loss = F.cross_entropy(model(torch.rand(500, 784)), torch.arange(500) % 10)
    assert loss.item() == pytest.approx(math.log(10), abs=0.4)


def test_one_batch_can_be_learned_by_heart():
    random = torch.Generator().manual_seed(0)
    images = torch.rand(32, 784, generator=random)
    labels = torch.randint(10, (32,), generator=random)
    model = MLP(784, [50, 100], 10, "relu")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    assert torch.equal(model(images).argmax(1), labels)


def test_a_wrong_shape_is_named_with_the_one_wanted():
    with pytest.raises(ValueError, match=r"\(5, 28, 28\); wanted \(N, 784\)"):
        MLP(784, [50], 10)(torch.zeros(5, 28, 28))


def test_same_generator_same_weights():
    first, second, other = (
        MLP(9, [8], 7, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first.hidden1.linear.weight, second.hidden1.linear.weight)
    assert not torch.equal(first.hidden1.linear.weight, other.hidden1.linear.weight)


def test_making_a_network_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    MLP(784, [50, 100], 10, batch_norm=True, dropout=0.5)
    assert torch.equal(torch.get_rng_state(), before)


def test_batch_norm_stands_before_the_activation():
    model = MLP(4, [5], 2, batch_norm=True).train()
    sums = model.hidden1.norm(model.hidden1.linear(torch.randn(100, 4)))
    torch.testing.assert_close(sums.mean(0), torch.zeros(5), atol=1e-6, rtol=0)
    assert [name for name, _ in model.hidden1.named_children()][1] == "norm"


class TestDropout:
    def test_it_keeps_the_mean_and_zeroes_the_share(self):
        dropout = Dropout(0.3)
        dropped = dropout(torch.ones(200_000))
        assert dropped.mean().item() == pytest.approx(1, abs=0.01)
        assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)

    @pytest.mark.parametrize("p", [0.01, 0.2, 0.5, 0.9])
    def test_each_input_is_dropped_with_p_whatever_its_neighbours_are(self, p):
        count = 400_003
        zero = (Dropout(p)(torch.ones(count)) == 0).double() - p
        sd = (p * (1 - p) / count) ** 0.5
        assert abs(zero.mean()) < 5 * sd + 2**-16
        for lag in (1, 2, 3, 4, 8):
            assert abs((zero[:-lag] * zero[lag:]).mean()) < 5 * p * (1 - p) / count**0.5

    def test_a_share_that_is_nearly_one_drops_nearly_all(self):
        assert (Dropout(0.9999999)(torch.ones(10_000)) != 0).sum() < 10

    @pytest.mark.parametrize(
        "p", [0, 1e-7, 0.1, 0.2, 0.5, 0.75, 0.999, 0.99999, 1 - 1e-9]
    )
    def test_the_mean_over_all_draws_is_exactly_the_input(self, p, monkeypatch):
        every = torch.arange(-(2**15), 2**15).to(torch.int16)
        monkeypatch.setattr(mlp, "random_int16", lambda *_: every)
        dropped = Dropout(p)(torch.ones(2**16, dtype=torch.float64))
        assert dropped.mean().item() == pytest.approx(1, abs=1e-12)
        assert abs((dropped == 0).double().mean().item() - p) <= 2**-16

    @pytest.mark.parametrize("p", [-0.1, 1, 1.5, float("nan")])
    def test_a_share_that_is_none_is_refused(self, p):
        with pytest.raises(ValueError, match="wanted a share from 0 to below 1"):
            Dropout(p)

    def test_it_keeps_the_type_and_the_gradient_of_what_is_kept(self):
        x = torch.ones(1000, dtype=torch.bfloat16, requires_grad=True)
        dropped = Dropout(0.5)(x)
        assert dropped.dtype == torch.bfloat16
        dropped.sum().backward()
        assert torch.equal(x.grad, dropped)

    def test_it_does_nothing_in_evaluation(self):
        x = torch.randn(10)
        assert torch.equal(Dropout(0.5).eval()(x), x)

    def test_a_key_repeats_its_draw(self):
        model = MLP(20, [30], 2, dropout=0.5).train()
        noise = attach_generator(model)
        x = torch.randn(4, 20)
        first = model(x), noise.manual_seed(5)
        second, _ = model(x), noise.manual_seed(5)
        assert torch.equal(model(x), second)
        assert not torch.equal(first[0], second)

    def test_a_network_that_draws_nothing_gets_no_generator(self):
        assert attach_generator(MLP(20, [30], 2)) is None

    def test_the_draws_of_a_batch_do_not_depend_on_how_many_share_it(self):
        drawing = {"dropout": 0.5, "input_dropout": 0.2, "input_noise": 0.3}
        model, x = MLP(20, [30], 2, **drawing).train(), torch.randn(6, 20)
        logits = {}
        for count in (1, 2, 3):
            parts = []
            for index, inputs in enumerate(x.chunk(count)):
                attach_generator(model, (index, count)).manual_seed(5)
                parts.append(model(inputs))
            logits[count] = torch.cat(parts)
        torch.testing.assert_close(logits[2], logits[1])
        torch.testing.assert_close(logits[3], logits[1])

    def test_a_network_that_shares_a_generator_can_be_copied(self):
        model = MLP(20, [30], 2, dropout=0.5)
        attach_generator(model)
        copy.deepcopy(model)


def test_a_residual_layer_adds_its_inputs_where_they_are_as_many():
    model = MLP(4, [3, 3, 5], 2, "tanh", residual=True)
    x = torch.randn(6, 4)
    first = model.hidden1(x)
    torch.testing.assert_close(first, torch.tanh(model.hidden1.linear(x)))
    second = first + torch.tanh(model.hidden2.linear(first))
    torch.testing.assert_close(model.hidden2(first), second)
    third = torch.tanh(model.hidden3.linear(second))
    torch.testing.assert_close(model(x), model.logits(third))


def test_without_being_asked_no_layer_is_residual():
    model = MLP(4, [3, 3], 2, "tanh")
    first = torch.randn(5, 3)
    torch.testing.assert_close(
        model.hidden2(first), torch.tanh(model.hidden2.linear(first))
    )


def test_without_a_generator_the_weights_are_those_of_seed_0():
    ours, theirs = MLP(3, [2], 2), MLP(3, [2], 2, generator=generator(0, "weights"))
    assert torch.equal(ours.logits.weight, theirs.logits.weight)


def test_one_example_by_itself_may_be_asked():
    assert MLP(3, [2], 4)(torch.zeros(3)).shape == (4,)


def test_noise_on_the_inputs_is_as_large_as_asked_and_only_in_training():
    noise = GaussianNoise(0.3)
    noise.generator = generator(0, "noise")
    zeros = torch.zeros(100_000)
    drawn = noise(zeros)
    assert drawn.std().item() == pytest.approx(0.3, rel=0.02)
    assert abs(drawn.mean().item()) < 5 * 0.3 / math.sqrt(drawn.numel())
    assert torch.equal(noise.eval()(zeros), zeros)


def test_inputs_are_dropped_and_noised_before_the_first_layer_only():
    model = MLP(8, [5, 5], 2, input_dropout=0.2, input_noise=0.1)
    assert list(dict(model.hidden1.named_children())) == [
        "input_noise", "input_dropout", "linear", "activation",
    ]  # fmt: skip
    assert list(dict(model.hidden2.named_children())) == ["linear", "activation"]
    assert attach_generator(model) is model.hidden1.input_dropout.generator
    assert model.hidden1.input_dropout.part == (0, 1)  # all of the batch


@pytest.mark.parametrize("batch_norm", [False, True])
def test_each_layers_weights_and_bias_are_found_by_its_name(batch_norm):
    model = MLP(4, [5, 3], 2, batch_norm=batch_norm, dropout=0.5, residual=True)
    linears = model.linears()
    assert list(linears) == ["hidden1", "hidden2", "logits"]
    assert linears["hidden2"] is model.hidden2.linear
    assert linears["logits"] is model.logits


def test_whole_numbers_are_refused_by_name():
    with pytest.raises(TypeError, match=r"inputs is torch.int64; wanted torch.float32"):
        MLP(2, [3], 1)(torch.tensor([[0, 1]]))


def test_without_a_generator_nothing_ambient_is_drawn():
    outputs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model = MLP(50, [50, 50], 2, dropout=0.5, input_dropout=0.2, input_noise=0.3)
        before = torch.random.get_rng_state()
        outputs.append(model(torch.ones(4, 50)))
        assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(*outputs)


def test_layers_without_a_generator_draw_each_its_own():
    model = MLP(50, [50, 50], 2, dropout=0.5)
    zeros = []
    for layer in (model.hidden1, model.hidden2):
        layer.dropout.register_forward_hook(lambda *args: zeros.append(args[2] == 0))
    model(torch.rand(4, 50))
    assert not torch.equal(*zeros)


def test_each_layers_linear_is_found_by_its_name():
    model = MLP(4, [5, 3], 2, batch_norm=True)
    assert model.linears()["hidden2"] is model.hidden2.linear
    assert model.linears()["logits"] is model.logits


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: MLP(3, [4], 2, residual="False"), "residual is 'False'; wanted False"),
        (
            lambda: MLP(3, [4], 2, batch_norm="no"),
            "batch_norm is 'no'; wanted False",
        ),
        (lambda: MLP(3, [4], 2, input_noise=-0.1), "noise -0.1: wanted a standard dev"),
        (lambda: MLP(3, [4], 2, input_noise=math.nan), "noise nan: wanted a standard"),
        (lambda: MLP(3, [4], 2, dropout=-0.1), "dropout -0.1: wanted a share"),
        (lambda: MLP(3, [4], 2, input_dropout=1.0), "dropout 1.0: wanted a share"),
        (lambda: MLP(3, [], 2, input_noise=0.1), "input_noise: wanted a hidden layer"),
        (
            lambda: MLP(3, [], 2, input_dropout=0.1),
            "input_noise: wanted a hidden layer",
        ),
        (lambda: MLP(3, [0], 2), r"hidden is \[0\]; wanted whole numbers >= 1"),
        (lambda: MLP(3, [-1], 2), r"hidden is \[-1\]; wanted whole numbers >= 1"),
        (lambda: MLP(3, [2.0], 2), r"hidden is \[2.0\]; wanted whole numbers >= 1"),
        (lambda: MLP(3, "12", 2), r"hidden is '12'; wanted whole numbers >= 1"),
        (lambda: MLP(0, [4], 2), "in_features is 0; wanted whole numbers >= 1"),
        (lambda: MLP(3, [4], 2.0), "out_features is 2.0; wanted whole numbers >= 1"),
        (lambda: MLP(3, 4, 2), "hidden is a int; wanted a Sequence"),
        (lambda: MLP(3, [4], 2, generator=0), "generator is a int; wanted a Gen"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(call, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        call()
