"""A run that was stopped and resumed ends bit-equal to one that was not."""

import json
import signal
import time

import pytest
import torch
from safetensors.torch import save

from torchbasics import runs
from torchbasics.errors import UserError
from torchbasics.mnist import checkpoint, train
from torchbasics.mnist.__main__ import main
from torchbasics.mnist.checkpoint import Checkpoint, Keeper
from torchbasics.mnist.config import Config, Model, Optim
from torchbasics.mnist.state import capture, prepare, restore
from torchbasics.mnist.train import epoch_record, training_steps

NOISY = Model(hidden=(30,), activation="relu", batch_norm=True, dropout=0.3)
CONFIGS = {
    "sgd with momentum": Config(optim=Optim(name="sgd", lr=0.1, momentum=0.9)),
    "plain sgd": Config(optim=Optim(name="sgd", lr=0.1)),
    "adamw": Config(optim=Optim(weight_decay=0.1)),
    "adam, dropout, batch norm": Config(optim=Optim(name="adam"), model=NOISY),
    "bf16": Config(precision="bf16", model=NOISY),
    "an end within an epoch": Config(max_steps=27),
}


def run(config, few, tmp_path, stops=()):
    """Train, but forget everything after each of the stops except a checkpoint."""
    records, path = [], tmp_path / "state"
    for stop in [*stops, None]:
        training = prepare(config, few)
        if path.exists():
            restore(training, checkpoint.read(path))
        for progress in training_steps(training):
            if progress.ends_epoch():
                record = epoch_record(training, seconds=1)
                record.pop("time/images_per_s")
                records.append(record)
            if progress.step == stop:
                break
        checkpoint.write(path, capture(training))
    path.unlink()
    return training.model.state_dict(), records


@pytest.mark.parametrize("name", CONFIGS)
def test_resume_at_any_step_is_exact(few, tmp_path, name):
    config = CONFIGS[name].model_copy(update={"epochs": 3})  # of 10 steps each
    weights, records = run(config, few, tmp_path)
    first, middle, last, whole, twice = (11,), (15,), (19,), (10,), (13, 14)
    for stops in (first, middle, last, whole, twice, (1, 20, 26)):
        again, told = run(config, few, tmp_path, stops)
        assert told == records, stops
        for key, value in weights.items():
            assert torch.equal(again[key], value), (stops, key)


def test_a_checkpoint_keeps_the_optimizers_memory_by_name(few):
    training = prepare(CONFIGS["adamw"], few)
    next(training_steps(training))
    names = set(capture(training).tensors)
    assert "model.hidden1.linear.weight" in names
    assert "optimizer.hidden1.linear.weight.exp_avg" in names
    assert "optimizer.logits.bias.exp_avg_sq" in names


def test_a_checkpoint_holds_no_path_and_no_clock(few, tmp_path):
    training = prepare(Config(runs_dir="/my/secret/place", data_dir="/there"), few)
    next(training_steps(training))
    checkpoint.write(tmp_path / "state", capture(training))
    content = (tmp_path / "state").read_bytes()
    assert b"secret" not in content
    assert b"there" not in content


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tensors, facts: tensors.pop("model.logits.bias"),
        lambda tensors, facts: facts.pop("step"),
        lambda tensors, facts: facts.update(step="many"),
        lambda tensors, facts: tensors.update({"model.logits.bias": torch.ones(3)}),
    ],
)
def test_a_state_of_another_training_is_refused(few, spoil):
    training = prepare(Config(), few)
    next(training_steps(training))
    tensors, facts = capture(training)
    spoil(tensors, facts)
    with pytest.raises(UserError, match="does not fit the run"):
        restore(prepare(Config(), few), Checkpoint(tensors, facts))


