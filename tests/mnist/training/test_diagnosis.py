"""What a training that learned nothing says, and that one that learned says nothing."""

import re

import pytest
import torch
from helpers import full

from torchbasics.evaluation import evaluate
from torchbasics.mnist.config import (
    Config,
    DistortConfig,
    ModelConfig,
    OptimConfig,
    ScheduleConfig,
)
from torchbasics.mnist.training import diagnosis
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
FAILS = {
    "dead": (
        {"model": RELU, "optim": OptimConfig(name="adam", lr=3.0)},
        "of hidden1 (at the start 0 %) are dead, so get no gradient",
        "--optim.lr 0.01:",
    ),
    "dead with batch norm": (
        {
            "model": ModelConfig(activation="relu", batch_norm=True),
            "optim": OptimConfig(name="adam", lr=1e4),
        },
        "are dead",
        "--optim.lr 0.01:",
    ),
    "saturated": (
        {"optim": OptimConfig(name="adam", lr=30.0)},
        "are saturated",
        "--optim.lr 0.01:",
    ),
    "vanishing": (
        {"model": ModelConfig(hidden=DEEP), "optim": sgd(0.1)},
        "the gradient vanishes: at the start hidden1 gets",
        "--model.batch-norm:",
    ),
    "dying out": (
        {
            "model": ModelConfig(hidden=DEEP, activation="relu", init="small"),
            "optim": sgd(0.1),
        },
        "the signal dies out",
        "--model.init auto:",
    ),
    "dying out, then dead": (
        {"model": ModelConfig(hidden=DEEP, activation="relu", init="small")},
        "the signal dies out",
        "--model.init auto:",
    ),
    "too short": ({"optim": sgd(1e-8)}, "the weights moved by", "--optim.lr 1.0:"),
    "decayed": (
        {"optim": OptimConfig(weight_decay=50.0)},
        "left the weights",
        "--optim.weight-decay 0.0:",
    ),
    "two at once": (
        {"optim": sgd(0.1, weight_decay=5.0)},
        "--optim.weight-decay 5 left the weights",
        "--optim.weight-decay 0.0 --optim.lr 1.0:",
    ),
    "dropped": (
        {"model": ModelConfig(dropout=0.99)},
        "--model.dropout 0.99 leaves too little",
        "--model.dropout 0.0:",
    ),
    "noisy": (
        {"model": ModelConfig(input_noise=100.0)},
        "--model.input-noise 100",
        "--model.input-noise 0.0:",
    ),
    "smoothed": (
        {"model": RELU, "optim": sgd(0.5, label_smoothing=0.9999)},
        "--optim.label-smoothing 0.9999 leaves too little",
        "--optim.label-smoothing 0.0:",
    ),
    "cut": (
        {"optim": OptimConfig(max_norm=1e-3)},
        "--optim.max-norm 0.001 left the hidden units' weights",
        "--optim.max-norm 0.0:",
    ),
    "averaged": (
        {"optim": OptimConfig(ema=0.99999)},
        "averages over some 100,000 steps, and the weights by themselves read",
        "--optim.ema 0.0:",
    ),
    "shifted": (
        {"distort": DistortConfig(elastic=28.0, shift=28.0), "optim": sgd(0.01)},
        "--distort.shift 28.0 --distort.elastic 28.0 leaves too little",
        "--distort.shift 0.0 --distort.elastic 0.0",
    ),
    "over at once": (
        {
            "schedule": ScheduleConfig(name="exponential", warmup=0, final=1e-300),
            "optim": sgd(1.0),
        },
        "--schedule.name exponential leaves 0.7 % of --optim.lr on average",
        "--schedule.name linear:",
    ),
    "few steps": (
        {"batch_size": 1000, "steps": 20, "optim": sgd(0.01)},
        "batches of 1,000 images leave 20 steps",
        "--batch-size 100 --optim.lr 1.0:",
    ),
    "one unit a layer": (
        {"model": ModelConfig(hidden=(1, 1), activation="relu"), "optim": sgd(0.1)},
        "1 unit is all that a hidden layer has, too little to tell ten digits apart",
        "--model.hidden 100 100:",
    ),
    "no hidden layers": (
        {"model": ModelConfig(hidden=()), "optim": sgd(1e-9)},
        "the weights moved by",
        "--optim.lr 0.1:",
    ),
}


@pytest.mark.parametrize("name", full(*FAILS, first=5))
def test_each_way_to_learn_nothing_is_told_with_what_mends_it(few, name):
    groups, cause, remedy = FAILS[name]
    text = said(few, **groups)
    assert text.startswith("it learned next to nothing: ")
    assert cause in text
    assert f". Try {remedy}" in text
    assert " steps with it read " in text
    assert "\n" not in text


def test_what_mends_it_does(few):
    """What is said of the trial is what a training with these settings does."""
    text = said(few, optim=sgd(1e-8))
    steps, read = re.search(r"lr 1.0: (\d+) steps with it read (\d+) %", text).groups()
    config = Config(
        epochs=1000, max_steps=int(steps), schedule=CONSTANT, optim=sgd(1.0)
    )
    training = setup(config, few)
    for _ in training_steps(training):
        pass
    train, transform = few.train, config.data.transform
    result = evaluate(training.model, train.images, train.labels, transform)
    assert round(100 * result.accuracy) == int(read)


def test_what_nothing_tried_mends_is_told_with_what_was_tried(few, monkeypatch):
    monkeypatch.setattr(diagnosis, "LEARNED", 1.1)
    model = ModelConfig(batch_norm=True, activation="relu", dropout=0.5)
    text = said(few, model=model, optim=OptimConfig(name="adam", lr=1e4))
    assert (
        "are dead, so get no gradient. Try more than one of --optim.lr 0.01, " in text
    )
    assert text.endswith(", --model.dropout 0.0")
    assert "--model.batch-norm" not in text
    assert "--model.init" not in text


def test_what_nothing_mends_is_told_with_one_value_of_each_setting(few, monkeypatch):
    monkeypatch.setattr(diagnosis, "LEARNED", 1.1)
    text = said(few, model=ModelConfig(hidden=(1, 1)), optim=sgd(0.3))
    tried = re.findall(r"--([a-z._-]+)", text.partition("Try more than one of ")[2])
    assert "optim.lr" in tried
    assert "model.hidden" in tried
    assert len(tried) == len({*tried})


def test_a_change_to_what_is_set_already_or_cannot_be_is_no_change():
    config = Config(model=ModelConfig(batch_norm=True), optim=sgd(0.1, momentum=0.9))
    assert diagnosis.is_another(config, {"model.dropout": 0.1})
    assert diagnosis.is_another(config, {"batch_size": 2, "model.batch_norm": True})
    for change in ({"model.batch_norm": True}, {"batch_size": 1}, {"optim.lr": 0.1}):
        assert not diagnosis.is_another(config, change)


def test_a_trial_that_diverges_mends_nothing(few):
    training = setup(Config(model=RELU, optim=sgd(1e-8)), few)
    training.progress.step = 200
    assert diagnosis.trial(training, {"optim.lr": 1e9})[1] == 0


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
    assert "the loss blew up at --optim.lr 0.02. Try --optim.lr 0.01: " in text
