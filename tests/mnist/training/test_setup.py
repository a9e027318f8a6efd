"""Setup: what a training starts from, how long it goes on, and when it looks up."""

import pytest
import torch

from torchbasics.command.errors import TrainingError
from torchbasics.data import scale_pixels
from torchbasics.mnist.config import (
    CheckpointConfig,
    Config,
    DataConfig,
    MonitorConfig,
    OptimConfig,
)
from torchbasics.mnist.training import setup as module
from torchbasics.mnist.training.loop import training_steps
from torchbasics.mnist.training.progress import Progress
from torchbasics.mnist.training.setup import (
    bf16_hint,
    enough_memory,
    load_splits,
    setup,
)
from torchbasics.mnist.training.state import Plan, plan_steps

CPU = torch.device("cpu")


def test_validation_holds_out_the_last_training_images(mnist):
    splits = load_splits(Config(data=DataConfig(validation=10_000)), CPU)
    assert torch.equal(splits.train.labels, mnist[0].labels[:50_000])
    assert torch.equal(splits.validation.labels, mnist[0].labels[50_000:])
    assert torch.equal(splits.validation.images, mnist[0].images[50_000:])
    assert torch.equal(splits.test.labels, mnist[1].labels)
    assert load_splits(Config(), CPU).validation is None


@pytest.mark.parametrize(
    ("changes", "images", "plan"),
    [
        ({"epochs": 3, "max_steps": 17}, 1000, (10, 17)),
        ({"epochs": 3}, 1000, (10, 30)),
        ({"epochs": 3, "max_steps": 31}, 1000, (10, 30)),
        ({"epochs": 2}, 1099, (10, 20)),  # what is left over makes no batch
    ],
)
def test_the_plan_is_whole_batches_of_whole_epochs_up_to_max_steps(
    changes, images, plan
):
    assert plan_steps(Config(batch_size=100, **changes), images)[:2] == plan


def test_an_epoch_ends_with_its_last_step_or_that_of_the_run():
    plan = Plan(steps_per_epoch=10, total_steps=17)
    assert [step for step in range(1, 18) if plan.is_epoch_end(step)] == [10, 17]


def test_the_epoch_is_that_of_the_last_step_counted_from_1():
    steps = (1, 10, 11, 17)
    assert [Progress(Plan(10, 17), step=s).epoch for s in steps] == [1, 1, 2, 2]


def test_right_answers_are_those_counted_here_and_by_an_earlier_process():
    progress = Progress(Plan(10, 17), num_correct_before=5)
    assert progress.num_correct() == 5
    logits = torch.tensor([[0.0, 1.0], [2.0, 0.0], [0.0, 3.0]])
    progress.add_batch(torch.tensor(0.5), logits, torch.tensor([1, 0, 0]))
    progress.add_batch(torch.tensor(0.5), logits[:1], torch.tensor([1]))
    assert (progress.num_correct(), progress.step) == (5 + 2 + 1, 2)
    progress.start_epoch()
    assert progress.num_correct() == 0


def test_the_first_weights_depend_on_the_seed(few):
    weights = [setup(Config(seed=seed), few).model.logits.weight for seed in (0, 0, 1)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("every", "epochs"), [(0, [5]), (1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (9, [5])]
)
def test_it_is_scored_and_kept_as_often_as_asked_and_at_the_end(few, every, epochs):
    config = Config(
        epochs=5,
        batch_size=500,
        monitor=MonitorConfig(scores=max(every, 1)),
        checkpoint=CheckpointConfig(every=every),
    )
    training = setup(config, few)
    scored, kept = [], []
    for progress in training_steps(training):
        if progress.is_epoch_end():
            scored += [progress.epoch] * training.should_evaluate()
            kept += [progress.epoch] * training.should_save()
    assert kept == epochs
    assert scored == (epochs if every else [1, 2, 3, 4, 5])


def test_where_an_average_is_kept_it_is_what_is_scored(few):
    plain = setup(Config(), few)
    assert plain.eval_model is plain.model
    averaging = setup(Config(optim=OptimConfig(ema=0.9)), few)
    steps = training_steps(averaging)
    next(steps)
    next(steps)
    x = scale_pixels(few.test.images[:5])
    assert averaging.eval_model is averaging.averaged.module
    assert not torch.equal(averaging.eval_model(x), averaging.model(x))


@pytest.mark.parametrize(
    ("gain", "said"),
    [(2.6, ""), (0.5, "bf16 is 2.0 times as slow as fp32 on this CPU")],
)
def test_bf16_is_advised_against_where_it_is_slower(monkeypatch, gain, said):
    monkeypatch.setattr(module, "bf16_gain", lambda: gain)
    asked = Config(precision="bf16")
    assert said in bf16_hint(asked, CPU)
    assert bool(bf16_hint(asked, CPU)) == bool(said)
    assert bf16_hint(asked, torch.device("meta")) == ""
    assert bf16_hint(Config(), CPU) == ""


def test_what_the_cpus_memory_does_not_hold_is_told_and_nothing_else_is_taken_for_it():
    too_large = (
        "batch_size = 512 needs more memory than .*: try a smaller --batch-size$"
    )
    with (
        pytest.raises(TrainingError, match=too_large),
        enough_memory(Config(batch_size=512)),
    ):
        torch.empty(2**60)
    with pytest.raises(RuntimeError, match="shape"), enough_memory(Config()):
        torch.empty(2).view(3)
