"""What a training that learned nothing says, and that one that learned says nothing."""

import re

import pytest
import torch
from helpers import full

from torchbasics.command import cli
from torchbasics.evaluation import evaluate
from torchbasics.mnist.config import (
    Config,
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
    groups = {"schedule": CONSTANT} | groups
    config = Config(epochs=1000, max_steps=steps, **groups)
    training = setup(config, few)
    for _ in training_steps(training):
        pass
    test, transform = few.test, config.data.transform
    evaluation = evaluate(training.eval_model, test.images, test.labels, transform)
    return diagnose(training, evaluation)


def sgd(lr, **more):
    return OptimConfig(name="sgd", lr=lr, **more)


RELU, DEEP = ModelConfig(activation="relu"), (100,) * 12
SMALL = ModelConfig(hidden=DEEP, activation="relu", init="small")
FAILS = {
    "dead": (
        {"model": RELU, "optim": OptimConfig(name="adam", lr=3.0)},
        "of hidden1 (at the start 0 %) are dead, so get no gradient. Try --optim.lr",
    ),
    "saturated": (
        {"optim": OptimConfig(name="adam", lr=30.0)},
        "(at the start 0 %) are saturated, where slopes are next to 0. Try --optim.lr",
    ),
    "vanishing": (
        {"model": ModelConfig(hidden=DEEP, init="xavier")},
        "the gradient vanishes: at the start hidden1 gets 2e-07 of what hidden12 gets. "
        "Try --model.batch-norm, or without --model.hidden 100 100",
    ),
    "dying out": (
        {"model": SMALL, "optim": sgd(0.1)},
        "the signal dies out: at the start the activations of hidden12 differ by only",
    ),
    "too short": (
        {"optim": sgd(1e-8)},
        "the weights moved by 1e-05 %. Try --optim.lr 0.5, or without --optim.name",
    ),
    "no hidden layers": (
        {"model": ModelConfig(hidden=()), "optim": sgd(1e-9)},
        "the weights moved by",
    ),
    "dying out, then dead": ({"model": SMALL}, "the signal dies out"),
    "dead with batch norm": (
        {
            "model": ModelConfig(activation="relu", batch_norm=True),
            "optim": OptimConfig(name="adam", lr=1e4),
        },
        "are dead, so get no gradient. Try --optim.lr 0.005",
    ),
}


@pytest.mark.parametrize("name", full(*FAILS, first=6))
def test_each_way_to_learn_nothing_is_told_with_what_mends_it(few, name):
    groups, cause = FAILS[name]
    text = said(few, **groups)
    assert text.startswith("it learned next to nothing: ")
    assert cause in text
    assert "\n" not in text
    remedy = re.search(r"Try ([^,]+)", text)[1]
    config = Config(**{"schedule": CONSTANT} | groups)
    mended = cli.parse_options(config, remedy.split(), prog="", about="")
    kinds = {kind: getattr(mended, kind) for kind in ("model", "optim", "schedule")}
    assert said(few, steps=300, **kinds) == ""


@pytest.mark.parametrize(
    ("options", "named"),
    full(
        ({"optim": OptimConfig(weight_decay=50.0)}, "--optim.weight-decay 50.0"),
        ({"model": ModelConfig(dropout=0.99)}, "--model.dropout 0.99"),
        ({"optim": OptimConfig(max_norm=1e-3)}, "--optim.max-norm 0.001"),
        ({"optim": OptimConfig(ema=0.99999)}, "--optim.ema 0.99999"),
        ({"optim": sgd(0.01), "steps": 20, "batch_size": 1000}, "--batch-size 1000"),
    ),
)
def test_settings_that_are_no_defaults_are_named(few, options, named):
    text = said(few, **options)
    assert f"or without {named}" in text
    assert "--schedule.name constant" in text
    assert "--max-steps" not in text


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


@pytest.mark.parametrize(("size", "steps"), full((1000, 9), (100, 99), (10, 999)))
def test_of_a_few_images_nothing_is_said_however_many_steps(few, size, steps):
    assert said(few, steps=steps, batch_size=size, optim=sgd(1e-7)) == ""
    more = 10_000 // size
    assert "Try " in said(few, steps=more, batch_size=size, optim=sgd(1e-7))


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
    assert "the loss blew up at --optim.lr 0.02. Try --optim.lr 0.005, or" in text