class TestKeeper:
    def state(self, step):
        return Checkpoint({"model.x": torch.full((2,), float(step))}, {"step": step})

    def test_the_last_two_are_kept(self, tmp_path):
        keeper = Keeper(tmp_path)
        for step in (10, 20, 30, 40):
            keeper.save(self.state(step))
        assert [path.name for path in keeper.paths()] == [
            "step-00000030.safetensors",
            "step-00000040.safetensors",
        ]

    def test_the_best_is_kept_and_nan_is_never_best(self, tmp_path):
        keeper = Keeper(tmp_path)
        for step, accuracy in enumerate((0.7, 0.9, float("nan"), 0.8, 0.9)):
            keeper.save(self.state(step), accuracy)
        best = checkpoint.read(tmp_path / "checkpoints" / "best.safetensors")
        assert best.facts == {"step": 1, "accuracy/validation": 0.9}

    def test_what_a_kill_left_half_written_is_swept(self, tmp_path):
        keeper = Keeper(tmp_path)
        keeper.save(self.state(10))
        (tmp_path / "checkpoints" / ".step-00000020.safetensors.123").write_bytes(b"x")
        keeper.save(self.state(20))
        assert sorted((tmp_path / "checkpoints").iterdir()) == keeper.paths()

    def test_a_torn_newest_falls_back_to_the_one_before(self, tmp_path):
        told = []
        keeper = Keeper(tmp_path, warn=told.append)
        for step in (10, 20):
            keeper.save(self.state(step))
        content = keeper.path(20).read_bytes()
        keeper.path(20).write_bytes(content[: len(content) // 2])
        assert keeper.newest().facts["step"] == 10
        assert len(told) == 1
        assert "step-00000020.safetensors is torn" in told[0]

    def test_without_a_good_one_it_is_an_error(self, tmp_path):
        keeper = Keeper(tmp_path)
        keeper.save(self.state(10))
        keeper.path(10).write_bytes(b"")
        with pytest.raises(UserError, match="no checkpoint can be used"):
            keeper.newest()

    def test_a_disk_that_is_full_is_told_and_the_old_one_stays(
        self, tmp_path, monkeypatch
    ):
        told = []
        keeper = Keeper(tmp_path, warn=told.append)
        keeper.save(self.state(10))
        with monkeypatch.context() as full:
            full.setattr(checkpoint.os, "fsync", fail_with_enospc)
            keeper.save(self.state(20))
        assert "No space left" in keeper.failure
        assert len(told) == 1
        assert keeper.newest().facts["step"] == 10
        keeper.save(self.state(30))
        assert not keeper.failure


def fail_with_enospc(*args):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("every", "kept"), [(0, [90]), (1, [60, 90]), (2, [60, 90]), (9, [90])]
)
def test_checkpoints_come_as_often_as_asked_and_at_the_end(tmp_path, every, kept):
    argv = [*QUICK, "--checkpoint.every", str(every), "--runs-dir", str(tmp_path)]
    assert main(argv) == 0
    paths = Keeper(runs.find("latest", str(tmp_path))).paths()
    assert [int(path.stem.removeprefix("step-")) for path in paths] == kept


QUICK = ["--epochs", "3", "--batch-size", "2000", "--threads", "1", "--quiet"]


@pytest.fixture
def whole(tmp_path):
    """A finished run: its folder, as unbroken as can be."""
    assert main([*QUICK, "--runs-dir", str(tmp_path / "whole")]) == 0
    return runs.find("latest", str(tmp_path / "whole"))


class StopAfter:
    """Stands for a user who presses Ctrl+C, or a machine that sends SIGTERM."""

    def __init__(self, calls, number, monkeypatch):
        def step(*args):
            self.calls -= 1
            if self.calls == 0:
                signal.raise_signal(number)
            return original(*args)

        self.calls, original = calls, train.training_step
        monkeypatch.setattr(train, "training_step", step)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_a_signal_saves_tells_how_to_go_on_and_resume_ends_equal(
    whole, tmp_path, monkeypatch, capsys, number, status
):
    capsys.readouterr()
    where = ["--runs-dir", str(tmp_path / "broken")]
    loud = [word for word in QUICK if word != "--quiet"]
    with monkeypatch.context() as patch:
        StopAfter(40, number, patch)
        started = time.monotonic()
        assert main([*loud, *where]) == status
        assert time.monotonic() - started < 5
    said = capsys.readouterr().out
    assert f"stopped by {number.name} after step 40 of 90" in said
    assert f"python -m torchbasics.mnist --resume {tmp_path}" in said
    assert main(["--resume", "latest", *where]) == 0
    broken = runs.find("latest", str(tmp_path / "broken"))
    name = "checkpoints/step-00000090.safetensors"
    assert (broken / name).read_bytes() == (whole / name).read_bytes()
    assert metrics(broken) == metrics(whole)


def metrics(folder):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [
        {tag: value for tag, value in json.loads(line).items() if "time" not in tag}
        for line in lines
    ]


def test_a_finished_run_prints_its_result_again(whole, capsys):
    before = metrics(whole)
    capsys.readouterr()
    assert main(["--resume", str(whole)]) == 0
    assert capsys.readouterr().out.startswith("test accuracy ")
    assert metrics(whole) == before


def test_a_run_without_a_checkpoint_starts_again_from_step_0(whole, capsys):
    name = "step-00000090.safetensors"
    last = (whole / "checkpoints" / name).read_bytes()
    for path in (whole / "checkpoints").iterdir():
        path.unlink()
    assert main(["--resume", str(whole)]) == 0
    assert (whole / "checkpoints" / name).read_bytes() == last


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--seed", "1"], "seed = 1, but the run to go on with has 0"),
        (["--optim.lr", "0.5"], "optim.lr = 0.5, but the run to go on with has 0.02"),
        (["--config", "lesson"], "leave out --config"),
    ],
)
def test_what_was_learned_with_cannot_change(whole, capsys, argv, said):
    assert main(["--resume", str(whole), *argv]) == 2
    assert said in capsys.readouterr().err


def test_where_and_how_it_runs_may_change(whole):
    free = ["--threads", "2", "--monitor.no-tensorboard", "--checkpoint.every", "2"]
    assert main(["--resume", str(whole), *free]) == 0


def test_a_run_in_use_is_refused(whole, capsys):
    with runs.locked(whole):
        assert main(["--resume", str(whole)]) == 2
    assert "is in use by another process" in capsys.readouterr().err
    assert main(["--resume", str(whole)]) == 0


@pytest.mark.parametrize(
    ("run_name", "said"),
    [
        ("nowhere", "there is no run 'nowhere'"),
        (".", "is no run: it holds no manifest.json"),
        ("latest", "there is no run in 'runs' yet"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path, monkeypatch, capsys, run_name, said):
    monkeypatch.chdir(tmp_path)
    assert main(["--resume", run_name]) == 2
    assert said in capsys.readouterr().err


def test_torn_checkpoints_without_a_good_one_are_refused(whole, capsys):
    for path in (whole / "checkpoints").iterdir():
        path.write_bytes(save({"weight": torch.zeros(2)}))
    assert main(["--resume", str(whole)]) == 2
    assert "no checkpoint can be used" in capsys.readouterr().err
