"""Training: each image once an epoch, the step it claims, the same run twice."""

from itertools import islice

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from torchbasics import MLP
from torchbasics.command.errors import TrainingError
from torchbasics.data import ImageDataset, scale_pixels
from torchbasics.mnist.config import Config, DataConfig, ModelConfig, OptimConfig
from torchbasics.mnist.training.loop import (
    batches,
    epoch_metrics,
    epoch_order,
    training_steps,
)
from torchbasics.mnist.training.optim import make_loss
from torchbasics.mnist.training.resume import state_dict
from torchbasics.mnist.training.schedule import learning_rate
from torchbasics.mnist.training.setup import setup
from torchbasics.mnist.training.step import training_step, with_autocast

CPU = torch.device("cpu")
DROPOUT = ModelConfig(hidden=(30,), activation="relu", batch_norm=True, dropout=0.2)


def train(config, splits):
    """Train to the end and return the weights and each step's loss."""
    training = setup(config, splits)
    losses = [progress.losses[-1].item() for progress in training_steps(training)]
    return training.model.state_dict(), losses


def test_a_step_of_sgd_is_minus_lr_times_the_gradient():
    model = MLP(784, [20], 10)
    images, labels = torch.rand(8, 784), torch.arange(8)
    weight = model.logits.weight.detach().clone()
    gradient = torch.autograd.grad(
        F.cross_entropy(model(images), labels), model.logits.weight
    )[0]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    logits = model(images).detach()
    loss, seen = training_step(model, optimizer, nn.CrossEntropyLoss(), images, labels)
    torch.testing.assert_close(model.logits.weight, weight - 0.5 * gradient)
    torch.testing.assert_close(seen, logits)
    assert loss.item() == pytest.approx(F.cross_entropy(logits, labels).item())


def test_gradients_of_one_step_do_not_leak_into_the_next():
    model = MLP(784, [20], 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-9)
    images, labels = torch.rand(8, 784), torch.arange(8)
    for _ in range(2):
        training_step(model, optimizer, nn.CrossEntropyLoss(), images, labels)
    twice = model.logits.weight.grad.clone()
    training_step(model, optimizer, nn.CrossEntropyLoss(), images, labels)
    torch.testing.assert_close(model.logits.weight.grad, twice)


def test_an_epoch_shows_each_image_once_with_its_label():
    images = torch.arange(230, dtype=torch.uint8).view(230, 1, 1)
    dataset = ImageDataset(images, torch.arange(230))
    order = epoch_order(seed=0, epoch=0, images=230)
    shown = list(batches(dataset, order, batch_size=50, transform=scale_pixels))
    assert [len(labels) for _, labels in shown] == [50] * 4  # the tail is dropped
    pixels = torch.cat([pixels for pixels, _ in shown])
    labels = torch.cat([labels for _, labels in shown])
    assert torch.equal(labels, order[:200])
    assert torch.equal((pixels.view(-1) * 255).round().long(), labels)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 4096, 5000])
def test_batches_do_not_depend_on_how_many_are_gathered_at_once(batch_size):
    images = torch.randint(256, (9000, 2, 2), dtype=torch.uint8)
    dataset = ImageDataset(images, torch.arange(9000))
    order = torch.randperm(9000)
    transform = DataConfig(scale="standard").transform
    shown = list(batches(dataset, order, batch_size, transform))
    assert len(shown) == 9000 // batch_size
    pixels, labels = shown[-1]
    assert torch.equal(pixels, scale_pixels(images[labels], "standard"))


def test_epochs_and_seeds_have_orders_of_their_own():
    keys = [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert len({tuple(epoch_order(*key, images=50).tolist()) for key in keys}) == 4


def test_each_epoch_of_a_training_has_an_order_of_its_own(few):
    training = setup(Config(epochs=2, batch_size=100), few)
    shown = [progress.labels[-1] for progress in training_steps(training)]
    first, second = torch.cat(shown[:10]), torch.cat(shown[10:])
    assert not torch.equal(first, second)
    assert torch.equal(first, few.train.labels[epoch_order(0, 0, 1000)])
    assert torch.equal(second, few.train.labels[epoch_order(0, 1, 1000)])


def test_each_step_has_the_scheduled_learning_rate(few):
    config = Config(epochs=2, batch_size=100)
    training = setup(config, few)
    for step, progress in enumerate(training_steps(training)):
        wanted = learning_rate(config.schedule, config.optim.lr, step, 20)
        assert progress.lr == wanted
        assert training.optimizer.param_groups[0]["lr"] == wanted


def test_each_step_draws_its_own_dropout(few):
    training = setup(Config(model=ModelConfig(hidden=(500,), dropout=0.5)), few)
    dropout, masks = training.model.hidden1.dropout, []
    dropout.register_forward_hook(lambda *args: masks.append(args[2] == 0))
    for _ in islice(training_steps(training), 2):
        pass
    assert not torch.equal(masks[0], masks[1])


@pytest.mark.parametrize("scale", ["unit", "standard"])
def test_training_and_evaluation_see_the_scale_that_was_asked_for(few, scale):
    training = setup(Config(data=DataConfig(scale=scale)), few)
    seen = []
    training.model.register_forward_pre_hook(lambda model, args: seen.append(args[0]))
    next(training_steps(training))
    epoch_metrics(training, seconds=1)
    trained, tested = seen
    order = epoch_order(0, 0, 1000)[:100]
    assert torch.equal(trained, scale_pixels(few.train.images[order], scale))
    assert torch.equal(tested, scale_pixels(few.test.images, scale))


def test_the_loss_is_cross_entropy_smoothed_as_asked():
    logits, labels = torch.randn(6, 10), torch.arange(6)
    for smoothing in (0.0, 0.1):
        loss = make_loss(OptimConfig(label_smoothing=smoothing))(logits, labels)
        wanted = F.cross_entropy(logits, labels, label_smoothing=smoothing)
        assert torch.equal(loss, wanted)


def test_a_training_ends_at_max_steps_within_an_epoch(few):
    config = Config(epochs=3, batch_size=100, max_steps=17)
    assert len(train(config, few)[1]) == 17


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": DROPOUT},
        {"precision": "bf16"},
        {"optim": OptimConfig(name="sgd", lr=0.1, momentum=0.9)},
    ],
)
def test_the_same_config_trains_the_same_weights(few, changes):
    config = Config(epochs=2, **changes)
    first, losses = train(config, few)
    torch.rand(7)  # the global random state is nobody's business
    second, again = train(config, few)
    assert losses == again
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_another_seed_trains_other_weights(few):
    first, _ = train(Config(epochs=1), few)
    other, _ = train(Config(epochs=1, seed=1), few)
    assert not torch.equal(first["logits.weight"], other["logits.weight"])


