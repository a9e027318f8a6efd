"""What a training that learned nothing says, and that one that learned says nothing."""

import pytest
import torch

from torchbasics.evaluation import evaluate
from torchbasics.mnist.config import (
    Config,
    DistortConfig,
    ModelConfig,
    OptimConfig,
    ScheduleConfig,
)
from torchbasics.mnist.training.diagnosis import diagnose
from torchbasics.mnist.training.loop import training_steps
from torchbasics.mnist.training.setup import setup

CONSTANT = ScheduleConfig(name="constant", warmup=0)

pytestmark = pytest.mark.slow


def said(few, *, steps=150, **groups):
    """What is said of a training of so many steps on 1,000 digits."""
    config = Config(epochs=1000, max_steps=steps, schedule=CONSTANT, **groups)
    training = setup(config, few)
    for _ in training_steps(training):
        pass
    test, transform = few.test, config.data.transform
    evaluation = evaluate(training.eval_model, test.images, test.labels, transform)
    return diagnose(training, evaluation)


def sgd(lr, **more):
    return OptimConfig(name="sgd", lr=lr, **more)


RELU, DEEP = ModelConfig(activation="relu"), (100,) * 10
FAILS = {
    "dead": ({"model": RELU, "optim": OptimConfig(name="adam", lr=3.0)}, "are dead"),
    "saturated": ({"optim": OptimConfig(name="adam", lr=30.0)}, "are saturated"),
    "vanishing": (
        {"model": ModelConfig(hidden=DEEP), "optim": sgd(0.1)},
        "the gradient vanishes: hidden1 gets",
    ),
    "dying out": (
        {
            "model": ModelConfig(hidden=(100,) * 5, activation="relu", init="small"),
            "optim": sgd(0.01),
        },
        "the signal dies out",
    ),
    "too short": ({"optim": sgd(1e-7)}, "the weights moved by"),
    "decayed": ({"optim": sgd(0.1, weight_decay=5.0)}, "left the weights"),
    "dropped": ({"model": ModelConfig(dropout=0.99)}, "with --model.dropout 0.99"),
    "noisy": (
        {"model": ModelConfig(input_noise=100.0)},
        "with --model.input-noise 100",
    ),
    "cut": ({"optim": OptimConfig(max_norm=1e-3)}, "--optim.max-norm 0.001 leaves"),
    "shifted": (
        {"distort": DistortConfig(elastic=28.0, shift=28.0), "optim": sgd(0.01)},
        "with --distort.shift 28",
    ),
}


@pytest.mark.parametrize("name", FAILS)
def test_each_way_to_learn_nothing_is_told_in_one_sentence(few, name):
    groups, cause = FAILS[name]
    text = said(few, **groups)
    assert cause.lower() in text.lower()
    assert text.startswith("it learned next to nothing: ")
    assert "Try " in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "groups",
    [
        {},
        {"optim": sgd(0.5)},
        {"model": RELU},
        {"model": ModelConfig(hidden=())},
        {"model": ModelConfig(activation="gelu", batch_norm=True, dropout=0.3)},
        {"optim": OptimConfig(ema=0.9, weight_decay=0.1)},
    ],
)
def test_of_a_training_that_learned_nothing_is_said(few, groups):
    assert said(few, **groups) == ""


def test_of_a_few_steps_nothing_is_said(few):
    assert said(few, steps=20, optim=sgd(1e-7)) == ""


def test_a_network_without_hidden_layers_is_diagnosed_too(few):
    text = said(few, model=ModelConfig(hidden=()), optim=sgd(1e-9))
    assert "the weights moved by" in text


def test_a_loss_that_blew_up_is_told_where_no_unit_is_stuck(few):
    config = Config(epochs=1000, max_steps=150, model=ModelConfig(hidden=()))
    training = setup(config, few)
    for _ in training_steps(training):
        pass
    with torch.no_grad():
        training.model.logits.weight.mul_(-1e4)
    images, labels = few.test
    evaluation = evaluate(training.model, images, labels, config.data.transform)
    text = diagnose(training, evaluation)
    assert f"loss {evaluation.loss:.2g}, " in text
    assert "the loss blew up. Try an --optim.lr far below 0.02" in text