def test_it_learns(few):
    config = Config(epochs=8, optim=OptimConfig(lr=0.02))
    _, losses = train(config, few)
    assert losses[0] == pytest.approx(2.3026, abs=0.5)
    assert sum(losses[-10:]) / 10 < 0.5


def test_bf16_multiplies_in_bfloat16_and_returns_float32():
    model = MLP(784, [20], 10)
    images = torch.rand(4, 784)
    logits = with_autocast(model, "bf16", CPU)(images)
    assert logits.dtype == torch.float32
    assert not torch.equal(logits, model(images))
    torch.testing.assert_close(logits, model(images), atol=0.05, rtol=0.05)


def test_an_epochs_numbers_are_means_over_its_batches(few):
    training = setup(Config(epochs=1, batch_size=100), few)
    losses, shares = [], []
    for progress in training_steps(training):
        losses.append(progress.losses[-1].item())
        read = progress.logits[-1].argmax(1) == progress.labels[-1]
        shares.append(read.float().mean().item())
    assert progress.is_epoch_end()
    metrics = epoch_metrics(training, seconds=0.5)
    assert metrics["loss/train"] == pytest.approx(sum(losses) / 10)
    assert metrics["accuracy/train"] == pytest.approx(sum(shares) / 10)
    assert metrics["time/images_per_s"] == pytest.approx(2000)
    assert (metrics["epoch"], metrics["step"]) == (1, 10)


@pytest.mark.parametrize(
    ("name", "activation", "lr", "layer"),
    [
        ("sgd", "sigmoid", 1e38, "logits"),
        ("sgd", "relu", 1e20, "logits"),
        ("sgd", "relu", 1e30, "hidden2"),
        ("adamw", "relu", 1e15, "logits"),
        ("adamw", "relu", 1e30, "hidden2"),
        ("adamw", "relu", 1e38, "hidden1"),
        ("adamw", "sigmoid", 1e38, "hidden1"),
    ],
)
def test_a_step_that_is_not_finite_is_refused_and_explained(
    few, name, activation, lr, layer
):
    optim, model = OptimConfig(name=name, lr=lr), ModelConfig(activation=activation)
    named = rf"not finite, first in the activations of {layer}\. .*--optim\.lr"
    with pytest.raises(TrainingError, match=named):
        train(Config(optim=optim, model=model), few)


def test_weights_that_are_not_finite_are_refused_when_they_are_to_be_kept(few):
    training = setup(Config(), few)
    next(training_steps(training))
    with torch.no_grad():
        training.model.hidden2.linear.weight[3, 5] = torch.inf
    named = r"after step 1 model\.hidden2\.linear\.weight holds .*--optim\.lr"
    with pytest.raises(TrainingError, match=named):
        state_dict(training)


def test_a_gradient_that_overflows_is_named_where_no_activation_does(few):
    """Weights of 0 make all logits 0; on the way back, 1e20 meets 1e20."""
    training = setup(Config(model=ModelConfig(activation="identity")), few)
    with torch.no_grad():
        training.model.hidden1.linear.weight.zero_()
        training.model.hidden2.linear.weight.mul_(1e20)
        training.model.logits.weight.mul_(1e20)
    before = {k: v.clone() for k, v in training.model.state_dict().items()}
    named = r"step 0 .* not finite, first in the gradient of hidden1\. .*not taken"
    with pytest.raises(TrainingError, match=named):
        next(training_steps(training))
    for key, value in training.model.state_dict().items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize("layer", ["hidden1", "hidden2", "logits"])
def test_the_layer_where_nan_comes_in_is_named_and_the_step_not_taken(few, layer):
    training = setup(Config(), few)
    steps = training_steps(training)
    next(steps)
    module = getattr(training.model, layer)
    weight = getattr(module, "linear", module).weight
    before = training.model.logits.bias.clone()
    with torch.no_grad():
        weight[0, 0] = torch.nan
    named = rf"step 1 at learning rate .* in the activations of {layer}\."
    with pytest.raises(TrainingError, match=named):
        next(steps)
    assert torch.equal(training.model.logits.bias, before)


def test_a_gradient_that_is_not_finite_is_named(few):
    training = setup(Config(), few)
    training.model.hidden2.linear.bias.register_hook(lambda gradient: gradient / 0)
    with pytest.raises(TrainingError, match="first in a gradient"):
        next(training_steps(training))
